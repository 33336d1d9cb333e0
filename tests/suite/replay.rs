//! Bundles and their replay: the same script gives the same results; what differs, and what is damaged, is said.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use zip::write::SimpleFileOptions;

fn spaceevo(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spaceevo")).current_dir(folder).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A folder with a script that keeps a study, measurements and a table, and bundles them.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("s")).unwrap();
    let script = r#"
        import "parts/score" as part;
        print("running");
        evolve(hyperspace("pocket"), #{ minimize: |space| part::score(space), evaluations: 30, seed: 5, name: "search" });
        let b = block("inverted_residual", #{ cin: 16, cout: 16, hw: 14 });
        measure(b, device("flops"));
        lab::save("read", read_table(ARGS[0]));
        lab::save("inside", read_table("inside.csv"));
        let measured = lab::list("measurements")["name"][0];
        lab::bundle("artifact.zip", ["search", measured, "read", "inside"]);
    "#;
    std::fs::write(folder.path().join("s/a.rhai"), script).unwrap();
    std::fs::create_dir(folder.path().join("s/parts")).unwrap();
    std::fs::write(folder.path().join("s/parts/score.rhai"), "fn score(space) { space.largest.mflops }").unwrap();
    std::fs::write(folder.path().join("data.csv"), "a\n1.5\n2.5\n").unwrap();
    std::fs::write(folder.path().join("inside.csv"), "a\n1\n").unwrap();
    let data = folder.path().join("data.csv");
    let out = spaceevo(folder.path(), &["s/a.rhai", data.to_str().unwrap()]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    folder
}

#[test]
fn the_session_s_seed_counts_again() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 20, name: "by chance" });
        lab::bundle("artifact.zip", ["by chance"]);"#;
    std::fs::write(folder.path().join("a.rhai"), script).unwrap();
    assert!(spaceevo(folder.path(), &["--seed", "77", "a.rhai"]).status.success());
    let out = spaceevo(folder.path(), &["replay", "artifact.zip"]);
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
}

#[test]
fn what_is_made_again_agrees() {
    let folder = folder();
    // Neither the script, nor what it imported, nor a data file beside it is needed any more.
    std::fs::remove_dir_all(folder.path().join("s")).unwrap();
    std::fs::remove_file(folder.path().join("inside.csv")).unwrap();
    let out = spaceevo(folder.path(), &["replay", "artifact.zip", "--keep", "kept"]);
    let (shown, aside) = (text(&out.stdout), text(&out.stderr));
    assert_eq!(out.status.code(), Some(0), "{shown}{aside}");
    assert_eq!(shown.matches("agrees").count(), 4, "{shown}");
    assert!(aside.contains("running") && !aside.contains("warning: the version"), "{aside}");
    assert!(folder.path().join("kept/bundle/manifest.json").is_file());
    assert!(folder.path().join("kept/script1/work/artifact.zip").is_file(), "the script wrote into its own folder");
    let again = spaceevo(folder.path(), &["replay", "artifact.zip", "--keep", "kept"]);
    assert!(text(&again.stderr).starts_with("error[replay::folder]"), "{}", text(&again.stderr));
}

#[test]
fn what_differs_is_shown_then_and_now() {
    let folder = folder();
    std::fs::write(folder.path().join("data.csv"), "a\n1.5\n3.5\n").unwrap();
    let out = spaceevo(folder.path(), &["replay", "artifact.zip"]);
    let (shown, aside) = (text(&out.stdout), text(&out.stderr));
    assert_eq!(out.status.code(), Some(1), "{shown}{aside}");
    assert_eq!((shown.matches("agrees").count(), shown.matches("differs").count()), (3, 1), "{shown}");
    assert!(shown.contains("2.5") && shown.contains("3.5"), "{shown}");
}

/// The parts of the bundle in `folder`, changed, as another zip; what the replay of that says.
fn said_of(folder: &Path, change: impl Fn(&str, Vec<u8>) -> Option<(String, Vec<u8>)>) -> String {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(folder.join("artifact.zip")).unwrap()).unwrap();
    let mut changed = zip::ZipWriter::new(std::fs::File::create(folder.join("changed.zip")).unwrap());
    for at in 0..zip.len() {
        let mut part = zip.by_index(at).unwrap();
        let name = part.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).unwrap();
        if let Some((name, bytes)) = change(&name, bytes) {
            changed.start_file(name, SimpleFileOptions::default()).unwrap();
            changed.write_all(&bytes).unwrap();
        }
    }
    changed.finish().unwrap();
    let out = spaceevo(folder, &["replay", "changed.zip"]);
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(1), ""));
    text(&out.stderr).to_owned()
}

#[test]
fn a_bundle_that_is_not_whole_is_refused() {
    let folder = folder();
    let said = said_of(folder.path(), |name, bytes| (name != "manifest.json").then(|| (name.to_owned(), bytes)));
    assert!(said.starts_with("error[lab::bundle_manifest]"), "{said}");
    let said = said_of(folder.path(), |name, bytes| {
        Some((name.to_owned(), if name.starts_with("scripts/") { b"print(1)".to_vec() } else { bytes }))
    });
    assert!(said.starts_with("error[lab::bundle_damaged]") && said.contains("not what the manifest says"), "{said}");
    let said = said_of(folder.path(), |name, bytes| (!name.starts_with("results/0")).then(|| (name.to_owned(), bytes)));
    assert!(said.starts_with("error[lab::bundle_damaged]") && said.contains("`results/0.json` is missing"), "{said}");
    let said = said_of(folder.path(), |name, bytes| {
        if name != "manifest.json" {
            return Some((name.to_owned(), bytes));
        }
        Some((name.to_owned(), text(&bytes).replacen("\"schema\": 1", "\"schema\": 99", 1).into_bytes()))
    });
    assert!(said.starts_with("error[lab::bundle_newer]"), "{said}");
    let whole = std::fs::read(folder.path().join("artifact.zip")).unwrap();
    std::fs::write(folder.path().join("cut.zip"), &whole[..whole.len() / 2]).unwrap();
    let out = spaceevo(folder.path(), &["replay", "cut.zip"]);
    assert!(text(&out.stderr).starts_with("error[lab::bundle_damaged]"), "{}", text(&out.stderr));
    let out = spaceevo(folder.path(), &["replay", "gone.zip"]);
    assert!(text(&out.stderr).starts_with("error[file::io]"), "{}", text(&out.stderr));
}

#[test]
fn a_part_that_would_leave_its_folder_is_refused() {
    let folder = folder();
    let path = folder.path().join("changed.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    zip.start_file("aa/evil", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"evil").unwrap();
    zip.finish().unwrap();
    // Its name stands in both of the zip's headers.
    let mut bytes = std::fs::read(&path).unwrap();
    for at in 0..bytes.len() - 7 {
        if &bytes[at..at + 7] == b"aa/evil" {
            bytes[at..at + 2].copy_from_slice(b"..");
        }
    }
    std::fs::write(&path, bytes).unwrap();
    let out = spaceevo(folder.path(), &["replay", "changed.zip"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).starts_with("error[lab::bundle_path]"), "{}", text(&out.stderr));
    assert!(!folder.path().join("evil").exists());
}

#[test]
fn inputs_of_a_prompt_are_replayed_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = b"let x = 2\nfn f(a) { a }\nfn f(a) { a + 1 }\nnope\nlab::save(\"t\", table(#{ a: [f(x)] }))\n\
                   lab::bundle(\"b.zip\", [\"t\"])\n";
    let mut child = Command::new(env!("CARGO_BIN_EXE_spaceevo"))
        .current_dir(folder.path())
        .arg("repl")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(inputs).unwrap();
    child.wait_with_output().unwrap();
    let out = spaceevo(folder.path(), &["replay", "b.zip"]);
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
    assert!(text(&out.stdout).contains("agrees"));
}

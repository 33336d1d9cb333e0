//! Checked examples: what `spaceevo check` accepts, refuses and says; and the lab's own documentation.

use std::path::{Path, PathBuf};

use spaceevo::runtime::catalogue::{Kind, reference};
use spaceevo::runtime::example::{Mode, Report, check};
use spaceevo::runtime::{HostSettings, Output, Session, Settings};

#[derive(Debug)]
struct Silent;

impl Output for Silent {
    fn print(&self, _: &str) {}
}

/// Checks one file of this name and text; findings without the folder.
fn check_text(name: &str, text: &str, mode: Mode) -> (Report, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    let report = check(std::slice::from_ref(&file), mode, &settings(folder.path())).unwrap();
    let shown: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let shown = shown.join("\n").replace(&file.display().to_string(), name);
    (report, shown)
}

fn settings(folder: &Path) -> Settings {
    Settings { host: HostSettings { lab: folder.join("lab"), ..HostSettings::default() }, ..Settings::default() }
}

#[test]
fn expectations_that_hold() {
    let text = "let x = 1 + 1;\nx //> 2\n[x, \"a\"]; //> [2, \"a\"]\n1.0 / 3.0 //> ~0.3333333\n\
                10.0 //> ~9.5 ±0.6\nnonsense(1) //> fails script::unknown_function\nprint(\"said\") //> said\n\
                \"a\\nb\" //> a\n//> b\nfn f(a) { a }\nf(3) //> 3\n";
    let (report, shown) = check_text("good.rhai", text, Mode::Run);
    assert_eq!((shown.as_str(), report.expectations), ("", 8));
}

#[test]
fn an_expectation_that_fails_shows_both_sides() {
    let (_, shown) = check_text("bad.md", "# Words\n\n```rhai\nlet x = 1;\nx + 1 //> 3\n```\n", Mode::Run);
    insta::assert_snapshot!(shown, @r"
    bad.md:5: wanted 3
         got 2
    ");
}

#[test]
fn a_line_without_expectation_must_run() {
    let (_, shown) =
        check_text("bad.rs", "/// Adds.\n/// ```rhai\n/// let y = 1;\n/// z;\n/// y //> 1\n/// ```\nfn f() {}\n", Mode::Run);
    insta::assert_snapshot!(shown, @r"
    bad.rs:5: wanted 1, but it failed
    error[script::unknown_variable]: there is no variable `z`
     --> bad.rs:4:5
    4 |     z;
      |     ^
      help: set it first: `let z = ...`
    ");
}

#[test]
fn a_block_that_expects_nothing_is_refused() {
    let (_, shown) = check_text("bad.rhai", "let x = 1;\n", Mode::Run);
    assert!(shown.starts_with("bad.rhai:1: nothing is expected here"), "{shown}");
}

#[test]
fn lint_reads_what_never_ran() {
    let text = "fn twice(x) { x * 2 }\nlet total = 1;\nlet f = |a| prnt(a + totl);\nlet g = |a| twice(a, 1);\n\
                let m = #{ run: |x| x }; m.run(1);\nfor i in 0..3 { print(i + total); }\nif total > 0 { [1].mapp(f) }\n\
                try { g.call(1) } catch (e) { print(e) }\nhelp(1, 2);\nfn outer() { total }\n";
    let (_, shown) = check_text("lint.rhai", text, Mode::Lint);
    insta::assert_snapshot!(shown, @"
    lint.rhai:3: there is no function `prnt`; did you mean `print`?
    lint.rhai:3: there is no variable `totl` here; did you mean `total`?
    lint.rhai:4: `twice` takes 1 arguments, not 2
    lint.rhai:7: there is no function `mapp`; did you mean `map`?
    lint.rhai:9: `help` takes 0 or 1 arguments, not 2
    lint.rhai:10: there is no variable `total` here
    ");
}

#[test]
fn examples_of_the_lab_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths: Vec<PathBuf> = ["src/primitive", "src/runtime/words.rs", "stdlib"]
        .iter()
        .map(|path| root.join(path))
        .filter(|path| path.exists())
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let report = check(&paths, Mode::Run, &settings(folder.path())).unwrap();
    let shown: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "\n{}", shown.join("\n"));
    assert!(report.expectations > 0);
}

/// Scripts that take minutes or need data are at least read.
#[test]
fn scripts_and_benches_name_only_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = ["scripts", "examples/quickstart.rhai", "examples/transformer.rhai", "tests/bench"].map(|path| root.join(path));
    let folder = tempfile::tempdir().unwrap();
    let report = check(&paths, Mode::Lint, &settings(folder.path())).unwrap();
    let shown: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "\n{}", shown.join("\n"));
}

/// It trains, so it is run by the program, which finds its trainer beside it.
#[test]
fn the_tour_of_the_language_holds() {
    let folder = tempfile::tempdir().unwrap();
    let mut spaceevo = std::process::Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    spaceevo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["check", "examples/tour.rhai", "--lab"]).arg(folder.path());
    let out = spaceevo.output().unwrap();
    assert!(out.status.success(), "\n{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
}

/// Functions that every type has: they need a summary but no example. Nor do properties, which the examples of the
/// functions that give their type show; overloads of one name share an example.
fn obvious(name: &str) -> bool {
    ["to_string", "to_debug", "to_html", "to_svg", "to_data_resource", "to_int", "to_float"].contains(&name)
}

#[test]
fn every_primitive_and_library_function_is_documented() {
    let session = Session::new(Settings::default(), std::sync::Arc::new(Silent)).unwrap();
    let catalogue = session.catalogue();
    let mut offenders = std::collections::BTreeSet::new();
    for entry in catalogue.own() {
        // Overloads share one documentation.
        let same = || catalogue.own().filter(|other| other.path == entry.path && other.kind == entry.kind);
        let summaries: Vec<&str> = same().map(|other| other.summary.as_str()).filter(|summary| !summary.is_empty()).collect();
        let mut blame = |what: &str| {
            offenders.insert(format!("{}: {what}", entry.signature()));
        };
        if summaries.is_empty() {
            blame("has no summary: write a `///` sentence");
            continue;
        }
        if !entry.summary.is_empty() && !entry.summary.ends_with('.') {
            blame("its summary must end with a full stop");
        }
        if entry.summary.chars().count() > 100 {
            blame("its summary is longer than 100 characters");
        }
        if entry.kind == Kind::Function && !obvious(&entry.name) && same().all(|other| other.example.is_none()) {
            blame("has no example: add a ```rhai block with `//> ...`");
        }
    }
    let list: Vec<_> = offenders.into_iter().collect();
    assert!(list.is_empty(), "\n{}", list.join("\n"));
}

#[test]
fn the_reference_says_what_the_documentation_says() {
    let session = Session::new(Settings::default(), std::sync::Arc::new(Silent)).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("stdlib/REFERENCE.md");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written == reference(&session.catalogue()), "stdlib/REFERENCE.md is out of date: run `spaceevo doc`");
}

#[test]
fn types_go_by_the_names_that_messages_use() {
    let session = Session::new(Settings::default(), std::sync::Arc::new(Silent)).unwrap();
    let catalogue = session.catalogue();
    for noun in ["Hyperspace", "SearchSpace", "Lut", "Study", "Device"] {
        assert!(!catalogue.members_of(noun).is_empty(), "{noun} has no members");
    }
    // Rust's own words for them are nobody's business.
    let rust = ["Hyper", "Lookup", "Stopwatch", "SpaceStudy"];
    let shown: Vec<String> = catalogue.own().map(spaceevo::runtime::catalogue::Entry::signature).collect();
    let leaked: Vec<&String> =
        shown.iter().filter(|text| text.split([' ', '(', ')', ',', '.', ':']).any(|word| rust.contains(&word))).collect();
    assert!(leaked.is_empty(), "{leaked:#?}");
}

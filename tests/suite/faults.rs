//! Bad input, as a person meets it: each script ends with one fault that says what, where and what to do, and with 1.

mod layers;
mod searches;

use std::process::{Command, Output};

/// Runs `script` as `script.rhai` in a folder of its own, with its lab at `lab` in it.
fn run(lab: &str, script: &str) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script.rhai"), format!("{script}\n")).unwrap();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    (spaceevo.current_dir(folder.path()).args(["run", "--lab", lab, "script.rhai"]).output().unwrap(), folder)
}

/// What a script that must fail tells on standard error.
fn report_in(lab: &str, script: &str) -> String {
    let (out, folder) = run(lab, script);
    let shown = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{shown}");
    assert!(out.stdout.is_empty(), "{}", String::from_utf8_lossy(&out.stdout));
    assert!(shown.starts_with("error[") && shown.matches("error[").count() == 1, "not one fault:\n{shown}");
    assert!(!shown.contains("panicked"), "{shown}");
    assert!(shown.contains("script.rhai:") && shown.contains("  help: "), "no place or no remedy:\n{shown}");
    shown.replace(&folder.path().display().to_string(), "[FOLDER]")
}

fn report(script: &str) -> String {
    report_in("lab", script)
}

/// What a script prints that catches its faults.
fn printed(script: &str) -> String {
    let (out, _folder) = run("lab", script);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn a_missing_script_is_told_without_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    let out = spaceevo.current_dir(folder.path()).args(["run", "gone.rhai"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).starts_with("error[script::missing]: no script `gone.rhai`"));
    assert!(!folder.path().join(".spaceevo").exists(), "a lab was made for nothing");
}

/// Permissions do not bind root: there is no such folder then.
#[test]
#[cfg(unix)]
fn a_read_only_lab_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(locked.join("probe"), "").is_ok() {
        println!("skipped: permissions do not bind this user");
        return;
    }
    let lab = locked.join("lab");
    let shown =
        report_in(&lab.display().to_string(), "print(measure(block(\"stem_conv\", #{ cin: 3, hw: 8 }), device(\"flops\")));");
    assert!(
        shown.starts_with("error[lab::not_writable]: cannot write the lab in `") && shown.contains("--lab FOLDER"),
        "{shown}"
    );
}

#[test]
fn a_misspelt_option_of_a_block() {
    let shown = report(
        r#"let width = 16;
print(block("inverted_residual", #{ cin: width, hw: 8, kernal: 5 }));"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[options::unknown]: unknown option `kernal` of block
     --> script.rhai:2:7
    2 | print(block("inverted_residual", #{ cin: width, hw: 8, kernal: 5 }));
      |       ^^^^^
      help: did you mean `kernel`?
    "#);
}

#[test]
fn a_misspelt_option_of_a_search() {
    let shown = report(
        r#"let hs = hyperspace("pocket");
let study = evolve(hs, #{
    minimize: |space| space.largest.mflops,
    evalutions: 20,
});"#,
    );
    insta::assert_snapshot!(shown, @"
    error[options::unknown]: unknown option `evalutions` of evolve
     --> script.rhai:2:13
    2 | let study = evolve(hs, #{
      |             ^^^^^^
      help: did you mean `evaluations`?
    ");
}

#[test]
fn an_option_of_the_wrong_type() {
    let shown = report(r#"let data = dataset("shapes", #{ train: "many" });"#);
    insta::assert_snapshot!(shown, @r#"
    error[options::type]: option `train` of dataset is `many` (a text)
     --> script.rhai:1:12
    1 | let data = dataset("shapes", #{ train: "many" });
      |            ^^^^^^^
      help: it takes an integer of at least 1
    "#);
}

#[test]
fn an_unknown_operator() {
    let shown = report(r#"print(block("inverted_residul", #{ cin: 16, hw: 8 }));"#);
    insta::assert_snapshot!(shown, @r#"
    error[operator::unknown]: there is no operator `inverted_residul`
     --> script.rhai:1:7
    1 | print(block("inverted_residul", #{ cin: 16, hw: 8 }));
      |       ^^^^^
      help: did you mean `inverted_residual`?
    "#);
}

#[test]
fn an_unknown_operator_of_a_hyperspace() {
    let shown = report(r#"let space = hyperspace("pocket").plain("resnet");"#);
    insta::assert_snapshot!(shown, @r#"
    error[space::unknown_operator]: hyperspace `pocket` has no operator `resnet`
     --> script.rhai:1:34
    1 | let space = hyperspace("pocket").plain("resnet");
      |                                  ^^^^^
      help: known are `inverted_residual`, `inverted_residual_se`, `resnet_bottleneck`, `fused_residual`
    "#);
}

#[test]
fn an_unknown_hyperspace() {
    let shown = report(r#"let hs = hyperspace("poket");"#);
    insta::assert_snapshot!(shown, @r#"
    error[hyperspace::unknown]: there is no hyperspace `poket`
     --> script.rhai:1:10
    1 | let hs = hyperspace("poket");
      |          ^^^^^^^^^^
      help: did you mean `pocket`?
    "#);
}

#[test]
fn an_unknown_device() {
    let shown = report(r#"let clock = device("orrt");"#);
    insta::assert_snapshot!(shown, @r#"
    error[device::unknown]: no device is called `orrt`
     --> script.rhai:1:13
    1 | let clock = device("orrt");
      |             ^^^^^^
      help: did you mean `ort`?
    "#);
}

#[test]
fn an_unknown_teacher() {
    let shown = report(r#"let wise = teacher("shapes_resnt");"#);
    insta::assert_snapshot!(shown, @r#"
    error[teacher::unknown]: there is no teacher `shapes_resnt`
     --> script.rhai:1:12
    1 | let wise = teacher("shapes_resnt");
      |            ^^^^^^^
      help: did you mean `shapes_resnet`?
    "#);
}

#[test]
fn a_missing_network_file() {
    let shown = report(r#"print(evaluate("gone.onnx", dataset("shapes", #{ test: 10 })));"#);
    insta::assert_snapshot!(shown, @r#"
    error[file::io]: cannot read `gone.onnx`: No such file or directory (os error 2)
     --> script.rhai:1:7
    1 | print(evaluate("gone.onnx", dataset("shapes", #{ test: 10 })));
      |       ^^^^^^^^
      help: check the path; relative paths start at the folder you are in
    "#);
}

#[test]
fn a_missing_table() {
    let shown = report(r#"let rows = read_table("gone.csv");"#);
    insta::assert_snapshot!(shown, @r#"
    error[file::io]: cannot read `gone.csv`: No such file or directory (os error 2)
     --> script.rhai:1:12
    1 | let rows = read_table("gone.csv");
      |            ^^^^^^^^^^
      help: check the path; relative paths start at the folder you are in
    "#);
}

#[test]
fn a_lab_where_no_folder_can_be() {
    let shown = report_in(
        "script.rhai/lab",
        r#"let ghost = block("inverted_residual", #{ cin: 16, hw: 8 });
print(measure(ghost, device("flops")));"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[lab::not_writable]: cannot write the lab in `script.rhai/lab`: Not a directory (os error 20)
     --> script.rhai:2:7
    2 | print(measure(ghost, device("flops")));
      |       ^^^^^^^
      help: choose a folder that you may write with --lab FOLDER
    "#);
}

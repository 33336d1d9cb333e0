//! The Jupyter kernel as real clients meet it: the public conformance suite and our own, in `tests/kernel/`, with Python.

use std::path::Path;
use std::process::Command;

/// Runs one file of tests.
#[track_caller]
fn passes(module: &str) {
    let Some(environment) = super::jupyter::environment() else { return };
    let done = Command::new(environment.join("bin/python"))
        .args(["-m", "unittest", "-v", module])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel"))
        .env("SPACEEVO", env!("CARGO_BIN_EXE_spaceevo"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{report}");
    let skipped: Vec<&str> = report.lines().filter(|line| line.contains("skipped")).collect();
    assert!(skipped.is_empty() && !report.contains("Ran 0 tests"), "tests were skipped:\n{report}");
}

#[test]
fn the_public_suite_passes_with_nothing_left_out() {
    passes("test_public");
}

#[test]
fn cells_give_what_they_should() {
    passes("test_cells");
}

#[test]
fn questions_are_answered_by_content() {
    passes("test_questions");
}

#[test]
fn troubles_around_a_kernel_are_survived() {
    passes("test_troubles");
}

#[test]
#[cfg(feature = "native")]
fn cells_in_rust_run_in_a_notebook() {
    passes("test_rust");
}

#[test]
fn the_prompt_and_the_kernel_answer_alike() {
    passes("test_same");
}

#[test]
fn the_kernel_is_installed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_spaceevo");
    let run = |words: &[&str]| {
        let done = Command::new(program).args(words).env("ORT_DYLIB_PATH", "some/lib.so").current_dir(folder.path()).output();
        let done = done.unwrap();
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned() + &*String::from_utf8_lossy(&done.stderr))
    };
    let (code, said) = run(&["--seed", "3", "kernel", "install", "--prefix", "here", "--name", "mine"]);
    assert_eq!(code, Some(0), "{said}");
    let at = folder.path().join("here/share/jupyter/kernels/mine");
    let spec: serde_json::Value = serde_json::from_slice(&std::fs::read(at.join("kernel.json")).unwrap()).unwrap();
    assert_eq!(spec["argv"], serde_json::json!([program, "--seed", "3", "kernel", "--connection-file", "{connection_file}"]));
    assert_eq!(spec["env"]["ORT_DYLIB_PATH"], folder.path().canonicalize().unwrap().join("some/lib.so").to_str().unwrap());
    for logo in ["logo-32x32.png", "logo-64x64.png", "logo-svg.svg"] {
        assert!(at.join(logo).is_file(), "{logo}");
    }
    let colours = folder.path().join("here/share/jupyter/labextensions/spaceevo-rhai/static/remoteEntry.js");
    assert!(colours.is_file());
    assert_eq!(run(&["kernel", "uninstall", "--prefix", "here", "--name", "mine"]).0, Some(0));
    assert!(!at.exists() && !colours.exists());
    let (code, said) = run(&["kernel", "uninstall", "--prefix", "here", "--name", "mine"]);
    assert!(code == Some(1) && said.contains("kernel::not_installed"), "{code:?} {said}");
    let (code, said) = run(&["kernel"]);
    assert!(code == Some(2) && said.contains("kernel install"), "{code:?} {said}");
    let (code, said) = run(&["kernel", "--connection-file", "none.json"]);
    assert!(code == Some(1) && said.contains("file::io"), "{code:?} {said}");
}

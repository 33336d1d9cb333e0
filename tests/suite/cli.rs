//! The binary as a person starts it: values, faults, exit codes, missing files, the prompt behind a pipe.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn spaceevo(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spaceevo")).current_dir(folder).args(args).output().unwrap()
}

/// The same with `input` behind a pipe.
fn piped(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_spaceevo"))
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn code_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = spaceevo(folder.path(), &["-e", "[1 + 1, \"a\"]"]);
    assert!(out.status.success());
    assert_eq!(text(&out.stdout), "[2, \"a\"]\n");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "a sum leaves nothing in the folder");
}

#[test]
fn a_script_sees_its_arguments_and_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("s")).unwrap();
    std::fs::write(folder.path().join("s/a.rhai"), "import \"b\" as b;\nprint(b::twice(ARGS[0]) + ARGS.len());").unwrap();
    std::fs::write(folder.path().join("s/b.rhai"), "fn twice(text) { text + text }").unwrap();
    let out = spaceevo(folder.path(), &["s/a.rhai", "x", "--flag"]);
    assert_eq!((text(&out.stdout), text(&out.stderr)), ("xx2\n", ""));
    let out = spaceevo(folder.path(), &["run", "s/a.rhai", "y"]);
    assert_eq!(text(&out.stdout), "yy1\n");
}

#[test]
fn a_fault_shows_line_calls_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let script = "fn inner(x) {\n    prnt(x)\n}\nfn outer(x) {\n    inner(x * 2)\n}\n[1, 2].map(|x| outer(x));\n";
    std::fs::write(folder.path().join("a.rhai"), script).unwrap();
    let out = spaceevo(folder.path(), &["a.rhai"]);
    assert_eq!(out.status.code(), Some(1));
    insta::assert_snapshot!(text(&out.stderr), @"
    error[script::unknown_function]: there is no function `prnt`
     --> a.rhai:2:5
    2 |     prnt(x)
      |     ^^^^
      in `inner`, called at a.rhai:5:5
      in `outer`, called at a.rhai:7:16
      in a closure, called at a.rhai:7:8
      in `map`, called at a.rhai:7:8
      help: did you mean `print`?
    ");
}

#[test]
fn faults_in_the_users_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut shown = String::new();
    for code in [
        "let m = #{alpha: 1}; m.alhpa",
        "[1].foo",
        "let x = (1",
        "\"a\" - 1",
        "parse_int(3, 4, 5)",
        "import \"nope\" as n;",
        "let a = [1]; a[4]",
        "let x = 1; fn f() { x } f()",
        "let f = |x| x; f.call()",
        "throw #{ code: \"my::code\", message: \"no\", help: \"do\" }",
        "fn f(x) { f(x) } f(1)",
        "let shared = 1",
    ] {
        let out = spaceevo(folder.path(), &["-e", code]);
        assert_eq!(out.status.code(), Some(1), "{code}");
        let report = text(&out.stderr);
        assert!(report.contains(" --> -e:1:"), "{report}");
        shown += report.lines().next().unwrap();
        shown += "\n";
        for help in report.lines().filter(|line| line.starts_with("  help:")) {
            shown += help;
            shown += "\n";
        }
    }
    insta::assert_snapshot!(shown, @r#"
    error[script::unknown_property]: this map has no key `alhpa`
      help: did you mean `alpha`?
    error[script::unknown_property]: a value of type array has no property `foo`
      help: known are `is_empty`, `len`
    error[script::syntax]: expected `)` for a matching ( in this expression
    error[script::wrong_arguments]: `-` is not defined between text and int
    error[script::wrong_arguments]: `parse_int` does not take (int, int, int)
      help: it is called as parse_int(string: text) -> int
    error[script::unknown_module]: there is no script or imported module `nope`
      help: `import "folder/name" as x` looks in the script library, then beside the importing script
    error[script::index]: there is no item 4: the array has 1
      help: the first item is 0, the last one is -1
    error[script::unknown_variable]: there is no variable `x`
      help: functions do not see variables outside them: pass it as an argument, or use a closure `|x| ...`
    error[script::wrong_arguments]: this closure does not take ()
      help: give it one parameter for each value it is called with
    error[my::code]: no
      help: do
    error[script::too_deep]: functions call each other too deeply
      help: does a recursion lack its end?
    error[script::syntax]: `shared` is a reserved word
      help: use another name; as a key of a map, put it in quotes: #{ "shared": ... }
    "#);
}

#[test]
fn a_missing_script_is_one_clear_fault() {
    let folder = tempfile::tempdir().unwrap();
    let out = spaceevo(folder.path(), &["gone.rhai"]);
    assert_eq!(out.status.code(), Some(2));
    insta::assert_snapshot!(text(&out.stderr), @"
    error[script::missing]: no script `gone.rhai`
      help: check the path; `spaceevo --help` tells the commands
    ");
    let out = spaceevo(folder.path(), &["-e", "1", "--stdlib", "gone"]);
    assert!(text(&out.stderr).starts_with("error[script::no_library]: there is no folder `gone`"));
}

#[test]
fn the_reference_is_written_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let stale = spaceevo(folder.path(), &["doc", "--out", "d", "--check"]);
    assert_eq!(stale.status.code(), Some(1));
    assert!(text(&stale.stderr).starts_with("error[doc::stale]"), "{}", text(&stale.stderr));
    assert!(spaceevo(folder.path(), &["doc", "--out", "d"]).status.success());
    assert!(spaceevo(folder.path(), &["doc", "--out", "d", "--check"]).status.success());
    std::fs::write(folder.path().join("d/spaceevo.d.rhai"), "old").unwrap();
    let stale = spaceevo(folder.path(), &["doc", "--out", "d", "--check"]);
    assert!(text(&stale.stderr).contains("`d/spaceevo.d.rhai` is not what"), "{}", text(&stale.stderr));
}

#[test]
fn the_generated_files_of_the_library_are_up_to_date() {
    let out = spaceevo(Path::new(env!("CARGO_MANIFEST_DIR")), &["doc", "--check"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
}

#[test]
fn help_on_a_name_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = spaceevo(folder.path(), &["doc", "options"]);
    assert!(text(&out.stdout).starts_with("options(defaults: map, given: any) -> map\n"), "{}", text(&out.stdout));
    let out = spaceevo(folder.path(), &["doc", "optoins"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("did you mean `options`?"), "{}", text(&out.stderr));
}

#[test]
fn a_check_that_fails_says_where_and_ends_with_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.md"), "```rhai\n1 + 1 //> 3\n```\n").unwrap();
    let out = spaceevo(folder.path(), &["check", "."]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(text(&out.stdout), "./a.md:2: wanted 3\n     got 2\n1 blocks in 1 files, 1 expectations: 1 wrong\n");
}

#[test]
fn an_interrupt_signal_ends_a_loop_with_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let script = "print(\"ready\"); loop {}";
    let mut child = Command::new(env!("CARGO_BIN_EXE_spaceevo"))
        .current_dir(folder.path())
        .args(["-e", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "ready\n");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(130));
    assert!(text(&out.stderr).contains("error[session::interrupted]"), "{}", text(&out.stderr));
}

#[test]
fn the_prompt_reads_from_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = "let x = [1,\n  2];\nx.len()\nnope\n\"a\"\n?help\nexit\n99\n";
    let out = piped(folder.path(), &["repl"], inputs);
    let shown = text(&out.stdout);
    assert!(shown.starts_with("2\n\"a\"\n"), "{shown}");
    assert!(shown.contains("Lists what the lab can do") && !shown.contains("99"), "{shown}");
    assert!(text(&out.stderr).contains("there is no variable `nope`"));
}

#[test]
fn a_script_takes_answers_from_a_pipe_and_fails_when_none_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let out = piped(folder.path(), &["-e", "input(\"First? \") + input(\"Second? \")"], "1\r\n2");
    assert_eq!((text(&out.stdout), text(&out.stderr)), ("12\n", "First? Second? "));
    let out = piped(folder.path(), &["-e", "input() + input()"], "1\n");
    assert!(text(&out.stderr).contains("error[input::nobody]"), "{}", text(&out.stderr));
    // Behind a pipe that brings the inputs themselves, the next line is the answer.
    let out = piped(folder.path(), &["repl"], "let x = input();\nfirst\nx\n");
    assert_eq!(text(&out.stdout), "\"first\"\n");
}

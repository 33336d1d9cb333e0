//! The script runner: arguments by name, pipes, shebang, JSON, seeds, watching, exit codes, completions.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    command.current_dir(folder).args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Exit code, standard output, standard error.
fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    told(&program(folder, args).output().unwrap())
}

fn run_with_input(folder: &Path, args: &[&str], input: &str) -> (i32, String, String) {
    let mut child = program(folder, args).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    told(&child.wait_with_output().unwrap())
}

fn told(out: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (out.status.code().unwrap(), text(&out.stdout), text(&out.stderr))
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

fn done(output: &str) -> (i32, String, String) {
    (0, output.into(), String::new())
}

#[test]
fn arguments_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("a.rhai"), "let given = options(#{ limit: 10, name: \"y\", rest: [] }, args);\nprint(given);")
        .unwrap();
    assert_eq!(run(at, &["a.rhai"]), done("#{\"limit\": 10, \"name\": \"y\", \"rest\": []}\n"));
    let out = run(at, &["run", "a.rhai", "b.csv", "--limit", "3", "--name=x"]);
    assert_eq!(out, done("#{\"limit\": 3, \"name\": \"x\", \"rest\": [\"b.csv\"]}\n"));
    let (code, _, report) = run(at, &["a.rhai", "--limt", "3"]);
    assert_eq!(code, 1);
    assert!(report.contains("unknown option `limt`") && report.contains("did you mean `limit`?"), "{report}");
    assert_eq!(run(at, &["-e", "args.flag && ARGS == [\"--flag\"]", "--", "--flag"]), done("true\n"));
}

#[test]
fn a_pipe_brings_one_script() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert_eq!(run_with_input(at, &[], "1+1\n"), done("2\n"));
    assert_eq!(run_with_input(at, &[], "let x =\n 3;\nfn twice(n) { n * 2 }\nprint(x);\n\ntwice(x)\n"), done("3\n6\n"));
    assert_eq!(run_with_input(at, &["-", "--n", "2"], "args.n"), done("2\n"));
    assert_eq!(run_with_input(at, &["run", "-", "a"], "ARGS"), done("[\"a\"]\n"));
    let (code, output, report) = run_with_input(at, &[], "print(1);\n\nnope\n");
    assert_eq!((code, output.as_str()), (1, "1\n"));
    assert!(report.contains(" --> stdin:3:1"), "{report}");
    assert_eq!(run_with_input(at, &[], ""), done(""));
}

#[test]
fn an_executable_script_runs_by_its_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let programs = Path::new(env!("CARGO_BIN_EXE_spaceevo")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    std::fs::write(at.join("b.rhai"), "#!/usr/bin/env spaceevo\nfn three() { 3 }\n").unwrap();
    for first in ["#!/usr/bin/env spaceevo", "#!/usr/bin/env -S spaceevo run"] {
        let script = at.join("s");
        let text = format!("{first}\nimport \"b\" as b;\nprint(`${{b::three()}} ${{args.help}} ${{args.seed}}`);\n  nope\n");
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(&script);
        command.current_dir(at).env("PATH", &path).args(["--help", "--seed", "4"]);
        let (code, output, report) = told(&command.output().unwrap());
        assert_eq!((code, output.as_str()), (1, "3 true 4\n"), "{report}");
        assert!(report.contains("s:4:3\n4 |   nope\n"), "{report}");
    }
}

#[test]
fn the_last_value_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("a.rhai"), "print(\"said\"); #{ a: [1, 2.5, (), \"x\\n\"], b: #{ c: true } }").unwrap();
    let wanted = "{\"a\":[1,2.5,null,\"x\\n\"],\"b\":{\"c\":true}}\n";
    assert_eq!(run(at, &["--json", "a.rhai"]), (0, wanted.into(), "said\n".into()));
    assert_eq!(run(at, &["run", "--json", "a.rhai"]).1, wanted);
    assert_eq!(
        run(at, &["--json", "-e", "table([#{ x: 1, y: \"a\" }, #{ x: 2, y: \"b\" }])"]).1,
        "[{\"x\":1,\"y\":\"a\"},{\"x\":2,\"y\":\"b\"}]\n"
    );
    assert_eq!(run(at, &["--json", "-e", "let x = 1;"]).1, "null\n");
    for (code, what) in [
        ("#{ rows: [1, hyperspace(\"pocket\")] }", "`rows[1]` of the last value is of type Hyperspace"),
        ("0.0 / 0.0", "the last value is NaN"),
        ("|x| x", "the last value is of type closure"),
    ] {
        let (exit, output, report) = run(at, &["--json", "-e", code]);
        assert_eq!((exit, output.as_str()), (1, ""), "{code}");
        assert!(report.contains("error[script::no_json]") && report.contains(what), "{report}");
    }
}

#[test]
fn a_seed_for_all_that_were_given_none() {
    let folder = tempfile::tempdir().unwrap();
    let code = "let seen = [1, 2].par_map(|_i| dataset(\"shapes\").to_string());\n\
                seen.push(dataset(\"shapes\").to_string());\nseen.push(dataset(\"shapes\", #{ seed: 1 }).to_string());\n\
                seen.map(|text| text.split(\"seed \")[1])";
    assert_eq!(run(folder.path(), &["--seed", "7", "-e", code]), done("[\"7\", \"7\", \"7\", \"1\"]\n"));
    assert_eq!(run(folder.path(), &["-e", code]), done("[\"0\", \"0\", \"0\", \"1\"]\n"));
}

#[test]
fn a_reader_that_leaves_ends_the_script_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = program(folder.path(), &["-e", "let at = 0; loop { print(at); at += 1; }"]).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "0\n");
    drop(reader);
    let (code, _, report) = told(&child.wait_with_output().unwrap());
    assert_eq!((code, report.as_str()), (0, ""));
}

#[test]
fn an_interrupt_keeps_what_was_printed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.rhai"), "for at in 0..100 { print(at); }\nloop {}").unwrap();
    let mut child = program(folder.path(), &["a.rhai"]).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut lines = vec![String::new(); 100];
    lines.iter_mut().for_each(|line| assert!(reader.read_line(line).unwrap() > 0));
    assert_eq!(lines[99], "99\n");
    interrupt(&child);
    let (code, _, report) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, 130);
    assert!(report.contains("error[session::interrupted]"), "{report}");
}

#[test]
fn what_cannot_be_started_ends_with_two_and_says_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::create_dir(at.join("examples")).unwrap();
    std::fs::write(at.join("examples/quickstart.rhai"), "print(1);").unwrap();
    for (args, what) in [
        (
            vec!["exmples/quickstart.rhai"],
            "no script `exmples/quickstart.rhai`\n  help: did you mean `examples/quickstart.rhai`?",
        ),
        (vec!["run", "examples/quikstart.rhai"], "did you mean `examples/quickstart.rhai`?"),
        (vec!["examples/quickstart"], "did you mean `examples/quickstart.rhai`?"),
        (vec!["quickstart.rhai"], "did you mean `examples/quickstart.rhai`?"),
        (vec!["chekc"], "did you mean the command `check`?"),
        (vec!["examples"], "`examples` is a folder\n  help: name a script, such as `examples/quickstart.rhai`"),
        (vec!["examples/quickstart.rhai", "--watch"], "`--watch` behind the script's name is an argument of the script"),
        (vec!["--watch", "-e", "1"], "`--watch` needs a script in a file"),
        (vec!["--sede", "3", "-e", "1"], "--seed"),
        (vec!["man", "rum"], "did you mean `run`?"),
    ] {
        let (code, output, report) = run(at, &args);
        assert_eq!((code, output.as_str()), (2, ""), "{args:?}: {report}");
        assert!(report.contains(what), "{args:?}: {report}");
    }
}

#[test]
fn a_watched_script_runs_again_when_it_or_an_import_changes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("a.rhai"), "import \"b\" as b;\nprint(b::word());").unwrap();
    std::fs::write(at.join("b.rhai"), "fn word() { \"first\" }").unwrap();
    let mut child = program(at, &["--watch", "a.rhai"]).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut news = BufReader::new(child.stderr.take().unwrap());
    let line = |from: &mut dyn BufRead| {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(line(&mut output), "first\n");
    let said = line(&mut news);
    assert!(said.starts_with("── ok in ") && said.contains("watching 2 files"), "{said}");

    // As editors do: a new file in the old one's place.
    std::fs::write(at.join("b.new"), "fn word() { \"second, and longer\" }").unwrap();
    std::fs::rename(at.join("b.new"), at.join("b.rhai")).unwrap();
    assert_eq!(line(&mut output), "second, and longer\n");
    line(&mut news);

    std::fs::write(at.join("a.rhai"), "nope").unwrap();
    let mut report = line(&mut news);
    while !report.contains("watching") {
        report += &line(&mut news);
    }
    assert!(report.contains("there is no variable `nope`") && report.contains("── failed after"), "{report}");

    // A run that goes on is cut short: what it would give is no longer asked for.
    std::fs::write(at.join("a.rhai"), "print(\"waits\"); loop {}").unwrap();
    assert_eq!(line(&mut output), "waits\n");
    std::fs::write(at.join("a.rhai"), "print(\"done\");").unwrap();
    assert_eq!(line(&mut output), "done\n");

    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut rest = String::new();
    news.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("cut short after"), "{rest}");
}

#[test]
fn completions_and_manual_pages() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let (code, output, report) = run(folder.path(), &["completions", shell]);
        assert_eq!((code, report.as_str()), (0, ""));
        assert!(output.contains("spaceevo") && output.contains("watch"), "{shell}: {output}");
    }
    let (_, page, _) = run(folder.path(), &["man"]);
    assert!(page.contains(".TH spaceevo 1") && page.contains("SUBCOMMANDS"), "{page}");
    let (_, page, _) = run(folder.path(), &["man", "run"]);
    assert!(page.contains("spaceevo\\-run") && page.contains("Exit codes"), "{page}");
}

#[test]
fn editors_get_everything_with_its_documentation() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["doc", "--out", "."]).0, 0);
    let text = std::fs::read_to_string(folder.path().join("spaceevo.d.rhai")).unwrap();
    assert!(text.starts_with("// @generated") && text.contains("\nmodule static;\n"), "the head");
    for line in [
        "/// Help on a name, or on the type of a value.",
        "fn help(subject: ?) -> String;",
        "fn get height(table: Table) -> int;",
        "fn aging_evolution(",
        "fn parse_int(string: String) -> int;",
        "const args: Map;",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

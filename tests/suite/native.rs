//! Functions and cells in Rust: what crosses, in bulk and singly; panics, aborts, loops; what is kept, and what is missing.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use spaceevo::runtime::{Desk, HostSettings, Session, Shown, Then};

use crate::bench::{Lines, session};

/// Runs `script` in `folder`, with its lab there.
fn run_with(folder: &Path, script: &str, set: impl FnOnce(&mut Command)) -> Output {
    std::fs::write(folder.join("script.rhai"), format!("{script}\n")).unwrap();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    spaceevo.current_dir(folder).args(["run", "--lab", "lab", "script.rhai"]);
    set(&mut spaceevo);
    spaceevo.output().unwrap()
}

fn printed(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = run_with(folder.path(), script, |_| {});
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn report(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = run_with(folder.path(), script, |_| {});
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stdout));
    String::from_utf8(out.stderr).unwrap()
}

#[test]
fn every_type_crosses_singly_and_in_bulk() {
    let shown = printed(
        r#"
let all = native(`
    use std::fmt::Write;
    fn words(n: i64) -> String { format!("{n} things") }
    pub fn all(i: i64, f: f64, b: bool, s: &str, owned: String, fs: &[f64], is: &[i64], vf: Vec<f64>, vi: Vec<i64>) -> String {
        let mut text = words(i);
        write!(text, "; {f} {b} {s} {owned} {fs:?} {is:?} {vf:?} {vi:?}").unwrap();
        text
    }`);
print(all.call(-3, 2, true, "grün", "", [1, 2.5], [], [], [7, -8]));
let floats = native("fn floats(n: i64) -> Vec<f64> { (0..n).map(|x| x as f64 / 2.0).collect() }");
print([floats.call(0), floats.call(3)]);
print(floats.map([2, 0, 1]));
let ints = native("fn ints(x: Vec<i64>) -> Vec<i64> { x.into_iter().rev().collect() }");
print(ints.map([[1, 2, 3], [], [4]]));
print(native("fn longer(a: &str, b: &str) -> bool { a.len() > b.len() }").map(["aa", "b"], ["a", "bb"]));
print(native("fn upper(s: String) -> String { s.to_uppercase() }").map(["ab", "", "ß"]));
print(native("fn none(x: f64) {}").map([1, 2]));
let share = native("fn share(of: f64, whole: f64) -> Result<f64, String> { if whole == 0.0 { Err(format!(\"{of} of nothing\")) } else { Ok(of / whole) } }");
print(share.map([1, 2], 4));
try { share.map([1, 2], [4, 0]) } catch (e) { print(`${e.code}: ${e.message}`); }
print([9.0, 16.0].map(native("fn root(x: f64) -> f64 { x.sqrt() }")));
print([1, 2, 3].par_map(native("fn minus(by: i64, x: i64) -> i64 { x - by }").curry(1)));
print(table(#{ a: [1, 2], b: ["x", "yy"] }).columns);
print(native("fn f(b: &str, a: i64) -> i64 { a * 10 + b.len() as i64 }").map(table(#{ a: [1, 2], b: ["x", "yy"] })));
"#,
    );
    insta::assert_snapshot!(shown, @r#"
    -3 things; 2 true grün  [1.0, 2.5] [] [] [7, -8]
    [[], [0.0, 0.5, 1.0]]
    [[0.0, 0.5], [], [0.0]]
    [[3, 2, 1], [], [4]]
    [true, false]
    ["AB", "", "SS"]
    [(), ()]
    [0.25, 0.5]
    native::failed: `share` failed in call 1 of 2: 2 of nothing
    [3.0, 4.0]
    [0, 1, 2]
    ["a", "b"]
    [11, 22]
    "#);
}

#[test]
fn a_search_scores_with_a_native_function() {
    let shown = printed(
        r#"
let cheap = native("fn cheap(choices: &[i64]) -> f64 { choices.iter().map(|c| *c as f64).sum() }");
let options = #{ minimize: cheap, strategy: aging_evolution(#{ population: 10, sample: 3 }), evaluations: 30, seed: 1 };
let study = evolve(hyperspace("pocket"), options);
options.minimize = |space| space.choices.map(|c| c.to_float()).sum();
print(study.history["score"] == evolve(hyperspace("pocket"), options).history["score"]);
let text = native("fn named(space: &str) -> i64 { space.len() as i64 }");
print(text.call(hyperspace("pocket").space("012-210")));
"#,
    );
    assert_eq!(shown, "true\n7\n");
}

#[test]
fn the_example_says_what_it_gives() {
    let folder = tempfile::tempdir().unwrap();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    spaceevo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["check", "examples/native.rhai", "--lab"]).arg(folder.path());
    let out = spaceevo.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

#[test]
fn a_call_that_breaks_costs_only_itself() {
    let shown = printed(
        r##"
let third = native("fn third(x: &[f64]) -> f64 {\n    println!(\"looking\");\n    x[2]\n}");
for given in [[1, 2, 3], [1]] {
    try { print(third.call(given)); } catch (e) { print(`${e.code}: ${e.message}`); }
}
try { third.map([[1, 2, 3], [1, 2, 3], []]) } catch (e) { print(`${e.code}: ${e.message}`); }
let fatal = native("fn fatal(x: i64) -> i64 { if x == 0 { std::process::abort() } x }");
print(fatal.call(1));
try { fatal.call(0) } catch (e) { print(e.code); }
print(fatal.call(2));
let deep = native("#[allow(unconditional_recursion)] fn deep(x: i64) -> i64 { std::hint::black_box(deep(x + 1)) + 1 }");
try { deep.call(0) } catch (e) { print(e.code); }
print(third.call([1, 2, 4]));
"##,
    );
    insta::assert_snapshot!(shown, @"
    looking
    3.0
    looking
    native::panic: `third` panicked at native.rs:3:5: index out of bounds: the len is 1 but the index is 2
    looking
    looking
    looking
    native::panic: `third` panicked at native.rs:3:5 in call 2 of 3: index out of bounds: the len is 0 but the index is 2
    1
    native::died
    2
    native::died
    looking
    4.0
    ");
}

#[test]
fn wrong_arguments_are_named() {
    let shown = printed(
        r#"
let f = native("fn f(x: &[f64], n: i64) -> f64 { x[n as usize] }");
let tries = [
    || f.call([1, 2]), || f.call(1, 2), || f.call([1, "two"], 0), || f.call([1], 0.5), || f.map([[1], 2], 0),
    || f.map([[1], [2]], [0]), || f.map([1, 2], 0), || f.map(table(#{ x: [1], n: [0] })), || f.map(table(#{ n: [0] })),
];
for attempt in tries {
    try { print(attempt.call()); } catch (e) { print(`${e.code}: ${e.message}`); }
}
"#,
    );
    insta::assert_snapshot!(shown, @"
    native::arguments: `f` takes 2 values, not 1
    native::arguments: `f` takes an array of numbers as `x`, not an integer
    native::arguments: `f` takes an array of numbers as `x`, not one with a text
    native::arguments: `f` takes an integer as `n`, not a number
    native::arguments: `f` takes an array of numbers as `x`, not an integer at item 1
    native::arguments: `map` of `f` has 2 values for one argument and 1 for another
    native::arguments: `map` of `f` needs an array with a value for each call
    native::arguments: `f` takes an array of numbers as `x`, not a column of integers
    frame::no_column: this table has no column `x`
    ");
}

#[test]
fn errors_of_the_compiler_are_shown_in_the_lines_of_the_code() {
    let shown = report("let f = native(`\nfn f(x: f64) -> f64 {\n    let y: i64 = x;\n    2.0\n}`);");
    let marked = "2 |     let y: i64 = x;\n  |            ---   ^ expected `i64`, found `f64`";
    assert!(shown.contains(" --> native.rs:2:18") && shown.contains(marked) && shown.contains(" --> script.rhai:1:9"), "{shown}");
    insta::assert_snapshot!(report("native(\"fn f(x: f64) -> f64 { x + }\");"), @r#"
    error[native::compile]: the Rust code does not compile
    error: expected expression, found `}`
     --> native.rs:1:27
      |
    1 | fn f(x: f64) -> f64 { x + }
      |                           ^ expected expression

     --> script.rhai:1:1
    1 | native("fn f(x: f64) -> f64 { x + }");
      | ^^^^^^
      help: lines are counted from the first of the Rust code
    "#);
    insta::assert_snapshot!(report("native(\"fn f(x: u8) -> f64 { 0.0 }\");"), @r#"
    error[native::signature]: `x` of `f` has a type that no value of a script is turned into
     --> script.rhai:1:1
    1 | native("fn f(x: u8) -> f64 { 0.0 }");
      | ^^^^^^
      help: use `i64`, `f64`, `bool`, `&str`, `String`, `&[i64]`, `Vec<i64>`, `&[f64]`, `Vec<f64>`
    "#);
    let shown = report("native(\"fn f() {} fn g() {}\");");
    assert!(shown.contains("native::function") && shown.contains("`f`, `g`") && shown.contains("`pub`"), "{shown}");
}

#[test]
fn what_was_compiled_runs_without_a_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let script = "print(native(\"fn half(x: f64) -> f64 { x / 2.0 }\").call(5));";
    let without = |command: &mut Command| {
        command.env("PATH", folder.path()).env_remove("RUSTC");
    };
    let refused = run_with(folder.path(), script, without);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.starts_with("error[native::no_toolchain]: there is no Rust compiler here") && said.contains("rustup"), "{said}");
    for round in 0..2 {
        let done = run_with(folder.path(), script, |command| {
            if round == 1 {
                without(command);
            }
        });
        assert_eq!(String::from_utf8_lossy(&done.stdout), "2.5\n", "{}", String::from_utf8_lossy(&done.stderr));
    }
    // A compiler that cannot link is no toolchain either.
    let other = script.replace("half", "other");
    let refused = run_with(folder.path(), &other, |command| {
        let rustc = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
        let sysroot = String::from_utf8(rustc.stdout).unwrap();
        command.env("PATH", folder.path()).env("RUSTC", Path::new(sysroot.trim()).join("bin/rustc"));
    });
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("native::no_toolchain") && said.contains("linker `cc` not found"), "{said}");
}

/// What a front is shown, as text.
#[derive(Default)]
struct Table(Mutex<Vec<String>>);

impl Desk for Table {
    fn show(&self, shown: Shown) {
        self.0.lock().unwrap().push(match shown {
            Shown::Value(bundle) | Shown::Page(bundle) => {
                bundle.forms.iter().map(|(form, content)| format!("{form}: {content}")).collect::<Vec<_>>().join("\n")
            }
            Shown::Text(text) => text,
            Shown::Trouble(trouble) => trouble.text(false),
        });
    }
    fn shell(&self, _: &str) -> spaceevo::base::Result<()> {
        Ok(())
    }
    fn edit(&self, _: &str) -> spaceevo::base::Result<Option<String>> {
        Ok(None)
    }
}

struct Lab {
    folder: tempfile::TempDir,
    session: Session,
    lines: Arc<Lines>,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (session, lines) = session(HostSettings { lab: folder.path().join("lab"), ..HostSettings::default() });
        Self { folder, session, lines }
    }

    /// What a front is shown, after what was printed.
    fn answer(&self, input: &str) -> String {
        let table = Table::default();
        assert_eq!(self.session.answer(input, &table), Then::Go);
        let mut shown = self.lines.take();
        shown.extend(table.0.into_inner().unwrap());
        shown.join("\n")
    }

    /// The same, interrupted once the input has made `file`.
    fn interrupted(&self, input: &str, file: &Path) -> String {
        std::thread::scope(|scope| {
            let running = scope.spawn(|| self.answer(input));
            let until = Instant::now() + Duration::from_mins(2);
            while !file.exists() && Instant::now() < until && !running.is_finished() {
                std::thread::sleep(Duration::from_millis(20));
            }
            self.session.interrupt();
            running.join().unwrap()
        })
    }
}

#[test]
fn a_loop_without_end_is_interrupted() {
    let lab = Lab::new();
    let mark = lab.folder.path().join("begun");
    let source = "fn spin(file: &str) { std::fs::write(file, []).unwrap(); loop { std::hint::spin_loop() } }";
    assert_eq!(
        lab.answer(&format!("let spin = native({source:?}); let twice = native(\"fn twice(x: i64) -> i64 {{ 2 * x }}\");")),
        ""
    );
    let shown = lab.interrupted(&format!("spin.call({mark:?})"), &mark);
    assert!(mark.exists() && shown.contains("interrupted"), "{shown}");
    assert_eq!(lab.answer("twice.call(21)"), "text/plain: 42");
}

#[test]
#[cfg(not(feature = "native"))]
fn cells_of_a_build_without_them_are_a_plain_statement() {
    println!("skipped: what %%rust does is tested with `--features native`");
    let shown = Lab::new().answer("%%rust\nlet x = 1;");
    assert!(shown.contains("native::no_cells") && shown.contains("--features native"), "{shown}");
}

#[test]
#[cfg(feature = "native")]
fn cells_in_rust_keep_a_state_that_scripts_can_call() {
    let lab = Lab::new();
    let first = lab.answer("%%rust\nlet mut list = vec![1.5, 2.0];\nstruct Scale(f64);\nfn scaled(x: &[f64], by: f64) -> Vec<f64> {\n    let scale = Scale(by);\n    x.iter().map(|v| v * scale.0).collect()\n}");
    assert_eq!(first, "");
    assert_eq!(
        lab.answer("%%rust\nlist.push(4.0);\nprintln!(\"pushed\");\nscaled(&list, 2.0)"),
        "pushed\ntext/plain: [3.0, 4.0, 8.0]"
    );
    assert_eq!(lab.answer("scaled.call([1, 2], 10)"), "text/plain: [10.0, 20.0]");
    let html = r#"println!("EVCXR_BEGIN_CONTENT text/html\n<b>bold</b>\nEVCXR_END_CONTENT");"#;
    assert!(lab.answer(&format!("%%rust\n{html}")).contains("text/html: <b>bold</b>"));
    insta::assert_snapshot!(lab.answer("%%rust\nlet n: i64 = 1;\nlet wrong: bool = n;"), @"
    error[native::compile]: the Rust code does not compile
    error[E0308]: mismatched types
     --> cell:2:19
    2 | let wrong: bool = n;
      |                   ^ expected `bool`, found `i64`
     --> cell:2:12
    2 | let wrong: bool = n;
      |            ---- expected due to this

      help: lines are counted from the first of the Rust code
    ");
    let shown = lab.answer("%%rust check\nlist.len() + \"one\"");
    assert!(shown.contains("native::compile") && shown.contains(" --> cell:1:12"), "{shown}");
    let shown = lab.answer("%%rust\nlist[7]");
    assert!(shown.contains("native::panic") && shown.contains("the len is 3 but the index is 7"), "{shown}");
    let completed = lab.session.complete("%%rust\nlist.pus", 15);
    assert!(completed.start == 12 && completed.candidates.iter().any(|found| found.text.starts_with("push")), "{completed:?}");
    // A new definition is the one that is called.
    lab.answer("%%rust\nfn scaled(x: f64) -> f64 { x * 3.0 }");
    assert_eq!(lab.answer("scaled.call(2)"), "text/plain: 6.0");
    let offline = lab.answer("%%rust\n:offline 1\n:dep a_crate_that_no_one_has = \"7\"\nlet y = 1;");
    assert!(offline.contains("native::compile") && offline.contains("a_crate_that_no_one_has"), "{offline}");

    let mark = lab.folder.path().join("begun");
    let shown = lab.interrupted(&format!("%%rust\nstd::fs::write({mark:?}, []).unwrap();\nloop {{}}"), &mark);
    assert!(mark.exists() && shown.contains("variables"), "{shown}");
    assert!(lab.answer("%%rust\nscaled(1.0)").contains("3.0"));
    let both = "%%rust\nlet two = 2.0;\nfn halved(x: f64) -> f64 {\n    x / 2.0\n}\nhalved(two)";
    assert!(lab.answer(both).contains("1.0"));
    assert!(lab.answer("halved.call(5.0)").contains("2.5"));
}

#[test]
#[cfg(feature = "native")]
fn a_session_with_cells_in_rust_is_saved_run_again_and_forgotten() {
    let lab = Lab::new();
    let script = lab.folder.path().join("script.rhai");
    for input in
        ["%%rust\nlet base = 2.0;\nfn twice(x: f64) -> f64 {\n    2.0 * x\n}", "let four = twice.call(2);", "print(four)"]
    {
        lab.answer(input);
    }
    assert_eq!(lab.answer("%%rust\ntwice(base + 1.0)"), "text/plain: 6.0");
    assert!(lab.answer("%%rust\ntwice(\"two\")").contains("native::compile"));
    assert!(lab.answer("%history").contains("[4] %%rust\n    twice(base + 1.0)"));
    assert!(lab.answer(&format!("%save {}", script.display())).contains("4 inputs, the one that failed as a comment"));
    let saved = std::fs::read_to_string(&script).unwrap();
    let out = run_with(lab.folder.path(), &saved, |_| {});
    assert_eq!(String::from_utf8_lossy(&out.stdout), "4.0\n6.0\n", "{saved}\n{}", String::from_utf8_lossy(&out.stderr));

    assert_eq!(lab.answer("%reset"), "forgot 2 variables and 0 functions, and what cells in Rust held");
    assert!(lab.answer("twice.call(2)").contains("no variable `twice`"));
    let nothing = lab.answer("%%rust\ntwice(base)");
    assert!(nothing.contains("`base`") && nothing.contains("`twice`"), "{nothing}");
    assert_eq!(lab.answer(&format!("%run {}", script.display())), "4.0\n6.0");
    assert_eq!(lab.answer("%%rust\ntwice(base)"), "text/plain: 4.0");
}

#[test]
#[cfg(feature = "native")]
fn crates_that_cells_use_are_compiled_once_whatever_cargo_is_told_and_was_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let entries = folder.path().join("cache/evcxr");
    std::fs::create_dir_all(entries.join("7")).unwrap();
    std::fs::write(entries.join("7/hits"), "").unwrap();
    let script = r#"
        rust_cell(`:offline 1
            :dep itoa = "1"
            let two: f64 = itoa::Buffer::new().format(2).parse().unwrap();`);
        rust_cell(`let three = two + 1.0;`);
        let cell = rust_cell(`fn times(x: f64) -> f64 { x * 3.0 }`);
        print(cell.times.call(2));
        rust_cell(`println!("{}", two * three);`);
    "#;
    for hits in ["0", "1"] {
        let out = run_with(folder.path(), script, |command| {
            command.env("XDG_CACHE_HOME", folder.path().join("cache")).env("CARGO_INCREMENTAL", "0");
        });
        let printed = String::from_utf8_lossy(&out.stdout);
        assert!(printed.ends_with("6.0\n6\n"), "{printed}\n{}", String::from_utf8_lossy(&out.stderr));
        let mut counts = Vec::new();
        for entry in std::fs::read_dir(&entries).unwrap() {
            counts.extend(std::fs::read_to_string(entry.unwrap().path().join("hits")));
        }
        assert!(!counts.is_empty() && counts.iter().all(|count| count == hits), "{counts:?}");
    }
}

//! Broken inputs: whatever is typed, the session answers with a value, a fault with a code, or a request for more, and keeps
//! what it had.

mod soup;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use spaceevo::base::Seed;
use spaceevo::runtime::catalogue::Entry;
use spaceevo::runtime::{HostSettings, Output, Readiness, Session, Settings};

use soup::{Soup, Word};

/// What an input may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is left to an input that has been interrupted, before the test gives up.
const LAST_PATIENCE: Duration = Duration::from_secs(20);
/// How soon an interrupt ends an input.
const INTERRUPT: Duration = Duration::from_millis(100);
/// Stack of a program's first thread, where a front asks whether an input is whole.
const FRONT_STACK_BYTES: usize = 8 << 20;

const BEFORE: &str = r#"
    let kept_number = 41;
    let kept_text = "kept";
    let kept_map = #{ a: [1, #{ b: 2 }] };
    let kept_closure = |x| x + kept_number;
    let kept_space = hyperspace("pocket").space("012-210");
    fn kept_function(x) { 2 * x }
"#;
const KEPT: &str = "[kept_number, kept_text, kept_map, kept_closure.call(1), kept_space.operators, kept_function(4)]";
const KEPT_VALUE: &str = "[41, \"kept\", #{\"a\": [1, #{\"b\": 2}]}, 42, \
                          [\"inverted_residual\", \"inverted_residual_se\", \"resnet_bottleneck\"], 8]";

/// Inputs that go on until they are stopped.
const ENDLESS: &[&str] = &[
    "loop {}",
    "while true { let x = 1; }",
    "do {} while true",
    "for i in 0..9223372036854775807 {}",
    "let a = []; loop { a.push(1) }",
    "let s = \"\"; loop { s += \"x\"; }",
    "try { loop {} } catch {}",
    "try { loop {} } catch { loop {} }",
    "loop { try { throw 1 } catch {} }",
    "let spin = |n| { let i = 0; while i >= 0 { i = (i + 1) % 7; } }; spin.call(1)",
    "fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } } fib(80)",
    "[1].map(|x| loop {})",
    "[3, 2, 1].sort(|a, b| loop {})",
    "[1, 2].reduce(|a, b| { loop {} }, 0)",
    "#{ a: 1 }.filter(|k, v| { loop {} })",
    "par_map([1, 2, 3, 4, 5], |x| { loop {} })",
    "fn split(x) { par_map([x, x], |y| split(y)) } split(1)",
    "define_operator(\"spin\", #{ build: |net, c| { loop {} } })",
    "evolve(hyperspace(\"pocket\"), #{ minimize: |space| { loop {} }, strategy: aging_evolution(#{ population: 4, sample: 2 }), \
     evaluations: 4 })",
    "evolve(hyperspace(\"pocket\"), #{ minimize: |space| 1, strategy: #{ ask: |problem, n, rng| { loop {} }, tell: |results| () }, \
     evaluations: 4 })",
    "loop { print(\"x\") }",
];

/// Inputs that once took more memory or stack than there is. Each has a process of its own, which it must not end.
const GREEDY: &[&str] = &[
    "[].pad(9223372036854775807, 1)",
    "[1].pad(1000000000000, 1)",
    "\"a\".pad(9223372036854775807, 'x')",
    "\"a\".pad(1000000000000, \"xy\")",
    "blob(9223372036854775807)",
    "blob(1000000000000, 7)",
    "let b = blob(); b.pad(1000000000000, 1)",
    "let s = \"eval(s)\"; eval(s)",
    "let s = \"let a = 1; eval(s)\"; eval(s)",
    "fn f(x) { par_map([x], |y| f(y)) } f(1)",
];

#[derive(Debug)]
struct Silence;

impl Output for Silence {
    fn print(&self, _: &str) {}
}

/// How an input ended.
#[derive(Debug)]
enum Ended {
    More,
    Value(String),
    Fault(String, String),
}

/// A session and a thread that feeds it as a front does.
struct Patient {
    session: Arc<Session>,
    inputs: Sender<String>,
    answers: Receiver<Ended>,
    lab: tempfile::TempDir,
}

impl Patient {
    fn new() -> Self {
        let lab = tempfile::tempdir().unwrap();
        let host = HostSettings { lab: lab.path().join(".spaceevo"), ..HostSettings::default() };
        let session = Arc::new(Session::new(Settings { host, ..Settings::default() }, Arc::new(Silence)).unwrap());
        let (inputs, inbox) = channel::<String>();
        let (reply, answers) = channel();
        let front = session.clone();
        let feed = move || {
            while let Ok(input) = inbox.recv() {
                if reply.send(feed_one(&front, &input)).is_err() {
                    break;
                }
            }
        };
        std::thread::Builder::new().stack_size(FRONT_STACK_BYTES).spawn(feed).unwrap();
        let this = Self { session, inputs, answers, lab };
        assert!(matches!(this.give(BEFORE), Ok(Ended::Value(value)) if value.is_empty()));
        this.check_kept("the beginning").unwrap();
        this
    }

    /// What comes of `input`; the complaint, if that is not what may come.
    fn give(&self, input: &str) -> Result<Ended, String> {
        self.inputs.send(input.to_owned()).unwrap();
        let ended = match self.answers.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Timeout) => {
                self.session.interrupt();
                match self.answers.recv_timeout(LAST_PATIENCE) {
                    Ok(_) => return Err(format!("took longer than {PATIENCE:?}: {}", short(input))),
                    Err(why) => panic!("does not end, even when interrupted ({why}): {}", short(input)),
                }
            }
            Err(RecvTimeoutError::Disconnected) => panic!("the front's thread gave up over {}", short(input)),
            Ok(ended) => ended,
        };
        match &ended {
            Ended::Fault(code, text) if code.is_empty() || code == "session::defect" => {
                Err(format!("{}\n  gives {text}", short(input)))
            }
            _ => Ok(ended),
        }
    }

    fn check_kept(&self, after: &str) -> Result<(), String> {
        match self.give(KEPT)? {
            Ended::Value(value) if value == KEPT_VALUE => Ok(()),
            other => Err(format!("after {}\n  what was kept is {other:?}", short(after))),
        }
    }

    /// Gives every input; asserts that each ended well and took nothing away.
    #[track_caller]
    fn endure(&self, inputs: impl Iterator<Item = String>) -> usize {
        let mut complaints = Vec::new();
        let mut given = 0;
        for input in inputs {
            given += 1;
            complaints.extend(self.give(&input).err());
            complaints.extend(self.check_kept(&input).err());
        }
        assert!(complaints.is_empty(), "{} of {given}:\n{}", complaints.len(), complaints.join("\n"));
        given
    }
}

fn feed_one(session: &Session, input: &str) -> Ended {
    // Asked at every key, so it must bear whatever there is.
    session.complete(input, input.len());
    if matches!(session.is_complete(input), Readiness::Incomplete { .. }) {
        return Ended::More;
    }
    let outcome = session.eval(input, "test");
    match outcome.trouble {
        Some(trouble) => Ended::Fault(trouble.fault.code.to_string(), trouble.text(false)),
        None => Ended::Value(outcome.value.map(|bundle| bundle.text().to_owned()).unwrap_or_default()),
    }
}

/// The beginning of an input, on one line.
fn short(input: &str) -> String {
    let shown: String = input.chars().take(300).collect();
    format!("{shown:?}")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The inputs of `tests/fixtures/broken.txt`, which says how they are written.
fn hand_written() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("tests/fixtures/broken.txt")).unwrap();
    text.trim_end().split("\n----\n").skip(1).filter(|part| !part.starts_with("## ")).map(expand).collect()
}

/// Writes `⟪5000×(⟫` and `⟪U+0007⟫` out.
fn expand(text: &str) -> String {
    let mut parts = text.split('⟪');
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        let (mark, rest) = part.split_once('⟫').unwrap();
        match mark.split_once('×') {
            Some((count, what)) => whole += &what.repeat(count.parse().unwrap()),
            None => whole.push(char::from_u32(u32::from_str_radix(&mark[2..], 16).unwrap()).unwrap()),
        }
        whole += rest;
    }
    whole
}

#[test]
fn hand_written_broken_inputs_end_well() {
    let inputs = hand_written();
    assert!(inputs.len() >= 200, "only {}", inputs.len());
    Patient::new().endure(inputs.into_iter());
}

#[test]
fn random_broken_inputs_end_well() {
    let patient = Patient::new();
    let word =
        |entry: &Entry| Word { name: entry.path.clone(), takes: entry.params.iter().map(|(_, kind)| kind.clone()).collect() };
    let mut soup = Soup::new(Seed(4), patient.session.catalogue().entries().iter().map(word).collect(), root());
    for _ in 0..1000 {
        let input = soup.pour();
        patient.endure(std::iter::once(input.clone()));
        let database = patient.lab.path().join(".spaceevo/lab.db");
        assert!(!database.exists(), "{} measured or saved something", short(&input));
    }
}

#[test]
fn an_interrupt_ends_whatever_loops() {
    let patient = Patient::new();
    let mut slow = Vec::new();
    for input in ENDLESS {
        // A machine that is busy otherwise may be late once, not three times.
        let times: Vec<_> = std::iter::repeat_with(|| stopped_after(&patient, input)).take(3).collect();
        if times.iter().all(|took| *took > INTERRUPT) {
            slow.push(format!("{input}: {times:?}"));
        }
        patient.check_kept(input).unwrap();
    }
    assert!(slow.is_empty(), "took longer than {INTERRUPT:?} to stop:\n{}", slow.join("\n"));
}

/// How long `input` goes on after an interrupt.
fn stopped_after(patient: &Patient, input: &str) -> Duration {
    let before = patient.session.history().len();
    patient.inputs.send(input.to_owned()).unwrap();
    while patient.session.history().len() == before {
        std::thread::yield_now();
    }
    if let Ok(ended) = patient.answers.recv_timeout(Duration::from_millis(60)) {
        panic!("{input} was to go on, but ended: {ended:?}");
    }
    let began = Instant::now();
    patient.session.interrupt();
    match patient.answers.recv_timeout(LAST_PATIENCE) {
        // A search that is stopped gives what it has; of several threads another's fault may come first.
        Ok(Ended::Value(_)) => {}
        Ok(Ended::Fault(code, _)) if code == "session::interrupted" || input.contains("par_map") => {}
        other => panic!("{input} was interrupted, and gave {other:?}"),
    }
    began.elapsed()
}

#[test]
fn greedy_inputs_do_not_end_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let mut complaints = Vec::new();
    for input in GREEDY {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spaceevo"))
            .current_dir(folder.path())
            .arg(format!("--eval={input}"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        let late = child.try_wait().unwrap().is_none();
        let _ = child.kill();
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        if late || out.status.code().is_none_or(|code| code > 1) || said.contains("session::defect") {
            complaints.push(format!("{input}: {} {}", if late { "takes too long" } else { "ends badly" }, short(&said)));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn broken_commands_leave_the_prompt_usable() {
    let commands = [
        "%",
        "%%",
        "% who",
        "%time",
        "%time )",
        "%time nonsense",
        "%timeit",
        "%timeit )",
        "%timeit nonsense",
        "%prof",
        "%prof )",
        "%nonsense",
        "%run",
        "%run missing.rhai",
        "%save",
        "%save missing/folder/file.rhai",
        "%load",
        "%load missing.rhai",
        "%history x",
        "%lab nonsense",
        "%devices nonsense",
        "%who nonsense",
        "?",
        "??",
        "???",
        "?nonsense",
        "??nonsense",
        "nonsense?",
        "??measure ?",
        "!",
        "!exit 3",
        "!no_such_command_anywhere",
        "_",
        "__",
        "_99",
        ":q",
        "ls -la",
        "import numpy",
        "let x = 3 +* 4",
        "\u{7}",
        "\u{feff}1 +* 1",
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_spaceevo"))
        .current_dir(folder.path())
        .arg("repl")
        .env("HOME", folder.path())
        .env("EDITOR", "true")
        .env("VISUAL", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let script: String = commands.iter().map(|command| format!("{command}\nprint(\"still \" + kept);\n")).collect();
    let mut stdin = child.stdin.take().unwrap();
    let feed = std::thread::spawn(move || stdin.write_all(format!("let kept = 41;\n{script}").as_bytes()));
    let out = child.wait_with_output().unwrap();
    feed.join().unwrap().unwrap();
    let (shown, said) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && !said.contains("panicked") && !said.contains("session::defect"), "{shown}\n{said}");
    let still = shown.lines().filter(|line| line.ends_with("still 41")).count();
    assert_eq!(still, commands.len(), "{shown}\n{said}");
}

//! Completion and help with ten thousand names in scope, and while a study runs in the session's thread: right, and soon.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use spaceevo::runtime::{Output, Session, Settings};

/// Variables, and as many functions.
const EACH: usize = 5000;
/// What Tab may take.
const TAB_MS: f64 = 20.0;

#[derive(Debug)]
struct Silence;

impl Output for Silence {
    fn print(&self, _: &str) {}
}

fn session() -> Arc<Session> {
    let session = Session::new(Settings::default(), Arc::new(Silence)).unwrap();
    let outcome = session.eval("let hs = hyperspace(\"mobilew\"); let m = #{ alpha: 1, beta: 2 };", "test");
    assert!(outcome.trouble.is_none(), "{:?}", outcome.trouble);
    Arc::new(session)
}

fn crowded() -> Arc<Session> {
    let session = session();
    let mut source = String::new();
    for number in 0..EACH {
        writeln!(source, "let variable_{number} = {number}; fn function_{number}(a, b) {{ a + b + {number} }}").unwrap();
    }
    let outcome = session.eval(&source, "test");
    assert!(outcome.trouble.is_none(), "{:?}", outcome.trouble);
    session
}

/// A search that goes on until it is interrupted.
struct Studying(Arc<Session>, Option<std::thread::JoinHandle<()>>);

impl Studying {
    fn in_session(session: &Arc<Session>) -> Self {
        let before = session.history().len();
        let other = session.clone();
        let thread = std::thread::spawn(move || {
            let search =
                "evolve(hs, #{ minimize: |space| space.largest.mflops, strategy: random_search(), evaluations: 100000000 })";
            other.eval(search, "study");
        });
        while session.history().len() == before {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(100));
        assert!(!thread.is_finished(), "the study was to go on");
        Self(session.clone(), Some(thread))
    }

    /// Whether it still went on when it was stopped.
    fn stop(mut self) -> bool {
        let thread = self.1.take().unwrap();
        let ran = !thread.is_finished();
        self.0.interrupt();
        thread.join().unwrap();
        ran
    }
}

impl Drop for Studying {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

fn candidates(session: &Session, source: &str) -> Vec<String> {
    session.complete(source, source.len()).candidates.into_iter().map(|candidate| candidate.text).collect()
}

#[test]
fn ten_thousand_names_are_all_candidates() {
    let session = crowded();
    assert_eq!(candidates(&session, "variable_").len(), EACH);
    assert_eq!(candidates(&session, "1 + function_").len(), EACH);
    assert_eq!(candidates(&session, "let y = variable_4999"), ["variable_4999"]);
    assert!(candidates(&session, "hypersp").contains(&"hyperspace".to_owned()));
    assert!(candidates(&session, "m.").contains(&"beta".to_owned()));
    assert_eq!(session.eval("function_7(variable_1, 2)", "test").value.unwrap().text(), "10");
}

#[test]
fn completion_and_help_answer_while_a_study_runs() {
    let session = session();
    session.eval("let remarkable = 41;", "test");
    let studying = Studying::in_session(&session);
    assert_eq!(candidates(&session, "remark"), ["remarkable"]);
    assert!(candidates(&session, "hs.").contains(&"with_operator".to_owned()));
    assert!(session.inspect("measure").unwrap().text().contains("FP32 and INT8 latency"));
    assert!(matches!(session.is_complete("1 + 1"), spaceevo::runtime::Readiness::Complete));
    assert!(studying.stop(), "the study had ended by itself");
    assert_eq!(session.eval("remarkable", "test").value.unwrap().text(), "41");
}

/// Median and longest of many completions, in milliseconds.
fn tab_ms(session: &Session) -> (f64, f64) {
    let typed = [
        "variable_49",
        "function_49",
        "hyper",
        "hs.",
        "m.",
        "qt_score(space, lut, #{ li",
        "let x = [1, 2].ma",
        "v",
        "import \"strat",
    ];
    let mut times: Vec<f64> = Vec::new();
    for _ in 0..15 {
        for source in typed {
            let began = Instant::now();
            session.complete(source, source.len());
            times.push(1000.0 * began.elapsed().as_secs_f64());
        }
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() - 1])
}

#[test]
#[ignore = "a bench: ./x bench completion"]
fn bench_completion() {
    let empty = session();
    // The first answer reads the catalogue.
    tab_ms(&empty);
    let full = crowded();
    tab_ms(&full);
    let plain = tab_ms(&empty);
    let crowd = tab_ms(&full);
    let studying = Studying::in_session(&full);
    let busy = tab_ms(&full);
    assert!(studying.stop(), "the study had ended by itself");
    println!("completion, 135 times each, milliseconds:");
    println!("  {:52}{:>8}{:>9}", "", "median", "slowest");
    let names = 2 * EACH;
    for (what, (median, slowest)) in [
        ("an empty session".to_owned(), plain),
        (format!("{names} names in scope"), crowd),
        (format!("{names} names in scope, and a study runs"), busy),
    ] {
        println!("  {what:52}{median:8.2}{slowest:9.2}");
    }
    println!("  asked for: each within {TAB_MS} ms; ratios are those {TAB_MS} ms over ours");
    for (name, (_, slowest)) in [("completion_crowded", crowd), ("completion_studying", busy)] {
        println!("claim {name} {slowest:.2} ms, baseline asked_for {TAB_MS:.0}, ratio {:.2}", TAB_MS / slowest);
    }
}

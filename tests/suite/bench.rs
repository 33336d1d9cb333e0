//! A session for scripts of tests: values of those that end well, faults of the others, what was printed and what was said.

use std::sync::{Arc, Mutex};

use spaceevo::base::{Fault, Progress, ProgressSink};
use spaceevo::runtime::{HostSettings, Output, Session, Settings};

/// What was printed, and what news there were beside it.
#[derive(Default, Debug)]
pub struct Lines {
    printed: Mutex<Vec<String>>,
    said: Mutex<Vec<String>>,
}

impl Lines {
    /// The lines that were printed so far, which are then forgotten.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.printed.lock().unwrap())
    }

    /// The lines that were printed so far.
    pub fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }
}

impl Output for Lines {
    fn print(&self, line: &str) {
        self.printed.lock().unwrap().push(line.into());
    }
}

impl ProgressSink for Lines {
    fn begin(&self, _task: u64, _label: &str, _total: u64) {}
    fn update(&self, _task: u64, _done: u64, _note: &str) {}
    fn end(&self, _task: u64) {}
    fn say(&self, line: &str) {
        self.said.lock().unwrap().push(line.into());
    }
}

/// A session that is started like this, and what it prints.
pub fn session(host: HostSettings) -> (Session, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    (Session::new(Settings { host, ..Settings::default() }, lines.clone()).unwrap(), lines)
}

/// A session with a lab of its own.
pub struct Bench {
    session: Session,
    lines: Arc<Lines>,
    _lab: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let lab = tempfile::tempdir().unwrap();
        let (session, lines) = session(HostSettings { lab: lab.path().join("lab"), ..HostSettings::default() });
        session.set_progress(Progress::to(lines.clone()));
        Self { session, lines, _lab: lab }
    }

    /// The value of a script that must end well.
    #[track_caller]
    pub fn value(&self, source: &str) -> String {
        let outcome = self.session.eval(source, "script.rhai");
        if let Some(trouble) = &outcome.trouble {
            panic!("{source}\n{}", trouble.text(false));
        }
        outcome.value.map(|bundle| bundle.text().to_owned()).unwrap_or_default()
    }

    /// The fault of a script that must fail, and the whole report on it.
    #[track_caller]
    pub fn trouble(&self, source: &str) -> (Fault, String) {
        let trouble = self.session.eval(source, "script.rhai").trouble.unwrap_or_else(|| panic!("{source} ends well"));
        (trouble.fault.clone(), trouble.text(false))
    }

    /// The number that a script ends with.
    #[track_caller]
    pub fn number(&self, source: &str) -> f64 {
        self.value(source).parse().unwrap()
    }

    /// What was printed so far, in lines.
    pub fn printed(&self) -> String {
        self.lines.printed().join("\n")
    }

    /// The news so far, in lines.
    pub fn said(&self) -> String {
        self.lines.said.lock().unwrap().join("\n")
    }
}

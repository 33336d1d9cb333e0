//! The terminal: lines on standard output and standard error that do not tear progress bars, and survive a closed pipe.

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::Running;
use super::interrupt;
use super::progress::Bars;
use crate::base::{Cancel, Result};
use crate::repl::{Questions, ask_here};
use crate::runtime::{Output, nobody};

/// Whether the reader of standard output has gone.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Where `print` goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prints {
    /// To standard output.
    ToOutput,
    /// To standard error, because standard output is for the last value alone.
    ToError,
}

impl Prints {
    /// What a way of running asks for.
    pub fn of(running: Running) -> Self {
        if running.json { Self::ToError } else { Self::ToOutput }
    }
}

/// Where a session prints.
#[derive(Debug)]
pub(super) struct Terminal {
    bars: Arc<Bars>,
    prints: Prints,
    /// The prompt's way to its keyboard; without one, questions are asked where they arise.
    questions: Option<Arc<Questions>>,
}

impl Terminal {
    pub fn new(bars: Arc<Bars>, prints: Prints, questions: Option<Arc<Questions>>) -> Self {
        Self { bars, prints, questions }
    }
}

impl Output for Terminal {
    fn print(&self, text: &str) {
        self.bars.aside(|| match self.prints {
            Prints::ToOutput => line(text),
            Prints::ToError => error(&format!("{text}\n")),
        });
    }

    fn debug(&self, text: &str, place: &str) {
        self.bars.aside(|| error(&format!("{place}: {text}\n")));
    }

    fn ask(&self, prompt: &str, hidden: bool, cancel: &Cancel) -> Result<String> {
        let mut answer = Err(nobody());
        self.bars.aside(|| {
            answer = match &self.questions {
                Some(questions) => questions.ask(prompt, hidden, cancel),
                None => ask_here(prompt, hidden, cancel),
            };
        });
        answer
    }
}

/// A line on standard output. That nobody reads it any more (`| head`) is no fault, but the end of the running script.
pub(super) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    if written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) && !CLOSED.swap(true, Ordering::SeqCst) {
        interrupt::stop();
    }
}

/// Whether the reader of standard output has gone.
pub(super) fn closed() -> bool {
    CLOSED.load(Ordering::SeqCst)
}

/// Text on standard error.
pub(super) fn error(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
}

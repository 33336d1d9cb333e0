//! The terminal: lines on standard output and standard error that do not tear progress bars, and survive a closed pipe.

use std::io::Write;
use std::sync::Arc;

use super::progress::Bars;
use crate::runtime::Output;

/// Where a session prints.
#[derive(Debug)]
pub(super) struct Terminal {
    bars: Arc<Bars>,
}

impl Terminal {
    pub fn new(bars: Arc<Bars>) -> Self {
        Self { bars }
    }
}

impl Output for Terminal {
    fn print(&self, text: &str) {
        self.bars.aside(|| line(text));
    }

    fn debug(&self, text: &str, place: &str) {
        self.bars.aside(|| error(&format!("{place}: {text}\n")));
    }
}

/// A line on standard output. That nobody reads it any more (`| head`) is no fault.
pub(super) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
}

/// Text on standard error.
pub(super) fn error(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
}

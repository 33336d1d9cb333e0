//! `%%rust`: cells in Rust.

use super::{Desk, RUST, Shown};
use crate::base::{Fault, Result};
use crate::primitive::cell;
use crate::runtime::Completion;
use crate::runtime::complete::{Candidate, Readiness};
use crate::runtime::session::Session;

impl Session {
    /// Runs a cell in Rust, or only looks whether it compiles, and lets scripts call the functions that it defines.
    pub(super) fn rust(&self, code: &str, check: bool, desk: &dyn Desk) -> Result<()> {
        if code.trim().is_empty() {
            return Err(Fault::new("session::command", "`%%rust` needs code", "write Rust in the lines after it"));
        }
        let code = code.to_owned();
        let host = self.shared().host.clone();
        let done = self.with_evaluator(move |evaluator| {
            if check {
                return cell::check(&host, &code).map(|()| None);
            }
            let done = cell::run(&host, &code)?;
            for (name, function) in done.functions {
                evaluator.set_variable(&name, function);
            }
            Ok(done.shown)
        });
        let ended = || Fault::new("session::ended", "the session has ended", "start a new one");
        if let Some(shown) = done.ok_or_else(ended)?? {
            desk.show(Shown::Value(shown));
        }
        Ok(())
    }

    /// Candidates for what is typed at the end of `before` in a cell in Rust; `None` in any other input.
    pub(in crate::runtime) fn rust_candidates(&self, before: &str) -> Option<Completion> {
        let cell = before.trim_start();
        let code = cell.strip_prefix(RUST)?;
        let offset = before.len() - code.len();
        let found = cell::candidates(&self.shared().host, code, code.len());
        let candidate = |(text, kind): (String, String)| Candidate { text, summary: kind, kind: "rust" };
        Some(Completion { start: offset + found.start, candidates: found.found.into_iter().map(candidate).collect() })
    }
}

/// Whether a cell in Rust is done: an empty line ends it where lines are typed one by one, and one with code beside the command
/// is done at once.
pub(in crate::runtime) fn readiness(source: &str) -> Option<Readiness> {
    let first = source.trim_start().strip_prefix(RUST)?;
    let beside = first.lines().next().is_some_and(|line| !matches!(line.trim(), "" | "check"));
    let done = if first.contains('\n') {
        first.ends_with('\n') || first.lines().last().is_some_and(|line| line.trim().is_empty())
    } else {
        beside
    };
    Some(if done { Readiness::Complete } else { Readiness::Incomplete { indent: String::new() } })
}

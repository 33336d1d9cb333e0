//! `%%rust`: cells in Rust.

use super::clock::ended;
use super::{Desk, RUST, Shown};
use crate::base::{Fault, Result};
use crate::primitive::cell;
use crate::primitive::front::Bundle;
use crate::runtime::Completion;
use crate::runtime::complete::{Candidate, Readiness};
use crate::runtime::evaluator::Evaluator;
use crate::runtime::session::Session;

impl Session {
    /// Runs a cell in Rust, and lets scripts call the functions that it defines. `typed` is the whole input.
    pub(super) fn rust(&self, code: &str, typed: &str, keep: bool, desk: &dyn Desk) -> Result<()> {
        let code = something(code)?;
        let host = self.shared().host.clone();
        let number = keep.then(|| self.take_number());
        let name = number.map_or("[input]".into(), |number| format!("[{number}]"));
        let run = move |evaluator: &mut Evaluator| -> Result<Option<Bundle>> {
            // What is kept from now on names the cell among its inputs, as a script that can run again.
            host.running.begin(&name, &cell::as_script(&code, number.unwrap_or_default()));
            let done = cell::run(&host, &code).inspect_err(|_| host.running.failed())?;
            for (name, function) in done.functions {
                evaluator.set_variable(&name, function);
            }
            Ok(done.shown)
        };
        let run = || self.with_evaluator(run).unwrap_or_else(|| Err(ended()));
        // Its value is none of a script's, so no later input can refer to it.
        let shown = if keep { self.remembered(number, typed.trim(), run, |done| (done.is_err(), false)) } else { run() };
        if let Some(shown) = shown? {
            desk.show(Shown::Value(shown));
        }
        Ok(())
    }

    /// Looks whether a cell in Rust compiles.
    pub(super) fn check_rust(&self, code: &str) -> Result<()> {
        let code = something(code)?;
        let host = self.shared().host.clone();
        self.with_evaluator(move |_| cell::check(&host, &code)).unwrap_or_else(|| Err(ended()))
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

/// The code of a cell, if there is any.
fn something(code: &str) -> Result<String> {
    let none = || Fault::new("session::command", "`%%rust` needs code", "write Rust in the lines after it");
    if code.trim().is_empty() { Err(none()) } else { Ok(code.to_owned()) }
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

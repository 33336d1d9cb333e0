//! `%who`, `%reset`, `%history`: what the session holds.

use std::fmt::Write;

use crate::runtime::evaluator::Evaluator;
use crate::runtime::session::Session;

impl Session {
    /// Variables and functions.
    pub(super) fn who(&self) -> String {
        let shared = self.shared().clone();
        let rows = self.with_evaluator(move |evaluator| {
            let kind = |name: &str| shared.variable(name).map_or_else(String::new, |variable| variable.kind);
            let variables: Vec<_> = evaluator.variables().map(|(name, value)| (name.to_owned(), value.clone())).collect();
            let mut rows: Vec<(String, String, String)> = variables
                .into_iter()
                .map(|(name, value)| (kind(&name), evaluator.brief(&value), name))
                .map(|(k, b, n)| (n, k, b))
                .collect();
            let functions = shared.everything();
            let own = functions.entries().iter().filter(|entry| entry.origin == crate::runtime::catalogue::Origin::Session);
            rows.extend(own.map(|entry| (entry.signature(), "function".into(), entry.summary.clone())));
            rows
        });
        let rows = rows.unwrap_or_default();
        if rows.is_empty() {
            return "nothing is defined yet".into();
        }
        let width =
            |pick: fn(&(String, String, String)) -> &String| rows.iter().map(|row| pick(row).chars().count()).max().unwrap_or(0);
        let (names, kinds) = (width(|row| &row.0), width(|row| &row.1));
        let mut text = String::new();
        for (name, kind, value) in &rows {
            let _ = writeln!(text, "{}", format!("{name:names$}  {kind:kinds$}  {value}").trim_end());
        }
        text.trim_end().to_owned()
    }

    /// Forgets what the session defined, cells in Rust too.
    pub(super) fn reset(&self) -> String {
        let host = self.shared().host.clone();
        let forget = move |evaluator: &mut Evaluator| (evaluator.reset(), host.cells.reset());
        let ((variables, functions), cells) = self.with_evaluator(forget).unwrap_or_default();
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let cells = if cells { ", and what cells in Rust held" } else { "" };
        format!("forgot {} and {}{cells}", count(variables, "variable"), count(functions, "function"))
    }

    /// Inputs, those that contain `part`.
    pub(super) fn past(&self, part: &str) -> String {
        let mut text = String::new();
        for input in self.history() {
            let Some(number) = input.number.filter(|_| input.source.contains(part)) else { continue };
            let lead = format!("[{number}] ");
            let indent = " ".repeat(lead.len());
            let _ = writeln!(text, "{lead}{}", input.source.trim_end().replace('\n', &format!("\n{indent}")));
        }
        if text.is_empty() { "no inputs yet".into() } else { text.trim_end().to_owned() }
    }
}

//! A fault as a person reads it: what, where, through which calls, and what to do next.

mod explain;
mod locate;
mod shared;
mod types;

use std::fmt::Write;

use rhai::EvalAltResult;

use super::library::Script;
use crate::base::Fault;

pub(super) use explain::{Known, explain, explain_parse};
pub(super) use locate::Sources;
pub(super) use shared::call as shared_call;
pub use types::friendly;

/// A place in a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the source: a file, `stdlib/...`, or an input such as `[3]`.
    pub source: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1; 0 if unknown.
    pub column: usize,
    /// The text of the line, where the source is known.
    pub text: Option<String>,
}

impl Place {
    /// The word that stands there.
    fn word(&self) -> Option<String> {
        let rest = self.text.as_ref()?.chars().skip(self.column.checked_sub(1)?);
        Some(rest.take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()).filter(|word| !word.is_empty())
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.column {
            0 => write!(f, "{}:{}", self.source, self.line),
            column => write!(f, "{}:{}:{column}", self.source, self.line),
        }
    }
}

/// One call on the way to a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was called: "`f`", "a closure", "import of `x`".
    pub what: String,
    /// Where it was called.
    pub place: Place,
}

/// A fault with its place and the calls that led there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Code, message and next step.
    pub fault: Fault,
    /// Where it happened.
    pub at: Option<Place>,
    /// The calls that led there, innermost first.
    pub steps: Vec<Step>,
}

impl Trouble {
    /// A fault that belongs to no place in a script.
    pub fn plain(fault: Fault) -> Self {
        Self { fault, at: None, steps: Vec::new() }
    }

    /// A fault of a Rhai error raised while `script` itself was loaded.
    pub(super) fn at_start(error: &EvalAltResult, script: &Script) -> Self {
        let sources = Sources {
            text: &|name| (name == script.shown).then(|| script.text.clone()),
            origin: &|_| None,
            shared: &|_, _| None,
        };
        Self::of(error, &script.shown, &sources, &Known::default())
    }

    /// A fault of a Rhai error raised by `source`.
    pub(super) fn of(error: &EvalAltResult, source: &str, sources: &Sources<'_>, known: &Known<'_>) -> Self {
        let (mut at, mut steps) = locate::locate(error, source, sources);
        let mut fault = explain(error, at.as_ref(), known);
        if let Some(spot) = fault.at.take() {
            // It arose inside a closure or script that the call at `at` ran.
            let inner = sources.spot(&spot.script, spot.line, spot.column);
            if let Some(call) = at.take().filter(|call| (&call.source, call.line) != (&inner.source, inner.line)) {
                steps.insert(0, Step { what: call.word().map_or("a call".into(), |word| format!("`{word}`")), place: call });
            }
            at = Some(inner);
        }
        Self { fault, at, steps }
    }

    /// The whole report, ending with a line break; `colour` adds ANSI colours.
    pub fn text(&self, colour: bool) -> String {
        let paint = |code: &str, text: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() };
        let mut out = format!("{} {}\n", paint("1;31", &format!("error[{}]:", self.fault.code)), paint("1", &self.fault.message));
        if let Some(place) = &self.at {
            let width = place.line.to_string().len();
            let gutter = " ".repeat(width);
            let _ = writeln!(out, "{gutter}{} {place}", paint("1;34", "-->"));
            if let Some(text) = &place.text {
                let bar = paint("1;34", "|");
                let _ = writeln!(out, "{} {bar} {}", paint("1;34", &place.line.to_string()), text.replace('\t', " "));
                if place.column > 0 {
                    let (lead, mark) = underline(text, place.column);
                    let _ = writeln!(out, "{gutter} {bar} {}{}", " ".repeat(lead), paint("1;31", &"^".repeat(mark)));
                }
            }
        }
        for step in &self.steps {
            let _ = writeln!(out, "  in {}, called at {}", step.what, step.place);
        }
        if let Some(help) = &self.fault.help {
            let _ = writeln!(out, "  {} {}", paint("1;36", "help:"), help.replace('\n', "\n        "));
        }
        out
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(false))
    }
}

/// Columns before the mark, and its width: the word at `column`, or one character.
fn underline(text: &str, column: usize) -> (usize, usize) {
    let lead = column - 1;
    let word = text.chars().skip(lead).take_while(|c| c.is_alphanumeric() || *c == '_').count();
    (lead, word.max(1))
}

/// Whether reports on standard error may use colours: a terminal, and `NO_COLOR` not set.
pub fn colours_on_stderr() -> bool {
    use std::io::IsTerminal;
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

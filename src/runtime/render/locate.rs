//! From a nested Rhai error to the place of the fault and the calls that led there.

use rhai::{EvalAltResult, Position};

use super::{Place, Step};

/// What is known about source texts.
pub(in crate::runtime) struct Sources<'a> {
    /// The text of a source.
    pub text: &'a dyn Fn(&str) -> Option<String>,
    /// The source in which a function of the session was defined.
    pub origin: &'a dyn Fn(&str) -> Option<String>,
    /// Where in a source a captured variable is used twice at once, by what the engine says of it.
    pub shared: &'a dyn Fn(&str, &str) -> Option<Position>,
}

impl Sources<'_> {
    fn place(&self, source: &str, position: Position) -> Option<Place> {
        Some(self.spot(source, position.line()?, position.position().unwrap_or(0)))
    }

    /// A place with the text of its line.
    pub(super) fn spot(&self, source: &str, line: usize, column: usize) -> Place {
        let text = (self.text)(source).or_else(|| std::fs::read_to_string(source).ok());
        let text = text.as_deref().and_then(|text| text.lines().nth(line - 1)).map(str::to_owned);
        Place { source: source.into(), line, column, text }
    }
}

/// The place of `error` and the calls around it, innermost first. `source` is what was evaluated.
pub(super) fn locate(error: &EvalAltResult, source: &str, sources: &Sources<'_>) -> (Option<Place>, Vec<Step>) {
    let mut steps = Vec::new();
    let (mut error, mut source) = (error, source.to_owned());
    loop {
        match error {
            // The position is the call's, in the caller's text; the source is the callee's.
            EvalAltResult::ErrorInFunctionCall(name, callee, inner, position) => {
                if let Some(place) = sources.place(&source, *position) {
                    let what = if name.starts_with("anon$") { "a closure".into() } else { format!("`{name}`") };
                    steps.push(Step { what, place });
                }
                if let Some(origin) = (sources.origin)(name) {
                    source = origin;
                } else if !callee.is_empty() {
                    source.clone_from(callee);
                }
                error = inner;
            }
            EvalAltResult::ErrorInModule(name, inner, position) => {
                if let Some(place) = sources.place(&source, *position) {
                    steps.push(Step { what: format!("the import of `{name}`"), place });
                }
                source.clone_from(name);
                error = inner;
            }
            other => {
                steps.reverse();
                let position = match other {
                    EvalAltResult::ErrorDataRace(what, position) if position.is_none() => (sources.shared)(&source, what),
                    _ => None,
                };
                return (sources.place(&source, position.unwrap_or_else(|| other.position())), steps);
            }
        }
    }
}

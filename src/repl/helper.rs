//! What the line editor asks while someone types: candidates, colours, hints, whether the input is whole.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter, MatchingBracketHighlighter};
use rustyline::hint::{Hint, Hinter, HistoryHinter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use super::colours::Colours;
use super::keys::Closing;
use crate::runtime::{Candidate, Ink, Readiness, Session};

/// Columns of a candidate before its summary, at most.
const NAME_COLUMNS: usize = 28;

/// Colours of a text by the bytes they are for.
type Inks = Vec<(Range<usize>, Ink)>;

/// Completion, several lines, colours and hints, asked of the session.
pub(super) struct PromptHelper {
    session: Arc<Session>,
    colours: Colours,
    closing: Closing,
    brackets: MatchingBracketHighlighter,
    earlier: HistoryHinter,
    /// The last text that was coloured: the editor asks anew for every move of the cursor.
    last: RefCell<(String, Inks)>,
}

impl PromptHelper {
    pub fn new(session: Arc<Session>, colours: Colours, closing: Closing) -> Self {
        Self {
            session,
            colours,
            closing,
            brackets: MatchingBracketHighlighter::new(),
            earlier: HistoryHinter::new(),
            last: RefCell::default(),
        }
    }
}

impl Helper for PromptHelper {}

/// A candidate as the list shows it.
#[derive(Debug)]
pub(super) struct Shown {
    text: String,
    line: String,
}

impl rustyline::completion::Candidate for Shown {
    fn display(&self) -> &str {
        &self.line
    }

    fn replacement(&self) -> &str {
        &self.text
    }
}

impl Completer for PromptHelper {
    type Candidate = Shown;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Shown>)> {
        if let Some((start, text)) = self.closing.take(&line[..cursor]) {
            return Ok((start, vec![Shown { line: text.clone(), text }]));
        }
        // `?na` completes as `na` does.
        let offset = line.len() - line.trim_start_matches('?').len();
        let found = self.session.complete(&line[offset..], cursor.saturating_sub(offset));
        let width = found.candidates.iter().map(|candidate| candidate.text.chars().count()).max().unwrap_or(0);
        let columns = super::screen_columns();
        let show = |candidate: Candidate| {
            let line = listed(&candidate, width.min(NAME_COLUMNS), columns);
            Shown { text: candidate.text, line }
        };
        Ok((found.start + offset, found.candidates.into_iter().map(show).collect()))
    }
}

/// A name with its summary, one line wide so that the list has one column.
fn listed(candidate: &Candidate, width: usize, columns: usize) -> String {
    if candidate.summary.is_empty() {
        return candidate.text.clone();
    }
    let line = format!("{:width$}  {}", candidate.text, candidate.summary);
    let room = columns.saturating_sub(3);
    if line.chars().count() <= room {
        return line;
    }
    let cut: String = line.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

impl Validator for PromptHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match self.session.is_complete(context.input()) {
            Readiness::Incomplete { .. } => ValidationResult::Incomplete,
            // What is wrong is said best by evaluating it.
            Readiness::Complete | Readiness::Invalid => ValidationResult::Valid(None),
        })
    }
}

/// What stands dimly behind the cursor.
#[derive(Debug)]
pub(super) struct Suggestion {
    text: String,
    /// Whether the right arrow takes it over: an earlier input, not what a call takes.
    takes: bool,
}

impl Hint for Suggestion {
    fn display(&self) -> &str {
        &self.text
    }

    fn completion(&self) -> Option<&str> {
        self.takes.then_some(self.text.as_str())
    }
}

impl Hinter for PromptHelper {
    type Hint = Suggestion;

    fn hint(&self, line: &str, cursor: usize, context: &Context<'_>) -> Option<Suggestion> {
        if cursor < line.len() || self.colours.is_plain() {
            return None;
        }
        if let Some(text) = self.session.hint(line) {
            return Some(Suggestion { text, takes: false });
        }
        let text = self.earlier.hint(line, cursor, context)?;
        // Of an earlier input with several lines the first is enough to know it by, but not to take over.
        (!text.contains('\n')).then_some(Suggestion { text, takes: true })
    }
}

impl Highlighter for PromptHelper {
    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        if self.colours.is_plain() {
            return Cow::Borrowed(line);
        }
        let mut last = self.last.borrow_mut();
        if last.0 != line {
            // Commands and questions have no syntax.
            let plain = line.trim_start().starts_with(['%', '?', '!']);
            *last = (line.to_owned(), if plain { Vec::new() } else { self.session.inks(line) });
        }
        let bracket = match self.brackets.highlight(line, cursor) {
            Cow::Borrowed(_) => None,
            Cow::Owned(marked) => line.bytes().zip(marked.bytes()).position(|(a, b)| a != b),
        };
        Cow::Owned(Colours::paint(line, &last.1, bracket))
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        self.colours.prompt(prompt)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        self.colours.dim(hint)
    }

    fn highlight_candidate<'c>(&self, candidate: &'c str, _: rustyline::CompletionType) -> Cow<'c, str> {
        match candidate.find("  ") {
            Some(at) if !self.colours.is_plain() => {
                Cow::Owned(format!("{}{}", &candidate[..at], self.colours.dim(&candidate[at..])))
            }
            _ => Cow::Borrowed(candidate),
        }
    }

    fn highlight_char(&self, line: &str, cursor: usize, kind: CmdKind) -> bool {
        let _ = self.brackets.highlight_char(line, cursor, kind);
        !self.colours.is_plain() && kind != CmdKind::ForcedRefresh
    }
}

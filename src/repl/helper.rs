//! What the line editor asks while someone types.

use std::borrow::Cow;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter, MatchingBracketHighlighter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Hinter};

use crate::runtime::{Input, Readiness, Session};

/// Columns of a candidate before its summary.
const NAME_COLUMNS: usize = 24;

/// Characters of a summary that fit beside a name.
const SUMMARY_CHARS: usize = 52;

/// Completion, several lines and brackets, asked of the session.
#[derive(Hinter)]
pub(super) struct PromptHelper<'a> {
    session: &'a Session,
    brackets: MatchingBracketHighlighter,
}

impl<'a> PromptHelper<'a> {
    pub fn new(session: &'a Session) -> Self {
        Self { session, brackets: MatchingBracketHighlighter::new() }
    }
}

impl Helper for PromptHelper<'_> {}

impl Completer for PromptHelper<'_> {
    type Candidate = Pair;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        // `?na` completes as `na` does.
        let offset = line.len() - line.trim_start_matches('?').len();
        let found = self.session.complete(&line[offset..], cursor.saturating_sub(offset));
        let pair = |candidate: crate::runtime::Candidate| {
            let summary: String = candidate.summary.chars().take(SUMMARY_CHARS).collect();
            Pair { display: format!("{:NAME_COLUMNS$} {summary}", candidate.text), replacement: candidate.text }
        };
        Ok((found.start + offset, found.candidates.into_iter().map(pair).collect()))
    }
}

impl Validator for PromptHelper<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let (Input::Code(code) | Input::Time(code)) = Input::read(context.input()) else {
            return Ok(ValidationResult::Valid(None));
        };
        Ok(match self.session.is_complete(code) {
            Readiness::Incomplete { .. } => ValidationResult::Incomplete,
            // What is wrong is said best by evaluating it.
            Readiness::Complete | Readiness::Invalid => ValidationResult::Valid(None),
        })
    }
}

impl Highlighter for PromptHelper<'_> {
    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        self.brackets.highlight(line, cursor)
    }

    fn highlight_char(&self, line: &str, cursor: usize, kind: CmdKind) -> bool {
        self.brackets.highlight_char(line, cursor, kind)
    }
}

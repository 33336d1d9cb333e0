//! Keys: lines that continue are indented, a closing bracket goes back, Alt-Enter begins a line.

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::{
    Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, Helper, KeyCode, KeyEvent, Modifiers, RepeatCount,
    history::History,
};

use crate::runtime::{Readiness, Session};

/// White space of one level.
const INDENT: usize = 4;

/// Enter: evaluates an input that is whole, else begins a line, indented as deep as brackets are open.
struct Enter(Arc<Session>);

impl ConditionalEventHandler for Enter {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let (line, at) = (context.line(), context.pos());
        match self.0.is_complete(line) {
            Readiness::Incomplete { .. } => match self.0.is_complete(&line[..at]) {
                Readiness::Incomplete { indent } => Some(Cmd::Insert(1, format!("\n{indent}"))),
                Readiness::Complete | Readiness::Invalid => Some(Cmd::Insert(1, "\n".into())),
            },
            Readiness::Complete | Readiness::Invalid => None,
        }
    }
}

/// The closing bracket that was typed where a line begins. The editor has no command that replaces a text and goes behind
/// it, but completion does just that: the key asks for it, and the helper gives the line as the only candidate.
#[derive(Debug, Clone, Default)]
pub(super) struct Closing(Arc<Mutex<Option<char>>>);

impl Closing {
    /// What replaces the line before the cursor, and where it begins; `None` if no bracket was typed.
    pub fn take(&self, before: &str) -> Option<(usize, String)> {
        let bracket = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        Some((start, format!("{}{bracket}", &before[start..].get(INDENT..).unwrap_or_default())))
    }
}

/// A closing bracket that begins a line stands one level further left.
struct Close {
    bracket: char,
    closing: Closing,
}

impl ConditionalEventHandler for Close {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let before = &context.line()[..context.pos()];
        let (_, last) = before.rsplit_once('\n')?;
        let blank = last.len() >= INDENT && last.chars().all(|c| c == ' ');
        blank.then(|| {
            *self.closing.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.bracket);
            Cmd::Complete
        })
    }
}

pub(super) fn bind<H: Helper, I: History>(editor: &mut Editor<H, I>, session: &Arc<Session>, closing: &Closing) {
    let on = |handler: Box<dyn ConditionalEventHandler>| EventHandler::Conditional(handler);
    editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::NONE), on(Box::new(Enter(session.clone()))));
    for bracket in ['}', ']', ')'] {
        editor.bind_sequence(
            KeyEvent(KeyCode::Char(bracket), Modifiers::NONE),
            on(Box::new(Close { bracket, closing: closing.clone() })),
        );
    }
    editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::ALT), Cmd::Newline);
    // A Ctrl-D that was pressed while a short input ran arrives so.
    editor.bind_sequence(KeyEvent(KeyCode::Char('@'), Modifiers::CTRL), Cmd::Noop);
}

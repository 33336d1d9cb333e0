//! Colours of the prompt: the terminal's own sixteen, so that they fit a light and a dark one.

use std::borrow::Cow;
use std::ops::Range;

use crate::runtime::Ink;

/// Whether there are colours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colours {
    on: bool,
}

impl Colours {
    /// Colours if the terminal has them and nobody asked for none (`NO_COLOR`).
    pub fn of_terminal() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self { on: !set("NO_COLOR") && !dumb && std::io::IsTerminal::is_terminal(&std::io::stdout()) }
    }

    pub fn is_plain(self) -> bool {
        !self.on
    }

    /// `line` with its words in colour; the bracket at byte `bracket` stands out.
    pub fn paint(line: &str, inks: &[(Range<usize>, Ink)], bracket: Option<usize>) -> String {
        let mut out = String::with_capacity(2 * line.len());
        let mut from = 0;
        let plain = |out: &mut String, range: Range<usize>| match bracket.filter(|at| range.contains(at)) {
            Some(at) if line.is_char_boundary(at) => {
                out.push_str(&line[range.start..at]);
                out.push_str(&format!("\x1b[1;4m{}\x1b[0m", &line[at..at + 1]));
                out.push_str(&line[at + 1..range.end]);
            }
            _ => out.push_str(&line[range]),
        };
        for (place, ink) in inks {
            if place.start < from || place.end > line.len() {
                continue;
            }
            plain(&mut out, from..place.start);
            // A colour ends with its line: the editor measures lines one by one.
            for (at, part) in line[place.clone()].split('\n').enumerate() {
                if at > 0 {
                    out.push('\n');
                }
                out.push_str(&format!("\x1b[{}m{part}\x1b[0m", code(*ink)));
            }
            from = place.end;
        }
        plain(&mut out, from..line.len());
        out
    }

    pub fn prompt(self, text: &str) -> Cow<'_, str> {
        if self.on { Cow::Owned(format!("\x1b[1;34m{text}\x1b[0m")) } else { Cow::Borrowed(text) }
    }

    pub fn dim(self, text: &str) -> Cow<'_, str> {
        if self.on { Cow::Owned(format!("\x1b[2m{text}\x1b[0m")) } else { Cow::Borrowed(text) }
    }
}

fn code(ink: Ink) -> &'static str {
    match ink {
        Ink::Keyword => "35",
        Ink::Text => "32",
        Ink::Number => "36",
        Ink::Comment => "2",
        Ink::Call => "34",
        Ink::Key => "33",
        Ink::Wrong => "31",
    }
}

//! The words of a source text with their places: what colours, completion and references to earlier results are read from.

use std::collections::BTreeSet;
use std::ops::Range;

use rhai::{Engine, LexError, Position, Token};

/// One word of a source text.
#[derive(Debug, Clone)]
pub(super) struct Lexeme {
    pub token: Token,
    /// Bytes of the text that it takes.
    pub place: Range<usize>,
}

impl Lexeme {
    /// The name that stands here.
    pub fn name(&self) -> Option<&str> {
        match &self.token {
            Token::Identifier(name) => Some(name),
            // `_` and `_3` are results of earlier inputs.
            Token::Underscore => Some("_"),
            Token::LexError(error) => match &**error {
                LexError::MalformedIdentifier(name) => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a text that begins here is not closed.
    pub fn is_open_text(&self) -> bool {
        matches!(&self.token, Token::LexError(error) if matches!(**error, LexError::UnterminatedString))
    }
}

/// The words of `source` in order, comments among them.
pub(super) fn lexemes(engine: &Engine, source: &str) -> Vec<Lexeme> {
    let lines: Vec<usize> = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
    // Places come in order: each is counted on from the one before in its line.
    let mut last = (0, 0, 0);
    let mut byte = |position: Position| {
        let line = position.line()?.checked_sub(1)?;
        let column = position.position().unwrap_or(1).saturating_sub(1);
        let (from_column, from) = match last {
            (known, known_column, at) if known == line && known_column <= column => (known_column, at),
            _ => (0, *lines.get(line)?),
        };
        let rest = &source[from..];
        let at = from + rest.char_indices().nth(column - from_column).map_or(rest.len(), |(at, _)| at);
        last = (line, column, at);
        Some(at)
    };
    let texts = [source];
    let (stream, control) = engine.lex(&texts);
    let mut stream = stream;
    stream.state.include_comments = true;
    // Inside `${ }` of a text: how many braces are open in each.
    let mut inside: Vec<usize> = Vec::new();
    let mut found: Vec<(Token, usize)> = Vec::new();
    for (token, position) in stream {
        match &token {
            Token::EOF => break,
            Token::InterpolatedString(_) => inside.push(0),
            Token::LeftBrace | Token::MapStart => {
                if let Some(depth) = inside.last_mut() {
                    *depth += 1;
                }
            }
            Token::RightBrace => {
                if let Some(depth) = inside.last_mut() {
                    *depth = depth.saturating_sub(1);
                    if *depth == 0 {
                        inside.pop();
                        control.borrow_mut().is_within_text = true;
                    }
                }
            }
            _ => {}
        }
        let start = byte(position).unwrap_or(source.len());
        // Inside a comment that is not closed the stream never ends.
        if matches!(token, Token::Comment(_)) && found.last().is_some_and(|(_, last)| *last >= start) {
            break;
        }
        found.push((token, start));
    }
    let ends: Vec<usize> = found.iter().skip(1).map(|(_, start)| *start).chain([source.len()]).collect();
    let place = |start: usize, end: usize| start..start + source.get(start..end).map_or(0, |text| text.trim_end().len());
    found.into_iter().zip(ends).map(|((token, start), end)| Lexeme { token, place: place(start, end) }).collect()
}

/// What a word is, for colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// `let`, `if`, `true`, ...
    Keyword,
    /// A text.
    Text,
    /// A number.
    Number,
    /// A comment.
    Comment,
    /// A name that is called.
    Call,
    /// A key of a map or an option.
    Key,
    /// Something that is no word of the language.
    Wrong,
}

/// The places of `source` that have a colour, in order.
pub(super) fn inks(engine: &Engine, source: &str) -> Vec<(Range<usize>, Ink)> {
    let words = lexemes(engine, source);
    let ink = |(at, word): (usize, &Lexeme)| {
        let next = words.get(at + 1).map(|next| &next.token);
        let ink = match &word.token {
            Token::StringConstant(_) | Token::InterpolatedString(_) | Token::CharConstant(_) => Ink::Text,
            _ if word.is_open_text() => Ink::Text,
            Token::IntegerConstant(_) | Token::FloatConstant(_) => Ink::Number,
            Token::Comment(_) => Ink::Comment,
            Token::Reserved(_) => Ink::Wrong,
            Token::LexError(_) if word.name().is_some_and(|name| Reference::read(name).is_some()) => return None,
            Token::LexError(_) => Ink::Wrong,
            Token::Identifier(_) if next == Some(&Token::LeftParen) => Ink::Call,
            Token::Identifier(_) if next == Some(&Token::Colon) => Ink::Key,
            token if token.is_standard_keyword() && !matches!(token, Token::Underscore) => Ink::Keyword,
            _ => return None,
        };
        Some((word.place.clone(), ink))
    };
    words.iter().enumerate().filter_map(ink).collect()
}

/// A reference to an earlier result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reference {
    /// `_`, `__`, `___`: the last results, counted back from 1.
    Back(usize),
    /// `_3`: the result of input 3.
    Input(usize),
}

impl Reference {
    pub fn read(name: &str) -> Option<Self> {
        let rest = name.trim_start_matches('_');
        match (name.len() - rest.len(), rest) {
            (back @ 1..=3, "") => Some(Self::Back(back)),
            (1, digits) if digits.chars().all(|c| c.is_ascii_digit()) => digits.parse().ok().map(Self::Input),
            _ => None,
        }
    }

    /// The name as it is written.
    pub fn name(self) -> String {
        match self {
            Self::Back(back) => "_".repeat(back),
            Self::Input(number) => format!("_{number}"),
        }
    }
}

/// References to earlier results in `source`, each with its place. The `_` of a `switch` is none.
pub(super) fn references(engine: &Engine, source: &str) -> Vec<(Reference, Range<usize>)> {
    let words = lexemes(engine, source);
    let is_case = |at: usize| matches!(words.get(at + 1).map(|next| &next.token), Some(Token::DoubleArrow | Token::If));
    words
        .iter()
        .enumerate()
        .filter(|(at, word)| !(matches!(word.token, Token::Underscore) && is_case(*at)))
        .filter_map(|(_, word)| Some((Reference::read(word.name()?)?, word.place.clone())))
        .collect()
}

/// `source` with each reference under another name of the same length, which the parser takes: the names differ from all
/// words of the source and from those that are `taken`. Gives the text, and for each reference its name there.
pub(super) fn stand_ins(
    source: &str,
    references: &[(Reference, Range<usize>)],
    taken: impl Fn(&str) -> bool,
) -> (String, Vec<(Reference, String)>) {
    let words: BTreeSet<&str> = source.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let mut named: Vec<(Reference, String)> = Vec::new();
    let mut text = source.to_owned();
    for (reference, place) in references {
        let known = named.iter().find(|(other, _)| other == reference).map(|(_, name)| name.clone());
        let written = &source[place.clone()];
        let free = || {
            ('A'..='Z').chain('a'..='z').map(|letter| match reference {
                Reference::Input(_) => format!("{letter}{}", &written[1..]),
                Reference::Back(_) => format!("{}{letter}", &written[1..]),
            })
        };
        let is_free =
            |name: &String| !words.contains(name.as_str()) && !taken(name) && !named.iter().any(|(_, other)| other == name);
        // With every letter in use the reference stays, and is refused by the parser.
        let name = known.or_else(|| free().find(is_free)).unwrap_or_else(|| written.to_owned());
        text.replace_range(place.clone(), &name);
        if !named.iter().any(|(other, _)| other == reference) {
            named.push((*reference, name));
        }
    }
    (text, named)
}

/// `source` as the parser takes it, where only its form is of interest.
pub(super) fn readable(engine: &Engine, source: &str) -> String {
    stand_ins(source, &references(engine, source), |_| false).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bytes_of_the_text() {
        let engine = Engine::new();
        let source = "let ä = \"ü\" + `x ${y + \"z\"} w`; // c\nf(1.5)";
        let words: Vec<&str> = lexemes(&engine, source).iter().map(|word| &source[word.place.clone()]).collect();
        assert_eq!(words[..6], ["let", "ä", "=", "\"ü\"", "+", "`x $"], "{words:?}");
        assert_eq!(words[words.len() - 5..], ["// c", "f", "(", "1.5", ")"], "{words:?}");
    }

    #[test]
    fn what_is_not_closed_ends_too() {
        for source in ["/* a", "1 /* a /* b */", "`a ${ /* ", "\"a", "'", "`${`${"] {
            assert!(lexemes(&Engine::new(), source).len() < 10, "{source}");
        }
    }

    #[test]
    fn references_are_read_and_cases_are_not() {
        let engine = Engine::new();
        let source = "switch _ { 1 => _3 + __, _ => a_1 + _x }";
        let found: Vec<Reference> = references(&engine, source).into_iter().map(|(reference, _)| reference).collect();
        assert_eq!(found, [Reference::Back(1), Reference::Input(3), Reference::Back(2)]);
        let (text, _) = stand_ins("A + _3 -1 + _ + B3", &references(&engine, "A + _3 -1 + _ + B3"), |name| name == "A3");
        assert_eq!(text, "A + C3 -1 + B + B3");
    }
}

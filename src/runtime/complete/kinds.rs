//! The type of what stands before a dot, as far as names, documentation and variables tell.

use rhai::Token;

use super::context::path_ending;
use crate::runtime::catalogue::{Catalogue, Entry, Kind};
use crate::runtime::session::Shared;
use crate::runtime::tokens::Lexeme;

/// Words of a source before the dot that are still looked at.
const LONGEST_CHAIN: usize = 2000;

/// What is known of a value.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Its type in the user's words.
    pub kind: String,
    /// Keys, if it is a map of the session.
    pub keys: Vec<String>,
}

/// What the value at the end of `words` is, if that can be told without evaluating anything.
pub(super) fn kind_of(shared: &Shared, catalogue: &Catalogue, words: &[Lexeme]) -> Option<Known> {
    // Nobody writes such a chain; each link is a call deeper.
    if words.len() > LONGEST_CHAIN {
        return None;
    }
    let last = words.len().checked_sub(1)?;
    let of_kind = |kind: &str| Some(Known { kind: kind.into(), keys: Vec::new() });
    match &words[last].token {
        Token::StringConstant(_) => of_kind("text"),
        Token::IntegerConstant(_) => of_kind("int"),
        Token::FloatConstant(_) => of_kind("float"),
        Token::RightParen => {
            let name = opening(words, last)?.checked_sub(1)?;
            let path = path_ending(words, name)?;
            let start = name - 2 * path.matches("::").count();
            let receiver = before_dot(words, start).map(|words| kind_of(shared, catalogue, words));
            result(catalogue, &path, Kind::Function, receiver.flatten().as_ref())
        }
        Token::RightBracket => {
            let open = opening(words, last)?;
            match words[..open].last().map(|word| &word.token) {
                // An array written out.
                None | Some(Token::Equals | Token::LeftParen | Token::Comma) => of_kind("array"),
                _ => {
                    let whole = kind_of(shared, catalogue, &words[..open])?;
                    whole.kind.strip_prefix("array of ").and_then(of_kind)
                }
            }
        }
        _ => {
            let path = path_ending(words, last)?;
            match before_dot(words, last) {
                Some(before) => {
                    let receiver = kind_of(shared, catalogue, before)?;
                    result(catalogue, &path, Kind::Property, Some(&receiver))
                }
                None => {
                    let variable = shared.variable(&path)?;
                    Some(Known { kind: variable.kind, keys: variable.keys })
                }
            }
        }
    }
}

/// The bracket that the one at `close` closes.
fn opening(words: &[Lexeme], close: usize) -> Option<usize> {
    let mut depth = 0usize;
    for at in (0..=close).rev() {
        match words[at].token {
            Token::RightParen | Token::RightBracket | Token::RightBrace => depth += 1,
            Token::LeftParen | Token::LeftBracket | Token::LeftBrace | Token::MapStart => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn before_dot(words: &[Lexeme], start: usize) -> Option<&[Lexeme]> {
    let dot = start.checked_sub(1)?;
    matches!(words[dot].token, Token::Period | Token::Elvis).then(|| &words[..dot])
}

/// What a function or property gives; of several with one name the one for `receiver`, else one that says it.
fn result(catalogue: &Catalogue, name: &str, kind: Kind, receiver: Option<&Known>) -> Option<Known> {
    let fits = |entry: &&Entry| entry.kind == kind && !entry.returns.is_empty();
    let entries: Vec<&Entry> = catalogue.named(name).filter(fits).collect();
    let own = receiver.and_then(|known| entries.iter().find(|entry| entry.receiver_name() == Some(known.kind.as_str())));
    let entry = match (own, receiver) {
        (Some(entry), _) => entry,
        (None, Some(_)) => return None,
        (None, None) => entries.first()?,
    };
    (!matches!(entry.returns.as_str(), "any" | "()")).then(|| Known { kind: entry.returns.clone(), keys: Vec::new() })
}

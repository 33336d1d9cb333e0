//! What someone is typing: a member of a value, an option of a call, something inside a text, or a name.

use std::ops::Range;

use rhai::{Engine, Token};

use crate::runtime::tokens::{Lexeme, lexemes};

/// The place of the cursor.
#[derive(Debug)]
pub(super) enum Context {
    /// Behind the dot of a value, which these words write.
    Member {
        /// The words before the dot.
        receiver: Vec<Lexeme>,
    },
    /// A key in the map of options of a call.
    Option {
        /// The function that is called.
        call: String,
        /// Keys that are there already.
        given: Vec<String>,
    },
    /// Inside a text.
    Text {
        /// The function whose argument it is.
        call: Option<String>,
        /// Whether it is what `import` takes.
        import: bool,
        /// The text so far.
        written: String,
    },
    /// In a comment, or in a number.
    Nothing,
    /// Any name.
    Name,
}

/// What the cursor at the end of `before` is in, and the bytes of the word that it ends.
pub(super) fn context(engine: &Engine, before: &str) -> (Context, Range<usize>) {
    let mut words = lexemes(engine, before);
    let end = before.len();
    if let Some(open) = words.last().filter(|word| word.is_open_text()) {
        // Where its place is not that of its quote, nothing is known of it.
        let start = (open.place.start + 1).min(end);
        if !before.is_char_boundary(start) {
            return (Context::Nothing, end..end);
        }
        words.pop();
        let import = words.last().is_some_and(|word| matches!(word.token, Token::Import));
        let written = before[start..].to_owned();
        return (Context::Text { call: calls(&words).pop().map(|(name, _)| name), import, written }, start..end);
    }
    let touches = |word: &Lexeme| word.place.end == end;
    if words.last().is_some_and(|word| touches(word) && matches!(word.token, Token::Comment(_))) {
        return (Context::Nothing, end..end);
    }
    let path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let start = before.rfind(|c: char| !path(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    // A colon that ends a key is no part of a path.
    let start = start + before[start..].rfind(": ").map_or(0, |at| at + 2);
    if before[start..].starts_with(|c: char| c.is_ascii_digit()) {
        return (Context::Nothing, end..end);
    }
    words.retain(|word| word.place.start < start && !matches!(word.token, Token::Comment(_)));
    match words.last().map(|word| &word.token) {
        Some(Token::Period | Token::Elvis) => {
            words.pop();
            return (Context::Member { receiver: words }, start..end);
        }
        Some(Token::MapStart | Token::Comma) => {
            if let Some((call, Some(given))) = calls(&words).pop() {
                return (Context::Option { call, given }, start..end);
            }
        }
        _ => {}
    }
    (Context::Name, start..end)
}

/// The calls that are open at the end, outermost first; with the keys of the map of options that is open in the innermost.
pub(super) fn calls(words: &[Lexeme]) -> Vec<(String, Option<Vec<String>>)> {
    #[derive(Debug)]
    enum Open {
        Call(String),
        Map(Vec<String>),
        Other,
    }
    let mut open: Vec<Open> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match word.token {
            Token::LeftParen => {
                let name = at.checked_sub(1).and_then(|before| path_ending(words, before));
                open.push(name.map_or(Open::Other, Open::Call));
            }
            Token::MapStart => open.push(Open::Map(Vec::new())),
            Token::LeftBracket | Token::LeftBrace => open.push(Open::Other),
            Token::RightParen | Token::RightBracket | Token::RightBrace => {
                open.pop();
            }
            Token::Colon => {
                if let (Some(Open::Map(keys)), Some(key)) = (open.last_mut(), at.checked_sub(1).map(|before| &words[before])) {
                    keys.extend(key.name().map(str::to_owned));
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    let mut rest = open.into_iter().peekable();
    while let Some(one) = rest.next() {
        if let Open::Call(name) = one {
            let keys = match rest.peek() {
                Some(Open::Map(keys)) => Some(keys.clone()),
                _ => None,
            };
            let inside_map = keys.is_some();
            found.push((name, keys));
            // Another bracket inside the map is not the map itself.
            if inside_map {
                rest.next();
                if rest.peek().is_some()
                    && let Some(last) = found.last_mut()
                {
                    last.1 = None;
                }
            }
        }
    }
    found
}

/// The name or path that ends at word `at`: `stats::kendall`.
pub(super) fn path_ending(words: &[Lexeme], at: usize) -> Option<String> {
    let mut name = words.get(at)?.name()?.to_owned();
    let mut at = at;
    while at >= 2 && matches!(words[at - 1].token, Token::DoubleColon) {
        name = format!("{}::{name}", words[at - 2].name()?);
        at -= 2;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(before: &str) -> (String, String) {
        let (found, word) = context(&Engine::new(), before);
        let text = match found {
            Context::Member { receiver } => format!("member of {} words", receiver.len()),
            Context::Option { call, given } => format!("option of {call} {given:?}"),
            Context::Text { call, import, written } => format!("text of {call:?} {import} {written}"),
            Context::Nothing => "nothing".into(),
            Context::Name => "name".into(),
        };
        (text, before[word].to_owned())
    }

    #[test]
    fn the_cursor_knows_where_it_is() {
        let cases = [
            ("let x = hyper", "name", "hyper"),
            ("hs.sp", "member of 1 words", "sp"),
            ("hs.space(\"0\").", "member of 6 words", ""),
            ("qt_score(a, b, #{ li", "option of qt_score []", "li"),
            ("qt_score(a, b, #{ limits: [1, 2], sa", "option of qt_score [\"limits\"]", "sa"),
            ("qt_score(a, b, #{ limits: [1, sa", "name", "sa"),
            ("qt_score(a, b, #{ limits: sa", "name", "sa"),
            ("stats::ken", "name", "stats::ken"),
            ("operator(\"gh", "text of Some(\"operator\") false gh", "gh"),
            ("import \"strat", "text of None true strat", "strat"),
            ("1 + 2.", "member of 3 words", ""),
            ("1 + 25", "nothing", ""),
            ("// a comm", "nothing", ""),
            ("f(#{a: 1}).b(#{ c", "option of b []", "c"),
        ];
        for (before, wanted, word) in cases {
            assert_eq!(at(before), (wanted.to_owned(), word.to_owned()), "{before}");
        }
    }
}

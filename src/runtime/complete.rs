//! What a front asks while someone types: candidates, help on a name, whether an input is whole.

use rhai::{Engine, LexError, ParseErrorType};

use super::catalogue::{Entry, Kind};
use super::session::Shared;

/// One candidate for completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word.
    pub text: String,
    /// What it is in a few words.
    pub summary: String,
}

/// Candidates for the word that starts at byte `start`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// Where the word to replace starts.
    pub start: usize,
    /// Candidates in order.
    pub candidates: Vec<Candidate>,
}

/// Whether an input can be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Complete,
    /// More lines are to come, indented like this.
    Incomplete {
        /// White space for the next line.
        indent: String,
    },
    /// It cannot, whatever follows.
    Invalid,
}

const KEYWORDS: [&str; 18] = [
    "let", "const", "if", "else", "for", "in", "while", "loop", "do", "until", "break", "continue", "return", "fn", "switch",
    "try", "throw", "import",
];

pub(super) fn complete(shared: &Shared, source: &str, cursor: usize) -> Completion {
    let Some(before) = source.get(..cursor) else { return Completion::default() };
    let start = before
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let word = &before[start..];
    let head = before[..start].trim_end();
    let mut candidates = match head.strip_suffix('.') {
        Some(receiver) if !receiver.ends_with('.') => members(shared, receiver, word),
        _ => names(shared, word),
    };
    candidates.sort_by(|a, b| a.text.cmp(&b.text));
    candidates.dedup_by(|a, b| a.text == b.text);
    Completion { start, candidates }
}

fn members(shared: &Shared, receiver: &str, word: &str) -> Vec<Candidate> {
    let catalogue = shared.everything();
    let name = receiver.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
    let chained = receiver[..receiver.len() - name.len()].ends_with(['.', ')', ']']);
    let variable = shared.variables().get(name).filter(|_| !chained).cloned();
    let matches = |entry: &&Entry| entry.name.starts_with(word) && (entry.kind == Kind::Property || !entry.params.is_empty());
    let mut found: Vec<Candidate> = Vec::new();
    let entries: Vec<Entry> = match &variable {
        Some(variable) => {
            found.extend(variable.keys.iter().filter(|key| key.starts_with(word)).map(|key| candidate(key, "key")));
            catalogue.members_of_type(variable.type_id).into_iter().filter(matches).cloned().collect()
        }
        None => catalogue.own().filter(|entry| entry.receiver.is_some()).filter(matches).cloned().collect(),
    };
    found.extend(entries.iter().map(|entry| candidate(&entry.name, &summary(entry))));
    found
}

fn names(shared: &Shared, word: &str) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for (name, variable) in shared.variables() {
        if name.starts_with(word) {
            found.push(candidate(&name, &format!("variable: {}", variable.kind)));
        }
    }
    let catalogue = shared.everything();
    let functions = catalogue.entries().iter().filter(|entry| entry.kind == Kind::Function && entry.path.starts_with(word));
    found.extend(functions.map(|entry| candidate(&entry.path, &summary(entry))));
    found.extend(KEYWORDS.iter().filter(|key| key.starts_with(word)).map(|key| candidate(key, "keyword")));
    found
}

fn summary(entry: &Entry) -> String {
    if entry.summary.is_empty() { entry.signature() } else { entry.summary.clone() }
}

fn candidate(text: &str, summary: &str) -> Candidate {
    Candidate { text: text.into(), summary: summary.into() }
}

pub(super) fn inspect(shared: &Shared, name: &str) -> Option<String> {
    let name = name.trim().trim_end_matches("()");
    let catalogue = shared.everything();
    if let Some(variable) = shared.variables().get(name) {
        let members = catalogue.help(&variable.kind).unwrap_or_default();
        return Some(format!("{name}: {}\n{members}", variable.kind));
    }
    catalogue.help(name.rsplit('.').next().unwrap_or(name)).ok()
}

/// Incomplete means: the parser stopped at the end of the text, or inside a text that may span lines, or inside a comment.
pub(super) fn readiness(engine: &Engine, source: &str) -> Readiness {
    let incomplete = || Readiness::Incomplete { indent: indent(source) };
    if open_comment(source) {
        return incomplete();
    }
    let Err(error) = engine.compile(source) else { return Readiness::Complete };
    let (line, column) = (error.position().line().unwrap_or(0), error.position().position().unwrap_or(0));
    if matches!(error.err_type(), ParseErrorType::BadInput(LexError::UnterminatedString)) {
        let opened = source.lines().nth(line.saturating_sub(1)).and_then(|text| text.chars().nth(column.saturating_sub(1)));
        return if opened == Some('`') { incomplete() } else { Readiness::Invalid };
    }
    let last = source.lines().count();
    let width = source.lines().last().map_or(0, |text| text.chars().count());
    let at_end = matches!(error.err_type(), ParseErrorType::UnexpectedEOF) || line > last || (line == last && column > width);
    if at_end { incomplete() } else { Readiness::Invalid }
}

/// Four spaces for each bracket still open.
fn indent(source: &str) -> String {
    let depth = source.chars().fold(0i32, |depth, c| match c {
        '{' | '(' | '[' => depth + 1,
        '}' | ')' | ']' => depth - 1,
        _ => depth,
    });
    " ".repeat(4 * usize::try_from(depth).unwrap_or(0))
}

/// Whether a `/* ... */` comment is still open at the end; they nest. The parser takes such an input for whole.
fn open_comment(source: &str) -> bool {
    let (mut depth, mut quote, mut rest) = (0usize, None, source.chars().peekable());
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        match (depth, quote, c, next) {
            (1.., _, '*', Some('/')) => {
                rest.next();
                depth -= 1;
            }
            (_, None, '/', Some('*')) => {
                rest.next();
                depth += 1;
            }
            (1.., ..) => {}
            (0, None, '/', Some('/')) => while rest.next_if(|c| *c != '\n').is_some() {},
            (0, None, '"' | '`', _) => quote = Some(c),
            (0, Some('"'), '\\', _) => {
                rest.next();
            }
            (0, Some(open), ..) if c == open => quote = None,
            _ => {}
        }
    }
    depth > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_whole_open_or_wrong() {
        let engine = Engine::new();
        let incomplete = ["fn f(x) {", "let x =", "x.", "`abc", "[1,", "f(1,", "if x {", "/* a", "#{ a: 1,"];
        for source in incomplete {
            assert!(matches!(readiness(&engine, source), Readiness::Incomplete { .. }), "{source}");
        }
        for source in ["1 + 1", "let x = 3;", "fn f(x) { x }", "", "/* a */ 1", "\"/*\"", "// /*"] {
            assert_eq!(readiness(&engine, source), Readiness::Complete, "{source}");
        }
        for source in ["let = 3", "\"abc", "1 2", ")"] {
            assert_eq!(readiness(&engine, source), Readiness::Invalid, "{source}");
        }
        assert_eq!(readiness(&engine, "fn f() {\n  g("), Readiness::Incomplete { indent: " ".repeat(8) });
    }
}

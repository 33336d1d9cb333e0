//! Whether an input is whole, open or wrong.

use rhai::{Engine, LexError, ParseErrorType};

use crate::runtime::tokens::readable;

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

/// Incomplete means: the parser stopped at the end of the text, or inside a text that may span lines, or inside a comment.
pub(in crate::runtime) fn readiness(engine: &Engine, source: &str) -> Readiness {
    let incomplete = || Readiness::Incomplete { indent: indent(source) };
    if open_comment(source) {
        return incomplete();
    }
    let Err(error) = engine.compile(readable(engine, source)) else { return Readiness::Complete };
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

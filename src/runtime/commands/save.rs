//! `%save`: the inputs of a session as a script that gives the same values.

use std::collections::BTreeSet;
use std::path::Path;

use rhai::{ASTNode, Engine, Position, Stmt, Token};

use super::Input;
use crate::base::{Result, write_atomic};
use crate::primitive::cell::as_script;
use crate::runtime::session::{Past, Session};
use crate::runtime::tokens::{Reference, lexemes, readable, references};

impl Session {
    /// Writes the script.
    pub(super) fn save(&self, file: &str) -> Result<String> {
        let inputs = self.history();
        let text = script(&self.shared().engine, &inputs);
        let path = Path::new(file.trim_matches('"'));
        write_atomic(path, text.as_bytes())?;
        let good = inputs.iter().filter(|input| input.failed == Some(false)).count();
        let bad = inputs.iter().filter(|input| input.failed == Some(true)).count();
        let left_out = match bad {
            0 => String::new(),
            1 => ", the one that failed as a comment".into(),
            bad => format!(", {bad} that failed as comments"),
        };
        let inputs = if good == 1 { "input" } else { "inputs" };
        Ok(format!("{}: {good} {inputs}{left_out}", path.display()))
    }
}

/// Inputs one after the other; values that were shown are printed, results that are used later have names.
fn script(engine: &Engine, inputs: &[Past]) -> String {
    // Numbers of inputs with a value, in order, to say what `_` was.
    let mut valued: Vec<usize> = Vec::new();
    let mut resolved: Vec<Vec<(usize, std::ops::Range<usize>)>> = Vec::new();
    let mut used = BTreeSet::new();
    for input in inputs {
        let mut places = Vec::new();
        if input.failed == Some(false) && rust(input).is_none() {
            for (reference, place) in references(engine, &input.source) {
                let number = match reference {
                    Reference::Input(number) => Some(number),
                    Reference::Back(back) => valued.iter().rev().nth(back - 1).copied(),
                };
                if let Some(number) = number {
                    used.insert(number);
                    places.push((number, place));
                }
            }
            if let Some(number) = input.number.filter(|_| input.valued) {
                valued.push(number);
            }
        }
        resolved.push(places);
    }
    let mut text = String::from("// Inputs of a session, in order.\n");
    for (input, places) in inputs.iter().zip(resolved) {
        let source = input.source.trim();
        text.push('\n');
        if input.failed != Some(false) {
            text.push_str("// This input failed:\n");
            source.lines().for_each(|line| text.push_str(&format!("// {line}\n")));
            continue;
        }
        if let Some(code) = rust(input) {
            text.push_str(&format!("{}\n", as_script(code, input.number.unwrap_or_default())));
            continue;
        }
        let lead = input.source.len() - input.source.trim_start().len();
        let value = last_value(engine, &input.source).filter(|_| input.valued && input.number.is_some()).map(|at| at - lead);
        let mut parts: Vec<(usize, usize, String)> =
            places.into_iter().map(|(number, place)| (place.start - lead, place.end - lead, format!("out_{number}"))).collect();
        let bare = source.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        match (value, input.number) {
            (Some(at), Some(number)) if used.contains(&number) => {
                parts.push((at, at, format!("let out_{number} = ")));
                parts.push((bare.len(), bare.len(), format!(";\nprint(out_{number});")));
            }
            (Some(at), _) => {
                parts.push((at, at, "print(".into()));
                parts.push((bare.len(), bare.len(), ");".into()));
            }
            (None, _) if bare.ends_with('}') => parts.push((bare.len(), bare.len(), String::new())),
            (None, _) => parts.push((bare.len(), bare.len(), ";".into())),
        }
        // At one place what is put in stands before what is replaced.
        parts.sort_by_key(|part| (part.0, part.1));
        let mut from = 0;
        for (start, end, put) in parts {
            text.push_str(&bare[from..start.min(bare.len())]);
            text.push_str(&put);
            from = end.min(bare.len());
        }
        text.push_str(&bare[from..]);
        text.push('\n');
    }
    text
}

/// The code of a cell in Rust, if an input is one.
fn rust(input: &Past) -> Option<&str> {
    match Input::read(&input.source) {
        Input::Rust(code, _) => Some(code),
        _ => None,
    }
}

/// Where the expression begins that gives an input its value, if its last statement is one.
fn last_value(engine: &Engine, source: &str) -> Option<usize> {
    let text = readable(engine, source);
    let ast = engine.compile(&text).ok()?;
    let mut first: Option<Position> = None;
    let mut path = Vec::new();
    let last = ast.statements().last()?;
    if !matches!(last, Stmt::Expr(_) | Stmt::FnCall(..) | Stmt::If(..) | Stmt::Switch(..)) {
        return None;
    }
    last.walk(&mut path, &mut |nodes: &[ASTNode<'_>]| {
        let at = nodes.last().map_or(Position::NONE, ASTNode::position);
        if !at.is_none() && first.is_none_or(|first| at < first) {
            first = Some(at);
        }
        true
    });
    let at = offset(&text, first?);
    // Brackets around it leave no trace in the tree.
    let words = lexemes(engine, &text);
    let inner = words.iter().position(|word| word.place.start >= at)?;
    let outer = words[..inner].iter().rposition(|word| !matches!(word.token, Token::LeftParen)).map_or(0, |before| before + 1);
    words.get(outer).map(|word| word.place.start)
}

fn offset(text: &str, position: Position) -> usize {
    let line = position.line().unwrap_or(1).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &text[start..];
    let before = position.position().unwrap_or(1).saturating_sub(1);
    start + rest.char_indices().nth(before).map_or(rest.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_in_rust_become_calls() {
        let engine = Engine::new();
        let input =
            |number, source: &str| Past { number: Some(number), source: source.into(), failed: Some(false), valued: false };
        let inputs = [
            input(1, "%%rust\nlet mut n = 1;"),
            input(2, "%%rust\nfn twice(x: f64) -> f64 {\n    2.0 * x\n}"),
            input(3, "%%rust\nfn a(x: i64) -> i64 { x }\nfn loop_(s: &str) -> String { format!(r#\"${s}\"#) }\nfn new() {}"),
        ];
        let text = script(&engine, &inputs);
        let wanted = [
            "// Inputs of a session, in order.\n",
            "rust_cell(`\nlet mut n = 1;\n`);\n",
            "let twice = rust_cell(`\nfn twice(x: f64) -> f64 {\n    2.0 * x\n}\n`).twice;\n",
            "let cell_3 = rust_cell(##\"\nfn a(x: i64) -> i64 { x }\nfn loop_(s: &str) -> String { format!(r#\"${s}\"#) }\nfn new() {}\n\"##);",
            "let a = cell_3.a;",
            "let loop_ = cell_3.loop_;\n",
        ];
        assert_eq!(text, wanted.join("\n"));
        engine.compile(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }

    #[test]
    fn inputs_become_a_script_that_runs() {
        let mut engine = Engine::new();
        let input = |number, source: &str, valued| Past {
            number: Some(number),
            source: source.into(),
            failed: Some(source.starts_with("nonsense")),
            valued,
        };
        let inputs = [
            input(1, "let a = 5;", false),
            input(2, "a * 2", true),
            input(3, "nonsense(", false),
            input(4, "fn f(x) { x + 1 }", false),
            input(5, "let b = 1; f(_ + _2)", true),
            input(6, "`${b} and` + ` text`", true),
            input(7, "(a + _5) * 2", true),
            input(8, "print(a)", false),
            input(9, "_ + 1", true),
            input(10, "[a, b].map(|x| x * 2).len()", true),
            input(11, "if a > 1 { 7 } else { 8 }", true),
        ];
        let text = script(&engine, &inputs);
        let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let keep = lines.clone();
        engine.on_print(move |line| keep.lock().expect("one thread").push(line.to_owned()));
        engine.run(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(*lines.lock().expect("one thread"), ["10", "21", "1 and text", "52", "5", "53", "2", "7"], "{text}");
        assert!(text.contains("// nonsense("), "{text}");
    }
}

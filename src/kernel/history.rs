//! Inputs of this and earlier sessions, as clients ask for them. They are kept in a file of one line each.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::wire::Request;

/// Inputs of earlier sessions that are remembered.
const REMEMBERED: usize = 10_000;

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    session: i64,
    number: i64,
    input: String,
    /// Its value as text; for inputs of this session alone.
    #[serde(skip)]
    output: Option<String>,
}

/// All inputs, oldest first.
#[derive(Debug)]
pub(super) struct History {
    session: i64,
    lines: Vec<Line>,
    file: Option<File>,
}

impl History {
    /// Opens the history in `file`; where that cannot be done, a history of this session alone, and why.
    pub fn open(file: Option<&Path>) -> (Self, Option<std::io::Error>) {
        match file.map(remembered) {
            Some(Ok(history)) => (history, None),
            Some(Err(error)) => (Self { session: 1, lines: Vec::new(), file: None }, Some(error)),
            None => (Self { session: 1, lines: Vec::new(), file: None }, None),
        }
    }

    /// Adds an input.
    pub fn add(&mut self, number: usize, input: &str, output: Option<String>) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let line = Line { session: self.session, number, input: input.to_owned(), output };
        let written = self.file.as_mut().map(|file| {
            let mut text = serde_json::to_string(&line)?;
            text.push('\n');
            file.write_all(text.as_bytes())
        });
        if matches!(written, Some(Err(_))) {
            // A full disk: what cannot be kept is known until the session ends.
            self.file = None;
        }
        self.lines.push(line);
    }

    /// The content of the reply to a `history_request`. Fields that clients leave out have the protocol's defaults.
    pub fn answer(&self, request: &Request) -> Value {
        let count = |field: &str| request.number(field).and_then(|n| usize::try_from(n).ok());
        let found: Vec<&Line> = match request.text("hist_access_type") {
            "range" => {
                let session = request.number("session").unwrap_or(0);
                // 0 is this session, -1 the one before.
                let session = if session <= 0 { self.session + session } else { session };
                let start = request.number("start").unwrap_or(1);
                let stop = request.number("stop").unwrap_or(i64::MAX);
                let inside = |line: &&Line| line.session == session && line.number >= start && line.number < stop;
                self.lines.iter().filter(inside).collect()
            }
            "search" => {
                let pattern = Some(request.text("pattern")).filter(|pattern| !pattern.is_empty()).unwrap_or("*");
                let mut found: Vec<&Line> = self.lines.iter().filter(|line| matches(pattern, &line.input)).collect();
                if request.flag("unique", false) {
                    let mut seen = std::collections::BTreeSet::new();
                    found.reverse();
                    found.retain(|line| seen.insert(line.input.as_str()));
                    found.reverse();
                }
                last(found, count("n"))
            }
            _ => last(self.lines.iter().collect(), count("n").or(Some(10))),
        };
        let output = request.flag("output", false);
        let shown: Vec<Value> = found
            .into_iter()
            .map(|line| match output {
                true => json!([line.session, line.number, [line.input, line.output]]),
                false => json!([line.session, line.number, line.input]),
            })
            .collect();
        json!({ "status": "ok", "history": shown })
    }
}

fn last(mut lines: Vec<&Line>, count: Option<usize>) -> Vec<&Line> {
    let first = lines.len().saturating_sub(count.unwrap_or(usize::MAX));
    lines.split_off(first)
}

/// Reads the file and begins a session in it.
fn remembered(path: &Path) -> std::io::Result<History> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    // Two kernels that start at once do not get one number.
    file.lock()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    // A line that a crash cut off is left out.
    let mut lines: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let session = lines.last().map_or(0, |line| line.session) + 1;
    let begun = Line { session, number: 0, input: String::new(), output: None };
    let lead = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    file.write_all(format!("{lead}{}\n", serde_json::to_string(&begun)?).as_bytes())?;
    file.unlock()?;
    lines.retain(|line| line.number > 0);
    let first = lines.len().saturating_sub(REMEMBERED);
    Ok(History { session, lines: lines.split_off(first), file: Some(file) })
}

/// `$XDG_STATE_HOME/spaceevo/kernel-history.jsonl`, by default under `~/.local/state`.
pub(super) fn usual_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("spaceevo/kernel-history.jsonl"))
}

/// Whether all of `text` fits a pattern in which `*` is any text and `?` any character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    // Where the last star stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                at = place + 1;
                from = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_inputs() {
        for (pattern, text, fits) in [
            ("1?2*", "1+2", true),
            ("*", "", true),
            ("*let*", "a; let b", true),
            ("let", "let b", false),
            ("a*b*c", "aXbYbc", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn sessions_are_numbered_and_torn_lines_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/history.jsonl");
        let (mut first, problem) = History::open(Some(&path));
        assert!(problem.is_none());
        first.add(1, "1 + 1", Some("2".into()));
        let mut file = OpenOptions::new().append(true).open(&path).expect("the file");
        file.write_all(b"{\"session\":1,\"num").expect("a torn line");
        let (mut second, _) = History::open(Some(&path));
        second.add(1, "2 + 2", None);
        let (third, _) = History::open(Some(&path));
        let inputs: Vec<_> = third.lines.iter().map(|line| (line.session, line.number, line.input.as_str())).collect();
        assert_eq!((third.session, inputs), (3, vec![(1, 1, "1 + 1"), (2, 1, "2 + 2")]));
    }
}

//! Files of the project as text, and what their code names: enough of Rust's grammar for the house rules.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A text file of the project, by its path from the root.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    /// The folder under `src/` that the file lives in; for files directly there, the file's name.
    pub fn home(&self) -> Option<&str> {
        self.path.strip_prefix("src/")?.split('/').next()
    }

    /// The text without comments, and without what strings hold.
    pub fn code(&self) -> String {
        strip(&self.text)
    }

    /// `code` up to the unit tests, which close a file.
    pub fn code_before_tests(&self) -> String {
        let code = self.code();
        code.split("#[cfg(test)]").next().unwrap_or_default().to_string()
    }
}

/// Rust code with comments removed and string and character literals emptied, so that a rule sees names alone.
fn strip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = out.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let hashes = rest.strip_prefix('r').map_or(0, |tail| tail.len() - tail.trim_start_matches('#').len());
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if !word && rest.starts_with('r') && rest[1 + hashes..].starts_with('"') {
            let (open, close) = (2 + hashes, format!("\"{}", "#".repeat(hashes)));
            out.push_str("\"\"");
            rest[open..].find(&close).map_or(rest.len(), |end| open + end + close.len())
        } else if first == '"' {
            out.push_str("\"\"");
            end_of_string(rest)
        } else if let Some(length) = character(rest) {
            out.push_str("' '");
            length
        } else {
            out.push(first);
            first.len_utf8()
        };
        rest = &rest[skip..];
    }
    out
}

/// Bytes of the string literal that `text` begins with.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => (),
        }
    }
    text.len()
}

/// Bytes of the character literal that `text` begins with; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    if let Some(escape) = inside.strip_prefix('\\') {
        return escape.get(1..)?.find('\'').map(|end| end + 4);
    }
    let c = inside.chars().next()?;
    inside[c.len_utf8()..].starts_with('\'').then(|| c.len_utf8() + 2)
}

/// The first path segments that follow `root::`, also those inside its braces.
pub fn heads<'a>(code: &'a str, root: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let prefix = format!("{root}::");
    for (at, _) in code.match_indices(&prefix) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || "_$:".contains(c)) {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(members(group)),
            None => found.push(word(rest)),
        }
    }
    found
}

/// The first segments of a brace group's members; `group` begins behind its opening brace.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.push(word(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => (),
        }
    }
    found.retain(|head| !head.is_empty());
    found
}

fn word(path: &str) -> &str {
    let path = path.trim_start();
    &path[..path.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(path.len())]
}

/// Does `code` use crate `name`, in a path or in a `use`?
pub fn names_crate(code: &str, name: &str) -> bool {
    let own = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:.".contains(c));
    let path = format!("{name}::");
    let used = format!("use {name};");
    code.match_indices(&path).any(|(at, _)| own(at)) || code.match_indices(&used).any(|(at, _)| own(at))
}

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, found: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs" || end == "rhai") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.push(File { path, text });
        }
    }
}

/// All Rust and Rhai files that people write.
pub fn files() -> Vec<File> {
    let mut found = Vec::new();
    for folder in ["src", "tests", "stdlib", "examples", "scripts"] {
        collect(&root().join(folder), &mut found);
    }
    found
}

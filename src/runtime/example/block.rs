//! Finds the script code in a file: fenced blocks of doc comments and Markdown, or a whole script.

use super::expect::mark;

/// Code to check. Its text keeps the lines and columns that it has in its file: what is not code is blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// File as it was named.
    pub file: String,
    /// First line of the code, from 1.
    pub first_line: usize,
    /// The code, at its place.
    pub text: String,
    /// Whether it runs, or is only read (```` ```rhai no_run````).
    pub runs: bool,
}

/// The blocks of a file, by its ending: `.md`, `.rs`, and `.rhai`, which is a block itself unless it only defines
/// things whose documentation has blocks.
pub fn blocks_of(file: &str, text: &str) -> Vec<Block> {
    if file.ends_with(".md") {
        return fenced(file, text, |line| Some((0, line)));
    }
    let documented = fenced(file, text, documentation);
    if !file.ends_with(".rhai") {
        return documented;
    }
    let expects = text.lines().any(|line| documentation(line).is_none() && mark(line).is_some());
    if !expects && !documented.is_empty() {
        return documented;
    }
    let whole = Block { file: file.into(), first_line: 1, text: text.into(), runs: true };
    documented.into_iter().chain([whole]).collect()
}

/// The text behind a doc comment sign, with the columns before it.
fn documentation(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start();
    let rest = rest.strip_prefix("///").or_else(|| rest.strip_prefix("//!"))?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    Some((line.chars().count() - rest.chars().count(), rest))
}

fn fenced<'a>(file: &str, text: &'a str, inside: impl Fn(&'a str) -> Option<(usize, &'a str)>) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    // The block being read, and whether the fence is another language's.
    let (mut open, mut foreign): (Option<Block>, bool) = (None, false);
    for (at, line) in text.lines().enumerate() {
        let Some((column, content)) = inside(line) else {
            // A doc comment that ends before its fence does.
            found.extend(open.take());
            foreign = false;
            continue;
        };
        if let Some(info) = content.trim_start().strip_prefix("```") {
            if open.is_some() {
                found.extend(open.take());
            } else if foreign {
                foreign = false;
            } else if info.split([' ', ',']).next() == Some("rhai") {
                let blank = "\n".repeat(at + 1);
                let runs = !info.contains("no_run");
                open = Some(Block { file: file.into(), first_line: at + 2, text: blank, runs });
            } else {
                foreign = true;
            }
        } else if let Some(block) = &mut open {
            block.text.extend(std::iter::repeat_n(' ', column));
            block.text.push_str(content);
            block.text.push('\n');
        }
    }
    found.extend(open);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_place() {
        let rust = "//! Head.\n    /// Words.\n    /// ```rhai\n    /// 1 + 1 //> 2\n    /// ```\nfn f() {}\n/// ```sh\n/// ls\n/// ```\n";
        let blocks = blocks_of("a.rs", rust);
        assert_eq!(blocks.len(), 1);
        assert_eq!((blocks[0].first_line, blocks[0].text.as_str()), (4, "\n\n\n        1 + 1 //> 2\n"));

        let script = "/// Adds.\n/// ```rhai\n/// add(1, 2) //> 3\n/// ```\nfn add(a, b) { a + b }\n";
        assert_eq!(blocks_of("a.rhai", script).len(), 1);
        assert_eq!(blocks_of("b.rhai", "1 + 1 //> 2\n").len(), 1);
        assert!(!blocks_of("c.md", "# Title\n```rhai no_run\nx\n```\n")[0].runs);
    }
}

//! Random inputs: token soup with the lab's names in it, calls with arguments that mostly fit, and mutated scripts of the package.

use std::path::Path;

use rand::RngExt;
use spaceevo::base::{Rng, Seed};

/// What may stand anywhere. No word that loops without an end.
const TOKENS: &[&str] = &[
    "let", "const", "if", "else", "for", "in", "break", "continue", "return", "fn", "switch", "try", "catch", "throw", "import",
    "as", "private", "this", "(", ")", "[", "]", "{", "}", "#{", ",", ";", ":", "::", ".", "?.", "?[", "..", "..=", "=>", "=",
    "==", "!=", "<", ">=", "+", "-", "*", "/", "%", "**", "<<", "&&", "||", "??", "!", "|", "||", "+=", "\"", "`", "${", "'",
    "\\", "//", "/*", "*/", "\n", "\t", "#", "@", "$", "é", "🦀", "\u{0}", "\u{7}", "\u{feff}", "x", "y", "f", "g", "a", "b",
    "_",
];

/// Whole values, cheap to make.
const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "3.5",
    "-0.0",
    "1e308",
    "9223372036854775807",
    "true",
    "\"\"",
    "\"pocket\"",
    "\"a\"",
    "\"é🦀\"",
    "'x'",
    "`t${1 + 1}`",
    "()",
    "[]",
    "[1, 2]",
    "[1, \"a\", ()]",
    "[[1], [2, 3]]",
    "#{}",
    "#{ seed: 1 }",
    "#{ nonsense: 1 }",
    "#{ a: [1, 2], b: [3] }",
    "|| 1",
    "|x| x",
    "|a, b| a + b",
    "|x| throw x",
    "col(\"a\")",
    "col(\"a\") > 1",
    "1..3",
    "Fn(\"f\")",
    "table(#{ a: [1, 2], b: [\"x\", \"y\"] })",
    "hyperspace(\"pocket\")",
    "hyperspace(\"pocket\").space(\"012-210\")",
    "hyperspace(\"pocket\").space(\"012-210\").smallest",
    "block(\"inverted_residual\", #{ cin: 8, cout: 8, hw: 8 })",
    "device(\"flops\")",
    "aging_evolution(#{ population: 4, sample: 2 })",
    "figure(#{ title: \"t\" })",
    "rng(1)",
];

/// Values by the type that a signature names.
const FITTING: &[(&str, &[&str])] = &[
    ("int", &["0", "1", "-1", "2", "7", "1000000", "9223372036854775807", "-9223372036854775807"]),
    ("float", &["0.0", "-1.5", "3.5", "1e308", "-1e-308", "(0.0 / 0.0)", "(1.0 / 0.0)"]),
    ("text", &["\"\"", "\"a\"", "\"pocket\"", "\"é🦀\"", "\"012-210\"", "\"inverted_residual\"", "\"x y\\n\""]),
    ("array", &["[]", "[1, 2]", "[0.5, ()]", "[[1], [2, 3]]", "[#{ a: 1 }]", "[\"a\", \"b\"]", "[col(\"a\"), col(\"b\")]"]),
    ("map", &["#{}", "#{ seed: 1 }", "#{ nonsense: 1 }", "#{ a: [1, 2], b: [3, 4] }", "#{ bins: -1 }", "#{ name: () }"]),
    ("closure", &["|| 1", "|x| x", "|a, b| a + b", "|x| throw x", "|a, b, c| ()"]),
    ("Table", &["table(#{ a: [1, 2], b: [\"x\", \"y\"] })", "table(#{})", "table(#{ a: [0.5, ()] })"]),
    ("Expression", &["col(\"a\")", "col(\"a\") > 1", "lit(1)", "(col(\"a\") + col(\"b\"))", "col(\"a\").sum()"]),
    ("GroupBy", &["table(#{ a: [1, 2] }).group_by([\"a\"])"]),
    ("Random", &["rng(1)"]),
    ("Hyperspace", &["hyperspace(\"pocket\")", "hyperspace(\"mobilew\")"]),
    ("SearchSpace", &["hyperspace(\"pocket\").space(\"012-210\")", "hyperspace(\"pocket\").plain(\"fused_residual\")"]),
    ("Subnet", &["hyperspace(\"pocket\").space(\"012-210\").smallest", "hyperspace(\"pocket\").space(\"012-210\").largest"]),
    ("Figure", &["figure(#{ title: \"t\" })"]),
    ("Device", &["device(\"flops\")"]),
    ("Block", &["block(\"inverted_residual\", #{ cin: 8, cout: 8, hw: 8 })"]),
    ("Operator", &["operator(\"fused_residual\")"]),
];

const OPERATORS: &[&str] = &["+", "-", "*", "/", "%", "**", "==", "<", "&&", "||", "??", "in", ";", ".", ",", "=", "+=", ".."];

/// Words of inputs that may take long, loop, fill the memory, leave the session, or touch a file: such an input is drawn again.
const LEFT_OUT: &[&str] = &[
    "accuracies",
    "ARGS",
    "build_lut",
    "blob",
    "bundle",
    "costs",
    "crossover",
    "dataset",
    "debug",
    "delete",
    "do",
    "eval",
    "evolve",
    "exit",
    "export",
    "import_lut",
    "latency_model",
    "lab",
    "loop",
    "measure",
    "merge_luts",
    "open",
    "pad",
    "prune",
    "read",
    "recover",
    "replay",
    "sample_lut",
    "save",
    "score_of",
    "search_subnet",
    "show",
    "shell",
    "sleep",
    "tag",
    "teacher",
    "train",
    "while",
    "write",
];

/// A seeded source of broken inputs.
pub(super) struct Soup {
    rng: Rng,
    words: Vec<Word>,
    scripts: Vec<Vec<String>>,
}

/// Something that the lab can do: its name, and the types of what it takes.
pub(super) struct Word {
    pub name: String,
    pub takes: Vec<String>,
}

impl Soup {
    /// The scripts to mutate are those of the package at `root`.
    pub fn new(seed: Seed, words: Vec<Word>, root: &Path) -> Self {
        Self { rng: seed.rng(), words, scripts: scripts(root) }
    }

    /// The next input.
    pub fn pour(&mut self) -> String {
        loop {
            let text = match self.rng.random_range(0..3) {
                0 => self.tokens(),
                1 => self.calls(),
                _ => self.mutant(),
            };
            if harmless(&text) {
                return text;
            }
        }
    }

    fn tokens(&mut self) -> String {
        let count = self.rng.random_range(1..30);
        let mut text = String::new();
        for _ in 0..count {
            text += &self.piece();
            text += if self.rng.random_bool(0.8) { " " } else { "" };
        }
        text
    }

    /// Calls and members, joined by operators.
    fn calls(&mut self) -> String {
        let mut text = self.call();
        for _ in 0..self.rng.random_range(0..4) {
            text = format!("{text} {} {}", self.one_of(OPERATORS), self.call());
        }
        text
    }

    fn call(&mut self) -> String {
        let at = self.rng.random_range(0..self.words.len());
        let name = self.words[at].name.clone();
        let mut arguments: Vec<_> = self.words[at].takes.clone().iter().map(|kind| self.value_for(kind)).collect();
        match self.rng.random_range(0..10) {
            0 => {
                arguments.pop();
            }
            1 => arguments.push(self.one_of(VALUES)),
            _ => {}
        }
        let receiver = if arguments.is_empty() { self.one_of(VALUES) } else { arguments[0] };
        let rest = arguments.get(1..).unwrap_or_default().join(", ");
        match self.rng.random_range(0..4) {
            0 => format!("{name}({})", arguments.join(", ")),
            1 => format!("{receiver}.{name}"),
            2 => format!("let x = {receiver}; x.{name}({rest})"),
            _ => format!("{receiver}.{name}({rest})"),
        }
    }

    /// Mostly a value of this type.
    fn value_for(&mut self, kind: &str) -> &'static str {
        match FITTING.iter().find(|(name, _)| *name == kind) {
            Some((_, values)) if self.rng.random_bool(0.85) => self.one_of(values),
            _ => self.one_of(VALUES),
        }
    }

    /// A few lines of a script with one to four of its tokens changed.
    fn mutant(&mut self) -> String {
        let script = self.rng.random_range(0..self.scripts.len());
        let lines = &self.scripts[script];
        let first = self.rng.random_range(0..lines.len());
        let last = (first + self.rng.random_range(1..13)).min(lines.len());
        let mut tokens = tokens_of(&lines[first..last].join("\n"));
        for _ in 0..self.rng.random_range(1..5) {
            let at = self.rng.random_range(0..tokens.len());
            match self.rng.random_range(0..5) {
                0 if tokens.len() > 1 => {
                    tokens.remove(at);
                }
                1 => tokens.insert(at, tokens[at].clone()),
                2 => {
                    let other = self.rng.random_range(0..tokens.len());
                    tokens.swap(at, other);
                }
                3 if at > 0 => tokens.truncate(at),
                _ => tokens[at] = self.piece(),
            }
        }
        tokens.concat()
    }

    fn piece(&mut self) -> String {
        match self.rng.random_range(0..4) {
            0 => self.name(),
            1 => self.one_of(VALUES).into(),
            _ => self.one_of(TOKENS).into(),
        }
    }

    fn name(&mut self) -> String {
        self.words[self.rng.random_range(0..self.words.len())].name.clone()
    }

    fn one_of(&mut self, from: &[&'static str]) -> &'static str {
        from[self.rng.random_range(0..from.len())]
    }
}

/// Whether no word of `text` is left out, and nothing counts to the largest number.
fn harmless(text: &str) -> bool {
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let counts_on = text.contains("..") && text.contains("9223372036854775807");
    !counts_on && !words.any(|word| LEFT_OUT.iter().any(|out| word == *out || (out.len() > 3 && word.contains(out))))
}

/// The package's scripts in lines, in a fixed order. Lines that cannot be used are not worth drawing.
fn scripts(root: &Path) -> Vec<Vec<String>> {
    let mut paths: Vec<_> = ["examples", "stdlib/hyperspaces", "stdlib/operators", "stdlib/strategies"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rhai"))
        .collect();
    paths.sort();
    let text = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    let lines = |text: String| text.lines().filter(|line| !line.is_empty() && harmless(line)).map(str::to_owned).collect();
    paths.iter().map(text).map(lines).filter(|lines: &Vec<String>| !lines.is_empty()).collect()
}

/// Words, and every other character by itself.
fn tokens_of(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_word = false;
    for c in text.chars() {
        let word = c.is_alphanumeric() || c == '_';
        match tokens.last_mut() {
            Some(last) if word && in_word => last.push(c),
            _ => tokens.push(c.into()),
        }
        in_word = word;
    }
    tokens
}

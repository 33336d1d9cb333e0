//! What a front asks while someone types: candidates, help on a name, whether an input is whole.

mod context;
mod files;
mod hint;
mod inspect;
mod kinds;
mod readiness;

use super::catalogue::{Catalogue, Entry, Kind};
use super::session::Shared;
use context::{Context, context};

pub(super) use hint::hint;
pub(super) use inspect::{inspect, inspect_at};
pub use readiness::Readiness;
pub(super) use readiness::readiness;

/// One candidate for completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word.
    pub text: String,
    /// What it is in a few words.
    pub summary: String,
    /// What kind of word it is: `variable`, `function`, `property`, `option`, `key`, `keyword`, `name`, `file`, `module`, `command`.
    pub kind: &'static str,
}

impl Candidate {
    fn new(kind: &'static str, text: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { text: text.into(), summary: summary.into(), kind }
    }
}

/// Candidates for the word that starts at byte `start`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// Where the word to replace starts.
    pub start: usize,
    /// Candidates in order.
    pub candidates: Vec<Candidate>,
}

const KEYWORDS: [&str; 18] = [
    "let", "const", "if", "else", "for", "in", "while", "loop", "do", "until", "break", "continue", "return", "fn", "switch",
    "try", "throw", "import",
];

pub(super) fn complete(shared: &Shared, source: &str, cursor: usize) -> Completion {
    let Some(before) = source.get(..cursor) else { return Completion::default() };
    let (found, word) = context(&shared.engine, before);
    let (mut start, word) = (word.start, &before[word]);
    let mut candidates = match found {
        Context::Member { receiver } => {
            let catalogue = shared.everything();
            match kinds::kind_of(shared, &catalogue, &receiver) {
                Some(known) => members(&catalogue, &known, word),
                None => any_members(&catalogue, word),
            }
        }
        Context::Option { call, given } => match options(&shared.everything(), &call, &given, word) {
            found if found.is_empty() => names(shared, word),
            found => found,
        },
        Context::Text { import: true, written, .. } => modules(shared, &written),
        Context::Text { call, written, .. } => {
            let named = call.map(|call| crate::primitive::names_for(&shared.host, &call)).unwrap_or_default();
            if named.is_empty() {
                let (from, found) = files::candidates(&written);
                start += from;
                found
            } else {
                let fits = named.iter().filter(|name| name.starts_with(written.as_str()));
                fits.map(|name| Candidate::new("name", name, "")).collect()
            }
        }
        Context::Nothing => Vec::new(),
        Context::Name => names(shared, word),
    };
    candidates.sort_by(|a, b| a.text.cmp(&b.text));
    candidates.dedup_by(|a, b| a.text == b.text);
    Completion { start, candidates }
}

/// Candidates for the path that ends `before`, after a command.
pub(super) fn path(before: &str) -> Completion {
    let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let (from, candidates) = files::candidates(&before[start..]);
    Completion { start: start + from, candidates }
}

/// Members of a value whose type is known.
fn members(catalogue: &Catalogue, known: &kinds::Known, word: &str) -> Vec<Candidate> {
    let kind = if known.kind.starts_with("array of ") { "array" } else { known.kind.as_str() };
    let keys = known.keys.iter().filter(|key| key.starts_with(word)).map(|key| Candidate::new("key", key, "key of this map"));
    let own = catalogue.members_of(kind).into_iter().filter(|entry| entry.name.starts_with(word)).map(candidate);
    keys.chain(own).collect()
}

/// Members of any of the lab's types.
fn any_members(catalogue: &Catalogue, word: &str) -> Vec<Candidate> {
    let member = |entry: &&Entry| entry.receiver.is_some() && (entry.kind == Kind::Property || !entry.params.is_empty());
    catalogue.own().filter(member).filter(|entry| entry.name.starts_with(word)).map(candidate).collect()
}

/// Options of `call` that are not given yet.
fn options(catalogue: &Catalogue, call: &str, given: &[String], word: &str) -> Vec<Candidate> {
    let mut found = Vec::new();
    for entry in catalogue.named(call) {
        let fits = |name: &&String| name.starts_with(word) && !given.contains(name);
        found.extend(
            entry
                .options
                .iter()
                .filter(fits)
                .map(|name| Candidate::new("option", format!("{name}: "), hint::option_text(entry, name).unwrap_or_default())),
        );
    }
    found
}

fn modules(shared: &Shared, written: &str) -> Vec<Candidate> {
    let library = shared.library.paths();
    let mut found: Vec<Candidate> =
        library.iter().filter(|path| path.starts_with(written)).map(|path| Candidate::new("module", path, "stdlib")).collect();
    let scripts = files::matching(written, |name| name.ends_with(".rhai"));
    found.extend(scripts.into_iter().map(|path| Candidate::new("module", path.trim_end_matches(".rhai"), "")));
    found
}

fn names(shared: &Shared, word: &str) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = shared.each_variable(|name, variable| {
        name.starts_with(word).then(|| Candidate::new("variable", name, format!("variable: {}", variable.kind)))
    });
    let functions = |catalogue: &Catalogue| {
        let fits = |entry: &&Entry| entry.kind == Kind::Function && entry.path.starts_with(word);
        catalogue.entries().iter().filter(fits).map(candidate).collect::<Vec<_>>()
    };
    found.extend(functions(&shared.everything()));
    found.extend(KEYWORDS.iter().filter(|key| key.starts_with(word)).map(|key| Candidate::new("keyword", *key, "keyword")));
    found
}

fn candidate(entry: &Entry) -> Candidate {
    let (kind, text) = match entry.kind {
        Kind::Property => ("property", entry.name.as_str()),
        // A method is written by its name alone, so is a function without a namespace.
        Kind::Function => ("function", entry.path.as_str()),
    };
    let summary = if entry.summary.is_empty() { entry.signature() } else { entry.summary.clone() };
    Candidate::new(kind, text, summary)
}

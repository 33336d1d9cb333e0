//! Reads the catalogue from a live engine and from script functions.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};

use rhai::{Dynamic, Engine, ScriptFnMetadata};

use super::{Catalogue, Entry, Kind, Origin};
use crate::primitive::host::ScriptLibrary;
use crate::primitive::noun::MARK;
use crate::runtime::library::GLOBAL_FOLDERS;
use crate::runtime::render::friendly;

/// Documentation taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Doc {
    pub summary: String,
    pub body: String,
    pub example: Option<String>,
    pub example_runs: bool,
    pub options: Vec<String>,
}

impl Catalogue {
    /// Everything that `engine` can say; `library` tells which file a script function comes from.
    pub fn read(engine: &Engine, library: &dyn ScriptLibrary) -> Self {
        let files = defined_in(library);
        let nouns: BTreeMap<TypeId, String> = engine
            .collect_fn_metadata(
                None,
                |info| Some((*info.metadata.param_types.first()?, info.metadata.name.strip_prefix(MARK)?.to_owned())),
                false,
            )
            .into_iter()
            .collect();
        let kinds = Kinds { nouns: &nouns, words: words(engine, &nouns) };
        let kinds = &kinds;
        let own: BTreeSet<(String, u64)> = engine
            .collect_fn_metadata(None, |info| Some((info.namespace.to_string(), info.metadata.hash)), false)
            .into_iter()
            .collect();
        let mut entries = engine.collect_fn_metadata(
            None,
            |info| {
                let meta = info.metadata;
                let (kind, name) = match meta.name.strip_prefix("get$") {
                    Some(name) => (Kind::Property, name),
                    None => (Kind::Function, meta.name.as_str()),
                };
                if !is_word(name) || meta.param_types.iter().any(|kind| machine_numbers().contains(kind)) {
                    return None;
                }
                let (params, lines): (Vec<(String, String)>, Vec<&str>) = match &info.script {
                    Some(script) => (
                        script.params.iter().map(|param| ((*param).to_owned(), String::new())).collect(),
                        script.comments.clone(),
                    ),
                    None => (
                        kinds.parameters(&meta.params_info, &meta.param_types),
                        meta.comments.iter().map(AsRef::as_ref).collect(),
                    ),
                };
                let origin = if let (Some(_), Some(file)) = (&info.script, files.get(name)) {
                    Origin::Script(file.clone())
                } else if own.contains(&(info.namespace.to_string(), meta.hash)) {
                    Origin::Native
                } else {
                    Origin::Language
                };
                let returns = if info.script.is_some() { String::new() } else { kinds.name(&meta.return_type) };
                let receiver = meta.param_types.first().copied().filter(|id| *id != TypeId::of::<Dynamic>());
                Some(entry(&info.namespace, name, kind, params, returns, &lines, receiver, origin))
            },
            true,
        );
        entries.sort_by(|a, b| {
            // Of two that look alike the documented one counts.
            let documented = |entry: &Entry| (entry.summary.is_empty(), entry.summary.clone(), entry.body.clone());
            let key = |entry: &Entry| (entry.params.len(), entry.params.clone(), documented(entry), entry.returns.clone());
            (&a.path, a.kind, a.receiver_name(), key(a)).cmp(&(&b.path, b.kind, b.receiver_name(), key(b)))
        });
        // Rhai registers texts twice (`&str` and its own string): one entry serves both.
        entries.dedup_by(|a, b| a.path == b.path && a.kind == b.kind && a.params == b.params);
        Self { entries }
    }
}

/// Numbers that no script has: the language declares its functions for them all the same.
fn machine_numbers() -> [TypeId; 10] {
    [
        TypeId::of::<i8>(),
        TypeId::of::<i16>(),
        TypeId::of::<i32>(),
        TypeId::of::<i128>(),
        TypeId::of::<u8>(),
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<u128>(),
        TypeId::of::<f32>(),
    ]
}

/// The file of each function that the script library defines for all.
fn defined_in(library: &dyn ScriptLibrary) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for folder in GLOBAL_FOLDERS {
        for (shown, text) in library.list(folder).iter().filter_map(|name| library.source(folder, name)) {
            let names = text.lines().filter_map(|line| line.strip_prefix("fn ")?.split('(').next());
            files.extend(names.map(|name| (name.trim().to_owned(), shown.clone())));
        }
    }
    files
}

/// A function defined in a session.
pub(in crate::runtime) fn session_entry(function: &ScriptFnMetadata<'_>) -> Option<Entry> {
    if !is_word(function.name) {
        return None;
    }
    let params = function.params.iter().map(|param| ((*param).to_owned(), String::new())).collect();
    Some(entry("", function.name, Kind::Function, params, String::new(), &function.comments, None, Origin::Session))
}

#[expect(clippy::too_many_arguments, reason = "assembles one record from its parts")]
fn entry(
    namespace: &str,
    name: &str,
    kind: Kind,
    params: Vec<(String, String)>,
    returns: String,
    lines: &[&str],
    receiver: Option<TypeId>,
    origin: Origin,
) -> Entry {
    let path = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") };
    let Doc { summary, body, example, example_runs, options } = read_doc(lines);
    Entry { path, name: name.into(), kind, params, returns, summary, body, example, example_runs, options, receiver, origin }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Names of types: by identity, and by the word that Rust code writes for them.
struct Kinds<'a> {
    nouns: &'a BTreeMap<TypeId, String>,
    words: BTreeMap<String, String>,
}

impl Kinds<'_> {
    /// `device: &mut Stopwatch` as name and the user's word.
    fn parameters(&self, written: &[impl AsRef<str>], types: &[TypeId]) -> Vec<(String, String)> {
        written
            .iter()
            .enumerate()
            .map(|(at, text)| match text.as_ref().split_once(':') {
                Some((name, kind)) => {
                    let noun = types.get(at).and_then(|id| self.nouns.get(id)).cloned();
                    (
                        name.trim().trim_start_matches("mut ").trim_start_matches('_').to_owned(),
                        noun.unwrap_or_else(|| friendly(kind)),
                    )
                }
                None => (text.as_ref().trim().to_owned(), String::new()),
            })
            .collect()
    }

    /// The user's word for a type as it is written in Rust.
    fn name(&self, written: &str) -> String {
        let name = friendly(written);
        self.words.get(&name).cloned().unwrap_or(name)
    }
}

/// What Rust code calls each noun, learnt from the parameters of that type: results have no identity in the metadata.
fn words(engine: &Engine, nouns: &BTreeMap<TypeId, String>) -> BTreeMap<String, String> {
    let pairs = engine.collect_fn_metadata(
        None,
        |info| {
            let meta = info.metadata;
            let pairs = meta.params_info.iter().zip(&meta.param_types).filter_map(|(text, id)| {
                let (_, kind) = text.split_once(':')?;
                Some((friendly(kind), nouns.get(id)?.clone()))
            });
            Some(pairs.collect::<Vec<_>>())
        },
        false,
    );
    // In order, so that of two types with one word always the same wins.
    pairs.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Takes doc comment lines apart: the first paragraph is the summary, a ```rhai block the example.
pub(super) fn read_doc(lines: &[&str]) -> Doc {
    let text: Vec<String> = lines
        .iter()
        .flat_map(|chunk| chunk.lines())
        .map(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).unwrap_or(line);
            line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
        })
        .collect();
    let mut doc = Doc { example_runs: true, ..Doc::default() };
    let (mut prose, mut example, mut inside) = (Vec::new(), Vec::new(), false);
    for line in &text {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            if !inside && info.starts_with("rhai") {
                inside = true;
                doc.example_runs &= !info.contains("no_run");
                continue;
            }
            if inside {
                inside = false;
                continue;
            }
        }
        if inside {
            example.push(line.as_str());
        } else if !matches!(line.trim(), "# Example" | "# Examples") {
            prose.push(line.as_str());
        }
    }
    doc.example = (!example.is_empty()).then(|| example.join("\n"));
    let start = prose.iter().position(|line| !line.is_empty()).unwrap_or(prose.len());
    let end = prose[start..].iter().position(|line| line.is_empty()).map_or(prose.len(), |at| start + at);
    let paragraph = prose[start..end].join(" ");
    let (summary, rest) = first_sentence(&paragraph);
    summary.clone_into(&mut doc.summary);
    format!("{rest}\n{}", prose[end..].join("\n")).trim().clone_into(&mut doc.body);
    doc.options = options(&prose[start..]);
    doc
}

/// Cuts a paragraph behind its first full stop that ends a sentence.
fn first_sentence(paragraph: &str) -> (&str, &str) {
    let ends = |at: &usize| {
        let next = paragraph[at + 2..].chars().next();
        !paragraph[..*at].ends_with("e.g") && next.is_none_or(|c| !c.is_lowercase() && !c.is_ascii_digit())
    };
    match paragraph.match_indices(". ").map(|(at, _)| at).find(ends) {
        Some(at) => (&paragraph[..=at], &paragraph[at + 2..]),
        None => (paragraph, ""),
    }
}

/// Names in backquotes in the paragraphs that start with "Options", where each is followed by its default or meaning.
fn options(prose: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut listing = false;
    for line in prose {
        if let Some(at) = line.find("Options") {
            listing |=
                line[at..].starts_with("Options:") || line.trim_start().starts_with("# Options") || line[..at].trim().is_empty();
        } else if line.starts_with('#') || (line.is_empty() && !names.is_empty()) {
            listing = false;
        }
        if listing {
            // A list that is open has no misspelt names.
            if line.to_lowercase().contains("every other key") {
                return Vec::new();
            }
            let quoted = line.split('`').skip(1).step_by(2).filter(|word| is_word(word));
            names.extend(quoted.map(str::to_owned));
        }
    }
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_is_taken_apart() {
        let doc = read_doc(&[
            "/// Latency of a block, in milliseconds.",
            "///",
            "/// More words. Options: `runs` (200),",
            "/// `warm_up` (50).",
            "///",
            "/// See `other`.",
            "/// # Example",
            "/// ```rhai",
            "/// 1 + 1 //> 2",
            "/// ```",
        ]);
        assert_eq!(read_doc(&["/// Options: `build`.", "/// Every other key is a list."]).options, [""; 0]);
        assert_eq!(doc.summary, "Latency of a block, in milliseconds.");
        assert_eq!(doc.example.as_deref(), Some("1 + 1 //> 2"));
        assert_eq!(doc.options, ["runs", "warm_up"]);
        assert!(doc.body.ends_with("See `other`."), "{}", doc.body);
    }
}

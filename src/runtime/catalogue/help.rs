//! Help texts made from the catalogue.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Catalogue, Entry, Kind, Origin};
use crate::base::{Fault, Result, nearest};

/// Longer lines are hard to read.
const MOST_COLUMNS: usize = 120;

impl Catalogue {
    /// The text of `help("name")`: signatures, documentation, example of all entries of that name. Paragraphs fill lines of
    /// `columns` characters, as long as these can be read with ease.
    pub fn help(&self, name: &str, columns: usize) -> Result<String> {
        let entries = self.entries_of(name);
        if entries.is_empty() {
            let members = self.members_of(name);
            if !members.is_empty() {
                return Ok(members_text(name, &members));
            }
            let inside = self.within(name.trim_end_matches("::"));
            if !inside.is_empty() {
                return Ok(namespace_text(name.trim_end_matches("::"), &inside));
            }
            let near = nearest(name, self.entries.iter().map(|entry| entry.path.as_str()));
            return Err(Fault::new(
                "help::unknown",
                format!("there is no help on `{name}`"),
                near.map_or_else(|| "`help()` lists what there is".into(), |near| format!("did you mean `{near}`?")),
            ));
        }
        let mut out = String::new();
        for (at, entry) in entries.iter().enumerate() {
            if at > 0 && entry.summary == entries[at - 1].summary {
                continue;
            }
            if at > 0 {
                out.push('\n');
            }
            // Overloads that share their documentation share its text.
            for same in entries.iter().skip(at).take_while(|other| other.summary == entry.summary) {
                let _ = writeln!(out, "{}", same.signature());
            }
            for part in [&entry.summary, &entry.body].into_iter().filter(|part| !part.is_empty()) {
                let _ = writeln!(out, "\n{}", indent(&filled(part, columns.min(MOST_COLUMNS))));
            }
            if let Some(example) = entry.example.as_deref() {
                let _ = writeln!(out, "\n  Example:\n{}", indent(&indent(example)));
            }
            if let Origin::Script(file) = &entry.origin {
                let _ = writeln!(out, "\n  Defined in {file}");
            }
        }
        Ok(out)
    }

    /// The entries of a member of the type that users call `kind`, if it has one of that name.
    pub fn only(&self, kind: &str, member: &str) -> Option<Self> {
        let own: Vec<Entry> = self.members_of(kind).into_iter().filter(|entry| entry.name == member).cloned().collect();
        (!own.is_empty()).then_some(Self { entries: own })
    }

    /// The page of `help("name")` with the marks of Markdown; `None` for what has no entries of its own, such as a namespace.
    pub fn markdown(&self, name: &str) -> Option<String> {
        let entries = self.entries_of(name);
        let mut out = String::new();
        for same in entries.chunk_by(|one, next| one.summary == next.summary) {
            let signatures: Vec<String> = same.iter().map(|entry| entry.signature()).collect();
            let _ = writeln!(out, "```rhai\n{}\n```\n", signatures.join("\n"));
            let first = same.first()?;
            for part in [&first.summary, &first.body].into_iter().filter(|part| !part.is_empty()) {
                let _ = writeln!(out, "{part}\n");
            }
            if let Some(example) = first.example.as_deref() {
                let _ = writeln!(out, "```rhai\n{}\n```\n", example.trim_end());
            }
            if let Origin::Script(file) = &first.origin {
                let _ = writeln!(out, "Defined in `{file}`\n");
            }
        }
        (!out.is_empty()).then_some(out)
    }

    /// The entries of that name: the lab's, if it has any, not those of the language.
    fn entries_of(&self, name: &str) -> Vec<&Entry> {
        let mut entries: Vec<&Entry> = self.named(name).collect();
        if entries.iter().any(|entry| entry.origin != Origin::Language) {
            entries.retain(|entry| entry.origin != Origin::Language);
        }
        entries
    }

    /// The text of `help()`: what the lab declares, by namespace and type, one line each.
    pub fn overview(&self) -> String {
        let mut groups: BTreeMap<String, BTreeMap<&str, &Entry>> = BTreeMap::new();
        for entry in self.own() {
            let group = match (&entry.origin, entry.kind, entry.path.rsplit_once("::")) {
                (Origin::Script(file), _, _) => file.rsplit_once('/').map_or(file.as_str(), |(folder, _)| folder).to_owned(),
                (_, Kind::Property, _) => continue,
                (_, _, Some((namespace, _))) => namespace.to_owned(),
                _ => String::new(),
            };
            if matches!(entry.name.as_str(), "to_string" | "to_debug" | "to_html" | "to_svg" | "to_png" | "to_data_resource") {
                continue;
            }
            groups.entry(group).or_default().entry(entry.path.as_str()).or_insert(entry);
        }
        let width = groups.values().flat_map(BTreeMap::keys).map(|path| path.len()).max().unwrap_or(0).min(28);
        let mut out = String::new();
        for (group, entries) in &groups {
            let _ = writeln!(out, "{}", if group.is_empty() { "primitives" } else { group });
            for (path, entry) in entries {
                let _ = writeln!(out, "  {path:width$}  {}", entry.summary);
            }
            out.push('\n');
        }
        out.push_str("help(\"name\") tells more about one of them, help(value) about the type of a value.\n");
        out
    }
}

/// Properties and methods of a type.
fn members_text(kind: &str, members: &[&Entry]) -> String {
    let mut out = format!("{kind}\n");
    for entry in members {
        let shown = if entry.kind == Kind::Property { format!(".{}", entry.name) } else { format!(".{}()", entry.name) };
        let _ = writeln!(out, "  {shown:24}  {}", entry.summary);
    }
    out
}

/// Functions of a namespace.
fn namespace_text(name: &str, inside: &[&Entry]) -> String {
    let mut out = format!("{name}::\n");
    for (at, entry) in inside.iter().enumerate() {
        // Overloads that share their documentation share its line.
        if at == 0 || (&inside[at - 1].path, &inside[at - 1].summary) != (&entry.path, &entry.summary) {
            let _ = writeln!(out, "  {:24}  {}", entry.path, entry.summary);
        }
    }
    out
}

/// Paragraphs in lines of `columns` characters, with the two that [`indent`] adds; items of lists begin lines of their own.
fn filled(text: &str, columns: usize) -> String {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut joins = false;
    for line in text.lines() {
        match paragraphs.last_mut() {
            Some(last) if joins && !line.is_empty() && !line.starts_with([' ', '*', '-', '#', '|']) => {
                last.push(' ');
                last.push_str(line);
            }
            _ => paragraphs.push(line.to_owned()),
        }
        joins = !line.is_empty();
    }
    let wide = || textwrap::Options::new(columns.saturating_sub(2)).break_words(false);
    let fill = |paragraph: &String| match described(paragraph) {
        Some((head, items)) => {
            let item = |item: String| textwrap::fill(&item, wide().initial_indent("  ").subsequent_indent("      "));
            [head.to_owned()].into_iter().chain(items.into_iter().map(item)).collect::<Vec<_>>().join("\n")
        }
        None => textwrap::fill(paragraph, wide()),
    };
    paragraphs.iter().map(fill).collect::<Vec<_>>().join("\n")
}

/// What a paragraph lists that describes several options or columns: its first words, and a text for each of them.
fn described(paragraph: &str) -> Option<(&str, Vec<String>)> {
    let at = paragraph.find(": `").filter(|_| ["Options", "Columns"].iter().any(|word| paragraph.starts_with(word)))?;
    let items: Vec<String> = paragraph[at + 3..].split("; `").map(|item| format!("`{item}")).collect();
    (items.len() > 1).then_some((&paragraph[..=at], items))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { String::new() } else { format!("  {line}") }).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn paragraphs_fill_lines_and_what_is_listed_begins_lines() {
        let text = "One two three\nfour five six.\n\nOptions: `left` (1): on this\nside; `right` (2).\n\n* item\n* other";
        let wanted =
            "One two three four\nfive six.\n\nOptions:\n  `left` (1): on\n      this side\n  `right` (2).\n\n* item\n* other";
        assert_eq!(filled(text, 20), wanted);
        assert_eq!(filled("Options: `seed` (0).", 80), "Options: `seed` (0).");
    }
}

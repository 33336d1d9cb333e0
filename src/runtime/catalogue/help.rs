//! Help texts made from the catalogue.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Catalogue, Entry, Kind, Origin};
use crate::base::{Fault, Result, nearest};

impl Catalogue {
    /// The text of `help("name")`: signatures, documentation, example of all entries of that name.
    pub fn help(&self, name: &str) -> Result<String> {
        let mut entries: Vec<&Entry> = self.named(name).collect();
        if entries.iter().any(|entry| entry.origin != Origin::Language) {
            entries.retain(|entry| entry.origin != Origin::Language);
        }
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
                let _ = writeln!(out, "\n{}", indent(part));
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

    /// Help on a member of the type that users call `kind`.
    pub fn help_of(&self, kind: &str, member: &str) -> Option<String> {
        let own: Vec<Entry> = self.members_of(kind).into_iter().filter(|entry| entry.name == member).cloned().collect();
        if own.is_empty() { self.help(member).ok() } else { Self { entries: own }.help(member).ok() }
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

fn indent(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { String::new() } else { format!("  {line}") }).collect::<Vec<_>>().join("\n")
}

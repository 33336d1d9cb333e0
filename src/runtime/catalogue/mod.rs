//! The catalogue: everything that can be said, as plain data read once from a live engine.

mod collect;
mod definitions;
mod help;
mod reference;

use std::any::TypeId;

pub(super) use collect::session_entry;
pub use definitions::definitions;
pub use reference::reference;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Called with arguments; also as a method of its first argument.
    Function,
    /// Read as `value.name`.
    Property,
}

/// Who declares an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A primitive of the lab.
    Native,
    /// A function of the script library, with its file.
    Script(String),
    /// A function of the running session.
    Session,
    /// Part of the script language itself.
    Language,
}

/// One thing that can be said.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name as it is written, for example `measure` or `stats::kendall`.
    pub path: String,
    /// The last part of the path.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Names and types of its parameters; a script's have no types.
    pub params: Vec<(String, String)>,
    /// Type of its result; empty if none or unknown.
    pub returns: String,
    /// The first sentence of its documentation.
    pub summary: String,
    /// The rest of it, without the example.
    pub body: String,
    /// Its example.
    pub example: Option<String>,
    /// Whether the example only has to parse.
    pub example_runs: bool,
    /// Options that its documentation names.
    pub options: Vec<String>,
    /// Type of its first parameter.
    pub receiver: Option<TypeId>,
    /// Who declares it.
    pub origin: Origin,
}

impl Entry {
    /// `measure(block: Block, device: Device) -> Table`, or `.width: int` for a property.
    pub fn signature(&self) -> String {
        if self.kind == Kind::Property {
            let owner = self.params.first().map_or("", |(_, kind)| kind.as_str());
            return format!("{owner}.{}: {}", self.name, self.returns);
        }
        let params: Vec<String> = self
            .params
            .iter()
            .map(|(name, kind)| if kind.is_empty() { name.clone() } else { format!("{name}: {kind}") })
            .collect();
        let result =
            if self.returns.is_empty() || self.returns == "()" { String::new() } else { format!(" -> {}", self.returns) };
        format!("{}({}){result}", self.path, params.join(", "))
    }

    /// Type of its first parameter in the user's words.
    pub fn receiver_name(&self) -> Option<&str> {
        self.params.first().map(|(_, kind)| kind.as_str()).filter(|kind| !kind.is_empty())
    }
}

/// All entries, ordered by path, then by receiver and number of parameters.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

impl Catalogue {
    /// All entries in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Entries of this name or path.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Entry> {
        let name = name.to_owned();
        self.entries.iter().filter(move |entry| entry.path == name || entry.name == name)
    }

    /// Names of all functions.
    pub fn function_names(&self) -> Vec<&str> {
        self.entries.iter().filter(|entry| entry.kind == Kind::Function).map(|entry| entry.path.as_str()).collect()
    }

    /// Properties and methods of the type that users call `kind`.
    pub fn members_of(&self, kind: &str) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.receiver_name() == Some(kind)).collect()
    }

    /// Properties and methods of a Rust type.
    pub fn members_of_type(&self, kind: TypeId) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.receiver == Some(kind)).collect()
    }

    /// Entries of a namespace such as `stats`.
    pub fn within(&self, namespace: &str) -> Vec<&Entry> {
        let inside = |entry: &&Entry| entry.path.rsplit_once("::").is_some_and(|(before, _)| before == namespace);
        self.entries.iter().filter(inside).collect()
    }

    /// Entries that the lab declares: primitives and functions of the script library.
    pub fn own(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| matches!(entry.origin, Origin::Native | Origin::Script(_)))
    }

    /// Adds the functions that a session defined; they stand before others of the same name.
    #[must_use]
    pub fn with(&self, more: &[Entry]) -> Self {
        let mut entries: Vec<Entry> = more.to_vec();
        entries.extend(self.entries.iter().cloned());
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Self { entries }
    }
}

//! A fault: what went wrong, a stable code, and what to do next.

use miette::Diagnostic;
use serde::{Deserialize, Serialize};

/// The result of anything that can fail in a way a user should read about.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// What a person needs when something fails. Each area declares its own small
/// enum (`thiserror::Error` + `miette::Diagnostic`, with code and help at the
/// variant); any of them turns into a `Fault` with `?`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `area::what`, for example `device::unknown`; scripts catch by it.
    pub code: String,
    /// One sentence in the user's words.
    pub message: String,
    /// The next step, if there is one to name.
    pub help: Option<String>,
    /// Where in a script it arose, if that is not the call that reports it: in a closure that the call was given, or
    /// in a script that it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Spot>,
}

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The script as messages name it.
    pub script: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1; 0 if unknown.
    pub column: usize,
}

impl Fault {
    /// A fault assembled by hand, where a variant would be read only once.
    pub fn new(code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        let help = help.into();
        Self { code: code.into(), message: message.into(), help: (!help.is_empty()).then_some(help), at: None }
    }

    /// The fault of a file that could not be read or written.
    pub fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "check the path; relative paths start at the folder you are in",
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                "make the folder writable, or choose another one with --lab FOLDER"
            }
            std::io::ErrorKind::StorageFull => "free some space on this disk",
            _ => "",
        };
        Self::new("file::io", format!("cannot {doing} `{}`: {error}", path.display()), help)
    }

    /// The same fault with its place in a script. One that has a place keeps it: it is the inner one.
    #[must_use]
    pub fn at(mut self, spot: Spot) -> Self {
        self.at.get_or_insert(spot);
        self
    }

    /// The same fault with words before its message that say during what it happened.
    #[must_use]
    pub fn during(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.message)
    }
}

impl<E: Diagnostic> From<E> for Fault {
    fn from(error: E) -> Self {
        Self {
            code: error.code().map_or_else(|| "spaceevo::fault".into(), |code| code.to_string()),
            message: error.to_string(),
            help: error.help().map(|help| help.to_string()),
            at: None,
        }
    }
}

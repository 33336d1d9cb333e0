//! Which script files a session read, and whether they have changed since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What tells one state of a file from the next, also when an editor puts a new file in its place; `None` inside while
/// there is no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(Option<(SystemTime, u64, u64)>);

impl Stamp {
    /// The state of the file at `path` now.
    pub fn of(path: &Path) -> Self {
        let state = |file: std::fs::Metadata| {
            #[cfg(unix)]
            let number = std::os::unix::fs::MetadataExt::ino(&file);
            #[cfg(not(unix))]
            let number = 0;
            Some((file.modified().ok()?, file.len(), number))
        };
        Self(std::fs::metadata(path).ok().and_then(state))
    }

    /// Whether there is a file.
    pub fn exists(self) -> bool {
        self.0.is_some()
    }
}

/// The files that were looked for, each with its state just before it was first read.
#[derive(Debug, Clone, Default)]
pub(super) struct Reads(Arc<Mutex<BTreeMap<PathBuf, Stamp>>>);

impl Reads {
    /// To be called before `path` is read, so that a later change is seen for certain.
    pub fn note(&self, path: &Path) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.contains_key(path) {
            files.insert(path.into(), Stamp::of(path));
        }
    }

    pub fn all(&self) -> BTreeMap<PathBuf, Stamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

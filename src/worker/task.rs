//! What a worker is asked to do, as far as workers need to know it.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// What a task does with a path that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A file or folder that it reads.
    Reads,
    /// A folder for files that it leaves.
    Writes,
}

/// Something a worker is asked to do, as it will read it.
pub trait Task: Serialize + Clone + Sync {
    /// Where it leaves its files; the task itself is put there as `job.json`.
    fn folder(&self) -> &Path;

    /// Of how many workers it takes the place while it runs; at least 1.
    fn workers(&self) -> usize;

    /// Shows every path it names, so that they can be looked at, or changed for another machine.
    fn paths(&mut self, each: &mut dyn FnMut(Use, &mut PathBuf));

    /// The paths of one kind, each once.
    fn paths_that(&self, wanted: Use) -> Vec<PathBuf> {
        let mut found = Vec::new();
        self.clone().paths(&mut |usage, path| {
            if usage == wanted && !found.contains(path) {
                found.push(path.clone());
            }
        });
        found
    }
}

//! Which programs serve as workers, and where they are found.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A program of this package that serves as a worker.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// What messages call it.
    pub name: &'static str,
    /// The name of its file.
    pub file: &'static str,
    /// The environment variable that names another file.
    pub variable: &'static str,
    /// How long a cancelled job may take to end by itself before its worker is killed.
    pub farewell: Duration,
}

/// What trains. A cancelled job goes on to its next step and writes its checkpoint.
pub const TRAINER: Program =
    Program { name: "trainer", file: "spaceevo-trainer", variable: "SPACEEVO_TRAINER", farewell: Duration::from_secs(10) };

impl Program {
    /// Its file: the one that the environment names, or beside this binary, or in the folder above it.
    pub fn path(&self) -> PathBuf {
        if let Some(path) = std::env::var_os(self.variable) {
            return path.into();
        }
        let name = format!("{}{}", self.file, std::env::consts::EXE_SUFFIX);
        let here = std::env::current_exe().unwrap_or_default();
        // Test binaries stand one folder below the others.
        let beside = here.parent().unwrap_or(Path::new(".")).join(&name);
        let above = here.parent().and_then(Path::parent).map(|folder| folder.join(&name));
        above.filter(|above| !beside.is_file() && above.is_file()).unwrap_or(beside)
    }
}

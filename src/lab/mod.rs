//! The lab folder: measurements and studies in one SQLite file, artifacts and tables in folders beside it.
//!
//! `FOLDER/lab.db` is shared by several processes at once (write-ahead log, waits for locks); whatever reads and then
//! writes does so in one transaction. An artifact, such as a trained teacher, is a folder `FOLDER/KIND/KEY/` that is done
//! once it holds `result.json`, which appears only when whole. Workers write folders; only the session writes the file.
//! Every result knows its [`Provenance`].

mod artifact;
mod bundle;
mod database;
mod fault;
mod items;
mod provenance;
mod results;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use artifact::DiskUse;
pub use bundle::{Bundle, BundledItem, Manifest, Program};
pub use fault::LabFault;
pub use items::{Item, ItemKind, Prune};
pub use provenance::{Detail, Provenance, Running, TextRef, date, sha256_hex, versions};

use crate::base::Result;

/// An open lab; share it by `Arc`.
#[derive(Debug)]
pub struct Lab {
    root: PathBuf,
    database: Mutex<rusqlite::Connection>,
    running: Running,
}

impl Lab {
    /// Opens the lab in `folder` (usually `.spaceevo`), creating it and its `lab.db` if need be. A folder that cannot be
    /// written is a fault that names `--lab FOLDER`.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::open_for(folder, Running::default())
    }

    /// The same for a session that tells what it runs: what is kept then knows its script.
    pub fn open_for(folder: &Path, running: Running) -> Result<Self> {
        let unwritable = |reason: String| LabFault::NotWritable { folder: folder.to_path_buf(), reason };
        std::fs::create_dir_all(folder).map_err(|error| unwritable(error.to_string()))?;
        // Relative paths would break when a worker runs in another folder.
        let root = std::path::absolute(folder).map_err(|error| unwritable(error.to_string()))?;
        let database = database::open(&root.join("lab.db"), folder)?;
        Ok(Self { root, database: Mutex::new(database), running })
    }

    /// Its folder, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the session that opened it runs.
    pub fn running(&self) -> &Running {
        &self.running
    }
}

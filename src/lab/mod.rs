//! The lab folder: measurements and studies in one SQLite file, artifacts in folders beside it.
//!
//! `FOLDER/lab.db` is shared by several processes at once (write-ahead log, waits for locks).
//! An artifact, such as a trained teacher, is a folder `FOLDER/KIND/KEY/` that is done once it
//! holds `result.json`, which appears only when whole. Workers write folders; only the session writes the file.

mod artifact;
mod database;
mod fault;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use artifact::DiskUse;
pub use database::StudyRow;
pub use fault::LabFault;

use crate::base::Result;

/// An open lab; share it by `Arc`.
#[derive(Debug)]
pub struct Lab {
    root: PathBuf,
    database: Mutex<rusqlite::Connection>,
}

impl Lab {
    /// Opens the lab in `folder` (usually `.spaceevo`), creating it and its `lab.db` if need be. A folder that cannot be
    /// written is a fault that names `--lab FOLDER`.
    pub fn open(folder: &Path) -> Result<Self> {
        let unwritable = |reason: String| LabFault::NotWritable { folder: folder.to_path_buf(), reason };
        std::fs::create_dir_all(folder).map_err(|error| unwritable(error.to_string()))?;
        // Relative paths would break when a worker runs in another folder.
        let root = std::path::absolute(folder).map_err(|error| unwritable(error.to_string()))?;
        let database = database::open(&root.join("lab.db"), folder)?;
        Ok(Self { root, database: Mutex::new(database) })
    }

    /// Its folder, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

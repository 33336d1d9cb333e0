//! Artifact folders: what jobs leave behind, complete once `result.json` is there.

use std::path::{Path, PathBuf};

use rusqlite::params;
use serde::Serialize;

use super::provenance::Detail;
use super::{Lab, LabFault};
use crate::base::{Fault, Result, write_json};

/// Disk use of one kind of artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskUse {
    /// Kind, such as `teacher`; `tables`; `lab.db` for the measurements and studies.
    pub kind: String,
    /// Number of artifacts.
    pub count: usize,
    /// Bytes on disk.
    pub bytes: u64,
}

impl Lab {
    /// The folder of artifact `key` of `kind`; it is created.
    pub fn artifact(&self, kind: &str, key: &str) -> Result<PathBuf> {
        let folder = self.place(kind, key)?;
        std::fs::create_dir_all(&folder)
            .map_err(|error| LabFault::NotWritable { folder: self.root.clone(), reason: error.to_string() })?;
        Ok(folder)
    }

    /// The result of artifact `key` of `kind`: `None` until its job is done. A result that does not read counts as none.
    pub fn result(&self, kind: &str, key: &str) -> Result<Option<serde_json::Value>> {
        let file = self.place(kind, key)?.join("result.json");
        match std::fs::read(&file) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Fault::file("read", &file, &error)),
        }
    }

    /// Marks artifact `key` of `kind` as done, with this result, and notes where it comes from.
    pub fn keep_result(&self, kind: &str, key: &str, result: &impl Serialize, detail: &Detail) -> Result<()> {
        write_json(&self.artifact(kind, key)?.join("result.json"), result)?;
        self.write(|step| {
            let origin = self.note_origin(step, detail)?;
            let row = params![kind, key, origin];
            step.execute("insert or replace into artifacts values (?1, ?2, unixepoch(), ?3)", row)?;
            Ok(())
        })
    }

    /// Deletes artifact `key` of `kind`, done or not; whether there was one.
    pub fn delete_artifact(&self, kind: &str, key: &str) -> Result<bool> {
        let folder = self.place(kind, key)?;
        match std::fs::remove_dir_all(&folder) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Fault::file("delete", &folder, &error)),
        }
    }

    /// What the lab holds on disk, by kind.
    pub fn disk_use(&self) -> Result<Vec<DiskUse>> {
        let mut uses = Vec::new();
        let mut database = DiskUse { kind: "lab.db".into(), count: 1, bytes: 0 };
        for entry in entries(&self.root)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                uses.push(DiskUse { kind: name, count: entries(&entry.path())?.len(), bytes: bytes_in(&entry.path())? });
            } else {
                database.bytes += entry.metadata().map_or(0, |meta| meta.len());
            }
        }
        uses.push(database);
        uses.sort_by(|a, b| a.kind.cmp(&b.kind));
        Ok(uses)
    }

    fn place(&self, kind: &str, key: &str) -> Result<PathBuf> {
        for name in [kind, key] {
            let usable = !name.is_empty()
                && !name.starts_with('.')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
            if !usable {
                return Err(LabFault::Name { name: name.into() }.into());
            }
        }
        Ok(self.root.join(kind).join(key))
    }
}

pub(super) fn entries(folder: &Path) -> Result<Vec<std::fs::DirEntry>> {
    let list = std::fs::read_dir(folder).and_then(Iterator::collect);
    list.map_err(|error| Fault::file("read", folder, &error))
}

pub(super) fn bytes_in(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in entries(folder)? {
        bytes += if entry.path().is_dir() { bytes_in(&entry.path())? } else { entry.metadata().map_or(0, |meta| meta.len()) };
    }
    Ok(bytes)
}

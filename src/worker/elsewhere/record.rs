//! What the lab knows of the jobs it submitted: a folder for each batch, `submitted/BATCH`, until all its results were taken.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ElsewhereFault, Spot};
use crate::base::{Fault, Result, write_json};

/// Folder for batches: of a lab, and on the machine where they run.
pub(super) const SUBMITTED: &str = "submitted";
const RECORD: &str = "record.json";

/// One batch of jobs, as its session wrote it down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// Where it runs.
    pub spot: Spot,
    /// The folder there, absolute, in which `submitted/BATCH` lies.
    pub root: String,
    /// The trainer there.
    pub trainer: String,
    /// When it was submitted: seconds since 1970, UTC.
    pub when: i64,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// Numbers that Slurm gave it; more than one after tasks were submitted again.
    pub slurm: Vec<u64>,
    /// Its jobs.
    pub jobs: Vec<Recorded>,
}

/// One job of a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Recorded {
    /// For people.
    pub label: String,
    /// The folders of the lab that it fills, `KIND/KEY`.
    pub names: Vec<String>,
    /// Jobs that must be over before it begins.
    pub after: Vec<(String, usize)>,
    /// Whether its results lie in the lab, or its fault was told.
    pub taken: bool,
    /// How often it was started again without having got further.
    pub tries: usize,
    /// The step that it had reached when it was last started again.
    pub reached: u64,
}

/// A job that was submitted and whose results were not taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its batch.
    pub batch: String,
    /// Its number there.
    pub at: usize,
    /// For people.
    pub label: String,
    /// The folders of the lab that it fills, `KIND/KEY`.
    pub names: Vec<String>,
    /// The task, as a worker reads it.
    pub file: PathBuf,
}

/// The batches of the lab in `home`.
#[derive(Debug, Clone)]
pub(super) struct Records {
    home: PathBuf,
}

impl Records {
    pub fn of(home: &Path) -> Self {
        Self { home: home.into() }
    }

    /// The folder that holds all of them.
    pub fn root(&self) -> PathBuf {
        self.home.join(SUBMITTED)
    }

    pub fn folder(&self, batch: &str) -> PathBuf {
        self.root().join(batch)
    }

    /// Names of all batches, the oldest first.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root()).into_iter().flatten().flatten();
        let whole = entries.filter(|entry| entry.path().join(RECORD).is_file());
        let mut names: Vec<_> = whole.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// One of them; `None` if it is gone.
    pub fn read(&self, batch: &str) -> Result<Option<Record>> {
        let file = self.folder(batch).join(RECORD);
        let bad = |error: String| ElsewhereFault::Record { path: file.display().to_string(), error };
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| bad(error.to_string()).into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Fault::file("read", &file, &error)),
        }
    }

    pub fn write(&self, batch: &str, record: &Record) -> Result<()> {
        write_json(&self.folder(batch).join(RECORD), record)
    }

    /// Changes one, unless it is gone; the new one.
    pub fn change(&self, batch: &str, change: impl FnOnce(&mut Record)) -> Result<Option<Record>> {
        let Some(mut record) = self.read(batch)? else { return Ok(None) };
        change(&mut record);
        self.write(batch, &record)?;
        Ok(Some(record))
    }

    pub fn remove(&self, batch: &str) {
        // What stays is found, and removed, the next time.
        let _ = std::fs::remove_dir_all(self.folder(batch));
    }

    /// The jobs of a batch whose results were not taken.
    pub fn held(&self, batch: &str, record: &Record) -> Vec<Held> {
        let open = record.jobs.iter().enumerate().filter(|(_, job)| !job.taken);
        open.map(|(at, job)| Held {
            batch: batch.into(),
            at,
            label: job.label.clone(),
            names: job.names.clone(),
            file: crate::worker::Place::new(&self.folder(batch), at).job(),
        })
        .collect()
    }
}

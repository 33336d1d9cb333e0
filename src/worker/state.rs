//! The files of jobs that run by themselves: what each is, how far it is, and how it ended.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{Fault, Result, write_json};

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It waits.
    #[default]
    Queued,
    /// A process runs it, or did so until it died.
    Running,
    /// It ended well.
    Done,
    /// It ended with a fault.
    Failed,
    /// It was asked to stop; what it had reached lies in its checkpoint.
    Stopped,
}

impl Stage {
    /// Whether no process is needed for it any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Stopped)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// What a state file says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// How far it is.
    pub stage: Stage,
    /// Steps done.
    pub done: u64,
    /// Steps in all; 0 before the first.
    pub total: u64,
    /// A short text on how it goes.
    pub note: String,
    /// Lines of news in all.
    pub told: usize,
    /// The last lines of news.
    pub news: Vec<String>,
    /// The result of a job that is done.
    pub result: Value,
    /// The fault of one that failed.
    pub fault: Option<Fault>,
}

/// Lines of news that a state keeps.
const NEWS: usize = 20;

impl State {
    /// Adds a line of news.
    pub fn tell(&mut self, line: String) {
        self.told += 1;
        self.news.push(line);
        if self.news.len() > NEWS {
            self.news.remove(0);
        }
    }

    /// The state of a job that ended so.
    #[must_use]
    pub fn ended(self, result: Result<Value>) -> Self {
        match result {
            Ok(result) => Self { stage: Stage::Done, result, ..self },
            Err(fault) if fault.code == "session::interrupted" => Self { stage: Stage::Stopped, ..self },
            Err(fault) => Self { stage: Stage::Failed, fault: Some(fault), ..self },
        }
    }
}

/// Where job number `at` of a batch has its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    at: usize,
}

impl Place {
    /// Job `at` of the batch in `folder`.
    pub fn new(folder: &Path, at: usize) -> Self {
        Self { folder: folder.into(), at }
    }

    fn file(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{}.{what}", self.at))
    }

    /// The job.
    pub fn job(&self) -> PathBuf {
        self.file("job.json")
    }

    /// How far it is.
    pub fn state_file(&self) -> PathBuf {
        self.file("state.json")
    }

    /// Held by the process that runs it, as long as that lives.
    pub fn lock(&self) -> PathBuf {
        self.file("lock")
    }

    /// Asks it to stop, by being there.
    pub fn stop(&self) -> PathBuf {
        self.file("stop")
    }

    /// What its process said.
    pub fn log(&self) -> PathBuf {
        self.file("log")
    }

    /// What the state file says; without one, or one that cannot be read, it is queued.
    pub fn state(&self) -> State {
        let bytes = std::fs::read(self.state_file()).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Writes the state file, whole.
    pub fn write(&self, state: &State) -> Result<()> {
        write_json(&self.state_file(), state)
    }
}

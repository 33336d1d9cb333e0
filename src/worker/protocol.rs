//! The lines that session and worker exchange.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::Fault;

/// Version of the protocol, said in the worker's greeting.
pub const PROTOCOL: u32 = 1;

/// A line from the session to a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Order {
    /// Run the job in `file`.
    Run {
        /// Number of the job, chosen by the session.
        run: u64,
        /// The job as JSON.
        file: PathBuf,
    },
    /// Stop this job at its next step.
    Cancel {
        /// Number of the job.
        cancel: u64,
    },
}

/// A line from a worker to the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// The greeting, before anything else.
    Hello {
        /// [`super::build_id`] of the worker.
        build: String,
        /// [`PROTOCOL`] of the worker.
        protocol: u32,
    },
    /// How far a job is.
    Progress {
        /// Number of the job.
        id: u64,
        /// Steps done.
        done: u64,
        /// Steps in all.
        total: u64,
        /// Short text beside the bar.
        note: String,
    },
    /// A line of plain news.
    Log(String),
    /// A job ended well.
    Done {
        /// Number of the job.
        id: u64,
        /// What it found.
        result: serde_json::Value,
    },
    /// A job failed; the worker goes on.
    Failed {
        /// Number of the job.
        id: u64,
        /// Why.
        fault: Fault,
    },
}

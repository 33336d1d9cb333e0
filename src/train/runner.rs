//! Running jobs: each is done once, kept in the lab under a key of everything it depends on, and found there the next time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::{DataSource, Job, JobFile, WeightsRef};
use crate::base::{Cancel, Fault, Progress, Result, hash_hex};
use crate::lab::{Detail, Lab};
use crate::worker;

/// Raised when training changes in a way that makes older results incomparable.
const PROCEDURE: u32 = 1;

/// A finished job.
#[derive(Debug, Clone)]
pub struct Done {
    /// Key of the job: a hash of everything its result depends on.
    pub key: String,
    /// Folder with the files it wrote.
    pub folder: PathBuf,
    /// Its result, by kind of job.
    pub value: Value,
    /// Whether it was found in the lab.
    pub reused: bool,
}

impl Done {
    /// The weights it wrote, for jobs that go on from them.
    pub fn weights(&self) -> WeightsRef {
        WeightsRef { job: self.key.clone(), path: self.folder.join("weights.safetensors") }
    }

    /// Its result as a type.
    pub fn result<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.value.clone()).map_err(|error| {
            Fault::new(
                "train::result",
                format!("job {} left a result that cannot be read: {error}", self.key),
                format!("delete {}", self.folder.display()),
            )
        })
    }
}

impl Job {
    /// Kind of job: the folder of the lab that holds its results.
    pub fn kind(&self) -> &'static str {
        match self {
            Job::TrainNet(_) => "train_net",
            Job::TrainBlock(_) => "train_block",
            Job::EvalBlocks(_) => "eval_blocks",
            Job::EvalNets(_) => "eval_nets",
            Job::ExportNet(_) => "export_net",
            Job::Forward(_) => "forward",
        }
    }

    /// What its result depends on: seed, images, weights of earlier jobs.
    fn detail(&self) -> Detail {
        let (seed, data, weights) = match self {
            Job::TrainNet(job) => (Some(job.seed), Some(&job.data), vec![]),
            Job::TrainBlock(job) => (Some(job.seed), Some(&job.data), vec![("teacher", &job.target.teacher.weights)]),
            Job::EvalBlocks(job) => {
                (Some(job.seed), Some(&job.data), vec![("weights", &job.weights), ("teacher", &job.target.teacher.weights)])
            }
            Job::EvalNets(job) => (Some(job.seed), Some(&job.data), vec![("weights", &job.weights)]),
            Job::ExportNet(job) => {
                (Some(job.seed), Some(&job.data), job.weights.iter().map(|weights| ("weights", weights)).collect())
            }
            Job::Forward(_) => (None, None, vec![]),
        };
        let mut inputs: BTreeMap<_, _> =
            weights.into_iter().map(|(name, weights)| (name.to_owned(), weights.job.clone())).collect();
        inputs.extend(data.map(|data| ("data".into(), key_of(data))));
        Detail { label: self.label().into(), seed: seed.map(|seed| seed.0), inputs, device: None }
    }

    /// What people see of it.
    pub fn label(&self) -> &str {
        match self {
            Job::TrainNet(job) => &job.label,
            Job::TrainBlock(job) => &job.label,
            Job::EvalBlocks(job) => &job.label,
            Job::EvalNets(job) => &job.label,
            Job::ExportNet(_) => "export weights",
            Job::Forward(_) => "forward",
        }
    }

    /// A hash of everything its result depends on: not its label, nor where files lie.
    pub fn key(&self) -> Result<String> {
        let mut value = serde_json::to_value(self)
            .map_err(|error| Fault::new("train::job", format!("cannot describe a job: {error}"), ""))?;
        forget(&mut value);
        Ok(hash_hex(format!("{PROCEDURE} {value}").as_bytes()))
    }
}

/// A hash of what a data set consists of, wherever it lies.
fn key_of(data: &DataSource) -> String {
    let mut value = serde_json::to_value(data).unwrap_or_default();
    forget(&mut value);
    hash_hex(value.to_string().as_bytes())
}

/// Removes labels and paths.
fn forget(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.shift_remove("label");
            map.shift_remove("path");
            map.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

/// Hands jobs to workers, and keeps what they make.
pub struct Runner {
    lab: Arc<Lab>,
    pool: worker::Pool,
}

impl Runner {
    /// Runs jobs on `pool`, keeps results in `lab`.
    pub fn new(lab: Arc<Lab>, pool: worker::Pool) -> Self {
        Self { lab, pool }
    }

    /// Results of all jobs, in their order. Those that the lab holds are not run again. When some fail, the
    /// others are still finished and kept; then the first failure is returned.
    pub fn run(&self, jobs: Vec<Job>, progress: &Progress, cancel: &Cancel) -> Result<Vec<Done>> {
        let mut found: Vec<Option<Done>> = Vec::with_capacity(jobs.len());
        let mut waiting = Vec::new();
        for (at, job) in jobs.into_iter().enumerate() {
            let (kind, key) = (job.kind(), job.key()?);
            let folder = self.lab.artifact(kind, &key)?;
            match self.lab.result(kind, &key)? {
                Some(value) => found.push(Some(Done { key, folder, value, reused: true })),
                None => {
                    found.push(None);
                    waiting.push((at, key, job.label().to_string(), JobFile { job, folder }));
                }
            }
        }
        let known = found.iter().flatten().count();
        if let Some(what) = found.iter().flatten().next().and_then(|done| noteworthy(&done.folder)) {
            progress.say(&format!("{what}: {known} of {} taken from the lab", found.len()));
        }
        let files = waiting.iter().map(|(_, _, label, file)| (file.clone(), label.clone())).collect::<Vec<_>>();
        let keep = |at: usize, result: &Result<Value>| {
            if let Ok(value) = result {
                // Written at once, so that an interrupt loses only what is still running.
                let (_, key, _, file) = &waiting[at];
                if let Err(fault) = self.lab.keep_result(file.job.kind(), key, value, &file.job.detail()) {
                    progress.say(&format!("could not keep a result: {}", fault.message));
                }
            }
        };
        let results = self.pool.run_all(&files, progress, cancel, &keep);
        let mut failure = None;
        for ((at, key, label, file), result) in waiting.into_iter().zip(results) {
            match result {
                Ok(value) => found[at] = Some(Done { key, folder: file.folder, value, reused: false }),
                Err(fault) => failure = failure.or(Some(fault.during(&label))),
            }
        }
        match failure {
            Some(fault) => Err(fault),
            None => Ok(found.into_iter().flatten().collect()),
        }
    }

    /// The result of one job.
    pub fn run_one(&self, job: Job, progress: &Progress, cancel: &Cancel) -> Result<Done> {
        let label = job.label().to_string();
        let done = self.run(vec![job], progress, cancel)?.pop();
        done.ok_or_else(|| Fault::new("train::result", format!("{label} gave no result"), "run it again"))
    }
}

/// What a person would call jobs of this kind, for those that take long enough to be worth a word.
fn noteworthy(folder: &Path) -> Option<&'static str> {
    match folder.parent()?.file_name()?.to_str()? {
        "train_net" => Some("trained networks"),
        "train_block" => Some("trained blocks"),
        "eval_blocks" => Some("losses of blocks"),
        _ => None,
    }
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runner({})", self.lab.root().display())
    }
}

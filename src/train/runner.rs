//! Running jobs: each is done once, kept in the lab under a key of everything it depends on, and found there the next time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::group::groups;
use super::{BlockFile, CHECKPOINT, DataSource, Job, JobFile, TrainBlocks, WeightsRef};
use crate::base::{Cancel, Fault, Progress, Result, UNFINISHED, hash_hex};
use crate::lab::{Detail, Lab};
use crate::worker;

/// Raised when training changes in a way that makes older results incomparable.
const PROCEDURE: u32 = 2;

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
            Job::TrainBlocks(_) => "train_blocks",
            Job::EvalBlocks(_) => "eval_blocks",
            Job::EvalNets(_) => "eval_nets",
            Job::ExportNet(_) => "export_net",
            Job::Forward(_) => "forward",
            Job::ScriptShapes(_) => "script_shapes",
        }
    }

    /// What its result depends on: seed, images, weights of earlier jobs.
    fn detail(&self) -> Detail {
        let (seed, data, weights) = match self {
            Job::TrainNet(job) => {
                (Some(job.seed), Some(&job.data), job.initial.iter().map(|initial| ("initial", initial)).collect())
            }
            Job::TrainBlock(job) => (Some(job.seed), Some(&job.data), vec![("teacher", &job.target.teacher.weights)]),
            Job::EvalBlocks(job) => {
                (Some(job.seed), Some(&job.data), vec![("weights", &job.weights), ("teacher", &job.target.teacher.weights)])
            }
            Job::EvalNets(job) => (Some(job.seed), Some(&job.data), vec![("weights", &job.weights)]),
            Job::ExportNet(job) => {
                (Some(job.seed), Some(&job.data), job.weights.iter().map(|weights| ("weights", weights)).collect())
            }
            Job::TrainBlocks(_) | Job::Forward(_) => (None, None, vec![]),
            Job::ScriptShapes(job) => (None, None, vec![("script", &job.script)]),
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
            Job::TrainBlocks(job) => &job.label,
            Job::EvalBlocks(job) => &job.label,
            Job::EvalNets(job) => &job.label,
            Job::ExportNet(_) => "export weights",
            Job::Forward(_) => "forward",
            Job::ScriptShapes(_) => "features of a script",
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
    checkpoint_s: Option<f64>,
}

/// A job that the lab does not hold.
struct Waiting {
    at: usize,
    kind: &'static str,
    key: String,
    label: String,
    folder: PathBuf,
    detail: Detail,
}

/// What a worker is asked to do, with its label.
type Order = (JobFile, String);

/// The results of `count` jobs that were run as the one called `label`, from what the worker answered.
fn split(answer: &Result<Value>, count: usize, label: &str) -> Vec<Result<Value>> {
    match answer {
        Ok(value) if count == 1 => vec![Ok(value.clone())],
        Ok(value) => match serde_json::from_value::<Vec<Result<Value>>>(value.clone()) {
            Ok(results) if results.len() == count => results,
            _ => {
                let message = format!("the trainer's answer for {label} cannot be read");
                vec![Err(Fault::new("train::result", message, "build session and trainer anew with `cargo build`")); count]
            }
        },
        Err(fault) => vec![Err(fault.clone()); count],
    }
}

impl Runner {
    /// Runs jobs on `pool`, keeps results in `lab`.
    pub fn new(lab: Arc<Lab>, pool: worker::Pool) -> Self {
        Self { lab, pool, checkpoint_s: None }
    }

    /// The same with other times between two checkpoints of a training than a minute; 0 for one after every step.
    #[must_use]
    pub fn with_checkpoints_every(self, seconds: f64) -> Self {
        Self { checkpoint_s: Some(seconds), ..self }
    }

    /// Results of all jobs, in their order. Those that the lab holds are not run again. When some fail, the
    /// others are still finished and kept; then the first failure is returned.
    ///
    /// Blocks with one teacher and the same batches are trained side by side, in about as many groups as there are workers;
    /// their results are those that each has alone.
    pub fn run(&self, jobs: Vec<Job>, progress: &Progress, cancel: &Cancel) -> Result<Vec<Done>> {
        self.run_planned(jobs, true, progress, cancel)
    }

    /// The same, but each block is trained by itself, with a teacher of its own: slower, to compare with.
    pub fn run_apart(&self, jobs: Vec<Job>, progress: &Progress, cancel: &Cancel) -> Result<Vec<Done>> {
        self.run_planned(jobs, false, progress, cancel)
    }

    fn run_planned(&self, jobs: Vec<Job>, together: bool, progress: &Progress, cancel: &Cancel) -> Result<Vec<Done>> {
        let mut found: Vec<Option<Done>> = Vec::with_capacity(jobs.len());
        let (mut waiting, mut left) = (Vec::new(), Vec::new());
        for (at, job) in jobs.into_iter().enumerate() {
            let (kind, key) = (job.kind(), job.key()?);
            let folder = self.lab.artifact(kind, &key)?;
            match self.lab.result(kind, &key)? {
                Some(value) => found.push(Some(Done { key, folder, value, reused: true })),
                None => {
                    found.push(None);
                    waiting.push(Waiting { at, kind, key, label: job.label().into(), folder, detail: job.detail() });
                    left.push(job);
                }
            }
        }
        let known = found.iter().flatten().count();
        if let Some(what) = found.iter().flatten().next().and_then(|done| noteworthy(&done.folder)) {
            progress.say(&format!("{what}: {known} of {} taken from the lab", found.len()));
        }
        let (orders, places) = self.orders(&waiting, left, together);
        let answered = |at: usize, answer: &Result<Value>| {
            let places: &Vec<usize> = &places[at];
            places.iter().copied().zip(split(answer, places.len(), &orders[at].1)).collect::<Vec<_>>()
        };
        // Written at once, so that an interrupt loses only what is still running.
        let keep = |at: usize, answer: &Result<Value>| {
            for (place, result) in answered(at, answer) {
                if let Ok(value) = result {
                    self.keep(&waiting[place], &value, progress);
                }
            }
        };
        let answers = self.pool.run_all(&orders, progress, cancel, &keep);
        let mut failures: Vec<Option<Fault>> = vec![None; waiting.len()];
        for (place, result) in answers.iter().enumerate().flat_map(|(at, answer)| answered(at, answer)) {
            let Waiting { at, key, label, folder, .. } = &waiting[place];
            match result {
                Ok(value) => found[*at] = Some(Done { key: key.clone(), folder: folder.clone(), value, reused: false }),
                Err(fault) => failures[place] = Some(fault.during(label)),
            }
        }
        match failures.into_iter().flatten().next() {
            Some(fault) => Err(fault),
            None => Ok(found.into_iter().flatten().collect()),
        }
    }

    /// What workers are asked to do, and for each of it the places in `waiting` that it does. `jobs` are those of `waiting`;
    /// blocks go in groups if `together`.
    fn orders(&self, waiting: &[Waiting], jobs: Vec<Job>, together: bool) -> (Vec<Order>, Vec<Vec<usize>>) {
        let (mut orders, mut places) = (Vec::new(), Vec::new());
        let mut order = |job: Job, label: String, does: Vec<usize>| {
            let folder = waiting[does[0]].folder.clone();
            orders.push((JobFile { job, folder, checkpoint_s: self.checkpoint_s }, label));
            places.push(does);
        };
        let mut blocks = BTreeMap::new();
        for (at, job) in jobs.into_iter().enumerate() {
            match job {
                Job::TrainBlock(block) if together => {
                    blocks.insert(at, block);
                }
                job => order(job, waiting[at].label.clone(), vec![at]),
            }
        }
        let of: Vec<usize> = blocks.keys().copied().collect();
        let groups = groups(&blocks.values().collect::<Vec<_>>(), self.pool.workers());
        for group in groups {
            let does: Vec<usize> = group.into_iter().map(|place| of[place]).collect();
            let mut members: Vec<_> = does
                .iter()
                .filter_map(|&at| {
                    let Waiting { key, folder, .. } = &waiting[at];
                    Some(BlockFile { key: key.clone(), folder: folder.clone(), block: blocks.remove(&at)? })
                })
                .collect();
            let label = waiting[does[0]].label.clone();
            match members.pop() {
                Some(BlockFile { block, .. }) if members.is_empty() => order(Job::TrainBlock(block), label, does),
                last => {
                    members.extend(last);
                    let label = format!("{} blocks: {label} …", does.len());
                    order(Job::TrainBlocks(TrainBlocks { label: label.clone(), blocks: members }), label, does);
                }
            }
        }
        (orders, places)
    }

    /// Marks a job as done, and deletes what it would have gone on from.
    fn keep(&self, job: &Waiting, value: &Value, progress: &Progress) {
        if let Err(fault) = self.lab.keep_result(job.kind, &job.key, value, &job.detail) {
            progress.say(&format!("could not keep a result: {}", fault.message));
            return;
        }
        let files = std::fs::read_dir(&job.folder).into_iter().flatten().flatten();
        for file in files.filter(|file| is_left_over(&file.file_name().to_string_lossy())) {
            // One that stays takes room and does no harm.
            let _ = std::fs::remove_file(file.path());
        }
    }

    /// The result of one job.
    pub fn run_one(&self, job: Job, progress: &Progress, cancel: &Cancel) -> Result<Done> {
        let label = job.label().to_string();
        let done = self.run(vec![job], progress, cancel)?.pop();
        done.ok_or_else(|| Fault::new("train::result", format!("{label} gave no result"), "run it again"))
    }
}

/// Whether a file is of no use once its job is done: the checkpoint, and files that a process was killed over.
fn is_left_over(name: &str) -> bool {
    name == CHECKPOINT || name.starts_with(UNFINISHED)
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

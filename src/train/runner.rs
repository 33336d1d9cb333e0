//! Running jobs: each is done once, kept in the lab under a key of everything it depends on, and found there the next time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::slice::Chunks;
use std::sync::Arc;

use serde_json::Value;

use super::group::groups;
use super::{BlockFile, CHECKPOINT, DataSource, Job, JobFile, TrainBlocks, WeightsRef};
use crate::base::{Cancel, Fault, Progress, Result, UNFINISHED, hash_hex};
use crate::lab::{Detail, Lab};
use crate::worker::{Batches, ElsewhereFault, Executor, Held};

/// Raised when training changes in a way that makes older results incomparable.
const PROCEDURE: u32 = 3;

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
    /// What it is called, if it was submitted and is not done yet: it has a key and a folder, but no result.
    pub pending: Option<String>,
}

impl Done {
    /// The weights it wrote, for jobs that go on from them.
    pub fn weights(&self) -> WeightsRef {
        WeightsRef { job: self.key.clone(), path: self.folder.join("weights.safetensors") }
    }

    /// Its result as a type.
    ///
    /// # Errors
    /// `executor::submitted` if it is not done yet.
    pub fn result<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        if let Some(label) = &self.pending {
            return Err(ElsewhereFault::Submitted { label: label.clone() }.into());
        }
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
            Job::Proxies(_) => "proxies",
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
            Job::Proxies(job) => (Some(job.seed), Some(&job.data), vec![]),
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
            Job::Proxies(job) => &job.label,
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
    executor: Executor,
    wait: bool,
    checkpoint_s: Option<f64>,
}

/// A job that the lab does not hold.
struct Waiting {
    /// Where its result is wanted.
    at: Vec<usize>,
    kind: &'static str,
    key: String,
    label: String,
    folder: PathBuf,
    detail: Detail,
}

impl Waiting {
    fn new(lab: &Lab, at: Vec<usize>, job: &Job) -> Result<Self> {
        let (kind, key) = (job.kind(), job.key()?);
        let folder = lab.artifact(kind, &key)?;
        Ok(Self { at, kind, key, label: job.label().into(), folder, detail: job.detail() })
    }

    /// The jobs that a submitted one stands for: a group is several.
    fn of(lab: &Lab, held: &Held) -> Result<Vec<Self>> {
        let bytes = std::fs::read(&held.file).map_err(|error| Fault::file("read", &held.file, &error))?;
        let file: JobFile = serde_json::from_slice(&bytes).map_err(|error| {
            let message = format!("`{}` is not a job of this version: {error}", held.file.display());
            Fault::new("train::job", message, "cancel it (`submitted()`) and submit it again")
        })?;
        match file.job {
            Job::TrainBlocks(group) => {
                group.threads.into_iter().flatten().map(|one| Self::new(lab, Vec::new(), &Job::TrainBlock(one.block))).collect()
            }
            job => Ok(vec![Self::new(lab, Vec::new(), &job)?]),
        }
    }

    /// Whether it is the same job.
    fn is(&self, other: &Self) -> bool {
        (self.kind, &self.key) == (other.kind, &other.key)
    }
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
    /// Runs jobs on `executor` (a pool of workers, or elsewhere), keeps results in `lab`.
    pub fn new(lab: Arc<Lab>, executor: impl Into<Executor>) -> Self {
        Self { lab, executor: executor.into(), wait: true, checkpoint_s: None }
    }

    /// The same, but jobs that go on without the session are not waited for: they are [`Done::pending`].
    #[must_use]
    pub fn without_waiting(self) -> Self {
        Self { wait: false, ..self }
    }

    /// The same with other times between two checkpoints of a training than a minute; 0 for one after every step.
    #[must_use]
    pub fn with_checkpoints_every(self, seconds: f64) -> Self {
        Self { checkpoint_s: Some(seconds), ..self }
    }

    /// `items` in as many parts as there are workers, so that all have work.
    pub fn shares<'a, T>(&self, items: &'a [T]) -> Chunks<'a, T> {
        items.chunks(items.len().div_ceil(self.executor.workers().max(1)).max(1))
    }

    /// Results of all jobs, in their order. Those that the lab holds are not run again. When some fail, the
    /// others are still finished and kept; then the first failure is returned.
    ///
    /// Blocks with one teacher and the same batches are trained side by side: on the processor in one process with the threads of
    /// all workers, else in about as many groups as there are workers. Their results are those that each has alone.
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
            let mut wanted = Waiting::new(&self.lab, vec![at], &job)?;
            match self.lab.result(wanted.kind, &wanted.key)? {
                Some(value) => {
                    let Waiting { key, folder, .. } = wanted;
                    found.push(Some(Done { key, folder, value, reused: true, pending: None }));
                }
                None => {
                    wanted.detail.device = self.executor.cards().map(Value::from);
                    found.push(None);
                    waiting.push(wanted);
                    left.push(job);
                }
            }
        }
        let known = found.iter().flatten().count();
        if let Some(what) = found.iter().flatten().next().and_then(|done| noteworthy(&done.folder)) {
            progress.say(&format!("{what}: {known} of {} taken from the lab", found.len()));
        }
        let (held, taken_up) = self.take_up(&mut waiting, &mut left)?;
        let (orders, mut groups) = self.orders(waiting, left, together);
        groups.extend(taken_up);
        let labels: Vec<&str> = orders.iter().map(|(_, label)| &**label).chain(held.iter().map(|held| &*held.label)).collect();
        let answered = |at: usize, answer: &Result<Value>| {
            let group: &Vec<Waiting> = &groups[at];
            group.iter().zip(split(answer, group.len(), labels[at]))
        };
        // Written at once, so that an interrupt loses only what is still running.
        let keep = |at: usize, answer: &Result<Value>| {
            for (job, result) in answered(at, answer) {
                if let Ok(value) = result {
                    keep(&self.lab, job, &value, progress);
                }
            }
        };
        let answers = self.executor.run_all(&orders, &held, self.wait, (progress, cancel), &keep);
        let mut failures = BTreeMap::new();
        for (job, result) in answers.iter().enumerate().flat_map(|(at, answer)| answered(at, answer)) {
            let done = |value, pending| Done { key: job.key.clone(), folder: job.folder.clone(), value, reused: false, pending };
            for &at in &job.at {
                match &result {
                    Ok(value) => found[at] = Some(done(value.clone(), None)),
                    Err(fault) if fault.code == "executor::submitted" => {
                        found[at] = Some(done(Value::Null, Some(job.label.clone())));
                    }
                    Err(fault) => {
                        failures.insert(at, fault.clone().during(&job.label));
                    }
                }
            }
        }
        match failures.into_values().next() {
            Some(fault) => Err(fault),
            None => Ok(found.into_iter().flatten().collect()),
        }
    }

    /// Those submitted jobs that do something which is waited for, and what each of them does; of `waiting` and its `jobs` the
    /// others stay.
    fn take_up(&self, waiting: &mut Vec<Waiting>, jobs: &mut Vec<Job>) -> Result<(Vec<Held>, Vec<Vec<Waiting>>)> {
        let (mut held, mut groups) = (Vec::new(), Vec::new());
        for one in self.executor.held()? {
            let name = |job: &Waiting| format!("{}/{}", job.kind, job.key);
            if !waiting.iter().any(|job| one.names.contains(&name(job))) {
                continue;
            }
            let mut group = Waiting::of(&self.lab, &one)?;
            for job in &mut group {
                while let Some(at) = waiting.iter().position(|wanted| wanted.is(job)) {
                    job.at.extend(waiting.remove(at).at);
                    jobs.remove(at);
                }
            }
            held.push(one);
            groups.push(group);
        }
        Ok((held, groups))
    }

    /// Takes up what these submitted jobs have made, and keeps it: until all are over, or with `wait` false what is there.
    /// The first fault of those that failed.
    pub fn take_in(lab: &Lab, held: &[Held], wait: bool, progress: &Progress, cancel: &Cancel) -> Result<()> {
        let groups = held.iter().map(|held| Waiting::of(lab, held)).collect::<Result<Vec<_>>>()?;
        let keep = |at: usize, answer: &Result<Value>| {
            for (job, result) in groups[at].iter().zip(split(answer, groups[at].len(), &held[at].label)) {
                if let Ok(value) = result {
                    keep(lab, job, &value, progress);
                }
            }
        };
        let answers = Batches::of(lab.root()).follow(held, wait, (progress, cancel), &keep);
        let faults = answers.into_iter().zip(held).filter_map(|(answer, held)| Some(answer.err()?.during(&held.label)));
        faults.into_iter().find(|fault| fault.code != "executor::submitted").map_or(Ok(()), Err)
    }

    /// What workers are asked to do, and for each of it which of `waiting` it does. `jobs` are those of `waiting`; blocks go in
    /// groups if `together`.
    fn orders(&self, waiting: Vec<Waiting>, jobs: Vec<Job>, together: bool) -> (Vec<Order>, Vec<Vec<Waiting>>) {
        let (mut orders, mut does) = (Vec::new(), Vec::new());
        let mut order = |job: Job, label: String, group: Vec<Waiting>| {
            let folder = group[0].folder.clone();
            orders.push((JobFile { job, folder, checkpoint_s: self.checkpoint_s }, label));
            does.push(group);
        };
        let mut blocks = Vec::new();
        for (one, job) in waiting.into_iter().zip(jobs) {
            match job {
                Job::TrainBlock(block) if together => blocks.push(Some((one, block))),
                job => order(job, one.label.clone(), vec![one]),
            }
        }
        let wanted: Vec<_> = blocks.iter().flatten().map(|(_, block)| block).collect();
        for threads in groups(&wanted, self.executor.workers(), self.executor.joins_workers()) {
            let mut group = Vec::new();
            let mut file = |place: usize| {
                let (one, block) = blocks[place].take()?;
                let file = BlockFile { key: one.key.clone(), folder: one.folder.clone(), block };
                group.push(one);
                Some(file)
            };
            let mut threads: Vec<Vec<_>> =
                threads.into_iter().map(|own| own.into_iter().filter_map(&mut file).collect()).collect();
            let Some(label) = group.first().map(|one| one.label.clone()) else { continue };
            match threads.as_mut_slice() {
                [own] if own.len() == 1 => order(Job::TrainBlock(own.remove(0).block), label, group),
                _ => {
                    let label = format!("{} blocks: {label} …", group.len());
                    order(Job::TrainBlocks(TrainBlocks { label: label.clone(), threads }), label, group);
                }
            }
        }
        (orders, does)
    }

    /// The result of one job.
    pub fn run_one(&self, job: Job, progress: &Progress, cancel: &Cancel) -> Result<Done> {
        let label = job.label().to_string();
        let done = self.run(vec![job], progress, cancel)?.pop();
        done.ok_or_else(|| Fault::new("train::result", format!("{label} gave no result"), "run it again"))
    }
}

/// Marks a job as done, and deletes what it would have gone on from.
fn keep(lab: &Lab, job: &Waiting, value: &Value, progress: &Progress) {
    if let Err(fault) = lab.keep_result(job.kind, &job.key, value, &job.detail) {
        progress.say(&format!("could not keep a result: {}", fault.message));
        return;
    }
    let files = std::fs::read_dir(&job.folder).into_iter().flatten().flatten();
    for file in files.filter(|file| is_left_over(&file.file_name().to_string_lossy())) {
        // One that stays takes room and does no harm.
        let _ = std::fs::remove_file(file.path());
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

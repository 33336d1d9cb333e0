//! A pool of local trainers that share out jobs.

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::process::{Outcome, Process};
use super::{Processor, TRAINER, Task, WorkerFault};
use crate::base::{Cancel, Fault, Progress, Result, write_json};

/// How many workers, what they compute with, and which binary.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolOptions {
    /// Workers that run at the same time; at least 1.
    pub workers: usize,
    /// Threads of each; at least 1.
    pub threads: usize,
    /// What is dealt out to them ([`Processor::dealt`]); the processor if it is empty.
    pub processors: Vec<Processor>,
    /// The trainer; without it the one named by `SPACEEVO_TRAINER`, or beside this binary, or in the folder above it.
    pub trainer: Option<PathBuf>,
}

/// Trainers of this session. They start when first needed, stay warm between calls, and end with the pool.
pub struct Pool {
    options: PoolOptions,
    /// Those without a job, each with the number of its worker.
    idle: Mutex<Vec<(usize, Process)>>,
}

impl Pool {
    /// A pool without processes yet.
    pub fn start(options: PoolOptions) -> Self {
        let options = PoolOptions { workers: options.workers.max(1), threads: options.threads.max(1), ..options };
        Self { options, idle: Mutex::default() }
    }

    /// How many jobs run at the same time.
    pub fn workers(&self) -> usize {
        self.options.workers
    }

    /// What is dealt out to them.
    pub fn processors(&self) -> &[Processor] {
        &self.options.processors
    }

    /// Runs `jobs`, each with the label that its progress bar shows, and returns their results in order.
    ///
    /// `on_done` is called in this thread as each one ends, in whatever order. A job whose worker dies is run
    /// once more in a fresh one. After `cancel` the unfinished ones fail with `session::interrupted`.
    pub fn run_all<T: Task>(
        &self,
        jobs: &[(T, String)],
        progress: &Progress,
        cancel: &Cancel,
        on_done: &dyn Fn(usize, &Result<Value>),
    ) -> Vec<Result<Value>> {
        let queue = Queue::new(self.options.workers);
        let mut results: Vec<Option<Result<Value>>> = jobs.iter().map(|_| None).collect();
        std::thread::scope(|scope| {
            let (send, receive) = channel();
            for slot in 0..self.options.workers.min(jobs.len()) {
                let (send, queue) = (send.clone(), &queue);
                scope.spawn(move || {
                    let mut worker = None;
                    while let Some((index, places)) = queue.next(jobs) {
                        let (job, label) = &jobs[index];
                        let result = self.run_one((slot, &mut worker), (job, label), progress, cancel);
                        queue.free(places);
                        if send.send((index, result)).is_err() {
                            break;
                        }
                    }
                    if let Some(worker) = worker {
                        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((slot, worker));
                    }
                });
            }
            drop(send);
            for (index, result) in receive {
                on_done(index, &result);
                results[index] = Some(result);
            }
        });
        let lost = || Err(Fault::new("worker::lost", "a thread that spoke to a trainer failed", "run it again"));
        results.into_iter().map(|result| result.unwrap_or_else(lost)).collect()
    }

    /// Runs one job; see [`Pool::run_all`].
    pub fn run<T: Task>(&self, job: T, label: &str, progress: &Progress, cancel: &Cancel) -> Result<Value> {
        let mut results = self.run_all(&[(job, label.into())], progress, cancel, &|_, _| {});
        results.pop().unwrap_or_else(|| Ok(Value::Null))
    }

    fn run_one<T: Task>(
        &self,
        (slot, worker): (usize, &mut Option<Process>),
        (job, label): (&T, &str),
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Value> {
        let file = job.folder().join("job.json");
        write_json(&file, job)?;
        let mut tried = false;
        loop {
            cancel.check()?;
            let mut process = match worker.take() {
                Some(process) => process,
                None => self.take(slot)?,
            };
            match process.run(file.clone(), label, progress, cancel) {
                Outcome::Answered(result) => {
                    *worker = Some(process);
                    return result;
                }
                Outcome::Stopped => cancel.check()?,
                Outcome::Died { how, .. } if !tried => {
                    tried = true;
                    progress.say(&format!("the trainer died ({how}) while it ran `{label}`; trying once more in a fresh one"));
                }
                Outcome::Died { how, last } => return Err(WorkerFault::Died { label: label.into(), how, last }.into()),
            }
        }
    }

    /// The process of worker `slot`: one that is warm, or a fresh one.
    fn take(&self, slot: usize) -> Result<Process> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let warm = idle.iter().position(|(of, _)| *of == slot).map(|at| idle.swap_remove(at));
        drop(idle);
        match warm {
            Some((_, process)) => Ok(process),
            None => {
                let PoolOptions { workers, threads, processors, .. } = &self.options;
                Process::start(&self.trainer(), *threads, &Processor::dealt(processors, slot, *workers))
            }
        }
    }

    fn trainer(&self) -> PathBuf {
        self.options.trainer.clone().unwrap_or_else(|| TRAINER.path())
    }
}

/// Jobs in their order, and places for them: one for each worker.
struct Queue {
    workers: usize,
    /// The next job, and how many places are free.
    state: Mutex<(usize, usize)>,
    freed: Condvar,
}

impl Queue {
    fn new(workers: usize) -> Self {
        Self { workers, state: Mutex::new((0, workers)), freed: Condvar::new() }
    }

    /// The next job, once there are places for it, and how many it takes; `None` if none is left.
    fn next<T: Task>(&self, jobs: &[(T, String)]) -> Option<(usize, usize)> {
        let mut state = self.lock();
        loop {
            let (at, free) = *state;
            let places = jobs.get(at)?.0.workers().clamp(1, self.workers);
            if places <= free {
                *state = (at + 1, free - places);
                return Some((at, places));
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn free(&self, places: usize) {
        self.lock().1 += places;
        self.freed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, (usize, usize)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Where jobs run: with workers of this session, or elsewhere without it. Who has jobs need not know which.

use serde_json::Value;

use super::{Elsewhere, Held, Pool, Processor, Task};
use crate::base::{Cancel, Progress, Result};

/// A place for jobs.
pub enum Executor {
    /// Workers of this session, which end with it.
    Local(Pool),
    /// Jobs that go on by themselves.
    Elsewhere(Box<Elsewhere>),
}

impl From<Pool> for Executor {
    fn from(pool: Pool) -> Self {
        Self::Local(pool)
    }
}

impl From<Elsewhere> for Executor {
    fn from(elsewhere: Elsewhere) -> Self {
        Self::Elsewhere(Box::new(elsewhere))
    }
}

impl Executor {
    /// How many jobs run at the same time.
    pub fn workers(&self) -> usize {
        match self {
            Self::Local(pool) => pool.workers(),
            Self::Elsewhere(elsewhere) => elsewhere.workers(),
        }
    }

    /// Whether a job may take the place of several workers: it then has the threads of all of them.
    pub fn joins_workers(&self) -> bool {
        match self {
            Self::Local(_) => self.cards().is_none(),
            // There each job is a process of its own that was promised the threads of one worker.
            Self::Elsewhere(_) => false,
        }
    }

    /// The cards that jobs compute with; `None` where the processor does.
    pub fn cards(&self) -> Option<String> {
        let processors = match self {
            Self::Local(pool) => pool.processors(),
            Self::Elsewhere(elsewhere) => elsewhere.processors(),
        };
        processors.iter().any(|one| *one != Processor::Cpu).then(|| Processor::list(processors))
    }

    /// Jobs that an earlier session left there and whose results are not taken up yet.
    pub fn held(&self) -> Result<Vec<Held>> {
        match self {
            Self::Local(_) => Ok(Vec::new()),
            Self::Elsewhere(elsewhere) => elsewhere.held(),
        }
    }

    /// Runs `jobs`, each with its label, and takes up those in `held`: their results in this order.
    ///
    /// `on_done` is called in this thread as each one ends, in whatever order. A job whose process dies is run once more.
    /// After `cancel` the unfinished ones fail with `session::interrupted`. Without `wait`, jobs that go on by themselves are
    /// left to do so, as faults `executor::submitted`.
    pub fn run_all<T: Task>(
        &self,
        jobs: &[(T, String)],
        held: &[Held],
        wait: bool,
        (progress, cancel): (&Progress, &Cancel),
        on_done: &dyn Fn(usize, &Result<Value>),
    ) -> Vec<Result<Value>> {
        match self {
            Self::Local(pool) => pool.run_all(jobs, progress, cancel, on_done),
            Self::Elsewhere(elsewhere) => elsewhere.run_all(jobs, held, wait, (progress, cancel), on_done),
        }
    }
}

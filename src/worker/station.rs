//! What runs on the machine where jobs go on by themselves: a process that sees a batch of them through.
//!
//! It outlives the session that started it. One process sees to a batch; a second one that is started finds the lock and
//! leaves, so starting it is also how one makes sure that it is there. Several batches on a machine share its places: the
//! n-th worker of each takes the same lock while it runs a job.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::process::{options, tuned};
use super::state::{Place, Stage, State};
use super::{Processor, TRAINER, WorkerFault};
use crate::base::{Fault, Result};

/// How often it looks whether a job has become ready.
const LOOK: Duration = Duration::from_millis(200);
/// Lines of a process that died which are quoted.
const LAST_LINES: usize = 8;

/// Name of the file that says what a batch is.
pub const PLAN: &str = "batch.json";
/// Name of the file with the number of the process that sees to a batch.
pub const PID: &str = "pid";

/// A batch of jobs: file `batch.json` in its folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Jobs that run at the same time.
    pub workers: usize,
    /// Threads of each.
    pub threads: usize,
    /// What is dealt out to them ([`Processor::dealt`]); the processor if it is empty.
    #[serde(default)]
    pub processors: Vec<Processor>,
    /// Lines of shell before the process of each job; `SPACEEVO_WORKER` is the number of its worker, from 0.
    #[serde(default)]
    pub setup: String,
    /// For each job those that must be over before it begins: batch (a folder beside this one) and number.
    pub after: Vec<Vec<(String, usize)>>,
}

impl Plan {
    /// The plan of the batch in `folder`.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = folder.join(PLAN);
        let bytes = std::fs::read(&file).map_err(|error| Fault::file("read", &file, &error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Fault::new("worker::batch", format!("`{}` is no batch of jobs: {error}", file.display()), "submit it again")
        })
    }

    /// Whether job `job` comes after others.
    pub fn follows(&self, job: usize) -> bool {
        self.after.get(job).is_some_and(|before| !before.is_empty())
    }

    /// What became of the jobs that must be over before job `job` of the batch in `folder` begins.
    pub fn before(&self, folder: &Path, job: usize) -> Before {
        let mut all = Before::Done;
        for (batch, at) in self.after.get(job).into_iter().flatten() {
            let other = folder.join("..").join(batch);
            // A batch whose results were all taken is gone.
            match Place::new(&other, *at).state().stage {
                _ if !other.join(PLAN).is_file() => {}
                Stage::Done => {}
                Stage::Failed => return Before::Lost,
                // One that stopped because its time was up goes on.
                Stage::Queued | Stage::Running | Stage::Stopped => all = Before::Open,
            }
        }
        all
    }
}

/// What became of the jobs that must be over before another begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// All are done.
    Done,
    /// Not yet.
    Open,
    /// One of them did not end well.
    Lost,
}

/// The fault of a job that comes after one which did not end well.
pub fn lost() -> Fault {
    Fault::new("worker::before", "a job that it needs the results of did not end well", "run it again")
}

/// The file `path`, to be locked.
fn open(path: &Path) -> Result<File> {
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    open.map_err(|error| Fault::file("open", path, &error))
}

/// The open file `path`, locked for this process; `None` if another process holds it.
fn locked(path: &Path) -> Result<Option<File>> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Fault::file("lock", path, &error)),
    }
}

/// Waits until no other process runs the job at `place`; until the file is dropped none will. `None` where the file system
/// knows no locks: then only the scheduler sees to it that a job runs once.
pub fn alone(place: &Place) -> Result<Option<File>> {
    let file = open(&place.lock())?;
    Ok(file.lock().is_ok().then_some(file))
}

/// The jobs of a batch, as far as this process has got.
struct Rounds<'a> {
    folder: &'a Path,
    plan: &'a Plan,
    /// Jobs that no worker has taken yet.
    left: Mutex<Vec<usize>>,
}

/// What a worker does next.
enum Next {
    Run(usize),
    Wait,
    Leave,
}

impl Rounds<'_> {
    fn next(&self) -> Result<Next> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = 0;
        while at < left.len() {
            let job = left[at];
            let place = Place::new(self.folder, job);
            if place.state().stage.is_over() {
                left.remove(at);
                continue;
            }
            if place.stop().exists() {
                place.write(&State { stage: Stage::Stopped, ..place.state() })?;
                left.remove(at);
                continue;
            }
            match self.plan.before(self.folder, job) {
                Before::Lost => {
                    place.write(&State::default().ended(Err(lost())))?;
                    left.remove(at);
                    continue;
                }
                Before::Done => {
                    left.remove(at);
                    return Ok(Next::Run(job));
                }
                Before::Open => {}
            }
            at += 1;
        }
        Ok(if left.is_empty() { Next::Leave } else { Next::Wait })
    }

    /// What worker number `worker` does until nothing is left.
    fn work(&self, worker: usize) -> Result<()> {
        let slots = self.folder.join("../slots");
        std::fs::create_dir_all(&slots).map_err(|error| Fault::file("create", &slots, &error))?;
        loop {
            match self.next()? {
                Next::Leave => return Ok(()),
                Next::Wait => std::thread::sleep(LOOK),
                Next::Run(job) => {
                    let held = loop {
                        match locked(&slots.join(worker.to_string()))? {
                            Some(file) => break file,
                            None => std::thread::sleep(LOOK),
                        }
                    };
                    see_through(&Place::new(self.folder, job), job, self.folder, worker, self.plan)?;
                    drop(held);
                }
            }
        }
    }
}

/// Runs one job to its end; one whose process dies is run once more.
fn see_through(place: &Place, at: usize, folder: &Path, worker: usize, plan: &Plan) -> Result<()> {
    let mut tried = false;
    loop {
        let status = process(place, at, folder, worker, plan)?;
        let state = place.state();
        // A batch whose results were all taken is gone.
        if state.stage.is_over() || !folder.join(PLAN).is_file() {
            return Ok(());
        }
        let label = format!("job {at} of its batch");
        if tried {
            let last = std::fs::read_to_string(place.log()).unwrap_or_default();
            let lines: Vec<&str> = last.lines().collect();
            let last = lines[lines.len().saturating_sub(LAST_LINES)..].iter().map(|line| format!("\n  {line}")).collect();
            let fault = WorkerFault::Died { label, how: status.to_string(), last };
            return place.write(&state.ended(Err(fault.into())));
        }
        tried = true;
        let mut state = state;
        state.tell(format!("the trainer died ({status}); it is run once more"));
        place.write(&state)?;
    }
}

fn process(place: &Place, at: usize, folder: &Path, worker: usize, plan: &Plan) -> Result<ExitStatus> {
    let Plan { workers, threads, processors, setup, .. } = plan;
    let trainer = std::env::current_exe().map_err(|error| Fault::file("find", Path::new("this program"), &error))?;
    let log = || File::options().create(true).append(true).open(place.log());
    let unable = |error: std::io::Error| {
        Fault::from(WorkerFault::Start { program: TRAINER, path: trainer.clone(), error: error.to_string() })
    };
    let (out, err) = (log().map_err(unable)?, log().map_err(unable)?);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{setup}\nexec \"$0\" \"$@\"")]).arg(&trainer);
    command.arg("--batch").arg(folder).args(["--job", &at.to_string()]);
    command.args(options(*threads, &Processor::dealt(processors, worker, *workers)));
    command.env("SPACEEVO_WORKER", worker.to_string());
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    tuned(&mut command, *threads).status().map_err(unable)
}

/// Sees the batch in `folder` through: to be called in a process of its own, which the session does not wait for.
pub fn see_to(folder: &Path) -> Result<()> {
    let Some(_lock) = locked(&folder.join("lock"))? else { return Ok(()) };
    let folder = &std::fs::canonicalize(folder).map_err(|error| Fault::file("find", folder, &error))?;
    let pid = folder.join(PID);
    std::fs::write(&pid, std::process::id().to_string()).map_err(|error| Fault::file("write", &pid, &error))?;
    let plan = &Plan::read(folder)?;
    let rounds = &Rounds { folder, plan, left: Mutex::new((0..plan.after.len()).collect()) };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.workers.max(1)).map(|worker| scope.spawn(move || rounds.work(worker))).collect();
        let ends = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        ends.flatten().collect()
    })
}

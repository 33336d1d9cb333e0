//! The trainer's side of the protocol: reads orders, runs one job after the other, reports.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use spaceevo::base::{Cancel, Fault, Quiet, Result, interrupted};
use spaceevo::train::JobFile;
use spaceevo::worker::{News, Order, PROTOCOL, Processor, build_id};

use super::fault::TrainFault;
use super::jobs::Jobs;
use super::place;

/// Progress lines are at least this far apart.
const APART: Duration = Duration::from_millis(200);
/// So often a job looks whether somebody measures on this machine.
const LOOK: Duration = Duration::from_millis(100);

/// Whether it was said that trainings wait for measurements.
static SAID: Once = Once::new();

/// Where the running job reports to, and what tells it to stop.
pub struct Ears {
    id: u64,
    cancel: Cancel,
    spoken: Option<Instant>,
    looked: Cell<Option<Instant>>,
}

impl Ears {
    /// Those of job `id`, which stops at the next step once `cancel` is set.
    pub fn new(id: u64, cancel: Cancel) -> Self {
        Self { id, cancel, spoken: None, looked: Cell::new(None) }
    }

    /// Those of a thread that helps with the job.
    pub fn of_helper(&self) -> Self {
        Self::new(self.id, self.cancel.clone())
    }

    /// Reports that `done` of `total` steps are done; an error once the job is cancelled.
    pub fn step(&mut self, done: usize, total: usize, note: impl FnOnce() -> String) -> Result<()> {
        self.check()?;
        if done == total || self.spoken.is_none_or(|at| at.elapsed() >= APART) {
            self.spoken = Some(Instant::now());
            say(&News::Progress { id: self.id, done: done as u64, total: total as u64, note: note() });
        }
        Ok(())
    }

    /// Whether the job is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// An error once the job is cancelled. Waits while a latency is measured on this machine: training would spoil it.
    pub fn check(&self) -> Result<()> {
        self.cancel.check()?;
        if self.looked.get().is_none_or(|at| at.elapsed() >= LOOK) {
            Quiet::wait(&self.cancel, || {
                SAID.call_once(|| tell("training pauses whenever a latency is measured on this machine".into()));
            })?;
            self.looked.set(Some(Instant::now()));
        }
        Ok(())
    }
}

/// Tells the session a line that is worth a person's notice.
pub fn tell(line: String) {
    say(&News::Log(line));
}

/// One who is told news.
type Listener = Box<dyn Fn(&News) + Send + Sync>;

/// Where news go in place of standard output.
static LISTENER: OnceLock<Listener> = OnceLock::new();

/// From now on news go to `listener` in place of standard output; the first call counts.
pub fn listen_with(listener: Listener) {
    let _ = LISTENER.set(listener);
}

fn say(news: &News) {
    if let Some(listener) = LISTENER.get() {
        return listener(news);
    }
    if let Ok(line) = serde_json::to_string(news) {
        let mut out = std::io::stdout().lock();
        // A session that is gone is noticed at the end of the input.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Orders that wait, the number of the running job, and whether the input has ended.
#[derive(Default)]
struct Desk {
    waiting: VecDeque<(u64, std::path::PathBuf)>,
    running: Option<u64>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    rung: Condvar,
    cancel: Cancel,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets libtorch up for so many threads, and for what it computes with.
///
/// # Errors
/// `train::cuda`.
pub fn prepare(threads: u16, processors: &[Processor]) -> Result<()> {
    // Faults of libtorch arrive as panics and are reported as faults of the job.
    std::panic::set_hook(Box::new(|_| {}));
    caught(|| place::set(processors))?;
    tch::set_num_threads(i32::from(threads));
    Ok(())
}

/// Says which build this is.
pub fn greet() {
    say(&News::Hello { build: build_id().into(), protocol: PROTOCOL });
}

/// The job in a file.
pub fn read(file: &Path) -> Result<JobFile> {
    let bytes = std::fs::read(file).map_err(|error| Fault::file("read", file, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Fault::new(
            "train::job",
            format!("`{}` is not a job: {error}", file.display()),
            "build session and trainer anew with `cargo build`",
        )
    })
}

/// Greets, then runs orders from standard input until it ends.
pub fn serve(threads: u16, processors: &[Processor]) {
    // Each job then tells what is missing.
    let ready = prepare(threads, processors);
    greet();
    let shared = Arc::new(Shared::default());
    let listener = Arc::clone(&shared);
    std::thread::spawn(move || listen(&listener));
    let mut jobs = Jobs::default();
    while let Some((id, file)) = next(&shared) {
        let mut ears = Ears::new(id, shared.cancel.clone());
        let result = ready.clone().and_then(|()| caught(|| jobs.run(&read(&file)?, &mut ears)));
        shared.desk().running = None;
        say(&match result {
            Ok(result) => News::Done { id, result },
            Err(fault) => News::Failed { id, fault },
        });
    }
}

/// What `work` gives; a fault of libtorch, which arrives as a panic, is one of the work.
pub fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(from_panic(&*panic)))
}

fn next(shared: &Shared) -> Option<(u64, std::path::PathBuf)> {
    let mut desk = shared.desk();
    loop {
        if desk.closed {
            return None;
        }
        if let Some(order) = desk.waiting.pop_front() {
            desk.running = Some(order.0);
            shared.cancel.reset();
            return Some(order);
        }
        desk = shared.rung.wait(desk).unwrap_or_else(PoisonError::into_inner);
    }
}

fn listen(shared: &Shared) {
    for line in std::io::stdin().lock().lines().map_while(std::result::Result::ok) {
        let mut desk = shared.desk();
        match serde_json::from_str(&line) {
            Ok(Order::Run { run, file }) => desk.waiting.push_back((run, file)),
            Ok(Order::Cancel { cancel }) if desk.running == Some(cancel) => shared.cancel.cancel(),
            Ok(Order::Cancel { cancel }) => {
                let waited = desk.waiting.len();
                desk.waiting.retain(|(id, _)| *id != cancel);
                // Who asked waits for an answer.
                if desk.waiting.len() < waited {
                    say(&News::Failed { id: cancel, fault: interrupted() });
                }
            }
            Err(error) => tell(format!("an order that is not of the protocol: {error}")),
        }
        shared.rung.notify_all();
    }
    shared.desk().closed = true;
    shared.cancel.cancel();
    shared.rung.notify_all();
}

fn from_panic(panic: &(dyn std::any::Any + Send)) -> Fault {
    let text = match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text.as_str(),
        (_, Some(text)) => text,
        _ => "an unknown fault",
    };
    // tch wraps the message: `called `Result::unwrap()` on an `Err` value: Torch("...\nException raised from ...")`.
    let text = text.split_once("Torch(\"").map_or(text, |(_, message)| message);
    let message = text.split("\\nException raised").next().unwrap_or(text).lines().next().unwrap_or(text);
    TrainFault::Torch { message: message.trim_end_matches("\")").to_owned() }.into()
}

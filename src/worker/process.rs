//! One worker process: started, spoken to, ended.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{News, Order, PROTOCOL, Processor, Program, TRAINER, WorkerFault, build_id};
use crate::base::{Bar, Cancel, Fault, Progress, Result};

/// How often a waiting session looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(50);
/// How long a worker may take to leave.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a worker may take to load its libraries and greet.
const GREETING: Duration = Duration::from_secs(120);
/// Lines of standard error that are kept for the message when a worker dies.
const LAST_LINES: usize = 8;

/// How a job ended, from the view of its worker.
pub enum Outcome {
    /// The worker answered; it can take the next job.
    Answered(Result<Value>),
    /// The session was interrupted and the worker did not stop in time: it is gone.
    Stopped,
    /// The process ended by itself; the text says how, with its last lines.
    Died {
        /// How it ended.
        how: String,
        /// Its last lines, each after a line break.
        last: String,
    },
}

/// The environment that training wants, where nothing else is asked for.
pub(super) const TUNING: [(&str, &str); 3] =
    [("MALLOC_MMAP_THRESHOLD_", "33554432"), ("MALLOC_TRIM_THRESHOLD_", "536870912"), ("MALLOC_TOP_PAD_", "67108864")];

/// A trainer with this environment: feature maps come and go by the million, and without it glibc returns their pages to
/// the system each time.
pub(super) fn tuned(command: &mut Command, threads: usize) -> &mut Command {
    command.env("OMP_NUM_THREADS", threads.to_string());
    command.envs(TUNING.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()))
}

/// The options of a trainer with so many threads, which computes with `processors`.
pub(super) fn options(threads: usize, processors: &[Processor]) -> Vec<String> {
    let mut options = vec!["--threads".into(), threads.to_string()];
    if processors.iter().any(|processor| *processor != Processor::Cpu) || processors.len() > 1 {
        options.extend(["--processors".into(), Processor::list(processors)]);
    }
    options
}

/// A running worker that has greeted.
pub struct Process {
    child: Child,
    orders: Option<ChildStdin>,
    news: Receiver<std::result::Result<News, String>>,
    last: Arc<Mutex<VecDeque<String>>>,
    listener: JoinHandle<()>,
    next: u64,
    program: Program,
}

impl Process {
    /// Starts `trainer` with so many threads, to compute with `processors`, and waits for its greeting.
    pub fn start(trainer: &Path, threads: usize, processors: &[Processor]) -> Result<Self> {
        let mut command = Command::new(trainer);
        command.args(options(threads, processors));
        tuned(&mut command, threads);
        Self::begin(TRAINER, trainer, command)
    }

    /// Runs `command`, which starts the `program` at `path`, and waits for its greeting.
    pub fn begin(program: Program, path: &Path, mut command: Command) -> Result<Self> {
        if !path.is_file() {
            return Err(WorkerFault::Missing { program, path: path.into() }.into());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C at a terminal is for the session, which then tells its workers.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let unable = |error: String| Fault::from(WorkerFault::Start { program, path: path.into(), error });
        let mut child = command.spawn().map_err(|error| unable(error.to_string()))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(unable("its streams are closed".into()));
        };
        let (send, news) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                let parsed = serde_json::from_str(&line).map_err(|_| line);
                if send.send(parsed).is_err() {
                    break;
                }
            }
        });
        let last = Arc::new(Mutex::new(VecDeque::new()));
        let keep = Arc::clone(&last);
        let listener = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(std::result::Result::ok) {
                let mut lines = keep.lock().unwrap_or_else(PoisonError::into_inner);
                lines.push_back(line);
                if lines.len() > LAST_LINES {
                    lines.pop_front();
                }
            }
        });
        let mut process = Self { child, orders: Some(stdin), news, last, listener, next: 1, program };
        match process.news.recv_timeout(GREETING) {
            Ok(Ok(News::Hello { build, protocol })) if build == build_id() && protocol == PROTOCOL => Ok(process),
            Ok(Ok(News::Hello { build, .. })) => {
                Err(WorkerFault::Build { program, path: path.into(), found: build, wanted: build_id().into() }.into())
            }
            Ok(Ok(other)) => Err(WorkerFault::Protocol { program, line: format!("{other:?}") }.into()),
            Ok(Err(line)) => Err(WorkerFault::Protocol { program, line }.into()),
            Err(RecvTimeoutError::Timeout) => Err(unable(format!("no greeting within {} s", GREETING.as_secs()))),
            Err(RecvTimeoutError::Disconnected) => {
                let (how, last) = process.obituary();
                Err(unable(format!("{how}{last}")))
            }
        }
    }

    /// Runs the job in `file` and waits for its end; its progress is shown under `label`.
    pub fn run(&mut self, file: PathBuf, label: &str, progress: &Progress, cancel: &Cancel) -> Outcome {
        let id = self.next;
        self.next += 1;
        if !self.send(&Order::Run { run: id, file }) {
            return self.died();
        }
        let mut bar: Option<Bar> = None;
        let mut deadline: Option<Instant> = None;
        loop {
            if cancel.is_cancelled() && deadline.is_none() {
                deadline = Some(Instant::now() + self.program.farewell);
                self.send(&Order::Cancel { cancel: id });
            }
            if deadline.is_some_and(|deadline| Instant::now() > deadline || cancel.is_urgent()) {
                self.kill();
                return Outcome::Stopped;
            }
            match self.news.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if deadline.is_some() => return Outcome::Stopped,
                Err(RecvTimeoutError::Disconnected) => return self.died(),
                Ok(Ok(News::Progress { id: of, done, total, note })) if of == id => {
                    bar.get_or_insert_with(|| progress.task(label, total)).set(done, &note);
                }
                Ok(Ok(News::Log(line))) => progress.say(&line),
                Ok(Ok(News::Done { id: of, result })) if of == id => return Outcome::Answered(Ok(result)),
                Ok(Ok(News::Failed { id: of, fault })) if of == id => return Outcome::Answered(Err(fault)),
                // Late news of an earlier job.
                Ok(Ok(_)) => {}
                Ok(Err(line)) => {
                    self.kill();
                    let line: String = line.chars().take(200).collect();
                    return Outcome::Died { how: format!("it said `{line}`, which is not of the protocol"), last: String::new() };
                }
            }
        }
    }

    fn send(&mut self, order: &Order) -> bool {
        let Some(stdin) = &mut self.orders else { return false };
        let Ok(line) = serde_json::to_string(order) else { return false };
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).is_ok()
    }

    fn died(&mut self) -> Outcome {
        let (how, last) = self.obituary();
        Outcome::Died { how, last }
    }

    /// How the process ended, and its last lines.
    fn obituary(&mut self) -> (String, String) {
        let how = match self.wait(PATIENCE) {
            Some(status) => status.to_string(),
            None => {
                self.kill();
                "it closed its output".into()
            }
        };
        // Its last lines may still be on their way; a child of its own may keep the stream open for ever.
        let until = Instant::now() + PATIENCE;
        while !self.listener.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let lines = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = lines.iter().map(|line| format!("\n  {line}")).collect();
        (how, last)
    }

    fn wait(&mut self, most: Duration) -> Option<std::process::ExitStatus> {
        let until = Instant::now() + most;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn kill(&mut self) {
        // Either may fail only because the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.orders = None;
        if self.wait(PATIENCE).is_none() {
            self.kill();
        }
    }
}

//! Progress of long work on standard error: bars on a terminal, a few plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal;
use crate::base::ProgressSink;

/// Off a terminal, a finished task is worth a line if it took longer.
const WORTH_A_LINE: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Task {
    label: String,
    began: Instant,
    bar: Option<ProgressBar>,
}

/// All running tasks of a session.
#[derive(Debug)]
pub(super) struct Bars {
    quiet: bool,
    screen: Option<MultiProgress>,
    tasks: Mutex<BTreeMap<u64, Task>>,
}

impl Bars {
    pub fn new(quiet: bool) -> Self {
        let draw = !quiet && std::io::stderr().is_terminal();
        let screen = draw.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)));
        Self { quiet, screen, tasks: Mutex::default() }
    }

    /// Does `write` while no bar is on the screen.
    pub fn aside(&self, write: impl FnOnce()) {
        match &self.screen {
            Some(screen) => screen.suspend(write),
            None => write(),
        }
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<u64, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn news(&self, line: &str) {
        if !self.quiet {
            self.aside(|| terminal::error(&format!("{line}\n")));
        }
    }
}

impl ProgressSink for Bars {
    fn begin(&self, task: u64, label: &str, total: u64) {
        let bar = self.screen.as_ref().map(|screen| {
            let bar = screen.add(ProgressBar::new(total));
            let shape = if total == 0 {
                "{spinner} {prefix}  {elapsed}  {msg}"
            } else {
                "  {prefix}  {elapsed} [{bar:24}] {pos}/{len}  {eta} left  {msg}"
            };
            if let Ok(style) = ProgressStyle::with_template(shape) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(label.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        self.tasks().insert(task, Task { label: label.into(), began: Instant::now(), bar });
    }

    fn update(&self, task: u64, done: u64, note: &str) {
        if let Some(bar) = self.tasks().get(&task).and_then(|task| task.bar.as_ref()) {
            bar.set_position(done);
            if !note.is_empty() {
                bar.set_message(note.to_owned());
            }
        }
    }

    fn end(&self, task: u64) {
        let Some(task) = self.tasks().remove(&task) else { return };
        let took = task.began.elapsed();
        if let Some(bar) = task.bar {
            bar.finish_and_clear();
        }
        if self.screen.is_some() || took > WORTH_A_LINE {
            self.news(&format!("✓ {} {:.1}s", task.label, took.as_secs_f64()));
        }
    }

    fn say(&self, line: &str) {
        self.news(line);
    }
}

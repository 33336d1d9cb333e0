//! Progress: what long work reports, and who listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A listener: a terminal bar, a line of a worker's protocol, a notebook display.
pub trait ProgressSink: Send + Sync {
    /// A task began; `total` steps, 0 if unknown.
    fn begin(&self, task: u64, label: &str, total: u64);
    /// A task stands at `done` steps; `note` is a short text beside the bar.
    fn update(&self, task: u64, done: u64, note: &str);
    /// A task ended (also when its work was cut short).
    fn end(&self, task: u64);
    /// One line of plain news, such as "teacher: taken from the lab".
    fn say(&self, line: &str);
    /// How a task called `name` looks now; `last` if it will not look otherwise any more. `draw` gives the picture in a
    /// form named by its MIME type, if it has that; whoever shows none, or has shown one just now, need not call it.
    fn picture(&self, _name: &str, _last: bool, _draw: &dyn Fn(&str) -> Option<String>) {}
}

/// A handle to the listener, cheap to clone; the default one is silent.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn ProgressSink>>);

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Progress {
    /// Reports to `sink`.
    pub fn to(sink: Arc<dyn ProgressSink>) -> Self {
        Self(Some(sink))
    }

    /// Begins a task; it ends when the returned bar is dropped.
    pub fn task(&self, label: &str, total: u64) -> Bar {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        if let Some(sink) = &self.0 {
            sink.begin(id, label, total);
        }
        Bar { sink: self.0.clone(), id, done: AtomicU64::new(0) }
    }

    /// How a task called `name` looks now: see [`ProgressSink::picture`].
    pub fn picture(&self, name: &str, last: bool, draw: &dyn Fn(&str) -> Option<String>) {
        if let Some(sink) = &self.0 {
            sink.picture(name, last, draw);
        }
    }

    /// One line of plain news.
    pub fn say(&self, line: &str) {
        if let Some(sink) = &self.0 {
            sink.say(line);
        }
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Progress" } else { "Progress(silent)" })
    }
}

/// A running task; ends on drop.
pub struct Bar {
    sink: Option<Arc<dyn ProgressSink>>,
    id: u64,
    done: AtomicU64,
}

impl Bar {
    /// Moves on by `steps`.
    pub fn advance(&self, steps: u64) {
        self.note(steps, "");
    }

    /// Moves on by `steps` and shows `note` beside the bar.
    pub fn note(&self, steps: u64, note: &str) {
        let done = self.done.fetch_add(steps, Ordering::Relaxed) + steps;
        if let Some(sink) = &self.sink {
            sink.update(self.id, done, note);
        }
    }

    /// Sets the position, for reporters that count themselves.
    pub fn set(&self, done: u64, note: &str) {
        self.done.store(done, Ordering::Relaxed);
        if let Some(sink) = &self.sink {
            sink.update(self.id, done, note);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(sink) = &self.sink {
            sink.end(self.id);
        }
    }
}

//! Long work as one display of a cell: all its bars, moved in place.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Work that is done sooner shows no bar.
const WORTH_A_BAR: Duration = Duration::from_millis(300);
/// How often the display moves.
const REDRAW: Duration = Duration::from_millis(100);
/// Characters of a bar as text.
const WIDTH: u64 = 24;
/// Lines that are kept of work that has ended.
const KEPT: usize = 20;

#[derive(Debug)]
struct Task {
    label: String,
    total: u64,
    done: u64,
    note: String,
    began: Instant,
}

impl Task {
    fn shown(&self, end: Option<&str>) -> (String, String) {
        let took = seconds(self.began.elapsed());
        let note = if self.note.is_empty() { String::new() } else { format!("  {}", self.note) };
        let state = match end {
            Some(end) => format!("{end} {took}"),
            None if self.total > 0 && self.done > 0 => {
                let left = self.began.elapsed().mul_f64(self.total.saturating_sub(self.done) as f64 / self.done as f64);
                format!("{took}, {} left", seconds(left))
            }
            None => took,
        };
        let count = if self.total > 0 { format!("{}/{}", self.done, self.total) } else { self.done.to_string() };
        let filled = (WIDTH * self.done.min(self.total)).checked_div(self.total).unwrap_or(0) as usize;
        let empty = WIDTH as usize - filled;
        let text = format!("{}  [{}{}] {count}  {state}{note}", self.label, "=".repeat(filled), " ".repeat(empty));
        let place = if self.total > 0 {
            format!("value=\"{}\" max=\"{}\"", self.done, self.total)
        } else if end.is_some() {
            "value=\"1\" max=\"1\"".into()
        } else {
            String::new()
        };
        let html =
            format!("<div><progress {place}></progress> {}</div>", escaped(&format!("{}  {count}  {state}{note}", self.label)));
        (text, html)
    }
}

/// The bars of one cell.
#[derive(Debug, Default)]
pub(super) struct Bars {
    tasks: BTreeMap<u64, Task>,
    ended: Vec<(String, String)>,
    /// The name of the display, once it is there.
    display: Option<String>,
    displays: u64,
    drawn: Option<Instant>,
    changed: bool,
}

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Drawing {
    /// `display_data` or `update_display_data`.
    pub kind: &'static str,
    /// The message's content.
    pub content: Value,
}

impl Bars {
    /// A task began.
    pub fn begin(&mut self, task: u64, label: &str, total: u64) {
        let new = Task { label: label.into(), total, done: 0, note: String::new(), began: Instant::now() };
        self.tasks.insert(task, new);
        self.changed = true;
    }

    /// A task moved.
    pub fn update(&mut self, task: u64, done: u64, note: &str) {
        let Some(task) = self.tasks.get_mut(&task) else { return };
        task.done = done;
        if !note.is_empty() {
            note.clone_into(&mut task.note);
        }
        self.changed = true;
    }

    /// A task ended, `stopped` if from outside.
    pub fn end(&mut self, task: u64, stopped: bool) {
        let Some(task) = self.tasks.remove(&task) else { return };
        if self.display.is_some() || task.began.elapsed() > WORTH_A_BAR {
            self.ended.push(task.shown(Some(if stopped { "stopped after" } else { "done in" })));
            self.changed = true;
        }
    }

    /// What is to be drawn now; `last` when the cell ends.
    pub fn draw(&mut self, last: bool) -> Option<Drawing> {
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed() > REDRAW);
        // The time that is shown goes on by itself.
        if !last && !(due && (self.changed || !self.tasks.is_empty())) {
            return None;
        }
        let worth = self.tasks.values().any(|task| task.began.elapsed() > WORTH_A_BAR);
        if self.display.is_none() && self.ended.is_empty() && !worth || last && !self.changed {
            return None;
        }
        self.drawn = Some(Instant::now());
        self.changed = false;
        let (mut text, mut html) = (String::new(), String::new());
        let more = self.ended.len().saturating_sub(KEPT);
        if more > 0 {
            let _ = writeln!(text, "… {more} more");
            let _ = write!(html, "<div>… {more} more</div>");
        }
        let running = self.tasks.values().map(|task| task.shown(None));
        for (line, mark) in self.ended.iter().skip(more).cloned().chain(running) {
            let _ = writeln!(text, "{line}");
            html.push_str(&mark);
        }
        let (kind, id) = match &self.display {
            Some(id) => ("update_display_data", id.clone()),
            None => {
                self.displays += 1;
                let id = format!("spaceevo-{}-{}", std::process::id(), self.displays);
                self.display = Some(id.clone());
                ("display_data", id)
            }
        };
        let data = json!({ "text/plain": text.trim_end(), "text/html": html });
        Some(Drawing { kind, content: json!({ "data": data, "metadata": {}, "transient": { "display_id": id } }) })
    }

    /// The display is gone from the screen.
    pub fn cleared(&mut self) {
        self.display = None;
        self.ended.clear();
    }

    /// The next cell has a display of its own.
    pub fn reset(&mut self) {
        self.cleared();
        self.drawn = None;
        self.changed = !self.tasks.is_empty();
    }
}

fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..=9 => format!("{:.1} s", time.as_secs_f64()),
        10..=119 => format!("{} s", time.as_secs()),
        long => format!("{} min {:02} s", long / 60, long % 60),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

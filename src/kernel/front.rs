//! The kernel's side of a running cell: its streams, displays and questions, all told of the request that they came of.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::bars::Bars;
use super::outbox::Outbox;
use super::stdin::Question;
use super::wire::Request;
use crate::base::{Cancel, ProgressSink, Result};
use crate::runtime::{Bundle, Output, nobody};

/// Output waits at most so long for more.
pub(super) const PULSE: Duration = Duration::from_millis(40);
/// Output that is so long does not wait.
const ENOUGH: usize = 64 << 10;
/// Bytes of one message, at most: a longer text goes in parts.
const LARGEST: usize = 1 << 20;
/// A live picture is drawn anew so often, at most.
const REDRAW: Duration = Duration::from_millis(500);
const SVG: &str = "image/svg+xml";
/// Numbers live pictures.
static PICTURES: AtomicU64 = AtomicU64::new(1);
/// How often a question that is not answered looks whether it still should be.
const LOOK: Duration = Duration::from_millis(30);

/// A cell that is evaluated.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// The request that it came with.
    pub request: Arc<Request>,
    /// Whether nothing is to be heard of it.
    pub silent: bool,
    /// Whether questions may be asked.
    pub asks: bool,
}

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        }
    }
}

/// A picture that is drawn anew while a cell runs.
#[derive(Debug)]
struct Live {
    /// What it shows.
    name: String,
    /// When it was drawn last; before that, when it could have been.
    drawn: Instant,
    /// The display that shows it, once there is one.
    display: Option<String>,
}

#[derive(Debug, Default)]
struct Now {
    live: Option<Live>,
    cell: Option<Cell>,
    /// Whether the cell has not ended.
    runs: bool,
    parts: Vec<(Stream, String)>,
    bytes: usize,
    bars: Bars,
}

/// What the session writes to and asks through.
#[derive(Debug)]
pub(super) struct Front {
    outbox: Outbox,
    questions: UnboundedSender<Question>,
    now: Mutex<Now>,
    /// One question at a time.
    asking: Mutex<()>,
    cancel: OnceLock<Cancel>,
}

impl Front {
    pub fn new(outbox: Outbox, questions: UnboundedSender<Question>) -> Self {
        Self { outbox, questions, now: Mutex::default(), asking: Mutex::default(), cancel: OnceLock::new() }
    }

    /// Tells the front what interrupts set. Once, when the session is there.
    pub fn set_cancel(&self, cancel: Cancel) {
        let _ = self.cancel.set(cancel);
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.get().is_some_and(Cancel::is_cancelled)
    }

    /// A cell begins: clients hear that the kernel is busy with it.
    pub fn begin(&self, cell: Cell) {
        let mut now = self.now();
        // What threads of the cell before have written since.
        self.send_streams(&mut now);
        self.outbox.state(&cell.request, "busy");
        now.bars.reset();
        now.live = None;
        now.cell = Some(cell);
        now.runs = true;
    }

    /// All that the cell has shown is on its way.
    pub fn settle(&self) {
        let mut now = self.now();
        self.send_streams(&mut now);
        if let (Some(drawing), Some(cell)) = (now.bars.draw(true), now.cell.as_ref().filter(|cell| !cell.silent)) {
            self.outbox.publish(&cell.request, drawing.kind, drawing.content);
        }
    }

    /// The cell has ended. Later output, if any, is still told of it.
    pub fn end(&self) {
        let mut now = self.now();
        self.send_streams(&mut now);
        now.runs = false;
        if let Some(cell) = &now.cell {
            self.outbox.state(&cell.request, "idle");
        }
    }

    /// A request that is not a cell has been answered. If a cell runs, the kernel still is busy with it.
    pub fn aside_done(&self, request: &Request) {
        let now = self.now();
        self.outbox.state(request, "idle");
        if let Some(cell) = now.cell.as_ref().filter(|_| now.runs) {
            self.outbox.state(&cell.request, "busy");
        }
    }

    /// Regularly: what has waited long enough goes out.
    pub fn pulse(&self) {
        let mut now = self.now();
        self.send_streams(&mut now);
        if !now.runs {
            return;
        }
        if let Some(drawing) = now.bars.draw(false)
            && let Some(cell) = now.cell.as_ref().filter(|cell| !cell.silent)
        {
            self.outbox.publish(&cell.request, drawing.kind, drawing.content);
        }
    }

    /// Tells clients something of the running cell, after what it wrote before.
    pub fn publish(&self, kind: &str, content: Value) {
        let mut now = self.now();
        self.send_streams(&mut now);
        if let Some(cell) = now.cell.as_ref().filter(|cell| !cell.silent) {
            self.outbox.publish(&cell.request, kind, content);
        }
    }

    /// Adds to a stream.
    pub fn write(&self, stream: Stream, text: &str) {
        {
            let mut now = self.now();
            if now.cell.as_ref().is_none_or(|cell| cell.silent) {
                return;
            }
            now.bytes += text.len();
            match now.parts.last_mut() {
                Some((last, written)) if *last == stream => written.push_str(text),
                _ => now.parts.push((stream, text.to_owned())),
            }
            if now.bytes > ENOUGH {
                self.send_streams(&mut now);
            }
        }
        // Who prints faster than clients read waits for them, unless it is to stop.
        while self.outbox.is_full() && !self.is_cancelled() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn send_streams(&self, now: &mut Now) {
        let parts = std::mem::take(&mut now.parts);
        now.bytes = 0;
        let Some(cell) = &now.cell else { return };
        for (stream, text) in parts {
            for piece in pieces(&text, LARGEST) {
                let content = json!({ "name": stream.name(), "text": piece });
                self.outbox.put_sized(cell.request.publication("stream", content), piece.len());
            }
        }
    }
}

/// `text` cut into pieces of at most `bytes`, at characters.
fn pieces(mut text: &str, bytes: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    while text.len() > bytes {
        let at = text.floor_char_boundary(bytes);
        let (piece, rest) = text.split_at(at);
        pieces.push(piece);
        text = rest;
    }
    pieces.push(text);
    pieces
}

/// A bundle as messages carry it: `data` and `metadata`.
pub(super) fn bundle(value: &Bundle) -> (Value, Value) {
    let (mut data, mut metadata) = (Map::new(), Map::new());
    for (mime, form) in &value.forms {
        let json = mime.ends_with("json").then(|| serde_json::from_str(form).ok()).flatten();
        data.insert(mime.clone(), json.unwrap_or_else(|| form.trim_end_matches('\n').into()));
    }
    if data.contains_key("image/png") {
        // Twice as fine as it is shown.
        metadata.insert("image/png".into(), json!({ "width": PIXELS / 2 }));
    }
    (data.into(), metadata.into())
}

/// Pixels across a picture.
pub(super) const PIXELS: u32 = 1280;

impl Output for Front {
    fn print(&self, line: &str) {
        self.write(Stream::Out, &format!("{line}\n"));
    }

    fn debug(&self, line: &str, place: &str) {
        self.write(Stream::Err, &format!("{place}: {line}\n"));
    }

    fn display(&self, value: &Bundle) {
        let (data, metadata) = bundle(value);
        self.publish("display_data", json!({ "data": data, "metadata": metadata, "transient": {} }));
    }

    fn clear(&self, wait: bool) {
        self.publish("clear_output", json!({ "wait": wait }));
        self.now().bars.cleared();
    }

    fn ask(&self, prompt: &str, hidden: bool, cancel: &Cancel) -> Result<String> {
        let _one = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let request = {
            let mut now = self.now();
            self.send_streams(&mut now);
            now.cell.as_ref().filter(|cell| cell.asks).map(|cell| cell.request.clone()).ok_or_else(nobody)?
        };
        let (reply, answer) = channel();
        self.questions.send(Question { request, prompt: prompt.to_owned(), hidden, reply }).map_err(|_| nobody())?;
        loop {
            match answer.recv_timeout(LOOK) {
                Ok(text) => return Ok(text),
                Err(RecvTimeoutError::Timeout) => cancel.check()?,
                Err(RecvTimeoutError::Disconnected) => return Err(nobody()),
            }
        }
    }
}

impl ProgressSink for Front {
    fn begin(&self, task: u64, label: &str, total: u64) {
        self.now().bars.begin(task, label, total);
    }

    fn update(&self, task: u64, done: u64, note: &str) {
        self.now().bars.update(task, done, note);
    }

    fn end(&self, task: u64) {
        let stopped = self.is_cancelled();
        self.now().bars.end(task, stopped);
    }

    fn say(&self, line: &str) {
        self.write(Stream::Err, &format!("{line}\n"));
    }

    fn picture(&self, name: &str, last: bool, draw: &dyn Fn(&str) -> Option<String>) {
        let display = {
            let mut now = self.now();
            if now.cell.as_ref().is_none_or(|cell| cell.silent) {
                return;
            }
            if now.live.as_ref().is_none_or(|live| live.name != name) {
                // Short work is done before there is something to see.
                now.live = Some(Live { name: name.to_owned(), drawn: Instant::now(), display: None });
                return;
            }
            let Some(live) = &mut now.live else { return };
            if last && live.display.is_none() {
                // It was too short to be shown; what comes of it says how it ended.
                now.live = None;
                return;
            }
            if !last && live.drawn.elapsed() < REDRAW {
                return;
            }
            live.drawn = Instant::now();
            live.display.clone()
        };
        let data: Map<String, Value> =
            [SVG, "text/plain"].into_iter().filter_map(|mime| draw(mime).map(|form| (mime.to_owned(), form.into()))).collect();
        if data.is_empty() {
            return;
        }
        let kind = if display.is_some() { "update_display_data" } else { "display_data" };
        let id = display.unwrap_or_else(|| format!("live-{}-{}", std::process::id(), PICTURES.fetch_add(1, Ordering::Relaxed)));
        self.publish(kind, json!({ "data": data, "metadata": {}, "transient": { "display_id": id } }));
        let mut now = self.now();
        // A task that has ended is followed by another of the same name in a display of its own.
        if last {
            now.live = None;
        } else if let Some(live) = &mut now.live {
            live.display = Some(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(pieces("aéb", 2), ["a", "é", "b"]);
        assert_eq!(pieces("", 2), [""]);
        assert_eq!(pieces("abcd", 2), ["ab", "cd"]);
    }
}

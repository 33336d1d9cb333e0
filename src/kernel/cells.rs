//! Cells one after the other: evaluates them, tells what came of them, answers.

use std::collections::VecDeque;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jupyter_protocol::JupyterMessage;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::front::{Cell, Front, PIXELS, Stream, bundle};
use super::history::History;
use super::outbox::Outbox;
use super::wire::Request;
use crate::base::{Fault, Result};
use crate::runtime::render::Trouble;
use crate::runtime::{Desk, Form, Look, Session, Shown, Then};

/// How often a command of the shell is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Requests that wait, and whether more are wanted.
#[derive(Debug, Default)]
struct Waiting {
    requests: VecDeque<Request>,
    closed: bool,
}

/// Cells that wait their turn.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a cell at the end.
    pub fn add(&self, request: Request) {
        self.waiting().requests.push_back(request);
        self.more.notify_one();
    }

    /// No cell begins any more.
    pub fn close(&self) {
        let mut waiting = self.waiting();
        waiting.requests.clear();
        waiting.closed = true;
        self.more.notify_one();
    }

    fn next(&self) -> Option<Request> {
        let mut waiting = self.waiting();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(request) = waiting.requests.pop_front() {
                return Some(request);
            }
            waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes out what waits of one client.
    fn take_of(&self, client: &str) -> VecDeque<Request> {
        let mut waiting = self.waiting();
        let (own, others): (VecDeque<_>, _) = waiting.requests.drain(..).partition(|request| request.session() == client);
        waiting.requests = others;
        own
    }
}

/// What evaluates cells.
pub(super) struct Cells {
    pub session: Arc<Session>,
    pub front: Arc<Front>,
    pub history: Arc<Mutex<History>>,
    pub queue: Arc<Queue>,
    pub outbox: Outbox,
    pub replies: UnboundedSender<JupyterMessage>,
}

impl Cells {
    /// Works until the queue is closed.
    pub fn run(&self) {
        while let Some(request) = self.queue.next() {
            self.cell(request);
        }
    }

    fn cell(&self, request: Request) {
        let silent = request.flag("silent", false);
        let store = request.flag("store_history", !silent) && !silent;
        let stop = request.flag("stop_on_error", true);
        let request = Arc::new(request);
        let code = request.text("code");
        self.front.begin(Cell { request: request.clone(), silent, asks: request.flag("allow_stdin", false) });
        let number = self.session.next_number();
        self.front.publish("execute_input", json!({ "code": code, "execution_count": number }));
        let desk = CellDesk { cells: self, number, came: Mutex::default() };
        self.session.set_look(Look { pixels: PIXELS, forms: Form::ALL, ..Look::default() });
        let work = || if store { self.session.answer(code, &desk) } else { self.session.answer_aside(code, &desk) };
        let then = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            // Inputs are evaluated on the session's own thread, which survives; this was a command.
            let fault = Fault::new("session::defect", "a defect of the lab: the command gave up", "please report what you did");
            desk.show(Shown::Trouble(Box::new(Trouble::plain(fault))));
            Then::Go
        });
        if store && self.session.next_number() == number {
            self.session.pass_number();
        }
        let Came { trouble, mut payload, output } = desk.came.into_inner().unwrap_or_else(PoisonError::into_inner);
        match then {
            Then::Go => {}
            Then::Leave => payload.push(json!({ "source": "ask_exit", "keepkernel": false })),
            Then::Prefill(text) => payload.push(json!({ "source": "set_next_input", "text": text, "replace": false })),
        }
        let content = match &trouble {
            Some(trouble) => {
                let mut content = error(trouble);
                content["status"] = "error".into();
                content
            }
            None => json!({ "status": "ok", "user_expressions": self.expressions(&request) }),
        };
        if store && !code.trim().is_empty() {
            self.history.lock().unwrap_or_else(PoisonError::into_inner).add(number, code, output);
        }
        // Before the client hears of it: what it sends after that is not meant.
        let aborted = if trouble.is_some() && stop { self.queue.take_of(request.session()) } else { VecDeque::new() };
        self.front.settle();
        // Clients have what the cell showed before they have its answer.
        self.outbox.flush();
        self.reply(&request, content, number, payload);
        self.front.end();
        self.abort(aborted, number);
    }

    fn reply(&self, request: &Request, mut content: Value, number: usize, payload: Vec<Value>) {
        content["execution_count"] = number.into();
        content["payload"] = payload.into();
        if content.get("user_expressions").is_none() {
            content["user_expressions"] = json!({});
        }
        let _ = self.replies.send(request.reply("execute_reply", content));
    }

    /// What the client sent to be evaluated after a cell that failed is not.
    fn abort(&self, requests: VecDeque<Request>, number: usize) {
        for request in requests {
            self.outbox.state(&request, "busy");
            let content = json!({ "status": "aborted" });
            self.reply(&request, content, number, Vec::new());
            self.outbox.state(&request, "idle");
        }
    }

    /// Values of expressions that a client wants with the answer.
    fn expressions(&self, request: &Request) -> Value {
        let mut values = Map::new();
        let asked = request.content.get("user_expressions").and_then(Value::as_object);
        for (name, code) in asked.into_iter().flatten() {
            let outcome = self.session.eval_aside(code.as_str().unwrap_or_default(), &format!("[{name}]"));
            let value = match (&outcome.trouble, &outcome.value) {
                (Some(trouble), _) => {
                    let mut content = error(trouble);
                    content["status"] = "error".into();
                    content
                }
                (None, Some(value)) => {
                    let (data, metadata) = bundle(value);
                    json!({ "status": "ok", "data": data, "metadata": metadata })
                }
                (None, None) => json!({ "status": "ok", "data": { "text/plain": "()" }, "metadata": {} }),
            };
            values.insert(name.clone(), value);
        }
        values.into()
    }
}

/// A fault as messages carry it.
fn error(trouble: &Trouble) -> Value {
    let report = trouble.text(true);
    let traceback: Vec<&str> = report.trim_end().lines().collect();
    json!({ "ename": trouble.fault.code, "evalue": trouble.fault.message, "traceback": traceback })
}

/// What came of a cell beside what was shown.
#[derive(Debug, Default)]
struct Came {
    trouble: Option<Box<Trouble>>,
    payload: Vec<Value>,
    output: Option<String>,
}

/// The cell's side of commands.
struct CellDesk<'a> {
    cells: &'a Cells,
    number: usize,
    came: Mutex<Came>,
}

impl CellDesk<'_> {
    fn came(&self) -> MutexGuard<'_, Came> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk for CellDesk<'_> {
    fn show(&self, shown: Shown) {
        let front = &self.cells.front;
        match shown {
            Shown::Value(value) => {
                let (data, metadata) = bundle(&value);
                let content = json!({ "execution_count": self.number, "data": data, "metadata": metadata, "transient": {} });
                front.publish("execute_result", content);
                self.came().output = Some(value.text().to_owned());
            }
            Shown::Text(text) => front.write(Stream::Out, &format!("{}\n", text.trim_end())),
            Shown::Page(page) => {
                self.came().payload.push(json!({ "source": "page", "data": bundle(&page).0, "start": 0 }));
            }
            Shown::Trouble(trouble) => {
                front.publish("error", error(&trouble));
                self.came().trouble.get_or_insert(trouble);
            }
        }
    }

    fn shell(&self, command: &str) -> Result<()> {
        let fault = |why: String| Fault::new("session::shell", format!("`{command}` {why}"), "");
        let unstarted = |error: std::io::Error| fault(format!("did not start: {error}"));
        let mut child = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that what it starts ends with it.
            .process_group(0)
            .spawn()
            .map_err(unstarted)?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let cancel = self.cells.session.cancel();
        cancel.reset();
        let front = &self.cells.front;
        std::thread::scope(|scope| {
            scope.spawn(|| out.map(|pipe| pass(pipe, front, Stream::Out)));
            scope.spawn(|| err.map(|pipe| pass(pipe, front, Stream::Err)));
            loop {
                match child.try_wait() {
                    Ok(Some(status)) if status.success() => return Ok(()),
                    Ok(Some(status)) => return Err(fault(format!("ended with {status}"))),
                    Ok(None) => {}
                    Err(error) => return Err(unstarted(error)),
                }
                if let Err(fault) = cancel.check() {
                    // It may have ended just now.
                    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                        let _ = kill_process_group(group, Signal::KILL);
                    }
                    let _ = child.wait();
                    return Err(fault);
                }
                std::thread::sleep(LOOK);
            }
        })
    }

    fn edit(&self, _: &str) -> Result<Option<String>> {
        Err(Fault::new("session::edit", "a notebook has no editor to open", "edit the cell and run it again"))
    }
}

/// Passes on what a command writes, whole characters at a time.
fn pass(mut pipe: impl Read, front: &Front, stream: Stream) {
    let (mut bytes, mut kept) = ([0; 16 << 10], Vec::new());
    while let Ok(count) = pipe.read(&mut bytes) {
        kept.extend_from_slice(&bytes[..count]);
        let whole = match std::str::from_utf8(&kept) {
            Err(error) if error.error_len().is_none() && count > 0 => error.valid_up_to(),
            _ => kept.len(),
        };
        let text: Vec<u8> = kept.drain(..whole).collect();
        if !text.is_empty() {
            front.write(stream, &String::from_utf8_lossy(&text));
        }
        if count == 0 {
            return;
        }
    }
}

//! What goes to all clients, in order, with a bound on what waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use jupyter_protocol::JupyterMessage;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::wire::{Request, status};

/// Bytes that may wait for slow clients before whoever prints has to wait, too.
const MOST_WAITING: usize = 32 << 20;
/// How long a flush waits for clients that do not read.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing to be done by the task that owns the socket.
pub(super) enum Out {
    /// Send this message, which counts for so many bytes.
    Message(Box<JupyterMessage>, usize),
    /// Say when all before it was sent.
    Flush(mpsc::Sender<()>),
}

/// Where messages for all clients are put. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    queue: UnboundedSender<Out>,
    waiting: Arc<AtomicUsize>,
}

impl Outbox {
    /// An outbox, and what its task takes from.
    pub fn new() -> (Self, UnboundedReceiver<Out>) {
        let (queue, taken) = unbounded_channel();
        (Self { queue, waiting: Arc::default() }, taken)
    }

    /// Puts a message in.
    pub fn put(&self, message: JupyterMessage) {
        self.put_sized(message, 0);
    }

    /// Puts a message in that counts for `bytes`.
    pub fn put_sized(&self, message: JupyterMessage, bytes: usize) {
        self.waiting.fetch_add(bytes, Ordering::SeqCst);
        // Only at the very end is there no one to take it.
        let _ = self.queue.send(Out::Message(Box::new(message), bytes));
    }

    /// Says that a message was sent, or given up.
    pub fn done(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::SeqCst);
    }

    /// Whether so much waits that nothing should be added.
    pub fn is_full(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > MOST_WAITING
    }

    /// Waits until all that was put in has been sent, not longer than clients can be expected to take.
    pub fn flush(&self) {
        let (sent, wait) = mpsc::channel();
        if self.queue.send(Out::Flush(sent)).is_ok() {
            // A client that has stopped reading does not hold up the others' answers.
            let _ = wait.recv_timeout(PATIENCE);
        }
    }

    /// Tells all clients what came of `request`.
    pub fn publish(&self, request: &Request, kind: &str, content: Value) {
        self.put(request.publication(kind, content));
    }

    /// Tells all clients whether `request` is being worked on.
    pub fn state(&self, request: &Request, state: &str) {
        self.publish(request, "status", status(state));
    }
}

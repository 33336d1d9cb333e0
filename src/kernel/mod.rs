//! The Jupyter kernel: a session behind the five sockets of Jupyter's protocol. It computes no answer of its own.

mod answers;
mod bars;
mod cells;
mod extension;
mod front;
mod history;
mod outbox;
pub mod spec;
mod stdin;
mod wire;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jupyter_protocol::JupyterMessage;
use jupyter_zmq_client::{
    ConnectionInfo, KernelHeartbeatConnection, KernelIoPubXPubConnection, RouterRecvConnection, RouterSendConnection,
    RuntimeError, SubscriptionEvent, create_kernel_control_connection, create_kernel_heartbeat_connection,
    create_kernel_iopub_xpub_connection, create_kernel_shell_connection, create_kernel_stdin_connection,
};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use zeromq::{SocketRecv, SocketSend};

use crate::base::{Fault, Progress, Result};
use crate::runtime::render::Trouble;
use crate::runtime::{Output, Session};
use cells::{Cells, Queue};
use front::Front;
use history::History;
use outbox::{Out, Outbox};
use wire::{Request, publication, status};

/// The one scheme that there is.
const SCHEME: &str = "hmac-sha256";
/// After a message that cannot be read: so that a broken socket does not take a whole processor.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a cell has to end when the kernel is to end.
const LAST_WISH: Duration = Duration::from_millis(1500);
/// How often it is looked whether the program that started the kernel lives.
const WATCH: Duration = Duration::from_secs(1);

type Failed = Box<Trouble>;

/// Serves the clients that the connection file names until one asks for the end, or whoever started the kernel has ended.
/// `open` makes the session, given where its output goes.
pub fn run(
    file: &Path,
    open: impl FnOnce(Arc<dyn Output>) -> std::result::Result<Session, Failed>,
) -> std::result::Result<(), Failed> {
    let plain = |fault: Fault| Box::new(Trouble::plain(fault));
    let connection = connection(file).map_err(plain)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| plain(Fault::new("kernel::start", format!("cannot start: {error}"), "free some memory")))?;
    let done = runtime.block_on(serve(&connection, open));
    // What still runs ends with the program.
    runtime.shutdown_background();
    done
}

/// What the connection file says.
fn connection(file: &Path) -> Result<ConnectionInfo> {
    let text = std::fs::read_to_string(file).map_err(|error| Fault::file("read", file, &error))?;
    let connection: ConnectionInfo = serde_json::from_str(&text).map_err(|error| {
        let message = format!("`{}` is no connection file: {error}", file.display());
        Fault::new("kernel::connection", message, "Jupyter writes one when it starts a kernel; see `jupyter --runtime-dir`")
    })?;
    if connection.signature_scheme != SCHEME {
        let message = format!("messages are to be signed with `{}`, which the kernel does not know", connection.signature_scheme);
        return Err(Fault::new("kernel::scheme", message, format!("set the client's `signature_scheme` to `{SCHEME}`")));
    }
    Ok(connection)
}

/// The sockets.
struct Sockets {
    shell: jupyter_zmq_client::KernelShellConnection,
    control: jupyter_zmq_client::KernelControlConnection,
    stdin: jupyter_zmq_client::KernelStdinConnection,
    iopub: KernelIoPubXPubConnection,
    heartbeat: KernelHeartbeatConnection,
}

async fn bind(info: &ConnectionInfo) -> std::result::Result<Sockets, RuntimeError> {
    // Sets the kernel's messages apart from those of one that ran before.
    let session = publication("", json!({})).header.msg_id;
    Ok(Sockets {
        shell: create_kernel_shell_connection(info, &session).await?,
        control: create_kernel_control_connection(info, &session).await?,
        stdin: create_kernel_stdin_connection(info, &session).await?,
        iopub: create_kernel_iopub_xpub_connection(info, &session).await?,
        heartbeat: create_kernel_heartbeat_connection(info).await?,
    })
}

async fn serve(
    info: &ConnectionInfo,
    open: impl FnOnce(Arc<dyn Output>) -> std::result::Result<Session, Failed>,
) -> std::result::Result<(), Failed> {
    let sockets = bind(info).await.map_err(|error| {
        let message = format!("cannot listen on {} of {}: {error}", info.shell_url(), info.ip);
        let help = "another kernel may have the same connection file; start a new one";
        Box::new(Trouble::plain(Fault::new("kernel::bind", message, help)))
    })?;
    let (outbox, taken) = Outbox::new();
    let (questions, asked) = unbounded_channel();
    let front = Arc::new(Front::new(outbox.clone(), questions));
    let session = Arc::new(open(front.clone())?);
    session.set_progress(Progress::to(front.clone()));
    front.set_cancel(session.cancel());
    let (history, problem) = History::open(history::usual_file().as_deref());
    if let Some(error) = problem {
        log(&format!("the history is not kept: {error}"));
    }
    let history = Arc::new(Mutex::new(history));
    let queue = Arc::new(Queue::default());
    let (end, mut ended) = watch::channel(false);

    let (shell_send, shell_receive) = sockets.shell.split();
    let (control_send, control_receive) = sockets.control.split();
    let (shell_replies, shell_out) = unbounded_channel();
    let (control_replies, control_out) = unbounded_channel();
    outbox.put(publication("status", status("starting")));
    let publishing = tokio::spawn(publish(sockets.iopub, outbox.clone(), taken));
    tokio::spawn(send(shell_send, shell_out));
    tokio::spawn(send(control_send, control_out));
    tokio::spawn(stdin::serve(sockets.stdin, asked));
    tokio::spawn(heartbeat(sockets.heartbeat));
    tokio::spawn(pulse(front.clone()));
    tokio::spawn(watch_parent(end.clone()));
    tokio::spawn(signals(session.clone(), end.clone()));
    let desk =
        Arc::new(Counter { session: session.clone(), front: front.clone(), history: history.clone(), outbox: outbox.clone() });
    tokio::spawn(shell(shell_receive, desk.clone(), queue.clone(), shell_replies.clone()));
    tokio::spawn(control(control_receive, desk, control_replies, end));

    let cells =
        Cells { session: session.clone(), front, history, queue: queue.clone(), outbox: outbox.clone(), replies: shell_replies };
    let working = std::thread::Builder::new().name("cells".into()).spawn(move || cells.run()).map_err(|error| {
        Box::new(Trouble::plain(Fault::new("kernel::thread", format!("cannot start a thread: {error}"), "free some memory")))
    })?;

    // An error would mean that no one is left who could ask for the end.
    let _ = ended.wait_for(|ended| *ended).await;
    queue.close();
    session.interrupt();
    session.interrupt();
    let began = std::time::Instant::now();
    while !working.is_finished() && began.elapsed() < LAST_WISH {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // What was said last reaches the clients.
    let flushed = tokio::task::spawn_blocking(move || outbox.flush());
    let _ = tokio::time::timeout(Duration::from_millis(500), flushed).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    publishing.abort();
    if !working.is_finished() {
        #[expect(
            clippy::exit,
            reason = "what does not stop when asked twice ends with the program; workers end with their input"
        )]
        std::process::exit(0);
    }
    Ok(())
}

/// What answers requests that are not cells.
struct Counter {
    session: Arc<Session>,
    front: Arc<Front>,
    history: Arc<Mutex<History>>,
    outbox: Outbox,
}

impl Counter {
    /// Answers one request.
    fn answer(&self, request: &Request, replies: &UnboundedSender<JupyterMessage>) {
        self.outbox.state(request, "busy");
        if request.kind() == "comm_open" {
            // There is nothing here to open it to, which the protocol says by closing it.
            self.outbox.publish(request, "comm_close", json!({ "comm_id": request.text("comm_id"), "data": {} }));
        } else if let Some(content) = answers::answer(request, &self.session, &self.history) {
            let kind = request.kind().replace("_request", "_reply");
            // Without a client there is no one to tell.
            let _ = replies.send(request.reply(&kind, content));
        } else if !["comm_msg", "comm_close"].contains(&request.kind()) {
            log(&format!("a message `{}` is not known and ignored", request.kind()));
        }
        self.front.aside_done(request);
    }
}

/// Takes requests in at once: cells wait their turn, all else is answered.
async fn shell(mut from: RouterRecvConnection, desk: Arc<Counter>, queue: Arc<Queue>, replies: UnboundedSender<JupyterMessage>) {
    loop {
        match Request::read(&mut from).await {
            Ok(request) if request.kind() == "execute_request" => queue.add(request),
            Ok(request) => desk.answer(&request, &replies),
            Err(error) => {
                ignored("shell", &error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Interrupts, and the end.
async fn control(
    mut from: RouterRecvConnection,
    desk: Arc<Counter>,
    replies: UnboundedSender<JupyterMessage>,
    end: watch::Sender<bool>,
) {
    loop {
        let request = match Request::read(&mut from).await {
            Ok(request) => request,
            Err(error) => {
                ignored("control", &error);
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        match request.kind() {
            "interrupt_request" => {
                desk.session.interrupt();
                desk.outbox.state(&request, "busy");
                let _ = replies.send(request.reply("interrupt_reply", json!({ "status": "ok" })));
                desk.front.aside_done(&request);
            }
            "shutdown_request" => {
                desk.outbox.state(&request, "busy");
                let content = json!({ "status": "ok", "restart": request.flag("restart", false) });
                desk.outbox.publish(&request, "shutdown_reply", content.clone());
                let _ = replies.send(request.reply("shutdown_reply", content));
                desk.outbox.state(&request, "idle");
                end.send_replace(true);
            }
            _ => desk.answer(&request, &replies),
        }
    }
}

async fn send(mut to: RouterSendConnection, mut messages: UnboundedReceiver<JupyterMessage>) {
    while let Some(message) = messages.recv().await {
        // A client that has gone needs no answer.
        if let Err(error) = to.send(message).await {
            log(&format!("an answer did not reach its client: {error}"));
        }
    }
}

/// Owns the socket that all clients listen to. Who begins to listen is welcomed.
async fn publish(mut socket: KernelIoPubXPubConnection, outbox: Outbox, mut messages: UnboundedReceiver<Out>) {
    loop {
        tokio::select! {
            out = messages.recv() => match out {
                Some(Out::Message(message, bytes)) => {
                    if let Err(error) = socket.send(*message).await {
                        log(&format!("a message did not reach every client: {error}"));
                    }
                    outbox.done(bytes);
                }
                Some(Out::Flush(sent)) => {
                    // Whoever waited may have lost patience.
                    let _ = sent.send(());
                }
                None => return,
            },
            heard = socket.recv_subscription() => match heard {
                Ok(SubscriptionEvent::Subscribe(topic)) => {
                    let mut welcome = publication("iopub_welcome", json!({ "subscription": topic }));
                    welcome.zmq_identities = vec![topic.into_bytes().into()];
                    if let Err(error) = socket.send(welcome).await {
                        log(&format!("a client could not be welcomed: {error}"));
                    }
                }
                Ok(SubscriptionEvent::Unsubscribe(_)) => {}
                // A client that went away.
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
    }
}

/// Sends back whatever comes.
async fn heartbeat(mut connection: KernelHeartbeatConnection) {
    loop {
        match connection.socket.recv().await {
            Ok(beat) => {
                // Who asked may have gone.
                let _ = connection.socket.send(beat).await;
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn pulse(front: Arc<Front>) {
    loop {
        tokio::time::sleep(front::PULSE).await;
        front.pulse();
    }
}

/// Ends the kernel when the program that started it, as Jupyter says in `JPY_PARENT_PID`, is no longer there.
async fn watch_parent(end: watch::Sender<bool>) {
    let parent = std::os::unix::process::parent_id();
    let named = std::env::var("JPY_PARENT_PID").ok().and_then(|id| id.parse().ok());
    if named != Some(parent) {
        return;
    }
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(WATCH).await;
    }
    end.send_replace(true);
}

/// Ctrl-C interrupts as the message does; a request to terminate ends the kernel.
async fn signals(session: Arc<Session>, end: watch::Sender<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        log("signals cannot be heard; clients can still interrupt");
        return;
    };
    loop {
        tokio::select! {
            Some(()) = interrupt.recv() => session.interrupt(),
            Some(()) = terminate.recv() => {
                end.send_replace(true);
            }
            else => return,
        }
    }
}

/// Says why a message was ignored.
fn ignored(socket: &str, error: &RuntimeError) {
    let why = match error {
        RuntimeError::VerifyError(_) | RuntimeError::DecodeError(_) | RuntimeError::MissingHmac => {
            "its signature is wrong".into()
        }
        other => other.to_string(),
    };
    log(&format!("a message to {socket} is ignored: {why}"));
}

/// A line where whoever started the kernel looks for such.
fn log(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "spaceevo kernel: {line}");
}

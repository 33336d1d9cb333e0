//! Messages as they go over the wire. Their contents are plain JSON: the typed contents of `jupyter-protocol` are of
//! version 5.3, refuse searches in the history that leave fields out, and write `null` where the protocol wants a map.

use jupyter_protocol::{JupyterMessage, UnknownMessage};
use jupyter_zmq_client::{Connection, RawMessage, RuntimeError};
use serde_json::{Value, json};
use zeromq::SocketRecv;

/// The version of the protocol that the kernel speaks.
pub(super) const VERSION: &str = "5.4";
/// What headers say of who sends.
const SENDER: &str = "kernel";

/// A message to the kernel.
#[derive(Debug, Clone)]
pub(super) struct Request {
    message: JupyterMessage,
    /// What it says.
    pub content: Value,
}

impl Request {
    /// Waits for the next message. `Err` says why one is ignored: its signature is wrong, or it is no message at all.
    pub async fn read<S: SocketRecv>(from: &mut Connection<S>) -> Result<Self, RuntimeError> {
        let raw = RawMessage::from_multipart(from.socket.recv().await?, &from.mac)?;
        let part = |at: usize| raw.jparts.get(at).map_or(&b"{}"[..], |part| &part[..]);
        let header: jupyter_protocol::Header = serde_json::from_slice(part(0))?;
        let content = serde_json::from_slice(part(3))?;
        let mut message = empty(&header.msg_type, Value::Null);
        message.header = header;
        message.parent_header = serde_json::from_slice(part(1)).ok();
        message.zmq_identities = raw.zmq_identities;
        Ok(Self { message, content })
    }

    /// What kind of message it is.
    pub fn kind(&self) -> &str {
        &self.message.header.msg_type
    }

    /// The session of the client that sent it.
    pub fn session(&self) -> &str {
        &self.message.header.session
    }

    /// The number of the message that it answers.
    pub fn answers(&self) -> Option<&str> {
        self.message.parent_header.as_ref().map(|header| header.msg_id.as_str())
    }

    /// A field of its content that is a text.
    pub fn text(&self, field: &str) -> &str {
        self.content.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field of its content that is a switch.
    pub fn flag(&self, field: &str, default: bool) -> bool {
        self.content.get(field).and_then(Value::as_bool).unwrap_or(default)
    }

    /// A field of its content that is a whole number.
    pub fn number(&self, field: &str) -> Option<i64> {
        self.content.get(field).and_then(Value::as_i64)
    }

    /// A message to the client that sent this one.
    pub fn reply(&self, kind: &str, content: Value) -> JupyterMessage {
        let mut message = self.publication(kind, content);
        message.zmq_identities.clone_from(&self.message.zmq_identities);
        message
    }

    /// A message to all clients that came of this one.
    pub fn publication(&self, kind: &str, content: Value) -> JupyterMessage {
        let mut message = publication(kind, content);
        message.parent_header = Some(self.message.header.clone());
        message
    }
}

/// A message to all clients that came of nothing they asked for.
pub(super) fn publication(kind: &str, content: Value) -> JupyterMessage {
    let mut message = empty(kind, content);
    message.zmq_identities = vec![format!("kernel.{kind}").into_bytes().into()];
    message
}

/// A kernel's state, as clients see it.
pub(super) fn status(state: &str) -> Value {
    json!({ "execution_state": state })
}

fn empty(kind: &str, content: Value) -> JupyterMessage {
    let content = UnknownMessage { msg_type: kind.to_owned(), content };
    let mut message = JupyterMessage::new(content, None);
    message.header.version = VERSION.into();
    message.header.username = SENDER.into();
    message
}

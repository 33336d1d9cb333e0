//! Questions to the person, by way of the client that sent the cell.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use jupyter_zmq_client::KernelStdinConnection;
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use super::wire::Request;

/// A question, and who waits for the answer. Dropping `reply` says that no one will answer.
#[derive(Debug)]
pub(super) struct Question {
    pub request: Arc<Request>,
    pub prompt: String,
    pub hidden: bool,
    pub reply: Sender<String>,
}

/// Asks, and hands answers over.
pub(super) async fn serve(connection: KernelStdinConnection, mut questions: UnboundedReceiver<Question>) {
    let (mut send, mut receive) = connection.split();
    // The question that was asked last, by the number of its message.
    let mut asked: Option<(String, Sender<String>)> = None;
    loop {
        tokio::select! {
            question = questions.recv() => {
                let Some(Question { request, prompt, hidden, reply }) = question else { return };
                let message = request.reply("input_request", json!({ "prompt": prompt, "password": hidden }));
                let number = message.header.msg_id.clone();
                // A client without this channel cannot be asked: `reply` is dropped, which says so.
                asked = match send.send(message).await {
                    Ok(()) => Some((number, reply)),
                    Err(_) => None,
                };
            }
            read = Request::read(&mut receive) => match read {
                Ok(answer) if answer.kind() == "input_reply" => {
                    let fits = |number: &str| answer.answers().is_none_or(|answered| answered == number);
                    if let Some((_, reply)) = asked.take_if(|(number, _)| fits(number)) {
                        // Whoever asked may have been interrupted meanwhile.
                        let _ = reply.send(answer.text("value").to_owned());
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    super::ignored("stdin", &error);
                    tokio::time::sleep(super::PAUSE).await;
                }
            },
        }
    }
}

//! What the kernel answers at once, also while a cell runs: about itself, completion, help, whether an input is whole, history.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::history::History;
use super::wire::{Request, VERSION};
use crate::runtime::{Candidate, Readiness, Session};

/// The content of the reply to a request that is not a cell, if it has one.
pub(super) fn answer(request: &Request, session: &Session, history: &Mutex<History>) -> Option<Value> {
    Some(match request.kind() {
        "kernel_info_request" => about(),
        "complete_request" => complete(request, session),
        "inspect_request" => inspect(request, session),
        "is_complete_request" => is_complete(request, session),
        "history_request" => history.lock().unwrap_or_else(PoisonError::into_inner).answer(request),
        // There are none: widgets live in other kernels.
        "comm_info_request" => json!({ "status": "ok", "comms": {} }),
        kind if kind.ends_with("_request") => json!({
            "status": "error", "ename": "kernel::unknown_request", "traceback": [],
            "evalue": format!("this kernel does not know `{kind}`; it speaks version {VERSION} of the protocol"),
        }),
        _ => return None,
    })
}

fn about() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "status": "ok",
        "protocol_version": VERSION,
        "implementation": "spaceevo",
        "implementation_version": version,
        "banner": format!("SpaceEvo {version}: a scripting lab for hardware-aware search-space design. ?name explains, %help lists."),
        "debugger": false,
        "supported_features": [],
        "help_links": [
            { "text": "The language, Rhai", "url": "https://rhai.rs/book/" },
        ],
        "language_info": {
            "name": "rhai",
            "version": "1",
            "mimetype": "text/x-rhai",
            "file_extension": ".rhai",
            // Pygments does not know Rhai, and no editor without our extension; its syntax is nearest to Rust's.
            "pygments_lexer": "rust",
            "codemirror_mode": { "name": "rhai", "mime": "text/x-rustsrc" },
            "nbconvert_exporter": "script",
        },
    })
}

fn complete(request: &Request, session: &Session) -> Value {
    let code = request.text("code");
    let cursor = byte_of(code, request.number("cursor_pos"));
    // `?na` completes as `na` does.
    let lead = code.len() - code.trim_start_matches('?').len();
    let lead = if lead <= cursor { lead } else { 0 };
    let found = session.complete(&code[lead..], cursor - lead);
    let (start, end) = (character_of(code, found.start + lead), character_of(code, cursor));
    let texts: Vec<&str> = found.candidates.iter().map(|candidate| candidate.text.as_str()).collect();
    let types: Vec<Value> = found
        .candidates
        .iter()
        .map(|candidate| {
            json!({
                "text": candidate.text, "type": kind_of(candidate), "signature": candidate.summary,
                "start": start, "end": end,
            })
        })
        .collect();
    json!({
        "status": "ok", "matches": texts, "cursor_start": start, "cursor_end": end,
        "metadata": { "_jupyter_types_experimental": types },
    })
}

/// The word that clients have an icon for.
fn kind_of(candidate: &Candidate) -> &str {
    match candidate.kind {
        "variable" => "instance",
        "option" => "param",
        "key" => "property",
        "file" => "path",
        "command" => "magic",
        "name" => "text",
        other => other,
    }
}

fn inspect(request: &Request, session: &Session) -> Value {
    let code = request.text("code");
    let page = session.inspect_at(code, byte_of(code, request.number("cursor_pos")));
    let data = page.as_ref().map_or_else(|| json!({}), |page| super::front::bundle(page).0);
    json!({ "status": "ok", "found": page.is_some(), "data": data, "metadata": {} })
}

fn is_complete(request: &Request, session: &Session) -> Value {
    match session.is_complete(request.text("code")) {
        Readiness::Complete => json!({ "status": "complete" }),
        Readiness::Incomplete { indent } => json!({ "status": "incomplete", "indent": indent }),
        Readiness::Invalid => json!({ "status": "invalid" }),
    }
}

/// The byte at which character `at` of `text` begins; its end without one.
fn byte_of(text: &str, at: Option<i64>) -> usize {
    let at = at.map_or(usize::MAX, |at| usize::try_from(at).unwrap_or(0));
    text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte)
}

/// How many characters stand before a byte of `text`.
fn character_of(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters() {
        let text = "é𝄞x";
        assert_eq!([0, 1, 2, 3, 9].map(|at| byte_of(text, Some(at))), [0, 2, 6, 7, 7]);
        assert_eq!([0, 2, 6, 7].map(|byte| character_of(text, byte)), [0, 1, 2, 3]);
    }
}

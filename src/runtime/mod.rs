//! The language: a session with its engine, what can be said in it, and how faults and values are shown. Knows no domain.

mod arguments;
pub mod catalogue;
mod commands;
mod complete;
mod engine;
mod evaluator;
pub mod example;
mod json;
mod library;
mod lint;
mod reads;
pub mod render;
pub mod replay;
mod resolver;
mod session;
mod shebang;
mod shown;
mod tokens;
mod watch;
mod words;

pub use crate::primitive::front::{Bundle, Form, Look, Output, nobody};
pub use crate::primitive::host::{Processor, Settings as HostSettings};
pub use commands::{Desk, Shown, Then};
pub use complete::{Candidate, Completion, Readiness};
pub use engine::Limits;
pub use library::{GLOBAL_FOLDERS, Library, Script};
pub use reads::Stamp;
pub use session::{Outcome, Past, Session, Settings};
pub use tokens::Ink;

//! The language: a session with its engine, what can be said in it, and how faults and values are shown. Knows no domain.

mod arguments;
pub mod catalogue;
mod complete;
mod engine;
mod evaluator;
pub mod example;
mod input;
mod json;
mod library;
mod lint;
mod reads;
pub mod render;
mod resolver;
mod session;
mod shebang;
mod words;

pub use crate::primitive::host::Settings as HostSettings;
pub use complete::{Candidate, Completion, Readiness};
pub use engine::{Limits, Output};
pub use input::Input;
pub use library::{GLOBAL_FOLDERS, Library, Script};
pub use reads::Stamp;
pub use session::{Bundle, Outcome, Session, Settings};

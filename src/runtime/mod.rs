//! The language: a session with its engine, what can be said in it, and how faults and values are shown. Knows no domain.

pub mod catalogue;
mod complete;
mod engine;
mod evaluator;
pub mod example;
mod input;
mod library;
mod lint;
pub mod render;
pub mod replay;
mod resolver;
mod session;
mod words;

pub use crate::primitive::host::Settings as HostSettings;
pub use complete::{Candidate, Completion, Readiness};
pub use engine::{Limits, Output};
pub use input::Input;
pub use library::{GLOBAL_FOLDERS, Library, Script};
pub use session::{Bundle, Outcome, Session, Settings};

//! What can go wrong with a worker process.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use super::Program;

/// A fault of a worker, as opposed to one of the job it ran.
#[derive(Debug, Error, Diagnostic)]
pub enum WorkerFault {
    /// No binary where one should be.
    #[error("there is no {} at `{}`", program.name, path.display())]
    #[diagnostic(
        code(worker::missing),
        help("build it with `cargo build --bins`, or name it in the environment variable {}", program.variable)
    )]
    Missing { program: Program, path: PathBuf },
    /// The binary is there but does not start.
    #[error("the {} `{}` does not start: {error}", program.name, path.display())]
    #[diagnostic(code(worker::start), help("run `./x setup` for its libraries, then `cargo build`"))]
    Start { program: Program, path: PathBuf, error: String },
    /// It greets with another build or protocol.
    #[error("{} missing or older: `{}` is build {found}, this session is build {wanted}", program.name, path.display())]
    #[diagnostic(code(worker::build), help("build both anew with `cargo build --bins`"))]
    Build { program: Program, path: PathBuf, found: String, wanted: String },
    /// The process ended in the middle of a job, twice.
    #[error("the trainer died ({how}) while it ran `{label}`{last}")]
    #[diagnostic(
        code(worker::died),
        help("if memory ran out, use a smaller batch or fewer workers; finished jobs are kept, run it again to go on")
    )]
    Died { label: String, how: String, last: String },
    /// A line that is not of the protocol.
    #[error("the {} said something that is not of the protocol: `{line}`", program.name)]
    #[diagnostic(code(worker::protocol), help("build both anew with `cargo build --bins`"))]
    Protocol { program: Program, line: String },
}

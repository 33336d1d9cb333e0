//! What can go wrong while training.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use spaceevo::worker::Processor;
use thiserror::Error;

/// A fault of a training or evaluation job.
#[derive(Debug, Error, Diagnostic)]
pub enum TrainFault {
    /// The loss is no number any more.
    #[error("the loss of `{label}` became {value} at step {step} of {total}")]
    #[diagnostic(code(train::diverged), help("use a lower learning rate, or a longer warm-up"))]
    Diverged { label: String, value: f64, step: usize, total: usize },
    /// libtorch refused.
    #[error("libtorch: {message}")]
    #[diagnostic(
        code(train::torch),
        help("if it speaks of memory, use a smaller batch; if of shapes, `explain(block)` shows those of every layer")
    )]
    Torch { message: String },
    /// A card that cannot be used.
    #[error("`{processor}` cannot be used: {why}")]
    #[diagnostic(code(train::cuda), help("{help}"))]
    Cuda { processor: Processor, why: String, help: String },
    /// A job that cannot be run as it is.
    #[error("{what}")]
    #[diagnostic(code(train::job), help("{help}"))]
    Job { what: String, help: &'static str },
}

/// A fault of a job that cannot be run as it is.
pub fn job(what: impl Into<String>, help: &'static str) -> TrainFault {
    TrainFault::Job { what: what.into(), help }
}

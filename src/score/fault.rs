//! What can be wrong with asking for a score.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault in scoring a search space.
#[derive(Debug, Error, Diagnostic)]
pub enum ScoreFault {
    /// An option that makes no sense.
    #[error("`{option}` is {value}, but {rule}")]
    #[diagnostic(code(score::option), help("correct the option"))]
    Option { option: &'static str, value: String, rule: &'static str },
    /// No samples for one of the space's stages.
    #[error(
        "the look-up table has no samples of stage `{stage}` with operator `{operator}` and window {window} at resolution {resolution}"
    )]
    #[diagnostic(code(score::no_samples), help("build the table for a hyperspace with this operator"))]
    NoSamples { stage: String, operator: String, window: usize, resolution: usize },
    /// The latency of stem and head is known for other resolutions only.
    #[error("`other_ms` has no latency for resolution {resolution}")]
    #[diagnostic(
        code(score::other_ms),
        help("give one for every resolution of the table, or none at all to leave stem and head out")
    )]
    Other { resolution: usize },
}

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
    /// A resolution that the table has not.
    #[error("the look-up table has no samples at resolution {resolution}")]
    #[diagnostic(code(score::resolution), help("it has {known:?}"))]
    Resolution { resolution: usize, known: Vec<usize> },
    /// The cost of stem and head is known for other resolutions only.
    #[error("the fixed part's `{column}` is not given for resolution {resolution}")]
    #[diagnostic(
        code(score::other),
        help("give one for every resolution of the table, or none at all to leave stem and head out")
    )]
    Other { column: String, resolution: usize },
    /// Widths that must chain, and none that fits.
    #[error("no sample of {group} is entered with {width} channels, the width that the stage before it ends with")]
    #[diagnostic(code(score::chain), help("sample more stages for the table, or draw stages independently: `chain: false`"))]
    Chain { group: String, width: usize },
    /// A formula that gives no number for a row.
    #[error("a formula gives {value} for the row `{sample}` of {group}")]
    #[diagnostic(code(score::value), help("log, sqrt and division have no result for some numbers: bound them with max"))]
    Value { value: f64, group: String, sample: String },
    /// A formula that gives no number for a network.
    #[error("a formula gives no number for a drawn network")]
    #[diagnostic(code(score::value), help("log, sqrt and division have no result for some numbers: bound them with max"))]
    NotANumber,
    /// A formula about a stage that is not searched.
    #[error("a formula asks for searched stage {stage}, but there are {stages}")]
    #[diagnostic(code(score::stage), help("stages are counted from 0"))]
    Stage { stage: usize, stages: usize },
    /// A score without an exact distribution.
    #[error("there is no exact score here: {why}")]
    #[diagnostic(code(score::exact), help("use `method: \"sampled\"`, or write value and limits as sums over stages"))]
    Exact { why: &'static str },
}

//! What can be wrong with a search.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault in searching.
#[derive(Debug, Error, Diagnostic)]
pub enum SearchFault {
    /// An option that makes no sense.
    #[error("`{option}` is {value}, but {rule}")]
    #[diagnostic(code(search::option), help("correct the option"))]
    Option { option: &'static str, value: String, rule: &'static str },
    /// A constraint that nothing meets.
    #[error("no subnet with {wanted} among {draws} draws; {nearest}")]
    #[diagnostic(code(search::starved), help("{help}"))]
    Starved { wanted: String, draws: usize, nearest: String, help: String },
    /// An accuracy function that gives too few or too many values.
    #[error("{found} accuracies were given for {wanted} subnets")]
    #[diagnostic(code(search::count), help("give one accuracy for each subnet, in their order"))]
    Count { found: usize, wanted: usize },
    /// Points that no model can be fitted to.
    #[error("no Gaussian process can be fitted to these points: {wrong}")]
    #[diagnostic(code(search::points), help("give points of one length and a finite value for each"))]
    Points { wrong: String },
}

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
    /// Too few scores to learn from.
    #[error("importance needs at least {least} trials with a score, but there are {found}")]
    #[diagnostic(code(search::too_few), help("let the study run longer"))]
    TooFew { least: usize, found: usize },
    /// Scores that do not differ.
    #[error("no choice matters: all {count} scores are equal")]
    #[diagnostic(code(search::flat), help("give an objective that tells candidates apart"))]
    Flat { count: usize },
    /// Groups of studies that cannot be compared.
    #[error("{wrong}")]
    #[diagnostic(code(search::groups), help("{help}"))]
    Groups { wrong: String, help: String },
    /// A study that is too short to be compared.
    #[error("study {number} of `{group}` {wrong}")]
    #[diagnostic(code(search::short), help("let it run longer, compare after fewer `evaluations`, or leave it out"))]
    Short { group: String, number: usize, wrong: String },
    /// Points that no model can be fitted to.
    #[error("no Gaussian process can be fitted to these points: {wrong}")]
    #[diagnostic(code(search::points), help("give points of one length and a finite value for each"))]
    Points { wrong: String },
}

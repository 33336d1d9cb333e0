//! What can be wrong with a look-up table.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault in a look-up table.
#[derive(Debug, Error, Diagnostic)]
pub enum LutFault {
    /// Nothing in it.
    #[error("the look-up table has no rows")]
    #[diagnostic(code(lut::empty), help("build it with `build_lut(hyperspace, #{{...}})`"))]
    Empty,
    /// A row holds a number that no sample can have.
    #[error("row {row} of the look-up table ({group}, `{encoding}`) has {column} {value}")]
    #[diagnostic(code(lut::value), help("leave the row out, or sample and measure this stage again"))]
    Value { row: usize, group: String, encoding: String, column: &'static str, value: f64 },
    /// A row whose window, width or resolution is negative.
    #[error("row {row} of the look-up table has {column} {value}")]
    #[diagnostic(code(lut::whole), help("windows, widths and resolutions are 0 or more: correct the file"))]
    Whole { row: usize, column: &'static str, value: i64 },
    /// Groups that a hyperspace needs are not there.
    #[error("the look-up table has no samples for {missing} of {needed} groups of `{hyperspace}`; the first is {first}")]
    #[diagnostic(
        code(lut::missing),
        help("build the table for this hyperspace: it needs every operator and window of every searched stage")
    )]
    Missing { hyperspace: String, missing: usize, needed: usize, first: String },
}

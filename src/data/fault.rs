//! What can be wrong with a data set.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault in making a data set.
#[derive(Debug, Error, Diagnostic)]
pub enum DataFault {
    /// A side that the drawing is not made for.
    #[error("images of {size}x{size} pixels cannot be drawn")]
    #[diagnostic(code(data::size), help("choose a size from {smallest} to {largest}; 32 is usual"))]
    Size { size: usize, smallest: usize, largest: usize },
    /// More images than memory should be asked for.
    #[error("{count} {part} images of {size}x{size} pixels would take {gib:.0} GiB")]
    #[diagnostic(code(data::count), help("ask for fewer than {most} of them"))]
    Count { count: usize, part: &'static str, size: usize, gib: f64, most: usize },
}

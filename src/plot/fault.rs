//! What can be wrong with a figure.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault in drawing a figure.
#[derive(Debug, Error, Diagnostic)]
pub enum PlotFault {
    /// A value that has no place.
    #[error("point {index} of series `{series}` is ({x}, {y}), which has no place in a figure")]
    #[diagnostic(code(plot::not_finite), help("leave such points out before plotting"))]
    NotFinite { series: String, index: usize, x: f64, y: f64 },
    /// Zero or less on a logarithmic axis.
    #[error("series `{series}` has the value {value}, but the axis `{axis}` is logarithmic")]
    #[diagnostic(code(plot::log), help("a logarithmic axis shows values above zero: use a linear one, or leave the point out"))]
    Log { series: String, axis: String, value: f64 },
    /// An ending that names no format.
    #[error("cannot tell the format of the figure `{path}`")]
    #[diagnostic(code(plot::format), help("end the name in `.svg`, `.png` or `.txt`"))]
    Format { path: String },
    /// A picture that cannot be drawn in its size.
    #[error("a figure of {width} by {height} points cannot be drawn")]
    #[diagnostic(code(plot::size), help("choose a width and a height from 160 to 4000; 640 by 420 is usual"))]
    Size { width: u32, height: u32 },
    /// The drawing library failed.
    #[error("the figure could not be drawn: {reason}")]
    #[diagnostic(code(plot::drawing), help("save it as `.txt` or `.svg` to see what is in it, and report this"))]
    Drawing { reason: String },
}

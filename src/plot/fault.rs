//! What can be wrong with a figure.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault in drawing a figure.
#[derive(Debug, Error, Diagnostic)]
pub enum PlotFault {
    /// Nothing to draw.
    #[error("there is nothing to draw: {why}")]
    #[diagnostic(code(plot::empty), help("look at the table with `describe`, and at the filters that made it"))]
    Empty { why: String },
    /// Texts where numbers are needed.
    #[error("column `{column}` holds texts, but {what} needs numbers")]
    #[diagnostic(code(plot::not_numbers), help("give a column of numbers; {hint}"))]
    NotNumbers { column: String, what: String, hint: &'static str },
    /// Zero or less on a logarithmic axis.
    #[error(
        "{count} of {total} values of series `{series}` are zero or less (such as {value}), but the axis `{axis}` is logarithmic"
    )]
    #[diagnostic(
        code(plot::log),
        help("leave these rows out with `filter`, or make the axis linear: leave `log_x` or `log_y` out")
    )]
    Log { series: String, axis: String, value: f64, count: usize, total: usize },
    /// Names and numbers on one axis.
    #[error("column `{column}` cannot be placed on the axis `{axis}`: {why}")]
    #[diagnostic(code(plot::axis), help("{help}"))]
    Axis { column: String, axis: String, why: &'static str, help: &'static str },
    /// More values of a column than can be told apart.
    #[error("column `{column}` has more than {most} different values: {what}")]
    #[diagnostic(code(plot::too_many), help("{help}"))]
    TooMany { column: String, most: usize, what: &'static str, help: &'static str },
    /// Panels by two columns.
    #[error("the figure has a panel for each `{first}`, so it cannot have one for each `{second}`")]
    #[diagnostic(code(plot::facets), help("give `facet_by` the same column each time, or make two figures"))]
    Facets { first: String, second: String },
    /// Two values for one cell.
    #[error("several rows have a value for the cell `{x}`, `{y}`")]
    #[diagnostic(code(plot::cell_twice), help("make one of them first, for example with `group_by` and `col(\"...\").mean()`"))]
    CellTwice { x: String, y: String },
    /// A file that is not the figure's own.
    #[error("`{path}` is there and holds something other than a figure's data")]
    #[diagnostic(
        code(plot::data_taken),
        help("save the figure under another name, or without its data: `save(file, #{{ data: false }})`")
    )]
    DataTaken { path: String },
    /// An ending that names no format.
    #[error("cannot tell the format of the figure `{path}`")]
    #[diagnostic(code(plot::format), help("end the name in `.svg`, `.png`, `.pdf` or `.txt`"))]
    Format { path: String },
    /// A picture that cannot be drawn in its size.
    #[error("a figure of {width} by {height} points cannot be drawn")]
    #[diagnostic(code(plot::size), help("choose a width and a height from 160 to 4000; 640 by 420 is usual"))]
    Size { width: u32, height: u32 },
    /// More of a network than can be read.
    #[error("a drawing of {boxes} boxes: more than {most} cannot be read")]
    #[diagnostic(code(plot::too_large), help("draw one of its blocks, or read `explain(...)`, a row for each layer"))]
    TooLarge { boxes: usize, most: usize },
    /// The drawing library failed.
    #[error("the figure could not be drawn: {reason}")]
    #[diagnostic(code(plot::drawing), help("save it as `.txt` or `.svg` to see what is in it, and report this"))]
    Drawing { reason: String },
}

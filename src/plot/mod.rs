//! Figures: plain data, drawn as SVG and PNG for notebooks and files, as text for terminals.

mod axis;
mod canvas;
mod charts;
mod fault;
mod layout;
mod series;
mod text;
mod words;

use std::path::Path;

pub use charts::pareto;
pub use fault::PlotFault;

use crate::base::{Result, write_atomic};

/// A chart as data. Drawing it changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Above the chart; may be empty.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn, later ones over earlier ones.
    pub series: Vec<Series>,
    /// Width and height in points; a PNG has two pixels a point.
    pub size: (u32, u32),
}

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit: `INT8 latency (ms)`.
    pub label: String,
    /// How values become places.
    pub scale: Scale,
}

/// How values become places on an axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By logarithm; values must be above zero.
    Log,
    /// Value `i` stands for the `i`th of these names.
    Names(Vec<String>),
}

/// Points that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Shown in the legend; none there if empty.
    pub name: String,
    /// How it is drawn.
    pub kind: Kind,
    /// The data, in drawing order.
    pub points: Vec<Point>,
    /// Place in the palette; by default that of the series in the figure. Two series may share one.
    pub colour: Option<usize>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A mark at every point.
    Points,
    /// Small pale dots, for many points that are background to a line.
    Dots,
    /// A line from point to point.
    Line,
    /// A line that keeps its height until the next point.
    Step,
    /// The area between `low` and `high`.
    Band,
    /// A bar from zero, beside those of the other series at the same x.
    Bars,
    /// Marks; those that no other point beats (smaller x, larger y) are joined, the others pale.
    Front,
}

/// One point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
    /// Lower and upper end of its uncertainty, drawn as a whisker (or the edges of a [`Kind::Band`]).
    pub range: Option<(f64, f64)>,
    /// Written beside the point where there is room.
    pub label: Option<String>,
}

impl Point {
    /// A plain point.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, range: None, label: None }
    }

    /// The same point with an uncertainty from `low` to `high`.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    /// The same point with a label.
    #[must_use]
    pub fn labelled(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }
}

impl Axis {
    /// An even axis.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Log }
    }
}

impl Series {
    /// A series in the colour of its place.
    pub fn new(name: impl Into<String>, kind: Kind, points: Vec<Point>) -> Self {
        Self { name: name.into(), kind, points, colour: None }
    }

    /// The same series in the colour at `place` of the palette.
    #[must_use]
    pub fn coloured(self, place: usize) -> Self {
        Self { colour: Some(place), ..self }
    }
}

impl Figure {
    /// An empty figure of the usual size.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self { title: title.into(), x, y, series: Vec::new(), size: (640, 420) }
    }

    /// The same figure with one more series.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The figure as an SVG document with real text.
    ///
    /// # Errors
    /// `plot::not_finite` for a value that is no number, `plot::log` for one that a logarithmic
    /// axis cannot show, `plot::size` for a figure too small or too large to draw.
    pub fn to_svg(&self) -> Result<String> {
        canvas::svg(&layout::scene(self)?)
    }

    /// The figure as a PNG with two pixels a point, the same bytes on every machine.
    ///
    /// # Errors
    /// As [`Figure::to_svg`].
    pub fn to_png(&self) -> Result<Vec<u8>> {
        canvas::png(&layout::scene(self)?)
    }

    /// The figure as text of at most `width` columns and `height` lines (at least 30 by 10).
    ///
    /// # Errors
    /// As [`Figure::to_svg`].
    pub fn to_text(&self, width: usize, height: usize) -> Result<String> {
        text::draw(self, width.max(30), height.max(10))
    }

    /// Writes the figure in the format that the ending of `path` names: `.svg`, `.png` or `.txt`.
    ///
    /// # Errors
    /// `plot::format` for any other ending, `file::io` if it cannot be written, and those of [`Figure::to_svg`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        let bytes = match ending.as_str() {
            "svg" => self.to_svg()?.into_bytes(),
            "png" => self.to_png()?,
            "txt" => self.to_text(100, 30)?.into_bytes(),
            _ => return Err(PlotFault::Format { path: path.display().to_string() }.into()),
        };
        write_atomic(path, &bytes)
    }
}

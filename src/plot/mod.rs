//! Figures: plain data, drawn as SVG, PNG and PDF for papers and notebooks, as text for terminals.

mod axis;
mod bins;
mod canvas;
mod cells;
mod chain;
mod charts;
mod data;
mod drawing;
mod fault;
mod groups;
mod layer;
mod layout;
mod legend;
mod network;
mod panels;
mod pdf;
mod placed;
mod ramp;
mod series;
mod strips;
mod text;
mod unit;
mod vector;
mod words;

use std::path::Path;

pub use chain::{BlockBar, chain};
pub use charts::pareto;
pub use drawing::Drawing;
pub use fault::PlotFault;
pub use layer::{Given, Layer, Values};
pub use network::network;
pub use strips::{StageRow, interval, stages, widths};
pub use text::TextStyle;
pub use unit::label_of;

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
    /// Small figures in place of one, all with the same axes.
    pub facets: Facets,
    /// What the values of points stand for, beside the bar that explains their colours.
    pub shade: Axis,
    /// Width and height in points; a PNG has two pixels a point.
    pub size: (u32, u32),
}

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit: `INT8 latency (ms)`. If empty, a label is made from `columns`.
    pub label: String,
    /// Columns of tables that it shows.
    pub columns: Vec<String>,
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

/// Panels of a figure, one for each value of a column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facets {
    /// The column that tells them apart.
    pub column: String,
    /// The heading of each panel; none for a figure in one piece.
    pub names: Vec<String>,
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
    /// The panel that shows it; all of them if `None`.
    pub facet: Option<usize>,
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
    /// A box of the width `value` around x, up to y.
    Histogram,
    /// A cell at the names that x and y stand for, coloured by `value`.
    Heat,
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
    /// What its colour shows instead of the series, for [`Kind::Points`] and [`Kind::Heat`]; the width of a box of a
    /// [`Kind::Histogram`].
    pub value: Option<f64>,
    /// Written beside the point where there is room.
    pub label: Option<String>,
}

impl Point {
    /// A plain point.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, range: None, value: None, label: None }
    }

    /// The same point with an uncertainty from `low` to `high`.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    /// The same point with a third value.
    #[must_use]
    pub fn valued(self, value: f64) -> Self {
        Self { value: Some(value), ..self }
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
        Self { label: label.into(), columns: Vec::new(), scale: Scale::Linear }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), columns: Vec::new(), scale: Scale::Log }
    }

    /// The label as drawn: the given one, else one made from the columns.
    pub fn shown(&self) -> String {
        if self.label.is_empty() { unit::label_of_all(&self.columns) } else { self.label.clone() }
    }
}

impl Series {
    /// A series in the colour of its place.
    pub fn new(name: impl Into<String>, kind: Kind, points: Vec<Point>) -> Self {
        Self { name: name.into(), kind, points, colour: None, facet: None }
    }

    /// The same series in the colour at `place` of the palette.
    #[must_use]
    pub fn coloured(self, place: usize) -> Self {
        Self { colour: Some(place), ..self }
    }

    /// Whether panel `panel` shows it.
    fn within(&self, panel: usize) -> bool {
        self.facet.is_none_or(|facet| facet == panel)
    }
}

impl Figure {
    /// An empty figure of the usual size.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self {
            title: title.into(),
            x,
            y,
            series: Vec::new(),
            facets: Facets::default(),
            shade: Axis::linear(""),
            size: (640, 420),
        }
    }

    /// The same figure with one more series.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The same figure in another size, in points.
    ///
    /// # Errors
    /// `plot::size` for one too small or too large to draw.
    pub fn sized(self, width: u32, height: u32) -> Result<Self> {
        layout::check_size((width, height))?;
        Ok(Self { size: (width, height), ..self })
    }

    /// The figure as an SVG document with real text. Points that are not finite are left out, and a note says so.
    ///
    /// # Errors
    /// `plot::log` for a value that a logarithmic axis cannot show, `plot::size` for a figure too small or too large
    /// to draw.
    pub fn to_svg(&self) -> Result<String> {
        canvas::svg(&layout::scene(self)?)
    }

    /// The figure as an SVG element to stand inside a page, light or dark, whose ink it takes.
    ///
    /// # Errors
    /// As [`Figure::to_svg`].
    pub fn to_inline_svg(&self) -> Result<String> {
        // What is written in coloured cells has its ink from the cell, not from the page.
        let heat = self.series.iter().any(|series| series.kind == Kind::Heat);
        let ground = if heat { vector::Ground::Sheet } else { vector::Ground::Page };
        let title =
            if self.title.is_empty() { format!("{} over {}", self.y.shown(), self.x.shown()) } else { self.title.clone() };
        Ok(vector::svg(&layout::scene(self)?, &title, ground))
    }

    /// The figure as a PNG with two pixels a point, the same bytes on every machine.
    ///
    /// # Errors
    /// As [`Figure::to_svg`].
    pub fn to_png(&self) -> Result<Vec<u8>> {
        self.to_png_wide(2 * self.size.0)
    }

    /// The figure as a PNG `pixels` wide (from 64 to 8192), for terminals that can show pictures.
    ///
    /// # Errors
    /// As [`Figure::to_svg`].
    pub fn to_png_wide(&self, pixels: u32) -> Result<Vec<u8>> {
        canvas::png(&layout::scene(self)?, pixels.clamp(64, 8192))
    }

    /// The figure as a PDF page of its own size with its fonts in it, as publishers ask for.
    ///
    /// # Errors
    /// As [`Figure::to_svg`].
    pub fn to_pdf(&self) -> Result<Vec<u8>> {
        Ok(pdf::page(&layout::scene(self)?, &self.title))
    }

    /// The figure as text of at most `width` columns and about `height` lines.
    ///
    /// # Errors
    /// As [`Figure::to_svg`].
    pub fn to_text(&self, width: usize, height: usize) -> Result<String> {
        self.to_text_in(&TextStyle { width, height, ..TextStyle::default() })
    }

    /// The figure as text for a certain terminal.
    ///
    /// # Errors
    /// As [`Figure::to_svg`].
    pub fn to_text_in(&self, style: &TextStyle) -> Result<String> {
        text::draw(self, style)
    }

    /// The data of the figure as tidy CSV: a row for each point.
    pub fn to_csv(&self) -> String {
        data::csv(self)
    }

    /// Writes the figure in the format that the ending of `path` names: `.svg`, `.png`, `.pdf` or `.txt`; with
    /// `data`, its data beside a picture, in a file of the same name that ends in `.csv`. Both appear only when whole.
    ///
    /// # Errors
    /// `plot::format` for any other ending, `plot::data_taken` if a CSV of that name is something else, `file::io` if
    /// a file cannot be written, and those of [`Figure::to_svg`].
    pub fn save(&self, path: &Path, data: bool) -> Result<()> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        let bytes = match ending.as_str() {
            "svg" => self.to_svg()?.into_bytes(),
            "png" => self.to_png()?,
            "pdf" => self.to_pdf()?,
            "txt" => self.to_text(100, 30)?.into_bytes(),
            _ => return Err(PlotFault::Format { path: path.display().to_string() }.into()),
        };
        if data && ending != "txt" {
            data::write_beside(self, path)?;
        }
        write_atomic(path, &bytes)
    }
}

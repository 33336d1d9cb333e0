//! Figures for scripts.

use std::path::Path;

use rhai::plugin::*;
use rhai::{Engine, Map};

use super::cross::{Answer, Cross};
use super::noun::Nouns;
use super::options::Options;
use crate::base::Result;
use crate::frame::Table;
use crate::plot::{Axis, Figure, Kind, Point, Series};

#[export_module]
mod figure_functions {
    /// An empty figure, to which points and lines are added.
    ///
    /// Options: `title` (none), `x` and `y` (none): labels with units; `log_x` and `log_y` (false).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let f = figure(#{ x: "INT8 latency (ms)", y: "top-1 (%)" });
    /// f.points("some", table(#{ ms: [1.0, 2.0], top1: [70.0, 80.0] }), "ms", "top1");
    /// f.series //> ["some"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn figure(given: Map) -> Answer<Figure> {
        make(given).cross()
    }

    /// Adds marks at the rows of a table; those that no other beats (smaller x, larger y) are joined.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let f = figure(#{ x: "INT8 latency (ms)", y: "top-1 (%)" });
    /// f.front("subnets", table(#{ ms: [1.0, 2.0, 3.0], top1: [70.0, 60.0, 80.0] }), "ms", "top1");
    /// f.series //> ["subnets"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn front(figure: &mut Figure, name: &str, table: Table, x: &str, y: &str) -> Answer<()> {
        add(figure, name, Kind::Front, &table, x, y).cross()
    }

    /// Adds a mark at every row of a table.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let f = figure(#{ log_x: true });
    /// f.points("blocks", table(#{ mflops: [1, 10, 100], ms: [0.1, 0.2, 0.9] }), "mflops", "ms");
    /// f.series //> ["blocks"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn points(figure: &mut Figure, name: &str, table: Table, x: &str, y: &str) -> Answer<()> {
        add(figure, name, Kind::Points, &table, x, y).cross()
    }

    /// Adds a line through the rows of a table.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let f = figure(#{});
    /// f.line("loss", table(#{ step: [1, 2, 3], loss: [0.9, 0.5, 0.4] }), "step", "loss");
    /// f.line("loss", table(#{ step: [1] }), "step", "los") //> fails frame::no_column
    /// ```
    #[rhai_fn(return_raw)]
    pub fn line(figure: &mut Figure, name: &str, table: Table, x: &str, y: &str) -> Answer<()> {
        add(figure, name, Kind::Line, &table, x, y).cross()
    }

    /// Names of what was added, in order.
    #[rhai_fn(get = "series", pure)]
    pub fn series(figure: &mut Figure) -> rhai::Array {
        figure.series.iter().map(|series| series.name.clone().into()).collect()
    }

    /// Writes the figure; the ending of the file name says how: `.svg` or `.png`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// figure(#{}).save("figure.jpeg") //> fails plot::format
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn save(figure: &mut Figure, file: &str) -> Answer<()> {
        figure.save(Path::new(file)).cross()
    }

    /// The figure drawn with characters, for terminals.
    #[rhai_fn(name = "to_string", pure, return_raw)]
    pub fn figure_text(figure: &mut Figure) -> Answer<String> {
        figure.to_text(72, 20).cross()
    }
}

fn make(given: Map) -> Result<Figure> {
    let options = Options::new("figure", given, &["title", "x", "y", "log_x", "log_y"])?;
    let axis = |key: &str, log: &str| -> Result<Axis> {
        let label = options.text(key)?.unwrap_or_default();
        Ok(if options.flag(log)?.unwrap_or(false) { Axis::log(label) } else { Axis::linear(label) })
    };
    Ok(Figure::new(options.text("title")?.unwrap_or_default(), axis("x", "log_x")?, axis("y", "log_y")?))
}

fn add(figure: &mut Figure, name: &str, kind: Kind, table: &Table, x: &str, y: &str) -> Result<()> {
    let (xs, ys) = (table.column_f64(x)?, table.column_f64(y)?);
    let points = xs.into_iter().zip(ys).map(|(x, y)| Point::new(x, y)).collect();
    figure.series.push(Series::new(name, kind, points));
    Ok(())
}

/// Declares figures.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Figure>("Figure");
    engine.register_global_module(exported_module!(figure_functions).into());
}

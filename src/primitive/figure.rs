//! Figures for scripts.

use std::path::Path;

use rhai::plugin::*;
use rhai::{Blob, Engine, Map};

use super::cross::{Answer, Cross};
use super::host::Host;
use super::noun::Nouns;
use super::options::Options;
use crate::base::{Fault, Result};
use crate::frame::{Column, Table};
use crate::plot::{Axis, Figure, Given, Kind, Layer, TextStyle, Values};

#[export_module]
mod figure_functions {
    /// An empty figure, to which points, lines, bars, cells and boxes are added.
    ///
    /// A label that is not given is made from the names of the columns: `int8_ms` becomes `int8 (ms)`.
    ///
    /// Options: `title` (none), `x` and `y` (from the columns): labels with units; `log_x` and `log_y` (false);
    /// `size` ([640, 420], more for many panels): width and height in points, of which a PNG has two pixels each.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let f = figure(#{ x: "INT8 latency (ms)", y: "top-1 (%)", size: [480, 320] });
    /// f.points("some", table(#{ ms: [1.0, 2.0], top1: [70.0, 80.0] }), "ms", "top1");
    /// f.series //> ["some"]
    /// figure(#{ size: [10, 10] }) //> fails plot::size
    /// ```
    #[rhai_fn(return_raw)]
    pub fn figure(given: Map) -> Answer<Figure> {
        make(given).cross()
    }

    /// Adds marks at the rows of a table; those that no other beats (smaller x, larger y) are joined.
    ///
    /// Options: `name`, `colour`, `facet_by`, `label`: as those of points.
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
        named(figure, Kind::Front, name, &table, x, y).cross()
    }

    #[rhai_fn(name = "front", return_raw)]
    pub fn front_plain(figure: &mut Figure, table: Table, x: &str, y: &str) -> Answer<()> {
        add(figure, Kind::Front, &table, x, y, Map::new()).cross()
    }

    #[rhai_fn(name = "front", return_raw)]
    pub fn front_with(figure: &mut Figure, table: Table, x: &str, y: &str, options: Map) -> Answer<()> {
        add(figure, Kind::Front, &table, x, y, options).cross()
    }

    /// Adds a mark at every row of a table; a column of texts stands along x as names.
    ///
    /// Options: `name` (that of column y): in the legend; `colour` (none): a column, each value of which gets a colour
    /// and a shape of its own, many different numbers get shades that a bar explains; `facet_by` (none): a column, each
    /// value of which gets a panel, 12 at most, all with the same axes; `label` (none): a column of texts beside the
    /// marks; `low` and `high` (none): columns with the ends of an interval.
    ///
    /// Rows without a finite number are left out, and the figure says how many. Fails with `plot::log` for values of
    /// zero or less on a logarithmic axis, `plot::too_many` for too many colours or panels, `frame::no_column`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let blocks = table(#{ operator: ["mbconv", "ghost", "mbconv"], mflops: [1, 10, 100], int8_ms: [0.1, 0.2, 0.9] });
    /// let f = figure(#{ log_x: true });
    /// f.points(blocks, "mflops", "int8_ms", #{ colour: "operator" });
    /// f.series //> ["mbconv", "ghost"]
    /// let panels = figure(#{});
    /// panels.points(blocks, "mflops", "int8_ms", #{ facet_by: "operator" });
    /// panels.panels //> ["mbconv", "ghost"]
    /// f.points(blocks, "mflops", "int8_ms", #{ color: "operator" }) //> fails options::unknown
    /// f.points(table(#{ mflops: [0, 10], int8_ms: [0.1, 0.2] }), "mflops", "int8_ms") //> fails plot::log
    /// ```
    #[rhai_fn(return_raw)]
    pub fn points(figure: &mut Figure, name: &str, table: Table, x: &str, y: &str) -> Answer<()> {
        named(figure, Kind::Points, name, &table, x, y).cross()
    }

    #[rhai_fn(name = "points", return_raw)]
    pub fn points_plain(figure: &mut Figure, table: Table, x: &str, y: &str) -> Answer<()> {
        add(figure, Kind::Points, &table, x, y, Map::new()).cross()
    }

    #[rhai_fn(name = "points", return_raw)]
    pub fn points_with(figure: &mut Figure, table: Table, x: &str, y: &str, options: Map) -> Answer<()> {
        add(figure, Kind::Points, &table, x, y, options).cross()
    }

    /// Adds points: the same as `points`, by the name that other plotting libraries use.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let f = figure(#{});
    /// f.scatter(table(#{ mflops: [1, 10], int8_ms: [0.1, 0.2] }), "mflops", "int8_ms");
    /// f.series //> ["int8_ms"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn scatter(figure: &mut Figure, table: Table, x: &str, y: &str) -> Answer<()> {
        add(figure, Kind::Points, &table, x, y, Map::new()).cross()
    }

    #[rhai_fn(name = "scatter", return_raw)]
    pub fn scatter_with(figure: &mut Figure, table: Table, x: &str, y: &str, options: Map) -> Answer<()> {
        add(figure, Kind::Points, &table, x, y, options).cross()
    }

    /// Adds a line through the rows of a table, in their order.
    ///
    /// Options: `name`, `colour`, `facet_by`, `label`: as those of points.
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
        named(figure, Kind::Line, name, &table, x, y).cross()
    }

    #[rhai_fn(name = "line", return_raw)]
    pub fn line_plain(figure: &mut Figure, table: Table, x: &str, y: &str) -> Answer<()> {
        add(figure, Kind::Line, &table, x, y, Map::new()).cross()
    }

    #[rhai_fn(name = "line", return_raw)]
    pub fn line_with(figure: &mut Figure, table: Table, x: &str, y: &str, options: Map) -> Answer<()> {
        add(figure, Kind::Line, &table, x, y, options).cross()
    }

    /// Adds a bar for every row of a table, at the name that column x has there.
    ///
    /// Options: `name`, `colour`, `facet_by`, `label`, `low`, `high`: as those of points. The bars of each colour stand
    /// beside each other at every name.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let times = table(#{ operator: ["mbconv", "mbconv", "ghost", "ghost"], precision: ["fp32", "int8", "fp32", "int8"],
    ///     latency_ms: [2.0, 0.5, 1.0, 0.75] });
    /// let f = figure(#{});
    /// f.bars(times, "operator", "latency_ms", #{ colour: "precision" });
    /// f.series //> ["fp32", "int8"]
    /// f.bars(times, "operator", "precision") //> fails plot::not_numbers
    /// ```
    #[rhai_fn(return_raw)]
    pub fn bars(figure: &mut Figure, name: &str, table: Table, x: &str, y: &str) -> Answer<()> {
        named(figure, Kind::Bars, name, &table, x, y).cross()
    }

    #[rhai_fn(name = "bars", return_raw)]
    pub fn bars_plain(figure: &mut Figure, table: Table, x: &str, y: &str) -> Answer<()> {
        add(figure, Kind::Bars, &table, x, y, Map::new()).cross()
    }

    #[rhai_fn(name = "bars", return_raw)]
    pub fn bars_with(figure: &mut Figure, table: Table, x: &str, y: &str, options: Map) -> Answer<()> {
        add(figure, Kind::Bars, &table, x, y, options).cross()
    }

    /// Adds marks with error bars from column `low` to column `high`, or a line within a band.
    ///
    /// Options: `band` (false): a line within a band, by growing x; `name`, `colour`, `facet_by`, `label`: as those of
    /// points.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let runs = table(#{ trial: [1, 2, 3], score: [0.2, 0.4, 0.5], low: [0.1, 0.3, 0.4], high: [0.4, 0.5, 0.7] });
    /// let f = figure(#{});
    /// f.intervals(runs, "trial", "score", "low", "high", #{ band: true, name: "mean of five runs" });
    /// f.series //> ["mean of five runs"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn intervals(figure: &mut Figure, table: Table, x: &str, y: &str, low: &str, high: &str) -> Answer<()> {
        with_ends(figure, &table, (x, y), (low, high), Map::new()).cross()
    }

    #[rhai_fn(name = "intervals", return_raw)]
    pub fn intervals_with(
        figure: &mut Figure,
        table: Table,
        x: &str,
        y: &str,
        low: &str,
        high: &str,
        options: Map,
    ) -> Answer<()> {
        with_ends(figure, &table, (x, y), (low, high), options).cross()
    }

    /// Adds a cell for every row of a table, at the names of columns x and y, coloured by column `value`.
    ///
    /// A bar beside the cells explains the colours; the values are written in the cells where they fit. Texts keep the
    /// order in which they come, numbers are sorted.
    ///
    /// Options: `facet_by` (none): a column, each value of which gets a panel.
    ///
    /// Fails with `plot::cell_twice` if two rows have a value for one cell.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let times = table(#{ kernel: [3, 5, 3, 5], expand: [3, 3, 6, 6], int8_ms: [0.1, 0.2, 0.3, 0.5] });
    /// let f = figure(#{ title: "Latency of a block" });
    /// f.heat_map(times, "kernel", "expand", "int8_ms");
    /// f.heat_map(times, "kernel", "expand", "int9_ms") //> fails frame::no_column
    /// f.to_text(#{ width: 40 }).contains("int8 (ms)") //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn heat_map(figure: &mut Figure, table: Table, x: &str, y: &str, value: &str) -> Answer<()> {
        heat(figure, &table, (x, y), value, Map::new()).cross()
    }

    #[rhai_fn(name = "heat_map", return_raw)]
    pub fn heat_map_with(figure: &mut Figure, table: Table, x: &str, y: &str, value: &str, options: Map) -> Answer<()> {
        heat(figure, &table, (x, y), value, options).cross()
    }

    /// Adds a box for each part of the range of a column, as high as the number of rows in it.
    ///
    /// Options: `bins` (what suits the values): how many boxes; `name`, `colour`, `facet_by`: as those of points. All
    /// colours and panels have the same boxes.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let f = figure(#{});
    /// f.histogram(table(#{ int8_ms: [0.1, 0.2, 0.25, 0.9] }), "int8_ms", #{ bins: 4 });
    /// f.series //> ["int8_ms"]
    /// f.histogram(table(#{ int8_ms: [0.1] }).head(0), "int8_ms") //> fails plot::empty
    /// ```
    #[rhai_fn(return_raw)]
    pub fn histogram(figure: &mut Figure, table: Table, column: &str) -> Answer<()> {
        count(figure, &table, column, Map::new()).cross()
    }

    #[rhai_fn(name = "histogram", return_raw)]
    pub fn histogram_with(figure: &mut Figure, table: Table, column: &str, options: Map) -> Answer<()> {
        count(figure, &table, column, options).cross()
    }

    /// Names of what was added, in order.
    #[rhai_fn(get = "series", pure)]
    pub fn series(figure: &mut Figure) -> rhai::Array {
        let mut names: Vec<&str> = Vec::new();
        for series in &figure.series {
            if !names.contains(&series.name.as_str()) {
                names.push(&series.name);
            }
        }
        names.into_iter().map(Into::into).collect()
    }

    /// Headings of the panels; none if the figure is in one piece.
    #[rhai_fn(get = "panels", pure)]
    pub fn panels(figure: &mut Figure) -> rhai::Array {
        figure.facets.names.iter().map(|name| name.clone().into()).collect()
    }

    /// Writes the figure, and its data beside it; the ending says how: `.svg`, `.png`, `.pdf` or `.txt`.
    ///
    /// The data of `latency.svg` are in `latency.csv`: a row for each point with its series, x, y and whatever else it
    /// has. A CSV of that name that is something else is never replaced: `plot::data_taken`. Files appear only when whole.
    ///
    /// Options: `data` (true): whether to write the data.
    ///
    /// # Example
    ///
    /// ```rhai
    /// figure(#{}).save("figure.jpeg") //> fails plot::format
    /// figure(#{}).save("figure.png", #{ dat: false }) //> fails options::unknown
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn save(figure: &mut Figure, file: &str) -> Answer<()> {
        figure.save(Path::new(file), true).cross()
    }

    #[rhai_fn(name = "save", pure, return_raw)]
    pub fn save_with(figure: &mut Figure, file: &str, options: Map) -> Answer<()> {
        let data = Options::new("save", options, &["data"]).and_then(|options| options.flag("data"));
        figure.save(Path::new(file), data.cross()?.unwrap_or(true)).cross()
    }

    /// The figure drawn with characters, for terminals.
    #[rhai_fn(name = "to_string", pure, return_raw)]
    pub fn figure_text(context: NativeCallContext, figure: &mut Figure) -> Answer<String> {
        let columns = Host::of(&context)?.look().columns;
        let usual = TextStyle::default();
        figure.to_text_in(&TextStyle { width: columns.min(usual.width), ..usual }).cross()
    }

    /// The figure as the bytes of a PNG, `pixels` (64 to 4096) across.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let f = figure(#{});
    /// f.line(table(#{ x: [1, 2], y: [1, 2] }), "x", "y");
    /// f.to_png(200).len() > 1000 //> true
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn to_png(figure: &mut Figure, pixels: i64) -> Answer<Blob> {
        let wide = u32::try_from(pixels)
            .ok()
            .filter(|pixels| (64..=4096).contains(pixels))
            .ok_or_else(|| Fault::new("plot::pixels", format!("a picture {pixels} pixels wide"), "give 64 to 4096"));
        wide.and_then(|pixels| figure.to_png_wide(pixels)).cross()
    }

    /// The figure as the text of an SVG.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let f = figure(#{});
    /// f.line(table(#{ x: [1, 2], y: [1, 2] }), "x", "y");
    /// f.to_svg().contains("<svg") //> true
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn to_svg(figure: &mut Figure) -> Answer<String> {
        figure.to_svg().cross()
    }

    /// The figure drawn with characters, in a chosen size.
    ///
    /// Options: `width` (72) in characters, `height` (20) in lines, `unicode` (true; else ASCII alone), `colour` (false).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let f = figure(#{});
    /// f.bars(table(#{ operator: ["mbconv", "ghost"], int8_ms: [2.0, 1.0] }), "operator", "int8_ms");
    /// f.to_text(#{ width: 33, unicode: false }).contains("ghost  ########## 1.00") //> true
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn to_text(figure: &mut Figure, options: Map) -> Answer<String> {
        styled(options).and_then(|style| figure.to_text_in(&style)).cross()
    }
}

fn make(given: Map) -> Result<Figure> {
    let options = Options::new("figure", given, &["title", "x", "y", "log_x", "log_y", "size"])?;
    let axis = |key: &str, log: &str| -> Result<Axis> {
        let label = options.text(key)?.unwrap_or_default();
        Ok(if options.flag(log)?.unwrap_or(false) { Axis::log(label) } else { Axis::linear(label) })
    };
    let figure = Figure::new(options.text("title")?.unwrap_or_default(), axis("x", "log_x")?, axis("y", "log_y")?);
    match options.counts("size", 1)?.as_deref() {
        None => Ok(figure),
        Some(&[width, height]) => figure.sized(width.min(1 << 20) as u32, height.min(1 << 20) as u32),
        Some(_) => Err(options.refuse("size", "a size is a width and a height", "write for example `size: [640, 420]`")),
    }
}

fn styled(given: Map) -> Result<TextStyle> {
    let options = Options::new("to_text", given, &["width", "height", "unicode", "colour"])?;
    let usual = TextStyle::default();
    Ok(TextStyle {
        width: options.count("width", 30)?.unwrap_or(usual.width).min(1000),
        height: options.count("height", 10)?.unwrap_or(usual.height).min(1000),
        unicode: options.flag("unicode")?.unwrap_or(usual.unicode),
        colour: options.flag("colour")?.unwrap_or(usual.colour),
    })
}

/// A column as figures take it.
fn given(table: &Table, column: &str) -> Result<Given> {
    let values = match table.column(column)? {
        Column::Text(texts) => Values::Names(texts.into_iter().map(|text| text.unwrap_or_else(|| "missing".into())).collect()),
        Column::Bool(flags) => {
            Values::Names(flags.into_iter().map(|flag| flag.map_or_else(|| "missing".into(), |flag| flag.to_string())).collect())
        }
        Column::Int(_) | Column::Float(_) | Column::List(_) => Values::Numbers(table.column_f64(column)?),
    };
    Ok(Given { column: column.into(), values })
}

/// The column that the option `key` names.
fn chosen(options: &Options, table: &Table, key: &str) -> Result<Option<Given>> {
    options.text(key)?.map(|column| given(table, &column)).transpose()
}

/// Columns for groups, panels and labels.
fn grouped(layer: Layer, options: &Options, table: &Table) -> Result<Layer> {
    let labels = chosen(options, table, "label")?.map(|given| match given.values {
        Values::Names(names) => names,
        Values::Numbers(numbers) => numbers.iter().map(f64::to_string).collect(),
    });
    Ok(Layer {
        name: options.text("name")?,
        colour: chosen(options, table, "colour")?,
        facet_by: chosen(options, table, "facet_by")?,
        labels,
        ..layer
    })
}

fn named(figure: &mut Figure, kind: Kind, name: &str, table: &Table, x: &str, y: &str) -> Result<()> {
    let layer = Layer::new(kind, given(table, x)?, Some(given(table, y)?));
    figure.add(&Layer { name: Some(name.into()), ..layer })
}

fn add(figure: &mut Figure, kind: Kind, table: &Table, x: &str, y: &str, options: Map) -> Result<()> {
    let (call, ends) = match kind {
        Kind::Front => ("front", false),
        Kind::Line => ("line", false),
        Kind::Bars => ("bars", true),
        _ => ("points", true),
    };
    let known = ["name", "colour", "facet_by", "label", "low", "high"];
    let options = Options::new(call, options, if ends { &known } else { &known[..4] })?;
    let layer = grouped(Layer::new(kind, given(table, x)?, Some(given(table, y)?)), &options, table)?;
    let range = match (options.text("low")?, options.text("high")?) {
        (None, None) => None,
        (Some(low), Some(high)) => Some((table.column_f64(&low)?, table.column_f64(&high)?)),
        (low, _) => {
            let key = if low.is_some() { "low" } else { "high" };
            return Err(options.refuse(key, "an interval has two ends", "give both `low` and `high`"));
        }
    };
    figure.add(&Layer { range, ..layer })
}

fn with_ends(figure: &mut Figure, table: &Table, (x, y): (&str, &str), (low, high): (&str, &str), options: Map) -> Result<()> {
    let options = Options::new("intervals", options, &["name", "colour", "facet_by", "label", "band"])?;
    let kind = if options.flag("band")?.unwrap_or(false) { Kind::Band } else { Kind::Points };
    let layer = grouped(Layer::new(kind, given(table, x)?, Some(given(table, y)?)), &options, table)?;
    figure.add(&Layer { range: Some((table.column_f64(low)?, table.column_f64(high)?)), ..layer })
}

fn heat(figure: &mut Figure, table: &Table, (x, y): (&str, &str), value: &str, options: Map) -> Result<()> {
    let options = Options::new("heat_map", options, &["facet_by"])?;
    let layer = Layer::new(Kind::Heat, given(table, x)?, Some(given(table, y)?));
    figure.add(&Layer { value: Some(given(table, value)?), facet_by: chosen(&options, table, "facet_by")?, ..layer })
}

fn count(figure: &mut Figure, table: &Table, column: &str, options: Map) -> Result<()> {
    let options = Options::new("histogram", options, &["name", "colour", "facet_by", "bins"])?;
    let layer = grouped(Layer::new(Kind::Histogram, given(table, column)?, None), &options, table)?;
    figure.add(&Layer { bins: options.count("bins", 1)?.map(|bins| bins.min(1000)), ..layer })
}

/// Declares figures.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Figure>("Figure");
    engine.register_global_module(exported_module!(figure_functions).into());
}

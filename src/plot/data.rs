//! The data of a figure as a tidy table, which lies beside its picture.

use std::path::Path;

use super::{Figure, Kind, PlotFault, Point, Scale};
use crate::base::{Fault, Result, write_atomic};

/// How the file of every figure's data begins.
const FIRST: &str = "series,kind,";

/// One line for each point. Columns that no point has are left out.
pub(super) fn csv(figure: &Figure) -> String {
    let any = |has: fn(&Point) -> bool| figure.series.iter().any(|series| series.points.iter().any(has));
    let (ranges, values, labels) =
        (any(|point| point.range.is_some()), any(|point| point.value.is_some()), any(|point| point.label.is_some()));
    let facets = !figure.facets.names.is_empty();
    let mut head = vec!["series", "kind"];
    head.extend(facets.then_some("facet"));
    head.extend(["x", "y"]);
    head.extend(if ranges { &["low", "high"][..] } else { &[] });
    head.extend(values.then_some("value"));
    head.extend(labels.then_some("label"));
    let mut lines = vec![head.join(",")];
    for series in &figure.series {
        for point in &series.points {
            let mut line = vec![quoted(&series.name), word(series.kind).to_string()];
            if facets {
                line.push(quoted(series.facet.and_then(|facet| figure.facets.names.get(facet)).map_or("", String::as_str)));
            }
            line.extend([place(&figure.x.scale, point.x), place(&figure.y.scale, point.y)]);
            if ranges {
                line.extend([number(point.range.map(|range| range.0)), number(point.range.map(|range| range.1))]);
            }
            line.extend(values.then(|| number(point.value)));
            line.extend(labels.then(|| quoted(point.label.as_deref().unwrap_or_default())));
            lines.push(line.join(","));
        }
    }
    lines.join("\n") + "\n"
}

/// Writes the data under the name of the picture `path`, ending in `.csv`; never over another kind of file.
pub(super) fn write_beside(figure: &Figure, path: &Path) -> Result<()> {
    let path = path.with_extension("csv");
    match std::fs::read(&path) {
        Ok(old) if !old.starts_with(FIRST.as_bytes()) => Err(PlotFault::DataTaken { path: path.display().to_string() }.into()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Fault::file("read", &path, &error)),
        _ => write_atomic(&path, csv(figure).as_bytes()),
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Points => "points",
        Kind::Dots => "dots",
        Kind::Line => "line",
        Kind::Step => "step",
        Kind::Band => "band",
        Kind::Bars => "bars",
        Kind::Histogram => "histogram",
        Kind::Heat => "heat_map",
        Kind::Front => "front",
    }
}

/// A value as its axis shows it: a name on an axis of names.
fn place(scale: &Scale, value: f64) -> String {
    match scale {
        Scale::Names(names) if value >= 0.0 && value.fract() == 0.0 => {
            names.get(value as usize).map_or_else(|| number(Some(value)), |name| quoted(name))
        }
        _ => number(Some(value)),
    }
}

/// A number with all its digits; nothing for one that is missing.
fn number(value: Option<f64>) -> String {
    value.filter(|value| !value.is_nan()).map(|value| value.to_string()).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}

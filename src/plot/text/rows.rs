//! Bars and histograms lie down in text: a line for each bar, the longest over the whole width.

use super::TextStyle;
use super::signs::{Signs, fit, paint};
use crate::plot::axis::number;
use crate::plot::{Figure, Kind, Point, Scale, ramp};

/// Most room that a name takes.
const NAME: usize = 24;

struct Row<'a> {
    at: f64,
    group: String,
    name: &'a str,
    place: usize,
    value: f64,
    range: Option<(f64, f64)>,
}

fn rows(figure: &Figure, panel: usize) -> Vec<Row<'_>> {
    let group = |kind: Kind, point: &Point| match (&figure.x.scale, kind, point.value) {
        (Scale::Names(names), ..) if point.x >= 0.0 => names.get(point.x as usize).cloned().unwrap_or_default(),
        (_, Kind::Histogram, Some(width)) => {
            let (low, high) = (point.x - width / 2.0, point.x + width / 2.0);
            // Four digits of the larger edge, but no more than the width has.
            let step = 10_f64.powi((high.abs().max(low.abs()).log10().floor() as i32 - 3).max(width.log10().floor() as i32 - 1));
            let edge = |value: f64| number((value / step).round() * step, step);
            format!("{} – {}", edge(low), edge(high))
        }
        _ => number(point.x, 1.0),
    };
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (index, series) in figure.series.iter().enumerate().filter(|(_, series)| series.within(panel)) {
        rows.extend(series.points.iter().map(|point| Row {
            at: point.x,
            group: fit(&group(series.kind, point), NAME),
            name: &series.name,
            place: ramp::place(figure, index),
            value: point.y,
            range: point.range,
        }));
    }
    rows.sort_by(|a, b| a.at.total_cmp(&b.at));
    rows
}

/// The bars of a panel; their lengths compare with those of all panels.
pub(super) fn draw(figure: &Figure, panel: usize, style: &TextStyle, lines: &mut Vec<String>) {
    let signs = Signs::of(style);
    let rows = rows(figure, panel);
    let counts = figure.series.iter().all(|series| series.kind == Kind::Histogram);
    let longest = figure.series.iter().flat_map(|series| &series.points).map(|point| point.y.abs()).fold(0.0, f64::max);
    let digits = if counts { 0 } else { (2.0 - longest.max(1e-12).log10().floor()).clamp(0.0, 6.0) as i32 };
    let step = 10_f64.powi(-digits);
    let groups = rows.iter().map(|row| row.group.chars().count()).max().unwrap_or(0);
    let alone = rows.iter().all(|row| row.name == rows[0].name);
    let name = |row: &Row<'_>| if alone { String::new() } else { fit(row.name, NAME) };
    let names = rows.iter().map(|row| name(row).chars().count()).max().unwrap_or(0);
    let values: Vec<String> = rows
        .iter()
        .map(|row| {
            let range = row.range.map(|(low, high)| format!(" ({} – {})", number(low, step), number(high, step)));
            format!("{}{}", number(row.value, step), range.unwrap_or_default())
        })
        .collect();
    let beside = values.iter().map(|value| value.chars().count()).max().unwrap_or(0);
    let room = style.width.saturating_sub(groups + names + beside + 3).max(8);
    let mut last = None;
    for (row, value) in rows.iter().zip(values) {
        let parts = signs.bar.len();
        let length = if longest > 0.0 { (row.value.abs() / longest * (parts * room) as f64).round() as usize } else { 0 };
        let mut bar: String = std::iter::repeat_n(signs.bar[parts - 1], length / parts).collect();
        bar.extend((length % parts).checked_sub(1).map(|part| signs.bar[part]));
        let head = if last == Some(row.at) { "" } else { &row.group };
        let own = name(row);
        let gap = if names > 0 { " " } else { "" };
        lines.push(format!("{head:groups$} {own:names$}{gap}{} {value}", paint(&bar, Some(row.place), style)));
        last = Some(row.at);
    }
}

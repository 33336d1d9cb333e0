//! Small drawings of what is chosen from a row of values, and of ranges.

use super::canvas::{Mark, Paint, Side};
use super::drawing::Drawing;
use super::layout::{EDGE, INK, PALE_INK, RIM, word};
use super::ramp::colour;
use super::words;

const EM: f64 = 11.0;
const TITLE: f64 = 14.0;
/// Height of a row, and of a cell in it.
const ROW: f64 = 26.0;
const CELL: f64 = 17.0;
const GAP: f64 = 3.0;
const BETWEEN: f64 = 16.0;
const WIDER: f64 = 1.06;

/// One stage of a space: words at both sides of its row of widths.
#[derive(Debug, Clone, PartialEq)]
pub struct StageRow {
    /// Name of the stage.
    pub name: String,
    /// What it consists of: operators.
    pub what: String,
    /// All widths, ascending.
    pub widths: Vec<usize>,
    /// How many of them, from which place, are chosen.
    pub chosen: std::ops::Range<usize>,
    /// Depths, stride.
    pub note: String,
}

/// The widths of a row, those chosen filled: from `at`, whose second number is the middle of the row. Gives where they end.
fn cells(widths: &[usize], chosen: &std::ops::Range<usize>, (mut x, middle): (f64, f64), marks: &mut Vec<Mark>) -> f64 {
    for (place, width) in widths.iter().enumerate() {
        let text = width.to_string();
        let wide = (WIDER * words::width(&text, EM, false) + 8.0).max(CELL);
        let (top, bottom) = (middle - CELL / 2.0, middle + CELL / 2.0);
        let within = chosen.contains(&place);
        let edge: Paint = if within { (colour(0), 1.0) } else { EDGE };
        if within {
            marks.push(Mark::Box { from: (x, top), to: (x + wide, bottom), paint: (colour(0), 0.22) });
        }
        let corners = vec![(x, top), (x + wide, top), (x + wide, bottom), (x, bottom), (x, top)];
        marks.push(Mark::Line { path: corners, width: 1.0, paint: edge });
        let ink = if within { INK } else { PALE_INK };
        marks.push(word((x + wide / 2.0, middle + EM * 0.36), &text, EM, false, Side::Middle, ink));
        x += wide + GAP;
    }
    x - GAP
}

/// Widths in a row, those of the window `chosen` filled.
pub fn widths(widths: &[usize], chosen: std::ops::Range<usize>) -> Drawing {
    let mut marks = Vec::new();
    let end = cells(widths, &chosen, (1.0, CELL / 2.0 + 1.0), &mut marks);
    let text = |values: &[usize]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let title = format!("{} of {}", text(widths.get(chosen).unwrap_or_default()), text(widths));
    Drawing::new(title, (end + 1.0, CELL + 2.0), marks)
}

/// A search space or hyperspace, a row for each stage, from input to result.
pub fn stages(title: &str, subtitle: &str, rows: &[StageRow]) -> Drawing {
    let widest = |pick: fn(&StageRow) -> &String, bold: bool| {
        WIDER * rows.iter().map(|row| words::width(pick(row), EM, bold)).fold(0.0, f64::max)
    };
    let what = RIM + widest(|row| &row.name, true) + BETWEEN;
    let strip = what + widest(|row| &row.what, false) + BETWEEN;
    let mut marks = vec![
        word((RIM, RIM + TITLE), title, TITLE, true, Side::Left, INK),
        word((RIM, RIM + TITLE + 16.0), subtitle, EM, false, Side::Left, PALE_INK),
    ];
    let top = RIM + TITLE + 28.0;
    let middle = |at: usize| top + (at as f64 + 0.5) * ROW;
    let ends: Vec<f64> =
        rows.iter().enumerate().map(|(at, row)| cells(&row.widths, &row.chosen, (strip, middle(at)), &mut marks)).collect();
    let note = ends.iter().copied().fold(strip, f64::max) + BETWEEN;
    for (at, row) in rows.iter().enumerate() {
        let base = middle(at) + EM * 0.36;
        marks.push(word((RIM, base), &row.name, EM, true, Side::Left, INK));
        marks.push(word((what, base), &row.what, EM, false, Side::Left, INK));
        marks.push(word((note, base), &row.note, EM, false, Side::Left, PALE_INK));
    }
    let titles = [(title, TITLE, true), (subtitle, EM, false)];
    let titles = titles.iter().map(|(text, em, bold)| RIM + WIDER * words::width(text, *em, *bold)).fold(0.0, f64::max);
    let width = (note + widest(|row| &row.note, false)).max(titles) + RIM;
    Drawing::new(title, (width, top + rows.len() as f64 * ROW + RIM), marks)
}

/// A range with its middle value, on a scale from `least` to `most` that it shares with others.
pub fn interval((low, middle, high): (f64, f64, f64), (least, most): (f64, f64)) -> Drawing {
    const SIZE: (f64, f64) = (110.0, 14.0);
    let span = most - least;
    let place = |value: f64| {
        let share = if span > 0.0 { ((value - least) / span).clamp(0.0, 1.0) } else { 0.5 };
        5.0 + share * (SIZE.0 - 10.0)
    };
    let half = SIZE.1 / 2.0;
    let mut marks = vec![Mark::Line { path: vec![(1.0, half), (SIZE.0 - 1.0, half)], width: 1.0, paint: (EDGE.0, 0.5) }];
    if [low, middle, high].iter().all(|value| value.is_finite()) {
        let (left, right) = (place(low), place(high).max(place(low) + 1.0));
        marks.push(Mark::Box { from: (left, half - 3.0), to: (right, half + 3.0), paint: (colour(0), 0.45) });
        marks.push(Mark::Disc { at: (place(middle), half), radius: 2.6, paint: (colour(0), 1.0) });
    }
    Drawing::new(format!("{middle} from {low} to {high}"), SIZE, marks)
}

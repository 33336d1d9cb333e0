//! Where everything of a figure goes: title, legend, axes, data.

use plotters::style::RGBColor;

use super::axis::{Ruler, Tick, rulers};
use super::canvas::{Mark, Paint, Scene, Side, Spot};
use super::{Figure, PlotFault, Scale, series, words};
use crate::base::Result;

/// Sides of a figure that can be drawn, in points.
const SIDES: std::ops::RangeInclusive<u32> = 160..=4000;

const INK: Paint = (RGBColor(0x22, 0x26, 0x2b), 1.0);
const PALE_INK: Paint = (RGBColor(0x5a, 0x61, 0x69), 1.0);
const GRID: Paint = (RGBColor(0xe4, 0xe7, 0xea), 1.0);
const EDGE: Paint = (RGBColor(0x9a, 0xa1, 0xa8), 1.0);

const TITLE: f64 = 15.0;
const LABEL: f64 = 12.0;
const TICK: f64 = 11.0;
/// Free room around the figure.
const RIM: f64 = 14.0;

/// The rectangle of the data, in points, with the rulers along it.
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    pub(super) x: Ruler,
    pub(super) y: Ruler,
}

impl Frame {
    /// The spot of a pair of values.
    pub(super) fn spot(&self, x: f64, y: f64) -> Spot {
        (self.left + self.x.place(x) * (self.right - self.left), self.bottom - self.y.place(y) * (self.bottom - self.top))
    }
}

/// All marks of `figure`.
pub(super) fn scene(figure: &Figure) -> Result<Scene> {
    let (width, height) = figure.size;
    if !SIDES.contains(&width) || !SIDES.contains(&height) {
        return Err(PlotFault::Size { width, height }.into());
    }
    let mut marks = Vec::new();
    let mut top = RIM;
    if !figure.title.is_empty() {
        top += TITLE;
        marks.push(word((RIM, top), &figure.title, TITLE, true, Side::Left, INK));
        top += 8.0;
    }
    let (width, height) = (f64::from(width), f64::from(height));
    top = legend(figure, top, width - 2.0 * RIM, &mut marks);

    let Some((x, y)) = rulers(figure)? else {
        marks.push(word((width / 2.0, (top + height) / 2.0), "no data", LABEL, false, Side::Middle, PALE_INK));
        return Ok(Scene { size: figure.size, marks });
    };
    let bottom = height - RIM - LABEL - 10.0 - TICK - 6.0;
    let y_ticks = y.ticks((((bottom - top) / 45.0) as usize).max(2));
    let widest = y_ticks.iter().map(|tick| words::width(&tick.text, TICK, false)).fold(0.0, f64::max);
    let left = RIM + if figure.y.label.is_empty() { 0.0 } else { LABEL + 8.0 } + widest + 7.0;
    let frame = Frame { left, top: top + 8.0, right: width - RIM - 4.0, bottom, x, y };
    axes(figure, &frame, &y_ticks, &mut marks);
    series::draw(figure, &frame, &mut marks);
    Ok(Scene { size: figure.size, marks })
}

/// Names of the series in rows under the title; gives where the chart may begin.
fn legend(figure: &Figure, top: f64, room: f64, marks: &mut Vec<Mark>) -> f64 {
    const KEY: f64 = 20.0;
    // A viewer of an SVG may have a wider font than the embedded one.
    const SLACK: f64 = 1.16;
    let named: Vec<_> = figure.series.iter().enumerate().filter(|(_, series)| !series.name.is_empty()).collect();
    if named.is_empty() {
        return top;
    }
    let (mut x, mut base) = (0.0, top + TICK);
    for (index, series) in named {
        let wide = KEY + 6.0 + SLACK * words::width(&series.name, TICK, false);
        if x > 0.0 && x + wide > room {
            (x, base) = (0.0, base + TICK + 7.0);
        }
        series::key(figure, index, (RIM + x, base - 0.36 * TICK), KEY, marks);
        marks.push(word((RIM + x + KEY + 6.0, base), &series.name, TICK, false, Side::Left, INK));
        x += wide + 12.0;
    }
    base + 6.0
}

fn axes(figure: &Figure, frame: &Frame, y_ticks: &[Tick], marks: &mut Vec<Mark>) {
    let line = |from: Spot, to: Spot, paint: Paint| Mark::Line { path: vec![from, to], width: 1.0, paint };
    for tick in y_ticks {
        let y = frame.bottom - frame.y.place(tick.at) * (frame.bottom - frame.top);
        marks.push(line((frame.left, y), (frame.right, y), GRID));
        marks.push(word((frame.left - 7.0, y + 0.36 * TICK), &tick.text, TICK, false, Side::Right, PALE_INK));
    }
    let names = matches!(figure.x.scale, Scale::Names(_));
    let ticks = frame.x.ticks((((frame.right - frame.left) / 85.0) as usize).max(2));
    let pitch = (frame.right - frame.left) / ticks.len().max(1) as f64;
    for tick in &ticks {
        let x = frame.left + frame.x.place(tick.at) * (frame.right - frame.left);
        if !names {
            marks.push(line((x, frame.top), (x, frame.bottom), GRID));
        }
        let text = if names { shortened(&tick.text, pitch - 6.0) } else { tick.text.clone() };
        marks.push(word((x, frame.bottom + 5.0 + TICK), &text, TICK, false, Side::Middle, PALE_INK));
    }
    marks.push(line((frame.left, frame.bottom), (frame.right, frame.bottom), EDGE));
    if !figure.x.label.is_empty() {
        let at = ((frame.left + frame.right) / 2.0, frame.bottom + TICK + 12.0 + LABEL);
        marks.push(word(at, &figure.x.label, LABEL, false, Side::Middle, INK));
    }
    if !figure.y.label.is_empty() {
        let at = (RIM + LABEL - 2.0, (frame.top + frame.bottom) / 2.0);
        let text = figure.y.label.clone();
        marks.push(Mark::Word { at, text, em: LABEL, bold: false, side: Side::Middle, up: true, paint: INK });
    }
}

/// A text that reads from left to right; `at` is on its base line.
pub(super) fn word(at: Spot, text: &str, em: f64, bold: bool, side: Side, paint: Paint) -> Mark {
    Mark::Word { at, text: text.into(), em, bold, side, up: false, paint }
}

/// `text`, cut with an ellipsis where it is wider than `room`.
fn shortened(text: &str, room: f64) -> String {
    if words::width(text, TICK, false) <= room {
        return text.into();
    }
    let mut kept: String = text.into();
    while kept.pop().is_some() && words::width(&format!("{kept}…"), TICK, false) > room {}
    format!("{kept}…")
}

//! The legend: names of series over the chart, where they hide no data, and the bar of colours beside it.

use super::axis::{Ruler, Tick};
use super::canvas::{Mark, Side};
use super::layout::{INK, LABEL, PALE_INK, RIM, TICK, word};
use super::ramp::{self, Ramp};
use super::{Figure, series, words};

/// Width of the bar, and the room between it and the chart.
const BAR: f64 = 12.0;
const GAP: f64 = 14.0;

/// The series of each entry: those of one name and colour share it. A lone entry that only repeats the axis is none.
pub(super) fn entries(figure: &Figure) -> Vec<Vec<usize>> {
    let mut entries: Vec<Vec<usize>> = Vec::new();
    for (index, own) in figure.series.iter().enumerate().filter(|(_, own)| !own.name.is_empty()) {
        let same =
            |other: &usize| figure.series[*other].name == own.name && ramp::place(figure, *other) == ramp::place(figure, index);
        match entries.iter_mut().find(|entry| entry.first().is_some_and(same)) {
            Some(entry) => {
                // In panels a series comes once for each.
                if entry.iter().all(|other| figure.series[*other].kind != own.kind) {
                    entry.push(index);
                }
            }
            None => entries.push(vec![index]),
        }
    }
    let lone = entries.first().filter(|_| entries.len() == 1).map(|entry| &figure.series[entry[0]].name);
    let said = |axis: &super::Axis| axis.label.is_empty() && axis.columns.first() == lone;
    if lone.is_some() && (said(&figure.x) || said(&figure.y)) { Vec::new() } else { entries }
}

/// Names of the series in rows under the title; gives where the chart may begin.
pub(super) fn draw(figure: &Figure, top: f64, room: f64, marks: &mut Vec<Mark>) -> f64 {
    const KEY: f64 = 20.0;
    // A viewer of an SVG may have a wider font than the embedded one.
    const SLACK: f64 = 1.16;
    let entries = entries(figure);
    if entries.is_empty() {
        return top;
    }
    let (mut x, mut base) = (0.0, top + TICK);
    for entry in entries {
        let name = &figure.series[entry[0]].name;
        let wide = KEY + 6.0 + SLACK * words::width(name, TICK, false);
        if x > 0.0 && x + wide > room {
            (x, base) = (0.0, base + TICK + 7.0);
        }
        for index in entry {
            series::key(figure, index, (RIM + x, base - 0.36 * TICK), KEY, marks);
        }
        marks.push(word((RIM + x + KEY + 6.0, base), name, TICK, false, Side::Left, INK));
        x += wide + 12.0;
    }
    base + 6.0
}

/// The bar that says what the colours of values mean.
pub(super) struct Shades {
    ramp: Ramp,
    ruler: Ruler,
    ticks: Vec<Tick>,
    label: String,
}

impl Shades {
    /// The bar of a figure whose colours mean values.
    pub(super) fn of(figure: &Figure) -> Option<Self> {
        let ramp = Ramp::of(figure)?;
        let ruler = Ruler::even(ramp.low, ramp.high);
        let ticks = ruler.ticks(5);
        Some(Self { ramp, ruler, ticks, label: figure.shade.shown() })
    }

    /// The width that it needs at the right of the chart.
    pub(super) fn width(&self) -> f64 {
        let widest = self.ticks.iter().map(|tick| words::width(&tick.text, TICK, false)).fold(0.0, f64::max);
        GAP + BAR + 6.0 + widest + if self.label.is_empty() { 0.0 } else { LABEL + 9.0 }
    }

    /// Draws it at the right of a chart that ends at `right`, from `top` to `bottom`.
    pub(super) fn draw(&self, right: f64, top: f64, bottom: f64, marks: &mut Vec<Mark>) {
        const STEPS: usize = 64;
        let left = right + GAP;
        for step in 0..STEPS {
            let share = (step as f64 + 0.5) / STEPS as f64;
            let value = self.ramp.high - share * (self.ramp.high - self.ramp.low);
            let from = top + (bottom - top) * step as f64 / STEPS as f64;
            // Each reaches to the foot, so that no seam shows between them.
            marks.push(Mark::Box { from: (left, from), to: (left + BAR, bottom), paint: (self.ramp.paint(value), 1.0) });
        }
        for tick in &self.ticks {
            let y = bottom - self.ruler.place(tick.at) * (bottom - top);
            marks.push(word((left + BAR + 5.0, y + 0.36 * TICK), &tick.text, TICK, false, Side::Left, PALE_INK));
        }
        if !self.label.is_empty() {
            let at = (right + self.width() - 2.0, f64::midpoint(top, bottom));
            let text = self.label.clone();
            marks.push(Mark::Word { at, text, em: LABEL, bold: false, side: Side::Middle, up: true, paint: INK });
        }
    }
}

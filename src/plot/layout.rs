//! Where everything of a figure goes: title, legend, axes, data.

use plotters::style::RGBColor;

use super::axis::{Ruler, Tick, rulers};
use super::canvas::{Mark, Paint, Scene, Side, Spot};
use super::legend::{self, Shades};
use super::panels::grid;
use super::placed::placed;
use super::{Figure, Kind, PlotFault, series, words};
use crate::base::Result;

/// Sides of a figure that can be drawn, in points.
const SIDES: std::ops::RangeInclusive<u32> = 160..=4000;

pub(super) const INK: Paint = (RGBColor(0x22, 0x26, 0x2b), 1.0);
pub(super) const PALE_INK: Paint = (RGBColor(0x5a, 0x61, 0x69), 1.0);
pub(super) const GRID: Paint = (RGBColor(0xe4, 0xe7, 0xea), 1.0);
pub(super) const EDGE: Paint = (RGBColor(0x9a, 0xa1, 0xa8), 1.0);

const TITLE: f64 = 15.0;
pub(super) const LABEL: f64 = 12.0;
pub(super) const TICK: f64 = 11.0;
/// Room between panels, and for the heading of each.
const BETWEEN: f64 = 18.0;
const HEADING: f64 = 18.0;
/// Most room that names of values may take beside or below the chart.
const NAMES: f64 = 130.0;
/// Free room around the figure.
pub(super) const RIM: f64 = 14.0;

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

/// The plan of a figure: its rulers, and the rectangle that all panels share.
struct Plan {
    x: Ruler,
    y: Ruler,
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    columns: usize,
    rows: usize,
    heading: f64,
    /// Names along x stand upright, for lack of room.
    upright: bool,
    grid: bool,
}

/// Refuses sizes that cannot be drawn.
pub(super) fn check_size((width, height): (u32, u32)) -> Result<()> {
    if !SIDES.contains(&width) || !SIDES.contains(&height) {
        return Err(PlotFault::Size { width, height }.into());
    }
    Ok(())
}

/// All marks of `figure`.
pub(super) fn scene(figure: &Figure) -> Result<Scene> {
    check_size(figure.size)?;
    let (figure, notes) = placed(figure);
    let figure = &*figure;
    let mut marks = Vec::new();
    let mut top = RIM;
    let (wide, high) = (f64::from(figure.size.0), f64::from(figure.size.1));
    if !figure.title.is_empty() {
        top += TITLE;
        marks.push(word((RIM, top), &figure.title, TITLE, true, Side::Left, INK));
        top += 8.0;
    }
    top = legend::draw(figure, top, wide - 2.0 * RIM, &mut marks);
    let mut floor = high - RIM;
    if !notes.is_empty() {
        let text = shortened(&notes.join("; "), wide - 2.0 * RIM);
        marks.push(word((RIM, floor), &text, TICK, false, Side::Left, PALE_INK));
        floor -= TICK + 5.0;
    }
    let Some((x, y)) = rulers(figure)? else {
        marks.push(word((wide / 2.0, (top + high) / 2.0), "no data", LABEL, false, Side::Middle, PALE_INK));
        return Ok(Scene { size: figure.size, marks });
    };
    let shades = Shades::of(figure);
    let right = wide - RIM - 4.0 - shades.as_ref().map_or(0.0, Shades::width);
    let plan = Plan::of(figure, x, y, (top, right, floor));
    let panels = figure.facets.names.len().max(1);
    for panel in 0..panels {
        let frame = plan.frame(panel);
        plan.axes(&frame, panel % plan.columns == 0, panel + plan.columns >= panels, &mut marks);
        if let Some(name) = figure.facets.names.get(panel) {
            let text = shortened(name, frame.right - frame.left);
            marks.push(word((frame.left, frame.top - 6.0), &text, TICK, true, Side::Left, INK));
        }
        series::draw(figure, panel, &frame, &mut marks);
        // Over the foot of bars.
        marks.push(line((frame.left, frame.bottom), (frame.right, frame.bottom), EDGE));
    }
    plan.labels(figure, floor, &mut marks);
    if let Some(shades) = shades {
        shades.draw(plan.right, plan.top + plan.heading, plan.bottom, &mut marks);
    }
    Ok(Scene { size: figure.size, marks })
}

fn line(from: Spot, to: Spot, paint: Paint) -> Mark {
    Mark::Line { path: vec![from, to], width: 1.0, paint }
}

fn widest(ticks: &[Tick]) -> f64 {
    ticks.iter().map(|tick| words::width(&tick.text, TICK, false)).fold(0.0, f64::max)
}

impl Plan {
    /// Room for labels and numbers first, the rest is the chart's: from `top` to `floor`, up to `right`.
    fn of(figure: &Figure, x: Ruler, y: Ruler, (top, right, floor): (f64, f64, f64)) -> Self {
        let (columns, rows) = grid(figure.facets.names.len());
        let heading = if figure.facets.names.is_empty() { 0.0 } else { HEADING };
        let top = top + 8.0;
        let label_room = if figure.x.shown().is_empty() { 0.0 } else { LABEL + 10.0 };
        let flat = floor - label_room - TICK - 6.0;
        let heat = figure.series.iter().any(|series| series.kind == Kind::Heat);
        let mut plan = Self { x, y, left: 0.0, top, right, bottom: flat, columns, rows, heading, upright: false, grid: !heat };
        let numbers = widest(&plan.y_ticks()).min(NAMES);
        plan.left = RIM + if figure.y.shown().is_empty() { 0.0 } else { LABEL + 8.0 } + numbers + 7.0;
        if let Some(names) = plan.x.names() {
            let pitch = (plan.panel().0 / names.len().max(1) as f64).max(1.0);
            let names = names.iter().map(|name| words::width(name, TICK, false)).fold(0.0, f64::max);
            if names > pitch - 6.0 && pitch < 70.0 {
                plan.upright = true;
                plan.bottom = flat + TICK - names.min(NAMES) - 4.0;
            }
        }
        plan
    }

    /// Width and height of a panel.
    fn panel(&self) -> (f64, f64) {
        let (columns, rows) = (self.columns as f64, self.rows as f64);
        let wide = (self.right - self.left - BETWEEN * (columns - 1.0)) / columns;
        let high = (self.bottom - self.top - self.heading * rows - BETWEEN * (rows - 1.0)) / rows;
        (wide.max(10.0), high.max(10.0))
    }

    fn frame(&self, panel: usize) -> Frame {
        let (wide, high) = self.panel();
        let left = self.left + (panel % self.columns) as f64 * (wide + BETWEEN);
        let top = self.top + self.heading + (panel / self.columns) as f64 * (high + self.heading + BETWEEN);
        Frame { left, top, right: left + wide, bottom: top + high, x: self.x.clone(), y: self.y.clone() }
    }

    fn y_ticks(&self) -> Vec<Tick> {
        self.y.ticks(((self.panel().1 / 45.0) as usize).max(2))
    }

    /// Lines of the grid, and the numbers or names at the sides that have them.
    fn axes(&self, frame: &Frame, at_left: bool, at_foot: bool, marks: &mut Vec<Mark>) {
        let (wide, high) = (frame.right - frame.left, frame.bottom - frame.top);
        let y_ticks = self.y_ticks();
        let y_step = self.y.names().map_or(1, |names| ((TICK + 1.0) * names.len() as f64 / high).ceil().max(1.0) as usize);
        for tick in y_ticks.iter().step_by(y_step) {
            let y = frame.bottom - frame.y.place(tick.at) * high;
            if self.grid {
                marks.push(line((frame.left, y), (frame.right, y), GRID));
            }
            if at_left {
                let text = shortened(&tick.text, NAMES);
                marks.push(word((frame.left - 7.0, y + 0.36 * TICK), &text, TICK, false, Side::Right, PALE_INK));
            }
        }
        let ticks = frame.x.ticks(((wide / 85.0) as usize).max(2));
        let names = frame.x.names().is_some();
        let pitch = wide / ticks.len().max(1) as f64;
        let x_step = if self.upright { ((TICK + 1.0) / pitch).ceil().max(1.0) as usize } else { 1 };
        let mut free = if at_left { f64::NEG_INFINITY } else { frame.left - BETWEEN / 2.0 };
        for tick in ticks.iter().step_by(x_step) {
            let x = frame.left + frame.x.place(tick.at) * wide;
            if self.grid && !names {
                marks.push(line((x, frame.top), (x, frame.bottom), GRID));
            }
            if !at_foot {
                continue;
            }
            if self.upright {
                let (at, text) = ((x + 0.36 * TICK, frame.bottom + 6.0), shortened(&tick.text, NAMES));
                marks.push(Mark::Word { at, text, em: TICK, bold: false, side: Side::Right, up: true, paint: PALE_INK });
                continue;
            }
            let text = if names { shortened(&tick.text, pitch - 6.0) } else { tick.text.clone() };
            let half = words::width(&text, TICK, false) / 2.0;
            // A number that would touch the one before, or those of the next panel, is left out.
            if x - half >= free && (self.columns == 1 || x + half <= frame.right + BETWEEN / 2.0) {
                marks.push(word((x, frame.bottom + 5.0 + TICK), &text, TICK, false, Side::Middle, PALE_INK));
                free = x + half + 4.0;
            }
        }
    }

    /// What the axes show, in the middle of each.
    fn labels(&self, figure: &Figure, floor: f64, marks: &mut Vec<Mark>) {
        let (x, y) = (figure.x.shown(), figure.y.shown());
        if !x.is_empty() {
            marks.push(word((f64::midpoint(self.left, self.right), floor), &x, LABEL, false, Side::Middle, INK));
        }
        if !y.is_empty() {
            let at = (RIM + LABEL - 2.0, f64::midpoint(self.top + self.heading, self.bottom));
            marks.push(Mark::Word { at, text: y, em: LABEL, bold: false, side: Side::Middle, up: true, paint: INK });
        }
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

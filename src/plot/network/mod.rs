//! A layer graph as a drawing: a box for each kernel of an integer runtime, and the edges between them.

mod boxes;
mod route;

use plotters::style::RGBColor;

use self::boxes::{Boxed, Hue, boxes};
use self::route::{Laid, lay};
use super::canvas::{Mark, Paint, Side};
use super::drawing::Drawing;
use super::layout::{INK, PALE_INK, RIM, word};
use super::ramp::{colour, darker};
use super::{PlotFault, words};
use crate::base::Result;
use crate::graph::Graph;

/// Most boxes that a drawing holds.
const MOST: usize = 200;
const EM: f64 = 12.0;
const SMALL: f64 = 10.5;
const LINE: f64 = 16.0;
/// Free room inside a box.
const PAD: (f64, f64) = (9.0, 6.0);
/// Least room between the texts at the left and at the right of a box.
const BETWEEN: f64 = 18.0;
/// Other fonts than the one that is measured here are a little wider.
const WIDER: f64 = 1.12;
const TITLE: f64 = 14.0;
/// What marks a border where numbers are rounded.
const ROUNDED: usize = 1;
const BAR: f64 = 4.0;

/// `graph` drawn from its input at the top to its result at the bottom, with names, layers, shapes and costs.
///
/// Layers that an integer runtime runs as one kernel share a box; a border where its result is rounded to 8 bits is thick
/// and coloured.
///
/// # Errors
/// `plot::too_large` for more boxes than a person can read.
pub fn network(graph: &Graph, title: &str) -> Result<Drawing> {
    let boxes = boxes(graph);
    if boxes.len() > MOST {
        return Err(PlotFault::TooLarge { boxes: boxes.len(), most: MOST }.into());
    }
    let sizes: Vec<(f64, f64)> = boxes.iter().map(size).collect();
    let edges: Vec<(usize, usize)> =
        boxes.iter().enumerate().flat_map(|(at, one)| one.inputs.iter().map(move |&from| (from, at))).collect();
    let laid = lay(&sizes, &edges);

    let cost = graph.cost();
    let totals = format!("{} MFLOPs, {} k parameters", number(cost.mflops()), number(cost.params as f64 / 1e3));
    let legend = "a box is one integer kernel; a thick border rounds to 8 bits";
    let least = [(title, TITLE, true), (&totals, SMALL, false), (legend, SMALL, false)]
        .iter()
        .map(|(text, em, bold)| WIDER * words::width(text, *em, *bold))
        .fold(0.0, f64::max);
    let width = laid.size.0.max(least) + 2.0 * RIM;
    let top = RIM + 2.0 * LINE + 14.0;
    let shift = ((width - laid.size.0) / 2.0, top);
    let height = top + laid.size.1 + LINE + RIM;

    let mut marks = vec![
        word((RIM, RIM + TITLE), title, TITLE, true, Side::Left, INK),
        word((RIM, RIM + TITLE + LINE), &totals, SMALL, false, Side::Left, PALE_INK),
        word((RIM, height - RIM + 2.0), legend, SMALL, false, Side::Left, PALE_INK),
    ];
    draw_edges(&laid, shift, &mut marks);
    for (one, frame) in boxes.iter().zip(&laid.boxes) {
        draw_box(one, frame.moved(shift), &mut marks);
    }
    Ok(Drawing::new(title, (width, height), marks))
}

/// The room that a box takes.
fn size(one: &Boxed) -> (f64, f64) {
    let widths = one.lines.iter().enumerate().map(|(at, (left, right))| {
        let (left, right) = (words::width(left, EM, at == 0), words::width(right, SMALL, false));
        left + right + if right > 0.0 { BETWEEN } else { 0.0 }
    });
    let widest = WIDER * widths.fold(0.0, f64::max);
    (widest.max(70.0) + 2.0 * PAD.0, one.lines.len() as f64 * LINE + 2.0 * PAD.1 - 2.0)
}

fn draw_box(one: &Boxed, frame: route::Frame, marks: &mut Vec<Mark>) {
    let hue = match one.hue {
        Hue::Conv => colour(0),
        Hue::Depthwise => colour(2),
        Hue::Dense => colour(3),
        Hue::Pool => colour(5),
        Hue::Other => PALE_INK.0,
    };
    let (left, right) = (frame.x - frame.width / 2.0, frame.x + frame.width / 2.0);
    let (top, bottom) = (frame.y - frame.height / 2.0, frame.y + frame.height / 2.0);
    let corners = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
    let fill: Paint = (hue, 0.13);
    marks.push(Mark::Box { from: (left, top), to: (right, bottom), paint: fill });
    marks.push(Mark::Line { path: corners, width: 1.2, paint: (hue, 1.0) });
    if one.rounded {
        let paint: Paint = (colour(ROUNDED), 1.0);
        marks.push(Mark::Box { from: (left - 0.6, bottom - BAR / 2.0), to: (right + 0.6, bottom + BAR / 2.0), paint });
    }
    for (at, (name, value)) in one.lines.iter().enumerate() {
        let base = top + PAD.1 + at as f64 * LINE + EM - 1.0;
        marks.push(word((left + PAD.0, base), name, EM, at == 0, Side::Left, INK));
        if !value.is_empty() {
            marks.push(word((right - PAD.0, base), value, SMALL, false, Side::Right, if at == 0 { INK } else { PALE_INK }));
        }
    }
}

fn draw_edges(laid: &Laid, (dx, dy): (f64, f64), marks: &mut Vec<Mark>) {
    let paint: Paint = (edge_colour(), 1.0);
    for path in &laid.paths {
        let path: Vec<(f64, f64)> = path.iter().map(|(x, y)| (x + dx, y + dy)).collect();
        if let Some(&(x, y)) = path.last() {
            marks.push(Mark::Area { corners: vec![(x - 3.6, y - 7.0), (x + 3.6, y - 7.0), (x, y)], paint });
        }
        marks.push(Mark::Line { path, width: 1.3, paint });
    }
}

fn edge_colour() -> RGBColor {
    // A grey that the inks of light and dark pages both stand off from.
    darker(RGBColor(0xb0, 0xb6, 0xbc))
}

/// Three figures of a cost.
fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    format!("{value:.decimals$}")
}

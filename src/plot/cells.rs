//! Boxes: the cells of heat maps, bars, histograms.

use plotters::style::RGBColor;

use super::axis::number;
use super::canvas::{Mark, Paint, Side, Spot};
use super::layout::{Frame, word};
use super::ramp::{self, Ramp, dark, darker};
use super::series::whisker;
use super::{Figure, Kind, Scale, Series, words};

const LABEL: f64 = 10.0;
/// A cell smaller than this has no gap to its neighbours.
const GAPLESS: f64 = 12.0;

/// The numbers of cells with three digits of the range, or fewer where these do not fit in `room`.
fn numbers(ramp: Ramp, values: &[f64], room: f64) -> Option<Vec<String>> {
    let power = (ramp.high - ramp.low).log10().floor() as i32;
    [2, 1, 0].into_iter().find_map(|digits| {
        let step = 10_f64.powi(power - digits);
        let texts: Vec<String> = values.iter().map(|value| number(*value, step)).collect();
        texts.iter().all(|text| words::width(text, LABEL, false) <= room).then_some(texts)
    })
}

/// The cells of a heat map, with their values where all of them fit.
pub(super) fn heat(series: &Series, frame: &Frame, ramp: Ramp, marks: &mut Vec<Mark>) {
    let (from, to) = (frame.spot(0.0, 0.0), frame.spot(1.0, 1.0));
    let (wide, high) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
    let gap = |side: f64| if side < GAPLESS { -0.25 } else { 0.75 };
    let values: Vec<f64> = series.points.iter().filter_map(|point| point.value).collect();
    let texts = if high < LABEL + 3.0 { None } else { numbers(ramp, &values, wide - 5.0) };
    for (at, point) in series.points.iter().enumerate() {
        let Some(value) = point.value else { continue };
        let (x, y) = frame.spot(point.x, point.y);
        let (half_wide, half_high) = (wide / 2.0 - gap(wide), high / 2.0 - gap(high));
        let colour = ramp.paint(value);
        marks.push(Mark::Box { from: (x - half_wide, y - half_high), to: (x + half_wide, y + half_high), paint: (colour, 1.0) });
        if let Some(text) = texts.as_ref().and_then(|texts| texts.get(at)) {
            let ink = if dark(colour) { RGBColor(255, 255, 255) } else { RGBColor(0x22, 0x26, 0x2b) };
            marks.push(word((x, y + 0.36 * LABEL), text, LABEL, false, Side::Middle, (ink, 1.0)));
        }
    }
}

/// The boxes of a histogram; those of several series lie over each other, so they are pale with a firm edge.
pub(super) fn boxes(figure: &Figure, series: &Series, frame: &Frame, paint: Paint, marks: &mut Vec<Mark>) {
    let alone = turns(figure, Kind::Histogram).len() == 1;
    let mut edge: Vec<Spot> = Vec::new();
    for point in &series.points {
        let half = point.value.unwrap_or_default() / 2.0;
        let foot = foot(frame, point.x);
        let left = frame.spot(point.x - half, point.y);
        let right = frame.spot(point.x + half, point.y);
        let top = left.1.clamp(frame.top, frame.bottom);
        let gap = if alone && right.0 - left.0 > 4.0 { 0.5 } else { 0.0 };
        let paint = if alone { paint } else { (paint.0, 0.28) };
        if foot - top > 0.01 {
            marks.push(Mark::Box { from: (left.0 + gap, top), to: (right.0 - gap, foot), paint });
        }
        if edge.is_empty() {
            edge.push((left.0, foot));
        }
        edge.extend([(left.0, top), (right.0, top)]);
    }
    if let (false, Some(&last)) = (alone, edge.last()) {
        edge.push((last.0, frame.bottom));
        marks.push(Mark::Line { path: edge, width: 1.5, paint });
    }
}

/// Where bars stand: at zero, or at the edge of the chart next to it.
fn foot(frame: &Frame, x: f64) -> f64 {
    let zero = frame.spot(x, 0.0).1;
    if zero.is_finite() { zero.clamp(frame.top, frame.bottom) } else { frame.bottom }
}

/// The series of one kind that stand beside each other, by their names.
fn turns(figure: &Figure, kind: Kind) -> Vec<(&str, usize)> {
    let mut turns = Vec::new();
    for (index, series) in figure.series.iter().enumerate().filter(|(_, series)| series.kind == kind) {
        let turn = (series.name.as_str(), ramp::place(figure, index));
        if !turns.contains(&turn) {
            turns.push(turn);
        }
    }
    turns
}

/// How far the marks of a series stand beside their name, so that those of several series do not hide each other.
pub(super) fn shift(figure: &Figure, index: usize) -> f64 {
    let series = &figure.series[index];
    if series.kind != Kind::Points || !matches!(figure.x.scale, Scale::Names(_)) {
        return 0.0;
    }
    let (turn, all) = turn(figure, index);
    (turn - (all - 1.0) / 2.0) * 0.6 / all
}

/// Which of the series of its kind that stand beside each other this one is, and how many they are.
fn turn(figure: &Figure, index: usize) -> (f64, f64) {
    let all = turns(figure, figure.series[index].kind);
    let own = (figure.series[index].name.as_str(), ramp::place(figure, index));
    (all.iter().position(|turn| *turn == own).unwrap_or_default() as f64, all.len().max(1) as f64)
}

/// The bars of one series, each in its share of the place that a group has.
pub(super) fn bars(figure: &Figure, index: usize, frame: &Frame, paint: Paint, marks: &mut Vec<Mark>) {
    let (turn, all) = turn(figure, index);
    let share = 0.76 / all;
    for point in &figure.series[index].points {
        let from = point.x - 0.38 + share * turn;
        let (left, end) = frame.spot(from, point.y);
        let (right, _) = frame.spot(from + share, point.y);
        let zero = foot(frame, point.x);
        let gap = if right - left > 4.0 { 0.75 } else { 0.0 };
        let (left, right) = (left + gap, right - gap);
        marks.push(Mark::Box { from: (left, end.min(zero)), to: (right, end.max(zero)), paint });
        let mut above = end;
        if let Some((low, high)) = point.range {
            let x = f64::midpoint(left, right);
            let (low, high) = ((x, frame.spot(point.x, low).1), (x, frame.spot(point.x, high).1));
            whisker(low, high, (darker(paint.0), 1.0), marks);
            above = high.1;
        }
        if let Some(text) = &point.label {
            let at = (f64::midpoint(left, right), if point.y < 0.0 { end.max(zero) + LABEL + 1.0 } else { above - 4.0 });
            marks.push(word(at, text, LABEL, false, Side::Middle, (darker(paint.0), 1.0)));
        }
    }
}

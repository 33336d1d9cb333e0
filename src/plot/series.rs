//! How each kind of series looks, its key in the legend, and labels beside points.

use plotters::style::RGBColor;

use super::canvas::{Mark, Paint, Side, Spot};
use super::charts::pareto;
use super::layout::{Frame, word};
use super::ramp::{Ramp, colour, darker, place, shape};
use super::{Figure, Kind, Point, Series, cells, words};

const WHITE: Paint = (RGBColor(255, 255, 255), 1.0);
const LABEL: f64 = 10.0;
/// Radius of a mark among few; among many they are smaller.
const RADIUS: f64 = 4.5;
/// Radius of a mark on a line.
const ON_LINE: f64 = 3.5;
const PALE: f64 = 0.3;

/// Indices of points at which a line among several has a mark, so that colour is not all that tells them apart.
pub(super) fn marked(figure: &Figure, index: usize) -> Vec<usize> {
    const ALL: usize = 25;
    const SOME: usize = 8;
    let own = place(figure, index);
    let alone = (0..figure.series.len()).all(|other| figure.series[other].kind != Kind::Line || place(figure, other) == own);
    let length = figure.series[index].points.len();
    match length {
        _ if alone => Vec::new(),
        0..=ALL => (0..length).collect(),
        // Not at the same x as those of other lines.
        _ => (0..SOME).map(|turn| (length * (2 * turn + 1) / (2 * SOME) + own * length / (8 * SOME)).min(length - 1)).collect(),
    }
}

fn radius(figure: &Figure) -> f64 {
    let marks = |series: &Series| if matches!(series.kind, Kind::Points | Kind::Front) { series.points.len() } else { 0 };
    match figure.series.iter().map(marks).sum::<usize>() / figure.facets.names.len().max(1) {
        0..=250 => RADIUS,
        251..=1000 => 3.2,
        _ => 2.2,
    }
}

/// All series of a panel, then the labels, which avoid marks and each other.
pub(super) fn draw(figure: &Figure, panel: usize, frame: &Frame, marks: &mut Vec<Mark>) {
    let mut taken: Vec<(Spot, Spot)> = Vec::new();
    let (ramp, radius) = (Ramp::of(figure), radius(figure));
    let own = || figure.series.iter().enumerate().filter(|(_, series)| series.within(panel));
    for (index, series) in own() {
        let place = place(figure, index);
        let paint = (colour(place), 1.0);
        let shift = cells::shift(figure, index);
        let spots: Vec<Spot> = series.points.iter().map(|point| frame.spot(point.x + shift, point.y)).collect();
        let joined = match series.kind {
            Kind::Line => Some(spots.clone()),
            Kind::Step => Some(steps(&spots)),
            Kind::Front => Some(pareto(&series.points).into_iter().map(|i| spots[i]).collect()),
            _ => None,
        };
        if let Some(path) = &joined {
            marks.push(Mark::Line { path: path.clone(), width: 2.0, paint });
            taken.extend(path.windows(2).flat_map(|ends| along(ends[0], ends[1])));
        }
        match series.kind {
            Kind::Band => band(series, frame, paint, marks),
            // A line through one point has no length.
            Kind::Line if spots.len() == 1 => spots.iter().for_each(|&at| mark(place, at, ON_LINE, paint, marks)),
            Kind::Line => marked(figure, index).into_iter().for_each(|i| mark(place, spots[i], ON_LINE, paint, marks)),
            Kind::Step => {}
            Kind::Dots => marks.extend(spots.iter().map(|&at| Mark::Disc { at, radius: 2.0, paint: (paint.0, 0.35) })),
            Kind::Bars => cells::bars(figure, index, frame, paint, marks),
            Kind::Histogram => cells::boxes(figure, series, frame, paint, marks),
            Kind::Heat => ramp.into_iter().for_each(|ramp| cells::heat(series, frame, ramp, marks)),
            Kind::Points => {
                whiskers(series, shift, frame, paint, marks);
                for (point, &at) in series.points.iter().zip(&spots) {
                    let shade = point.value.zip(ramp).map(|(value, ramp)| (ramp.paint(value), 1.0));
                    mark(place, at, radius, shade.unwrap_or(paint), marks);
                }
            }
            Kind::Front => {
                let front = pareto(&series.points);
                whiskers(series, shift, frame, paint, marks);
                for (i, &at) in spots.iter().enumerate() {
                    let paint = if front.contains(&i) { paint } else { (paint.0, PALE) };
                    mark(place, at, radius, paint, marks);
                }
            }
        }
        if matches!(series.kind, Kind::Points | Kind::Front) {
            taken.extend(spots.iter().map(|&(x, y)| ((x - radius, y - radius), (x + radius, y + radius))));
        }
    }
    for (index, series) in own().filter(|(_, series)| !matches!(series.kind, Kind::Bars | Kind::Heat)) {
        for point in &series.points {
            if let Some(text) = &point.label {
                let paint = (darker(colour(place(figure, index))), 1.0);
                let at = frame.spot(point.x + cells::shift(figure, index), point.y);
                label(text, at, frame, paint, &mut taken, marks);
            }
        }
    }
}

/// The sample of a series in the legend: its middle line begins at `at`.
pub(super) fn key(figure: &Figure, index: usize, at: Spot, wide: f64, marks: &mut Vec<Mark>) {
    let series = &figure.series[index];
    let place = place(figure, index);
    let shaded = series.kind == Kind::Points && series.points.iter().any(|point| point.value.is_some());
    let paint = (if shaded { RGBColor(0x5a, 0x61, 0x69) } else { colour(place) }, 1.0);
    let middle = (at.0 + wide / 2.0, at.1);
    if matches!(series.kind, Kind::Line | Kind::Step | Kind::Front) {
        marks.push(Mark::Line { path: vec![at, (at.0 + wide, at.1)], width: 2.0, paint });
    }
    match series.kind {
        Kind::Points | Kind::Front => mark(place, middle, RADIUS, paint, marks),
        Kind::Line if !marked(figure, index).is_empty() => mark(place, middle, ON_LINE, paint, marks),
        Kind::Dots => marks.push(Mark::Disc { at: middle, radius: 2.5, paint: (paint.0, 0.5) }),
        Kind::Band | Kind::Bars | Kind::Histogram => {
            let paint = if series.kind == Kind::Band { (paint.0, 0.25) } else { paint };
            marks.push(Mark::Box { from: (at.0 + 5.0, at.1 - 5.0), to: (at.0 + wide, at.1 + 5.0), paint });
        }
        Kind::Line | Kind::Step | Kind::Heat => {}
    }
}

/// A mark in the shape of the palette's place, with a white rim that keeps neighbours apart.
fn mark(place: usize, at: Spot, radius: f64, paint: Paint, marks: &mut Vec<Mark>) {
    let filled = |radius: f64, paint: Paint| {
        let corners = |points: &[Spot]| Mark::Area {
            corners: points.iter().map(|(x, y)| (at.0 + x * radius, at.1 + y * radius)).collect(),
            paint,
        };
        match shape(place) {
            0 => Mark::Disc { at, radius, paint },
            1 => corners(&[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]),
            2 => corners(&[(0.0, -1.15), (1.08, 0.8), (-1.08, 0.8)]),
            3 => corners(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
            4 => corners(&[(0.0, 1.15), (1.08, -0.8), (-1.08, -0.8)]),
            5 => {
                let (arm, half) = (1.15, 0.42);
                let quarter = [(arm, -half), (arm, half), (half, half)];
                let turned = |times: usize, spot: Spot| (0..times).fold(spot, |(x, y), _| (-y, x));
                corners(&(0..4).flat_map(|times| quarter.map(|spot| turned(times, spot))).collect::<Vec<_>>())
            }
            _ => corners(&[(-0.55, -1.1), (0.55, -1.1), (1.15, 0.0), (0.55, 1.1), (-0.55, 1.1), (-1.15, 0.0)]),
        }
    };
    if paint.1 >= 1.0 {
        marks.push(filled(radius + if radius < 3.0 { 0.5 } else { 1.0 }, WHITE));
    }
    marks.push(filled(radius, paint));
}

/// Small boxes along a line, for labels to avoid.
fn along(from: Spot, to: Spot) -> Vec<(Spot, Spot)> {
    let steps = ((to.0 - from.0).hypot(to.1 - from.1) / 3.0).ceil().max(1.0) as usize;
    let at = |step: usize| {
        let t = step as f64 / steps as f64;
        (from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * t)
    };
    (0..=steps).map(at).map(|(x, y)| ((x - 1.0, y - 1.0), (x + 1.0, y + 1.0))).collect()
}

fn whiskers(series: &Series, shift: f64, frame: &Frame, paint: Paint, marks: &mut Vec<Mark>) {
    for point in &series.points {
        if let Some((low, high)) = point.range {
            whisker(frame.spot(point.x + shift, low), frame.spot(point.x + shift, high), paint, marks);
        }
    }
}

pub(super) fn whisker(low: Spot, high: Spot, paint: Paint, marks: &mut Vec<Mark>) {
    for path in
        [vec![low, high], vec![(low.0 - 3.0, low.1), (low.0 + 3.0, low.1)], vec![(high.0 - 3.0, high.1), (high.0 + 3.0, high.1)]]
    {
        marks.push(Mark::Line { path, width: 1.25, paint });
    }
}

fn band(series: &Series, frame: &Frame, paint: Paint, marks: &mut Vec<Mark>) {
    let edge = |upper: bool| {
        move |point: &Point| {
            let (low, high) = point.range.unwrap_or((point.y, point.y));
            frame.spot(point.x, if upper { high } else { low })
        }
    };
    let mut corners: Vec<Spot> = series.points.iter().map(edge(true)).collect();
    corners.extend(series.points.iter().rev().map(edge(false)));
    if series.points.len() > 1 {
        marks.push(Mark::Area { corners, paint: (paint.0, 0.18) });
    }
}

fn steps(spots: &[Spot]) -> Vec<Spot> {
    let mut path: Vec<Spot> = spots.first().copied().into_iter().collect();
    for pair in spots.windows(2) {
        path.extend([(pair[1].0, pair[0].1), pair[1]]);
    }
    path
}

/// A label at the first free side of its mark; left out where all are taken.
fn label(text: &str, at: Spot, frame: &Frame, paint: Paint, taken: &mut Vec<(Spot, Spot)>, marks: &mut Vec<Mark>) {
    let wide = words::width(text, LABEL, false);
    let (near, high) = (RADIUS + 3.0, 0.72 * LABEL);
    // The anchor is the end next to the mark, so that a viewer's wider font still clears it.
    let places = [
        (near, high / 2.0, Side::Left),
        (-near, high / 2.0, Side::Right),
        (0.0, -near, Side::Middle),
        (0.0, near + high, Side::Middle),
        (near, -near / 2.0, Side::Left),
        (near, near / 2.0 + high, Side::Left),
        (-near, -near / 2.0, Side::Right),
        (-near, near / 2.0 + high, Side::Right),
    ];
    for (right, down, side) in places {
        let (x, y) = (at.0 + right, at.1 + down);
        let left = match side {
            Side::Left => x,
            Side::Middle => x - wide / 2.0,
            Side::Right => x - wide,
        };
        let (from, to) = ((left, y - high), (left + wide, y));
        let inside = from.0 >= frame.left && to.0 <= frame.right + 8.0 && from.1 >= frame.top - 6.0 && to.1 <= frame.bottom;
        let free = |other: &(Spot, Spot)| to.0 < other.0.0 || from.0 > other.1.0 || to.1 < other.0.1 || from.1 > other.1.1;
        if inside && taken.iter().all(free) {
            taken.push((from, to));
            marks.push(word((x, y), text, LABEL, false, side, paint));
            return;
        }
    }
}

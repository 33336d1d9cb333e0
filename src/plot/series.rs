//! How each kind of series looks, its key in the legend, and labels beside points.

use plotters::style::RGBColor;

use super::canvas::{Mark, Paint, Side, Spot};
use super::charts::pareto;
use super::layout::{Frame, word};
use super::{Figure, Kind, Point, Series, words};

/// Colours that people with any colour vision tell apart (Okabe and Ito), the pale yellow left out.
const PALETTE: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x55, 0x5b, 0x62),
];
const WHITE: Paint = (RGBColor(255, 255, 255), 1.0);
const LABEL: f64 = 10.0;
/// Radius of a mark.
const RADIUS: f64 = 4.5;
const PALE: f64 = 0.3;

/// The place of a series in the palette.
pub(super) fn place(figure: &Figure, index: usize) -> usize {
    figure.series[index].colour.unwrap_or(index)
}

fn colour(figure: &Figure, index: usize) -> RGBColor {
    PALETTE[place(figure, index) % PALETTE.len()]
}

/// All series, then the labels, which avoid marks and each other.
pub(super) fn draw(figure: &Figure, frame: &Frame, marks: &mut Vec<Mark>) {
    let mut taken: Vec<(Spot, Spot)> = Vec::new();
    for (index, series) in figure.series.iter().enumerate() {
        let paint = (colour(figure, index), 1.0);
        let spots: Vec<Spot> = series.points.iter().map(|point| frame.spot(point.x, point.y)).collect();
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
            Kind::Line | Kind::Step => {}
            Kind::Dots => marks.extend(spots.iter().map(|&at| Mark::Disc { at, radius: 2.0, paint: (paint.0, 0.35) })),
            Kind::Bars => bars(figure, index, frame, paint, marks),
            Kind::Points => {
                whiskers(series, frame, paint, marks);
                spots.iter().for_each(|&at| mark(place(figure, index), at, paint, marks));
            }
            Kind::Front => {
                let front = pareto(&series.points);
                whiskers(series, frame, paint, marks);
                for (i, &at) in spots.iter().enumerate() {
                    let paint = if front.contains(&i) { paint } else { (paint.0, PALE) };
                    mark(place(figure, index), at, paint, marks);
                }
            }
        }
        if matches!(series.kind, Kind::Points | Kind::Front) {
            taken.extend(spots.iter().map(|&(x, y)| ((x - RADIUS, y - RADIUS), (x + RADIUS, y + RADIUS))));
        }
    }
    for (index, series) in figure.series.iter().enumerate().filter(|(_, series)| series.kind != Kind::Bars) {
        for point in &series.points {
            if let Some(text) = &point.label {
                label(text, frame.spot(point.x, point.y), frame, (darker(colour(figure, index)), 1.0), &mut taken, marks);
            }
        }
    }
}

/// The sample of a series in the legend: its middle line begins at `at`.
pub(super) fn key(figure: &Figure, index: usize, at: Spot, wide: f64, marks: &mut Vec<Mark>) {
    let series = &figure.series[index];
    let paint = (colour(figure, index), 1.0);
    let middle = (at.0 + wide / 2.0, at.1);
    if matches!(series.kind, Kind::Line | Kind::Step | Kind::Front) {
        marks.push(Mark::Line { path: vec![at, (at.0 + wide, at.1)], width: 2.0, paint });
    }
    match series.kind {
        Kind::Points | Kind::Front => mark(place(figure, index), middle, paint, marks),
        Kind::Dots => marks.push(Mark::Disc { at: middle, radius: 2.5, paint: (paint.0, 0.5) }),
        Kind::Band | Kind::Bars => {
            let paint = if series.kind == Kind::Band { (paint.0, 0.25) } else { paint };
            marks.push(Mark::Box { from: (at.0 + 5.0, at.1 - 5.0), to: (at.0 + wide, at.1 + 5.0), paint });
        }
        Kind::Line | Kind::Step => {}
    }
}

/// A mark in the shape of the palette's place, with a white rim that keeps neighbours apart.
fn mark(place: usize, at: Spot, paint: Paint, marks: &mut Vec<Mark>) {
    let shape = |radius: f64, paint: Paint| {
        let corners = |points: &[Spot]| Mark::Area {
            corners: points.iter().map(|(x, y)| (at.0 + x * radius, at.1 + y * radius)).collect(),
            paint,
        };
        match place % PALETTE.len() {
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
        marks.push(shape(RADIUS + 1.0, WHITE));
    }
    marks.push(shape(RADIUS, paint));
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

fn whiskers(series: &Series, frame: &Frame, paint: Paint, marks: &mut Vec<Mark>) {
    for point in &series.points {
        if let Some((low, high)) = point.range {
            whisker(frame.spot(point.x, low), frame.spot(point.x, high), paint, marks);
        }
    }
}

fn whisker(low: Spot, high: Spot, paint: Paint, marks: &mut Vec<Mark>) {
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

/// The bars of one series, each in its share of the place that a group has.
fn bars(figure: &Figure, index: usize, frame: &Frame, paint: Paint, marks: &mut Vec<Mark>) {
    let all: Vec<usize> = (0..figure.series.len()).filter(|&i| figure.series[i].kind == Kind::Bars).collect();
    let turn = all.iter().position(|&i| i == index).unwrap_or_default() as f64;
    let share = 0.76 / all.len() as f64;
    for point in &figure.series[index].points {
        let from = point.x - 0.38 + share * turn;
        let (left, end) = frame.spot(from, point.y);
        let (right, _) = frame.spot(from + share, point.y);
        let zero = frame.spot(point.x, 0.0).1.clamp(frame.top, frame.bottom);
        let (left, right) = (left + 0.75, right - 0.75);
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

fn darker(colour: RGBColor) -> RGBColor {
    let dim = |channel: u8| (u16::from(channel) * 3 / 4) as u8;
    RGBColor(dim(colour.0), dim(colour.1), dim(colour.2))
}

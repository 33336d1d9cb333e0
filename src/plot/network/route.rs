//! Where boxes and edges go. The layout library gives each box a row and each edge a lane past the boxes of every row
//! that it crosses; here edges are bent only between rows, so that none runs through a box.

use dagre::graph::Graph;
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, layout};

use crate::plot::canvas::Spot;

/// Room between rows, between boxes of a row, and between lanes.
const ROWS: f64 = 32.0;
const BOXES: f64 = 26.0;
const LANES: f64 = 22.0;
/// Room between the ends of edges at one box.
const ENDS: f64 = 14.0;
/// Straight parts that a bend is drawn with.
const PARTS: usize = 14;

/// A box at its place; `x` and `y` are those of its middle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Frame {
    pub fn moved(self, (dx, dy): (f64, f64)) -> Self {
        Self { x: self.x + dx, y: self.y + dy, ..self }
    }
}

/// All boxes and edges at their places, from 0, 0.
#[derive(Debug, Clone)]
pub(super) struct Laid {
    pub boxes: Vec<Frame>,
    /// For each edge its way, from the lower border of a box to the upper border of another.
    pub paths: Vec<Vec<Spot>>,
    pub size: (f64, f64),
}

/// A row of boxes: where it lies, and half its height.
#[derive(Debug, Clone, Copy)]
struct Row {
    y: f64,
    half: f64,
}

/// Lays boxes of these sizes, with edges from one box to another, from top to bottom.
pub(super) fn lay(sizes: &[(f64, f64)], edges: &[(usize, usize)]) -> Laid {
    let mut graph: Graph<NodeLabel, EdgeLabel> =
        Graph::with_options(dagre::graph::GraphOptions { directed: true, multigraph: true, compound: false });
    for (at, &(width, height)) in sizes.iter().enumerate() {
        graph.set_node(at.to_string(), Some(NodeLabel { width, height, ..NodeLabel::default() }));
    }
    for (at, (from, to)) in edges.iter().enumerate() {
        graph.set_edge(from.to_string(), to.to_string(), Some(EdgeLabel::default()), Some(&at.to_string()));
    }
    let options = LayoutOptions { nodesep: BOXES, edgesep: LANES, ranksep: ROWS, ..LayoutOptions::default() };
    layout(&mut graph, Some(options));

    let mut boxes: Vec<Frame> = sizes
        .iter()
        .enumerate()
        .map(|(at, &(width, height))| {
            let label = graph.node(&at.to_string());
            let (x, y) = (label.and_then(|label| label.x), label.and_then(|label| label.y));
            Frame { x: x.unwrap_or(0.0), y: y.unwrap_or(0.0), width, height }
        })
        .collect();
    let mut rows: Vec<Row> = Vec::new();
    for one in &boxes {
        match rows.iter_mut().find(|row| (row.y - one.y).abs() < 1.0) {
            Some(row) => row.half = row.half.max(one.height / 2.0),
            None => rows.push(Row { y: one.y, half: one.height / 2.0 }),
        }
    }
    let row_at = |y: f64| rows.iter().find(|row| (row.y - y).abs() < 1.0).copied();

    // The lanes of an edge: a place in each row between its ends.
    let lanes: Vec<Vec<(f64, Row)>> = edges
        .iter()
        .enumerate()
        .map(|(at, (from, to))| {
            let label = graph.edge(&from.to_string(), &to.to_string(), Some(&at.to_string()));
            let points = label.map(|label| label.points.as_slice()).unwrap_or_default();
            let between = |row: &Row| row.y > boxes[*from].y + 1.0 && row.y < boxes[*to].y - 1.0;
            points.iter().filter_map(|point| Some((point.x, row_at(point.y).filter(between)?))).collect()
        })
        .collect();
    let mut paths: Vec<Vec<Spot>> = edges
        .iter()
        .enumerate()
        .map(|(at, &(from, to))| {
            let end = boxes[to].x + end_of(at, edges, &lanes, &boxes);
            way(&boxes[from], &lanes[at], (end, &boxes[to]), row_at(boxes[from].y), row_at(boxes[to].y))
        })
        .collect();

    // The library counts the lanes' own widths as well; what is drawn decides.
    let spots = || {
        let corners = boxes.iter().flat_map(|one| {
            let (dx, dy) = (one.width / 2.0, one.height / 2.0);
            [(one.x - dx, one.y - dy), (one.x + dx, one.y + dy)]
        });
        corners.chain(paths.iter().flatten().copied()).collect::<Vec<_>>()
    };
    let least = spots().iter().fold((f64::INFINITY, f64::INFINITY), |(x, y), spot| (spot.0.min(x), spot.1.min(y)));
    let most = spots().iter().fold((f64::NEG_INFINITY, f64::NEG_INFINITY), |(x, y), spot| (spot.0.max(x), spot.1.max(y)));
    boxes.iter_mut().for_each(|one| *one = one.moved((-least.0, -least.1)));
    paths.iter_mut().flatten().for_each(|spot| *spot = (spot.0 - least.0, spot.1 - least.1));
    Laid { boxes, paths, size: (most.0 - least.0, most.1 - least.1) }
}

/// How far from the middle of its box edge `at` ends: those that end at one box stand beside each other, in the order in
/// which they come.
fn end_of(at: usize, edges: &[(usize, usize)], lanes: &[Vec<(f64, Row)>], boxes: &[Frame]) -> f64 {
    let comes_from = |edge: usize| lanes[edge].last().map_or(boxes[edges[edge].0].x, |(x, _)| *x);
    let mut beside: Vec<usize> = (0..edges.len()).filter(|&edge| edges[edge].1 == edges[at].1).collect();
    beside.sort_by(|a, b| comes_from(*a).total_cmp(&comes_from(*b)));
    let place = beside.iter().position(|&edge| edge == at).unwrap_or(0) as f64;
    let step = ENDS.min(boxes[edges[at].1].width / (beside.len() as f64 + 1.0));
    (place - (beside.len() as f64 - 1.0) / 2.0) * step
}

/// The way from the lower border of `from` through its lanes to `end` on the upper border of a box.
fn way(from: &Frame, lanes: &[(f64, Row)], (end, to): (f64, &Frame), first: Option<Row>, last: Option<Row>) -> Vec<Spot> {
    let foot = from.y + from.height / 2.0;
    let head = to.y - to.height / 2.0;
    let mut path = vec![(from.x, foot), (from.x, first.map_or(foot, |row| row.y + row.half))];
    for (x, row) in lanes {
        bend(&mut path, (*x, row.y - row.half));
        path.push((*x, row.y + row.half));
    }
    bend(&mut path, (end, last.map_or(head, |row| row.y - row.half)));
    path.push((end, head));
    path.dedup();
    path
}

/// An S from the end of `path` to `spot`, which leaves and arrives upright.
fn bend(path: &mut Vec<Spot>, spot: Spot) {
    let Some(&(x, y)) = path.last() else { return };
    if (spot.0 - x).abs() < 0.5 {
        path.push(spot);
        return;
    }
    for part in 1..=PARTS {
        let t = part as f64 / PARTS as f64;
        let (a, b, c, d) = ((1.0 - t).powi(3), 3.0 * t * (1.0 - t).powi(2), 3.0 * t * t * (1.0 - t), t.powi(3));
        let middle = (y + spot.1) / 2.0;
        path.push(((a + b) * x + (c + d) * spot.0, a * y + (b + c) * middle + d * spot.1));
    }
}

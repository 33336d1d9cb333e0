//! A whole network as a row of bars: how wide each block is, and what it costs.

use super::canvas::{Mark, Side};
use super::drawing::Drawing;
use super::layout::{EDGE, INK, PALE_INK, RIM, word};
use super::ramp::colour;
use super::words;

const EM: f64 = 11.0;
const SMALL: f64 = 9.5;
const TITLE: f64 = 14.0;
const WIDER: f64 = 1.06;
/// Height of the bars of the upper and of the lower row.
const BARS: (f64, f64) = (84.0, 60.0);
const BAR: f64 = 15.0;
const GAP: f64 = 3.0;
/// Room between stages.
const STAGES: f64 = 12.0;

/// One block of a network, in the order in which they run.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockBar {
    /// Its stage.
    pub stage: String,
    /// Its operator.
    pub operator: String,
    /// Channels of its result.
    pub width: usize,
    /// Side of the map of its result.
    pub map: usize,
    /// Millions of multiply-accumulates.
    pub mflops: f64,
}

/// The blocks of a network: above their widths, below what they cost, coloured by operator, stage by stage.
pub fn chain(title: &str, subtitle: &str, blocks: &[BlockBar]) -> Drawing {
    let mut operators: Vec<&str> = Vec::new();
    for block in blocks {
        if !operators.contains(&block.operator.as_str()) {
            operators.push(&block.operator);
        }
    }
    let axis = RIM + WIDER * words::width("(root scale)", SMALL, false) + 46.0;
    let top = RIM + TITLE + 32.0;
    let (upper, lower) = (top + BARS.0, top + BARS.0 + 22.0 + BARS.1);
    let mut marks = vec![
        word((RIM, RIM + TITLE), title, TITLE, true, Side::Left, INK),
        word((RIM, RIM + TITLE + 16.0), subtitle, EM, false, Side::Left, PALE_INK),
        word((RIM, top + 10.0), "width", EM, false, Side::Left, INK),
        word((RIM, top + 22.0), "(root scale)", SMALL, false, Side::Left, PALE_INK),
        word((RIM, lower - BARS.1 + 10.0), "MFLOPs", EM, false, Side::Left, INK),
    ];
    let widest = blocks.iter().map(|block| block.width).max().unwrap_or(1).max(1);
    let dearest = blocks.iter().map(|block| block.mflops).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    for (base, height, most) in [(upper, BARS.0, widest.to_string()), (lower, BARS.1, format!("{dearest:.2}"))] {
        marks.push(word((axis - 5.0, base - height + 8.0), &most, SMALL, false, Side::Right, PALE_INK));
        marks.push(word((axis - 5.0, base), "0", SMALL, false, Side::Right, PALE_INK));
    }
    let mut x = axis;
    for stage in blocks.chunk_by(|a, b| a.stage == b.stage) {
        let (name, map) = (&stage[0].stage, stage[stage.len() - 1].map);
        let note = format!("{map}×{map}");
        let bars = stage.len() as f64 * (BAR + GAP) - GAP;
        let words = WIDER * words::width(name, EM, false).max(words::width(&note, SMALL, false));
        let room = bars.max(words);
        let middle = x + room / 2.0;
        let mut left = middle - bars / 2.0;
        for block in stage {
            let hue = colour(operators.iter().position(|own| *own == block.operator).unwrap_or(0));
            // By the root: the layers behind the last stage are far wider than all before.
            let tall = BARS.0 * (block.width as f64 / widest as f64).sqrt();
            let cost = BARS.1 * block.mflops / dearest;
            for (base, height) in [(upper, tall), (lower, cost)] {
                marks.push(Mark::Box { from: (left, base - height.max(0.8)), to: (left + BAR, base), paint: (hue, 0.85) });
            }
            left += BAR + GAP;
        }
        for base in [upper, lower] {
            marks.push(Mark::Line { path: vec![(x - 2.0, base + 0.5), (x + room + 2.0, base + 0.5)], width: 1.0, paint: EDGE });
        }
        marks.push(word((middle, upper + 14.0), &note, SMALL, false, Side::Middle, PALE_INK));
        marks.push(word((middle, lower + 15.0), name, EM, false, Side::Middle, INK));
        x += room + STAGES;
    }
    let mut key = RIM;
    let row = lower + 36.0;
    for (place, operator) in operators.iter().enumerate() {
        marks.push(Mark::Box { from: (key, row - 9.0), to: (key + 10.0, row + 1.0), paint: (colour(place), 0.85) });
        marks.push(word((key + 14.0, row), operator, EM, false, Side::Left, INK));
        key += 14.0 + WIDER * words::width(operator, EM, false) + 14.0;
    }
    let titles = [(title, TITLE, true), (subtitle, EM, false)];
    let titles = titles.iter().map(|(text, em, bold)| RIM + WIDER * words::width(text, *em, *bold)).fold(0.0, f64::max);
    let width = (x - STAGES).max(key - 14.0).max(titles) + RIM;
    Drawing::new(title, (width, row + RIM), marks)
}

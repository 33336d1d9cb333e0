//! A grid of characters with eight dots in each, on which lines and marks are drawn.

use super::TextStyle;
use super::signs::{Signs, paint};

/// Bits of a braille character by row and column of its dots.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// The bits of the upper two rows.
const UPPER: u8 = 0x01 | 0x08 | 0x02 | 0x10;

#[derive(Clone, Default)]
struct Cell {
    dots: u8,
    mark: Option<char>,
    /// The place in the palette of what was drawn last.
    ink: Option<usize>,
}

pub(super) struct Grid {
    columns: usize,
    rows: usize,
    cells: Vec<Cell>,
}

impl Grid {
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, cells: vec![Cell::default(); columns * rows] }
    }

    /// The place of a pair of shares, in dots from the upper left.
    pub(super) fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (x * (2 * self.columns - 1) as f64, (1.0 - y) * (4 * self.rows - 1) as f64)
    }

    pub(super) fn dot(&mut self, (x, y): (f64, f64), ink: usize) {
        let (x, y) = (x.round().max(0.0) as usize, y.round().max(0.0) as usize);
        if x < 2 * self.columns && y < 4 * self.rows {
            let cell = &mut self.cells[y / 4 * self.columns + x / 2];
            cell.dots |= DOTS[y % 4][x % 2];
            cell.ink = Some(ink);
        }
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: usize) {
        if ![from.0, from.1, to.0, to.1].iter().all(|end| end.is_finite()) {
            return;
        }
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).ceil().max(1.0) as usize;
        for step in 0..=steps {
            let t = step as f64 / steps as f64;
            self.dot((from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * t), ink);
        }
    }

    pub(super) fn mark(&mut self, (x, y): (f64, f64), mark: char, ink: usize) {
        let (column, row) = (x.round().max(0.0) as usize / 2, y.round().max(0.0) as usize / 4);
        if column < self.columns && row < self.rows {
            let cell = &mut self.cells[row * self.columns + column];
            (cell.mark, cell.ink) = (Some(mark), Some(ink));
        }
    }

    /// A row as text, without spaces at its end.
    pub(super) fn row(&self, row: usize, style: &TextStyle, signs: &Signs) -> String {
        let cells = &self.cells[row * self.columns..(row + 1) * self.columns];
        let used = cells.iter().rposition(|cell| cell.mark.is_some() || cell.dots > 0).map_or(0, |last| last + 1);
        let sign = |cell: &Cell| match (cell.mark, cell.dots) {
            (Some(mark), _) => mark,
            (None, 0) => ' ',
            (None, dots) if style.unicode => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
            (None, dots) => signs.dots[usize::from(dots & UPPER > 0) + 2 * usize::from(dots & !UPPER > 0)],
        };
        // Neighbours of one colour are painted together.
        let runs = cells[..used].chunk_by(|left, right| left.ink == right.ink);
        runs.map(|run| paint(&run.iter().map(sign).collect::<String>(), run[0].ink, style)).collect()
    }
}

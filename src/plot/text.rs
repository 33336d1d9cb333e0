//! Figures as text: lines in braille dots, marks as characters, axes with numbers.

use super::axis::{Ruler, number, rulers};
use super::charts::pareto;
use super::{Figure, Kind, Point, Scale, series};
use crate::base::Result;

/// Marks by place in the palette.
const MARKS: [char; 7] = ['●', '■', '▲', '◆', '▼', '✚', '⬢'];
/// Bits of a braille character by row and column of its dots.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// A grid of characters with eight dots in each.
struct Grid {
    columns: usize,
    rows: usize,
    dots: Vec<u8>,
    marks: Vec<Option<char>>,
}

impl Grid {
    fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, dots: vec![0; columns * rows], marks: vec![None; columns * rows] }
    }

    /// The place of a pair of values, in dots from the upper left.
    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (x * (2 * self.columns - 1) as f64, (1.0 - y) * (4 * self.rows - 1) as f64)
    }

    fn dot(&mut self, (x, y): (f64, f64)) {
        let (x, y) = (x.round().max(0.0) as usize, y.round().max(0.0) as usize);
        if x < 2 * self.columns && y < 4 * self.rows {
            self.dots[y / 4 * self.columns + x / 2] |= DOTS[y % 4][x % 2];
        }
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).ceil().max(1.0) as usize;
        for step in 0..=steps {
            let t = step as f64 / steps as f64;
            self.dot((from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * t));
        }
    }

    fn mark(&mut self, (x, y): (f64, f64), mark: char) {
        let (column, row) = (x.round() as usize / 2, y.round() as usize / 4);
        if column < self.columns && row < self.rows {
            self.marks[row * self.columns + column] = Some(mark);
        }
    }

    fn row(&self, row: usize) -> String {
        let cells = row * self.columns..(row + 1) * self.columns;
        cells
            .map(|cell| match (self.marks[cell], self.dots[cell]) {
                (Some(mark), _) => mark,
                (None, 0) => ' ',
                (None, dots) => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
            })
            .collect()
    }
}

/// The figure in `width` columns and at most `height` lines, each without spaces at its end.
pub(super) fn draw(figure: &Figure, width: usize, height: usize) -> Result<String> {
    let mut lines = Vec::new();
    if !figure.title.is_empty() {
        lines.push(figure.title.clone());
    }
    let Some((x, y)) = rulers(figure)? else {
        lines.push("no data".into());
        return Ok(lines.join("\n") + "\n");
    };
    if figure.series.iter().all(|series| series.kind == Kind::Bars) {
        bars(figure, width, &mut lines);
        return Ok(lines.join("\n") + "\n");
    }
    if let Some(legend) = legend(figure) {
        lines.push(legend);
    }
    if !figure.y.label.is_empty() {
        lines.push(figure.y.label.clone());
    }
    let below = 2 + usize::from(!figure.x.label.is_empty());
    let rows = height.saturating_sub(lines.len() + below).max(4);
    let y_ticks = y.ticks((rows / 3).max(2));
    let margin = y_ticks.iter().map(|tick| tick.text.chars().count()).max().unwrap_or(0);
    let columns = width.saturating_sub(margin + 2).max(10);
    let mut grid = Grid::new(columns, rows);
    plot(figure, &x, &y, &mut grid);
    for row in 0..rows {
        let here = y_ticks.iter().find(|tick| grid.place(0.0, y.place(tick.at)).1.round() as usize / 4 == row);
        let (text, edge) = here.map_or(("", '│'), |tick| (tick.text.as_str(), '┤'));
        lines.push(format!("{text:>margin$} {edge}{}", grid.row(row)).trim_end().into());
    }
    let (edge, numbers) = x_axis(&x, columns);
    lines.push(format!("{:margin$} └{edge}", ""));
    lines.push(format!("{:margin$}  {numbers}", "").trim_end().into());
    if !figure.x.label.is_empty() {
        let indent = margin + 2 + columns.saturating_sub(figure.x.label.chars().count()) / 2;
        lines.push(format!("{:indent$}{}", "", figure.x.label));
    }
    Ok(lines.join("\n") + "\n")
}

fn plot(figure: &Figure, x: &Ruler, y: &Ruler, grid: &mut Grid) {
    for (index, series) in figure.series.iter().enumerate() {
        let spots: Vec<(f64, f64)> = series.points.iter().map(|point| grid.place(x.place(point.x), y.place(point.y))).collect();
        let join = |grid: &mut Grid, spots: &[(f64, f64)]| spots.windows(2).for_each(|pair| grid.line(pair[0], pair[1]));
        match series.kind {
            Kind::Line => join(grid, &spots),
            Kind::Step => spots.windows(2).for_each(|pair| {
                grid.line(pair[0], (pair[1].0, pair[0].1));
                grid.line((pair[1].0, pair[0].1), pair[1]);
            }),
            Kind::Dots => spots.iter().for_each(|&spot| grid.dot(spot)),
            Kind::Band => {
                let edge = |point: &Point, upper: bool| point.range.map_or(point.y, |(low, high)| if upper { high } else { low });
                for upper in [false, true] {
                    let spots: Vec<_> =
                        series.points.iter().map(|point| grid.place(x.place(point.x), y.place(edge(point, upper)))).collect();
                    join(grid, &spots);
                }
            }
            Kind::Bars => spots.iter().for_each(|&spot| grid.line((spot.0, grid.place(0.0, y.place(0.0)).1), spot)),
            Kind::Front => {
                let front: Vec<_> = pareto(&series.points).into_iter().map(|i| spots[i]).collect();
                join(grid, &front);
            }
            Kind::Points => {}
        }
        if matches!(series.kind, Kind::Points | Kind::Front) {
            spots.iter().for_each(|&spot| grid.mark(spot, MARKS[series::place(figure, index) % MARKS.len()]));
        }
    }
}

fn legend(figure: &Figure) -> Option<String> {
    let named = figure.series.iter().enumerate().filter(|(_, series)| !series.name.is_empty());
    let keys: Vec<String> = named
        .map(|(index, series)| {
            let key = match series.kind {
                Kind::Points | Kind::Front => MARKS[series::place(figure, index) % MARKS.len()].into(),
                Kind::Dots => "⠐".into(),
                Kind::Line | Kind::Step | Kind::Band | Kind::Bars => "⠒⠒".to_string(),
            };
            format!("{key} {}", series.name)
        })
        .collect();
    (!keys.is_empty()).then(|| keys.join("   "))
}

/// The lower edge with its ticks, and the numbers under it that fit without touching.
fn x_axis(x: &Ruler, columns: usize) -> (String, String) {
    let (mut edge, mut numbers) = (vec!['─'; columns], vec![' '; columns]);
    let mut free = 0;
    for tick in x.ticks((columns / 12).max(2)) {
        let column = ((x.place(tick.at) * (columns - 1) as f64).round().max(0.0) as usize).min(columns - 1);
        let text: Vec<char> = tick.text.chars().collect();
        let start = column.saturating_sub(text.len() / 2).min(columns.saturating_sub(text.len()));
        if start < free || text.len() > columns {
            continue;
        }
        edge[column] = '┬';
        numbers[start..start + text.len()].copy_from_slice(&text);
        free = start + text.len() + 1;
    }
    (edge.into_iter().collect(), numbers.into_iter().collect())
}

/// Bars lie down in text: a line for each, longest over the whole width.
fn bars(figure: &Figure, width: usize, lines: &mut Vec<String>) {
    if !figure.y.label.is_empty() {
        lines.push(figure.y.label.clone());
    }
    let group = |at: f64| match &figure.x.scale {
        Scale::Names(names) if at >= 0.0 => names.get(at as usize).cloned().unwrap_or_default(),
        _ => number(at, 1.0),
    };
    let mut rows: Vec<(f64, &str, f64)> = Vec::new();
    for series in &figure.series {
        rows.extend(series.points.iter().map(|point| (point.x, series.name.as_str(), point.y)));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let widest = |names: Vec<usize>| names.into_iter().max().unwrap_or(0);
    let groups = widest(rows.iter().map(|row| group(row.0).chars().count()).collect());
    let names = widest(rows.iter().map(|row| row.1.chars().count()).collect());
    let longest = rows.iter().map(|row| row.2.abs()).fold(0.0, f64::max);
    let digits = (2.0 - longest.max(1e-12).log10().floor()).clamp(0.0, 6.0) as i32;
    let step = 10_f64.powi(-digits);
    let room = width.saturating_sub(groups + names + 12).max(8);
    let mut last = None;
    for (at, name, value) in rows {
        let eighths = if longest > 0.0 { (value.abs() / longest * 8.0 * room as f64).round() as usize } else { 0 };
        let part = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'].get((eighths % 8).wrapping_sub(1)).map_or(String::new(), char::to_string);
        let head = if last == Some(at) { String::new() } else { group(at) };
        lines.push(format!("{head:groups$} {name:names$} {}{part} {}", "█".repeat(eighths / 8), number(value, step)));
        last = Some(at);
    }
}

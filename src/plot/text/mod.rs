//! Figures as text: lines in braille dots, marks as characters, axes with numbers.

mod grid;
mod heat;
mod rows;
mod signs;

use grid::Grid;
use signs::{Signs, fit, paint, plain};

use super::axis::{Ruler, rulers};
use super::charts::pareto;
use super::placed::placed;
use super::{Figure, Kind, Point, cells, legend, ramp, series};
use crate::base::Result;

/// What a terminal can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextStyle {
    /// Columns; at least 30 are used.
    pub width: usize,
    /// Lines for a chart with axes; at least 10 are used. Bars and heat maps take a line for each, panels a chart each.
    pub height: usize,
    /// Braille and block characters; else ASCII alone.
    pub unicode: bool,
    /// Colours of a terminal with 256 of them.
    pub colour: bool,
}

impl Default for TextStyle {
    fn default() -> Self {
        Self { width: 72, height: 20, unicode: true, colour: false }
    }
}

/// The figure as lines without spaces at their ends.
pub(super) fn draw(figure: &Figure, style: &TextStyle) -> Result<String> {
    let style = &TextStyle { width: style.width.max(30), height: style.height.max(10), ..style.clone() };
    let (figure, notes) = placed(figure);
    let mut lines = lines(&figure, style)?;
    lines.extend(notes.into_iter().map(|note| fit(&note, style.width)));
    let shown = lines.into_iter().map(|line| if style.unicode { line } else { plain(&line) });
    Ok(shown.map(|line| line + "\n").collect())
}

fn lines(figure: &Figure, style: &TextStyle) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    if !figure.title.is_empty() {
        lines.push(fit(&figure.title, style.width));
    }
    let Some((x, y)) = rulers(figure)? else {
        lines.push("no data".into());
        return Ok(lines);
    };
    let all = |kinds: &[Kind]| figure.series.iter().all(|series| kinds.contains(&series.kind));
    let (lying, heat) = (all(&[Kind::Bars, Kind::Histogram]), all(&[Kind::Heat]));
    let panels = figure.facets.names.len().max(1);
    if !lying && !heat {
        lines.extend(legend(figure, style));
    }
    let y_label = if lying && figure.series.iter().all(|series| series.kind == Kind::Histogram) {
        format!("{} of {}", figure.y.shown(), figure.x.shown())
    } else if heat && !figure.x.shown().is_empty() {
        format!("{} over {}", figure.y.shown(), figure.x.shown())
    } else {
        figure.y.shown()
    };
    if !y_label.is_empty() {
        lines.push(fit(&y_label, style.width));
    }
    let above = if panels > 1 { 0 } else { lines.len() };
    for panel in 0..panels {
        if let Some(name) = figure.facets.names.get(panel) {
            // Numbers carry the column's name already.
            let column = figure.facets.column.replace('_', " ");
            let heading = if name.starts_with(&column) { name.clone() } else { format!("{column}: {name}") };
            lines.push(fit(&heading, style.width));
        }
        if lying {
            rows::draw(figure, panel, style, &mut lines);
        } else if heat {
            heat::draw(figure, panel, style, &mut lines);
        } else {
            chart(figure, panel, (&x, &y), above, style, &mut lines);
        }
    }
    lines.extend(heat::key(figure, style).map(|key| fit(&key, style.width)).filter(|_| heat));
    if !heat && ramp::Ramp::of(figure).is_some() {
        lines.push(fit(&format!("{} is a colour, which a saved figure shows", figure.shade.shown()), style.width));
    }
    Ok(lines)
}

/// A panel with axes. `above` lines of the height are taken.
fn chart(figure: &Figure, panel: usize, (x, y): (&Ruler, &Ruler), above: usize, style: &TextStyle, lines: &mut Vec<String>) {
    let signs = Signs::of(style);
    let label = figure.x.shown();
    let last = panel + 1 >= figure.facets.names.len();
    let label = if last { label } else { String::new() };
    let below = 2 + usize::from(!label.is_empty());
    let height = if figure.facets.names.len() > 1 { style.height.min(12) } else { style.height };
    let rows = height.saturating_sub(above + below).max(4);
    let y_ticks = y.ticks((rows / 3).max(2));
    let margin = y_ticks.iter().map(|tick| tick.text.chars().count()).max().unwrap_or(0).min(style.width / 3);
    let columns = style.width.saturating_sub(margin + 2).max(10);
    let mut grid = Grid::new(columns, rows);
    plot(figure, panel, (x, y), signs, &mut grid);
    for row in 0..rows {
        let here = y_ticks.iter().find(|tick| grid.place(0.0, y.place(tick.at)).1.round() as usize / 4 == row);
        let (text, edge) = here.map_or((String::new(), signs.side), |tick| (fit(&tick.text, margin), signs.tick));
        lines.push(format!("{text:>margin$} {edge}{}", grid.row(row, style, signs)));
    }
    let (edge, numbers) = x_axis(x, columns, signs);
    lines.push(format!("{:margin$} {}{edge}", "", signs.corner));
    lines.push(format!("{:margin$}  {numbers}", "").trim_end().into());
    if !label.is_empty() {
        let label = fit(&label, style.width);
        let indent = (margin + 2 + columns.saturating_sub(label.chars().count()) / 2).min(style.width - label.chars().count());
        lines.push(format!("{:indent$}{label}", ""));
    }
}

fn plot(figure: &Figure, panel: usize, (x, y): (&Ruler, &Ruler), signs: &Signs, grid: &mut Grid) {
    for (index, series) in figure.series.iter().enumerate().filter(|(_, series)| series.within(panel)) {
        let ink = ramp::place(figure, index);
        let shift = cells::shift(figure, index);
        let across = |point: &Point| x.place(point.x + shift);
        let spots: Vec<(f64, f64)> = series.points.iter().map(|point| grid.place(across(point), y.place(point.y))).collect();
        let join = |grid: &mut Grid, spots: &[(f64, f64)]| spots.windows(2).for_each(|pair| grid.line(pair[0], pair[1], ink));
        let edge = |grid: &Grid, point: &Point, upper: bool| {
            let (low, high) = point.range.unwrap_or((point.y, point.y));
            grid.place(across(point), y.place(if upper { high } else { low }))
        };
        match series.kind {
            Kind::Line if spots.len() == 1 => grid.mark(spots[0], signs.mark(ink), ink),
            Kind::Line => join(grid, &spots),
            Kind::Step => spots.windows(2).for_each(|pair| {
                grid.line(pair[0], (pair[1].0, pair[0].1), ink);
                grid.line((pair[1].0, pair[0].1), pair[1], ink);
            }),
            Kind::Dots => spots.iter().for_each(|&spot| grid.dot(spot, ink)),
            Kind::Band => {
                for upper in [false, true] {
                    let spots: Vec<_> = series.points.iter().map(|point| edge(grid, point, upper)).collect();
                    join(grid, &spots);
                }
            }
            Kind::Bars | Kind::Histogram => {
                let zero = y.place(0.0);
                let foot = grid.place(0.0, if zero.is_finite() { zero } else { 0.0 }).1;
                spots.iter().for_each(|&spot| grid.line((spot.0, foot), spot, ink));
            }
            Kind::Front => {
                let front: Vec<_> = pareto(&series.points).into_iter().map(|i| spots[i]).collect();
                join(grid, &front);
            }
            Kind::Points | Kind::Heat => {}
        }
        let marked: Vec<usize> = match series.kind {
            Kind::Points | Kind::Front | Kind::Heat => (0..spots.len()).collect(),
            Kind::Line => series::marked(figure, index),
            _ => Vec::new(),
        };
        for &point in &marked {
            if matches!(series.kind, Kind::Points | Kind::Front) && series.points[point].range.is_some() {
                let ends = [false, true].map(|upper| edge(grid, &series.points[point], upper));
                grid.line(ends[0], ends[1], ink);
            }
            grid.mark(spots[point], signs.mark(ink), ink);
        }
    }
}

/// The names of series with their marks, in as many lines as they need.
fn legend(figure: &Figure, style: &TextStyle) -> Vec<String> {
    let signs = Signs::of(style);
    let (mut lines, mut used): (Vec<String>, usize) = (Vec::new(), 0);
    for entry in legend::entries(figure) {
        let ink = ramp::place(figure, entry[0]);
        let marked = |index: &usize| match figure.series[*index].kind {
            Kind::Points | Kind::Front => true,
            Kind::Line => !series::marked(figure, *index).is_empty(),
            _ => false,
        };
        let key = match figure.series[entry[0]].kind {
            _ if entry.iter().any(marked) => signs.mark(ink).to_string(),
            Kind::Dots => if style.unicode { "⠐" } else { "." }.into(),
            _ => signs.line.to_string(),
        };
        let name = fit(&figure.series[entry[0]].name, style.width - key.chars().count() - 1);
        let wide = key.chars().count() + 1 + name.chars().count();
        let shown = format!("{} {name}", paint(&key, Some(ink), style));
        match lines.last_mut() {
            Some(line) if used + 3 + wide <= style.width => {
                *line = format!("{line}   {shown}");
                used += 3 + wide;
            }
            _ => {
                lines.push(shown);
                used = wide;
            }
        }
    }
    lines
}

/// The lower edge with its ticks, and the numbers under it that fit without touching.
fn x_axis(x: &Ruler, columns: usize, signs: &Signs) -> (String, String) {
    let (mut edge, mut numbers) = (vec![signs.floor; columns], vec![' '; columns]);
    let ticks = x.ticks((columns / 12).max(2));
    // A name has the room up to the next one.
    let room = if x.names().is_some() { (columns / ticks.len().max(1)).saturating_sub(1).max(4) } else { columns };
    let mut free = 0;
    for tick in ticks {
        let column = ((x.place(tick.at) * (columns - 1) as f64).round().max(0.0) as usize).min(columns - 1);
        let text: Vec<char> = fit(&tick.text, room).chars().collect();
        let start = column.saturating_sub(text.len() / 2).min(columns.saturating_sub(text.len()));
        if start < free || text.len() > columns {
            continue;
        }
        edge[column] = signs.under;
        numbers[start..start + text.len()].copy_from_slice(&text);
        free = start + text.len() + 1;
    }
    (edge.into_iter().collect(), numbers.into_iter().collect())
}

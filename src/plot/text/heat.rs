//! Heat maps in text: a shade for each cell, and its value where there is room.

use super::TextStyle;
use super::signs::{Signs, fit};
use crate::plot::axis::number;
use crate::plot::ramp::Ramp;
use crate::plot::{Figure, Kind, Scale};

/// Most room that the name of a row takes.
const NAME: usize = 20;
/// Most room that a cell takes.
const WIDEST: usize = 12;

/// The cells of a panel, below their names.
pub(super) fn draw(figure: &Figure, panel: usize, style: &TextStyle, lines: &mut Vec<String>) {
    let (Scale::Names(xs), Scale::Names(ys), Some(ramp)) = (&figure.x.scale, &figure.y.scale, Ramp::of(figure)) else { return };
    let signs = Signs::of(style);
    let mut cells: Vec<Option<f64>> = vec![None; xs.len() * ys.len()];
    for series in figure.series.iter().filter(|series| series.kind == Kind::Heat && series.within(panel)) {
        for point in &series.points {
            if let Some(cell) = cells.get_mut(point.y as usize * xs.len() + point.x as usize) {
                *cell = point.value;
            }
        }
    }
    let margin = ys.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(NAME);
    let room = style.width.saturating_sub(margin + 1).max(8);
    let step = 10_f64.powi((ramp.high - ramp.low).log10().floor() as i32 - 1);
    let texts: Vec<String> = cells.iter().map(|cell| cell.map(|value| number(value, step)).unwrap_or_default()).collect();
    let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let shown = xs.len().min(room);
    let wide = (room / shown.max(1)).clamp(1, WIDEST);
    let numbers = wide >= longest + 4;
    let shade = |value: f64| signs.shades[((ramp.share(value) * signs.shades.len() as f64) as usize).min(signs.shades.len() - 1)];
    let gap = usize::from(wide > 3);
    if wide > 2 {
        let names = xs.iter().map(|name| format!("{:wide$}", fit(name, wide - gap)));
        lines.push(format!("{:margin$} {}", "", names.collect::<String>()).trim_end().into());
    }
    for (row, name) in ys.iter().enumerate() {
        let cell = |column: usize| {
            let at = row * xs.len() + column;
            let Some(value) = cells[at] else { return " ".repeat(wide) };
            let filled = if numbers { 2 } else { wide - gap };
            let fill = shade(value).to_string().repeat(filled);
            let text = if numbers { format!("{fill} {}", texts[at]) } else { fill };
            format!("{text:wide$}")
        };
        let line: String = (0..shown).map(cell).collect();
        lines.push(format!("{:margin$} {line}", fit(name, margin)).trim_end().into());
    }
    if wide <= 2 {
        let (first, last) = (xs.first().map_or("", String::as_str), xs.get(shown.max(1) - 1).map_or("", String::as_str));
        lines.push(format!("{:margin$} {}", "", fit(&format!("{first} to {last}"), room)));
    }
    if shown < xs.len() {
        lines.push(format!("the first {shown} of {} columns; a saved figure shows all", xs.len()));
    }
}

/// What the shades mean.
pub(super) fn key(figure: &Figure, style: &TextStyle) -> Option<String> {
    let ramp = Ramp::of(figure)?;
    let step = 10_f64.powi((ramp.high - ramp.low).log10().floor() as i32 - 1);
    let shades: String = Signs::of(style).shades.iter().collect();
    let label = figure.shade.shown();
    let what = if label.is_empty() { String::new() } else { format!("{label}: ") };
    Some(format!("{what}{} {shades} {}", number(ramp.low, step), number(ramp.high, step)))
}

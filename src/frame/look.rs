//! Columns as texts: numbers rounded as one column, long texts cut, widths as a terminal counts them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::figure::figures;
use super::{Cell, Column, Kind, Table, figure};
use crate::base::Result;

/// What stands where a value is missing.
pub(super) const MISSING: &str = "–";
/// Largest error of rounding, in parts of the value, before a number is shown with digits of its own.
const ROUGH: f64 = 0.02;
/// A number below this part of the largest does not decide how many decimals a column has.
const SMALL: f64 = 1e-4;
/// From here on a whole number is shown with an exponent.
const MOST: f64 = 1e15;

/// A column ready to be shown.
pub(super) struct Shown {
    pub name: String,
    /// Whether it holds numbers, which stand at the right.
    pub right: bool,
    /// Its cells; `None` where a value is missing.
    pub cells: Vec<Option<String>>,
    /// Whether it holds texts that all look like numbers, which a reader would take for numbers.
    pub disguised: bool,
}

/// Places a text takes in a terminal.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// `text` in one line of at most `most` places, its end replaced by `…` if it is longer.
pub(super) fn cut(text: &str, most: usize) -> String {
    // A letter can take no place, but no text needs more letters than this to be too long.
    let enough = 8 * most + 64;
    let line: String = text.chars().take(enough).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if text.chars().nth(enough).is_none() && width(&line) <= most {
        return line;
    }
    let (mut kept, mut taken) = (String::new(), 0);
    for letter in line.chars() {
        taken += letter.width().unwrap_or(0);
        if taken >= most.max(1) {
            break;
        }
        kept.push(letter);
    }
    kept.truncate(kept.trim_end_matches([' ', '…']).len());
    kept + "…"
}

/// Whether `value` has no fraction worth showing.
fn whole(value: f64) -> bool {
    value.fract() == 0.0 || value.abs() >= 1e9
}

/// Numbers rounded with one number of decimals for the column. A small one among large ones keeps digits of its own, and
/// large whole ones among fractions, such as counts, are shown whole and leave the others theirs.
fn rounded(values: &[Option<f64>]) -> Vec<Option<String>> {
    // Adding 0 turns -0 into 0.
    let values: Vec<Option<f64>> = values.iter().map(|value| value.map(|value| value + 0.0)).collect();
    let finite = || values.iter().flatten().copied().filter(|value| value.is_finite());
    let largest = |of_whole: bool| finite().filter(|value| whole(*value) == of_whole).map(f64::abs).fold(0.0, f64::max);
    let apart = largest(true) > 10.0 * largest(false);
    let largest = if apart { largest(false) } else { largest(true).max(largest(false)) };
    let is_apart = |value: f64| apart && whole(value);
    let is_small = |value: f64| value != 0.0 && value.abs() < largest * SMALL;

    let common: Vec<_> = values.iter().map(|value| value.filter(|value| !is_apart(*value) && !is_small(*value))).collect();
    let shown = figures(&common, "").into_iter().zip(&values);
    shown
        .map(|(text, value)| {
            let value = (*value)?;
            let off = text.parse::<f64>().map_or(0.0, |seen| ((seen - value) / value).abs());
            Some(match value {
                value if is_apart(value) && value.abs() < MOST => format!("{value:.0}"),
                value if text.is_empty() || value != 0.0 && off > ROUGH => figure(value),
                _ => text,
            })
        })
        .collect()
}

fn list(values: &[f64]) -> String {
    let figures = |count: usize| values.iter().take(count).map(|value| figure(*value)).collect::<Vec<_>>().join(", ");
    match values.len() {
        0..=4 => format!("[{}]", figures(4)),
        length => format!("[{}, … of {length}]", figures(3)),
    }
}

fn shown(name: String, column: Column) -> Shown {
    let right = matches!(column.kind(), Kind::Int | Kind::Float);
    let mut disguised = false;
    let cells = match column {
        Column::Float(values) => rounded(&values),
        Column::Text(values) => {
            let number = |text: &String| text.trim().parse::<f64>().is_ok();
            disguised = values.iter().any(Option::is_some) && values.iter().flatten().all(number);
            values
        }
        Column::List(values) => values.into_iter().map(|value| value.map(|value| list(&value))).collect(),
        other => other.cells().iter().map(|cell| (*cell != Cell::Null).then(|| cell.to_string())).collect(),
    };
    Shown { name, right, cells, disguised }
}

/// Where the point of a number stands, in places from its end; `None` for a word such as NaN.
fn tail(text: &str) -> Option<usize> {
    text.trim_start_matches('-').starts_with(|letter: char| letter.is_ascii_digit()).then(|| {
        let point = text.find(['.', 'e']).unwrap_or(text.len());
        text.len() - point
    })
}

impl Shown {
    /// Puts spaces behind numbers so that, once they stand at the right, their points stand under each other.
    pub fn align(&mut self) {
        if !self.right {
            return;
        }
        let longest = self.cells.iter().flatten().filter_map(|cell| tail(cell)).max().unwrap_or(0);
        for cell in self.cells.iter_mut().flatten() {
            if let Some(tail) = tail(cell) {
                cell.push_str(&" ".repeat(longest - tail));
            }
        }
    }
}

impl Table {
    /// All columns, ready to be shown.
    pub(super) fn shown(&self) -> Result<Vec<Shown>> {
        Ok(self.all()?.into_iter().map(|(name, column)| shown(name, column)).collect())
    }
}

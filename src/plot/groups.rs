//! Columns as names: distinct values in order, and the rows that have each.

use super::{Given, PlotFault, Values};
use crate::base::Result;

/// Rows in groups: the names in order, and for each row the place of its name.
pub(super) struct Groups {
    pub(super) names: Vec<String>,
    pub(super) of_row: Vec<usize>,
}

/// What to say about a column of too many different values.
pub(super) struct Limit {
    pub(super) most: usize,
    pub(super) what: &'static str,
    pub(super) help: &'static str,
}

pub(super) const COLOURS: Limit = Limit {
    most: 20,
    what: "as colours nobody could tell them apart",
    help: "choose a column of fewer values, or put numbers into a few groups first with `with_column`",
};
pub(super) const PANELS: Limit = Limit {
    most: 12,
    what: "one figure holds at most 12 panels",
    help: "filter the table first, or choose a column of fewer values",
};
pub(super) const NAMES: Limit = Limit {
    most: 200,
    what: "nobody could read as many names along an axis",
    help: "filter the table first, or show numbers with `points` or `histogram`",
};

impl Groups {
    /// One group of `rows` rows.
    pub(super) fn one(name: String, rows: usize) -> Self {
        Self { names: vec![name], of_row: vec![0; rows] }
    }

    /// The groups of a column behind those that are `known`: texts in the order in which they first come, numbers by
    /// size.
    pub(super) fn of(given: &Given, known: &[String], limit: &Limit) -> Result<Self> {
        let mut names = known.to_vec();
        match &given.values {
            Values::Names(texts) => {
                for text in texts {
                    if !names.contains(text) {
                        names.push(text.clone());
                    }
                    limit.check(&given.column, names.len())?;
                }
            }
            Values::Numbers(numbers) => {
                let mut sorted = numbers.clone();
                sorted.sort_by(f64::total_cmp);
                for number in sorted {
                    let text = name_of(number);
                    if names.last() != Some(&text) && !names.contains(&text) {
                        names.push(text);
                    }
                    limit.check(&given.column, names.len())?;
                }
            }
        }
        let place = |text: &str| names.iter().position(|name| name == text).unwrap_or_default();
        let of_row = match &given.values {
            Values::Names(texts) => texts.iter().map(|text| place(text)).collect(),
            Values::Numbers(numbers) => numbers.iter().map(|number| place(&name_of(*number))).collect(),
        };
        Ok(Self { names, of_row })
    }
}

impl Limit {
    fn check(&self, column: &str, found: usize) -> Result<()> {
        let &Limit { most, what, help } = self;
        if found > most {
            return Err(PlotFault::TooMany { column: column.into(), most, what, help }.into());
        }
        Ok(())
    }
}

/// Whether a column of numbers is one of a few whole ones, which are more like names.
pub(super) fn few(numbers: &[f64]) -> bool {
    let mut seen: Vec<f64> = Vec::new();
    numbers.iter().all(|number| {
        if !seen.iter().any(|other| other.total_cmp(number).is_eq()) {
            seen.push(*number);
        }
        seen.len() <= 12 && number.fract() == 0.0
    })
}

/// A number as a name.
fn name_of(number: f64) -> String {
    if number.is_nan() { "missing".into() } else { number.to_string() }
}

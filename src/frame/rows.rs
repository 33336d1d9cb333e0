//! Which rows, and in what order: filter, sort, cut, draw, unique, missing values.

use std::cmp::Ordering;

use polars::prelude::{BooleanChunked, IdxCa, IdxSize, NamedFrom};
use rand::RngExt as _;
use rand::seq::index;

use super::eval::{Scope, evaluate};
use super::{Cell, Column, Expr, FrameFault, Kind, Table};
use crate::base::{Result, Seed};

/// The order of two rows by one column; missing values come last, after NaN, in either direction.
fn order(column: &Column, descending: bool, left: usize, right: usize) -> Ordering {
    fn by<T>(values: &[Option<T>], descending: bool, left: usize, right: usize, compare: fn(&T, &T) -> Ordering) -> Ordering {
        match (&values[left], &values[right]) {
            (Some(left), Some(right)) if descending => compare(right, left),
            (Some(left), Some(right)) => compare(left, right),
            (left, right) => left.is_none().cmp(&right.is_none()),
        }
    }
    match column {
        Column::Bool(values) => by(values, descending, left, right, bool::cmp),
        Column::Int(values) => by(values, descending, left, right, i64::cmp),
        Column::Text(values) => by(values, descending, left, right, String::cmp),
        Column::Float(values) => match (values[left], values[right]) {
            (Some(left), Some(right)) if left.is_nan() || right.is_nan() => left.is_nan().cmp(&right.is_nan()),
            _ => by(values, descending, left, right, |left, right| left.partial_cmp(right).unwrap_or(Ordering::Equal)),
        },
        Column::List(_) => Ordering::Equal,
    }
}

impl Table {
    /// The rows at these places, in this order.
    pub(super) fn take(&self, rows: &[usize]) -> Result<Table> {
        let rows: Vec<IdxSize> = rows.iter().map(|row| *row as IdxSize).collect();
        Table::of(self.frame.take(&IdxCa::from_vec("rows".into(), rows)))
    }

    /// The rows that are to be kept.
    pub fn keep(&self, flags: &[bool]) -> Result<Table> {
        Table::of(self.frame.filter(&BooleanChunked::new("mask".into(), flags)))
    }

    /// The rows where `condition` holds; a missing condition does not.
    pub fn filter(&self, condition: &Expr) -> Result<Table> {
        match evaluate(condition, self, &Scope::Rows)? {
            Column::Bool(flags) => self.keep(&flags.iter().map(|flag| flag.unwrap_or(false)).collect::<Vec<_>>()),
            other => Err(FrameFault::Type {
                what: "`filter`".into(),
                found: format!("`{condition}`, which gives {}", other.kind().words()),
                help: "give it a comparison such as `col(\"a\") > 1`".into(),
            }
            .into()),
        }
    }

    /// Refuses columns of lists, which have no order and are never equal.
    pub(super) fn no_lists(&self, what: &str, names: &[&str]) -> Result<()> {
        match self.kinds().iter().find(|(name, kind)| names.contains(&name.as_str()) && *kind == Kind::List) {
            None => Ok(()),
            Some((name, kind)) => Err(FrameFault::Type {
                what: format!("{what} `{name}`"),
                found: kind.words().into(),
                help: "use columns of numbers, texts or true/false values".into(),
            }
            .into()),
        }
    }

    /// The rows ordered by the columns `by`, the first deciding first; `descending` says for each whether the largest
    /// comes first. Equal rows keep their order; missing values come last, after NaN.
    pub fn sort(&self, by: &[&str], descending: &[bool]) -> Result<Table> {
        self.check_columns(by.iter().copied())?;
        self.no_lists("sorting by", by)?;
        if by.len() != descending.len() {
            return Err(FrameFault::Keys { keys: by.len(), flags: descending.len() }.into());
        }
        let keys = by.iter().map(|name| self.column(name)).collect::<Result<Vec<_>>>()?;
        let mut rows: Vec<usize> = (0..self.height()).collect();
        rows.sort_by(|left, right| {
            let each = keys.iter().zip(descending).map(|(key, descending)| order(key, *descending, *left, *right));
            each.fold(Ordering::Equal, Ordering::then)
        });
        self.take(&rows)
    }

    /// The first `rows` rows.
    #[must_use]
    pub fn head(&self, rows: usize) -> Table {
        Table { frame: self.frame.head(Some(rows)) }
    }

    /// The last `rows` rows.
    #[must_use]
    pub fn tail(&self, rows: usize) -> Table {
        Table { frame: self.frame.tail(Some(rows)) }
    }

    /// At most `count` rows from row `from` on; a negative `from` counts from the end.
    #[must_use]
    pub fn slice(&self, from: i64, count: usize) -> Table {
        let height = self.height();
        let from = if from < 0 { height.saturating_sub(from.unsigned_abs() as usize) } else { (from as usize).min(height) };
        Table { frame: self.frame.slice(from as i64, count.min(height - from)) }
    }

    /// `count` rows in random order: different ones (all, if there are fewer), or with `again` ones that may come again.
    pub fn sample(&self, count: usize, again: bool, seed: Seed) -> Result<Table> {
        let (height, mut rng) = (self.height(), seed.rng());
        if height == 0 {
            return Ok(self.clone());
        }
        let rows: Vec<usize> = match again {
            true => (0..count).map(|_| rng.random_range(0..height)).collect(),
            false => index::sample(&mut rng, height, count.min(height)).into_vec(),
        };
        self.take(&rows)
    }

    /// The table with only the first of rows that agree in all of `names` (in all columns if none are given).
    pub fn unique(&self, names: &[&str]) -> Result<Table> {
        let all = self.columns();
        let keys: Vec<&str> = if names.is_empty() { all.iter().map(String::as_str).collect() } else { names.to_vec() };
        let groups = self.group_by(&keys)?.groups()?;
        self.take(&groups.iter().filter_map(|rows| rows.first().copied()).collect::<Vec<_>>())
    }

    /// How often each combination of values of `names` occurs: `count` rows, and their `share` of all; the most frequent first.
    pub fn value_counts(&self, names: &[&str]) -> Result<Table> {
        let counted = self.group_by(names)?.count()?.sort(&["count"], &[true])?;
        let all = self.height() as f64;
        let shares = counted.column_f64("count")?.into_iter().map(|count| Some(count / all)).collect();
        counted.add("share", Column::Float(shares))
    }

    /// The rows without a missing value in `names` (in any column if none are given).
    pub fn drop_nulls(&self, names: &[&str]) -> Result<Table> {
        self.check_columns(names.iter().copied())?;
        let mut flags = vec![true; self.height()];
        for (name, column) in self.all()? {
            if names.is_empty() || names.contains(&name.as_str()) {
                let present = column.cells().into_iter().map(|cell| cell != Cell::Null);
                flags.iter_mut().zip(present).for_each(|(flag, present)| *flag &= present);
            }
        }
        self.keep(&flags)
    }

    /// The table with `value` in place of what is missing in `names`; if none are given, in all columns that can hold it.
    pub fn fill_null(&self, names: &[&str], value: &Cell) -> Result<Table> {
        self.check_columns(names.iter().copied())?;
        let fits = |kind: Kind| match (kind, value.kind()) {
            (Kind::Int | Kind::Float, Some(Kind::Int | Kind::Float)) => true,
            (kind, given) => given == Some(kind),
        };
        let mut table = self.clone();
        for (name, column) in self.all()? {
            let cells = column.cells();
            let named = names.contains(&name.as_str());
            if cells.contains(&Cell::Null) && (named || names.is_empty() && fits(column.kind())) {
                let filled = cells.into_iter().map(|cell| if cell == Cell::Null { value.clone() } else { cell });
                table = table.put(&name, Column::of_cells_or(&name, filled.collect(), column.kind())?)?;
            }
        }
        Ok(table)
    }
}

//! Aggregates: one value out of many, and the groups they are taken over.

use super::eval::{Scope, evaluate};
use super::{Cell, Column, Expr, FrameFault, Kind, Table};
use crate::base::{Result, did_you_mean, stats};

/// How many values become one. Missing values are left out; NaN is not, it makes the result NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregate {
    /// The mean.
    Mean,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The median.
    Median,
    /// The standard deviation of a sample (n - 1); missing for fewer than two values.
    Std,
    /// The sum; 0 for none.
    Sum,
    /// How many values there are.
    Count,
    /// The first value, missing or not.
    First,
    /// The last value, missing or not.
    Last,
    /// The quantile at this share, linear between values.
    Quantile(f64),
}

impl Aggregate {
    /// The aggregate as scripts write it.
    pub fn name(self) -> &'static str {
        match self {
            Aggregate::Mean => "mean",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::Median => "median",
            Aggregate::Std => "std",
            Aggregate::Sum => "sum",
            Aggregate::Count => "count",
            Aggregate::First => "first",
            Aggregate::Last => "last",
            Aggregate::Quantile(_) => "quantile",
        }
    }

    /// The aggregate named `name`.
    pub fn parse(name: &str) -> Result<Self> {
        use Aggregate::*;
        const NAMED: [Aggregate; 9] = [Mean, Min, Max, Median, Std, Sum, Count, First, Last];
        NAMED.into_iter().find(|known| known.name() == name).ok_or_else(|| {
            FrameFault::Type {
                what: "an aggregate".into(),
                found: format!("the name `{name}`"),
                help: did_you_mean(name, NAMED.map(Aggregate::name)),
            }
            .into()
        })
    }

    /// What the aggregate of values of `kind` is, should all be missing.
    pub(super) fn kind_of(self, kind: Kind) -> Kind {
        match self {
            Aggregate::Count => Kind::Int,
            Aggregate::First | Aggregate::Last | Aggregate::Min | Aggregate::Max => kind,
            _ => Kind::Float,
        }
    }

    /// The aggregate of the values of `column` at `rows`; `shown` names them in a fault.
    pub(super) fn of(self, column: &Column, rows: &[usize], shown: &Expr) -> Result<Cell> {
        match self {
            Aggregate::First => return Ok(rows.first().map_or(Cell::Null, |row| column.cell(*row))),
            Aggregate::Last => return Ok(rows.last().map_or(Cell::Null, |row| column.cell(*row))),
            Aggregate::Count => {
                let count = rows.iter().filter(|row| column.cell(**row) != Cell::Null).count();
                return Ok(Cell::Int(count as i64));
            }
            _ => {}
        }
        match column {
            Column::Int(values) => {
                let present: Vec<i64> = rows.iter().filter_map(|row| values[*row]).collect();
                match self {
                    Aggregate::Min => Ok(present.iter().min().map_or(Cell::Null, |value| Cell::Int(*value))),
                    Aggregate::Max => Ok(present.iter().max().map_or(Cell::Null, |value| Cell::Int(*value))),
                    Aggregate::Sum => match present.iter().try_fold(0_i64, |sum, value| sum.checked_add(*value)) {
                        Some(sum) => Ok(Cell::Int(sum)),
                        None => Ok(Cell::Float(present.iter().map(|value| *value as f64).sum())),
                    },
                    _ => Ok(self.of_numbers(&present.iter().map(|value| *value as f64).collect::<Vec<_>>())),
                }
            }
            Column::Float(values) => Ok(self.of_numbers(&rows.iter().filter_map(|row| values[*row]).collect::<Vec<_>>())),
            Column::Bool(values) if matches!(self, Aggregate::Mean | Aggregate::Sum) => {
                let present: Vec<f64> =
                    rows.iter().filter_map(|row| values[*row].map(|flag| f64::from(u8::from(flag)))).collect();
                Ok(match self.of_numbers(&present) {
                    Cell::Float(sum) if self == Aggregate::Sum => Cell::Int(sum as i64),
                    other => other,
                })
            }
            Column::Text(values) if matches!(self, Aggregate::Min | Aggregate::Max) => {
                let present = rows.iter().filter_map(|row| values[*row].as_ref());
                let found = if self == Aggregate::Min { present.min() } else { present.max() };
                Ok(found.map_or(Cell::Null, |text| Cell::Text(text.clone())))
            }
            other => Err(FrameFault::Type {
                what: format!("`{}` of `{shown}`", self.name()),
                found: other.kind().words().into(),
                help: "take it of a column of numbers".into(),
            }
            .into()),
        }
    }

    fn of_numbers(self, values: &[f64]) -> Cell {
        if values.is_empty() && self != Aggregate::Sum {
            return Cell::Null;
        }
        // `f64::min` would drop a NaN silently.
        let any_nan = values.iter().any(|value| value.is_nan());
        let fold =
            |pick: fn(f64, f64) -> f64, start: f64| if any_nan { f64::NAN } else { values.iter().copied().fold(start, pick) };
        let number = match self {
            Aggregate::Mean => stats::mean(values),
            Aggregate::Min => fold(f64::min, f64::INFINITY),
            Aggregate::Max => fold(f64::max, f64::NEG_INFINITY),
            Aggregate::Median => stats::quantile(values, 0.5),
            Aggregate::Std if values.len() < 2 => return Cell::Null,
            Aggregate::Std => stats::std(values),
            Aggregate::Quantile(share) => stats::quantile(values, share),
            Aggregate::Sum | Aggregate::Count | Aggregate::First | Aggregate::Last => values.iter().sum(),
        };
        Cell::Float(number)
    }
}

/// A table whose rows are grouped by equal keys; groups stand in the order in which their keys first occur.
#[derive(Debug, Clone)]
pub struct GroupBy {
    table: Table,
    keys: Vec<String>,
}

impl Table {
    /// Groups rows with equal values in all of `keys`.
    pub fn group_by(&self, keys: &[&str]) -> Result<GroupBy> {
        self.check_columns(keys.iter().copied())?;
        self.no_lists("grouping by", keys)?;
        Ok(GroupBy { table: self.clone(), keys: keys.iter().map(ToString::to_string).collect() })
    }
}

impl GroupBy {
    /// The keys.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The rows of each group.
    pub(super) fn groups(&self) -> Result<Vec<Vec<usize>>> {
        if self.keys.is_empty() {
            return Ok(vec![(0..self.table.height()).collect()]);
        }
        if self.table.height() == 0 {
            return Ok(Vec::new());
        }
        use polars::prelude::GroupsIndicator;
        let grouped = self.table.frame.group_by_stable(&self.keys).map_err(FrameFault::from)?;
        Ok(grouped
            .get_groups()
            .iter()
            .map(|group| match group {
                GroupsIndicator::Idx((_, rows)) => rows.iter().map(|row| *row as usize).collect(),
                GroupsIndicator::Slice([first, length]) => (first as usize..(first + length) as usize).collect(),
            })
            .collect())
    }

    /// One row a group: its keys, then each expression, which must be made of aggregates.
    pub fn agg(&self, expressions: &[Expr]) -> Result<Table> {
        let groups = self.groups()?;
        let firsts: Vec<usize> = groups.iter().filter_map(|rows| rows.first().copied()).collect();
        let mut table = Table::builder();
        for key in &self.keys {
            table = table.column(key, self.table.column(key)?.take(&firsts));
        }
        for expression in expressions {
            let column = evaluate(expression, &self.table, &Scope::Groups(&groups))?;
            table = table.column(expression.name(), column);
        }
        table.build()
    }

    /// One row a group: its keys and how many rows it has, as `count`.
    pub fn count(&self) -> Result<Table> {
        let counts = self.groups()?.iter().map(|rows| Some(rows.len() as i64)).collect();
        self.agg(&[])?.add("count", Column::Int(counts))
    }
}

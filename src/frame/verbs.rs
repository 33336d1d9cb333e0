//! The verbs: select, filter, add, sort, join, stack, cut.

use polars::prelude::{
    BooleanChunked, DataFrame, DataFrameJoinOps, DataType, IntoColumn, JoinArgs, JoinCoalesce, JoinType, MaintainOrderJoin,
    NamedFrom, SortMultipleOptions,
};

use super::eval::{Scope, evaluate};
use super::{Column, Expr, FrameFault, Kind, Table};
use crate::base::{Result, did_you_mean};

/// Which rows a join keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// Rows whose keys are in both tables.
    Inner,
    /// All rows of the left table.
    Left,
    /// All rows of both.
    Full,
}

impl JoinKind {
    /// The kind named `name`.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "inner" => Ok(JoinKind::Inner),
            "left" => Ok(JoinKind::Left),
            "full" => Ok(JoinKind::Full),
            _ => Err(FrameFault::Type {
                what: "a join".into(),
                found: format!("the kind `{name}`"),
                help: did_you_mean(name, ["inner", "left", "full"]),
            }
            .into()),
        }
    }
}

fn of(frame: polars::prelude::PolarsResult<DataFrame>) -> Result<Table> {
    Ok(Table { frame: frame.map_err(FrameFault::from)? })
}

impl Table {
    /// The columns `names`, in this order.
    pub fn select(&self, names: &[&str]) -> Result<Table> {
        self.check_columns(names.iter().copied())?;
        if let Some((_, twice)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(FrameFault::ColumnTwice { name: (*twice).into() }.into());
        }
        of(self.frame.select(names))
    }

    /// A column for each expression, named by it.
    pub fn select_exprs(&self, expressions: &[Expr]) -> Result<Table> {
        let mut table = Table::builder();
        for expression in expressions {
            table = table.column(expression.name(), evaluate(expression, self, &Scope::Rows)?);
        }
        table.build()
    }

    /// The table without the columns `names`.
    pub fn drop(&self, names: &[&str]) -> Result<Table> {
        self.check_columns(names.iter().copied())?;
        Ok(Table { frame: self.frame.drop_many(names.iter().copied()) })
    }

    /// The table with column `from` named `to`.
    pub fn rename(&self, from: &str, to: &str) -> Result<Table> {
        self.check_columns([from])?;
        if from != to && self.frame.get_column_index(to).is_some() {
            return Err(FrameFault::ColumnTwice { name: to.into() }.into());
        }
        let mut frame = self.frame.clone();
        frame.rename(from, to.into()).map_err(FrameFault::from)?;
        Ok(Table { frame })
    }

    /// The rows where `condition` holds; a missing condition does not.
    pub fn filter(&self, condition: &Expr) -> Result<Table> {
        match evaluate(condition, self, &Scope::Rows)? {
            Column::Bool(flags) => {
                let mask = BooleanChunked::new("mask".into(), flags.iter().map(|flag| flag.unwrap_or(false)).collect::<Vec<_>>());
                of(self.frame.filter(&mask))
            }
            other => Err(FrameFault::Type {
                what: "`filter`".into(),
                found: format!("`{condition}`, which gives {}", other.kind().words()),
                help: "give it a comparison such as `col(\"a\") > 1`".into(),
            }
            .into()),
        }
    }

    /// The table with a column `name` computed from the others, in place of one with this name or at the end.
    pub fn with_column(&self, name: &str, expression: &Expr) -> Result<Table> {
        self.put(name, evaluate(expression, self, &Scope::Rows)?)
    }

    /// The table with `column` as `name`, in place of one with this name or at the end.
    pub fn put(&self, name: &str, column: Column) -> Result<Table> {
        if self.width() > 0 && column.len() != self.height() {
            return Err(FrameFault::Length { name: name.into(), found: column.len(), height: self.height() }.into());
        }
        if self.width() == 0 {
            return Table::builder().column(name, column).build();
        }
        let mut frame = self.frame.clone();
        frame.with_column(column.into_series(name).into_column()).map_err(FrameFault::from)?;
        Ok(Table { frame })
    }

    /// The rows ordered by the columns `by`, the first deciding first; equal rows keep their order, missing values come last.
    pub fn sort(&self, by: &[&str], descending: bool) -> Result<Table> {
        self.check_columns(by.iter().copied())?;
        if let Some((name, _)) = self.kinds().iter().find(|(name, kind)| by.contains(&name.as_str()) && *kind == Kind::List) {
            return Err(FrameFault::Type {
                what: format!("sorting by `{name}`"),
                found: Kind::List.words().into(),
                help: "sort by a column of numbers or texts".into(),
            }
            .into());
        }
        if by.is_empty() || self.height() == 0 {
            return Ok(self.clone());
        }
        let options =
            SortMultipleOptions::default().with_order_descending(descending).with_nulls_last(true).with_maintain_order(true);
        of(self.frame.sort(by.iter().copied(), options))
    }

    /// The rows of both tables with equal values in all of `on`, side by side, in the order of this one.
    /// A column that both have besides the keys comes from the other as `NAME_right`.
    pub fn join(&self, other: &Table, on: &[&str], how: JoinKind) -> Result<Table> {
        for table in [self, other] {
            table.check_columns(on.iter().copied())?;
        }
        for name in on {
            let (left, right) = (self.column(name)?.kind(), other.column(name)?.kind());
            if left != right || left == Kind::List {
                return Err(FrameFault::Type {
                    what: format!("a join on `{name}`"),
                    found: format!("{} on the left and {} on the right", left.words(), right.words()),
                    help: "both must hold the same kind of values, and no lists".into(),
                }
                .into());
            }
        }
        let kind = match how {
            JoinKind::Inner => JoinType::Inner,
            JoinKind::Left => JoinType::Left,
            JoinKind::Full => JoinType::Full,
        };
        let mut arguments = JoinArgs::new(kind);
        arguments.coalesce = JoinCoalesce::CoalesceColumns;
        arguments.maintain_order = if how == JoinKind::Full { MaintainOrderJoin::LeftRight } else { MaintainOrderJoin::Left };
        of(self.frame.join(&other.frame, on, on, arguments, None))
    }

    /// The rows of all tables under each other; their columns must be the same, in any order.
    pub fn concat(tables: &[Table]) -> Result<Table> {
        let Some((first, rest)) = tables.split_first() else { return Table::builder().build() };
        let names = first.columns();
        let mut whole = first.clone();
        for table in rest {
            let (mut left, mut right) = (names.clone(), table.columns());
            left.sort();
            right.sort();
            if left != right {
                return Err(FrameFault::ColumnsDiffer { left: names.join(", "), right: table.columns().join(", ") }.into());
            }
            let mut stacked = Table::builder();
            for name in &names {
                let mut cells = whole.column(name)?.cells();
                cells.extend(table.column(name)?.cells());
                stacked = stacked.cells(name, cells);
            }
            whole = stacked.build()?;
        }
        Ok(whole)
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

    /// The table with only the first of rows that agree in all of `names` (in all columns if none are given).
    pub fn unique(&self, names: &[&str]) -> Result<Table> {
        let all = self.columns();
        let keys: Vec<&str> = if names.is_empty() { all.iter().map(String::as_str).collect() } else { names.to_vec() };
        let rest: Vec<Expr> = all
            .iter()
            .filter(|name| !keys.contains(&name.as_str()))
            .map(|name| super::col(name.as_str()).aggregate(super::Aggregate::First))
            .collect();
        self.group_by(&keys)?.agg(&rest)?.select(&all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The table with every column as one of the five kinds, from a frame read from a file.
    pub(super) fn tidy(frame: DataFrame) -> Result<Table, FrameFault> {
        let height = frame.height();
        let columns = frame.into_columns().into_iter().map(|column| {
            let wanted = match column.dtype() {
                dtype if Kind::of(dtype).is_some() => return Ok(column),
                dtype if dtype.is_integer() => DataType::Int64,
                DataType::Float32 | DataType::Null => DataType::Float64,
                DataType::List(inner) if inner.is_primitive_numeric() => DataType::List(Box::new(DataType::Float64)),
                dtype => return Err(FrameFault::Kind { name: column.name().to_string(), kind: dtype.to_string() }),
            };
            column
                .strict_cast(&wanted)
                .map_err(|_| FrameFault::Kind { name: column.name().to_string(), kind: column.dtype().to_string() })
        });
        Ok(Table { frame: DataFrame::new(height, columns.collect::<Result<Vec<_>, _>>()?)? })
    }
}

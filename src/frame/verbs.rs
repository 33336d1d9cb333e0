//! Verbs on columns: select, drop, rename, add.

use polars::prelude::{DataFrame, DataType, IntoColumn, PolarsResult};

use super::eval::{Scope, evaluate};
use super::{Column, Expr, FrameFault, Kind, Table};
use crate::base::Result;

impl Table {
    /// The table of what polars computed.
    pub(super) fn of(frame: PolarsResult<DataFrame>) -> Result<Table> {
        Ok(Table { frame: frame.map_err(FrameFault::from)? })
    }

    /// The columns `names`, in this order.
    pub fn select(&self, names: &[&str]) -> Result<Table> {
        self.check_columns(names.iter().copied())?;
        if let Some((_, twice)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(FrameFault::ColumnTwice { name: (*twice).into() }.into());
        }
        Table::of(self.frame.select(names))
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

    /// The table with columns under other names: pairs of the old name and the new one, all at once, so that two may change places.
    pub fn rename(&self, pairs: &[(&str, &str)]) -> Result<Table> {
        self.check_columns(pairs.iter().map(|(from, _)| *from))?;
        let mut table = Table::builder();
        for (name, column) in self.all()? {
            let to = pairs.iter().find(|(from, _)| *from == name).map_or(name.as_str(), |(_, to)| to);
            table = table.column(to, column);
        }
        table.build()
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

    /// The table with `column` as `name`, which must be new.
    pub(super) fn add(&self, name: &str, column: Column) -> Result<Table> {
        if self.frame.get_column_index(name).is_some() {
            return Err(FrameFault::ColumnTwice { name: name.into() }.into());
        }
        self.put(name, column)
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

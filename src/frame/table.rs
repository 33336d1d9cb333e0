//! The table: named columns of equal length.

use polars::prelude::{DataFrame, IntoColumn};

use super::{Cell, Column, FrameFault, Kind};
use crate::base::{Result, did_you_mean};

/// A table. Cloning is cheap: columns are shared.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) frame: DataFrame,
}

/// A table being put together column by column; mistakes are reported by [`build`](Self::build).
#[derive(Debug, Default)]
pub struct Builder {
    columns: Vec<(String, Result<Column>)>,
}

impl Builder {
    /// Adds a column of texts.
    #[must_use]
    pub fn text<S: Into<String>>(self, name: &str, values: impl IntoIterator<Item = S>) -> Self {
        self.column(name, Column::Text(values.into_iter().map(|value| Some(value.into())).collect()))
    }

    /// Adds a column of numbers.
    #[must_use]
    pub fn float(self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.column(name, Column::Float(values.into_iter().map(Some).collect()))
    }

    /// Adds a column of integers.
    #[must_use]
    pub fn int(self, name: &str, values: impl IntoIterator<Item = i64>) -> Self {
        self.column(name, Column::Int(values.into_iter().map(Some).collect()))
    }

    /// Adds a column of true/false values.
    #[must_use]
    pub fn bool(self, name: &str, values: impl IntoIterator<Item = bool>) -> Self {
        self.column(name, Column::Bool(values.into_iter().map(Some).collect()))
    }

    /// Adds a column whose values are lists of numbers.
    #[must_use]
    pub fn lists(self, name: &str, values: impl IntoIterator<Item = Vec<f64>>) -> Self {
        self.column(name, Column::List(values.into_iter().map(Some).collect()))
    }

    /// Adds a column of cells, whose kind is found from them.
    #[must_use]
    pub fn cells(mut self, name: &str, cells: Vec<Cell>) -> Self {
        self.columns.push((name.into(), Column::of_cells(name, cells)));
        self
    }

    /// Adds a column.
    #[must_use]
    pub fn column(mut self, name: &str, column: Column) -> Self {
        self.columns.push((name.into(), Ok(column)));
        self
    }

    /// The table; fails on columns of different lengths and on equal names.
    pub fn build(self) -> Result<Table> {
        let mut height = None;
        let mut series: Vec<polars::prelude::Column> = Vec::with_capacity(self.columns.len());
        for (name, column) in self.columns {
            let column = column?;
            let height = *height.get_or_insert(column.len());
            if column.len() != height {
                return Err(FrameFault::Length { name, found: column.len(), height }.into());
            }
            if series.iter().any(|known| known.name().as_str() == name) {
                return Err(FrameFault::ColumnTwice { name }.into());
            }
            series.push(column.into_series(&name).into_column());
        }
        Ok(Table { frame: DataFrame::new(height.unwrap_or(0), series).map_err(FrameFault::from)? })
    }
}

impl Table {
    /// Starts a table.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Number of rows.
    pub fn height(&self) -> usize {
        self.frame.height()
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.frame.width()
    }

    /// The names of the columns in order.
    pub fn columns(&self) -> Vec<String> {
        self.frame.get_column_names().into_iter().map(ToString::to_string).collect()
    }

    /// The columns' names with what they hold, in order.
    pub fn kinds(&self) -> Vec<(String, Kind)> {
        let columns = self.frame.columns().iter();
        // `tidy` lets no other kind into a table.
        columns.map(|column| (column.name().to_string(), Kind::of(column.dtype()).unwrap_or(Kind::Float))).collect()
    }

    pub(super) fn no_column(&self, name: &str) -> FrameFault {
        let known = self.columns();
        FrameFault::NoColumn { name: name.into(), help: did_you_mean(name, known.iter().map(String::as_str)) }
    }

    pub(super) fn check_columns<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        match names.into_iter().find(|name| self.frame.get_column_index(name).is_none()) {
            Some(name) => Err(self.no_column(name).into()),
            None => Ok(()),
        }
    }

    /// The values of a column.
    pub fn column(&self, name: &str) -> Result<Column> {
        let column = self.frame.column(name).map_err(|_| self.no_column(name))?;
        Ok(Column::of_series(column.as_materialized_series())?)
    }

    /// A column of numbers; integers are accepted, a missing value becomes NaN.
    pub fn column_f64(&self, name: &str) -> Result<Vec<f64>> {
        match self.column(name)? {
            Column::Float(values) => Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()),
            Column::Int(values) => Ok(values.into_iter().map(|value| value.map_or(f64::NAN, |value| value as f64)).collect()),
            other => Err(wrong(name, other.kind(), "numbers")),
        }
    }

    /// A column of integers without missing values.
    pub fn column_i64(&self, name: &str) -> Result<Vec<i64>> {
        match self.column(name)? {
            Column::Int(values) if values.iter().all(Option::is_some) => Ok(values.into_iter().flatten().collect()),
            other => Err(wrong(name, other.kind(), "integers without missing values")),
        }
    }

    /// A column of texts; a missing one becomes empty.
    pub fn column_text(&self, name: &str) -> Result<Vec<String>> {
        match self.column(name)? {
            Column::Text(values) => Ok(values.into_iter().map(Option::unwrap_or_default).collect()),
            other => Err(wrong(name, other.kind(), "texts")),
        }
    }

    /// A column of lists of numbers; a missing one becomes empty.
    pub fn column_lists(&self, name: &str) -> Result<Vec<Vec<f64>>> {
        match self.column(name)? {
            Column::List(values) => Ok(values.into_iter().map(Option::unwrap_or_default).collect()),
            other => Err(wrong(name, other.kind(), "lists of numbers")),
        }
    }

    /// Row `row` as names with values; negative numbers count from the end.
    pub fn row(&self, row: i64) -> Result<Vec<(String, Cell)>> {
        let height = self.height();
        let index = if row < 0 { row + height as i64 } else { row };
        let index = usize::try_from(index).ok().filter(|index| *index < height);
        let Some(index) = index else { return Err(FrameFault::NoRow { row, height }.into()) };
        self.frame
            .columns()
            .iter()
            .map(|column| Ok((column.name().to_string(), Cell::of(&column.get(index).map_err(FrameFault::from)?))))
            .collect()
    }

    /// All columns, with their names, in order.
    pub fn all(&self) -> Result<Vec<(String, Column)>> {
        self.columns()
            .into_iter()
            .map(|name| {
                let column = self.column(&name)?;
                Ok((name, column))
            })
            .collect()
    }
}

fn wrong(name: &str, found: Kind, wanted: &str) -> crate::base::Fault {
    FrameFault::Type {
        what: format!("a use of column `{name}` that needs {wanted}"),
        found: found.words().into(),
        help: "choose another column, or make one with `with_column`".into(),
    }
    .into()
}

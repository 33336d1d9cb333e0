//! One value of a table, one column of values, and their way into and out of polars.

use polars::prelude::{AnyValue, BooleanChunked, DataType, Float64Chunked, Int64Chunked, NamedFrom, Series, StringChunked};

use super::FrameFault;
use crate::base::Result;

/// One value of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Missing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list of numbers.
    List(Vec<f64>),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// Integers.
    Int,
    /// Numbers.
    Float,
    /// Texts.
    Text,
    /// Lists of numbers.
    List,
}

impl Kind {
    /// The kind in words, plural.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Bool => "true/false values",
            Kind::Int => "integers",
            Kind::Float => "numbers",
            Kind::Text => "texts",
            Kind::List => "lists of numbers",
        }
    }

    /// The kind as scripts name it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Text => "text",
            Kind::List => "list",
        }
    }

    pub(super) fn of(dtype: &DataType) -> Option<Self> {
        Some(match dtype {
            DataType::Boolean => Kind::Bool,
            DataType::Int64 => Kind::Int,
            DataType::Float64 => Kind::Float,
            DataType::String => Kind::Text,
            DataType::List(inner) if **inner == DataType::Float64 => Kind::List,
            _ => return None,
        })
    }
}

impl Cell {
    /// The kind of the cell; `None` for a missing one.
    pub fn kind(&self) -> Option<Kind> {
        Some(match self {
            Cell::Null => return None,
            Cell::Bool(_) => Kind::Bool,
            Cell::Int(_) => Kind::Int,
            Cell::Float(_) => Kind::Float,
            Cell::Text(_) => Kind::Text,
            Cell::List(_) => Kind::List,
        })
    }

    /// The cell of a polars value of one of the five kinds.
    pub(super) fn of(value: &AnyValue) -> Cell {
        match value {
            AnyValue::Boolean(value) => Cell::Bool(*value),
            AnyValue::Int64(value) => Cell::Int(*value),
            AnyValue::Float64(value) => Cell::Float(*value),
            AnyValue::String(value) => Cell::Text((*value).into()),
            AnyValue::StringOwned(value) => Cell::Text(value.to_string()),
            AnyValue::List(values) => Cell::List(numbers(values)),
            _ => Cell::Null,
        }
    }
}

/// The values of a list; a missing one becomes NaN.
fn numbers(values: &Series) -> Vec<f64> {
    values.f64().map(|values| values.iter().map(|value| value.unwrap_or(f64::NAN)).collect()).unwrap_or_default()
}

/// The values of one column; `None` is a missing value.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// `true` or `false`.
    Bool(Vec<Option<bool>>),
    /// Integers.
    Int(Vec<Option<i64>>),
    /// Numbers.
    Float(Vec<Option<f64>>),
    /// Texts.
    Text(Vec<Option<String>>),
    /// Lists of numbers.
    List(Vec<Option<Vec<f64>>>),
}

impl Column {
    /// What the column holds.
    pub fn kind(&self) -> Kind {
        match self {
            Column::Bool(_) => Kind::Bool,
            Column::Int(_) => Kind::Int,
            Column::Float(_) => Kind::Float,
            Column::Text(_) => Kind::Text,
            Column::List(_) => Kind::List,
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Column::Bool(values) => values.len(),
            Column::Int(values) => values.len(),
            Column::Float(values) => values.len(),
            Column::Text(values) => values.len(),
            Column::List(values) => values.len(),
        }
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `row`; missing past the end.
    pub fn cell(&self, row: usize) -> Cell {
        fn at<T: Clone>(values: &[Option<T>], row: usize, wrap: fn(T) -> Cell) -> Cell {
            values.get(row).cloned().flatten().map_or(Cell::Null, wrap)
        }
        match self {
            Column::Bool(values) => at(values, row, Cell::Bool),
            Column::Int(values) => at(values, row, Cell::Int),
            Column::Float(values) => at(values, row, Cell::Float),
            Column::Text(values) => at(values, row, Cell::Text),
            Column::List(values) => at(values, row, Cell::List),
        }
    }

    /// All values in order.
    pub fn cells(&self) -> Vec<Cell> {
        (0..self.len()).map(|row| self.cell(row)).collect()
    }

    /// The values at `rows`, in this order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Column {
        fn at<T: Clone>(values: &[Option<T>], rows: &[usize]) -> Vec<Option<T>> {
            rows.iter().map(|row| values.get(*row).cloned().flatten()).collect()
        }
        match self {
            Column::Bool(values) => Column::Bool(at(values, rows)),
            Column::Int(values) => Column::Int(at(values, rows)),
            Column::Float(values) => Column::Float(at(values, rows)),
            Column::Text(values) => Column::Text(at(values, rows)),
            Column::List(values) => Column::List(at(values, rows)),
        }
    }

    /// The column of these cells: integers with other numbers become numbers, any other mixture is refused.
    pub fn of_cells(name: &str, cells: Vec<Cell>) -> Result<Column> {
        Self::of_cells_or(name, cells, Kind::Float)
    }

    /// As [`of_cells`](Self::of_cells); if all are missing, the column is one of `otherwise`.
    pub(super) fn of_cells_or(name: &str, cells: Vec<Cell>, otherwise: Kind) -> Result<Column> {
        let mut kind: Option<Kind> = None;
        for cell in &cells {
            kind = match (kind, cell.kind()) {
                (known, None) => known,
                (None, found) => found,
                (Some(known), Some(found)) if known == found => Some(known),
                (Some(Kind::Int | Kind::Float), Some(Kind::Int | Kind::Float)) => Some(Kind::Float),
                (Some(known), Some(found)) => {
                    return Err(FrameFault::Mixed {
                        name: name.into(),
                        first: known.words().into(),
                        second: found.words().into(),
                    }
                    .into());
                }
            };
        }
        let cells = cells.into_iter();
        Ok(match kind.unwrap_or(otherwise) {
            Kind::Bool => Column::Bool(cells.map(|cell| if let Cell::Bool(value) = cell { Some(value) } else { None }).collect()),
            Kind::Int => Column::Int(cells.map(|cell| if let Cell::Int(value) = cell { Some(value) } else { None }).collect()),
            Kind::Float => Column::Float(
                cells
                    .map(|cell| match cell {
                        Cell::Float(value) => Some(value),
                        Cell::Int(value) => Some(value as f64),
                        _ => None,
                    })
                    .collect(),
            ),
            Kind::Text => Column::Text(cells.map(|cell| if let Cell::Text(value) = cell { Some(value) } else { None }).collect()),
            Kind::List => Column::List(cells.map(|cell| if let Cell::List(value) = cell { Some(value) } else { None }).collect()),
        })
    }

    /// The column of a series of one of the five kinds.
    pub(super) fn of_series(series: &Series) -> Result<Column, FrameFault> {
        Ok(match Kind::of(series.dtype()) {
            Some(Kind::Bool) => Column::Bool(series.bool()?.iter().collect()),
            Some(Kind::Int) => Column::Int(series.i64()?.iter().collect()),
            Some(Kind::Float) => Column::Float(series.f64()?.iter().collect()),
            Some(Kind::Text) => Column::Text(series.str()?.iter().map(|text| text.map(String::from)).collect()),
            Some(Kind::List) => {
                let lists = series.list()?;
                Column::List((0..lists.len()).map(|row| lists.get_as_series(row).map(|list| numbers(&list))).collect())
            }
            None => {
                return Err(FrameFault::Kind { name: series.name().to_string(), kind: series.dtype().to_string() });
            }
        })
    }

    /// The series of this column.
    pub(super) fn into_series(self, name: &str) -> Series {
        use polars::prelude::IntoSeries;
        let name = name.into();
        match self {
            Column::Bool(values) => BooleanChunked::new(name, values).into_series(),
            Column::Int(values) => Int64Chunked::new(name, values).into_series(),
            Column::Float(values) => Float64Chunked::new(name, values).into_series(),
            Column::Text(values) => StringChunked::new(name, values).into_series(),
            Column::List(lists) => {
                use polars::prelude::{ListBuilderTrait, ListPrimitiveChunkedBuilder};
                let total = lists.iter().flatten().map(Vec::len).sum();
                let mut builder =
                    ListPrimitiveChunkedBuilder::<polars::prelude::Float64Type>::new(name, lists.len(), total, DataType::Float64);
                for list in lists {
                    builder.append_opt_slice(list.as_deref());
                }
                builder.finish().into_series()
            }
        }
    }
}

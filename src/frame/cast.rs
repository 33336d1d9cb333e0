//! Values of one kind as another: numbers that came in as texts, texts of numbers.

use super::{Cell, Column, FrameFault, Kind, Table};
use crate::base::{Result, did_you_mean};

/// The text of a value, unrounded; `None` for a missing one and for a list.
pub(super) fn as_text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Null | Cell::List(_) => None,
        Cell::Bool(value) => Some(value.to_string()),
        Cell::Int(value) => Some(value.to_string()),
        Cell::Float(value) => Some(value.to_string()),
        Cell::Text(value) => Some(value.clone()),
    }
}

/// A number without a fraction as an integer.
fn whole(value: f64) -> Option<i64> {
    // 2^63 is the first number that an i64 cannot hold.
    (value.fract() == 0.0 && value.abs() < 9_223_372_036_854_775_808.0).then_some(value as i64)
}

/// The value as one of `kind`; `None` if it cannot be read so. An empty text is a missing number.
fn cast(cell: Cell, kind: Kind) -> Option<Cell> {
    if cell == Cell::Null || cell.kind() == Some(kind) {
        return Some(cell);
    }
    if let (Cell::Text(text), true) = (&cell, kind != Kind::Text)
        && text.trim().is_empty()
    {
        return Some(Cell::Null);
    }
    match (kind, cell) {
        (Kind::Text, cell) => as_text(&cell).map(Cell::Text),
        (Kind::Float, Cell::Int(value)) => Some(Cell::Float(value as f64)),
        (Kind::Float, Cell::Bool(value)) => Some(Cell::Float(f64::from(u8::from(value)))),
        (Kind::Float, Cell::Text(text)) => text.trim().parse().ok().map(Cell::Float),
        (Kind::Int, Cell::Float(value)) => whole(value).map(Cell::Int),
        (Kind::Int, Cell::Bool(value)) => Some(Cell::Int(i64::from(value))),
        (Kind::Int, Cell::Text(text)) => {
            let text = text.trim();
            text.parse().ok().or_else(|| whole(text.parse().ok()?)).map(Cell::Int)
        }
        (Kind::Bool, Cell::Int(value @ (0 | 1))) => Some(Cell::Bool(value == 1)),
        (Kind::Bool, Cell::Text(text)) => text.trim().to_lowercase().parse().ok().map(Cell::Bool),
        _ => None,
    }
}

impl Kind {
    /// The kind named `name`, of those that values can be turned into.
    pub fn parse(name: &str) -> Result<Kind> {
        const TURNED: [Kind; 4] = [Kind::Float, Kind::Int, Kind::Text, Kind::Bool];
        TURNED.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            FrameFault::Type {
                what: "`cast`".into(),
                found: format!("the kind `{name}`"),
                help: did_you_mean(name, TURNED.map(Kind::name)),
            }
            .into()
        })
    }
}

impl Column {
    /// The values as `kind`. One that cannot be read so is a fault if `strict`, else missing.
    pub(super) fn cast(&self, name: &str, kind: Kind, strict: bool) -> Result<Column> {
        let turn = |(row, cell): (usize, Cell)| match cast(cell.clone(), kind) {
            Some(turned) => Ok(turned),
            None if strict => {
                Err(FrameFault::Cast { name: name.into(), row, value: cell.to_string(), kind: kind.words().into() }.into())
            }
            None => Ok(Cell::Null),
        };
        Column::of_cells_or(name, self.cells().into_iter().enumerate().map(turn).collect::<Result<_>>()?, kind)
    }
}

impl Table {
    /// The table with these columns as `kind`. A value that cannot be read so is a fault if `strict`, else missing.
    pub fn cast(&self, names: &[&str], kind: Kind, strict: bool) -> Result<Table> {
        self.check_columns(names.iter().copied())?;
        let mut table = self.clone();
        for name in names {
            table = table.put(name, self.column(name)?.cast(name, kind, strict)?)?;
        }
        Ok(table)
    }
}

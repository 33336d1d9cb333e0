//! Values of a script as cells, columns and rows of a table, and back.

use rhai::{Array, Dynamic, FnPtr, Map, NativeCallContext};

use super::cross::{Answer, Cross};
use super::values::words;
use crate::base::Fault;
use crate::frame::{Cell, Expr, FrameFault, Table};

/// A script's value as the cell of column `name`.
pub(super) fn cell(name: &str, value: &Dynamic) -> Result<Cell, Fault> {
    let value = value.flatten_clone();
    if value.is_unit() {
        return Ok(Cell::Null);
    }
    if let Ok(flag) = value.as_bool() {
        return Ok(Cell::Bool(flag));
    }
    if let Ok(int) = value.as_int() {
        return Ok(Cell::Int(int));
    }
    if let Ok(float) = value.as_float() {
        return Ok(Cell::Float(float));
    }
    if let Ok(letter) = value.as_char() {
        return Ok(Cell::Text(letter.into()));
    }
    let refused =
        |found: &str| FrameFault::Mixed { name: name.into(), first: "values".into(), second: format!("a value of type {found}") };
    if let Ok(array) = value.as_array_ref() {
        let numbers: Option<Vec<f64>> = array.iter().map(super::options::number).collect();
        return numbers.map(Cell::List).ok_or_else(|| refused("array with other things than numbers").into());
    }
    let found = value.type_name();
    value.into_string().map(Cell::Text).map_err(|_| refused(found).into())
}

/// A cell as a script's value.
pub(super) fn value(cell: Cell) -> Dynamic {
    match cell {
        Cell::Null => Dynamic::UNIT,
        Cell::Bool(flag) => flag.into(),
        Cell::Int(int) => int.into(),
        Cell::Float(float) => float.into(),
        Cell::Text(text) => text.into(),
        Cell::List(numbers) => numbers.into_iter().map(Dynamic::from).collect::<Array>().into(),
    }
}

pub(super) fn cells(name: &str, values: &Array) -> Result<Vec<Cell>, Fault> {
    values.iter().map(|value| cell(name, value)).collect()
}

/// One text, or an array of texts.
pub(super) fn names(call: &str, given: &Dynamic) -> Result<Vec<String>, Fault> {
    let name = |value: &Dynamic| {
        value.clone().into_string().map_err(|_| {
            Fault::from(FrameFault::Type {
                what: format!("`{call}`"),
                found: words(value),
                help: "give it a column name, or an array of names".into(),
            })
        })
    };
    match given.as_array_ref() {
        Ok(array) => array.iter().map(name).collect(),
        Err(_) => Ok(vec![name(given)?]),
    }
}

/// Calls `f` with the names as text slices.
pub(super) fn with_names<T>(call: &str, given: &Dynamic, f: impl FnOnce(&[&str]) -> Result<T, Fault>) -> Answer<T> {
    let names = names(call, given).cross()?;
    f(&names.iter().map(String::as_str).collect::<Vec<_>>()).cross()
}

/// Expressions given as an array, or as a map from names.
pub(super) fn expressions(call: &str, given: &Dynamic) -> Result<Vec<Expr>, Fault> {
    if let Some(expr) = given.clone().try_cast::<Expr>() {
        return Ok(vec![expr]);
    }
    let one = |value: &Dynamic| {
        value.clone().try_cast::<Expr>().ok_or_else(|| {
            Fault::from(FrameFault::Type {
                what: format!("`{call}`"),
                found: words(value),
                help: "give it column expressions, such as `[col(\"ms\").mean()]` or `#{ mean_ms: col(\"ms\").mean() }`".into(),
            })
        })
    };
    if let Ok(map) = given.as_map_ref() {
        return map.iter().map(|(name, value)| Ok(one(value)?.alias(name.as_str()))).collect();
    }
    match given.as_array_ref() {
        Ok(array) => array.iter().map(one).collect(),
        Err(_) => one(given).map(|expr| vec![expr]),
    }
}

pub(super) fn of_columns(columns: &Map) -> Result<Table, Fault> {
    let mut table = Table::builder();
    for (name, values) in columns {
        let array = values.as_array_ref().map_err(|_| {
            Fault::from(FrameFault::Type {
                what: format!("`table` for column `{name}`"),
                found: words(values),
                help: "give every column an array, such as `#{ a: [1, 2], b: [\"x\", \"y\"] }`".into(),
            })
        })?;
        table = table.cells(name, cells(name, &array)?);
    }
    table.build()
}

pub(super) fn of_rows(rows: &Array) -> Result<Table, Fault> {
    let mut maps: Vec<Map> = Vec::with_capacity(rows.len());
    for row in rows {
        maps.push(row.clone().try_cast::<Map>().ok_or_else(|| {
            Fault::from(FrameFault::Type {
                what: "`table`".into(),
                found: format!("{} as a row", words(row)),
                help: "give every row a map, such as `[#{ a: 1 }, #{ a: 2 }]`".into(),
            })
        })?);
    }
    let names: std::collections::BTreeSet<_> = maps.iter().flat_map(Map::keys).cloned().collect();
    let mut table = Table::builder();
    for name in names {
        let column = maps.iter().map(|row| row.get(&name).map_or(Ok(Cell::Null), |value| cell(&name, value)));
        table = table.cells(&name, column.collect::<Result<_, Fault>>()?);
    }
    table.build()
}

/// The expressions of `select`: names stand for their columns.
pub(super) fn selected(given: &Dynamic) -> Result<Vec<Expr>, Fault> {
    let Ok(items) = given.as_array_ref() else { return expressions("select", given) };
    let wrong = |item: &Dynamic| FrameFault::Type {
        what: "`select`".into(),
        found: words(item),
        help: "give it names and expressions, such as `[\"op\", (col(\"ms\") * 1000).alias(\"us\")]`".into(),
    };
    let one = |item: &Dynamic| match item.clone().try_cast::<Expr>() {
        Some(expr) => Ok(expr),
        None => item.clone().into_string().map(crate::frame::col).map_err(|_| wrong(item).into()),
    };
    items.iter().map(one).collect()
}

/// What a closure answers for each row, which it is given as a map.
pub(super) fn of_each_row(context: &NativeCallContext, table: &Table, closure: &FnPtr) -> Answer<Vec<Dynamic>> {
    let rows = maps(table).cross()?;
    rows.into_iter().map(|row| closure.call_within_context(context, (row,))).collect()
}

/// The rows of a table as maps.
pub(super) fn maps(table: &Table) -> Result<Array, Fault> {
    (0..table.height() as i64).map(|index| table.row(index).map(|row| map_of(row).into())).collect()
}

pub(super) fn map_of(row: Vec<(String, Cell)>) -> Map {
    row.into_iter().map(|(name, cell)| (name.into(), value(cell))).collect()
}

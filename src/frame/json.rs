//! Tables as JSON: an array with one object a row. JSON knows no NaN or infinity: they are written as texts and read back.

use serde_json::{Map, Value};

use super::{Cell, FrameFault, Table};
use crate::base::Result;

const WORDS: [(&str, f64); 3] = [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];

fn number(value: f64) -> Value {
    match serde_json::Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => Value::from("NaN"),
        None => Value::from(if value > 0.0 { "Infinity" } else { "-Infinity" }),
    }
}

fn word(text: &str) -> Option<f64> {
    WORDS.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}

impl Cell {
    fn to_json(&self) -> Value {
        match self {
            Cell::Null => Value::Null,
            Cell::Bool(value) => Value::Bool(*value),
            Cell::Int(value) => Value::from(*value),
            Cell::Float(value) => number(*value),
            Cell::Text(value) => Value::String(value.clone()),
            Cell::List(values) => Value::Array(values.iter().map(|value| number(*value)).collect()),
        }
    }

    fn of_json(name: &str, value: &Value) -> Result<Cell> {
        let refused =
            |what: &str| Err(FrameFault::Mixed { name: name.into(), first: "values".into(), second: what.into() }.into());
        Ok(match value {
            Value::Null => Cell::Null,
            Value::Bool(value) => Cell::Bool(*value),
            Value::Number(value) => match value.as_i64() {
                Some(value) => Cell::Int(value),
                None => Cell::Float(value.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(value) => Cell::Text(value.clone()),
            Value::Array(values) => {
                let numbers: Option<Vec<f64>> =
                    values.iter().map(|value| value.as_f64().or_else(|| word(value.as_str()?))).collect();
                match numbers {
                    Some(numbers) => Cell::List(numbers),
                    None => return refused("lists of other things than numbers"),
                }
            }
            Value::Object(_) => return refused("objects"),
        })
    }
}

/// A column of numbers whose NaN and infinities are texts, with these turned back; others as they are.
fn words_to_numbers(cells: Vec<Cell>) -> Vec<Cell> {
    let any_number = cells.iter().any(|cell| matches!(cell, Cell::Int(_) | Cell::Float(_)));
    let all_numbers = cells.iter().all(|cell| match cell {
        Cell::Text(text) => word(text).is_some(),
        Cell::Int(_) | Cell::Float(_) | Cell::Null => true,
        _ => false,
    });
    if !(any_number && all_numbers) {
        return cells;
    }
    let turn = |cell| match cell {
        Cell::Text(text) => word(&text).map_or(Cell::Null, Cell::Float),
        other => other,
    };
    cells.into_iter().map(turn).collect()
}

impl Table {
    /// The table of these rows, each an object; a key that a row lacks is missing there. Columns stand in the order in which keys occur.
    pub fn from_json_rows(rows: &[Map<String, Value>]) -> Result<Table> {
        let mut names: Vec<&String> = Vec::new();
        for key in rows.iter().flat_map(Map::keys) {
            if !names.contains(&key) {
                names.push(key);
            }
        }
        let mut table = Table::builder();
        for name in names {
            let cells = rows.iter().map(|row| row.get(name).map_or(Ok(Cell::Null), |value| Cell::of_json(name, value)));
            table = table.cells(name, words_to_numbers(cells.collect::<Result<_>>()?));
        }
        table.build()
    }

    /// The rows as objects.
    pub fn to_json_rows(&self) -> Result<Vec<Map<String, Value>>> {
        let columns = self.all()?;
        Ok((0..self.height())
            .map(|row| columns.iter().map(|(name, column)| (name.clone(), column.cell(row).to_json())).collect())
            .collect())
    }
}

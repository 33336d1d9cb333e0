//! A value as JSON: what `--json` prints.

use rhai::{Array, Dynamic, Engine, FnPtr, Map};
use serde_json::{Number, Value};

use super::render::friendly;
use crate::base::{Fault, Result};

/// The value on one line. Tables become arrays of rows; a value of any other type of the lab has no JSON form.
pub(super) fn json(engine: &Engine, value: &Dynamic) -> Result<String> {
    Ok(form(engine, value, "")?.to_string())
}

/// `at` says where inside the whole value this one stands: `.rows[2]`.
fn form(engine: &Engine, value: &Dynamic, at: &str) -> Result<Value> {
    let value = value.flatten_clone();
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(truth) = value.as_bool() {
        return Ok(truth.into());
    }
    if let Ok(number) = value.as_int() {
        return Ok(number.into());
    }
    if let Ok(number) = value.as_float() {
        let help = "put another value in its place, or leave it out";
        return Number::from_f64(number).map(Value::Number).ok_or_else(|| refused(at, &number.to_string(), help));
    }
    if value.is_string() || value.is_char() {
        return Ok(value.to_string().into());
    }
    if let Ok(items) = value.as_array_ref() {
        return array(engine, &items, at);
    }
    if let Ok(map) = value.as_map_ref() {
        let members = map.iter().map(|(key, value)| Ok((key.to_string(), form(engine, value, &format!("{at}.{key}"))?)));
        return Ok(Value::Object(members.collect::<Result<_>>()?));
    }
    let kind = friendly(engine.map_type_name(value.type_name()));
    match rows(engine, value) {
        Some(rows) => array(engine, &rows, at),
        None => Err(refused(
            at,
            &format!("of type {kind}"),
            "end the script with numbers, texts, arrays, maps or a table, for example `#{ score: study.best().score }`",
        )),
    }
}

fn array(engine: &Engine, items: &[Dynamic], at: &str) -> Result<Value> {
    items.iter().enumerate().map(|(index, item)| form(engine, item, &format!("{at}[{index}]"))).collect()
}

/// The rows of a table.
fn rows(engine: &Engine, value: Dynamic) -> Option<Array> {
    let rows: Dynamic = FnPtr::new("to_maps").ok()?.call(engine, &rhai::AST::empty(), (value,)).ok()?;
    // Only maps, so that this ends.
    rows.into_array().ok().filter(|rows| rows.iter().all(Dynamic::is::<Map>))
}

fn refused(at: &str, what: &str, help: &str) -> Fault {
    let which =
        if at.is_empty() { "the last value".into() } else { format!("`{}` of the last value", at.trim_start_matches('.')) };
    Fault::new("script::no_json", format!("{which} is {what}, which has no JSON form"), help)
}

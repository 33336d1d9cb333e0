//! Comparisons and division that give no silent wrong answer: unlike types are not compared, and `1 / 2` is a half.

use std::any::TypeId;
use std::cmp::Ordering;
use std::ops::{Range, RangeInclusive};

use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map, Position};

use super::cross::{Answer, raise};
use super::values::words;
use crate::base::Fault;

/// Whether a comparison holds for an order; `None` is the order of values of which neither comes first.
type Holds = fn(Option<Ordering>) -> bool;

/// What may be written between two values to compare them, and for which orders it holds.
const COMPARISONS: [(&str, Holds); 6] = [
    ("==", |order| order == Some(Ordering::Equal)),
    ("!=", |order| order != Some(Ordering::Equal)),
    ("<", |order| order == Some(Ordering::Less)),
    ("<=", |order| matches!(order, Some(Ordering::Less | Ordering::Equal))),
    (">", |order| order == Some(Ordering::Greater)),
    (">=", |order| matches!(order, Some(Ordering::Greater | Ordering::Equal))),
];

/// The order of two numbers; those that differ only by rounding of the last place count as equal, as everywhere in Rhai.
fn order_of_numbers(left: f64, right: f64) -> Option<Ordering> {
    let largest = left.abs().max(right.abs());
    if left.is_finite() && right.is_finite() && (left - right).abs() <= largest * f64::EPSILON {
        return Some(Ordering::Equal);
    }
    left.partial_cmp(&right)
}

fn text(value: &Dynamic) -> Option<String> {
    match value.as_char() {
        Ok(letter) => Some(letter.to_string()),
        Err(_) => value.as_immutable_string_ref().ok().map(|text| text.to_string()),
    }
}

/// How two values compare: `Err` if they cannot be compared at all, `Ok(None)` if neither is before the other.
fn order(symbol: &str, left: &Dynamic, right: &Dynamic) -> Answer<Option<Ordering>> {
    if let (Ok(left), Ok(right)) = (left.as_int(), right.as_int()) {
        return Ok(Some(left.cmp(&right)));
    }
    if let (Some(left), Some(right)) = (super::options::number(left), super::options::number(right)) {
        return Ok(order_of_numbers(left, right));
    }
    if let (Ok(left), Ok(right)) = (left.as_bool(), right.as_bool()) {
        return Ok(Some(left.cmp(&right)));
    }
    if let (Some(left), Some(right)) = (text(left), text(right)) {
        return Ok(Some(left.cmp(&right)));
    }
    // `x == ()` asks whether something is given.
    let only_equality = matches!(symbol, "==" | "!=");
    if only_equality && (left.is_unit() || right.is_unit()) {
        return Ok((left.is_unit() && right.is_unit()).then_some(Ordering::Equal));
    }
    if only_equality && let Some(equal) = same_range(left, right) {
        return Ok(equal.then_some(Ordering::Equal));
    }
    let (left_words, right_words) = (words(left), words(right));
    let fault = if left.type_id() == right.type_id() {
        Fault::new(
            "script::compare",
            format!("`{symbol}` cannot compare two values that are {left_words}"),
            "compare a property of them",
        )
    } else {
        Fault::new(
            "script::compare",
            format!("`{symbol}` compares {left_words} with {right_words}"),
            "convert one of them with `.to_string()`, `.to_int()` or `.to_float()`; `x == ()` asks whether x is given",
        )
    };
    Err(raise(fault))
}

fn same_range(left: &Dynamic, right: &Dynamic) -> Option<bool> {
    fn both<T: Clone + PartialEq + 'static>(left: &Dynamic, right: &Dynamic) -> Option<bool> {
        Some(left.clone().try_cast::<T>()? == right.clone().try_cast::<T>()?)
    }
    both::<Range<i64>>(left, right).or_else(|| both::<RangeInclusive<i64>>(left, right))
}

/// The quotient of integers: an integer where it is whole, else a number.
fn quotient(left: i64, right: i64) -> Answer<Dynamic> {
    match left.checked_rem(right) {
        Some(0) => Ok((left / right).into()),
        Some(_) => Ok((left as f64 / right as f64).into()),
        None if right == 0 => Err(EvalAltResult::ErrorArithmetic(format!("{left} is divided by zero"), Position::NONE).into()),
        None => Ok((left as f64 / right as f64).into()),
    }
}

/// Declares comparisons and division in place of Rhai's own.
pub(super) fn register(engine: &mut Engine) {
    // Otherwise Rhai computes with plain values before it looks for operators of ours.
    engine.set_fast_operators(false);

    // Rhai computes comparisons of constants while it reads a script, unless an operator for just these types is declared.
    let plain = [
        TypeId::of::<()>(),
        TypeId::of::<bool>(),
        TypeId::of::<i64>(),
        TypeId::of::<f64>(),
        TypeId::of::<char>(),
        TypeId::of::<ImmutableString>(),
        TypeId::of::<Array>(),
        TypeId::of::<Map>(),
    ];
    let any = TypeId::of::<Dynamic>();
    let mut pairs = vec![[any, any]];
    for left in plain {
        // Two arrays and two maps are compared by Rhai, which compares their items with these operators.
        let like = |right: &TypeId| left == *right && (left == TypeId::of::<Array>() || left == TypeId::of::<Map>());
        pairs.extend(plain.iter().filter(|right| !like(right)).map(|right| [left, *right]));
    }
    for (symbol, holds) in COMPARISONS {
        for pair in &pairs {
            engine.register_raw_fn(symbol, pair, move |_, arguments| Ok(holds(order(symbol, arguments[0], arguments[1])?)));
        }
    }

    let int = TypeId::of::<i64>();
    let integers =
        |arguments: &[&mut Dynamic]| (arguments[0].as_int().unwrap_or_default(), arguments[1].as_int().unwrap_or_default());
    engine.register_raw_fn("/", [int, int], move |_, arguments| {
        let (left, right) = integers(arguments);
        quotient(left, right)
    });
    engine.register_raw_fn("/=", [int, int], move |_, arguments| {
        let (left, right) = integers(arguments);
        *arguments[0] = quotient(left, right)?;
        Ok(())
    });
}

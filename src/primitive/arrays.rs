//! What a script can say about arrays of numbers, and sorting that is never silently wrong.

use std::cmp::Ordering;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr, NativeCallContext};

use super::cross::{Answer, Cross, raise};
use super::values::{noun, number, numbers, words};
use crate::base::{Fault, stats};

fn not_empty(call: &str, values: &[Dynamic]) -> Answer<()> {
    if values.is_empty() {
        return Err(raise(Fault::new("array::empty", format!("`{call}` of an empty array"), "ask `.is_empty()` first")));
    }
    Ok(())
}

/// The order of two keys: numbers with numbers, texts with texts, true after false; NaN comes last.
fn order(left: &Dynamic, right: &Dynamic) -> Result<Ordering, Fault> {
    if let (Ok(left), Ok(right)) = (left.as_int(), right.as_int()) {
        return Ok(left.cmp(&right));
    }
    if let (Ok(left), Ok(right)) = (number("sort", left), number("sort", right)) {
        return Ok(left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan())));
    }
    if let (Ok(left), Ok(right)) = (left.as_immutable_string_ref(), right.as_immutable_string_ref()) {
        return Ok((*left).cmp(&*right));
    }
    if let (Ok(left), Ok(right)) = (left.as_char(), right.as_char()) {
        return Ok(left.cmp(&right));
    }
    if let (Ok(left), Ok(right)) = (left.as_bool(), right.as_bool()) {
        return Ok(left.cmp(&right));
    }
    let message = format!("sorting cannot say whether {} comes before {}", words(left), words(right));
    Err(Fault::new("array::order", message, "sort by a key: `.sort_by(|x| x.score)` or `.sort_by(\"score\")`"))
}

/// A stable sort whose comparison can fail: the first failure is returned, and the items stay as they were.
fn sort_items<T: Clone>(items: &mut Vec<T>, mut compare: impl FnMut(&T, &T) -> Answer<Ordering>) -> Answer<()> {
    // By merging, because the library's sort may panic on a comparison that is no order.
    let mut failed = None;
    let mut sorted = items.clone();
    merge_sort(&mut sorted, &mut |left, right| match failed {
        Some(_) => Ordering::Equal,
        None => compare(left, right).unwrap_or_else(|error| {
            failed = Some(error);
            Ordering::Equal
        }),
    });
    match failed {
        Some(error) => Err(error),
        None => {
            *items = sorted;
            Ok(())
        }
    }
}

fn merge_sort<T: Clone>(items: &mut [T], compare: &mut impl FnMut(&T, &T) -> Ordering) {
    if items.len() < 2 {
        return;
    }
    let (low, high) = items.split_at_mut(items.len() / 2);
    merge_sort(low, compare);
    merge_sort(high, compare);
    let (low, high) = (low.to_vec(), high.to_vec());
    let (mut low, mut high) = (low.into_iter().peekable(), high.into_iter().peekable());
    for place in items {
        let from_high = match (low.peek(), high.peek()) {
            (Some(left), Some(right)) => compare(left, right) == Ordering::Greater,
            (left, _) => left.is_none(),
        };
        if let Some(item) = if from_high { high.next() } else { low.next() } {
            *place = item;
        }
    }
}

/// What a comparing closure said: negative, zero or positive, also as a number with a fraction, or whether the first comes first.
fn verdict(said: &Dynamic) -> Answer<Ordering> {
    if let Ok(first) = said.as_bool() {
        return Ok(if first { Ordering::Less } else { Ordering::Greater });
    }
    match number("sort", said).ok().and_then(|difference| difference.partial_cmp(&0.0)) {
        Some(order) => Ok(order),
        None => {
            let message = format!("the closure given to `sort` answered {} `{said}`", words(said));
            Err(raise(Fault::new(
                "array::order",
                message,
                "return a negative number, 0 or a positive number, as `|a, b| a - b` does",
            )))
        }
    }
}

/// Whether the closure takes two arguments (captured variables not counted), and so compares.
fn compares(context: &NativeCallContext, closure: &FnPtr) -> bool {
    let takes = |count: usize| {
        let arguments = closure.curry().len() + count;
        context.iter_namespaces().any(|module| module.get_script_fn(closure.fn_name(), arguments).is_some())
    };
    takes(2) && !takes(1)
}

/// The key of an item: what the closure answers, or the property of this name.
fn key(context: &NativeCallContext, by: &Dynamic, item: &Dynamic) -> Answer<Dynamic> {
    if by.is::<FnPtr>() {
        return by.clone_cast::<FnPtr>().call_within_context(context, (item.clone(),));
    }
    let name = by.clone().into_string().unwrap_or_default();
    if let Ok(map) = item.as_map_ref() {
        let known: Vec<&str> = map.keys().map(rhai::Identifier::as_str).collect();
        return map.get(name.as_str()).cloned().ok_or_else(|| {
            let help = crate::base::did_you_mean(&name, known);
            raise(Fault::new("script::unknown_property", format!("an item of the array has no property `{name}`"), help))
        });
    }
    context.call_native_fn(format!("get${name}"), (item.clone(),)).map_err(|_| {
        raise(Fault::new(
            "script::unknown_property",
            format!("{} has no property `{name}`", words(item)),
            "give a closure: `|x| ...`",
        ))
    })
}

fn keyed(context: &NativeCallContext, call: &str, items: &Array, by: &Dynamic) -> Answer<Vec<(Dynamic, Dynamic)>> {
    if !(by.is::<FnPtr>() || by.is_string()) {
        noun::<FnPtr>(call, "a closure or the name of a property", by).cross()?;
    }
    items.iter().map(|item| Ok((key(context, by, item)?, item.clone()))).collect()
}

fn sort_by_any(context: &NativeCallContext, items: &mut Array, by: &Dynamic) -> Answer<()> {
    if by.is::<FnPtr>() {
        let closure = by.clone_cast::<FnPtr>();
        if compares(context, &closure) {
            return sort_items(items, |left, right| {
                verdict(&closure.call_within_context::<Dynamic>(context, (left.clone(), right.clone()))?)
            });
        }
    }
    let mut pairs = keyed(context, "sort_by", items, by)?;
    sort_items(&mut pairs, |left, right| order(&left.0, &right.0).cross())?;
    *items = pairs.into_iter().map(|(_, item)| item).collect();
    Ok(())
}

/// The first item whose key is largest (`Greater`) or smallest (`Less`).
fn extreme(pairs: Vec<(Dynamic, Dynamic)>, side: Ordering) -> Answer<Dynamic> {
    let mut pairs = pairs.into_iter();
    let Some(mut best) = pairs.next() else { return Ok(Dynamic::UNIT) };
    for pair in pairs {
        let nan = super::options::number(&best.0).is_some_and(f64::is_nan);
        if !nan && (super::options::number(&pair.0).is_some_and(f64::is_nan) || order(&pair.0, &best.0).cross()? == side) {
            best = pair;
        }
    }
    Ok(best.1)
}

fn with_itself(items: &Array) -> Vec<(Dynamic, Dynamic)> {
    items.iter().map(|item| (item.clone(), item.clone())).collect()
}

#[export_module]
mod arrays {
    /// The sum of numbers: an integer if all are; 0 for none.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [1, 2, 3.5].sum() //> 6.5
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn sum(items: &mut Array) -> Answer<Dynamic> {
        let whole = items.iter().map(|item| item.as_int().ok()).collect::<Option<Vec<i64>>>();
        if let Some(sum) = whole.and_then(|ints| ints.into_iter().try_fold(0_i64, i64::checked_add)) {
            return Ok(sum.into());
        }
        Ok(numbers("sum", items).cross()?.iter().sum::<f64>().into())
    }

    /// The mean of numbers. Fails with `array::empty`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [1, 2].mean() //> 1.5
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn mean(items: &mut Array) -> Answer<f64> {
        not_empty("mean", items)?;
        Ok(stats::mean(&numbers("mean", items).cross()?))
    }

    /// The median of numbers. Fails with `array::empty`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [5, 1, 2].median() //> 2.0
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn median(items: &mut Array) -> Answer<f64> {
        not_empty("median", items)?;
        Ok(stats::median(&numbers("median", items).cross()?))
    }

    /// The largest item of an array of numbers or of texts; NaN if one is NaN. Fails with `array::empty` or `array::order`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [3, 7.5, 5].max() //> 7.5
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn max(items: &mut Array) -> Answer<Dynamic> {
        not_empty("max", items)?;
        extreme(with_itself(items), Ordering::Greater)
    }

    /// The smallest item of an array of numbers or of texts; NaN if one is NaN. Fails with `array::empty` or `array::order`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [3, 7.5, 5].min() //> 3
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn min(items: &mut Array) -> Answer<Dynamic> {
        not_empty("min", items)?;
        extreme(with_itself(items), Ordering::Less)
    }

    /// The first item whose key is largest; the key is a closure's answer or the name of a property.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [#{ name: "a", score: 1 }, #{ name: "b", score: 3 }].max_by("score").name //> b
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn max_by(context: NativeCallContext, items: &mut Array, by: Dynamic) -> Answer<Dynamic> {
        not_empty("max_by", items)?;
        extreme(keyed(&context, "max_by", items, &by)?, Ordering::Greater)
    }

    /// The first item whose key is smallest; the key is a closure's answer or the name of a property.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [-3, 1, 2].min_by(|x| x * x) //> 1
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn min_by(context: NativeCallContext, items: &mut Array, by: Dynamic) -> Answer<Dynamic> {
        not_empty("min_by", items)?;
        extreme(keyed(&context, "min_by", items, &by)?, Ordering::Less)
    }

    /// Sorts the array itself in rising order, and returns it. NaN comes last. Fails with `array::order` on unlike items.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [3, 1.5, 2].sort() //> [1.5, 2, 3]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sort(items: &mut Array) -> Answer<Array> {
        sort_items(items, |left, right| order(left, right).cross())?;
        Ok(items.clone())
    }

    /// Sorts the array itself by a key, and returns it: a closure's answer, or the name of a property.
    ///
    /// A closure of two arguments compares them: negative if the first comes first.
    /// Equal items keep their order. Fails with `array::order`, or with what the closure fails with.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [0.3, 0.1, 0.2].sort_by(|a, b| a - b) //> [0.1, 0.2, 0.3]
    /// ```
    #[rhai_fn(name = "sort_by", return_raw)]
    pub fn sort_by(context: NativeCallContext, items: &mut Array, by: Dynamic) -> Answer<Array> {
        sort_by_any(&context, items, &by)?;
        Ok(items.clone())
    }

    // Rhai's own take a closure; the exact type wins over `Dynamic`.
    /// Sorts the array itself with a closure, a key or a comparison, and returns it: as `sort_by`.
    #[rhai_fn(name = "sort", name = "sort_by", return_raw)]
    pub fn sort_by_closure(context: NativeCallContext, items: &mut Array, by: FnPtr) -> Answer<Array> {
        sort_by_any(&context, items, &by.into())?;
        Ok(items.clone())
    }

    /// A sorted copy; the array itself stays as it is.
    ///
    /// # Example
    ///
    /// ```rhai
    /// ["b", "a"].sorted() //> ["a", "b"]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn sorted(items: &mut Array) -> Answer<Array> {
        let mut copy = items.clone();
        sort_items(&mut copy, |left, right| order(left, right).cross())?;
        Ok(copy)
    }

    /// A copy sorted by a key, as `sort_by` does; the array itself stays as it is.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [#{ ms: 2.0 }, #{ ms: 1.0 }].sorted_by("ms")[0].ms //> 1.0
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn sorted_by(context: NativeCallContext, items: &mut Array, by: Dynamic) -> Answer<Array> {
        let mut copy = items.clone();
        sort_by_any(&context, &mut copy, &by)?;
        Ok(copy)
    }
}

/// Declares the verbs of arrays.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(arrays).into());
}

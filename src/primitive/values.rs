//! Plain values of the language: how primitives take numbers, strict properties, and small numeric helpers.

use std::any::Any;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine};

use super::cross::{Answer, Cross};
use crate::base::Fault;

/// A number given to the primitive `call`; integers are accepted. Primitives that want a float take a `Dynamic`
/// and call this, because Rhai would not find a function that takes `f64` when it is given an integer.
pub fn number(call: &str, value: &Dynamic) -> Result<f64, Fault> {
    super::options::number(value)
        .ok_or_else(|| Fault::new("script::type", format!("`{call}` takes a number, not {}", words(value)), "give it a number"))
}

/// A number from 0 to 1.
pub fn share(call: &str, value: &Dynamic) -> Result<f64, Fault> {
    let share = number(call, value)?;
    if (0.0..=1.0).contains(&share) {
        return Ok(share);
    }
    Err(Fault::new("script::value", format!("`{call}` takes a share from 0 to 1, not {share}"), "the median is at 0.5"))
}

/// The numbers of an array; integers are accepted.
pub fn numbers(call: &str, values: &[Dynamic]) -> Result<Vec<f64>, Fault> {
    let take = |(at, value): (usize, &Dynamic)| {
        super::options::number(value).ok_or_else(|| {
            Fault::new(
                "script::type",
                format!("`{call}` takes numbers, but item {at} is {}", words(value)),
                "leave it out with `filter`",
            )
        })
    };
    values.iter().enumerate().map(take).collect()
}

/// A value of one of the lab's own types; `wanted` says what.
pub fn noun<T: Any + Clone>(call: &str, wanted: &str, value: &Dynamic) -> Result<T, Fault> {
    value.clone().try_cast::<T>().ok_or_else(|| {
        Fault::new("script::type", format!("`{call}` takes {wanted}, not {}", words(value)), format!("give it {wanted}"))
    })
}

/// A value's type in a sentence: "a text", "an integer".
pub fn words(value: &Dynamic) -> String {
    let word = match value.type_name() {
        "()" => "no value, `()`",
        "bool" => "true or false",
        "i64" => "an integer",
        "f64" => "a number",
        "char" => "a letter",
        "string" => "a text",
        "array" => "an array",
        "map" => "a map",
        "Fn" => "a closure",
        "blob" => "bytes",
        other => {
            let short = other.rsplit("::").next().unwrap_or(other).trim_end_matches('>');
            let article = if short.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
            return format!("{article} {short}");
        }
    };
    word.into()
}

/// The multiple of `divisor` nearest to `value`, but at least `divisor` and not below 90% of `value`: the rule by
/// which mobile networks round channel counts (Howard et al. 2017, reference implementation).
fn nearest_multiple(value: f64, divisor: i64) -> i64 {
    let near = ((value + divisor as f64 / 2.0) as i64).div_euclid(divisor) * divisor;
    let near = near.max(divisor);
    if (near as f64) < 0.9 * value { near + divisor } else { near }
}

fn above_zero(call: &str, what: &str, value: i64) -> Result<i64, Fault> {
    if value > 0 {
        return Ok(value);
    }
    Err(Fault::new("script::value", format!("`{call}` has {what} {value}"), format!("{what} must be at least 1")))
}

fn multiple(value: &Dynamic, divisor: i64) -> Result<i64, Fault> {
    let divisor = above_zero("divisible", "divisor", divisor)?;
    let value = number("divisible", value)?;
    if value.is_finite() && value.abs() < 1e15 {
        return Ok(nearest_multiple(value, divisor));
    }
    Err(Fault::new("script::value", format!("`divisible` of {value}"), "give it a finite number"))
}

#[export_module]
mod helpers {
    /// A channel count rounded to the nearest multiple of 8, at least 8 and not below 90% of the value.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [divisible(3), divisible(36), divisible(24 * 1.5)] //> [8, 40, 40]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn divisible(value: Dynamic) -> Answer<i64> {
        multiple(&value, 8).cross()
    }

    /// A channel count rounded to a multiple of `divisor`, at least that and not below 90% of the value.
    ///
    /// # Example
    ///
    /// ```rhai
    /// divisible(30, 4) //> 32
    /// ```
    #[rhai_fn(name = "divisible", return_raw)]
    pub fn divisible_by(value: Dynamic, divisor: i64) -> Answer<i64> {
        multiple(&value, divisor).cross()
    }

    /// A number rounded to so many decimals.
    ///
    /// # Example
    ///
    /// ```rhai
    /// round_to(2.34567, 2) //> 2.35
    /// ```
    #[rhai_fn(return_raw)]
    pub fn round_to(value: Dynamic, decimals: i64) -> Answer<f64> {
        let value = number("round_to", &value).cross()?;
        let scale = 10_f64.powi(decimals.clamp(-300, 300) as i32);
        Ok((value * scale).round() / scale)
    }

    /// The whole part of a division of integers, rounded down: 7 over 2 is 3. (`7 / 2` is 3.5.)
    ///
    /// # Example
    ///
    /// ```rhai
    /// [whole(7, 2), whole(-7, 2)] //> [3, -4]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn whole(dividend: i64, divisor: i64) -> Answer<i64> {
        let fault = || Fault::new("script::value", format!("`whole` of {dividend} over {divisor}"), "divide by another number");
        let rest = dividend.checked_rem(divisor).ok_or_else(fault).cross()?;
        // `div_euclid` rounds up for negative divisors.
        Ok(dividend / divisor - i64::from(rest != 0 && (rest < 0) != (divisor < 0)))
    }

    /// The numbers from `from` to `to`, both included, in steps: a list of widths or sizes to choose from.
    ///
    /// # Example
    ///
    /// ```rhai
    /// channels(16, 40, 8) //> [16, 24, 32, 40]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn channels(from: i64, to: i64, step: i64) -> Answer<Array> {
        let step = above_zero("channels", "step", step).cross()?;
        let count = to.saturating_sub(from) / step;
        if to < from || count > 1_000_000 {
            let message = format!("`channels` from {from} to {to} in steps of {step}");
            return Err(Fault::new("script::value", message, "count upwards, at most a million numbers")).cross();
        }
        Ok((0..=count).map(|at| Dynamic::from(from + at * step)).collect())
    }
}

/// Makes reading a property that a map lacks an error, and declares the helpers.
pub(super) fn register(engine: &mut Engine) {
    engine.set_fail_on_invalid_map_property(true);
    engine.register_global_module(exported_module!(helpers).into());
}

//! Checked options: the last-argument map of a primitive, whose keys must be known.

use std::any::Any;
use std::cell::Cell;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr, Identifier, Map};

use super::cross::{Answer, Cross, raise};
use super::values::words;
use crate::base::{Fault, Result, Seed, did_you_mean};

thread_local! {
    /// What [`Options::seed`] gives where no seed was given, on a thread that works for a session.
    static DEFAULT_SEED: Cell<u64> = const { Cell::new(0) };
}

/// Does `work` with `seed` for all calls on this thread that were not given one: on a session's own thread, and on each
/// thread that calls a closure for a session. A thread of the pool may come to work for another session in between.
pub fn with_default_seed<T>(seed: u64, work: impl FnOnce() -> T) -> T {
    let before = DEFAULT_SEED.replace(seed);
    let done = work();
    DEFAULT_SEED.set(before);
    done
}

/// The options given to one call.
#[derive(Debug)]
pub struct Options {
    call: &'static str,
    given: Map,
}

impl Options {
    /// Refuses keys that are not in `known`, with a suggestion for a misspelt one.
    pub fn new(call: &'static str, given: Map, known: &[&str]) -> Result<Self> {
        for key in given.keys() {
            if !known.contains(&key.as_str()) {
                return Err(Fault::new(
                    "options::unknown",
                    format!("unknown option `{key}` of {call}"),
                    did_you_mean(key, known.iter().copied()),
                ));
            }
        }
        Ok(Self { call, given })
    }

    fn wrong(&self, key: &str, wanted: &str, found: &Dynamic) -> Fault {
        let shown: String = found.to_string().chars().take(40).collect();
        // A number shows what it is; of anything else its type is news.
        let kind = if number(found).is_some() { String::new() } else { format!(" ({})", words(found)) };
        Fault::new("options::type", format!("option `{key}` of {} is `{shown}`{kind}", self.call), format!("it takes {wanted}"))
    }

    /// The raw value of `key`; `()` counts as not given.
    pub fn value(&self, key: &str) -> Option<&Dynamic> {
        self.given.get(key).filter(|value| !value.is_unit())
    }

    fn missing(&self, key: &str, wanted: &str) -> Fault {
        Fault::new(
            "options::missing",
            format!("{} needs the option `{key}`", self.call),
            format!("add `{key}: ...` to its map: {wanted}"),
        )
    }

    /// A number; integers are accepted.
    pub fn float(&self, key: &str) -> Result<Option<f64>> {
        self.value(key).map(|value| number(value).ok_or_else(|| self.wrong(key, "a number", value))).transpose()
    }

    /// A number greater than zero.
    pub fn positive(&self, key: &str) -> Result<Option<f64>> {
        match (self.float(key)?, self.value(key)) {
            (Some(value), Some(shown)) if value.is_nan() || value <= 0.0 => Err(self.wrong(key, "a number above zero", shown)),
            (value, _) => Ok(value),
        }
    }

    /// An integer of at least `least`.
    pub fn count(&self, key: &str, least: i64) -> Result<Option<usize>> {
        self.value(key)
            .map(|value| match value.as_int() {
                Ok(number) if number >= least => Ok(number as usize),
                _ => Err(self.wrong(key, &format!("an integer of at least {least}"), value)),
            })
            .transpose()
    }

    /// The option `seed`; if not given, that of the session (`--seed`), which is 0 if none was asked for.
    pub fn seed(&self) -> Result<Seed> {
        match self.value("seed") {
            None => Ok(Seed(DEFAULT_SEED.get())),
            Some(value) => value.as_int().map(|seed| Seed(seed as u64)).map_err(|_| self.wrong("seed", "an integer", value)),
        }
    }

    /// A text.
    pub fn text(&self, key: &str) -> Result<Option<String>> {
        self.value(key).map(|value| value.clone().into_string().map_err(|_| self.wrong(key, "a text", value))).transpose()
    }

    /// What one of a few words stands for.
    pub fn one_of<T: Clone>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let known = words.iter().map(|(word, _)| *word);
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(Some(meaning.clone())),
            None => Err(self.refuse(key, "it knows no such word", &did_you_mean(&text, known))),
        }
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.value(key).map(|value| value.as_bool().map_err(|_| self.wrong(key, "true or false", value))).transpose()
    }

    /// A closure.
    pub fn closure(&self, key: &str) -> Result<Option<FnPtr>> {
        self.value(key)
            .map(|value| value.clone().try_cast::<FnPtr>().ok_or_else(|| self.wrong(key, "a closure `|x| ...`", value)))
            .transpose()
    }

    /// An array.
    pub fn array(&self, key: &str) -> Result<Option<Array>> {
        self.value(key)
            .map(|value| value.clone().into_array().map_err(|_| self.wrong(key, "an array `[...]`", value)))
            .transpose()
    }

    /// An array of integers of at least `least`.
    pub fn counts(&self, key: &str, least: i64) -> Result<Option<Vec<usize>>> {
        let Some(array) = self.array(key)? else { return Ok(None) };
        array
            .iter()
            .map(|item| match item.as_int() {
                Ok(number) if number >= least => Ok(number as usize),
                _ => Err(self.wrong(key, &format!("integers of at least {least}"), item)),
            })
            .collect::<Result<_>>()
            .map(Some)
    }

    /// An array of numbers.
    pub fn floats(&self, key: &str) -> Result<Option<Vec<f64>>> {
        let Some(array) = self.array(key)? else { return Ok(None) };
        array.iter().map(|item| number(item).ok_or_else(|| self.wrong(key, "numbers", item))).collect::<Result<_>>().map(Some)
    }

    /// A value of one of the lab's own types; `wanted` says how to get one.
    pub fn noun<T: Any + Clone>(&self, key: &str, wanted: &str) -> Result<Option<T>> {
        self.value(key).map(|value| value.clone().try_cast::<T>().ok_or_else(|| self.wrong(key, wanted, value))).transpose()
    }

    /// Like [`noun`](Self::noun), but it must be given.
    pub fn need<T: Any + Clone>(&self, key: &str, wanted: &str) -> Result<T> {
        self.noun(key, wanted)?.ok_or_else(|| self.missing(key, wanted))
    }

    /// A fault about a value that has the right type but cannot be used.
    pub fn refuse(&self, key: &str, why: &str, help: &str) -> Fault {
        let shown = self.value(key).map(ToString::to_string).unwrap_or_default();
        Fault::new("options::value", format!("option `{key}` of {} is {shown}, but {why}", self.call), help)
    }
}

/// A float or an integer as a float.
pub fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|int| int as f64))
}

#[export_module]
mod options_functions {
    /// The options of a script function: `defaults` with what was given in their place.
    ///
    /// A key that has no default is an error, with a suggestion for a misspelt one. `()` counts as nothing given.
    ///
    /// The arguments of a script are such a map too: `spaceevo run FILE --limit 3 a.csv` gives it `args.limit == 3` and
    /// `args.rest == ["a.csv"]`, so `options(#{ limit: 10, rest: [] }, args)` has the defaults and refuses other names.
    ///
    /// # Example
    ///
    /// ```rhai
    /// options(#{ seed: 0, steps: 10 }, #{ steps: 20 }).steps //> 20
    /// options(#{ seed: 0 }, #{ sede: 3 }) //> fails options::unknown
    /// options(#{ limit: 10, rest: [] }, args).limit //> 10
    /// ```
    #[rhai_fn(return_raw)]
    pub fn options(defaults: Map, given: Dynamic) -> Answer<Map> {
        if given.is_unit() {
            return Ok(defaults);
        }
        let found = given.type_name().to_string();
        let given = given.try_cast::<Map>().ok_or_else(|| {
            raise(Fault::new(
                "options::type",
                format!("options are a map `#{{ ... }}`, not a {found}"),
                "write for example `#{ seed: 1 }`",
            ))
        })?;
        let known: Vec<_> = defaults.keys().map(Identifier::as_str).collect();
        let given = Options::new("this function", given, &known).cross()?.given;
        let mut merged = defaults;
        merged.extend(given);
        Ok(merged)
    }
}

/// Declares `options`.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(options_functions).into());
}

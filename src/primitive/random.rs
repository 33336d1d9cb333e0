//! Random draws for scripts: every one from a seed.

use std::sync::{Arc, Mutex, PoisonError};

use rand::seq::{IndexedRandom, index};
use rand::{Rng as _, RngExt};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine};

use super::cross::{Answer, raise};
use super::noun::Nouns;
use super::options::number;
use crate::base::{Fault, Rng, Seed};

/// A stream of random numbers. Copies share it.
#[derive(Debug, Clone)]
pub struct Random(Arc<Mutex<Rng>>);

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: Seed) -> Self {
        Self(Arc::new(Mutex::new(seed.rng())))
    }

    /// Draws with the generator inside.
    pub fn with<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn empty() -> Box<EvalAltResult> {
    raise(Fault::new("random::empty", "cannot draw from nothing", "the array or range must hold something"))
}

#[export_module]
mod random_functions {
    /// A stream of random numbers from a seed.
    ///
    /// # Example
    ///
    /// ```rhai
    /// rng(7).int(0, 1000) == rng(7).int(0, 1000) //> true
    /// ```
    pub fn rng(seed: i64) -> Random {
        Random::new(Seed(seed as u64))
    }

    /// A whole number from `low` to `high`, both included.
    ///
    /// # Example
    ///
    /// ```rhai
    /// rng(1).int(3, 3) //> 3
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn int(random: &mut Random, low: i64, high: i64) -> Answer<i64> {
        if low > high { Err(empty()) } else { Ok(random.with(|rng| rng.random_range(low..=high))) }
    }

    /// A number from 0 (included) to 1 (not included).
    ///
    /// # Example
    ///
    /// ```rhai
    /// rng(1).float() < 1.0 //> true
    /// ```
    #[rhai_fn(pure)]
    pub fn float(random: &mut Random) -> f64 {
        random.with(RngExt::random)
    }

    /// One item of an array.
    ///
    /// # Example
    ///
    /// ```rhai
    /// rng(1).choose(["a"]) //> a
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn choose(random: &mut Random, items: Array) -> Answer<Dynamic> {
        random.with(|rng| items.choose(rng).cloned()).ok_or_else(empty)
    }

    /// `count` different items of an array (all of them if there are fewer), in random order.
    ///
    /// # Example
    ///
    /// ```rhai
    /// rng(1).pick([1, 2, 3], 2).len() //> 2
    /// ```
    #[rhai_fn(pure)]
    pub fn pick(random: &mut Random, items: Array, count: i64) -> Array {
        random.with(|rng| items.sample(rng, count.max(0) as usize).cloned().collect())
    }

    /// `count` different items of this array (all of them if there are fewer), in random order.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [#{ score: 3 }, #{ score: 5 }].sample(rng(1), 2).max_by("score").score //> 5
    /// ```
    #[rhai_fn(name = "sample", pure)]
    pub fn sample_items(items: &mut Array, random: Random, count: i64) -> Array {
        random.with(|rng| IndexedRandom::sample(items.as_slice(), rng, count.max(0) as usize).cloned().collect())
    }

    /// The item with the largest `key` among `count` different ones drawn from this array.
    ///
    /// Of equals the first drawn.
    /// The items are maps with a number under `key`. It gives what `items.sample(rng, count).max_by(key)` gives, without copying the sample.
    ///
    /// # Example
    ///
    /// ```rhai
    /// [#{ name: "a", score: 3 }, #{ name: "b", score: 5 }].tournament(rng(1), 2, "score").name //> b
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn tournament(items: &mut Array, random: Random, count: i64, key: &str) -> Answer<Dynamic> {
        let drawn: Vec<usize> =
            random.with(|rng| index::sample(rng, items.len(), (count.max(0) as usize).min(items.len())).into_vec());
        let mut best: Option<(f64, usize)> = None;
        for at in drawn {
            let score = items[at].as_map_ref().ok().and_then(|map| map.get(key).and_then(number)).ok_or_else(|| {
                let message = format!("item {at} has no number under `{key}`");
                raise(Fault::new("random::key", message, "a tournament is among maps such as `#{ score: 1.5 }`"))
            })?;
            if best.is_none_or(|(known, _)| score > known) {
                best = Some((score, at));
            }
        }
        best.map(|(_, at)| items[at].clone()).ok_or_else(empty)
    }

    /// The seed of another stream, drawn from this one.
    ///
    /// # Example
    ///
    /// ```rhai
    /// rng(1).seed() == rng(1).seed() //> true
    /// ```
    #[rhai_fn(pure)]
    pub fn seed(random: &mut Random) -> i64 {
        random.with(|rng| (rng.next_u64() >> 1) as i64)
    }
}

/// Declares random draws.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Random>("Random");
    engine.register_global_module(exported_module!(random_functions).into());
}

//! The random numbers of a score: the same for every search space, so that spaces differ by what they are, not by luck.

use std::sync::{Arc, Mutex, PoisonError};

use rand::{Rng as _, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::base::Seed;

/// What the numbers depend on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Recipe {
    pub(super) seed: Seed,
    pub(super) samples: usize,
    pub(super) group: usize,
    pub(super) stages: usize,
    pub(super) resolutions: usize,
}

/// Random numbers for one recipe.
#[derive(Debug)]
pub(super) struct Draws {
    /// Index of the resolution of each group of samples.
    pub(super) resolution: Vec<usize>,
    /// For each stage one number a sample, uniform over all 32-bit numbers.
    pub(super) rows: Vec<Vec<u32>>,
}

/// The last numbers made: a search asks for the same ones thousands of times.
static LAST: Mutex<Option<(Recipe, Arc<Draws>)>> = Mutex::new(None);

/// Numbers that come from one start of the generator, so that threads can share the drawing.
const STRETCH: usize = 50_000;

impl Draws {
    /// The numbers of `recipe`: a pure function of it.
    pub(super) fn of(recipe: Recipe) -> Arc<Self> {
        let last = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = {
            let mut last = last();
            if let Some((_, draws)) = last.as_ref().filter(|(known, _)| *known == recipe) {
                return draws.clone();
            }
            // What nobody else holds any more is written over: fresh memory would cost as much as the numbers.
            last.take().and_then(|(_, draws)| Arc::into_inner(draws)).map_or_else(Vec::new, |draws| draws.rows)
        };
        // Not under the lock: a thread that waits for the others may meanwhile begin another score.
        let draws = Arc::new(Self::make(recipe, spare));
        *last() = Some((recipe, draws.clone()));
        draws
    }

    fn make(recipe: Recipe, mut rows: Vec<Vec<u32>>) -> Self {
        let seed = recipe.seed.child("qt_score");
        let mut rng = seed.child("resolution").rng();
        let groups = recipe.samples.div_ceil(recipe.group);
        let resolution = (0..groups).map(|_| rng.random_range(0..recipe.resolutions)).collect();
        rows.resize_with(recipe.stages, Vec::new);
        rows.par_iter_mut().enumerate().for_each(|(stage, numbers)| {
            let seed = seed.child("stage").at(stage as u64);
            numbers.resize(recipe.samples, 0);
            numbers.par_chunks_mut(STRETCH).enumerate().for_each(|(at, stretch)| fill(stretch, seed.at(at as u64)));
        });
        Self { resolution, rows }
    }
}

/// Six hundred thousand numbers a score: xoshiro256++ makes them several times as fast as the lab's usual generator, and
/// like that one passes the statisticians' tests. Two of them in turn, as a processor works on both at once.
fn fill(numbers: &mut [u32], seed: Seed) {
    let mut generators = [0, 1].map(|at| Xoshiro256PlusPlus::seed_from_u64(seed.at(at).0));
    let (fours, rest) = numbers.as_chunks_mut::<4>();
    for four in fours {
        let [first, second] = generators.each_mut().map(Xoshiro256PlusPlus::next_u64);
        *four = [first as u32, (first >> 32) as u32, second as u32, (second >> 32) as u32];
    }
    rest.iter_mut().for_each(|number| *number = generators[0].next_u32());
}

//! The random numbers of a score: the same for every search space, so that spaces differ by what they are, not by luck.

use std::sync::{Arc, Mutex, PoisonError};

use rand::{Rng as _, RngExt};

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

impl Draws {
    /// The numbers of `recipe`: a pure function of it.
    pub(super) fn of(recipe: Recipe) -> Arc<Self> {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, draws)) = last.as_ref().filter(|(known, _)| *known == recipe) {
            return draws.clone();
        }
        let draws = Arc::new(Self::make(recipe));
        *last = Some((recipe, draws.clone()));
        draws
    }

    fn make(recipe: Recipe) -> Self {
        let seed = recipe.seed.child("qt_score");
        let mut rng = seed.child("resolution").rng();
        let groups = recipe.samples.div_ceil(recipe.group);
        let resolution = (0..groups).map(|_| rng.random_range(0..recipe.resolutions)).collect();
        let rows = (0..recipe.stages).map(|stage| {
            let mut rng = seed.child("stage").at(stage as u64).rng();
            (0..recipe.samples).map(|_| rng.next_u32()).collect()
        });
        Self { resolution, rows: rows.collect() }
    }
}

//! Drawing blocks and networks of a hyperspace, to be measured.

use std::collections::HashSet;
use std::sync::Arc;

use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::base::{Result, Rng, Seed};
use crate::lut::BlockKey;
use crate::space::{ElasticStage, Hyperspace, PlacedBlock, SearchSpace, Subnet};

/// Tries for each block before its kind counts as used up.
const TRIES: usize = 40;

/// A stage with one of its operators: what blocks are drawn from in turn.
#[derive(Debug)]
pub(super) struct Place {
    /// The operator's name.
    pub(super) operator: String,
    windows: Vec<ElasticStage>,
    rng: Rng,
}

/// Blocks that were drawn, none twice.
#[derive(Debug)]
pub(super) struct Draw {
    pub(super) places: Vec<Place>,
    known: HashSet<BlockKey>,
    rng: Rng,
}

impl Draw {
    /// All stages with all their operators, the fixed ones too.
    pub(super) fn new(hyperspace: &Arc<Hyperspace>, seed: Seed) -> Result<Self> {
        let mut places = Vec::new();
        for (at, stage) in hyperspace.stages.iter().enumerate() {
            for operator in hyperspace.candidates(at) {
                let elastic = |window| ElasticStage::new(hyperspace, &stage.name, operator.name(), Some(window));
                let windows = (0..stage.windows()).map(elastic).collect::<Result<_>>()?;
                let rng = seed.child(&stage.name).child(operator.name()).rng();
                places.push(Place { operator: operator.name().into(), windows, rng });
            }
        }
        Ok(Self { places, known: HashSet::new(), rng: seed.child("places").rng() })
    }

    /// `count` new blocks; a place has a share in proportion to its weight. Fewer where the hyperspace has no more.
    pub(super) fn next(&mut self, count: usize, weight: impl Fn(&str) -> f64) -> Vec<PlacedBlock> {
        let weights: Vec<f64> = self.places.iter().map(|place| weight(&place.operator).max(1e-9)).collect();
        let all: f64 = weights.iter().sum();
        let mut blocks = Vec::new();
        // Whole shares first; what is left over by chance.
        let shares = weights.iter().map(|weight| count as f64 * weight / all).collect::<Vec<_>>();
        for (at, share) in shares.iter().enumerate() {
            (0..share.floor() as usize).for_each(|_| blocks.extend(self.one(at)));
        }
        let mut misses = 0;
        while blocks.len() < count && misses < TRIES * self.places.len() {
            let mut point = self.rng.random_range(0.0..all);
            let at = weights.iter().position(|weight| {
                point -= weight;
                point <= 0.0
            });
            match self.one(at.unwrap_or(0)) {
                Some(block) => blocks.push(block),
                None => misses += 1,
            }
        }
        blocks
    }

    fn one(&mut self, at: usize) -> Option<PlacedBlock> {
        let place = &mut self.places[at];
        (0..TRIES).find_map(|_| {
            let elastic = place.windows.choose(&mut place.rng)?;
            let block = elastic.sample(&mut place.rng).parts().choose(&mut place.rng)?.clone();
            self.known.insert(BlockKey::of(&block)).then_some(block)
        })
    }
}

/// Whole networks, each of a search space drawn anew.
pub(super) fn networks(hyperspace: &Arc<Hyperspace>, count: usize, seed: Seed) -> Vec<Subnet> {
    let mut rng = seed.child("networks").rng();
    let mut one = || {
        let space = Arc::new(SearchSpace::sample(hyperspace, &mut rng));
        Subnet::sample(&space, &mut rng)
    };
    (0..count).map(|_| one()).collect()
}

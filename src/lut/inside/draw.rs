//! Drawing blocks and networks of a hyperspace, to be measured.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::base::{Result, Rng, Seed};
use crate::lut::BlockKey;
use crate::space::{ElasticStage, Hyperspace, PlacedBlock, SearchSpace, Subnet};

/// Tries for each block before its kind counts as used up.
const TRIES: usize = 40;
/// A fixed place with no more blocks than this is measured wholly.
const FEW: usize = 64;
/// Draws for each block of such a place, to find all of them.
const THOROUGH: usize = 12;

/// A stage with one of its operators: what blocks are drawn from in turn.
#[derive(Debug)]
pub(super) struct Place {
    /// The operator's name.
    pub(super) operator: String,
    windows: Vec<ElasticStage>,
    rng: Rng,
    /// Whether it has one operator, and all its blocks are measured.
    fixed: bool,
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
            let fixed = hyperspace.candidates(at).len() == 1;
            for operator in hyperspace.candidates(at) {
                let elastic = |window| ElasticStage::new(hyperspace, &stage.name, operator.name(), Some(window));
                let windows = (0..stage.windows()).map(elastic).collect::<Result<_>>()?;
                let rng = seed.child(&stage.name).child(operator.name()).rng();
                places.push(Place { operator: operator.name().into(), windows, rng, fixed });
            }
        }
        Ok(Self { places, known: HashSet::new(), rng: seed.child("places").rng() })
    }

    /// All blocks of fixed places that have few, unless they are more than `most` together: then they are drawn like others.
    pub(super) fn few(&mut self, most: usize) -> Vec<PlacedBlock> {
        let (mut blocks, mut known) = (Vec::new(), HashSet::new());
        for place in self.places.iter_mut().filter(|place| place.fixed) {
            let mut own = HashSet::new();
            for block in (0..FEW * THOROUGH).map_while(|_| place.draw()) {
                let key = BlockKey::of(&block);
                if own.insert(key.clone()) && known.insert(key) {
                    blocks.push(block);
                }
            }
            if own.len() > FEW {
                place.fixed = false;
                blocks.retain(|block| !own.contains(&BlockKey::of(block)));
            }
        }
        if blocks.len() > most {
            self.places.iter_mut().for_each(|place| place.fixed = false);
            return vec![];
        }
        self.known.extend(known);
        blocks
    }

    /// Operators that stand only at places whose blocks are all measured.
    pub(super) fn measured_wholly(&self) -> BTreeSet<String> {
        let many: HashSet<&str> = self.places.iter().filter(|place| !place.fixed).map(|place| &*place.operator).collect();
        self.places.iter().map(|place| place.operator.clone()).filter(|name| !many.contains(&**name)).collect()
    }

    /// `count` new blocks; a place has a share in proportion to its weight. Fewer where the hyperspace has no more.
    pub(super) fn next(&mut self, count: usize, weight: impl Fn(&str) -> f64) -> Vec<PlacedBlock> {
        let weights: Vec<f64> =
            self.places.iter().map(|place| if place.fixed { 0.0 } else { weight(&place.operator).max(1e-9) }).collect();
        let all: f64 = weights.iter().sum();
        if all <= 0.0 {
            return vec![];
        }
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
        if place.fixed {
            return None;
        }
        (0..TRIES).find_map(|_| place.draw().filter(|block| self.known.insert(BlockKey::of(block))))
    }
}

impl Place {
    fn draw(&mut self) -> Option<PlacedBlock> {
        let elastic = self.windows.choose(&mut self.rng)?;
        elastic.sample(&mut self.rng).parts().choose(&mut self.rng).cloned()
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

//! Subnets: one network cut out of a search space; drawing, mutation, crossover.

use std::sync::Arc;

use rand::RngExt;

use super::place::{BlockChoice, cost, join};
use super::stage::one;
use super::{Choices, Operator, PlacedBlock, SearchSpace, SpaceFault};
use crate::base::{Result, Rng};
use crate::graph::{Cost, Graph};

/// One network of a search space, written `d…_k…_w…_e…_r…`. Equal if written alike.
#[derive(Debug, Clone)]
pub struct Subnet {
    /// What it is cut out of.
    pub space: Arc<SearchSpace>,
    /// Side of its input images.
    pub resolution: usize,
    /// The blocks of each stage, in order; their number is the stage's depth.
    pub stages: Vec<Vec<BlockChoice>>,
}

impl PartialEq for Subnet {
    fn eq(&self, other: &Self) -> bool {
        self.space == other.space && self.resolution == other.resolution && self.stages == other.stages
    }
}

/// How likely a mutation draws each value anew (it may draw the old one).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MutationRates {
    /// For every depth, width and choice.
    pub choice: f64,
    /// For the resolution.
    pub resolution: f64,
}

impl Default for MutationRates {
    fn default() -> Self {
        Self { choice: 0.3, resolution: 0.5 }
    }
}

impl Subnet {
    /// A subnet with every value drawn uniformly.
    pub fn sample(space: &Arc<SearchSpace>, rng: &mut Rng) -> Self {
        let stages = (0..space.hyperspace.stages.len())
            .map(|stage| {
                let depth = one(&space.hyperspace.stages[stage].depths, rng);
                (0..depth).map(|_| draw(space, stage, rng)).collect()
            })
            .collect();
        Self { space: space.clone(), resolution: one(&space.hyperspace.resolutions, rng), stages }
    }

    /// The largest value everywhere.
    pub fn largest(space: &Arc<SearchSpace>) -> Self {
        Self::extreme(space, <[usize]>::last, Operator::largest)
    }

    /// The smallest value everywhere.
    pub fn smallest(space: &Arc<SearchSpace>) -> Self {
        Self::extreme(space, <[usize]>::first, Operator::smallest)
    }

    fn extreme(space: &Arc<SearchSpace>, end: fn(&[usize]) -> Option<&usize>, choices: fn(&Operator) -> Choices) -> Self {
        let end = |values: &[usize]| end(values).copied().expect("no list of a checked hyperspace is empty");
        let stages = (0..space.hyperspace.stages.len())
            .map(|stage| {
                let block = BlockChoice { width: end(space.widths(stage)), choices: choices(space.operator(stage)) };
                vec![block; end(&space.hyperspace.stages[stage].depths)]
            })
            .collect();
        Self { space: space.clone(), resolution: end(&space.hyperspace.resolutions), stages }
    }

    /// A changed copy: each value is drawn anew with the given probability; blocks that a larger depth adds are drawn whole.
    #[must_use]
    pub fn mutate(&self, rates: MutationRates, rng: &mut Rng) -> Self {
        let space = &self.space;
        let (choice, size) = (rates.choice.clamp(0.0, 1.0), rates.resolution.clamp(0.0, 1.0));
        let resolution = if rng.random_bool(size) { one(&space.hyperspace.resolutions, rng) } else { self.resolution };
        let stages = self.stages.iter().enumerate().map(|(stage, blocks)| {
            let depths = &space.hyperspace.stages[stage].depths;
            let depth = if rng.random_bool(choice) { one(depths, rng) } else { blocks.len() };
            (0..depth)
                .map(|place| {
                    let fresh = draw(space, stage, rng);
                    let Some(old) = blocks.get(place) else { return fresh };
                    mix(old, &fresh, |rng| rng.random_bool(choice), rng)
                })
                .collect()
        });
        let stages = stages.collect();
        Self { space: space.clone(), resolution, stages }
    }

    /// A child with resolution, every depth and every block's values from either parent; where one
    /// parent lacks the block, it is the other's. Fails with `space::mixed` for parents of two spaces.
    pub fn crossover(&self, other: &Self, rng: &mut Rng) -> Result<Self> {
        if self.space != other.space {
            let text = |net: &Self| format!("{}-{}", net.space.hyperspace.name, net.space.encode());
            return Err(SpaceFault::Mixed { left: text(self), right: text(other) }.into());
        }
        let resolution = if rng.random_bool(0.5) { self.resolution } else { other.resolution };
        let stages = self.stages.iter().zip(&other.stages).map(|(left, right)| {
            let depth = if rng.random_bool(0.5) { left.len() } else { right.len() };
            (0..depth)
                .filter_map(|place| match (left.get(place), right.get(place)) {
                    (Some(a), Some(b)) => Some(mix(a, b, |rng| rng.random_bool(0.5), rng)),
                    (a, b) => a.or(b).cloned(),
                })
                .collect()
        });
        let stages = stages.collect();
        Ok(Self { space: self.space.clone(), resolution, stages })
    }

    /// Its blocks as configurations, stem and head included.
    pub fn parts(&self) -> Vec<PlacedBlock> {
        let mut parts = Vec::new();
        let mut width = self.space.hyperspace.input_channels;
        for (stage, blocks) in self.stages.iter().enumerate() {
            self.space.site(stage, self.resolution).concrete(width, blocks, &mut parts);
            width = blocks.last().map_or(width, |block| block.width);
        }
        parts
    }

    /// The whole network as one graph.
    pub fn graph(&self) -> Result<Graph> {
        join(&self.parts())
    }

    /// Cost of the whole network.
    pub fn cost(&self) -> Result<Cost> {
        cost(&self.parts())
    }
}

/// A block of stage `stage` with width and choices drawn uniformly.
fn draw(space: &SearchSpace, stage: usize, rng: &mut Rng) -> BlockChoice {
    BlockChoice { width: one(space.widths(stage), rng), choices: space.operator(stage).sample(rng) }
}

/// `old` with those values of `fresh` for which `take` says so.
fn mix(old: &BlockChoice, fresh: &BlockChoice, take: impl Fn(&mut Rng) -> bool, rng: &mut Rng) -> BlockChoice {
    let mut block = old.clone();
    if take(rng) {
        block.width = fresh.width;
    }
    for index in 0..block.choices.len() {
        if take(rng) {
            block.choices.set(index, fresh.choices.at(index));
        }
    }
    block
}

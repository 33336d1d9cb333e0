//! One elastic stage by itself, and concrete stages drawn from it: what look-up tables are made of.

use std::sync::Arc;

use rand::RngExt;

use super::place::{BlockChoice, Site, cost, join};
use super::{Hyperspace, Operator, PlacedBlock, Role};
use crate::base::{Result, Rng};
use crate::graph::{Cost, Graph};

/// A stage of a hyperspace with one operator and one window, entered with any width the stage before can have.
#[derive(Debug, Clone)]
pub struct ElasticStage {
    /// Where it comes from.
    pub hyperspace: Arc<Hyperspace>,
    /// Index into all stages of the hyperspace.
    pub stage: usize,
    /// What its blocks are built by.
    pub operator: Operator,
    /// Its window; `None` for all widths, as blocks are trained with.
    pub window: Option<usize>,
}

/// A concrete stage.
#[derive(Debug, Clone)]
pub struct StageSample {
    /// What it was drawn from.
    pub of: ElasticStage,
    /// Channels that enter it.
    pub input_width: usize,
    /// Side of the network's input images.
    pub resolution: usize,
    /// Its blocks, in order.
    pub blocks: Vec<BlockChoice>,
}

impl ElasticStage {
    /// The stage `stage` with `operator` (a name among the hyperspace's; not looked at for a fixed stage) and a window.
    pub fn new(hyperspace: &Arc<Hyperspace>, stage: &str, operator: &str, window: Option<usize>) -> Result<Self> {
        let stage = hyperspace.stage_index(stage)?;
        let home = &hyperspace.stages[stage];
        let operator = match &home.role {
            Role::Fixed(own) => own.clone(),
            Role::Searched | Role::SearchedAmong(_) => {
                hyperspace.candidates(stage)[hyperspace.operator_index(stage, operator)?].clone()
            }
        };
        if let Some(index) = window.filter(|&index| index >= home.windows()) {
            return Err(super::SpaceFault::Stage {
                name: home.name.clone(),
                wrong: format!("there is no window {index}"),
                help: format!("0 to {} are there", home.windows() - 1),
            }
            .into());
        }
        Ok(Self { hyperspace: hyperspace.clone(), stage, operator, window })
    }

    /// The widths its blocks can have.
    pub fn widths(&self) -> &[usize] {
        self.hyperspace.stages[self.stage].window_widths(self.window)
    }

    fn site(&self, resolution: usize) -> Site<'_> {
        let home = &self.hyperspace.stages[self.stage];
        let hw = self.hyperspace.map_before(self.stage, resolution);
        Site { name: &home.name, index: self.stage, operator: &self.operator, stride: home.stride, hw }
    }

    /// A concrete stage: resolution, input width, depth and every block's choices drawn uniformly.
    pub fn sample(&self, rng: &mut Rng) -> StageSample {
        let resolution = one(&self.hyperspace.resolutions, rng);
        self.sample_at(resolution, rng)
    }

    /// As [`ElasticStage::sample`], at a given resolution.
    pub fn sample_at(&self, resolution: usize, rng: &mut Rng) -> StageSample {
        let input_width = one(&self.hyperspace.widths_before(self.stage), rng);
        let depth = one(&self.hyperspace.stages[self.stage].depths, rng);
        let blocks =
            (0..depth).map(|_| BlockChoice { width: one(self.widths(), rng), choices: self.operator.sample(rng) }).collect();
        StageSample { of: self.clone(), input_width, resolution, blocks }
    }

    /// The deepest and widest stage at the largest resolution.
    pub fn largest(&self) -> StageSample {
        let block = BlockChoice { width: self.widths()[self.widths().len() - 1], choices: self.operator.largest() };
        let inputs = self.hyperspace.widths_before(self.stage);
        let resolutions = &self.hyperspace.resolutions;
        StageSample {
            of: self.clone(),
            input_width: inputs[inputs.len() - 1],
            resolution: resolutions[resolutions.len() - 1],
            blocks: vec![block; self.hyperspace.stages[self.stage].deepest()],
        }
    }

    /// The shallowest and narrowest stage at the smallest resolution.
    pub fn smallest(&self) -> StageSample {
        let block = BlockChoice { width: self.widths()[0], choices: self.operator.smallest() };
        StageSample {
            of: self.clone(),
            input_width: self.hyperspace.widths_before(self.stage)[0],
            resolution: self.hyperspace.resolutions[0],
            blocks: vec![block; self.hyperspace.stages[self.stage].depths[0]],
        }
    }

    /// Every block configuration that can occur at each of its places, at the largest resolution.
    /// Fails with `space::too_many` above 200,000.
    pub fn elastic_parts(&self) -> Result<Vec<PlacedBlock>> {
        let resolution = self.hyperspace.resolutions[self.hyperspace.resolutions.len() - 1];
        let inputs = self.hyperspace.widths_before(self.stage);
        let depth = self.hyperspace.stages[self.stage].deepest();
        let mut parts = Vec::new();
        self.site(resolution).elastic(&inputs, self.widths(), depth, &mut parts)?;
        Ok(parts)
    }
}

impl StageSample {
    /// Side of the map that enters it.
    pub fn hw(&self) -> usize {
        self.of.hyperspace.map_before(self.of.stage, self.resolution)
    }

    /// Channels that leave it.
    pub fn output_width(&self) -> usize {
        self.blocks.last().map_or(self.input_width, |block| block.width)
    }

    /// Its blocks as configurations.
    pub fn parts(&self) -> Vec<PlacedBlock> {
        let mut parts = Vec::new();
        self.of.site(self.resolution).concrete(self.input_width, &self.blocks, &mut parts);
        parts
    }

    /// One graph of its blocks.
    pub fn graph(&self) -> Result<Graph> {
        join(&self.parts())
    }

    /// Cost of its blocks.
    pub fn cost(&self) -> Result<Cost> {
        cost(&self.parts())
    }
}

/// One of `values`, uniformly.
pub(super) fn one<T: Copy>(values: &[T], rng: &mut Rng) -> T {
    values[rng.random_range(0..values.len())]
}

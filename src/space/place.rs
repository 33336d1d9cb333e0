//! Blocks at their places in a network: from choices to configurations, graphs and cost.

use std::sync::Arc;

use super::{BlockConfig, Choices, Operator, SpaceFault};
use crate::base::Result;
use crate::graph::{Cost, Graph, Part, Shape, chain};

/// More block configurations than this in one elastic network are refused.
const MOST_CONFIGS: usize = 200_000;

/// What one block was given: its width and a value from each list of its operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlockChoice {
    /// Output channels.
    pub width: usize,
    /// Values of the operator's lists.
    pub choices: Choices,
}

/// A block with its place in a network.
#[derive(Debug, Clone)]
pub struct PlacedBlock {
    /// Begins the names of its layers, for example `stage1.b0`.
    pub prefix: String,
    /// Index of its stage.
    pub stage: usize,
    /// What it is built by.
    pub operator: Operator,
    /// At which configuration.
    pub config: BlockConfig,
}

impl PlacedBlock {
    /// Its layer graph.
    pub fn graph(&self) -> Result<Arc<Graph>> {
        self.operator.build(&self.config).map_err(|fault| fault.during(&self.prefix))
    }
}

/// One graph of blocks in a row, from the input of the first.
pub fn join(parts: &[PlacedBlock]) -> Result<Graph> {
    let graphs = parts.iter().map(PlacedBlock::graph).collect::<Result<Vec<_>>>()?;
    let named: Vec<_> = parts.iter().zip(&graphs).map(|(block, graph)| Part { prefix: &block.prefix, graph }).collect();
    let input = parts.first().map_or(Shape::new(1, 1, 1), |first| Shape::new(first.config.cin, first.config.hw, first.config.hw));
    chain(input, &named)
}

/// Cost of blocks in a row: the sum of theirs.
pub fn cost(parts: &[PlacedBlock]) -> Result<Cost> {
    parts.iter().try_fold(Cost::default(), |sum, block| {
        Ok(sum + block.operator.cost(&block.config).map_err(|fault| fault.during(&block.prefix))?)
    })
}

/// Where a stage stands: what all its blocks have in common.
pub(super) struct Site<'a> {
    pub(super) name: &'a str,
    pub(super) index: usize,
    pub(super) operator: &'a Operator,
    pub(super) stride: usize,
    /// Side of the map that enters the stage.
    pub(super) hw: usize,
}

impl Site<'_> {
    fn block(&self, place: usize, cin: usize, cout: usize, choices: Choices) -> PlacedBlock {
        let entry = if self.operator.is_pooled() { 1 } else { self.hw.div_ceil(self.stride) };
        let (stride, hw) = if place == 0 { (self.stride, self.hw) } else { (1, entry) };
        let config = BlockConfig { cin, cout, stride, hw, choices, activation: self.operator.activation() };
        PlacedBlock { prefix: format!("{}.b{place}", self.name), stage: self.index, operator: self.operator.clone(), config }
    }

    /// The blocks of a concrete stage that is entered with `input_width` channels.
    pub(super) fn concrete(&self, input_width: usize, blocks: &[BlockChoice], out: &mut Vec<PlacedBlock>) {
        let mut cin = input_width;
        for (place, block) in blocks.iter().enumerate() {
            out.push(self.block(place, cin, block.width, block.choices.clone()));
            cin = block.width;
        }
    }

    /// Every configuration that can occur at each of `depth` places.
    pub(super) fn elastic(
        &self,
        input_widths: &[usize],
        widths: &[usize],
        depth: usize,
        out: &mut Vec<PlacedBlock>,
    ) -> Result<()> {
        let later = (depth - 1) * widths.len();
        let count = (input_widths.len() + later).saturating_mul(widths.len()).saturating_mul(self.operator.size());
        if out.len() + count > MOST_CONFIGS {
            let what = self.name.to_string();
            return Err(SpaceFault::TooMany { what, count: out.len() + count, limit: MOST_CONFIGS }.into());
        }
        let combinations = self.operator.combinations();
        for place in 0..depth {
            for &cin in if place == 0 { input_widths } else { widths } {
                for &cout in widths {
                    out.extend(combinations.iter().map(|choices| self.block(place, cin, cout, choices.clone())));
                }
            }
        }
        Ok(())
    }
}

//! Latency models: what networks and stages take, predicted from measured ones or summed from a block table.

use std::sync::Arc;

use super::blocks::BlockTable;
use super::build::Measure;
use super::inside::LatencyTable;
use crate::base::{Result, Seed};
use crate::device::LatencyPredictor;
use crate::graph::Graph;
use crate::onnx::Precision;
use crate::space::{ElasticStage, Hyperspace, SearchSpace, StageSample, Subnet};

/// One in so many measured graphs is a whole network, the others are single stages.
const WHOLE: usize = 8;
/// Whole networks at least: they alone have the fixed stages, and they enter and leave the integer part once.
const LEAST_WHOLE: usize = 12;

/// What networks and stages take on a device, in ms.
#[derive(Debug, Clone)]
pub enum LatencyModel {
    /// Predicted from measured stages and networks, by their kernels.
    Fitted(Arc<LatencyPredictor>),
    /// The sum of what their blocks take.
    Blocks(Arc<BlockTable>),
    /// By a latency table: blocks inside networks, and a fixed part.
    Table(Arc<LatencyTable>),
}

impl LatencyModel {
    /// A whole network.
    pub fn subnet_ms(&self, subnet: &Subnet) -> Result<f64> {
        match self {
            LatencyModel::Fitted(predictor) => predictor.predict(&subnet.graph()?),
            LatencyModel::Blocks(blocks) => blocks.subnet_ms(subnet),
            LatencyModel::Table(table) => table.subnet_ms(subnet),
        }
    }

    /// A concrete stage, inside a network.
    pub fn stage_ms(&self, sample: &StageSample) -> Result<f64> {
        match self {
            LatencyModel::Fitted(predictor) => predictor.predict_inside(&sample.graph()?),
            LatencyModel::Blocks(blocks) => blocks.stage_ms(sample),
            LatencyModel::Table(table) => table.stage_ms(sample),
        }
    }
}

/// What networks a predictor is for.
#[derive(Debug, Clone)]
pub enum Networks {
    /// Those of every search space of a hyperspace.
    Of(Arc<Hyperspace>),
    /// Those of one search space.
    In(Arc<SearchSpace>),
}

impl Networks {
    fn hyperspace(&self) -> &Arc<Hyperspace> {
        match self {
            Networks::Of(hyperspace) => hyperspace,
            Networks::In(space) => &space.hyperspace,
        }
    }

    /// For each searched stage the pairs of operator and window that it can have, one list an operator.
    fn stages(&self) -> Result<Vec<Vec<ElasticStage>>> {
        let hyperspace = self.hyperspace();
        let mut entries = Vec::new();
        for (place, stage) in hyperspace.searched().into_iter().enumerate() {
            let home = &hyperspace.stages[stage];
            let elastic = |operator: &str, window| ElasticStage::new(hyperspace, &home.name, operator, Some(window));
            match self {
                Networks::Of(_) => {
                    for operator in hyperspace.candidates(stage) {
                        let windows = (0..home.windows()).map(|window| elastic(operator.name(), window));
                        entries.push(windows.collect::<Result<Vec<_>>>()?);
                    }
                }
                Networks::In(space) => entries.push(vec![elastic(space.operator(stage).name(), space.windows[place])?]),
            }
        }
        Ok(entries)
    }

    /// About `count` graphs to measure: stages, shared out over operators and windows, and whole networks.
    pub fn draw(&self, count: usize, seed: Seed) -> Result<Vec<Graph>> {
        let whole = (count / WHOLE).max(LEAST_WHOLE);
        let entries = self.stages()?;
        let share = (count.saturating_sub(whole) / entries.len().max(1)).max(2);
        let mut graphs = Vec::new();
        for windows in &entries {
            for (window, elastic) in windows.iter().enumerate() {
                let mut rng = stage_seed(elastic, seed).rng();
                let own = share / windows.len() + usize::from(window < share % windows.len());
                for _ in 0..own {
                    graphs.push(elastic.sample(&mut rng).graph()?);
                }
            }
        }
        let mut rng = seed.child("whole networks").rng();
        for _ in 0..whole {
            let space = match self {
                Networks::Of(hyperspace) => Arc::new(SearchSpace::sample(hyperspace, &mut rng)),
                Networks::In(space) => space.clone(),
            };
            graphs.push(Subnet::sample(&space, &mut rng).graph()?);
        }
        Ok(graphs)
    }
}

/// Where the concrete stages of one stage, operator and window come from: a look-up table of the same seed begins with
/// those that are measured.
pub(super) fn stage_seed(elastic: &ElasticStage, seed: Seed) -> Seed {
    let name = &elastic.hyperspace.stages[elastic.stage].name;
    seed.child(name).child(elastic.operator.name()).at(elastic.window.unwrap_or(0) as u64)
}

/// Measures about `count` graphs drawn from `networks` and fits a predictor of INT8 latency to them.
pub fn fit_latency(networks: &Networks, count: usize, seed: Seed, measure: &Measure<'_>) -> Result<LatencyPredictor> {
    let graphs = networks.draw(count, seed)?;
    let times = measure(&graphs)?;
    let pairs: Vec<_> = graphs.iter().zip(times).collect();
    LatencyPredictor::fit(Precision::Int8, &pairs, seed)
}

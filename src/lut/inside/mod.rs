//! Latency tables: what blocks take inside networks, measured for some and learnt for all others.
//!
//! Blocks are drawn from a hyperspace, more where predictions are bad, and measured inside networks ([`grow`]). Two models
//! follow from them ([`fit`]): a formula of each kernel's sizes for all, and a random forest for what the formula leaves over,
//! one for each operator where that helps on blocks that were left out. Fixed places with few blocks are measured wholly. A network takes the sum of its blocks, and a fixed
//! part, checked against whole networks really measured. [`carry`] takes a table over to another device.

pub mod carry;
mod draw;
mod fit;
pub mod grow;
mod store;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{BlockKey, BlockTable};
use crate::base::Result;
use crate::device::{PredictorError, kernels};
use crate::space::{Hyperspace, PlacedBlock, StageSample, Subnet, join};

use carry::Carried;
pub use carry::{Known, Source};
use fit::Model;

/// A block that was measured inside a network.
#[derive(Debug, Clone)]
pub struct MeasuredBlock {
    /// The block, at a place where it occurs.
    pub block: PlacedBlock,
    /// What it adds to a network, in ms.
    pub ms: f64,
    /// Half the 95% interval, in ms.
    pub half_ms: f64,
    /// Times of the networks it was told from, in ms, in the order of [`crate::device::Inside`].
    pub terms_ms: Vec<f64>,
}

/// How a table came about and how good it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Blocks measured.
    pub blocks: usize,
    /// Whole networks measured.
    pub networks: usize,
    /// Blocks that could not be measured, each with the reason.
    pub failed: Vec<(String, String)>,
    /// Seconds spent on measuring this time; what the lab knew costs none.
    pub took_s: f64,
    /// Whether the budget ended before all blocks were measured.
    pub cut_short: bool,
    /// Error on blocks that were left out of the fit.
    pub block_error: PredictorError,
    /// Error of the formula alone, on the same blocks.
    pub formula_error: PredictorError,
    /// Error on whole networks that were left out of the fit.
    pub network_error: PredictorError,
    /// Rank correlation of predicted and measured whole networks, left out of the fit (Kendall's tau).
    pub network_tau: f64,
    /// By operator.
    pub operators: BTreeMap<String, OfOperator>,
}

/// How a table knows the blocks of one operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfOperator {
    /// Blocks measured.
    pub blocks: usize,
    /// What tells the others.
    pub by: By,
    /// Error on blocks that were left out; `None` where all there are were measured.
    pub error: Option<PredictorError>,
}

/// What tells the latency of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Its measurement: there are no others.
    Measurement,
    /// The formula of its kernels' sizes.
    Formula,
    /// The formula, and a forest for what it leaves over.
    FormulaAndForest,
}

impl By {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            By::Measurement => "measurement",
            By::Formula => "formula",
            By::FormulaAndForest => "formula and forest",
        }
    }
}

#[derive(Debug, Clone)]
enum Way {
    /// By a model fitted to the measured blocks.
    Own(Box<Model>),
    /// By a table of another device.
    Carried(Box<Carried>),
}

/// What blocks and networks take on a device in INT8.
#[derive(Debug, Clone)]
pub struct LatencyTable {
    /// The hyperspace whose blocks it is for.
    pub hyperspace: Arc<Hyperspace>,
    /// Blocks that were measured.
    pub measured: Vec<MeasuredBlock>,
    /// Whole networks that were measured, in ms.
    pub networks: Vec<(Subnet, f64)>,
    /// How it came about.
    pub report: Report,
    /// What its figures hold for.
    pub provenance: BTreeMap<String, String>,
    way: Way,
    /// Predictions made before.
    remembered: Arc<Mutex<HashMap<BlockKey, f64>>>,
}

impl LatencyTable {
    fn new(hyperspace: &Arc<Hyperspace>, way: Way, report: Report, provenance: BTreeMap<String, String>) -> Self {
        let hyperspace = hyperspace.clone();
        Self { hyperspace, measured: vec![], networks: vec![], report, provenance, way, remembered: Arc::default() }
    }

    /// What a block adds to a network, in ms, by the model. Fails with `device::kernel_unknown`, `lut::block_missing`.
    pub fn block_ms(&self, block: &PlacedBlock) -> Result<f64> {
        let key = BlockKey::of(block);
        let lock = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ms) = lock().get(&key) {
            return Ok(*ms);
        }
        let ms = match &self.way {
            Way::Own(model) => model.block_ms(&key, &*block.graph()?)?,
            Way::Carried(carried) => carried.inside_ms(std::slice::from_ref(block))?,
        };
        lock().insert(key, ms);
        Ok(ms)
    }

    /// A whole network, in ms.
    pub fn subnet_ms(&self, subnet: &Subnet) -> Result<f64> {
        self.network_ms(&subnet.parts())
    }

    /// Blocks in a row as a network by itself, in ms.
    pub fn network_ms(&self, parts: &[PlacedBlock]) -> Result<f64> {
        match &self.way {
            Way::Own(model) => {
                let blocks = parts.iter().map(|block| self.block_ms(block)).sum::<Result<f64>>()?;
                model.whole_ms(blocks, &kernels(&join(parts)?)[..1])
            }
            Way::Carried(carried) => carried.whole_ms(parts),
        }
    }

    /// A concrete stage inside a network, in ms.
    pub fn stage_ms(&self, sample: &StageSample) -> Result<f64> {
        sample.parts().iter().map(|block| self.block_ms(block)).sum()
    }

    /// The measured blocks as a block table.
    pub fn blocks(&self) -> BlockTable {
        let entries = self.measured.iter().map(|one| (BlockKey::of(&one.block), one.ms));
        BlockTable::new(entries, self.provenance.clone())
    }
}

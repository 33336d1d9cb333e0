//! The latency of single blocks from a table's sums.
//!
//! Where a row's latency is the sum of its blocks', the rows are a sparse linear system in the blocks. Each operator is a
//! system of its own, since no block belongs to two.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rayon::prelude::*;

use super::blocks::{BlockKey, BlockTable};
use super::lsqr::Sums;
use super::{Lut, LutFault};
use crate::base::{Result, Seed, stats};
use crate::space::{Hyperspace, StageSample};

/// How near the least squares are brought, beside where they began.
const TOLERANCE: f64 = 1e-13;
/// Steps at most.
const STEPS: usize = 20_000;
/// A block is decided by the rows if a random start comes back to it this nearly.
const DECIDED: f64 = 1e-4;

/// What a table's sums say of single blocks.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// The blocks whose latency the rows decide.
    pub blocks: BlockTable,
    /// Blocks that occur in the rows.
    pub occurring: usize,
    /// Largest difference between a row's latency and the sum of its blocks, in ms.
    pub largest_residual_ms: f64,
    /// Root mean square of these differences, in ms.
    pub rms_residual_ms: f64,
}

impl Lut {
    /// Solves the column `column` (a latency in ms) for what single blocks take. Fails with `lut::shape`, `lut::column`.
    pub fn recover_blocks(&self, hyperspace: &Arc<Hyperspace>, column: &str) -> Result<Recovered> {
        if !column.ends_with("_ms") {
            let why = format!("`{column}` is no latency: blocks are recovered from a column in ms");
            return Err(LutFault::Import { why, help: "name a column that ends in `_ms`".into() }.into());
        }
        let (samples, latencies) = (self.samples(hyperspace)?, self.column(column)?);
        let mut by_operator: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, sample) in samples.iter().enumerate() {
            by_operator.entry(sample.of.operator.name()).or_default().push(row);
        }
        let systems: Vec<&Vec<usize>> = by_operator.values().collect();
        let solved: Vec<System> = systems.into_par_iter().map(|rows| System::solve(rows, &samples, latencies)).collect();
        let residuals: Vec<f64> = solved.iter().flat_map(|system| system.residuals.iter().copied()).collect();
        let mut provenance = self.provenance().clone();
        provenance.insert("recovered_from".into(), column.into());
        Ok(Recovered {
            occurring: solved.iter().map(|system| system.occurring).sum(),
            largest_residual_ms: residuals.iter().fold(0.0, |most: f64, residual| most.max(residual.abs())),
            rms_residual_ms: stats::mean(&residuals.iter().map(|residual| residual * residual).collect::<Vec<_>>()).sqrt(),
            blocks: BlockTable::new(solved.into_iter().flat_map(|system| system.decided), provenance),
        })
    }
}

struct System {
    decided: Vec<(BlockKey, f64)>,
    occurring: usize,
    residuals: Vec<f64>,
}

impl System {
    fn solve(rows: &[usize], samples: &[StageSample], latencies: &[f64]) -> Self {
        let mut place: HashMap<BlockKey, u32> = HashMap::new();
        let mut keys = Vec::new();
        let mut sums = Sums::default();
        for &row in rows {
            let blocks: Vec<u32> = samples[row]
                .parts()
                .iter()
                .map(|block| {
                    let key = BlockKey::of(block);
                    *place.entry(key).or_insert_with_key(|key| {
                        keys.push(key.clone());
                        keys.len() as u32 - 1
                    })
                })
                .collect();
            sums.push(blocks);
        }
        sums.width = keys.len();
        let wanted: Vec<f64> = rows.iter().map(|&row| latencies[row]).collect();
        let found = sums.solve(&wanted, TOLERANCE, STEPS);
        let residuals = sums.times(&found).iter().zip(&wanted).map(|(sum, row)| row - sum).collect();
        // What the sums of a random vector do not give back is not decided by them.
        let mut rng = Seed(0).child("recover").rng();
        let start: Vec<f64> = keys.iter().map(|_| rand::RngExt::random_range(&mut rng, -1.0..1.0)).collect();
        let back = sums.solve(&sums.times(&start), TOLERANCE, STEPS);
        let decided = keys
            .into_iter()
            .zip(found)
            .zip(start.iter().zip(&back))
            .filter(|(_, (start, back))| (*start - *back).abs() < DECIDED)
            .map(|(entry, _)| entry);
        Self { occurring: sums.width, decided: decided.collect(), residuals }
    }
}

//! Carrying what is known of one device over to another from a few measurements there.
//!
//! Four formulas are tried, each a non-negative combination fitted to the new device's measurements: the old device's times
//! by one factor; by a factor for each operator; the kernels' sizes alone, without the old device; and both together. The one
//! with the least error on measurements that were left out is taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{LatencyTable, Report, Way};
use crate::base::{Result, Seed, stats};
use crate::device::{DeviceFault, Kernel, KernelCosts, PredictorError, Sample, folds, kernels};
use crate::lut::{BlockKey, BlockTable, LutFault};
use crate::onnx::Precision;
use crate::space::{Hyperspace, PlacedBlock, join};

/// Measurements at most: a table that needs more of them is better built anew.
pub const MOST: usize = 200;
/// Measurements at least.
const LEAST: usize = 8;
/// Parts of the cross-validation.
const FOLDS: usize = 8;

/// What is known of the old device.
#[derive(Debug, Clone)]
pub enum Source {
    /// A block table.
    Blocks(Arc<BlockTable>),
    /// A latency table.
    Table(Arc<LatencyTable>),
}

impl Source {
    /// What a block takes, if the source has it: tables recovered from sums lack stem and head, and some others.
    fn block_ms(&self, block: &PlacedBlock) -> Result<Option<f64>> {
        match self {
            Source::Blocks(blocks) => Ok(blocks.get(&BlockKey::of(block))),
            Source::Table(table) => table.block_ms(block).map(Some),
        }
    }

    /// Of the blocks of `measured` how many there are, and how many of them the source lacks, with one of these.
    fn lacking(&self, measured: &[Known]) -> Result<(usize, usize, String)> {
        let (mut all, mut missing, mut first) = (0, 0, String::new());
        for block in measured.iter().flat_map(|known| &known.parts) {
            all += 1;
            if self.block_ms(block)?.is_none() {
                missing += 1;
                first = BlockKey::of(block).to_string();
            }
        }
        Ok((all, missing, first))
    }
}

/// Something measured on the new device.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its blocks, in order.
    pub parts: Vec<PlacedBlock>,
    /// Whether it is a whole network, with a way in and out; else a block inside one.
    pub whole: bool,
    /// Its latency in ms.
    pub ms: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Design {
    Factor,
    Operators,
    Kernels,
    Both,
}

const DESIGNS: [(Design, &str); 4] = [
    (Design::Factor, "the old device's times, one factor"),
    (Design::Operators, "the old device's times, a factor for each operator"),
    (Design::Kernels, "the kernels' sizes alone"),
    (Design::Both, "the kernels' sizes and the old device's times"),
];

/// A table of one device with a formula that makes it one of another.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    source: Source,
    design: Design,
    costs: KernelCosts,
}

impl Carried {
    /// What blocks in a row add to a network, in ms.
    pub(super) fn inside_ms(&self, parts: &[PlacedBlock]) -> Result<f64> {
        self.costs.total(&columns(self.design, &self.source, parts, false)?)
    }

    /// Blocks in a row as a network by itself, in ms.
    pub(super) fn whole_ms(&self, parts: &[PlacedBlock]) -> Result<f64> {
        self.costs.total(&columns(self.design, &self.source, parts, true)?)
    }
}

/// The numbers on which the time of `parts` depends.
fn columns(design: Design, source: &Source, parts: &[PlacedBlock], whole: bool) -> Result<Vec<Kernel>> {
    let mut columns = Vec::new();
    if matches!(design, Design::Kernels | Design::Both) {
        columns.extend(kernels(&join(parts)?).into_iter().skip(usize::from(!whole)));
    } else if whole {
        columns.push(Kernel { kind: "whole".into(), features: vec![1.0] });
    }
    if design != Design::Kernels {
        for block in parts {
            let name = block.operator.name();
            columns.push(match source.block_ms(block)? {
                Some(ms) if design == Design::Factor => Kernel { kind: "old".into(), features: vec![ms] },
                Some(ms) => Kernel { kind: format!("old {name}").into(), features: vec![ms] },
                // A block that the old device's table lacks goes by its own cost.
                None => {
                    let mflops = block.operator.cost(&block.config)?.mflops();
                    Kernel { kind: format!("new {name}").into(), features: vec![1.0, mflops] }
                }
            });
        }
    }
    Ok(columns)
}

/// Predicted and measured.
type Pairs = Vec<(f64, f64)>;

fn error(pairs: &Pairs) -> PredictorError {
    PredictorError::of(&pairs.iter().map(|(found, real)| found / real - 1.0).collect::<Vec<_>>())
}

/// A fault if there are too few or too many.
fn check(measured: &[Known]) -> Result<()> {
    if measured.len() > MOST {
        let what = format!("{} measurements are more than the {MOST} that carry a table over", measured.len());
        let help = "leave some out, or build a table on the new device: `build_latency_table`";
        return Err(DeviceFault::Option { what, help }.into());
    }
    if measured.len() < LEAST {
        return Err(DeviceFault::TooFew { precision: Precision::Int8.name(), needed: LEAST, found: measured.len() }.into());
    }
    Ok(())
}

/// `source` as a table of the device where `measured` was measured. Its errors are those on `held_out`, or where that is empty
/// on parts of `measured` that were left out in turn. Blocks that the source lacks go by their multiply-accumulates; the
/// provenance says how many they are. Fails with `lut::block_missing` where they are most.
pub fn calibrate(
    hyperspace: &Arc<Hyperspace>,
    source: &Source,
    measured: &[Known],
    held_out: &[Known],
    seed: Seed,
) -> Result<LatencyTable> {
    check(measured)?;
    let (wanted, missing, first) = source.lacking(measured)?;
    if 2 * missing > wanted {
        return Err(LutFault::BlockMissing { missing, wanted, first }.into());
    }
    let folds = folds(measured.len(), FOLDS, seed);
    let any_whole = measured.iter().any(|known| known.whole);
    let mut best: Option<(f64, Carried, &str, Pairs, Pairs)> = None;
    let mut alone = None;
    for (design, name) in DESIGNS {
        let samples: Vec<Sample> =
            measured.iter().map(|one| Ok((columns(design, source, &one.parts, one.whole)?, one.ms))).collect::<Result<_>>()?;
        let (mut nets, mut blocks) = (Pairs::new(), Pairs::new());
        for fold in 0..FOLDS {
            let costs = KernelCosts::fit(samples.iter().zip(&folds).filter(|(_, own)| **own != fold).map(|(sample, _)| sample));
            for (((columns, ms), known), _) in samples.iter().zip(measured).zip(&folds).filter(|(_, own)| **own == fold) {
                // A kind of layer that only the left-out ones have cannot be judged.
                let Ok(found) = costs.total(columns) else { continue };
                if known.whole { nets.push((found, *ms)) } else { blocks.push((found, *ms)) }
            }
        }
        let judged = error(if any_whole { &nets } else { &blocks }).rmspe_pct;
        if design == Design::Kernels {
            alone = Some(error(if any_whole { &nets } else { &blocks }));
        }
        if best.as_ref().is_none_or(|(least, ..)| judged < *least) {
            let carried = Carried { source: source.clone(), design, costs: KernelCosts::fit(&samples) };
            best = Some((judged, carried, name, nets, blocks));
        }
    }
    let Some((_, carried, name, mut nets, blocks)) = best else {
        return Err(DeviceFault::TooFew { precision: Precision::Int8.name(), needed: LEAST, found: 0 }.into());
    };
    let block_error = error(&blocks);
    if !held_out.is_empty() {
        let judge =
            |one: &Known| Ok((if one.whole { carried.whole_ms(&one.parts) } else { carried.inside_ms(&one.parts) }?, one.ms));
        nets = held_out.iter().map(judge).collect::<Result<_>>()?;
    }
    let (found, real): (Vec<f64>, Vec<f64>) = nets.iter().copied().unzip();
    let report = Report {
        blocks: measured.iter().filter(|known| !known.whole).count(),
        networks: measured.iter().filter(|known| known.whole).count(),
        failed: vec![],
        took_s: 0.0,
        cut_short: false,
        formula_error: alone.unwrap_or(block_error),
        block_error,
        network_error: error(&nets),
        network_tau: stats::kendall(&found, &real).unwrap_or(f64::NAN),
        operators: BTreeMap::new(),
    };
    let provenance = BTreeMap::from([
        ("hyperspace".to_string(), hyperspace.name.clone()),
        ("carried_by".to_string(), name.to_string()),
        ("lacking".to_string(), format!("{missing} of {wanted} blocks are not in the old table")),
    ]);
    Ok(LatencyTable::new(hyperspace, Way::Carried(Box::new(carried)), report, provenance))
}

//! Building a latency table: networks and blocks are measured, more blocks where predictions are bad, until it is enough.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::draw::{Draw, networks};
use super::fit::{Model, block_row, fit, network_row};
use super::{LatencyTable, MeasuredBlock, Report, Way};
use crate::base::{Cancel, Fault, Progress, Result, Seed};
use crate::device::{Inside, MeasuredRow};
use crate::graph::Graph;
use crate::space::{Hyperspace, PlacedBlock, Subnet};

/// The first blocks, beside those of fixed places, are this share; they are spread evenly.
const FIRST: f64 = 0.4;
/// The rest come in so many parts.
const PARTS: usize = 4;
/// Whole networks may take this share of the budget.
const NETWORKS_SHARE: f64 = 0.3;

/// How much to measure.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Blocks.
    pub blocks: usize,
    /// Whole networks.
    pub networks: usize,
    /// Seconds in all.
    pub budget_s: f64,
    /// Seed of what is drawn.
    pub seed: Seed,
}

/// Measures INT8 latencies of graphs within some seconds; each row for itself may be a fault.
pub type MeasureAll<'a> = dyn Fn(&[(String, Arc<Graph>)], f64) -> Result<Vec<Result<MeasuredRow>>> + 'a;

/// What was measured so far.
#[derive(Default)]
struct Harvest {
    blocks: Vec<MeasuredBlock>,
    networks: Vec<(Subnet, f64)>,
    failed: Vec<(String, String)>,
}

/// Draws, measures and fits. Draws depend on the seed and on what was measured: begun again with measurements that are
/// kept, it goes on where it stopped.
pub fn build_latency_table(
    hyperspace: &Arc<Hyperspace>,
    plan: &Plan,
    measure: &MeasureAll<'_>,
    progress: &Progress,
    cancel: &Cancel,
) -> Result<LatencyTable> {
    let began = Instant::now();
    let spent_s = Cell::new(0.0);
    let measure = &|graphs: &[(String, Arc<Graph>)], budget_s: f64| {
        let began = Instant::now();
        let rows = measure(graphs, budget_s);
        spent_s.set(spent_s.get() + began.elapsed().as_secs_f64());
        rows
    };
    let left = || (plan.budget_s - began.elapsed().as_secs_f64()).max(0.0);
    let mut harvest = Harvest::default();
    harvest.measure_networks(networks(hyperspace, plan.networks, plan.seed), plan.budget_s * NETWORKS_SHARE, measure)?;
    let mut draw = Draw::new(hyperspace, plan.seed)?;
    let mut few = draw.few(plan.blocks / 2);
    let wholly = draw.measured_wholly();
    let first = few.len() + ((plan.blocks - few.len()) as f64 * FIRST).ceil() as usize;
    let part = (plan.blocks - first).div_ceil(PARTS).max(1);
    let bar = progress.task("measuring blocks inside networks", plan.blocks as u64);
    let mut fitted: Option<(Model, Report)> = None;
    let (mut asked, mut cut_short) = (0, false);
    while asked < plan.blocks {
        cancel.check()?;
        if fitted.is_some() && left() <= 0.0 {
            cut_short = true;
            break;
        }
        let count = if asked == 0 { first - few.len() } else { part.min(plan.blocks - asked) };
        let mut blocks = std::mem::take(&mut few);
        // More of those operators whose held-out error is large; none is forgotten.
        blocks.extend(draw.next(count, |operator| match &fitted {
            Some((_, report)) => {
                1.0 + report.operators.get(operator).and_then(|own| own.error).map_or(9.0, |error| error.rmspe_pct)
            }
            None => 1.0,
        }));
        let count = count.max(blocks.len());
        if blocks.is_empty() {
            break;
        }
        let share = left().max(1.0) * count as f64 / (plan.blocks - asked) as f64;
        asked += count;
        harvest.measure_blocks(&blocks, share, measure)?;
        let found = harvest.fit(&wholly, plan.seed)?;
        let error = &found.1.block_error;
        bar.set(asked as u64, &format!("{:.0} % of blocks within 10 %, held out", error.within10_pct));
        fitted = Some(found);
    }
    let Some((model, report)) = fitted else {
        return Err(Fault::new("lut::nothing", "no block is to be measured", "ask for some: `blocks: 200`"));
    };
    let report = Report { failed: harvest.failed, took_s: spent_s.get(), cut_short, ..report };
    let provenance =
        BTreeMap::from([("hyperspace".to_string(), hyperspace.name.clone()), ("seed".to_string(), plan.seed.0.to_string())]);
    let table = LatencyTable::new(hyperspace, Way::Own(Box::new(model)), report, provenance);
    Ok(LatencyTable { measured: harvest.blocks, networks: harvest.networks, ..table })
}

impl Harvest {
    fn measure_networks(&mut self, nets: Vec<Subnet>, budget_s: f64, measure: &MeasureAll<'_>) -> Result<()> {
        let graphs = nets.iter().map(|net| Ok((net.encode(), Arc::new(net.graph()?)))).collect::<Result<Vec<_>>>()?;
        if graphs.is_empty() {
            return Ok(());
        }
        for (net, row) in nets.into_iter().zip(measure(&graphs, budget_s)?) {
            match row {
                Ok(row) => self.networks.push((net, row.latency_ms)),
                Err(fault) => self.failed.push((net.encode(), fault.message)),
            }
        }
        Ok(())
    }

    fn measure_blocks(&mut self, blocks: &[PlacedBlock], budget_s: f64, measure: &MeasureAll<'_>) -> Result<()> {
        let plans = blocks.iter().map(|block| Inside::of(&*block.graph()?)).collect::<Result<Vec<_>>>()?;
        let mut graphs = Vec::new();
        for (block, plan) in blocks.iter().zip(&plans) {
            let name = |at: usize| format!("{} {}, network {at}", block.operator.name(), block.config);
            graphs.extend(plan.terms.iter().enumerate().map(|(at, (graph, _))| (name(at), graph.clone())));
        }
        let mut rows = measure(&graphs, budget_s)?.into_iter();
        for (block, plan) in blocks.iter().zip(&plans) {
            let own: Result<Vec<MeasuredRow>> = rows.by_ref().take(plan.terms.len()).collect::<Vec<_>>().into_iter().collect();
            let name = || format!("{} ({})", block.operator.name(), block.config);
            let own = match own {
                Ok(own) => own,
                Err(fault) => {
                    self.failed.push((name(), fault.message));
                    continue;
                }
            };
            let times: Vec<_> = own.iter().map(|row| (row.latency_ms, row.low_ms, row.high_ms)).collect();
            let (ms, half_ms) = plan.combine(&times);
            if ms <= 0.0 || !ms.is_finite() {
                self.failed.push((name(), "what it adds is less than the noise".into()));
                continue;
            }
            let terms_ms = own.iter().map(|row| row.latency_ms).collect();
            self.blocks.push(MeasuredBlock { block: block.clone(), ms, half_ms, terms_ms });
        }
        Ok(())
    }

    fn fit(&self, wholly: &BTreeSet<String>, seed: Seed) -> Result<(Model, Report)> {
        fit_measured(&self.blocks, &self.networks, wholly, seed)
    }
}

/// The model of measured blocks and networks.
pub(super) fn fit_measured(
    blocks: &[MeasuredBlock],
    networks: &[(Subnet, f64)],
    wholly: &BTreeSet<String>,
    seed: Seed,
) -> Result<(Model, Report)> {
    let blocks = blocks.iter().map(block_row).collect::<Result<Vec<_>>>()?;
    let networks = networks.iter().map(|(net, ms)| network_row(net, *ms)).collect::<Result<Vec<_>>>()?;
    fit(&blocks, &networks, wholly, seed)
}

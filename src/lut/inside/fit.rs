//! The models behind a latency table: a formula of kernels' sizes, forests for what it leaves over, a fixed part.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{By, MeasuredBlock, OfOperator, Report};
use crate::base::stats::{self, Forest};
use crate::base::{Result, Seed};
use crate::device::{DeviceFault, Inside, Kernel, KernelCosts, PredictorError, Sample, folds, kernels};
use crate::graph::Graph;
use crate::lut::BlockKey;
use crate::onnx::Precision;
use crate::space::Subnet;

/// Parts of the cross-validation.
const FOLDS: usize = 5;
/// An operator with fewer measured blocks has no forest.
const LEAST_BLOCKS: usize = 24;
/// Fewer measured blocks than this say too little.
const LEAST: usize = 12;
/// Half an interval that is a larger share of a block's latency than this says too little to learn from.
const SURE: f64 = 0.25;
/// Channels that one step of the staircase is wide, on most processors.
const STEPS: [usize; 2] = [16, 64];

/// What is known of one block.
pub(super) struct BlockRow {
    key: BlockKey,
    kernels: Vec<Kernel>,
    sizes: Vec<f64>,
    ms: f64,
    /// Whether noise is little beside it.
    sure: bool,
    /// The networks that tell it, with their times.
    terms: Vec<Sample>,
}

/// What is known of one network.
pub(super) struct NetworkRow {
    parts: Vec<(BlockKey, Vec<Kernel>, Vec<f64>)>,
    kernels: Vec<Kernel>,
    ms: f64,
}

/// Predicts blocks and networks.
#[derive(Debug, Clone)]
pub(super) struct Model {
    formula: KernelCosts,
    forests: BTreeMap<String, Forest>,
    /// Blocks that need no prediction: all there are of their operators, in ms.
    exact: HashMap<BlockKey, f64>,
    /// A network takes the second times its blocks and border, plus the first, in ms.
    whole: (f64, f64),
}

impl Model {
    pub(super) fn block_ms(&self, key: &BlockKey, graph: &Graph) -> Result<f64> {
        self.block(key, &kernels(graph)[1..], &sizes(key, graph))
    }

    fn block(&self, key: &BlockKey, kernels: &[Kernel], sizes: &[f64]) -> Result<f64> {
        if let Some(ms) = self.exact.get(key) {
            return Ok(*ms);
        }
        let plain = self.formula.total(kernels)?;
        let Some(forest) = self.forests.get(&*key.operator) else { return Ok(plain) };
        let factor = forest.predict(&[features(plain, sizes)])?;
        Ok(plain * factor.first().map_or(1.0, |log| log.exp()))
    }

    /// A network from the sum of its blocks in ms, and its border.
    pub(super) fn whole_ms(&self, blocks: f64, border: &[Kernel]) -> Result<f64> {
        Ok(self.whole.0 + self.whole.1 * (blocks + self.formula.total(border)?))
    }

    fn network(&self, row: &NetworkRow) -> Result<f64> {
        let blocks = row.parts.iter().map(|(key, kernels, sizes)| self.block(key, kernels, sizes)).sum::<Result<f64>>()?;
        self.whole_ms(blocks, &row.kernels[..1])
    }

    /// Fits formula, forests for the operators of `grown`, and the fixed part.
    fn fit(
        blocks: &[&BlockRow],
        networks: &[&NetworkRow],
        grown: &[String],
        exact: &HashMap<BlockKey, f64>,
        seed: Seed,
    ) -> Result<Self> {
        let whole: Vec<Sample> = networks.iter().map(|row| (row.kernels.clone(), row.ms)).collect();
        let inside: Vec<Sample> = blocks.iter().filter(|row| row.sure).map(|row| (row.kernels.clone(), row.ms)).collect();
        let formula = KernelCosts::fit(blocks.iter().flat_map(|row| &row.terms).chain(&whole).chain(&inside));
        let mut model = Self { formula, forests: BTreeMap::new(), exact: exact.clone(), whole: (0.0, 1.0) };
        for operator in grown {
            let own: Vec<_> = blocks.iter().filter(|row| row.sure && *row.key.operator == **operator).collect();
            let plain = own.iter().map(|row| model.formula.total(&row.kernels)).collect::<Result<Vec<_>>>()?;
            let rows: Vec<_> = own.iter().zip(&plain).map(|(row, plain)| features(*plain, &row.sizes)).collect();
            let logs: Vec<_> = own.iter().zip(&plain).map(|(row, plain)| (row.ms / plain.max(1e-9)).ln()).collect();
            if rows.len() >= LEAST_BLOCKS / 2 {
                model.forests.insert(operator.clone(), Forest::fit(&rows, &logs, seed)?);
            }
        }
        let sums = networks.iter().map(|row| Ok((model.network(row)?, row.ms))).collect::<Result<Vec<_>>>()?;
        model.whole = fixed_part(&sums);
        Ok(model)
    }
}

/// The line ms = a + b sum, a not negative, with the least relative squares; (0, 1) where there is nothing to go by.
fn fixed_part(sums: &[(f64, f64)]) -> (f64, f64) {
    if sums.len() < 4 {
        return (0.0, 1.0);
    }
    let part = |kind: &'static str, feature: f64| Kernel { kind: kind.into(), features: vec![feature] };
    let samples: Vec<Sample> = sums.iter().map(|(sum, ms)| (vec![part("fixed", 1.0), part("sum", *sum)], *ms)).collect();
    let costs = KernelCosts::fit(&samples);
    let of = |kind: &str| costs.0.get(kind).and_then(|c| c.first()).copied().unwrap_or(0.0);
    (of("fixed"), of("sum"))
}

/// The numbers of a block that forests look at, beside what the formula says.
fn sizes(key: &BlockKey, graph: &Graph) -> Vec<f64> {
    let (config, cost) = (&key.config, graph.cost());
    let mut sizes: Vec<f64> = [config.hw, config.cin, config.cout, config.stride].map(|size| size as f64).to_vec();
    sizes.extend(config.choices.iter().map(|(_, value)| value));
    sizes.extend([(1.0 + cost.mflops()).ln(), (1.0 + cost.mparams() * 1e3).ln()]);
    for width in [config.cin, config.cout] {
        sizes.extend(STEPS.map(|step| (width % step) as f64));
        sizes.push(width.div_ceil(STEPS[0]) as f64);
    }
    sizes
}

fn features(plain: f64, sizes: &[f64]) -> Vec<f64> {
    std::iter::once(plain.max(1e-9).ln()).chain(sizes.iter().copied()).collect()
}

/// A measured block as the models see it.
pub(super) fn block_row(measured: &MeasuredBlock) -> Result<BlockRow> {
    let (key, graph) = (BlockKey::of(&measured.block), measured.block.graph()?);
    let inside = Inside::of(&graph)?;
    Ok(BlockRow {
        kernels: kernels(&graph)[1..].to_vec(),
        sizes: sizes(&key, &graph),
        ms: measured.ms,
        sure: measured.half_ms <= SURE * measured.ms,
        terms: inside.terms.iter().zip(&measured.terms_ms).map(|((graph, _), ms)| (kernels(graph), *ms)).collect(),
        key,
    })
}

/// A measured network as the models see it.
pub(super) fn network_row(subnet: &Subnet, ms: f64) -> Result<NetworkRow> {
    let part = |block: &crate::space::PlacedBlock| {
        let (key, graph) = (BlockKey::of(block), block.graph()?);
        Ok((key.clone(), kernels(&graph)[1..].to_vec(), sizes(&key, &graph)))
    };
    let parts = subnet.parts().iter().map(part).collect::<Result<_>>()?;
    Ok(NetworkRow { parts, kernels: kernels(&subnet.graph()?), ms })
}

/// Relative errors of blocks, by row, with forests and without, and of networks: predicted and measured.
struct Judged {
    grown: Vec<Option<f64>>,
    plain: Vec<Option<f64>>,
    networks: Vec<(f64, f64)>,
}

fn judge(
    blocks: &[BlockRow],
    networks: &[NetworkRow],
    operators: &[String],
    exact: &HashMap<BlockKey, f64>,
    seed: Seed,
) -> Result<Judged> {
    let (own, theirs) = (folds(blocks.len(), FOLDS, seed), folds(networks.len(), FOLDS, seed.child("networks")));
    let mut judged = Judged { grown: vec![None; blocks.len()], plain: vec![None; blocks.len()], networks: vec![] };
    for fold in 0..FOLDS {
        let others: Vec<_> = blocks.iter().zip(&own).filter(|(_, own)| **own != fold).map(|(row, _)| row).collect();
        let nets: Vec<_> = networks.iter().zip(&theirs).filter(|(_, own)| **own != fold).map(|(row, _)| row).collect();
        let model = Model::fit(&others, &nets, operators, exact, seed)?;
        for (at, row) in blocks.iter().enumerate().filter(|(at, row)| own[*at] == fold && !exact.contains_key(&row.key)) {
            // A kind of kernel that only the left-out rows have cannot be judged.
            judged.plain[at] = model.formula.total(&row.kernels).ok().map(|ms| ms / row.ms - 1.0);
            judged.grown[at] = model.block(&row.key, &row.kernels, &row.sizes).ok().map(|ms| ms / row.ms - 1.0);
        }
        for (row, _) in networks.iter().zip(&theirs).filter(|(_, own)| **own == fold) {
            judged.networks.extend(model.network(row).ok().map(|ms| (ms, row.ms)));
        }
    }
    Ok(judged)
}

/// A model with what is known of its errors; the report's counts are left to the caller. All blocks of the operators `wholly`
/// are among the measured.
pub(super) fn fit(
    blocks: &[BlockRow],
    networks: &[NetworkRow],
    wholly: &BTreeSet<String>,
    seed: Seed,
) -> Result<(Model, Report)> {
    if blocks.len() < LEAST {
        return Err(DeviceFault::TooFew { precision: Precision::Int8.name(), needed: LEAST, found: blocks.len() }.into());
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    blocks.iter().for_each(|row| *counts.entry(row.key.operator.to_string()).or_insert(0) += 1);
    let exact: HashMap<_, _> =
        blocks.iter().filter(|row| wholly.contains(&*row.key.operator)).map(|row| (row.key.clone(), row.ms)).collect();
    let enough = |(name, count): &(&String, &usize)| **count >= LEAST_BLOCKS && !wholly.contains(*name);
    let many: Vec<String> = counts.iter().filter(enough).map(|(name, _)| name.clone()).collect();
    let tried = judge(blocks, networks, &many, &exact, seed)?;
    let errors = |errors: &[Option<f64>], operator: Option<&str>| {
        let of = blocks.iter().zip(errors).filter(|(row, _)| operator.is_none_or(|name| *row.key.operator == *name));
        PredictorError::of(&of.filter_map(|(_, error)| *error).collect::<Vec<_>>())
    };
    let helps = |name: &&String| errors(&tried.grown, Some(name)).rmspe_pct < errors(&tried.plain, Some(name)).rmspe_pct;
    let chosen: Vec<String> = many.iter().filter(helps).cloned().collect();
    let judged = judge(blocks, networks, &chosen, &exact, seed)?;
    let model = Model::fit(&blocks.iter().collect::<Vec<_>>(), &networks.iter().collect::<Vec<_>>(), &chosen, &exact, seed)?;
    let of_operator = |(name, count): (&String, &usize)| {
        let (by, error) = match () {
            () if wholly.contains(name) => (By::Measurement, None),
            () if chosen.contains(name) => (By::FormulaAndForest, Some(errors(&judged.grown, Some(name)))),
            () => (By::Formula, Some(errors(&judged.grown, Some(name)))),
        };
        (name.clone(), OfOperator { blocks: *count, by, error })
    };
    let (found, real): (Vec<f64>, Vec<f64>) = judged.networks.iter().copied().unzip();
    let report = Report {
        blocks: blocks.len(),
        networks: networks.len(),
        failed: vec![],
        took_s: 0.0,
        cut_short: false,
        block_error: errors(&judged.grown, None),
        formula_error: errors(&judged.plain, None),
        network_error: PredictorError::of(&judged.networks.iter().map(|(found, real)| found / real - 1.0).collect::<Vec<_>>()),
        network_tau: stats::kendall(&found, &real).unwrap_or(f64::NAN),
        operators: counts.iter().map(of_operator).collect(),
    };
    Ok((model, report))
}

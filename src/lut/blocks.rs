//! Block tables: what each single block takes on a device; the latency of a network is the sum of its blocks'.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::LutFault;
use crate::base::Result;
use crate::frame::{Cell, Table};
use crate::space::{BlockConfig, Hyperspace, Operator, PlacedBlock, Role, StageSample, Subnet};

/// An operator at one configuration and input size.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlockKey {
    /// Name of the operator.
    pub operator: Arc<str>,
    /// Its configuration.
    pub config: BlockConfig,
}

impl BlockKey {
    /// The block at a place of a network.
    pub fn of(block: &PlacedBlock) -> Self {
        Self { operator: block.operator.name().into(), config: block.config.clone() }
    }
}

impl std::fmt::Display for BlockKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}", self.operator, self.config)?;
        match self.config.activation {
            Some(act) => write!(f, ", {})", act.name()),
            None => write!(f, ")"),
        }
    }
}

/// A block whose latency is far from what others of its kind take.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlier {
    /// Which one.
    pub block: BlockKey,
    /// Its latency, in ms.
    pub ms: f64,
    /// What blocks of its kind take at its cost, in ms.
    pub usual_ms: f64,
}

/// Latencies of single blocks.
#[derive(Debug, Clone, Default)]
pub struct BlockTable {
    entries: Vec<(BlockKey, f64)>,
    place: HashMap<BlockKey, usize>,
    /// How the figures came about.
    pub provenance: BTreeMap<String, String>,
}

impl BlockTable {
    /// A table of blocks with their latencies in ms; of one block given twice the later counts.
    pub fn new(entries: impl IntoIterator<Item = (BlockKey, f64)>, provenance: BTreeMap<String, String>) -> Self {
        let mut table = Self { provenance, ..Self::default() };
        for (key, ms) in entries {
            match table.place.get(&key) {
                Some(&at) => table.entries[at].1 = ms,
                None => {
                    table.place.insert(key.clone(), table.entries.len());
                    table.entries.push((key, ms));
                }
            }
        }
        table
    }

    /// Blocks with their latencies in ms, in the order given.
    pub fn entries(&self) -> &[(BlockKey, f64)] {
        &self.entries
    }

    /// Latency of a block in ms, if the table has it.
    pub fn get(&self, key: &BlockKey) -> Option<f64> {
        self.place.get(key).map(|&at| self.entries[at].1)
    }

    /// Latency of a block in ms. Fails with `lut::block_missing`.
    pub fn need(&self, key: &BlockKey) -> Result<f64> {
        Ok(self.get(key).ok_or_else(|| LutFault::BlockMissing { missing: 1, wanted: 1, first: key.to_string() })?)
    }

    /// This table's blocks and those of `other`, whose figures win.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        let both = self.entries.iter().chain(&other.entries).cloned();
        let mut provenance = self.provenance.clone();
        provenance.extend(other.provenance.clone());
        Self::new(both, provenance)
    }

    /// Latency of blocks in a row, in ms. Fails with `lut::block_missing`.
    pub fn sum(&self, blocks: &[PlacedBlock]) -> Result<f64> {
        let found: Vec<_> = blocks.iter().map(|block| self.get(&BlockKey::of(block))).collect();
        let missing = found.iter().filter(|ms| ms.is_none()).count();
        if let Some(first) = found.iter().position(Option::is_none) {
            let first = BlockKey::of(&blocks[first]).to_string();
            return Err(LutFault::BlockMissing { missing, wanted: blocks.len(), first }.into());
        }
        Ok(found.into_iter().flatten().sum())
    }

    /// Latency of a network, in ms. Fails as [`BlockTable::sum`].
    pub fn subnet_ms(&self, subnet: &Subnet) -> Result<f64> {
        self.sum(&subnet.parts())
    }

    /// Latency of a concrete stage, in ms. Fails as [`BlockTable::sum`].
    pub fn stage_ms(&self, sample: &StageSample) -> Result<f64> {
        self.sum(&sample.parts())
    }

    /// The blocks as a data frame: `operator`, `hw`, `cin`, `cout`, one column for each choice, `stride`, `activation`, `int8_ms`.
    pub fn to_table(&self) -> Result<Table> {
        let keys = || self.entries.iter().map(|(key, _)| key);
        let mut names: Vec<String> = Vec::new();
        for (name, _) in keys().flat_map(|key| key.config.choices.iter()) {
            if names.iter().all(|known| known != name) {
                names.push(name.into());
            }
        }
        let mut table = Table::builder()
            .text("operator", keys().map(|key| &*key.operator))
            .int("hw", keys().map(|key| key.config.hw as i64))
            .int("cin", keys().map(|key| key.config.cin as i64))
            .int("cout", keys().map(|key| key.config.cout as i64));
        for name in &names {
            let cells = keys().map(|key| key.config.choices.get(name).map_or(Cell::Null, Cell::Float));
            table = table.cells(name, cells.collect());
        }
        table
            .int("stride", keys().map(|key| key.config.stride as i64))
            .text("activation", keys().map(|key| key.config.activation.map_or("", |act| act.name())))
            .float("int8_ms", self.entries.iter().map(|(_, ms)| *ms))
            .build()
    }

    /// Blocks that take more than `factor` times what others of their kind take at their cost, or less than a `factor`th. A
    /// kind is an operator with its choices, activation, stride and map; among its blocks the logarithm of the latency is
    /// fitted as a line over that of the multiply-accumulates, twice, the second time without the blocks far from
    /// the first. Kinds of fewer than six blocks are left out.
    pub fn outliers(&self, hyperspace: &Hyperspace, factor: f64) -> Result<Vec<Outlier>> {
        let operators = operators(hyperspace);
        let mut kinds: BTreeMap<String, Vec<(usize, f64, f64)>> = BTreeMap::new();
        for (at, (key, ms)) in self.entries.iter().enumerate().filter(|(_, (_, ms))| *ms > 0.0) {
            let Some(operator) = operators.iter().find(|own| own.name() == &*key.operator) else { continue };
            let BlockConfig { stride, hw, choices, activation, .. } = &key.config;
            let macs = operator.cost(&key.config)?.macs.max(1) as f64;
            kinds.entry(format!("{} {choices} {activation:?} {stride} {hw}", key.operator)).or_default().push((
                at,
                macs.ln(),
                ms.ln(),
            ));
        }
        let mut found = Vec::new();
        for kind in kinds.values().filter(|kind| kind.len() >= 6) {
            let first = line(kind.iter().map(|&(_, x, y)| (x, y)));
            let near = kind.iter().filter(|(_, x, y)| (y - first(*x)).abs() < factor.ln());
            let usual = line(near.map(|&(_, x, y)| (x, y)));
            for &(at, x, y) in kind.iter().filter(|(_, x, y)| (y - usual(*x)).abs() > factor.ln()) {
                found.push((at, Outlier { block: self.entries[at].0.clone(), ms: y.exp(), usual_ms: usual(x).exp() }));
            }
        }
        found.sort_by_key(|(at, _)| *at);
        Ok(found.into_iter().map(|(_, outlier)| outlier).collect())
    }

    /// The same table with what is usual in place of outliers.
    #[must_use]
    pub fn repaired(&self, outliers: &[Outlier]) -> Self {
        let usual = outliers.iter().map(|outlier| (outlier.block.clone(), outlier.usual_ms));
        Self::new(self.entries.iter().cloned().chain(usual), self.provenance.clone())
    }
}

/// The straight line with the least absolute errors, nearly: least squares, again and again weighted by the inverse error.
fn line(points: impl Iterator<Item = (f64, f64)>) -> impl Fn(f64) -> f64 {
    let points: Vec<_> = points.collect();
    let mut weights = vec![1.0; points.len()];
    let (mut slope, mut height) = (0.0, 0.0);
    for _ in 0..8 {
        let all: f64 = weights.iter().sum();
        let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().zip(&weights).map(|(p, w)| pick(p) * w).sum::<f64>() / all;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let spread: f64 = points.iter().zip(&weights).map(|(p, w)| w * (p.0 - x) * (p.0 - x)).sum();
        let common: f64 = points.iter().zip(&weights).map(|(p, w)| w * (p.0 - x) * (p.1 - y)).sum();
        slope = if spread > 1e-12 { common / spread } else { 0.0 };
        height = y - slope * x;
        for (weight, point) in weights.iter_mut().zip(&points) {
            *weight = 1.0 / (point.1 - slope * point.0 - height).abs().max(0.01);
        }
    }
    move |x| slope * x + height
}

/// All operators of a hyperspace, fixed ones included, each once by name and activation.
pub(super) fn operators(hyperspace: &Hyperspace) -> Vec<Operator> {
    let mut all: Vec<Operator> = Vec::new();
    let of_stages = hyperspace.stages.iter().flat_map(|stage| match &stage.role {
        Role::Fixed(own) => std::slice::from_ref(own),
        Role::SearchedAmong(own) => own.as_slice(),
        Role::Searched => &[],
    });
    for operator in hyperspace.operators.iter().chain(of_stages) {
        if all.iter().all(|known| known.name() != operator.name() || known.activation() != operator.activation()) {
            all.push(operator.clone());
        }
    }
    all
}

/// The block that a key names, built by an operator of `hyperspace`. Fails with `lut::block_key`.
pub fn block_of_key(hyperspace: &Hyperspace, key: &BlockKey) -> Result<PlacedBlock> {
    let all = operators(hyperspace);
    let own = all.iter().find(|own| own.name() == &*key.operator && own.activation() == key.config.activation);
    let operator = own.ok_or_else(|| LutFault::BlockKey {
        key: key.to_string(),
        why: format!("`{}` has no such operator", hyperspace.name),
        help: format!("its operators are {}", all.iter().map(Operator::name).collect::<Vec<_>>().join(", ")),
    })?;
    Ok(PlacedBlock { prefix: "block".into(), stage: 0, operator: operator.clone(), config: key.config.clone() })
}

//! Rows of a table as concrete stages of a hyperspace: whether they are any, what they cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Lut, LutFault};
use crate::base::{Fault, Result};
use crate::graph::Cost;
use crate::space::{ElasticStage, Hyperspace, StageSample};

/// A row whose printed cost is not the cost of its layers.
#[derive(Debug, Clone, PartialEq)]
pub struct CostMismatch {
    /// Its place in the table.
    pub row: usize,
    /// Column that differs, `mflops` or `mparams`.
    pub column: &'static str,
    /// What the table says.
    pub table: f64,
    /// What the layers cost.
    pub layers: f64,
}

/// How a table's costs compare with those of its layers.
#[derive(Debug, Clone, PartialEq)]
pub struct CostReport {
    /// Rows compared.
    pub rows: usize,
    /// Every figure that differs at the table's printed precision, in the order of rows.
    pub mismatches: Vec<CostMismatch>,
}

impl Lut {
    /// Each row as a concrete stage. Fails with `lut::shape` if a row is none of `hyperspace`: unknown stage or operator,
    /// no such window, a width, depth or choice out of its lists, an input width that the stage before does not have.
    pub fn samples(&self, hyperspace: &Arc<Hyperspace>) -> Result<Vec<StageSample>> {
        let mut homes: BTreeMap<(&str, &str, usize), Result<ElasticStage>> = BTreeMap::new();
        for key in self.keys() {
            homes
                .entry((&key.stage, &key.operator, key.window))
                .or_insert_with(|| ElasticStage::new(hyperspace, &key.stage, &key.operator, Some(key.window)));
        }
        let parsed: Vec<Result<StageSample>> = self
            .keys()
            .par_iter()
            .map(|key| {
                let home = homes[&(&*key.stage, &*key.operator, key.window)].as_ref().map_err(Clone::clone)?;
                let known = |what: &str, value: usize, list: &[usize]| {
                    let fault = || Fault::new("lut::shape", format!("{what} {value} is not one of {list:?}"), "correct the row");
                    list.contains(&value).then_some(()).ok_or_else(fault)
                };
                known("input width", key.input_width, &hyperspace.widths_before(home.stage))?;
                known("resolution", key.resolution, &hyperspace.resolutions)?;
                home.parse(&key.encoding, key.input_width, key.resolution)
            })
            .collect();
        let wrong = parsed.iter().filter(|sample| sample.is_err()).count();
        if let Some((row, Err(first))) = parsed.iter().enumerate().find(|(_, sample)| sample.is_err()) {
            let why = format!("({}) {}", self.keys()[row].group(), first.message);
            let help = first.help.clone().unwrap_or_else(|| "import the table for the hyperspace it was made for".into());
            let hyperspace = hyperspace.name.clone();
            return Err(LutFault::Shape { hyperspace, wrong, rows: self.height(), row, why, help }.into());
        }
        parsed.into_iter().collect()
    }

    /// What each row costs, from its layers, in exact integers.
    pub fn costs(&self, hyperspace: &Arc<Hyperspace>) -> Result<Vec<Cost>> {
        self.samples(hyperspace)?.par_iter().map(StageSample::cost).collect()
    }

    /// Compares the columns `mflops` and `mparams` with the layers, at `decimals` digits. The reference's tables count three
    /// scalars for each convolution and dense layer, those of its quantizers, among the parameters: `quantizers`.
    pub fn check_costs(&self, hyperspace: &Arc<Hyperspace>, decimals: u32, quantizers: bool) -> Result<CostReport> {
        let costs = self.costs(hyperspace)?;
        let (mflops, mparams) = (self.column(super::MFLOPS)?, self.column(super::MPARAMS)?);
        let mut mismatches = Vec::new();
        for (row, cost) in costs.iter().enumerate() {
            let params = if quantizers { cost.params + cost.quantizer_params() } else { cost.params };
            for (column, table, layers) in
                [(super::MFLOPS, mflops[row], cost.mflops()), (super::MPARAMS, mparams[row], params as f64 / 1e6)]
            {
                // As they are printed: halves go where printing sends them.
                let shown = |value: f64| format!("{value:.*}", decimals as usize);
                if shown(table) != shown(layers) {
                    mismatches.push(CostMismatch { row, column, table, layers });
                }
            }
        }
        Ok(CostReport { rows: costs.len(), mismatches })
    }
}

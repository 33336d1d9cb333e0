//! The table itself: rows as they were sampled, and the groups that scores draw from.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::LutFault;
use crate::base::Result;
use crate::space::Hyperspace;

/// One sampled concrete stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LutRow {
    /// Name of its stage.
    pub stage: String,
    /// Name of its operator.
    pub operator: String,
    /// Its width window.
    pub window: usize,
    /// Its blocks, as [`crate::space::StageSample::encode`] writes them.
    pub encoding: String,
    /// Channels that enter it.
    pub input_width: usize,
    /// Side of the network's input images.
    pub resolution: usize,
    /// Loss against the teacher.
    pub loss: f64,
    /// Standard error of that loss.
    pub loss_stderr: f64,
    /// Millions of multiply-accumulates.
    pub mflops: f64,
    /// Millions of parameters.
    pub mparams: f64,
    /// INT8 latency of the stage inside a network.
    pub latency_ms: f64,
}

impl LutRow {
    fn group(&self) -> String {
        describe(&self.stage, &self.operator, self.window, self.resolution)
    }
}

fn describe(stage: &str, operator: &str, window: usize, resolution: usize) -> String {
    format!("{stage}, {operator}, window {window}, resolution {resolution}")
}

/// What a score needs of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Loss against the teacher.
    pub loss: f64,
    /// INT8 latency.
    pub latency_ms: f64,
}

/// Samples by stage, operator, window and resolution.
type Groups = BTreeMap<String, BTreeMap<String, BTreeMap<(usize, usize), Vec<Sample>>>>;

/// A look-up table.
#[derive(Debug, Clone, Default)]
pub struct Lut {
    rows: Vec<LutRow>,
    provenance: BTreeMap<String, String>,
    groups: Groups,
    resolutions: Vec<usize>,
}

impl Lut {
    /// A table of `rows`, in their order. `provenance` says how they came about: device, runtime, seed, ...
    /// Fails with `lut::empty`, or with `lut::value` for a loss or latency that is negative or no number.
    pub fn new(rows: Vec<LutRow>, provenance: BTreeMap<String, String>) -> Result<Self> {
        if rows.is_empty() {
            return Err(LutFault::Empty.into());
        }
        let mut groups = Groups::new();
        for (index, row) in rows.iter().enumerate() {
            for (column, value) in [("loss", row.loss), ("latency_ms", row.latency_ms)] {
                if !value.is_finite() || value < 0.0 {
                    let (group, encoding) = (row.group(), row.encoding.clone());
                    return Err(LutFault::Value { row: index, group, encoding, column, value }.into());
                }
            }
            let stage = groups.entry(row.stage.clone()).or_default();
            let group = stage.entry(row.operator.clone()).or_default().entry((row.window, row.resolution)).or_default();
            group.push(Sample { loss: row.loss, latency_ms: row.latency_ms });
        }
        let resolutions: BTreeSet<_> = rows.iter().map(|row| row.resolution).collect();
        Ok(Self { rows, provenance, groups, resolutions: resolutions.into_iter().collect() })
    }

    /// Its rows.
    pub fn rows(&self) -> &[LutRow] {
        &self.rows
    }

    /// How the rows came about.
    pub fn provenance(&self) -> &BTreeMap<String, String> {
        &self.provenance
    }

    /// Resolutions that occur, ascending.
    pub fn resolutions(&self) -> &[usize] {
        &self.resolutions
    }

    /// The samples of one group; empty if there are none.
    pub fn group(&self, stage: &str, operator: &str, window: usize, resolution: usize) -> &[Sample] {
        self.groups
            .get(stage)
            .and_then(|operators| operators.get(operator))
            .and_then(|windows| windows.get(&(window, resolution)))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether every search space of `hyperspace` can be scored from it: each searched stage has samples of
    /// each operator and window at each resolution of the table. Fails with `lut::missing`.
    pub fn validate(&self, hyperspace: &Hyperspace) -> Result<()> {
        let (mut needed, mut missing, mut first) = (0, 0, None);
        for stage in hyperspace.searched().into_iter().map(|stage| &hyperspace.stages[stage]) {
            for operator in &hyperspace.operators {
                for window in 0..stage.windows() {
                    for &resolution in &self.resolutions {
                        needed += 1;
                        if self.group(&stage.name, operator.name(), window, resolution).is_empty() {
                            missing += 1;
                            first.get_or_insert_with(|| describe(&stage.name, operator.name(), window, resolution));
                        }
                    }
                }
            }
        }
        match first {
            None => Ok(()),
            Some(first) => Err(LutFault::Missing { hyperspace: hyperspace.name.clone(), missing, needed, first }.into()),
        }
    }
}

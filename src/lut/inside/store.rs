//! Latency tables in files: what was measured, and the errors found; models are fitted anew when read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::grow::fit_measured;
use super::{By, LatencyTable, MeasuredBlock, OfOperator, Report, Way};
use crate::base::{Fault, Result, Seed, readable, write_json};
use crate::lut::LutFault;
use crate::lut::blocks::operators;
use crate::space::{BlockConfig, Hyperspace, PlacedBlock, SearchSpace, Subnet};

#[derive(Serialize, Deserialize)]
struct Stored {
    hyperspace: String,
    seed: u64,
    provenance: BTreeMap<String, String>,
    report: Report,
    blocks: Vec<StoredBlock>,
    networks: Vec<(String, String, f64)>,
}

#[derive(Serialize, Deserialize)]
struct StoredBlock {
    operator: String,
    stage: usize,
    config: BlockConfig,
    ms: f64,
    half_ms: f64,
    terms_ms: Vec<f64>,
}

impl LatencyTable {
    /// Writes the table as JSON. Fails for a table that was carried over: its source is no part of it.
    pub fn write(&self, path: &Path) -> Result<()> {
        if matches!(self.way, Way::Carried(_)) {
            let help = "keep the measurements, and carry the table over again when it is needed";
            return Err(Fault::new("lut::carried", "a table that was carried over cannot be written", help));
        }
        let blocks = self.measured.iter().map(|one| StoredBlock {
            operator: one.block.operator.name().into(),
            stage: one.block.stage,
            config: one.block.config.clone(),
            ms: one.ms,
            half_ms: one.half_ms,
            terms_ms: one.terms_ms.clone(),
        });
        let stored = Stored {
            hyperspace: self.hyperspace.name.clone(),
            seed: self.provenance.get("seed").and_then(|seed| seed.parse().ok()).unwrap_or(0),
            provenance: self.provenance.clone(),
            report: self.report.clone(),
            blocks: blocks.collect(),
            networks: self.networks.iter().map(|(net, ms)| (net.space.encode(), net.encode(), *ms)).collect(),
        };
        write_json(path, &stored)
    }

    /// Reads a table for `hyperspace`. Fails with `file::io`, or `lut::import` for a file of another form or hyperspace.
    pub fn read(hyperspace: &Arc<Hyperspace>, path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(readable(path)).map_err(|error| Fault::file("read", path, &error))?;
        let wrong =
            |why: String| LutFault::Import { why, help: "give a file that a latency table wrote, and its hyperspace".into() };
        let stored: Stored =
            serde_json::from_str(&text).map_err(|error| wrong(format!("`{}` is no latency table: {error}", path.display())))?;
        if stored.hyperspace != hyperspace.name {
            return Err(wrong(format!("it is for `{}`, not `{}`", stored.hyperspace, hyperspace.name)).into());
        }
        let known = operators(hyperspace);
        let block = |one: StoredBlock| -> Result<MeasuredBlock> {
            let of = |operator: &&crate::space::Operator| {
                operator.name() == one.operator && operator.activation() == one.config.activation
            };
            let operator = known.iter().find(of).ok_or_else(|| wrong(format!("there is no operator `{}`", one.operator)))?;
            let prefix = hyperspace.stages.get(one.stage).map_or("block", |stage| &stage.name).to_string();
            let block = PlacedBlock { prefix, stage: one.stage, operator: operator.clone(), config: one.config };
            Ok(MeasuredBlock { block, ms: one.ms, half_ms: one.half_ms, terms_ms: one.terms_ms })
        };
        let measured = stored.blocks.into_iter().map(block).collect::<Result<Vec<_>>>()?;
        let net = |(space, net, ms): (String, String, f64)| {
            let space = Arc::new(SearchSpace::parse(hyperspace, &space)?);
            Ok((Subnet::parse(&space, &net)?, ms))
        };
        let networks = stored.networks.into_iter().map(net).collect::<Result<Vec<_>>>()?;
        let measured_wholly = |(name, own): (&String, &OfOperator)| (own.by == By::Measurement).then(|| name.clone());
        let wholly = stored.report.operators.iter().filter_map(measured_wholly).collect();
        let (model, _) = fit_measured(&measured, &networks, &wholly, Seed(stored.seed))?;
        let table = Self::new(hyperspace, Way::Own(Box::new(model)), stored.report, stored.provenance);
        Ok(Self { measured, networks, ..table })
    }
}

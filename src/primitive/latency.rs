//! Latency models: what networks take on a device.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Engine, Map};

use super::cross::{Answer, Cross};
use super::device::{Stopwatch, measure_int8};
use super::host::{DRY_MEASURED, Host, MEASURED};
use super::latency_table::words_of;
use super::lut::Lookup;
use super::noun::Nouns;
use super::options::Options;
use super::space::{Hyper, Space};
use crate::base::{Fault, Result, Seed};
use crate::device::PredictorError;
use crate::graph::Graph;
use crate::lut::latency::{LatencyModel as Model, Networks, fit_latency};
use crate::space::Subnet;

/// A latency model as scripts hold it.
#[derive(Debug, Clone)]
pub struct LatencyModel(pub Model);

#[export_module]
mod latency_functions {
    /// A model of INT8 latency for all networks of a hyperspace.
    ///
    /// Stages and whole networks are drawn at random and measured, and their times solved for what each kernel takes.
    ///
    /// Options: `measured` (180): stages and networks measured in all; `seed` (0). What was measured before comes from the lab.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = hyperspace("pocket");
    /// let model = latency_model(hs, device("flops"), #{ measured: 60, seed: 1 });
    /// model.predict(hs.plain("inverted_residual").largest) > model.predict(hs.plain("inverted_residual").smallest) //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn latency_model(context: NativeCallContext, hyperspace: Hyper, device: Stopwatch, given: Map) -> Answer<LatencyModel> {
        let host = Host::of(&context)?;
        fit(&host, &Networks::Of(hyperspace), &device, given).cross()
    }

    /// A model of INT8 latency for the networks of one search space.
    ///
    /// Options: `measured` (180), `seed` (0).
    #[rhai_fn(name = "latency_model", return_raw)]
    pub fn latency_model_of_space(
        context: NativeCallContext,
        space: Space,
        device: Stopwatch,
        given: Map,
    ) -> Answer<LatencyModel> {
        let host = Host::of(&context)?;
        fit(&host, &Networks::In(space), &device, given).cross()
    }

    /// The model behind a look-up table.
    #[rhai_fn(get = "latency", pure, return_raw)]
    pub fn latency(lut: &mut Lookup) -> Answer<LatencyModel> {
        let none = || {
            let help = "build the table here, or recover its blocks: `recover_blocks(lut).latency`";
            Fault::new("lut::no_model", "this table was imported: no latency model is behind it", help)
        };
        lut.latency.clone().map(LatencyModel).ok_or_else(none).cross()
    }

    /// Predicted INT8 latency of a subnet, in milliseconds.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let space = hyperspace("pocket").plain("fused_residual");
    /// let model = latency_model(space, device("flops"), #{ measured: 40 });
    /// model.predict(space.sample(rng(1))) < model.predict(space.largest) //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn predict(model: LatencyModel, subnet: Subnet) -> Answer<f64> {
        model.0.subnet_ms(&subnet).cross()
    }

    /// How well predictions agree with latencies that were measured but left out of the fit.
    ///
    /// A map of `within_5_pct`, `within_10_pct`, `rmspe_pct` and `samples`. A block table has none of its own.
    #[rhai_fn(get = "error", pure, return_raw)]
    pub fn error(model: &mut LatencyModel) -> Answer<Map> {
        error_of(&model.0).cross()
    }

    /// The model as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn model_text(model: &mut LatencyModel) -> String {
        match &model.0 {
            Model::Blocks(blocks) => {
                format!("latency model of {} blocks: a network takes the sum of its blocks", blocks.entries().len())
            }
            Model::Table(table) => format!("latency model: {}", words_of(&table.report)),
            Model::Fitted(predictor) => {
                let PredictorError { graphs, within10_pct, rmspe_pct, .. } = predictor.held_out;
                format!(
                    "latency model of {graphs} measured graphs: {within10_pct:.0} % within 10 % when held out, error {rmspe_pct:.1} %"
                )
            }
        }
    }
}

/// A model's error as scripts see it.
pub(super) fn error_of(model: &Model) -> Result<Map> {
    let error = match model {
        Model::Fitted(predictor) => &predictor.held_out,
        Model::Table(table) => &table.report.network_error,
        Model::Blocks(_) => {
            let help = "compare it with networks that were measured: `measure(nets, device(\"ort\"))`";
            return Err(Fault::new("lut::no_error", "a block table was not fitted: it has no held-out error", help));
        }
    };
    Ok(Map::from([
        ("within_5_pct".into(), error.within5_pct.into()),
        ("within_10_pct".into(), error.within10_pct.into()),
        ("rmspe_pct".into(), error.rmspe_pct.into()),
        ("samples".into(), (error.graphs as i64).into()),
    ]))
}

fn fit(host: &Host, networks: &Networks, device: &Stopwatch, given: Map) -> Result<LatencyModel> {
    let options = Options::new("latency_model", given, &["measured", "seed"])?;
    model(host, networks, device, options.count("measured", 2)?.unwrap_or(180), options.seed()?)
}

/// A model fitted to about `count` graphs measured on `device`.
pub(super) fn model(host: &Host, networks: &Networks, device: &Stopwatch, count: usize, seed: Seed) -> Result<LatencyModel> {
    let device = match device {
        Stopwatch::Blocks(blocks) => return Ok(LatencyModel(Model::Blocks(blocks.clone()))),
        Stopwatch::Timed(device) => device,
    };
    let measure = |graphs: &[Graph]| measure_int8(host, device, graphs);
    let count = host.cut(MEASURED, count, DRY_MEASURED);
    fit_latency(networks, count, seed, &measure).map(|predictor| LatencyModel(Model::Fitted(Arc::new(predictor))))
}

/// Declares latency models.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<LatencyModel>("LatencyModel");
    engine.register_global_module(exported_module!(latency_functions).into());
}

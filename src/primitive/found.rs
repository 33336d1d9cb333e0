//! Searching a supernet for a subnet, and what was found.

use rhai::plugin::*;
use rhai::{Engine, Map};

use super::cross::{Answer, Cross};
use super::device::{Stopwatch, costs_of, measure_nets};
use super::host::Host;
use super::latency::{LatencyModel, model};
use super::noun::Nouns;
use super::options::Options;
use super::supernet::{Supernet, export, tune};
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::lut::latency::Networks;
use crate::search::{LatencyWindow, SubnetPlan, search_subnets};
use crate::space::Subnet;

/// Stages and networks measured for a latency model of one search space.
const FITTED: usize = 48;

/// A subnet that a search found, with what is known of it.
#[derive(Clone)]
pub struct Found {
    supernet: Supernet,
    pub(super) subnet: Subnet,
    pub(super) top1_pct: f64,
    pub(super) predicted_ms: f64,
    pub(super) costs: Map,
    pub(super) candidates: Table,
}

#[export_module]
mod found_functions {
    /// The best subnet of a supernet within a measured latency.
    ///
    /// Evolution over subnets by INT8 top-1 on validation images, each after batch-norm recalibration, under a predicted latency;
    /// the best of them are then measured, and the best one within the limit is taken.
    ///
    /// Options: `device` (needed), `max_int8_ms` (needed), `min_int8_ms` (0), `latency` (none): a latency model (`latency_model(…)`, `lut.latency`),
    /// otherwise one is fitted to this space; `population` (16), `rounds` (2), `parents` (0.5): share of the population, `mutations` and `crossovers`
    /// (half of `population`) a round; `images` (500): validation images, `measured` (6): how many are measured, `seed` (0).
    ///
    /// The weights of what was found can be trained further: `fine_tune`.
    /// The reference searches with 512, 20, 0.5, 128 and 128; `subnet_evolution` is the same search as a script, to be changed.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let net = train_supernet(hyperspace("pocket").space("012-210"), #{ seed: 1 });
    /// let found = search_subnet(net, #{ device: device("ort"), max_int8_ms: 0.3 });
    /// print(found);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn search_subnet(context: NativeCallContext, supernet: Supernet, given: Map) -> Answer<Found> {
        let host = Host::of(&context)?;
        search(&host, &supernet, given).cross()
    }

    /// The subnet that was found.
    #[rhai_fn(get = "subnet", pure)]
    pub fn found_subnet(found: &mut Found) -> Subnet {
        found.subnet.clone()
    }

    /// Its top-1 on validation images with fake quantization, in percent.
    #[rhai_fn(get = "top1_pct", pure)]
    pub fn found_top1(found: &mut Found) -> f64 {
        found.top1_pct
    }

    /// What the subnet costs.
    ///
    /// A map of `int8_ms` and `fp32_ms` (both measured), `speedup`, `predicted_int8_ms`, `mflops`, `mparams`.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let net = train_supernet(hyperspace("pocket").space("012-210"), #{ seed: 1 });
    /// let found = search_subnet(net, #{ device: device("ort"), max_int8_ms: 0.3 });
    /// print(found.costs().int8_ms);
    /// ```
    #[rhai_fn(pure)]
    pub fn costs(found: &mut Found) -> Map {
        found.costs.clone()
    }

    /// Every subnet the search judged, as a table of `subnet`, `int8_ms` (predicted) and `top1_pct`.
    #[rhai_fn(get = "candidates", pure)]
    pub fn candidates(found: &mut Found) -> Table {
        found.candidates.clone()
    }

    /// The same subnet with weights that were trained further for it alone.
    ///
    /// Options: those of `fine_tune` of a supernet. Its top-1 is then that on all validation images.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let net = train_supernet(hyperspace("pocket").space("012-210"), #{ seed: 1 });
    /// let found = search_subnet(net, #{ device: device("ort"), max_int8_ms: 0.3 });
    /// found.fine_tune(#{ int8_steps: 200 }).export_onnx("tuned.onnx");
    /// ```
    #[rhai_fn(name = "fine_tune", return_raw)]
    pub fn fine_tune_found(context: NativeCallContext, found: Found, given: Map) -> Answer<Found> {
        let host = Host::of(&context)?;
        let supernet = tune(&context, &host, &found.supernet, &found.subnet, given).cross()?;
        Ok(Found { top1_pct: supernet.top1_pct, supernet, ..found })
    }

    /// Writes the subnet as an INT8 ONNX file.
    #[rhai_fn(name = "export_onnx", return_raw)]
    pub fn export_found(context: NativeCallContext, found: Found, file: &str) -> Answer<()> {
        let host = Host::of(&context)?;
        export(&host, &found.supernet, &found.subnet, file, Map::new()).cross()
    }

    /// Writes the subnet as an ONNX file.
    ///
    /// Options: `precision` ("int8"): or "fp32".
    #[rhai_fn(name = "export_onnx", return_raw)]
    pub fn export_found_with(context: NativeCallContext, found: Found, file: &str, given: Map) -> Answer<()> {
        let host = Host::of(&context)?;
        export(&host, &found.supernet, &found.subnet, file, given).cross()
    }

    /// What was found as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn found_text(found: &mut Found) -> String {
        format!(
            "{} of {}: {:.1} % top-1 on validation images, {:.4} ms predicted",
            found.subnet.encode(),
            found.supernet.space.encode(),
            found.top1_pct,
            found.predicted_ms
        )
    }
}

fn search(host: &Host, supernet: &Supernet, given: Map) -> Result<Found> {
    let known = [
        "device",
        "max_int8_ms",
        "min_int8_ms",
        "latency",
        "population",
        "rounds",
        "parents",
        "mutations",
        "crossovers",
        "images",
        "measured",
        "seed",
    ];
    let options = Options::new("search_subnet", given, &known)?;
    let device: Stopwatch = options.need("device", "a device: `device(\"ort\")`")?;
    let limit_ms = options.positive("max_int8_ms")?;
    let mut limit_ms = limit_ms.ok_or_else(|| {
        Fault::new(
            "options::missing",
            "search_subnet needs the option `max_int8_ms`",
            "say how many milliseconds an inference may take",
        )
    })?;
    let mut least_ms = options.positive("min_int8_ms")?.unwrap_or(0.0);
    let (images, measured) = (options.count("images", 1)?.unwrap_or(500), options.count("measured", 1)?.unwrap_or(6));
    if host.settings.dry {
        // A limit for the real device means nothing to the one that counts.
        (least_ms, limit_ms) = (0.0, f64::MAX);
        host.note_cut("latency limits of subnet searches", "none".into());
    }
    let seed = options.seed()?;
    let predictor = match options.noun::<LatencyModel>("latency", "a latency model: `latency_model(...)`, or `lut.latency`")? {
        Some(given) => given.0,
        None => model(host, &Networks::In(supernet.space.clone()), &device, FITTED, seed.child("latency"))?.0,
    };
    let latency = |subnet: &Subnet| predictor.subnet_ms(subnet);
    let accuracy = |subnets: &[Subnet]| supernet.accuracies(host, subnets, &supernet.how(host, images), None);
    let plan = SubnetPlan { label: format!("search {}", supernet.space.encode()), seed, ..plan_of(host, &options)? };
    let window = LatencyWindow { min_ms: least_ms, ..LatencyWindow::up_to(limit_ms) };
    let found = search_subnets(&supernet.space, &window, &plan, &latency, &accuracy)?;
    // The best by accuracy are really measured; a predicted latency has its error.
    let top = found.top(measured);
    let rows = measure_nets(host, &device, &top.iter().map(|one| one.net.clone()).collect::<Vec<_>>())?;
    let within = top.iter().zip(&rows).find(|(_, row)| row.int8_ms <= limit_ms);
    let (chosen, row) = within.ok_or_else(|| {
        let fastest = rows.iter().map(|row| row.int8_ms).fold(f64::INFINITY, f64::min);
        Fault::new(
            "search::starved",
            format!(
                "none of the {} best subnets of {} was measured within {limit_ms:.4} ms; the fastest took {fastest:.4} ms",
                rows.len(),
                supernet.space.encode()
            ),
            "raise `max_int8_ms`, or `measured`",
        )
    })?;
    let history = &found.history;
    let candidates = Table::builder()
        .text("subnet", history.iter().map(|one| one.net.encode()))
        .float("int8_ms", history.iter().map(|one| one.latency_ms))
        .float("top1_pct", history.iter().map(|one| one.accuracy))
        .build()?;
    let mut costs = costs_of(&chosen.net.cost()?, row);
    costs.insert("predicted_int8_ms".into(), chosen.latency_ms.into());
    Ok(Found {
        supernet: supernet.clone(),
        subnet: chosen.net.clone(),
        top1_pct: chosen.accuracy,
        predicted_ms: chosen.latency_ms,
        costs,
        candidates,
    })
}

fn plan_of(host: &Host, options: &Options) -> Result<SubnetPlan> {
    let population = host.cut("subnets of a search", options.count("population", 2)?.unwrap_or(16), 4);
    let share = options.positive("parents")?.unwrap_or(0.5).min(1.0);
    let children = |key: &str| {
        let asked = options.count(key, 0)?.unwrap_or(population / 2);
        Ok::<_, Fault>(host.cut("subnets of a search", asked, population / 2))
    };
    Ok(SubnetPlan {
        population,
        parents: ((population as f64 * share).round() as usize).max(1),
        mutations: children("mutations")?,
        crossovers: children("crossovers")?,
        iterations: host.cut("rounds of a subnet search", options.count("rounds", 0)?.unwrap_or(2), 1),
        cancel: host.cancel.clone(),
        progress: host.progress(),
        ..SubnetPlan::default()
    })
}

/// Declares what is found in supernets.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Found>("FoundSubnet");
    engine.register_global_module(exported_module!(found_functions).into());
}

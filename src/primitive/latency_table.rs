//! Latency tables: built for a hyperspace on a device, asked for predictions, carried over to other devices.

use std::path::Path;
use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::blocks::Blocks;
use super::cross::{Answer, Cross};
use super::device::{Stopwatch, timed};
use super::host::{DRY_MEASURED, Host, MEASURED};
use super::latency::LatencyModel;
use super::measure::{Parts, thing_of};
use super::noun::Nouns;
use super::options::{Options, number};
use super::space::Hyper;
use crate::base::{Fault, Result};
use crate::device::{MeasureOptions, PredictorError};
use crate::frame::Table;
use crate::lut::inside::carry::calibrate as carry_over;
use crate::lut::inside::grow::{Plan, build_latency_table as build};
use crate::lut::inside::{Known, LatencyTable, Report, Source};
use crate::lut::latency::LatencyModel as Model;
use crate::lut::{BlockKey, block_of_key};
use crate::onnx::Precision;

/// A latency table as scripts hold it.
pub type Predictions = Arc<LatencyTable>;

#[export_module]
mod latency_table_functions {
    /// What blocks of a hyperspace take inside networks in INT8: some measured, the others predicted.
    ///
    /// Blocks are drawn from all stages, operators, widths and resolutions, measured inside networks around them, and more are drawn of operators whose held-out error is large.
    /// A formula of the kernels' sizes is fitted, and a random forest for what it leaves over, for each operator where that helps on blocks that were left out.
    /// Of fixed stages with few blocks, such as the stem, all are measured.
    /// A network takes the sum of its blocks and a fixed part, fitted to whole networks; `error` and `networks_error` are on what was left out.
    /// What was measured before comes from the lab: stopped and run again, it goes on.
    ///
    /// Options: `blocks` (200): blocks measured; `networks` (40): whole networks measured; `budget_s` (600): seconds at most; `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = hyperspace("pocket");
    /// let latency = build_latency_table(hs, device("flops"), #{ blocks: 60, networks: 12, seed: 1 });
    /// latency.measured.height //> 60
    /// latency.networks_error.within_10_pct > 80.0 //> true
    /// let net = hs.plain("inverted_residual").smallest;
    /// let real = measure(net, device("flops")).row(0).int8_ms;
    /// (predict_latency(latency, net) / real - 1.0).abs() < 0.1 //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn build_latency_table(
        context: NativeCallContext,
        hyperspace: Hyper,
        device: Stopwatch,
        given: Map,
    ) -> Answer<Predictions> {
        let host = Host::of(&context)?;
        built(&host, &hyperspace, &device, given).cross()
    }

    /// What a block adds to a network, or a subnet takes, in milliseconds; of an array, an array.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = hyperspace("pocket");
    /// let latency = build_latency_table(hs, device("flops"), #{ blocks: 60, networks: 12, seed: 1 });
    /// let space = hs.plain("fused_residual");
    /// let found = predict_latency(latency, [space.smallest, space.largest]);
    /// found[0] < found[1] //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn predict_latency(table: Predictions, what: Dynamic) -> Answer<Dynamic> {
        if let Some(items) = what.clone().try_cast::<Array>() {
            return items
                .iter()
                .map(|item| predicted(&table, item).map(Dynamic::from))
                .collect::<Result<Array>>()
                .cross()
                .map(Into::into);
        }
        predicted(&table, &what).map(Dynamic::from).cross()
    }

    /// A table as one of another device, from a few measurements there: at most 200.
    #[rhai_fn(return_raw)]
    pub fn calibrate(table: Dynamic, measurements: Array) -> Answer<Predictions> {
        calibrate_with(table, measurements, Map::new())
    }

    /// A table as one of another device, from a few measurements there: at most 200.
    ///
    /// Takes a latency table or a block table, and maps `#{ of: block_or_subnet, int8_ms: 1.5 }`. Four formulas are tried: the old times by one factor, by one for each
    /// operator, the kernels' sizes alone, and both together; the one with the least error on what was left out is taken (`carried_by`). A block's figure is what it adds to a network.
    ///
    /// Options: `held_out`: more such maps, on which `networks_error` and `tau` are taken instead; `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = hyperspace("pocket");
    /// let here = build_latency_table(hs, device("flops"), #{ blocks: 60, networks: 12, seed: 1 });
    /// let random = rng(5);
    /// let nets = [];
    /// for i in 0..30 { nets.push(hs.sample(random).sample(random)); }
    /// let there = calibrate(here, nets.map(|net| #{ of: net, int8_ms: 3.0 * predict_latency(here, net) }));
    /// there.networks_error.within_10_pct > 90.0 //> true
    /// there.tau > 0.9 //> true
    /// ```
    #[rhai_fn(name = "calibrate", return_raw)]
    pub fn calibrate_with(table: Dynamic, measurements: Array, given: Map) -> Answer<Predictions> {
        carried(&table, &measurements, given).cross()
    }

    /// Writes a latency table: what was measured, and its errors, as JSON.
    #[rhai_fn(name = "write", return_raw)]
    pub fn write_table(table: Predictions, path: &str) -> Answer<()> {
        table.write(Path::new(path)).cross()
    }

    /// Reads a latency table that `write` wrote.
    ///
    /// # Example
    ///
    /// ```rhai
    /// read_latency_table(hyperspace("pocket"), "gone.json") //> fails file::io
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read_latency_table(context: NativeCallContext, hyperspace: Hyper, path: &str) -> Answer<Predictions> {
        Host::of(&context)?.running.reads(Path::new(path));
        LatencyTable::read(&hyperspace, Path::new(path)).map(Arc::new).cross()
    }

    /// The measured blocks: what each is, `int8_ms` and half of its 95 % interval, `predicted_ms`.
    #[rhai_fn(get = "measured", pure, return_raw)]
    pub fn measured_blocks(table: &mut Predictions) -> Answer<Table> {
        measured(table).cross()
    }

    /// The measured networks: `subnet`, `int8_ms`, `predicted_ms`.
    #[rhai_fn(get = "networks", pure, return_raw)]
    pub fn measured_networks(table: &mut Predictions) -> Answer<Table> {
        networks(table).cross()
    }

    /// The measured blocks as a block table.
    #[rhai_fn(get = "blocks", pure)]
    pub fn blocks_of_table(table: &mut Predictions) -> Blocks {
        Blocks::new(Arc::new(table.blocks()), table.hyperspace.clone(), Map::new())
    }

    /// Error on blocks that were left out of the fit.
    ///
    /// A map of `within_5_pct`, `within_10_pct`, `rmspe_pct`, `worst_pct` and `samples`.
    #[rhai_fn(get = "error", pure)]
    pub fn block_error(table: &mut Predictions) -> Map {
        error_map(&table.report.block_error)
    }

    /// Error on whole networks that were left out of the fit, as `error`.
    #[rhai_fn(get = "networks_error", pure)]
    pub fn network_error(table: &mut Predictions) -> Map {
        error_map(&table.report.network_error)
    }

    /// Kendall's rank correlation of predicted and measured whole networks that were left out of the fit.
    #[rhai_fn(get = "tau", pure)]
    pub fn network_tau(table: &mut Predictions) -> f64 {
        table.report.network_tau
    }

    /// How a table came about: a map.
    ///
    /// `blocks`, `networks`, `took_s`, `s_per_1000_blocks`, `cut_short`, `formula_within_10_pct`: blocks within 10 % without trees; of a table that was carried over `carried_by`, the formula,
    /// `lacking`, how many blocks the old table did not have, and `without_source_rmspe_pct`, the error of the kernels' sizes alone;
    /// `operators`: by name `within_10_pct`, `rmspe_pct` and `by`, what predicts it; `failed`: an array of `#{ what, why }`.
    #[rhai_fn(get = "report", pure)]
    pub fn table_report(table: &mut Predictions) -> Map {
        report_map(table)
    }

    /// The latency model behind it, for `search_subnet` and `with_latency`.
    #[rhai_fn(get = "latency", pure)]
    pub fn table_latency(table: &mut Predictions) -> LatencyModel {
        LatencyModel(Model::Table(table.clone()))
    }

    /// The latency table as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn table_text(table: &mut Predictions) -> String {
        format!("latency table of `{}`: {}", table.hyperspace.name, words_of(&table.report))
    }
}

/// A report in words.
pub(super) fn words_of(report: &Report) -> String {
    let (blocks, nets) = (&report.block_error, &report.network_error);
    format!(
        "{} blocks and {} networks measured; left out, {:.0} % of blocks and {:.0} % of networks within 10 %, error {:.1} % and {:.1} %",
        report.blocks, report.networks, blocks.within10_pct, nets.within10_pct, blocks.rmspe_pct, nets.rmspe_pct
    )
}

fn error_map(error: &PredictorError) -> Map {
    Map::from([
        ("within_5_pct".into(), error.within5_pct.into()),
        ("within_10_pct".into(), error.within10_pct.into()),
        ("rmspe_pct".into(), error.rmspe_pct.into()),
        ("worst_pct".into(), error.worst_pct.into()),
        ("samples".into(), (error.graphs as i64).into()),
    ])
}

fn report_map(table: &LatencyTable) -> Map {
    let report = &table.report;
    let operators = report.operators.iter().map(|(name, own)| {
        let mut map = own.error.as_ref().map(error_map).unwrap_or_default();
        map.insert("by".into(), own.by.words().into());
        map.insert("blocks".into(), (own.blocks as i64).into());
        (name.as_str().into(), map.into())
    });
    let failed = report
        .failed
        .iter()
        .map(|(what, why)| Dynamic::from(Map::from([("what".into(), what.clone().into()), ("why".into(), why.clone().into())])));
    let noted = |name: &str| table.provenance.get(name).cloned().map_or(Dynamic::UNIT, Dynamic::from);
    Map::from([
        ("blocks".into(), (report.blocks as i64).into()),
        ("networks".into(), (report.networks as i64).into()),
        ("took_s".into(), report.took_s.into()),
        ("s_per_1000_blocks".into(), (1000.0 * report.took_s / report.blocks.max(1) as f64).into()),
        ("cut_short".into(), report.cut_short.into()),
        ("carried_by".into(), noted("carried_by")),
        ("lacking".into(), noted("lacking")),
        ("formula_within_10_pct".into(), report.formula_error.within10_pct.into()),
        ("without_source_rmspe_pct".into(), report.formula_error.rmspe_pct.into()),
        ("operators".into(), operators.collect::<Map>().into()),
        ("failed".into(), failed.collect::<Array>().into()),
    ])
}

fn built(host: &Host, hyperspace: &Hyper, device: &Stopwatch, given: Map) -> Result<Predictions> {
    let options = Options::new("build_latency_table", given, &["blocks", "networks", "budget_s", "seed"])?;
    let Stopwatch::Timed(device) = device else {
        let help = "it already is one: use it as it is, or `calibrate` it for another device";
        return Err(Fault::new("device::table", "a latency table cannot be built from a `table`", help));
    };
    let plan = Plan {
        blocks: host.cut(MEASURED, options.count("blocks", 12)?.unwrap_or(200), DRY_MEASURED),
        networks: host.cut("measured networks", options.count("networks", 0)?.unwrap_or(40), 12),
        budget_s: options.positive("budget_s")?.unwrap_or(600.0),
        seed: options.seed()?,
    };
    let measure = |graphs: &[(String, Arc<crate::graph::Graph>)], budget_s: f64| {
        let how = MeasureOptions { budget_s, ..MeasureOptions::default() };
        timed(host, &**device, graphs, &[Precision::Int8], &how)
    };
    let mut table = build(hyperspace, &plan, &measure, &host.progress(), &host.cancel)?;
    let print = serde_json::to_string(device.fingerprint()).unwrap_or_default();
    table.provenance.insert("device".into(), print);
    Ok(Arc::new(table))
}

fn predicted(table: &LatencyTable, item: &Dynamic) -> Result<f64> {
    let thing = thing_of("predict_latency", item)?;
    match thing.parts {
        Parts::Layers => Err(Parts::unknown(&thing.name)),
        Parts::Subnet(subnet) => table.subnet_ms(&subnet),
        Parts::Block(key) => {
            let known = table.measured.iter().find(|one| BlockKey::of(&one.block) == key);
            match known {
                Some(known) => Ok(known.ms),
                None => table.block_ms(&block_of_key(&table.hyperspace, &key)?),
            }
        }
    }
}

fn known(hyperspace: &Hyper, items: &Array) -> Result<Vec<Known>> {
    let wrong = |at: usize, why: &str| {
        let help = "each is a map `#{ of: block_or_subnet, int8_ms: 1.5 }`";
        Fault::new("options::value", format!("measurement {at} of calibrate {why}"), help)
    };
    let one = |(at, item): (usize, &Dynamic)| {
        let map = item.clone().try_cast::<Map>().ok_or_else(|| wrong(at, "is no map"))?;
        let of = map.get("of").ok_or_else(|| wrong(at, "has no `of`"))?;
        let ms = map.get("int8_ms").and_then(number).filter(|ms| ms.is_finite() && *ms > 0.0);
        let ms = ms.ok_or_else(|| wrong(at, "has no `int8_ms` above zero"))?;
        let thing = thing_of("calibrate", of)?;
        Ok(match thing.parts {
            Parts::Layers => return Err(Parts::unknown(&thing.name)),
            Parts::Subnet(subnet) => Known { parts: subnet.parts(), whole: true, ms },
            Parts::Block(key) => Known { parts: vec![block_of_key(hyperspace, &key)?], whole: false, ms },
        })
    };
    items.iter().enumerate().map(one).collect()
}

fn carried(table: &Dynamic, measurements: &Array, given: Map) -> Result<Predictions> {
    let options = Options::new("calibrate", given, &["held_out", "seed"])?;
    let (source, hyperspace) = if let Some(blocks) = table.clone().try_cast::<Blocks>() {
        (Source::Blocks(blocks.table.clone()), blocks.hyperspace().clone())
    } else if let Some(own) = table.clone().try_cast::<Predictions>() {
        (Source::Table(own.clone()), own.hyperspace.clone())
    } else {
        let help = "give a latency table or a block table";
        return Err(Fault::new("options::type", format!("calibrate takes a table, not {}", super::values::words(table)), help));
    };
    let measured = known(&hyperspace, measurements)?;
    let held_out = known(&hyperspace, &options.array("held_out")?.unwrap_or_default())?;
    carry_over(&hyperspace, &source, &measured, &held_out, options.seed()?).map(Arc::new)
}

pub(super) fn measured(table: &LatencyTable) -> Result<Table> {
    let predicted = table.measured.iter().map(|one| table.block_ms(&one.block)).collect::<Result<Vec<_>>>()?;
    let blocks = table.blocks().to_table()?;
    let half = table.measured.iter().map(|one| one.half_ms);
    let mut all = Table::builder();
    for (name, column) in blocks.all()? {
        all = all.column(&name, column);
    }
    all.float("half_ms", half).float("predicted_ms", predicted).build()
}

pub(super) fn networks(table: &LatencyTable) -> Result<Table> {
    let predicted = table.networks.iter().map(|(net, _)| table.subnet_ms(net)).collect::<Result<Vec<_>>>()?;
    Table::builder()
        .text("space", table.networks.iter().map(|(net, _)| format!("{}-{}", net.space.hyperspace.name, net.space.encode())))
        .text("subnet", table.networks.iter().map(|(net, _)| net.encode()))
        .float("int8_ms", table.networks.iter().map(|(_, ms)| *ms))
        .float("predicted_ms", predicted)
        .build()
}

/// Declares latency tables.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Predictions>("LatencyTable");
    engine.register_global_module(exported_module!(latency_table_functions).into());
}

//! Measuring things: one, several, a whole table of them; the rounds behind a figure.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use super::cells::maps;
use super::cross::{Answer, Cross};
use super::device::{Stopwatch, timed};
use super::host::Host;
use super::net::activation;
use super::operator::{Definition, build_block, operator_of};
use super::options::Options;
use super::registry::find;
use super::space::Hyper;
use super::thing;
use crate::base::{Fault, Result};
use crate::device::{Device, DeviceFault, Inside, MeasureOptions, MeasuredRow, kept_measurement};
use crate::frame::{Cell, Table};
use crate::graph::Graph;
use crate::lut::{BlockKey, BlockTable};
use crate::onnx::Precision;
use crate::space::{SearchSpace, Subnet};

/// Both number formats, in the order of columns.
const BOTH: [Precision; 2] = [Precision::Fp32, Precision::Int8];

#[export_module]
mod measure_functions {
    /// FP32 and INT8 latency of a block, a subnet, a network, or an array of them, on a device.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let b = block("inverted_residual", #{ cin: 64, cout: 64, hw: 28 });
    /// measure(b, device("flops")).row(0).holds //> in_network
    /// ```
    #[rhai_fn(return_raw)]
    pub fn measure(context: NativeCallContext, what: Dynamic, device: Stopwatch) -> Answer<Table> {
        measure_with(context, what, device, Map::new())
    }

    /// FP32 and INT8 latency of a block, a subnet, a network, or an array of them, on a device, as a table.
    ///
    /// Everything is timed in interleaved rounds beside an anchor network. What was measured before comes from the lab.
    /// A block's figure is what it adds to a network, from networks around it: alone it would pay for entering and leaving the integers.
    /// The column `holds` says which: `in_network`, `alone`, or `whole` for a network. The first thing that the device cannot run is an error; `measure_all` goes on.
    ///
    /// Columns: `name`, then for each precision the median `…_ms` and its 95 % interval `…_low_ms`, `…_high_ms`; `speedup`, FP32 over INT8; `runs`, `mflops`, `holds`;
    /// `…_wall_ms`: the same by the wall clock, while the other is that of the thread; `rejected`: runs in disturbed moments; `jumps`: runs lost to a clock that jumped;
    /// `settled`: whether it became as sure as asked; `from_lab`; `status`. A `table` has INT8 alone.
    ///
    /// Options: `budget_s` (20): seconds at most; `interval_pct` (3): width of the visits' intervals at which measuring stops; `again` (false): measure even what the lab holds; `alone` (false): a block as a network by itself; `fp32` (true): whether FP32 is measured too.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let b = block("inverted_residual", #{ cin: 64, cout: 64, hw: 28 });
    /// measure(b, device("flops"), #{ alone: true }).row(0).holds //> alone
    /// ```
    #[rhai_fn(name = "measure", return_raw)]
    pub fn measure_with(context: NativeCallContext, what: Dynamic, device: Stopwatch, given: Map) -> Answer<Table> {
        let host = Host::of(&context)?;
        let asked = Asked::new("measure", given, 20.0).cross()?;
        let things = things_of(&context, &host, what).cross()?;
        let outcomes = outcomes(&host, &device, &things, &asked).cross()?;
        outcomes.iter().flat_map(|one| &one.by).try_for_each(|one| one.as_ref().map(drop).map_err(Clone::clone)).cross()?;
        table(&things, &outcomes).cross()
    }

    /// As `measure`, for many things at once: what cannot be run is told in its row.
    #[rhai_fn(return_raw)]
    pub fn measure_all(context: NativeCallContext, what: Dynamic, device: Stopwatch) -> Answer<Table> {
        measure_all_with(context, what, device, Map::new())
    }

    /// As `measure`, for many things at once: what cannot be run is told in its row.
    ///
    /// Takes an array, or a table with a row for each thing. A table has the columns `operator`, `cin`, `hw`, and others that `block` knows (`cout`, `stride`, `activation`, the operator's choices), or `space` and `subnet`.
    /// Things are measured in groups of 96 whose rows are kept in the lab as they come: stopped and run again, it goes on.
    /// The column `status` says `ok`, or code and text of the fault; a row without a figure has missing values.
    ///
    /// Options: as those of `measure`: `budget_s` (600), `interval_pct` (3), `again` (false), `alone` (false), `fp32` (true).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let all = measure_all([block("inverted_residual", #{ cin: 64, hw: 14 }), hyperspace("pocket").plain("fused_residual").smallest], device("flops"));
    /// all["status"] //> ["ok", "ok"]
    /// let same = table([#{ operator: "inverted_residual", cin: 64, hw: 14 }]);
    /// measure_all(same, device("flops")).row(0).int8_ms == all.row(0).int8_ms //> true
    /// ```
    #[rhai_fn(name = "measure_all", return_raw)]
    pub fn measure_all_with(context: NativeCallContext, what: Dynamic, device: Stopwatch, given: Map) -> Answer<Table> {
        let host = Host::of(&context)?;
        let asked = Asked::new("measure_all", given, 600.0).cross()?;
        let things = things_of(&context, &host, what).cross()?;
        outcomes(&host, &device, &things, &asked).and_then(|outcomes| table(&things, &outcomes)).cross()
    }

    /// The rounds behind a measured latency: every visit to a network, kept or not.
    ///
    /// Of a block, the rounds of the block alone. In the precisions in which it was measured. Columns: `precision`, `round`, `ms`, `wall_ms`, `anchor_ms`, `ratio`, `calm`: whether the anchor was within 10 % of its quiet time.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let b = block("inverted_residual", #{ cin: 48, hw: 14 });
    /// measure(b, device("flops"), #{ alone: true });
    /// rounds(b, device("flops")).height >= 12 //> true
    /// rounds(block("fused_residual", #{ cin: 48, hw: 14 }), device("flops")) //> fails device::not_measured
    /// let other = block("inverted_residual", #{ cin: 32, hw: 14 });
    /// measure(other, device("flops"), #{ alone: true, fp32: false });
    /// rounds(other, device("flops")).unique("precision")["precision"] //> ["int8"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn rounds(context: NativeCallContext, what: Dynamic, device: Stopwatch) -> Answer<Table> {
        let host = Host::of(&context)?;
        let things = things_of(&context, &host, what).cross()?;
        visits(&host, &device, &things).cross()
    }
}

/// A thing that can be measured.
#[derive(Clone)]
pub(super) struct Thing {
    /// What it is called.
    pub name: String,
    /// Its layers.
    pub graph: Arc<Graph>,
    /// What a block table knows it by: one block, or those of a subnet.
    pub parts: Parts,
}

/// What a thing consists of.
#[derive(Clone)]
pub(super) enum Parts {
    /// It is a block.
    Block(BlockKey),
    /// It is a subnet.
    Subnet(Subnet),
    /// It is a fixed network, of which no block table knows.
    Layers,
}

impl Parts {
    /// A fault for what no block table can tell of `name`.
    pub(super) fn unknown(name: &str) -> Fault {
        let help = "block tables know blocks and subnets: `block(...)`, `space.largest`";
        Fault::new("lut::no_blocks", format!("network `{name}` is not made of blocks of a search space"), help)
    }
}

/// How to measure.
pub(super) struct Asked {
    how: MeasureOptions,
    alone: bool,
    precisions: &'static [Precision],
}

impl Asked {
    fn new(call: &'static str, given: Map, budget_s: f64) -> Result<Self> {
        let options = Options::new(call, given, &["budget_s", "interval_pct", "again", "alone", "fp32"])?;
        let default = MeasureOptions::default();
        let how = MeasureOptions {
            budget_s: options.positive("budget_s")?.unwrap_or(budget_s),
            interval_pct: options.positive("interval_pct")?.unwrap_or(default.interval_pct),
            fresh: options.flag("again")?.unwrap_or(false),
            ..default
        };
        let precisions = if options.flag("fp32")?.unwrap_or(true) { &BOTH } else { &BOTH[1..] };
        Ok(Self { how, alone: options.flag("alone")?.unwrap_or(false), precisions })
    }
}

/// One value as a thing, for the primitive `call`.
pub(super) fn thing_of(call: &str, item: &Dynamic) -> Result<Thing> {
    let made_of = thing::Thing::of(call, item)?;
    let (name, graph) = (made_of.label(), made_of.graph()?);
    let parts = match made_of {
        thing::Thing::Block(block) => Parts::Block(block.key()),
        thing::Thing::Subnet(subnet) => Parts::Subnet(subnet),
        thing::Thing::Network(network) => network.subnet.map_or(Parts::Layers, Parts::Subnet),
    };
    Ok(Thing { name, graph, parts })
}

/// The things that a value stands for.
pub(super) fn things_of(context: &NativeCallContext, host: &Host, what: Dynamic) -> Result<Vec<Thing>> {
    if let Some(table) = what.clone().try_cast::<Table>() {
        return maps(&table)?.into_iter().enumerate().map(|(at, row)| thing_of_row(context, host, at, row)).collect();
    }
    let items = if what.is_array() { what.into_array().unwrap_or_default() } else { vec![what] };
    items.iter().map(|item| thing_of("measure", item)).collect()
}

/// The thing that a row of a table describes. Columns of earlier figures are not looked at.
fn thing_of_row(context: &NativeCallContext, host: &Host, at: usize, row: Dynamic) -> Result<Thing> {
    let mut row: Map = row.try_cast().unwrap_or_default();
    row.retain(|_, value| {
        !value.is_unit() && !value.is_string() || value.clone().into_string().is_ok_and(|text| !text.is_empty())
    });
    let during = |fault: Fault| fault.during(&format!("row {at}"));
    if let (Some(space), Some(net)) = (row.get("space"), row.get("subnet")) {
        let code = space.to_string();
        let hyperspace = find::<Hyper>(context, host, code.split('-').next().unwrap_or_default()).map_err(during)?;
        let space = Arc::new(SearchSpace::parse(&hyperspace, &code).map_err(during)?);
        return thing_of("measure", &Dynamic::from(Subnet::parse(&space, &net.to_string()).map_err(during)?)).map_err(during);
    }
    let missing = || {
        let help = "give the columns `operator`, `cin`, `hw`, or `space` and `subnet`";
        Fault::new("measure::row", format!("row {at} names no operator and no subnet"), help)
    };
    let name = row.get("operator").ok_or_else(missing)?.clone();
    let mut operator = operator_of(context, host, &name).map_err(during)?;
    if let Some(act) = row.get("activation") {
        let act = activation(&act.to_string()).map_err(during)?;
        operator =
            find::<Definition>(context, host, operator.name()).and_then(|own| own.operator(&[], Some(act))).map_err(during)?;
    }
    let wanted = |key: &str| ["cin", "cout", "stride", "hw"].contains(&key) || operator.list(key).is_some();
    let config = row.iter().filter(|(key, _)| wanted(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    thing_of("measure", &Dynamic::from(build_block(&operator, config).map_err(during)?)).map_err(during)
}

/// What was found for one thing in one precision.
#[derive(Debug, Clone)]
struct Found {
    ms: f64,
    low: f64,
    high: f64,
    wall: f64,
    runs: usize,
    rejected: usize,
    jumps: usize,
    settled: bool,
    kept: bool,
}

/// What was found for one thing: by precision.
struct Outcome {
    holds: &'static str,
    by: Vec<Result<Found>>,
}

fn outcomes(host: &Host, device: &Stopwatch, things: &[Thing], asked: &Asked) -> Result<Vec<Outcome>> {
    let device = match device {
        Stopwatch::Blocks(blocks) => return Ok(things.iter().map(|thing| looked_up(blocks, thing)).collect()),
        Stopwatch::Timed(device) => &**device,
    };
    let plan = |thing: &Thing| match thing.parts {
        Parts::Block(_) if !asked.alone => Inside::of(&thing.graph),
        _ => Ok(Inside { terms: vec![(thing.graph.clone(), 1.0)] }),
    };
    let plans = things.iter().map(plan).collect::<Result<Vec<_>>>()?;
    let mut graphs = Vec::new();
    for (thing, plan) in things.iter().zip(&plans) {
        graphs.extend(plan.terms.iter().map(|(graph, _)| (thing.name.clone(), graph.clone())));
    }
    let offered = |precision: &Precision| device.precisions().contains(precision);
    let precisions: Vec<_> = asked.precisions.iter().copied().filter(offered).collect();
    if precisions.is_empty() {
        return Err(none(device, Precision::Int8));
    }
    let rows = timed(host, device, &graphs, &precisions, &asked.how)?;
    let mut rows = rows.chunks(precisions.len());
    let outcome = |(thing, plan): (&Thing, &Inside)| {
        let own: Vec<_> = rows.by_ref().take(plan.terms.len()).collect();
        let holds = match thing.parts {
            Parts::Subnet(_) | Parts::Layers => "whole",
            Parts::Block(_) if asked.alone => "alone",
            Parts::Block(_) => "in_network",
        };
        let by = asked.precisions.iter().map(|precision| match precisions.iter().position(|own| own == precision) {
            Some(at) => combine(plan, &own.iter().map(|rows| rows[at].clone()).collect::<Result<Vec<_>>>()?, thing, *precision),
            None => Err(none(device, *precision)),
        });
        Outcome { holds, by: by.collect() }
    };
    Ok(things.iter().zip(&plans).map(outcome).collect())
}

fn none(device: &dyn Device, precision: Precision) -> Fault {
    let offers = device.precisions().iter().map(|own| own.name()).collect::<Vec<_>>().join(" and ");
    DeviceFault::NoPrecision { device: device.name().into(), precision: precision.name(), offers }.into()
}

fn combine(plan: &Inside, rows: &[MeasuredRow], thing: &Thing, precision: Precision) -> Result<Found> {
    let times: Vec<_> = rows.iter().map(|row| (row.latency_ms, row.low_ms, row.high_ms)).collect();
    let single = rows.len() == 1;
    let (ms, half) = plan.combine(&times);
    if !single && ms <= 0.0 {
        return Err(DeviceFault::Unresolved { label: thing.name.clone(), precision: precision.name() }.into());
    }
    // Of one network the interval is as skewed as its times are.
    let (low, high) = if single { (times[0].1, times[0].2) } else { ((ms - half).max(0.0), ms + half) };
    let on_wall = |row: &MeasuredRow| {
        let slower = row.measurement.raw_wall_ms / row.measurement.raw_median_ms;
        row.latency_ms * if slower.is_finite() { slower } else { 1.0 }
    };
    Ok(Found {
        ms,
        low,
        high,
        wall: plan.terms.iter().zip(rows).map(|((_, factor), row)| factor * on_wall(row)).sum(),
        runs: rows.iter().map(|row| row.measurement.runs).sum(),
        rejected: rows.iter().map(|row| row.measurement.rejected).sum(),
        jumps: rows.iter().map(|row| row.measurement.jumps).sum(),
        settled: rows.iter().all(|row| row.measurement.converged),
        kept: rows.iter().all(|row| row.kept),
    })
}

/// What a block table says.
fn looked_up(blocks: &BlockTable, thing: &Thing) -> Outcome {
    let ms = match &thing.parts {
        Parts::Block(key) => blocks.need(key),
        Parts::Subnet(subnet) => blocks.subnet_ms(subnet),
        Parts::Layers => Err(Parts::unknown(&thing.name)),
    };
    let found =
        ms.map(|ms| Found { ms, low: ms, high: ms, wall: ms, runs: 0, rejected: 0, jumps: 0, settled: true, kept: false });
    let holds = if matches!(thing.parts, Parts::Block(_)) { "in_network" } else { "whole" };
    Outcome { holds, by: vec![found] }
}

/// A column of numbers; missing where there is none.
fn numbers(values: impl Iterator<Item = Option<f64>>) -> Vec<Cell> {
    values.map(|value| value.map_or(Cell::Null, Cell::Float)).collect()
}

fn table(things: &[Thing], outcomes: &[Outcome]) -> Result<Table> {
    let int8 = |one: &Outcome| one.by.last().and_then(|found| found.as_ref().ok().cloned());
    let fp32 = |one: &Outcome| if one.by.len() > 1 { one.by[0].as_ref().ok().cloned() } else { None };
    let with_fp32 = outcomes.iter().any(|one| one.by.len() > 1) || outcomes.is_empty();
    let column = |name: &str, values: Vec<Cell>, table: crate::frame::Builder| {
        // Of nothing but missing values the kind could not be told.
        if values.iter().all(|cell| *cell == Cell::Null) {
            return table.float(name, values.iter().map(|_| f64::NAN));
        }
        table.cells(name, values)
    };
    let mut out = Table::builder().text("name", things.iter().map(|thing| thing.name.clone()));
    type Pick = fn(&Found) -> f64;
    let picks: [(&str, Pick); 3] = [("ms", |found| found.ms), ("low_ms", |found| found.low), ("high_ms", |found| found.high)];
    if with_fp32 {
        for (name, pick) in picks {
            out = column(&format!("fp32_{name}"), numbers(outcomes.iter().map(|one| fp32(one).as_ref().map(pick))), out);
        }
    }
    for (name, pick) in picks {
        out = column(&format!("int8_{name}"), numbers(outcomes.iter().map(|one| int8(one).as_ref().map(pick))), out);
    }
    if with_fp32 {
        let speedup = |one: &Outcome| Some(fp32(one)?.ms / int8(one)?.ms);
        out = column("speedup", numbers(outcomes.iter().map(speedup)), out);
    }
    let count = |pick: fn(&Found) -> usize| {
        outcomes.iter().map(move |one| one.by.iter().flatten().map(pick).sum::<usize>() as i64).collect::<Vec<_>>()
    };
    out = out.int("runs", outcomes.iter().map(|one| int8(one).map_or(0, |found| found.runs as i64)));
    out = out.float("mflops", things.iter().map(|thing| thing.graph.cost().mflops()));
    out = out.text("holds", outcomes.iter().map(|one| one.holds));
    if with_fp32 {
        out = column("fp32_wall_ms", numbers(outcomes.iter().map(|one| Some(fp32(one)?.wall))), out);
        out = column("int8_wall_ms", numbers(outcomes.iter().map(|one| Some(int8(one)?.wall))), out);
    }
    let status = |one: &Outcome| match one.by.iter().find_map(|found| found.as_ref().err()) {
        None => "ok".to_string(),
        Some(fault) => format!("{}: {}", fault.code, fault.message),
    };
    out.int("rejected", count(|found| found.rejected))
        .int("jumps", count(|found| found.jumps))
        .bool("settled", outcomes.iter().map(|one| one.by.iter().all(|found| found.as_ref().is_ok_and(|found| found.settled))))
        .bool("from_lab", outcomes.iter().map(|one| one.by.iter().all(|found| found.as_ref().is_ok_and(|found| found.kept))))
        .text("status", outcomes.iter().map(status))
        .build()
}

fn visits(host: &Host, device: &Stopwatch, things: &[Thing]) -> Result<Table> {
    let Stopwatch::Timed(device) = device else {
        return Err(Fault::new(
            "device::no_rounds",
            "a `table` looks latencies up: there are no rounds",
            "ask the device that measured",
        ));
    };
    let lab = host.lab()?;
    let (mut names, mut precisions, mut rounds, mut calm) = (vec![], vec![], vec![], vec![]);
    let mut times: [Vec<f64>; 3] = Default::default();
    for thing in things {
        let mut lacking = None;
        let before = names.len();
        for &precision in device.precisions() {
            let found = match kept_measurement(&**device, &thing.name, &thing.graph, precision, &lab) {
                Ok(found) => found,
                // Some are measured in INT8 alone.
                Err(fault) if fault.code == "device::not_measured" => {
                    lacking = Some(fault);
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            for (visit, is_calm) in found.raw.iter().zip(found.calm()) {
                names.push(thing.name.clone());
                precisions.push(precision.name());
                rounds.push(i64::from(visit.round));
                let own = [visit.ms, visit.wall_ms, visit.anchor_ms];
                times.iter_mut().zip(own).for_each(|(column, value)| column.push(value));
                calm.push(is_calm);
            }
        }
        if let Some(fault) = lacking.filter(|_| names.len() == before) {
            return Err(fault);
        }
    }
    let ratios: Vec<f64> = times[0].iter().zip(&times[2]).map(|(ms, anchor)| ms / anchor).collect();
    let [ms, wall, anchor] = times;
    Table::builder()
        .text("name", names)
        .text("precision", precisions)
        .int("round", rounds)
        .float("ms", ms)
        .float("wall_ms", wall)
        .float("anchor_ms", anchor)
        .float("ratio", ratios)
        .bool("calm", calm)
        .build()
}

/// Declares measuring.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(measure_functions).into());
}

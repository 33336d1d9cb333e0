//! Devices and measuring.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::blocks::Blocks;
use super::cross::{Answer, Cross};
use super::host::Host;
use super::noun::Nouns;
use super::options::Options;
use super::thing::Thing;
use crate::base::Result;
use crate::device::{self, Device, FlopsDevice, MeasureOptions, MeasuredRow, measure_graphs};
use crate::frame::Table;
use crate::graph::{Cost, Graph};
use crate::lut::BlockTable;
use crate::onnx::Precision;
use crate::space::Subnet;

/// A device as scripts hold it.
#[derive(Clone)]
pub enum Stopwatch {
    /// One that times layer graphs.
    Timed(Arc<dyn Device>),
    /// One that looks blocks up.
    Blocks(Arc<BlockTable>),
}

/// FP32 (NaN where a device has none) and INT8 latency of one thing.
#[derive(Debug, Clone)]
pub struct BothMs {
    /// FP32.
    pub fp32_ms: f64,
    /// INT8.
    pub int8_ms: f64,
}

/// Names of all devices.
pub(super) const NAMES: [&str; 3] = ["ort", "flops", "table"];

#[export_module]
mod device_functions {
    /// A device by name, with one thread.
    ///
    /// # Example
    ///
    /// ```rhai
    /// device("flops").name //> flops
    /// device("gone")       //> fails device::unknown
    /// ```
    #[rhai_fn(return_raw)]
    pub fn device(context: NativeCallContext, name: &str) -> Answer<Stopwatch> {
        device_with(context, name, Map::new())
    }

    /// A device by name: `ort` is ONNX Runtime here, `flops` counts, `table` sums a block table.
    ///
    /// Options: `threads` (1), for `ort`; `blocks` (needed for `table`): as `read_blocks` or `recover_blocks` gives them.
    #[rhai_fn(name = "device", return_raw)]
    pub fn device_with(context: NativeCallContext, name: &str, given: Map) -> Answer<Stopwatch> {
        let host = Host::of(&context)?;
        open(&host, name, given).cross()
    }

    /// Names of all devices.
    ///
    /// # Example
    ///
    /// ```rhai
    /// "ort" in devices() //> true
    /// ```
    pub fn devices() -> Array {
        NAMES.iter().map(|name| Dynamic::from((*name).to_string())).collect()
    }

    /// Name of the device.
    #[rhai_fn(get = "name", pure)]
    pub fn device_name(device: &mut Stopwatch) -> String {
        match device {
            Stopwatch::Timed(device) => device.name().into(),
            Stopwatch::Blocks(_) => "table".into(),
        }
    }

    /// The device as text: runtime, processor, threads.
    #[rhai_fn(name = "to_string", pure)]
    pub fn device_text(device: &mut Stopwatch) -> String {
        device.words()
    }

    /// FP32 and INT8 latency of a block, a subnet, a network, or an array of them, on a device.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let b = block("inverted_residual", #{ cin: 64, cout: 64, hw: 28 });
    /// measure(b, device("flops")).columns.contains("int8_ms") //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn measure(context: NativeCallContext, what: Dynamic, device: Stopwatch) -> Answer<Table> {
        measure_with(context, what, device, Map::new())
    }

    /// FP32 and INT8 latency of a block, a subnet, a network, or an array of them, on a device, as a table.
    ///
    /// Everything is timed in interleaved rounds beside an anchor network. A `table` gives `name`, `int8_ms` and `mflops` only.
    /// Columns: `name`, then for each precision the median `…_ms`, its 95 % interval
    /// `…_low_ms` and `…_high_ms`, `runs`; and `speedup`, FP32 over INT8. What was measured before comes from the lab.
    ///
    /// Options: `budget_s` (20): seconds at most; `interval_pct` (3): width of the intervals at which measuring stops; `again` (false): measure even what the lab holds.
    #[rhai_fn(name = "measure", return_raw)]
    pub fn measure_with(context: NativeCallContext, what: Dynamic, device: Stopwatch, given: Map) -> Answer<Table> {
        let host = Host::of(&context)?;
        table(&host, &device, what, given).cross()
    }
}

impl Stopwatch {
    /// The device in words: what it is, runtime, processor, threads.
    pub(super) fn words(&self) -> String {
        match self {
            Stopwatch::Blocks(blocks) => format!("table ({} blocks)", blocks.entries().len()),
            Stopwatch::Timed(device) => {
                let print = device.fingerprint();
                let threads = if print.threads == 1 { "1 thread".into() } else { format!("{} threads", print.threads) };
                format!("{} ({}, {}, {threads})", print.device, print.runtime, print.cpu)
            }
        }
    }
}

fn open(host: &Host, name: &str, given: Map) -> Result<Stopwatch> {
    let options = Options::new("device", given, &["threads", "blocks"])?;
    if name == "table" {
        let blocks: Blocks = options.need("blocks", "a block table: `read_blocks(...)` or `recover_blocks(lut)`")?;
        return Ok(Stopwatch::Blocks(blocks.table.clone()));
    }
    let threads = options.count("threads", 1)?.unwrap_or(1);
    if host.settings.dry && name == "ort" {
        host.note_cut("device `ort`", "`flops` in its place".into());
        return Ok(Stopwatch::Timed(Arc::new(FlopsDevice::default())));
    }
    Ok(Stopwatch::Timed(Arc::from(device::open(name, threads)?)))
}

/// What a block table says of things.
fn looked_up(blocks: &BlockTable, what: Dynamic) -> Result<Table> {
    let things = Thing::each("measure", what)?;
    let (mut times, mut mflops) = (Vec::new(), Vec::new());
    for thing in &things {
        times.push(match thing {
            Thing::Block(block) => blocks.need(&block.key())?,
            Thing::Subnet(subnet) => blocks.subnet_ms(subnet)?,
            Thing::Network(network) => blocks.subnet_ms(network.need_subnet()?)?,
        });
        mflops.push(thing.graph()?.cost().mflops());
    }
    Table::builder().text("name", things.iter().map(Thing::label)).float("int8_ms", times).float("mflops", mflops).build()
}

fn table(host: &Host, device: &Stopwatch, what: Dynamic, given: Map) -> Result<Table> {
    let options = Options::new("measure", given, &["budget_s", "interval_pct", "again"])?;
    let default = MeasureOptions::default();
    let how = MeasureOptions {
        budget_s: options.positive("budget_s")?.unwrap_or(20.0),
        interval_pct: options.positive("interval_pct")?.unwrap_or(default.interval_pct),
        fresh: options.flag("again")?.unwrap_or(false),
        ..default
    };
    let device = match device {
        Stopwatch::Blocks(blocks) => return looked_up(blocks, what),
        Stopwatch::Timed(device) => &**device,
    };
    let things = Thing::each("measure", what)?;
    let named = things.iter().map(|thing| Ok((thing.label(), thing.graph()?))).collect::<Result<Vec<_>>>()?;
    let rows = both(host, device, &named, &how)?;
    let column = |pick: fn(&(MeasuredRow, MeasuredRow)) -> f64| rows.iter().map(pick).collect::<Vec<_>>();
    Table::builder()
        .text("name", named.iter().map(|(name, _)| name.clone()))
        .float("fp32_ms", column(|row| row.0.latency_ms))
        .float("fp32_low_ms", column(|row| row.0.low_ms))
        .float("fp32_high_ms", column(|row| row.0.high_ms))
        .float("int8_ms", column(|row| row.1.latency_ms))
        .float("int8_low_ms", column(|row| row.1.low_ms))
        .float("int8_high_ms", column(|row| row.1.high_ms))
        .float("speedup", column(|row| row.0.latency_ms / row.1.latency_ms))
        .int("runs", rows.iter().map(|row| row.1.measurement.runs as i64))
        .float("mflops", named.iter().map(|(_, graph)| graph.cost().mflops()))
        .build()
}

/// FP32 and INT8 of each graph, interleaved.
fn both(
    host: &Host,
    device: &dyn Device,
    named: &[(String, Arc<Graph>)],
    how: &MeasureOptions,
) -> Result<Vec<(MeasuredRow, MeasuredRow)>> {
    let rows = timed(host, device, named, &[Precision::Fp32, Precision::Int8], how)?;
    Ok(rows.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
}

fn timed(
    host: &Host,
    device: &dyn Device,
    named: &[(String, Arc<Graph>)],
    precisions: &[Precision],
    how: &MeasureOptions,
) -> Result<Vec<MeasuredRow>> {
    let named: Vec<_> = named.iter().map(|(name, graph)| (name.clone(), &**graph)).collect();
    measure_graphs(device, &named, precisions, how, &host.progress(), &host.cancel, Some(&*host.lab()?))
}

/// INT8 latency of each graph, in milliseconds.
pub(super) fn measure_int8(host: &Host, device: &Arc<dyn Device>, graphs: &[Graph]) -> Result<Vec<f64>> {
    let named: Vec<_> = graphs.iter().enumerate().map(|(at, graph)| (format!("sample {at}"), Arc::new(graph.clone()))).collect();
    let rows =
        timed(host, &**device, &named, &[Precision::Int8], &MeasureOptions { budget_s: 45.0, ..MeasureOptions::default() })?;
    Ok(rows.into_iter().map(|row| row.latency_ms).collect())
}

/// FP32 and INT8 latency of subnets.
pub(super) fn measure_nets(host: &Host, device: &Stopwatch, subnets: &[Subnet]) -> Result<Vec<BothMs>> {
    let device = match device {
        Stopwatch::Blocks(blocks) => {
            let both = |subnet| Ok(BothMs { fp32_ms: f64::NAN, int8_ms: blocks.subnet_ms(subnet)? });
            return subnets.iter().map(both).collect();
        }
        Stopwatch::Timed(device) => &**device,
    };
    let named = subnets.iter().map(|subnet| Ok((subnet.encode(), Arc::new(subnet.graph()?)))).collect::<Result<Vec<_>>>()?;
    let rows = both(host, device, &named, &MeasureOptions { budget_s: 20.0, ..MeasureOptions::default() })?;
    Ok(rows.into_iter().map(|(fp32, int8)| BothMs { fp32_ms: fp32.latency_ms, int8_ms: int8.latency_ms }).collect())
}

/// What a network costs, as scripts see it.
pub(super) fn costs_of(cost: &Cost, row: &BothMs) -> Map {
    Map::from([
        ("fp32_ms".into(), row.fp32_ms.into()),
        ("int8_ms".into(), row.int8_ms.into()),
        ("speedup".into(), (row.fp32_ms / row.int8_ms).into()),
        ("mflops".into(), cost.mflops().into()),
        ("mparams".into(), cost.mparams().into()),
    ])
}

/// Declares devices and measuring.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Stopwatch>("Device");
    engine.register_global_module(exported_module!(device_functions).into());
}

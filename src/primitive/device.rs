//! Devices and measuring.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::blocks::Blocks;
use super::cross::{Answer, Cross};
use super::host::Host;
use super::noun::Nouns;
use super::options::Options;
use crate::base::{Result, did_you_mean};
use crate::device::{self, Device, DeviceFault, FlopsDevice, MeasureOptions, MeasuredRow, OrtOptions, measure_all};
use crate::graph::{Cost, Graph};
use crate::lut::BlockTable;
use crate::onnx::{Int8Weights, Precision};
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
    /// Options for `ort`: `threads` (1); `weights` ("per_channel"): how many scales INT8 weights have, or "per_tensor"; `weight_bits` (8):
    /// with 7 sums of two products fit into 16 bits, which processors without VNNI instructions need to be fast.
    /// For `table`: `blocks` (needed): as `read_blocks` or `recover_blocks` gives them.
    ///
    /// # Example
    ///
    /// ```rhai
    /// device("ort", #{ weight_bits: 9 }) //> fails options::value
    /// ```
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
}

impl Stopwatch {
    /// The device in words: what it is, runtime, processor, threads.
    pub(super) fn words(&self) -> String {
        match self {
            Stopwatch::Blocks(blocks) => format!("table ({} blocks)", blocks.entries().len()),
            Stopwatch::Timed(device) => {
                let print = device.fingerprint();
                let threads = if print.threads == 1 { "1 thread".into() } else { format!("{} threads", print.threads) };
                let mut words = vec![print.runtime.clone(), print.cpu.clone(), threads];
                if device.name() == "ort" {
                    words.push(format!("integer instructions: {}", print.instructions));
                    words.extend(print.options.split(", ").skip(1).map(str::to_string));
                }
                format!("{} ({})", print.device, words.join(", "))
            }
        }
    }
}

fn open(host: &Host, name: &str, given: Map) -> Result<Stopwatch> {
    let options = Options::new("device", given, &["threads", "blocks", "weights", "weight_bits"])?;
    let per_tensor = match options.text("weights")?.as_deref() {
        None | Some("per_channel") => false,
        Some("per_tensor") => true,
        Some(_) => return Err(options.refuse("weights", "there is no such way", "write \"per_channel\" or \"per_tensor\"")),
    };
    let seven_bits = match options.count("weight_bits", 1)? {
        None | Some(8) => false,
        Some(7) => true,
        Some(_) => return Err(options.refuse("weight_bits", "no kernel has so many", "write 8, or 7")),
    };
    if !NAMES.contains(&name) {
        let help = if name.starts_with("cuda") {
            "a card trains, and times nothing: give it to what trains, `on: \"cuda:0\"`".into()
        } else {
            did_you_mean(name, NAMES)
        };
        return Err(DeviceFault::Unknown { name: name.into(), help }.into());
    }
    if name == "table" {
        let blocks: Blocks = options.need("blocks", "a block table: `read_blocks(...)` or `recover_blocks(lut)`")?;
        return Ok(Stopwatch::Blocks(blocks.table.clone()));
    }
    let threads = options.count("threads", 1)?.unwrap_or(1);
    if host.settings.dry && name == "ort" {
        host.note_cut("device `ort`", "`flops` in its place".into());
        return Ok(Stopwatch::Timed(Arc::new(FlopsDevice::default())));
    }
    let how = OrtOptions { threads, weights: Int8Weights { per_tensor, seven_bits } };
    Ok(Stopwatch::Timed(Arc::from(device::open_with(name, how)?)))
}

/// Times graphs; each row for itself may be a fault. What was measured before comes from the lab.
pub(super) fn timed(
    host: &Host,
    device: &dyn Device,
    named: &[(String, Arc<Graph>)],
    precisions: &[Precision],
    how: &MeasureOptions,
) -> Result<Vec<Result<MeasuredRow>>> {
    if let Some(warning) = device.warning().filter(|_| !host.warned(device.name())) {
        host.progress().say(&warning);
    }
    let named: Vec<_> = named.iter().map(|(name, graph)| (name.clone(), &**graph)).collect();
    measure_all(device, &named, precisions, how, &host.progress(), &host.cancel, Some(&*host.lab()?))
}

/// FP32 and INT8 of each graph, interleaved.
fn both(
    host: &Host,
    device: &dyn Device,
    named: &[(String, Arc<Graph>)],
    how: &MeasureOptions,
) -> Result<Vec<(MeasuredRow, MeasuredRow)>> {
    let rows = timed(host, device, named, &[Precision::Fp32, Precision::Int8], how)?;
    let rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(rows.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
}

/// INT8 latency of each graph, in milliseconds.
pub(super) fn measure_int8(host: &Host, device: &Arc<dyn Device>, graphs: &[Graph]) -> Result<Vec<f64>> {
    let named: Vec<_> = graphs.iter().enumerate().map(|(at, graph)| (format!("sample {at}"), Arc::new(graph.clone()))).collect();
    let how = MeasureOptions { budget_s: 45.0, ..MeasureOptions::default() };
    timed(host, &**device, &named, &[Precision::Int8], &how)?.into_iter().map(|row| Ok(row?.latency_ms)).collect()
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

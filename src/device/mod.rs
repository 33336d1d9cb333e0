//! Devices: whatever can time a layer graph, how a latency is measured, and what it is predicted to be.

mod anchor;
mod explain;
mod fault;
mod flops;
mod footprint;
mod inside;
mod kernels;
mod measure;
mod nnls;
pub mod ort;
mod predictor;
mod rows;
pub mod stats;
mod visits;

use serde::{Deserialize, Serialize};

pub use anchor::anchor;
pub use explain::{RunNode, Where, explain_int8};
pub use fault::DeviceFault;
pub use flops::FlopsDevice;
pub use footprint::{Energy, POWERCAP, PeakMemory, run_for_memory};
pub use inside::Inside;
pub use kernels::{Kernel, kernels};
pub use measure::{Candidate, MeasureOptions, PROCEDURE, measure};
pub use ort::{OrtDevice, OrtOptions, timing_model};
pub use predictor::{KernelCosts, LatencyPredictor, PredictorError, Sample, folds};
pub use rows::{MeasuredRow, kept_measurement, measure_all, measure_graphs, measurement_key};

pub use visits::{Measurement, Visit};

use crate::base::{Result, did_you_mean, hash_hex};
use crate::graph::Graph;
use crate::onnx::Precision;

/// What a latency holds for; part of the key under which it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Name of the device: `ort`, `flops`.
    pub device: String,
    /// The runtime with its version.
    pub runtime: String,
    /// Processor, as the operating system calls it.
    pub cpu: String,
    /// Threads inside one run.
    pub threads: usize,
    /// What is read: `cpu` (time of the one thread) or `wall`.
    pub clock: String,
    /// Options of the runtime and of the number format that matter for speed.
    pub options: String,
    /// Integer instructions that the runtime finds: `avx512_vnni`, `avx_vnni`, or `none`.
    pub instructions: String,
    /// How the system sets the processor's clock, such as `performance`; empty if it does not say. A note: no part of the key.
    #[serde(default)]
    pub governor: String,
}

impl Fingerprint {
    /// A hash of all that matters for speed.
    pub fn key(&self) -> String {
        let apart = Self { governor: String::new(), ..self.clone() };
        hash_hex(serde_json::to_string(&apart).unwrap_or_default().as_bytes())
    }
}

/// Something that can time layer graphs.
pub trait Device: Send + Sync {
    /// Its name in scripts.
    fn name(&self) -> &str;
    /// What its figures hold for.
    fn fingerprint(&self) -> &Fingerprint;
    /// The number formats it runs.
    fn precisions(&self) -> &[Precision];
    /// A key that is equal for graphs which take equally long here: structure and shapes, no names and numbers.
    fn structure_key(&self, graph: &Graph, precision: Precision) -> Result<String>;
    /// Makes `graph` ready to be timed, with weights that exist only for that. Batch size 1.
    fn load(&self, graph: &Graph, precision: Precision) -> Result<Box<dyn Runner>>;
    /// Makes a model file ready to be timed. Fails with `device::no_files` on a device that knows layers alone.
    fn load_file(&self, _bytes: &[u8]) -> Result<Box<dyn Runner>> {
        Err(DeviceFault::NoFiles { device: self.name().into() }.into())
    }
    /// Whether its times are disturbed by other work on this machine.
    fn needs_quiet(&self) -> bool {
        true
    }
    /// What a user should know before believing its INT8 figures.
    fn warning(&self) -> Option<String> {
        None
    }
}

/// What one run took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elapsed {
    /// By the device's clock, in ms.
    pub ms: f64,
    /// By the wall clock, in ms.
    pub wall_ms: f64,
}

/// A network made ready on a device. It is timed in the thread that made it.
pub trait Runner {
    /// Runs it once; returns how long that took.
    fn run(&mut self) -> Result<Elapsed>;
}

/// Names of the devices there are.
pub const DEVICES: [&str; 2] = ["ort", "flops"];

/// The device `name` with this number of threads.
pub fn open(name: &str, threads: usize) -> Result<Box<dyn Device>> {
    open_with(name, OrtOptions { threads, ..OrtOptions::default() })
}

/// The device `name`; the options are those of `ort`.
pub fn open_with(name: &str, options: OrtOptions) -> Result<Box<dyn Device>> {
    if options.threads == 0 {
        let what = "the number of threads must be at least 1".into();
        return Err(DeviceFault::Option { what, help: "one thread is the usual way to compare networks" }.into());
    }
    match name {
        "ort" => Ok(Box::new(OrtDevice::new(options)?)),
        "flops" => Ok(Box::new(FlopsDevice::default())),
        _ => Err(DeviceFault::Unknown { name: name.into(), help: did_you_mean(name, DEVICES) }.into()),
    }
}

/// Fails if `device` has no such number format.
fn need_precision(device: &dyn Device, precision: Precision) -> Result<()> {
    if device.precisions().contains(&precision) {
        return Ok(());
    }
    let offers = device.precisions().iter().map(|p| p.name()).collect::<Vec<_>>().join(" and ");
    Err(DeviceFault::NoPrecision { device: device.name().into(), precision: precision.name(), offers }.into())
}

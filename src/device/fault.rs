//! What can go wrong with timing and running networks.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault of a device.
#[derive(Debug, Error, Diagnostic)]
pub enum DeviceFault {
    /// No device has this name.
    #[error("no device is called `{name}`")]
    #[diagnostic(code(device::unknown), help("{help}"))]
    Unknown { name: String, help: String },
    /// ONNX Runtime's library is not there.
    #[error("ONNX Runtime is not installed: no `{library}` in any folder above this program or the current one")]
    #[diagnostic(
        code(device::no_runtime),
        help("run `./x setup`, or set ORT_DYLIB_PATH to a libonnxruntime.so of version 1.24 or later")
    )]
    NoRuntime { library: &'static str },
    /// The library is there but does not serve.
    #[error("cannot load ONNX Runtime from `{path}`: {reason}")]
    #[diagnostic(
        code(device::runtime_unusable),
        help("run `./x setup` again, or set ORT_DYLIB_PATH to a libonnxruntime.so of version 1.24 or later")
    )]
    RuntimeUnusable { path: String, reason: String },
    /// The runtime refuses a model.
    #[error("ONNX Runtime cannot load `{label}`: {reason}")]
    #[diagnostic(
        code(device::model_refused),
        help("a layer of it may not be supported there: try it in the other precision, or without its newest layer")
    )]
    ModelRefused { label: String, reason: String },
    /// The runtime fails while it runs.
    #[error("ONNX Runtime failed while running `{label}`: {reason}")]
    #[diagnostic(code(device::run_failed), help("check that the input has the shape that the model was exported for"))]
    RunFailed { label: String, reason: String },
    /// The device has no such number format.
    #[error("device `{device}` cannot run {precision}")]
    #[diagnostic(code(device::precision), help("it offers {offers}"))]
    NoPrecision { device: String, precision: &'static str, offers: String },
    /// Nothing to measure, or an option out of range.
    #[error("{what}")]
    #[diagnostic(code(device::option), help("{help}"))]
    Option { what: String, help: &'static str },
    /// Too few measurements for a predictor.
    #[error("a latency predictor for {precision} needs at least {needed} measured graphs, but there are {found}")]
    #[diagnostic(code(device::too_few), help("measure more sampled stages"))]
    TooFew { precision: &'static str, needed: usize, found: usize },
    /// A kind of kernel that was never measured.
    #[error("the latency of `{kernel}` layers is not known: none was among the measured graphs")]
    #[diagnostic(code(device::kernel_unknown), help("measure some graphs that contain this layer, then fit the predictor again"))]
    KernelUnknown { kernel: String },
    /// The clock cannot be believed.
    #[error("the clock jumped in {jumps} of {runs} timed runs: no latency can be told from them")]
    #[diagnostic(
        code(device::clock),
        help(
            "nothing should set the time or move this virtual machine meanwhile; measure again, or use `threads: 2` for the wall clock"
        )
    )]
    Clock { jumps: usize, runs: usize },
    /// A difference that drowns in the noise.
    #[error("what `{label}` adds to a network in {precision} is less than the noise of the networks around it")]
    #[diagnostic(code(device::unresolved), help("measure it by itself with `alone: true`, or give it more time with `budget_s`"))]
    Unresolved { label: String, precision: &'static str },
    /// Nothing was measured yet.
    #[error("`{label}` was not measured on this device yet")]
    #[diagnostic(code(device::not_measured), help("measure it first: `measure(thing, device)`"))]
    NotMeasured { label: String },
    /// No counter of energy can be read.
    #[error("energy is not available here: {reason}")]
    #[diagnostic(
        code(device::no_energy),
        help("it needs an Intel or AMD processor whose counters the system shows in /sys/class/powercap, readable for you")
    )]
    NoEnergy { reason: String },
    /// The process that should run a model did not.
    #[error("the process that runs `{label}` to see what memory it needs ended without an answer: {reason}")]
    #[diagnostic(code(device::child), help("see that the program `spaceevo` stands beside this one and has memory to run"))]
    Child { label: String, reason: String },
    /// The device runs no model files.
    #[error("device `{device}` runs no model files")]
    #[diagnostic(code(device::no_files), help("use `device(\"ort\")`"))]
    NoFiles { device: String },
}

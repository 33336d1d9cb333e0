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
    KernelUnknown { kernel: &'static str },
}

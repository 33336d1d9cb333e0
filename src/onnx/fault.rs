//! What can go wrong between a layer graph and an ONNX file.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault of the ONNX lowering.
#[derive(Debug, Error, Diagnostic)]
pub enum OnnxFault {
    /// A scale that is zero, negative or not finite.
    #[error("scale `{key}` is {value}, but a scale must be a positive number")]
    #[diagnostic(code(onnx::scale), help("the quantizers were never calibrated: train or calibrate this network for INT8 first"))]
    Scale { key: String, value: f32 },
    /// A zero point outside 0..=255 or not an integer.
    #[error("zero point `{key}` is {value}, but it must be an integer from 0 to 255")]
    #[diagnostic(
        code(onnx::zero_point),
        help("weights of `mode: \"reference\"` have real-valued offsets and cannot be exported to INT8")
    )]
    ZeroPoint { key: String, value: f32 },
    /// A weight that is not a finite number.
    #[error("weight `{key}` holds a number that is not finite")]
    #[diagnostic(code(onnx::not_finite), help("training diverged: lower the learning rate and train again"))]
    NotFinite { key: String },
    /// A batch of no images.
    #[error("the batch size must be at least 1")]
    #[diagnostic(code(onnx::batch), help("use 1 for latency, more for evaluating many images at once"))]
    Batch,
    /// Bytes that are no ONNX file.
    #[error("these bytes are not an ONNX model: {reason}")]
    #[diagnostic(code(onnx::unreadable), help("the file may be cut short: export it again"))]
    Unreadable { reason: String },
}

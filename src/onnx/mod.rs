//! Lowering layer graphs to ONNX, in floats and in 8-bit integers.
//!
//! [`lower`] writes a file that any ONNX runtime reads. In INT8 it follows the
//! quantization pass of [`crate::graph::quantize`] to the letter, as training does, so
//! that what was trained, what is timed and what is exported are one network.

mod attention;
mod codes;
mod emit;
mod fault;
mod key;
mod lower;
mod nodes;
#[rustfmt::skip]
pub mod proto;
mod timing;

use serde::{Deserialize, Serialize};

pub use emit::OPSET;
pub use fault::OnnxFault;
pub use key::{operators, structure_key};
pub use lower::{lower, lower_as, lower_model};
pub use nodes::{FileNode, nodes};
pub use timing::{weights_for_structure, weights_for_timing};

/// The number format of a lowered network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floats.
    Fp32,
    /// 8-bit integers: unsigned activations, signed weights with one scale per channel.
    Int8,
}

/// How the weights of an INT8 network are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Int8Weights {
    /// One scale for all weights of a layer, instead of one for each output channel.
    pub per_tensor: bool,
    /// Codes -63 to 63 instead of -127 to 127: sums of two products then fit into 16 bits, which processors without
    /// dot-product instructions need.
    pub seven_bits: bool,
}

impl Int8Weights {
    /// The largest code.
    fn limit(self) -> f32 {
        if self.seven_bits { 63.0 } else { 127.0 }
    }
}

impl Precision {
    /// The name scripts use: `fp32`, `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Fp32 => "fp32",
            Precision::Int8 => "int8",
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

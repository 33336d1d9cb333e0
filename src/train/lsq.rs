//! How LSQ+ quantizes, as plain data: bits, granularity, first scales, zero points.

use serde::{Deserialize, Serialize};

/// Fewest bits of a code.
pub const FEWEST_BITS: u32 = 2;
/// Most bits of a code.
pub const MOST_BITS: u32 = 8;

/// How the weights and maps of a network are quantized while it is trained and judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lsq {
    /// Bits of the codes of weights, 2 to 8.
    pub weight_bits: u32,
    /// Bits of the codes of maps, 2 to 8.
    pub activation_bits: u32,
    /// What shares one scale of weights.
    pub weights: Granularity,
    /// Where scales begin.
    pub scale_init: ScaleInit,
    /// What zero points are.
    pub offset: Offset,
}

/// What shares one scale of weights. Dense layers always have one, as their integer kernel wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// The whole weight of a layer.
    PerTensor,
    /// The weights of one output channel.
    PerChannel,
}

/// Where scales begin, from the first data that a quantizer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleInit {
    /// The codes cover the data: range of the values over number of steps.
    MinMax,
    /// That of LSQ: twice the mean size over the root of the largest code.
    Lsq,
    /// That of the reference code, whose scale of weights is the largest size over 2^bits - 1: it covers half the range.
    /// Maps as `MinMax`.
    Reference,
}

/// What zero points are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offset {
    /// Codes, as integer kernels have them; 0 for maps that are never negative.
    Integer,
    /// Any real number is added to what codes stand for, as the reference code does it.
    Real,
}

impl Default for Lsq {
    fn default() -> Self {
        Self {
            weight_bits: MOST_BITS,
            activation_bits: MOST_BITS,
            weights: Granularity::PerTensor,
            scale_init: ScaleInit::MinMax,
            offset: Offset::Integer,
        }
    }
}

impl Lsq {
    /// Smallest and largest code of a weight. Those that can be exported are symmetric, because folding a batch norm may
    /// turn the sign of a channel.
    pub fn weight_codes(&self) -> (i64, i64) {
        let high = (1 << (self.weight_bits - 1)) - 1;
        (if self.exports_int8() { -high } else { -high - 1 }, high)
    }

    /// Largest code of a map; the smallest is 0.
    pub fn largest_code(&self) -> i64 {
        (1 << self.activation_bits) - 1
    }

    /// Whether a network trained so can be written for INT8 kernels without loss.
    pub fn exports_int8(&self) -> bool {
        self.weight_bits == MOST_BITS && self.activation_bits == MOST_BITS && self.offset == Offset::Integer
    }

    /// `INT8`, or the bits of weights and maps: `W4A8`.
    pub fn label(&self) -> String {
        match (self.weight_bits, self.activation_bits) {
            (MOST_BITS, MOST_BITS) => "INT8".into(),
            (weights, maps) => format!("W{weights}A{maps}"),
        }
    }
}

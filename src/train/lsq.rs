//! How LSQ+ quantizes, as plain data: bits, granularity, first scales, zero points.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::OwnQuantizer;
use crate::graph::{Bits, Graph, MOST_BITS, largest_code};

/// How the weights and maps of a network are quantized while it is trained and judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// What quantized values stand for, if not what LSQ+ says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Arc<OwnQuantizer>>,
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
            own: None,
        }
    }
}

impl Lsq {
    /// The same for a layer that may have bits of its own.
    #[must_use]
    pub fn of_layer(&self, bits: Bits) -> Self {
        let (weight_bits, activation_bits) =
            (bits.weights.unwrap_or(self.weight_bits), bits.value.unwrap_or(self.activation_bits));
        Self { weight_bits, activation_bits, ..self.clone() }
    }

    /// Smallest and largest code of a weight. Folding a batch norm may turn the sign of a channel at export, so those of 8 bits
    /// are symmetric where they can be exported; fewer bits have room for the other sign there.
    pub fn weight_codes(&self) -> (i64, i64) {
        let high = (1 << (self.weight_bits - 1)) - 1;
        (if self.exports_int8() && self.weight_bits == MOST_BITS { -high } else { -high - 1 }, high)
    }

    /// Largest code of a map; the smallest is 0.
    pub fn largest_code(&self) -> i64 {
        largest_code(self.activation_bits)
    }

    /// Whether a network trained so can be written for INT8 kernels without loss: codes of fewer bits are codes of 8 bits, too.
    pub fn exports_int8(&self) -> bool {
        self.offset == Offset::Integer && self.own.as_ref().is_none_or(|own| own.integer)
    }

    /// The labels of the layers of `graph`, each once.
    pub fn labels(&self, graph: &Graph) -> BTreeSet<String> {
        graph.nodes.iter().map(|node| self.of_layer(node.bits).label()).collect()
    }

    /// `INT8`, or the bits of weights and maps: `W4A8`.
    pub fn label(&self) -> String {
        match (self.weight_bits, self.activation_bits) {
            (MOST_BITS, MOST_BITS) => "INT8".into(),
            (weights, maps) => format!("W{weights}A{maps}"),
        }
    }
}

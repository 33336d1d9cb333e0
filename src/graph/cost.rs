//! Cost of a graph: multiply-accumulates and parameters, in exact integers.

use serde::{Deserialize, Serialize};

use super::{Graph, Layer, MOST_BITS, Node};

/// Cost of one layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCost {
    /// Multiply-accumulates of convolutions, dense layers and attention.
    pub macs: u64,
    /// Learned numbers: weights, biases, scale and shift of norms.
    pub params: u64,
    /// Bits of the integer codes of kernels.
    pub code_bits: u64,
}

/// Cost of a graph. Counting rule of the reference: multiply-accumulates count
/// once, and only those of convolutions (squeeze-and-excitation and shortcut
/// included) and dense layers, and of the two products of attention, which the
/// reference has none of; norms, activations, softmax, pooling, sums and
/// products count nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Learned numbers.
    pub params: u64,
    /// Convolutions and dense layers.
    pub weighted: u64,
    /// Bits of the integer codes of kernels: 8 for each weight, or those of its layer.
    pub code_bits: u64,
}

impl Cost {
    /// Learned numbers of LSQ+ quantization as the reference counts them: a weight scale, an input scale and an offset
    /// for each convolution and dense layer.
    pub fn quantizer_params(&self) -> u64 {
        3 * self.weighted
    }

    /// Millions of multiply-accumulates, which the field calls MFLOPs.
    pub fn mflops(&self) -> f64 {
        self.macs as f64 / 1e6
    }

    /// Millions of parameters.
    pub fn mparams(&self) -> f64 {
        self.params as f64 / 1e6
    }

    /// Megabytes (of a million bytes) of the integer codes of kernels; biases and scales are left out.
    pub fn weights_mb(&self) -> f64 {
        self.code_bits as f64 / 8e6
    }
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            macs: self.macs + other.macs,
            params: self.params + other.params,
            weighted: self.weighted + other.weighted,
            code_bits: self.code_bits + other.code_bits,
        }
    }
}

impl Graph {
    /// Cost of the whole graph.
    pub fn cost(&self) -> Cost {
        let weighted = self.nodes.iter().filter(|node| matches!(node.layer, Layer::Conv { .. } | Layer::Linear)).count() as u64;
        self.nodes.iter().map(|node| self.node_cost(node)).fold(Cost { weighted, ..Cost::default() }, |sum, cost| Cost {
            macs: sum.macs + cost.macs,
            params: sum.params + cost.params,
            code_bits: sum.code_bits + cost.code_bits,
            ..sum
        })
    }

    /// Cost of one of its nodes.
    pub fn node_cost(&self, node: &Node) -> NodeCost {
        let cin = node.inputs.first().map_or(0, |&id| self.nodes[id].shape.c()) as u64;
        let (cout, cells) = (node.shape.c() as u64, (node.shape.h * node.shape.w) as u64);
        let code_bits = |weights: u64| weights * u64::from(node.bits.weights.unwrap_or(MOST_BITS));
        let macs = |macs: u64| NodeCost { macs, ..NodeCost::default() };
        match node.layer {
            Layer::Conv { kernel, groups, bias, .. } => {
                let weights = cout * (cin / groups as u64) * (kernel * kernel) as u64;
                NodeCost { macs: weights * cells, params: weights + if bias { cout } else { 0 }, code_bits: code_bits(weights) }
            }
            Layer::Linear => NodeCost { macs: cin * cout, params: cin * cout + cout, code_bits: code_bits(cin * cout) },
            Layer::BatchNorm { .. } | Layer::LayerNorm => NodeCost { params: 2 * cout, ..NodeCost::default() },
            // Each query with each key, over the channels; and for each cell all cells.
            Layer::Scores { .. } => macs(cin * cells),
            Layer::Attend { .. } => macs(cout * cells * cells),
            _ => NodeCost::default(),
        }
    }
}

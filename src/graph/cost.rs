//! Cost of a graph: multiply-accumulates and parameters, in exact integers.

use serde::{Deserialize, Serialize};

use super::{Graph, Layer, Node};

/// Cost of one layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCost {
    /// Multiply-accumulates of convolutions, dense layers and attention.
    pub macs: u64,
    /// Learned numbers: weights, biases, scale and shift of norms.
    pub params: u64,
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
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { macs: self.macs + other.macs, params: self.params + other.params, weighted: self.weighted + other.weighted }
    }
}

impl Graph {
    /// Cost of the whole graph.
    pub fn cost(&self) -> Cost {
        let weighted = self.nodes.iter().filter(|node| matches!(node.layer, Layer::Conv { .. } | Layer::Linear)).count() as u64;
        let costs = self.nodes.iter().map(|node| self.node_cost(node));
        let (macs, params) = costs.fold((0, 0), |(macs, params), cost| (macs + cost.macs, params + cost.params));
        Cost { macs, params, weighted }
    }

    /// Cost of one of its nodes.
    pub fn node_cost(&self, node: &Node) -> NodeCost {
        let cin = node.inputs.first().map_or(0, |&id| self.nodes[id].shape.c()) as u64;
        let (cout, cells) = (node.shape.c() as u64, (node.shape.h * node.shape.w) as u64);
        match node.layer {
            Layer::Conv { kernel, groups, bias, .. } => {
                let weights = cout * (cin / groups as u64) * (kernel * kernel) as u64;
                NodeCost { macs: weights * cells, params: weights + if bias { cout } else { 0 } }
            }
            Layer::Linear => NodeCost { macs: cin * cout, params: cin * cout + cout },
            Layer::BatchNorm { .. } | Layer::LayerNorm => NodeCost { macs: 0, params: 2 * cout },
            // Each query with each key, over the channels; and for each cell all cells.
            Layer::Scores { .. } => NodeCost { macs: cin * cells, params: 0 },
            Layer::Attend { .. } => NodeCost { macs: cout * cells * cells, params: 0 },
            _ => NodeCost::default(),
        }
    }
}

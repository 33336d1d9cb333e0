//! The layer graph: the one description of a network; torch, ONNX, cost and latency are lowerings of it.
//!
//! A [`Graph`] is a list of [`Node`]s in an order in which each comes after what
//! it reads. Node 0 is the input. Layers have stable names, unique in their
//! graph, by which elastic configurations of one operator share weights.

mod build;
mod chain;
mod cost;
mod explain;
mod fault;
mod import;
mod memory;
mod network;
mod quantize;
mod shape;
mod weights;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use build::{Builder, ConvOptions, Padding};
pub use chain::{Part, chain};
pub use cost::{Cost, NodeCost};
pub use explain::{LayerRow, explain};
pub use fault::GraphFault;
pub use import::{Difference, Import, Unlike, dims, load_published};
pub use memory::{Bytes, Memory};
pub use network::{Marks, Network, TapPoint};
pub use quantize::{Bits, FEWEST_BITS, MOST_BITS, Plan, Quantizer, Step, largest_code, quantize, scale_key};
pub use shape::{Channels, Shape};
pub use weights::{WeightSpec, Weights, union_weights};

/// Index of a node in its graph.
pub type NodeId = usize;

/// Where in a script a layer was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The script, as the user names it.
    pub script: Arc<str>,
    /// One-based line.
    pub line: usize,
}

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
    /// x * hsigmoid(x)
    Hswish,
    /// min(max(x / 6 + 1/2, 0), 1)
    Hsigmoid,
    /// x * sigmoid(x), also called SiLU
    Swish,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// x * Phi(x), with the distribution function Phi of the standard normal distribution (arXiv 1606.08415)
    Gelu,
}

impl Activation {
    /// All activations with the names scripts use.
    pub const NAMES: [(&'static str, Activation); 7] = [
        ("relu", Activation::Relu),
        ("relu6", Activation::Relu6),
        ("hswish", Activation::Hswish),
        ("hsigmoid", Activation::Hsigmoid),
        ("swish", Activation::Swish),
        ("sigmoid", Activation::Sigmoid),
        ("gelu", Activation::Gelu),
    ];

    /// The name scripts use.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, act)| *act == self).map_or("", |(name, _)| name)
    }
}

/// Epsilon of batch norm where a network does not say another one.
pub const BN_EPSILON: f64 = 1e-5;

/// What layer norm adds to the variance, inside the square root.
pub const LN_EPSILON: f64 = 1e-5;

fn usual_epsilon() -> f64 {
    BN_EPSILON
}

#[allow(clippy::float_cmp, reason = "a default is one number exactly")]
fn is_usual_epsilon(epsilon: &f64) -> bool {
    *epsilon == BN_EPSILON
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What a node computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Layer {
    /// The graph's input; node 0 only.
    Input,
    /// Convolution with a square kernel. Weight `[cout, cin/groups, kernel, kernel]`; bias `[cout]` if `bias`.
    Conv {
        /// Side of the kernel.
        kernel: usize,
        /// Step in both directions.
        stride: usize,
        /// Zeros added on each side.
        padding: usize,
        /// Further zeros at the bottom and at the right, where padding is uneven.
        #[serde(default, skip_serializing_if = "is_zero")]
        trailing: usize,
        /// Groups; equal to the input channels for a depthwise convolution.
        groups: usize,
        /// True if every channel is a group of its own, whatever their number: one weight per input channel.
        depthwise: bool,
        /// Whether a bias is added; convolutions followed by batch norm have none.
        bias: bool,
    },
    /// Batch normalisation over N, H, W with learned scale and shift.
    BatchNorm {
        /// Added to the variance, inside the square root.
        #[serde(default = "usual_epsilon", skip_serializing_if = "is_usual_epsilon")]
        epsilon: f64,
    },
    /// Layer normalisation: mean and variance over the channels of each cell by itself, then a learned scale and shift for each
    /// channel, with [`LN_EPSILON`].
    LayerNorm,
    /// An activation.
    Act {
        /// Which one.
        act: Activation,
    },
    /// Mean over H and W; leaves a 1x1 map.
    GlobalPool,
    /// Maximum over a square window.
    MaxPool {
        /// Side of the window.
        kernel: usize,
        /// Step.
        stride: usize,
        /// Cells added on each side.
        padding: usize,
    },
    /// Mean over a square window (padding counted).
    AvgPool {
        /// Side of the window.
        kernel: usize,
        /// Step.
        stride: usize,
        /// Cells added on each side.
        padding: usize,
    },
    /// Flattens a 1x1 map and applies a dense layer. Weight `[cout, cin]`, bias `[cout]`.
    Linear,
    /// Sum of two maps of one shape.
    Add,
    /// Product of a map with one of the same shape or a 1x1 map of the same channels.
    Mul,
    /// Channels of all inputs, one after the other; each input's segments stay segments.
    Concat,
    /// A run of channel segments: segments `from .. from + count` of the input.
    Slice {
        /// First segment.
        from: usize,
        /// Number of segments.
        count: usize,
    },
    /// Declares that the channels consist of equal parts, to be sliced later; computes nothing.
    Segment {
        /// Number of equal parts.
        parts: usize,
    },
    /// Interleaves the channels of `groups` equal groups (ShuffleNet's channel shuffle).
    Shuffle {
        /// Number of groups.
        groups: usize,
    },
    /// How much each cell attends to each, from maps of queries and keys: of `heads` equal runs of channels, each d wide, the
    /// softmax over all cells of query times key / sqrt(d) (arXiv 1706.03762). A map with a channel for each head, a row for
    /// each query and a column for each key.
    Scores {
        /// Number of heads.
        heads: usize,
    },
    /// Sums of a map's cells, weighted by [`Layer::Scores`], its first input; each head sums its own run of the channels.
    Attend {
        /// Number of heads.
        heads: usize,
    },
}

impl Layer {
    /// Short name for tables: `conv`, `dwconv`, `bn`, `relu6`, `add`, ...
    pub fn label(&self) -> &'static str {
        match self {
            Layer::Input => "input",
            Layer::Conv { depthwise: true, .. } => "dwconv",
            Layer::Conv { .. } => "conv",
            Layer::BatchNorm { .. } => "bn",
            Layer::LayerNorm => "ln",
            Layer::Act { act } => act.name(),
            Layer::GlobalPool => "global_pool",
            Layer::MaxPool { .. } => "max_pool",
            Layer::AvgPool { .. } => "avg_pool",
            Layer::Linear => "linear",
            Layer::Add => "add",
            Layer::Mul => "mul",
            Layer::Concat => "concat",
            Layer::Slice { .. } => "slice",
            Layer::Segment { .. } => "segment",
            Layer::Shuffle { .. } => "shuffle",
            Layer::Scores { .. } => "scores",
            Layer::Attend { .. } => "attend",
        }
    }

    /// Whether it has a scale and a shift for each channel, and no other weights.
    pub fn is_norm(&self) -> bool {
        matches!(self, Layer::BatchNorm { .. } | Layer::LayerNorm)
    }

    /// Whether it has weights.
    pub fn has_weights(&self) -> bool {
        self.is_norm() || matches!(self, Layer::Conv { .. } | Layer::Linear)
    }
}

/// One layer at its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Stable name, unique in the graph: weights and quantizers are shared by it.
    pub name: String,
    /// What it computes.
    pub layer: Layer,
    /// Nodes it reads, in order.
    pub inputs: Vec<NodeId>,
    /// Shape of its output, batch left out.
    pub shape: Shape,
    /// Where it was written, if in a script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Bits of its own codes.
    #[serde(default, skip_serializing_if = "Bits::are_usual")]
    pub bits: Bits,
}

impl Node {
    /// The input of a graph, of this shape.
    pub fn input(shape: Shape) -> Self {
        Self { name: "input".into(), layer: Layer::Input, inputs: vec![], shape, source: None, bits: Bits::default() }
    }
}

/// A network or a part of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// Nodes in an order in which each follows its inputs; node 0 is the input.
    pub nodes: Vec<Node>,
    /// The node whose value is the graph's result.
    pub output: NodeId,
}

impl Graph {
    /// Shape of the input.
    pub fn input_shape(&self) -> &Shape {
        &self.nodes[0].shape
    }

    /// Shape of the result.
    pub fn output_shape(&self) -> &Shape {
        &self.nodes[self.output].shape
    }

    /// For each node the nodes that read it.
    pub fn readers(&self) -> Vec<Vec<NodeId>> {
        let mut readers = vec![Vec::new(); self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            for &input in &node.inputs {
                readers[input].push(id);
            }
        }
        readers
    }

    /// A key for equal computations: layers, wiring and channels, without names, sources and map sizes.
    pub fn structure_key(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            let layer = serde_json::to_string(&node.layer).unwrap_or_default();
            text.push_str(&format!("{layer}{:?}{:?};", node.inputs, node.shape.channels));
        }
        text.push_str(&format!("->{}", self.output));
        crate::base::hash_hex(text.as_bytes())
    }
}

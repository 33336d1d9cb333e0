//! The quantization pass: where integers begin and end. Training, timing and export share it, so they see one network.
//!
//! Rules, each measured on ONNX Runtime (breaking one makes INT8 slower than FP32 or unlike training):
//! one quantizer belongs to each tensor that an integer kernel reads or writes, shared by all readers;
//! convolution, batch norm and relu are one kernel, with no quantizer in between; an activation without an
//! integer kernel has quantizers on both sides; the zero point after relu is 0; after relu6 no code stands for more than 6; the
//! weights of attention are one layer, so that softmax reads the sums of the integer product as they are, in floats.
//!
//! Codes have 8 bits, or those that the whole network is trained with; a layer may have others of its own ([`Bits`]).

use serde::{Deserialize, Serialize};

use super::{Activation, Graph, Layer, NodeId};

/// Fewest bits of a code.
pub const FEWEST_BITS: u32 = 2;
/// Most bits of a code.
pub const MOST_BITS: u32 = 8;

/// Largest unsigned code of so many bits; the smallest is 0.
pub fn largest_code(bits: u32) -> i64 {
    (1 << bits) - 1
}

/// Bits of a layer's codes, each [`FEWEST_BITS`] to [`MOST_BITS`], where they are not those of the whole network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bits {
    /// Of its weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<u32>,
    /// Of its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<u32>,
}

impl Bits {
    pub(super) fn are_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The name under which the numbers of a layer's quantizers are kept. Those of other bits are numbers of their own: a step fits
/// one number of steps.
pub fn scale_key(name: &str, bits: Option<u32>) -> String {
    bits.map_or_else(|| name.to_owned(), |bits| format!("{name}@{bits}"))
}

/// The quantizer of one tensor: unsigned codes from 0 with a scale and an integer zero point.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantizer {
    /// Name of the node that writes the tensor; scale and zero point are shared by it.
    pub name: String,
    /// Bits of its codes, if that node has bits of its own.
    pub bits: Option<u32>,
    /// That node.
    pub node: NodeId,
    /// The tensor is never negative: its zero point is 0 and is not learned.
    pub zero_at_zero: bool,
    /// Whether it follows a relu6, whose clip the integer kernel then does by itself: the largest code stands for at most 6.
    pub after_relu6: bool,
}

impl Quantizer {
    /// The name of its numbers: see [`scale_key`].
    pub fn key(&self) -> String {
        scale_key(&self.name, self.bits)
    }

    /// The largest scale it may have where the whole network has so many bits.
    pub fn max_scale(&self, usual_bits: u32) -> Option<f32> {
        self.after_relu6.then(|| 6.0 / largest_code(self.bits.unwrap_or(usual_bits)) as f32)
    }
}

/// What a lowering does besides the graph's own layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// All quantizers, in graph order.
    pub quantizers: Vec<Quantizer>,
    /// For each node, the quantizer (index into `quantizers`) that its value has passed; `None` inside a fused kernel.
    /// Layers that only move values (slice, shuffle, max pool) pass on that of their input.
    pub value: Vec<Option<usize>>,
    /// For each node what a lowering does there.
    pub steps: Vec<Step>,
}

/// What a node is to an integer runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A convolution whose batch norm (the node given) is folded into its weights at export.
    FoldedConv(NodeId),
    /// A batch norm that is folded into the convolution before it.
    Folded,
    /// Moves values only; shares its input's quantizer.
    Move,
    /// Any other layer.
    Plain,
}

impl Plan {
    /// The quantizer applied to the value of `node` right after computing it, if any.
    /// `None` also for movers: their input has passed it already.
    pub fn quantizer_after(&self, node: NodeId) -> Option<&Quantizer> {
        self.value[node].map(|index| &self.quantizers[index]).filter(|quantizer| quantizer.node == node)
    }
}

/// Places quantizers on `graph`.
pub fn quantize(graph: &Graph) -> Plan {
    let readers = graph.readers();
    let sole_reader = |id: NodeId| match readers[id].as_slice() {
        [reader] if id != graph.output => Some(*reader),
        _ => None,
    };
    let relu_follows = |id: NodeId| {
        sole_reader(id)
            .is_some_and(|reader| matches!(graph.nodes[reader].layer, Layer::Act { act: Activation::Relu | Activation::Relu6 }))
    };
    let mut plan = Plan { quantizers: vec![], value: vec![None; graph.nodes.len()], steps: vec![Step::Plain; graph.nodes.len()] };
    for (id, node) in graph.nodes.iter().enumerate() {
        let from = node.inputs.first().copied();
        let from_zero = node.inputs.iter().all(|&input| plan.value[input].is_some_and(|q| plan.quantizers[q].zero_at_zero));
        let mut zero_at_zero = false;
        let mut after_relu6 = false;
        match node.layer {
            Layer::Slice { .. } | Layer::Segment { .. } | Layer::Shuffle { .. } | Layer::MaxPool { .. } => {
                plan.steps[id] = Step::Move;
                plan.value[id] = from.and_then(|from| plan.value[from]);
                continue;
            }
            Layer::Conv { bias: false, .. }
                if sole_reader(id).is_some_and(|reader| matches!(graph.nodes[reader].layer, Layer::BatchNorm { .. })) =>
            {
                plan.steps[id] = Step::FoldedConv(readers[id][0]);
                continue;
            }
            Layer::BatchNorm { .. } => {
                if from.is_some_and(|from| plan.steps[from] == Step::FoldedConv(id)) {
                    plan.steps[id] = Step::Folded;
                }
                if relu_follows(id) {
                    continue;
                }
            }
            Layer::Conv { .. } | Layer::Linear | Layer::Add | Layer::Mul if relu_follows(id) => continue,
            // A result in floats costs nothing and keeps ties between classes apart.
            Layer::Linear if id == graph.output => continue,
            Layer::Act { act } => {
                zero_at_zero = matches!(act, Activation::Relu | Activation::Relu6 | Activation::Sigmoid | Activation::Hsigmoid);
                after_relu6 = act == Activation::Relu6;
            }
            // Softmax is positive.
            Layer::Scores { .. } => zero_at_zero = true,
            Layer::GlobalPool | Layer::AvgPool { .. } | Layer::Concat | Layer::Mul | Layer::Add => zero_at_zero = from_zero,
            Layer::Conv { .. } | Layer::Linear | Layer::Input | Layer::LayerNorm | Layer::Attend { .. } => {}
        }
        plan.value[id] = Some(plan.quantizers.len());
        plan.quantizers.push(Quantizer { name: node.name.clone(), bits: node.bits.value, node: id, zero_at_zero, after_relu6 });
    }
    plan
}

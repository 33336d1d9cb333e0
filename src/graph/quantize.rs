//! The quantization pass: where integers begin and end. Training, timing and export share it, so they see one network.
//!
//! Rules, each measured on ONNX Runtime (breaking one makes INT8 slower than FP32 or unlike training):
//! one quantizer belongs to each tensor that an integer kernel reads or writes, shared by all readers;
//! convolution, batch norm and relu are one kernel, with no quantizer in between; an activation without an
//! integer kernel has quantizers on both sides; the zero point after relu is 0; relu6 bounds the scale by 6/255; the weights of
//! attention are one layer, so that softmax reads the sums of the integer product as they are, in floats.

use super::{Activation, Graph, Layer, NodeId};

/// The quantizer of one tensor: 8-bit unsigned codes 0..255 with a scale and an integer zero point.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantizer {
    /// Name of the node that writes the tensor; scale and zero point are shared by it.
    pub name: String,
    /// That node.
    pub node: NodeId,
    /// The tensor is never negative: its zero point is 0 and is not learned.
    pub zero_at_zero: bool,
    /// Largest scale: 6/255 after relu6, whose clip the integer kernel then does by itself.
    pub max_scale: Option<f32>,
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
        let mut max_scale = None;
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
                max_scale = (act == Activation::Relu6).then_some(6.0 / 255.0);
            }
            // Softmax is positive.
            Layer::Scores { .. } => zero_at_zero = true,
            Layer::GlobalPool | Layer::AvgPool { .. } | Layer::Concat | Layer::Mul | Layer::Add => zero_at_zero = from_zero,
            Layer::Conv { .. } | Layer::Linear | Layer::Input | Layer::LayerNorm | Layer::Attend { .. } => {}
        }
        plan.value[id] = Some(plan.quantizers.len());
        plan.quantizers.push(Quantizer { name: node.name.clone(), node: id, zero_at_zero, max_scale });
    }
    plan
}

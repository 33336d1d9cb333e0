//! A graph as the kernels a runtime runs for it, each with the numbers on which its time depends.

use std::borrow::Cow;

use crate::graph::{Activation, Graph, Layer, Node, NodeId, Step, quantize};

/// Lanes of the widest vector instructions; channels are worked on in blocks of this size.
const LANES: usize = 16;

/// One kernel of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// What it is; kernels of one kind share their coefficients.
    pub kind: Cow<'static, str>,
    /// Times are a non-negative combination of these: counts in millions, and 1 for the call.
    pub features: Vec<f64>,
}

/// The kernels of `graph` after fusion: batch norm belongs to the convolution before it, relu to the kernel before
/// it. The first one, of kind `border`, stands for the call as a whole, and for input and output on their way
/// between floats and the runtime's own layout.
pub fn kernels(graph: &Graph) -> Vec<Kernel> {
    let plan = quantize(graph);
    let (input, output) = (graph.input_shape(), graph.output_shape());
    let mut kernels = vec![Kernel { kind: "border".into(), features: millions(&[input.elements(), output.elements()]) }];
    for (id, node) in graph.nodes.iter().enumerate() {
        let from = |index: usize| &graph.nodes[node.inputs[index]].shape;
        let out = &node.shape;
        let (kind, counts) = match node.layer {
            Layer::Input | Layer::Segment { .. } => continue,
            Layer::BatchNorm { .. } if plan.steps[id] == Step::Folded => continue,
            Layer::Act { act: Activation::Relu | Activation::Relu6 } if fused(graph, &plan.steps, node.inputs[0]) => continue,
            Layer::Conv { kernel, groups, depthwise, .. } => {
                let (pixels, taps) = (out.h * out.w, kernel * kernel);
                if depthwise {
                    let wide = round_up(out.c());
                    (
                        if kernel <= 3 { "dwconv3" } else { "dwconv" },
                        vec![
                            pixels * taps * wide,
                            pixels * taps * (out.c() % LANES),
                            pixels * wide,
                            pixels * (out.c() % LANES),
                            out.h * out.w.div_ceil(6) * taps * wide,
                            from(0).elements(),
                            taps * wide,
                        ],
                    )
                } else {
                    let (cin, cout) = (from(0).c() / groups, out.c() / groups);
                    let (deep, wide) = (groups * taps * cin, round_up(cout));
                    // Few input channels, as of an image, are read as they lie; more go in whole blocks.
                    let blocked = if cin < LANES { cin } else { round_up(cin) };
                    let gathered = if kernel > 1 { pixels * deep } else { 0 };
                    let kind = match (groups, kernel, pixels) {
                        (1, 1, 1) => "conv1x1 on 1x1",
                        (1, 1, _) => "conv1x1",
                        (1, ..) => "conv",
                        _ => "conv in groups",
                    };
                    (
                        kind,
                        vec![
                            pixels * deep * wide,
                            pixels * groups * taps * blocked * wide,
                            pixels * deep * cout.div_ceil(64),
                            out.h * out.w.div_ceil(6) * deep * wide,
                            groups * pixels * wide,
                            pixels * deep * (cout % LANES),
                            groups * pixels * (cout % LANES),
                            from(0).elements(),
                            gathered,
                            deep * wide,
                        ],
                    )
                }
            }
            Layer::BatchNorm { .. } => ("bn", vec![out.elements()]),
            Layer::LayerNorm => ("ln", vec![out.elements(), out.h * out.w]),
            Layer::Act { act } => (act.name(), vec![out.elements()]),
            Layer::GlobalPool => ("global_pool", vec![from(0).elements(), out.c()]),
            Layer::MaxPool { kernel, .. } => ("max_pool", vec![out.elements() * kernel * kernel, out.elements()]),
            Layer::AvgPool { kernel, .. } => ("avg_pool", vec![out.elements() * kernel * kernel, out.elements()]),
            Layer::Linear => ("linear", vec![from(0).c() * round_up(out.c()), out.c()]),
            Layer::Add => ("add", vec![out.elements()]),
            Layer::Mul if from(0).elements() != from(1).elements() => {
                ("mul by channel", vec![out.elements(), out.h * out.w * (out.c() % LANES), out.c()])
            }
            Layer::Mul => ("mul", vec![out.elements()]),
            Layer::Concat => ("concat", vec![out.elements()]),
            Layer::Slice { .. } => ("slice", vec![out.elements()]),
            Layer::Shuffle { .. } => ("shuffle", vec![out.elements()]),
            // Products, softmax, and the way of each head's channels to where the product wants them.
            Layer::Scores { .. } => ("scores", vec![macs(graph, node), out.elements(), from(0).elements(), from(1).elements()]),
            Layer::Attend { .. } => ("attend", vec![macs(graph, node), from(0).elements(), out.elements()]),
        };
        kernels.push(Kernel { kind: kind.into(), features: millions(&counts) });
    }
    kernels
}

/// Whether the relu after `id` is part of the kernel before it.
fn fused(graph: &Graph, steps: &[Step], id: NodeId) -> bool {
    let single = graph.nodes.iter().filter(|node| node.inputs.contains(&id)).count() == 1;
    let kernel = matches!(graph.nodes[id].layer, Layer::Conv { .. } | Layer::Linear | Layer::Add | Layer::Mul)
        || steps[id] == Step::Folded;
    single && kernel
}

fn macs(graph: &Graph, node: &Node) -> usize {
    graph.node_cost(node).macs as usize
}

fn round_up(channels: usize) -> usize {
    channels.div_ceil(LANES) * LANES
}

fn millions(counts: &[usize]) -> Vec<f64> {
    std::iter::once(1.0).chain(counts.iter().map(|&count| count as f64 / 1e6)).collect()
}

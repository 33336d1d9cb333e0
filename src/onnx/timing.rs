//! Weights for networks that exist only to be timed: seeded, of the usual size, with plausible scales.

use rand::RngExt;

use crate::base::Seed;
use crate::graph::{Activation, Graph, Layer, Weights, quantize};

/// Random weights and quantizer scales for `graph`. He-uniform weights keep activations of order one, so that
/// no kernel meets infinities or denormals; zero points follow the rules of the quantization pass, on which speed depends.
pub fn weights_for_timing(graph: &Graph, seed: Seed) -> Weights {
    let mut weights = Weights::default();
    for node in &graph.nodes[1..] {
        let name = &node.name;
        let mut rng = seed.child(name).rng();
        let cin = graph.nodes[node.inputs[0]].shape.c();
        let cout = node.shape.c();
        let (shape, fan_in, bias) = match node.layer {
            Layer::Conv { kernel, groups, bias, .. } => {
                (vec![cout, cin / groups, kernel, kernel], cin / groups * kernel * kernel, bias)
            }
            Layer::Linear => (vec![cout, cin], cin, true),
            Layer::BatchNorm { .. } => {
                for (part, value) in [("gamma", 1.0), ("beta", 0.1), ("mean", 0.0), ("var", 1.0)] {
                    weights.insert(format!("{name}.{part}"), vec![cout], vec![value; cout]);
                }
                continue;
            }
            _ => continue,
        };
        let bound = (6.0 / fan_in as f32).sqrt();
        let count = shape.iter().product();
        weights.insert(format!("{name}.weight"), shape, (0..count).map(|_| rng.random_range(-bound..bound)).collect());
        weights.insert(format!("{name}.sw"), vec![1], vec![bound / 127.0]);
        if bias {
            weights.insert(format!("{name}.bias"), vec![cout], (0..cout).map(|_| rng.random_range(-0.1..0.1)).collect());
        }
    }
    for quantizer in quantize(graph).quantizers {
        let (scale, zero) = match graph.nodes[quantizer.node].layer {
            Layer::Act { act: Activation::Sigmoid | Activation::Hsigmoid } => (1.0 / 255.0, 0.0),
            _ if quantizer.zero_at_zero => (quantizer.max_scale.unwrap_or(8.0 / 255.0), 0.0),
            _ => (8.0 / 255.0, 128.0),
        };
        weights.insert(format!("{}.sa", quantizer.name), vec![1], vec![scale]);
        weights.insert(format!("{}.zp", quantizer.name), vec![1], vec![zero]);
    }
    weights
}

//! Weights for networks that exist only to be timed: seeded, of the usual size, with plausible scales.

use rand::RngExt;

use crate::base::Seed;
use crate::graph::{Activation, Graph, Layer, MOST_BITS, Weights, quantize, scale_key};

/// Random weights and quantizer scales for `graph`. He-uniform weights keep activations of order one, so that
/// no kernel meets infinities or denormals; zero points follow the rules of the quantization pass, on which speed depends.
pub fn weights_for_timing(graph: &Graph, seed: Seed) -> Weights {
    weights(graph, |name, bound, count| {
        let mut rng = seed.child(name).rng();
        (0..count).map(|_| rng.random_range(-bound..bound)).collect()
    })
}

/// Weights that are all alike, for what depends on their shapes alone; far quicker than random ones.
pub fn weights_for_structure(graph: &Graph) -> Weights {
    weights(graph, |_, bound, count| vec![bound; count])
}

/// `values` gives so many numbers between plus and minus a bound for the tensor of a name.
fn weights(graph: &Graph, values: impl Fn(&str, f32, usize) -> Vec<f32>) -> Weights {
    let mut weights = Weights::default();
    for node in &graph.nodes[1..] {
        let name = &node.name;
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
            Layer::LayerNorm => {
                for (part, value) in [("gamma", 1.0), ("beta", 0.1)] {
                    weights.insert(format!("{name}.{part}"), vec![cout], vec![value; cout]);
                }
                continue;
            }
            _ => continue,
        };
        let bound = (6.0 / fan_in as f32).sqrt();
        let count = shape.iter().product();
        weights.insert(format!("{name}.weight"), shape, values(name, bound, count));
        weights.insert(format!("{}.sw", scale_key(name, node.bits.weights)), vec![1], vec![bound / 127.0]);
        if bias {
            weights.insert(format!("{name}.bias"), vec![cout], values(&format!("{name}.bias"), 0.1, cout));
        }
    }
    for quantizer in quantize(graph).quantizers {
        let (scale, zero) = match graph.nodes[quantizer.node].layer {
            Layer::Act { act: Activation::Sigmoid | Activation::Hsigmoid } | Layer::Scores { .. } => (1.0 / 255.0, 0.0),
            _ if quantizer.zero_at_zero => (quantizer.max_scale(MOST_BITS).unwrap_or(8.0 / 255.0), 0.0),
            // A zero point is one of the codes.
            _ => (8.0 / 255.0, f64::from(1 << (quantizer.bits.unwrap_or(MOST_BITS) - 1)) as f32),
        };
        weights.insert(format!("{}.sa", quantizer.key()), vec![1], vec![scale]);
        weights.insert(format!("{}.zp", quantizer.key()), vec![1], vec![zero]);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Builder, ConvOptions, Shape};
    use crate::onnx::{Int8Weights, Precision, lower_model, structure_key};

    #[test]
    fn the_structure_of_a_model_does_not_depend_on_its_weights() {
        let mut net = Builder::new(Shape::new(16, 8, 8));
        let input = net.input();
        let x = net.conv(input, "conv", 24, ConvOptions { kernel: 3, bias: true, ..ConvOptions::default() }).unwrap();
        let x = net.bn(x, None).unwrap();
        let x = net.act(x, None, Activation::Hswish).unwrap();
        let graph = net.finish(x);
        for precision in [Precision::Fp32, Precision::Int8] {
            let key = |weights| structure_key(&lower_model(&graph, &weights, precision, 1, Int8Weights::default()).unwrap());
            assert_eq!(key(weights_for_timing(&graph, Seed(1))), key(weights_for_structure(&graph)));
        }
    }
}

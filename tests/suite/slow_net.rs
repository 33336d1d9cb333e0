//! A slow, plain evaluator of layer graphs for tests: in floats, or with the quantizers of the quantization pass.

use std::collections::BTreeMap;

use rand::RngExt;
use spaceevo::base::Seed;
use spaceevo::graph::{Activation, Graph, LN_EPSILON, Layer, NodeId, Step, Weights, quantize};

/// Value of every node for one image, computed in 64-bit floats.
pub fn evaluate(graph: &Graph, weights: &Weights, image: &[f32], quantized: bool) -> Vec<Vec<f64>> {
    evaluate_from(graph, weights, image, quantized, &BTreeMap::new())
}

/// [`evaluate`] with the values of some nodes given.
pub fn evaluate_from(
    graph: &Graph,
    weights: &Weights,
    image: &[f32],
    quantized: bool,
    known: &BTreeMap<NodeId, Vec<f64>>,
) -> Vec<Vec<f64>> {
    let plan = quantize(graph);
    let mut values: Vec<Vec<f64>> = Vec::new();
    for (id, node) in graph.nodes.iter().enumerate() {
        let name = &node.name;
        if let Some(value) = known.get(&id) {
            values.push(value.clone());
            continue;
        }
        let inputs: Vec<&Vec<f64>> = node.inputs.iter().map(|&i| &values[i]).collect();
        let shapes: Vec<_> = node.inputs.iter().map(|&i| &graph.nodes[i].shape).collect();
        let get = |part: &str| weights.get(&format!("{name}.{part}")).map(|(_, data)| data.to_vec()).unwrap();
        let (c, h, w) = (node.shape.c(), node.shape.h, node.shape.w);
        let mut value = match node.layer {
            Layer::Input => image.iter().map(|&v| f64::from(v)).collect(),
            Layer::Conv { kernel, stride, padding, groups, bias, .. } => {
                let weight = layer_weight(&get("weight"), weights, name, quantized);
                let bias = if bias { get("bias") } else { vec![0.0; c] };
                let (cin, ih, iw) = (shapes[0].c(), shapes[0].h, shapes[0].w);
                let (gin, gout) = (cin / groups, c / groups);
                let mut out = vec![0.0; c * h * w];
                for o in 0..c {
                    for (y, x) in (0..h).flat_map(|y| (0..w).map(move |x| (y, x))) {
                        let mut sum = f64::from(bias[o]);
                        for i in 0..gin {
                            let from = (o / gout) * gin + i;
                            for (ky, kx) in (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx))) {
                                let (sy, sx) = ((y * stride + ky).wrapping_sub(padding), (x * stride + kx).wrapping_sub(padding));
                                if sy < ih && sx < iw {
                                    sum += inputs[0][(from * ih + sy) * iw + sx]
                                        * weight[((o * gin + i) * kernel + ky) * kernel + kx];
                                }
                            }
                        }
                        out[(o * h + y) * w + x] = sum;
                    }
                }
                out
            }
            Layer::Linear => {
                let weight = layer_weight(&get("weight"), weights, name, quantized);
                let rows = weight.chunks(inputs[0].len()).zip(get("bias"));
                rows.map(|(row, b)| row.iter().zip(inputs[0]).map(|(a, b)| a * b).sum::<f64>() + f64::from(b)).collect()
            }
            Layer::BatchNorm { epsilon } => {
                let (gamma, beta, mean, var) = (get("gamma"), get("beta"), get("mean"), get("var"));
                let at = |i: usize| i / (h * w);
                let norm = |i: usize, v: f64| {
                    let c = at(i);
                    (v - f64::from(mean[c])) / (f64::from(var[c]) + epsilon).sqrt() * f64::from(gamma[c]) + f64::from(beta[c])
                };
                inputs[0].iter().enumerate().map(|(i, &v)| norm(i, v)).collect()
            }
            Layer::LayerNorm => {
                let (gamma, beta, cells) = (get("gamma"), get("beta"), h * w);
                let mut out = vec![0.0; c * cells];
                for cell in 0..cells {
                    let column: Vec<f64> = inputs[0].iter().skip(cell).step_by(cells).copied().collect();
                    let mean = column.iter().sum::<f64>() / c as f64;
                    let var = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / c as f64;
                    for (at, v) in column.into_iter().enumerate() {
                        let normed = (v - mean) / (var + LN_EPSILON).sqrt();
                        out[at * cells + cell] = normed * f64::from(gamma[at]) + f64::from(beta[at]);
                    }
                }
                out
            }
            Layer::Scores { heads } => {
                let width = shapes[0].c() / heads;
                let product = |head: usize, query: usize, key: usize| {
                    let channels = head * width..(head + 1) * width;
                    let product = channels.map(|at| inputs[0][at * h + query] * inputs[1][at * w + key]).sum::<f64>();
                    (product / (width as f64).sqrt()).exp()
                };
                let rows = (0..heads).flat_map(|head| (0..h).map(move |query| (head, query)));
                let row = |(head, query)| {
                    let row: Vec<f64> = (0..w).map(|key| product(head, query, key)).collect();
                    let sum: f64 = row.iter().sum();
                    row.into_iter().map(move |v| v / sum)
                };
                rows.flat_map(row).collect()
            }
            Layer::Attend { heads } => {
                let (cells, width) = (h * w, c / heads);
                let sum = |channel: usize, query: usize| {
                    let scores = &inputs[0][(channel / width * cells + query) * cells..][..cells];
                    scores.iter().zip(&inputs[1][channel * cells..]).map(|(weight, value)| weight * value).sum()
                };
                (0..c).flat_map(|channel| (0..cells).map(move |query| sum(channel, query))).collect()
            }
            Layer::Act { act } => inputs[0].iter().map(|&v| activate(act, v)).collect(),
            Layer::GlobalPool => {
                inputs[0].chunks(shapes[0].h * shapes[0].w).map(|m| m.iter().sum::<f64>() / m.len() as f64).collect()
            }
            Layer::MaxPool { kernel, stride, padding } | Layer::AvgPool { kernel, stride, padding } => {
                let (ih, iw) = (shapes[0].h, shapes[0].w);
                let mut out = Vec::new();
                for (ch, y, x) in (0..c).flat_map(|ch| (0..h).flat_map(move |y| (0..w).map(move |x| (ch, y, x)))) {
                    let cells = (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx)));
                    let cells =
                        cells.map(|(ky, kx)| ((y * stride + ky).wrapping_sub(padding), (x * stride + kx).wrapping_sub(padding)));
                    let cells: Vec<f64> = cells
                        .filter(|&(sy, sx)| sy < ih && sx < iw)
                        .map(|(sy, sx)| inputs[0][(ch * ih + sy) * iw + sx])
                        .collect();
                    out.push(if matches!(node.layer, Layer::MaxPool { .. }) {
                        cells.into_iter().fold(f64::MIN, f64::max)
                    } else {
                        cells.iter().sum::<f64>() / (kernel * kernel) as f64
                    });
                }
                out
            }
            Layer::Add => inputs[0].iter().zip(inputs[1]).map(|(a, b)| a + b).collect(),
            Layer::Mul => {
                let at = |k: usize, i: usize| inputs[k][if shapes[k].h == h && shapes[k].w == w { i } else { i / (h * w) }];
                (0..c * h * w).map(|i| at(0, i) * at(1, i)).collect()
            }
            Layer::Concat => inputs.iter().flat_map(|v| v.iter().copied()).collect(),
            Layer::Slice { from, .. } => {
                let start = shapes[0].channels.0[..from].iter().sum::<usize>() * h * w;
                inputs[0][start..start + c * h * w].to_vec()
            }
            Layer::Segment { .. } => inputs[0].clone(),
            Layer::Shuffle { groups } => {
                let per = c / groups;
                (0..c).flat_map(|o| inputs[0][((o % groups) * per + o / groups) * h * w..][..h * w].to_vec()).collect()
            }
        };
        if quantized
            && plan.steps[id] != Step::Move
            && let Some(quantizer) = plan.quantizer_after(id)
        {
            let scale = weights.scalar(&format!("{name}.sa")).unwrap();
            let scale = f64::from(quantizer.max_scale(8).map_or(scale, |limit| scale.min(limit)));
            let zero = if quantizer.zero_at_zero { 0.0 } else { f64::from(weights.scalar(&format!("{name}.zp")).unwrap()) };
            value.iter_mut().for_each(|v| *v = ((*v / scale).round_ties_even() + zero).clamp(0.0, 255.0) * scale - zero * scale);
        }
        values.push(value);
    }
    values
}

fn layer_weight(weight: &[f32], weights: &Weights, name: &str, quantized: bool) -> Vec<f64> {
    if !quantized {
        return weight.iter().map(|&w| f64::from(w)).collect();
    }
    let (_, scales) = weights.get(&format!("{name}.sw")).unwrap();
    let rows = weight.chunks(weight.len() / scales.len()).zip(scales);
    let codes = |w: f32, scale: f32| f64::from((w / scale).round_ties_even().clamp(-127.0, 127.0)) * f64::from(scale);
    rows.flat_map(|(row, &scale)| row.iter().map(move |&w| codes(w, scale))).collect()
}

fn activate(act: Activation, v: f64) -> f64 {
    let hsigmoid = (v / 6.0 + 0.5).clamp(0.0, 1.0);
    let sigmoid = 1.0 / (1.0 + (-v).exp());
    match act {
        Activation::Relu => v.max(0.0),
        Activation::Relu6 => v.clamp(0.0, 6.0),
        Activation::Hswish => v * hsigmoid,
        Activation::Hsigmoid => hsigmoid,
        Activation::Swish => v * sigmoid,
        Activation::Sigmoid => sigmoid,
        Activation::Gelu => v * 0.5 * (1.0 + statrs::function::erf::erf(v / std::f64::consts::SQRT_2)),
    }
}

/// Random weights with lively norms (some gammas negative, one zero) and scales calibrated on `image`.
pub fn calibrated(graph: &Graph, image: &[f32], seed: Seed) -> Weights {
    let mut weights = spaceevo::onnx::weights_for_timing(graph, seed);
    for node in &graph.nodes {
        let mut rng = seed.child(&node.name).at(1).rng();
        if node.layer.is_norm() {
            let c = node.shape.c();
            let mut draw = |low: f32, high: f32| (0..c).map(|_| rng.random_range(low..high)).collect::<Vec<f32>>();
            let mut gamma = draw(0.3, 1.4);
            gamma.iter_mut().step_by(5).for_each(|g| *g = -*g);
            gamma[c / 2] = 0.0;
            weights.insert(format!("{}.gamma", node.name), vec![c], gamma);
            weights.insert(format!("{}.beta", node.name), vec![c], draw(-0.3, 0.3));
            weights.insert(format!("{}.mean", node.name), vec![c], draw(-0.3, 0.3));
            weights.insert(format!("{}.var", node.name), vec![c], draw(0.3, 2.0));
        }
    }
    let values = evaluate(graph, &weights, image, false);
    for quantizer in quantize(graph).quantizers {
        let value = &values[quantizer.node];
        let (low, high) = (value.iter().fold(0.0, |a: f64, &b| a.min(b)), value.iter().fold(1e-3, |a: f64, &b| a.max(b)));
        let scale = ((high - low) / 255.0) as f32;
        let zero = if quantizer.zero_at_zero { 0.0 } else { (-low as f32 / scale).round().clamp(0.0, 255.0) };
        weights.insert(format!("{}.sa", quantizer.name), vec![1], vec![scale]);
        weights.insert(format!("{}.zp", quantizer.name), vec![1], vec![zero]);
    }
    weights
}

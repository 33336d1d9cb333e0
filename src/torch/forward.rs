//! Running a compiled network. Maps are kept in the channels-last layout, which is twice as fast for depthwise convolutions here.

use std::collections::BTreeMap;

use spaceevo::base::Seed;
use spaceevo::graph::{Activation, LN_EPSILON};
use spaceevo::train::{Phase, Precision};
use tch::{Kind as Number, Tensor, no_grad_guard};

use super::chance::seeded;
use super::net::{Kind, Net, Op, WeightSlice};
use super::slice::Slice;
use super::store::{LayerWeights, Store};

/// Mean and variance of the batch norms of one network, by place among the layers; already sliced.
pub type Statistics = BTreeMap<usize, (Tensor, Tensor)>;

/// Which statistics a batch norm uses.
pub enum Norms<'a> {
    /// Those of the batch.
    Batch,
    /// Those of the batch, which are added to the cumulative average of this many earlier batches.
    Gather(&'a mut Statistics, usize),
    /// These.
    Given(&'a Statistics),
    /// Those stored with the weights.
    Stored,
    /// None: norms of all kinds pass their input on.
    LeftOut,
}

/// How a network computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// Whether LSQ+ fake quantization is on.
    pub quantized: bool,
    /// What convolutions, dense layers and the products of attention compute in.
    pub precision: Precision,
}

impl Mode {
    /// As networks are judged, learned from and exported.
    pub fn float32(quantized: bool) -> Self {
        Self { quantized, precision: Precision::Float32 }
    }

    /// `x` as a product takes it. Its gradient comes back in the numbers of `x`.
    fn factor(self, x: &Tensor) -> Tensor {
        match self.precision {
            Precision::Float32 => x.shallow_clone(),
            Precision::Bfloat16 => x.to_kind(Number::BFloat16),
        }
    }
}

impl From<&Phase> for Mode {
    fn from(phase: &Phase) -> Self {
        Self { quantized: phase.quantized, precision: phase.precision }
    }
}

/// `x` in at least float32, for what needs more than 8 significant bits: fake quantization, layer norms, losses.
fn wide(x: &Tensor) -> Tensor {
    if x.kind() == Number::BFloat16 { x.to_kind(Number::Float) } else { x.shallow_clone() }
}

/// Called with each activation and its input.
pub type Watch<'a> = &'a mut dyn FnMut(Activation, &Tensor);

/// Runs `net` on `x`, `[N, C, H, W]`; returns the values of `net.results`, in float32 whatever is computed with.
pub fn run(net: &Net, store: &Store, x: &Tensor, mode: Mode, norms: Norms<'_>) -> Vec<Tensor> {
    run_dropping(net, store, x, mode, norms, None)
}

/// Like [`run`], with the share `dropped` of what enters a dense layer at the end set to 0 at random, drawn from the seed beside
/// it, and the rest made larger.
///
/// In bfloat16 each product casts what it multiplies, and its value stays in bfloat16 as far as the next step that wants more:
/// batch norms take it as it is, with factors and statistics in float32; softmax, layer norms, means over the map and fake
/// quantization give float32.
pub fn run_dropping(
    net: &Net,
    store: &Store,
    x: &Tensor,
    mode: Mode,
    norms: Norms<'_>,
    dropped: Option<(f64, Seed)>,
) -> Vec<Tensor> {
    run_all(net, store, x, mode, norms, (dropped, &mut |_, _| ()))
}

/// Like [`run`] in floats; `watch` sees what enters each activation.
pub fn run_watched(net: &Net, store: &Store, x: &Tensor, norms: Norms<'_>, watch: Watch<'_>) -> Vec<Tensor> {
    run_all(net, store, x, Mode::float32(false), norms, (None, watch))
}

fn run_all(
    net: &Net,
    store: &Store,
    x: &Tensor,
    mode: Mode,
    mut norms: Norms<'_>,
    (dropped, watch): (Option<(f64, Seed)>, Watch<'_>),
) -> Vec<Tensor> {
    let quantized = mode.quantized;
    let integer = quantized && store.lsq.exports_int8() && matches!(norms, Norms::Given(_) | Norms::Stored);
    let mut values: Vec<Option<Tensor>> = Vec::with_capacity(net.ops.len());
    let mut results: Vec<Option<Tensor>> = net.results.iter().map(|_| None).collect();
    for (id, op) in net.ops.iter().enumerate() {
        let value = |at: usize| match values.get(op.inputs.get(at).copied().unwrap_or(0)) {
            Some(Some(value)) => value,
            _ => x,
        };
        let first = value(0);
        let mut out = match &op.kind {
            Kind::Nothing => first.shallow_clone(),
            Kind::Conv { weights, stride, padding, trailing, groups } => {
                let (weight, bias) = take(weights, store, quantized);
                let bias = bias.map(|bias| if integer { whole_units(op, weights, store, bias, None) } else { bias });
                let (start, end) = (*padding, padding + trailing);
                let first = mode.factor(first);
                let uneven = (*trailing > 0).then(|| first.constant_pad_nd([start, end, start, end]));
                let (map, padding) = uneven.as_ref().map_or((&first, start), |map| (map, 0));
                let bias = bias.map(|bias| mode.factor(&bias));
                map.conv2d(&mode.factor(&weight), bias.as_ref(), [*stride], [padding], [1], *groups)
            }
            Kind::Linear { weights } => {
                let (weight, bias) = take(weights, store, quantized);
                let bias = bias.map(|bias| if integer { whole_units(op, weights, store, bias, None) } else { bias });
                let mut first = first.flatten(1, -1);
                if let Some((share, seed)) = dropped.filter(|_| net.results.contains(&id)) {
                    first = seeded(seed, || first.dropout(share, true));
                }
                let bias = bias.map(|bias| mode.factor(&bias));
                let out = mode.factor(&first).linear(&mode.factor(&weight), bias.as_ref());
                // Values stay maps, so that whatever follows sees four dimensions.
                out.unsqueeze(-1).unsqueeze(-1)
            }
            Kind::Norm { layer, channels, epsilon } => match folded_into(net, op).filter(|_| integer) {
                Some(kernel) => folded(op, kernel, store, (*layer, channels, *epsilon), first, &norms),
                None => norm(store, (*layer, channels, *epsilon), first, &mut norms),
            },
            Kind::LayerNorm { .. } if matches!(norms, Norms::LeftOut) => first * 1.0,
            Kind::LayerNorm { layer, channels } => layer_norm(store, *layer, channels, &wide(first)),
            Kind::Act(act) => {
                watch(*act, first);
                activate(*act, first, op.may_overwrite)
            }
            Kind::GlobalPool => first.mean_dim([2i64, 3].as_slice(), true, wide(first).kind()),
            Kind::MaxPool { kernel, stride, padding } => first.max_pool2d([*kernel], [*stride], [*padding], [1], false),
            Kind::AvgPool { kernel, stride, padding } => first.avg_pool2d([*kernel], [*stride], [*padding], false, true, None),
            Kind::Add => first + value(1),
            Kind::Mul => first * value(1),
            Kind::Concat => Tensor::cat(&(0..op.inputs.len()).map(value).collect::<Vec<_>>(), 1),
            Kind::Channels { start, count } => first.narrow(1, *start, *count),
            Kind::Shuffle { groups } => first.channel_shuffle(*groups),
            Kind::Scores { heads } => {
                let (queries, keys) = (in_heads(first, *heads), in_heads(value(1), *heads));
                let width = queries.size()[3] as f64;
                let queries = mode.factor(&(queries * width.powf(-0.5)));
                queries.matmul(&mode.factor(&keys).transpose(2, 3)).softmax(-1, wide(first).kind())
            }
            Kind::Attend { heads } => {
                let values = value(1);
                let sums = mode.factor(first).matmul(&in_heads(&mode.factor(values), *heads)).permute([0, 2, 1, 3]);
                let [count, channels, h, w] = values.size()[..] else { unreachable!("values are maps") };
                sums.reshape([count, h, w, channels]).permute([0, 3, 1, 2])
            }
        };
        if let (true, Some((place, zero_at_zero))) = (quantized, op.quantizer) {
            out = store.quantizers[place].apply(&wide(&out), zero_at_zero);
        }
        for (result, &at) in results.iter_mut().zip(&net.results) {
            if at == id {
                *result = Some(out.shallow_clone());
            }
        }
        values.push(Some(out));
        op.done_with.iter().for_each(|&read| values[read] = None);
    }
    results.into_iter().map(|result| wide(result.as_ref().unwrap_or(x))).collect()
}

/// Weight and bias of a layer, sliced; quantized before batch norm.
fn take(slice: &WeightSlice, store: &Store, quantized: bool) -> (Tensor, Option<Tensor>) {
    let LayerWeights::Dense { weight: whole, bias, scales } = &store.layers[slice.layer] else {
        unreachable!("compile() takes weights from layers of this kind alone");
    };
    let mut weight = sliced(slice, whole);
    if quantized {
        weight = scales[slice.scale].apply(&weight, whole, &slice.output);
    }
    (weight, bias.as_ref().map(|bias| slice.output.of(bias, 0)))
}

/// The part of the elastic weight `whole` that `slice` stands for.
pub fn sliced(slice: &WeightSlice, whole: &Tensor) -> Tensor {
    let weight = slice.input.of(&slice.output.of(whole, 0), 1);
    match slice.crop {
        Some((start, count)) => weight.narrow(2, start, count).narrow(3, start, count),
        None => weight,
    }
}

fn norm(store: &Store, (layer, channels, epsilon): (usize, &Slice, f64), x: &Tensor, norms: &mut Norms<'_>) -> Tensor {
    let LayerWeights::Norm { gamma, beta, mean, var } = &store.layers[layer] else {
        unreachable!("compile() takes batch norms from layers of this kind alone");
    };
    let (gamma, beta) = (channels.of(gamma, 0), channels.of(beta, 0));
    let apply = |mean: Option<&Tensor>, var: Option<&Tensor>, batch: bool, momentum: f64| {
        Tensor::native_batch_norm(x, Some(&gamma), Some(&beta), mean, var, batch, momentum, epsilon).0
    };
    match norms {
        Norms::Batch => apply(None, None, true, 0.1),
        Norms::Gather(statistics, earlier) => {
            let fresh = || (gamma.zeros_like(), gamma.ones_like());
            let (mean, var) = statistics.entry(layer).or_insert_with(|| {
                let _guard = no_grad_guard();
                fresh()
            });
            apply(Some(mean), Some(var), true, 1.0 / (*earlier as f64 + 1.0))
        }
        Norms::Given(statistics) => match statistics.get(&layer) {
            Some((mean, var)) => apply(Some(mean), Some(var), false, 0.0),
            None => apply(Some(&channels.of(mean, 0)), Some(&channels.of(var, 0)), false, 0.0),
        },
        Norms::Stored => apply(Some(&channels.of(mean, 0)), Some(&channels.of(var, 0)), false, 0.0),
        // A value of its own: an activation may overwrite it.
        Norms::LeftOut => x * 1.0,
    }
}

/// The norm over the channels of each cell, which lie side by side.
fn layer_norm(store: &Store, layer: usize, channels: &Slice, x: &Tensor) -> Tensor {
    let LayerWeights::LayerNorm { gamma, beta } = &store.layers[layer] else {
        unreachable!("compile() takes layer norms from layers of this kind alone");
    };
    let (gamma, beta) = (channels.of(gamma, 0), channels.of(beta, 0));
    x.permute([0, 2, 3, 1]).layer_norm(gamma.size(), Some(&gamma), Some(&beta), LN_EPSILON, false).permute([0, 3, 1, 2])
}

/// A map as `[N, heads, cells, channels of a head]`.
fn in_heads(x: &Tensor, heads: i64) -> Tensor {
    let [count, channels, h, w] = x.size()[..] else { unreachable!("values are maps") };
    x.permute([0, 2, 3, 1]).reshape([count, h * w, heads, channels / heads]).permute([0, 2, 1, 3])
}

/// The weights of the convolution that a batch norm is folded into.
fn folded_into<'a>(net: &'a Net, op: &Op) -> Option<&'a WeightSlice> {
    match (op.bias_unit, &net.ops[op.inputs[0]].kind) {
        (Some(_), Kind::Conv { weights, .. }) => Some(weights),
        _ => None,
    }
}

/// A batch norm as the integer kernel with the weights `kernel` does it: factors in the weights' scales, a whole-numbered bias.
fn folded(
    op: &Op,
    kernel: &WeightSlice,
    store: &Store,
    (layer, channels, epsilon): (usize, &Slice, f64),
    x: &Tensor,
    norms: &Norms<'_>,
) -> Tensor {
    let LayerWeights::Norm { gamma, beta, mean, var } = &store.layers[layer] else {
        unreachable!("compile() takes batch norms from layers of this kind alone");
    };
    let (mean, var) = match norms {
        Norms::Given(statistics) if statistics.contains_key(&layer) => {
            let (mean, var) = &statistics[&layer];
            (mean.shallow_clone(), var.shallow_clone())
        }
        _ => (channels.of(mean, 0), channels.of(var, 0)),
    };
    let factor = channels.of(gamma, 0) / (var + epsilon).sqrt();
    let shift = channels.of(beta, 0) - &mean * &factor;
    let shift = whole_units(op, kernel, store, shift, Some(&factor));
    let (zero, one) = (mean.zeros_like(), mean.ones_like());
    Tensor::native_batch_norm(x, Some(&factor), Some(&shift), Some(&zero), Some(&one), false, 0.0, 0.0).0
}

/// `bias` rounded to whole units of input scale times scale of the weights `kernel` (times the factor of the batch norm).
fn whole_units(op: &Op, kernel: &WeightSlice, store: &Store, bias: Tensor, factor: Option<&Tensor>) -> Tensor {
    let Some(input) = op.bias_unit else { return bias };
    let LayerWeights::Dense { scales, .. } = &store.layers[kernel.layer] else { return bias };
    let unit = &store.quantizers[input].scale * scales[kernel.scale].of(&kernel.output);
    let unit = match factor {
        Some(factor) => unit * factor.abs(),
        None => unit.expand_as(&bias),
    };
    // A channel that batch norm switches off has no unit; its constant remains.
    let whole = (&bias / &unit).round() * &unit;
    whole.where_self(&whole.isfinite(), &bias)
}

fn activate(act: Activation, x: &Tensor, overwrite: bool) -> Tensor {
    let mut place = x.shallow_clone();
    match (act, overwrite) {
        (Activation::Relu, true) => place.relu_(),
        (Activation::Relu, false) => x.relu(),
        (Activation::Relu6, true) => place.relu6_(),
        (Activation::Relu6, false) => x.relu6(),
        (Activation::Hswish, _) => x.hardswish(),
        (Activation::Hsigmoid, _) => x.hardsigmoid(),
        (Activation::Swish, _) => x.silu(),
        (Activation::Sigmoid, _) => x.sigmoid(),
        (Activation::Gelu, _) => x.gelu("none"),
    }
}

#[cfg(test)]
mod tests {
    use spaceevo::graph::{Builder, ConvOptions, Graph, NodeId, Padding, Shape, union_weights};
    use spaceevo::train::Lsq;
    use tch::{Device, Reduction};

    use super::*;
    use crate::torch::net::compile;

    /// An uneven stem, an inverted residual with squeeze and excitation, pools, attention, a classifier.
    fn graph() -> Graph {
        let mut b = Builder::new(Shape::new(3, 12, 12));
        let three = ConvOptions { kernel: 3, ..ConvOptions::default() };
        let biased = ConvOptions { bias: true, ..ConvOptions::default() };
        let norm = |b: &mut Builder, from: NodeId, act| {
            let x = b.bn(from, None).unwrap();
            b.act(x, None, act).unwrap()
        };
        let x = b.conv(0, "stem", 8, ConvOptions { stride: 2, padding: Some(Padding::Same), ..three }).unwrap();
        let from = norm(&mut b, x, Activation::Relu6);
        let x = b.dwconv(from, "depth", three).unwrap();
        let x = norm(&mut b, x, Activation::Hswish);
        let pool = b.global_pool(x, "se_pool").unwrap();
        let gate = b.conv(pool, "se", 8, biased).unwrap();
        let gate = b.act(gate, None, Activation::Hsigmoid).unwrap();
        let x = b.mul(x, gate, "scaled").unwrap();
        let x = b.add(x, from, "sum").unwrap();
        let parts = [b.max_pool(x, "max", 3, 2).unwrap(), b.avg_pool(x, "avg", 2, 2, Some(0)).unwrap()];
        let x = b.concat(&parts, "both").unwrap();
        let x = b.shuffle(x, "mixed", 2).unwrap();
        let token = b.ln(x, Some("norm")).unwrap();
        let parts = ["query", "key", "value"].map(|part| b.conv(token, part, 16, biased).unwrap());
        let seen = b.attend(parts, 2, "attend").unwrap();
        let x = b.add(seen, x, "after").unwrap();
        let x = b.act(x, None, Activation::Gelu).unwrap();
        let pool = b.global_pool(x, "pool").unwrap();
        let logits = b.linear(pool, "logits", 5).unwrap();
        b.finish(logits)
    }

    /// The network with its weights, and images.
    fn ready() -> (Net, Store, Tensor) {
        let graph = graph();
        let specs = union_weights([graph.part("")]).unwrap();
        let store = Store::new(&specs, [("", &graph)].into_iter(), Lsq::default(), Seed(1));
        let net = compile(&graph, &store, vec![graph.output]).unwrap();
        let x = seeded(Seed(2), || Tensor::randn([16, 12, 12, 3], (Number::Float, Device::Cpu))).permute([0, 3, 1, 2]);
        (net, store, x)
    }

    #[test]
    fn a_step_in_bfloat16_is_near_that_in_float32_and_its_gradients_are_float32() {
        for quantized in [false, true] {
            let step = |precision| {
                let (net, store, x) = ready();
                let logits = run(&net, &store, &x, Mode { quantized, precision }, Norms::Batch).swap_remove(0).flatten(1, -1);
                let labels = Tensor::arange(16, (Number::Int64, Device::Cpu)).remainder(5);
                let loss = (logits * 20.0).cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, 0.0);
                loss.backward();
                for layer in &store.layers {
                    let (LayerWeights::Dense { weight: parameter, .. }
                    | LayerWeights::Norm { gamma: parameter, .. }
                    | LayerWeights::LayerNorm { gamma: parameter, .. }) = layer;
                    assert_eq!(parameter.grad().kind(), Number::Float);
                }
                (loss, store.flat().grads.copy())
            };
            let [(plain, slope), (mixed, near)] = [Precision::Float32, Precision::Bfloat16].map(step);
            assert_eq!(mixed.kind(), Number::Float);
            let [plain, mixed] = [plain, mixed].map(|loss| loss.double_value(&[]));
            assert!(plain.to_bits() != mixed.to_bits() && (mixed / plain - 1.0).abs() < 0.02, "{mixed} for {plain}");
            let cosine = slope.dot(&near) / (slope.norm() * near.norm());
            assert!(cosine.double_value(&[]) > 0.99, "quantized {quantized}: gradients point elsewhere: {cosine}");
        }
    }

    #[test]
    fn statistics_are_float32_and_those_of_the_map() {
        let gathered = |precision| {
            let (net, store, x) = ready();
            let mut statistics = Statistics::new();
            let mode = Mode { quantized: false, precision };
            tch::no_grad(|| run(&net, &store, &x, mode, Norms::Gather(&mut statistics, 0)));
            statistics
        };
        let [plain, mixed] = [Precision::Float32, Precision::Bfloat16].map(gathered);
        for ((mean, var), (mean16, var16)) in plain.values().zip(mixed.values()) {
            assert_eq!((mean16.kind(), var16.kind()), (Number::Float, Number::Float));
            let far = ((mean - mean16).abs() / var.sqrt()).max().double_value(&[]);
            let wide = (var16 / var - 1.0).abs().max().double_value(&[]);
            assert!(far < 0.02 && wide < 0.02, "{far} {wide}");
        }
    }

    #[test]
    fn codes_are_those_of_float32_until_the_next_product() {
        let (_, store, x) = ready();
        let net = compile(&graph(), &store, vec![0, 1]).unwrap();
        let mode = Mode { quantized: true, precision: Precision::Bfloat16 };
        let _guard = no_grad_guard();
        let got = run(&net, &store, &x, mode, Norms::Batch);
        let input = store.quantizers[store.quantizer("input").unwrap()].apply(&x, false);
        assert!(got[0].equal(&input));
        let Kind::Conv { weights, .. } = &net.ops[1].kind else { panic!("the stem is a convolution") };
        let [input, weight] = [input, take(weights, &store, true).0].map(|factor| factor.to_kind(Number::BFloat16));
        let sums = input.constant_pad_nd([0, 1, 0, 1]).conv2d::<Tensor>(&weight, None, [2], [0], [1], 1);
        assert!(got[1].equal(&sums.to_kind(Number::Float)));
    }
}

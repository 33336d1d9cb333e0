//! Elastic weights: every parameter of a job once, at its largest, all of them views of one flat tensor.
//!
//! The flat layout lets an optimiser update everything in a few operations. Its regions, in order: weights of
//! convolutions and dense layers, biases and the shifts of norms, their factors, then the quantizers' numbers:
//! scales of weights, scales of tensors, offsets of tensors.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use spaceevo::base::{Result, Seed};
use spaceevo::graph::{Activation, Bits, Graph, Layer, WeightSpec, Weights, scale_key};
use spaceevo::train::{Granularity, Lsq, Offset};
use tch::{Device, Kind, Tensor, no_grad_guard};

use super::chance::seeded;
use super::lsq::{Quantizer, SMALLEST_SCALE, WeightScale};
use super::place;

/// Weights of one convolution or dense layer, or of one norm.
pub enum LayerWeights {
    /// A convolution or dense layer.
    Dense {
        /// `[out, in / groups, kernel, kernel]` or `[out, in]`.
        weight: Tensor,
        /// `[out]`.
        bias: Option<Tensor>,
        /// Steps of the weight's codes, one quantizer for each number of bits that its layer has anywhere.
        scales: Vec<WeightScale>,
    },
    /// A batch norm; all `[channels]`.
    Norm {
        /// Learned scale.
        gamma: Tensor,
        /// Learned shift.
        beta: Tensor,
        /// Mean, as stored: that of the network which the job that wrote it reported on.
        mean: Tensor,
        /// Variance, likewise.
        var: Tensor,
    },
    /// A layer norm; both `[channels]`.
    LayerNorm {
        /// Learned scale.
        gamma: Tensor,
        /// Learned shift.
        beta: Tensor,
    },
}

/// All weights of a job.
pub struct Store {
    /// What they are, in the order of `layers`.
    pub specs: Vec<WeightSpec>,
    /// The weights themselves.
    pub layers: Vec<LayerWeights>,
    /// Quantizers of tensors.
    pub quantizers: Vec<Quantizer>,
    /// How they quantize.
    pub lsq: Lsq,
    /// The bits of the quantizers of each layer's weight.
    widths: Vec<Vec<Option<u32>>>,
    /// The bits of each tensor, if they are its own.
    tensor_widths: Vec<Option<u32>>,
    layer_index: BTreeMap<String, usize>,
    quantizer_index: BTreeMap<String, usize>,
    flat: Flat,
}

/// The flat tensors and their regions.
pub struct Flat {
    /// Values.
    pub values: Tensor,
    /// Gradients; each parameter's gradient is a view of it.
    pub grads: Tensor,
    /// Weights of convolutions and dense layers.
    pub weights: Range<i64>,
    /// Factors of norms.
    pub gains: Range<i64>,
    /// Scales of weights.
    pub weight_scales: Range<i64>,
    /// Scales of tensors.
    pub tensor_scales: Range<i64>,
    /// Offsets of tensors, in the order of their scales.
    pub offsets: Range<i64>,
    /// Largest value of each tensor's scale.
    pub largest_scales: Tensor,
    /// Largest code of each tensor.
    pub codes: Tensor,
}

/// Dimensions of a layer's weight at its largest.
fn weight_dims(spec: &WeightSpec) -> Vec<i64> {
    let (cin, cout) = (spec.input.count() as i64, spec.output.count() as i64);
    match spec.layer {
        Layer::Conv { kernel, depthwise: true, .. } => vec![cin, 1, kernel as i64, kernel as i64],
        Layer::Conv { kernel, groups, .. } => vec![cout, (cin as usize).div_ceil(groups) as i64, kernel as i64, kernel as i64],
        _ => vec![cout, cin],
    }
}

/// How many scales a quantizer of a layer's weight has.
fn scale_count(spec: &WeightSpec, lsq: &Lsq) -> i64 {
    match (&spec.layer, lsq.weights) {
        (norm, _) if norm.is_norm() => 0,
        (Layer::Conv { .. }, Granularity::PerChannel) => weight_dims(spec)[0],
        _ => 1,
    }
}

fn has_bias(layer: &Layer) -> bool {
    matches!(layer, Layer::Linear | Layer::Conv { bias: true, .. })
}

impl Store {
    /// Weights drawn from `seed` for `specs`, with quantizers for every tensor that `graphs` name.
    pub fn new<'a>(specs: &[WeightSpec], graphs: impl Iterator<Item = (&'a str, &'a Graph)>, lsq: Lsq, seed: Seed) -> Self {
        let _guard = no_grad_guard();
        // Tensors by name, and their bits; a name with bits holds them.
        let mut names = BTreeMap::from([(String::from("input"), Bits::default())]);
        let mut relu6 = BTreeSet::new();
        let mut found: BTreeMap<String, BTreeSet<Option<u32>>> = BTreeMap::new();
        for (prefix, graph) in graphs {
            for node in &graph.nodes[usize::from(!prefix.is_empty())..] {
                let name = if prefix.is_empty() { node.name.clone() } else { format!("{prefix}.{}", node.name) };
                let key = scale_key(&name, node.bits.value);
                if node.layer == (Layer::Act { act: Activation::Relu6 }) {
                    relu6.insert(key.clone());
                }
                names.insert(key, node.bits);
                found.entry(name).or_default().insert(node.bits.weights);
            }
        }
        let widths: Vec<Vec<Option<u32>>> = specs
            .iter()
            .map(|spec| found.get(&spec.name).map_or_else(|| vec![None], |widths| widths.iter().copied().collect()))
            .collect();
        let mut size = 0;
        let mut take = |count: i64| {
            size += count;
            size - count..size
        };
        let numel = |dims: &[i64]| dims.iter().product::<i64>();
        let is_norm = |spec: &WeightSpec| spec.layer.is_norm();
        let weights: Vec<_> = specs.iter().map(|spec| (!is_norm(spec)).then(|| take(numel(&weight_dims(spec))))).collect();
        let all_weights = 0..weights.iter().flatten().next_back().map_or(0, |range| range.end);
        let shifts: Vec<_> =
            specs.iter().map(|spec| (is_norm(spec) || has_bias(&spec.layer)).then(|| take(spec.output.count() as i64))).collect();
        let first_gain = take(0).start;
        let gains: Vec<_> = specs.iter().map(|spec| is_norm(spec).then(|| take(spec.output.count() as i64))).collect();
        let all_gains = first_gain..take(0).start;
        let scales: Vec<Vec<_>> = specs
            .iter()
            .zip(&widths)
            .map(|(spec, widths)| widths.iter().map(|_| take(scale_count(spec, &lsq))).collect())
            .collect();
        let weight_scales = all_gains.end..take(0).start;
        let tensor_scales = take(names.len() as i64);
        let offsets = take(names.len() as i64);
        let options = (Kind::Float, place::here());
        let values = Tensor::zeros([size], options);
        let grads = Tensor::zeros([size], options);
        let leaf = |start: i64, dims: &[i64]| parameter(&values, &grads, start, dims);
        let layers = specs
            .iter()
            .enumerate()
            .map(|(at, spec)| match (&weights[at], &gains[at], &shifts[at]) {
                (Some(weight), _, bias) => LayerWeights::Dense {
                    weight: leaf(weight.start, &weight_dims(spec)),
                    bias: bias.as_ref().map(|bias| leaf(bias.start, &[bias.end - bias.start])),
                    scales: scales[at]
                        .iter()
                        .zip(&widths[at])
                        .map(|(range, &weights)| {
                            let how = lsq.of_layer(Bits { weights, value: None });
                            WeightScale::new(leaf(range.start, &[range.end - range.start]), how)
                        })
                        .collect(),
                },
                (None, gain, shift) => {
                    let channels = spec.output.count() as i64;
                    let start = |range: &Option<Range<i64>>| range.as_ref().map_or(0, |range| range.start);
                    let (gamma, beta) = (leaf(start(gain), &[channels]), leaf(start(shift), &[channels]));
                    if spec.layer == Layer::LayerNorm {
                        return LayerWeights::LayerNorm { gamma, beta };
                    }
                    LayerWeights::Norm {
                        gamma,
                        beta,
                        mean: Tensor::zeros([channels], options),
                        var: Tensor::ones([channels], options),
                    }
                }
            })
            .collect();
        // The integer kernel clips at 6 by its largest code.
        let clips = |name: &String| lsq.offset == Offset::Integer && relu6.contains(name);
        let how: Vec<Lsq> = names.values().map(|&bits| lsq.of_layer(bits)).collect();
        let codes: Vec<f32> = how.iter().map(|how| how.largest_code() as f32).collect();
        let largest: Vec<f32> =
            names.keys().zip(&codes).map(|(name, codes)| if clips(name) { 6.0 / codes } else { f32::MAX }).collect();
        let quantizers = (0..)
            .zip(how.iter().zip(&largest))
            .map(|(at, (how, &largest))| {
                let [scale, offset] = [&tensor_scales, &offsets].map(|range| leaf(range.start + at, &[1]));
                Quantizer::new(scale, offset, f64::from(largest), how.clone())
            })
            .collect();
        let store = Self {
            specs: specs.to_vec(),
            layers,
            quantizers,
            lsq,
            widths,
            tensor_widths: names.values().map(|bits| bits.value).collect(),
            layer_index: specs.iter().enumerate().map(|(at, spec)| (spec.name.clone(), at)).collect(),
            quantizer_index: names.into_keys().enumerate().map(|(at, name)| (name, at)).collect(),
            flat: Flat {
                values,
                grads,
                weights: all_weights,
                gains: all_gains,
                weight_scales,
                tensor_scales,
                offsets,
                largest_scales: Tensor::from_slice(&largest).to_device(place::here()),
                codes: Tensor::from_slice(&codes).to_device(place::here()),
            },
        };
        store.draw(seed);
        store
    }

    /// The flat tensors, for an optimiser.
    pub fn flat(&self) -> &Flat {
        &self.flat
    }

    /// Place of the layer `name` in `layers`.
    pub fn layer(&self, name: &str) -> Option<usize> {
        self.layer_index.get(name).copied()
    }

    /// Place of the quantizer of these bits among those of the weight of `layer`.
    pub fn scale(&self, layer: usize, bits: Option<u32>) -> Option<usize> {
        self.widths[layer].iter().position(|&width| width == bits)
    }

    /// Place of the quantizer of a tensor, by [`scale_key`].
    pub fn quantizer(&self, name: &str) -> Option<usize> {
        self.quantizer_index.get(name).copied()
    }

    /// Initial values. Each layer draws from a seed of its own, so that it does not depend on the others.
    fn draw(&self, seed: Seed) {
        for (spec, layer) in self.specs.iter().zip(&self.layers) {
            match layer {
                LayerWeights::Dense { weight, bias, .. } => {
                    let dims = weight_dims(spec);
                    let field: i64 = dims[2..].iter().product();
                    let std = match spec.layer {
                        // He's rule by outputs, as usual before batch norm and relu; groups count one at a time.
                        Layer::Conv { groups, depthwise, bias: false, .. } => {
                            let groups = if depthwise { dims[0] } else { groups as i64 };
                            (2.0 / (field * (dims[0] / groups).max(1)) as f64).sqrt()
                        }
                        // No batch norm mends the size of these: keep that of the input.
                        Layer::Conv { .. } => (1.0 / (field * dims[1]) as f64).sqrt(),
                        _ => 0.01,
                    };
                    // Drawn by the processor, so that they are the same on every card.
                    let zeros = || Tensor::zeros(&dims, (Kind::Float, Device::Cpu));
                    weight.detach().copy_(&seeded(seed.child(&spec.name), || zeros().normal_(0.0, std)));
                    if let Some(bias) = bias {
                        let _ = bias.detach().zero_();
                    }
                }
                LayerWeights::Norm { gamma, .. } | LayerWeights::LayerNorm { gamma, .. } => {
                    let _ = gamma.detach().fill_(1.0);
                }
            }
        }
    }

    /// Takes values from `weights`; keys as in [`Weights`], tensors at their largest. Quantizers may be missing: they are
    /// then set by the first data they see. Where the whole network had another number of bits, they keep their range.
    pub fn load(&self, weights: &Weights) -> Result<()> {
        self.take(weights, true)
    }

    /// The same, but what `weights` lack keeps its value.
    pub fn load_found(&self, weights: &Weights) -> Result<()> {
        self.take(weights, false)
    }

    fn take(&self, weights: &Weights, whole: bool) -> Result<()> {
        let _guard = no_grad_guard();
        let (weight_bits, activation_bits) = weights.bits();
        let before = Lsq { weight_bits, activation_bits, ..self.lsq.clone() };
        let finer = |own: i64, before: i64| own as f64 / before as f64;
        let weight_codes = finer(self.lsq.weight_codes().1, before.weight_codes().1);
        let codes = finer(self.lsq.largest_code(), before.largest_code());
        let fill = |key: String, tensor: &Tensor| -> Result<()> {
            if !whole && weights.get(&key).is_none() {
                return Ok(());
            }
            let shape: Vec<usize> = tensor.size().iter().map(|&size| size as usize).collect();
            let data = Tensor::from_slice(weights.need(&key, &shape)?);
            tensor.detach().copy_(&data.view_as(tensor));
            Ok(())
        };
        for (place, (spec, layer)) in self.specs.iter().zip(&self.layers).enumerate() {
            let name = &spec.name;
            match layer {
                LayerWeights::Dense { weight, bias, scales } => {
                    fill(format!("{name}.weight"), weight)?;
                    if let Some(bias) = bias {
                        fill(format!("{name}.bias"), bias)?;
                    }
                    for (scale, &bits) in scales.iter().zip(&self.widths[place]) {
                        let key = format!("{}.sw", scale_key(name, bits));
                        if let Some((shape, data)) = weights.get(&key) {
                            // One scale for all is as many that are equal.
                            let data = if shape == [1] { data } else { weights.need(&key, &[scale.value.numel()])? };
                            let finer = if bits.is_none() { weight_codes } else { 1.0 };
                            scale.set(&(Tensor::from_slice(data).to_device(scale.value.device()) / finer));
                        }
                    }
                }
                LayerWeights::Norm { gamma, beta, mean, var } => {
                    for (what, tensor) in [("gamma", gamma), ("beta", beta), ("mean", mean), ("var", var)] {
                        fill(format!("{name}.{what}"), tensor)?;
                    }
                }
                LayerWeights::LayerNorm { gamma, beta } => {
                    fill(format!("{name}.gamma"), gamma)?;
                    fill(format!("{name}.beta"), beta)?;
                }
            }
        }
        for (name, &at) in &self.quantizer_index {
            if weights.get(&format!("{name}.sa")).is_some() {
                let (scale, zero) = (weights.scalar(&format!("{name}.sa"))?, weights.scalar(&format!("{name}.zp"))?);
                let codes = if self.tensor_widths[at].is_some() { 1.0 } else { codes };
                self.quantizers[at].set(f64::from(scale) / codes, f64::from(zero) * codes);
            }
        }
        Ok(())
    }

    /// Which quantizers have their first values: those of weights, then those of tensors.
    pub fn readiness(&self) -> Vec<bool> {
        let weights = self.weight_scales().map(WeightScale::ready);
        weights.chain(self.quantizers.iter().map(Quantizer::ready)).collect()
    }

    /// Says which quantizers have their first values, in the order of [`Self::readiness`].
    pub fn set_readiness(&self, ready: &[bool]) {
        let mut ready = ready.iter().copied();
        self.weight_scales().zip(&mut ready).for_each(|(scale, ready)| scale.set_ready(ready));
        self.quantizers.iter().zip(ready).for_each(|(quantizer, ready)| quantizer.set_ready(ready));
    }

    fn weight_scales(&self) -> impl Iterator<Item = &WeightScale> {
        self.layers.iter().flat_map(|layer| match layer {
            LayerWeights::Dense { scales, .. } => scales.as_slice(),
            LayerWeights::Norm { .. } | LayerWeights::LayerNorm { .. } => &[],
        })
    }

    /// All values at their largest, to be loaded by a later job. Zero points are those learned, not yet rounded.
    pub fn save(&self) -> Weights {
        let mut weights = Weights::default();
        weights.set_bits(self.lsq.weight_bits, self.lsq.activation_bits);
        for (place, (spec, layer)) in self.specs.iter().zip(&self.layers).enumerate() {
            let name = &spec.name;
            match layer {
                LayerWeights::Dense { weight, bias, scales } => {
                    put(&mut weights, format!("{name}.weight"), weight);
                    if let Some(bias) = bias {
                        put(&mut weights, format!("{name}.bias"), bias);
                    }
                    for (scale, &bits) in scales.iter().zip(&self.widths[place]).filter(|(scale, _)| scale.ready()) {
                        put(&mut weights, format!("{}.sw", scale_key(name, bits)), &scale.value);
                    }
                }
                LayerWeights::Norm { gamma, beta, mean, var } => {
                    for (what, tensor) in [("gamma", gamma), ("beta", beta), ("mean", mean), ("var", var)] {
                        put(&mut weights, format!("{name}.{what}"), tensor);
                    }
                }
                LayerWeights::LayerNorm { gamma, beta } => {
                    put(&mut weights, format!("{name}.gamma"), gamma);
                    put(&mut weights, format!("{name}.beta"), beta);
                }
            }
        }
        for (name, &at) in &self.quantizer_index {
            let quantizer = &self.quantizers[at];
            if quantizer.ready() {
                let (scale, zero) = quantizer.numbers();
                weights.insert(format!("{name}.sa"), vec![1], vec![scale as f32]);
                weights.insert(format!("{name}.zp"), vec![1], vec![zero as f32]);
            }
        }
        weights
    }

    /// Lets quantizers that nothing has taught take their values from the next data.
    pub fn forget_covered(&self) {
        self.quantizers.iter().for_each(Quantizer::forget_covered);
    }

    /// Puts the parameters that learning may have moved out of their range back into it.
    pub fn keep_in_range(&self) {
        let flat = &self.flat;
        let part = |range: &Range<i64>| flat.values.narrow(0, range.start, range.end - range.start);
        let _ = part(&flat.weight_scales).clamp_min_(SMALLEST_SCALE);
        let mut scales = part(&flat.tensor_scales);
        let _ = scales.clamp_min_(SMALLEST_SCALE);
        let _ = scales.clamp_max_tensor_(&flat.largest_scales);
        if self.lsq.offset == Offset::Real {
            return;
        }
        // Zero points stay among the codes.
        let mut offsets = part(&flat.offsets);
        let lowest = -(&scales * &flat.codes);
        let _ = offsets.clamp_max_(0.0);
        let _ = offsets.clamp_min_tensor_(&lowest);
    }
}

/// A leaf that is a view of `values`, whose gradient is a view of `grads`.
fn parameter(values: &Tensor, grads: &Tensor, start: i64, dims: &[i64]) -> Tensor {
    let count = dims.iter().product();
    let mut leaf = Tensor::zeros(dims, (Kind::Float, values.device())).set_requires_grad(true);
    // Not a view in autograd's eyes: writing to one parameter leaves the others' history alone.
    leaf.set_data(&values.narrow(0, start, count).view(dims));
    // A first gradient, of zero, makes the tensor that is then pointed at its place among the others.
    tch::with_grad(|| leaf.sum(Kind::Float) * 0.0).backward();
    leaf.grad().set_data(&grads.narrow(0, start, count).view(dims));
    leaf
}

/// Copies `tensor` into `weights`.
pub fn put(weights: &mut Weights, key: String, tensor: &Tensor) {
    let shape = tensor.size().iter().map(|&size| size as usize).collect();
    weights.insert(key, shape, numbers(tensor));
}

/// The values of a tensor of floats.
pub fn numbers(tensor: &Tensor) -> Vec<f32> {
    let tensor = tensor.detach().to_device(Device::Cpu).contiguous();
    let mut data = vec![0.0; tensor.numel()];
    let count = data.len();
    tensor.view([-1]).copy_data(&mut data, count);
    data
}

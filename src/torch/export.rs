//! Concrete weights of one network: written for other lowerings, and read back to be run.

use std::path::Path;

use spaceevo::base::{Fault, Result};
use spaceevo::graph::{GraphFault, Layer, Weights, quantize, scale_key};
use spaceevo::train::{ExportNet, Forward};
use tch::{Tensor, no_grad_guard};

use super::batches::{Data, resize};
use super::evaluate;
use super::fault::job;
use super::forward::{Mode, Norms, Statistics, run as run_net, sliced};
use super::jobs::{WEIGHTS, store};
use super::net::{self, Kind};
use super::place;
use super::serve::Ears;
use super::store::{LayerWeights, Store, put};

/// Writes the sliced weights of `task.net` to `folder`.
pub fn export(task: &ExportNet, data: Option<&mut Data>, folder: &Path, ears: &Ears) -> Result<()> {
    let store = store(&task.pool, task.weights.as_ref(), task.seed)?;
    let (graph, _) = net::chained(&task.pool, &task.net.parts, task.net.resolution)?;
    let compiled = net::compile(&graph, &store, vec![graph.output])?;
    let statistics = match data {
        Some(data) => {
            let inputs = evaluate::train_batches(data, task.recalibrate, task.batch, task.seed)?;
            evaluate::gather(&compiled, &store, task.quantized, inputs.iter().map(|x| Ok(resize(x, task.net.resolution))))?
        }
        None => Statistics::new(),
    };
    ears.check()?;
    let _guard = no_grad_guard();
    // Other scales mean nothing to INT8 kernels.
    let scales = task.quantized && store.lsq.exports_int8();
    let mut weights = Weights::default();
    if scales {
        weights.set_bits(store.lsq.weight_bits, store.lsq.activation_bits);
    }
    for (node, op) in graph.nodes.iter().zip(&compiled.ops) {
        let name = &node.name;
        match &op.kind {
            Kind::Conv { weights: slice, .. } | Kind::Linear { weights: slice } => {
                if let LayerWeights::Dense { weight, bias, scales: steps } = &store.layers[slice.layer] {
                    put(&mut weights, format!("{name}.weight"), &sliced(slice, weight));
                    if let Some(bias) = bias {
                        put(&mut weights, format!("{name}.bias"), &slice.output.of(bias, 0));
                    }
                    if scales {
                        let scale = &steps[slice.scale];
                        scale.ready_or_cover(weight);
                        let key = scale_key(name, node.bits.weights);
                        put(&mut weights, format!("{key}.sw"), &scale.of(&slice.output));
                    }
                }
            }
            Kind::Norm { layer, channels, .. } => {
                if let LayerWeights::Norm { gamma, beta, mean, var } = &store.layers[*layer] {
                    put(&mut weights, format!("{name}.gamma"), &channels.of(gamma, 0));
                    put(&mut weights, format!("{name}.beta"), &channels.of(beta, 0));
                    let (mean, var) = match statistics.get(layer) {
                        Some((mean, var)) => (mean.shallow_clone(), var.shallow_clone()),
                        None => (channels.of(mean, 0), channels.of(var, 0)),
                    };
                    put(&mut weights, format!("{name}.mean"), &mean);
                    put(&mut weights, format!("{name}.var"), &var);
                }
            }
            Kind::LayerNorm { layer, channels } => {
                if let LayerWeights::LayerNorm { gamma, beta } = &store.layers[*layer] {
                    put(&mut weights, format!("{name}.gamma"), &channels.of(gamma, 0));
                    put(&mut weights, format!("{name}.beta"), &channels.of(beta, 0));
                }
            }
            _ => {}
        }
        if let (true, Some((place, zero_at_zero))) = (scales, op.quantizer) {
            let quantizer = &store.quantizers[place];
            if !quantizer.ready() {
                return Err(job(
                    format!("tensor `{name}` has no scale yet"),
                    "train with a quantized phase, or let at least one batch be used for recalibration",
                )
                .into());
            }
            let (scale, zero) = quantizer.rounded(zero_at_zero);
            let key = scale_key(name, node.bits.value);
            weights.insert(format!("{key}.sa"), vec![1], vec![scale as f32]);
            weights.insert(format!("{key}.zp"), vec![1], vec![zero as f32]);
        }
    }
    weights.save(&folder.join(WEIGHTS))
}

/// Runs concrete weights on given inputs; writes `outputs.safetensors` to `folder`.
pub fn forward(task: &Forward, folder: &Path, ears: &Ears) -> Result<()> {
    let graph = &task.graph;
    let specs: Vec<_> = graph.nodes[1..].iter().filter_map(|node| net::spec_of(graph, node)).collect();
    let store = Store::new(&specs, [("", graph)].into_iter(), task.lsq.clone(), spaceevo::base::Seed(0));
    let weights = Weights::load(&task.weights)?;
    store.load(&weights)?;
    if task.quantized {
        for quantizer in &quantize(graph).quantizers {
            for key in ["sa", "zp"] {
                weights.scalar(&format!("{}.{key}", quantizer.key()))?;
            }
        }
        for node in graph.nodes.iter().filter(|node| matches!(node.layer, Layer::Conv { .. } | Layer::Linear)) {
            let key = format!("{}.sw", scale_key(&node.name, node.bits.weights));
            weights.get(&key).ok_or_else(|| Fault::from(GraphFault::WeightMissing { name: key.clone() }))?;
        }
    }
    let inputs = Weights::load(&task.inputs)?;
    let (shape, data) = inputs.get("input").ok_or_else(|| Fault::from(GraphFault::WeightMissing { name: "input".into() }))?;
    let dims: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
    let [_, channels, ..] = dims[..] else {
        return Err(job(format!("the input has shape {shape:?}, not [N, C, H, W]"), "give a batch of maps").into());
    };
    if dims.len() != 4 || channels as usize != graph.input_shape().c() {
        return Err(job(
            format!("the input has shape {shape:?}, the network takes [N, {}, H, W]", graph.input_shape().c()),
            "give a batch of maps",
        )
        .into());
    }
    ears.check()?;
    let _guard = no_grad_guard();
    let x = Tensor::from_slice(data).to_device(place::here()).view(dims.as_slice());
    let compiled = net::compile(graph, &store, vec![graph.output])?;
    let out = run_net(&compiled, &store, &x, Mode::float32(task.quantized), Norms::Stored).swap_remove(0);
    let mut outputs = Weights::default();
    put(&mut outputs, "output".into(), &out);
    outputs.save(&folder.join("outputs.safetensors"))
}

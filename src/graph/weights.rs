//! Weights: what an elastic union of configurations holds, and the concrete numbers of one network.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Channels, Graph, GraphFault, Layer, MOST_BITS, Part};
use crate::base::{Fault, Result, write_atomic};

/// Key of the bits of weights and maps.
const BITS: &str = "lsq.bits";

/// One layer's weights at their largest, over all configurations that share them by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightSpec {
    /// Full layer name, for example `stage1.b0.expand`.
    pub name: String,
    /// The layer, with the largest kernel.
    pub layer: Layer,
    /// Largest input channels.
    pub input: Channels,
    /// Largest output channels.
    pub output: Channels,
}

/// The union of the weights of `parts` by layer name: each at its largest. Order is that of first appearance.
/// Fails when one name stands for two kinds of layer.
pub fn union_weights<'a>(parts: impl IntoIterator<Item = Part<'a>>) -> Result<Vec<WeightSpec>> {
    let mut specs: Vec<WeightSpec> = Vec::new();
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    for part in parts {
        for node in &part.graph.nodes[1..] {
            if !node.layer.has_weights() {
                continue;
            }
            let input = part.graph.nodes[node.inputs[0]].shape.channels.clone();
            let output = if node.layer.is_norm() { input.clone() } else { node.shape.channels.clone() };
            let name = part.name_of(node);
            let Some(&at) = place.get(&name) else {
                place.insert(name.clone(), specs.len());
                specs.push(WeightSpec { name, layer: node.layer.clone(), input, output });
                continue;
            };
            let spec = &mut specs[at];
            let before = spec.layer.clone();
            match (&mut spec.layer, &node.layer) {
                (
                    Layer::Conv { kernel, groups, depthwise, bias, .. },
                    Layer::Conv { kernel: other, groups: other_groups, depthwise: other_depthwise, bias: other_bias, .. },
                ) if depthwise == other_depthwise && bias == other_bias && (*depthwise || groups == other_groups) => {
                    *kernel = (*kernel).max(*other);
                    *groups = (*groups).max(*other_groups);
                }
                (Layer::Linear, Layer::Linear) => {}
                (norm, _) if norm.is_norm() && before == node.layer => {}
                _ => return Err(GraphFault::KindChanges { name, first: kind(&before), second: kind(&node.layer) }.into()),
            }
            let segments = || GraphFault::KindChanges {
                name: name.clone(),
                first: format!("fed by {} segments", spec.input.0.len()),
                second: format!("fed by {}", input.0.len()),
            };
            let (wider_in, wider_out) = (spec.input.union(&input), spec.output.union(&output));
            let (Some(wider_in), Some(wider_out)) = (wider_in, wider_out) else { return Err(segments().into()) };
            spec.input = wider_in;
            spec.output = wider_out;
        }
    }
    Ok(specs)
}

fn kind(layer: &Layer) -> String {
    match layer {
        Layer::Conv { depthwise: true, bias, .. } => format!("a depthwise convolution{}", with_bias(*bias)),
        Layer::Conv { groups, bias, .. } => format!("a convolution in {groups} groups{}", with_bias(*bias)),
        Layer::BatchNorm { epsilon } => format!("a batch norm of epsilon {epsilon}"),
        other => format!("a {} layer", other.label()),
    }
}

fn with_bias(bias: bool) -> &'static str {
    if bias { " with bias" } else { "" }
}

/// The numbers of one concrete network.
///
/// Keys: `LAYER.weight`, `LAYER.bias`; layer norm `LAYER.gamma`, `.beta`; batch norm these and `.mean`, `.var`;
/// weight quantizer `LAYER.sw`, one number, or one for each output channel of a convolution; tensor quantizer `NODE.sa` (scale)
/// and `NODE.zp` (zero point), one number each; `lsq.bits`, two numbers: the bits of weights and of maps. Quantizers of layers with
/// bits of their own are called by [`scale_key`](super::scale_key).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Weights {
    /// Adds or replaces a tensor.
    pub fn insert(&mut self, key: impl Into<String>, shape: Vec<usize>, data: Vec<f32>) {
        self.tensors.insert(key.into(), (shape, data));
    }

    /// All tensors by key, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        self.tensors.iter().map(|(key, (shape, data))| (key.as_str(), shape.as_slice(), data.as_slice()))
    }

    /// The tensor `key` if it is there.
    pub fn get(&self, key: &str) -> Option<(&[usize], &[f32])> {
        self.tensors.get(key).map(|(shape, data)| (shape.as_slice(), data.as_slice()))
    }

    /// The tensor `key`, which must have `shape`.
    pub fn need(&self, key: &str, shape: &[usize]) -> Result<&[f32]> {
        let (found, data) = self.get(key).ok_or_else(|| GraphFault::WeightMissing { name: key.into() })?;
        if found != shape {
            return Err(GraphFault::WeightShape { name: key.into(), found: found.to_vec(), needed: shape.to_vec() }.into());
        }
        Ok(data)
    }

    /// Says with how many bits of weights and of maps the whole network was quantized.
    pub fn set_bits(&mut self, weights: u32, maps: u32) {
        self.insert(BITS, vec![2], vec![weights as f32, maps as f32]);
    }

    /// With how many bits of weights and of maps the whole network was quantized: 8 where nothing is said.
    pub fn bits(&self) -> (u32, u32) {
        match self.get(BITS) {
            Some((_, &[weights, maps])) => (weights as u32, maps as u32),
            _ => (MOST_BITS, MOST_BITS),
        }
    }

    /// The single number `key`.
    pub fn scalar(&self, key: &str) -> Result<f32> {
        match self.get(key) {
            Some((_, [value])) => Ok(*value),
            Some((shape, _)) => Err(GraphFault::WeightShape { name: key.into(), found: shape.to_vec(), needed: vec![1] }.into()),
            None => Err(GraphFault::WeightMissing { name: key.into() }.into()),
        }
    }

    /// Writes a safetensors file (all tensors F32).
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomic(path, &self.to_bytes().map_err(|fault| fault.during(&path.display().to_string()))?)
    }

    /// The bytes of a safetensors file: the same ones for the same tensors.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let refused =
            |error: &dyn std::fmt::Display| Fault::new("file::weights", format!("the weights make no file: {error}"), "");
        let bytes: BTreeMap<&str, Vec<u8>> = self
            .tensors
            .iter()
            .map(|(key, (_, data))| (key.as_str(), data.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let views = self.tensors.iter().map(|(key, (shape, _))| {
            let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), &bytes[key.as_str()]);
            view.map(|view| (key.clone(), view)).map_err(|error| refused(&error))
        });
        let views: Vec<_> = views.collect::<Result<_>>()?;
        safetensors::serialize(views, None).map_err(|error| refused(&error))
    }

    /// Reads a safetensors file of F32 tensors.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Fault::file("read", path, &error))?;
        let file = safetensors::SafeTensors::deserialize(&bytes).map_err(|error| unreadable(path, &error))?;
        let mut weights = Self::default();
        for (key, view) in file.tensors() {
            if view.dtype() != safetensors::Dtype::F32 {
                return Err(unreadable(path, &format!("tensor `{key}` is {:?}, not F32", view.dtype())));
            }
            let data = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            weights.insert(key, view.shape().to_vec(), data);
        }
        Ok(weights)
    }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(
        "file::weights",
        format!("`{}` is not a weights file: {error}", path.display()),
        "it may be cut short: delete it, it will be made again",
    )
}

impl Graph {
    /// This graph as the one part of a chain.
    pub fn part<'a>(&'a self, prefix: &'a str) -> Part<'a> {
        Part { prefix, graph: self }
    }
}

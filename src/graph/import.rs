//! Published weights: files whose tensors have other names, and sometimes other types and shapes, than those of the lab.

use std::collections::BTreeSet;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::{Graph, Layer, Network, Node, Weights};
use crate::base::{Fault, Result};

/// Steps that a batch norm was trained for: part of PyTorch's files, of no use here.
const COUNTERS: &str = ".num_batches_tracked";
/// Ends of the names of quantizers' numbers, which only the lab's own files have.
const QUANTIZERS: [&str; 4] = [".sw", ".sa", ".zp", "lsq.bits"];

/// How a tensor of a file and a network differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlike {
    /// The network needs it, the file does not have it.
    Missing,
    /// The file has it in another shape.
    Shape,
    /// The file has it, the network has no place for it.
    LeftOver,
}

impl Unlike {
    /// In words: `missing`, `wrong shape`, `left over`.
    pub fn words(self) -> &'static str {
        match self {
            Unlike::Missing => "missing",
            Unlike::Shape => "wrong shape",
            Unlike::LeftOver => "left over",
        }
    }
}

/// One difference between a file of weights and a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What is wrong.
    pub unlike: Unlike,
    /// The tensor, as the file calls it or should.
    pub tensor: String,
    /// The layer that it belongs to, if there is one.
    pub layer: Option<String>,
    /// Its shape in the file.
    pub found: Option<Vec<usize>>,
    /// The shape that the network needs.
    pub needed: Option<Vec<usize>>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<11} {}", self.unlike.words(), self.tensor)?;
        match (&self.found, &self.needed) {
            (Some(found), Some(needed)) => write!(f, "  {} for {}", dims(found), dims(needed)),
            (Some(shape), None) | (None, Some(shape)) => write!(f, "  {}", dims(shape)),
            (None, None) => Ok(()),
        }
    }
}

/// A shape as people write it: `64x3x7x7`.
pub fn dims(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

/// What a file gave for a network.
#[derive(Debug, Clone)]
pub struct Import {
    /// The tensors that fit, under the lab's names.
    pub weights: Weights,
    /// Everything that did not fit, in the order of the layers; what is left over comes last.
    pub differences: Vec<Difference>,
}

impl Network {
    /// The weights of this network among the tensors of a file. Names are those of one of the sources that the network knows
    /// (see [`Network::published`]), or the lab's own: whichever finds most. Shapes may differ by sides of 1 at the end.
    pub fn import(&self, file: &Weights) -> Import {
        let sources = self.published.values().map(Vec::len).max().unwrap_or(0);
        let found = |source: &Option<usize>| {
            let names = self.tensors().filter(|wanted| file.get(&self.called(wanted, *source)).is_some());
            names.count()
        };
        // Of equals the first: published names before the lab's own.
        let source = (0..sources).map(Some).chain([None]).rev().max_by_key(found).flatten();
        let (mut weights, mut differences) = (Weights::default(), Vec::new());
        let mut used = BTreeSet::new();
        for wanted in self.tensors() {
            let tensor = self.called(&wanted, source);
            let layer = Some(wanted.node.name.clone());
            let needed = Some(wanted.shape.clone());
            match file.get(&tensor) {
                None => differences.push(Difference { unlike: Unlike::Missing, tensor, layer, found: None, needed }),
                Some((shape, _)) if essential(shape) != essential(&wanted.shape) => {
                    used.insert(tensor.clone());
                    differences.push(Difference { unlike: Unlike::Shape, tensor, layer, found: Some(shape.to_vec()), needed });
                }
                Some((_, data)) => {
                    weights.insert(format!("{}.{}", wanted.node.name, wanted.own), wanted.shape, data.to_vec());
                    used.insert(tensor);
                }
            }
        }
        for (tensor, shape, data) in file.iter().filter(|(key, ..)| !used.contains(*key) && !key.ends_with(COUNTERS)) {
            if source.is_none() && QUANTIZERS.iter().any(|end| tensor.ends_with(end)) {
                weights.insert(tensor, shape.to_vec(), data.to_vec());
                continue;
            }
            let (tensor, found) = (tensor.to_string(), Some(shape.to_vec()));
            differences.push(Difference { unlike: Unlike::LeftOver, tensor, layer: None, found, needed: None });
        }
        Import { weights, differences }
    }

    /// All tensors that the network needs, in the order of its layers.
    fn tensors(&self) -> impl Iterator<Item = Wanted<'_>> {
        self.graph.nodes.iter().flat_map(|node| wanted(&self.graph, node))
    }

    /// What the files of a source call a tensor; without a source, what the lab calls it. A layer with fewer names than
    /// others has the same one in several sources.
    fn called(&self, wanted: &Wanted<'_>, source: Option<usize>) -> String {
        let layer = &wanted.node.name;
        match (source, self.published.get(layer)) {
            (Some(source), Some(names)) => format!("{}.{}", names[source.min(names.len() - 1)], wanted.theirs),
            _ => format!("{layer}.{}", wanted.own),
        }
    }
}

/// A tensor that a layer needs.
struct Wanted<'a> {
    node: &'a Node,
    /// End of its name here.
    own: &'static str,
    /// End of its name in PyTorch.
    theirs: &'static str,
    shape: Vec<usize>,
}

fn wanted<'a>(graph: &'a Graph, node: &'a Node) -> Vec<Wanted<'a>> {
    let (cin, cout) = (node.inputs.first().map_or(0, |&from| graph.nodes[from].shape.c()), node.shape.c());
    let tensor = |own, theirs, shape| Wanted { node, own, theirs, shape };
    match node.layer {
        Layer::Conv { kernel, groups, bias, .. } => {
            let mut tensors = vec![tensor("weight", "weight", vec![cout, cin / groups, kernel, kernel])];
            tensors.extend(bias.then(|| tensor("bias", "bias", vec![cout])));
            tensors
        }
        Layer::Linear => vec![tensor("weight", "weight", vec![cout, cin]), tensor("bias", "bias", vec![cout])],
        Layer::BatchNorm { .. } => {
            let pairs = [("gamma", "weight"), ("beta", "bias"), ("mean", "running_mean"), ("var", "running_var")];
            pairs.into_iter().map(|(own, theirs)| tensor(own, theirs, vec![cout])).collect()
        }
        Layer::LayerNorm => vec![tensor("gamma", "weight", vec![cout]), tensor("beta", "bias", vec![cout])],
        _ => vec![],
    }
}

/// A shape without sides of 1 at its end: a dense layer may be written as a 1x1 convolution.
fn essential(shape: &[usize]) -> &[usize] {
    let end = shape.iter().rposition(|&side| side != 1).map_or(0, |at| at + 1);
    &shape[..end]
}

/// Reads a safetensors file of floats of any usual width; counters of PyTorch's batch norms are passed over.
pub fn load_published(path: &Path) -> Result<Weights> {
    let bytes = std::fs::read(path).map_err(|error| Fault::file("read", path, &error))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| {
        Fault::new(
            "weights::format",
            format!("`{}` is not a safetensors file: {error}", path.display()),
            "PyTorch's own `.pth` files must be converted first: \
             `safetensors.torch.save_file(torch.load(\"x.pth\", weights_only=True), \"x.safetensors\")` in Python",
        )
    })?;
    let mut weights = Weights::default();
    for (key, view) in file.iter().filter(|(key, _)| !key.ends_with(COUNTERS)) {
        let data = view.data();
        let numbers = match view.dtype() {
            Dtype::F32 => data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            Dtype::F64 => data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect(),
            Dtype::F16 => data.as_chunks().0.iter().map(|bytes| half(u16::from_le_bytes(*bytes))).collect(),
            Dtype::BF16 => data.as_chunks().0.iter().map(|&[low, high]| f32::from_le_bytes([0, 0, low, high])).collect(),
            other => {
                return Err(Fault::new(
                    "weights::format",
                    format!("tensor `{key}` of `{}` is {other:?}, not of floats", path.display()),
                    "take the file of the network before it was quantized",
                ));
            }
        };
        weights.insert(key, view.shape().to_vec(), numbers);
    }
    Ok(weights)
}

/// The value of a 16-bit float: one bit of sign, five of exponent, ten of fraction.
fn half(bits: u16) -> f32 {
    let (sign, exponent) = (if bits >> 15 == 0 { 1.0 } else { -1.0 }, i32::from(bits >> 10 & 0x1f));
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    sign * match exponent {
        0 => fraction * 2.0_f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2.0_f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Builder, ConvOptions, Marks, Shape};

    /// A convolution with batch norm and a dense layer, each with two published names but the last.
    fn small() -> Network {
        let mut net = Builder::new(Shape::new(3, 4, 4));
        let conv = net.conv(0, "stem", 8, ConvOptions { kernel: 3, ..ConvOptions::default() }).expect("fits");
        let norm = net.bn(conv, None).expect("fits");
        let pool = net.global_pool(norm, "pool").expect("fits");
        let logits = net.linear(pool, "logits", 5).expect("fits");
        let names = [("stem", vec!["f.0", "conv_stem"]), ("stem.bn", vec!["f.1", "bn1"]), ("logits", vec!["fc"])];
        let published = names.into_iter().map(|(own, theirs)| (own.into(), theirs.into_iter().map(Into::into).collect()));
        let marks = Marks { taps: vec![], published: published.collect() };
        Network::new("small", net.finish(logits), marks).expect("is whole")
    }

    fn file(tensors: &[(&str, &[usize])]) -> Weights {
        let mut file = Weights::default();
        for (at, (key, shape)) in tensors.iter().enumerate() {
            file.insert(*key, shape.to_vec(), vec![at as f32; shape.iter().product()]);
        }
        file
    }

    #[test]
    fn tensors_are_found_by_the_names_of_either_source() {
        for [conv, norm] in [["f.0", "f.1"], ["conv_stem", "bn1"]] {
            let names = ["weight", "bias", "running_mean", "running_var"].map(|part| format!("{norm}.{part}"));
            let mut tensors = vec![(format!("{conv}.weight"), vec![8, 3, 3, 3])];
            tensors.extend(names.map(|name| (name, vec![8])));
            tensors.push(("fc.weight".into(), vec![5, 8, 1, 1]));
            tensors.push(("fc.bias".into(), vec![5]));
            tensors.push((format!("{norm}.num_batches_tracked"), vec![]));
            let tensors: Vec<_> = tensors.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
            let import = small().import(&file(&tensors));
            assert!(import.differences.is_empty(), "{:?}", import.differences);
            let value = |key: &str| import.weights.get(key).map(|(shape, data)| (shape.to_vec(), data[0]));
            assert_eq!(value("stem.weight"), Some((vec![8, 3, 3, 3], 0.0)));
            assert_eq!(value("stem.bn.gamma"), Some((vec![8], 1.0)));
            assert_eq!(value("stem.bn.var"), Some((vec![8], 4.0)));
            assert_eq!(value("logits.weight"), Some((vec![5, 8], 5.0)));
            // What came out goes in again, with the numbers of quantizers that were learned since.
            let mut own = import.weights.clone();
            own.insert("stem.sw", vec![8], vec![0.1; 8]);
            own.insert("lsq.bits", vec![2], vec![4.0, 8.0]);
            let again = small().import(&own);
            assert_eq!((again.weights, again.differences), (own, vec![]));
        }
    }

    #[test]
    fn every_difference_is_named() {
        let import = small().import(&file(&[
            ("f.0.weight", &[8, 3, 5, 5]),
            ("f.1.weight", &[8]),
            ("f.1.bias", &[8]),
            ("f.1.running_mean", &[8]),
            ("fc.weight", &[5, 8]),
            ("fc.bias", &[5]),
            ("aux.weight", &[2]),
        ]));
        let lines: Vec<_> = import.differences.iter().map(ToString::to_string).collect();
        let wanted =
            ["wrong shape f.0.weight  8x3x5x5 for 8x3x3x3", "missing     f.1.running_var  8", "left over   aux.weight  2"];
        assert_eq!(lines, wanted);
        assert!(import.weights.get("stem.weight").is_none() && import.weights.get("logits.bias").is_some());
    }

    #[test]
    fn halves_are_read() {
        let values = [0x3c00, 0xc000, 0x3555, 0x0001, 0x7c00].map(half);
        for (value, wanted) in values.into_iter().zip([1.0, -2.0, 0.333_25, 5.960_464_5e-8]) {
            assert!((value / wanted - 1.0_f32).abs() < 1e-4, "{value} for {wanted}");
        }
        assert!(values[4].is_infinite());
    }
}

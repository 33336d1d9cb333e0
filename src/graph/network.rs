//! A fixed network: a graph with a name, the places where its features are read, and its layers' names in published weights.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Graph, GraphFault, Layer, NodeId};
use crate::base::Result;

/// A place in a network where its features are read, for example the end of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapPoint {
    /// Name of the features, for example `stage1`.
    pub name: String,
    /// The node that writes them.
    pub node: NodeId,
}

/// One fixed network, without weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// What scripts call it.
    pub name: String,
    /// Its layers.
    pub graph: Arc<Graph>,
    /// Where its features are read, in the order of its layers.
    pub taps: Vec<TapPoint>,
    /// For layers with weights: what published files of weights call them, by the layer's own name. Where they have several
    /// names, each place in the list stands for one source of files.
    pub published: BTreeMap<String, Vec<String>>,
}

/// What is noted of a network while it is built, by the names of nodes.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Name of the features, and the node that writes them.
    pub taps: Vec<(String, String)>,
    /// The layer's own name, and those in published weights.
    pub published: Vec<(String, Vec<String>)>,
}

impl Network {
    /// A network with what was noted of it. Fails for two taps of one name, two layers with one name in published weights, a
    /// layer that has none (`Marks::published` must be empty or name every layer with weights), and marks at layers that
    /// the result does not need.
    pub fn new(name: &str, graph: Graph, marks: Marks) -> Result<Self> {
        let places: BTreeMap<&str, NodeId> = graph.nodes.iter().enumerate().map(|(id, node)| (node.name.as_str(), id)).collect();
        let mut taps: Vec<TapPoint> = Vec::new();
        for (tap, layer) in marks.taps {
            let lost = || GraphFault::MarkLost { mark: format!("tap `{tap}`"), layer: layer.clone() };
            let node = *places.get(layer.as_str()).ok_or_else(lost)?;
            if taps.iter().any(|other| other.name == tap) {
                return Err(GraphFault::MarkTwice { mark: format!("tap `{tap}`") }.into());
            }
            taps.push(TapPoint { name: tap, node });
        }
        taps.sort_by_key(|tap| tap.node);
        let mut published: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for (layer, theirs) in marks.published {
            let first = theirs.first().cloned().unwrap_or_default();
            if !places.contains_key(layer.as_str()) {
                return Err(GraphFault::MarkLost { mark: format!("published name `{first}`"), layer }.into());
            }
            let twice = theirs.iter().find(|name| !taken.insert((*name).clone())).cloned();
            if let Some(twice) = twice.or_else(|| published.contains_key(&layer).then_some(first)) {
                return Err(GraphFault::MarkTwice { mark: format!("published name `{twice}`") }.into());
            }
            published.insert(layer, theirs);
        }
        let nameless = graph.nodes.iter().find(|node| node.layer.has_weights() && !published.contains_key(&node.name));
        if let Some(node) = nameless.filter(|_| !published.is_empty()) {
            return Err(GraphFault::Nameless { layer: node.name.clone() }.into());
        }
        Ok(Self { name: name.into(), graph: Arc::new(graph), taps, published })
    }

    /// How many cells of the image lie between two neighbours of the map at node `at`, along one side: the product of the
    /// strides on the way there. A map of one cell stands for the whole image.
    pub fn stride_at(&self, at: NodeId) -> usize {
        let mut strides: Vec<usize> = Vec::with_capacity(at + 1);
        for node in &self.graph.nodes[..=at] {
            // Where a map is scaled by one cell, it is the map that goes on.
            let from = node.inputs.iter().map(|&input| strides[input]).min().unwrap_or(1);
            strides.push(match node.layer {
                Layer::Conv { stride, .. } | Layer::MaxPool { stride, .. } | Layer::AvgPool { stride, .. } => from * stride,
                Layer::GlobalPool => self.graph.input_shape().h,
                _ => from,
            });
        }
        strides[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Builder, ConvOptions, Shape};

    fn marked(taps: &[(&str, &str)], published: &[(&str, &str)]) -> Result<Network> {
        let mut net = Builder::new(Shape::new(3, 37, 37));
        let stem = net.conv(0, "stem", 8, ConvOptions { kernel: 3, stride: 2, ..ConvOptions::default() })?;
        let norm = net.bn(stem, None)?;
        net.conv(norm, "unused", 8, ConvOptions::default())?;
        let taps = taps.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        let published = published.iter().map(|(a, b)| ((*a).into(), vec![(*b).into()])).collect();
        Network::new("small", net.finish(norm), Marks { taps, published })
    }

    #[test]
    fn marks_are_found_by_the_names_of_layers() {
        let net = marked(&[("end", "stem.bn"), ("begin", "input")], &[("stem", "conv1"), ("stem.bn", "bn1")]).expect("fits");
        let taps: Vec<_> = net.taps.iter().map(|tap| (tap.name.as_str(), net.stride_at(tap.node))).collect();
        assert_eq!(taps, [("begin", 1), ("end", 2)]);
        assert_eq!(net.published["stem.bn"], ["bn1"]);
    }

    #[test]
    fn marks_that_mean_nothing_are_refused() {
        let code = |taps: &[(&str, &str)], published: &[(&str, &str)]| marked(taps, published).expect_err("refused").code;
        assert_eq!(code(&[("end", "unused")], &[]), "graph::mark_lost");
        assert_eq!(code(&[("end", "stem"), ("end", "stem.bn")], &[]), "graph::mark_twice");
        assert_eq!(code(&[], &[("stem", "conv1"), ("stem.bn", "conv1")]), "graph::mark_twice");
        assert_eq!(code(&[], &[("unused", "conv2")]), "graph::mark_lost");
        assert_eq!(code(&[], &[("stem", "conv1")]), "graph::nameless");
    }
}

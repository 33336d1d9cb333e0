//! Why INT8 is fast or slow: the nodes that a runtime really runs, and what it runs in floats.

use std::collections::{HashMap, HashSet};

use super::ort::{optimised, timing_model};
use crate::base::Result;
use crate::graph::Graph;
use crate::onnx::{FileNode, Int8Weights, Precision, nodes};

/// Channels that one step of the integer kernels is wide.
const STEP: usize = 16;

/// In what a node computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// In 8-bit integers.
    Int8,
    /// In floats.
    Float,
    /// It leads from floats to integers or back.
    Border,
    /// It only moves values.
    Moves,
}

impl Where {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Where::Int8 => "int8",
            Where::Float => "float",
            Where::Border => "border",
            Where::Moves => "moves",
        }
    }
}

/// A node of the optimised graph.
#[derive(Debug, Clone, PartialEq)]
pub struct RunNode {
    /// The runtime's operator.
    pub op: String,
    /// The layer that it comes from, as far as names tell.
    pub layer: String,
    /// In what it computes.
    pub runs_in: Where,
    /// Whether it is inside the integer part: neither the way in nor the way out.
    pub inside: bool,
    /// Shape of a convolution's weight, empty for others.
    pub weight: Vec<usize>,
    /// Why it is slow; empty if nothing is wrong with it.
    pub reason: String,
}

fn runs_in(op: &str) -> Where {
    match op {
        "QuantizeLinear" | "DequantizeLinear" => Where::Border,
        "Transpose" | "Reshape" | "Flatten" | "Slice" | "Split" | "Concat" | "MaxPool" | "Identity" | "ReorderInput"
        | "ReorderOutput" | "Squeeze" | "Unsqueeze" | "NhwcMaxPool" => Where::Moves,
        _ if op.starts_with("QLinear") || matches!(op, "QGemm" | "ConvInteger" | "MatMulInteger" | "MatMulIntegerToFloat") => {
            Where::Int8
        }
        _ => Where::Float,
    }
}

/// The nodes that ONNX Runtime runs for `graph` in INT8 on this machine.
pub fn explain_int8(graph: &Graph, weights: Int8Weights) -> Result<Vec<RunNode>> {
    let nodes = nodes(&optimised(&timing_model(graph, Precision::Int8, weights)?)?)?;
    Ok(explain(&nodes))
}

/// What is to be said of the nodes of an optimised model.
fn explain(nodes: &[FileNode]) -> Vec<RunNode> {
    let writer: HashMap<&str, usize> =
        nodes.iter().enumerate().flat_map(|(at, node)| node.outputs.iter().map(move |name| (name.as_str(), at))).collect();
    // The way in ends where the first integers are; the way out begins where no integers follow.
    let before = reached(nodes, &writer, false);
    let after = reached(nodes, &writer, true);
    nodes
        .iter()
        .enumerate()
        .map(|(at, node)| {
            let own = runs_in(&node.op);
            let inside = before.contains(&at) && after.contains(&at);
            let weight = node.weights.first().cloned().unwrap_or_default();
            let reason = match own {
                Where::Int8 => slow_integers(node, &weight),
                Where::Float if inside => float_inside(node),
                Where::Float if node.op.contains("Gemm") || node.op.contains("Conv") => {
                    "no integers around it: it runs in floats".into()
                }
                Where::Border if inside => "a border inside the network, around a layer in floats".into(),
                Where::Border | Where::Float | Where::Moves => String::new(),
            };
            let layer = node.outputs.first().and_then(|name| name.split('/').next()).unwrap_or_default().to_string();
            RunNode { op: node.op.clone(), layer, runs_in: own, inside, weight, reason }
        })
        .collect()
}

/// Nodes that have integer arithmetic before them, or (`backwards`) behind them.
fn reached(nodes: &[FileNode], writer: &HashMap<&str, usize>, backwards: bool) -> HashSet<usize> {
    let mut reached = HashSet::new();
    let reads = |node: &FileNode| node.inputs.iter().filter_map(|name| writer.get(name.as_str()).copied()).collect::<Vec<_>>();
    // Files are written in an order in which each node comes after what it reads.
    let order: Vec<usize> = if backwards { (0..nodes.len()).rev().collect() } else { (0..nodes.len()).collect() };
    for at in order {
        for from in reads(&nodes[at]) {
            let (source, target) = if backwards { (at, from) } else { (from, at) };
            if runs_in(&nodes[source].op) == Where::Int8 || reached.contains(&source) {
                reached.insert(target);
            }
        }
    }
    reached
}

fn float_inside(node: &FileNode) -> String {
    match node.op.as_str() {
        "HardSwish" | "HardSigmoid" | "Sigmoid" | "QuickGelu" | "Gelu" | "Mul" | "FusedMul" | "LayerNormalization"
        | "Softmax" => "no integer kernel: computed in floats between a dequantizer and a quantizer".into(),
        op if op.contains("Conv") || op.contains("Gemm") || op.contains("MatMul") || op == "Add" => {
            "not fused with its quantizers: it runs in floats although an integer kernel exists".into()
        }
        _ => "computed in floats between integer layers".into(),
    }
}

fn slow_integers(node: &FileNode, weight: &[usize]) -> String {
    let &[cout, cin, ..] = weight else { return String::new() };
    if node.groups > 1 && cin == 1 {
        return "depthwise: one channel at a time leaves dot products nothing to sum".into();
    }
    if node.groups > 1 {
        return "in groups: short dot products".into();
    }
    let off = |width: usize, what: &str| {
        (!width.is_multiple_of(STEP))
            .then(|| format!("{width} {what} channels are off the step of {STEP}: the last one is partly empty"))
    };
    match (off(cin, "input"), off(cout, "output")) {
        (Some(cin), Some(cout)) => format!("{cin}; {cout}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op: &str, input: &str, output: &str) -> FileNode {
        FileNode { op: op.into(), inputs: vec![input.into()], outputs: vec![output.into()], weights: vec![], groups: 1 }
    }

    #[test]
    fn floats_between_integers_are_told_from_the_ways_in_and_out() {
        let conv = |input: &str, output: &str, dims: [usize; 4]| FileNode {
            weights: vec![dims.to_vec()],
            ..node("QLinearConv", input, output)
        };
        let nodes = [
            node("QuantizeLinear", "input", "a"),
            conv("a", "b", [24, 16, 1, 1]),
            node("DequantizeLinear", "b", "c"),
            node("HardSigmoid", "c", "act/d"),
            node("QuantizeLinear", "act/d", "e"),
            conv("e", "f", [32, 32, 3, 3]),
            node("DequantizeLinear", "f", "output"),
        ];
        let found = explain(&nodes);
        let inside: Vec<_> = found.iter().map(|node| node.inside).collect();
        // The first and the last convolution have integers on one side only.
        assert_eq!(inside, [false, false, true, true, true, false, false]);
        assert!(found[1].reason.starts_with("24 output channels"), "{}", found[1].reason);
        assert!(found[3].reason.starts_with("no integer kernel") && found[3].layer == "act");
        assert!(found[2].reason.contains("inside") && found[0].reason.is_empty() && found[6].reason.is_empty());
        assert_eq!((found[5].runs_in, found[5].reason.as_str()), (Where::Int8, ""));
    }
}

//! Layers put together as an integer runtime runs them.

use super::number;
use crate::graph::{Graph, Layer, explain, quantize};

/// What a box mostly computes, shown by its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hue {
    Conv,
    Depthwise,
    Dense,
    Pool,
    Other,
}

/// One kernel: a layer with those that are computed in the same go.
#[derive(Debug, Clone)]
pub(super) struct Boxed {
    pub hue: Hue,
    /// What stands at the left and at the right of each line.
    pub lines: Vec<(String, String)>,
    /// Boxes that it reads, in order.
    pub inputs: Vec<usize>,
    /// Whether its result is rounded to 8 bits.
    pub rounded: bool,
}

/// The boxes of `graph`, each after what it reads. A layer joins the box before it where nothing else reads that box's
/// value and no quantizer stands between them.
pub(super) fn boxes(graph: &Graph) -> Vec<Boxed> {
    let (plan, readers) = (quantize(graph), graph.readers());
    let mut home: Vec<usize> = Vec::with_capacity(graph.nodes.len());
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (id, node) in graph.nodes.iter().enumerate() {
        let inside = match node.inputs.as_slice() {
            [from] => plan.value[*from].is_none() && readers[*from].len() == 1 && *from != graph.output,
            _ => false,
        };
        let at = if inside { home[node.inputs[0]] } else { members.len() };
        if at == members.len() {
            members.push(Vec::new());
        }
        members[at].push(id);
        home.push(at);
    }
    let rows = explain(graph);
    members
        .iter()
        .map(|nodes| {
            let (first, last) = (nodes[0], nodes[nodes.len() - 1]);
            let sum = |pick: fn(&crate::graph::LayerRow) -> f64| nodes.iter().map(|&id| pick(&rows[id])).sum::<f64>();
            let costs = [(sum(|row| row.mflops), "MFLOPs"), (sum(|row| row.kparams), "k params")];
            let costs = costs.iter().filter(|(cost, _)| *cost > 0.0).map(|(cost, unit)| format!("{} {unit}", number(*cost)));
            let mut costs = costs.collect::<Vec<_>>().into_iter();
            let layer = |id: usize| times(&rows[id].layer);
            let then: Vec<String> = nodes[1..].iter().map(|&id| layer(id)).collect();
            let mut lines = vec![(rows[first].name.clone(), times(&rows[last].shape))];
            match graph.nodes[first].layer {
                Layer::Input => {}
                // The name says it already.
                _ if rows[first].layer == rows[first].name && then.is_empty() && costs.len() == 0 => {}
                // Without costs there is room for all in one line.
                _ if costs.len() == 0 => {
                    let all: Vec<String> = nodes.iter().map(|&id| layer_name(&layer(id), graph, id)).collect();
                    lines.push((all.join(" · "), String::new()));
                }
                _ => {
                    lines.push((layer_name(&layer(first), graph, first), costs.next().unwrap_or_default()));
                    if !then.is_empty() || costs.len() > 0 {
                        lines.push((then.join(" · "), costs.next().unwrap_or_default()));
                    }
                }
            }
            Boxed {
                hue: hue(&graph.nodes[first].layer),
                lines,
                inputs: graph.nodes[first].inputs.iter().map(|&id| home[id]).collect(),
                rounded: plan.quantizer_after(last).is_some(),
            }
        })
        .collect()
}

/// `64x28x28` as it is set in print.
fn times(text: &str) -> String {
    let mut set = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let between = text[..at].ends_with(|before: char| before.is_ascii_digit() || before == ')')
            && text[at + letter.len_utf8()..].starts_with(|after: char| after.is_ascii_digit());
        set.push(if letter == 'x' && between { '×' } else { letter });
    }
    set
}

/// A layer with what its short form does not say.
fn layer_name(text: &str, graph: &Graph, id: usize) -> String {
    match graph.nodes[id].layer {
        Layer::Conv { bias: true, .. } => format!("{text} + bias"),
        _ => text.into(),
    }
}

fn hue(layer: &Layer) -> Hue {
    match layer {
        Layer::Conv { depthwise: true, .. } => Hue::Depthwise,
        Layer::Conv { .. } => Hue::Conv,
        Layer::Linear => Hue::Dense,
        Layer::GlobalPool | Layer::MaxPool { .. } | Layer::AvgPool { .. } => Hue::Pool,
        _ => Hue::Other,
    }
}

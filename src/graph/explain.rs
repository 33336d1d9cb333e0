//! A graph as rows for people: layer, shapes, cost, script line.

use super::Graph;

/// One row of [`explain`].
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRow {
    /// Stable layer name.
    pub name: String,
    /// Kind with its numbers, for example `dwconv 5x5 /2`.
    pub layer: String,
    /// Names of the layers it reads.
    pub reads: String,
    /// Output shape, `CxHxW`.
    pub shape: String,
    /// Multiply-accumulates, in millions.
    pub mflops: f64,
    /// Learned numbers, in thousands.
    pub kparams: f64,
    /// `script:line`, empty if it came from no script.
    pub line: String,
}

/// The layers of `graph`, in order.
pub fn explain(graph: &Graph) -> Vec<LayerRow> {
    use super::Layer;
    graph
        .nodes
        .iter()
        .map(|node| {
            let cost = graph.node_cost(node);
            let detail = match node.layer {
                Layer::Conv { kernel, stride, groups, depthwise, .. } => {
                    let stride = if stride > 1 { format!(" /{stride}") } else { String::new() };
                    let groups = if groups > 1 && !depthwise { format!(" g{groups}") } else { String::new() };
                    format!(" {kernel}x{kernel}{stride}{groups}")
                }
                Layer::MaxPool { kernel, stride, .. } | Layer::AvgPool { kernel, stride, .. } => {
                    format!(" {kernel}x{kernel} /{stride}")
                }
                Layer::Shuffle { groups } => format!(" g{groups}"),
                Layer::Scores { heads } | Layer::Attend { heads } => format!(" h{heads}"),
                _ => String::new(),
            };
            LayerRow {
                name: node.name.clone(),
                layer: format!("{}{detail}", node.layer.label()),
                reads: node.inputs.iter().map(|&id| graph.nodes[id].name.as_str()).collect::<Vec<_>>().join(", "),
                shape: node.shape.to_string(),
                mflops: cost.macs as f64 / 1e6,
                kparams: cost.params as f64 / 1e3,
                line: node.source.as_ref().map_or_else(String::new, |source| format!("{}:{}", source.script, source.line)),
            }
        })
        .collect()
}

//! Parts run one after the other as one graph: blocks into stages, stages into networks.

use super::{Channels, Graph, GraphFault, Node, Shape};
use crate::base::Result;

/// A graph with the prefix of its layer names, for example `stage1.b0`.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Put before every layer name, with a dot; empty for none.
    pub prefix: &'a str,
    /// The computation.
    pub graph: &'a Graph,
}

impl Part<'_> {
    /// What a node of it is called in the whole. A part without a prefix has names of its own.
    pub fn name_of(&self, node: &Node) -> String {
        if self.prefix.is_empty() { node.name.clone() } else { format!("{}.{}", self.prefix, node.name) }
    }
}

/// One graph that runs `parts` in order. Shapes are inferred anew from `input`, so the
/// parts may have been built for another map size. Fails where channels do not agree.
pub fn chain(input: Shape, parts: &[Part<'_>]) -> Result<Graph> {
    let mut nodes = vec![Node::input(input)];
    let mut last = 0;
    for part in parts {
        let (given, wanted) = (&nodes[last].shape, part.graph.input_shape());
        if given.c() != wanted.c() {
            return Err(GraphFault::Shapes {
                layer: "part",
                name: part.prefix.into(),
                left: format!("{} channels", given.c()),
                right: format!("{} channels", wanted.c()),
                help: "the width of each part must be the input width of the next",
            }
            .into());
        }
        let mut placed = vec![last];
        for node in &part.graph.nodes[1..] {
            let inputs: Vec<_> = node.inputs.iter().map(|&id| placed[id]).collect();
            let shapes: Vec<_> = inputs.iter().map(|&id| &nodes[id].shape).collect();
            let (h, w) = node.layer.map_size(&shapes);
            let shape = Shape { channels: node.shape.channels.clone(), h, w };
            nodes.push(Node { name: part.name_of(node), inputs, shape, ..node.clone() });
            placed.push(nodes.len() - 1);
        }
        last = placed[part.graph.output];
        // The next part was built for one segment; weights of this node's own layer follow its input.
        if last != 0 {
            nodes[last].shape.channels = Channels::one(nodes[last].shape.c());
        }
    }
    Ok(Graph { nodes, output: last })
}

//! Collecting the graphs of a job: each distinct one once, and the union of the weights they share.

use std::collections::BTreeMap;

use super::{LoneNet, Lsq, Net, Pool};
use crate::base::{Result, hash_hex};
use crate::graph::{Graph, Part, union_weights};

/// Fills a [`Pool`].
#[derive(Debug, Clone, Default)]
pub struct PoolBuilder {
    graphs: Vec<Graph>,
    graph_at: BTreeMap<String, usize>,
    parts: Vec<(String, usize)>,
    part_at: BTreeMap<(String, usize), usize>,
}

impl PoolBuilder {
    /// The index of the part that runs `graph` under `prefix`; equal parts are kept once.
    pub fn part(&mut self, prefix: &str, graph: &Graph) -> usize {
        let graph = portable(graph);
        let key = hash_hex(serde_json::to_string(&graph).unwrap_or_default().as_bytes());
        let place = *self.graph_at.entry(key).or_insert_with(|| {
            self.graphs.push(graph);
            self.graphs.len() - 1
        });
        *self.part_at.entry((prefix.to_string(), place)).or_insert_with(|| {
            self.parts.push((prefix.to_string(), place));
            self.parts.len() - 1
        })
    }

    /// A net of these parts.
    pub fn net<'a>(&mut self, parts: impl IntoIterator<Item = (&'a str, &'a Graph)>, resolution: usize) -> Net {
        Net { parts: parts.into_iter().map(|(prefix, graph)| self.part(prefix, graph)).collect(), resolution }
    }

    /// The pool, its weights the union over all its parts. Fails when a layer name stands for two kinds of layer.
    pub fn finish(self) -> Result<Pool> {
        let parts = self.parts.iter().map(|(prefix, graph)| Part { prefix, graph: &self.graphs[*graph] });
        let weights = union_weights(parts)?;
        Ok(Pool { graphs: self.graphs, parts: self.parts, weights, lsq: Lsq::default() })
    }
}

impl LoneNet {
    /// The whole network `graph`.
    ///
    /// # Errors
    /// Those of [`PoolBuilder::finish`].
    pub fn new(graph: &Graph) -> Result<Self> {
        let mut pool = PoolBuilder::default();
        let net = pool.net([("", graph)], graph.input_shape().h);
        Ok(Self { pool: pool.finish()?, net })
    }
}

/// The graph without what training does not depend on: script lines and map sizes.
fn portable(graph: &Graph) -> Graph {
    let mut graph = graph.clone();
    for node in &mut graph.nodes {
        node.source = None;
        (node.shape.h, node.shape.w) = (0, 0);
    }
    graph
}

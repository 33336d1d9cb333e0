//! A block table as a device: it replays what it holds, for networks that consist of its blocks.

use std::collections::{BTreeSet, HashMap};

use super::blocks::{BlockTable, operators};
use super::{BlockKey, LutFault};
use crate::base::{Result, hash_hex};
use crate::device::{Device, DeviceFault, Elapsed, Fingerprint, Runner, anchor};
use crate::graph::{Channels, Graph, Node, Shape};
use crate::onnx::Precision;
use crate::space::Hyperspace;

/// What the anchor takes on a device that was never there, in ms: figures are multiples of it.
const ANCHOR_MS: f64 = 1.0;

/// A block table as a stopwatch, in INT8. It knows a network by its layers: blocks in a row, each one of the table's.
#[derive(Debug, Clone)]
pub struct TableDevice {
    fingerprint: Fingerprint,
    /// Latency by structure.
    known: HashMap<String, f64>,
    /// Numbers of nodes that blocks have, the largest first.
    sizes: Vec<usize>,
}

impl TableDevice {
    /// Replays `blocks`, whose operators are those of `hyperspace`; blocks of other operators are left out.
    pub fn new(blocks: &BlockTable, hyperspace: &Hyperspace) -> Result<Self> {
        let all = operators(hyperspace);
        let (mut known, mut sizes) = (HashMap::new(), BTreeSet::new());
        for (BlockKey { operator, config }, ms) in blocks.entries() {
            let own = all.iter().find(|own| own.name() == &**operator && own.activation() == config.activation);
            let Some(own) = own else { continue };
            let graph = own.build(config)?;
            known.insert(key(&graph), *ms);
            sizes.insert(graph.nodes.len() - 1);
        }
        known.insert(key(&anchor()?), ANCHOR_MS);
        sizes.insert(anchor()?.nodes.len() - 1);
        let table = serde_json::to_string(&blocks.provenance).unwrap_or_default();
        let figures: Vec<u64> = blocks.entries().iter().map(|(_, ms)| ms.to_bits()).collect();
        let fingerprint = Fingerprint {
            device: "table".into(),
            runtime: format!("block table {}", hash_hex(format!("{table}{figures:?}").as_bytes())),
            cpu: blocks.provenance.get("device").cloned().unwrap_or_else(|| "unknown".into()),
            threads: 1,
            clock: "none".into(),
            options: String::new(),
            instructions: String::new(),
            governor: String::new(),
        };
        Ok(Self { fingerprint, known, sizes: sizes.into_iter().rev().collect() })
    }

    /// Latency of blocks in a row, in ms. Fails with `lut::block_missing` where the layers are none of the table's blocks.
    fn latency_ms(&self, graph: &Graph) -> Result<f64> {
        let (mut at, mut sum) = (1, 0.0);
        while at < graph.nodes.len() {
            // The longest run of layers that is a block.
            let found = self.sizes.iter().find_map(|&size| Some((size, *self.known.get(&key(&part(graph, at, size)?))?)));
            let Some((size, ms)) = found else {
                let first = format!("the one that begins with layer `{}`", graph.nodes[at].name);
                return Err(LutFault::BlockMissing { missing: 1, wanted: 1, first }.into());
            };
            sum += ms;
            at += size;
        }
        Ok(sum)
    }
}

/// Structure, input size included.
fn key(graph: &Graph) -> String {
    let input = graph.input_shape();
    format!("{} {}x{}", graph.structure_key(), input.h, input.w)
}

/// The `size` nodes from `at` as a graph of its own, if nothing but the node before them leads in.
fn part(graph: &Graph, at: usize, size: usize) -> Option<Graph> {
    let before = at - 1;
    let from = &graph.nodes[before].shape;
    let shape = Shape { channels: Channels::one(from.c()), h: from.h, w: from.w };
    let mut nodes = vec![Node::input(shape)];
    for node in graph.nodes.get(at..at + size)? {
        let inputs = node.inputs.iter().map(|&input| input.checked_sub(before)).collect::<Option<Vec<_>>>()?;
        nodes.push(Node { inputs, ..node.clone() });
    }
    Some(Graph { output: nodes.len() - 1, nodes })
}

impl Device for TableDevice {
    fn name(&self) -> &str {
        &self.fingerprint.device
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn precisions(&self) -> &[Precision] {
        &[Precision::Int8]
    }

    fn structure_key(&self, graph: &Graph, precision: Precision) -> Result<String> {
        Ok(hash_hex(format!("{precision} {}", key(graph)).as_bytes()))
    }

    fn load(&self, graph: &Graph, precision: Precision) -> Result<Box<dyn Runner>> {
        if precision != Precision::Int8 {
            let fault = DeviceFault::NoPrecision { device: "table".into(), precision: precision.name(), offers: "int8".into() };
            return Err(fault.into());
        }
        Ok(Box::new(Replayed(self.latency_ms(graph)?)))
    }

    fn needs_quiet(&self) -> bool {
        false
    }
}

struct Replayed(f64);

impl Runner for Replayed {
    fn run(&mut self) -> Result<Elapsed> {
        Ok(Elapsed { ms: self.0, wall_ms: self.0 })
    }
}

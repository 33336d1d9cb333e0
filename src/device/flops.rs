//! A stopwatch that counts instead of timing: exact, the same everywhere, for tests and dry runs.

use super::{Device, Elapsed, Fingerprint, Runner, need_precision};
use crate::base::{Result, hash_hex};
use crate::graph::{Graph, Layer};
use crate::onnx::Precision;

/// Latency in proportion to multiply-accumulates, those of attention included: 0.1 ms a million in FP32, in INT8 a third of
/// that, except for depthwise convolutions, which gain nothing there; every other layer costs 0.5 ms a million values.
#[derive(Debug, Clone)]
pub struct FlopsDevice {
    fingerprint: Fingerprint,
}

impl Default for FlopsDevice {
    fn default() -> Self {
        let fingerprint = Fingerprint {
            device: "flops".into(),
            runtime: "counting".into(),
            cpu: "any".into(),
            threads: 1,
            clock: "none".into(),
            options: String::new(),
            instructions: "none".into(),
            governor: String::new(),
        };
        Self { fingerprint }
    }
}

impl FlopsDevice {
    /// The latency of `graph`, in ms.
    pub fn latency_ms(&self, graph: &Graph, precision: Precision) -> f64 {
        let cost = |node: &crate::graph::Node| {
            let millions = graph.node_cost(node).macs as f64 / 1e6;
            match node.layer {
                Layer::Conv { depthwise: false, .. } | Layer::Linear | Layer::Scores { .. } | Layer::Attend { .. }
                    if precision == Precision::Int8 =>
                {
                    millions * 0.1 / 3.0
                }
                Layer::Conv { .. } | Layer::Linear | Layer::Scores { .. } | Layer::Attend { .. } => millions * 0.1,
                Layer::Input | Layer::BatchNorm { .. } | Layer::Segment { .. } => 0.0,
                _ => node.shape.elements() as f64 * 0.5 / 1e6,
            }
        };
        graph.nodes.iter().map(cost).sum()
    }
}

impl Device for FlopsDevice {
    fn name(&self) -> &str {
        &self.fingerprint.device
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn precisions(&self) -> &[Precision] {
        &[Precision::Fp32, Precision::Int8]
    }

    fn structure_key(&self, graph: &Graph, precision: Precision) -> Result<String> {
        Ok(hash_hex(format!("{precision} {}", self.latency_ms(graph, precision).to_bits()).as_bytes()))
    }

    fn load(&self, graph: &Graph, precision: Precision) -> Result<Box<dyn Runner>> {
        need_precision(self, precision)?;
        Ok(Box::new(Counted(self.latency_ms(graph, precision))))
    }

    fn needs_quiet(&self) -> bool {
        false
    }
}

struct Counted(f64);

impl Runner for Counted {
    fn run(&mut self) -> Result<Elapsed> {
        Ok(Elapsed { ms: self.0, wall_ms: self.0 })
    }
}

//! A device that never was: its times follow from the layers, with steps and cliffs, noise, faults and clocks that jump.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spaceevo::base::{Fault, Result, Seed};
use spaceevo::device::{Device, Elapsed, Fingerprint, Runner};
use spaceevo::graph::{Graph, Layer};
use spaceevo::onnx::{self, Precision};

/// What happens to the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    Steady,
    /// Every so-many-th run is told as an hour, the next as less than nothing.
    JumpsEvery(u64),
    /// No run can be believed.
    Mad,
}

/// Times that follow from the layers.
#[derive(Debug, Clone)]
pub struct Synthetic {
    pub fingerprint: Fingerprint,
    /// Standard deviation of a run, relative.
    pub noise: f64,
    pub clock: Clock,
    /// Graphs with a layer whose name contains this cannot be loaded, or (with `run ` before it) not be run.
    pub refuses: Option<&'static str>,
    pub quiet: bool,
    /// Price of depthwise kernels.
    pub depthwise: f64,
    /// Width of a step in channels.
    pub step: usize,
    pub runs: Arc<AtomicU64>,
}

impl Synthetic {
    pub fn new(name: &str) -> Self {
        let fingerprint = Fingerprint {
            device: name.into(),
            runtime: "made up".into(),
            cpu: "none".into(),
            threads: 1,
            clock: "none".into(),
            options: String::new(),
            instructions: "none".into(),
            governor: String::new(),
        };
        Self {
            fingerprint,
            noise: 0.0,
            clock: Clock::Steady,
            refuses: None,
            quiet: false,
            depthwise: 1.0,
            step: 16,
            runs: Arc::default(),
        }
    }

    /// Runs so far.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::SeqCst)
    }

    /// What a graph takes, in ms: products in blocks of channels, dearer where weights outgrow a cache or maps are small.
    pub fn truth(&self, graph: &Graph, precision: Precision) -> f64 {
        let faster = if precision == Precision::Int8 { 0.3 } else { 1.0 };
        let border = (graph.input_shape().elements() + graph.output_shape().elements()) as f64 * 4e-7;
        let layers = graph.nodes.iter().map(|node| {
            let shape = &node.shape;
            let pixels = (shape.h * shape.w) as f64;
            let up = |width: usize| (width.div_ceil(self.step) * self.step) as f64;
            match node.layer {
                Layer::Conv { kernel, depthwise: true, .. } => {
                    let taps = (kernel * kernel) as f64;
                    0.002 + pixels * taps * up(shape.c()) * 2e-7 * self.depthwise * if kernel > 3 { 1.25 } else { 1.0 }
                }
                Layer::Conv { kernel, .. } => {
                    let cin = graph.nodes[node.inputs[0]].shape.c();
                    let macs = pixels * (kernel * kernel) as f64 * up(cin) * up(shape.c());
                    let weights = kernel * kernel * cin * shape.c();
                    let cliff = if weights > 60_000 { 1.3 } else { 1.0 };
                    let small = if pixels < 40.0 { 1.2 } else { 1.0 };
                    0.003 + macs * 4e-8 * faster * cliff * small
                }
                Layer::Linear => 0.004 + shape.c() as f64 * 1e-5,
                Layer::Input | Layer::BatchNorm { .. } | Layer::Segment { .. } => 0.0,
                _ => shape.elements() as f64 * 3e-7,
            }
        });
        0.01 + border + layers.sum::<f64>()
    }
}

impl Device for Synthetic {
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
        let weights = onnx::weights_for_timing(graph, Seed(1));
        Ok(onnx::structure_key(&onnx::lower_model(graph, &weights, precision, 1, Default::default())?))
    }

    fn load(&self, graph: &Graph, precision: Precision) -> Result<Box<dyn Runner>> {
        let bad = |name: &str| graph.nodes.iter().any(|node| node.name.contains(name));
        let fault = || Fault::new("device::model_refused", "no kernel for this layer", "");
        let mut breaks = false;
        match self.refuses {
            Some(name) if name.starts_with("run ") => breaks = bad(&name[4..]),
            Some(name) if bad(name) => return Err(fault()),
            _ => {}
        }
        Ok(Box::new(Run { ms: self.truth(graph, precision), device: self.clone(), breaks }))
    }

    fn needs_quiet(&self) -> bool {
        self.quiet
    }
}

struct Run {
    ms: f64,
    device: Synthetic,
    breaks: bool,
}

impl Runner for Run {
    fn run(&mut self) -> Result<Elapsed> {
        let count = self.device.runs.fetch_add(1, Ordering::SeqCst);
        if self.breaks {
            return Err(Fault::new("device::run_failed", "the kernel gave up", ""));
        }
        let mut rng = Seed(count).rng();
        let swing: f64 = (0..12).map(|_| rand::RngExt::random_range(&mut rng, 0.0..1.0_f64)).sum::<f64>() - 6.0;
        let ms = self.ms * (1.0 + self.device.noise * swing.abs());
        let steady = Elapsed { ms, wall_ms: ms * 1.01 };
        Ok(match self.device.clock {
            Clock::JumpsEvery(n) if count.is_multiple_of(n) => Elapsed { ms: 3.6e6, ..steady },
            Clock::JumpsEvery(n) if count % n == 1 => Elapsed { ms: -ms, ..steady },
            Clock::Mad => Elapsed { ms: f64::NAN, ..steady },
            _ => steady,
        })
    }
}

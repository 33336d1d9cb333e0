//! Predicting latency: coefficients per kind of kernel, fitted to measured graphs.
//!
//! A graph's latency is the sum over its kernels of a non-negative combination of each kernel's features
//! ([`super::kernels`]), fitted by non-negative least squares on the relative error of whole measured graphs. Nothing
//! is timed layer by layer: what a layer costs alone is not what it costs inside a network.
//!
//! Fitted to 180 sampled stages and 10 whole networks (32x32 input, widths 16 to 128; inverted residuals with relu6, or
//! hard-swish and squeeze-and-excitation, bottlenecks, fused and separable convolutions), it met 30 other whole networks
//! on two shared AVX-512 cores with a relative error of 2.7% (FP32) and 3.0% (INT8) root mean square, 9% at worst.
//! Whole networks must be among the fitted: stages alone have no stem and no dense layer.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::kernels::{Kernel, kernels};
use super::nnls::nnls;
use super::{DeviceFault, stats};
use crate::base::{Result, Seed};
use crate::graph::Graph;
use crate::onnx::Precision;

/// Fewer graphs than this say too little.
const LEAST_GRAPHS: usize = 12;
/// A little pull towards small coefficients, which decides between features that the data cannot tell apart.
const RIDGE: f64 = 1e-5;
/// Parts of the cross-validation.
const FOLDS: usize = 5;

/// How well predictions met measurements, on graphs that were not fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PredictorError {
    /// Number of graphs.
    pub graphs: usize,
    /// Share of predictions within 5% of the measurement, in %.
    pub within5_pct: f64,
    /// Share within 10%, in %.
    pub within10_pct: f64,
    /// Root mean square of the relative error, in %.
    pub rmspe_pct: f64,
    /// The largest relative error, in %.
    pub worst_pct: f64,
}

/// What kernels take: coefficients by kind of kernel, ms a call and ms for each unit of a feature.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelCosts(pub BTreeMap<String, Vec<f64>>);

/// Something measured: its kernels, and its latency in ms.
pub type Sample = (Vec<Kernel>, f64);

impl KernelCosts {
    /// The non-negative coefficients with the least relative error on `samples`.
    pub fn fit<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Self {
        solve(&samples.into_iter().collect::<Vec<_>>())
    }

    /// What these kernels take together, in ms. Fails with `device::kernel_unknown`.
    pub fn total(&self, kernels: &[Kernel]) -> Result<f64> {
        let mut sum = 0.0;
        for kernel in kernels {
            let known = self.0.get(&*kernel.kind);
            let known = known.ok_or_else(|| DeviceFault::KernelUnknown { kernel: kernel.kind.to_string() })?;
            sum += known.iter().zip(&kernel.features).map(|(c, f)| c * f).sum::<f64>();
        }
        Ok(sum)
    }
}

/// Latency of graphs on one device in one number format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyPredictor {
    /// The number format.
    pub precision: Precision,
    /// What kernels take.
    pub costs: KernelCosts,
    /// Error on graphs left out of the fit (cross-validation in five parts).
    pub held_out: PredictorError,
}

impl LatencyPredictor {
    /// Fits to measured graphs: (graph, latency in ms). `seed` draws the parts of the cross-validation.
    pub fn fit(precision: Precision, measured: &[(&Graph, f64)], seed: Seed) -> Result<Self> {
        if measured.len() < LEAST_GRAPHS {
            return Err(DeviceFault::TooFew { precision: precision.name(), needed: LEAST_GRAPHS, found: measured.len() }.into());
        }
        let samples: Vec<Sample> = measured.iter().map(|(graph, ms)| (kernels(graph), *ms)).collect();
        let folds = folds(samples.len(), FOLDS, seed);
        let mut errors = vec![];
        for fold in 0..FOLDS {
            let costs = KernelCosts::fit(samples.iter().zip(&folds).filter(|(_, own)| **own != fold).map(|(sample, _)| sample));
            for ((kernels, ms), _) in samples.iter().zip(&folds).filter(|(_, own)| **own == fold) {
                // A kind that only the left-out graphs have cannot be judged.
                errors.extend(costs.total(kernels).ok().map(|found| found / ms - 1.0));
            }
        }
        Ok(Self { precision, costs: KernelCosts::fit(&samples), held_out: PredictorError::of(&errors) })
    }

    /// Latency of `graph` as a network by itself, in ms. Fails for a kind of kernel that was not among the measured graphs.
    pub fn predict(&self, graph: &Graph) -> Result<f64> {
        self.costs.total(&kernels(graph))
    }

    /// What `graph` adds to a network that it is a part of, in ms: its kernels without the border.
    pub fn predict_inside(&self, graph: &Graph) -> Result<f64> {
        self.costs.total(&kernels(graph)[1..])
    }

    /// Latency by kind of kernel, in ms, in the order of the kinds' names.
    pub fn explain(&self, graph: &Graph) -> Result<BTreeMap<String, f64>> {
        let mut parts = BTreeMap::new();
        for kernel in kernels(graph) {
            *parts.entry(kernel.kind.to_string()).or_insert(0.0) += self.costs.total(std::slice::from_ref(&kernel))?;
        }
        Ok(parts)
    }

    /// Error on other measured graphs: (graph, latency in ms).
    pub fn error_on(&self, measured: &[(&Graph, f64)]) -> Result<PredictorError> {
        let errors = measured.iter().map(|(graph, ms)| Ok(self.predict(graph)? / ms - 1.0));
        Ok(PredictorError::of(&errors.collect::<Result<Vec<_>>>()?))
    }
}

/// The part of a cross-validation in `parts` that each of `count` things belongs to.
pub fn folds(count: usize, parts: usize, seed: Seed) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut seed.child("folds").rng());
    let mut folds = vec![0; count];
    order.into_iter().enumerate().for_each(|(place, index)| folds[index] = place % parts);
    folds
}

impl PredictorError {
    /// From relative errors: predicted over measured, less 1.
    pub fn of(errors: &[f64]) -> Self {
        let n = errors.len().max(1) as f64;
        let share = |limit: f64| 100.0 * errors.iter().filter(|error| error.abs() <= limit).count() as f64 / n;
        let sizes: Vec<_> = errors.iter().map(|error| error.abs()).collect();
        Self {
            graphs: errors.len(),
            within5_pct: share(0.05),
            within10_pct: share(0.10),
            rmspe_pct: 100.0 * (errors.iter().map(|error| error * error).sum::<f64>() / n).sqrt(),
            worst_pct: 100.0 * stats::quantile(&sizes, 1.0),
        }
    }
}

fn solve(samples: &[&Sample]) -> KernelCosts {
    let mut place: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut width = 0;
    for kernel in samples.iter().flat_map(|(kernels, _)| kernels) {
        place.entry(&kernel.kind).or_insert_with(|| {
            width += kernel.features.len();
            (width - kernel.features.len(), kernel.features.len())
        });
    }
    let rows: Vec<Vec<f64>> = samples
        .iter()
        .map(|(kernels, ms)| {
            let mut row = vec![0.0; width];
            for kernel in kernels {
                let (start, _) = place[&*kernel.kind];
                kernel.features.iter().enumerate().for_each(|(i, feature)| row[start + i] += feature / ms);
            }
            row
        })
        .collect();
    let x = nnls(&rows, &vec![1.0; rows.len()], RIDGE);
    KernelCosts(place.iter().map(|(kind, &(start, count))| ((*kind).to_string(), x[start..start + count].to_vec())).collect())
}

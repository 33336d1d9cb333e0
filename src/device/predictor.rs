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

/// Latency of graphs on one device in one number format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyPredictor {
    /// The number format.
    pub precision: Precision,
    /// Coefficients by kind of kernel, ms a call and ms a million of each feature.
    pub coefficients: BTreeMap<String, Vec<f64>>,
    /// Error on graphs left out of the fit (cross-validation in five parts).
    pub held_out: PredictorError,
}

impl LatencyPredictor {
    /// Fits to measured graphs: (graph, latency in ms). `seed` draws the parts of the cross-validation.
    pub fn fit(precision: Precision, measured: &[(&Graph, f64)], seed: Seed) -> Result<Self> {
        if measured.len() < LEAST_GRAPHS {
            return Err(DeviceFault::TooFew { precision: precision.name(), needed: LEAST_GRAPHS, found: measured.len() }.into());
        }
        let samples: Vec<(Vec<Kernel>, f64)> = measured.iter().map(|(graph, ms)| (kernels(graph), *ms)).collect();
        let all: Vec<usize> = (0..samples.len()).collect();
        let mut order = all.clone();
        rand::seq::SliceRandom::shuffle(order.as_mut_slice(), &mut seed.rng());
        let mut errors = vec![];
        for fold in 0..FOLDS {
            let (left_out, fitted): (Vec<_>, Vec<_>) = order.iter().enumerate().partition(|(place, _)| place % FOLDS == fold);
            let fitted: Vec<_> = fitted.into_iter().map(|(_, &index)| index).collect();
            let coefficients = solve(&samples, &fitted);
            for (_, &index) in left_out {
                // A kind that only the left-out graphs have cannot be judged.
                if let Ok(ms) = total(&coefficients, &samples[index].0) {
                    errors.push(ms / samples[index].1 - 1.0);
                }
            }
        }
        Ok(Self { precision, coefficients: solve(&samples, &all), held_out: PredictorError::of(&errors) })
    }

    /// Latency of `graph` as a network by itself, in ms. Fails for a kind of kernel that was not among the measured graphs.
    pub fn predict(&self, graph: &Graph) -> Result<f64> {
        total(&self.coefficients, &kernels(graph))
    }

    /// What `graph` adds to a network that it is a part of, in ms: its kernels without the border.
    pub fn predict_inside(&self, graph: &Graph) -> Result<f64> {
        total(&self.coefficients, &kernels(graph)[1..])
    }

    /// Latency by kind of kernel, in ms, in the order of the kinds' names.
    pub fn explain(&self, graph: &Graph) -> Result<BTreeMap<&'static str, f64>> {
        let mut parts = BTreeMap::new();
        for kernel in kernels(graph) {
            *parts.entry(kernel.kind).or_insert(0.0) += total(&self.coefficients, std::slice::from_ref(&kernel))?;
        }
        Ok(parts)
    }

    /// Error on other measured graphs: (graph, latency in ms).
    pub fn error_on(&self, measured: &[(&Graph, f64)]) -> Result<PredictorError> {
        let errors = measured.iter().map(|(graph, ms)| Ok(self.predict(graph)? / ms - 1.0));
        Ok(PredictorError::of(&errors.collect::<Result<Vec<_>>>()?))
    }
}

impl PredictorError {
    fn of(errors: &[f64]) -> Self {
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

fn total(coefficients: &BTreeMap<String, Vec<f64>>, kernels: &[Kernel]) -> Result<f64> {
    let mut sum = 0.0;
    for kernel in kernels {
        let known = coefficients.get(kernel.kind).ok_or(DeviceFault::KernelUnknown { kernel: kernel.kind })?;
        sum += known.iter().zip(&kernel.features).map(|(c, f)| c * f).sum::<f64>();
    }
    Ok(sum)
}

/// The coefficients with the least relative error on the samples `chosen`.
fn solve(samples: &[(Vec<Kernel>, f64)], chosen: &[usize]) -> BTreeMap<String, Vec<f64>> {
    let mut place: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut width = 0;
    for kernel in chosen.iter().flat_map(|&index| &samples[index].0) {
        place.entry(kernel.kind).or_insert_with(|| {
            width += kernel.features.len();
            (width - kernel.features.len(), kernel.features.len())
        });
    }
    let rows: Vec<Vec<f64>> = chosen
        .iter()
        .map(|&index| {
            let (kernels, ms) = &samples[index];
            let mut row = vec![0.0; width];
            for kernel in kernels {
                let (start, _) = place[kernel.kind];
                kernel.features.iter().enumerate().for_each(|(i, feature)| row[start + i] += feature / ms);
            }
            row
        })
        .collect();
    let x = nnls(&rows, &vec![1.0; rows.len()], RIDGE);
    place.iter().map(|(kind, &(start, count))| ((*kind).to_string(), x[start..start + count].to_vec())).collect()
}

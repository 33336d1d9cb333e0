//! The measuring procedure: interleaved rounds, each candidate between two runs of the anchor.
//!
//! A virtual machine changes its speed by tens of per cent from one second to the next, so times alone do not
//! repeat. What does repeat is a candidate's time over that of a fixed *anchor* network run right before and after
//! it, in moments when the machine is quiet. Hence, in each round and for each candidate: one run that is not timed,
//! three that are, of which the fastest counts, and the anchor likewise on either side. A visit whose anchor was more
//! than 10% slower than in the machine's quiet moments (10% quantile of all anchor runs) is rejected. The reported
//! figure is the median of the ratios that remain, times the anchor's quiet time.
//!
//! On two shared cores with a load of 6, repeated runs of 60 rounds differed by a standard deviation of 0.5%
//! (largest 2%), against 8% (15%) for plain medians; of 20 rounds by 1.7%. An INT8 anchor served both precisions
//! better than an FP32 one.

use std::time::Instant;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::stats::{median, median_interval, quantile};
use super::{Device, DeviceFault, Runner, anchor};
use crate::base::{Cancel, Progress, Result, Seed};
use crate::graph::Graph;
use crate::onnx::Precision;

/// Version of the procedure; part of the key of kept measurements.
pub const PROCEDURE: u32 = 1;
/// An anchor this much above its quiet time means that something disturbed the visit.
const DISTURBED: f64 = 1.10;
/// The quantile of anchor times that counts as quiet.
const QUIET: f64 = 0.10;
/// Timed runs in a visit.
const RUNS: usize = 3;
/// Visits that must remain for a figure to count as settled.
const LEAST_VISITS: usize = 8;
/// So many pairs of raw times are kept.
const RAW_KEPT: usize = 100;

/// How carefully to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasureOptions {
    /// Stop when the 95% interval of each median is narrower than this, in % of the median.
    pub interval_pct: f64,
    /// Rounds at least.
    pub least_rounds: usize,
    /// Stop after this many seconds, settled or not.
    pub budget_s: f64,
    /// Measure again what the lab already holds.
    pub fresh: bool,
}

impl Default for MeasureOptions {
    fn default() -> Self {
        Self { interval_pct: 3.0, least_rounds: 12, budget_s: 120.0, fresh: false }
    }
}

/// One network to time.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// For messages.
    pub label: &'a str,
    /// What to time.
    pub graph: &'a Graph,
    /// In which number format.
    pub precision: Precision,
}

/// A measured latency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Median of time over anchor's time, over the visits kept.
    pub relative: f64,
    /// Lower end of its 95% interval.
    pub relative_low: f64,
    /// Upper end.
    pub relative_high: f64,
    /// Plain median of the times kept, in ms, as the clock showed them.
    pub raw_median_ms: f64,
    /// The anchor's quiet time during this measurement, in ms.
    pub anchor_ms: f64,
    /// Timed runs kept.
    pub runs: usize,
    /// Timed runs rejected because the machine was disturbed.
    pub rejected: usize,
    /// Whether the interval became as narrow as asked before the budget was spent.
    pub converged: bool,
    /// Pairs of a visit's time and its anchor's time, in ms, kept or not.
    pub raw: Vec<(f32, f32)>,
}

impl Measurement {
    /// Width of the 95% interval in % of the median.
    pub fn interval_pct(&self) -> f64 {
        100.0 * (self.relative_high - self.relative_low) / self.relative
    }
}

/// A visit: the candidate's fastest run, and the mean of the anchor's fastest before and after.
#[derive(Debug, Clone, Copy)]
struct Visit {
    ms: f64,
    anchor_ms: f64,
}

/// Times all candidates together; the result has their order. The machine should be held by [`super::Quiet`].
pub fn measure(
    device: &dyn Device,
    candidates: &[Candidate<'_>],
    options: &MeasureOptions,
    progress: &Progress,
    cancel: &Cancel,
) -> Result<Vec<Measurement>> {
    check(options)?;
    if candidates.is_empty() {
        return Ok(vec![]);
    }
    let mut anchor = load_anchor(device)?;
    let mut runners = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        cancel.check()?;
        let runner = device.load(candidate.graph, candidate.precision);
        runners.push(runner.map_err(|fault| fault.during(&format!("`{}` in {}", candidate.label, candidate.precision)))?);
    }
    for _ in 0..20 {
        anchor.run_ms()?;
    }
    let bar = progress.task("measuring", candidates.len() as u64);
    let began = Instant::now();
    let mut visits: Vec<Vec<Visit>> = vec![vec![]; candidates.len()];
    let mut active: Vec<usize> = (0..candidates.len()).collect();
    let mut round = 0;
    loop {
        // Another order in each round, so that no candidate always follows the same one.
        active.shuffle(&mut Seed(PROCEDURE.into()).at(round).rng());
        let mut before = fastest(anchor.as_mut())?;
        for &index in &active {
            cancel.check()?;
            let ms = fastest(runners[index].as_mut())?;
            let after = fastest(anchor.as_mut())?;
            visits[index].push(Visit { ms, anchor_ms: f64::midpoint(before, after) });
            before = after;
        }
        round += 1;
        let rounds_done = usize::try_from(round).unwrap_or(usize::MAX);
        let out_of_time = began.elapsed().as_secs_f64() >= options.budget_s;
        if rounds_done < options.least_rounds && !out_of_time {
            continue;
        }
        // What was settled is looked at again: a quieter moment may have shown that all before it was disturbed.
        let quiet = quiet_ms(&visits);
        active = (0..visits.len()).filter(|&index| !summary(&visits[index], quiet, options).converged).collect();
        bar.set((candidates.len() - active.len()) as u64, &format!("round {round}"));
        if active.is_empty() || out_of_time {
            return Ok(visits.iter().map(|visits| summary(visits, quiet, options)).collect());
        }
    }
}

/// The anchor's quiet time on `device`, in ms: 10% quantile over `seconds`.
pub(super) fn anchor_quiet_ms(device: &dyn Device, seconds: f64, cancel: &Cancel) -> Result<f64> {
    let mut anchor = load_anchor(device)?;
    let began = Instant::now();
    let mut times = vec![];
    while times.len() < 20 || (device.needs_quiet() && began.elapsed().as_secs_f64() < seconds) {
        cancel.check()?;
        times.push(fastest(anchor.as_mut())?);
    }
    Ok(quantile(&times, QUIET))
}

fn load_anchor(device: &dyn Device) -> Result<Box<dyn Runner>> {
    let best = if device.precisions().contains(&Precision::Int8) { Precision::Int8 } else { Precision::Fp32 };
    device.load(&anchor()?, best)
}

fn check(options: &MeasureOptions) -> Result<()> {
    let wrong = |what: &str, help| Err(DeviceFault::Option { what: what.into(), help }.into());
    if !(options.interval_pct > 0.0 && options.interval_pct.is_finite()) {
        return wrong("`interval_pct` must be above 0", "3 is usual: the 95% interval is then within 3% of the median");
    }
    if options.budget_s.is_nan() || options.budget_s <= 0.0 {
        return wrong("`budget_s` must be above 0", "give the seconds that measuring may take, for example 60");
    }
    Ok(())
}

/// One run to warm up, then the fastest of a few.
fn fastest(runner: &mut dyn Runner) -> Result<f64> {
    runner.run_ms()?;
    (0..RUNS).try_fold(f64::INFINITY, |least, _| Ok(runner.run_ms()?.min(least)))
}

fn quiet_ms(visits: &[Vec<Visit>]) -> f64 {
    let times: Vec<_> = visits.iter().flatten().map(|visit| visit.anchor_ms).collect();
    quantile(&times, QUIET)
}

fn summary(visits: &[Visit], quiet_ms: f64, options: &MeasureOptions) -> Measurement {
    let calm: Vec<_> = visits.iter().filter(|visit| visit.anchor_ms <= quiet_ms * DISTURBED).copied().collect();
    // With hardly a calm moment, the ratios of disturbed ones are still far better than times.
    let kept = if calm.len() < LEAST_VISITS { visits } else { &calm };
    let ratios: Vec<_> = kept.iter().map(|visit| visit.ms / visit.anchor_ms).collect();
    let relative = median(&ratios);
    let (relative_low, relative_high) = median_interval(&ratios);
    let narrow = 100.0 * (relative_high - relative_low) <= options.interval_pct * relative;
    Measurement {
        relative,
        relative_low,
        relative_high,
        raw_median_ms: median(&kept.iter().map(|visit| visit.ms).collect::<Vec<_>>()),
        anchor_ms: quiet_ms,
        runs: kept.len() * RUNS,
        rejected: (visits.len() - kept.len()) * RUNS,
        converged: calm.len() >= LEAST_VISITS && narrow,
        raw: visits.iter().take(RAW_KEPT).map(|visit| (visit.ms as f32, visit.anchor_ms as f32)).collect(),
    }
}

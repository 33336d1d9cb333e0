//! Measuring many graphs: groups that fit in memory, nothing measured twice, figures a person can compare.

use serde::{Deserialize, Serialize};

use super::measure::{Candidate, MeasureOptions, Measurement, PROCEDURE, anchor_quiet_ms, measure};
use super::{Device, Quiet, need_precision};
use crate::base::{Cancel, Progress, Result, hash_hex};
use crate::graph::Graph;
use crate::lab::{Detail, Lab};
use crate::onnx::Precision;

/// So many networks are held ready at a time.
const GROUP: usize = 96;
/// How long the anchor is watched when its reference time is first taken, in seconds.
const REFERENCE_S: f64 = 1.5;
/// A quiet time this much below the reference means that the reference was taken in a busy moment.
const BETTER: f64 = 0.95;

/// A measured latency, scaled to the lab's reference so that figures of different days compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRow {
    /// What was measured, as the caller calls it.
    pub label: String,
    /// Its number format.
    pub precision: Precision,
    /// Latency in ms: median over the anchor's time, times the anchor's reference time.
    pub latency_ms: f64,
    /// Lower end of the 95% interval, in ms.
    pub low_ms: f64,
    /// Upper end, in ms.
    pub high_ms: f64,
    /// Whether it was taken from the lab.
    pub kept: bool,
    /// The measurement itself.
    pub measurement: Measurement,
}

/// Times each graph in each of `precisions`; rows come graph by graph, in the order given.
///
/// What `lab` holds from before is not measured again, unless `options.fresh`; equal structures are measured once.
/// The machine is held for measuring meanwhile. When interrupted, the groups that were finished stay in the lab.
pub fn measure_graphs(
    device: &dyn Device,
    graphs: &[(String, &Graph)],
    precisions: &[Precision],
    options: &MeasureOptions,
    progress: &Progress,
    cancel: &Cancel,
    lab: Option<&Lab>,
) -> Result<Vec<MeasuredRow>> {
    precisions.iter().try_for_each(|&precision| need_precision(device, precision))?;
    if let Some(lab) = lab.filter(|_| device.needs_quiet()) {
        lab.running().version("runtime", &device.fingerprint().runtime);
    }
    let mut wanted = vec![];
    for (label, graph) in graphs {
        for &precision in precisions {
            cancel.check()?;
            let key = measurement_key(device, graph, precision)?;
            wanted.push((key, Candidate { label, graph, precision }));
        }
    }
    let mut found: Vec<Option<(Measurement, bool)>> = vec![None; wanted.len()];
    if let Some(lab) = lab.filter(|_| !options.fresh) {
        for ((key, _), found) in wanted.iter().zip(&mut found) {
            *found = lab.measurement(key)?.map(|measurement| (measurement, true));
        }
    }
    let mut missing: Vec<usize> = vec![];
    for (index, (key, _)) in wanted.iter().enumerate() {
        if found[index].is_none() && !missing.iter().any(|&other| wanted[other].0 == *key) {
            missing.push(index);
        }
    }
    if missing.len() < wanted.len() && !missing.is_empty() {
        let (had, all) = (found.iter().flatten().count(), wanted.len());
        if had > 0 {
            progress.say(&format!("{had} of {all} latencies taken from the lab"));
        }
    }
    let quiet = if missing.is_empty() || !device.needs_quiet() { None } else { Some(Quiet::hold(progress, cancel)?) };
    if let Some(lab) = lab.filter(|_| quiet.is_some() && !options.fresh) {
        // Another session may have measured some of them while this one waited for the machine.
        for ((key, _), found) in wanted.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
            *found = lab.measurement(key)?.map(|measurement| (measurement, true));
        }
        missing.retain(|&index| found[index].is_none());
    }
    let groups = missing.len().div_ceil(GROUP).max(1);
    let share = MeasureOptions { budget_s: options.budget_s / groups as f64, ..*options };
    let bar = (groups > 1).then(|| progress.task("measuring groups of networks", groups as u64));
    for group in missing.chunks(GROUP) {
        let candidates: Vec<_> = group.iter().map(|&index| wanted[index].1).collect();
        for (&index, measurement) in group.iter().zip(measure(device, &candidates, &share, progress, cancel)?) {
            if let Some(lab) = lab {
                lab.keep_measurement(&wanted[index].0, &measurement, &detail(device))?;
            }
            for other in 0..wanted.len() {
                if wanted[other].0 == wanted[index].0 {
                    found[other] = Some((measurement.clone(), false));
                }
            }
        }
        if let Some(bar) = &bar {
            bar.advance(1);
        }
    }
    let fresh: Vec<_> = found.iter().flatten().filter(|(_, kept)| !kept).map(|(m, _)| m.anchor_ms).collect();
    let reference_ms = reference(device, &fresh, progress, cancel, lab)?;
    drop(quiet);
    let rows = wanted.iter().zip(found).filter_map(|((_, candidate), found)| {
        let (measurement, kept) = found?;
        Some(MeasuredRow {
            label: candidate.label.to_string(),
            precision: candidate.precision,
            latency_ms: measurement.relative * reference_ms,
            low_ms: measurement.relative_low * reference_ms,
            high_ms: measurement.relative_high * reference_ms,
            kept,
            measurement,
        })
    });
    Ok(rows.collect())
}

/// The key under which a latency is kept: structure, device, procedure.
pub fn measurement_key(device: &dyn Device, graph: &Graph, precision: Precision) -> Result<String> {
    Ok(format!("{}-{}-{precision}", device.structure_key(graph, precision)?, device_key(device)))
}

fn device_key(device: &dyn Device) -> String {
    let fingerprint = serde_json::to_string(device.fingerprint()).unwrap_or_default();
    hash_hex(format!("{fingerprint} procedure {PROCEDURE}").as_bytes())
}

fn detail(device: &dyn Device) -> Detail {
    Detail { device: serde_json::to_value(device.fingerprint()).ok(), ..Detail::default() }
}

/// The anchor's reference time in ms: that of the lab, once it has one; else the quiet time just seen.
fn reference(device: &dyn Device, fresh: &[f64], progress: &Progress, cancel: &Cancel, lab: Option<&Lab>) -> Result<f64> {
    let quietest = fresh.iter().copied().fold(f64::INFINITY, f64::min);
    let Some(lab) = lab else {
        return if quietest.is_finite() { Ok(quietest) } else { anchor_quiet_ms(device, REFERENCE_S, cancel) };
    };
    let key = format!("anchor-{}", device_key(device));
    let known: Option<f64> = lab.measurement(&key)?;
    let reference = match known {
        Some(known) if quietest >= known * BETTER => return Ok(known),
        Some(known) => {
            let change = 100.0 * (1.0 - quietest / known);
            progress.say(&format!("the machine is {change:.0}% faster than when its reference was taken: all latencies follow"));
            quietest
        }
        None => anchor_quiet_ms(device, REFERENCE_S, cancel)?.min(quietest),
    };
    // Another session may have set one meanwhile: the lower counts, unless it is only by chance a little lower.
    lab.update_measurement(&key, &detail(device), |now: Option<f64>| match now {
        Some(now) if reference >= now * BETTER => now,
        _ => reference,
    })
}

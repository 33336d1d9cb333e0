//! Measuring many graphs: groups that fit in memory, nothing measured twice, figures a person can compare.

use std::collections::HashSet;
use std::time::Instant;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::measure::{Candidate, MeasureOptions, PROCEDURE, anchor_quiet_ms, measure};
use super::visits::Measurement;
use super::{Device, DeviceFault, need_precision};
use crate::base::{Cancel, Fault, Progress, Quiet, Result, hash_hex};
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

/// Times each graph in each of `precisions`; rows come graph by graph, in the order given. Fails with the first graph that
/// the device cannot run; else as [`measure_all`].
pub fn measure_graphs(
    device: &dyn Device,
    graphs: &[(String, &Graph)],
    precisions: &[Precision],
    options: &MeasureOptions,
    progress: &Progress,
    cancel: &Cancel,
    lab: Option<&Lab>,
) -> Result<Vec<MeasuredRow>> {
    measure_all(device, graphs, precisions, options, progress, cancel, lab)?.into_iter().collect()
}

/// What is asked for: its key, what to time, and what was found.
struct Wanted<'a> {
    key: Result<String>,
    candidate: Candidate<'a>,
    found: Option<(Result<Measurement>, bool)>,
}

/// Times each graph in each of `precisions`; rows come graph by graph, in the order given, each for itself a latency or the
/// fault for which there is none.
///
/// What `lab` holds from before is not measured again, unless `options.fresh`, or the budget cut it short; equal structures
/// are measured once. The machine is held for measuring meanwhile. Rows are kept in the lab as they are settled and at the
/// end of each group, so that a process which is killed and started again goes on.
pub fn measure_all(
    device: &dyn Device,
    graphs: &[(String, &Graph)],
    precisions: &[Precision],
    options: &MeasureOptions,
    progress: &Progress,
    cancel: &Cancel,
    lab: Option<&Lab>,
) -> Result<Vec<Result<MeasuredRow>>> {
    precisions.iter().try_for_each(|&precision| need_precision(device, precision))?;
    if let Some(lab) = lab.filter(|_| device.needs_quiet()) {
        lab.running().version("runtime", &device.fingerprint().runtime);
    }
    let mut candidates = vec![];
    for (label, graph) in graphs {
        candidates.extend(precisions.iter().map(|&precision| Candidate { label, graph, precision }));
    }
    let key = |one: &Candidate<'_>| {
        cancel.check()?;
        Ok(measurement_key(device, one.graph, one.precision).map_err(|fault| one.own(fault)))
    };
    let keys = candidates.par_iter().map(key).collect::<Result<Vec<_>>>()?;
    let mut wanted: Vec<_> =
        candidates.into_iter().zip(keys).map(|(candidate, key)| Wanted { key, candidate, found: None }).collect();
    look_up(&mut wanted, options, lab)?;
    let mut missing = missing(&wanted);
    let had = wanted.iter().filter(|one| one.found.is_some()).count();
    if had > 0 && !missing.is_empty() {
        progress.say(&format!("{had} of {} latencies taken from the lab", wanted.len()));
    }
    let quiet = if missing.is_empty() || !device.needs_quiet() { None } else { Some(Quiet::hold(progress, cancel)?) };
    if quiet.is_some() {
        // Another session may have measured some of them while this one waited for the machine.
        look_up(&mut wanted, options, lab)?;
        missing.retain(|&index| wanted[index].found.is_none());
    }
    let groups = missing.len().div_ceil(GROUP);
    let known: Option<f64> = lab.map(|lab| lab.measurement(&anchor_key(device))).transpose()?.flatten();
    let bar = (groups > 1).then(|| progress.task("measuring groups of networks", groups as u64));
    let began = Instant::now();
    for (done, group) in missing.chunks(GROUP).enumerate() {
        // What a group leaves of its share is for the others.
        let left_s = (options.budget_s - began.elapsed().as_secs_f64()).max(options.budget_s / groups as f64 / 4.0);
        let share = MeasureOptions { budget_s: left_s / (groups - done) as f64, quiet_ms: known, ..*options };
        let candidates: Vec<_> = group.iter().map(|&index| wanted[index].candidate).collect();
        let keys: Vec<_> = group.iter().map(|&index| wanted[index].key.clone()).collect();
        let mut keep = |place: usize, found: &Measurement| match (lab, &keys[place]) {
            (Some(lab), Ok(key)) => lab.keep_measurement(key, found, &detail(device)),
            _ => Ok(()),
        };
        let found = measure(device, &candidates, &share, progress, cancel, &mut keep)?;
        for (place, found) in found.into_iter().enumerate() {
            if let Ok(found) = &found {
                keep(place, found)?;
            }
            for one in wanted.iter_mut().filter(|one| one.key == keys[place]) {
                let own = |fault: Fault| {
                    if one.candidate.label == candidates[place].label { fault } else { relabelled(fault, one.candidate.label) }
                };
                one.found = Some((found.clone().map_err(own), false));
            }
        }
        if let Some(bar) = &bar {
            bar.advance(1);
        }
    }
    let fresh: Vec<_> = wanted
        .iter()
        .filter_map(|one| one.found.as_ref())
        .filter(|(_, kept)| !kept)
        .filter_map(|(found, _)| found.as_ref().ok().map(|m| m.anchor_ms))
        .collect();
    let reference_ms = reference(device, &fresh, progress, cancel, lab)?;
    drop(quiet);
    Ok(wanted.into_iter().map(|one| one.row(reference_ms)).collect())
}

impl Wanted<'_> {
    fn row(self, reference_ms: f64) -> Result<MeasuredRow> {
        self.key?;
        let left_out =
            || Fault::new("device::not_measured", format!("`{}` was not measured", self.candidate.label), "measure again");
        let (measurement, kept) = self.found.ok_or_else(left_out)?;
        let measurement = measurement?;
        Ok(MeasuredRow {
            label: self.candidate.label.to_string(),
            precision: self.candidate.precision,
            latency_ms: measurement.relative * reference_ms,
            low_ms: measurement.relative_low * reference_ms,
            high_ms: measurement.relative_high * reference_ms,
            kept,
            measurement,
        })
    }
}

/// The fault of a graph of the same structure, under another name.
fn relabelled(fault: Fault, label: &str) -> Fault {
    let message = fault.message.split_once("` in ").map_or(fault.message.clone(), |(_, rest)| format!("`{label}` in {rest}"));
    Fault { message, ..fault }
}

/// Takes from the lab what it has.
fn look_up(wanted: &mut [Wanted<'_>], options: &MeasureOptions, lab: Option<&Lab>) -> Result<()> {
    let Some(lab) = lab.filter(|_| !options.fresh) else { return Ok(()) };
    for one in wanted.iter_mut().filter(|one| one.found.is_none()) {
        let Ok(key) = &one.key else { continue };
        let found: Option<Measurement> = lab.measurement(key)?;
        one.found = found.filter(Measurement::is_sound).map(|found| (Ok(found), true));
    }
    Ok(())
}

/// Places of what must be measured, each structure once.
fn missing(wanted: &[Wanted<'_>]) -> Vec<usize> {
    let mut known = HashSet::new();
    let open = wanted.iter().enumerate().filter(|(_, one)| one.found.is_none());
    open.filter(|(_, one)| one.key.as_ref().is_ok_and(|key| known.insert(key.clone()))).map(|(index, _)| index).collect()
}

/// The measurement of one graph that the lab holds.
pub fn kept_measurement(device: &dyn Device, label: &str, graph: &Graph, precision: Precision, lab: &Lab) -> Result<Measurement> {
    let found = lab.measurement(&measurement_key(device, graph, precision)?)?;
    Ok(found.ok_or_else(|| DeviceFault::NotMeasured { label: label.into() })?)
}

/// The key under which a latency is kept: structure, device, procedure.
pub fn measurement_key(device: &dyn Device, graph: &Graph, precision: Precision) -> Result<String> {
    Ok(format!("{}-{}-{precision}", device.structure_key(graph, precision)?, device_key(device)))
}

fn device_key(device: &dyn Device) -> String {
    hash_hex(format!("{} procedure {PROCEDURE}", device.fingerprint().key()).as_bytes())
}

fn detail(device: &dyn Device) -> Detail {
    Detail { device: serde_json::to_value(device.fingerprint()).ok(), ..Detail::default() }
}

/// The key under which the anchor's quiet time on a device is kept.
fn anchor_key(device: &dyn Device) -> String {
    format!("anchor-{}", device_key(device))
}

/// The anchor's reference time in ms: that of the lab, once it has one; else the quiet time just seen.
fn reference(device: &dyn Device, fresh: &[f64], progress: &Progress, cancel: &Cancel, lab: Option<&Lab>) -> Result<f64> {
    let quietest = fresh.iter().copied().fold(f64::INFINITY, f64::min);
    let Some(lab) = lab else {
        return if quietest.is_finite() { Ok(quietest) } else { anchor_quiet_ms(device, REFERENCE_S, cancel) };
    };
    let key = anchor_key(device);
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

//! The measuring procedure: interleaved rounds, each candidate between two runs of the anchor.
//!
//! A virtual machine changes its speed by tens of per cent from one second to the next, so times alone do not
//! repeat. What does repeat is a candidate's time over that of a fixed *anchor* network run right before and after
//! it, in moments when the machine is quiet. Hence, in each round and for each candidate: one run that is not timed,
//! three that are, of which the fastest counts, and the anchor likewise on either side. A visit whose anchor was more
//! than 10% slower than in the machine's quiet moments (5% quantile of all anchor runs, or what the
//! lab knows from before) is rejected, unless most are:
//! then the calmer half counts. A disturbed visit's time is taken back by what its anchor lost, to a power that is smaller
//! for longer candidates ([`super::visits`]). The reported figure is the median of what remains.
//!
//! Both the clock of the thread and that of the wall are read. A run that by one of them cannot have happened (no time,
//! more time of one thread than passed on the wall, a ratio three times off the median) is a jump of the clock: left out
//! and counted, and a fault where it is the rule. Networks are loaded anew now and then, so that a place in memory that is
//! lucky or unlucky does not decide the figure.
//!
//! On two shared cores with a load of 6, repeated runs of 60 rounds differed by a standard deviation of 0.5%
//! (largest 2%), against 8% (15%) for plain medians; of 20 rounds by 1.7%. An INT8 anchor served both precisions
//! better than an FP32 one.

use std::time::Instant;

use rand::seq::SliceRandom;

use super::visits::{Measurement, RUNS, SOUND_VISITS, Visit, Visits, quiet_of, summaries};
use super::{Device, DeviceFault, Elapsed, Runner, anchor};
use crate::base::{Cancel, Fault, Progress, Result, Seed};
use crate::graph::Graph;
use crate::onnx::Precision;

/// Version of the procedure; part of the key of kept measurements.
pub const PROCEDURE: u32 = 3;
/// After so many rounds networks are loaded anew, then after twice as many, and so on.
const RELOAD: usize = 6;
/// Loading anew may take this part of the time spent on rounds.
const RELOAD_SHARE: f64 = 0.25;
/// A thread cannot work longer than passes on the wall, but for the grain of the clocks: a factor, and ms.
const GRAIN: (f64, f64) = (1.02, 0.05);

/// How carefully to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasureOptions {
    /// Stop when the visits' own 95% interval of each median is narrower than this, in % of the median.
    pub interval_pct: f64,
    /// Rounds at least.
    pub least_rounds: usize,
    /// Stop after this many seconds, settled or not.
    pub budget_s: f64,
    /// Measure again what the lab already holds.
    pub fresh: bool,
    /// The anchor's quiet time in ms, where it is known; quieter moments still count.
    pub quiet_ms: Option<f64>,
}

impl Default for MeasureOptions {
    fn default() -> Self {
        Self { interval_pct: 3.0, least_rounds: SOUND_VISITS, budget_s: 120.0, fresh: false, quiet_ms: None }
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

impl Candidate<'_> {
    fn load(&self, device: &dyn Device) -> Result<Box<dyn Runner>> {
        device.load(self.graph, self.precision).map_err(|fault| self.own(fault))
    }

    pub(super) fn own(&self, fault: Fault) -> Fault {
        fault.during(&format!("`{}` in {}", self.label, self.precision))
    }
}

/// A candidate under way.
struct Course {
    runner: Result<Box<dyn Runner>>,
    settled: bool,
}

/// Times all candidates together; the result has their order, with the fault of each that the device cannot run. `settled`
/// hears of each as soon as it is sure enough. The machine should be held by [`crate::base::Quiet`].
pub fn measure(
    device: &dyn Device,
    candidates: &[Candidate<'_>],
    options: &MeasureOptions,
    progress: &Progress,
    cancel: &Cancel,
    settled: &mut dyn FnMut(usize, &Measurement) -> Result<()>,
) -> Result<Vec<Result<Measurement>>> {
    check(options)?;
    if candidates.is_empty() {
        return Ok(vec![]);
    }
    let began = Instant::now();
    let mut anchor = load_anchor(device)?;
    let mut courses = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        cancel.check()?;
        courses.push(Course { runner: candidate.load(device), settled: false });
    }
    let loading_s = began.elapsed().as_secs_f64();
    let mut anchors = vec![];
    for _ in 0..20 {
        anchors.extend(fastest(anchor.as_mut())?.best.map(|run| run.ms));
    }
    let bar = progress.task("measuring", candidates.len() as u64);
    let mut visits = vec![Visits::default(); candidates.len()];
    let mut active: Vec<usize> = (0..candidates.len()).filter(|&index| courses[index].runner.is_ok()).collect();
    let (mut round, mut reload, mut lost) = (0_u32, RELOAD, 0);
    loop {
        // Another order in each round, so that no candidate always follows the same one.
        active.shuffle(&mut Seed(PROCEDURE.into()).at(round.into()).rng());
        let mut before = fastest(anchor.as_mut())?;
        for &index in &active {
            cancel.check()?;
            let Ok(runner) = &mut courses[index].runner else { continue };
            let run = match fastest(runner.as_mut()) {
                Ok(run) => run,
                Err(fault) => {
                    courses[index].runner = Err(candidates[index].own(fault));
                    continue;
                }
            };
            let after = fastest(anchor.as_mut())?;
            anchors.extend(after.best.map(|run| run.ms));
            match (run.best, before.best.as_ref().zip(after.best.as_ref())) {
                (Some(run), Some((before, after))) => visits[index].all.push(Visit {
                    round,
                    ms: run.ms,
                    wall_ms: run.wall_ms,
                    anchor_ms: f64::midpoint(before.ms, after.ms),
                }),
                _ => lost += RUNS,
            }
            visits[index].jumps += run.jumps;
            before = after;
        }
        round += 1;
        let rounds_done = round as usize;
        let out_of_time = began.elapsed().as_secs_f64() >= options.budget_s;
        if device.needs_quiet() && rounds_done == reload && !out_of_time {
            reload *= 2;
            if loading_s < RELOAD_SHARE * (began.elapsed().as_secs_f64() - loading_s) {
                for &index in &active {
                    cancel.check()?;
                    courses[index].runner = candidates[index].load(device);
                }
            }
        }
        if rounds_done < options.least_rounds && !out_of_time {
            continue;
        }
        // What was settled is looked at again: a quieter moment may have shown that all before it was disturbed.
        let quiet = options.quiet_ms.map_or_else(|| quiet_of(&anchors), |known| known.min(quiet_of(&anchors)));
        let found = summaries(&visits, quiet, options.interval_pct, !device.needs_quiet());
        let is_settled = |index: usize| found[index].as_ref().is_some_and(|found| found.converged);
        active = (0..visits.len()).filter(|&index| courses[index].runner.is_ok() && !is_settled(index)).collect();
        bar.set((candidates.len() - active.len()) as u64, &format!("round {round}"));
        for (index, course) in courses.iter_mut().enumerate() {
            if let Some(found) = found[index].as_ref().filter(|found| found.converged && !course.settled) {
                course.settled = true;
                settled(index, found)?;
            }
        }
        if active.is_empty() || out_of_time {
            let outcome = |((found, course), candidate): ((Option<Measurement>, Course), &Candidate<'_>)| {
                course.runner?;
                believable(found, lost).map_err(|fault| candidate.own(fault))
            };
            return Ok(found.into_iter().zip(courses).zip(candidates).map(outcome).collect());
        }
    }
}

/// The measurement, unless the clock jumped in most of its runs.
fn believable(found: Option<Measurement>, lost: usize) -> Result<Measurement> {
    match found {
        Some(found) if found.jumps <= found.runs + found.rejected => Ok(found),
        Some(found) => Err(DeviceFault::Clock { jumps: found.jumps, runs: found.runs + found.rejected + found.jumps }.into()),
        None => Err(DeviceFault::Clock { jumps: lost, runs: lost }.into()),
    }
}

/// The anchor's quiet time on `device`, in ms: 5% quantile over `seconds`.
pub(super) fn anchor_quiet_ms(device: &dyn Device, seconds: f64, cancel: &Cancel) -> Result<f64> {
    let mut anchor = load_anchor(device)?;
    let began = Instant::now();
    let (mut times, mut tries) = (vec![], 0);
    while tries < 20 || (device.needs_quiet() && began.elapsed().as_secs_f64() < seconds) {
        cancel.check()?;
        tries += 1;
        times.extend(fastest(anchor.as_mut())?.best.map(|run| run.ms));
    }
    if times.is_empty() {
        return Err(DeviceFault::Clock { jumps: tries * RUNS, runs: tries * RUNS }.into());
    }
    Ok(quiet_of(&times))
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

/// A few runs: the fastest that can have happened, if there is one, and how many cannot.
struct Few {
    best: Option<Elapsed>,
    jumps: usize,
}

/// One run to warm up, then the fastest of a few.
fn fastest(runner: &mut dyn Runner) -> Result<Few> {
    runner.run()?;
    let mut few = Few { best: None, jumps: 0 };
    for _ in 0..RUNS {
        let run = runner.run()?;
        if !run.is_possible() {
            few.jumps += 1;
        } else if few.best.is_none_or(|best| run.ms < best.ms) {
            few.best = Some(run);
        }
    }
    Ok(few)
}

impl Elapsed {
    /// Whether both clocks can be right.
    fn is_possible(&self) -> bool {
        let Self { ms, wall_ms } = *self;
        ms.is_finite() && wall_ms.is_finite() && ms >= 0.0 && ms <= wall_ms * GRAIN.0 + GRAIN.1 && (ms > 0.0 || wall_ms <= 0.0)
    }
}

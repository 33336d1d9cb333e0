//! From the visits to one candidate to its latency: what is kept, what the clocks did, how sure the figure is.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::stats::{median, median_interval, quantile};

/// An anchor this much above its quiet time means that something disturbed the visit.
const DISTURBED: f64 = 1.10;
/// What disturbs the anchor slows a candidate that takes as long by this power of the anchor's slowdown, and a longer one by
/// less: calm and disturbed moments mix within its runs. The second number is what the power loses for each factor e.
/// Fitted to 527 networks of 0.1 to 50 ms on two shared cores with loud neighbours.
const SHARE: (f64, f64) = (0.87, 0.066);
/// The quantile of anchor times that counts as quiet.
const QUIET: f64 = 0.05;
/// Timed runs in a visit.
pub(super) const RUNS: usize = 3;
/// Calm visits that a figure needs to count as settled.
const LEAST_VISITS: usize = 8;
/// Visits, calm or not, that a figure needs to be worth keeping.
pub(super) const SOUND_VISITS: usize = 12;
/// A ratio this many times above or below the median is not a slow moment but a clock that jumped.
const JUMP: f64 = 3.0;
/// Visits in a row whose median is one value for the interval: what disturbs a machine lasts longer than one visit, so
/// that neighbours are no independent witnesses.
const BATCH: usize = 6;
/// Batches next to each other still lean the same way: the variance of their mean is by so much larger than that of as
/// many that know nothing of each other.
const LEANING: f64 = 1.4;
/// What is believed of the scatter of such medians before anything was seen (standard deviation of the logarithm), and
/// how many values that belief is worth.
const SCATTER: (f64, f64) = (0.02, 4.0);
/// How many values the scatter of all other candidates of the same rounds is worth, at most.
const SHARED: f64 = 8.0;
/// By so much the same network differs from process to process, each at its own place in memory (standard deviation of
/// the logarithm). No run within one process can see it. `tests/bench/repeat.sh` measures it.
const PROCESS: f64 = 0.008;

/// A visit: the candidate's fastest run by both clocks, and the mean of the anchor's fastest before and after, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// In which round.
    pub round: u32,
    /// By the device's clock.
    pub ms: f64,
    /// By the wall clock.
    pub wall_ms: f64,
    /// The anchor's.
    pub anchor_ms: f64,
}

impl Visit {
    fn ratio(&self) -> f64 {
        self.ms / self.anchor_ms
    }

    /// The time over the anchor's quiet time, had the visit been quiet too; `share` is the power of the slowdown.
    fn relative(&self, quiet_ms: f64, share: f64) -> f64 {
        self.ms / quiet_ms * (quiet_ms / self.anchor_ms).powf(share)
    }
}

/// The power of the anchor's slowdown that slows a candidate of `ratio` times the anchor's length.
fn share_of(ratio: f64) -> f64 {
    (SHARE.0 - SHARE.1 * ratio.max(1e-9).ln()).clamp(0.0, 1.0)
}

/// A measured latency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Median of time over anchor's time, both quiet, over the visits kept.
    pub relative: f64,
    /// Lower end of its 95% interval.
    pub relative_low: f64,
    /// Upper end.
    pub relative_high: f64,
    /// Plain median of the times kept, in ms, as the device's clock showed them.
    pub raw_median_ms: f64,
    /// The same by the wall clock.
    pub raw_wall_ms: f64,
    /// The anchor's quiet time during this measurement, in ms.
    pub anchor_ms: f64,
    /// Timed runs kept.
    pub runs: usize,
    /// Timed runs rejected because the machine was disturbed.
    pub rejected: usize,
    /// Timed runs rejected because a clock jumped.
    pub jumps: usize,
    /// Whether it became as sure as asked before the budget was spent.
    pub converged: bool,
    /// The visits, kept or not.
    pub raw: Vec<Visit>,
}

impl Measurement {
    /// Width of the 95% interval in % of the median.
    pub fn interval_pct(&self) -> f64 {
        100.0 * (self.relative_high - self.relative_low) / self.relative
    }

    /// Whether there are visits enough for a figure that more time would only make sharper.
    pub fn is_sound(&self) -> bool {
        self.converged || self.raw.len() >= SOUND_VISITS
    }

    /// For each of the raw visits whether its anchor was calm.
    pub fn calm(&self) -> Vec<bool> {
        self.raw.iter().map(|visit| is_calm(visit, self.anchor_ms)).collect()
    }
}

/// All visits to one candidate.
#[derive(Debug, Clone, Default)]
pub(super) struct Visits {
    pub(super) all: Vec<Visit>,
    /// Runs that were lost to a clock that jumped.
    pub(super) jumps: usize,
}

/// Visits that count, of one candidate.
struct Kept<'a> {
    visits: Vec<&'a Visit>,
    /// What each says of the candidate's time over the anchor's, both quiet.
    relative: Vec<f64>,
    calm: usize,
    jumps: usize,
}

fn is_calm(visit: &Visit, quiet_ms: f64) -> bool {
    visit.anchor_ms <= quiet_ms * DISTURBED
}

impl Visits {
    fn kept(&self, quiet_ms: f64) -> Kept<'_> {
        let middle = median(&self.all.iter().map(Visit::ratio).collect::<Vec<_>>());
        let sane = |visit: &&Visit| visit.ratio() <= middle * JUMP && visit.ratio() >= middle / JUMP;
        let sane: Vec<&Visit> = self.all.iter().filter(sane).collect();
        let jumps = self.jumps + (self.all.len() - sane.len()) * RUNS;
        let calm = sane.iter().filter(|visit| is_calm(visit, quiet_ms)).count();
        // The calm ones; with few of them the calmer half.
        let anchors: Vec<_> = sane.iter().map(|visit| visit.anchor_ms).collect();
        let limit = median(&anchors).max(quiet_ms * DISTURBED);
        let visits: Vec<&Visit> = sane.into_iter().filter(|visit| visit.anchor_ms <= limit).collect();
        let share = share_of(middle);
        let relative = visits.iter().map(|visit| visit.relative(quiet_ms, share)).collect();
        Kept { visits, relative, calm, jumps }
    }
}

/// The quiet time among `times` of the anchor, in ms.
pub(super) fn quiet_of(times: &[f64]) -> f64 {
    quantile(times, QUIET)
}

/// Medians of batches of visits, as logarithms.
fn batches(kept: &[f64]) -> Vec<f64> {
    let whole = (kept.len() / BATCH).max(1);
    let size = kept.len().div_ceil(whole).max(1);
    kept.chunks(size).map(|batch| median(batch).ln()).collect()
}

/// Sum of squares around the mean, and its degrees of freedom.
fn scatter(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    (values.iter().map(|value| (value - mean) * (value - mean)).sum(), values.len().saturating_sub(1) as f64)
}

/// What the visits say of each candidate; `None` for one without a visit. Candidates that were measured in the same rounds
/// help each other to know how far medians scatter. `quiet`: the anchor's quiet time in ms. `exact`: the device counts, and what it says holds everywhere.
pub(super) fn summaries(visits: &[Visits], quiet: f64, interval_pct: f64, exact: bool) -> Vec<Option<Measurement>> {
    let kept: Vec<_> = visits.iter().map(|own| own.kept(quiet)).collect();
    let logs: Vec<_> = kept.iter().map(|own| batches(&own.relative)).collect();
    let (squares, freedom) = logs.iter().map(|own| scatter(own)).fold((0.0, 0.0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
    let pooled = (SCATTER.1 * SCATTER.0 * SCATTER.0 + squares) / (SCATTER.1 + freedom);
    let worth = (SCATTER.1 + freedom).min(SHARED);
    let one = |((own, logs), all): ((&Kept<'_>, &Vec<f64>), &Visits)| {
        if own.visits.is_empty() {
            return None;
        }
        let relative = median(&own.relative);
        let (mut low, mut high) = median_interval(&own.relative);
        let settled = own.calm >= LEAST_VISITS && 100.0 * (high - low) <= interval_pct * relative;
        if !exact {
            let (squares, freedom) = scatter(logs);
            let variance = (worth * pooled + squares) / (worth + freedom);
            let t = StudentsT::new(0.0, 1.0, worth + freedom).map_or(1.96, |t| t.inverse_cdf(0.975));
            let half = t * (LEANING * variance / logs.len() as f64 + PROCESS * PROCESS).sqrt();
            low = low.min(relative * (-half).exp());
            high = high.max(relative * half.exp());
        }
        let of = |pick: fn(&Visit) -> f64| median(&own.visits.iter().map(|visit| pick(visit)).collect::<Vec<_>>());
        Some(Measurement {
            relative,
            relative_low: low,
            relative_high: high,
            raw_median_ms: of(|visit| visit.ms),
            raw_wall_ms: of(|visit| visit.wall_ms),
            anchor_ms: quiet,
            runs: own.visits.len() * RUNS,
            rejected: (all.all.len() - own.visits.len()) * RUNS,
            jumps: own.jumps,
            converged: settled,
            raw: all.all.clone(),
        })
    };
    kept.iter().zip(&logs).zip(visits).map(one).collect()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::base::Seed;

    fn quiet_ms(visits: &[Visits]) -> f64 {
        quiet_of(&visits.iter().flat_map(|own| &own.all).map(|visit| visit.anchor_ms).collect::<Vec<_>>())
    }

    /// A number from about a normal distribution with standard deviation 1.
    fn normal(rng: &mut crate::base::Rng) -> f64 {
        (0..12).map(|_| rng.random_range(0.0..1.0_f64)).sum::<f64>() - 6.0
    }

    /// Visits in one process: it has a shift of its own, the machine's pace wanders slowly, and each visit is noisy, skewed.
    fn process(truth: f64, shift: f64, wander: f64, noise: f64, rounds: u32, rng: &mut crate::base::Rng) -> Visits {
        let own = normal(rng) * shift;
        let mut pace: f64 = 0.0;
        let all = (0..rounds).map(|round| {
            pace = 0.8 * pace + 0.6 * wander * normal(rng);
            let late = noise * -rng.random_range(1e-9..1.0_f64).ln();
            let anchor = 0.15 * (1.0 + 0.03 * rng.random_range(0.0..1.0_f64));
            let ms = (truth.ln() + own + pace + late - noise * std::f64::consts::LN_2).exp() * anchor;
            Visit { round, ms, wall_ms: ms, anchor_ms: anchor }
        });
        Visits { all: all.collect(), jumps: 0 }
    }

    #[test]
    fn intervals_hold_the_long_run_value_nine_times_in_ten() {
        // Quiet and busy machines, few rounds and many: shift from process to process, wandering pace, noise of a visit.
        for (shift, wander, noise, rounds) in
            [(0.006, 0.003, 0.006, 12), (0.008, 0.01, 0.02, 12), (0.008, 0.02, 0.03, 40), (0.01, 0.03, 0.05, 24)]
        {
            let mut rng = Seed(17).rng();
            let (mut hits, mut widths, mut old) = (0, 0.0, 0);
            for _ in 0..200 {
                let visits: Vec<_> = (0..5).map(|_| process(2.0, shift, wander, noise, rounds, &mut rng)).collect();
                for (found, visits) in summaries(&visits, quiet_ms(&visits), 3.0, false).into_iter().zip(&visits) {
                    let found = found.unwrap();
                    hits += usize::from(found.relative_low <= 2.0 && 2.0 <= found.relative_high);
                    widths += found.interval_pct();
                    let plain = median_interval(&visits.all.iter().map(Visit::ratio).collect::<Vec<_>>());
                    old += usize::from(plain.0 <= 2.0 && 2.0 <= plain.1);
                }
            }
            let (share, old, width) = (f64::from(hits as u32) / 1000.0, f64::from(old as u32) / 1000.0, widths / 1000.0);
            println!("{shift} {wander} {noise} {rounds}: {share} held (plain intervals {old}), {width:.1} % wide");
            assert!(share >= 0.90, "{shift} {wander} {noise} {rounds}: {share}");
            assert!(width < 25.0, "{width}");
        }
    }

    #[test]
    fn a_visit_that_no_machine_can_make_is_a_jump_of_the_clock() {
        let mut rng = Seed(3).rng();
        let mut visits = process(2.0, 0.0, 0.0, 0.005, 20, &mut rng);
        visits.all[4].ms = 900.0;
        visits.all[9].ms = 1e-6;
        let visits = [visits];
        let found = summaries(&visits, quiet_ms(&visits), 3.0, false).remove(0).unwrap();
        assert_eq!((found.jumps, found.runs), (2 * RUNS, 18 * RUNS));
        assert!((found.relative / 2.0 - 1.0).abs() < 0.01, "{}", found.relative);
    }

    #[test]
    fn disturbed_visits_are_left_out_while_enough_remain() {
        let mut rng = Seed(4).rng();
        let mut visits = process(2.0, 0.0, 0.0, 0.005, 20, &mut rng);
        for visit in visits.all.iter_mut().take(6) {
            visit.anchor_ms *= 1.5;
            visit.ms *= 2.2;
        }
        let visits = [visits];
        let found = summaries(&visits, quiet_ms(&visits), 3.0, false).remove(0).unwrap();
        assert_eq!((found.rejected, found.runs), (6 * RUNS, 14 * RUNS));
        assert_eq!(found.calm().iter().filter(|calm| **calm).count(), 14);
    }
}

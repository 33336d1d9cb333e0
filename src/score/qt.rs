//! The Q-T score: how low the losses of a search space are among its samples that keep a latency limit,
//! and how many keep it.

use std::collections::BTreeMap;

use super::ScoreFault;
use super::draws::{Draws, Recipe};
use crate::base::{Result, Seed};
use crate::lut::{Lut, Sample};
use crate::space::SearchSpace;

/// Options of [`qt_score`].
#[derive(Debug, Clone, PartialEq)]
pub struct QtOptions {
    /// Latency limits; the score is the sum over them.
    pub limits_ms: Vec<f64>,
    /// Networks to draw.
    pub samples: usize,
    /// Networks that share one draw of the resolution.
    pub group: usize,
    /// Of the networks that keep the limit, how many with the lowest losses count.
    pub top: usize,
    /// Share of networks that must keep the limit, below which the score is lowered.
    pub share: f64,
    /// How steeply it is lowered: the exponent.
    pub steepness: f64,
    /// Latency of everything beside the searched stages, by resolution; empty to leave it out.
    pub other_ms: BTreeMap<usize, f64>,
    /// Seed of the draws; they are the same for every search space.
    pub seed: Seed,
}

impl Default for QtOptions {
    fn default() -> Self {
        Self {
            limits_ms: Vec::new(),
            samples: 100_000,
            group: 500,
            top: 50,
            share: 0.1,
            steepness: 0.01,
            other_ms: BTreeMap::new(),
            seed: Seed(0),
        }
    }
}

/// A space at one latency limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimitScore {
    /// The limit.
    pub limit_ms: f64,
    /// 1 / (latency loss x top loss).
    pub score: f64,
    /// Share of drawn networks that keep the limit.
    pub share: f64,
    /// max(1, (wanted share / share)^steepness).
    pub latency_loss: f64,
    /// Mean loss of the best networks that keep the limit; 100,000 if none does.
    pub top_loss: f64,
}

/// The score of a search space; larger is better.
#[derive(Debug, Clone, PartialEq)]
pub struct QtScore {
    /// Sum of the limits' scores.
    pub score: f64,
    /// What it is made of.
    pub limits: Vec<LimitScore>,
}

/// Scores `space` from the samples of `lut`. A network is drawn by taking a row for each searched stage,
/// independently; its loss and latency are the sums of theirs. Formula: the SpaceEvo paper's Q-T score, as its
/// published code computes it. The draws depend on the seed and the stage alone, so two spaces that share
/// a stage share its draws. Fails with `score::option`, `score::no_samples`, `score::other_ms`.
pub fn qt_score(space: &SearchSpace, lut: &Lut, options: &QtOptions) -> Result<QtScore> {
    options.check()?;
    let hyperspace = &space.hyperspace;
    let searched = hyperspace.searched();
    let resolutions = lut.resolutions();
    // tables[resolution][stage]
    let tables = resolutions
        .iter()
        .map(|&resolution| {
            let stages = searched.iter().zip(&space.windows).map(|(&index, &window)| {
                let (stage, operator) = (&hyperspace.stages[index].name, space.operator(index).name());
                let table = lut.group(stage, operator, window, resolution);
                let (stage, operator) = (stage.clone(), operator.to_string());
                (!table.is_empty()).then_some(table).ok_or(ScoreFault::NoSamples { stage, operator, window, resolution })
            });
            stages.collect::<Result<Vec<_>, _>>()
        })
        .collect::<Result<Vec<_>, _>>()?;
    let other = resolutions
        .iter()
        .map(|resolution| match options.other_ms.get(resolution) {
            Some(&other) => Ok(other),
            None if options.other_ms.is_empty() => Ok(0.0),
            None => Err(ScoreFault::Other { resolution: *resolution }),
        })
        .collect::<Result<Vec<_>, _>>()?;

    let recipe = Recipe {
        seed: options.seed,
        samples: options.samples,
        group: options.group,
        stages: searched.len(),
        resolutions: resolutions.len(),
    };
    let draws = Draws::of(recipe);
    let mut kept: Vec<_> = options.limits_ms.iter().map(|&limit| Kept::new(limit, options.top)).collect();
    let mut sums = Vec::with_capacity(options.group);
    for (group, &resolution) in draws.resolution.iter().enumerate() {
        let begin = group * options.group;
        let end = (begin + options.group).min(options.samples);
        sums.clear();
        sums.resize(end - begin, Sample { loss: 0.0, latency_ms: other[resolution] });
        for (table, rows) in tables[resolution].iter().zip(&draws.rows) {
            for (sum, &draw) in sums.iter_mut().zip(&rows[begin..end]) {
                // A 32-bit fraction of the table's length: always below it.
                let row = table[((u64::from(draw) * table.len() as u64) >> 32) as usize];
                sum.loss += row.loss;
                sum.latency_ms += row.latency_ms;
            }
        }
        for kept in &mut kept {
            kept.take(&sums);
        }
    }
    let limits: Vec<_> = kept.into_iter().map(|kept| kept.finish(options)).collect();
    Ok(QtScore { score: limits.iter().map(|limit| limit.score).sum(), limits })
}

impl QtOptions {
    fn check(&self) -> Result<(), ScoreFault> {
        let wrong = |option, value: String, rule| Err(ScoreFault::Option { option, value, rule });
        if self.limits_ms.is_empty() {
            return wrong("limits", "empty".into(), "at least one latency limit is needed");
        }
        if let Some(limit) = self.limits_ms.iter().find(|limit| !limit.is_finite() || **limit <= 0.0) {
            return wrong("limits", limit.to_string(), "a latency limit is a positive number of milliseconds");
        }
        for (option, value) in [("samples", self.samples), ("group", self.group), ("top", self.top)] {
            if value == 0 {
                return wrong(option, "0".into(), "it must be at least 1");
            }
        }
        for (option, value) in [("share", self.share), ("steepness", self.steepness)] {
            if !value.is_finite() || value < 0.0 {
                return wrong(option, value.to_string(), "it must be 0 or more");
            }
        }
        Ok(())
    }
}

/// Networks that keep one limit: how many, and the lowest losses.
struct Kept {
    limit_ms: f64,
    top: usize,
    count: usize,
    /// At least the lowest `top` losses so far, in no order.
    losses: Vec<f64>,
    /// Losses from here on cannot be among them.
    bound: f64,
}

impl Kept {
    fn new(limit_ms: f64, top: usize) -> Self {
        Self { limit_ms, top, count: 0, losses: Vec::with_capacity(4 * top), bound: f64::INFINITY }
    }

    fn take(&mut self, sums: &[Sample]) {
        let (mut count, mut bound) = (0, self.bound);
        for sum in sums {
            let keeps = sum.latency_ms <= self.limit_ms;
            count += usize::from(keeps);
            // Rarely true once a few hundred networks were seen.
            if keeps && sum.loss < bound {
                self.losses.push(sum.loss);
                if self.losses.len() == 4 * self.top {
                    let (_, last, _) = self.losses.select_nth_unstable_by(self.top - 1, f64::total_cmp);
                    bound = *last;
                    self.losses.truncate(self.top);
                }
            }
        }
        self.bound = bound;
        self.count += count;
    }

    fn finish(mut self, options: &QtOptions) -> LimitScore {
        // In order, so that rounding does not depend on how they were found.
        self.losses.sort_unstable_by(f64::total_cmp);
        self.losses.truncate(self.top);
        let share = self.count as f64 / options.samples as f64;
        let latency_loss = (options.share / (share + 1e-5)).powf(options.steepness).max(1.0);
        let top_loss = match self.losses.len() {
            0 => 1e5,
            found => self.losses.iter().sum::<f64>() / (found as f64 + 1e-5),
        };
        LimitScore { limit_ms: self.limit_ms, score: 1.0 / (latency_loss * top_loss), share, latency_loss, top_loss }
    }
}

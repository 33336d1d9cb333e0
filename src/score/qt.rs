//! The Q-T score: how low the losses of a search space are among its networks that keep a latency limit,
//! and how many keep it.

use std::collections::BTreeMap;

use super::ScoreFault;
use super::exact::{Bins, exact};
use super::measure::Formula;
use super::rows::Drawing;
use super::sampled::{Condition, Others, Question, Reduction, sampled};
use crate::base::Result;
use crate::lut::{INT8_MS, LOSS, Lut};
use crate::space::SearchSpace;

/// Top loss of the reference where no network keeps the limit.
const HOPELESS: f64 = 1e5;
/// What the reference adds to a share and to a count before it divides by them.
const EPSILON: f64 = 1e-5;

/// Whose formula, to the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QtMode {
    /// Shares and means as they are; a limit that no network keeps scores 0.
    #[default]
    Sound,
    /// The published code's: 0.00001 is added to the share and to the number of best networks, and where no network keeps
    /// a limit the top loss is 100,000.
    Reference,
}

/// How networks are looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QtMethod {
    /// A sample of them is drawn.
    Sampled,
    /// All of them, by their distribution.
    Exact(Bins),
}

/// Options of [`qt_score`].
#[derive(Debug, Clone, PartialEq)]
pub struct QtOptions {
    /// Limits, each a bound for one or more columns of the table that must hold together; the score is the sum over them.
    pub limits: Vec<BTreeMap<String, f64>>,
    /// Of the networks that keep the limit, how many with the lowest losses count.
    pub top: usize,
    /// Share of networks that must keep the limit, below which the score is lowered.
    pub share: f64,
    /// How steeply it is lowered: the exponent.
    pub steepness: f64,
    /// For each column that limits bound: what every network has of it beside its searched stages, by resolution.
    pub other: Others,
    /// How networks are drawn.
    pub drawing: Drawing,
    /// Sampled or exact.
    pub method: QtMethod,
    /// Whose formula.
    pub mode: QtMode,
}

impl Default for QtOptions {
    fn default() -> Self {
        Self {
            limits: Vec::new(),
            top: 50,
            share: 0.1,
            steepness: 0.01,
            other: BTreeMap::new(),
            drawing: Drawing::default(),
            method: QtMethod::Sampled,
            mode: QtMode::Sound,
        }
    }
}

impl QtOptions {
    /// Options with these INT8 latency limits, in ms.
    pub fn within_ms(limits: &[f64]) -> Self {
        let limits = limits.iter().map(|&limit| BTreeMap::from([(INT8_MS.to_string(), limit)])).collect();
        Self { limits, ..Self::default() }
    }

    fn check(&self) -> Result<(), ScoreFault> {
        let wrong = |option, value: String, rule| Err(ScoreFault::Option { option, value, rule });
        for limit in &self.limits {
            if limit.is_empty() {
                return wrong("limits", "an empty map".into(), "a limit bounds at least one column");
            }
            if let Some(bound) = limit.values().find(|bound| !bound.is_finite() || **bound <= 0.0) {
                return wrong("limits", bound.to_string(), "a limit is a positive number");
            }
        }
        for (option, value) in [("t", self.share), ("a", self.steepness)] {
            if !value.is_finite() || value < 0.0 {
                return wrong(option, value.to_string(), "it must be 0 or more");
            }
        }
        Ok(())
    }
}

/// A space at one limit.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitScore {
    /// The limit: bounds by column.
    pub limit: BTreeMap<String, f64>,
    /// 1 / (latency loss x top loss).
    pub score: f64,
    /// Share of networks that keep the limit.
    pub share: f64,
    /// max(1, (wanted share / share)^steepness).
    pub latency_loss: f64,
    /// Mean loss of the best networks that keep the limit; infinite (in the reference's mode 100,000) if none does.
    pub top_loss: f64,
    /// Between what the score surely lies, if it is exact but for the bins of its method.
    pub bracket: Option<(f64, f64)>,
}

/// The score of a search space; larger is better.
#[derive(Debug, Clone, PartialEq)]
pub struct QtScore {
    /// Sum of the limits' scores.
    pub score: f64,
    /// What it is made of.
    pub limits: Vec<LimitScore>,
}

impl QtScore {
    /// Between what the score surely lies; `None` if it was sampled.
    pub fn bracket(&self) -> Option<(f64, f64)> {
        self.limits.iter().try_fold((0.0, 0.0), |(low, high), limit| limit.bracket.map(|(a, b)| (low + a, high + b)))
    }
}

/// Scores `space` from the samples of `lut`. A network is drawn by taking a row for each searched stage; its loss and latency
/// are the sums of theirs. Formula: the SpaceEvo paper's Q-T score, as its published code computes it
/// (`modules/block_kd/search`). Fails with `score::option`, `score::no_samples`, `score::other` and those of the method.
pub fn qt_score(space: &SearchSpace, lut: &Lut, options: &QtOptions) -> Result<QtScore> {
    options.check()?;
    let stages = space.operators.len();
    let limits = Condition::limits(&options.limits, &options.other, stages, lut, &options.drawing)?;
    let question = Question { value: Formula::sum(LOSS, stages), limits, reduction: Reduction::BestMean(options.top) };
    let limits: Vec<LimitScore> = match options.method {
        QtMethod::Sampled => sampled(space, lut, &question, &options.drawing)?
            .into_iter()
            .zip(&options.limits)
            .map(|(kept, limit)| options.limit_score(limit, kept.share, kept.count.min(options.top), kept.value))
            .collect(),
        QtMethod::Exact(bins) => exact(space, lut, &question, &options.drawing, bins)?
            .into_iter()
            .zip(&options.limits)
            .map(|(found, limit)| {
                let score = |share: f64, value: Option<f64>| options.limit_score(limit, share, options.top, value);
                let (share, value) = (found.share, found.value);
                let low = score(share.low, value.map(|value| value.high)).score;
                let high = score(share.high, found.lowest()).score;
                // With an infinite top loss at the low end the score may be 0.
                LimitScore { bracket: Some((low.min(high), high)), ..score(share.estimate, value.map(|value| value.estimate)) }
            })
            .collect(),
    };
    Ok(QtScore { score: limits.iter().map(|limit| limit.score).sum(), limits })
}

impl QtOptions {
    /// `best` is how many networks the mean `value` is over.
    fn limit_score(&self, limit: &BTreeMap<String, f64>, share: f64, best: usize, value: Option<f64>) -> LimitScore {
        let (counted, top_loss) = match (self.mode, value) {
            (QtMode::Sound, None) => (share, f64::INFINITY),
            (QtMode::Sound, Some(mean)) => (share, mean),
            (QtMode::Reference, None) => (share + EPSILON, HOPELESS),
            (QtMode::Reference, Some(mean)) => (share + EPSILON, mean * best as f64 / (best as f64 + EPSILON)),
        };
        let latency_loss = (self.share / counted).powf(self.steepness).max(1.0);
        let score = 1.0 / (latency_loss * top_loss);
        let score = if score.is_nan() { 0.0 } else { score };
        LimitScore { limit: limit.clone(), score, share, latency_loss, top_loss, bracket: None }
    }
}

//! Scoring by drawing: the best networks of a sample that keep a limit, and how many keep it.
//!
//! Where value and limit are sums over stages, networks are sums of integers (`packed`). Everything else goes through the
//! formulas themselves, 500 networks at a time.

use std::collections::BTreeMap;

use super::ScoreFault;
use super::measure::{Binary, Formula, Tape, Terms};
use super::packed::packed;
use super::rows::{Drawing, SpaceRows};
use crate::base::{Result, stats};
use crate::lut::Lut;
use crate::space::SearchSpace;

/// A network keeps a condition if the formula is at most the bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// What is bounded.
    pub formula: Formula,
    /// The largest value allowed.
    pub bound: f64,
}

/// What stem and head add to each column, by resolution.
pub type Others = BTreeMap<String, BTreeMap<usize, f64>>;

impl Condition {
    /// For each of `limits`, bounds by column, the conditions that the sums over all `stages` and what `others` add keep them.
    /// Fails with `score::other` if `others` has figures for a column, but none for a resolution that is drawn from.
    pub fn limits(
        limits: &[BTreeMap<String, f64>],
        others: &Others,
        stages: usize,
        lut: &Lut,
        drawing: &Drawing,
    ) -> Result<Vec<Vec<Self>>> {
        let sides = drawing.sides(lut);
        let within = |(column, &bound): (&String, &f64)| Self::sum_within(column, bound, stages, others.get(column), &sides);
        limits.iter().map(|limit| limit.iter().map(within).collect()).collect()
    }

    fn sum_within(
        column: &str,
        bound: f64,
        stages: usize,
        other: Option<&BTreeMap<usize, f64>>,
        resolutions: &[usize],
    ) -> Result<Self> {
        let sum = Formula::sum(column, stages);
        let Some(other) = other.filter(|other| !other.is_empty()) else { return Ok(Self { formula: sum, bound }) };
        if let Some(&resolution) = resolutions.iter().find(|side| !other.contains_key(side)) {
            return Err(ScoreFault::Other { column: column.into(), resolution }.into());
        }
        Ok(Self { formula: sum.with(Binary::Add, Formula::ByResolution(other.clone())), bound })
    }
}

/// How the values of the networks that keep a limit become one number; smaller values are better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reduction {
    /// Mean of the smallest, so many.
    BestMean(usize),
    /// Mean of all.
    Mean,
    /// The value that this share of them stays below.
    Quantile(f64),
    /// The smallest.
    Best,
}

/// What is asked of a search space.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What is small for a good network.
    pub value: Formula,
    /// Limits, each a list of conditions that must hold together; each limit is answered by itself.
    pub limits: Vec<Vec<Condition>>,
    /// How values become one number.
    pub reduction: Reduction,
}

/// A space at one limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    /// Networks that keep it.
    pub count: usize,
    /// Their share of all.
    pub share: f64,
    /// The reduced value; `None` if none keeps it.
    pub value: Option<f64>,
}

impl Question {
    /// Fails with `score::option`.
    pub(super) fn check(&self) -> Result<(), ScoreFault> {
        let wrong = |option, value: String, rule| Err(ScoreFault::Option { option, value, rule });
        if self.limits.is_empty() {
            return wrong("limits", "empty".into(), "at least one latency limit is needed");
        }
        if let Some(condition) = self.limits.iter().flatten().find(|condition| condition.bound.is_nan()) {
            return wrong("limits", condition.bound.to_string(), "a limit is a number");
        }
        match self.reduction {
            Reduction::BestMean(0) => wrong("top", "0".into(), "it must be at least 1"),
            Reduction::Quantile(share) if !(0.0..=1.0).contains(&share) => {
                wrong("quantile", share.to_string(), "a share lies between 0 and 1")
            }
            _ => Ok(()),
        }
    }

    /// Value and cost as sums over stages, if there is only one kind of cost.
    pub(super) fn additive(&self, stages: usize) -> Option<(Terms, Terms, Vec<f64>)> {
        let mut cost: Option<&Formula> = None;
        let mut bounds = Vec::new();
        for limit in &self.limits {
            let [condition] = limit.as_slice() else { return None };
            if cost.is_some_and(|known| *known != condition.formula) {
                return None;
            }
            cost = Some(&condition.formula);
            bounds.push(condition.bound);
        }
        Some((self.value.terms(stages)?, cost?.terms(stages)?, bounds))
    }
}

/// Draws networks of `space` and answers `question` for each limit. The draws depend on seed and stage alone, so two spaces
/// that share a stage share its draws. Fails with `score::option`, `score::no_samples`, `score::resolution`,
/// `score::chain`, `score::value`.
pub fn sampled(space: &SearchSpace, lut: &Lut, question: &Question, drawing: &Drawing) -> Result<Vec<Kept>> {
    question.check()?;
    let rows = SpaceRows::new(space, lut, drawing)?;
    match question.additive(rows.stages()).filter(|_| !drawing.chain) {
        // Within rayon's pool as a whole, so that its threads are woken once.
        Some((value, cost, bounds)) => rayon::scope(|_| packed(&rows, &value, &cost, &bounds, question.reduction, drawing)),
        None => general(&rows, question, drawing),
    }
}

/// The smallest values so far, in no order, and how many there were.
pub(super) struct Smallest<T> {
    most: usize,
    pub(super) count: usize,
    values: Vec<T>,
    /// Values from here on cannot be among them.
    pub(super) bound: T,
}

impl<T: Copy + Ord> Smallest<T> {
    pub(super) fn new(most: usize, largest: T) -> Self {
        Self { most, count: 0, values: Vec::new(), bound: largest }
    }

    /// Takes a value below the bound.
    pub(super) fn push(&mut self, value: T) {
        self.values.push(value);
        if self.values.len() >= self.most.saturating_mul(4) {
            let (_, last, _) = self.values.select_nth_unstable(self.most - 1);
            self.bound = *last;
            self.values.truncate(self.most);
        }
    }

    /// Those of two parts of a sample.
    pub(super) fn join(mut self, other: Self) -> Self {
        self.count += other.count;
        self.values.extend(other.values);
        self
    }

    pub(super) fn finish(mut self, reduction: Reduction, samples: usize, number: impl Fn(T) -> f64) -> Kept {
        // In order, so that rounding does not depend on how they were found.
        self.values.sort_unstable();
        let values: Vec<f64> = self.values.iter().map(|&value| number(value)).collect();
        Kept { count: self.count, share: self.count as f64 / samples as f64, value: reduction.of(&values) }
    }
}

impl Reduction {
    /// One number out of values in rising order; `None` for none.
    pub fn of(self, values: &[f64]) -> Option<f64> {
        let (first, _) = values.split_first()?;
        Some(match self {
            Reduction::BestMean(most) => stats::mean(&values[..most.min(values.len())]),
            Reduction::Mean => stats::mean(values),
            Reduction::Quantile(share) => stats::quantile(values, share),
            Reduction::Best => *first,
        })
    }

    /// How many of the smallest values it needs.
    pub(super) fn needed(self) -> usize {
        match self {
            Reduction::BestMean(most) => most,
            Reduction::Best => 1,
            Reduction::Mean | Reduction::Quantile(_) => usize::MAX,
        }
    }
}

fn general(rows: &SpaceRows<'_>, question: &Question, drawing: &Drawing) -> Result<Vec<Kept>> {
    let conditions: Vec<&Condition> = question.limits.iter().flatten().collect();
    let formulas: Vec<&Formula> =
        std::iter::once(&question.value).chain(conditions.iter().map(|condition| &condition.formula)).collect();
    let mut tape = Tape::new(rows.lut, rows.stages(), &formulas)?;
    let most = question.reduction.needed();
    let mut kept: Vec<Smallest<Ordered>> = question.limits.iter().map(|_| Smallest::new(most, Ordered(u64::MAX))).collect();
    rows.networks(drawing, |resolution, drawn| {
        let count = drawn.first().map_or(0, |rows| rows.len());
        tape.run(count, resolution, drawn);
        let values = tape.result(0);
        let mut first = 1;
        for (kept, limit) in kept.iter_mut().zip(&question.limits) {
            let columns: Vec<(&[f64], f64)> =
                limit.iter().enumerate().map(|(at, condition)| (tape.result(first + at), condition.bound)).collect();
            first += limit.len();
            for (at, &value) in values.iter().enumerate() {
                if columns.iter().all(|(numbers, bound)| numbers[at] <= *bound) {
                    if value.is_nan() {
                        return Err(ScoreFault::NotANumber.into());
                    }
                    kept.count += 1;
                    let ordered = Ordered::from(value);
                    if ordered < kept.bound {
                        kept.push(ordered);
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(kept.into_iter().map(|kept| kept.finish(question.reduction, drawing.samples, Ordered::value)).collect())
}

/// A number as bits whose order is that of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ordered(u64);

impl From<f64> for Ordered {
    fn from(value: f64) -> Self {
        let bits = value.to_bits();
        Self(if bits >> 63 == 0 { bits | 1 << 63 } else { !bits })
    }
}

impl Ordered {
    fn value(self) -> f64 {
        f64::from_bits(if self.0 >> 63 == 1 { self.0 & !(1 << 63) } else { !self.0 })
    }
}

//! Scoring by drawing: the best networks of a sample that keep a limit, and how many keep it.
//!
//! Where value and limit are sums over stages, each row of the look-up table becomes one 64-bit integer, cost above value
//! (both in units of a power of ten fine enough for the table's own decimals): a network is then six additions, exact in
//! any order. Everything else goes through the formulas themselves, 500 networks at a time.

use std::collections::BTreeMap;

use super::ScoreFault;
use super::draws::Draws;
use super::measure::{Binary, Formula, Tape, Terms};
use super::rows::{Drawing, SpaceRows, place};
use crate::base::{Result, stats};
use crate::lut::Lut;
use crate::space::SearchSpace;

/// Sums stay below this, so that they fit in half of a 64-bit word.
const LARGEST: f64 = 2_147_483_647.0;

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
        Some((value, cost, bounds)) => packed(&rows, &value, &cost, &bounds, question.reduction, drawing),
        None => general(&rows, question, drawing),
    }
}

/// The smallest values so far, in no order, and how many there were.
struct Smallest<T> {
    most: usize,
    count: usize,
    values: Vec<T>,
    /// Values from here on cannot be among them.
    bound: T,
}

impl<T: Copy + Ord> Smallest<T> {
    fn new(most: usize, largest: T) -> Self {
        Self { most, count: 0, values: Vec::new(), bound: largest }
    }

    /// Takes a value below the bound.
    fn push(&mut self, value: T) {
        self.values.push(value);
        if self.values.len() >= self.most.saturating_mul(4) {
            let (_, last, _) = self.values.select_nth_unstable(self.most - 1);
            self.bound = *last;
            self.values.truncate(self.most);
        }
    }

    fn finish(mut self, reduction: Reduction, samples: usize, number: impl Fn(T) -> f64) -> Kept {
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
    fn needed(self) -> usize {
        match self {
            Reduction::BestMean(most) => most,
            Reduction::Best => 1,
            Reduction::Mean | Reduction::Quantile(_) => usize::MAX,
        }
    }
}

/// Numbers as integers from 0, in units of a power of ten.
#[derive(Clone, Copy)]
struct Scale {
    unit: f64,
    /// What 0 stands for, summed over all stages and the rest.
    base: f64,
    /// The part of it that is the rest's.
    rest: f64,
}

/// One kind of figure of a space's rows: for each resolution and stage a list, and what is added once.
struct Figures {
    rows: Vec<Vec<Vec<f64>>>,
    rest: Vec<f64>,
}

impl Figures {
    /// The terms for every row. Fails with `score::value` for one that is no number.
    fn new(rows: &SpaceRows<'_>, terms: &Terms) -> Result<Self> {
        let mut tapes =
            terms.stages.iter().map(|term| Tape::new(rows.lut, rows.stages(), &[term])).collect::<Result<Vec<_>>>()?;
        let mut rest = Tape::new(rows.lut, rows.stages(), &[&terms.rest])?;
        let mut figures = Self { rows: Vec::new(), rest: Vec::new() };
        for (stages, &resolution) in rows.rows.iter().zip(&rows.resolutions) {
            let mut lists = Vec::new();
            for (stage, tape) in tapes.iter_mut().enumerate() {
                tape.run(stages[stage].len(), resolution, stages);
                let values = tape.result(0).to_vec();
                if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                    let key = &rows.lut.keys()[stages[stage][at] as usize];
                    return Err(
                        ScoreFault::Value { value: values[at], group: key.group(), sample: key.encoding.to_string() }.into()
                    );
                }
                lists.push(values);
            }
            rest.run(1, resolution, stages);
            if !rest.result(0)[0].is_finite() {
                return Err(ScoreFault::NotANumber.into());
            }
            figures.rows.push(lists);
            figures.rest.push(rest.result(0)[0]);
        }
        Ok(figures)
    }

    /// Smallest and largest value of each stage, over all resolutions.
    fn ranges(&self) -> Vec<(f64, f64)> {
        let stages = self.rows.first().map_or(0, Vec::len);
        let over = |stage: usize, pick: fn(f64, f64) -> f64, start: f64| {
            self.rows.iter().flat_map(|stages| &stages[stage]).copied().fold(start, pick)
        };
        (0..stages).map(|stage| (over(stage, f64::min, f64::INFINITY), over(stage, f64::max, f64::NEG_INFINITY))).collect()
    }

    /// The finest power of ten in which every sum fits, and the sum of the smallest values.
    fn scale(&self, ranges: &[(f64, f64)]) -> Scale {
        let low = self.rest.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.rest.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let span = ranges.iter().map(|(low, high)| high - low).sum::<f64>() + (high - low);
        // One unit a term is left for rounding.
        let digits = if span > 0.0 { ((LARGEST - 16.0) / span).log10().floor() as i32 } else { 0 };
        let base = ranges.iter().map(|(low, _)| low).sum::<f64>() + low;
        Scale { unit: 10_f64.powi(-digits.min(12)), base, rest: low }
    }
}

fn packed(
    rows: &SpaceRows<'_>,
    value: &Terms,
    cost: &Terms,
    bounds: &[f64],
    reduction: Reduction,
    drawing: &Drawing,
) -> Result<Vec<Kept>> {
    let (values, costs) = (Figures::new(rows, value)?, Figures::new(rows, cost)?);
    let (value_ranges, cost_ranges) = (values.ranges(), costs.ranges());
    let (value_scale, cost_scale) = (values.scale(&value_ranges), costs.scale(&cost_ranges));
    // Never below 0: the nearest whole number.
    let whole = |number: f64, unit: f64| (number / unit + 0.5) as u64;
    // tables[resolution][stage], and where the sums of a resolution begin.
    let (mut tables, mut begins) = (Vec::new(), Vec::new());
    for resolution in 0..rows.resolutions.len() {
        let stages = (0..rows.stages()).map(|stage| {
            let pairs = values.rows[resolution][stage].iter().zip(&costs.rows[resolution][stage]);
            let (value_low, cost_low) = (value_ranges[stage].0, cost_ranges[stage].0);
            let pack = |(value, cost): (&f64, &f64)| {
                whole(cost - cost_low, cost_scale.unit) << 32 | whole(value - value_low, value_scale.unit)
            };
            pairs.map(pack).collect::<Vec<u64>>()
        });
        tables.push(stages.collect::<Vec<_>>());
        begins.push(
            whole(costs.rest[resolution] - cost_scale.rest, cost_scale.unit) << 32
                | whole(values.rest[resolution] - value_scale.rest, value_scale.unit),
        );
    }
    let most = reduction.needed();
    // The largest sum that keeps a limit; `None` where none can. A bound that is a multiple of the unit, but for
    // rounding, is met by sums that equal it.
    let limits: Vec<Option<u64>> = bounds
        .iter()
        .map(|bound| {
            let units = ((bound - cost_scale.base) / cost_scale.unit + 1e-3).floor();
            (units >= 0.0).then(|| (units.min(LARGEST) as u64) << 32 | u64::from(u32::MAX))
        })
        .collect();
    let draws: &Draws = &rows.draws(drawing);
    let mut kept: Vec<Smallest<u32>> = bounds.iter().map(|_| Smallest::new(most, u32::MAX)).collect();
    let Some(largest) = limits.iter().flatten().copied().max() else {
        return Ok(kept.into_iter().map(|kept| kept.finish(reduction, drawing.samples, |_: u32| f64::NAN)).collect());
    };
    let (mut sums, mut within) = (Vec::with_capacity(drawing.group), Vec::with_capacity(drawing.group));
    for (group, &resolution) in draws.resolution.iter().enumerate() {
        let begin = group * drawing.group;
        let end = (begin + drawing.group).min(drawing.samples);
        sums.clear();
        sums.resize(end - begin, begins[resolution]);
        let stages: Vec<(&[u64], &[u32])> =
            tables[resolution].iter().zip(&draws.rows).map(|(table, numbers)| (table.as_slice(), &numbers[begin..end])).collect();
        // Three stages at a time: fewer sums go to memory and back.
        let (threes, rest) = stages.as_chunks::<3>();
        threes.iter().for_each(|three| add_drawn(&mut sums, *three));
        rest.iter().for_each(|one| add_drawn(&mut sums, [*one]));
        // Most networks keep no limit at all; the others are looked at for each.
        within.clear();
        within.extend(sums.iter().copied().filter(|sum| *sum <= largest));
        for (kept, limit) in kept.iter_mut().zip(&limits) {
            if let Some(limit) = limit {
                kept.take(&within, *limit);
            }
        }
    }
    let number = |value: u32| f64::from(value) * value_scale.unit + value_scale.base;
    Ok(kept.into_iter().map(|kept| kept.finish(reduction, drawing.samples, number)).collect())
}

/// Adds to each sum the entries of the tables that its draws fall on.
fn add_drawn<const N: usize>(sums: &mut [u64], stages: [(&[u64], &[u32]); N]) {
    let stages = stages.map(|(table, draws)| (table, &draws[..sums.len()]));
    for (at, sum) in sums.iter_mut().enumerate() {
        // In a variable of its own until all are added, so that it stays in a register. Sums are below 2^31 in either half.
        let mut total = *sum;
        for (table, draws) in stages {
            total = total.wrapping_add(table[place(draws[at], table.len())]);
        }
        *sum = total;
    }
}

impl Smallest<u32> {
    /// Takes those sums that are at most `limit`: cost in the upper half, value in the lower.
    fn take(&mut self, sums: &[u64], limit: u64) {
        let (mut count, mut bound) = (0, self.bound);
        for &sum in sums {
            count += usize::from(sum <= limit);
            // Rarely true once a few hundred networks were seen, so that the processor guesses it well.
            if (sum <= limit) & ((sum as u32) < bound) {
                self.push(sum as u32);
                bound = self.bound;
            }
        }
        self.count += count;
    }
}

fn general(rows: &SpaceRows<'_>, question: &Question, drawing: &Drawing) -> Result<Vec<Kept>> {
    let conditions: Vec<&Condition> = question.limits.iter().flatten().collect();
    let formulas: Vec<&Formula> =
        std::iter::once(&question.value).chain(conditions.iter().map(|condition| &condition.formula)).collect();
    let mut tape = Tape::new(rows.lut, rows.stages(), &formulas)?;
    let most = question.reduction.needed();
    let mut kept: Vec<Smallest<u64>> = question.limits.iter().map(|_| Smallest::new(most, u64::MAX)).collect();
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
                    let ordered = ordered(value);
                    if ordered < kept.bound {
                        kept.push(ordered);
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(kept.into_iter().map(|kept| kept.finish(question.reduction, drawing.samples, unordered)).collect())
}

/// Bits whose order is that of the numbers.
fn ordered(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The number of [`ordered`] bits.
fn unordered(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// Value and cost of every row as the exact method takes them.
pub(super) struct Points {
    /// For each resolution and stage, a value and a cost for each row.
    pub(super) stages: Vec<Vec<Vec<(f64, f64)>>>,
}

impl Points {
    pub(super) fn new(rows: &SpaceRows<'_>, value: &Terms, cost: &Terms) -> Result<Self> {
        let (values, costs) = (Figures::new(rows, value)?, Figures::new(rows, cost)?);
        let mut stages: Vec<Vec<Vec<(f64, f64)>>> = values
            .rows
            .into_iter()
            .zip(costs.rows)
            .map(|(values, costs)| values.into_iter().zip(costs).map(|(v, c)| v.into_iter().zip(c).collect()).collect())
            .collect();
        // What all networks of a resolution have in common goes with the first stage.
        for (resolution, stages) in stages.iter_mut().enumerate() {
            for point in stages.iter_mut().take(1).flatten() {
                point.0 += values.rest[resolution];
                point.1 += costs.rest[resolution];
            }
        }
        Ok(Self { stages })
    }
}

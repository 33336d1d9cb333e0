//! Scoring by drawing where value and cost are sums over stages: each row becomes one 64-bit integer, cost above value
//! (both in units of a power of ten fine enough for the table's own decimals), so a network is one addition a stage,
//! exact in any order.

use rayon::prelude::*;

use super::draws::Draws;
use super::figures::Figures;
use super::measure::Terms;
use super::rows::{Drawing, SpaceRows, place};
use super::sampled::{Kept, Reduction, Smallest};
use crate::base::Result;

/// Sums stay below this, so that they fit in half of a 64-bit word.
const LARGEST: f64 = 2_147_483_647.0;
/// Networks that one thread looks at in a row, about so many.
const SHARE: usize = 25_000;

/// The value of a network, in units of its scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Units(u32);

/// Numbers as integers from 0, in units of a power of ten.
#[derive(Clone, Copy)]
struct Scale {
    unit: f64,
    /// Units in 1: a power of ten.
    per_one: f64,
    /// What 0 stands for, summed over all stages and the rest.
    base: f64,
    /// The part of it that is the rest's.
    rest: f64,
}

impl Scale {
    /// The finest power of ten in which every sum fits, and the sum of the smallest values.
    fn of(figures: &Figures, ranges: &[(f64, f64)]) -> Self {
        let low = figures.rest.iter().copied().fold(f64::INFINITY, f64::min);
        let high = figures.rest.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let span = ranges.iter().map(|(low, high)| high - low).sum::<f64>() + (high - low);
        // One unit a term is left for rounding.
        let digits = if span > 0.0 { ((LARGEST - 16.0) / span).log10().floor() as i32 } else { 0 };
        let base = ranges.iter().map(|(low, _)| low).sum::<f64>() + low;
        let digits = digits.min(12);
        Self { unit: 10_f64.powi(-digits), per_one: 10_f64.powi(digits), base, rest: low }
    }

    /// The nearest whole number of units; never below 0.
    fn whole(self, number: f64) -> u64 {
        (number * self.per_one + 0.5) as i64 as u64
    }
}

/// The rows of a space as integers, cost in the upper half and value in the lower.
struct Packed {
    /// For each resolution and stage, one for each row.
    tables: Vec<Vec<Vec<u64>>>,
    /// Where the sums of each resolution begin.
    begins: Vec<u64>,
    value: Scale,
    cost: Scale,
}

impl Packed {
    /// Fails with `score::value`.
    fn new(rows: &SpaceRows<'_>, value: &Terms, cost: &Terms) -> Result<Self> {
        let (values, costs) = rayon::join(|| Figures::new(rows, value), || Figures::new(rows, cost));
        let (values, costs) = (values?, costs?);
        let (value_ranges, cost_ranges) = (values.ranges(), costs.ranges());
        let (value, cost) = (Scale::of(&values, &value_ranges), Scale::of(&costs, &cost_ranges));
        let pack = |of_value: f64, of_cost: f64| cost.whole(of_cost) << 32 | value.whole(of_value);
        let stage = |resolution: usize, stage: usize| {
            let pairs = values.rows[resolution][stage].iter().zip(&costs.rows[resolution][stage]);
            let (value_low, cost_low) = (value_ranges[stage].0, cost_ranges[stage].0);
            pairs.map(|(value, cost)| pack(value - value_low, cost - cost_low)).collect()
        };
        let resolutions = 0..rows.resolutions.len();
        let begin = |resolution| pack(values.rest[resolution] - value.rest, costs.rest[resolution] - cost.rest);
        Ok(Self {
            tables: resolutions.clone().map(|at| (0..rows.stages()).map(|number| stage(at, number)).collect()).collect(),
            begins: resolutions.map(begin).collect(),
            value,
            cost,
        })
    }

    /// The largest sum that keeps a bound of the cost; `None` where none can. A bound that is a multiple of the unit, but
    /// for rounding, is met by sums that equal it.
    fn limit(&self, bound: f64) -> Option<u64> {
        let units = ((bound - self.cost.base) / self.cost.unit + 1e-3).floor();
        (units >= 0.0).then(|| (units.min(LARGEST) as u64) << 32 | u64::from(u32::MAX))
    }

    /// The values of the networks from `begin` to `end` that keep each limit.
    fn keep(
        &self,
        draws: &Draws,
        group: usize,
        (begin, end): (usize, usize),
        limits: &[Option<u64>],
        most: usize,
    ) -> Vec<Smallest<Units>> {
        let mut kept: Vec<Smallest<Units>> = limits.iter().map(|_| Smallest::new(most, Units(u32::MAX))).collect();
        let Some(largest) = limits.iter().flatten().copied().max() else { return kept };
        let (mut sums, mut within) = (Vec::with_capacity(group), Vec::with_capacity(group));
        for begin in (begin..end).step_by(group) {
            let end = (begin + group).min(end);
            let resolution = draws.resolution[begin / group];
            sums.clear();
            sums.resize(end - begin, self.begins[resolution]);
            let tables = self.tables[resolution].iter().map(Vec::as_slice);
            let stages: Vec<(&[u64], &[u32])> = tables.zip(draws.rows.iter().map(|numbers| &numbers[begin..end])).collect();
            // Three stages at a time: fewer sums go to memory and back.
            let (threes, rest) = stages.as_chunks::<3>();
            threes.iter().for_each(|three| add_drawn(&mut sums, *three));
            rest.iter().for_each(|one| add_drawn(&mut sums, [*one]));
            // Most networks keep no limit at all; the others are looked at for each.
            within.clear();
            within.extend(sums.iter().copied().filter(|sum| *sum <= largest));
            for (kept, limit) in kept.iter_mut().zip(limits) {
                if let Some(limit) = limit {
                    kept.take(&within, *limit);
                }
            }
        }
        kept
    }
}

/// The networks of `drawing` that keep each of `bounds`, upper bounds of `cost`, on rayon's threads. Fails with
/// `score::value`.
pub(super) fn packed(
    rows: &SpaceRows<'_>,
    value: &Terms,
    cost: &Terms,
    bounds: &[f64],
    reduction: Reduction,
    drawing: &Drawing,
) -> Result<Vec<Kept>> {
    let (packed, draws) = rayon::join(|| Packed::new(rows, value, cost), || rows.draws(drawing));
    let packed = packed?;
    let limits: Vec<Option<u64>> = bounds.iter().map(|&bound| packed.limit(bound)).collect();
    let share = SHARE.next_multiple_of(drawing.group);
    let kept = (0..drawing.samples.div_ceil(share))
        .into_par_iter()
        .map(|at| {
            let end = (share * (at + 1)).min(drawing.samples);
            packed.keep(&draws, drawing.group, (share * at, end), &limits, reduction.needed())
        })
        .reduce_with(|all, more| all.into_iter().zip(more).map(|(all, more)| all.join(more)).collect());
    let number = |Units(value)| f64::from(value) * packed.value.unit + packed.value.base;
    Ok(kept.into_iter().flatten().map(|kept| kept.finish(reduction, drawing.samples, number)).collect())
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

impl Smallest<Units> {
    /// Takes those sums that are at most `limit`: cost in the upper half, value in the lower.
    fn take(&mut self, sums: &[u64], limit: u64) {
        let (mut count, mut bound) = (0, self.bound);
        for &sum in sums {
            count += usize::from(sum <= limit);
            // Rarely true once a few hundred networks were seen, so that the processor guesses it well.
            let value = Units(sum as u32);
            if (sum <= limit) & (value < bound) {
                self.push(value);
                bound = self.bound;
            }
        }
        self.count += count;
    }
}

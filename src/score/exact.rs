//! Scoring without drawing: the joint distribution of value and cost over all networks, by convolution over stages.
//!
//! The stages are split into two halves. Each half's distribution is put into bins of cost and value, always rounded down, and
//! nothing above the largest limit is kept, so no bin wraps around. Two halves meet in a sum over their bins. Since the true
//! sum lies less than the number of roundings above the sum of bins, the same bins give a sure lower end, a sure upper
//! end, and, with roundings taken as uniform, an estimate.

use rayon::prelude::*;

use super::ScoreFault;
use super::figures::Points;
use super::rows::{Drawing, SpaceRows};
use super::sampled::{Question, Reduction};
use crate::base::Result;
use crate::lut::Lut;
use crate::space::SearchSpace;

/// Pairs of points that are still worth keeping one by one.
const PAIRS: usize = 200_000;
/// Finer than this, one score would take more than a gigabyte.
const MOST_BINS: usize = 4096;
/// Values looked at together, in parallel.
const BLOCK: usize = 64;

/// How fine the bins are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bins {
    /// Bins of cost, from the smallest possible to the largest limit.
    pub cost: usize,
    /// Bins of value, from the smallest possible to the largest.
    pub value: usize,
}

impl Default for Bins {
    fn default() -> Self {
        Self { cost: 1024, value: 1024 }
    }
}

/// A figure with its sure bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bracket {
    /// It is at least this.
    pub low: f64,
    /// It is about this.
    pub estimate: f64,
    /// It is at most this.
    pub high: f64,
}

/// A space at one limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distributed {
    /// Share of networks that keep it.
    pub share: Bracket,
    /// The reduced value; `None` if it is not sure that any network keeps the limit.
    pub value: Option<Bracket>,
    /// A lower bound of the value, where any network may keep the limit.
    lowest: Option<f64>,
}

impl Distributed {
    /// A lower bound of the value, also where it is not sure that any network keeps the limit.
    pub fn lowest(&self) -> Option<f64> {
        self.lowest
    }
}

/// Answers `question` for each limit from the distribution over all networks of `space`, which are drawn as
/// [`super::sampled`] draws them, with an endless sample: the mean of the best `k` becomes that of the best `k / samples`
/// of all networks. Fails with `score::exact` for a formula that is no sum over stages or stages that chain, and as
/// [`super::sampled`].
pub fn exact(space: &SearchSpace, lut: &Lut, question: &Question, drawing: &Drawing, bins: Bins) -> Result<Vec<Distributed>> {
    question.check()?;
    for (option, value) in [("cost_bins", bins.cost), ("value_bins", bins.value)] {
        if !(2..=MOST_BINS).contains(&value) {
            // Two halves of a grid for each resolution: memory grows with the square.
            return Err(ScoreFault::Option { option, value: value.to_string(), rule: "it must be 2 to 4096" }.into());
        }
    }
    let rows = SpaceRows::new(space, lut, drawing)?;
    let no = |why| ScoreFault::Exact { why };
    if drawing.chain {
        return Err(no("widths that chain make the stages depend on each other").into());
    }
    let terms = question.additive(rows.stages());
    let (value, cost, bounds) =
        terms.ok_or_else(|| no("value or limits are no sums over stages, or limits bound several columns"))?;
    let grid = Grid::new(&Points::new(&rows, &value, &cost)?, &bounds, bins);
    Ok(bounds.iter().map(|&bound| grid.answer(bound, question.reduction, drawing.samples)).collect())
}

/// The distribution of half of the stages at one resolution.
struct Half {
    /// `mass[value][cost]`, row after row.
    mass: Vec<f64>,
    values: usize,
    roundings: usize,
    /// For each value the smallest and the largest cost that has mass; the first above the second where none has.
    spans: Vec<(usize, usize)>,
}

/// All of them, with what bins stand for.
struct Grid {
    /// For each resolution the first half, and the second one with mass summed over costs, from the largest cost down:
    /// entry `j` of a row is the mass of costs up to `costs - 1 - j`.
    halves: Vec<(Half, Half)>,
    /// Bins of cost.
    costs: usize,
    cost_unit: f64,
    value_unit: f64,
    cost_base: f64,
    /// The largest cost of any network.
    cost_top: f64,
    value_base: f64,
    roundings: usize,
}

impl Grid {
    fn new(points: &Points, bounds: &[f64], bins: Bins) -> Self {
        let stages = points.stages.first().map_or(0, Vec::len);
        let range = |stage: usize, pick: fn(&(f64, f64)) -> f64| {
            let all = points.stages.iter().flat_map(|stages| &stages[stage]).map(pick);
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let values: Vec<_> = (0..stages).map(|stage| range(stage, |point| point.0)).collect();
        let costs: Vec<_> = (0..stages).map(|stage| range(stage, |point| point.1)).collect();
        let value_base = values.iter().map(|(low, _)| low).sum::<f64>();
        let cost_base = costs.iter().map(|(low, _)| low).sum::<f64>();
        let value_span = values.iter().map(|(low, high)| high - low).sum::<f64>();
        let cost_span = costs.iter().map(|(low, high)| high - low).sum::<f64>();
        // Costs above every limit need no bins. A hair more than the limit, so that a sum that meets it is in.
        let limit = bounds.iter().copied().fold(f64::NEG_INFINITY, f64::max).min(cost_base + cost_span) - cost_base;
        let limit = limit * (1.0 + 1e-9);
        let unit = |span: f64, bins: usize| if span > 0.0 { span / bins as f64 } else { 1.0 };
        let (value_unit, cost_unit) = (unit(value_span, bins.value), unit(limit, bins.cost));
        let middle = stages / 2;
        let half = |stages: &[Vec<(f64, f64)>], first: usize| {
            let lists: Vec<Vec<(f64, f64)>> = stages
                .iter()
                .enumerate()
                .map(|(at, list)| {
                    let at = first + at;
                    let mut list: Vec<_> =
                        list.iter().map(|(v, c)| ((v - values[at].0) / value_unit, (c - costs[at].0) / cost_unit)).collect();
                    list.sort_by(|a, b| a.1.total_cmp(&b.1));
                    list
                })
                .collect();
            let own: f64 = (first..first + stages.len()).map(|at| values[at].1 - values[at].0).sum();
            Half::new(&lists, bins.cost, (own / value_unit) as usize + 2)
        };
        let both: Vec<Half> = (0..2 * points.stages.len())
            .into_par_iter()
            .map(|at| {
                let stages = &points.stages[at / 2];
                if at % 2 == 0 { half(&stages[..middle], 0) } else { half(&stages[middle..], middle).summed(bins.cost + 1) }
            })
            .collect();
        let mut halves = Vec::new();
        let mut both = both.into_iter();
        while let (Some(first), Some(second)) = (both.next(), both.next()) {
            halves.push((first, second));
        }
        let roundings = halves.iter().map(|(first, second)| first.roundings + second.roundings).max().unwrap_or(0);
        let cost_top = cost_base + cost_span;
        Self { halves, costs: bins.cost + 1, cost_unit, value_unit, cost_base, cost_top, value_base, roundings }
    }

    /// Mass of value bin `value` (of the sum) with a cost of at most bin `limit`, over all resolutions.
    fn mass(&self, value: usize, limit: i64) -> f64 {
        let Some(skip) = self.skip(limit) else { return 0.0 };
        let costs = self.costs - skip;
        let each = self.halves.iter().map(|(first, second)| {
            let from = value.saturating_sub(second.values - 1);
            let to = value.min(first.values - 1);
            (from..=to)
                .map(|own| {
                    // Only costs that both can have together: the cheapest of the second half leaves so much to the first.
                    let ((low, high), (rest, _)) = (first.spans[own], second.spans[value - own]);
                    let end = (high + 1).min(costs.saturating_sub(rest));
                    if low >= end {
                        return 0.0;
                    }
                    let a = &first.mass[own * self.costs..][low..end];
                    let b = &second.mass[(value - own) * self.costs + skip..][low..end];
                    dot(a, b)
                })
                .sum::<f64>()
        });
        each.sum::<f64>() / self.halves.len() as f64
    }

    /// How many entries of a summed row stand for costs above bin `limit`; `None` if all do.
    fn skip(&self, limit: i64) -> Option<usize> {
        let most = self.costs as i64 - 1;
        (limit >= 0).then(|| (most - limit.min(most)) as usize)
    }

    /// Share of networks with a cost of at most bin `limit`.
    fn share(&self, limit: i64) -> f64 {
        let Some(skip) = self.skip(limit) else { return 0.0 };
        let column = |half: &Half| {
            let mut sum = vec![0.0; self.costs];
            for row in half.mass.chunks_exact(self.costs) {
                sum.iter_mut().zip(row).for_each(|(sum, mass)| *sum += mass);
            }
            sum
        };
        let each = self.halves.iter().map(|(first, second)| dot(&column(first)[..self.costs - skip], &column(second)[skip..]));
        each.sum::<f64>() / self.halves.len() as f64
    }

    fn answer(&self, bound: f64, reduction: Reduction, samples: usize) -> Distributed {
        // A bound that is a sum of the table's own figures is met by it, whatever its last bits.
        let at = (bound - self.cost_base) / self.cost_unit + 2e-9 * self.costs as f64;
        let high = at.floor().clamp(-1.0, self.costs as f64) as i64;
        let all = bound >= self.cost_top;
        let low = if all { high } else { high - self.roundings as i64 };
        // The mean rounding is half a bin each; whole bins on either side are mixed.
        let middle = if all { high as f64 } else { at - (self.roundings as f64 + 1.0) / 2.0 };
        let (floor, part) = (middle.floor() as i64, middle - middle.floor());
        let mix = |of: &dyn Fn(i64) -> f64| {
            let below = of(floor);
            if part > 0.0 { (1.0 - part) * below + part * of(floor + 1) } else { below }
        };
        let share = Bracket { low: self.share(low), estimate: mix(&|limit| self.share(limit)), high: self.share(high) };
        let share = Bracket { estimate: share.estimate.clamp(share.low, share.high), ..share };
        if share.high <= 0.0 {
            return Distributed { share, value: None, lowest: None };
        }
        // How much of the mass at the small end counts.
        let wanted = |share: f64| match reduction {
            Reduction::BestMean(most) => (most as f64 / samples as f64).min(share),
            Reduction::Mean => share,
            Reduction::Quantile(part) => part * share,
            Reduction::Best => 0.0,
        };
        let rounded = self.roundings as f64;
        let mut ends = [
            End::new(wanted(share.low), 0.0),
            End::new(wanted(share.estimate), rounded / 2.0),
            End::new(wanted(share.low), rounded),
        ];
        let values = self.halves.first().map_or(0, |(first, second)| first.values + second.values - 1);
        let sum_of = |value: usize| [self.mass(value, high), mix(&|limit| self.mass(value, limit)), self.mass(value, low)];
        for begin in (0..values).step_by(BLOCK) {
            let block: Vec<[f64; 3]> = (begin..(begin + BLOCK).min(values)).into_par_iter().map(sum_of).collect();
            for (at, masses) in block.into_iter().enumerate() {
                ends.iter_mut().zip(masses).for_each(|(end, mass)| end.take(begin + at, mass));
            }
            if ends.iter().all(|end| end.full || share.low <= 0.0 && end.shift > 0.0) {
                break;
            }
        }
        let number = |end: &End| {
            let bins = match reduction {
                Reduction::Quantile(_) | Reduction::Best => end.last,
                _ => end.weighted / end.mass,
            };
            self.value_base + (bins + end.shift) * self.value_unit
        };
        let lowest = Some(if ends[0].mass > 0.0 { number(&ends[0]) } else { self.value_base });
        let value = (share.low > 0.0).then(|| {
            let (low, estimate) = (number(&ends[0]), number(&ends[1]));
            // Fewer networks than the reduction wants: which of the doubtful ones keep the limit decides, so the sure upper end
            // is that of the worst of all.
            let enough = match reduction {
                Reduction::BestMean(most) => share.low >= most as f64 / samples as f64,
                Reduction::Best => true,
                Reduction::Mean | Reduction::Quantile(_) => share.high - share.low <= 0.0,
            };
            let high = if enough { number(&ends[2]) } else { self.worst(&share, high, values, reduction) };
            Bracket { low, estimate: estimate.clamp(low, high.max(low)), high: high.max(low) }
        });
        Distributed { share, value, lowest }
    }

    /// The reduced value if, of all networks that may keep the limit, those with the largest values were the ones that do: as
    /// many as surely keep it.
    fn worst(&self, share: &Bracket, limit: i64, values: usize, reduction: Reduction) -> f64 {
        let counted = match reduction {
            Reduction::Quantile(part) => (1.0 - part) * share.low,
            _ => share.low,
        };
        let mut end = End::new(counted, self.roundings as f64);
        let masses: Vec<f64> = (0..values).into_par_iter().map(|value| self.mass(value, limit)).collect();
        for (value, mass) in masses.into_iter().enumerate().rev() {
            end.take(value, mass);
        }
        let bins = if matches!(reduction, Reduction::Quantile(_)) { end.last } else { end.weighted / end.mass };
        self.value_base + (bins + end.shift) * self.value_unit
    }
}

/// Mass taken from one end of a distribution until there is enough.
struct End {
    wanted: f64,
    /// Added to bins for roundings.
    shift: f64,
    mass: f64,
    weighted: f64,
    /// The last bin of which something was taken.
    last: f64,
    full: bool,
}

impl End {
    fn new(wanted: f64, shift: f64) -> Self {
        Self { wanted, shift, mass: 0.0, weighted: 0.0, last: 0.0, full: false }
    }

    fn take(&mut self, value: usize, mass: f64) {
        if self.full || mass <= 0.0 {
            return;
        }
        // Sums of masses in another order differ by rounding: what is missing by less is not missing.
        let room = self.wanted - self.mass;
        let taken = mass.min(room.max(f64::MIN_POSITIVE));
        self.mass += taken;
        self.weighted += taken * value as f64;
        self.last = value as f64;
        self.full = self.mass >= self.wanted * (1.0 - 1e-12);
    }
}

impl Half {
    /// The distribution of the sum of one point of each list (in bins: value, cost; lists ascend by cost); costs above
    /// `costs` bins are left out.
    fn new(lists: &[Vec<(f64, f64)>], costs: usize, values: usize) -> Self {
        let mut points = vec![(0.0, 0.0, 1.0)];
        let mut roundings = 0;
        for (at, list) in lists.iter().enumerate() {
            let weight = 1.0 / list.len() as f64;
            let last = at + 1 == lists.len();
            if !last && points.len() * list.len() <= PAIRS {
                let pairs = points
                    .iter()
                    .flat_map(|&(value, cost, mass)| list.iter().map(move |&(v, c)| (value + v, cost + c, mass * weight)));
                points = pairs.filter(|(_, cost, _)| *cost <= costs as f64).collect();
                continue;
            }
            let mut mass = vec![0.0; values * (costs + 1)];
            for &(value, cost, own) in &points {
                for &(v, c) in list {
                    let sum = cost + c;
                    if sum > costs as f64 {
                        break;
                    }
                    mass[(value + v) as usize * (costs + 1) + sum as usize] += own * weight;
                }
            }
            roundings += 1;
            if last {
                return Self::of(mass, values, costs + 1, roundings);
            }
            let filled = mass.iter().enumerate().filter(|(_, mass)| **mass > 0.0);
            points = filled.map(|(at, &mass)| ((at / (costs + 1)) as f64, (at % (costs + 1)) as f64, mass)).collect();
        }
        // Half of no stages: nothing is added.
        let mut mass = vec![0.0; values * (costs + 1)];
        mass[0] = 1.0;
        Self::of(mass, values, costs + 1, roundings)
    }

    fn of(mass: Vec<f64>, values: usize, costs: usize, roundings: usize) -> Self {
        let span = |row: &[f64]| {
            let filled = |mass: &f64| *mass > 0.0;
            (row.iter().position(filled).unwrap_or(costs), row.iter().rposition(filled).unwrap_or(0))
        };
        let spans = mass.chunks_exact(costs).map(span).collect();
        Self { mass, values, roundings, spans }
    }

    /// Each row summed over costs, from the largest cost down.
    fn summed(mut self, costs: usize) -> Self {
        for row in self.mass.chunks_exact_mut(costs) {
            let mut sum = 0.0;
            for mass in row.iter_mut() {
                sum += *mass;
                *mass = sum;
            }
            row.reverse();
        }
        self
    }
}

/// Sum of products, in four strands: the same on every machine, and quick.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut strands = [0.0; 4];
    let (a_fours, b_fours) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a_fours.remainder().iter().zip(b_fours.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_fours.zip(b_fours) {
        for strand in 0..4 {
            strands[strand] += x[strand] * y[strand];
        }
    }
    (strands[0] + strands[1]) + (strands[2] + strands[3]) + rest
}

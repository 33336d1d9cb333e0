//! Correlations of paired values: Pearson, Spearman, Kendall, each with the probability of one as strong by chance.

use super::tails::{normal_beyond, t_beyond};
use super::{StatsFault, check_pairs, mean, over_ties, ranks};

const PEARSON: &str = "a correlation";
const SPEARMAN: &str = "Spearman's correlation";
const KENDALL: &str = "Kendall's correlation";

/// Most values for which Kendall's p counts orders by their inversions.
const EXACT_KENDALL: usize = 50;
/// Most values for which Spearman's p goes through all orders.
const EXACT_SPEARMAN: usize = 8;

/// A correlation and how surprising it would be among unrelated values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation {
    /// From -1 to 1.
    pub value: f64,
    /// The probability of one at least as strong if the two lists were unrelated (two-sided).
    pub p: f64,
    /// Whether `p` was counted over all orders; otherwise it is an approximation.
    pub exact: bool,
}

/// Pearson's correlation.
pub fn pearson(left: &[f64], right: &[f64]) -> Result<f64, StatsFault> {
    check_pairs(PEARSON, left, right, 2)?;
    correlation(PEARSON, left, right)
}

/// Pearson's correlation with its p by Student's t, which holds for values that are normally distributed.
pub fn pearson_test(left: &[f64], right: &[f64]) -> Result<Correlation, StatsFault> {
    check_pairs(PEARSON, left, right, 3)?;
    let value = correlation(PEARSON, left, right)?;
    Ok(Correlation { value, p: by_t(value, left.len()), exact: false })
}

/// Spearman's rank correlation, equal values at their mean rank.
pub fn spearman(left: &[f64], right: &[f64]) -> Result<f64, StatsFault> {
    check_pairs(SPEARMAN, left, right, 2)?;
    correlation(SPEARMAN, &ranks(left), &ranks(right))
}

/// Spearman's rank correlation with its p: over all orders of up to eight values, else by Student's t.
pub fn spearman_test(left: &[f64], right: &[f64]) -> Result<Correlation, StatsFault> {
    let value = spearman(left, right)?;
    let exact = left.len() <= EXACT_SPEARMAN;
    let p = if exact { over_orders(&ranks(left), &ranks(right)) } else { by_t(value, left.len()) };
    Ok(Correlation { value, p, exact })
}

fn correlation(what: &'static str, left: &[f64], right: &[f64]) -> Result<f64, StatsFault> {
    let (mean_left, mean_right) = (mean(left), mean(right));
    let (mut both, mut squares_left, mut squares_right) = (0.0, 0.0, 0.0);
    for (x, y) in left.iter().zip(right) {
        both += (x - mean_left) * (y - mean_right);
        squares_left += (x - mean_left).powi(2);
        squares_right += (y - mean_right).powi(2);
    }
    let scale = (squares_left * squares_right).sqrt();
    if scale > 0.0 { Ok((both / scale).clamp(-1.0, 1.0)) } else { Err(StatsFault::Constant { what }) }
}

fn by_t(value: f64, count: usize) -> f64 {
    let freedom = count as f64 - 2.0;
    t_beyond(value * (freedom / ((1.0 - value) * (1.0 + value))).sqrt(), freedom)
}

/// The share of orders of `right` that agree with `left`, or oppose it, at least as much as this one.
fn over_orders(left: &[f64], right: &[f64]) -> f64 {
    let middle = mean(left);
    let left: Vec<f64> = left.iter().map(|rank| rank - middle).collect();
    let mut right: Vec<f64> = right.iter().map(|rank| rank - middle).collect();
    let observed: f64 = left.iter().zip(&right).map(|(x, y)| x * y).sum();
    let orders: f64 = (1..=left.len()).map(|count| count as f64).product();
    // Sums of halves are exact; the margin only guards the means.
    count_orders(&left, &mut right, 0, 0.0, observed.abs() - 1e-9) / orders
}

fn count_orders(left: &[f64], right: &mut [f64], at: usize, sum: f64, least: f64) -> f64 {
    if at == left.len() {
        return f64::from(u8::from(sum.abs() >= least));
    }
    let mut found = 0.0;
    for other in at..right.len() {
        right.swap(at, other);
        found += count_orders(left, right, at + 1, sum + left[at] * right[at], least);
        right.swap(at, other);
    }
    found
}

/// How many pairs of values agree, and how many cannot because they are equal.
struct Concordance {
    /// Pairs in the same order minus pairs in opposite order.
    excess: f64,
    /// All pairs.
    pairs: f64,
    /// Pairs equal on the left, and on the right.
    ties: (f64, f64),
}

impl Concordance {
    /// In n log n steps (Knight 1966).
    fn of(left: &[f64], right: &[f64]) -> Result<Self, StatsFault> {
        let mut sorted: Vec<(f64, f64)> = left.iter().copied().zip(right.iter().copied()).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let pairs_of = |count: f64| count * (count - 1.0) / 2.0;
        let ties = (over_ties(left, pairs_of), over_ties(right, pairs_of));
        let ties_both: f64 = sorted.chunk_by(|a, b| a == b).map(|run| pairs_of(run.len() as f64)).sum();
        let swaps = sort_counting(&mut sorted.iter().map(|pair| pair.1).collect::<Vec<_>>());
        let pairs = pairs_of(left.len() as f64);
        if pairs == ties.0 || pairs == ties.1 {
            return Err(StatsFault::Constant { what: KENDALL });
        }
        Ok(Self { excess: pairs - ties.0 - ties.1 + ties_both - 2.0 * swaps, pairs, ties })
    }

    fn tau(&self) -> f64 {
        self.excess / ((self.pairs - self.ties.0) * (self.pairs - self.ties.1)).sqrt()
    }
}

/// Kendall's rank correlation tau-b, which allows for equal values.
pub fn kendall(left: &[f64], right: &[f64]) -> Result<f64, StatsFault> {
    check_pairs(KENDALL, left, right, 2)?;
    Ok(Concordance::of(left, right)?.tau())
}

/// Kendall's tau-b with its p: over all orders of up to fifty different values, else by the normal distribution with the
/// variance that equal values leave.
pub fn kendall_test(left: &[f64], right: &[f64]) -> Result<Correlation, StatsFault> {
    check_pairs(KENDALL, left, right, 2)?;
    let found = Concordance::of(left, right)?;
    let exact = found.ties == (0.0, 0.0) && left.len() <= EXACT_KENDALL;
    let p = if exact {
        let opposed = (found.pairs - found.excess) / 2.0;
        let fewest = opposed.min(found.pairs - opposed) as usize;
        2.0 * inversions(left.len())[..=fewest].iter().sum::<f64>()
    } else {
        normal_beyond(found.excess / variance(left, right, found.ties).sqrt())
    };
    Ok(Correlation { value: found.tau(), p: p.min(1.0), exact })
}

/// The variance of the excess of agreeing pairs among unrelated lists with these runs of equal values (Kendall 1970).
fn variance(left: &[f64], right: &[f64], ties: (f64, f64)) -> f64 {
    let n = left.len() as f64;
    let spread = |run: f64| run * (run - 1.0) * (2.0 * run + 5.0);
    let triples = |run: f64| run * (run - 1.0) * (run - 2.0);
    let plain = spread(n) - over_ties(left, spread) - over_ties(right, spread);
    let third = over_ties(left, triples) * over_ties(right, triples) / (9.0 * n * (n - 1.0) * (n - 2.0).max(1.0));
    plain / 18.0 + 2.0 * ties.0 * ties.1 / (n * (n - 1.0)) + third
}

/// The share of orders of `count` values that have 0, 1, 2, ... inversions.
fn inversions(count: usize) -> Vec<f64> {
    let mut shares = vec![1.0];
    for places in 2..=count {
        // The next value goes to any of `places` places, with as many inversions as values it passes.
        let mut next = vec![0.0; shares.len() + places - 1];
        for (before, share) in shares.iter().enumerate() {
            next[before..before + places].iter_mut().for_each(|sum| *sum += share / places as f64);
        }
        shares = next;
    }
    shares
}

/// Sorts by merging, and counts the neighbouring exchanges that an insertion sort would need.
fn sort_counting(values: &mut [f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let middle = values.len() / 2;
    let (low, high) = values.split_at_mut(middle);
    let mut swaps = sort_counting(low) + sort_counting(high);
    let (low, high) = (low.to_vec(), high.to_vec());
    let (mut i, mut j) = (0, 0);
    for place in values.iter_mut() {
        let from_high = i == low.len() || (j < high.len() && high[j] < low[i]);
        if from_high {
            swaps += (low.len() - i) as f64;
            *place = high[j];
            j += 1;
        } else {
            *place = low[i];
            i += 1;
        }
    }
    swaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use rand::RngExt;

    /// The definition, pair by pair.
    fn kendall_by_pairs(left: &[f64], right: &[f64]) -> f64 {
        let (mut sum, mut distinct_left, mut distinct_right) = (0.0, 0.0, 0.0);
        let sign = |a: f64, b: f64| (a - b).partial_cmp(&0.0).map_or(0.0, |order| order as i8 as f64);
        for i in 0..left.len() {
            for j in 0..i {
                let (x, y) = (sign(left[i], left[j]), sign(right[i], right[j]));
                sum += x * y;
                distinct_left += x * x;
                distinct_right += y * y;
            }
        }
        sum / f64::sqrt(distinct_left * distinct_right)
    }

    #[test]
    fn kendall_equals_its_definition_also_with_ties() {
        for seed in 0..20 {
            let mut rng = Seed(seed).rng();
            let left: Vec<f64> = (0..40).map(|_| rng.random_range(0..12) as f64).collect();
            let right: Vec<f64> = (0..40).map(|_| rng.random_range(0..9) as f64).collect();
            let (fast, plain) = (kendall(&left, &right).unwrap(), kendall_by_pairs(&left, &right));
            assert!((fast - plain).abs() < 1e-12, "{fast} is not {plain}");
        }
    }

    #[test]
    fn few_values_are_counted_order_by_order() {
        let (up, mixed) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]);
        assert_eq!(spearman(&up, &mixed).unwrap(), 0.8);
        // Of 24 orders 1 and 3 have no or one inversion, as many at the other end: 8 of 24.
        let found = kendall_test(&up, &mixed).unwrap();
        assert!((found.p - 8.0 / 24.0).abs() < 1e-12 && found.exact);
        // And as many have a sum of squared rank differences of 0 or 2, or of 18 or 20.
        assert!((spearman_test(&up, &mixed).unwrap().p - 8.0 / 24.0).abs() < 1e-12);
        assert!((spearman_test(&up, &up).unwrap().p - 2.0 / 24.0).abs() < 1e-12);
        assert!((inversions(6).iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn many_values_agree_with_orders_drawn_at_random() {
        let mut rng = Seed(5).rng();
        let left: Vec<f64> = (0..40).map(|at| f64::from(at / 2)).collect();
        let right: Vec<f64> = left.iter().map(|value| (value + rng.random_range(-30.0..30.0)).round() % 9.0).collect();
        type Of<T> = fn(&[f64], &[f64]) -> Result<T, StatsFault>;
        let both: [(Of<Correlation>, Of<f64>); 2] = [(kendall_test, kendall), (spearman_test, spearman)];
        for (test, plain) in both {
            let found = test(&left, &right).unwrap();
            assert!(!found.exact);
            let mut order = right.clone();
            let rounds = 4000;
            let mut as_strong = 0;
            for _ in 0..rounds {
                rand::seq::SliceRandom::shuffle(order.as_mut_slice(), &mut rng);
                let drawn = plain(&left, &order).unwrap();
                as_strong += i32::from(drawn.abs() >= found.value.abs() - 1e-12);
            }
            let share = f64::from(as_strong) / f64::from(rounds);
            assert!((found.p - share).abs() < 0.03, "{} is not {share}", found.p);
        }
    }
}

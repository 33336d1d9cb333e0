//! Plain statistics: means, quantiles, rank correlations, a rank test, bootstrap intervals.
#![allow(clippy::float_cmp, reason = "ties are values that are exactly equal")]

use miette::Diagnostic;
use rand::RngExt;
use thiserror::Error;

use super::Seed;

/// A fault of a statistic.
#[derive(Debug, Error, Diagnostic)]
#[allow(missing_docs, reason = "the message of a variant names its fields")]
pub enum StatsFault {
    /// Too few values.
    #[error("{what} needs at least {least} values, not {found}")]
    #[diagnostic(code(stats::too_few), help("give it more values"))]
    TooFew { what: &'static str, least: usize, found: usize },
    /// Two lists that should be paired.
    #[error("{what} pairs two lists, but they have {left} and {right} values")]
    #[diagnostic(code(stats::lengths), help("give it two lists of equal length"))]
    Lengths { what: &'static str, left: usize, right: usize },
    /// A value that is not a number.
    #[error("{what} met a value that is not a number (NaN)")]
    #[diagnostic(code(stats::nan), help("leave such values out first"))]
    Nan { what: &'static str },
    /// All values equal.
    #[error("{what} is not defined, because all values of one list are equal")]
    #[diagnostic(code(stats::constant), help("compare lists whose values differ"))]
    Constant { what: &'static str },
    /// A share outside 0 to 1.
    #[error("a quantile is asked at {share}, but it must be from 0 to 1")]
    #[diagnostic(code(stats::share), help("the median is at 0.5"))]
    Share { share: f64 },
}

/// The mean; NaN for no values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample (n - 1 in the denominator); NaN for fewer than two values.
pub fn std(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

/// The quantile at `share` (0 to 1), linear between neighbouring values; NaN for no values or if one is NaN.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    if values.is_empty() || values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    if low == high { low } else { low + (high - low) * at.fract() }
}

/// The median; NaN for no values or if one is NaN.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Ranks from 1; equal values share the mean of theirs.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    let mut ranks = vec![0.0; values.len()];
    for run in order.chunk_by(|left, right| values[*left] == values[*right]) {
        let first = order.partition_point(|at| values[*at] < values[run[0]]);
        run.iter().for_each(|at| ranks[*at] = first as f64 + (run.len() as f64 + 1.0) / 2.0);
    }
    ranks
}

fn check_pairs(what: &'static str, left: &[f64], right: &[f64]) -> Result<(), StatsFault> {
    if left.len() != right.len() {
        return Err(StatsFault::Lengths { what, left: left.len(), right: right.len() });
    }
    if left.len() < 2 {
        return Err(StatsFault::TooFew { what, least: 2, found: left.len() });
    }
    if left.iter().chain(right).any(|value| value.is_nan()) {
        return Err(StatsFault::Nan { what });
    }
    Ok(())
}

/// Pearson's correlation.
pub fn pearson(left: &[f64], right: &[f64]) -> Result<f64, StatsFault> {
    check_pairs("a correlation", left, right)?;
    correlation("a correlation", left, right)
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

/// Spearman's rank correlation, equal values at their mean rank.
pub fn spearman(left: &[f64], right: &[f64]) -> Result<f64, StatsFault> {
    check_pairs("Spearman's correlation", left, right)?;
    correlation("Spearman's correlation", &ranks(left), &ranks(right))
}

/// Kendall's rank correlation tau-b, which allows for equal values, in n log n steps (Knight 1966).
pub fn kendall(left: &[f64], right: &[f64]) -> Result<f64, StatsFault> {
    check_pairs("Kendall's correlation", left, right)?;
    let mut pairs: Vec<(f64, f64)> = left.iter().copied().zip(right.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let tied = |same: fn(&(f64, f64), &(f64, f64)) -> bool, pairs: &[(f64, f64)]| -> f64 {
        pairs.chunk_by(same).map(|run| run.len() as f64 * (run.len() as f64 - 1.0) / 2.0).sum()
    };
    let ties_left = tied(|a, b| a.0 == b.0, &pairs);
    let ties_both = tied(|a, b| a == b, &pairs);
    let mut seconds: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let swaps = sort_counting(&mut seconds);
    let pairs: Vec<(f64, f64)> = seconds.into_iter().map(|value| (value, 0.0)).collect();
    let ties_right = tied(|a, b| a.0 == b.0, &pairs);
    let all = left.len() as f64 * (left.len() as f64 - 1.0) / 2.0;
    let scale = ((all - ties_left) * (all - ties_right)).sqrt();
    if scale == 0.0 {
        return Err(StatsFault::Constant { what: "Kendall's correlation" });
    }
    Ok((all - ties_left - ties_right + ties_both - 2.0 * swaps) / scale)
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

/// The 95% interval of a statistic of pairs, from resampling the pairs `resamples` times (percentile bootstrap).
/// Resamples where it is not defined are left out.
pub fn bootstrap_pairs(
    left: &[f64],
    right: &[f64],
    resamples: usize,
    seed: Seed,
    statistic: impl Fn(&[f64], &[f64]) -> Result<f64, StatsFault>,
) -> Result<(f64, f64), StatsFault> {
    check_pairs("a bootstrap interval", left, right)?;
    let mut rng = seed.rng();
    let mut found = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let picks: Vec<usize> = (0..left.len()).map(|_| rng.random_range(0..left.len())).collect();
        let pick = |values: &[f64]| picks.iter().map(|at| values[*at]).collect::<Vec<_>>();
        if let Ok(value) = statistic(&pick(left), &pick(right)) {
            found.push(value);
        }
    }
    if found.is_empty() {
        return Err(StatsFault::Constant { what: "a bootstrap interval" });
    }
    Ok((quantile(&found, 0.025), quantile(&found, 0.975)))
}

/// What the rank test says of two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankTest {
    /// The Mann-Whitney statistic of the first sample: pairs in which it is the larger, ties as half.
    pub u: f64,
    /// The probability of a difference at least as large if both came from one distribution (two-sided).
    pub p: f64,
    /// The share of pairs in which a value of the first sample is the larger, ties as half; 0.5 is no difference.
    pub share_larger: f64,
    /// Whether `p` was counted exactly; otherwise it is the normal approximation, corrected for ties and continuity.
    pub exact: bool,
}

/// Largest number of pairs for which the rank test counts arrangements one by one.
const EXACT_PAIRS: usize = 400;

/// The Mann-Whitney rank test: whether one sample tends to larger values than the other.
pub fn mann_whitney(left: &[f64], right: &[f64]) -> Result<RankTest, StatsFault> {
    let what = "a rank test";
    let least = left.len().min(right.len());
    if least == 0 {
        return Err(StatsFault::TooFew { what, least: 1, found: 0 });
    }
    if left.iter().chain(right).any(|value| value.is_nan()) {
        return Err(StatsFault::Nan { what });
    }
    let (n, m) = (left.len() as f64, right.len() as f64);
    let mut both = left.to_vec();
    both.extend_from_slice(right);
    let ranks = ranks(&both);
    let u = ranks[..left.len()].iter().sum::<f64>() - n * (n + 1.0) / 2.0;
    both.sort_by(f64::total_cmp);
    let ties: f64 = both
        .chunk_by(|a, b| a == b)
        .map(|run| {
            let length = run.len() as f64;
            length.powi(3) - length
        })
        .sum();
    let exact = ties == 0.0 && left.len() * right.len() <= EXACT_PAIRS;
    let p = if exact {
        let counts = arrangements(left.len(), right.len());
        let extreme = u.min(n * m - u) as usize;
        2.0 * counts[..=extreme].iter().sum::<f64>() / counts.iter().sum::<f64>()
    } else {
        let all = n + m;
        let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
        if variance == 0.0 {
            return Err(StatsFault::Constant { what });
        }
        let z = ((u - n * m / 2.0).abs() - 0.5).max(0.0) / variance.sqrt();
        2.0 * (1.0 - normal_share(z))
    };
    Ok(RankTest { u, p: p.min(1.0), share_larger: u / (n * m), exact })
}

/// How many orders of `n` and `m` values give each U, from 0 to n * m: the coefficients of the Gaussian binomial.
fn arrangements(n: usize, m: usize) -> Vec<f64> {
    let most = n * m;
    let mut counts = vec![0.0; most + 1];
    counts[0] = 1.0;
    for k in 1..=n {
        // Times (1 - q^(m + k)), then divided by (1 - q^k).
        for at in (m + k..=most).rev() {
            counts[at] -= counts[at - m - k];
        }
        for at in k..=most {
            counts[at] += counts[at - k];
        }
    }
    counts
}

/// The share of the standard normal distribution below `z` (Abramowitz and Stegun 7.1.26, error below 1.5e-7).
fn normal_share(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let above = series * (-x * x).exp() / 2.0;
    if z >= 0.0 { 1.0 - above } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn ranks_of_ties_are_shared() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(spearman(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]).unwrap(), 0.8);
    }

    #[test]
    fn rank_test_of_separated_samples() {
        // 20 orders of three and three values; two of them are as extreme.
        let test = mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap();
        assert_eq!((test.u, test.share_larger, test.exact), (0.0, 0.0, true));
        assert!((test.p - 0.1).abs() < 1e-12);
        let many: Vec<f64> = (0..30).map(f64::from).collect();
        let shifted: Vec<f64> = many.iter().map(|value| value + 0.5).collect();
        let test = mann_whitney(&many, &shifted).unwrap();
        assert!(!test.exact && test.p > 0.5);
    }

    #[test]
    fn bootstrap_is_seeded_and_holds_the_value() {
        let left: Vec<f64> = (0..50).map(f64::from).collect();
        let mut rng = Seed(4).rng();
        let right: Vec<f64> = left.iter().map(|value| value + rng.random_range(-20.0..20.0)).collect();
        let once = bootstrap_pairs(&left, &right, 300, Seed(1), kendall).unwrap();
        assert_eq!(once, bootstrap_pairs(&left, &right, 300, Seed(1), kendall).unwrap());
        let value = kendall(&left, &right).unwrap();
        assert!(once.0 < value && value < once.1);
    }

    #[test]
    fn quantiles_lie_between_values() {
        assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.5), 2.5);
        assert_eq!(quantile(&[1.0, 2.0], 0.25), 1.25);
        assert!(quantile(&[1.0, f64::NAN], 0.5).is_nan());
        assert!((std(&[1.0, 2.0, 3.0, 4.0]) - 1.290_994).abs() < 1e-6);
    }
}

//! Intervals: of a mean by Student's t, of any statistic by drawing the values again (bootstrap).

use rand::RngExt;
use rayon::prelude::*;

use super::tails::t_within;
use super::{StatsFault, check, check_pairs, mean, median, quantile, std};
use crate::base::Seed;

/// The mean and the interval around it in which the true mean lies in a share `level` of such samples, by Student's t.
pub fn mean_interval(values: &[f64], level: f64) -> Result<(f64, f64, f64), StatsFault> {
    check("an interval of a mean", values, 2)?;
    let (mean, n) = (mean(values), values.len() as f64);
    let half = t_within(level, n - 1.0) * std(values) / n.sqrt();
    Ok((mean, mean - half, mean + half))
}

/// The places below `count` that make up resample `number`: as many as there are values, drawn with repetition. They depend
/// on the seed and the number alone.
pub fn picks(count: usize, seed: Seed, number: usize) -> Vec<usize> {
    let mut rng = seed.at(number as u64).rng();
    (0..count).map(|_| rng.random_range(0..count)).collect()
}

/// The middle share `level` of what resamples gave (percentile bootstrap). Those that are NaN are left out; fails if they
/// are more than half.
pub fn middle(what: &'static str, found: &[f64], level: f64) -> Result<(f64, f64), StatsFault> {
    let defined: Vec<f64> = found.iter().copied().filter(|value| !value.is_nan()).collect();
    if defined.len() * 2 < found.len() || defined.is_empty() {
        return Err(StatsFault::Undefined { what, undefined: found.len() - defined.len(), resamples: found.len() });
    }
    let outside = (1.0 - level) / 2.0;
    Ok((quantile(&defined, outside), quantile(&defined, 1.0 - outside)))
}

/// The median of a sample with its interval, from drawing the values again.
pub fn median_interval(values: &[f64], resamples: usize, level: f64, seed: Seed) -> Result<(f64, f64, f64), StatsFault> {
    let what = "an interval of a median";
    check(what, values, 1)?;
    let again = |number| median(&picks(values.len(), seed, number).into_iter().map(|at| values[at]).collect::<Vec<_>>());
    let found: Vec<f64> = (0..resamples).into_par_iter().map(again).collect();
    let (low, high) = middle(what, &found, level)?;
    Ok((median(values), low, high))
}

/// The interval of a statistic of pairs, from drawing the pairs again. Resamples where it is not defined are left out.
pub fn bootstrap_pairs(
    left: &[f64],
    right: &[f64],
    resamples: usize,
    level: f64,
    seed: Seed,
    statistic: impl Fn(&[f64], &[f64]) -> Result<f64, StatsFault> + Sync + Send,
) -> Result<(f64, f64), StatsFault> {
    let what = "a bootstrap interval";
    check_pairs(what, left, right, 2)?;
    let one = |number| {
        let picks = picks(left.len(), seed, number);
        let pick = |values: &[f64]| picks.iter().map(|&at| values[at]).collect::<Vec<_>>();
        statistic(&pick(left), &pick(right)).unwrap_or(f64::NAN)
    };
    let found: Vec<f64> = (0..resamples).into_par_iter().map(one).collect();
    middle(what, &found, level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::stats::kendall;

    #[test]
    fn bootstrap_is_seeded_and_holds_the_value() {
        let left: Vec<f64> = (0..50).map(f64::from).collect();
        let mut rng = Seed(4).rng();
        let right: Vec<f64> = left.iter().map(|value| value + rng.random_range(-20.0..20.0)).collect();
        let once = |level| bootstrap_pairs(&left, &right, 300, level, Seed(1), kendall).unwrap();
        assert_eq!(once(0.95), once(0.95));
        let value = kendall(&left, &right).unwrap();
        assert!(once(0.95).0 < value && value < once(0.95).1);
        assert!(once(0.5).0 > once(0.95).0 && once(0.5).1 < once(0.95).1);
    }

    #[test]
    fn a_mean_has_an_interval() {
        let (mean, low, high) = mean_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).unwrap();
        // 2.776445 standard errors of 0.707107.
        assert!((mean - 3.0).abs() < 1e-12 && (high - 4.963_243).abs() < 1e-5 && (low + high - 6.0).abs() < 1e-12);
        // Three values: their median is the least with 1/27 + 3 * 2/27, so in a quarter of all resamples.
        let interval = |level| median_interval(&[1.0, 2.0, 10.0], 2000, level, Seed(1)).unwrap();
        assert_eq!((interval(0.95), interval(0.4)), ((2.0, 1.0, 10.0), (2.0, 2.0, 2.0)));
        assert!(mean_interval(&[1.0], 0.95).is_err() && mean_interval(&[1.0, f64::NAN], 0.95).is_err());
    }
}

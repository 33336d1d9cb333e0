//! Plain statistics: means, quantiles, ranks; correlations, rank tests, intervals and forests are in the files beside.
#![allow(clippy::float_cmp, reason = "ties are values that are exactly equal")]

mod correlation;
mod forest;
mod interval;
mod rank_tests;
mod tails;

use miette::Diagnostic;
use thiserror::Error;

pub use correlation::{Correlation, kendall, kendall_test, pearson, pearson_test, spearman, spearman_test};
pub use forest::Forest;
pub use interval::{bootstrap_pairs, mean_interval, median_interval, middle, picks};
pub use rank_tests::{GroupsTest, PairedTest, RankTest, holm, kruskal_wallis, mann_whitney, wilcoxon, win_rate};

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
    /// All pairs equal.
    #[error("{what} is not defined, because the two values of every pair are equal")]
    #[diagnostic(code(stats::constant), help("there is no difference to test"))]
    NoDifference { what: &'static str },
    /// A statistic that is not defined for most resamples.
    #[error("{what} is not defined for {undefined} of {resamples} resamples")]
    #[diagnostic(code(stats::undefined), help("give more values, or a statistic that is defined for values drawn again"))]
    Undefined { what: &'static str, undefined: usize, resamples: usize },
    /// Examples that no tree can be grown from.
    #[error("the trees cannot be fitted: {reason}")]
    #[diagnostic(code(stats::forest), help("give more examples, and different ones"))]
    Forest { reason: String },
}

/// Fails unless there are `least` values and each is a number.
fn check(what: &'static str, values: &[f64], least: usize) -> Result<(), StatsFault> {
    if values.len() < least {
        return Err(StatsFault::TooFew { what, least, found: values.len() });
    }
    if values.iter().any(|value| value.is_nan()) {
        return Err(StatsFault::Nan { what });
    }
    Ok(())
}

/// As [`check`], for two lists whose values belong together.
fn check_pairs(what: &'static str, left: &[f64], right: &[f64], least: usize) -> Result<(), StatsFault> {
    if left.len() != right.len() {
        return Err(StatsFault::Lengths { what, left: left.len(), right: right.len() });
    }
    check(what, left, least)?;
    check(what, right, least)
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

/// The sum of `of(length)` over all runs of equal values.
fn over_ties(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(|run| of(run.len() as f64)).sum()
}

/// How much equal values take from the variance of rank sums: the sum of t^3 - t over runs of t equal values.
fn tie_loss(values: &[f64]) -> f64 {
    over_ties(values, |run| run.powi(3) - run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_ties_are_shared() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(tie_loss(&[3.0, 1.0, 3.0, 2.0]), 6.0);
    }

    #[test]
    fn quantiles_lie_between_values() {
        assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.5), 2.5);
        assert_eq!(quantile(&[1.0, 2.0], 0.25), 1.25);
        assert!(quantile(&[1.0, f64::NAN], 0.5).is_nan());
        assert!((std(&[1.0, 2.0, 3.0, 4.0]) - 1.290_994).abs() < 1e-6);
    }
}

//! What a script can say about statistics: `stats::kendall(xs, ys)`.

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::options::Options;
use super::values::{numbers, share};
use crate::base::stats::{self as maths, StatsFault};

/// Resamples of a bootstrap interval unless asked otherwise.
const RESAMPLES: usize = 1000;

type Statistic = fn(&[f64], &[f64]) -> Result<f64, StatsFault>;

fn pair(call: &str, left: &Array, right: &Array) -> Answer<(Vec<f64>, Vec<f64>)> {
    Ok((numbers(call, left).cross()?, numbers(call, right).cross()?))
}

fn plain(call: &str, left: &Array, right: &Array, statistic: Statistic) -> Answer<f64> {
    let (left, right) = pair(call, left, right)?;
    statistic(&left, &right).cross()
}

/// A statistic with its 95% bootstrap interval, as a map.
fn with_interval(call: &'static str, left: &Array, right: &Array, options: Map, statistic: Statistic) -> Answer<Map> {
    let options = Options::new(call, options, &["resamples", "seed"]).cross()?;
    let resamples = options.count("resamples", 10).cross()?.unwrap_or(RESAMPLES);
    let seed = options.seed().cross()?;
    let (left, right) = pair(call, left, right)?;
    let value = statistic(&left, &right).cross()?;
    let (low, high) = maths::bootstrap_pairs(&left, &right, resamples, seed, statistic).cross()?;
    Ok([("value", value), ("low", low), ("high", high)].map(|(name, value)| (name.into(), value.into())).into())
}

#[export_module]
mod statistics {
    /// Kendall's rank correlation tau-b of two arrays, from -1 to 1; equal values are allowed for.
    ///
    /// Fails with `stats::lengths`, `stats::too_few`, `stats::nan` or `stats::constant`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::kendall([1, 2, 3, 4], [1, 3, 2, 4]) //> ~0.6667
    /// ```
    #[rhai_fn(return_raw)]
    pub fn kendall(left: Array, right: Array) -> Answer<f64> {
        plain("kendall", &left, &right, maths::kendall)
    }

    /// Kendall's rank correlation with its 95% bootstrap interval: `value`, `low`, `high`.
    ///
    /// Options: `resamples` (1000), `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let found = stats::kendall([1, 2, 3, 4, 5], [1, 3, 2, 4, 5], #{ seed: 1 });
    /// found.low <= found.value //> true
    /// ```
    #[rhai_fn(name = "kendall", return_raw)]
    pub fn kendall_with(left: Array, right: Array, options: Map) -> Answer<Map> {
        with_interval("kendall", &left, &right, options, maths::kendall)
    }

    /// Spearman's rank correlation of two arrays, from -1 to 1; equal values share their mean rank.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::spearman([1, 2, 3, 4], [1, 3, 2, 4]) //> ~0.8
    /// ```
    #[rhai_fn(return_raw)]
    pub fn spearman(left: Array, right: Array) -> Answer<f64> {
        plain("spearman", &left, &right, maths::spearman)
    }

    /// Spearman's rank correlation with its 95% bootstrap interval: `value`, `low`, `high`.
    ///
    /// Options: `resamples` (1000), `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::spearman([1, 2, 3, 4], [2, 4, 6, 8], #{ seed: 1 }).low //> ~1.0
    /// ```
    #[rhai_fn(name = "spearman", return_raw)]
    pub fn spearman_with(left: Array, right: Array, options: Map) -> Answer<Map> {
        with_interval("spearman", &left, &right, options, maths::spearman)
    }

    /// Pearson's correlation of two arrays, from -1 to 1.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::pearson([1, 2, 3], [2, 4, 6]) //> ~1.0
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pearson(left: Array, right: Array) -> Answer<f64> {
        plain("pearson", &left, &right, maths::pearson)
    }

    /// Whether one array tends to larger values than the other: the Mann-Whitney rank test, as a map.
    ///
    /// `p` is two-sided, `u` the statistic, `share_larger` the share of pairs in which the first array's value is the larger,
    /// `exact` whether `p` was counted exactly (small arrays without equal values) or by the normal approximation.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::rank_test([1, 2, 3], [4, 5, 6]).p //> ~0.1
    /// ```
    #[rhai_fn(return_raw)]
    pub fn rank_test(left: Array, right: Array) -> Answer<Map> {
        let (left, right) = pair("rank_test", &left, &right)?;
        let test = maths::mann_whitney(&left, &right).cross()?;
        let fields: [(&str, Dynamic); 4] = [
            ("u", test.u.into()),
            ("p", test.p.into()),
            ("share_larger", test.share_larger.into()),
            ("exact", test.exact.into()),
        ];
        Ok(fields.map(|(name, value)| (name.into(), value)).into())
    }

    /// The quantile of an array at `share` (0 to 1), linear between values.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::quantile([1, 2, 3, 4], 0.5) //> 2.5
    /// ```
    #[rhai_fn(return_raw)]
    pub fn quantile(values: Array, share: Dynamic) -> Answer<f64> {
        let share = super::share("quantile", &share).cross()?;
        let values = numbers("quantile", &values).cross()?;
        if values.is_empty() {
            return Err(StatsFault::TooFew { what: "a quantile", least: 1, found: 0 }).cross();
        }
        Ok(maths::quantile(&values, share))
    }

    /// The mean of an array.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::mean([1, 2]) //> 1.5
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mean(values: Array) -> Answer<f64> {
        if values.is_empty() {
            return Err(StatsFault::TooFew { what: "a mean", least: 1, found: 0 }).cross();
        }
        Ok(maths::mean(&numbers("mean", &values).cross()?))
    }

    /// The standard deviation of a sample (n - 1).
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::std([1, 2, 3, 4]) //> ~1.291
    /// ```
    #[rhai_fn(return_raw)]
    pub fn std(values: Array) -> Answer<f64> {
        if values.len() < 2 {
            return Err(StatsFault::TooFew { what: "a standard deviation", least: 2, found: values.len() }).cross();
        }
        Ok(maths::std(&numbers("std", &values).cross()?))
    }
}

/// Declares the namespace `stats`.
pub(super) fn register(engine: &mut Engine) {
    engine.register_static_module("stats", exported_module!(statistics).into());
}

//! What a script can say about statistics: `stats::kendall(xs, ys)`.

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr, Map};

use super::cross::{Answer, Cross, fault_within};
use super::options::{Options, number};
use super::parallel::{Parallel, during, plain};
use super::values::{numbers, share, words};
use crate::base::stats::{self as maths, Correlation, StatsFault};
use crate::base::{Fault, Seed};

/// Resamples of a bootstrap interval unless asked otherwise.
pub(super) const RESAMPLES: usize = 1000;
/// Share of intervals that hold the true value unless asked otherwise.
const LEVEL: f64 = 0.95;

type Statistic = fn(&[f64], &[f64]) -> Result<f64, StatsFault>;
type Test = fn(&[f64], &[f64]) -> Result<Correlation, StatsFault>;

/// The numbers of an array, none of which is NaN.
fn checked(call: &'static str, what: &'static str, least: usize, given: &Array) -> Answer<Vec<f64>> {
    let values = numbers(call, given).cross()?;
    if values.len() < least {
        return Err(StatsFault::TooFew { what, least, found: values.len() }).cross();
    }
    if values.iter().any(|value| value.is_nan()) {
        return Err(StatsFault::Nan { what }).cross();
    }
    Ok(values)
}

fn pair(call: &str, left: &Array, right: &Array) -> Answer<(Vec<f64>, Vec<f64>)> {
    Ok((numbers(call, left).cross()?, numbers(call, right).cross()?))
}

fn of_pairs(call: &str, left: &Array, right: &Array, statistic: Statistic) -> Answer<f64> {
    let (left, right) = pair(call, left, right)?;
    statistic(&left, &right).cross()
}

/// The share of intervals that hold the true value.
pub(super) fn level_of(options: &Options) -> Result<f64, Fault> {
    let level = options.positive("level")?.unwrap_or(LEVEL);
    if level < 1.0 { Ok(level) } else { Err(options.refuse("level", "it is a share below 1", "0.95 is usual")) }
}

/// How a statistic is resampled.
fn resampling(call: &'static str, given: Map) -> Result<(usize, f64, Seed), Fault> {
    let options = Options::new(call, given, &["resamples", "level", "seed"])?;
    Ok((options.count("resamples", 10)?.unwrap_or(RESAMPLES), level_of(&options)?, options.seed()?))
}

fn map<const N: usize>(fields: [(&str, Dynamic); N]) -> Map {
    fields.map(|(name, value)| (name.into(), value)).into()
}

/// A correlation with its p and its bootstrap interval, as a map.
fn tested(call: &'static str, left: &Array, right: &Array, options: Map, test: Test, statistic: Statistic) -> Answer<Map> {
    let (resamples, level, seed) = resampling(call, options).cross()?;
    let (left, right) = pair(call, left, right)?;
    let found = test(&left, &right).cross()?;
    let (low, high) = maths::bootstrap_pairs(&left, &right, resamples, level, seed, statistic).cross()?;
    Ok(map([
        ("value", found.value.into()),
        ("low", low.into()),
        ("high", high.into()),
        ("p", found.p.into()),
        ("exact", found.exact.into()),
    ]))
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
        of_pairs("kendall", &left, &right, maths::kendall)
    }

    /// Kendall's rank correlation with bootstrap interval and p: `value`, `low`, `high`, `p`, `exact`.
    ///
    /// `p` is two-sided: the probability of a correlation as strong between unrelated lists. It is counted (`exact`) for up to 50 different values, else by the normal distribution, corrected for equal values.
    ///
    /// Options: `resamples` (1000), `level` (0.95): of the interval, `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let found = stats::kendall([1, 2, 3, 4, 5], [1, 3, 2, 4, 5], #{ seed: 1 });
    /// found.low <= found.value //> true
    /// found.p //> ~0.0833
    /// ```
    #[rhai_fn(name = "kendall", return_raw)]
    pub fn kendall_with(left: Array, right: Array, options: Map) -> Answer<Map> {
        tested("kendall", &left, &right, options, maths::kendall_test, maths::kendall)
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
        of_pairs("spearman", &left, &right, maths::spearman)
    }

    /// Spearman's rank correlation with bootstrap interval and p: `value`, `low`, `high`, `p`, `exact`.
    ///
    /// `p` is two-sided. It is counted over all orders (`exact`) of up to 8 values, else by Student's t.
    ///
    /// Options: `resamples` (1000), `level` (0.95): of the interval, `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let found = stats::spearman([1, 2, 3, 4], [2, 4, 6, 8], #{ seed: 1 });
    /// found.low //> ~1.0
    /// found.p   //> ~0.0833
    /// ```
    #[rhai_fn(name = "spearman", return_raw)]
    pub fn spearman_with(left: Array, right: Array, options: Map) -> Answer<Map> {
        tested("spearman", &left, &right, options, maths::spearman_test, maths::spearman)
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
        of_pairs("pearson", &left, &right, maths::pearson)
    }

    /// Pearson's correlation with bootstrap interval and p: `value`, `low`, `high`, `p`, `exact`.
    ///
    /// `p` is two-sided, by Student's t, and holds for values that are normally distributed.
    ///
    /// Options: `resamples` (1000), `level` (0.95): of the interval, `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::pearson([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], #{ seed: 1 }).p //> ~0.104
    /// ```
    #[rhai_fn(name = "pearson", return_raw)]
    pub fn pearson_with(left: Array, right: Array, options: Map) -> Answer<Map> {
        tested("pearson", &left, &right, options, maths::pearson_test, maths::pearson)
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
        Ok(map([
            ("u", test.u.into()),
            ("p", test.p.into()),
            ("share_larger", test.share_larger.into()),
            ("exact", test.exact.into()),
        ]))
    }

    /// Whether the first values of pairs tend to be the larger: Wilcoxon's signed rank test, as a map.
    ///
    /// Two results of the same runs, such as one a seed. `p` is two-sided, `w` the statistic, `pairs` how many pairs differ (the others are left out),
    /// `exact` whether `p` was counted (up to 50 pairs whose differences are all of different size) or by the normal approximation.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::wilcoxon([2, 4, 6, 8, 10], [1, 2, 3, 4, 5]).p //> ~0.0625
    /// stats::wilcoxon([1, 2], [1, 2])                      //> fails stats::constant
    /// ```
    #[rhai_fn(return_raw)]
    pub fn wilcoxon(left: Array, right: Array) -> Answer<Map> {
        let (left, right) = pair("wilcoxon", &left, &right)?;
        let test = maths::wilcoxon(&left, &right).cross()?;
        Ok(map([("w", test.w.into()), ("p", test.p.into()), ("pairs", (test.pairs as i64).into()), ("exact", test.exact.into())]))
    }

    /// Whether some of several arrays tend to larger values: the Kruskal-Wallis rank test, as a map.
    ///
    /// `h` is the statistic, `p` by chi-squared, an approximation that wants about five values in each array.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::kruskal_wallis([[1, 2, 3], [4, 5, 6], [7, 8, 9]]).p //> ~0.0273
    /// ```
    #[rhai_fn(return_raw)]
    pub fn kruskal_wallis(groups: Array) -> Answer<Map> {
        let group = |group: &Dynamic| -> Answer<Vec<f64>> {
            let not_arrays = || {
                let message = format!("`kruskal_wallis` takes an array of arrays, not of {}", words(group));
                Fault::new("script::type", message, "give it one array of numbers for each group")
            };
            let group = group.read_lock::<Array>().ok_or_else(not_arrays).cross()?;
            numbers("kruskal_wallis", &group).cross()
        };
        let groups = groups.iter().map(group).collect::<Answer<Vec<_>>>()?;
        let test = maths::kruskal_wallis(&groups).cross()?;
        Ok(map([("h", test.h.into()), ("p", test.p.into())]))
    }

    /// The p values of several tests, each corrected for there being several (Holm 1979), in their order.
    ///
    /// The probability that any of them is below a level by chance is then at most that level.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::holm([0.01, 0.04, 0.03]) //> [0.03, 0.06, 0.06]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn holm(ps: Array) -> Answer<Array> {
        let ps = checked("holm", "a correction of p values", 0, &ps)?;
        Ok(maths::holm(&ps).into_iter().map(Dynamic::from).collect())
    }

    /// The share of pairs of values in which the first array's is the larger; equal ones count half.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::win_rate([2, 3], [1, 2]) //> 0.875
    /// ```
    #[rhai_fn(return_raw)]
    pub fn win_rate(left: Array, right: Array) -> Answer<f64> {
        of_pairs("win_rate", &left, &right, maths::win_rate)
    }

    /// Cliff's delta, an effect size from -1 to 1.
    ///
    /// The share of pairs of values in which the first array's is the larger, less the share in which it is the smaller.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::cliffs_delta([2, 3], [1, 2]) //> 0.75
    /// ```
    #[rhai_fn(return_raw)]
    pub fn cliffs_delta(left: Array, right: Array) -> Answer<f64> {
        Ok(2.0 * of_pairs("cliffs_delta", &left, &right, maths::win_rate)? - 1.0)
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
        Ok(maths::quantile(&checked("quantile", "a quantile", 1, &values)?, share))
    }

    /// The median of an array: the middle value, or the mean of the two in the middle.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::median([3, 1, 2, 10]) //> 2.5
    /// ```
    #[rhai_fn(return_raw)]
    pub fn median(values: Array) -> Answer<f64> {
        Ok(maths::median(&checked("median", "a median", 1, &values)?))
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
        Ok(maths::mean(&checked("mean", "a mean", 1, &values)?))
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
        Ok(maths::std(&checked("std", "a standard deviation", 2, &values)?))
    }

    /// The mean of an array with its 95% interval by Student's t: `mean`, `low`, `high`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::interval([1, 2, 3, 4, 5]).high //> ~4.963
    /// ```
    #[rhai_fn(return_raw)]
    pub fn interval(values: Array) -> Answer<Map> {
        interval_with(values, Map::new())
    }

    /// The mean of an array with its interval by Student's t: `mean`, `low`, `high`.
    ///
    /// It holds for values that are about normally distributed, or many; else use `stats::bootstrap`.
    ///
    /// Options: `level` (0.95): share of such intervals that hold the true mean.
    ///
    /// # Example
    ///
    /// ```rhai
    /// stats::interval([1, 2, 3, 4, 5], #{ level: 0.5 }).high //> ~3.524
    /// ```
    #[rhai_fn(name = "interval", return_raw)]
    pub fn interval_with(values: Array, options: Map) -> Answer<Map> {
        let options = Options::new("interval", options, &["level"]).cross()?;
        let level = level_of(&options).cross()?;
        let (mean, low, high) = maths::mean_interval(&numbers("interval", &values).cross()?, level).cross()?;
        Ok(map([("mean", mean.into()), ("low", low.into()), ("high", high.into())]))
    }

    /// Any statistic of an array with its 95% bootstrap interval: `value`, `low`, `high`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let found = stats::bootstrap([1, 2, 4, 8, 16], |sample| stats::median(sample));
    /// found.low <= found.value && found.value <= found.high //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn bootstrap(context: NativeCallContext, values: Array, statistic: FnPtr) -> Answer<Map> {
        bootstrap_with(context, values, statistic, Map::new())
    }

    /// Any statistic of an array with its bootstrap interval: `value`, `low`, `high`.
    ///
    /// The closure is given as many items as the array has, drawn from it with repetition, and gives a number; it runs in all threads. The items can be of any kind: pairs, rows.
    /// `low` and `high` are quantiles of what it gave (percentile bootstrap). Resamples for which it gives NaN, or fails with `stats::constant`, are left out; fails with `stats::undefined` if these are the most.
    ///
    /// Options: `resamples` (1000), `level` (0.95): of the interval, `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let pairs = [[1, 2], [2, 1], [3, 4], [4, 3], [5, 6]];
    /// let gain = |sample| stats::mean(sample.map(|pair| pair[1] - pair[0]));
    /// stats::bootstrap(pairs, gain, #{ resamples: 200, level: 0.9, seed: 1 }).value //> ~0.2
    /// ```
    #[rhai_fn(name = "bootstrap", return_raw)]
    pub fn bootstrap_with(context: NativeCallContext, values: Array, statistic: FnPtr, options: Map) -> Answer<Map> {
        resampled(&context, &values, &statistic, options)
    }
}

fn resampled(context: &NativeCallContext, items: &Array, statistic: &FnPtr, options: Map) -> Answer<Map> {
    let (resamples, level, seed) = resampling("bootstrap", options).cross()?;
    if items.is_empty() {
        return Err(StatsFault::TooFew { what: "a bootstrap interval", least: 1, found: 0 }).cross();
    }
    let items: Array = items.iter().map(plain).collect();
    let parallel = Parallel::new(context, statistic);
    let figure = |answer: &Dynamic| {
        number(answer).ok_or_else(|| {
            let message = format!("the statistic gave {}, not a number", words(answer));
            Fault::new("stats::figure", message, "let the closure end in a number, such as `stats::mean(sample)`")
        })
    };
    let value = figure(&parallel.worker().call("all values", (items.clone(),))?).cross()?;
    let sample = |at| maths::picks(items.len(), seed, at).into_iter().map(|pick| items[pick].clone()).collect::<Array>().into();
    let answers = parallel.each(resamples, sample, |at| format!("resample {at}"));
    let mut found = Vec::with_capacity(resamples);
    for (at, answer) in answers.into_iter().enumerate() {
        found.push(match answer {
            Ok(answer) => figure(&answer).cross()?,
            Err(error) if fault_within(&error).is_some_and(|fault| fault.code == "stats::constant") => f64::NAN,
            Err(error) => return Err(during(context, error, &format!("at resample {at} of {resamples}"))),
        });
    }
    let (low, high) = maths::middle("this statistic", &found, level).cross()?;
    Ok(map([("value", value.into()), ("low", low.into()), ("high", high.into())]))
}

/// Declares the namespace `stats`.
pub(super) fn register(engine: &mut Engine) {
    engine.register_static_module("stats", exported_module!(statistics).into());
}

//! Rank tests: whether samples differ, without assuming how their values are distributed.

use super::tails::{chi_squared_above, normal_beyond};
use super::{StatsFault, check, check_pairs, ranks, tie_loss};

/// Largest number of pairs for which the rank test counts arrangements one by one.
const EXACT_PAIRS: usize = 400;
/// Most differences for which the signed rank test counts signs one by one.
const EXACT_SIGNS: usize = 50;

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

/// The Mann-Whitney statistic of the first of two samples.
fn wins(what: &'static str, left: &[f64], right: &[f64]) -> Result<f64, StatsFault> {
    check(what, left, 1)?;
    check(what, right, 1)?;
    let n = left.len() as f64;
    Ok(ranks(&[left, right].concat())[..left.len()].iter().sum::<f64>() - n * (n + 1.0) / 2.0)
}

/// The share of pairs, one value from each sample, in which the first sample's is the larger, ties as half.
pub fn win_rate(left: &[f64], right: &[f64]) -> Result<f64, StatsFault> {
    Ok(wins("a win rate", left, right)? / (left.len() * right.len()) as f64)
}

/// The Mann-Whitney rank test: whether one sample tends to larger values than the other.
pub fn mann_whitney(left: &[f64], right: &[f64]) -> Result<RankTest, StatsFault> {
    let what = "a rank test";
    let u = wins(what, left, right)?;
    let (n, m) = (left.len() as f64, right.len() as f64);
    let ties = tie_loss(&[left, right].concat());
    let exact = ties == 0.0 && left.len() * right.len() <= EXACT_PAIRS;
    let p = if exact {
        let counts = arrangements(left.len(), right.len());
        let extreme = u.min(n * m - u) as usize;
        2.0 * counts[..=extreme].iter().sum::<f64>() / counts.iter().sum::<f64>()
    } else {
        let all = n + m;
        let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
        approximate(what, u - n * m / 2.0, variance)?
    };
    Ok(RankTest { u, p: p.min(1.0), share_larger: u / (n * m), exact })
}

/// The two-sided p of a sum of ranks so far from its mean, by the normal distribution with correction for continuity.
fn approximate(what: &'static str, off: f64, variance: f64) -> Result<f64, StatsFault> {
    if variance > 0.0 {
        Ok(normal_beyond((off.abs() - 0.5).max(0.0) / variance.sqrt()))
    } else {
        Err(StatsFault::Constant { what })
    }
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

/// What the signed rank test says of pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedTest {
    /// Wilcoxon's statistic: the sum of ranks of the differences in which the first value is the larger.
    pub w: f64,
    /// The probability of a difference at least as large if the values of each pair were exchangeable (two-sided).
    pub p: f64,
    /// Pairs whose values differ; the others are left out.
    pub pairs: usize,
    /// Whether `p` was counted exactly; otherwise it is the normal approximation, corrected for ties and continuity.
    pub exact: bool,
}

/// Wilcoxon's signed rank test: whether the first values of pairs tend to be larger than the second.
pub fn wilcoxon(left: &[f64], right: &[f64]) -> Result<PairedTest, StatsFault> {
    let what = "a paired rank test";
    check_pairs(what, left, right, 1)?;
    let differences: Vec<f64> = left.iter().zip(right).filter(|(x, y)| x != y).map(|(x, y)| x - y).collect();
    // Infinities of one sign have no difference.
    check(what, &differences, 0)?;
    if differences.is_empty() {
        return Err(StatsFault::NoDifference { what });
    }
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let w =
        ranks(&sizes).iter().zip(&differences).filter(|(_, difference)| **difference > 0.0).map(|(rank, _)| rank).sum::<f64>();
    let (n, ties) = (sizes.len() as f64, tie_loss(&sizes));
    let most = n * (n + 1.0) / 2.0;
    let exact = ties == 0.0 && sizes.len() <= EXACT_SIGNS;
    let p = if exact {
        2.0 * rank_sums(sizes.len())[..=w.min(most - w) as usize].iter().sum::<f64>()
    } else {
        approximate(what, w - most / 2.0, n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0)?
    };
    Ok(PairedTest { w, p: p.min(1.0), pairs: sizes.len(), exact })
}

/// The share of ways to give signs to the ranks 1 to `count` in which the positive ones sum to 0, 1, 2, ...
fn rank_sums(count: usize) -> Vec<f64> {
    let most = count * (count + 1) / 2;
    let mut shares = vec![0.0; most + 1];
    shares[0] = 1.0;
    for rank in 1..=count {
        for sum in (0..=most).rev() {
            let with = if sum >= rank { shares[sum - rank] } else { 0.0 };
            shares[sum] = f64::midpoint(shares[sum], with);
        }
    }
    shares
}

/// What the Kruskal-Wallis test says of several samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupsTest {
    /// The statistic, corrected for ties.
    pub h: f64,
    /// The probability of differences at least as large if all came from one distribution, by chi-squared.
    pub p: f64,
}

/// The Kruskal-Wallis rank test: whether some of several samples tend to larger values than others.
pub fn kruskal_wallis(groups: &[Vec<f64>]) -> Result<GroupsTest, StatsFault> {
    let what = "a rank test of groups";
    if groups.len() < 2 {
        return Err(StatsFault::TooFew { what: "the number of groups in a rank test", least: 2, found: groups.len() });
    }
    groups.iter().try_for_each(|group| check(what, group, 1))?;
    let all = groups.concat();
    let n = all.len() as f64;
    let untied = 1.0 - tie_loss(&all) / (n.powi(3) - n);
    if untied <= 0.0 {
        return Err(StatsFault::Constant { what });
    }
    let ranks = ranks(&all);
    let (mut first, mut spread) = (0, 0.0);
    for group in groups {
        let sum: f64 = ranks[first..first + group.len()].iter().sum();
        spread += sum * sum / group.len() as f64;
        first += group.len();
    }
    let h = ((12.0 / (n * (n + 1.0)) * spread - 3.0 * (n + 1.0)) / untied).max(0.0);
    Ok(GroupsTest { h, p: chi_squared_above(h, groups.len() as f64 - 1.0) })
}

/// The p values of several tests, each corrected for there being several: the probability that any of them is as small by
/// chance stays below the level. After Holm, "A simple sequentially rejective multiple test procedure" (1979). NaN are no
/// tests and stay.
pub fn holm(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).filter(|&at| !ps[at].is_nan()).collect();
    order.sort_by(|&a, &b| ps[a].total_cmp(&ps[b]));
    let (mut corrected, mut largest) = (ps.to_vec(), 0.0_f64);
    for (smaller, &at) in order.iter().enumerate() {
        largest = largest.max((order.len() - smaller) as f64 * ps[at]).min(1.0);
        corrected[at] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn signed_ranks_of_pairs() {
        // All five differences positive: 2 of 32 signs are as extreme. A pair without a difference is left out.
        let test = wilcoxon(&[2.0, 4.0, 6.0, 8.0, 10.0, 3.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 3.0]).unwrap();
        assert_eq!((test.w, test.pairs, test.exact), (15.0, 5, true));
        assert!((test.p - 2.0 / 32.0).abs() < 1e-12);
        // With ties: the mean of W is 5, its variance 7.5 - 24 / 48, and this one is 1 away.
        let test = wilcoxon(&[1.0, 1.0, 1.0, -2.0], &[0.0, 0.0, 0.0, 0.0]).unwrap();
        assert_eq!((test.w, test.exact), (6.0, false));
        assert!((test.p - normal_beyond(0.5 / 7.0_f64.sqrt())).abs() < 1e-12);
        assert!(matches!(wilcoxon(&[1.0], &[1.0]), Err(StatsFault::NoDifference { .. })));
    }

    #[test]
    fn several_tests_are_each_harder() {
        // The smallest counts four times, the next three times; none may come out smaller than one before it.
        let corrected = holm(&[0.01, 0.04, f64::NAN, 0.03, 0.005]);
        let wanted = [0.03, 0.06, f64::NAN, 0.06, 0.02];
        assert!(corrected.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-12 || wanted.is_nan()));
        assert!(corrected[2].is_nan() && holm(&[0.9, 0.8]) == [1.0, 1.0] && holm(&[]).is_empty());
    }

    #[test]
    fn several_groups() {
        // Rank sums 6, 15, 24: H = 12/90 * (12 + 75 + 192) - 30 = 7.2, and exp(-3.6) lies above.
        let groups = [vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0], vec![7.0, 8.0, 9.0]];
        let test = kruskal_wallis(&groups).unwrap();
        assert!((test.h - 7.2).abs() < 1e-12 && (test.p - (-3.6_f64).exp()).abs() < 1e-9, "{test:?}");
        assert!(kruskal_wallis(&[vec![1.0], vec![1.0]]).is_err() && kruskal_wallis(&groups[..1]).is_err());
    }
}

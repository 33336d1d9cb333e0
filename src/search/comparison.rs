//! Strategies compared by several studies of each: what they ended with, how they got there, and whether it may be chance.

use std::cmp::Ordering;

use super::{Direction, SearchFault, Stopped, Study};
use crate::base::stats::{self, StatsFault, holm, mann_whitney, median_interval, wilcoxon, win_rate};
use crate::base::{Result, Seed, did_you_mean};

/// Points of a curve, unless it is said where they are wanted.
const POINTS: usize = 50;

/// One study, as far as it is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Which way is better.
    pub direction: Direction,
    /// After each evaluation the best score so far; `None` while there is none.
    pub best: Vec<Option<f64>>,
    /// Whether it ended because its strategy asked for nothing new any more: with more evaluations it would be the same.
    pub exhausted: bool,
}

impl<C> From<&Study<C>> for Run {
    fn from(study: &Study<C>) -> Self {
        let exhausted = study.stopped == Some(Stopped::Exhausted);
        Self { direction: study.direction, best: study.best_so_far(), exhausted }
    }
}

impl Run {
    /// The best score after so many evaluations.
    fn after(&self, evaluations: usize) -> Option<f64> {
        self.best.get(evaluations.min(self.best.len()).checked_sub(1)?).copied().flatten()
    }
}

/// How studies are compared.
#[derive(Debug, Clone)]
pub struct Comparing {
    /// The group that the others are tested against; the first if `None`.
    pub baseline: Option<String>,
    /// Whether the first studies of all groups belong together, the second, and so on: of one seed.
    pub paired: bool,
    /// After how many evaluations; if `None`, as many as every study has.
    pub evaluations: Option<usize>,
    /// Evaluations at which curves have points; spread evenly if empty.
    pub at: Vec<usize>,
    /// Share of intervals that hold the true median.
    pub level: f64,
    /// Resamples of intervals.
    pub resamples: usize,
    /// Seed of the resamples.
    pub seed: Seed,
}

/// A point of a group's curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Evaluations so far.
    pub evaluations: usize,
    /// The median over studies of the best score so far.
    pub median: f64,
    /// Its quartiles over studies.
    pub low: f64,
    /// The upper one.
    pub high: f64,
}

/// A group beside the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Against {
    /// The share of pairs of studies in which the group's is the better, equal ones as half.
    pub better: f64,
    /// The two-sided p of the rank test; 1 where no two results differ.
    pub p: f64,
    /// The p corrected for the number of groups.
    pub p_holm: f64,
}

/// What the studies of one name came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The best score of each study.
    pub ends: Vec<f64>,
    /// The median of these, and the ends of its interval (percentile bootstrap).
    pub median: (f64, f64, f64),
    /// The best and the worst of these.
    pub extremes: (f64, f64),
    /// Beside the baseline; `None` for the baseline itself.
    pub against: Option<Against>,
    /// How the best score grew. It begins where every study of the group has a score.
    pub curve: Vec<CurvePoint>,
}

/// Groups of studies beside each other, the best median first.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Which way is better.
    pub direction: Direction,
    /// The group that the others are tested against.
    pub baseline: String,
    /// Whether the test was that of pairs (Wilcoxon's signed rank test) or of samples (Mann-Whitney).
    pub paired: bool,
    /// Evaluations after which the studies are compared.
    pub evaluations: usize,
    /// Share of intervals that hold the true median.
    pub level: f64,
    /// The groups.
    pub groups: Vec<Group>,
}

/// Compares groups of studies that have one objective, after the same number of evaluations.
///
/// Fails with `search::groups` for no groups, an empty one, a baseline that is none of them, or studies of which some
/// maximise and some minimise; with `search::short` for a study with too few evaluations (unless its strategy had nothing
/// new to ask for: then it stays at what it has), or without any score; with `stats::lengths` for pairs that do not match.
pub fn compare(groups: &[(String, Vec<Run>)], how: &Comparing) -> Result<Comparison> {
    let wrong = |wrong: String, help: String| SearchFault::Groups { wrong, help };
    let first = groups.iter().find_map(|(_, runs)| runs.first());
    let none = || wrong("there are no studies to compare".into(), "give `#{ tpe: [study, ...], ... }`".into());
    let direction = first.ok_or_else(none)?.direction;
    for (name, runs) in groups {
        if runs.is_empty() {
            return Err(wrong(format!("the group `{name}` holds no study"), "leave it out".into()).into());
        }
        if runs.iter().any(|run| run.direction != direction) {
            let help = "compare studies of one objective".into();
            return Err(wrong("some studies maximise and some minimise their score".into(), help).into());
        }
    }
    let baseline = how.baseline.as_ref().unwrap_or(&groups[0].0);
    let names = groups.iter().map(|(name, _)| name.as_str());
    let at = groups.iter().position(|(name, _)| name == baseline);
    let at = at.ok_or_else(|| wrong(format!("there is no group `{baseline}`"), did_you_mean(baseline, names)))?;
    let all = || groups.iter().flat_map(|(_, runs)| runs);
    let going = all().filter(|run| !run.exhausted).map(|run| run.best.len()).min();
    let whole = all().map(|run| run.best.len()).max().unwrap_or(0);
    let evaluations = how.evaluations.or(going).unwrap_or(whole);

    let mut found = Vec::new();
    for (name, runs) in groups {
        let end = |(number, run): (usize, &Run)| {
            let short = |wrong| SearchFault::Short { group: name.clone(), number, wrong };
            if run.best.len() < evaluations && !run.exhausted {
                return Err(short(format!("has {} evaluations, not {evaluations}", run.best.len())));
            }
            run.after(evaluations).ok_or_else(|| short(format!("has no score after {evaluations} evaluations")))
        };
        let ends = runs.iter().enumerate().map(end).collect::<Result<Vec<f64>, _>>()?;
        let (low, high) = (stats::quantile(&ends, 0.0), stats::quantile(&ends, 1.0));
        found.push(Group {
            name: name.clone(),
            median: median_interval(&ends, how.resamples, how.level, how.seed)?,
            extremes: if direction == Direction::Maximize { (high, low) } else { (low, high) },
            against: None,
            curve: curve(runs, &points(how, evaluations)),
            ends,
        });
    }
    let merits = |group: &Group| group.ends.iter().map(|&end| direction.merit(end)).collect::<Vec<_>>();
    let base = merits(&found[at]);
    let tests = found
        .iter()
        .enumerate()
        .map(|(place, group)| if place == at { Ok((f64::NAN, f64::NAN)) } else { test(&merits(group), &base, how.paired) });
    let tests = tests.collect::<Result<Vec<_>, _>>()?;
    let corrected = holm(&tests.iter().map(|(_, p)| *p).collect::<Vec<_>>());
    for (place, group) in found.iter_mut().enumerate().filter(|(place, _)| *place != at) {
        let (better, p) = tests[place];
        group.against = Some(Against { better, p, p_holm: corrected[place] });
    }
    found.sort_by(|a, b| direction.merit(b.median.0).total_cmp(&direction.merit(a.median.0)));
    let baseline = baseline.clone();
    Ok(Comparison { direction, baseline, paired: how.paired, evaluations, level: how.level, groups: found })
}

/// The share of pairs in which `own` is the better of the two, and the p of the difference.
fn test(own: &[f64], base: &[f64], paired: bool) -> Result<(f64, f64), StatsFault> {
    let (better, p) = if paired {
        let p = wilcoxon(own, base).map(|test| test.p);
        let share = |(own, base): (&f64, &f64)| match own.total_cmp(base) {
            Ordering::Greater => 1.0,
            Ordering::Equal => 0.5,
            Ordering::Less => 0.0,
        };
        (stats::mean(&own.iter().zip(base).map(share).collect::<Vec<_>>()), p)
    } else {
        (win_rate(own, base)?, mann_whitney(own, base).map(|test| test.p))
    };
    match p {
        // Where all ended alike there is no difference to explain.
        Err(StatsFault::Constant { .. } | StatsFault::NoDifference { .. }) => Ok((better, 1.0)),
        p => Ok((better, p?)),
    }
}

/// Where curves have points.
fn points(how: &Comparing, evaluations: usize) -> Vec<usize> {
    let mut at: Vec<usize> = if how.at.is_empty() {
        (0..=POINTS).map(|step| (evaluations * step / POINTS).max(1)).collect()
    } else {
        how.at.iter().copied().filter(|at| *at <= evaluations).collect()
    };
    at.sort_unstable();
    at.dedup();
    at
}

fn curve(runs: &[Run], at: &[usize]) -> Vec<CurvePoint> {
    let point = |&evaluations: &usize| {
        let best: Vec<f64> = runs.iter().map(|run| run.after(evaluations)).collect::<Option<_>>()?;
        let quantile = |share| stats::quantile(&best, share);
        Some(CurvePoint { evaluations, median: quantile(0.5), low: quantile(0.25), high: quantile(0.75) })
    };
    at.iter().filter_map(point).collect()
}

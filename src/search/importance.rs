//! Which choices matter: how much of what scores differ by each choice explains, learnt from the history of a study.

use rand::RngExt;

use super::SearchFault;
use crate::base::stats::{self, Forest};
use crate::base::{Result, Rng, Seed};
use crate::space::{Hyperspace, SearchSpace};

/// Fewer scores than this say too little.
const LEAST: usize = 20;
/// Candidates drawn for each choice, over which the others are averaged; for each pair of choices so many.
const DRAWN: usize = 512;
const DRAWN_FOR_PAIRS: usize = 128;

/// One of the choices that a candidate is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its name: `stage1 operator`.
    pub name: String,
    /// Number of values, counted from 0.
    pub count: usize,
    /// Whether neighbouring values are alike: windows are, operators are not.
    pub ordered: bool,
}

/// What there is to choose in `hyperspace`: the operators of its searched stages, then their windows.
pub fn choices(hyperspace: &Hyperspace) -> Vec<Choice> {
    let searched = hyperspace.searched();
    let choice = |what: &str, stage: usize, count: usize| {
        let name = format!("{} {what}", hyperspace.stages[stage].name);
        Choice { name, count, ordered: what == "window" }
    };
    let operators = searched.iter().map(|&stage| choice("operator", stage, hyperspace.candidates(stage).len()));
    let windows = searched.iter().map(|&stage| choice("window", stage, hyperspace.stages[stage].windows()));
    operators.chain(windows).collect()
}

/// The values of a candidate, in the order of [`choices`].
pub fn row(space: &SearchSpace) -> Vec<usize> {
    space.operators.iter().chain(&space.windows).copied().collect()
}

/// How much one choice matters, or two together beyond what each does alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Places among the choices: one, or two.
    pub choices: Vec<usize>,
    /// Share of the variance of scores over all candidates, 0 to 1: the mean over trees.
    pub share: f64,
    /// Its standard deviation over trees.
    pub spread: f64,
}

/// What a forest says of choices.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// Every choice, and every pair if they were asked for, the weightiest first.
    pub shares: Vec<Share>,
    /// The share of the variance of scores that the forest explains where it is judged by trees that did not see them. What
    /// it says of choices is worth as much.
    pub explained: f64,
}

/// How much each choice matters for scores, and with `pairs` each two together, as far as `rows` (values of the choices) and
/// their `scores` tell.
///
/// This is the functional analysis of variance of Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing
/// hyperparameter importance" (2014): a forest learns the scores; the variance over the values of a choice of what each
/// tree expects there, all other choices being uniform, over the variance of all it expects. The averages over the other
/// choices are taken over candidates drawn anew, not summed over the leaves.
///
/// Fails with `search::too_few` for fewer than 20 scores, `search::flat` where all are equal. Scores must be finite.
pub fn importance(choices: &[Choice], rows: &[Vec<usize>], scores: &[f64], pairs: bool, seed: Seed) -> Result<Importance> {
    if scores.len() < LEAST {
        return Err(SearchFault::TooFew { least: LEAST, found: scores.len() }.into());
    }
    if scores.iter().all(|score| score.total_cmp(&scores[0]).is_eq()) {
        return Err(SearchFault::Flat { count: scores.len() }.into());
    }
    let points: Vec<Vec<f64>> = rows.iter().map(|row| features(choices, row)).collect();
    let forest = Forest::fit(&points, scores, seed.child("forest"))?;
    let mut rng = seed.child("drawn").rng();
    let singles: Vec<Vec<Marginal>> =
        (0..choices.len()).map(|at| marginals(&forest, choices, &[at], DRAWN, &mut rng)).collect::<Result<_>>()?;
    let trees = singles.first().map_or(0, Vec::len);
    let variance = |tree: usize| stats::mean(&singles.iter().map(|of| of[tree].all).collect::<Vec<_>>());
    // A tree without a split says that nothing matters, of which no share can be told.
    let told: Vec<(usize, f64)> = (0..trees).map(|tree| (tree, variance(tree))).filter(|(_, all)| *all > 0.0).collect();
    let share = |choices: Vec<usize>, of: &dyn Fn(usize) -> f64| {
        let shares: Vec<f64> = told.iter().map(|(tree, all)| of(*tree) / all).collect();
        Share { choices, share: stats::mean(&shares), spread: stats::std(&shares) }
    };
    let mut shares: Vec<Share> =
        singles.iter().enumerate().map(|(at, of)| share(vec![at], &|tree: usize| of[tree].between)).collect();
    if pairs {
        for first in 0..choices.len() {
            for second in first + 1..choices.len() {
                let both = marginals(&forest, choices, &[first, second], DRAWN_FOR_PAIRS, &mut rng)?;
                let beyond =
                    |tree: usize| (both[tree].between - singles[first][tree].between - singles[second][tree].between).max(0.0);
                shares.push(share(vec![first, second], &beyond));
            }
        }
    }
    shares.sort_by(|a, b| b.share.total_cmp(&a.share));
    Ok(Importance { shares, explained: forest.explained(&points, scores)? })
}

/// What one tree expects of candidates that were drawn for some choices.
struct Marginal {
    /// The variance of its mean over the values of the choices.
    between: f64,
    /// The variance of all it expects.
    all: f64,
}

/// For each tree what it expects over the values of the choices at `of`, the others being drawn.
fn marginals(forest: &Forest, choices: &[Choice], of: &[usize], drawn: usize, rng: &mut Rng) -> Result<Vec<Marginal>> {
    let others: Vec<Vec<usize>> =
        (0..drawn).map(|_| choices.iter().map(|choice| rng.random_range(0..choice.count.max(1))).collect()).collect();
    let values = of.iter().fold(vec![vec![]], |all: Vec<Vec<usize>>, &at| {
        all.iter().flat_map(|one| (0..choices[at].count).map(move |value| [one.as_slice(), &[value]].concat())).collect()
    });
    let mut points = Vec::with_capacity(values.len() * drawn);
    for values in &values {
        for other in &others {
            let mut row = other.clone();
            of.iter().zip(values).for_each(|(&at, &value)| row[at] = value);
            points.push(features(choices, &row));
        }
    }
    let variance = |values: &[f64]| {
        let mean = stats::mean(values);
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
    };
    let each = forest.each(&points)?;
    let one = |expected: Vec<f64>| {
        let means: Vec<f64> = expected.chunks(drawn).map(stats::mean).collect();
        Marginal { between: variance(&means), all: variance(&expected) }
    };
    Ok(each.into_iter().map(one).collect())
}

/// Choices as trees split them: an ordered one is a number, another one as many as it has values, of which one is 1.
fn features(choices: &[Choice], row: &[usize]) -> Vec<f64> {
    let mut point = Vec::new();
    for (choice, &value) in choices.iter().zip(row) {
        if choice.ordered {
            point.push(value as f64);
        } else {
            point.extend((0..choice.count).map(|own| f64::from(u8::from(own == value))));
        }
    }
    point
}

//! A study: the history of one search, and what it found.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Fault;

/// The code of trials whose score was not a number.
pub(super) const NAN: &str = "search::nan";

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Larger scores.
    Maximize,
    /// Smaller scores.
    Minimize,
}

impl Direction {
    /// The score as strategies see it: larger is better.
    pub(super) fn merit(self, score: f64) -> f64 {
        match self {
            Direction::Maximize => score,
            Direction::Minimize => -score,
        }
    }
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With a score, never NaN.
    Score(f64),
    /// Without one.
    Failed(Fault),
}

/// A trial without its candidate: what is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Text of the candidate.
    pub text: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What the score function said beside the score.
    #[serde(default)]
    pub info: Value,
}

/// One scored candidate.
#[derive(Debug, Clone)]
pub struct Trial<C> {
    /// Place in the history, from 0.
    pub id: usize,
    /// What was scored.
    pub candidate: C,
    /// Its text and how it ended.
    pub record: TrialRecord,
}

impl<C> Trial<C> {
    /// The score, if it has one.
    pub fn score(&self) -> Option<f64> {
        match self.record.outcome {
            Outcome::Score(score) => Some(score),
            Outcome::Failed(_) => None,
        }
    }

    /// Why it has no score.
    pub fn fault(&self) -> Option<&Fault> {
        match &self.record.outcome {
            Outcome::Score(_) => None,
            Outcome::Failed(fault) => Some(fault),
        }
    }

    /// Whether its score was not a number.
    pub fn is_nan(&self) -> bool {
        self.fault().is_some_and(|fault| fault.code == NAN)
    }
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// All evaluations were made.
    Evaluations,
    /// The time was spent.
    Time,
    /// The user stopped it.
    Interrupted,
    /// The strategy asked for nothing new any more.
    Exhausted,
    /// A score or the strategy failed: [`Study::failure`] says how.
    Failed,
}

/// What ended a search that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The trial whose score failed, if it was a score.
    pub trial: Option<usize>,
    /// What went wrong, with the candidate it was scoring.
    pub fault: Fault,
}

/// The history of one search.
#[derive(Debug, Clone)]
pub struct Study<C> {
    /// Which way is better.
    pub direction: Direction,
    /// Every distinct candidate that was scored, in order.
    pub history: Vec<Trial<C>>,
    /// Why it ended; `None` while it runs.
    pub stopped: Option<Stopped>,
    /// What ended it, if it is [`Stopped::Failed`].
    pub failure: Option<Failure>,
}

impl<C> Study<C> {
    /// The best trial; of equals the earliest. `None` if no trial has a score.
    pub fn best(&self) -> Option<&Trial<C>> {
        let merit = |trial: &Trial<C>| trial.score().map(|score| self.direction.merit(score));
        let better = |best: &&Trial<C>, trial: &Trial<C>| merit(trial) > merit(best);
        self.history
            .iter()
            .filter(|trial| trial.score().is_some())
            .reduce(|best, trial| if better(&best, trial) { trial } else { best })
    }

    /// The best `n` trials, best first; of equals the earliest first.
    pub fn top(&self, n: usize) -> Vec<&Trial<C>> {
        let mut scored: Vec<_> = self.history.iter().filter_map(|trial| Some((trial.score()?, trial))).collect();
        scored.sort_by(|(a, _), (b, _)| self.direction.merit(*b).total_cmp(&self.direction.merit(*a)));
        scored.into_iter().take(n).map(|(_, trial)| trial).collect()
    }

    /// For each trial the best score up to it: the curve of a search.
    pub fn best_so_far(&self) -> Vec<Option<f64>> {
        let mut best: Option<f64> = None;
        let better = |a: f64, b: f64| self.direction.merit(a) > self.direction.merit(b);
        let curve = self.history.iter().map(|trial| {
            if let Some(score) = trial.score().filter(|&score| best.is_none_or(|best| better(score, best))) {
                best = Some(score);
            }
            best
        });
        curve.collect()
    }

    /// Trials without a score: those that failed, and those whose score was not a number.
    pub fn failed(&self) -> impl Iterator<Item = &Trial<C>> {
        self.history.iter().filter(|trial| trial.score().is_none())
    }

    /// What to store; [`super::Plan::known`] takes it back, and the search goes on where it was.
    pub fn records(&self) -> Vec<TrialRecord> {
        self.history.iter().map(|trial| trial.record.clone()).collect()
    }
}

//! A study as the lab keeps it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Direction, Outcome, Run, Stopped, Study, TrialRecord};

/// What is kept of a study under its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredStudy {
    /// Which way is better; `None` in those kept by the first version.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// Why it ended; `None` while it runs.
    #[serde(default)]
    pub stopped: Option<Stopped>,
    /// The history.
    pub trials: Vec<TrialRecord>,
    /// Candidates that other searches of this name scored and this one has not asked for.
    #[serde(default)]
    pub others: Vec<TrialRecord>,
}

impl StoredStudy {
    /// `study`, with what `old` knows beside it: a score that was paid for is never dropped.
    pub fn after<C>(study: &Study<C>, old: Option<Self>) -> Self {
        let trials = study.records();
        let mut known: BTreeSet<String> = trials.iter().map(|trial| trial.text.clone()).collect();
        let old = old.unwrap_or_default();
        let others = old.trials.into_iter().chain(old.others).filter(|trial| known.insert(trial.text.clone())).collect();
        Self { direction: Some(study.direction), stopped: study.stopped, trials, others }
    }

    /// Every score that is known, for [`super::Plan::known`].
    pub fn known(self) -> Vec<TrialRecord> {
        [self.trials, self.others].concat()
    }

    /// For each trial the best score up to it.
    pub fn best_so_far(&self) -> Vec<Option<f64>> {
        self.study().best_so_far()
    }

    /// The best trial; of equals the earliest.
    pub fn best(&self) -> Option<TrialRecord> {
        self.study().best().map(|trial| trial.record.clone())
    }

    /// As it is compared with others.
    pub fn run(&self) -> Run {
        Run::from(&self.study())
    }

    /// The score of a trial, if it has one.
    pub fn score(trial: &TrialRecord) -> Option<f64> {
        match trial.outcome {
            Outcome::Score(score) => Some(score),
            Outcome::Failed(_) => None,
        }
    }

    /// The study without its candidates.
    fn study(&self) -> Study<()> {
        let trial = |(id, record): (usize, &TrialRecord)| super::Trial { id, candidate: (), record: record.clone() };
        let history = self.trials.iter().enumerate().map(trial).collect();
        let direction = self.direction.unwrap_or(Direction::Maximize);
        Study { direction, history, stopped: self.stopped, failure: None }
    }
}

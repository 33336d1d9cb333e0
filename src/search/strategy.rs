//! What takes part in a search: candidates, scores, and the decisions of a strategy.

use serde_json::Value;

use crate::base::{Result, Rng};
use crate::space::{SearchSpace, Subnet};

/// Something that can be scored. Candidates of one text are one candidate.
pub trait Candidate: Clone + Send + Sync {
    /// The text it is written as.
    fn text(&self) -> String;
}

impl Candidate for SearchSpace {
    fn text(&self) -> String {
        self.encode()
    }
}

impl Candidate for Subnet {
    fn text(&self) -> String {
        self.encode()
    }
}

/// What a candidate is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The figure that is looked for.
    pub value: f64,
    /// Anything worth keeping beside it.
    pub info: Value,
}

impl From<f64> for Score {
    fn from(value: f64) -> Self {
        Self { value, info: Value::Null }
    }
}

/// What a strategy is told of one candidate that it asked for.
#[derive(Debug, Clone)]
pub struct Told<C> {
    /// The candidate.
    pub candidate: C,
    /// Its score, larger is better also where the study minimises; minus infinity where scoring failed.
    pub score: f64,
    /// Whether it entered the history just now; false for one that was in it already.
    pub fresh: bool,
    /// What the score function said beside the score.
    pub info: Value,
}

/// The decisions of a search. It never learns what is scored, or on how many threads.
pub trait Strategy<C> {
    /// How many candidates are asked for, and scored in parallel, before the strategy is told.
    fn batch(&self) -> usize;

    /// The next candidates; about `n`, at least one. `rng` is the search's own, and depends on its seed alone.
    fn ask(&mut self, n: usize, rng: &mut Rng) -> Result<Vec<C>>;

    /// Scores of what was asked for. A candidate that was scored before comes with the score it had.
    fn tell(&mut self, results: &[Told<C>]) -> Result<()>;

    /// Asked when so much was asked for in vain that the search ends after `scored` candidates: a fault if that is the
    /// strategy's own mistake.
    fn stuck(&self, _scored: usize) -> Result<()> {
        Ok(())
    }
}

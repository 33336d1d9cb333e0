//! How to look: studies with a strategy of the user's, what they say of strategies and choices, evolutionary subnet search,
//! Pareto fronts, Gaussian processes.
//!
//! The engine ([`run`]) owns the loop: it asks the strategy for candidates, scores them in parallel, keeps the
//! history, reports, stops. A [`Strategy`] owns the decisions and never learns what is scored. Both
//! search spaces and subnets are [`Candidate`]s.

mod comparison;
mod engine;
mod fault;
mod gaussian;
mod importance;
mod pareto;
mod random;
mod stored;
mod strategy;
mod study;
mod subnets;

pub use comparison::{Against, Comparing, Comparison, CurvePoint, Group, Run, compare};
pub use engine::{OnBatch, Plan, ScoreAll, in_parallel, run, run_in_batches};
pub use fault::SearchFault;
pub use gaussian::{GaussianProcess, Guess};
pub use importance::{Choice, Importance, Share, choices, importance, row};
pub use pareto::{hypervolume, knee, pareto_front, pareto_ranks};
pub use random::RandomSearch;
pub use stored::StoredStudy;
pub use strategy::{Candidate, Score, Strategy, Told};
pub use study::{Direction, Failure, Outcome, Stopped, Study, Trial, TrialRecord};
pub use subnets::{FoundSubnet, LatencyWindow, SubnetPlan, SubnetSearch, search_subnets};

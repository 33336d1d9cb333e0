//! How to look: studies with a strategy of the user's, evolutionary subnet search, Pareto fronts, Gaussian processes.
//!
//! The engine ([`run`]) owns the loop: it asks the strategy for candidates, scores them in parallel, keeps the
//! history, reports, stops. A [`Strategy`] owns the decisions and never learns what is scored. Both
//! search spaces and subnets are [`Candidate`]s.

mod engine;
mod fault;
mod gaussian;
mod pareto;
mod random;
mod stored;
mod strategy;
mod study;
mod subnets;

pub use engine::{OnBatch, Plan, ScoreAll, in_parallel, run, run_in_batches};
pub use fault::SearchFault;
pub use gaussian::{GaussianProcess, Guess};
pub use pareto::{hypervolume, pareto_front};
pub use random::RandomSearch;
pub use stored::StoredStudy;
pub use strategy::{Candidate, Score, Strategy, Told};
pub use study::{Direction, Failure, Outcome, Stopped, Study, Trial, TrialRecord};
pub use subnets::{FoundSubnet, LatencyWindow, SubnetPlan, SubnetSearch, search_subnets};

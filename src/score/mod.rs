//! Scores of search spaces from a look-up table, without training.

mod draws;
mod fault;
mod qt;

pub use fault::ScoreFault;
pub use qt::{LimitScore, QtOptions, QtScore, qt_score};

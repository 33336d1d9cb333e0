//! Scores of search spaces from a look-up table, without training.
//!
//! A [`Question`] (a value, limits, a reduction) is answered by drawing networks ([`sampled()`]) or from their distribution
//! ([`exact()`]). The Q-T score ([`qt_score`]) is one such question.

mod draws;
mod exact;
mod fault;
mod figures;
mod measure;
mod networks;
mod packed;
mod qt;
mod rows;
mod sampled;

pub use exact::{Bins, Bracket, Distributed, exact};
pub use fault::ScoreFault;
pub use measure::{Binary, Formula, Terms, Unary};
pub use networks::{Networks, networks};
pub use qt::{LimitScore, QtMethod, QtMode, QtOptions, QtScore, qt_score};
pub use rows::Drawing;
pub use sampled::{Condition, Kept, Others, Question, Reduction, sampled};

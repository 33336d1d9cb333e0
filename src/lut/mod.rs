//! Look-up tables: sampled concrete stages with their loss against the teacher, cost and latency.
//!
//! A [`Lut`] is what a search space is scored from without training it: rows in groups of one stage,
//! operator, window and resolution. See [`crate::score`].

pub mod build;
mod fault;
mod files;
pub mod latency;
mod table;

pub use fault::LutFault;
pub use table::{Lut, LutRow, Sample};

//! Look-up tables: sampled concrete stages with their loss against the teacher, cost and latency.
//!
//! A [`Lut`] is what a search space is scored from without training it: rows in groups of one stage,
//! operator, window and resolution. See [`crate::score`].

mod blocks;
pub mod build;
mod fault;
mod files;
pub mod inside;
pub mod latency;
mod lsqr;
mod nn_meter;
mod recover;
mod reference;
mod replay;
mod samples;
mod table;

pub use blocks::{BlockKey, BlockTable, Outlier, block_of_key};
pub use fault::LutFault;
pub use nn_meter::{ReadBlocks, read_nn_meter, write_nn_meter};
pub use recover::Recovered;
pub use reference::read_reference;
pub use replay::TableDevice;
pub use samples::{CostMismatch, CostReport};
pub use table::{INT8_MS, LOSS, LOSS_STDERR, Lut, LutRow, MFLOPS, MPARAMS, SampleKey, WEIGHTS_MB};

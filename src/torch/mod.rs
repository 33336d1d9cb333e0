//! The torch lowering: elastic weights, LSQ+ and training loops. Part of the trainer binary alone, and the only place that names `tch`.
//!
//! [`serve()`] speaks the protocol; [`jobs`] runs one job. A network of a job is compiled ([`net`]) against the
//! elastic weights ([`store`]) into a list of slices and operations, which [`forward`] runs.

mod batches;
mod evaluate;
mod export;
mod fault;
mod forward;
mod jobs;
mod losses;
mod lsq;
mod meter;
mod net;
mod optim;
mod script;
mod serve;
mod store;
mod train_block;
mod train_net;

pub use serve::serve;

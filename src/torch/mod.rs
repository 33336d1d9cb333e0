//! The torch lowering: elastic weights, LSQ+ and training loops. Part of the trainer binary alone, and the only place that names `tch`.
//!
//! [`serve()`] speaks the protocol, [`alone`] runs a job without a session; [`jobs`] runs one job. A network of a job is compiled ([`net`]) against the
//! elastic weights ([`store`]) into a list of slices and operations, which [`forward`] runs. What a training is between two
//! steps ([`course`]) goes into its checkpoints ([`checkpoint`]); a teacher's maps ([`features`]) are shared by those who learn from
//! them ([`lessons`]). A batch may be shared out among devices ([`replicas`]).

mod alone;
mod batches;
mod chance;
mod checkpoint;
mod course;
mod cuda;
mod evaluate;
mod export;
mod fake_quantize;
mod fault;
mod features;
mod forward;
mod jobs;
mod lessons;
mod losses;
mod lsq;
mod meter;
mod net;
mod optim;
mod own;
mod place;
mod proxies;
mod replicas;
mod script;
mod serve;
mod slice;
mod store;
mod train_block;
mod train_net;

pub use alone::run as run_alone;
pub use serve::{greet, serve};

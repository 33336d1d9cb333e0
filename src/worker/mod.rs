//! Workers: processes of this package that do what is heavy or dangerous, reached over their standard streams.
//!
//! # The protocol (version 1)
//! One JSON object a line, UTF-8, both ways; bulk data are files named in them.
//!
//! Session to worker (standard input):
//! - `{"run": 7, "file": "/lab/jobs/ab12/job.json"}`: run the job in this file (the trainer: a `train::JobFile`; `spaceevo-native`: see
//!   [`crate::native`]); 7 is its number.
//! - `{"cancel": 7}`: stop that job at its next step.
//! - End of input: stop the running job and leave.
//!
//! Worker to session (standard output):
//! - `{"hello": {"build": "...", "protocol": 1}}`, first of all.
//! - `{"progress": {"id": 7, "done": 3, "total": 100, "note": "loss 1.2"}}`, a few times a second at most.
//! - `{"log": "a line of plain news"}`.
//! - `{"done": {"id": 7, "result": ...}}`: `train::TrainSummary` of a training job, a list of
//!   `SampleLoss` or `NetScore` of an evaluation, `{}` of a job that writes a file; of blocks that are trained side by side a
//!   list with `{"Ok": summary}` or `{"Err": fault}` for each.
//! - `{"failed": {"id": 7, "fault": {"code": "...", "message": "...", "help": "..."}}}`.
//!
//! A training that is cancelled leaves a checkpoint in its folder, and one that runs writes one every minute: the same job in
//! the same folder goes on from there, in this worker or another, and ends with the same weights.
//!
//! # Jobs without a session
//! `--batch FOLDER` sees to the batch of jobs in a folder: `batch.json` ([`Plan`]) and for the n-th job `n.job.json`, as above.
//! `--batch FOLDER --job N` runs one of them, which is what Slurm calls. A job leaves `n.state.json` ([`State`]), replaced as it
//! goes on and last when it ends; it stops when `n.stop` appears. `--build` prints the greeting alone.
//!
//! # Manners
//! One job at a time. A job that fails does not end the worker. Standard error is for people; its last
//! lines are quoted when a worker dies. The trainer takes `--threads N`, and `--processors cpu` or
//! `cuda:0,cuda:1` ([`Processor`]).

mod elsewhere;
mod executor;
mod fault;
mod pool;
mod process;
mod processor;
mod program;
mod protocol;
mod state;
mod station;
mod task;

pub use elsewhere::{Batch, Batches, Elsewhere, ElsewhereFault, Followed, Held, Listed, Spot, Starts};
pub use executor::Executor;
pub use fault::WorkerFault;
pub use pool::{Pool, PoolOptions};
pub use process::{Outcome, Process};
pub use processor::Processor;
pub use program::{Program, TRAINER};
pub use protocol::{News, Order, PROTOCOL};
pub use state::{Place, Stage, State};
pub use station::{Before, Plan, alone, lost, see_to};
pub use task::{Task, Use};

/// Identifies the sources a binary was built from: session and worker must agree on it.
pub fn build_id() -> &'static str {
    option_env!("SPACEEVO_BUILD_ID").unwrap_or("unknown")
}

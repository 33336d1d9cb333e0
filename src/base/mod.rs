//! Words every layer may use: faults, seeds, cancellation, progress, whole files, suggestions.

mod cancel;
mod fault;
mod files;
mod markup;
mod progress;
mod quiet;
mod seed;
pub mod stats;
mod suggest;

pub use cancel::{Cancel, interrupted};
pub use fault::{Fault, Result, Spot};
pub use files::{UNFINISHED, hash_hex, readable, write_aside, write_atomic, write_json};
pub use markup::escape;
pub use progress::{Bar, Progress, ProgressSink};
pub use quiet::{LOCK_FILE, Quiet};
pub use seed::{Rng, Seed};
pub use suggest::{did_you_mean, nearest};

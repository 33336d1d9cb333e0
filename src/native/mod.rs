//! Functions in Rust that a script brings along: their signatures, how they are compiled and kept, how they are called.
//!
//! A function is compiled into a library of its own ([`compile`]) with a C entry beside it (`shim.rs`) that takes columns of
//! arguments and runs it row by row. The library is loaded by the worker `spaceevo-native` ([`Natives`]), never by the
//! session: a function that aborts or does not end costs a worker.
//!
//! # The job (version 1)
//! An order of the worker protocol names a file: a line of JSON ([`Call`]), spaces up to a multiple of 8 bytes, then the
//! columns of its arguments ([`Column::write`]). The worker leaves the column of answers in the file beside it that ends in `.out`.
//!
//! Cells that keep a state ([`Cells`]) are run by another process of the same program, started with `--cells FOLDER`; its
//! orders name a file with a [`CellJob`].

mod cells;
mod column;
mod compile;
mod fault;
mod pool;
mod shim;
mod signature;

pub use cells::{CellCandidates, CellJob, CellShown, Cells, functions_of};
pub use column::{Column, Data};
pub use compile::{Library, compile};
pub use fault::NativeFault;
pub use pool::{Call, Natives};
pub use signature::{Parameter, Signature, Type};

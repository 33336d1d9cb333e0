//! The one integration binary: a module for each area.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic, compare exactly and speak"
)]

mod binary;
mod check;
mod cli;
mod data;
mod device;
mod entry;
mod exact;
mod faults;
mod formula;
mod frame;
mod lab;
mod lut;
mod nets;
mod onnx;
mod pipeline;
mod plot;
mod properties;
mod reference;
mod replay;
mod score;
mod search;
mod session;
mod slow_net;
mod space;
mod tidy;
mod torch;
mod toy;
mod toynet;
mod traps;
mod worker;

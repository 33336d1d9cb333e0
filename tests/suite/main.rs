//! The one integration binary: a module for each area.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic, compare exactly and speak"
)]

mod bench;
mod binary;
mod broken;
mod cards;
mod check;
mod cli;
mod completing;
mod data;
mod data_files;
mod device;
mod dry;
mod elsewhere;
mod entry;
mod exact;
mod faults;
mod fire;
mod formula;
mod frame;
mod jupyter;
mod kernel;
mod lab;
mod latency_table;
mod lut;
mod native;
mod nets;
mod networks;
mod notebooks;
mod onnx;
mod parallel;
mod pipeline;
mod plot;
mod precision;
mod prompt;
mod properties;
mod proxies;
mod published;
mod quantizers;
mod reference;
mod replay;
mod runner;
mod score;
mod search;
mod session;
mod sharing;
mod slow_net;
mod space;
mod stats;
mod strategies;
mod studies;
mod synthetic;
mod tidy;
mod torch;
mod toy;
mod toynet;
mod traps;
mod views;
mod worker;

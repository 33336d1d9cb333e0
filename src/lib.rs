//! The SpaceEvo lab: a scripting lab for hardware-aware search-space design.
//!
//! The modules in reading order; `ARCHITECTURE.md` has the map and the layer rules.

pub mod base;
pub mod cli;
pub mod data;
pub mod device;
pub mod frame;
pub mod graph;
pub mod kernel;
pub mod lab;
pub mod lut;
pub mod native;
pub mod onnx;
pub mod plot;
pub mod primitive;
pub mod repl;
pub mod runtime;
pub mod score;
pub mod search;
pub mod space;
pub mod train;
pub mod worker;

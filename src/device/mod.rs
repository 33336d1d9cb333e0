//! Devices: whatever can time a layer graph, how a latency is measured, and what it is predicted to be.

mod fault;
pub mod ort;

pub use fault::DeviceFault;

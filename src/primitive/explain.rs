//! Why INT8 is fast or slow: the runtime's optimised graph, node by node.

use rhai::plugin::*;
use rhai::{Dynamic, Engine};

use super::cross::{Answer, Cross};
use super::measure::thing_of;
use crate::base::Result;
use crate::device::explain_int8 as explain;
use crate::frame::Table;
use crate::onnx::Int8Weights;

#[export_module]
mod explain_functions {
    /// The nodes that ONNX Runtime really runs for a thing in INT8, and why some are slow.
    ///
    /// Columns: `op`, the runtime's operator; `layer`; `runs_in`: `int8`, `float`, `border` (a quantizer or dequantizer) or `moves`; `inside`: whether it is neither the way into the integers
    /// nor the way out; `weight`; `reason`: a layer in floats between integers, a border inside, a width off the step, a depthwise convolution; empty where nothing is wrong.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let relu = explain_int8(block("inverted_residual", #{ cin: 32, hw: 14 }));
    /// relu.filter(col("inside") & (col("runs_in") == "float")).height //> 0
    /// let swish = explain_int8(block("inverted_residual_se", #{ cin: 32, hw: 14 }));
    /// swish.filter(col("inside") & (col("runs_in") == "float")).height > 0 //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn explain_int8(what: Dynamic) -> Answer<Table> {
        table(&what).cross()
    }
}

fn table(what: &Dynamic) -> Result<Table> {
    let nodes = explain(&thing_of("explain_int8", what)?.graph, Int8Weights::default())?;
    let weight = |dims: &[usize]| dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
    Table::builder()
        .text("op", nodes.iter().map(|node| node.op.clone()))
        .text("layer", nodes.iter().map(|node| node.layer.clone()))
        .text("runs_in", nodes.iter().map(|node| node.runs_in.name()))
        .bool("inside", nodes.iter().map(|node| node.inside))
        .text("weight", nodes.iter().map(|node| weight(&node.weight)))
        .text("reason", nodes.iter().map(|node| node.reason.clone()))
        .build()
}

/// Declares the explanation of INT8.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(explain_functions).into());
}

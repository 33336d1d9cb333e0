//! What a model is to a stopwatch: its structure without names and numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost::Message;
use sha2::{Digest, Sha256};

use super::OnnxFault;
use super::proto::{ModelProto, tensor_proto::DataType};
use crate::base::Result;

/// A key for models that take equally long: nodes, attributes, wiring, shapes and types. Names and numbers are
/// left out, except whether a zero point is zero, on which the runtime's fusions depend, and shape constants.
pub fn structure_key(model: &ModelProto) -> String {
    let mut text = String::new();
    let mut place: BTreeMap<&str, usize> = BTreeMap::new();
    let Some(graph) = &model.graph else { return String::new() };
    for value in graph.input.iter().chain(&graph.output) {
        let _ = write!(text, "io {:?};", value.r#type);
    }
    for (index, constant) in graph.initializer.iter().enumerate() {
        place.insert(constant.name(), index);
        let raw = constant.raw_data();
        let numbers = match DataType::try_from(constant.data_type()) {
            Ok(DataType::Int64) => format!("{raw:?}"),
            Ok(DataType::Uint8) => format!("zero {}", raw.iter().all(|&b| b == 0)),
            _ => String::new(),
        };
        let _ = write!(text, "c {:?} {} {numbers};", constant.dims, constant.data_type());
    }
    for (index, input) in graph.input.iter().enumerate() {
        place.insert(input.name(), graph.initializer.len() + index);
    }
    for node in &graph.node {
        let inputs: Vec<_> = node.input.iter().map(|name| place.get(name.as_str())).collect();
        let attributes: Vec<_> = node.attribute.iter().map(|a| (a.name(), a.i, a.f.map(f32::to_bits), &a.ints)).collect();
        let _ = write!(text, "n {} {inputs:?} {attributes:?};", node.op_type());
        for output in &node.output {
            place.insert(output, place.len());
        }
    }
    Sha256::digest(text.as_bytes()).iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// The nodes of a model file as (operator, name of its first output), in file order.
pub fn operators(bytes: &[u8]) -> Result<Vec<(String, String)>> {
    let model = ModelProto::decode(bytes).map_err(|error| OnnxFault::Unreadable { reason: error.to_string() })?;
    let nodes = model.graph.map(|graph| graph.node).unwrap_or_default();
    Ok(nodes.iter().map(|node| (node.op_type().to_string(), node.output.first().cloned().unwrap_or_default())).collect())
}

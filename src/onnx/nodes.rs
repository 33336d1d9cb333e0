//! The nodes of a model file, with what one needs to tell why each is fast or slow.

use std::collections::HashMap;

use prost::Message;

use super::OnnxFault;
use super::proto::ModelProto;
use crate::base::Result;

/// A node of a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileNode {
    /// Its operator.
    pub op: String,
    /// Names of the tensors that it reads.
    pub inputs: Vec<String>,
    /// Names of the tensors that it writes.
    pub outputs: Vec<String>,
    /// Shapes of those inputs that are constants with four dimensions: weights of convolutions.
    pub weights: Vec<Vec<usize>>,
    /// Attribute `group`, else 1.
    pub groups: usize,
}

/// The nodes of a model file, in file order. Fails with `onnx::unreadable`.
pub fn nodes(bytes: &[u8]) -> Result<Vec<FileNode>> {
    let model = ModelProto::decode(bytes).map_err(|error| OnnxFault::Unreadable { reason: error.to_string() })?;
    let graph = model.graph.unwrap_or_default();
    let constants: HashMap<&str, Vec<usize>> =
        graph.initializer.iter().map(|one| (one.name(), one.dims.iter().map(|&d| d.max(0) as usize).collect())).collect();
    let node = |node: &super::proto::NodeProto| FileNode {
        op: node.op_type().to_string(),
        inputs: node.input.clone(),
        outputs: node.output.clone(),
        weights: node
            .input
            .iter()
            .filter_map(|name| constants.get(name.as_str()))
            .filter(|dims| dims.len() == 4)
            .cloned()
            .collect(),
        groups: node.attribute.iter().find(|own| own.name() == "group").and_then(|own| own.i).map_or(1, |i| i.max(1) as usize),
    };
    Ok(graph.node.iter().map(node).collect())
}

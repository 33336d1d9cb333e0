//! Writing ONNX nodes, attributes and constants: the small vocabulary of the lowering.

use super::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType, tensor_shape_proto, type_proto,
};

/// The operator set files are written in: the oldest with all layers but [`NEWER`], so that most runtimes read them.
pub const OPSET: i64 = 17;
/// Version of the file format, which belongs to the operator set.
const IR_VERSION: i64 = 8;
/// An operator that is younger, with its operator set and the version of the file format: files with it are written in these.
const NEWER: (&str, i64, i64) = ("Gelu", 20, 9);

/// An ONNX graph under construction.
#[derive(Debug, Default)]
pub(super) struct Writer {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Writer {
    /// One node with one output; the node takes the output's name.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) {
        self.nodes.push(NodeProto {
            name: Some(output.into()),
            op_type: Some(op.into()),
            input: inputs.iter().map(|name| (*name).to_string()).collect(),
            output: vec![output.into()],
            attribute: attributes,
            ..NodeProto::default()
        });
    }

    /// A constant of 32-bit floats; returns its name.
    pub(super) fn floats(&mut self, name: String, dims: &[usize], data: &[f32]) -> String {
        self.constant(name, dims, DataType::Float, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// A constant of 32-bit integers.
    pub(super) fn i32s(&mut self, name: String, dims: &[usize], data: &[i32]) -> String {
        self.constant(name, dims, DataType::Int32, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// A constant list of 64-bit integers.
    pub(super) fn i64s(&mut self, name: String, data: &[i64]) -> String {
        self.constant(name, &[data.len()], DataType::Int64, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// A constant of signed bytes.
    pub(super) fn i8s(&mut self, name: String, dims: &[usize], data: &[i8]) -> String {
        self.constant(name, dims, DataType::Int8, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// A single unsigned byte.
    pub(super) fn u8(&mut self, name: String, value: u8) -> String {
        self.constant(name, &[], DataType::Uint8, vec![value])
    }

    fn constant(&mut self, name: String, dims: &[usize], kind: DataType, raw: Vec<u8>) -> String {
        self.constants.push(TensorProto {
            name: Some(name.clone()),
            dims: dims.iter().map(|&d| d as i64).collect(),
            data_type: Some(kind as i32),
            raw_data: Some(raw),
            ..TensorProto::default()
        });
        name
    }

    /// The finished model with float input `input` and float output `output`.
    pub(super) fn finish(self, input: &[usize], output: &[usize]) -> ModelProto {
        let (newer, newer_opset, newer_ir) = NEWER;
        let young = self.nodes.iter().any(|node| node.op_type() == newer);
        let (opset, ir_version) = if young { (newer_opset, newer_ir) } else { (OPSET, IR_VERSION) };
        let graph = GraphProto {
            name: Some("network".into()),
            node: self.nodes,
            initializer: self.constants,
            input: vec![float_map("input", input)],
            output: vec![float_map("output", output)],
            ..GraphProto::default()
        };
        ModelProto {
            ir_version: Some(ir_version),
            producer_name: Some("spaceevo".into()),
            producer_version: Some(env!("CARGO_PKG_VERSION").into()),
            opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(opset) }],
            graph: Some(graph),
            ..ModelProto::default()
        }
    }
}

fn float_map(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = |&size: &usize| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(size as i64)),
        ..Default::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(DataType::Float as i32),
        shape: Some(TensorShapeProto { dim: dims.iter().map(dim).collect() }),
    };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}

/// An integer attribute.
pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        r#type: Some(AttributeType::Int as i32),
        i: Some(value),
        ..AttributeProto::default()
    }
}

/// A float attribute.
pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        r#type: Some(AttributeType::Float as i32),
        f: Some(value),
        ..AttributeProto::default()
    }
}

/// An attribute that is a list of integers.
pub(super) fn ints(name: &str, values: &[usize]) -> AttributeProto {
    let ints = values.iter().map(|&v| v as i64).collect();
    AttributeProto { name: Some(name.into()), r#type: Some(AttributeType::Ints as i32), ints, ..AttributeProto::default() }
}

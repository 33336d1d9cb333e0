//! From a layer graph and its weights to an ONNX model.

use prost::Message;

use super::codes::{self, Affine, Trained};
use super::emit::{Writer, float, int, ints};
use super::proto::{ModelProto, NodeProto};
use super::{Int8Weights, OnnxFault, Precision};
use crate::base::Result;
use crate::graph::{
    Activation, Graph, LN_EPSILON, Layer, MOST_BITS, NodeId, Plan, Quantizer, Step, Weights, largest_code, quantize, scale_key,
};

/// An ONNX file of `graph` for `batch` images: float input `input` `[batch, C, H, W]`, float output
/// `output` (`[batch, C]` after a dense layer, else `[batch, C, H, W]`). Batch norm is folded into the
/// convolution before it. `Int8` needs the scales `NODE.sa`, `NODE.zp` and `LAYER.sw` among the weights; codes of fewer bits,
/// of the whole network or of layers, are codes of 8 bits that keep to fewer values.
pub fn lower(graph: &Graph, weights: &Weights, precision: Precision, batch: usize) -> Result<Vec<u8>> {
    lower_as(graph, weights, precision, batch, Int8Weights::default())
}

/// [`lower`] with INT8 weights written in another way.
pub fn lower_as(graph: &Graph, weights: &Weights, precision: Precision, batch: usize, style: Int8Weights) -> Result<Vec<u8>> {
    Ok(lower_model(graph, weights, precision, batch, style)?.encode_to_vec())
}

/// [`lower_as`] before it is written as bytes.
pub fn lower_model(
    graph: &Graph,
    weights: &Weights,
    precision: Precision,
    batch: usize,
    style: Int8Weights,
) -> Result<ModelProto> {
    if batch == 0 {
        return Err(OnnxFault::Batch.into());
    }
    let plan = quantize(graph);
    let mut lowering = Lowering {
        graph,
        weights,
        plan: &plan,
        int8: precision == Precision::Int8,
        style,
        batch,
        writer: Writer::default(),
        real: vec![None; graph.nodes.len()],
        codes: vec![None; graph.nodes.len()],
    };
    for id in 0..graph.nodes.len() {
        lowering.node(id)?;
    }
    let result = lowering.real(graph.output);
    let model = lowering.writer.finish(&dims(graph, 0, batch), &dims(graph, graph.output, batch));
    Ok(name_output(model, &result))
}

/// Shape of a node's value with the batch; a dense layer at the end gives rows.
fn dims(graph: &Graph, id: NodeId, batch: usize) -> Vec<usize> {
    let shape = &graph.nodes[id].shape;
    if graph.nodes[id].layer == Layer::Linear { vec![batch, shape.c()] } else { vec![batch, shape.c(), shape.h, shape.w] }
}

/// Calls the tensor `result` `output`.
fn name_output(mut model: ModelProto, result: &str) -> ModelProto {
    let Some(graph) = model.graph.as_mut() else { return model };
    if result == "input" {
        graph.node.push(NodeProto {
            op_type: Some("Identity".into()),
            input: vec!["input".into()],
            output: vec!["output".into()],
            ..NodeProto::default()
        });
    }
    for node in &mut graph.node {
        for name in node.input.iter_mut().chain(&mut node.output).filter(|name| *name == result && result != "input") {
            *name = "output".into();
        }
    }
    model
}

pub(super) struct Lowering<'a> {
    pub(super) graph: &'a Graph,
    weights: &'a Weights,
    pub(super) plan: &'a Plan,
    int8: bool,
    style: Int8Weights,
    pub(super) batch: usize,
    pub(super) writer: Writer,
    /// Name of each node's value in floats, once written; in INT8 the dequantized one.
    pub(super) real: Vec<Option<String>>,
    /// Name of each node's 8-bit codes, where its value has passed a quantizer.
    pub(super) codes: Vec<Option<String>>,
}

impl Lowering<'_> {
    /// Writes one node, and the quantizer after it.
    fn node(&mut self, id: NodeId) -> Result<()> {
        let node = &self.graph.nodes[id];
        let output = if id == 0 { "input".to_string() } else { format!("{}/out", node.name) };
        if self.plan.steps[id] == Step::Move {
            return self.mover(id, &output);
        }
        match node.layer {
            Layer::Input => {}
            Layer::Conv { .. } => {
                let affine = match self.plan.steps[id] {
                    Step::FoldedConv(norm) => self.norm_affine(norm)?,
                    _ => self.plain_affine(id)?,
                };
                self.conv(id, &affine, &output)?;
            }
            Layer::Linear => {
                let affine = self.plain_affine(id)?;
                if id == self.graph.output {
                    self.dense(id, &affine, &output)?;
                } else {
                    self.conv(id, &affine, &output)?;
                }
            }
            Layer::BatchNorm { .. } if self.plan.steps[id] == Step::Folded => {
                let folded = self.real(node.inputs[0]);
                self.real[id] = Some(folded);
                return self.quantizer(id);
            }
            Layer::BatchNorm { epsilon } => self.batch_norm(id, epsilon, &output)?,
            Layer::LayerNorm => self.layer_norm(id, &output)?,
            Layer::Scores { heads } => self.scores(id, heads, &output)?,
            Layer::Attend { heads } => return self.attend(id, heads, &output),
            Layer::Act { act } => self.activation(id, act, &output),
            Layer::GlobalPool => {
                let from = self.real(node.inputs[0]);
                self.writer.node("GlobalAveragePool", &[&from], &output, vec![]);
            }
            Layer::AvgPool { kernel, stride, padding } => {
                let from = self.real(node.inputs[0]);
                let mut window = window(kernel, stride, padding, 0);
                window.push(int("count_include_pad", 1));
                self.writer.node("AveragePool", &[&from], &output, window);
            }
            Layer::Add | Layer::Mul | Layer::Concat => {
                let from: Vec<_> = node.inputs.iter().map(|&input| self.real(input)).collect();
                let from: Vec<_> = from.iter().map(String::as_str).collect();
                match node.layer {
                    Layer::Add => self.writer.node("Add", &from, &output, vec![]),
                    Layer::Mul => self.writer.node("Mul", &from, &output, vec![]),
                    _ => self.writer.node("Concat", &from, &output, vec![int("axis", 1)]),
                }
            }
            Layer::MaxPool { .. } | Layer::Slice { .. } | Layer::Segment { .. } | Layer::Shuffle { .. } => {
                return self.mover(id, &output);
            }
        }
        self.real[id] = Some(output);
        self.quantizer(id)
    }

    /// Name of a node's value in floats; writes its dequantizer at the first call, which all readers share.
    pub(super) fn real(&mut self, id: NodeId) -> String {
        if let Some(name) = &self.real[id] {
            return name.clone();
        }
        let name = format!("{}/real", self.graph.nodes[id].name);
        if let (Some(codes), Some(quantizer)) = (self.codes[id].clone(), self.plan.value[id]) {
            let stem = &self.plan.quantizers[quantizer].name;
            self.writer.node("DequantizeLinear", &[&codes, &format!("{stem}/scale"), &format!("{stem}/zero")], &name, vec![]);
        }
        self.real[id] = Some(name.clone());
        name
    }

    /// Quantizes the value just written, where the plan says so.
    pub(super) fn quantizer(&mut self, id: NodeId) -> Result<()> {
        let Some(quantizer) = self.plan.quantizer_after(id).filter(|_| self.int8) else { return Ok(()) };
        let (name, largest) = (&quantizer.name, self.largest_code(quantizer));
        let scale = self.tensor_scale(self.plan.value[id])?;
        let zero = if quantizer.zero_at_zero {
            0.0
        } else {
            let key = format!("{}.zp", quantizer.key());
            let value = self.weights.scalar(&key)?;
            if !(0.0..=largest as f32).contains(&value) || value.fract() != 0.0 {
                return Err(OnnxFault::ZeroPoint { key, value }.into());
            }
            value
        };
        let scale = self.writer.floats(format!("{name}/scale"), &[], &[scale]);
        let zero = self.writer.u8(format!("{name}/zero"), zero as u8);
        let codes = format!("{name}/codes");
        if let Some(real) = self.real[id].take() {
            let bounded = self.bounded(id);
            let wide = if bounded { format!("{name}/wide_codes") } else { codes.clone() };
            self.writer.node("QuantizeLinear", &[&real, &scale, &zero], &wide, vec![]);
            if bounded {
                // After the quantizer, which stays part of the integer kernel before it.
                let least = self.writer.u8(format!("{name}/least"), 0);
                let most = self.writer.u8(format!("{name}/most"), largest as u8);
                self.writer.node("Clip", &[&wide, &least, &most], &codes, vec![]);
            }
        }
        self.codes[id] = Some(codes);
        Ok(())
    }

    /// Largest code that a quantizer may give.
    fn largest_code(&self, quantizer: &Quantizer) -> i64 {
        largest_code(quantizer.bits.unwrap_or_else(|| self.weights.bits().1))
    }

    /// Whether the value of `id` becomes codes of fewer than 8 bits.
    fn bounded(&self, id: NodeId) -> bool {
        let quantizer = self.plan.quantizer_after(id).filter(|_| self.int8);
        quantizer.is_some_and(|quantizer| self.largest_code(quantizer) < largest_code(MOST_BITS))
    }

    /// Scale of the quantizer with this index.
    pub(super) fn tensor_scale(&self, quantizer: Option<usize>) -> Result<f32> {
        let Some(index) = quantizer else { return Ok(1.0) };
        let quantizer = &self.plan.quantizers[index];
        let scale = codes::scale(self.weights, &format!("{}.sa", quantizer.key()))?;
        Ok(quantizer.max_scale(self.weights.bits().1).map_or(scale, |limit| scale.min(limit)))
    }

    /// Factor and shift of the batch norm at `id`.
    fn norm_affine(&self, id: NodeId) -> Result<Affine> {
        let node = &self.graph.nodes[id];
        let Layer::BatchNorm { epsilon } = node.layer else { return self.plain_affine(id) };
        codes::affine(self.weights, &node.name, node.shape.c(), epsilon)
    }

    /// Shift by the layer's own bias, if it has one.
    fn plain_affine(&self, id: NodeId) -> Result<Affine> {
        let node = &self.graph.nodes[id];
        let channels = node.shape.c();
        let has_bias = matches!(node.layer, Layer::Linear | Layer::Conv { bias: true, .. });
        let shift = if has_bias {
            codes::finite(self.weights, &format!("{}.bias", node.name), &[channels])?.to_vec()
        } else {
            vec![0.0; channels]
        };
        Ok(Affine { factor: vec![1.0; channels], shift })
    }

    /// A convolution, or a dense layer inside a network as the 1x1 convolution it is.
    fn conv(&mut self, id: NodeId, affine: &Affine, output: &str) -> Result<()> {
        let node = &self.graph.nodes[id];
        let (cin, cout) = (self.graph.nodes[node.inputs[0]].shape.c(), node.shape.c());
        let (kernel, stride, padding, trailing, groups) = match node.layer {
            Layer::Conv { kernel, stride, padding, trailing, groups, .. } => (kernel, stride, padding, trailing, groups),
            _ => (1, 1, 0, 0, 1),
        };
        let shape = [cout, cin / groups, kernel, kernel];
        let stored: &[usize] = if node.layer == Layer::Linear { &shape[..2] } else { &shape };
        let [weight, bias] = self.dense_weights(id, stored, &shape, affine)?;
        let from = self.real(node.inputs[0]);
        let mut attributes = window(kernel, stride, padding, trailing);
        attributes.extend([int("group", groups as i64), ints("dilations", &[1, 1])]);
        self.writer.node("Conv", &[&from, &weight, &bias], output, attributes);
        Ok(())
    }

    /// The dense layer that ends a network; its result stays in floats.
    fn dense(&mut self, id: NodeId, affine: &Affine, output: &str) -> Result<()> {
        let node = &self.graph.nodes[id];
        let shape = [node.shape.c(), self.graph.nodes[node.inputs[0]].shape.c()];
        let [weight, bias] = self.dense_weights(id, &shape, &shape, affine)?;
        let flat = self.flat(node.inputs[0]);
        self.writer.node("Gemm", &[&flat, &weight, &bias], output, vec![int("transB", 1)]);
        Ok(())
    }

    /// A 1x1 map as rows. In INT8 the codes are flattened, so that the dequantizer stands right before the dense layer.
    fn flat(&mut self, id: NodeId) -> String {
        let name = &self.graph.nodes[id].name;
        let (flat, real) = (format!("{name}/flat"), format!("{name}/flat_real"));
        match (self.codes[id].clone(), self.plan.value[id]) {
            (Some(codes), Some(quantizer)) => {
                let stem = &self.plan.quantizers[quantizer].name;
                self.writer.node("Flatten", &[&codes], &flat, vec![int("axis", 1)]);
                self.writer.node("DequantizeLinear", &[&flat, &format!("{stem}/scale"), &format!("{stem}/zero")], &real, vec![]);
                real
            }
            _ => {
                let from = self.real(id);
                self.writer.node("Flatten", &[&from], &flat, vec![int("axis", 1)]);
                flat
            }
        }
    }

    /// Weight and bias constants of layer `id`, stored with shape `stored` and written with `shape`.
    fn dense_weights(&mut self, id: NodeId, stored: &[usize], shape: &[usize], affine: &Affine) -> Result<[String; 2]> {
        let node = &self.graph.nodes[id];
        let name = &node.name;
        let cout = shape[0];
        let weight = codes::finite(self.weights, &format!("{name}.weight"), stored)?;
        if !self.int8 {
            let row = weight.len() / cout;
            let folded: Vec<f32> =
                weight.chunks(row).zip(&affine.factor).flat_map(|(w, f)| w.iter().map(move |w| w * f)).collect();
            let weight = self.writer.floats(format!("{name}/weight"), shape, &folded);
            return Ok([weight, self.writer.floats(format!("{name}/bias"), &[cout], &affine.shift)]);
        }
        let sw = codes::scales(self.weights, &format!("{}.sw", scale_key(name, node.bits.weights)), cout)?;
        let input_scale = self.tensor_scale(self.plan.value[node.inputs[0]])?;
        let trained = Trained { scales: sw, bits: node.bits.weights.unwrap_or_else(|| self.weights.bits().0) };
        let codes = codes::codes(weight, &trained, input_scale, affine, self.style);
        let bias_scale: Vec<_> = codes.scale.iter().map(|s| s * input_scale).collect();
        // A dense layer at the end keeps one scale for all: the integer kernel for it wants that.
        let per_channel = shape.len() == 4 && !self.style.per_tensor;
        let (scales, dims): (usize, &[usize]) = if per_channel { (cout, &[cout]) } else { (1, &[]) };
        let axis = || if per_channel { vec![int("axis", 0)] } else { vec![] };
        let w = self.writer.i8s(format!("{name}/weight"), shape, &codes.weight);
        let s = self.writer.floats(format!("{name}/weight_scale"), dims, &codes.scale[..scales]);
        let z = self.writer.i8s(format!("{name}/weight_zero"), dims, &vec![0; scales]);
        let weight = format!("{name}/weight_real");
        self.writer.node("DequantizeLinear", &[&w, &s, &z], &weight, axis());
        let b = self.writer.i32s(format!("{name}/bias"), &[cout], &codes.bias);
        let s = self.writer.floats(format!("{name}/bias_scale"), dims, &bias_scale[..scales]);
        let bias = format!("{name}/bias_real");
        self.writer.node("DequantizeLinear", &[&b, &s], &bias, axis());
        Ok([weight, bias])
    }

    /// A batch norm that no convolution precedes.
    fn batch_norm(&mut self, id: NodeId, epsilon: f64, output: &str) -> Result<()> {
        let node = &self.graph.nodes[id];
        let (name, channels) = (&node.name, [node.shape.c()]);
        let from = self.real(node.inputs[0]);
        let mut inputs = vec![from];
        for part in ["gamma", "beta", "mean", "var"] {
            let data = codes::finite(self.weights, &format!("{name}.{part}"), &channels)?;
            inputs.push(self.writer.floats(format!("{name}/{part}"), &channels, data));
        }
        let inputs: Vec<_> = inputs.iter().map(String::as_str).collect();
        self.writer.node("BatchNormalization", &inputs, output, vec![float("epsilon", epsilon as f32)]);
        Ok(())
    }

    /// The norm over channels, which ONNX has over the last dimension only.
    fn layer_norm(&mut self, id: NodeId, output: &str) -> Result<()> {
        let node = &self.graph.nodes[id];
        let (name, channels) = (&node.name, [node.shape.c()]);
        let from = self.real(node.inputs[0]);
        let mut factors = vec![];
        for part in ["gamma", "beta"] {
            let data = codes::finite(self.weights, &format!("{name}.{part}"), &channels)?;
            factors.push(self.writer.floats(format!("{name}/{part}"), &channels, data));
        }
        let (cells, normed) = (format!("{name}/cells"), format!("{name}/normed"));
        self.writer.node("Transpose", &[&from], &cells, vec![ints("perm", &[0, 2, 3, 1])]);
        let attributes = vec![int("axis", -1), float("epsilon", LN_EPSILON as f32)];
        self.writer.node("LayerNormalization", &[&cells, &factors[0], &factors[1]], &normed, attributes);
        self.writer.node("Transpose", &[&normed], output, vec![ints("perm", &[0, 3, 1, 2])]);
        Ok(())
    }

    fn activation(&mut self, id: NodeId, act: Activation, output: &str) {
        let node = &self.graph.nodes[id];
        let from = self.real(node.inputs[0]);
        match act {
            Activation::Relu => self.writer.node("Relu", &[&from], output, vec![]),
            // Of fewer codes than 8 bits have, the largest stands for at most 6, which their bound then sees to.
            Activation::Relu6 if self.bounded(id) => self.writer.node("Relu", &[&from], output, vec![]),
            Activation::Relu6 => {
                let low = self.writer.floats(format!("{}/low", node.name), &[], &[0.0]);
                let high = self.writer.floats(format!("{}/high", node.name), &[], &[6.0]);
                self.writer.node("Clip", &[&from, &low, &high], output, vec![]);
            }
            Activation::Hswish => self.writer.node("HardSwish", &[&from], output, vec![]),
            Activation::Hsigmoid => {
                self.writer.node("HardSigmoid", &[&from], output, vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)]);
            }
            Activation::Sigmoid => self.writer.node("Sigmoid", &[&from], output, vec![]),
            Activation::Gelu => self.writer.node("Gelu", &[&from], output, vec![]),
            Activation::Swish => {
                let gate = format!("{}/gate", node.name);
                self.writer.node("Sigmoid", &[&from], &gate, vec![]);
                self.writer.node("Mul", &[&from, &gate], output, vec![]);
            }
        }
    }

    /// A layer that only moves values: it works on the codes themselves.
    fn mover(&mut self, id: NodeId, output: &str) -> Result<()> {
        let node = &self.graph.nodes[id];
        let input = node.inputs[0];
        let in_codes = self.codes[input].is_some();
        let from = match &self.codes[input] {
            Some(codes) => codes.clone(),
            None => self.real(input),
        };
        let (c, h, w) = (node.shape.c(), node.shape.h, node.shape.w);
        let mut written = output.to_string();
        match node.layer {
            Layer::MaxPool { kernel, stride, padding } => {
                self.writer.node("MaxPool", &[&from], output, window(kernel, stride, padding, 0));
            }
            Layer::Slice { from: first, .. } => {
                let start: usize = self.graph.nodes[input].shape.channels.0[..first].iter().sum();
                let name = &node.name;
                let starts = self.writer.i64s(format!("{name}/from"), &[start as i64]);
                let ends = self.writer.i64s(format!("{name}/to"), &[(start + c) as i64]);
                let axes = self.writer.i64s(format!("{name}/axis"), &[1]);
                self.writer.node("Slice", &[&from, &starts, &ends, &axes], output, vec![]);
            }
            Layer::Shuffle { groups } => {
                let name = &node.name;
                let size = |dims: &[usize]| dims.iter().map(|&d| d as i64).collect::<Vec<_>>();
                let apart = self.writer.i64s(format!("{name}/apart"), &size(&[self.batch, groups, c / groups, h, w]));
                let whole = self.writer.i64s(format!("{name}/whole"), &size(&[self.batch, c, h, w]));
                let (parts, turned) = (format!("{name}/parts"), format!("{name}/turned"));
                self.writer.node("Reshape", &[&from, &apart], &parts, vec![]);
                self.writer.node("Transpose", &[&parts], &turned, vec![ints("perm", &[0, 2, 1, 3, 4])]);
                self.writer.node("Reshape", &[&turned, &whole], output, vec![]);
            }
            _ => written = from,
        }
        if in_codes {
            self.codes[id] = Some(written);
        } else {
            self.real[id] = Some(written);
        }
        Ok(())
    }
}

/// Attributes of a square window with `padding` cells on each side and `trailing` more at the bottom and at the right.
fn window(kernel: usize, stride: usize, padding: usize, trailing: usize) -> Vec<super::proto::AttributeProto> {
    let end = padding + trailing;
    vec![ints("kernel_shape", &[kernel; 2]), ints("strides", &[stride; 2]), ints("pads", &[padding, padding, end, end])]
}

//! Attention as ONNX operators: two matrix products with a softmax between them.

use super::emit::{int, ints};
use super::lower::Lowering;
use crate::base::Result;
use crate::graph::NodeId;

/// A map that one of the products reads, as its layer needs it.
struct Operand {
    /// The node that writes it.
    from: NodeId,
    /// What it is to the layer.
    role: &'static str,
    /// Its values are multiplied by this.
    factor: f32,
    /// Whether cells come before channels.
    cells_first: bool,
}

impl Lowering<'_> {
    /// Softmax of query times key. In INT8 the runtime has one kernel for a product of codes whose result is floats; a
    /// quantizer between product and softmax would cost precision and, on processors, most of the time.
    pub(super) fn scores(&mut self, id: NodeId, heads: usize, output: &str) -> Result<()> {
        let node = &self.graph.nodes[id];
        let [queries, keys] = [node.inputs[0], node.inputs[1]];
        let width = (self.graph.nodes[queries].shape.c() / heads) as f32;
        let queries = Operand { from: queries, role: "queries", factor: width.powf(-0.5), cells_first: true };
        let keys = Operand { from: keys, role: "keys", factor: 1.0, cells_first: false };
        let [queries, keys] = [self.in_heads(id, heads, &queries)?, self.in_heads(id, heads, &keys)?];
        let products = format!("{}/products", node.name);
        self.writer.node("MatMul", &[&queries, &keys], &products, vec![]);
        self.writer.node("Softmax", &[&products], output, vec![int("axis", -1)]);
        Ok(())
    }

    /// Weighted sums of values, and their way back to a map, which in INT8 their codes go.
    pub(super) fn attend(&mut self, id: NodeId, heads: usize, output: &str) -> Result<()> {
        let node = &self.graph.nodes[id];
        let [c, h, w] = [node.shape.c(), node.shape.h, node.shape.w];
        let scores = self.real(node.inputs[0]);
        let values = Operand { from: node.inputs[1], role: "values", factor: 1.0, cells_first: true };
        let values = self.in_heads(id, heads, &values)?;
        let name = &node.name;
        let (sums, turned) = (format!("{name}/sums"), format!("{name}/turned"));
        self.writer.node("MatMul", &[&scores, &values], &sums, vec![]);
        self.real[id] = Some(sums.clone());
        self.quantizer(id)?;
        let from = self.codes[id].clone().unwrap_or(sums);
        let whole = self.writer.i64s(format!("{name}/whole"), &[self.batch, c, h, w].map(|size| size as i64));
        self.writer.node("Transpose", &[&from], &turned, vec![ints("perm", &[0, 1, 3, 2])]);
        self.writer.node("Reshape", &[&turned, &whole], output, vec![]);
        let place = if self.codes[id].is_some() { &mut self.codes[id] } else { &mut self.real[id] };
        *place = Some(output.into());
        Ok(())
    }

    /// An operand of layer `id`: `[N, heads, d, cells]`, or `[N, heads, cells, d]`. In INT8 the codes are moved, the factor is
    /// part of their scale, and the dequantizer stands right before the product, which the runtime's fusion wants.
    fn in_heads(&mut self, id: NodeId, heads: usize, operand: &Operand) -> Result<String> {
        let &Operand { from, role, factor, cells_first } = operand;
        let shape = &self.graph.nodes[from].shape;
        let name = format!("{}/{role}", self.graph.nodes[id].name);
        let quantizer = self.codes[from].clone().zip(self.plan.value[from]);
        let mut last = match &quantizer {
            Some((codes, _)) => codes.clone(),
            None => self.real(from),
        };
        let dims = [self.batch, heads, shape.c() / heads, shape.h * shape.w].map(|size| size as i64);
        let dims = self.writer.i64s(format!("{name}_dims"), &dims);
        let parts = format!("{name}_parts");
        self.writer.node("Reshape", &[&last, &dims], &parts, vec![]);
        last = parts;
        if cells_first {
            let turned = format!("{name}_turned");
            self.writer.node("Transpose", &[&last], &turned, vec![ints("perm", &[0, 1, 3, 2])]);
            last = turned;
        }
        if let Some((_, index)) = quantizer {
            let scale = self.tensor_scale(Some(index))? * factor;
            let scale = self.writer.floats(format!("{name}_scale"), &[], &[scale]);
            let zero = format!("{}/zero", self.plan.quantizers[index].name);
            let real = format!("{name}_real");
            self.writer.node("DequantizeLinear", &[&last, &scale, &zero], &real, vec![]);
            last = real;
        } else if factor.to_bits() != 1.0_f32.to_bits() {
            let factor = self.writer.floats(format!("{name}_factor"), &[], &[factor]);
            let scaled = format!("{name}_scaled");
            self.writer.node("Mul", &[&last, &factor], &scaled, vec![]);
            last = scaled;
        }
        Ok(last)
    }
}

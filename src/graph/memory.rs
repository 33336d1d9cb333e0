//! Memory of a graph as it is deployed: bytes of weights, and the most bytes of activations that are alive at a time.

use super::{Graph, Layer, NodeId, Step, quantize};

/// Bytes at one number format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bytes {
    /// Weights with batch norm folded into them: kernels, one bias for each output channel, and in INT8 one scale for each.
    pub weights: u64,
    /// The largest sum of tensors that must be there at the same time, input and result included, at batch size 1.
    pub peak: u64,
}

/// Memory in both number formats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// 32-bit floats.
    pub fp32: Bytes,
    /// Integers: kernels of one byte or of the bits of their layer, activations of one byte, biases and scales of four.
    pub int8: Bytes,
}

impl Graph {
    /// Memory of the deployed graph, its layers run in their order. A tensor lives from the layer that writes it to the last one
    /// that reads it; batch norm and activations work in place where nothing else reads their input, and a segment's
    /// borders cost nothing.
    pub fn memory(&self) -> Memory {
        let peak = self.peak_elements() as u64;
        let (kernels, channels) = self.deployed_weights();
        let codes = self.cost().code_bits.div_ceil(8);
        Memory {
            fp32: Bytes { weights: 4 * (kernels + channels), peak: 4 * peak },
            int8: Bytes { weights: codes + 8 * channels, peak },
        }
    }

    /// Kernel values, and channels with a bias of their own.
    fn deployed_weights(&self) -> (u64, u64) {
        let plan = quantize(self);
        let (mut kernels, mut channels) = (0, 0);
        for (id, node) in self.nodes.iter().enumerate() {
            let cout = node.shape.c() as u64;
            match node.layer {
                Layer::Conv { bias, .. } => {
                    kernels += self.node_cost(node).params - if bias { cout } else { 0 };
                    channels += cout;
                }
                Layer::Linear => {
                    kernels += self.node_cost(node).params - cout;
                    channels += cout;
                }
                // A scale and a shift of its own.
                Layer::BatchNorm { .. } | Layer::LayerNorm if plan.steps[id] != Step::Folded => channels += 2 * cout,
                _ => {}
            }
        }
        (kernels, channels)
    }

    fn peak_elements(&self) -> usize {
        // The tensor that each node's value lies in, by the node that first wrote it.
        let readers = self.readers();
        let mut home: Vec<NodeId> = (0..self.nodes.len()).collect();
        for (id, node) in self.nodes.iter().enumerate() {
            let alone = |input: NodeId| readers[input].len() == 1 && input != self.output;
            let in_place = match node.layer {
                Layer::BatchNorm { .. } | Layer::Act { .. } => alone(node.inputs[0]),
                Layer::Segment { .. } => true,
                _ => false,
            };
            if in_place {
                home[id] = home[node.inputs[0]];
            }
        }
        // The last layer that needs each tensor; the result is needed to the end.
        let mut last = vec![0; self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            last[home[id]] = last[home[id]].max(id);
            node.inputs.iter().for_each(|&input| last[home[input]] = last[home[input]].max(id));
        }
        last[home[self.output]] = self.nodes.len();
        let (mut alive, mut peak) = (0, 0);
        let mut ends = vec![0; self.nodes.len() + 1];
        for (id, node) in self.nodes.iter().enumerate() {
            if home[id] == id {
                alive += node.shape.elements();
                ends[last[id]] += node.shape.elements();
            }
            peak = peak.max(alive);
            // What this layer was the last to read is free from here on.
            alive -= ends[id];
        }
        peak
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Activation, Builder, ConvOptions, Shape};

    #[test]
    fn a_shortcut_keeps_its_tensor_alive() {
        let mut net = Builder::new(Shape::new(8, 4, 4));
        let wide = net.conv(0, "wide", 16, ConvOptions::default()).expect("fits");
        let wide = net.bn(wide, None).expect("fits");
        let wide = net.act(wide, None, Activation::Relu).expect("fits");
        let back = net.conv(wide, "back", 8, ConvOptions::default()).expect("fits");
        let sum = net.add(back, 0, "sum").expect("fits");
        let memory = net.finish(sum).memory();
        // While `back` is written: the input (128 values), the wide map (256) and itself (128).
        assert_eq!((memory.int8.peak, memory.fp32.peak), (512, 2048));
        // Kernels of 128 and 128 values, biases of 16 and 8 channels.
        assert_eq!((memory.fp32.weights, memory.int8.weights), (4 * (256 + 24), 256 + 8 * 24));
    }
}

//! What a block costs inside a network, from networks around it: alone it pays for entering and leaving the integers.
//!
//! A block whose output has the shape of its input is stacked: (T(4 in a row) - T(1)) / 3. Any other stands between two
//! 1x1 convolutions, from 16 channels to its own and back, and half of what such a pair takes by itself is subtracted at
//! either end: T(widen, block, narrow) less T(widen, narrow) / 2 of its input and of its output. Few channels, so that
//! little is subtracted and the noise stays small. What remains of the borders is half the difference between entering and leaving, of two maps. A block that reads an image keeps the way in, one that ends in a dense layer the way out: no
//! network has them elsewhere.

use std::sync::Arc;

use crate::base::Result;
use crate::graph::{Activation, Builder, ConvOptions, Graph, Layer, Part, Shape, chain};

/// Blocks in a row.
const STACK: usize = 4;
/// An input of fewer channels is an image.
const IMAGE: usize = 5;
/// Channels outside the convolutions around a block; runtimes lay out fewer in other ways.
const NARROW: usize = 16;

/// Networks whose times, each with its factor, add up to what a block costs inside a network.
#[derive(Debug, Clone)]
pub struct Inside {
    /// Networks, with factors.
    pub terms: Vec<(Arc<Graph>, f64)>,
}

impl Inside {
    /// The networks for `block`.
    pub fn of(block: &Graph) -> Result<Self> {
        let (input, output) = (block.input_shape().clone(), block.output_shape().clone());
        let stackable = input == output && block.nodes[block.output].layer != Layer::Linear;
        if stackable {
            let names: Vec<_> = (0..STACK).map(|place| format!("copy{place}")).collect();
            let parts: Vec<_> = names.iter().map(|name| Part { prefix: name, graph: block }).collect();
            let share = 1.0 / (STACK - 1) as f64;
            let terms = vec![(Arc::new(chain(input.clone(), &parts)?), share), (Arc::new(chain(input, &parts[..1])?), -share)];
            return Ok(Self { terms });
        }
        let mut parts = vec![];
        let mut terms = vec![];
        let from_image = input.c() < IMAGE;
        let widen = point(NARROW, &input)?;
        if !from_image {
            parts.push(Part { prefix: "before", graph: &widen });
            terms.push((Arc::new(pair(&input)?), -0.5));
        }
        parts.push(Part { prefix: "block", graph: block });
        let narrow = point(output.c(), &Shape::new(NARROW, output.h, output.w))?;
        if block.nodes[block.output].layer != Layer::Linear {
            parts.push(Part { prefix: "after", graph: &narrow });
            terms.push((Arc::new(pair(&output)?), -0.5));
        }
        let first = parts[0].graph.input_shape().clone();
        terms.insert(0, (Arc::new(chain(first, &parts)?), 1.0));
        Ok(Self { terms })
    }

    /// The sum of the terms' times: value and half its 95% interval, from (value, low, high) of each.
    pub fn combine(&self, times: &[(f64, f64, f64)]) -> (f64, f64) {
        let terms = self.terms.iter().zip(times);
        let (sum, squares) = terms.fold((0.0, 0.0), |(sum, squares), ((_, factor), (ms, low, high))| {
            let half = factor * (high - low) / 2.0;
            (sum + factor * ms, squares + half * half)
        });
        (sum, squares.sqrt())
    }
}

/// A 1x1 convolution from `channels` to `to`, with batch norm and relu.
fn point(channels: usize, to: &Shape) -> Result<Graph> {
    let mut net = Builder::new(Shape::new(channels, to.h, to.w));
    let input = net.input();
    let x = net.conv(input, "point", to.c() as i64, ConvOptions::default())?;
    let x = net.bn(x, None)?;
    let x = net.act(x, None, Activation::Relu)?;
    Ok(net.finish(x))
}

/// What stands around a block of maps like `map`, without the block.
fn pair(map: &Shape) -> Result<Graph> {
    let (widen, narrow) = (point(NARROW, map)?, point(map.c(), &Shape::new(NARROW, map.h, map.w))?);
    let parts = [Part { prefix: "before", graph: &widen }, Part { prefix: "after", graph: &narrow }];
    chain(widen.input_shape().clone(), &parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::FlopsDevice;
    use crate::onnx::Precision;

    #[test]
    fn where_times_add_up_a_block_costs_the_same_alone_and_inside() {
        let device = FlopsDevice::default();
        for (cin, cout, stride) in [(32, 32, 1), (32, 48, 1), (32, 64, 2), (3, 16, 2)] {
            let mut net = Builder::new(Shape::new(cin, 16, 16));
            let input = net.input();
            let x = net.conv(input, "conv", cout, ConvOptions { kernel: 3, stride, ..ConvOptions::default() }).unwrap();
            let x = net.bn(x, None).unwrap();
            let x = net.act(x, None, Activation::Relu).unwrap();
            let block = net.finish(x);
            for precision in [Precision::Fp32, Precision::Int8] {
                let inside = Inside::of(&block).unwrap();
                let time = |graph: &Graph| device.latency_ms(graph, precision);
                let times: Vec<_> = inside.terms.iter().map(|(graph, _)| (time(graph), time(graph), time(graph))).collect();
                let (ms, half) = inside.combine(&times);
                // The activations of the convolutions around it differ in width.
                assert!(
                    (ms / time(&block) - 1.0).abs() < 0.01 && half.abs() < 1e-12,
                    "{cin} {cout} {stride}: {ms} {}",
                    time(&block)
                );
            }
        }
    }
}

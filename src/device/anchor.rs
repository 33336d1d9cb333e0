//! The anchor: a fixed little network timed beside every candidate, against which latencies are compared.

use crate::base::Result;
use crate::graph::{Activation, Builder, ConvOptions, Graph, Shape};

/// The anchor network: a 3x3 convolution, an inverted residual and a bottleneck's convolution on a 16x16 map, so that
/// dense, pointwise and depthwise kernels all have a share. About 5 million multiply-accumulates. Changing it makes
/// earlier figures incomparable.
pub fn anchor() -> Result<Graph> {
    let mut net = Builder::new(Shape::new(32, 16, 16));
    let square = ConvOptions { kernel: 3, ..ConvOptions::default() };
    let input = net.input();
    let mut x = net.conv(input, "dense", 32, square)?;
    x = net.bn(x, None)?;
    x = net.act(x, None, Activation::Relu)?;
    let short = x;
    x = net.conv(x, "expand", 128, ConvOptions::default())?;
    x = net.bn(x, None)?;
    x = net.act(x, None, Activation::Relu)?;
    x = net.dwconv(x, "depth", square)?;
    x = net.bn(x, None)?;
    x = net.act(x, None, Activation::Relu)?;
    x = net.conv(x, "project", 32, ConvOptions::default())?;
    x = net.bn(x, None)?;
    x = net.add(x, short, "sum")?;
    Ok(net.finish(x))
}

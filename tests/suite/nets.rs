//! Small networks that together use every layer, for tests of the lowerings.

use rand::RngExt;
use spaceevo::graph::{Activation, Builder, ConvOptions, Graph, NodeId, Shape};

/// A convolution with batch norm.
pub fn conv_bn(net: &mut Builder, from: NodeId, name: &str, cout: i64, kernel: i64, stride: i64) -> NodeId {
    let options = ConvOptions { kernel, stride, ..ConvOptions::default() };
    let conv = net.conv(from, name, cout, options).unwrap();
    net.bn(conv, None).unwrap()
}

/// A depthwise convolution with batch norm.
pub fn dwconv_bn(net: &mut Builder, from: NodeId, name: &str, kernel: i64, stride: i64) -> NodeId {
    let conv = net.dwconv(from, name, ConvOptions { kernel, stride, ..ConvOptions::default() }).unwrap();
    net.bn(conv, None).unwrap()
}

/// Squeeze and excitation.
pub fn se(net: &mut Builder, from: NodeId, name: &str) -> NodeId {
    let c = net.shape(from).c() as i64;
    let biased = ConvOptions { bias: true, ..ConvOptions::default() };
    let pool = net.global_pool(from, &format!("{name}_pool")).unwrap();
    let squeeze = net.conv(pool, &format!("{name}_squeeze"), c / 4, biased).unwrap();
    let squeeze = net.act(squeeze, None, Activation::Relu).unwrap();
    let excite = net.conv(squeeze, &format!("{name}_excite"), c, biased).unwrap();
    let gate = net.act(excite, None, Activation::Hsigmoid).unwrap();
    net.mul(from, gate, &format!("{name}_scale")).unwrap()
}

/// The numbers of an inverted residual block.
#[derive(Clone, Copy)]
pub struct Inverted {
    pub cout: i64,
    pub kernel: i64,
    pub expand: i64,
    pub stride: i64,
    pub act: Activation,
    pub se: bool,
}

/// An inverted residual block; the activation after expansion and depthwise convolution.
pub fn inverted(net: &mut Builder, from: NodeId, name: &str, block: Inverted) -> NodeId {
    let Inverted { cout, kernel, expand, stride, act, se: with_se } = block;
    let cin = net.shape(from).c() as i64;
    let x = conv_bn(net, from, &format!("{name}_expand"), cin * expand, 1, 1);
    let x = net.act(x, None, act).unwrap();
    let x = dwconv_bn(net, x, &format!("{name}_depth"), kernel, stride);
    let mut x = net.act(x, None, act).unwrap();
    if with_se {
        x = se(net, x, &format!("{name}_se"));
    }
    let x = conv_bn(net, x, &format!("{name}_project"), cout, 1, 1);
    if stride == 1 && cin == cout { net.add(x, from, &format!("{name}_add")).unwrap() } else { x }
}

/// A bottleneck block with relu after the sum.
pub fn bottleneck(net: &mut Builder, from: NodeId, name: &str, cout: i64, kernel: i64, stride: i64) -> NodeId {
    let cin = net.shape(from).c() as i64;
    let x = conv_bn(net, from, &format!("{name}_reduce"), cout / 2, 1, 1);
    let x = net.act(x, None, Activation::Relu).unwrap();
    let x = conv_bn(net, x, &format!("{name}_middle"), cout / 2, kernel, stride);
    let x = net.act(x, None, Activation::Relu).unwrap();
    let x = conv_bn(net, x, &format!("{name}_widen"), cout, 1, 1);
    let short = if stride == 1 && cin == cout { from } else { conv_bn(net, from, &format!("{name}_short"), cout, 1, stride) };
    let sum = net.add(x, short, &format!("{name}_add")).unwrap();
    net.act(sum, None, Activation::Relu).unwrap()
}

/// Pooling and a dense layer.
pub fn head(mut net: Builder, from: NodeId, classes: i64) -> Graph {
    let pool = net.global_pool(from, "pool").unwrap();
    let logits = net.linear(pool, "logits", classes).unwrap();
    net.finish(logits)
}

/// Plain convolutions.
pub fn plain() -> Graph {
    let mut net = Builder::new(Shape::new(3, 16, 16));
    let mut x = net.input();
    for (i, stride) in [2, 1, 1].into_iter().enumerate() {
        x = conv_bn(&mut net, x, &format!("conv{i}"), 16, 3, stride);
        x = net.act(x, None, Activation::Relu).unwrap();
    }
    head(net, x, 10)
}

/// Inverted residuals with `act`.
pub fn mobile(act: Activation, with_se: bool) -> Graph {
    let mut net = Builder::new(Shape::new(3, 16, 16));
    let from = net.input();
    let x = conv_bn(&mut net, from, "stem", 16, 3, 2);
    let x = net.act(x, None, act).unwrap();
    let x = inverted(&mut net, x, "b0", Inverted { cout: 16, kernel: 3, expand: 3, stride: 1, act, se: with_se });
    let x = inverted(&mut net, x, "b1", Inverted { cout: 24, kernel: 5, expand: 6, stride: 2, act, se: with_se });
    let x = inverted(&mut net, x, "b2", Inverted { cout: 24, kernel: 3, expand: 3, stride: 1, act, se: with_se });
    let x = inverted(&mut net, x, "b3", Inverted { cout: 24, kernel: 5, expand: 3, stride: 1, act, se: with_se });
    head(net, x, 10)
}

/// Bottlenecks, and a max pool.
pub fn resnet() -> Graph {
    let mut net = Builder::new(Shape::new(3, 16, 16));
    let from = net.input();
    let x = conv_bn(&mut net, from, "stem", 16, 3, 1);
    let x = net.act(x, None, Activation::Relu).unwrap();
    let x = net.max_pool(x, "shrink", 3, 2).unwrap();
    let x = bottleneck(&mut net, x, "b0", 16, 3, 1);
    let x = bottleneck(&mut net, x, "b1", 32, 3, 2);
    let x = bottleneck(&mut net, x, "b2", 32, 3, 1);
    head(net, x, 10)
}

/// Split, concat and shuffle, an average pool, a grouped convolution, a dense layer inside.
pub fn shuffled() -> Graph {
    let mut net = Builder::new(Shape::new(3, 16, 16));
    let from = net.input();
    let x = conv_bn(&mut net, from, "stem", 16, 3, 2);
    let x = net.act(x, None, Activation::Relu).unwrap();
    let halves = net.split(x, "halves", 2).unwrap();
    let right = conv_bn(&mut net, halves[1], "right", 8, 3, 1);
    let right = net.act(right, None, Activation::Relu).unwrap();
    let both = net.concat(&[halves[0], right], "both").unwrap();
    let x = net.shuffle(both, "mix", 2).unwrap();
    let grouped = net.conv(x, "grouped", 24, ConvOptions { kernel: 3, groups: 4, ..ConvOptions::default() }).unwrap();
    let x = net.bn(grouped, None).unwrap();
    let x = net.act(x, None, Activation::Relu).unwrap();
    let x = net.avg_pool(x, "shrink", 3, 2, None).unwrap();
    let pool = net.global_pool(x, "squeeze").unwrap();
    let dense = net.linear(pool, "dense", 24).unwrap();
    let gate = net.act(dense, None, Activation::Sigmoid).unwrap();
    let x = net.mul(x, gate, "scaled").unwrap();
    head(net, x, 10)
}

/// Two blocks of a transformer over a map: attention of two heads, then a hidden layer with gelu, each after a layer norm.
pub fn transformer() -> Graph {
    let mut net = Builder::new(Shape::new(3, 16, 16));
    let biased = ConvOptions { bias: true, ..ConvOptions::default() };
    let from = net.input();
    let mut x = conv_bn(&mut net, from, "stem", 16, 3, 2);
    for block in ["b0", "b1"] {
        let token = net.ln(x, Some(&format!("{block}_norm"))).unwrap();
        let parts = ["query", "key", "value"].map(|part| net.conv(token, &format!("{block}_{part}"), 16, biased).unwrap());
        let mixed = net.attend(parts, 2, &format!("{block}_mix")).unwrap();
        let mixed = net.conv(mixed, &format!("{block}_out"), 16, biased).unwrap();
        x = net.add(mixed, x, &format!("{block}_mixed")).unwrap();
        let token = net.ln(x, Some(&format!("{block}_mlp"))).unwrap();
        let hidden = net.conv(token, &format!("{block}_up"), 32, biased).unwrap();
        let hidden = net.act(hidden, None, Activation::Gelu).unwrap();
        let back = net.conv(hidden, &format!("{block}_down"), 16, biased).unwrap();
        x = net.add(back, x, &format!("{block}_whole")).unwrap();
    }
    head(net, x, 10)
}

/// A random network of inverted residuals and bottlenecks.
pub fn random(seed: u64) -> Graph {
    let mut rng = spaceevo::base::Seed(seed).rng();
    let mut net = Builder::new(Shape::new(3, 16, 16));
    let from = net.input();
    let stem = conv_bn(&mut net, from, "stem", rng.random_range(1..4) * 16, 3, 2);
    let mut x = net.act(stem, None, Activation::Relu).unwrap();
    for i in 0..rng.random_range(1..5) {
        let (cout, kernel, stride) = (rng.random_range(1..4) * 32, 1 + 2 * rng.random_range(1..3), rng.random_range(1..3));
        let name = format!("b{i}");
        x = if rng.random_range(0..2) == 0 {
            let expand = rng.random_range(2..7);
            inverted(
                &mut net,
                x,
                &name,
                Inverted { cout, kernel, expand, stride, act: Activation::Relu, se: rng.random_range(0..2) == 0 },
            )
        } else {
            bottleneck(&mut net, x, &name, cout, kernel, stride)
        };
    }
    head(net, x, 10)
}

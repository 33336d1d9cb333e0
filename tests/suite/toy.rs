//! Operators and hyperspaces written by hand, for tests of what is built on them.

use std::sync::Arc;

use spaceevo::base::Result;
use spaceevo::graph::{Activation, Builder, ConvOptions, Graph, NodeId, Shape};
use spaceevo::space::{BlockConfig, BuildBlock, Hyperspace, Operator, Role, Stage};

type Build = fn(&mut Builder, &BlockConfig) -> Result<NodeId>;

struct Native(&'static str, Build);

impl BuildBlock for Native {
    fn build(&self, config: &BlockConfig) -> Result<Graph> {
        let mut net = Builder::new(Shape::new(config.cin, config.hw, config.hw));
        let output = (self.1)(&mut net, config)?;
        Ok(net.finish(output))
    }

    fn key(&self) -> String {
        self.0.into()
    }
}

/// The nearest multiple of 8 that is not more than a tenth below.
pub fn divisible(value: f64) -> i64 {
    let rounded = (((value + 4.0) as i64) / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * value { rounded + 8 } else { rounded }
}

fn conv(net: &mut Builder, from: NodeId, name: &str, cout: i64, kernel: i64, stride: i64) -> Result<NodeId> {
    let node = net.conv(from, name, cout, ConvOptions { kernel, stride, ..Default::default() })?;
    net.bn(node, None)
}

fn depthwise(net: &mut Builder, from: NodeId, name: &str, kernel: i64, stride: i64) -> Result<NodeId> {
    let node = net.dwconv(from, name, ConvOptions { kernel, stride, ..Default::default() })?;
    net.bn(node, None)
}

fn act(net: &mut Builder, from: NodeId, c: &BlockConfig) -> Result<NodeId> {
    net.act(from, None, c.activation.unwrap_or(Activation::Relu))
}

fn kernel(c: &BlockConfig) -> i64 {
    c.choices.get("kernel").unwrap_or(3.0) as i64
}

fn with_shortcut(net: &mut Builder, main: NodeId, c: &BlockConfig) -> Result<NodeId> {
    let short =
        if c.stride == 1 && c.cin == c.cout { net.input() } else { conv(net, 0, "short", c.cout as i64, 1, c.stride as i64)? };
    net.add(main, short, "sum")
}

fn excite(net: &mut Builder, from: NodeId) -> Result<NodeId> {
    let width = net.shape(from).c() as i64;
    let bias = ConvOptions { bias: true, ..Default::default() };
    let mean = net.global_pool(from, "se_mean")?;
    let less = net.conv(mean, "se_reduce", divisible((width / 4) as f64), bias)?;
    let less = net.act(less, None, Activation::Relu)?;
    let more = net.conv(less, "se_expand", width, bias)?;
    let gate = net.act(more, None, Activation::Hsigmoid)?;
    net.mul(from, gate, "se")
}

fn inverted(net: &mut Builder, c: &BlockConfig, gate: bool) -> Result<NodeId> {
    let hidden = divisible(c.cin as f64 * c.choices.get("expand").unwrap_or(1.0));
    let mut x = net.input();
    if hidden != c.cin as i64 {
        x = conv(net, x, "expand", hidden, 1, 1)?;
        x = act(net, x, c)?;
    }
    x = depthwise(net, x, "depth", kernel(c), c.stride as i64)?;
    x = act(net, x, c)?;
    if gate {
        x = excite(net, x)?;
    }
    x = conv(net, x, "project", c.cout as i64, 1, 1)?;
    with_shortcut(net, x, c)
}

fn plain_inverted(net: &mut Builder, c: &BlockConfig) -> Result<NodeId> {
    inverted(net, c, false)
}

fn gated_inverted(net: &mut Builder, c: &BlockConfig) -> Result<NodeId> {
    inverted(net, c, true)
}

fn no_shortcut(net: &mut Builder, c: &BlockConfig) -> Result<NodeId> {
    let mut x = depthwise(net, 0, "depth", kernel(c), c.stride as i64)?;
    x = act(net, x, c)?;
    x = conv(net, x, "project", c.cout as i64, 1, 1)?;
    if c.stride == 1 && c.cin == c.cout { net.add(x, 0, "sum") } else { Ok(x) }
}

fn bottleneck(net: &mut Builder, c: &BlockConfig) -> Result<NodeId> {
    let hidden = divisible(c.cout as f64 * c.choices.get("expand").unwrap_or(1.0));
    let mut x = conv(net, 0, "reduce", hidden, 1, 1)?;
    x = act(net, x, c)?;
    x = conv(net, x, "middle", hidden, kernel(c), c.stride as i64)?;
    x = act(net, x, c)?;
    x = conv(net, x, "widen", c.cout as i64, 1, 1)?;
    let sum = with_shortcut(net, x, c)?;
    act(net, sum, c)
}

fn dual(net: &mut Builder, c: &BlockConfig) -> Result<NodeId> {
    let mut x = depthwise(net, 0, "depth1", kernel(c), c.stride as i64)?;
    x = act(net, x, c)?;
    x = conv(net, x, "point1", c.cout as i64, 1, 1)?;
    x = act(net, x, c)?;
    x = depthwise(net, x, "depth2", kernel(c), 1)?;
    x = act(net, x, c)?;
    x = conv(net, x, "point2", c.cout as i64, 1, 1)?;
    x = act(net, x, c)?;
    with_shortcut(net, x, c)
}

fn stem(net: &mut Builder, c: &BlockConfig) -> Result<NodeId> {
    let x = conv(net, 0, "conv", c.cout as i64, kernel(c), c.stride as i64)?;
    act(net, x, c)
}

fn pool_mix(net: &mut Builder, c: &BlockConfig) -> Result<NodeId> {
    let x = net.global_pool(0, "mean")?;
    let x = conv(net, x, "conv", c.cout as i64, 1, 1)?;
    act(net, x, c)
}

fn linear(net: &mut Builder, c: &BlockConfig) -> Result<NodeId> {
    net.linear(0, "linear", c.cout as i64)
}

/// An operator; `choices` as `(name, values)`.
pub fn operator(name: &'static str, choices: &[(&str, &[f64])], act: Activation, build: Build) -> Operator {
    let choices = choices.iter().map(|(name, values)| (name.to_string(), values.to_vec())).collect();
    Operator::new(name, choices, Some(act), Arc::new(Native(name, build))).unwrap()
}

/// A small hyperspace: 3 searched stages, 3 operators, one of them with a list of its own.
pub fn pocket() -> Arc<Hyperspace> {
    let operators = vec![
        operator("inverted", &[("kernel", &[3.0, 5.0]), ("expand", &[3.0, 6.0])], Activation::Relu6, plain_inverted),
        operator("bottleneck", &[("kernel", &[3.0]), ("expand", &[0.5, 1.0])], Activation::Relu, bottleneck),
        operator("dual", &[("kernel", &[3.0, 5.0]), ("turns", &[1.0, 2.0])], Activation::Relu, dual),
    ];
    let head = operator("head", &[], Activation::Relu, pool_mix).pooled();
    let stages = vec![
        Stage::new("stem", Role::Fixed(operator("stem", &[("kernel", &[3.0])], Activation::Relu, stem)), &[16], None, &[1], 2),
        Stage::new("stage1", Role::Searched, &[16, 24, 32], Some(2), &[1, 2], 1),
        Stage::new("stage2", Role::Searched, &[32, 40, 48, 56], Some(2), &[1, 2, 3], 2),
        Stage::new("stage3", Role::Searched, &[64, 80, 96], Some(1), &[1, 2], 2),
        Stage::new("mix", Role::Fixed(head), &[128], None, &[1], 1),
        Stage::new("logits", Role::Fixed(operator("logits", &[], Activation::Relu, linear)), &[12], None, &[1], 1),
    ];
    Hyperspace::new("pocket", 3, 12, &[24, 32], stages.into_iter().map(Result::unwrap).collect(), operators).unwrap()
}

/// The hyperspace `mobilew` of the reference, for comparison with its published figures. Operators 4 to 6
/// are not needed here and stand for themselves by name only.
pub fn mobilew() -> Arc<Hyperspace> {
    let (small, large): (&[f64], &[f64]) = (&[3.0, 5.0, 7.0], &[3.0, 6.0, 8.0]);
    let inverted = |name, act, build| operator(name, &[("kernel", small), ("expand", large)], act, build);
    let operators = vec![
        operator("dual", &[("kernel", small)], Activation::Relu, dual),
        inverted("inverted", Activation::Relu6, plain_inverted as Build),
        inverted("gated", Activation::Swish, gated_inverted),
        operator("bottleneck", &[("kernel", &small[..2]), ("expand", &[0.5, 1.0, 1.5])], Activation::Relu, bottleneck),
        operator("fused", &[("kernel", small), ("expand", &[1.0, 2.0, 3.0, 4.0])], Activation::Swish, stem),
        inverted("gated_k3", Activation::Swish, gated_inverted),
        inverted("inverted_k3", Activation::Relu6, plain_inverted),
    ];
    let fixed = |name, choices: &[(&str, &[f64])], act, build| Role::Fixed(operator(name, choices, act, build));
    let pooled = operator("feature_mix", &[], Activation::Swish, pool_mix).pooled();
    let step = |from: i64, to: i64, by: usize| (from..=to).step_by(by).collect::<Vec<_>>();
    let range = |from: i64, to: i64| (from..=to).collect::<Vec<_>>();
    let stage5 = [192, 200, 208, 216, 224, 240, 256, 272, 288];
    let stem_role = fixed("first_conv", &[("kernel", &[3.0])], Activation::Relu, stem as Build);
    let stage0 = fixed("inverted_plain", &[("kernel", &[3.0]), ("expand", &[1.0])], Activation::Relu, no_shortcut);
    let expand = fixed("final_expand", &[], Activation::Swish, point as Build);
    let logits = fixed("logits", &[], Activation::Relu, linear);
    let stages = vec![
        Stage::new("first_conv", stem_role, &[16, 24, 32], None, &[1], 2),
        Stage::new("stage0", stage0, &[16, 24, 32], None, &[1, 2], 1),
        Stage::new("stage1", Role::Searched, &[24, 32, 40], Some(2), &range(2, 4), 2),
        Stage::new("stage2", Role::Searched, &step(24, 72, 8), Some(2), &range(2, 4), 2),
        Stage::new("stage3", Role::Searched, &step(56, 112, 8), Some(3), &range(2, 6), 2),
        Stage::new("stage4", Role::Searched, &step(112, 176, 8), Some(3), &range(2, 8), 1),
        Stage::new("stage5", Role::Searched, &stage5, Some(5), &range(2, 8), 2),
        Stage::new("stage6", Role::Searched, &step(216, 360, 16), Some(7), &range(1, 2), 1),
        Stage::new("final_expand", expand, &[1280], None, &[1], 1),
        Stage::new("feature_mix", Role::Fixed(pooled), &[1920], None, &[1], 1),
        Stage::new("logits", logits, &[1000], None, &[1], 1),
    ];
    let stages = stages.into_iter().map(Result::unwrap).collect();
    Hyperspace::new("mobilew", 3, 1000, &[160, 176, 192, 208, 224], stages, operators).unwrap()
}

fn point(net: &mut Builder, c: &BlockConfig) -> Result<NodeId> {
    let x = conv(net, 0, "conv", c.cout as i64, 1, 1)?;
    act(net, x, c)
}

/// The folder of the reference tables, if this machine has it.
pub fn reference_data() -> Option<std::path::PathBuf> {
    let folder = std::path::PathBuf::from(std::env::var_os("SPACEEVO_REFERENCE_DATA")?).join("block_lut/mobilew");
    folder.is_dir().then_some(folder)
}

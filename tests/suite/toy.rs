//! Operators and hyperspaces written by hand, for tests of what is built on them; hyperspaces of the library; reference data.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use spaceevo::base::Result;
use spaceevo::graph::{Activation, Builder, ConvOptions, Graph, NodeId, Shape};
use spaceevo::runtime::{HostSettings, Output, Session, Settings};
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

fn inverted(net: &mut Builder, c: &BlockConfig) -> Result<NodeId> {
    let hidden = divisible(c.cin as f64 * c.choices.get("expand").unwrap_or(1.0));
    let mut x = net.input();
    if hidden != c.cin as i64 {
        x = conv(net, x, "expand", hidden, 1, 1)?;
        x = act(net, x, c)?;
    }
    x = depthwise(net, x, "depth", kernel(c), c.stride as i64)?;
    x = act(net, x, c)?;
    x = conv(net, x, "project", c.cout as i64, 1, 1)?;
    with_shortcut(net, x, c)
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
        operator("inverted", &[("kernel", &[3.0, 5.0]), ("expand", &[3.0, 6.0])], Activation::Relu6, inverted),
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

/// As [`pocket`], but two stages have lists of their own: stage 2 the third operator and one that no other stage has, stage 3
/// this one alone.
pub fn own_lists() -> Arc<Hyperspace> {
    let (pocket, lone) = (pocket(), operator("lone", &[("kernel", &[3.0, 5.0])], Activation::Relu, stem));
    let mut stages = pocket.stages.clone();
    stages[2].role = Role::SearchedAmong(vec![pocket.operators[2].clone(), lone.clone()]);
    stages[3].role = Role::SearchedAmong(vec![lone]);
    Hyperspace::new("own_lists", 3, 12, &[24, 32], stages, pocket.operators.clone()).unwrap()
}

struct Silent;

impl Output for Silent {
    fn print(&self, _: &str) {}
}

/// A hyperspace of the library, with its operators as the scripts there define them.
pub fn stdlib(name: &str) -> Arc<Hyperspace> {
    // It never ends: operators are built by closures of their session.
    static SESSION: OnceLock<Session> = OnceLock::new();
    let session = SESSION.get_or_init(|| {
        let host = HostSettings { lab: tempfile::tempdir().unwrap().keep(), workers: 1, threads: 1, dry: false };
        Session::new(Settings { host, ..Settings::default() }, Arc::new(Silent)).unwrap()
    });
    let outcome = session.eval(&format!("hyperspace({name:?})"), "test");
    outcome.get().unwrap_or_else(|| panic!("no hyperspace `{name}`: {:?}", outcome.trouble))
}

/// The folder of the reference's data, if this machine has it; says so if it has not.
pub fn reference_data() -> Option<PathBuf> {
    let folder = std::env::var_os("SPACEEVO_REFERENCE_DATA").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: SPACEEVO_REFERENCE_DATA is not set");
    }
    folder
}

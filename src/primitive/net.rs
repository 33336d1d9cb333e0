//! `net`: the graph builder as operators' `build` closures see it. Every method adds one layer and returns its node.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross, raise};
use super::noun::Nouns;
use super::options::Options;
use crate::base::{Fault, did_you_mean};
use crate::graph::{Activation, Builder, ConvOptions, Graph, GraphFault, NodeId, Shape, Source};

/// A network under construction, shared by its nodes.
#[derive(Debug, Clone)]
pub struct Net {
    builder: Arc<Mutex<Builder>>,
    block: BlockInfo,
}

/// What the block being built must become.
#[derive(Debug, Clone, Copy)]
pub struct BlockInfo {
    /// Output width.
    pub cout: usize,
    /// Stride of the block.
    pub stride: usize,
    /// Activation of `.act()` without a name.
    pub activation: Option<Activation>,
}

/// One value in a network under construction.
#[derive(Debug, Clone)]
pub struct Node {
    net: Net,
    id: NodeId,
}

impl Net {
    /// A builder whose input has this shape.
    pub fn new(input: Shape, block: BlockInfo) -> Self {
        Self { builder: Arc::new(Mutex::new(Builder::new(input))), block }
    }

    /// The graph that ends in `output`.
    pub fn finish(&self, output: &Node) -> Result<Graph, Fault> {
        if !Arc::ptr_eq(&self.builder, &output.net.builder) {
            return Err(two_nets("output", "output"));
        }
        Ok(self.lock().clone().finish(output.id))
    }

    fn lock(&self) -> MutexGuard<'_, Builder> {
        self.builder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node(&self, id: NodeId) -> Node {
        Node { net: self.clone(), id }
    }

    /// Adds one layer, remembering the script line of the call.
    fn add(&self, context: &NativeCallContext, layer: impl FnOnce(&mut Builder) -> Result<NodeId, Fault>) -> Answer<Node> {
        let mut builder = self.lock();
        builder.at(line_of(context));
        let id = layer(&mut builder).cross()?;
        drop(builder);
        Ok(self.node(id))
    }
}

/// The script line from which a primitive is called.
fn line_of(context: &NativeCallContext) -> Option<Source> {
    let line = context.call_position().line()?;
    Some(Source { script: context.call_source().unwrap_or("script").into(), line })
}

fn two_nets(layer: &'static str, name: &str) -> Fault {
    GraphFault::TwoNets { layer, name: name.into() }.into()
}

/// The activation named `name`.
pub(super) fn activation(name: &str) -> Result<Activation, Fault> {
    Activation::NAMES.iter().find(|(known, _)| *known == name).map(|(_, act)| *act).ok_or_else(|| {
        Fault::new(
            "graph::activation",
            format!("unknown activation `{name}`"),
            did_you_mean(name, Activation::NAMES.iter().map(|(known, _)| *known)),
        )
    })
}

/// A whole number from a script value; a float is taken if it has no fraction.
fn whole(what: &str, value: &Dynamic) -> Result<i64, Fault> {
    let float = || value.as_float().ok().filter(|float| float.fract() == 0.0).map(|float| float as i64);
    value.as_int().ok().or_else(float).ok_or_else(|| {
        Fault::new(
            "graph::value",
            format!("{what} is {value}, which is no whole number"),
            "round it: `divisible(x)` gives a multiple of 8",
        )
    })
}

fn conv_options(kernel: i64, given: Map) -> Result<ConvOptions, Fault> {
    let options = Options::new("conv", given, &["stride", "groups", "padding", "bias"])?;
    let int = |key: &str, default: i64| options.value(key).map_or(Ok(default), |value| whole(key, value));
    let padding = options.value("padding").map(|value| whole("padding", value)).transpose()?;
    Ok(ConvOptions {
        kernel,
        stride: int("stride", 1)?,
        groups: int("groups", 1)?,
        padding,
        bias: options.flag("bias")?.unwrap_or(false),
    })
}

/// The name before `.bn` or `.act`, for layers named after the one before them.
fn stem(builder: &Builder, node: NodeId) -> String {
    let name = builder.name(node);
    name.strip_suffix(".bn").or_else(|| name.strip_suffix(".act")).unwrap_or(name).to_string()
}

#[export_module]
mod net_type {
    /// The input of the block as a node.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_input", #{ build: |net, c| net.input.conv("mix", c.cout, 1, c.stride).bn() });
    /// block(op, #{ cin: 8, cout: 16, hw: 4 }).mparams //> 0.00016
    /// ```
    #[rhai_fn(get = "input", pure)]
    pub fn input(net: &mut Net) -> Node {
        net.node(0)
    }

    /// Convolution of the input; the same as `net.input.conv(...)`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_net_conv", #{ build: |net, c| net.conv("mix", c.cout, 1, c.stride).bn() });
    /// block(op, #{ cin: 8, cout: 16, hw: 4 }).mflops //> 0.002048
    /// ```
    #[rhai_fn(name = "conv", return_raw)]
    pub fn net_conv(context: NativeCallContext, net: &mut Net, name: &str, cout: Dynamic, kernel: i64) -> Answer<Node> {
        conv_with(&context, net, 0, name, &cout, kernel, Map::new())
    }

    /// Convolution of the input with a stride.
    #[rhai_fn(name = "conv", return_raw)]
    pub fn net_conv_stride(
        context: NativeCallContext,
        net: &mut Net,
        name: &str,
        cout: Dynamic,
        kernel: i64,
        stride: i64,
    ) -> Answer<Node> {
        conv_with(&context, net, 0, name, &cout, kernel, Map::from([("stride".into(), stride.into())]))
    }

    /// Convolution of the input with options.
    #[rhai_fn(name = "conv", return_raw)]
    pub fn net_conv_options(
        context: NativeCallContext,
        net: &mut Net,
        name: &str,
        cout: Dynamic,
        kernel: i64,
        options: Map,
    ) -> Answer<Node> {
        conv_with(&context, net, 0, name, &cout, kernel, options)
    }

    /// Depthwise convolution of the input; the same as `net.input.dwconv(...)`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_net_dw", #{ build: |net, c| net.dwconv("depth", 3, c.stride).bn().conv("mix", c.cout, 1).bn() });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).mflops //> 0.002176
    /// ```
    #[rhai_fn(name = "dwconv", return_raw)]
    pub fn net_dwconv(context: NativeCallContext, net: &mut Net, name: &str, kernel: i64, stride: i64) -> Answer<Node> {
        dwconv_with(&context, net, 0, name, kernel, stride)
    }

    /// The channels of the input in `parts` equal runs; the same as `net.input.split(...)`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_net_split", #{ build: |net, c| {
    ///     let halves = net.split("halves", 2);
    ///     let mixed = halves[0].concat([halves[1]], "join").shuffle("mix", 2);
    ///     mixed.conv("out", c.cout, 1, c.stride).bn()
    /// } });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).mflops //> ~0.001024
    /// ```
    #[rhai_fn(name = "split", return_raw)]
    pub fn net_split(context: NativeCallContext, net: &mut Net, name: &str, parts: i64) -> Answer<Array> {
        split_of(&context, net, 0, name, parts)
    }

    /// The input in the shape of the block's output.
    ///
    /// Itself where they agree, else a 1x1 convolution with the block's stride, and batch norm.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_shortcut", #{ build: |net, c| net.conv("main", c.cout, 3, c.stride).bn().add(net.shortcut("short")) });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).layers.height        //> 4
    /// block(op, #{ cin: 8, cout: 16, hw: 4, stride: 2 }).layers.height //> 6
    /// ```
    #[rhai_fn(return_raw)]
    pub fn shortcut(context: NativeCallContext, net: &mut Net, name: &str) -> Answer<Node> {
        let (cin, BlockInfo { cout, stride, .. }) = (net.lock().shape(0).c(), net.block);
        if cin == cout && stride == 1 {
            return Ok(net.node(0));
        }
        net.add(&context, |builder| {
            let conv = builder.conv(0, name, cout as i64, ConvOptions { stride: stride as i64, ..ConvOptions::default() })?;
            builder.bn(conv, None)
        })
    }
}

#[export_module]
mod node_type {
    /// Convolution to `cout` channels with a square kernel, no bias.
    ///
    /// Options instead of the stride: `stride` (1), `groups` (1), `padding` (kernel / 2), `bias` (false).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_conv", #{ build: |net, c| net.input.conv("mix", c.cout, 3, #{ groups: 4, stride: c.stride }).bn() });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).mflops //> 0.002304
    /// ```
    #[rhai_fn(return_raw)]
    pub fn conv(context: NativeCallContext, node: &mut Node, name: &str, cout: Dynamic, kernel: i64) -> Answer<Node> {
        conv_with(&context, &node.net, node.id, name, &cout, kernel, Map::new())
    }

    /// Convolution with a stride.
    #[rhai_fn(name = "conv", return_raw)]
    pub fn conv_stride(
        context: NativeCallContext,
        node: &mut Node,
        name: &str,
        cout: Dynamic,
        kernel: i64,
        stride: i64,
    ) -> Answer<Node> {
        conv_with(&context, &node.net, node.id, name, &cout, kernel, Map::from([("stride".into(), stride.into())]))
    }

    /// Convolution with options.
    #[rhai_fn(name = "conv", return_raw)]
    pub fn conv_options(
        context: NativeCallContext,
        node: &mut Node,
        name: &str,
        cout: Dynamic,
        kernel: i64,
        options: Map,
    ) -> Answer<Node> {
        conv_with(&context, &node.net, node.id, name, &cout, kernel, options)
    }

    /// Depthwise convolution: one square kernel per channel.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_dwconv", #{ build: |net, c| net.input.dwconv("depth", 5, c.stride).bn().conv("mix", c.cout, 1).bn() });
    /// block(op, #{ cin: 8, cout: 8, hw: 4, stride: 2 }).mflops //> 0.001056
    /// ```
    #[rhai_fn(return_raw)]
    pub fn dwconv(context: NativeCallContext, node: &mut Node, name: &str, kernel: i64, stride: i64) -> Answer<Node> {
        dwconv_with(&context, &node.net, node.id, name, kernel, stride)
    }

    /// Depthwise convolution with stride 1.
    #[rhai_fn(name = "dwconv", return_raw)]
    pub fn dwconv_plain(context: NativeCallContext, node: &mut Node, name: &str, kernel: i64) -> Answer<Node> {
        dwconv_with(&context, &node.net, node.id, name, kernel, 1)
    }

    /// Batch normalisation, named after the layer before it.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_bn", #{ build: |net, c| net.conv("mix", c.cout, 1, c.stride).bn() });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).layers["layer"] //> ["input", "conv 1x1", "bn"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn bn(context: NativeCallContext, node: &mut Node) -> Answer<Node> {
        node.net.add(&context, |builder| builder.bn(node.id, None))
    }

    /// The operator's activation, named after the layer before it.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_act", #{ activation: "relu6", build: |net, c| net.conv("mix", c.cout, 1, c.stride).bn().act() });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).layers["layer"][3] //> relu6
    /// ```
    #[rhai_fn(return_raw)]
    pub fn act(context: NativeCallContext, node: &mut Node) -> Answer<Node> {
        let act = node.net.block.activation.ok_or_else(|| {
            raise(Fault::new(
                "graph::activation",
                "`.act()` needs an activation",
                "say `activation: \"relu\"` in the operator, or `.act(\"relu\")` here",
            ))
        })?;
        add_act(&context, node, act)
    }

    /// The activation named: relu, relu6, hswish, hsigmoid, swish or sigmoid.
    #[rhai_fn(name = "act", return_raw)]
    pub fn act_named(context: NativeCallContext, node: &mut Node, name: &str) -> Answer<Node> {
        add_act(&context, node, activation(name).cross()?)
    }

    /// Sum with a node of the same shape, named after this one.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_add", #{ build: |net, c| net.conv("mix", c.cout, 1, c.stride).bn().add(net.shortcut("short")) });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).layers["name"][3] //> mix.add
    /// ```
    #[rhai_fn(return_raw)]
    pub fn add(context: NativeCallContext, node: &mut Node, other: Node) -> Answer<Node> {
        join(&context, node, &other, "add", None, Builder::add)
    }

    /// Sum with a node of the same shape, under a name of its own.
    #[rhai_fn(name = "add", return_raw)]
    pub fn add_named(context: NativeCallContext, node: &mut Node, other: Node, name: &str) -> Answer<Node> {
        join(&context, node, &other, "add", Some(name), Builder::add)
    }

    /// Product with a node of the same shape or a 1x1 map, named after this one.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_mul", #{ build: |net, c| net.conv("mix", c.cout, 1, c.stride).bn().mul(net.input.global_pool("mean")) });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).layers["name"][4] //> mix.mul
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mul(context: NativeCallContext, node: &mut Node, other: Node) -> Answer<Node> {
        join(&context, node, &other, "mul", None, Builder::mul)
    }

    /// Product, under a name of its own.
    #[rhai_fn(name = "mul", return_raw)]
    pub fn mul_named(context: NativeCallContext, node: &mut Node, other: Node, name: &str) -> Answer<Node> {
        join(&context, node, &other, "mul", Some(name), Builder::mul)
    }

    /// The channels of this node and then those of `others`; every input stays a segment of its own.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_concat", #{ build: |net, c| {
    ///     let half = net.conv("primary", c.cout / 2, 1, c.stride).bn();
    ///     half.concat([half.dwconv("cheap", 3).bn()], "join")
    /// } });
    /// block(op, #{ cin: 8, cout: 16, hw: 4 }).layers["shape"][5] //> (8+8)x4x4
    /// ```
    #[rhai_fn(return_raw)]
    pub fn concat(context: NativeCallContext, node: &mut Node, others: Array, name: &str) -> Answer<Node> {
        let mut parts = vec![node.id];
        for other in others {
            let Some(other) = other.try_cast::<Node>() else {
                return Err(raise(Fault::new(
                    "graph::node",
                    "concat takes an array of nodes",
                    "for example `x.concat([y, z], \"join\")`",
                )));
            };
            if !Arc::ptr_eq(&node.net.builder, &other.net.builder) {
                return Err(raise(two_nets("concat", name)));
            }
            parts.push(other.id);
        }
        node.net.add(&context, |builder| builder.concat(&parts, name))
    }

    /// The channels in `parts` equal runs, as an array of nodes.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_split", #{ build: |net, c| {
    ///     let parts = net.conv("mix", c.cout, 1, c.stride).bn().split("parts", 2);
    ///     parts[1].concat([parts[0]], "swap")
    /// } });
    /// block(op, #{ cin: 8, cout: 16, hw: 4 }).output //> (8+8)x4x4
    /// ```
    #[rhai_fn(return_raw)]
    pub fn split(context: NativeCallContext, node: &mut Node, name: &str, parts: i64) -> Answer<Array> {
        split_of(&context, &node.net, node.id, name, parts)
    }

    /// Interleaves the channels of `groups` equal groups.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_shuffle", #{ build: |net, c| net.conv("mix", c.cout, 1, #{ groups: 2, stride: c.stride }).bn().shuffle("mixed", 2) });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).mflops //> 0.000512
    /// ```
    #[rhai_fn(return_raw)]
    pub fn shuffle(context: NativeCallContext, node: &mut Node, name: &str, groups: i64) -> Answer<Node> {
        node.net.add(&context, |builder| builder.shuffle(node.id, name, groups))
    }

    /// Mean over height and width: a 1x1 map.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_pool", #{ pools: true, build: |net, c| net.input.global_pool("mean").conv("mix", c.cout, 1) });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).output //> 8x1x1
    /// ```
    #[rhai_fn(return_raw)]
    pub fn global_pool(context: NativeCallContext, node: &mut Node, name: &str) -> Answer<Node> {
        node.net.add(&context, |builder| builder.global_pool(node.id, name))
    }

    /// Maximum over a square window.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_max", #{ build: |net, c| net.input.max_pool("max", 3, c.stride).conv("mix", c.cout, 1).bn() });
    /// block(op, #{ cin: 8, cout: 8, hw: 4, stride: 2 }).output //> 8x2x2
    /// ```
    #[rhai_fn(return_raw)]
    pub fn max_pool(context: NativeCallContext, node: &mut Node, name: &str, kernel: i64, stride: i64) -> Answer<Node> {
        node.net.add(&context, |builder| builder.max_pool(node.id, name, kernel, stride))
    }

    /// Mean over a square window.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_avg", #{ build: |net, c| net.input.avg_pool("mean", 3, c.stride).conv("mix", c.cout, 1).bn() });
    /// block(op, #{ cin: 8, cout: 8, hw: 4, stride: 2 }).output //> 8x2x2
    /// ```
    #[rhai_fn(return_raw)]
    pub fn avg_pool(context: NativeCallContext, node: &mut Node, name: &str, kernel: i64, stride: i64) -> Answer<Node> {
        node.net.add(&context, |builder| builder.avg_pool(node.id, name, kernel, stride))
    }

    /// Dense layer with bias to `cout` values; the map must be 1x1.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_linear", #{ pools: true, build: |net, c| net.input.global_pool("mean").linear("logits", c.cout) });
    /// block(op, #{ cin: 8, cout: 10, hw: 4 }).mparams //> 0.00009
    /// ```
    #[rhai_fn(return_raw)]
    pub fn linear(context: NativeCallContext, node: &mut Node, name: &str, cout: Dynamic) -> Answer<Node> {
        let cout = whole("the number of outputs", &cout).cross()?;
        node.net.add(&context, |builder| builder.linear(node.id, name, cout))
    }

    /// Squeeze-and-excitation: scales channels by what a bottleneck makes of their means.
    ///
    /// `middle` is the width of the bottleneck.
    ///
    /// Global pool, 1x1 convolution with bias, relu, 1x1 convolution with bias, hsigmoid, product.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_se", #{ build: |net, c| net.conv("mix", c.cout, 1, c.stride).bn().squeeze_excite("se", 8) });
    /// block(op, #{ cin: 8, cout: 16, hw: 4 }).mflops //> 0.002304
    /// ```
    #[rhai_fn(return_raw)]
    pub fn squeeze_excite(context: NativeCallContext, node: &mut Node, name: &str, middle: Dynamic) -> Answer<Node> {
        let middle = whole("the width of the bottleneck", &middle).cross()?;
        let options = ConvOptions { bias: true, ..ConvOptions::default() };
        node.net.add(&context, |builder| {
            let channels = builder.shape(node.id).c() as i64;
            let pooled = builder.global_pool(node.id, &format!("{name}.pool"))?;
            let reduced = builder.conv(pooled, &format!("{name}.reduce"), middle, options)?;
            let relu = builder.act(reduced, None, Activation::Relu)?;
            let expanded = builder.conv(relu, &format!("{name}.expand"), channels, options)?;
            let gate = builder.act(expanded, None, Activation::Hsigmoid)?;
            builder.mul(node.id, gate, name)
        })
    }

    /// Channels of this node.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_channels", #{ build: |net, c| net.conv("mix", c.cout, 1, #{ groups: net.input.channels, stride: c.stride }).bn() });
    /// block(op, #{ cin: 8, cout: 16, hw: 4 }).mflops //> ~0.000256
    /// ```
    #[rhai_fn(get = "channels", pure)]
    pub fn channels(node: &mut Node) -> i64 {
        node.net.lock().shape(node.id).c() as i64
    }

    /// The node as text: its name and shape.
    #[rhai_fn(name = "to_string", pure)]
    pub fn to_text(node: &mut Node) -> String {
        let builder = node.net.lock();
        format!("{} {}", builder.name(node.id), builder.shape(node.id))
    }
}

fn conv_with(
    context: &NativeCallContext,
    net: &Net,
    from: NodeId,
    name: &str,
    cout: &Dynamic,
    kernel: i64,
    options: Map,
) -> Answer<Node> {
    let cout = whole("the number of output channels", cout).cross()?;
    let options = conv_options(kernel, options).cross()?;
    net.add(context, |builder| builder.conv(from, name, cout, options))
}

fn dwconv_with(context: &NativeCallContext, net: &Net, from: NodeId, name: &str, kernel: i64, stride: i64) -> Answer<Node> {
    net.add(context, |builder| builder.dwconv(from, name, ConvOptions { kernel, stride, ..ConvOptions::default() }))
}

fn split_of(context: &NativeCallContext, net: &Net, from: NodeId, name: &str, parts: i64) -> Answer<Array> {
    let mut builder = net.lock();
    builder.at(line_of(context));
    let ids = builder.split(from, name, parts).cross()?;
    drop(builder);
    Ok(ids.into_iter().map(|id| Dynamic::from(net.node(id))).collect())
}

fn add_act(context: &NativeCallContext, node: &Node, act: Activation) -> Answer<Node> {
    node.net.add(context, |builder| builder.act(node.id, None, act))
}

fn join(
    context: &NativeCallContext,
    left: &Node,
    right: &Node,
    layer: &'static str,
    name: Option<&str>,
    build: impl FnOnce(&mut Builder, NodeId, NodeId, &str) -> Result<NodeId, Fault>,
) -> Answer<Node> {
    if !Arc::ptr_eq(&left.net.builder, &right.net.builder) {
        return Err(raise(two_nets(layer, name.unwrap_or(layer))));
    }
    left.net.add(context, |builder| {
        let name = name.map_or_else(|| format!("{}.{layer}", stem(builder, left.id)), str::to_string);
        build(builder, left.id, right.id, &name)
    })
}

/// Declares the builder and its nodes.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Net>("Net").noun::<Node>("Node");
    engine.register_global_module(exported_module!(net_type).into());
    engine.register_global_module(exported_module!(node_type).into());
}

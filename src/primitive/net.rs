//! `net`: the graph builder as `build` closures see it; it makes the first nodes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross, raise};
use super::noun::Nouns;
use super::options::Options;
use crate::base::{Fault, did_you_mean};
use crate::graph::{Activation, Builder, ConvOptions, Graph, GraphFault, Marks, NodeId, Padding, Shape, Source};

/// A network under construction, shared by its nodes.
#[derive(Debug, Clone)]
pub struct Net {
    pub(super) builder: Arc<Mutex<Builder>>,
    /// Activation of `.act()` without a name.
    pub(super) activation: Option<Activation>,
    purpose: Purpose,
}

/// What becomes of the layers.
#[derive(Debug, Clone)]
enum Purpose {
    /// A block, which may stand anywhere.
    Block(BlockInfo),
    /// A network of its own, whose nodes can be marked.
    Network(Arc<Mutex<Marks>>),
}

/// What the block being built must become.
#[derive(Debug, Clone, Copy)]
pub struct BlockInfo {
    /// Output width.
    pub cout: usize,
    /// Stride of the block.
    pub stride: usize,
}

/// One value in a network under construction.
#[derive(Debug, Clone)]
pub struct Node {
    pub(super) net: Net,
    pub(super) id: NodeId,
}

impl Net {
    fn new(builder: Builder, activation: Option<Activation>, purpose: Purpose) -> Self {
        Self { builder: Arc::new(Mutex::new(builder)), activation, purpose }
    }

    /// A builder of a block whose input has this shape.
    pub(super) fn of_block(input: Shape, activation: Option<Activation>, block: BlockInfo) -> Self {
        Self::new(Builder::new(input), activation, Purpose::Block(block))
    }

    /// A builder of a whole network whose input has this shape, with this epsilon of batch norm and this padding.
    pub(super) fn of_network(input: Shape, activation: Option<Activation>, epsilon: f64, padding: Padding) -> Self {
        Self::new(Builder::new(input).with(epsilon, padding), activation, Purpose::Network(Arc::default()))
    }

    /// What was marked so far. A block has no marks: it may stand in many places.
    pub(super) fn marks(&self) -> Result<MutexGuard<'_, Marks>, Fault> {
        match &self.purpose {
            Purpose::Network(marks) => Ok(marks.lock().unwrap_or_else(PoisonError::into_inner)),
            Purpose::Block(_) => Err(Fault::new(
                "operator::marks",
                "the layers of an operator cannot be marked: it may stand in many places of a network",
                "mark nodes in the `build` closure of `define_network`",
            )),
        }
    }

    /// The graph that ends in `output`.
    pub fn finish(&self, output: &Node) -> Result<Graph, Fault> {
        if !Arc::ptr_eq(&self.builder, &output.net.builder) {
            return Err(two_nets("output", "output"));
        }
        Ok(self.lock().clone().finish(output.id))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Builder> {
        self.builder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn node(&self, id: NodeId) -> Node {
        Node { net: self.clone(), id }
    }

    /// Adds one layer, remembering the script line of the call.
    pub(super) fn add(
        &self,
        context: &NativeCallContext,
        layer: impl FnOnce(&mut Builder) -> Result<NodeId, Fault>,
    ) -> Answer<Node> {
        let mut builder = self.lock();
        builder.at(line_of(context));
        let id = layer(&mut builder).cross()?;
        drop(builder);
        Ok(self.node(id))
    }
}

/// The script line from which a primitive is called.
pub(super) fn line_of(context: &NativeCallContext) -> Option<Source> {
    let line = context.call_position().line()?;
    Some(Source { script: context.call_source().unwrap_or("script").into(), line })
}

pub(super) fn two_nets(layer: &'static str, name: &str) -> Fault {
    GraphFault::TwoNets { layer, name: name.into() }.into()
}

/// Names of all activations.
pub fn activations() -> impl Iterator<Item = &'static str> + Clone {
    Activation::NAMES.iter().map(|(known, _)| *known)
}

/// The activation named `name`.
pub(super) fn activation(name: &str) -> Result<Activation, Fault> {
    Activation::NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, act)| *act)
        .ok_or_else(|| Fault::new("graph::activation", format!("unknown activation `{name}`"), did_you_mean(name, activations())))
}

/// A whole number from a script value; a float is taken if it has no fraction.
pub(super) fn whole(what: &str, value: &Dynamic) -> Result<i64, Fault> {
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
    let padding = match options.value("padding") {
        None => None,
        Some(value) if value.is_string() && value.to_string() == "same" => Some(Padding::Same),
        Some(value) => Some(Padding::Cells(whole("padding", value)?)),
    };
    Ok(ConvOptions {
        kernel,
        stride: int("stride", 1)?,
        groups: int("groups", 1)?,
        padding,
        bias: options.flag("bias")?.unwrap_or(false),
    })
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
        let Purpose::Block(BlockInfo { cout, stride }) = net.purpose else {
            return Err(raise(Fault::new(
                "network::shortcut",
                "`net.shortcut` belongs to operators: a network has no one input and output of a block",
                "add the node itself, or a 1x1 convolution of it with batch norm: `x.add(from)`",
            )));
        };
        let cin = net.lock().shape(0).c();
        if cin == cout && stride == 1 {
            return Ok(net.node(0));
        }
        net.add(&context, |builder| {
            let conv = builder.conv(0, name, cout as i64, ConvOptions { stride: stride as i64, ..ConvOptions::default() })?;
            builder.bn(conv, None)
        })
    }
}

pub(super) fn conv_with(
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

pub(super) fn dwconv_with(
    context: &NativeCallContext,
    net: &Net,
    from: NodeId,
    name: &str,
    kernel: i64,
    stride: i64,
) -> Answer<Node> {
    net.add(context, |builder| builder.dwconv(from, name, ConvOptions { kernel, stride, ..ConvOptions::default() }))
}

pub(super) fn split_of(context: &NativeCallContext, net: &Net, from: NodeId, name: &str, parts: i64) -> Answer<Array> {
    let mut builder = net.lock();
    builder.at(line_of(context));
    let ids = builder.split(from, name, parts).cross()?;
    drop(builder);
    Ok(ids.into_iter().map(|id| Dynamic::from(net.node(id))).collect())
}

/// Declares the builder.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Net>("Net");
    engine.register_global_module(exported_module!(net_type).into());
}

//! Nodes of a network under construction: every method adds one layer and returns its node.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross, raise};
use super::net::{Node, activation, conv_with, dwconv_with, split_of, two_nets, whole};
use super::noun::Nouns;
use crate::base::Fault;
use crate::graph::{Activation, Builder, ConvOptions, NodeId};

/// The name before `.bn`, `.ln` or `.act`, for layers named after the one before them.
fn stem(builder: &Builder, node: NodeId) -> String {
    let name = builder.name(node);
    [".bn", ".ln", ".act"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_string()
}

#[export_module]
mod node_type {
    /// Convolution to `cout` channels with a square kernel, no bias.
    ///
    /// Options instead of the stride: `stride` (1), `groups` (1), `bias` (false), `padding` (kernel / 2): zeros on each side, or
    /// "same", TensorFlow's rule, which puts an odd one at the bottom and right.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_conv", #{ build: |net, c| net.input.conv("mix", c.cout, 3, #{ groups: 4, stride: c.stride }).bn() });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).mflops //> 0.002304
    /// let op = define_operator("doc_same", #{ build: |net, c| net.conv("mix", c.cout, 5, #{ padding: "same", stride: c.stride }).bn() });
    /// block(op, #{ cin: 8, cout: 8, hw: 6, stride: 2 }).layers["shape"][1] //> 8x3x3
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

    /// Batch normalisation under a name of its own, after layers of which there may be fewer or more.
    #[rhai_fn(name = "bn", return_raw)]
    pub fn bn_named(context: NativeCallContext, node: &mut Node, name: &str) -> Answer<Node> {
        node.net.add(&context, |builder| builder.bn(node.id, Some(name)))
    }

    /// Layer normalisation over the channels of each cell by itself, named after the layer before it.
    ///
    /// A norm of fewer channels takes mean and variance of those alone. It is computed in floats, also in INT8.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_ln", #{ build: |net, c| net.conv("mix", c.cout, 1, c.stride).ln() });
    /// block(op, #{ cin: 8, cout: 8, hw: 4 }).layers["name"] //> ["input", "mix", "mix.ln"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ln(context: NativeCallContext, node: &mut Node) -> Answer<Node> {
        node.net.add(&context, |builder| builder.ln(node.id, None))
    }

    /// Layer normalisation under a name of its own.
    #[rhai_fn(name = "ln", return_raw)]
    pub fn ln_named(context: NativeCallContext, node: &mut Node, name: &str) -> Answer<Node> {
        node.net.add(&context, |builder| builder.ln(node.id, Some(name)))
    }

    /// Attention: for each cell the sum of all cells' values, weighted by its query and their keys.
    ///
    /// This node is the queries. All are maps, whose cells are the tokens; each of `heads` heads has an equal run of channels.
    /// Weights are the softmax of query times key / sqrt(width of a head). Where `heads` is a choice, let the width of a head
    /// be the same in all: heads then share their weights. In INT8 both products are integers, softmax is floats.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = define_operator("doc_attend", #{ heads: [2, 4], build: |net, c| {
    ///     let token = net.conv("embed", c.cout, 1, c.stride).ln();
    ///     let query = token.conv("query", 8 * c.heads, 1, #{ bias: true });
    ///     let key = token.conv("key", 8 * c.heads, 1, #{ bias: true });
    ///     let value = token.conv("value", 8 * c.heads, 1, #{ bias: true });
    ///     query.attend(key, value, c.heads, "mix").conv("out", c.cout, 1, #{ bias: true })
    /// } });
    /// block(op, #{ cin: 8, cout: 16, hw: 4, heads: 2 }).layers["shape"][6] //> 2x16x16
    /// ```
    #[rhai_fn(return_raw)]
    pub fn attend(
        context: NativeCallContext,
        queries: &mut Node,
        keys: Node,
        values: Node,
        heads: i64,
        name: &str,
    ) -> Answer<Node> {
        if [&keys, &values].iter().any(|other| !Arc::ptr_eq(&queries.net.builder, &other.net.builder)) {
            return Err(raise(two_nets("attend", name)));
        }
        queries.net.add(&context, |builder| builder.attend([queries.id, keys.id, values.id], heads, name))
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
        let act = node.net.activation.ok_or_else(|| {
            raise(Fault::new(
                "graph::activation",
                "`.act()` needs an activation",
                "say `activation: \"relu\"` in the definition, or `.act(\"relu\")` here",
            ))
        })?;
        add_act(&context, node, act)
    }

    /// The activation named: relu, relu6, hswish, hsigmoid, swish, sigmoid or gelu.
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
        node.net.add(&context, |builder| builder.avg_pool(node.id, name, kernel, stride, None))
    }

    /// Mean over a square window, with padding other than half the window.
    #[rhai_fn(name = "avg_pool", return_raw)]
    pub fn avg_pool_padded(
        context: NativeCallContext,
        node: &mut Node,
        name: &str,
        kernel: i64,
        stride: i64,
        padding: i64,
    ) -> Answer<Node> {
        node.net.add(&context, |builder| builder.avg_pool(node.id, name, kernel, stride, Some(padding)))
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

    /// Marks this node as a place where the network's features are read, and returns it.
    ///
    /// # Example
    ///
    /// ```rhai
    /// define_network("doc_tap", #{ resolution: 8, classes: 10, build: |net, c| {
    ///     let x = net.conv("stem", 16, 3, 2).bn().act("relu").tap("stem");
    ///     x.global_pool("pool").linear("logits", c.classes)
    /// } });
    /// network("doc_tap").taps["shape"] //> ["16x4x4"]
    /// define_operator("doc_tap", #{ build: |net, c| net.conv("mix", c.cout, 1, c.stride).tap("end") }) //> fails operator::marks
    /// ```
    #[rhai_fn(return_raw)]
    pub fn tap(node: &mut Node, name: &str) -> Answer<Node> {
        let layer = node.net.lock().name(node.id).to_string();
        node.net.marks().cross()?.taps.push((name.into(), layer));
        Ok(node.clone())
    }

    /// Says what the layer is called in published weights, and returns the node.
    ///
    /// Files of weights call layers by names of their own; a network must name all its layers with weights, or none.
    ///
    /// # Example
    ///
    /// ```rhai
    /// define_network("doc_published", #{ resolution: 8, classes: 10, build: |net, c| {
    ///     let x = net.conv("stem", 16, 3, 2).published_as("conv1").bn().published_as("bn1").act("relu");
    ///     x.global_pool("pool").linear("logits", c.classes).published_as("fc")
    /// } });
    /// network("doc_published").published["published"] //> ["conv1", "bn1", "fc"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn published_as(node: &mut Node, name: &str) -> Answer<Node> {
        let layer = node.net.lock().name(node.id).to_string();
        node.net.marks().cross()?.published.push((layer, vec![name.into()]));
        Ok(node.clone())
    }

    /// Says what the layer is called in published weights of several programs, and returns the node.
    ///
    /// Each place in the array stands for one program; the first is the one that `published` shows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// define_network("doc_names", #{ resolution: 8, classes: 10, build: |net, c| {
    ///     let x = net.conv("stem", 16, 3, 2).published_as(["features.0", "conv_stem"]).bn().published_as(["features.1", "bn1"]);
    ///     x.global_pool("pool").linear("logits", c.classes).published_as("classifier")
    /// } });
    /// network("doc_names").published["others"] //> ["conv_stem", "bn1", ""]
    /// ```
    #[rhai_fn(name = "published_as", return_raw)]
    pub fn published_as_any(node: &mut Node, names: Array) -> Answer<Node> {
        let names: Vec<_> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
        if names.is_empty() {
            return Err(raise(Fault::new(
                "graph::name",
                "`published_as` was given no names",
                "give a text, or an array of texts: one a program",
            )));
        }
        let layer = node.net.lock().name(node.id).to_string();
        node.net.marks().cross()?.published.push((layer, names));
        Ok(node.clone())
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

/// Declares the nodes of a network.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Node>("Node");
    engine.register_global_module(exported_module!(node_type).into());
}

//! Networks: fixed ones with a name, from a script or from the stdlib.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr, Map};

use super::cross::{Answer, Cross};
use super::host::Host;
use super::kept::BuildClosure;
use super::net::{Net, activation};
use super::noun::Nouns;
use super::operator::{explain_graph, memory_map};
use super::options::Options;
use super::registry::find;
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::graph::{Activation, BN_EPSILON, Marks, Network, Padding, Shape};
use crate::space::Subnet;

/// A fixed network as scripts hold it.
#[derive(Debug, Clone)]
pub struct FixedNetwork {
    /// Name, layers, marks.
    pub net: Arc<Network>,
    /// What it is cut out of, if it is.
    pub subnet: Option<Subnet>,
    /// Number of classes of its result.
    classes: usize,
    bn_epsilon: f64,
}

impl FixedNetwork {
    /// The subnet it is, which not every network is.
    pub(super) fn need_subnet(&self) -> Result<&Subnet> {
        self.subnet.as_ref().ok_or_else(|| {
            Fault::new(
                "network::no_subnet",
                format!("network `{}` is not cut out of a search space", self.net.name),
                "only a network defined with `subnet: ...` has one",
            )
        })
    }
}

/// A network as a script defined it.
#[derive(Clone)]
pub struct NetworkPlan {
    name: String,
    plan: Plan,
}

impl std::fmt::Debug for NetworkPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NetworkPlan({})", self.name)
    }
}

#[derive(Clone)]
enum Plan {
    Build { closure: Arc<BuildClosure>, activation: Option<Activation>, size: Size, habits: Habits },
    Cut(Box<Subnet>),
}

/// What a network may be asked for in another size of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    resolution: usize,
    channels: usize,
    classes: usize,
}

impl Size {
    const KEYS: [&'static str; 3] = ["resolution", "channels", "classes"];

    /// What `options` say, else this.
    fn or(self, options: &Options) -> Result<Self> {
        Ok(Self {
            resolution: options.count("resolution", 1)?.unwrap_or(self.resolution),
            channels: options.count("channels", 1)?.unwrap_or(self.channels),
            classes: options.count("classes", 1)?.unwrap_or(self.classes),
        })
    }
}

/// In what networks differ that have the same layers otherwise: habits of the program that trained their weights.
#[derive(Debug, Clone, Copy)]
struct Habits {
    bn_epsilon: f64,
    padding: Padding,
}

impl Habits {
    const KEYS: [&'static str; 2] = ["bn_epsilon", "padding"];

    /// What `options` say, else these.
    fn or(self, options: &Options) -> Result<Self> {
        let padding = match options.text("padding")?.as_deref() {
            None => self.padding,
            Some("half") => Padding::Half,
            Some("same") => Padding::Same,
            Some(_) => return Err(options.refuse("padding", "only two are known", "use \"half\" or \"same\"")),
        };
        Ok(Self { bn_epsilon: options.positive("bn_epsilon")?.unwrap_or(self.bn_epsilon), padding })
    }
}

/// What a network may be asked for with.
pub(super) const ASKED: [&str; 5] = {
    let ([resolution, channels, classes], [bn_epsilon, padding]) = (Size::KEYS, Habits::KEYS);
    [resolution, channels, classes, bn_epsilon, padding]
};

impl NetworkPlan {
    /// The same plan, with what `options` say in place of its own size and habits.
    pub(super) fn adapted(&self, options: &Options) -> Result<Self> {
        let plan = match &self.plan {
            Plan::Build { closure, activation, size, habits } => Plan::Build {
                closure: closure.clone(),
                activation: *activation,
                size: size.or(options)?,
                habits: habits.or(options)?,
            },
            Plan::Cut(_) => Plan::Cut(Box::new(self.network(options)?.need_subnet()?.clone())),
        };
        Ok(Self { name: self.name.clone(), plan })
    }

    /// The network, in another size and with other habits where `options` say so.
    pub(super) fn network(&self, options: &Options) -> Result<FixedNetwork> {
        let (made, habits) = match &self.plan {
            Plan::Build { closure, activation, size, habits } => {
                let habits = habits.or(options)?;
                (built(closure, *activation, size.or(options)?, habits, &self.name), habits)
            }
            Plan::Cut(subnet) => {
                if let Some(key) = Habits::KEYS.into_iter().find(|key| options.value(key).is_some()) {
                    return Err(options.refuse(key, "the operators of its search space say so", "leave it out"));
                }
                (cut(subnet, options, &self.name), Habits { bn_epsilon: BN_EPSILON, padding: Padding::Half })
            }
        };
        let (net, subnet) = made.map_err(|fault| fault.during(&format!("network `{}`", self.name)))?;
        let classes = net.graph.output_shape().c();
        Ok(FixedNetwork { net: Arc::new(net), subnet, classes, bn_epsilon: habits.bn_epsilon })
    }
}

fn built(
    closure: &BuildClosure,
    act: Option<Activation>,
    size: Size,
    habits: Habits,
    name: &str,
) -> Result<(Network, Option<Subnet>)> {
    let Size { resolution, channels, classes } = size;
    let net = Net::of_network(Shape::new(channels, resolution, resolution), act, habits.bn_epsilon, habits.padding);
    let c = [("resolution", resolution), ("channels", channels), ("classes", classes)];
    let c = c.into_iter().map(|(key, value)| (key.into(), Dynamic::from(value as i64))).collect();
    let output = closure.call(&net, c, "network")?;
    let graph = net.finish(&output)?;
    if graph.output_shape().elements() != classes {
        return Err(Fault::new(
            "network::classes",
            format!("its result is {}, not {classes} classes", graph.output_shape()),
            "let the closure end in `.linear(\"logits\", c.classes)`",
        ));
    }
    let marks = net.marks()?.clone();
    Ok((Network::new(name, graph, marks)?, None))
}

fn cut(subnet: &Subnet, options: &Options, name: &str) -> Result<(Network, Option<Subnet>)> {
    let mut subnet = subnet.clone();
    let size = Size {
        resolution: subnet.resolution,
        channels: subnet.space.hyperspace.input_channels,
        classes: subnet.graph()?.output_shape().c(),
    };
    let asked = size.or(options)?;
    for (key, asked, own) in [("channels", asked.channels, size.channels), ("classes", asked.classes, size.classes)] {
        if asked != own {
            let help = "its search space says so; define the network with a space of other stages";
            return Err(options.refuse(key, &format!("this network has {own}"), help));
        }
    }
    let sides = &subnet.space.hyperspace.resolutions;
    if !sides.contains(&asked.resolution) {
        return Err(options.refuse("resolution", &format!("its search space has {sides:?}"), "take one of these"));
    }
    subnet.resolution = asked.resolution;
    // The features of a stage are what its last block gives.
    let mut taps: Vec<(String, String)> = Vec::new();
    let mut last = None;
    for part in subnet.parts() {
        let graph = part.graph()?;
        let layer = format!("{}.{}", part.prefix, graph.nodes[graph.output].name);
        let stage = subnet.space.hyperspace.stages[part.stage].name.clone();
        if last.replace(part.stage) == Some(part.stage) {
            taps.pop();
        }
        taps.push((stage, layer));
    }
    let searched = subnet.space.hyperspace.searched();
    taps.retain(|(stage, _)| searched.iter().any(|&at| subnet.space.hyperspace.stages[at].name == *stage));
    let network = Network::new(name, subnet.graph()?, Marks { taps, published: Vec::new() })?;
    Ok((network, Some(subnet)))
}

#[export_module]
mod network_functions {
    /// Defines a network by a closure that builds all its layers, or as one subnet of a search space.
    ///
    /// It is built once, so that mistakes show here, and can be used by name from then on.
    ///
    /// Options: `build`: a closure `|net, c|` that returns the last node, the logits; `c` holds `resolution`, `channels`, `classes`.
    /// `resolution` (224): side of the images; `channels` (3); `classes` (1000); `activation` (none): what `.act()` means;
    /// `bn_epsilon` (0.00001): epsilon of all batch norms; `padding` ("half"): of convolutions that say none, half the kernel on
    /// each side, or "same", TensorFlow's rule, which puts an odd cell at the bottom and right. Instead of all these `subnet`: a subnet.
    ///
    /// Nodes can be marked: `x.tap("stage1")` for features to learn from, `x.published_as("conv1")` for published weights.
    ///
    /// # Example
    ///
    /// ```rhai
    /// define_network("doc_plain_net", #{ resolution: 32, classes: 10, activation: "relu", build: |net, c| {
    ///     let x = net.conv("stem", 16, 3, 2).bn().act();
    ///     let x = x.conv("stage1.b0.conv", 32, 3, 2).bn().act().tap("stage1");
    ///     x.global_pool("pool").linear("logits", c.classes)
    /// } });
    /// network("doc_plain_net").mparams //> ~0.005466
    /// let half = define_network("doc_cut", #{ subnet: hyperspace("pocket").space("012-210").smallest });
    /// half.taps["name"] //> ["stage1", "stage2", "stage3"]
    /// define_network("doc_empty", #{}) //> fails options::missing
    /// ```
    #[rhai_fn(return_raw)]
    pub fn define_network(context: NativeCallContext, name: &str, given: Map) -> Answer<FixedNetwork> {
        let host = Host::of(&context)?;
        let plan = plan(&context, &host, name, given).cross()?;
        let network = Options::new("network", Map::new(), &ASKED).and_then(|plain| plan.network(&plain)).cross()?;
        host.registry.define(name, plan);
        Ok(network)
    }

    /// The network of this name, of this session or of the library, at its published size.
    ///
    /// It has layers and no weights.
    ///
    /// # Example
    ///
    /// ```rhai
    /// network("resnet50").mparams //> ~25.557032
    /// network("resnet51") //> fails network::unknown
    /// ```
    #[rhai_fn(return_raw)]
    pub fn network(context: NativeCallContext, name: &str) -> Answer<FixedNetwork> {
        network_sized(context, name, Map::new())
    }

    /// The network of this name for other images, classes or weights.
    ///
    /// Options: `resolution`, `channels`, `classes`, `bn_epsilon`, `padding` (its own): the last two as `define_network` takes them,
    /// for weights of other programs. TensorFlow's EfficientNets have `bn_epsilon: 0.001, padding: "same"`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// network("resnet18", #{ resolution: 160, classes: 10 }).output //> 10x1x1
    /// network("seqnet_vnni_a0", #{ classes: 10 }) //> fails options::value
    /// ```
    #[rhai_fn(name = "network", return_raw)]
    pub fn network_sized(context: NativeCallContext, name: &str, given: Map) -> Answer<FixedNetwork> {
        let host = Host::of(&context)?;
        let options = Options::new("network", given, &ASKED).cross()?;
        find::<NetworkPlan>(&context, &host, name).and_then(|plan| plan.network(&options)).cross()
    }

    /// Names of all networks: of this session and of the stdlib.
    ///
    /// # Example
    ///
    /// ```rhai
    /// "mobilenet_v2" in networks() //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn networks(context: NativeCallContext) -> Answer<Array> {
        let host = Host::of(&context)?;
        Ok(host.registry.names::<NetworkPlan>(&host).into_iter().map(Dynamic::from).collect())
    }
}

#[export_module]
mod network_type {
    /// Name of the network.
    #[rhai_fn(get = "name", pure)]
    pub fn network_name(network: &mut FixedNetwork) -> String {
        network.net.name.clone()
    }

    /// Millions of multiply-accumulates.
    ///
    /// # Example
    ///
    /// ```rhai
    /// network("mobilenet_v2").mflops //> ~300.774272
    /// ```
    #[rhai_fn(get = "mflops", pure)]
    pub fn network_mflops(network: &mut FixedNetwork) -> f64 {
        network.net.graph.cost().mflops()
    }

    /// Millions of parameters.
    #[rhai_fn(get = "mparams", pure)]
    pub fn network_mparams(network: &mut FixedNetwork) -> f64 {
        network.net.graph.cost().mparams()
    }

    /// Its layers as a table; the same as `explain(network)`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// network("resnet18").layers["name"][5] //> stage1.b0.conv1
    /// ```
    #[rhai_fn(get = "layers", pure, return_raw)]
    pub fn network_layers(network: &mut FixedNetwork) -> Answer<Table> {
        explain_graph(&network.net.graph).cross()
    }

    /// The layers of a network with their shapes, cost and the script line each came from.
    #[rhai_fn(name = "explain", return_raw)]
    pub fn explain_network(network: FixedNetwork) -> Answer<Table> {
        explain_graph(&network.net.graph).cross()
    }

    /// Shape of its result, `CxHxW`.
    #[rhai_fn(get = "output", pure)]
    pub fn network_output(network: &mut FixedNetwork) -> String {
        network.net.graph.output_shape().to_string()
    }

    /// Memory of the deployed network in bytes: weights, and the most that activations need at a time.
    ///
    /// A map of `fp32_weight_bytes`, `int8_weight_bytes`, `fp32_peak_bytes`, `int8_peak_bytes`.
    #[rhai_fn(get = "memory", pure)]
    pub fn network_memory(network: &mut FixedNetwork) -> Map {
        memory_map(&network.net.graph)
    }

    /// Side of its input images.
    #[rhai_fn(get = "resolution", pure)]
    pub fn network_resolution(network: &mut FixedNetwork) -> i64 {
        network.net.graph.input_shape().h as i64
    }

    /// Number of classes of its result.
    #[rhai_fn(get = "classes", pure)]
    pub fn network_classes(network: &mut FixedNetwork) -> i64 {
        network.classes as i64
    }

    /// Where its features are read: a table of name, layer, shape, channels and stride.
    ///
    /// # Example
    ///
    /// ```rhai
    /// network("resnet50").taps["shape"] //> ["256x56x56", "512x28x28", "1024x14x14", "2048x7x7"]
    /// ```
    #[rhai_fn(get = "taps", pure, return_raw)]
    pub fn network_taps(network: &mut FixedNetwork) -> Answer<Table> {
        taps(&network.net).cross()
    }

    /// What published weights call its layers: a table of layer and published name.
    ///
    /// Without rows where no names were given. `others` holds the names that files of other programs have, each after a space.
    ///
    /// # Example
    ///
    /// ```rhai
    /// network("resnet50").published.row(0).published //> conv1
    /// network("mobilenet_v2").published.row(0).others //> conv_stem
    /// ```
    #[rhai_fn(get = "published", pure, return_raw)]
    pub fn network_published(network: &mut FixedNetwork) -> Answer<Table> {
        let Network { published, graph, .. } = &*network.net;
        let pairs: Vec<_> = graph.nodes.iter().filter_map(|node| published.get_key_value(&node.name)).collect();
        Table::builder()
            .text("layer", pairs.iter().map(|(layer, _)| (*layer).clone()))
            .text("published", pairs.iter().map(|(_, theirs)| theirs[0].clone()))
            .text("others", pairs.iter().map(|(_, theirs)| theirs[1..].join(" ")))
            .build()
            .cross()
    }

    /// Epsilon of its batch norms: what is added to the variance, inside the square root.
    ///
    /// # Example
    ///
    /// ```rhai
    /// network("mobilenet_v3_small").bn_epsilon //> 0.001
    /// ```
    #[rhai_fn(get = "bn_epsilon", pure)]
    pub fn network_bn_epsilon(network: &mut FixedNetwork) -> f64 {
        network.bn_epsilon
    }

    /// The subnet that the network is, for one that was defined so.
    ///
    /// # Example
    ///
    /// ```rhai
    /// network("seqnet_vnni_a0").subnet.mflops //> ~163.479 ±0.0006
    /// network("resnet18").subnet //> fails network::no_subnet
    /// ```
    #[rhai_fn(get = "subnet", pure, return_raw)]
    pub fn network_subnet(network: &mut FixedNetwork) -> Answer<Subnet> {
        network.need_subnet().cloned().cross()
    }

    /// The network as text: name, images, cost.
    #[rhai_fn(name = "to_string", pure)]
    pub fn network_text(network: &mut FixedNetwork) -> String {
        let (side, cost) = (network.net.graph.input_shape(), network.net.graph.cost());
        format!(
            "network {}, {}x{} images, {:.1} MFLOPs, {:.2} M parameters",
            network.net.name,
            side.h,
            side.w,
            cost.mflops(),
            cost.mparams()
        )
    }
}

/// Where a network's features are read.
pub(super) fn taps(network: &Network) -> Result<Table> {
    let Network { taps, graph, .. } = network;
    let nodes = || taps.iter().map(|tap| &graph.nodes[tap.node]);
    Table::builder()
        .text("name", taps.iter().map(|tap| tap.name.clone()))
        .text("layer", nodes().map(|node| node.name.clone()))
        .text("shape", nodes().map(|node| node.shape.to_string()))
        .int("channels", nodes().map(|node| node.shape.c() as i64))
        .int("stride", taps.iter().map(|tap| network.stride_at(tap.node) as i64))
        .build()
}

fn plan(context: &NativeCallContext, host: &Arc<Host>, name: &str, given: Map) -> Result<NetworkPlan> {
    let known = [&["build", "subnet", "activation"][..], &ASKED].concat();
    let options = Options::new("define_network", given, &known)?;
    let subnet = options.noun::<Subnet>("subnet", "a subnet: `hyperspace(\"pocket\").space(\"012-210\").largest`")?;
    if let Some(subnet) = subnet {
        if let Some(key) = known.iter().find(|key| **key != "subnet" && options.value(key).is_some()) {
            return Err(options.refuse(key, "`subnet` is given too", "a subnet says all of a network"));
        }
        return Ok(NetworkPlan { name: name.into(), plan: Plan::Cut(Box::new(subnet)) });
    }
    let build = options.need::<FnPtr>("build", "a closure `|net, c| ...` that returns the last node")?;
    let activation = options.text("activation")?.map(|name| activation(&name)).transpose()?;
    let size = Size { resolution: 224, channels: 3, classes: 1000 }.or(&options)?;
    let habits = Habits { bn_epsilon: BN_EPSILON, padding: Padding::Half }.or(&options)?;
    let closure = Arc::new(BuildClosure::new(context, host, build));
    Ok(NetworkPlan { name: name.into(), plan: Plan::Build { closure, activation, size, habits } })
}

/// Declares networks.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<FixedNetwork>("Network");
    engine.register_global_module(exported_module!(network_functions).into());
    engine.register_global_module(exported_module!(network_type).into());
}

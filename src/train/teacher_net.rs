//! The networks of teachers, and where in them searched stages find their input and their target.

use super::{Net, Pool, PoolBuilder, Tap};
use crate::base::{Fault, Result, did_you_mean};
use crate::graph::{Graph, Network, Node, NodeId};
use crate::space::{BlockConfig, Operator};

/// One run of blocks of a teacher.
#[derive(Debug, Clone)]
pub struct TeacherPart {
    /// Name; begins the names of its layers, and names its tap.
    pub name: String,
    /// What its blocks are.
    pub operator: Operator,
    /// Width of each block.
    pub widths: Vec<usize>,
    /// Step of the first block.
    pub stride: usize,
    /// Whether a searched stage of this name learns from it.
    pub tap: bool,
}

/// What a searched stage learns from in a fixed network. Each place is a tap of the network, a layer, or the beginning
/// of layers' names up to a dot (`stage3.b1`), which stands for the last of these layers.
#[derive(Debug, Clone)]
pub struct NetworkTap {
    /// Name of the searched stage.
    pub name: String,
    /// Where its input is taken.
    pub from: String,
    /// Where its target is taken.
    pub to: String,
}

/// A teacher before training.
#[derive(Debug, Clone)]
pub struct TeacherNet {
    /// Name.
    pub name: String,
    /// Side of the images.
    pub resolution: usize,
    /// Its graphs.
    pub pool: Pool,
    /// The one network.
    pub net: Net,
    /// For each tapped part: where its features are taken.
    pub taps: Vec<Tap>,
    /// For each tapped part: the position before its first block, and the channels there.
    pub inputs: Vec<(usize, usize)>,
}

impl TeacherNet {
    /// A teacher of these parts for images of `channels` channels.
    pub fn new(name: &str, channels: usize, resolution: usize, parts: &[TeacherPart]) -> Result<Self> {
        let mut pool = PoolBuilder::default();
        let (mut indices, mut taps, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut cin, mut hw, mut steps) = (channels, resolution, 1);
        for part in parts {
            let before = (indices.len().checked_sub(1), cin);
            steps *= part.stride;
            for (place, &cout) in part.widths.iter().enumerate() {
                let stride = if place == 0 { part.stride } else { 1 };
                let config = BlockConfig {
                    cin,
                    cout,
                    stride,
                    hw,
                    choices: part.operator.largest(),
                    activation: part.operator.activation(),
                };
                let graph = part
                    .operator
                    .build(&config)
                    .map_err(|fault| fault.during(&format!("teacher `{name}`, part `{}`", part.name)))?;
                indices.push(pool.part(&format!("{}.b{place}", part.name), &graph));
                (cin, hw) = (cout, graph.output_shape().h);
            }
            if part.tap {
                let Some(before_at) = before.0 else {
                    return Err(Fault::new(
                        "teacher::tap",
                        format!("teacher `{name}` taps its first part `{}`", part.name),
                        "a tapped part needs one before it, such as a stem, whose features are the student's input",
                    ));
                };
                taps.push(Tap { name: part.name.clone(), after: indices.len() - 1, channels: cin, stride: steps });
                inputs.push((before_at, before.1));
            }
        }
        Ok(Self { name: name.into(), resolution, pool: pool.finish()?, net: Net { parts: indices, resolution }, taps, inputs })
    }

    /// A teacher that is a fixed network: cut in parts where `taps` say so, which keep the names of the network's layers.
    pub fn of_network(name: &str, network: &Network, taps: &[NetworkTap]) -> Result<Self> {
        let graph = &network.graph;
        let mut ends = Vec::new();
        for tap in taps {
            let (from, to) = (place(name, network, &tap.from)?, place(name, network, &tap.to)?);
            if from >= to {
                let help = "the input of a stage comes before its target";
                return Err(fault(name, &format!("the tap `{}` goes from `{}` to `{}`", tap.name, tap.from, tap.to), help));
            }
            ends.push((from, to));
        }
        let mut cuts: Vec<NodeId> = ends.iter().flat_map(|&(from, to)| [from, to]).chain([graph.output]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let mut pool = PoolBuilder::default();
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let parts = starts.zip(&cuts).map(|(start, &end)| Ok(pool.part("", &piece(name, graph, start, end)?)));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        // Every end is among the cuts, and the part that ends there has the cut's index.
        let position = |node: NodeId| cuts.partition_point(|&cut| cut < node);
        let channels = |node: NodeId| graph.nodes[node].shape.c();
        Ok(Self {
            name: name.into(),
            resolution: graph.input_shape().h,
            pool: pool.finish()?,
            net: Net { parts, resolution: graph.input_shape().h },
            taps: taps
                .iter()
                .zip(&ends)
                .map(|(tap, &(_, to))| Tap {
                    name: tap.name.clone(),
                    after: position(to),
                    channels: channels(to),
                    stride: network.stride_at(to),
                })
                .collect(),
            inputs: ends.iter().map(|&(from, _)| (position(from), channels(from))).collect(),
        })
    }

    /// A teacher that is a TorchScript file. `names` and `shapes` (`[C, H, W]`) are those of the features that it returns;
    /// each is what the stage of its name should give, and the one before it is that stage's input.
    pub fn of_script(name: &str, resolution: usize, names: &[String], shapes: &[[usize; 3]]) -> Result<Self> {
        if names.len() != shapes.len() || names.len() < 2 {
            let shapes: Vec<_> = shapes.iter().map(|[c, h, w]| format!("{c}x{h}x{w}")).collect();
            return Err(fault(
                name,
                &format!("it returns {} features ({}), `taps` names {}", shapes.len(), shapes.join(", "), names.len()),
                "name every feature once, in their order: the first is only the input of the next; two are the least",
            ));
        }
        let stride = |side: usize| (resolution as f64 / side.max(1) as f64).round() as usize;
        let tap = |(after, (name, shape)): (usize, (&String, &[usize; 3]))| Tap {
            name: name.clone(),
            after,
            channels: shape[0],
            stride: stride(shape[1]),
        };
        Ok(Self {
            name: name.into(),
            resolution,
            pool: PoolBuilder::default().finish()?,
            net: Net { parts: vec![], resolution },
            taps: names.iter().zip(shapes).enumerate().skip(1).map(tap).collect(),
            inputs: shapes.iter().map(|shape| shape[0]).enumerate().take(shapes.len() - 1).collect(),
        })
    }

    /// The pool and the net as far as stages learn from them.
    pub fn tapped(&self) -> Result<(Pool, Net)> {
        let deepest = self.taps.iter().map(|tap| tap.after + 1).max().unwrap_or(0).min(self.net.parts.len());
        let mut pool = PoolBuilder::default();
        let parts = self.net.parts[..deepest].iter().map(|&at| {
            let (prefix, graph) = &self.pool.parts[at];
            pool.part(prefix, &self.pool.graphs[*graph])
        });
        let parts = parts.collect();
        Ok((pool.finish()?, Net { parts, resolution: self.net.resolution }))
    }
}

fn fault(teacher: &str, wrong: &str, help: &str) -> Fault {
    Fault::new("teacher::tap", format!("teacher `{teacher}`: {wrong}"), help)
}

/// The node that `name` stands for.
fn place(teacher: &str, network: &Network, name: &str) -> Result<NodeId> {
    let nodes = &network.graph.nodes;
    let tap = network.taps.iter().find(|tap| tap.name == name).map(|tap| tap.node);
    let layer = || nodes.iter().position(|node| node.name == name);
    let block = || nodes.iter().rposition(|node| node.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
    match tap.or_else(layer).or_else(block) {
        // Features of images themselves teach nothing.
        Some(0) => Err(fault(teacher, &format!("`{name}` is the image"), "take the stem's features as the first input")),
        Some(node) => Ok(node),
        None => {
            let taps = did_you_mean(name, network.taps.iter().map(|tap| tap.name.as_str()));
            let help = format!("of its taps: {taps}; `network(\"{}\").layers` shows its layers", network.name);
            Err(fault(teacher, &format!("network `{}` has neither tap nor layer `{name}`", network.name), &help))
        }
    }
}

/// The layers after `start` up to `end` as a graph of its own, whose input is the value of `start`.
fn piece(teacher: &str, graph: &Graph, start: NodeId, end: NodeId) -> Result<Graph> {
    let mut nodes = vec![Node::input(graph.nodes[start].shape.clone())];
    for node in &graph.nodes[start + 1..=end] {
        if let Some(&early) = node.inputs.iter().find(|&&input| input < start) {
            let [tap, early] = [start, early].map(|at| &graph.nodes[at].name);
            let wrong = format!("`{}` reads `{early}`, which comes before the tap at `{tap}`", node.name);
            return Err(fault(teacher, &wrong, "a tap must be the only way from what comes before it to what follows"));
        }
        nodes.push(Node { inputs: node.inputs.iter().map(|input| input - start).collect(), ..node.clone() });
    }
    Ok(Graph { nodes, output: end - start })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Activation, Builder, ConvOptions, Marks, Shape};

    /// A stem and two residual blocks.
    fn network() -> Network {
        let mut net = Builder::new(Shape::new(3, 16, 16));
        let mut x = net.conv(0, "stem", 8, ConvOptions { kernel: 3, stride: 2, ..ConvOptions::default() }).expect("fits");
        for block in ["b0", "b1"] {
            let inner = net.conv(x, &format!("{block}.conv"), 8, ConvOptions::default()).expect("fits");
            let sum = net.add(inner, x, &format!("{block}.add")).expect("fits");
            x = net.act(sum, None, Activation::Relu).expect("fits");
        }
        let pool = net.global_pool(x, "pool").expect("fits");
        let logits = net.linear(pool, "logits", 4).expect("fits");
        let marks = Marks { taps: vec![("end".into(), "b1.add.act".into())], published: vec![] };
        Network::new("small", net.finish(logits), marks).expect("is whole")
    }

    fn tap(name: &str, from: &str, to: &str) -> NetworkTap {
        NetworkTap { name: name.into(), from: from.into(), to: to.into() }
    }

    #[test]
    fn a_network_is_cut_where_stages_begin_and_end() {
        let taps = [tap("one", "stem", "b0"), tap("two", "b0", "end")];
        let net = TeacherNet::of_network("wise", &network(), &taps).expect("is cut");
        assert_eq!(net.net.parts.len(), 4);
        assert_eq!(net.inputs, [(0, 8), (1, 8)]);
        assert_eq!(net.taps.iter().map(|tap| (tap.after, tap.stride)).collect::<Vec<_>>(), [(1, 2), (2, 2)]);
        let names: Vec<_> = net.pool.weights.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, ["stem", "b0.conv", "b1.conv", "logits"]);
        let (pool, own) = net.tapped().expect("fits");
        assert_eq!((pool.weights.len(), own.parts.len()), (3, 3));
    }

    #[test]
    fn taps_that_cannot_be_are_refused() {
        for (from, to, word) in [
            ("stem", "b0.conv", "reads `stem`"),
            ("b0", "stem", "goes from"),
            ("stem", "b7", "neither tap nor layer"),
            ("input", "b0", "is the image"),
        ] {
            let fault = TeacherNet::of_network("wise", &network(), &[tap("one", from, to)]).expect_err("is refused");
            assert!(fault.code == "teacher::tap" && fault.message.contains(word), "{from} {to}: {fault}");
        }
        let names = ["a", "b"].map(String::from);
        assert!(TeacherNet::of_script("wise", 32, &names, &[[8, 16, 16]; 3]).is_err());
        let net = TeacherNet::of_script("wise", 32, &names, &[[8, 16, 16], [24, 8, 8]]).expect("fits");
        assert_eq!((net.inputs[0], net.taps[0].after, net.taps[0].channels, net.taps[0].stride), ((0, 8), 1, 24, 4));
    }
}

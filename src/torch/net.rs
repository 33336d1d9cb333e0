//! A network of a job, compiled against the elastic weights: which slices each layer takes and where quantizers stand.

use spaceevo::base::{Fault, Result};
use spaceevo::graph::{
    Activation, Channels, Graph, GraphFault, Layer, Node, NodeId, Part, Shape, Step, WeightSpec, chain, quantize, scale_key,
};
use spaceevo::train::Pool;

use super::fault::job;
use super::slice::{Slice, slice};
use super::store::{LayerWeights, Store};

/// What one node does.
#[derive(Debug)]
pub enum Kind {
    /// Passes its input on.
    Nothing,
    /// A convolution.
    Conv { weights: WeightSlice, stride: i64, padding: i64, trailing: i64, groups: i64 },
    /// Flatten, then a dense layer.
    Linear { weights: WeightSlice },
    /// A batch norm: place among the layers, its channels, and what is added to the variance.
    Norm { layer: usize, channels: Slice, epsilon: f64 },
    /// A layer norm: place among the layers, and its channels.
    LayerNorm { layer: usize, channels: Slice },
    /// An activation.
    Act(Activation),
    /// Mean over the map.
    GlobalPool,
    /// Maximum over a window.
    MaxPool { kernel: i64, stride: i64, padding: i64 },
    /// Mean over a window.
    AvgPool { kernel: i64, stride: i64, padding: i64 },
    /// Sum.
    Add,
    /// Product.
    Mul,
    /// Channels one after the other.
    Concat,
    /// A run of channels.
    Channels { start: i64, count: i64 },
    /// Interleaved groups.
    Shuffle { groups: i64 },
    /// Weights of attention.
    Scores { heads: i64 },
    /// Sums weighted by attention.
    Attend { heads: i64 },
}

/// The slice of an elastic weight that a layer takes.
#[derive(Debug)]
pub struct WeightSlice {
    /// Place among the layers.
    pub layer: usize,
    /// Along the first dimension, and of the bias.
    pub output: Slice,
    /// Along the second.
    pub input: Slice,
    /// Rows and columns to leave out on each side of the kernel, and how many to take; `None` for all.
    pub crop: Option<(i64, i64)>,
    /// Place among the layer's scales: that of its bits.
    pub scale: usize,
}

/// One step of a compiled network.
#[derive(Debug)]
pub struct Op {
    /// What it does.
    pub kind: Kind,
    /// Steps whose values it reads.
    pub inputs: Vec<NodeId>,
    /// Quantizer of its value, when quantization is on: place in the store, and whether its zero point is always 0.
    pub quantizer: Option<(usize, bool)>,
    /// What the integer kernel's bias is counted in, besides the scale of its weights: the quantizer of the tensor that this
    /// convolution or dense layer reads; of a batch norm, that of the convolution it is folded into.
    pub bias_unit: Option<usize>,
    /// Values nobody reads after this step.
    pub done_with: Vec<NodeId>,
    /// Whether its input is read by nobody else, so that it may be overwritten.
    pub may_overwrite: bool,
}

/// A network ready to run.
#[derive(Debug)]
pub struct Net {
    /// Steps, in order; the first is the input.
    pub ops: Vec<Op>,
    /// Steps whose values are the results, in the order they were asked for.
    pub results: Vec<NodeId>,
    /// Batch norms: place among the layers, and their channels.
    pub norms: Vec<(usize, Slice)>,
}

impl Net {
    /// Whether all its quantizers have values.
    pub fn is_ready(&self, store: &Store) -> bool {
        let of_weight = |slice: &WeightSlice| match &store.layers[slice.layer] {
            LayerWeights::Dense { scales, .. } => scales[slice.scale].ready(),
            LayerWeights::Norm { .. } | LayerWeights::LayerNorm { .. } => true,
        };
        self.ops.iter().all(|op| {
            let weight = match &op.kind {
                Kind::Conv { weights, .. } | Kind::Linear { weights } => of_weight(weights),
                _ => true,
            };
            weight && op.quantizer.is_none_or(|(place, _)| store.quantizers[place].ready())
        })
    }
}

/// The graph of some of a pool's parts in order, for square inputs of `resolution`, and the node at the end of each part.
pub fn chained(pool: &Pool, parts: &[usize], resolution: usize) -> Result<(Graph, Vec<NodeId>)> {
    let places: Vec<_> = parts
        .iter()
        .map(|&part| pool.parts.get(part).and_then(|(prefix, graph)| Some(Part { prefix, graph: pool.graphs.get(*graph)? })))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            job(
                "a network of the job names a part that the job does not hold",
                "build session and trainer anew with `cargo build`",
            )
        })?;
    let Some(first) = places.first() else {
        return Err(job("a network of the job has no parts", "give it at least one").into());
    };
    let input = Shape { channels: Channels::one(first.graph.input_shape().c()), h: resolution, w: resolution };
    let graph = chain(input, &places)?;
    let (mut ends, mut base, mut last) = (vec![], 1, 0);
    for place in &places {
        if place.graph.output > 0 {
            last = base + place.graph.output - 1;
        }
        ends.push(last);
        base += place.graph.nodes.len() - 1;
    }
    Ok((graph, ends))
}

/// What the weights of `node` are when they belong to it alone.
pub fn spec_of(graph: &Graph, node: &Node) -> Option<WeightSpec> {
    let input = graph.nodes[*node.inputs.first()?].shape.channels.clone();
    let output = match node.layer {
        Layer::Conv { depthwise: true, .. } | Layer::BatchNorm { .. } | Layer::LayerNorm => input.clone(),
        Layer::Conv { .. } | Layer::Linear => node.shape.channels.clone(),
        _ => return None,
    };
    Some(WeightSpec { name: node.name.clone(), layer: node.layer.clone(), input, output })
}

/// Compiles `graph`, whose results are the values of `results`.
pub fn compile(graph: &Graph, store: &Store, results: Vec<NodeId>) -> Result<Net> {
    let plan = quantize(graph);
    let readers = graph.readers();
    let mut last_reader: Vec<NodeId> = readers.iter().map(|readers| readers.last().copied().unwrap_or(0)).collect();
    results.iter().for_each(|&result| last_reader[result] = usize::MAX);
    let mut norms = vec![];
    let mut ops = Vec::with_capacity(graph.nodes.len());
    for (id, node) in graph.nodes.iter().enumerate() {
        let kind = kind(graph, node, store)?;
        if let Kind::Norm { layer, channels, .. } = &kind {
            norms.push((*layer, channels.shallow_clone()));
        }
        let quantizer = match plan.quantizer_after(id) {
            None => None,
            Some(quantizer) => {
                let place = store.quantizer(&quantizer.key()).ok_or_else(|| missing(&format!("{}.sa", quantizer.key())))?;
                Some((place, quantizer.zero_at_zero))
            }
        };
        let kernel = if plan.steps[id] == Step::Folded { node.inputs[0] } else { id };
        let has_weights = matches!(ops.get(kernel).map_or(&kind, |op: &Op| &op.kind), Kind::Conv { .. } | Kind::Linear { .. });
        let reads = graph.nodes[kernel].inputs.first().and_then(|&input| plan.value[input]);
        let reads = reads.and_then(|index| store.quantizer(&plan.quantizers[index].key()));
        let mut done_with: Vec<_> = node.inputs.iter().copied().filter(|&input| last_reader[input] == id).collect();
        done_with.dedup();
        let may_overwrite = matches!(node.inputs.as_slice(), [input] if readers[*input].len() == 1 && last_reader[*input] == id)
            && matches!(
                ops.get(node.inputs[0]),
                Some(Op { kind: Kind::Norm { .. } | Kind::Add | Kind::Conv { .. }, quantizer: None, .. })
            );
        ops.push(Op {
            bias_unit: reads.filter(|_| has_weights),
            kind,
            inputs: node.inputs.clone(),
            quantizer,
            done_with,
            may_overwrite,
        });
    }
    Ok(Net { ops, results, norms })
}

fn kind(graph: &Graph, node: &Node, store: &Store) -> Result<Kind> {
    let int = |value: usize| value as i64;
    Ok(match node.layer {
        Layer::Input | Layer::Segment { .. } => Kind::Nothing,
        Layer::Conv { kernel, stride, padding, trailing, groups, depthwise, .. } => {
            let groups = if depthwise { graph.nodes[node.inputs[0]].shape.c() } else { groups };
            Kind::Conv {
                weights: weight_slice(graph, node, store, kernel)?,
                stride: int(stride),
                padding: int(padding),
                trailing: int(trailing),
                groups: int(groups),
            }
        }
        Layer::Linear => Kind::Linear { weights: weight_slice(graph, node, store, 1)? },
        Layer::BatchNorm { epsilon } => {
            let (layer, channels) = norm_slice(graph, node, store)?;
            Kind::Norm { layer, channels, epsilon }
        }
        Layer::LayerNorm => {
            let (layer, channels) = norm_slice(graph, node, store)?;
            Kind::LayerNorm { layer, channels }
        }
        Layer::Act { act } => Kind::Act(act),
        Layer::GlobalPool => Kind::GlobalPool,
        Layer::MaxPool { kernel, stride, padding } => {
            Kind::MaxPool { kernel: int(kernel), stride: int(stride), padding: int(padding) }
        }
        Layer::AvgPool { kernel, stride, padding } => {
            Kind::AvgPool { kernel: int(kernel), stride: int(stride), padding: int(padding) }
        }
        Layer::Add => Kind::Add,
        Layer::Mul => Kind::Mul,
        Layer::Concat => Kind::Concat,
        Layer::Slice { from, count } => {
            let segments = &graph.nodes[node.inputs[0]].shape.channels.0;
            Kind::Channels { start: int(segments[..from].iter().sum()), count: int(segments[from..from + count].iter().sum()) }
        }
        Layer::Shuffle { groups } => Kind::Shuffle { groups: int(groups) },
        Layer::Scores { heads } => Kind::Scores { heads: int(heads) },
        Layer::Attend { heads } => Kind::Attend { heads: int(heads) },
    })
}

/// The place of a norm among the layers, and its channels.
fn norm_slice(graph: &Graph, node: &Node, store: &Store) -> Result<(usize, Slice)> {
    let layer = store.layer(&node.name).ok_or_else(|| missing(&node.name))?;
    let (part, whole) = (&graph.nodes[node.inputs[0]].shape.channels, &store.specs[layer].input);
    let channels = slice(part, whole).ok_or_else(|| too_large(&node.name, part, whole))?;
    Ok((layer, channels))
}

fn weight_slice(graph: &Graph, node: &Node, store: &Store, kernel: usize) -> Result<WeightSlice> {
    let layer = store.layer(&node.name).ok_or_else(|| missing(&node.name))?;
    let whole = &store.specs[layer];
    let spec = spec_of(graph, node).ok_or_else(|| missing(&node.name))?;
    let fit = |part: &Channels, whole: &Channels| slice(part, whole).ok_or_else(|| too_large(&node.name, part, whole));
    let (output, input) = match (&spec.layer, &whole.layer) {
        (Layer::Conv { depthwise: true, .. }, _) => (fit(&spec.input, &whole.input)?, Slice::All),
        (Layer::Conv { groups: 1, .. } | Layer::Linear, _) => {
            (fit(&spec.output, &whole.output)?, fit(&spec.input, &whole.input)?)
        }
        // Inside a group channels have no segments: the leading ones.
        (Layer::Conv { groups, .. }, Layer::Conv { groups: most, .. }) => {
            let (part, all) = (spec.input.count() / groups, whole.input.count().div_ceil(*most));
            (fit(&spec.output, &whole.output)?, fit(&Channels::one(part), &Channels::one(all))?)
        }
        _ => return Err(too_large(&node.name, &spec.input, &whole.input)),
    };
    let crop = match whole.layer {
        Layer::Conv { kernel: most, .. } if most > kernel => Some((((most - kernel) / 2) as i64, kernel as i64)),
        _ => None,
    };
    let scale = store.scale(layer, node.bits.weights).ok_or_else(|| missing(&scale_key(&node.name, node.bits.weights)))?;
    Ok(WeightSlice { layer, output, input, crop, scale })
}

fn missing(name: &str) -> Fault {
    GraphFault::WeightMissing { name: name.into() }.into()
}

fn too_large(name: &str, part: &Channels, whole: &Channels) -> Fault {
    job(
        format!("layer `{name}` needs channels {:?}, the elastic weights have {:?}", part.0, whole.0),
        "the weights must be the union over all configurations",
    )
    .into()
}

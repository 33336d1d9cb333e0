//! Building a graph layer by layer, with shape inference and checks at every step.

use super::{Activation, BN_EPSILON, Bits, Channels, Graph, GraphFault, Layer, Node, NodeId, Shape, Source};
use crate::base::{Fault, Result};

impl Layer {
    /// Height and width of the output for inputs of these shapes.
    pub fn map_size(&self, inputs: &[&Shape]) -> (usize, usize) {
        let (h, w) = inputs.first().map_or((1, 1), |shape| (shape.h, shape.w));
        match *self {
            Layer::Conv { kernel, stride, padding, trailing, .. } => {
                (windows(h, kernel, stride, 2 * padding + trailing), windows(w, kernel, stride, 2 * padding + trailing))
            }
            Layer::MaxPool { kernel, stride, padding } | Layer::AvgPool { kernel, stride, padding } => {
                (windows(h, kernel, stride, 2 * padding), windows(w, kernel, stride, 2 * padding))
            }
            Layer::GlobalPool | Layer::Linear => (1, 1),
            Layer::Mul => inputs.iter().map(|shape| (shape.h, shape.w)).max().unwrap_or((h, w)),
            Layer::Scores { .. } => (h * w, inputs.get(1).map_or(h * w, |keys| keys.h * keys.w)),
            Layer::Attend { .. } => inputs.get(1).map_or((h, w), |values| (values.h, values.w)),
            _ => (h, w),
        }
    }
}

/// How many windows of `kernel` cells, `stride` apart, lie on `size` cells with so many cells of padding in all.
fn windows(size: usize, kernel: usize, stride: usize, padding: usize) -> usize {
    (size + padding).saturating_sub(kernel) / stride + 1
}

/// What a convolution adds to the map around it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Padding {
    /// Half the kernel on each side; for odd kernels only.
    #[default]
    Half,
    /// TensorFlow's rule `same`: as much as makes the output the size of the input divided by the stride, rounded up, and an
    /// odd cell at the bottom and at the right. Computed for the map that the layer is built on.
    Same,
    /// So many zeros on each side.
    Cells(i64),
}

/// Options of a convolution.
#[derive(Debug, Clone, Copy)]
pub struct ConvOptions {
    /// Side of the kernel.
    pub kernel: i64,
    /// Step.
    pub stride: i64,
    /// Zeros around the map; `None` means what the [`Builder`] has, which is usually half the kernel.
    pub padding: Option<Padding>,
    /// Groups.
    pub groups: i64,
    /// Whether to add a bias.
    pub bias: bool,
}

impl Default for ConvOptions {
    fn default() -> Self {
        Self { kernel: 1, stride: 1, padding: None, groups: 1, bias: false }
    }
}

/// A graph under construction. Every method adds one layer and returns its node;
/// a layer whose shapes do not fit is refused.
#[derive(Debug, Clone)]
pub struct Builder {
    nodes: Vec<Node>,
    source: Option<Source>,
    epsilon: f64,
    padding: Padding,
}

impl Builder {
    /// A graph whose input has this shape.
    pub fn new(input: Shape) -> Self {
        Self { nodes: vec![Node::input(input)], source: None, epsilon: BN_EPSILON, padding: Padding::Half }
    }

    /// The input node.
    pub fn input(&self) -> NodeId {
        0
    }

    /// The node that was added last.
    pub fn last(&self) -> NodeId {
        self.nodes.len() - 1
    }

    /// Sets where the next layers are written, for [`explain`](super::explain()).
    pub fn at(&mut self, source: Option<Source>) -> &mut Self {
        self.source = source;
        self
    }

    /// The same builder with this epsilon in every batch norm, and this padding of convolutions that say none.
    #[must_use]
    pub fn with(self, epsilon: f64, padding: Padding) -> Self {
        Self { epsilon, padding, ..self }
    }

    /// Shape of a node's output.
    pub fn shape(&self, node: NodeId) -> &Shape {
        &self.nodes[node].shape
    }

    /// Name of a node.
    pub fn name(&self, node: NodeId) -> &str {
        &self.nodes[node].name
    }

    /// The finished graph with `output` as its result. Layers that the result does not need are left out.
    pub fn finish(self, output: NodeId) -> Graph {
        let mut needed = vec![false; self.nodes.len()];
        needed[0] = true;
        needed[output] = true;
        for id in (0..=output).rev() {
            if needed[id] {
                self.nodes[id].inputs.iter().for_each(|&input| needed[input] = true);
            }
        }
        let mut place = vec![0; self.nodes.len()];
        let mut nodes = Vec::new();
        for (id, mut node) in self.nodes.into_iter().enumerate() {
            if needed[id] {
                place[id] = nodes.len();
                node.inputs.iter_mut().for_each(|input| *input = place[*input]);
                nodes.push(node);
            }
        }
        Graph { nodes, output: place[output] }
    }

    /// Convolution `name` to `cout` channels.
    pub fn conv(&mut self, from: NodeId, name: &str, cout: i64, options: ConvOptions) -> Result<NodeId> {
        let ([kernel, stride, padding], trailing) = self.padded("conv", name, from, &options)?;
        let cout = at_least_one("conv", name, "the number of output channels", cout)?;
        let groups = at_least_one("conv", name, "groups", options.groups)?;
        let cin = self.shape(from).c();
        if !cin.is_multiple_of(groups) || !cout.is_multiple_of(groups) {
            return Err(unfit(
                "conv",
                name,
                "groups",
                options.groups,
                format!("it must divide both {cin} input and {cout} output channels"),
                "",
            ));
        }
        let layer = Layer::Conv { kernel, stride, padding, trailing, groups, depthwise: false, bias: options.bias };
        self.push(name, layer, vec![from], Some(Channels::one(cout)))
    }

    /// Depthwise convolution `name`: one kernel per channel; `options.groups` is not used.
    pub fn dwconv(&mut self, from: NodeId, name: &str, options: ConvOptions) -> Result<NodeId> {
        let ([kernel, stride, padding], trailing) = self.padded("dwconv", name, from, &options)?;
        let groups = self.shape(from).c();
        let layer = Layer::Conv { kernel, stride, padding, trailing, groups, depthwise: true, bias: options.bias };
        self.push(name, layer, vec![from], None)
    }

    /// Batch normalisation; without a name it takes that of the layer before it, with `.bn`.
    pub fn bn(&mut self, from: NodeId, name: Option<&str>) -> Result<NodeId> {
        self.follow(from, name, "bn", Layer::BatchNorm { epsilon: self.epsilon })
    }

    /// Layer normalisation; without a name it takes that of the layer before it, with `.ln`.
    pub fn ln(&mut self, from: NodeId, name: Option<&str>) -> Result<NodeId> {
        self.follow(from, name, "ln", Layer::LayerNorm)
    }

    /// Activation; without a name it takes that of the layer before it, with `.act`.
    pub fn act(&mut self, from: NodeId, name: Option<&str>, act: Activation) -> Result<NodeId> {
        self.follow(from, name, "act", Layer::Act { act })
    }

    /// Mean over the map.
    pub fn global_pool(&mut self, from: NodeId, name: &str) -> Result<NodeId> {
        self.push(name, Layer::GlobalPool, vec![from], None)
    }

    /// Maximum over a window.
    pub fn max_pool(&mut self, from: NodeId, name: &str, kernel: i64, stride: i64) -> Result<NodeId> {
        let [kernel, stride, padding] = self.window("max_pool", name, from, kernel, stride, None)?;
        self.push(name, Layer::MaxPool { kernel, stride, padding }, vec![from], None)
    }

    /// Mean over a window; padding is half the kernel if `None`.
    pub fn avg_pool(&mut self, from: NodeId, name: &str, kernel: i64, stride: i64, padding: Option<i64>) -> Result<NodeId> {
        let [kernel, stride, padding] = self.window("avg_pool", name, from, kernel, stride, padding)?;
        self.push(name, Layer::AvgPool { kernel, stride, padding }, vec![from], None)
    }

    /// Dense layer to `cout` values; the map must be 1x1.
    pub fn linear(&mut self, from: NodeId, name: &str, cout: i64) -> Result<NodeId> {
        let cout = at_least_one("linear", name, "the number of outputs", cout)?;
        let shape = self.shape(from).clone();
        if (shape.h, shape.w) != (1, 1) {
            return Err(GraphFault::Shapes {
                layer: "linear",
                name: name.into(),
                left: shape.to_string(),
                right: format!("{}x1x1", shape.c()),
                help: "pool the map first, with `.global_pool(...)`",
            }
            .into());
        }
        self.push(name, Layer::Linear, vec![from], Some(Channels::one(cout)))
    }

    /// Sum of two maps of equal shape.
    pub fn add(&mut self, left: NodeId, right: NodeId, name: &str) -> Result<NodeId> {
        let (a, b) = (self.shape(left), self.shape(right));
        if (a.c(), a.h, a.w) != (b.c(), b.h, b.w) {
            return Err(self.shapes(
                "add",
                name,
                left,
                right,
                "add needs equal shapes: `net.shortcut(name)` gives the input in the shape of the main path",
            ));
        }
        self.push(name, Layer::Add, vec![left, right], None)
    }

    /// Product of two maps; one may be 1x1.
    pub fn mul(&mut self, left: NodeId, right: NodeId, name: &str) -> Result<NodeId> {
        let (a, b) = (self.shape(left), self.shape(right));
        let fits = a.c() == b.c() && ((a.h, a.w) == (b.h, b.w) || (b.h, b.w) == (1, 1) || (a.h, a.w) == (1, 1));
        if !fits {
            return Err(self.shapes("mul", name, left, right, "mul needs equal channels, and equal maps or one of 1x1"));
        }
        self.push(name, Layer::Mul, vec![left, right], None)
    }

    /// Channels of all maps, one after the other.
    pub fn concat(&mut self, parts: &[NodeId], name: &str) -> Result<NodeId> {
        let Some(&first) = parts.first() else {
            return Err(unfit("concat", name, "the number of maps", 0, "it must be at least one".into(), ""));
        };
        for &part in parts {
            let (a, b) = (self.shape(first), self.shape(part));
            if (a.h, a.w) != (b.h, b.w) {
                return Err(self.shapes("concat", name, first, part, "concat needs equal height and width"));
            }
        }
        let channels = parts.iter().flat_map(|&part| self.shape(part).channels.0.clone()).collect();
        self.push(name, Layer::Concat, parts.to_vec(), Some(Channels(channels)))
    }

    /// The channels as `parts` equal runs, each a node.
    pub fn split(&mut self, from: NodeId, name: &str, parts: i64) -> Result<Vec<NodeId>> {
        let count = at_least_one("split", name, "the number of parts", parts)?;
        let cin = self.shape(from).c();
        if !cin.is_multiple_of(count) {
            return Err(unfit("split", name, "the number of parts", parts, format!("it must divide the {cin} channels"), ""));
        }
        let whole = if self.shape(from).channels.0 == vec![cin / count; count] {
            from
        } else {
            let channels = Channels(vec![cin / count; count]);
            self.push(name, Layer::Segment { parts: count }, vec![from], Some(channels))?
        };
        (0..count)
            .map(|part| {
                let layer = Layer::Slice { from: part, count: 1 };
                self.push(&format!("{name}.{part}"), layer, vec![whole], Some(Channels::one(cin / count)))
            })
            .collect()
    }

    /// Interleaves the channels of `groups` equal groups.
    pub fn shuffle(&mut self, from: NodeId, name: &str, groups: i64) -> Result<NodeId> {
        let count = at_least_one("shuffle", name, "groups", groups)?;
        let cin = self.shape(from).c();
        if !cin.is_multiple_of(count) {
            return Err(unfit("shuffle", name, "groups", groups, format!("it must divide the {cin} channels"), ""));
        }
        self.push(name, Layer::Shuffle { groups: count }, vec![from], Some(Channels::one(cin)))
    }

    /// Attention: sums of `values` over all cells, weighted for each cell of `queries` by its likeness to the `keys`, in `heads`
    /// equal runs of channels. Two layers: the weights, called `name.scores`, and the sums, called `name`.
    pub fn attend(&mut self, [queries, keys, values]: [NodeId; 3], heads: i64, name: &str) -> Result<NodeId> {
        let count = at_least_one("attend", name, "the number of heads", heads)?;
        let (q, k, v) = (self.shape(queries), self.shape(keys), self.shape(values));
        if (q.c(), q.h, q.w) != (k.c(), k.h, k.w) {
            return Err(self.shapes("attend", name, queries, keys, "queries and keys need equal shapes"));
        }
        if (k.h, k.w) != (v.h, v.w) {
            return Err(self.shapes("attend", name, keys, values, "keys and values need equal height and width"));
        }
        for channels in [q.c(), v.c()] {
            if !channels.is_multiple_of(count) {
                let help = "make queries, keys and values `heads` times as wide as one head";
                let rule = format!("it must divide the {channels} channels");
                return Err(unfit("attend", name, "the number of heads", heads, rule, help));
            }
        }
        let channels = Channels::one(v.c());
        let scores = Layer::Scores { heads: count };
        let scores = self.push(&format!("{name}.scores"), scores, vec![queries, keys], Some(Channels::one(count)))?;
        self.push(name, Layer::Attend { heads: count }, vec![scores, values], Some(channels))
    }

    fn follow(&mut self, from: NodeId, name: Option<&str>, suffix: &str, layer: Layer) -> Result<NodeId> {
        match name {
            Some(name) => self.push(name, layer, vec![from], None),
            None => {
                // `expand` + bn + act gives `expand.bn` and `expand.act`, not `expand.bn.act`.
                let before = &self.nodes[from].name;
                let stem = before.strip_suffix(".bn").or_else(|| before.strip_suffix(".ln")).unwrap_or(before);
                let name = format!("{stem}.{suffix}");
                self.push(&name, layer, vec![from], None)
            }
        }
    }

    fn push(&mut self, name: &str, layer: Layer, inputs: Vec<NodeId>, channels: Option<Channels>) -> Result<NodeId> {
        let usable = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        if !usable {
            return Err(GraphFault::Name { name: name.into() }.into());
        }
        if self.nodes.iter().any(|node| node.name == name) {
            return Err(GraphFault::NameTwice { name: name.into() }.into());
        }
        let shapes: Vec<_> = inputs.iter().map(|&id| &self.nodes[id].shape).collect();
        let (h, w) = layer.map_size(&shapes);
        let channels = channels.unwrap_or_else(|| shapes[0].channels.clone());
        let (shape, source) = (Shape { channels, h, w }, self.source.clone());
        self.nodes.push(Node { name: name.into(), layer, inputs, shape, source, bits: Bits::default() });
        Ok(self.nodes.len() - 1)
    }

    /// Kernel, stride and padding of a convolution, and the further zeros at the bottom and at the right.
    fn padded(&self, layer: &'static str, name: &str, from: NodeId, options: &ConvOptions) -> Result<([usize; 3], usize)> {
        let ConvOptions { kernel, stride, .. } = *options;
        match options.padding.unwrap_or(self.padding) {
            Padding::Half => Ok((self.window(layer, name, from, kernel, stride, None)?, 0)),
            Padding::Cells(cells) => Ok((self.window(layer, name, from, kernel, stride, Some(cells))?, 0)),
            Padding::Same => {
                let (side, step) = (at_least_one(layer, name, "kernel", kernel)?, at_least_one(layer, name, "stride", stride)?);
                let (h, w) = (self.shape(from).h, self.shape(from).w);
                let around = |size: usize| ((size.div_ceil(step) - 1) * step + side).saturating_sub(size);
                if around(h) != around(w) {
                    let rule = format!("the rule `same` wants other padding for {h} rows than for {w} columns");
                    return Err(unfit(layer, name, "kernel", kernel, rule, "use square maps, or say the padding in cells"));
                }
                Ok(([side, step, around(h) / 2], around(h) % 2))
            }
        }
    }

    fn window(
        &self,
        layer: &'static str,
        name: &str,
        from: NodeId,
        kernel: i64,
        stride: i64,
        padding: Option<i64>,
    ) -> Result<[usize; 3]> {
        let side = at_least_one(layer, name, "kernel", kernel)?;
        let step = at_least_one(layer, name, "stride", stride)?;
        let padding = match padding {
            Some(given) => {
                usize::try_from(given).map_err(|_| unfit(layer, name, "padding", given, "it must not be negative".into(), ""))?
            }
            None if side % 2 == 1 => side / 2,
            None => {
                return Err(unfit(
                    layer,
                    name,
                    "kernel",
                    kernel,
                    "an even kernel has no middle, so its padding must be said".into(),
                    &format!("use an odd kernel, or say `padding: {}` among the options", side / 2),
                ));
            }
        };
        let shape = self.shape(from);
        if shape.h.min(shape.w) + 2 * padding < side {
            return Err(unfit(
                layer,
                name,
                "kernel",
                kernel,
                format!("the map is only {}x{}", shape.h, shape.w),
                "use a smaller kernel or more padding",
            ));
        }
        Ok([side, step, padding])
    }

    fn shapes(&self, layer: &'static str, name: &str, left: NodeId, right: NodeId, help: &'static str) -> Fault {
        GraphFault::Shapes {
            layer,
            name: name.into(),
            left: format!("{} (`{}`)", self.shape(left), self.name(left)),
            right: format!("{} (`{}`)", self.shape(right), self.name(right)),
            help,
        }
        .into()
    }
}

fn at_least_one(layer: &'static str, name: &str, what: &'static str, value: i64) -> Result<usize> {
    let fits = usize::try_from(value).ok().filter(|&value| value > 0);
    fits.ok_or_else(|| unfit(layer, name, what, value, "it must be at least 1".into(), ""))
}

/// The fault of a number that a layer cannot take.
fn unfit(layer: &'static str, name: &str, what: &'static str, value: i64, rule: String, help: &str) -> Fault {
    let help = if help.is_empty() { "check the numbers this layer is given" } else { help };
    GraphFault::Value { layer, name: name.into(), what, value, rule, help: help.into() }.into()
}

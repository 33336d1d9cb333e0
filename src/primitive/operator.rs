//! Operators and blocks: defining, finding, building, explaining.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr, Map};

use super::cross::{Answer, Cross};
use super::host::Host;
use super::kept::BuildClosure;
use super::net::{BlockInfo, Net, activation};
use super::noun::Nouns;
use super::options::{Options, number};
use super::registry::find;
use super::values::words;
use crate::base::{Fault, Result, did_you_mean, hash_hex};
use crate::frame::Table;
use crate::graph::{self, Activation, Graph, Shape};
use crate::lut::BlockKey;
use crate::space::{BIT_CHOICES, BlockConfig, BuildBlock, Choices, Operator};

/// An operator as a script defined it, before a hyperspace narrows its choices.
#[derive(Clone)]
pub struct Definition {
    name: String,
    lists: Vec<(String, Vec<f64>)>,
    activation: Option<Activation>,
    pools: bool,
    builder: Arc<ScriptBuilder>,
}

impl std::fmt::Debug for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Definition({})", self.name)
    }
}

impl Definition {
    /// The operator, with `narrowed` in place of choice lists of the same name, and with lists of bits, which any may have.
    pub(super) fn operator(&self, narrowed: &[(String, Vec<f64>)], act: Option<Activation>) -> Result<Operator> {
        let mut lists = self.lists.clone();
        for (name, values) in narrowed {
            match lists.iter_mut().find(|(own, _)| own == name) {
                Some((_, own)) => own.clone_from(values),
                None if BIT_CHOICES.contains(&name.as_str()) => lists.push((name.clone(), values.clone())),
                None => {
                    let known: Vec<_> = self.lists.iter().map(|(own, _)| own.as_str()).collect();
                    let help = did_you_mean(name, known);
                    return Err(Fault::new("operator::choice", format!("operator `{}` has no choice `{name}`", self.name), help));
                }
            }
        }
        let operator = Operator::new(&self.name, lists, act.or(self.activation), self.builder.clone())?;
        Ok(if self.pools { operator.pooled() } else { operator })
    }
}

/// A `build` closure as what builds blocks.
struct ScriptBuilder {
    name: String,
    closure: BuildClosure,
    key: OnceLock<String>,
}

impl BuildBlock for ScriptBuilder {
    fn build(&self, config: &BlockConfig) -> Result<Graph> {
        let net = Net::of_block(
            Shape::new(config.cin, config.hw, config.hw),
            config.activation,
            BlockInfo { cout: config.cout, stride: config.stride },
        );
        let mut c = Map::from([
            ("cin".into(), (config.cin as i64).into()),
            ("cout".into(), (config.cout as i64).into()),
            ("stride".into(), (config.stride as i64).into()),
            ("hw".into(), (config.hw as i64).into()),
        ]);
        for (name, value) in config.choices.iter() {
            c.insert(name.into(), if value.fract() == 0.0 { Dynamic::from(value as i64) } else { Dynamic::from(value) });
        }
        net.finish(&self.closure.call(&net, c, "operator")?)
    }

    /// A hash of what the closure builds in a few places, so that an edit of its comments changes nothing.
    fn key(&self) -> String {
        self.key.get_or_init(|| self.name.clone()).clone()
    }
}

/// A block: an operator at one configuration and input size.
#[derive(Debug, Clone)]
pub struct Block {
    /// The operator.
    pub operator: String,
    /// The configuration.
    pub config: BlockConfig,
    /// Its layers.
    pub graph: Arc<Graph>,
}

impl Block {
    /// What a block table knows it by.
    pub fn key(&self) -> BlockKey {
        BlockKey { operator: self.operator.as_str().into(), config: self.config.clone() }
    }

    /// Short text: operator and configuration.
    pub fn label(&self) -> String {
        let BlockConfig { cin, cout, stride, hw, .. } = self.config;
        let mut text = format!("{} {cin}->{cout}", self.operator);
        for (name, value) in self.config.choices.iter() {
            text.push_str(&format!(" {}{value}", name.chars().next().unwrap_or('?')));
        }
        if stride > 1 {
            text.push_str(&format!(" s{stride}"));
        }
        text.push_str(&format!(" @{hw}"));
        text
    }
}

/// `value` as a list of numbers: an array, or one number.
fn list(name: &str, value: &Dynamic) -> Result<Vec<f64>> {
    let wrong = |found: &Dynamic| {
        Fault::new(
            "operator::choice",
            format!("choice list `{name}` holds {found}, which is no number"),
            format!("write for example `{name}: [3, 5]`"),
        )
    };
    match value.clone().into_array() {
        Ok(items) => items.iter().map(|item| number(item).ok_or_else(|| wrong(item))).collect(),
        Err(_) => Ok(vec![number(value).ok_or_else(|| wrong(value))?]),
    }
}

/// The operator meant by a name or given as such.
pub(super) fn operator_of(context: &NativeCallContext, host: &Host, value: &Dynamic) -> Result<Operator> {
    if let Some(operator) = value.clone().try_cast::<Operator>() {
        return Ok(operator);
    }
    let name = value.clone().into_string().map_err(|_| {
        Fault::new(
            "operator::unknown",
            format!("{} is no operator", words(value)),
            "give its name, or what `operator(...)` returns",
        )
    })?;
    find::<Definition>(context, host, &name)?.operator(&[], None)
}

#[export_module]
mod operator_functions {
    /// Defines an operator: choice lists and a closure that builds its layers. It can be used by name from then on.
    ///
    /// Options: `build` (needed): a closure `|net, c|` that returns the block's last node; `c` holds `cin`, `cout`, `stride`, `hw` and a value of every choice.
    /// `activation` (none): what `.act()` means; `pools` (false): the block ends in a 1x1 map, as a head does.
    /// Every other key is a choice list, for example `kernel: [3, 5]`, `expand: [3, 6]`, `groups: [1, 2]`.
    /// `weight_bits` and `activation_bits`, each of 2 to 8, are lists that every operator may have: with how many bits the weights of a block, and the values that
    /// it computes, are quantized wherever networks are. Blocks without them have the bits that training is given.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let plain = define_operator("doc_plain", #{
    ///     kernel: [3, 5], activation: "relu",
    ///     build: |net, c| net.conv("conv", c.cout, c.kernel, c.stride).bn().act(),
    /// });
    /// plain.name //> doc_plain
    /// ```
    #[rhai_fn(return_raw)]
    pub fn define_operator(context: NativeCallContext, name: &str, given: Map) -> Answer<Operator> {
        let host = Host::of(&context)?;
        let definition = definition(&context, &host, name, given).cross()?;
        // Built once in the smallest way, so that mistakes show where the operator is defined.
        let operator = definition.operator(&[], None).cross()?;
        let trials = [trial(&operator, 1), trial(&operator, 2)];
        let keys = trials.iter().map(|config| Ok(operator.build(config)?.structure_key()));
        let keys = keys.collect::<Result<Vec<_>>>().cross()?;
        let _ = definition.builder.key.set(hash_hex(format!("{name}{keys:?}").as_bytes()));
        host.registry.define(name, definition);
        Ok(operator)
    }

    /// The operator of this name, defined in this session or in the stdlib.
    ///
    /// # Example
    ///
    /// ```rhai
    /// operator("inverted_residual").choices.kernel //> [3, 5, 7]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn operator(context: NativeCallContext, name: &str) -> Answer<Operator> {
        operator_narrowed(context, name, Map::new())
    }

    /// The operator of this name with other choice lists, or another activation.
    ///
    /// `weight_bits` and `activation_bits` can be added to any operator: see `define_operator`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let op = operator("fused_residual", #{ weight_bits: [4, 8] });
    /// block(op, #{ cin: 16, hw: 8, weight_bits: 4 }).weights_mb / block(op, #{ cin: 16, hw: 8, weight_bits: 8 }).weights_mb //> 0.5
    /// operator("fused_residual", #{ weight_bits: [1] }) //> fails operator::invalid
    /// ```
    #[rhai_fn(name = "operator", return_raw)]
    pub fn operator_narrowed(context: NativeCallContext, name: &str, mut lists: Map) -> Answer<Operator> {
        let host = Host::of(&context)?;
        let definition = find::<Definition>(&context, &host, name).cross()?;
        let act = lists.remove("activation").map(|value| activation(&value.to_string())).transpose().cross()?;
        let lists = lists.iter().map(|(name, value)| Ok((name.to_string(), list(name, value)?)));
        definition.operator(&lists.collect::<Result<Vec<_>>>().cross()?, act).cross()
    }

    /// Names of all operators: of this session and of the stdlib.
    ///
    /// # Example
    ///
    /// ```rhai
    /// "fused_residual" in operators() //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn operators(context: NativeCallContext) -> Answer<Array> {
        let host = Host::of(&context)?;
        Ok(host.registry.names::<Definition>(&host).into_iter().map(Dynamic::from).collect())
    }

    /// An operator at one configuration and input size.
    ///
    /// Takes the operator or its name. Options: `cin` (needed), `cout` (as `cin`), `stride` (1), `hw` (needed): side of the square input map;
    /// every other key is a value of a choice of the operator (default: the first of its list).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let b = block("inverted_residual", #{ cin: 64, cout: 64, kernel: 3, expand: 6, hw: 28 });
    /// b.mflops //> ~41.244672
    /// ```
    #[rhai_fn(return_raw)]
    pub fn block(context: NativeCallContext, operator: Dynamic, config: Map) -> Answer<Block> {
        let host = Host::of(&context)?;
        let operator = operator_of(&context, &host, &operator).cross()?;
        build_block(&operator, config).cross()
    }

    /// The layers of a block with their shapes, cost and the script line each came from.
    ///
    /// # Example
    ///
    /// ```rhai
    /// explain(block("stem_conv", #{ cin: 3, cout: 16, stride: 2, hw: 32 })).columns //> ["name", "layer", "reads", "shape", "mflops", "kparams", "line"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn explain(block: Block) -> Answer<Table> {
        explain_graph(&block.graph).cross()
    }
}

/// Memory of a graph as scripts see it.
pub(super) fn memory_map(graph: &Graph) -> Map {
    let memory = graph.memory();
    Map::from([
        ("fp32_weight_bytes".into(), (memory.fp32.weights as i64).into()),
        ("int8_weight_bytes".into(), (memory.int8.weights as i64).into()),
        ("fp32_peak_bytes".into(), (memory.fp32.peak as i64).into()),
        ("int8_peak_bytes".into(), (memory.int8.peak as i64).into()),
    ])
}

/// The layers of a graph as a table.
pub(super) fn explain_graph(graph: &Graph) -> Result<Table> {
    let rows = graph::explain(graph);
    let text = |pick: fn(&graph::LayerRow) -> &String| rows.iter().map(|row| pick(row).clone()).collect::<Vec<_>>();
    Table::builder()
        .text("name", text(|row| &row.name))
        .text("layer", text(|row| &row.layer))
        .text("reads", text(|row| &row.reads))
        .text("shape", text(|row| &row.shape))
        .float("mflops", rows.iter().map(|row| row.mflops))
        .float("kparams", rows.iter().map(|row| row.kparams))
        .text("line", text(|row| &row.line))
        .build()
}

/// The configuration at which an operator is tried and drawn: its smallest.
pub(super) fn trial(operator: &Operator, stride: usize) -> BlockConfig {
    let hw = if operator.is_pooled() { 1 } else { 32 };
    BlockConfig { cin: 32, cout: 32, stride, hw, choices: operator.smallest(), activation: operator.activation() }
}

fn definition(context: &NativeCallContext, host: &Arc<Host>, name: &str, mut given: Map) -> Result<Definition> {
    // Everything else is a choice list, so a misspelt option is known by what it holds.
    for (key, value) in &given {
        let plain = ["build", "activation", "pools"];
        if !plain.contains(&key.as_str()) && (value.is_string() || value.is_bool() || value.is::<FnPtr>()) {
            let message = format!("unknown option `{key}` of define_operator: a choice list holds numbers");
            return Err(Fault::new("options::unknown", message, did_you_mean(key, plain)));
        }
    }
    let build = given.remove("build").and_then(Dynamic::try_cast::<FnPtr>).ok_or_else(|| {
        Fault::new(
            "operator::build",
            format!("operator `{name}` has no `build` closure"),
            "add `build: |net, c| ...`, which returns the block's last node",
        )
    })?;
    let act = given.remove("activation").map(|value| activation(&value.to_string())).transpose()?;
    let pools = given.remove("pools").map_or(Ok(false), |value| {
        value.as_bool().map_err(|_| {
            Fault::new(
                "options::type",
                format!("option `pools` of define_operator is {}", words(&value)),
                "it takes true or false",
            )
        })
    })?;
    // In the order they are written? Rhai's maps forget it: kernel and expand first, as encodings have them, then by name.
    let mut lists = Vec::new();
    for key in ["kernel", "expand"] {
        if let Some(value) = given.remove(key) {
            lists.push((key.to_string(), list(key, &value)?));
        }
    }
    for (key, value) in &given {
        lists.push((key.to_string(), list(key, value)?));
    }
    let closure = BuildClosure::new(context, host, build);
    let builder = ScriptBuilder { name: name.into(), closure, key: OnceLock::new() };
    Ok(Definition { name: name.into(), lists, activation: act, pools, builder: Arc::new(builder) })
}

pub(super) fn build_block(operator: &Operator, given: Map) -> Result<Block> {
    let lists: Vec<_> = operator.lists().map(|(name, values)| (name.to_string(), values[0])).collect();
    let mut known = vec!["cin", "cout", "stride", "hw"];
    known.extend(lists.iter().map(|(name, _)| name.as_str()));
    let mut choices = BTreeMap::new();
    for (name, first) in &lists {
        let value = given.get(name.as_str()).map(|value| {
            number(value)
                .ok_or_else(|| Fault::new("options::type", format!("`{name}` of a block is `{value}`, not a number"), ""))
        });
        choices.insert(name.clone(), value.transpose()?.unwrap_or(*first));
    }
    let options = Options::new("block", given, &known)?;
    let need = |key: &str| {
        options
            .count(key, 1)?
            .ok_or_else(|| Fault::new("options::missing", format!("block needs `{key}`"), format!("add `{key}: ...` to its map")))
    };
    let (cin, hw) = (need("cin")?, need("hw")?);
    let (cout, stride) = (options.count("cout", 1)?.unwrap_or(cin), options.count("stride", 1)?.unwrap_or(1));
    let mut picked = Choices::default();
    for (name, _) in &lists {
        picked.push(name.as_str().into(), choices[name]);
    }
    let config = BlockConfig { cin, cout, stride, hw, choices: picked, activation: operator.activation() };
    let graph = operator.build(&config)?;
    Ok(Block { operator: operator.name().into(), config, graph })
}

#[export_module]
mod operator_type {
    /// Name of the operator.
    ///
    /// # Example
    ///
    /// ```rhai
    /// operator("stem_conv").name //> stem_conv
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn name(operator: &mut Operator) -> String {
        operator.name().into()
    }

    /// Its choice lists as a map.
    ///
    /// # Example
    ///
    /// ```rhai
    /// operator("resnet_bottleneck").choices.expand //> [0.5, 1, 1.5]
    /// ```
    #[rhai_fn(get = "choices", pure)]
    pub fn choices(operator: &mut Operator) -> Map {
        let value = |&value: &f64| if value.fract() == 0.0 { Dynamic::from(value as i64) } else { Dynamic::from(value) };
        operator.lists().map(|(name, values)| (name.into(), values.iter().map(value).collect::<Array>().into())).collect()
    }

    /// The operator as text: name and choices.
    #[rhai_fn(name = "to_string", pure)]
    pub fn to_text(operator: &mut Operator) -> String {
        // `{}` writes 3 for 3.0, as scripts do.
        let list = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        let lists: Vec<_> = operator.lists().map(|(name, values)| format!("{name} [{}]", list(values))).collect();
        format!("operator {}({})", operator.name(), lists.join(", "))
    }
}

#[export_module]
mod block_type {
    /// Millions of multiply-accumulates.
    ///
    /// # Example
    ///
    /// ```rhai
    /// block("stem_conv", #{ cin: 3, cout: 16, stride: 2, hw: 32 }).mflops //> ~0.110592
    /// ```
    #[rhai_fn(get = "mflops", pure)]
    pub fn mflops(block: &mut Block) -> f64 {
        block.graph.cost().mflops()
    }

    /// Millions of parameters.
    ///
    /// # Example
    ///
    /// ```rhai
    /// block("stem_conv", #{ cin: 3, cout: 16, stride: 2, hw: 32 }).mparams //> ~0.000464
    /// ```
    #[rhai_fn(get = "mparams", pure)]
    pub fn mparams(block: &mut Block) -> f64 {
        block.graph.cost().mparams()
    }

    /// Megabytes of the codes of its kernels: a byte for each weight, or the bits it chose.
    ///
    /// # Example
    ///
    /// ```rhai
    /// block("stem_conv", #{ cin: 3, cout: 16, stride: 2, hw: 32 }).weights_mb //> ~0.000432
    /// ```
    #[rhai_fn(get = "weights_mb", pure)]
    pub fn weights_mb(block: &mut Block) -> f64 {
        block.graph.cost().weights_mb()
    }

    /// Its layers as a table; the same as `explain(block)`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// block("stem_conv", #{ cin: 3, cout: 16, stride: 2, hw: 32 }).layers.height //> 4
    /// ```
    #[rhai_fn(get = "layers", pure, return_raw)]
    pub fn layers(block: &mut Block) -> Answer<Table> {
        explain_graph(&block.graph).cross()
    }

    /// Shape of its result, `CxHxW`; channel segments in brackets.
    ///
    /// # Example
    ///
    /// ```rhai
    /// block("stem_conv", #{ cin: 3, cout: 16, stride: 2, hw: 32 }).output //> 16x16x16
    /// ```
    #[rhai_fn(get = "output", pure)]
    pub fn output(block: &mut Block) -> String {
        block.graph.output_shape().to_string()
    }

    /// Memory of the deployed block in bytes: weights, and the most that activations need at a time.
    ///
    /// A map of `fp32_weight_bytes`, `int8_weight_bytes`, `fp32_peak_bytes`, `int8_peak_bytes`.
    #[rhai_fn(get = "memory", pure)]
    pub fn block_memory(block: &mut Block) -> Map {
        memory_map(&block.graph)
    }

    /// The block as text: operator, widths, choices, map.
    #[rhai_fn(name = "to_string", pure)]
    pub fn to_text(block: &mut Block) -> String {
        block.label()
    }
}

/// Declares operators and blocks.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Operator>("Operator").noun::<Block>("Block");
    engine.register_global_module(exported_module!(operator_functions).into());
    engine.register_global_module(exported_module!(operator_type).into());
    engine.register_global_module(exported_module!(block_type).into());
}

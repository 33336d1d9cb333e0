//! Operators: a name, choice lists, and a builder that turns one configuration into a layer graph.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{Choices, SpaceFault};
use crate::base::{Result, Rng, did_you_mean, hash_hex};
use crate::graph::{Activation, Bits, Cost, FEWEST_BITS, Graph, MOST_BITS};

/// Graphs an operator remembers before it forgets them all and begins anew.
const REMEMBERED: usize = 32_768;

/// Choices that every operator may have: with how many bits a block is quantized, its weights and the values that it computes.
pub const BIT_CHOICES: [&str; 2] = ["weight_bits", "activation_bits"];

/// A number of bits that codes can have.
fn bits(value: f64) -> Option<u32> {
    (FEWEST_BITS..=MOST_BITS).find(|&bits| value.to_bits() == f64::from(bits).to_bits())
}

/// Names that a builder reads beside its own choices.
const TAKEN: [&str; 8] = ["cin", "cout", "stride", "hw", "activation", "width", "depth", "resolution"];

/// One block: everything a builder needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockConfig {
    /// Input channels.
    pub cin: usize,
    /// Output channels.
    pub cout: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Side of the square input map, in cells.
    pub hw: usize,
    /// Values from the operator's choice lists.
    pub choices: Choices,
    /// The operator's activation.
    pub activation: Option<Activation>,
}

impl BlockConfig {
    /// Side of the output map of an operator that does not pool: `hw / stride`, rounded up.
    pub fn hw_out(&self) -> usize {
        self.hw.div_ceil(self.stride)
    }
}

impl std::fmt::Display for BlockConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cin {}, cout {}, stride {}, hw {}", self.cin, self.cout, self.stride, self.hw)?;
        let choices = self.choices.to_string();
        if choices.is_empty() { Ok(()) } else { write!(f, ", {choices}") }
    }
}

/// Turns a configuration into a layer graph: a script's closure, or a Rust function.
pub trait BuildBlock: Send + Sync {
    /// The graph of one configuration. Its input is `cin x hw x hw`.
    fn build(&self, config: &BlockConfig) -> Result<Graph>;

    /// Changes whenever the definition changes: what was trained or measured is stored under it.
    fn key(&self) -> String;
}

/// An operator. Cloning shares it.
#[derive(Clone)]
pub struct Operator {
    inner: Arc<Inner>,
    pooled: bool,
}

struct Inner {
    name: String,
    lists: Vec<(Arc<str>, Vec<f64>)>,
    activation: Option<Activation>,
    builder: Arc<dyn BuildBlock>,
    built: Mutex<HashMap<BlockConfig, Arc<Graph>>>,
    costs: RwLock<HashMap<BlockConfig, Cost>>,
}

impl Operator {
    /// An operator with its choice lists in order. Fails with `operator::invalid` when a name
    /// is not usable, or a list is empty or holds a value twice, a negative one, or a fractional kernel.
    pub fn new(
        name: impl Into<String>,
        choices: Vec<(String, Vec<f64>)>,
        activation: Option<Activation>,
        builder: Arc<dyn BuildBlock>,
    ) -> Result<Self> {
        let name = name.into();
        let invalid = |wrong: String, help: &str| SpaceFault::Operator { name: name.clone(), wrong, help: help.into() };
        if !usable(&name) {
            return Err(invalid("the name is not usable".into(), USABLE).into());
        }
        for (place, (list, values)) in choices.iter().enumerate() {
            if !usable(list) || TAKEN.contains(&list.as_str()) {
                return Err(invalid(format!("a choice cannot be called `{list}`"), USABLE).into());
            }
            if choices[..place].iter().any(|(before, _)| before == list) {
                return Err(invalid(format!("there are two lists `{list}`"), "give each choice one list").into());
            }
            if values.is_empty() {
                let help = "give at least one value, or leave the list out";
                return Err(invalid(format!("the list `{list}` is empty"), help).into());
            }
            for (at, &value) in values.iter().enumerate() {
                if !value.is_finite() || value < 0.0 {
                    let wrong = format!("`{list}` holds {value}, but values must be 0 or more");
                    return Err(invalid(wrong, "correct the list").into());
                }
                if list == "kernel" && (value.fract() != 0.0 || value < 1.0) {
                    let wrong = format!("`kernel` holds {value}, but a kernel has a whole number of cells");
                    return Err(invalid(wrong, "use 3, 5, 7, ...").into());
                }
                if BIT_CHOICES.contains(&list.as_str()) && bits(value).is_none() {
                    let wrong = format!("`{list}` holds {value}, but codes have {FEWEST_BITS} to {MOST_BITS} bits");
                    return Err(invalid(wrong, "use for example [4, 8]").into());
                }
                if values[..at].contains(&value) {
                    return Err(invalid(format!("`{list}` holds {value} twice"), "leave one out").into());
                }
            }
        }
        let lists = choices.into_iter().map(|(name, values)| (Arc::from(name), values)).collect();
        let inner = Inner { name, lists, activation, builder, built: Mutex::default(), costs: RwLock::default() };
        Ok(Self { inner: Arc::new(inner), pooled: false })
    }

    /// The same operator, said to give a 1x1 map whatever its input, as a classifier's head does.
    /// Such an operator can stand in fixed stages only.
    #[must_use]
    pub fn pooled(mut self) -> Self {
        self.pooled = true;
        self
    }

    /// Whether its result is a 1x1 map whatever the input.
    pub fn is_pooled(&self) -> bool {
        self.pooled
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Its choice lists, in order.
    pub fn lists(&self) -> impl ExactSizeIterator<Item = (&str, &[f64])> {
        self.inner.lists.iter().map(|(name, values)| (&**name, values.as_slice()))
    }

    /// The values of the choice `name`.
    pub fn list(&self, name: &str) -> Option<&[f64]> {
        self.lists().find(|(own, _)| *own == name).map(|(_, values)| values)
    }

    /// Its activation.
    pub fn activation(&self) -> Option<Activation> {
        self.inner.activation
    }

    /// Changes when anything of the definition changes.
    pub fn key(&self) -> String {
        let Inner { name, lists, activation, builder, .. } = &*self.inner;
        hash_hex(format!("{name}|{lists:?}|{activation:?}|{}|{}", self.pooled, builder.key()).as_bytes())
    }

    /// Number of combinations of its choices.
    pub fn size(&self) -> usize {
        self.lists().map(|(_, values)| values.len()).product()
    }

    /// All combinations, the last list running fastest.
    pub fn combinations(&self) -> Vec<Choices> {
        self.inner.lists.iter().fold(vec![Choices::default()], |all, (name, values)| {
            all.iter().flat_map(|begun| values.iter().map(|&value| begun.clone().with(name.clone(), value))).collect()
        })
    }

    /// The largest value of every list.
    pub fn largest(&self) -> Choices {
        self.pick(|values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }

    /// The smallest value of every list.
    pub fn smallest(&self) -> Choices {
        self.pick(|values| values.iter().copied().fold(f64::INFINITY, f64::min))
    }

    /// A value of every list, each drawn uniformly.
    pub fn sample(&self, rng: &mut Rng) -> Choices {
        self.pick(|values| values[rng.random_range(0..values.len())])
    }

    fn pick(&self, mut one: impl FnMut(&[f64]) -> f64) -> Choices {
        let mut picked = Choices::default();
        for (name, values) in &self.inner.lists {
            picked.push(name.clone(), one(values));
        }
        picked
    }

    /// A configuration from choices given by name, in any order. Values outside the lists are allowed,
    /// since an operator can be looked at beyond them. Fails with `operator::choice` when one is missing or unknown.
    pub fn config(&self, (cin, cout): (usize, usize), stride: usize, hw: usize, given: &[(String, f64)]) -> Result<BlockConfig> {
        let name = || self.name().to_string();
        let known: Vec<_> = self.lists().map(|(list, _)| list).collect();
        if let Some((unknown, _)) = given.iter().find(|(list, _)| !known.contains(&list.as_str())) {
            let wrong = format!("there is no choice `{unknown}`");
            return Err(SpaceFault::Choice { name: name(), wrong, help: did_you_mean(unknown, known) }.into());
        }
        for (what, value) in [("cin", cin), ("cout", cout), ("stride", stride), ("hw", hw)] {
            if value == 0 {
                let (wrong, help) = (format!("`{what}` is 0"), "it must be at least 1".into());
                return Err(SpaceFault::Choice { name: name(), wrong, help }.into());
            }
        }
        let mut choices = Choices::default();
        for (list, values) in &self.inner.lists {
            let Some((_, value)) = given.iter().find(|(own, _)| **own == **list) else {
                let wrong = format!("`{list}` is missing");
                let help = format!("give one value, for example `{list}: {}`", values[0]);
                return Err(SpaceFault::Choice { name: name(), wrong, help }.into());
            };
            choices.push(list.clone(), *value);
        }
        Ok(BlockConfig { cin, cout, stride, hw, choices, activation: self.activation() })
    }

    /// The graph of `config`, built at most once. Fails with the builder's fault, or with
    /// `operator::shape` when the graph is not `cin x hw x hw` to `cout` at the stepped map.
    pub fn build(&self, config: &BlockConfig) -> Result<Arc<Graph>> {
        let lock = || self.inner.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(graph) = lock().get(config) {
            return Ok(graph.clone());
        }
        // Built outside the lock: a builder may be a script, and may use other operators.
        let graph = Arc::new(self.build_anew(config)?);
        let mut built = lock();
        if built.len() >= REMEMBERED {
            built.clear();
        }
        built.insert(config.clone(), graph.clone());
        Ok(graph)
    }

    /// Cost of the graph of `config`, counted at most once and kept without the graph, so that every block of a large
    /// table can be remembered. Fails as [`Operator::build`].
    pub fn cost(&self, config: &BlockConfig) -> Result<Cost> {
        if let Some(cost) = self.inner.costs.read().unwrap_or_else(PoisonError::into_inner).get(config) {
            return Ok(*cost);
        }
        let cost = self.build_anew(config)?.cost();
        self.inner.costs.write().unwrap_or_else(PoisonError::into_inner).insert(config.clone(), cost);
        Ok(cost)
    }

    fn build_anew(&self, config: &BlockConfig) -> Result<Graph> {
        let graph = self.inner.builder.build(config).map_err(|fault| fault.during(&format!("operator `{}`", self.name())))?;
        let graph = self.with_bits(graph, config)?;
        let side = if self.pooled { 1 } else { config.hw_out() };
        let (input, output) = (graph.input_shape(), graph.output_shape());
        let fits = (output.c(), output.h, output.w) == (config.cout, side, side)
            && (input.c(), input.h, input.w) == (config.cin, config.hw, config.hw);
        if !fits {
            return Err(SpaceFault::Shape {
                name: self.name().into(),
                config: config.to_string(),
                found: format!("{input} -> {output}"),
                wanted: format!("{0}x{1}x{1} -> {2}x{side}x{side}", config.cin, config.hw, config.cout),
            }
            .into());
        }
        Ok(graph)
    }
}

impl Operator {
    /// `graph` with the bits that `config` chose: of all its weights, and of all values that it computes.
    fn with_bits(&self, mut graph: Graph, config: &BlockConfig) -> Result<Graph> {
        let chosen = |name: &str| match config.choices.get(name) {
            None => Ok(None),
            Some(value) => bits(value).map(Some).ok_or_else(|| SpaceFault::Choice {
                name: self.name().into(),
                wrong: format!("`{name}` is {value}"),
                help: format!("codes have {FEWEST_BITS} to {MOST_BITS} bits"),
            }),
        };
        let [weights, value] = BIT_CHOICES.map(chosen);
        let bits = Bits { weights: weights?, value: value? };
        graph.nodes.iter_mut().skip(1).for_each(|node| node.bits = bits);
        Ok(graph)
    }
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Operator({}", self.name())?;
        self.lists().try_for_each(|(name, values)| write!(f, ", {name} {values:?}"))?;
        f.write_str(")")
    }
}

const USABLE: &str = "use letters, digits and `_`, beginning with a letter, and none of the names a builder \
                      reads anyway (cin, cout, stride, hw, activation, width, depth, resolution)";

/// Whether a name can stand in layer names, file names and encodings.
pub(super) fn usable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

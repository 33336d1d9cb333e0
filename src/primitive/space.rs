//! Hyperspaces, search spaces and subnets.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::host::Host;
use super::noun::Nouns;
use super::operator::operator_of;
use super::options::Options;
use super::random::Random;
use super::registry::find;
use super::space_text;
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::space::{Hyperspace, Role, SearchSpace, Stage, Subnet};

/// A hyperspace as scripts hold it.
pub type Hyper = Arc<Hyperspace>;
/// A search space as scripts hold it.
pub type Space = Arc<SearchSpace>;

#[export_module]
mod space_functions {
    /// Defines a hyperspace: for each stage the operators and width windows that a search space may choose.
    ///
    /// Options: `stages` (needed): an array of maps with `name`, `widths` (ascending), `window` (all): how many consecutive widths a search space may use,
    /// `depths` ([1]), `stride` (1), `operators` (those of the hyperspace): what this stage chooses from, and `operator` for stages that are not searched;
    /// the last stage gives the classes.
    /// `operators`: names or operators that searched stages choose from; `resolutions` ([32]); `channels` (3).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = define_hyperspace("doc_hyper", #{
    ///     operators: ["inverted_residual", "resnet_bottleneck"],
    ///     stages: [
    ///         #{ name: "stem", operator: "stem_conv", widths: [16], stride: 2 },
    ///         #{ name: "stage1", widths: [16, 24, 32], window: 2, depths: [1, 2], stride: 2 },
    ///         #{ name: "head", operator: "pooled_head", widths: [64] },
    ///         #{ name: "logits", operator: "classifier", widths: [12] },
    ///     ],
    /// });
    /// hs.size //> 4
    /// ```
    #[rhai_fn(return_raw)]
    pub fn define_hyperspace(context: NativeCallContext, name: &str, given: Map) -> Answer<Hyper> {
        let host = Host::of(&context)?;
        let made = make(&context, &host, name, given).cross()?;
        host.registry.define(name, made.clone());
        Ok(made)
    }

    /// The hyperspace of this name, defined in this session or in the stdlib.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").searched //> ["stage1", "stage2", "stage3"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn hyperspace(context: NativeCallContext, name: &str) -> Answer<Hyper> {
        let host = Host::of(&context)?;
        find::<Hyper>(&context, &host, name).cross()
    }

    /// Names of all hyperspaces: of this session and of the stdlib.
    ///
    /// # Example
    ///
    /// ```rhai
    /// "pocket" in hyperspaces() //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn hyperspaces(context: NativeCallContext) -> Answer<Array> {
        let host = Host::of(&context)?;
        Ok(host.registry.names::<Hyper>(&host).into_iter().map(Dynamic::from).collect())
    }

    /// The same hyperspace with one more operator to choose from, given by name or as such.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").with_operator("basic_residual").operators.len() //> 5
    /// ```
    #[rhai_fn(return_raw)]
    pub fn with_operator(context: NativeCallContext, hyperspace: Hyper, operator: Dynamic) -> Answer<Hyper> {
        let host = Host::of(&context)?;
        let operator = operator_of(&context, &host, &operator).cross()?;
        hyperspace.with_operator(operator).cross()
    }

    /// The plain search space with one operator in every searched stage, and the middle window of each.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").plain("resnet_bottleneck").to_string() //> 222-111
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plain(hyperspace: Hyper, operator: &str) -> Answer<Space> {
        SearchSpace::uniform(&hyperspace, operator, None).map(Arc::new).cross()
    }

    /// The search space written `012-210`: the operators of the searched stages, then their windows.
    ///
    /// Without windows (`012`) all of them are the first, 0.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").space("012-210").operators //> ["inverted_residual", "inverted_residual_se", "resnet_bottleneck"]
    /// hyperspace("pocket").space("019-210") //> fails space::encoding
    /// ```
    #[rhai_fn(return_raw)]
    pub fn space(hyperspace: Hyper, code: &str) -> Answer<Space> {
        SearchSpace::parse(&hyperspace, code).map(Arc::new).cross()
    }

    /// The search space written with the name of its hyperspace first: `mobilew-122222-155400`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// search_space("mobilew-122222-155400").hyperspace.name //> mobilew
    /// search_space("mobileww-122222-155400") //> fails hyperspace::unknown
    /// ```
    #[rhai_fn(return_raw)]
    pub fn search_space(context: NativeCallContext, code: &str) -> Answer<Space> {
        let host = Host::of(&context)?;
        let name = code.split('-').next().unwrap_or_default();
        let hyperspace = find::<Hyper>(&context, &host, name).cross()?;
        SearchSpace::parse(&hyperspace, code).map(Arc::new).cross()
    }

    /// A search space drawn uniformly.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").sample(rng(1)).to_string().len() //> 7
    /// ```
    #[rhai_fn(name = "sample")]
    pub fn sample_space(hyperspace: Hyper, random: Random) -> Space {
        Arc::new(random.with(|rng| SearchSpace::sample(&hyperspace, rng)))
    }

    /// Name of the hyperspace.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").name //> pocket
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn name(hyperspace: &mut Hyper) -> String {
        hyperspace.name.clone()
    }

    /// Number of search spaces in it.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").size //> 1728
    /// ```
    #[rhai_fn(get = "size", pure)]
    pub fn size(hyperspace: &mut Hyper) -> i64 {
        i64::try_from(hyperspace.size()).unwrap_or(i64::MAX)
    }

    /// Names of the operators that searched stages choose from.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").operators.len() //> 4
    /// ```
    #[rhai_fn(get = "operators", pure)]
    pub fn operators(hyperspace: &mut Hyper) -> Array {
        let mut names: Vec<&str> = Vec::new();
        for operator in hyperspace.searched().into_iter().flat_map(|stage| hyperspace.candidates(stage)) {
            if !names.contains(&operator.name()) {
                names.push(operator.name());
            }
        }
        names.into_iter().map(|name| name.to_string().into()).collect()
    }

    /// Names of the searched stages.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").searched.len() //> 3
    /// ```
    #[rhai_fn(get = "searched", pure)]
    pub fn searched(hyperspace: &mut Hyper) -> Array {
        hyperspace.searched().into_iter().map(|at| hyperspace.stages[at].name.clone().into()).collect()
    }

    /// The hyperspace as a table of its stages.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").stages.height //> 6
    /// ```
    #[rhai_fn(get = "stages", pure, return_raw)]
    pub fn stages(hyperspace: &mut Hyper) -> Answer<Table> {
        space_text::stage_table(hyperspace).cross()
    }

    /// The hyperspace as text: a line a stage.
    #[rhai_fn(name = "to_string", pure)]
    pub fn hyperspace_text(hyperspace: &mut Hyper) -> String {
        space_text::hyperspace_text(hyperspace)
    }
}

#[export_module]
mod search_space_type {
    /// The search space as text, `012-210`: operators, then windows.
    #[rhai_fn(name = "to_string", pure)]
    pub fn space_text(space: &mut Space) -> String {
        space.encode()
    }

    /// Names of the operators it has, stage by stage.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").plain("fused_residual").operators //> ["fused_residual", "fused_residual", "fused_residual"]
    /// ```
    #[rhai_fn(get = "operators", pure)]
    pub fn space_operators(space: &mut Space) -> Array {
        space.hyperspace.searched().into_iter().map(|at| space.operator(at).name().to_string().into()).collect()
    }

    /// Its choices as whole numbers: the operator of each searched stage, then the windows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").space("012-210").choices //> [0, 1, 2, 2, 1, 0]
    /// ```
    #[rhai_fn(get = "choices", pure)]
    pub fn space_choices(space: &mut Space) -> Array {
        crate::search::row(space).into_iter().map(|choice| (choice as i64).into()).collect()
    }

    /// Number of subnets in it.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").plain("inverted_residual").subnets > 1000.0 //> true
    /// ```
    #[rhai_fn(get = "subnets", pure)]
    pub fn subnets(space: &mut Space) -> f64 {
        space.size()
    }

    /// The search space as a table: operator, widths and depths of every stage.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").plain("inverted_residual").table.height //> 6
    /// ```
    #[rhai_fn(get = "table", pure, return_raw)]
    pub fn space_table(space: &mut Space) -> Answer<Table> {
        space_text::space_table(space).cross()
    }

    /// A subnet drawn uniformly.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let space = hyperspace("pocket").plain("inverted_residual");
    /// space.sample(rng(1)).to_string() == space.sample(rng(1)).to_string() //> true
    /// ```
    #[rhai_fn(name = "sample")]
    pub fn sample_subnet(space: Space, random: Random) -> Subnet {
        random.with(|rng| Subnet::sample(&space, rng))
    }

    /// The largest subnet.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").plain("inverted_residual").largest.mflops > 3.0 //> true
    /// ```
    #[rhai_fn(get = "largest", pure)]
    pub fn largest(space: &mut Space) -> Subnet {
        Subnet::largest(space)
    }

    /// The smallest subnet.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").plain("inverted_residual").smallest.mflops < 3.0 //> true
    /// ```
    #[rhai_fn(get = "smallest", pure)]
    pub fn smallest(space: &mut Space) -> Subnet {
        Subnet::smallest(space)
    }

    /// The subnet written `d…_k…_w…_e…_r…`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let space = hyperspace("pocket").plain("inverted_residual");
    /// space.subnet(space.largest.to_string()).mflops == space.largest.mflops //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn subnet(space: Space, code: &str) -> Answer<Subnet> {
        Subnet::parse(&space, code).cross()
    }

    /// Another space: one stage has another operator, both drawn uniformly.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let space = hyperspace("pocket").space("012-210");
    /// space.distance(space.mutate_operator(rng(1))) //> 1
    /// ```
    pub fn mutate_operator(space: Space, random: Random) -> Space {
        Arc::new(random.with(|rng| space.mutate_operator(rng)))
    }

    /// Another space: one stage has another width window, both drawn uniformly.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let space = hyperspace("pocket").space("012-210");
    /// space.mutate_window(rng(1)).operators == space.operators //> true
    /// ```
    pub fn mutate_window(space: Space, random: Random) -> Space {
        Arc::new(random.with(|rng| space.mutate_window(rng)))
    }

    /// A space that has each operator and each window from either of two.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let a = hyperspace("pocket").space("000-000");
    /// let b = hyperspace("pocket").space("111-111");
    /// let child = a.crossover(b, rng(1));
    /// a.distance(child) + b.distance(child) //> 6
    /// ```
    #[rhai_fn(name = "crossover", return_raw)]
    pub fn crossover_spaces(space: Space, other: Space, random: Random) -> Answer<Space> {
        random.with(|rng| space.crossover(&other, rng)).map(Arc::new).cross()
    }

    /// In how many choices, operators and windows together, two spaces differ.
    ///
    /// # Example
    ///
    /// ```rhai
    /// hyperspace("pocket").space("012-210").distance(hyperspace("pocket").space("012-000")) //> 2
    /// ```
    pub fn distance(space: Space, other: Space) -> i64 {
        space.distance(&other) as i64
    }

    /// The hyperspace that a space was chosen from.
    #[rhai_fn(get = "hyperspace", pure)]
    pub fn space_hyperspace(space: &mut Space) -> Hyper {
        space.hyperspace.clone()
    }
}

fn ints(options: &Options, key: &str) -> Result<Option<Vec<i64>>> {
    let Some(items) = options.array(key)? else { return Ok(None) };
    let int = |item: &Dynamic| {
        item.as_int().map_err(|_| options.refuse(key, "it must hold whole numbers", "write for example `[16, 24, 32]`"))
    };
    items.iter().map(int).collect::<Result<_>>().map(Some)
}

fn make(context: &NativeCallContext, host: &Host, name: &str, given: Map) -> Result<Hyper> {
    let options = Options::new("define_hyperspace", given, &["stages", "operators", "resolutions", "channels"])?;
    let operators = options.array("operators")?.unwrap_or_default();
    let operators = operators.iter().map(|value| operator_of(context, host, value)).collect::<Result<Vec<_>>>()?;
    let mut stages = Vec::new();
    for entry in options.array("stages")?.unwrap_or_default() {
        let entry = entry
            .try_cast::<Map>()
            .ok_or_else(|| options.refuse("stages", "each stage must be a map", "see `help(\"define_hyperspace\")`"))?;
        let known = ["name", "operator", "operators", "widths", "window", "depths", "stride"];
        let stage = Options::new("a stage of define_hyperspace", entry, &known)?;
        let role = match (stage.value("operator"), stage.array("operators")?) {
            (Some(_), Some(_)) => {
                let help = "`operator` fixes a stage, `operators` lets the search choose: leave one out";
                return Err(stage.refuse("operators", "`operator` is given too", help));
            }
            (Some(value), None) => Role::Fixed(operator_of(context, host, value)?),
            (None, Some(own)) => {
                Role::SearchedAmong(own.iter().map(|value| operator_of(context, host, value)).collect::<Result<_>>()?)
            }
            (None, None) => Role::Searched,
        };
        let missing = |what: &str| {
            Fault::new(
                "options::missing",
                format!("a stage of hyperspace `{name}` has no `{what}`"),
                "see `help(\"define_hyperspace\")`",
            )
        };
        let window = stage
            .value("window")
            .map(|value| value.as_int().map_err(|_| stage.refuse("window", "it must be a whole number", "")))
            .transpose()?;
        let stride = stage
            .value("stride")
            .map_or(Ok(1), |value| value.as_int().map_err(|_| stage.refuse("stride", "it must be a whole number", "")))?;
        stages.push(Stage::new(
            &stage.text("name")?.ok_or_else(|| missing("name"))?,
            role,
            &ints(&stage, "widths")?.ok_or_else(|| missing("widths"))?,
            window,
            &ints(&stage, "depths")?.unwrap_or_else(|| vec![1]),
            stride,
        )?);
    }
    let classes = stages.last().and_then(|stage| stage.widths.last().copied()).unwrap_or(0);
    let resolutions = ints(&options, "resolutions")?.unwrap_or_else(|| vec![32]);
    let made = Hyperspace::new(name, options.count("channels", 1)?.unwrap_or(3), classes, &resolutions, stages, operators)?;
    // Its plain spaces are built once in their smallest form, so that an operator that does not fit shows here.
    for operator in 0..made.most_candidates() {
        let space = Arc::new(SearchSpace::uniform_at(&made, operator, None));
        Subnet::smallest(&space).graph()?;
    }
    Ok(made)
}

/// Declares hyperspaces, search spaces and subnets.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Hyper>("Hyperspace").noun::<Space>("SearchSpace");
    engine.register_global_module(exported_module!(space_functions).into());
    engine.register_global_module(exported_module!(search_space_type).into());
}

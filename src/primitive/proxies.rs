//! Zero-cost proxies: figures of networks with random weights, by which they are ranked without training.

use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::dataset::{data_of, default_data};
use super::executor::runner;
use super::host::Host;
use super::options::Options;
use super::space::Space;
use super::thing::Thing;
use super::values::words;
use crate::base::{Fault, Result};
use crate::frame::{Column, Table};
use crate::space::Subnet;
use crate::train::{Job, LoneNet, NetProxies, Proxies};

#[export_module]
mod proxy_functions {
    /// Figures of networks with random weights, by which they are ranked without training.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let space = hyperspace("pocket").space("012-210");
    /// print(proxies([space.smallest, space.largest]));
    /// print(proxies(space, #{ draws: 32 })["naswot"].mean());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn proxies(context: NativeCallContext, what: Dynamic) -> Answer<Table> {
        proxies_with(context, what, Map::new())
    }

    /// Figures of networks with random weights, by which they are ranked without training: a row for each.
    ///
    /// Takes a subnet, a network, an array of them, or a search space, which stands for random subnets. Weights are drawn for each network's own widths,
    /// batch norm uses statistics of the batch. The figures are the zero-cost proxies that Abdelfattah et al. 2021 (arXiv 2101.08134) compare; more is said
    /// to be better. They are kept in the lab.
    ///
    /// Columns: `name`; `synflow_log`: logarithm of the synaptic flow (Tanaka et al. 2020, arXiv 2006.05467), the sum over parameters of parameter times gradient
    /// of the outputs' sum without signs, for an input of ones, all weights replaced by their sizes and norms left out; `naswot`: log-determinant of the
    /// kernel that counts the units on which two images of the batch agree (Mellor et al. 2021, arXiv 2006.04647), where a unit is on if the number before its
    /// activation is positive, also for hswish, swish and gelu, and gates (sigmoid, hsigmoid) are left out; `grad_norm`: the sum over convolutions and dense
    /// layers of the norm of the gradient of the batch's cross entropy; `snip`: the sum over their weights of weight times that gradient without signs
    /// (Lee et al. 2019, arXiv 1810.02340). A figure that is infinite is missing: `naswot` where two images have the same code.
    ///
    /// Options: `data` (the data set `shapes`); `batch` (64): training images of the one batch; `draws` (16): subnets of a search space;
    /// `on` ("local"): where it is computed (see `executor`); `seed` (0): of weights, batch and draws.
    ///
    /// # Example
    ///
    /// ```rhai
    /// proxies(block("inverted_residual", #{ cin: 16, hw: 8 })) //> fails proxies::what
    /// ```
    #[rhai_fn(name = "proxies", return_raw)]
    pub fn proxies_with(context: NativeCallContext, what: Dynamic, given: Map) -> Answer<Table> {
        let host = Host::of(&context)?;
        ranked(&host, what, given).cross()
    }
}

/// The networks that a value stands for, with their names.
fn networks(what: Dynamic, draws: usize, options: &Options) -> Result<Vec<(String, LoneNet)>> {
    if let Some(space) = what.clone().try_cast::<Space>() {
        let mut rng = options.seed()?.child("draws").rng();
        let drawn = (0..draws).map(|_| Subnet::sample(&space, &mut rng));
        return drawn.map(|subnet| Ok((subnet.encode(), LoneNet::new(&subnet.graph()?)?))).collect();
    }
    let items = if what.is_array() { what.into_array().unwrap_or_default() } else { vec![what] };
    let lone = |item: &Dynamic| {
        let thing = Thing::of("proxies", item)?;
        if matches!(thing, Thing::Block(_)) {
            let help = "give it a subnet or a network: `space.largest`, `network(\"resnet18\", #{ classes: 12 })`";
            return Err(Fault::new("proxies::what", format!("{} has no classes to tell apart", words(item)), help));
        }
        let graph = thing.graph()?;
        if graph.input_shape().c() != 3 {
            let message = format!("`{}` takes {} channels, images have 3", thing.label(), graph.input_shape().c());
            return Err(Fault::new("proxies::channels", message, "give it a network of RGB images"));
        }
        Ok((thing.label(), LoneNet::new(&graph)?))
    };
    items.iter().map(lone).collect()
}

fn ranked(host: &Host, what: Dynamic, given: Map) -> Result<Table> {
    let options = Options::new("proxies", given, &["data", "batch", "draws", "on", "seed"])?;
    let data = data_of(&options, || default_data(host))?;
    let (batch, seed) = (options.count("batch", 2)?.unwrap_or(64), options.seed()?);
    let draws = host.cut("subnets of a space for proxies", options.count("draws", 1)?.unwrap_or(16), 2);
    let (names, nets): (Vec<String>, Vec<LoneNet>) = networks(what, draws, &options)?.into_iter().unzip();
    let mut found = Vec::new();
    if !nets.is_empty() {
        let runner = runner(host, &options)?;
        let jobs = runner.shares(&nets).map(|nets| {
            let label = format!("proxies of {} networks", nets.len());
            Job::Proxies(Proxies { label, nets: nets.to_vec(), data: data.clone(), batch, seed })
        });
        for done in runner.run(jobs.collect(), &host.progress(), &host.cancel)? {
            found.extend(done.result::<Vec<NetProxies>>()?);
        }
    }
    let column = |figure: fn(&NetProxies) -> Option<f64>| Column::Float(found.iter().map(figure).collect());
    Table::builder()
        .text("name", names)
        .column("synflow_log", column(|one| one.synflow_log))
        .column("naswot", column(|one| one.naswot))
        .column("grad_norm", column(|one| one.grad_norm))
        .column("snip", column(|one| one.snip))
        .build()
}

/// Declares proxies.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(proxy_functions).into());
}

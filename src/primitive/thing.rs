//! Things with a graph, told apart in one place: blocks, subnets, networks.

use std::path::Path;
use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::network::FixedNetwork;
use super::operator::Block;
use super::options::Options;
use super::values::words;
use crate::base::{Fault, Result, readable, write_atomic};
use crate::graph::{Graph, Weights};
use crate::onnx::{Precision, lower, weights_for_timing};
use crate::space::Subnet;

/// A value that stands for a graph.
#[derive(Debug, Clone)]
pub(super) enum Thing {
    /// An operator at one configuration.
    Block(Block),
    /// A network cut out of a search space.
    Subnet(Subnet),
    /// A fixed network.
    Network(FixedNetwork),
}

impl Thing {
    /// The thing that `value` is, for the primitive `call`.
    pub(super) fn of(call: &str, value: &Dynamic) -> Result<Self> {
        if let Some(block) = value.clone().try_cast::<Block>() {
            return Ok(Self::Block(block));
        }
        if let Some(subnet) = value.clone().try_cast::<Subnet>() {
            return Ok(Self::Subnet(subnet));
        }
        if let Some(network) = value.clone().try_cast::<FixedNetwork>() {
            return Ok(Self::Network(network));
        }
        let help = "give it a block, a subnet or a network: `block(...)`, `space.largest`, `network(\"resnet50\")`";
        Err(Fault::new(&format!("{call}::what"), format!("{} cannot be given to `{call}`: it has no layers", words(value)), help))
    }

    /// Its name in tables.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Block(block) => block.label(),
            Self::Subnet(subnet) => subnet.encode(),
            Self::Network(network) => network.net.name.clone(),
        }
    }

    /// Its layers.
    pub(super) fn graph(&self) -> Result<Arc<Graph>> {
        match self {
            Self::Block(block) => Ok(block.graph.clone()),
            Self::Subnet(subnet) => subnet.graph().map(Arc::new),
            Self::Network(network) => Ok(network.net.graph.clone()),
        }
    }
}

#[export_module]
mod thing_functions {
    /// Writes a block, subnet or network as an INT8 ONNX file with random weights, to be timed.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// network("resnet18").export_onnx("resnet18.onnx");
    /// ```
    #[rhai_fn(name = "export_onnx", return_raw)]
    pub fn export_thing(what: Dynamic, file: &str) -> Answer<()> {
        export(&what, file, Map::new()).cross()
    }

    /// Writes a block, a subnet or a network as an ONNX file.
    ///
    /// Options: `precision` ("int8"): or "fp32"; `weights` (none): a safetensors file with the lab's names of tensors;
    /// without one the weights are random, of the usual size, for timing alone; `seed` (0): of random weights.
    ///
    /// # Example
    ///
    /// ```rhai
    /// export_onnx(1, "number.onnx", #{}) //> fails export_onnx::what
    /// network("resnet18").export_onnx("resnet18.onnx", #{ precision: "int4" }) //> fails options::value
    /// ```
    #[rhai_fn(name = "export_onnx", return_raw)]
    pub fn export_thing_with(what: Dynamic, file: &str, given: Map) -> Answer<()> {
        export(&what, file, given).cross()
    }
}

fn export(what: &Dynamic, file: &str, given: Map) -> Result<()> {
    let thing = Thing::of("export_onnx", what)?;
    let options = Options::new("export_onnx", given, &["precision", "weights", "seed"])?;
    let (precision, graph) = (precision_of(&options)?, thing.graph()?);
    let weights = match options.text("weights")? {
        Some(file) => Weights::load(&readable(Path::new(&file)))?,
        None => weights_for_timing(&graph, options.seed()?),
    };
    write_atomic(Path::new(file), &lower(&graph, &weights, precision, 1)?)
}

/// The option `precision` of an export, INT8 by default.
pub(super) fn precision_of(options: &Options) -> Result<Precision> {
    match options.text("precision")?.as_deref() {
        None | Some("int8") => Ok(Precision::Int8),
        Some("fp32") => Ok(Precision::Fp32),
        Some(_) => Err(options.refuse("precision", "only two are known", "use \"int8\" or \"fp32\"")),
    }
}

/// Declares what all things with a graph can do.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(thing_functions).into());
}

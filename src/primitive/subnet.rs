//! Subnets: their text, cost, memory, layers; drawing others from them.

use rhai::plugin::*;
use rhai::{Engine, Map};

use super::cross::{Answer, Cross};
use super::noun::Nouns;
use super::operator::{explain_graph, memory_map};
use super::options::Options;
use super::random::Random;
use crate::base::Result;
use crate::frame::Table;
use crate::space::{MutationRates, Subnet};

#[export_module]
mod subnet_type {
    /// The subnet as text, `d…_k…_w…_e…_r…`.
    #[rhai_fn(name = "to_string", pure)]
    pub fn subnet_text(subnet: &mut Subnet) -> String {
        subnet.encode()
    }

    /// Millions of multiply-accumulates of the subnet.
    #[rhai_fn(get = "mflops", pure, return_raw)]
    pub fn subnet_mflops(subnet: &mut Subnet) -> Answer<f64> {
        Ok(subnet.cost().cross()?.mflops())
    }

    /// Millions of parameters of the subnet.
    #[rhai_fn(get = "mparams", pure, return_raw)]
    pub fn subnet_mparams(subnet: &mut Subnet) -> Answer<f64> {
        Ok(subnet.cost().cross()?.mparams())
    }

    /// Megabytes of the codes of its kernels: a byte for each weight, or the bits its block chose.
    #[rhai_fn(get = "weights_mb", pure, return_raw)]
    pub fn subnet_weights_mb(subnet: &mut Subnet) -> Answer<f64> {
        Ok(subnet.cost().cross()?.weights_mb())
    }

    /// The layers of a subnet with their shapes, cost and the script line each came from.
    #[rhai_fn(name = "explain", return_raw)]
    pub fn explain_subnet(subnet: Subnet) -> Answer<Table> {
        subnet.graph().and_then(|graph| explain_graph(&graph)).cross()
    }

    /// Memory of the deployed subnet in bytes, at batch size 1.
    ///
    /// A map of `fp32_weight_bytes`, `int8_weight_bytes`, and `fp32_peak_bytes`, `int8_peak_bytes`: the most that activations need at a time.
    #[rhai_fn(get = "memory", pure, return_raw)]
    pub fn subnet_memory(subnet: &mut Subnet) -> Answer<Map> {
        Ok(memory_map(&subnet.graph().cross()?))
    }

    /// Side of the subnet's input images.
    #[rhai_fn(get = "resolution", pure)]
    pub fn resolution(subnet: &mut Subnet) -> i64 {
        subnet.resolution as i64
    }

    /// Another subnet: each value is drawn anew with probability 0.3, the resolution with 0.5.
    #[rhai_fn(name = "mutate")]
    pub fn mutate_subnet(subnet: Subnet, random: Random) -> Subnet {
        random.with(|rng| subnet.mutate(MutationRates::default(), rng))
    }

    /// Another subnet: each value is drawn anew (it may be the old one again) with a probability.
    ///
    /// Options: `choice` (0.3): for depths, widths and choices; `resolution` (0.5).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let net = hyperspace("pocket").space("012-210").largest;
    /// net.mutate(rng(1), #{ choice: 0, resolution: 0 }) == net //> true
    /// ```
    #[rhai_fn(name = "mutate", return_raw)]
    pub fn mutate_subnet_with(subnet: Subnet, random: Random, given: Map) -> Answer<Subnet> {
        let rates = rates(given).cross()?;
        Ok(random.with(|rng| subnet.mutate(rates, rng)))
    }

    /// A subnet that has resolution, depths and every block's values from either of two.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let space = hyperspace("pocket").space("012-210");
    /// let child = space.smallest.crossover(space.largest, rng(1));
    /// child.mflops >= space.smallest.mflops && child.mflops <= space.largest.mflops //> true
    /// space.smallest.crossover(hyperspace("pocket").space("000-000").largest, rng(1)) //> fails space::mixed
    /// ```
    #[rhai_fn(name = "crossover", return_raw)]
    pub fn crossover_subnets(subnet: Subnet, other: Subnet, random: Random) -> Answer<Subnet> {
        random.with(|rng| subnet.crossover(&other, rng)).cross()
    }

    /// Whether two subnets are the same network of the same space.
    #[rhai_fn(name = "==")]
    pub fn same_subnet(subnet: Subnet, other: Subnet) -> bool {
        subnet == other
    }
}

fn rates(given: Map) -> Result<MutationRates> {
    let options = Options::new("mutate", given, &["choice", "resolution"])?;
    let default = MutationRates::default();
    Ok(MutationRates {
        choice: options.float("choice")?.unwrap_or(default.choice),
        resolution: options.float("resolution")?.unwrap_or(default.resolution),
    })
}

/// Declares subnets.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Subnet>("Subnet");
    engine.register_global_module(exported_module!(subnet_type).into());
}

//! The seam between the method and the language: one file per namespace, the only place where anything is declared to Rhai.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "`#[export_module]` writes unwraps of its own, and Rhai hands arguments over by value"
)]

mod arrays;
mod block;
mod blocks;
pub mod cell;
mod cells;
mod compare;
mod comparison;
pub mod cross;
mod curve;
mod dataset;
mod device;
mod executor;
mod explain;
mod expr;
mod figure;
mod footprint;
mod found;
mod frame;
pub mod front;
mod gaussian;
pub mod host;
mod import;
mod importance;
mod kept;
mod lab;
mod lab_views;
mod latency;
mod latency_table;
pub mod limits;
mod lut;
mod lut_views;
mod measure;
mod native;
pub mod net;
pub mod network;
mod node;
pub mod noun;
mod objectives;
pub mod operator;
pub mod options;
pub mod parallel;
mod problem;
mod proxies;
mod published;
mod random;
mod recipe;
pub mod registry;
pub mod replay;
mod reword;
mod score;
mod sizes;
mod space;
mod space_text;
mod stats;
mod strategy;
mod study;
mod study_views;
mod subnet;
mod supernet;
pub mod teacher;
mod tensor;
mod thing;
mod trace;
pub mod values;
mod views;

use rhai::Engine;

use crate::space::Hyperspace;
use host::Host;
use network::NetworkPlan;
use operator::Definition;
use teacher::TeacherPlan;

/// The names that the function `call` takes as a text, for completion; empty where it takes none.
pub fn names_for(host: &Host, call: &str) -> Vec<String> {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    match call {
        "operator" | "block" | "with_operator" | "plain" => host.registry.names::<Definition>(host),
        "hyperspace" => host.registry.names::<std::sync::Arc<Hyperspace>>(host),
        "network" => host.registry.names::<NetworkPlan>(host),
        "teacher" => host.registry.names::<TeacherPlan>(host),
        "device" => list(&device::NAMES),
        "dataset" => list(&dataset::NAMES),
        "executor" => list(&executor::NAMES),
        _ => Vec::new(),
    }
}

/// Declares every primitive to `engine`.
pub fn register(engine: &mut Engine) {
    cross::register(engine);
    options::register(engine);
    values::register(engine);
    compare::register(engine);
    arrays::register(engine);
    sizes::register(engine);
    parallel::register(engine);
    stats::register(engine);
    gaussian::register(engine);
    frame::register(engine);
    expr::register(engine);
    random::register(engine);
    figure::register(engine);
    net::register(engine);
    node::register(engine);
    operator::register(engine);
    space::register(engine);
    subnet::register(engine);
    network::register(engine);
    thing::register(engine);
    device::register(engine);
    measure::register(engine);
    footprint::register(engine);
    explain::register(engine);
    dataset::register(engine);
    executor::register(engine);
    teacher::register(engine);
    published::register(engine);
    tensor::register(engine);
    block::register(engine);
    lut::register(engine);
    blocks::register(engine);
    trace::register(engine);
    score::register(engine);
    latency::register(engine);
    latency_table::register(engine);
    problem::register(engine);
    study::register(engine);
    study_views::register(engine);
    importance::register(engine);
    comparison::register(engine);
    objectives::register(engine);
    supernet::register(engine);
    proxies::register(engine);
    found::register(engine);
    curve::register(engine);
    lab::register(engine);
    native::register(engine);
    cell::register(engine);
    views::register(engine);
}

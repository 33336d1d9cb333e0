//! Operators, blocks, and networks under construction: their layers.

use super::{Page, Picture};
use crate::base::Result;
use crate::frame::{Table, figure};
use crate::graph::Graph;
use crate::plot::network;
use crate::primitive::net::{Net, Node};
use crate::primitive::network::{FixedNetwork, taps};
use crate::primitive::operator::{Block, explain_graph, trial};
use crate::space::{BlockConfig, Operator};

/// What a layer graph costs, and what goes in and comes out.
fn costs(graph: &Graph) -> Vec<(&'static str, String)> {
    let (cost, memory) = (graph.cost(), graph.memory());
    vec![
        ("input", graph.input_shape().to_string()),
        ("output", graph.output_shape().to_string()),
        ("cost", format!("{} MFLOPs", figure(cost.mflops()))),
        ("parameters", format!("{} million", figure(cost.mparams()))),
        ("INT8 weights", format!("{} kB", figure(memory.int8.weights as f64 / 1e3))),
        ("INT8 activations", format!("{} kB at most", figure(memory.int8.peak as f64 / 1e3))),
    ]
}

/// Facts as text, a few a line.
pub(super) fn lines(facts: Vec<(&'static str, String)>) -> String {
    let facts: Vec<_> = facts.into_iter().map(|(what, value)| format!("{what} {value}")).collect();
    facts.chunks(4).map(|line| line.join(", ")).collect::<Vec<_>>().join("\n")
}

fn layers(page: Page, graph: &Graph) -> Result<Page> {
    Ok(page.folded("layers, with the script lines they come from", &explain_graph(graph)?))
}

/// The values of a choice list: `3, 5, 7`.
fn values(values: &[f64]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A configuration in words.
fn choices(config: &BlockConfig) -> String {
    let BlockConfig { cin, cout, stride, hw, .. } = config;
    let own: String = config.choices.iter().map(|(name, value)| format!(", {name} {value}")).collect();
    format!("{cin} to {cout} channels, stride {stride}, map {hw}x{hw}{own}")
}

/// An operator as it is built in its smallest way.
fn shown(operator: &Operator) -> Result<Block> {
    let config = trial(operator, 1);
    let graph = operator.build(&config)?;
    Ok(Block { operator: operator.name().into(), config, graph })
}

pub(super) fn operator(operator: &Operator) -> Result<Page> {
    let block = shown(operator)?;
    let mut facts: Vec<(String, String)> =
        operator.lists().map(|(name, list)| (format!("choice {name}"), values(list))).collect();
    facts.extend(operator.activation().map(|act| ("activation".to_owned(), act.name().to_owned())));
    facts.push(("drawn at".to_owned(), choices(&block.config)));
    let page = Page::new("operator", operator.name()).facts(facts).facts(costs(&block.graph));
    layers(page.picture(block_picture(&block)?)?, &block.graph)
}

pub(super) fn operator_picture(operator: &Operator) -> Result<Picture> {
    block_picture(&shown(operator)?)
}

pub(super) fn operator_rows(operator: &Operator) -> Result<Table> {
    block_rows(&shown(operator)?)
}

pub(super) fn block(block: &Block) -> Result<Page> {
    let page = Page::new("block", &block.label()).facts([("configuration", choices(&block.config))]);
    layers(page.facts(costs(&block.graph)).picture(block_picture(block)?)?, &block.graph)
}

pub(super) fn block_text(block: &Block) -> String {
    format!("block {}\n{}", block.label(), lines(costs(&block.graph)))
}

pub(super) fn block_picture(block: &Block) -> Result<Picture> {
    Ok(network(&block.graph, &block.label())?.into())
}

pub(super) fn block_rows(block: &Block) -> Result<Table> {
    explain_graph(&block.graph)
}

/// A fixed network: hundreds of layers as rows, as a drawing of them would be metres long.
pub(super) fn fixed(network: &FixedNetwork) -> Result<Page> {
    let page = Page::new("network", &network.net.name).facts(costs(&network.net.graph)).table(&taps(&network.net)?);
    layers(page, &network.net.graph)
}

pub(super) fn fixed_rows(network: &FixedNetwork) -> Result<Table> {
    explain_graph(&network.net.graph)
}

/// What is built so far, up to the last layer.
fn so_far(net: &Net) -> Graph {
    let builder = net.lock().clone();
    let last = builder.last();
    builder.finish(last)
}

pub(super) fn net(net: &Net) -> Result<Page> {
    let graph = so_far(net);
    layers(Page::new("network under construction", "").facts(costs(&graph)).picture(net_picture(net)?)?, &graph)
}

pub(super) fn net_picture(net: &Net) -> Result<Picture> {
    Ok(network(&so_far(net), "network under construction")?.into())
}

pub(super) fn net_rows(net: &Net) -> Result<Table> {
    explain_graph(&so_far(net))
}

fn up_to(node: &Node) -> (Graph, String) {
    let builder = node.net.lock().clone();
    let name = builder.name(node.id).to_owned();
    (builder.finish(node.id), name)
}

pub(super) fn node(node: &Node) -> Result<Page> {
    let (graph, name) = up_to(node);
    layers(Page::new("node", &name).facts(costs(&graph)).picture(node_picture(node)?)?, &graph)
}

pub(super) fn node_picture(node: &Node) -> Result<Picture> {
    let (graph, name) = up_to(node);
    Ok(network(&graph, &format!("up to {name}"))?.into())
}

pub(super) fn node_rows(node: &Node) -> Result<Table> {
    explain_graph(&up_to(node).0)
}

//! What can be wrong with a layer graph.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault in building or combining layer graphs.
#[derive(Debug, Error, Diagnostic)]
pub enum GraphFault {
    /// Two maps that must agree do not.
    #[error("{layer} `{name}`: shapes {left} and {right} do not agree")]
    #[diagnostic(code(graph::shapes), help("{help}"))]
    Shapes { layer: &'static str, name: String, left: String, right: String, help: &'static str },
    /// A number that a layer cannot take.
    #[error("{layer} `{name}`: {what} is {value}, but {rule}")]
    #[diagnostic(code(graph::value), help("{help}"))]
    Value { layer: &'static str, name: String, what: &'static str, value: i64, rule: String, help: String },
    /// The same name twice in one graph.
    #[error("layer name `{name}` is used twice in one operator")]
    #[diagnostic(
        code(graph::name_twice),
        help("names must be unique in an operator, because weights are shared by them: rename one")
    )]
    NameTwice { name: String },
    /// A name that is empty or has characters that file formats trip over.
    #[error("layer name `{name}` is not usable")]
    #[diagnostic(code(graph::name), help("use letters, digits and `_`, beginning with a letter"))]
    Name { name: String },
    /// One name, two kinds of layer, in two configurations of one operator.
    #[error("layer `{name}` is {first} in one configuration and {second} in another")]
    #[diagnostic(
        code(graph::kind_changes),
        help("weights are shared by layer name over all configurations: give different layers different names")
    )]
    KindChanges { name: String, first: String, second: String },
    /// A weight that a lowering needs is not in the file.
    #[error("weight `{name}` is missing")]
    #[diagnostic(code(graph::weight_missing), help("the weights belong to another network; train this one, or check the file"))]
    WeightMissing { name: String },
    /// A weight has another shape than the graph says.
    #[error("weight `{name}` has shape {found:?}, the graph needs {needed:?}")]
    #[diagnostic(code(graph::weight_shape), help("the weights belong to another network; train this one, or check the file"))]
    WeightShape { name: String, found: Vec<usize>, needed: Vec<usize> },
    /// A computation was given nodes of different graphs.
    #[error("{layer} `{name}` joins nodes of two different networks")]
    #[diagnostic(code(graph::two_nets), help("use only nodes made from the `net` that this builder was given"))]
    TwoNets { layer: &'static str, name: String },
    /// A mark at a layer that the network's result does not need.
    #[error("{mark} is at layer `{layer}`, which the network's result does not need")]
    #[diagnostic(code(graph::mark_lost), help("mark a layer on the way to the result"))]
    MarkLost { mark: String, layer: String },
    /// Two marks of one name.
    #[error("{mark} is given twice")]
    #[diagnostic(code(graph::mark_twice), help("give each its own name"))]
    MarkTwice { mark: String },
    /// Some layers have names in published weights, this one has none.
    #[error("layer `{layer}` has weights, but no name in published weights, as others here have")]
    #[diagnostic(code(graph::nameless), help("name it too: `.published_as(\"...\")` right after the layer"))]
    Nameless { layer: String },
}

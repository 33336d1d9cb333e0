//! What can be wrong with an operator, a hyperspace, or the text of a search space or subnet.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault in describing or reading search spaces.
#[derive(Debug, Error, Diagnostic)]
pub enum SpaceFault {
    /// An operator's description breaks a rule.
    #[error("operator `{name}`: {wrong}")]
    #[diagnostic(code(operator::invalid), help("{help}"))]
    Operator { name: String, wrong: String, help: String },
    /// A builder gave a graph of another shape than its place asks for.
    #[error("operator `{name}` ({config}) gives {found}, its place needs {wanted}")]
    #[diagnostic(
        code(operator::shape),
        help("the result must have `c.cout` channels, and exactly one path must step by `c.stride`")
    )]
    Shape { name: String, config: String, found: String, wanted: String },
    /// A choice that the operator has is missing, or one is given that it has not.
    #[error("operator `{name}`: {wrong}")]
    #[diagnostic(code(operator::choice), help("{help}"))]
    Choice { name: String, wrong: String, help: String },
    /// No operator of this name.
    #[error("hyperspace `{hyperspace}` has no operator `{name}`")]
    #[diagnostic(code(space::unknown_operator), help("{help}"))]
    UnknownOperator { hyperspace: String, name: String, help: String },
    /// No stage of this name.
    #[error("hyperspace `{hyperspace}` has no stage `{name}`")]
    #[diagnostic(code(space::unknown_stage), help("{help}"))]
    UnknownStage { hyperspace: String, name: String, help: String },
    /// A stage breaks a rule.
    #[error("stage `{name}`: {wrong}")]
    #[diagnostic(code(space::stage), help("{help}"))]
    Stage { name: String, wrong: String, help: String },
    /// A hyperspace breaks a rule.
    #[error("hyperspace `{name}`: {wrong}")]
    #[diagnostic(code(space::hyperspace), help("{help}"))]
    Hyperspace { name: String, wrong: String, help: String },
    /// A choice of operators and windows that the hyperspace does not hold.
    #[error("no such search space of `{hyperspace}`: {wrong}")]
    #[diagnostic(code(space::choice), help("{help}"))]
    SpaceChoice { hyperspace: String, wrong: String, help: String },
    /// A text that cannot be read; `at` counts characters from 1.
    #[error("cannot read the {what} `{text}`: at character {at}, {wrong}")]
    #[diagnostic(code(space::encoding), help("{help}"))]
    Encoding { what: &'static str, text: String, at: usize, wrong: String, help: String },
    /// Two subnets of different search spaces.
    #[error("a subnet of `{left}` cannot be crossed with one of `{right}`")]
    #[diagnostic(code(space::mixed), help("cross only subnets of one search space"))]
    Mixed { left: String, right: String },
    /// More configurations than can be listed.
    #[error("`{what}` has {count} block configurations, more than {limit}")]
    #[diagnostic(code(space::too_many), help("use a smaller width window, or fewer values in the choice lists"))]
    TooMany { what: String, count: usize, limit: usize },
}

//! Hyperspaces as people read them.

use crate::base::Result;
use crate::frame::Table;
use crate::space::{Hyperspace, Operator, Role, SearchSpace};

/// A hyperspace as text: its operators with the digits that encodings have for them, then a line a stage.
pub(super) fn hyperspace_text(hyperspace: &Hyperspace) -> String {
    let mut text = format!("hyperspace {}, {}", hyperspace.name, counted(hyperspace.size(), "search space"));
    if !hyperspace.operators.is_empty() {
        text.push_str("\noperators:");
    }
    for (at, operator) in hyperspace.operators.iter().enumerate() {
        text.push_str(&format!("\n  {} {}", digit(at), operator_line(operator)));
    }
    text.push_str("\nstages:");
    let longest = hyperspace.stages.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
    for stage in &hyperspace.stages {
        let windows = || format!("{} of {}", counted(stage.windows() as u128, "window"), stage.window);
        let what = match &stage.role {
            Role::Searched => windows(),
            Role::SearchedAmong(own) => {
                format!("{}, {}", windows(), own.iter().map(operator_line).collect::<Vec<_>>().join(" or "))
            }
            Role::Fixed(operator) => operator_line(operator),
        };
        text.push_str(&format!(
            "\n  {:<longest$} widths {:?}, depths {:?}, stride {}: {what}",
            stage.name, stage.widths, stage.depths, stage.stride
        ));
    }
    text
}

fn digit(at: usize) -> char {
    char::from_digit(at as u32, 36).unwrap_or('?')
}

/// `1 window`, `2 windows`.
fn counted(count: u128, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// An operator with its choices and activation: `inverted_residual (kernel 3 5 7, expand 3 6 8, relu6)`.
pub(super) fn operator_line(operator: &Operator) -> String {
    let words = |values: &[f64]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let mut parts: Vec<_> = operator.lists().map(|(name, values)| format!("{name} {}", words(values))).collect();
    parts.extend(operator.activation().map(|act| act.name().to_string()));
    if parts.is_empty() { operator.name().into() } else { format!("{} ({})", operator.name(), parts.join(", ")) }
}

/// The stages of a hyperspace as a table.
pub(super) fn stage_table(hyperspace: &Hyperspace) -> Result<Table> {
    let stages = &hyperspace.stages;
    Table::builder()
        .text("stage", stages.iter().map(|stage| stage.name.clone()))
        .text(
            "operator",
            stages.iter().map(|stage| match &stage.role {
                Role::Searched => "(searched)".to_string(),
                Role::SearchedAmong(own) => own.iter().map(Operator::name).collect::<Vec<_>>().join(" | "),
                Role::Fixed(operator) => operator.name().to_string(),
            }),
        )
        .text("widths", stages.iter().map(|stage| format!("{:?}", stage.widths)))
        .int("windows", stages.iter().map(|stage| stage.windows() as i64))
        .text("depths", stages.iter().map(|stage| format!("{:?}", stage.depths)))
        .int("stride", stages.iter().map(|stage| stage.stride as i64))
        .build()
}

/// The stages of a search space as a table.
pub(super) fn space_table(space: &SearchSpace) -> Result<Table> {
    let stages = 0..space.hyperspace.stages.len();
    Table::builder()
        .text("stage", space.hyperspace.stages.iter().map(|stage| stage.name.clone()))
        .text("operator", stages.clone().map(|at| space.operator(at).name().to_string()))
        .text("widths", stages.map(|at| format!("{:?}", space.widths(at))))
        .text("depths", space.hyperspace.stages.iter().map(|stage| format!("{:?}", stage.depths)))
        .build()
}

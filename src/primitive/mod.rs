//! The seam between the method and the language: one file per namespace, the only place where anything is declared to Rhai.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "`#[export_module]` writes unwraps of its own, and Rhai hands arguments over by value"
)]

mod arrays;
mod cells;
mod compare;
pub mod cross;
mod expr;
mod frame;
pub mod host;
pub mod options;
pub mod parallel;
mod reword;
mod stats;
pub mod values;

use rhai::Engine;

/// Declares every primitive to `engine`.
pub fn register(engine: &mut Engine) {
    cross::register(engine);
    values::register(engine);
    compare::register(engine);
    arrays::register(engine);
    parallel::register(engine);
    stats::register(engine);
    frame::register(engine);
    expr::register(engine);
}

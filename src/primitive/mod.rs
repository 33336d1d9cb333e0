//! The seam between the method and the language: one file per namespace, the only place where anything is declared to Rhai.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "`#[export_module]` writes unwraps of its own, and Rhai hands arguments over by value"
)]

pub mod cross;
pub mod host;
pub mod options;

use rhai::Engine;

/// Declares every primitive to `engine`.
pub fn register(engine: &mut Engine) {
    cross::register(engine);
}

//! The seam between the method and the language: one file per namespace, the only place where anything is declared to Rhai.

pub mod cross;
pub mod host;
pub mod options;

use rhai::Engine;

/// Declares every primitive to `engine`.
pub fn register(engine: &mut Engine) {
    cross::register(engine);
}

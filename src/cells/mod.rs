//! The worker that runs Rust: part of the binary `spaceevo-native` alone.

mod library;
#[cfg(feature = "native")]
mod notebook;
mod serve;

#[cfg(feature = "native")]
pub use notebook::run_cells_of_another;
pub use serve::{cells, serve};

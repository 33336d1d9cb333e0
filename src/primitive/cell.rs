//! Cells in Rust, as a session runs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::Dynamic;

use super::front::Bundle;
use super::host::Host;
use super::native::{Native, closure, printer};
use crate::base::Result;
pub use crate::native::CellCandidates;

/// What came of a cell.
pub struct Done {
    /// What it shows.
    pub shown: Option<Bundle>,
    /// The functions that scripts can call from now on.
    pub functions: BTreeMap<String, Dynamic>,
}

/// Runs a cell in Rust; what it prints goes where scripts print. Waits for the compiler, and ends with Ctrl-C.
pub fn run(host: &Host, code: &str) -> Result<Done> {
    let (cell, libraries) = host.cells.run(code, &printer(host), &host.cancel)?;
    let function = |library: crate::native::Library| {
        let name = library.signature.name.clone();
        Ok((name, closure(Native::new(Arc::new(library)))?.into()))
    };
    let functions = libraries.into_iter().map(function).collect::<Result<_>>()?;
    let mut forms = cell.forms;
    if let Some(form) = forms.keys().next().cloned() {
        forms.entry("text/plain".into()).or_insert_with(|| format!("({form})"));
    }
    Ok(Done { shown: (!forms.is_empty()).then_some(Bundle { forms }), functions })
}

/// Compiles a cell without running it.
pub fn check(host: &Host, code: &str) -> Result<()> {
    host.cells.check(code, &printer(host), &host.cancel)
}

/// What could stand at byte `at` of a cell; nothing while one runs.
pub fn candidates(host: &Host, code: &str, at: usize) -> CellCandidates {
    host.cells.complete(code, at)
}

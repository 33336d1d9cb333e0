//! Cells in Rust, as a session runs them and as scripts do.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Dynamic, Engine, FnPtr, Map};

use super::cross::{Answer, Cross};
use super::front::Bundle;
use super::host::Host;
use super::native::{Native, closure, printer};
use crate::base::Result;
pub use crate::native::CellCandidates;
use crate::native::functions_of;

/// What came of a cell.
pub struct Done {
    /// What it shows.
    pub shown: Option<Bundle>,
    /// The functions that scripts can call from now on.
    pub functions: BTreeMap<String, Dynamic>,
}

/// Runs a cell in Rust; what it prints goes where scripts print. Waits for the compiler, and ends with Ctrl-C.
pub fn run(host: &Host, code: &str) -> Result<Done> {
    announce(host);
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
    announce(host);
    host.cells.check(code, &printer(host), &host.cancel)
}

/// Says why the first cell takes long.
fn announce(host: &Host) {
    if !host.cells.started() {
        host.progress().say("starting Rust: the first cell takes a while");
    }
}

/// What could stand at byte `at` of a cell; nothing while one runs.
pub fn candidates(host: &Host, code: &str, at: usize) -> CellCandidates {
    host.cells.complete(code, at)
}

/// Statements of a script that do what a cell does: they run it, and leave its functions in variables of their names. `number`
/// tells them from those of other cells.
pub fn as_script(code: &str, number: usize) -> String {
    let code = code.trim_end();
    let text = if code.contains('`') || code.contains("${") {
        // Quotes with as many signs around them as occur in no place of the code.
        let most =
            code.match_indices('"').map(|(at, _)| code[at + 1..].chars().take_while(|letter| *letter == '#').count()).max();
        let signs = "#".repeat(most.unwrap_or_default() + 1);
        format!("{signs}\"\n{code}\n\"{signs}")
    } else {
        format!("`\n{code}\n`")
    };
    let mut names = functions_of(code);
    // Words that the language of scripts keeps for itself name no variable.
    names.retain(|name| FnPtr::new(name.as_str()).is_ok());
    match names.as_slice() {
        [] => format!("rust_cell({text});"),
        [name] => format!("let {name} = rust_cell({text}).{name};"),
        names => {
            let mut script = format!("let cell_{number} = rust_cell({text});");
            for name in names {
                script.push_str(&format!("\nlet {name} = cell_{number}.{name};"));
            }
            script
        }
    }
}

#[export_module]
mod cell_functions {
    /// Runs lines of Rust as a `%%rust` cell does, and gives the functions that they define, by name.
    ///
    /// Cells of one session share a state: variables and items of earlier ones are known, and `:dep NAME = "VERSION"` takes a
    /// crate. What the last line gives is displayed. A cell without functions gives nothing. `%save` writes the `%%rust` cells
    /// of a session as such calls. Where only functions are wanted, `native` is simpler: it compiles once for all sessions,
    /// and needs no such build.
    ///
    /// Needs a lab that was built with cells (`./x native`). Fails with `native::no_cells`, `native::compile`,
    /// `native::panic`, `native::died`.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// rust_cell("let mut seen = 0;");
    /// let cell = rust_cell("fn twice(x: f64) -> f64 { 2.0 * x }");
    /// cell.twice.call(21) //> 42.0
    /// ```
    #[rhai_fn(return_raw)]
    pub fn rust_cell(context: NativeCallContext, code: &str) -> Answer<Dynamic> {
        let host = Host::of(&context)?;
        // In a script the first line stands below the quote that begins it.
        let done = run(&host, code.strip_prefix('\n').unwrap_or(code)).cross()?;
        if let (Some(shown), Some(output)) = (&done.shown, host.output()) {
            output.display(shown);
        }
        let functions: Map = done.functions.into_iter().map(|(name, function)| (name.into(), function)).collect();
        Ok(if functions.is_empty() { Dynamic::UNIT } else { functions.into() })
    }
}

/// Declares cells in scripts.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(cell_functions).into());
}

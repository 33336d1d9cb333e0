//! Assembles the script engine: primitives, script library, limits, interruption, output.

use std::sync::Arc;

use rhai::{Dynamic, Engine, OptimizationLevel};

use super::library::Library;
use super::render::Trouble;
use super::resolver::Resolver;
use super::watch::Watch;
use crate::primitive::front::Output;
use crate::primitive::limits::overdue;
use crate::primitive::parallel::busy_with;
use crate::primitive::{self, host::Host};

/// Steps of a script between two looks at the clock.
const STEPS_UNWATCHED: u64 = 1024;

/// How much a script may use. Sizes of values are not limited unless asked for: Rhai measures a whole array after every
/// operation that touches it as soon as one of those limits is set.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Operations of one input; 0 for no limit.
    pub operations: u64,
    /// Depth of function calls.
    pub call_depth: usize,
    /// Depth of one expression.
    pub expression_depth: usize,
    /// Bytes of one text; 0 for no limit.
    pub text_bytes: usize,
    /// Items of one array; 0 for no limit.
    pub array_items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { operations: 0, call_depth: 256, expression_depth: 256, text_bytes: 0, array_items: 0 }
    }
}

/// An engine with everything a script can say; `watch` sees every step it takes.
pub(super) fn assemble(
    host: &Arc<Host>,
    library: &Arc<Library>,
    limits: &Limits,
    output: Arc<dyn Output>,
    watch: Option<&Arc<Watch>>,
) -> Result<Engine, Box<Trouble>> {
    let mut engine = Engine::new();
    if let Some(watch) = watch {
        watch.install(&mut engine);
    }
    // The optimizer drops statements without effect, and with them a misspelt name that stands alone.
    engine.set_optimization_level(OptimizationLevel::None);
    // A text that evaluates itself has no end, and nothing that counts it.
    engine.disable_symbol("eval");
    engine.set_fail_on_invalid_map_property(true);
    engine.set_max_operations(limits.operations);
    engine.set_max_call_levels(limits.call_depth);
    engine.set_max_expr_depths(limits.expression_depth, limits.expression_depth);
    engine.set_max_string_size(limits.text_bytes);
    engine.set_max_array_size(limits.array_items);

    let watched = host.clone();
    engine.on_progress(move |steps| match watched.cancel.is_cancelled() {
        true => Some(Dynamic::from(true)),
        false if steps % STEPS_UNWATCHED == 0 => overdue().map(Dynamic::from),
        false => None,
    });
    let printer = output.clone();
    engine.on_print(move |line| match busy_with() {
        Some(what) => printer.print(&format!("[{what}] {line}")),
        None => printer.print(line),
    });
    let printer = output;
    engine.on_debug(move |line, source, position| {
        let place = match (source, position.line()) {
            (Some(source), Some(line)) => format!("{source}:{line}"),
            (_, Some(line)) => format!("line {line}"),
            _ => "debug".into(),
        };
        let place = busy_with().map_or_else(|| place.clone(), |what| format!("{place} [{what}]"));
        printer.debug(line, &place);
    });

    Host::install(host, &mut engine);
    primitive::register(&mut engine);
    super::words::register(&mut engine);
    engine.set_module_resolver(Resolver::new(library.clone()));
    library.register(&mut engine)?;
    Ok(engine)
}

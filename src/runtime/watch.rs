//! Watching a script step by step: where its time goes, and what its functions held when it failed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use rhai::debugger::{DebuggerCommand, DebuggerEvent};
use rhai::{Dynamic, Engine, EvalContext};

/// A line of a source.
pub(super) type Line = (String, usize);

/// What happened on one line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// Steps that began there.
    pub steps: u64,
    /// Time until the next step began, so also that of primitives called there.
    pub time: Duration,
}

/// A function that was left by an error.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Its name; empty for the input itself.
    pub function: String,
    /// Where it was.
    pub line: Line,
    /// Its variables and their values, in the order in which they came to be.
    pub locals: Vec<(String, Dynamic)>,
}

#[derive(Debug, Default)]
struct Seen {
    spent: BTreeMap<Line, Spent>,
    /// In each thread the step that it is at.
    at: Vec<(ThreadId, Line, Instant)>,
    /// In each thread and call level the line of the last step.
    levels: BTreeMap<(String, usize), Line>,
    frames: Vec<Frame>,
}

/// Follows the steps of an engine.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: Mutex<Seen>,
    /// The source that stands for inputs without a name.
    name: String,
}

impl Watch {
    /// A watch over an input called `name`.
    pub fn new(name: &str) -> Arc<Self> {
        Arc::new(Self { name: name.into(), ..Self::default() })
    }

    /// Makes `engine` report to this watch.
    pub fn install(self: &Arc<Self>, engine: &mut Engine) {
        let watch = self.clone();
        #[expect(deprecated, reason = "the engine marks what may change so; it has no other way to watch a script")]
        engine.register_debugger(
            |_, debugger| debugger,
            move |context, event, _, source, position| {
                watch.step(&context, event, source, position.line());
                Ok(DebuggerCommand::StepInto)
            },
        );
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(
        &self,
        context: &EvalContext<'_, '_, '_, '_, '_, '_>,
        event: DebuggerEvent<'_>,
        source: Option<&str>,
        line: Option<usize>,
    ) {
        let now = Instant::now();
        let thread = std::thread::current().id();
        let level = (format!("{thread:?}"), context.global_runtime_state().level);
        let seen = &mut *self.seen();
        // What went before ends now.
        if let Some(at) = seen.at.iter().position(|(known, ..)| *known == thread) {
            let (_, line, since) = seen.at.swap_remove(at);
            seen.spent.entry(line).or_default().time += now - since;
        }
        if let DebuggerEvent::FunctionExitWithError(_) = event {
            let function =
                context.debugger().and_then(|debugger| debugger.call_stack().last()).map(|frame| frame.fn_name.to_string());
            let line = seen.levels.get(&level).cloned().unwrap_or_else(|| (self.name.clone(), line.unwrap_or(0)));
            let locals = context.scope().into_iter().map(|(name, value, _)| (name.to_owned(), value.flatten_clone())).collect();
            seen.frames.push(Frame { function: function.unwrap_or_default(), line, locals });
        }
        let Some(line) = line else { return };
        let line = (source.filter(|source| !source.is_empty()).unwrap_or(&self.name).to_owned(), line);
        if matches!(event, DebuggerEvent::Step) {
            seen.spent.entry(line.clone()).or_default().steps += 1;
            // An error after which the script goes on was caught.
            seen.frames.clear();
            seen.levels.insert(level, line.clone());
        }
        // The clock starts behind our own work.
        seen.at.push((thread, line, Instant::now()));
    }

    /// What was spent on each line, the dearest first.
    pub fn spent(&self) -> Vec<(Line, Spent)> {
        let mut seen = self.seen();
        let now = Instant::now();
        let running = std::mem::take(&mut seen.at);
        for (_, line, since) in running {
            seen.spent.entry(line).or_default().time += now - since;
        }
        let mut lines: Vec<(Line, Spent)> = seen.spent.iter().map(|(line, spent)| (line.clone(), *spent)).collect();
        lines.sort_by(|a, b| b.1.time.cmp(&a.1.time).then_with(|| a.0.cmp(&b.0)));
        lines
    }

    /// The functions that the last error left, innermost first.
    pub fn frames(&self) -> Vec<Frame> {
        self.seen().frames.clone()
    }

    /// The line that the input itself was at.
    pub fn top(&self) -> Option<Line> {
        let seen = self.seen();
        seen.levels.iter().find(|((_, level), _)| *level == 0).map(|(_, line)| line.clone())
    }
}

//! Closures of a script in many threads, where a write to a captured variable would be lost: it is an error.

use rayon::prelude::*;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, FuncArgs, Map, Position};

use super::cross::Answer;
use crate::base::Fault;

/// A closure ready for many threads. Make it inside the native call that was given the closure, take a
/// [`Worker`] for each thread (`map_init(|| parallel.worker(), |worker, item| worker.call((item,)))`), call that.
///
/// A captured variable is shared behind a lock that Rhai gives up on after a few tries, so each worker has copies of its own.
/// They are read-only: an assignment, or a method that would change them, fails with `script::parallel_write`.
pub struct Parallel<'a> {
    context: &'a NativeCallContext<'a>,
    closure: FnPtr,
}

impl<'a> Parallel<'a> {
    /// `closure`, called in `context`.
    pub fn new(context: &'a NativeCallContext<'a>, closure: &FnPtr) -> Self {
        Self { context, closure: plain_closure(closure) }
    }

    /// The values that the closure captured.
    pub fn captured(&self) -> &[Dynamic] {
        self.closure.curry()
    }

    /// The closure with captured values of its own, for one thread.
    pub fn worker(&self) -> Worker<'_> {
        let mut closure = self.closure.clone();
        // `Dynamic::clone` of a shared value would share it, so the kept closure holds plain values and they are shared only here.
        let own = closure.curry().iter().map(|value| value.clone().into_read_only().into_shared()).collect::<Vec<_>>();
        closure.set_curry(own);
        Worker { context: self.context, closure }
    }

    /// The closure's answer for each item, in order, computed in all threads. Of several failing items the first is reported.
    pub fn map(&self, items: Vec<Dynamic>) -> Answer<Vec<Dynamic>> {
        let answers: Vec<Answer<Dynamic>> = items
            .into_par_iter()
            .map(|item| plain(&item))
            .map_init(|| self.worker(), |worker, item| worker.call((item,)))
            .collect();
        answers.into_iter().collect()
    }
}

/// A closure for one thread.
pub struct Worker<'a> {
    context: &'a NativeCallContext<'a>,
    closure: FnPtr,
}

impl Worker<'_> {
    /// Calls the closure.
    pub fn call(&self, arguments: impl FuncArgs) -> Answer<Dynamic> {
        self.closure.call_within_context(self.context, arguments).map_err(|error| self.name_lost_write(error))
    }

    /// The refusal to change a captured variable, in words that say why; any other error as it is.
    fn name_lost_write(&self, error: Box<EvalAltResult>) -> Box<EvalAltResult> {
        if self.closure.curry().is_empty() {
            return error;
        }
        let (what, at) = match error.unwrap_inner() {
            EvalAltResult::ErrorAssignmentToConstant(name, at) => (format!("assigns to `{name}`"), *at),
            EvalAltResult::ErrorNonPureMethodCallOnConstant(method, at) => {
                (format!("calls `{method}`, which changes its object"), *at)
            }
            _ => return error,
        };
        lost_write(&what, at)
    }
}

fn lost_write(what: &str, at: Position) -> Box<EvalAltResult> {
    let fault = Fault::new(
        "script::parallel_write",
        format!("a closure that runs in many threads {what}, from outside it: the change would be lost"),
        "return the value and put the results together afterwards",
    );
    EvalAltResult::ErrorRuntime(Dynamic::from(fault), at).into()
}

/// The value without anything shared in it.
fn plain(value: &Dynamic) -> Dynamic {
    let value = value.flatten_clone();
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(plain).collect::<Array>().into();
    }
    if let Ok(map) = value.as_map_ref() {
        return map.iter().map(|(key, value)| (key.clone(), plain(value))).collect::<Map>().into();
    }
    if value.is::<FnPtr>() {
        let closure = value.clone_cast::<FnPtr>();
        return plain_closure(&closure).into();
    }
    value
}

fn plain_closure(closure: &FnPtr) -> FnPtr {
    let mut plain_one = closure.clone();
    plain_one.set_curry(closure.curry().iter().map(plain).collect::<Vec<_>>());
    plain_one
}

#[export_module]
mod parallel {
    /// The closure's answer for each item of an array, in order, computed in all threads.
    ///
    /// The closure may read variables from outside but not change them: that fails with `script::parallel_write`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let scale = 10;
    /// [1, 2, 3].par_map(|x| x * scale) //> [10, 20, 30]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn par_map(context: NativeCallContext, items: &mut Array, closure: FnPtr) -> Answer<Array> {
        Parallel::new(&context, &closure).map(items.clone())
    }
}

/// Declares the parallel primitives.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(parallel).into());
}

//! Closures of a script in many threads, where a write to a captured variable would be lost: it is an error.

use std::cell::RefCell;
use std::sync::Arc;

use rayon::prelude::*;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, FuncArgs, Map, Position};

use super::cross::{Answer, Cross, to_fault};
use super::host::Host;
use super::limits::{Limit, limit, under};
use super::native::{Given, Native};
use super::options::with_default_seed;
use super::values::words;
use crate::base::Fault;

/// Characters of an item in a message.
const SHORT: usize = 40;

thread_local! {
    /// What the closure that runs in this thread was called for.
    static BUSY_WITH: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// What the closure that runs in this thread was called for, if it is one of many: `item 3`, a candidate's text. What it
/// prints is marked so.
pub fn busy_with() -> Option<Arc<str>> {
    BUSY_WITH.with_borrow(Clone::clone)
}

/// Says in this thread what it works for, until dropped. A thread that waits may be lent to another item meanwhile.
struct Busy(Option<Arc<str>>);

impl Busy {
    fn with(outer: Option<&str>, what: &str) -> Self {
        let now = outer.map_or_else(|| what.into(), |outer| format!("{outer}, {what}").into());
        Self(BUSY_WITH.replace(Some(now)))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY_WITH.set(self.0.take());
    }
}

/// A closure ready for many threads. Make it inside the native call that was given the closure; call it for all items at once
/// ([`Parallel::each`]), or take a [`Worker`] for each thread and call that.
///
/// A captured variable is shared behind a lock that Rhai gives up on after a few tries, so each worker has copies of its own.
/// They are read-only: an assignment, or a method that would change them, fails with `script::parallel_write`.
pub struct Parallel<'a> {
    context: &'a NativeCallContext<'a>,
    closure: FnPtr,
    /// The session's; a thread of the pool serves several sessions.
    default_seed: u64,
    /// What the calling thread works for.
    outer: Option<Arc<str>>,
    /// How long it may.
    limit: Limit,
}

impl<'a> Parallel<'a> {
    /// `closure`, called in `context`.
    pub fn new(context: &'a NativeCallContext<'a>, closure: &FnPtr) -> Self {
        let default_seed = Host::of(context).map_or(0, |host| host.settings.seed);
        Self { context, closure: plain_closure(closure), default_seed, outer: busy_with(), limit: limit() }
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
        let outer = self.outer.as_deref();
        Worker { context: self.context, closure, default_seed: self.default_seed, outer, limit: self.limit }
    }

    /// The closure's answers for `count` items, in order, computed in all threads. `item` makes the argument of each, `what`
    /// says in a word or two which it is.
    pub fn each(
        &self,
        count: usize,
        item: impl Fn(usize) -> Dynamic + Sync,
        what: impl Fn(usize) -> String + Sync,
    ) -> Vec<Answer<Dynamic>> {
        let one = |worker: &mut Worker<'_>, at| worker.call(&what(at), (item(at),));
        (0..count).into_par_iter().map_init(|| self.worker(), one).collect()
    }
}

/// A closure for one thread.
pub struct Worker<'a> {
    context: &'a NativeCallContext<'a>,
    closure: FnPtr,
    default_seed: u64,
    outer: Option<&'a str>,
    limit: Limit,
}

impl Worker<'_> {
    /// Calls the closure; what it prints is marked with `what`.
    pub fn call(&self, what: &str, arguments: impl FuncArgs) -> Answer<Dynamic> {
        let _busy = Busy::with(self.outer, what);
        let call = || with_default_seed(self.default_seed, || self.closure.call_within_context(self.context, arguments));
        under(self.limit, call).map_err(|error| self.name_lost_write(error))
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

/// The error with words before its message that say during what it happened; its place and the calls around it stay. A
/// value of the script's own that was thrown stays as it is, and so does an interruption.
#[allow(clippy::boxed_local, reason = "the engine's errors are boxed everywhere")]
pub(super) fn during(context: &NativeCallContext, error: Box<EvalAltResult>, what: &str) -> Box<EvalAltResult> {
    let error = match *error {
        EvalAltResult::ErrorInFunctionCall(name, source, inner, at) => {
            EvalAltResult::ErrorInFunctionCall(name, source, during(context, inner, what), at)
        }
        EvalAltResult::ErrorTerminated(..) | EvalAltResult::Exit(..) => *error,
        EvalAltResult::ErrorRuntime(mut thrown, at) if !thrown.is::<Fault>() => {
            if thrown.is_string() {
                thrown = format!("{what}: {thrown}").into();
            } else if let Some(mut map) = thrown.write_lock::<Map>()
                && let Some(message) = map.get_mut("message")
            {
                *message = format!("{what}: {message}").into();
            }
            EvalAltResult::ErrorRuntime(thrown, at)
        }
        other => {
            let fault = Host::of(context).map_or_else(|_| to_fault(&other), |host| host.explain(&other));
            EvalAltResult::ErrorRuntime(Dynamic::from(fault.during(what)), other.position())
        }
    };
    error.into()
}

/// An item in a message: the beginning of its text.
fn short(context: &NativeCallContext, item: &Dynamic) -> String {
    let form = if item.is_string() { "to_debug" } else { "to_string" };
    let text = context.call_native_fn::<Dynamic>(form, (item.clone(),)).map_or_else(|_| words(item), |text| text.to_string());
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= SHORT && line.len() == text.len() {
        return text;
    }
    line.chars().take(SHORT).chain("...".chars()).collect()
}

/// The value without anything shared in it.
pub(super) fn plain(value: &Dynamic) -> Dynamic {
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
    /// The closure may read variables from outside but not change them: that fails with `script::parallel_write`. What fails says at which item,
    /// of several the first; what the closure prints is marked with its item.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let scale = 10;
    /// [1, 2, 3].par_map(|x| x * scale) //> [10, 20, 30]
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn par_map(context: NativeCallContext, items: &mut Array, closure: FnPtr) -> Answer<Array> {
        if let Some((native, before)) = Native::of(&closure) {
            let given: Vec<_> = before.iter().map(Given::Same).chain([Given::Each(items)]).collect();
            return native.batch(&*Host::of(&context)?, &given).cross();
        }
        let count = items.len();
        let answers = Parallel::new(&context, &closure).each(count, |at| plain(&items[at]), |at| format!("item {at} of {count}"));
        let named = |(at, answer): (usize, Answer<Dynamic>)| {
            answer.map_err(|error| {
                let what = format!("at item {at} of {count} ({})", short(&context, &items[at]));
                during(&context, error, &what)
            })
        };
        answers.into_iter().enumerate().map(named).collect()
    }
}

/// Declares the parallel primitives.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(parallel).into());
}

//! The one crossing from a fault to a Rhai error, and the fault as scripts see it in `catch (e)`.

use rhai::plugin::*;
use rhai::{Dynamic, Engine, EvalAltResult, Position};

use super::host::Host;
use super::noun::Nouns;
use crate::base::{Fault, Spot};

/// The result of a primitive.
pub type Answer<T> = Result<T, Box<EvalAltResult>>;

/// Turns a fault into the Rhai error that carries it: it can be caught, and gets a position and a call stack.
pub fn raise(fault: Fault) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(Dynamic::from(fault), Position::NONE).into()
}

/// `.cross()` for results that leave the method for a script.
pub trait Cross<T> {
    /// The same result with its fault as a Rhai error.
    fn cross(self) -> Answer<T>;
}

impl<T, E: Into<Fault>> Cross<T> for Result<T, E> {
    fn cross(self) -> Answer<T> {
        self.map_err(|error| raise(error.into()))
    }
}

/// The fault inside a Rhai error, looked for through all function calls around it; `None` for Rhai's own errors.
pub fn fault_within(error: &EvalAltResult) -> Option<Fault> {
    match error.unwrap_inner() {
        // A script that was ended for a reason has it as its token; one that was interrupted has none.
        EvalAltResult::ErrorRuntime(value, _) | EvalAltResult::ErrorTerminated(value, _) => value.clone().try_cast::<Fault>(),
        other => super::reword::condition(other),
    }
}

/// A Rhai error as a fault: its own if it carries one, else Rhai's error in our words.
pub fn to_fault(error: &EvalAltResult) -> Fault {
    fault_within(error).unwrap_or_else(|| super::reword::reword(error))
}

/// An error of a closure or script that a primitive ran by itself, as a fault that knows where it arose. `source` is
/// the script that the closure was written in.
pub(super) fn inner_fault(host: &Host, error: &EvalAltResult, source: Option<&str>) -> Fault {
    let fault = fault_within(error).unwrap_or_else(|| host.explain(error));
    let (mut error, mut source) = (error, source.unwrap_or("script"));
    while let EvalAltResult::ErrorInFunctionCall(_, callee, inner, _) = error {
        if !callee.is_empty() {
            source = callee;
        }
        error = inner;
    }
    let place = error.position();
    match place.line() {
        Some(line) => fault.at(Spot { script: source.into(), line, column: place.position().unwrap_or(0) }),
        None => fault,
    }
}

#[export_module]
mod fault_type {
    /// The stable code of a caught fault, for example `device::unknown`.
    #[rhai_fn(get = "code", pure)]
    pub fn code(fault: &mut Fault) -> String {
        fault.code.clone()
    }

    /// What went wrong, in one sentence.
    #[rhai_fn(get = "message", pure)]
    pub fn message(fault: &mut Fault) -> String {
        fault.message.clone()
    }

    /// The next step, or an empty text.
    #[rhai_fn(get = "help", pure)]
    pub fn help(fault: &mut Fault) -> String {
        fault.help.clone().unwrap_or_default()
    }

    /// The fault as text: code and message.
    #[rhai_fn(name = "to_string", pure)]
    pub fn to_text(fault: &mut Fault) -> String {
        format!("{} [{}]", fault.message, fault.code)
    }
}

/// Declares the fault type.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Fault>("Fault");
    engine.register_global_module(exported_module!(fault_type).into());
}

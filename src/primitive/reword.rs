//! Rhai's own errors in the lab's words: a code to catch by, and the next step.

use std::any::type_name;

use rhai::EvalAltResult;

use crate::base::Fault;
use crate::frame::Expr;

/// The fault that tells Rhai's own error `error` to a person.
pub(super) fn reword(error: &EvalAltResult) -> Fault {
    let inner = error.unwrap_inner();
    match inner {
        // Rhai names the type by its Rust path here.
        EvalAltResult::ErrorMismatchDataType(wanted, found, _) if wanted == "bool" && found == type_name::<Expr>() => Fault::new(
            "script::condition",
            "a column expression is neither true nor false, so `if`, `while`, `&&` and `||` cannot take it",
            "join conditions with `&` and `|`, and give the whole to `filter`",
        ),
        EvalAltResult::ErrorPropertyNotFound(name, _) => Fault::new(
            "script::property",
            format!("this map has no property `{name}`"),
            format!(
                "check its spelling against `.keys()`; `\"{name}\" in map` asks whether it is there, `map.get(\"{name}\")` gives `()` if not"
            ),
        ),
        EvalAltResult::ErrorVariableNotFound(name, _) => Fault::new(
            "script::variable",
            format!("there is no variable `{name}`"),
            "check its spelling; a function sees its arguments only, a closure also the variables around it",
        ),
        EvalAltResult::ErrorAssignmentToConstant(name, _) => {
            Fault::new("script::constant", format!("`{name}` cannot be changed"), "declare it with `let`")
        }
        other => Fault::new("script::error", other.to_string(), ""),
    }
}

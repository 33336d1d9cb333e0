//! Rhai's own errors where only this layer knows what they mean.

use std::any::type_name;

use rhai::EvalAltResult;

use crate::base::Fault;
use crate::frame::Expr;

/// The fault of a column expression used where true or false is needed; `None` for any other error.
pub(super) fn condition(error: &EvalAltResult) -> Option<Fault> {
    match error {
        // Rhai names the type by its Rust path here.
        EvalAltResult::ErrorMismatchDataType(wanted, found, _) if wanted == "bool" && found == type_name::<Expr>() => {
            Some(Fault::new(
                "script::condition",
                "a column expression is neither true nor false, so `if`, `while`, `&&` and `||` cannot take it",
                "write `&` instead of `&&` and `|` instead of `||`, and give the whole to `filter` instead of `if`",
            ))
        }
        _ => None,
    }
}

/// Rhai's own error `error` as a fault, in the words of a front that knows nothing of the script around it.
pub(super) fn reword(error: &EvalAltResult) -> Fault {
    match error.unwrap_inner() {
        EvalAltResult::ErrorPropertyNotFound(name, _) => Fault::new(
            "script::unknown_property",
            format!("this map has no key `{name}`"),
            format!("`\"{name}\" in map` asks whether it is there, `map.get(\"{name}\")` gives `()` if not"),
        ),
        other => Fault::new("script::error", other.to_string(), ""),
    }
}

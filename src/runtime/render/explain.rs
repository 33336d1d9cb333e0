//! Rhai's own errors in the user's words, each with a code and the next step.

use std::collections::BTreeMap;

use rhai::{Dynamic, EvalAltResult, LexError, Map, ParseErrorType};

use super::shared::function;
use super::{Place, friendly};
use crate::base::{Fault, did_you_mean, nearest};
use crate::primitive::cross::fault_within;
use crate::primitive::net::activations;
use crate::runtime::catalogue::{Catalogue, Entry, Kind};

/// What there is to suggest.
#[derive(Default)]
pub(in crate::runtime) struct Known<'a> {
    /// What can be said.
    pub catalogue: Option<&'a Catalogue>,
    /// Variables in scope, and the keys of those that are maps.
    pub variables: BTreeMap<String, Vec<String>>,
    /// Paths that `import` finds.
    pub scripts: Vec<String>,
}

impl Known<'_> {
    fn function_names(&self) -> Vec<&str> {
        self.catalogue.map(Catalogue::function_names).unwrap_or_default()
    }

    fn signatures(&self, name: &str) -> Vec<String> {
        let Some(catalogue) = self.catalogue else { return Vec::new() };
        catalogue.named(name).filter(|entry| entry.kind == Kind::Function).map(Entry::signature).collect()
    }
}

/// The fault that `error` means, looking through the calls around it.
pub(in crate::runtime) fn explain(error: &EvalAltResult, at: Option<&Place>, known: &Known<'_>) -> Fault {
    if let Some(fault) = fault_within(error) {
        return fault;
    }
    use EvalAltResult as E;
    let fault = |code: &str, message: String, help: String| Fault::new(code, message, help);
    match error {
        E::ErrorInFunctionCall(_, _, inner, _) | E::ErrorInModule(_, inner, _) => explain(inner, at, known),
        E::ErrorRuntime(value, _) => thrown(value),
        E::ErrorParsing(kind, _) => explain_parse(kind),
        E::ErrorFunctionNotFound(signature, _) => function_not_found(signature, known),
        E::ErrorVariableNotFound(name, _) => variable_not_found(name, known),
        E::ErrorPropertyNotFound(name, _) => {
            let keys = at.and_then(|place| map_before(place, name)).and_then(|variable| known.variables.get(&variable));
            let help = match keys {
                Some(keys) => did_you_mean(name, keys.iter().map(String::as_str)),
                None => "to test for a key write `\"key\" in map`; to read one that may be missing, `map.get(\"key\")`".into(),
            };
            fault("script::unknown_property", format!("this map has no key `{name}`"), help)
        }
        E::ErrorDotExpr(message, _) => property_of_type(message, known),
        E::ErrorIndexNotFound(index, _) => fault("script::index", format!("there is no item `{index}`"), String::new()),
        E::ErrorModuleNotFound(path, _) => fault(
            "script::unknown_module",
            format!("there is no script or imported module `{path}`"),
            match nearest(path, known.scripts.iter().map(String::as_str)) {
                Some(script) => format!("did you mean `{script}`?"),
                None => "`import \"folder/name\" as x` looks in the script library, then beside the importing script".into(),
            },
        ),
        E::ErrorUnboundThis(_) => {
            fault("script::no_this", "`this` has no value here".into(), "call the function as a method: `value.name()`".into())
        }
        E::ErrorMismatchDataType(wanted, found, _) | E::ErrorMismatchOutputType(wanted, found, _) => {
            let (wanted, found) = (friendly(wanted), friendly(found));
            let message = match (wanted.as_str(), found.as_str()) {
                ("", found) => format!("a value of type {found} cannot be used here"),
                (wanted, "") => format!("this must be of type {wanted}"),
                (wanted, found) => format!("this must be of type {wanted}, but is {found}"),
            };
            fault("script::type", message, String::new())
        }
        E::ErrorIndexingType(types, _) => {
            let base = types.split(" [").next().unwrap_or(types);
            fault("script::type", format!("a value of type {} cannot be indexed with [ ]", friendly(base)), String::new())
        }
        E::ErrorArrayBounds(count, index, _) => fault(
            "script::index",
            format!("there is no item {index}: the array has {count}"),
            "the first item is 0, the last one is -1".into(),
        ),
        E::ErrorStringBounds(count, index, _) => {
            fault("script::index", format!("there is no character {index}: the text has {count}"), String::new())
        }
        E::ErrorFor(_) => fault(
            "script::type",
            "`for` cannot go through this value".into(),
            "it goes through arrays, ranges such as `0..3`, texts and maps' `keys()`".into(),
        ),
        E::ErrorAssignmentToConstant(name, _) => {
            fault("script::constant", format!("`{name}` is constant"), "declare it with `let` to change it".into())
        }
        E::ErrorNonPureMethodCallOnConstant(name, _) => {
            fault("script::constant", format!("`{name}` would change a constant"), "declare the value with `let`".into())
        }
        E::ErrorArithmetic(message, _) => fault("script::arithmetic", lower_first(message), String::new()),
        E::ErrorDataRace(name, _) => fault(
            "script::shared",
            format!(
                "a captured variable is used twice at once{}",
                function(name).map(|name| format!(": by `{name}`, and by a closure that it calls")).unwrap_or_default()
            ),
            "copy it into another variable first".into(),
        ),
        E::ErrorTooManyOperations(_) => {
            fault("script::limit", "the script took more operations than allowed".into(), String::new())
        }
        E::ErrorStackOverflow(_) => {
            fault("script::too_deep", "functions call each other too deeply".into(), "does a recursion lack its end?".into())
        }
        E::ErrorDataTooLarge(what, _) => {
            fault("script::limit", format!("{} larger than allowed", lower_first(what)), String::new())
        }
        E::ErrorTerminated(..) => {
            fault("session::interrupted", "interrupted".into(), "what was finished is kept; run it again to go on".into())
        }
        other => {
            let text = other.to_string();
            let text = text.split(" (line ").next().unwrap_or(&text);
            fault("script::error", lower_first(text), String::new())
        }
    }
}

/// A parse error in the user's words.
pub(in crate::runtime) fn explain_parse(kind: &ParseErrorType) -> Fault {
    use ParseErrorType as P;
    let (message, help) = match kind {
        P::UnexpectedEOF => {
            ("the script ends too early".into(), "something is missing at the end: a value, or a closing bracket".to_owned())
        }
        P::BadInput(LexError::UnterminatedString) => ("this text has no end".into(), "close it with the same quote".into()),
        P::Reserved(word) => (
            format!("`{word}` is a reserved word"),
            "use another name; as a key of a map, put it in quotes: #{ \"WORD\": ... }".replace("WORD", word),
        ),
        P::WrongDocComment => ("a `///` comment must stand right before a function".into(), "use `//` here".into()),
        P::WrongFnDefinition => {
            ("a function cannot be defined inside a block".into(), "define it at top level, or write a closure `|x| ...`".into())
        }
        P::MismatchedType(wanted, found) if wanted.contains("iterable") => {
            (format!("`for` cannot go through {found}"), "write for example `for i in 0..3`, or give it an array".into())
        }
        P::MissingToken(token, what) => (format!("expected `{token}` {what}"), String::new()),
        other => (lower_first(&other.to_string()), String::new()),
    };
    Fault::new("script::syntax", message, help)
}

/// `throw value`: a text, or a map with `message`, `code` and `help`.
fn thrown(value: &Dynamic) -> Fault {
    if let Some(map) = value.read_lock::<Map>() {
        let text = |key: &str| map.get(key).map(ToString::to_string).filter(|text| !text.is_empty());
        if let Some(message) = text("message") {
            let code = text("code").unwrap_or_else(|| "script::thrown".into());
            return Fault::new(&code, message, text("help").unwrap_or_default());
        }
    }
    let message = if value.is_unit() { "the script gave up with `throw`".into() } else { value.to_string() };
    Fault::new("script::thrown", message, "")
}

fn function_not_found(signature: &str, known: &Known<'_>) -> Fault {
    let (name, arguments) = signature.split_once(" (").unwrap_or((signature, ""));
    let arguments: Vec<String> =
        arguments.trim_end_matches(')').split(", ").filter(|argument| !argument.is_empty()).map(friendly).collect();
    let (name, given) = (name.trim(), arguments.join(", "));
    if name.starts_with("anon$") {
        return Fault::new(
            "script::wrong_arguments",
            format!("this closure does not take ({given})"),
            "give it one parameter for each value it is called with",
        );
    }
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        let message = match arguments.as_slice() {
            [left, right] => format!("`{name}` is not defined between {left} and {right}"),
            _ => format!("`{name}` is not defined for {given}"),
        };
        return Fault::new("script::wrong_arguments", message, "");
    }
    if arguments.first().is_some_and(|of| of == "Node")
        && let Some(act) = activations().find(|act| *act == name).or_else(|| nearest(name, activations()))
    {
        let help = format!("an activation of a node is `.act(\"{act}\")`, or `.act()` for the operator's own");
        return Fault::new("script::unknown_function", format!("a node has no `{name}`"), help);
    }
    let signatures = known.signatures(name);
    if !signatures.is_empty() {
        let help = format!("it is called as {}", signatures.join("\nor as ").as_str());
        return Fault::new("script::wrong_arguments", format!("`{name}` does not take ({given})"), help);
    }
    let help = match nearest(name, known.function_names()) {
        _ if known.variables.contains_key(name) => {
            format!("`{name}` is a variable: a function in it is called by `{name}.call(...)`")
        }
        Some(near) => format!("did you mean `{near}`?"),
        None => "`help()` lists what there is".into(),
    };
    Fault::new("script::unknown_function", format!("there is no function `{name}`"), help)
}

fn variable_not_found(name: &str, known: &Known<'_>) -> Fault {
    let help = if known.variables.contains_key(name) {
        "functions do not see variables outside them: pass it as an argument, or use a closure `|x| ...`".into()
    } else if !known.signatures(name).is_empty() {
        format!("`{name}` is a function: call it as {}", known.signatures(name).join("\nor as "))
    } else {
        let functions = known.function_names();
        match nearest(name, known.variables.keys().map(String::as_str).chain(functions)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("set it first: `let {name} = ...`"),
        }
    };
    Fault::new("script::unknown_variable", format!("there is no variable `{name}`"), help)
}

/// Rhai says "Unknown property 'x' - a getter is not registered for type 'T'".
fn property_of_type(message: &str, known: &Known<'_>) -> Fault {
    let mut quoted = message.split('\'').skip(1).step_by(2);
    let (Some(name), Some(kind)) = (quoted.next(), quoted.next()) else {
        return Fault::new("script::error", lower_first(message), "");
    };
    let kind = friendly(kind);
    if message.starts_with("No writable") {
        return Fault::new("script::read_only", format!("`{name}` of a {kind} cannot be set"), "");
    }
    let members = known.catalogue.map(|catalogue| catalogue.members_of(&kind)).unwrap_or_default();
    let help = if members.iter().any(|entry| entry.kind == Kind::Function && entry.name == name) {
        format!("`{name}` is a method: write `.{name}()`")
    } else {
        let properties: Vec<&str> =
            members.iter().filter(|entry| entry.kind == Kind::Property).map(|entry| entry.name.as_str()).collect();
        match nearest(name, members.iter().map(|entry| entry.name.as_str())) {
            Some(near) => format!("did you mean `{near}`?"),
            None if properties.is_empty() => String::new(),
            None => did_you_mean(name, properties.iter().copied()),
        }
    };
    Fault::new("script::unknown_property", format!("a value of type {kind} has no property `{name}`"), help)
}

/// The variable before `.name` at `place`.
fn map_before(place: &Place, name: &str) -> Option<String> {
    let text: Vec<char> = place.text.as_deref()?.chars().collect();
    let end = place.column.checked_sub(1)?;
    let before: String = text.get(..end)?.iter().collect();
    let before = before.trim_end().strip_suffix('.').map(str::to_owned).or_else(|| {
        // Some errors stand at the variable itself.
        let rest: String = text.get(end..)?.iter().collect();
        rest.find(&format!(".{name}")).map(|at| format!("{before}{}", &rest[..at]))
    })?;
    let start = before
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    Some(before[start..].to_owned()).filter(|word| !word.is_empty())
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

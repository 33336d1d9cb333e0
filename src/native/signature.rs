//! What a function in Rust takes and gives, read from its source.

use serde::{Deserialize, Serialize};
use syn::{Block, FnArg, GenericArgument, Item, ItemFn, Pat, PathArguments, ReturnType, Stmt, Visibility};

use super::NativeFault;

/// What crosses between a script and a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Type {
    /// `i64`.
    Int,
    /// `f64`.
    Float,
    /// `bool`.
    Bool,
    /// `&str` or `String`.
    Text,
    /// `&[i64]` or `Vec<i64>`.
    Ints,
    /// `&[f64]` or `Vec<f64>`.
    Floats,
}

/// A type as written, what it is, and whether the function owns it.
const FORMS: [(&str, Type, bool); 9] = [
    ("i64", Type::Int, false),
    ("f64", Type::Float, false),
    ("bool", Type::Bool, false),
    ("&str", Type::Text, false),
    ("String", Type::Text, true),
    ("&[i64]", Type::Ints, false),
    ("Vec<i64>", Type::Ints, true),
    ("&[f64]", Type::Floats, false),
    ("Vec<f64>", Type::Floats, true),
];

impl Type {
    /// What it is called where a script gives it.
    pub fn words(self) -> &'static str {
        match self {
            Type::Int => "an integer",
            Type::Float => "a number",
            Type::Bool => "true or false",
            Type::Text => "a text",
            Type::Ints => "an array of integers",
            Type::Floats => "an array of numbers",
        }
    }

    /// Whether its values have lengths of their own.
    pub fn is_list(self) -> bool {
        matches!(self, Type::Text | Type::Ints | Type::Floats)
    }
}

/// What a function takes under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Type,
    /// Whether the function owns it.
    pub(super) owned: bool,
    form: &'static str,
}

/// What a function takes and gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// What it gives; `None` for nothing.
    pub result: Option<Type>,
    /// Whether it gives a `Result`.
    pub fallible: bool,
    gives: String,
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parameters: Vec<_> = self.parameters.iter().map(|own| format!("{}: {}", own.name, own.form)).collect();
        write!(f, "fn {}({})", self.name, parameters.join(", "))?;
        if self.gives.is_empty() { Ok(()) } else { write!(f, " -> {}", self.gives) }
    }
}

impl Signature {
    /// The function of `source` that a script calls: the one that is `pub`, or the only one. `None` if `source` is not Rust,
    /// which the compiler explains better.
    pub(super) fn read(source: &str) -> Option<Result<Self, NativeFault>> {
        let file = syn::parse_file(source).ok()?;
        let functions: Vec<&ItemFn> = file
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Fn(function) => Some(function),
                _ => None,
            })
            .collect();
        let public: Vec<_> = functions.iter().copied().filter(|function| matches!(function.vis, Visibility::Public(_))).collect();
        let of = if public.is_empty() { &functions } else { &public };
        Some(match of.as_slice() {
            [function] => Self::of(function),
            [] => Err(NativeFault::Function {
                what: "there is no function in the Rust code".into(),
                help: "write for example `fn double(x: f64) -> f64 { 2.0 * x }`".into(),
            }),
            many => {
                let names: Vec<_> = many.iter().map(|function| format!("`{}`", function.sig.ident)).collect();
                Err(NativeFault::Function {
                    what: format!("which function is to be called: {}?", names.join(", ")),
                    help: "mark that one, and no other, with `pub`".into(),
                })
            }
        })
    }

    /// The functions that a cell defines and scripts can call, and whether it ends with a value, after which nothing may stand.
    /// A cell may hold statements and lines that are commands.
    pub(super) fn in_cell(code: &str) -> (Vec<Self>, bool) {
        let code: String =
            code.lines().filter(|line| !line.trim_start().starts_with(':')).map(|line| format!("{line}\n")).collect();
        let statements = syn::parse::Parser::parse_str(Block::parse_within, &code).unwrap_or_default();
        let found = statements.iter().filter_map(|statement| match statement {
            Stmt::Item(Item::Fn(function)) => Self::of(function).ok(),
            _ => None,
        });
        let ends_with_value = match statements.last() {
            Some(Stmt::Expr(_, semicolon)) => semicolon.is_none(),
            Some(Stmt::Macro(call)) => call.semi_token.is_none(),
            _ => false,
        };
        (found.collect(), ends_with_value)
    }

    /// What `function` takes and gives.
    fn of(function: &ItemFn) -> Result<Self, NativeFault> {
        let signature = &function.sig;
        let name = signature.ident.to_string();
        if !signature.generics.params.is_empty() || signature.asyncness.is_some() || name.starts_with("r#") {
            return Err(NativeFault::Function {
                what: format!("`{name}` is generic, asynchronous or has a reserved name"),
                help: "give it a plain signature, such as `fn f(x: f64) -> f64`".into(),
            });
        }
        let wrong =
            |place: String, results: bool| NativeFault::Signature { function: name.clone(), place, known: known(results) };
        let mut parameters = Vec::new();
        for (at, input) in signature.inputs.iter().enumerate() {
            let FnArg::Typed(input) = input else { return Err(wrong("`self`".into(), false)) };
            let own = match &*input.pat {
                Pat::Ident(own) => own.ident.to_string(),
                _ => format!("argument {}", at + 1),
            };
            let (form, kind, owned) =
                form(&input.ty).and_then(|form| found(&form)).ok_or_else(|| wrong(format!("`{own}`"), false))?;
            parameters.push(Parameter { name: own, kind, owned, form });
        }
        let (result, fallible, gives) = match &signature.output {
            ReturnType::Default => (None, false, String::new()),
            ReturnType::Type(_, given) => {
                let inner = ok_of(given);
                let form = form(inner.unwrap_or(given)).ok_or_else(|| wrong("the result".into(), true))?;
                let gives = if inner.is_some() { format!("Result<{form}, …>") } else { form.clone() };
                match form.as_str() {
                    "()" => (None, inner.is_some(), gives),
                    form => (Some(found(form).ok_or_else(|| wrong("the result".into(), true))?.1), inner.is_some(), gives),
                }
            }
        };
        Ok(Self { name, parameters, result, fallible, gives })
    }

    /// A fault about the arguments of a call.
    pub fn refuse(&self, what: impl Into<String>) -> NativeFault {
        NativeFault::Arguments { what: what.into(), signature: self.to_string() }
    }
}

fn known(results: bool) -> String {
    let forms: Vec<_> = FORMS.iter().map(|(form, ..)| format!("`{form}`")).collect();
    let results = if results { ", none, or a `Result` with one of them" } else { "" };
    format!("{}{results}", forms.join(", "))
}

fn found(form: &str) -> Option<(&'static str, Type, bool)> {
    FORMS.iter().copied().find(|(own, ..)| *own == form)
}

/// A type as it is usually written, without lifetimes and paths; `None` for one that is not a simple one.
fn form(given: &syn::Type) -> Option<String> {
    match given {
        syn::Type::Paren(inner) => form(&inner.elem),
        syn::Type::Reference(to) if to.mutability.is_none() => Some(format!("&{}", form(&to.elem)?)),
        syn::Type::Slice(of) => Some(format!("[{}]", form(&of.elem)?)),
        syn::Type::Tuple(of) if of.elems.is_empty() => Some("()".into()),
        syn::Type::Path(path) if path.qself.is_none() => {
            let last = path.path.segments.last()?;
            match &last.arguments {
                PathArguments::None => Some(last.ident.to_string()),
                PathArguments::AngleBracketed(inner) if inner.args.len() == 1 => match inner.args.first()? {
                    GenericArgument::Type(inner) => Some(format!("{}<{}>", last.ident, form(inner)?)),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

/// What a `Result` holds if all is well.
fn ok_of(given: &syn::Type) -> Option<&syn::Type> {
    let syn::Type::Path(path) = given else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(inner) = &last.arguments else { return None };
    match inner.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Signature;

    fn said(source: &str) -> String {
        match Signature::read(source) {
            None => "not Rust".into(),
            Some(Ok(signature)) => signature.to_string(),
            Some(Err(fault)) => fault.to_string(),
        }
    }

    #[test]
    fn the_function_to_call_is_found() {
        assert_eq!(said("fn f(x: &[f64], n: i64) -> f64 { 0.0 }"), "fn f(x: &[f64], n: i64) -> f64");
        assert_eq!(said("fn help() {} pub fn f(s: &'static str) -> Vec<f64> { vec![] }"), "fn f(s: &str) -> Vec<f64>");
        assert_eq!(said("fn f(_: bool) -> Result<std::string::String, E> { x }"), "fn f(argument 1: bool) -> Result<String, …>");
        assert_eq!(said("fn f("), "not Rust");
        assert!(said("fn f() {} fn g() {}").contains("`f`, `g`"));
        assert!(said("fn f(x: u8) {}").starts_with("`x` of `f`"));
        assert!(said("fn f<T>(x: T) {}").contains("generic"));
        assert!(said("const A: i64 = 1;").contains("no function"));
    }

    #[test]
    fn the_functions_of_a_cell_are_found() {
        let cell = ":dep rand = \"0.10\"\nlet x = 1;\nfn f(n: i64) -> i64 { n }\nstruct S;\nfn g(s: S) {}\nx + f(2)";
        let (found, ends_with_value) = Signature::in_cell(cell);
        assert_eq!(found.into_iter().map(|found| found.name).collect::<Vec<_>>(), ["f"]);
        assert!(ends_with_value && !Signature::in_cell("fn f() {}").1 && !Signature::in_cell("f(2);").1);
    }
}

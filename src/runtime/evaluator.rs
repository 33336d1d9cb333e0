//! Evaluates the inputs of a session and keeps what they leave behind: variables, functions, imports.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use rhai::{AST, Array, Dynamic, EvalAltResult, Expr, FnPtr, Map, Scope, Stmt};

use super::catalogue::session_entry;
use super::render::{Sources, Trouble, friendly};
use super::session::{Bundle, Outcome, Shared, Variable};
use crate::base::Fault;

/// The state of a session that only its own thread touches.
pub(super) struct Evaluator {
    shared: Arc<Shared>,
    scope: Scope<'static>,
    /// Import statements and functions of earlier inputs.
    kept: AST,
    imports: BTreeSet<(String, String)>,
    /// Texts of inputs by name, and the input that defined each function.
    texts: BTreeMap<String, String>,
    origins: BTreeMap<String, String>,
}

impl Evaluator {
    pub fn new(shared: Arc<Shared>, args: Vec<String>) -> Self {
        let mut scope = Scope::new();
        shared.host.running.set_args(args.clone());
        let args: Array = args.into_iter().map(Dynamic::from).collect();
        scope.push_constant("ARGS", args);
        let this = Self {
            shared,
            scope,
            kept: AST::empty(),
            imports: BTreeSet::new(),
            texts: BTreeMap::new(),
            origins: BTreeMap::new(),
        };
        this.publish();
        this
    }

    /// Evaluates one input; `text` is what messages quote from.
    pub fn eval(&mut self, source: &str, name: &str, text: String) -> Outcome {
        let began = Instant::now();
        self.texts.insert(name.into(), text);
        self.shared.host.running.begin(name, source);
        let result = match catch_unwind(AssertUnwindSafe(|| self.run(source, name))) {
            Ok(result) => result,
            Err(panic) => Err(broken(panic.as_ref())),
        };
        if result.is_err() {
            self.shared.host.running.failed();
        }
        self.publish();
        let took = began.elapsed();
        match result {
            Ok(value) if value.is_unit() => Outcome { value: None, printed: None, trouble: None, took, raw: value },
            Ok(value) => match self.show(&value) {
                Ok((bundle, printed)) => Outcome { value: Some(bundle), printed: Some(printed), trouble: None, took, raw: value },
                Err(error) => self.failed(&error, name, took),
            },
            Err(error) => self.failed(&error, name, took),
        }
    }

    fn run(&mut self, source: &str, name: &str) -> Result<Dynamic, Box<EvalAltResult>> {
        let mut ast = self.shared.engine.compile_with_scope(&self.scope, source)?;
        let functions = ast.clone_functions_only();
        for function in functions.iter_functions() {
            self.origins.insert(function.name.to_owned(), name.to_owned());
        }
        let imports = imports_of(&ast);
        ast = self.kept.merge(&ast);
        ast.set_source(name);
        let result = self.shared.engine.eval_ast_with_scope::<Dynamic>(&mut self.scope, &ast);
        self.kept.combine(functions);
        for import in imports {
            self.keep_import(import);
        }
        result
    }

    /// Makes a module stay known to later inputs. An import that failed is not kept: it would fail each time.
    fn keep_import(&mut self, import: (String, String)) {
        let (path, alias) = &import;
        let statement = format!("import {path:?} as {alias};");
        let engine = &self.shared.engine;
        if self.imports.contains(&import) || engine.run(&statement).is_err() {
            return;
        }
        if let Ok(ast) = engine.compile(&statement) {
            self.kept.combine(ast);
            self.imports.insert(import);
        }
    }

    /// Lets the front's thread know what there is now.
    fn publish(&self) {
        let mut variables = BTreeMap::new();
        for (name, _, value) in self.scope.iter_raw() {
            let kind = friendly(self.shared.engine.map_type_name(value.type_name()));
            let keys = value.read_lock::<Map>().map(|map| map.keys().map(ToString::to_string).collect()).unwrap_or_default();
            variables.insert(name.to_owned(), Variable { kind, type_id: value.type_id(), keys });
        }
        *self.shared.variables.write().unwrap_or_else(PoisonError::into_inner) = variables;
        *self.shared.functions.write().unwrap_or_else(PoisonError::into_inner) =
            self.kept.iter_functions().filter_map(|function| session_entry(&function)).collect();
    }

    /// A value's forms, and the value as `print` shows it. What a type looks like is asked of the engine.
    fn show(&self, value: &Dynamic) -> Result<(Bundle, String), Box<EvalAltResult>> {
        let printed = match value.read_lock::<FnPtr>() {
            Some(closure) if closure.is_anonymous() => "<closure>".into(),
            _ => self.text("to_string", value)?,
        };
        // A text is quoted as in source, unless it is a page of its own.
        let plain = if value.is_string() && !printed.contains('\n') { self.text("to_debug", value)? } else { printed.clone() };
        let forms = BTreeMap::from([("text/plain".to_owned(), plain)]);
        Ok((Bundle { forms }, printed))
    }

    fn text(&self, form: &str, value: &Dynamic) -> Result<String, Box<EvalAltResult>> {
        let empty = AST::empty();
        match FnPtr::new(form)?.call::<Dynamic>(&self.shared.engine, &empty, (value.clone(),)) {
            Ok(text) => Ok(text.to_string()),
            Err(error) if matches!(error.unwrap_inner(), EvalAltResult::ErrorFunctionNotFound(..)) => {
                Ok(format!("<{}>", friendly(self.shared.engine.map_type_name(value.type_name()))))
            }
            Err(error) => Err(error),
        }
    }

    fn failed(&self, error: &EvalAltResult, name: &str, took: std::time::Duration) -> Outcome {
        let text = |source: &str| self.texts.get(source).cloned().or_else(|| self.shared.library.text(source));
        let origin = |function: &str| self.origins.get(function).cloned();
        let catalogue = self.shared.everything();
        let trouble = Trouble::of(error, name, &Sources { text: &text, origin: &origin }, &self.shared.known(&catalogue));
        Outcome { value: None, printed: None, trouble: Some(Box::new(trouble)), took, raw: Dynamic::UNIT }
    }
}

/// Top-level imports of a literal path under a name.
fn imports_of(ast: &AST) -> Vec<(String, String)> {
    ast.statements()
        .iter()
        .filter_map(|statement| match statement {
            Stmt::Import(import, _) => match (&import.0, import.1.name.as_str()) {
                (Expr::StringConstant(path, _), alias) if !alias.is_empty() => Some((path.to_string(), alias.to_owned())),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

fn broken(panic: &(dyn std::any::Any + Send)) -> Box<EvalAltResult> {
    let said = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    let fault = Fault::new(
        "session::defect",
        format!("a defect of the lab: {}", said.unwrap_or_else(|| "a primitive gave up".into())),
        "the session goes on; please report what you did",
    );
    crate::primitive::cross::raise(fault)
}

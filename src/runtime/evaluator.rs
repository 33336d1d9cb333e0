//! Evaluates the inputs of a session and keeps what they leave behind: variables, functions, imports.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use rhai::{AST, Array, Dynamic, Engine, EvalAltResult, Expr, Map, Scope, Stmt};

use super::arguments::by_name;
use super::catalogue::session_entry;
use super::render::{Sources, Trouble, friendly, shared_call};
use super::session::{Outcome, Shared, Variable};
use super::shebang::without_shebang;
use super::shown;
use super::tokens::{Reference, readable, references, stand_ins};
use crate::base::Fault;
use crate::primitive::front::Bundle;

/// The state of a session that only its own thread touches.
pub(super) struct Evaluator {
    shared: Arc<Shared>,
    scope: Scope<'static>,
    /// Variables that are there from the start.
    built_in: usize,
    /// Import statements and functions of earlier inputs.
    kept: AST,
    imports: BTreeSet<(String, String)>,
    /// Texts of inputs by name, and the input that defined each function.
    texts: BTreeMap<String, String>,
    origins: BTreeMap<String, String>,
    /// Values of inputs by number: `_3`.
    results: BTreeMap<usize, Dynamic>,
    /// The input that failed last: its text and name.
    pub(super) failed: Option<(String, String)>,
}

impl Evaluator {
    pub fn new(shared: Arc<Shared>, args: Vec<String>) -> Self {
        let mut scope = Scope::new();
        scope.push_constant("args", by_name(&args));
        shared.host.running.starts(args.clone(), shared.host.settings.seed);
        let args: Array = args.into_iter().map(Dynamic::from).collect();
        scope.push_constant("ARGS", args);
        let this = Self {
            shared,
            built_in: scope.len(),
            scope,
            kept: AST::empty(),
            imports: BTreeSet::new(),
            texts: BTreeMap::new(),
            origins: BTreeMap::new(),
            results: BTreeMap::new(),
            failed: None,
        };
        this.publish();
        this
    }

    /// Evaluates one input; `text` is what messages quote from. With a number its value is kept as `_number`.
    pub fn eval(&mut self, source: &str, name: &str, text: String, number: Option<usize>) -> Outcome {
        let began = Instant::now();
        self.texts.insert(name.into(), text);
        self.shared.host.running.begin(name, source);
        let engine = self.shared.engine.clone();
        let result = match catch_unwind(AssertUnwindSafe(|| self.run(&engine, source, name))) {
            Ok(result) => result,
            Err(panic) => Err(broken(panic.as_ref())),
        };
        if result.is_err() {
            self.shared.host.running.failed();
        }
        self.publish();
        let took = began.elapsed();
        let outcome = match result {
            Ok(value) if value.is_unit() => Outcome { value: None, printed: None, trouble: None, took, raw: value },
            Ok(value) => match self.show(&value) {
                Ok((bundle, printed)) => {
                    if let Some(number) = number {
                        self.results.insert(number, value.clone());
                    }
                    Outcome { value: Some(bundle), printed: Some(printed), trouble: None, took, raw: value }
                }
                Err(error) => self.failed(&error, name, took),
            },
            Err(error) => self.failed(&error, name, took),
        };
        if outcome.trouble.is_some() {
            self.failed = Some((source.to_owned(), name.to_owned()));
        }
        outcome
    }

    /// Evaluates `source` with `engine`, and keeps what it defines.
    pub(super) fn run(&mut self, engine: &Engine, source: &str, name: &str) -> Result<Dynamic, Box<EvalAltResult>> {
        self.with_results(source, |this, source| {
            let ast = engine.compile_with_scope(&this.scope, without_shebang(source))?;
            let functions = ast.clone_functions_only();
            for function in functions.iter_functions() {
                this.origins.insert(function.name.to_owned(), name.to_owned());
            }
            let imports = imports_of(&ast);
            let mut ast = this.kept.merge(&ast);
            ast.set_source(name);
            let result = engine.eval_ast_with_scope::<Dynamic>(&mut this.scope, &ast);
            this.kept.combine(functions);
            for import in imports {
                this.keep_import(import);
            }
            result
        })
    }

    /// Runs `source` again and again and forgets what it defines: `times` is asked before each run. Gives the seconds of each.
    pub(super) fn repeat(&mut self, source: &str, mut again: impl FnMut(&[f64]) -> bool) -> Result<Vec<f64>, Box<EvalAltResult>> {
        let engine = self.shared.engine.clone();
        self.with_results(source, |this, source| {
            let ast = engine.compile_with_scope(&this.scope, source)?;
            let ast = this.kept.merge(&ast);
            let (mut seconds, depth) = (Vec::new(), this.scope.len());
            while again(&seconds) {
                let began = Instant::now();
                let result = engine.eval_ast_with_scope::<Dynamic>(&mut this.scope, &ast);
                seconds.push(began.elapsed().as_secs_f64());
                this.scope.rewind(depth);
                let _ = result?;
            }
            Ok(seconds)
        })
    }

    /// Does `work` on `source` with the earlier results that it refers to as variables.
    fn with_results<T>(
        &mut self,
        source: &str,
        work: impl FnOnce(&mut Self, &str) -> Result<T, Box<EvalAltResult>>,
    ) -> Result<T, Box<EvalAltResult>> {
        let found = references(&self.shared.engine, source);
        let (text, named) = stand_ins(source, &found, |name| self.scope.contains(name));
        let values: Vec<_> = named
            .into_iter()
            .map(|(reference, name)| Ok((name, self.result(reference)?)))
            .collect::<Result<_, Box<EvalAltResult>>>()?;
        for (name, value) in &values {
            self.scope.push_dynamic(name.as_str(), value.clone());
        }
        let done = work(self, &text);
        for (name, _) in &values {
            let _ = self.scope.remove::<Dynamic>(name);
        }
        done
    }

    fn result(&self, reference: Reference) -> Result<Dynamic, Box<EvalAltResult>> {
        let found = match reference {
            Reference::Back(back) => self.results.values().rev().nth(back - 1),
            Reference::Input(number) => self.results.get(&number),
        };
        found.cloned().ok_or_else(|| {
            let known: Vec<String> = self.results.keys().rev().take(5).map(|number| format!("`_{number}`")).collect();
            let help = match known.as_slice() {
                [] => "no input has given a value yet".to_owned(),
                known => format!("the last ones are {}", known.join(", ")),
            };
            let message = format!("there is no result `{}`", reference.name());
            crate::primitive::cross::raise(Fault::new("session::no_result", message, help))
        })
    }

    /// Forgets variables, functions, imports and results; gives the numbers of variables and functions.
    pub(super) fn reset(&mut self) -> (usize, usize) {
        let gone = (self.variables().count(), self.kept.iter_functions().filter(|function| !is_anonymous(function.name)).count());
        self.scope.rewind(self.built_in);
        self.kept = AST::empty();
        self.imports.clear();
        self.results.clear();
        self.publish();
        gone
    }

    /// What the session's user defined: names and values, a name that was set twice only with its last value.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &Dynamic)> {
        let all: BTreeMap<&str, &Dynamic> =
            (&self.scope).into_iter().skip(self.built_in).map(|(name, value, _)| (name, value)).collect();
        all.into_iter()
    }

    /// A value in one short line.
    pub(super) fn brief(&self, value: &Dynamic) -> String {
        const LONGEST: usize = 60;
        const MOST: usize = 100;
        let items = value.read_lock::<Array>().map(|items| items.len()).or_else(|| value.read_lock::<Map>().map(|map| map.len()));
        if let Some(items) = items.filter(|items| *items > MOST) {
            return format!("{items} items");
        }
        // Its other forms would take long to draw.
        let text = match shown::plain(&self.shared.engine, value) {
            Ok((text, _)) => text.trim().to_owned(),
            Err(_) => "?".into(),
        };
        let first = text.lines().next().unwrap_or_default();
        let mut short: String = first.chars().take(LONGEST).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        short
    }

    /// The texts of inputs, for quoting.
    pub(super) fn text_of(&self, source: &str) -> Option<String> {
        self.texts.get(source).cloned().or_else(|| self.shared.library.text(source))
    }

    /// The report of an error in `source`.
    pub(super) fn trouble(&self, error: &EvalAltResult, name: &str) -> Trouble {
        let text = |source: &str| self.text_of(source);
        let origin = |function: &str| self.origins.get(function).cloned();
        let catalogue = self.shared.everything();
        let engine = &self.shared.engine;
        let shared =
            |source: &str, what: &str| shared_call(engine, &readable(engine, &without_shebang(&self.text_of(source)?)), what);
        let sources = Sources { text: &text, origin: &origin, shared: &shared };
        Trouble::of(error, name, &sources, &self.shared.known(&catalogue))
    }

    /// Line `line` of a source.
    pub(super) fn line_of(&self, source: &str, line: usize) -> Option<String> {
        let text = self.text_of(source).or_else(|| std::fs::read_to_string(source).ok())?;
        text.lines().nth(line.checked_sub(1)?).map(str::to_owned)
    }

    /// Keeps the text of a source for quoting.
    pub(super) fn keep_text(&mut self, name: &str, text: &str) {
        self.texts.insert(name.to_owned(), text.to_owned());
    }

    pub(super) fn set_variable(&mut self, name: &str, value: Dynamic) {
        self.scope.set_or_push(name, value);
        self.publish();
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
        let variables = (&self.scope).into_iter().map(|(name, value, _)| {
            let kind = friendly(self.shared.engine.map_type_name(value.type_name()));
            let keys = value.read_lock::<Map>().map(|map| map.keys().map(ToString::to_string).collect()).unwrap_or_default();
            let plain = value.is_int() || value.is_float() || value.is_bool();
            let shown = if plain { value.to_string() } else { String::new() };
            (name.to_owned(), Variable { kind, keys, shown })
        });
        self.shared
            .publish(variables.collect(), self.kept.iter_functions().filter_map(|function| session_entry(&function)).collect());
    }

    /// A value's forms, and the value as `print` shows it.
    pub(super) fn show(&self, value: &Dynamic) -> Result<(Bundle, String), Box<EvalAltResult>> {
        shown::show(&self.shared.engine, &self.shared.host, value)
    }

    fn failed(&self, error: &EvalAltResult, name: &str, took: std::time::Duration) -> Outcome {
        let trouble = self.trouble(error, name);
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

fn is_anonymous(function: &str) -> bool {
    function.starts_with("anon$")
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

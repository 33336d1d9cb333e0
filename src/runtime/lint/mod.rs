//! Reads a script without running it: unknown functions and variables, wrong arity, misspelt options, also inside
//! closures that never ran.

mod walk;

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, Map, Position, Stmt};

use super::Session;
use super::catalogue::{Catalogue, Kind};
use super::example::{Block, Finding};
use super::render::explain_parse;
use super::shebang::without_shebang;
use crate::base::{did_you_mean, nearest};

/// Functions that the script language treats by itself.
const SYNTACTIC: [&str; 11] =
    ["print", "debug", "type_of", "eval", "call", "curry", "is_shared", "is_def_var", "is_def_fn", "Fn", "exit"];

/// What is wrong with `block`, in reading order.
pub(super) fn lint(session: &Session, block: &Block) -> Vec<Finding> {
    let finding = |line: usize, message: String| Finding { file: block.file.clone(), line, message };
    let ast = match session.engine().compile(without_shebang(&block.text)) {
        Ok(ast) => ast,
        Err(error) => {
            let fault = explain_parse(error.err_type());
            return vec![finding(error.position().line().unwrap_or(block.first_line), fault.message)];
        }
    };
    let catalogue = session.catalogue();
    let mut linter = Linter::new(&ast, &catalogue);
    walk::script(&mut linter, &ast);
    let mut found = linter.found;
    found.sort();
    found.dedup();
    found.into_iter().map(|(line, _, message)| finding(line, message)).collect()
}

/// What a script may name, and what was found so far: line, column, message.
struct Linter<'a> {
    catalogue: &'a Catalogue,
    /// Parameter counts of each function of the lab or the language.
    arities: BTreeMap<&'a str, BTreeSet<usize>>,
    /// Parameter counts of the script's own functions.
    own: BTreeMap<String, BTreeSet<usize>>,
    modules: BTreeSet<String>,
    /// Keys of all maps in the script: a closure kept in a map is called like a method.
    keys: BTreeSet<String>,
    found: Vec<(usize, usize, String)>,
}

impl<'a> Linter<'a> {
    fn new(ast: &AST, catalogue: &'a Catalogue) -> Self {
        let mut arities: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for entry in catalogue.entries().iter().filter(|entry| entry.kind == Kind::Function) {
            arities.entry(&entry.path).or_default().insert(entry.params.len());
        }
        let mut own: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for function in ast.iter_functions() {
            own.entry(function.name.to_owned()).or_default().insert(function.params.len());
        }
        let mut modules = BTreeSet::new();
        let mut keys = BTreeSet::new();
        ast.walk(&mut |path| {
            match path.last() {
                Some(rhai::ASTNode::Stmt(Stmt::Import(import, _))) => {
                    modules.insert(import.1.name.to_string());
                }
                Some(rhai::ASTNode::Expr(rhai::Expr::Map(map, _))) => {
                    keys.extend(map.0.iter().map(|(key, _)| key.name.to_string()));
                }
                Some(rhai::ASTNode::Expr(rhai::Expr::DynamicConstant(value, _))) => {
                    keys.extend(
                        value
                            .read_lock::<Map>()
                            .into_iter()
                            .flat_map(|map| map.keys().map(ToString::to_string).collect::<Vec<_>>()),
                    );
                }
                Some(rhai::ASTNode::Expr(rhai::Expr::Property(property, _))) => {
                    keys.insert(property.2.to_string());
                }
                _ => {}
            }
            true
        });
        Self { catalogue, arities, own, modules, keys, found: Vec::new() }
    }

    fn report(&mut self, position: Position, message: String) {
        self.found.push((position.line().unwrap_or(1), position.position().unwrap_or(0), message));
    }

    /// A call `name(...)`, or `receiver.name(...)` with the receiver not counted.
    fn call(&mut self, name: &str, count: usize, method: bool, position: Position) {
        if SYNTACTIC.contains(&name) || !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return;
        }
        let taken = count + usize::from(method);
        let native = self.arities.get(name);
        let script = self.own.get(name);
        let fits = native.is_some_and(|counts| counts.contains(&taken))
            || script.is_some_and(|counts| counts.contains(&count) || counts.contains(&taken))
            // A function of the script library may be called as a method of its `this`.
            || (method && native.is_some_and(|counts| counts.contains(&count)))
            || (method && self.keys.contains(name));
        if fits {
            return;
        }
        if native.is_none() && script.is_none() {
            let names = self.arities.keys().copied().chain(self.own.keys().map(String::as_str));
            let help = nearest(name, names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.report(position, format!("there is no function `{name}`{help}"));
            return;
        }
        let counts: Vec<String> = native
            .into_iter()
            .chain(script)
            .flatten()
            .map(|count| count.saturating_sub(usize::from(method && native.is_some())).to_string())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        self.report(position, format!("`{name}` takes {} arguments, not {count}", counts.join(" or ")));
    }

    /// A call of a function of a module: only those of the lab's own namespaces are known.
    fn qualified(&mut self, path: &str, count: usize, position: Position) {
        let root = path.split("::").next().unwrap_or(path);
        if self.modules.contains(root) || root == "global" {
            return;
        }
        match self.arities.get(path) {
            None => {
                let help = nearest(path, self.arities.keys().copied()).map(|near| format!("; did you mean `{near}`?"));
                self.report(position, format!("there is no function `{path}`{}", help.unwrap_or_default()));
            }
            Some(counts) if !counts.contains(&count) => {
                let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
                self.report(position, format!("`{path}` takes {} arguments, not {count}", counts.join(" or ")));
            }
            Some(_) => {}
        }
    }

    /// The keys of a map given as the last argument of `name`, where that documents its options.
    fn options(&mut self, name: &str, keys: &[(String, Position)]) {
        let known: BTreeSet<String> = self.catalogue.named(name).flat_map(|entry| entry.options.iter().cloned()).collect();
        if known.is_empty() || self.own.contains_key(name) {
            return;
        }
        for (key, position) in keys.iter().filter(|(key, _)| !known.contains(key)) {
            let help = did_you_mean(key, known.iter().map(String::as_str));
            self.report(*position, format!("unknown option `{key}` of {name}; {help}"));
        }
    }

    fn variable(&mut self, name: &str, scope: &[String], position: Position) {
        if scope.iter().any(|known| known == name) || self.own.contains_key(name) || ["ARGS", "args"].contains(&name) {
            return;
        }
        let help = nearest(name, scope.iter().map(String::as_str)).map(|near| format!("; did you mean `{near}`?"));
        self.report(position, format!("there is no variable `{name}` here{}", help.unwrap_or_default()));
    }
}

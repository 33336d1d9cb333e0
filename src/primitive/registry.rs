//! What scripts have defined by name in this session: operators, hyperspaces, networks, teachers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{AST, Dynamic, NativeCallContext, Scope};

use super::cross::inner_fault;
use super::host::Host;
use super::network::NetworkPlan;
use super::operator::Definition;
use super::teacher::TeacherPlan;
use crate::base::{Fault, Result, did_you_mean};
use crate::space::Hyperspace;

/// Definitions of one session.
#[derive(Debug, Default)]
pub struct Registry {
    operators: Mutex<BTreeMap<String, Definition>>,
    hyperspaces: Mutex<BTreeMap<String, Arc<Hyperspace>>>,
    networks: Mutex<BTreeMap<String, NetworkPlan>>,
    teachers: Mutex<BTreeMap<String, TeacherPlan>>,
}

/// A kind of thing that scripts define by name, and the stdlib folder that holds more of them.
pub(super) trait Named: Clone + 'static {
    /// Folder of the stdlib.
    const FOLDER: &'static str;
    /// What it is called in messages.
    const NOUN: &'static str;
    /// Its shelf.
    fn shelf(registry: &Registry) -> &Mutex<BTreeMap<String, Self>>;
}

impl Named for Definition {
    const FOLDER: &'static str = "operators";
    const NOUN: &'static str = "operator";
    fn shelf(registry: &Registry) -> &Mutex<BTreeMap<String, Self>> {
        &registry.operators
    }
}

impl Named for Arc<Hyperspace> {
    const FOLDER: &'static str = "hyperspaces";
    const NOUN: &'static str = "hyperspace";
    fn shelf(registry: &Registry) -> &Mutex<BTreeMap<String, Self>> {
        &registry.hyperspaces
    }
}

impl Named for NetworkPlan {
    const FOLDER: &'static str = "networks";
    const NOUN: &'static str = "network";
    fn shelf(registry: &Registry) -> &Mutex<BTreeMap<String, Self>> {
        &registry.networks
    }
}

impl Named for TeacherPlan {
    const FOLDER: &'static str = "teachers";
    const NOUN: &'static str = "teacher";
    fn shelf(registry: &Registry) -> &Mutex<BTreeMap<String, Self>> {
        &registry.teachers
    }
}

impl Registry {
    /// Keeps `thing` under `name`, in place of an earlier one.
    pub(super) fn define<T: Named>(&self, name: &str, thing: T) {
        T::shelf(self).lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), thing);
    }

    fn get<T: Named>(&self, name: &str) -> Option<T> {
        T::shelf(self).lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All names: defined in this session, and in the stdlib.
    pub(super) fn names<T: Named>(&self, host: &Host) -> Vec<String> {
        let mut names: Vec<_> = T::shelf(self).lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        names.extend(host.library().map(|library| library.list(T::FOLDER)).unwrap_or_default());
        names.sort();
        names.dedup();
        names
    }
}

/// The thing called `name`: defined in this session, else by the file of `stdlib/FOLDER/` that defines it, which is run now.
pub(super) fn find<T: Named>(context: &NativeCallContext, host: &Host, name: &str) -> Result<T> {
    if let Some(thing) = host.registry.get::<T>(name) {
        return Ok(thing);
    }
    let Some((path, text)) = host.library()?.source(T::FOLDER, name) else {
        let names = host.registry.names::<T>(host);
        let known: Vec<_> = names.iter().map(String::as_str).collect();
        return Err(Fault::new(
            &format!("{}::unknown", T::NOUN),
            format!("there is no {} `{name}`", T::NOUN),
            did_you_mean(name, known),
        ));
    };
    let engine = context.engine();
    let script = |error: Box<rhai::EvalAltResult>| inner_fault(host, &error, Some(&path));
    let mut ast: AST = engine.compile(&text).map_err(|error| script(error.into()))?;
    ast.set_source(path.as_str());
    let _: Dynamic = engine.eval_ast_with_scope::<Dynamic>(&mut Scope::new(), &ast).map_err(script)?;
    host.registry.get::<T>(name).ok_or_else(|| {
        Fault::new(
            &format!("{}::unknown", T::NOUN),
            format!("{path} defines no {} `{name}`", T::NOUN),
            "a file of the stdlib defines what it is named after, or what its first line lists: //! `a`, `b`: ...",
        )
    })
}

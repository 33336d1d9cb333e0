//! What `import` finds: the script library first, then files beside the importing script.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

use rhai::{Engine, EvalAltResult, ModuleResolver, Position};

type SharedModule = rhai::Shared<rhai::Module>;

use super::library::{Library, Script, compile};
use crate::base::Fault;
use crate::primitive::cross::raise;

/// Resolves `import "strategies/aging_evolution" as s` and `import "mine" as m`; a changed file is read again.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    library: Arc<Library>,
    cache: Arc<Mutex<BTreeMap<String, (String, SharedModule)>>>,
    loading: Arc<Mutex<Vec<(ThreadId, String)>>>,
}

impl Resolver {
    pub(super) fn new(library: Arc<Library>) -> Self {
        Self { library, cache: Arc::default(), loading: Arc::default() }
    }

    fn script(&self, source: Option<&str>, path: &str) -> Option<Script> {
        self.library.find(path).or_else(|| self.library.beside(source, path))
    }
}

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        pos: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        let script = self.script(source, path).ok_or_else(|| Box::new(EvalAltResult::ErrorModuleNotFound(path.into(), pos)))?;
        let lock = |error: PoisonError<_>| error.into_inner();
        if let Some((text, module)) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&script.shown)
            && *text == script.text
        {
            return Ok(module.clone());
        }
        let me = (std::thread::current().id(), script.shown.clone());
        {
            let mut loading = self.loading.lock().unwrap_or_else(lock);
            if loading.contains(&me) {
                let fault = Fault::new(
                    "script::import_cycle",
                    format!("`{}` imports itself, directly or through another script", script.shown),
                    "move what both need into a third script",
                );
                return Err(raise(fault));
            }
            loading.push(me.clone());
        }
        let module = compile(engine, &script);
        self.loading.lock().unwrap_or_else(PoisonError::into_inner).retain(|entry| *entry != me);
        let module: SharedModule = match module {
            Ok(module) => module.into(),
            Err(error) => return Err(EvalAltResult::ErrorInModule(script.shown, error, pos).into()),
        };
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(script.shown, (script.text, module.clone()));
        Ok(module)
    }
}

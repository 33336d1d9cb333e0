//! The script library: scripts embedded in the binary, and a folder given by the user that wins over them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use rhai::{Engine, Module, Scope};

use super::reads::Reads;
use super::render::Trouble;
use super::shebang::without_shebang;
use crate::base::Fault;
use crate::primitive::host::{Running, ScriptLibrary};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/stdlib");

/// Names of all embedded files: makes a new file of the library rebuild this module.
const _FILES: &str = env!("SPACEEVO_STDLIB_FILES");

/// Folders whose functions any script may call by their plain names.
pub const GLOBAL_FOLDERS: [&str; 2] = ["strategies", "studies"];

/// A script of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its name in messages, for example `stdlib/operators/fused_residual.rhai`.
    pub shown: String,
    /// Its text.
    pub text: String,
}

/// Where scripts of the library are looked up.
#[derive(Debug, Clone, Default)]
pub struct Library {
    folder: Option<PathBuf>,
    /// The files outside the program that were looked for.
    pub(super) reads: Reads,
    imports: BTreeMap<String, String>,
    running: Running,
}

impl Library {
    /// The embedded library, with the files of `folder` before it.
    pub fn new(folder: Option<PathBuf>) -> Result<Self, Fault> {
        if let Some(folder) = &folder
            && !folder.is_dir()
        {
            return Err(Fault::new(
                "script::no_library",
                format!("there is no folder `{}`", folder.display()),
                "give --stdlib a folder with operators/, hyperspaces/, strategies/, ...",
            ));
        }
        Ok(Self { folder, ..Self::default() })
    }

    /// The same library with texts that stand in for imported files.
    pub(super) fn with_imports(self, imports: BTreeMap<String, String>) -> Self {
        Self { imports, ..self }
    }

    /// The same library, telling which scripts of the user's were used.
    pub(super) fn telling(self, running: &Running) -> Self {
        Self { running: running.clone(), ..self }
    }

    /// The script in a file beside the importing script `source`.
    pub(super) fn beside(&self, source: Option<&str>, path: &str) -> Option<Script> {
        let folder = source.map(Path::new).and_then(Path::parent).unwrap_or(Path::new(""));
        let file = folder.join(path).with_extension("rhai");
        self.reads.note(&file);
        let shown = file.display().to_string();
        let text = self.imports.get(&shown).cloned().or_else(|| std::fs::read_to_string(&file).ok())?;
        self.running.imported(&shown, &text);
        Some(Script { shown, text })
    }

    /// The script at `path`, such as `strategies/aging_evolution`.
    pub fn find(&self, path: &str) -> Option<Script> {
        let file = format!("{path}.rhai");
        if Path::new(&file).components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
            return None;
        }
        if let Some(own) = self.folder.as_ref().map(|folder| folder.join(&file)) {
            self.reads.note(&own);
            if let Ok(text) = std::fs::read_to_string(&own) {
                self.running.from_library(&file, &text);
                return Some(Script { shown: own.display().to_string(), text });
            }
        }
        let text = EMBEDDED.get_file(&file)?.contents_utf8()?;
        Some(Script { shown: format!("stdlib/{file}"), text: text.into() })
    }

    /// The text behind a name used in messages.
    pub fn text(&self, shown: &str) -> Option<String> {
        let file = shown.strip_prefix("stdlib/")?;
        EMBEDDED.get_file(file)?.contents_utf8().map(Into::into)
    }

    /// Names of the scripts in `folder`, in order.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names = BTreeSet::new();
        let mut add = |path: &Path| {
            if path.extension().is_some_and(|ext| ext == "rhai")
                && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            {
                names.insert(stem.to_owned());
            }
        };
        if let Some(dir) = EMBEDDED.get_dir(folder) {
            dir.files().for_each(|file| add(file.path()));
        }
        if let Some(own) = &self.folder {
            for entry in std::fs::read_dir(own.join(folder)).into_iter().flatten().flatten() {
                add(&entry.path());
            }
        }
        names.into_iter().collect()
    }

    /// Names that the scripts of `folder` define, in order: what the first line of each lists (``//! `a`, `b`: ...``), else its own.
    pub fn defined(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = self.names(folder).iter().flat_map(|file| self.listed(folder, file)).collect();
        names.sort();
        names
    }

    /// The script of `folder` that defines `name`.
    pub fn defining(&self, folder: &str, name: &str) -> Option<Script> {
        let own = self.find(&format!("{folder}/{name}"));
        own.or_else(|| {
            let files = self.names(folder);
            let file = files.iter().find(|file| self.listed(folder, file).iter().any(|listed| listed == name))?;
            self.find(&format!("{folder}/{file}"))
        })
    }

    /// What the first line of `folder/file.rhai` says it defines. Looking at it is no use of the script, and noted nowhere.
    fn listed(&self, folder: &str, file: &str) -> Vec<String> {
        let path = format!("{folder}/{file}.rhai");
        let own = self.folder.as_ref().and_then(|own| std::fs::read_to_string(own.join(&path)).ok());
        let text = own.as_deref().or_else(|| EMBEDDED.get_file(&path)?.contents_utf8()).unwrap_or_default();
        let head = text.lines().next().and_then(|line| line.strip_prefix("//! `")?.split("`:").next()).unwrap_or_default();
        let names: Vec<_> = head.split("`, `").map(str::to_owned).collect();
        let words = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if names.iter().all(words) { names } else { vec![file.to_owned()] }
    }

    /// Paths of all scripts, for suggestions: `operators/ghost`, ...
    pub fn paths(&self) -> Vec<String> {
        let mut folders: BTreeSet<String> = EMBEDDED.dirs().map(|dir| dir.path().display().to_string()).collect();
        if let Some(own) = &self.folder {
            for entry in std::fs::read_dir(own).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    folders.insert(entry.file_name().to_string_lossy().into_owned());
                }
            }
        }
        folders.iter().flat_map(|folder| self.names(folder).into_iter().map(move |name| format!("{folder}/{name}"))).collect()
    }

    /// Registers the functions of [`GLOBAL_FOLDERS`] with `engine`. They keep the environment of their file, so that
    /// closures made by them may call its private functions wherever they are called from.
    pub fn register(&self, engine: &mut Engine) -> Result<(), Box<Trouble>> {
        for folder in GLOBAL_FOLDERS {
            for name in self.names(folder) {
                let Some(script) = self.find(&format!("{folder}/{name}")) else { continue };
                let module = compile(engine, &script).map_err(|error| Box::new(Trouble::at_start(&error, &script)))?;
                engine.register_global_module(module.into());
            }
        }
        Ok(())
    }
}

/// A script as a module that knows its own name.
pub(super) fn compile(engine: &Engine, script: &Script) -> Result<Module, Box<rhai::EvalAltResult>> {
    let mut ast = engine.compile(without_shebang(&script.text)).map_err(Box::<rhai::EvalAltResult>::from)?;
    ast.set_source(script.shown.as_str());
    Module::eval_ast_as_new(Scope::new(), &ast, engine)
}

impl ScriptLibrary for Library {
    fn list(&self, folder: &str) -> Vec<String> {
        self.defined(folder)
    }

    fn source(&self, folder: &str, name: &str) -> Option<(String, String)> {
        self.defining(folder, name).map(|script| (script.shown, script.text))
    }
}

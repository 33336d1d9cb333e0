//! Cells in Rust that keep a state: what the session asks of the worker that holds it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::shim::{entry, shim};
use super::{Library, Signature};
use crate::base::{Cancel, Fault, Progress, Result, write_json};
use crate::worker::{Outcome, Process, Program};

/// What holds the state of cells. A running cell is ended at once, one that is compiled when that is done.
const NOTEBOOK: Program = Program {
    name: "runner of Rust cells",
    file: "spaceevo-native",
    variable: "SPACEEVO_NATIVE",
    farewell: Duration::from_secs(5),
};

/// What the worker is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellJob {
    /// Compile the cell and run it.
    Run(String),
    /// Compile it only.
    Check(String),
    /// What could stand at byte `at`.
    Complete {
        /// The cell so far.
        code: String,
        /// The place.
        at: usize,
    },
}

/// What came of a cell.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CellShown {
    /// Its value, or what it displayed, by MIME type.
    pub forms: BTreeMap<String, String>,
    /// The library that it became.
    pub library: Option<PathBuf>,
}

/// What could stand at a place of a cell.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CellCandidates {
    /// Where the word begins that they would replace.
    pub start: usize,
    /// Texts, and what kind of thing each is.
    pub found: Vec<(String, String)>,
}

/// The worker of a session, and the folder in which it builds.
struct Notebook {
    process: Process,
    folder: TempDir,
}

/// The cells in Rust of a session. Their worker starts with the first one.
#[derive(Default)]
pub struct Cells(Mutex<Option<Notebook>>);

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cells")
    }
}

/// The names of the functions that a cell defines and scripts can call, in order.
pub fn functions_of(code: &str) -> Vec<String> {
    Signature::in_cell(code).0.into_iter().map(|signature| signature.name).collect()
}

impl Cells {
    /// Compiles and runs a cell. Lines that it prints go to `progress`. Also gives the functions that it defines and scripts
    /// can call: those whose types cross.
    ///
    /// Fails with `native::compile`, `native::panic`, `native::died`, `native::no_cells` and `session::interrupted`.
    pub fn run(&self, code: &str, progress: &Progress, cancel: &Cancel) -> Result<(CellShown, Vec<Library>)> {
        let (functions, ends_with_value) = Signature::in_cell(code);
        let shims: String = functions.iter().map(shim).collect();
        let shown = if ends_with_value && !shims.is_empty() {
            let shown: CellShown = self.ask(&CellJob::Run(code.to_owned()), progress, cancel)?;
            let after: CellShown = self.ask(&CellJob::Run(shims), progress, cancel)?;
            CellShown { library: after.library, ..shown }
        } else {
            self.ask(&CellJob::Run(format!("{code}{shims}")), progress, cancel)?
        };
        let library = |signature: Signature| {
            let path = shown.library.clone()?;
            Some(Library { entry: entry(&signature.name), signature, path, source: code.to_owned() })
        };
        let libraries = functions.into_iter().filter_map(library).collect();
        Ok((shown, libraries))
    }

    /// Compiles a cell and does not run it: fails as [`run`](Self::run) does.
    pub fn check(&self, code: &str, progress: &Progress, cancel: &Cancel) -> Result<()> {
        self.ask(&CellJob::Check(code.to_owned()), progress, cancel)
    }

    /// Whether their worker is there, so that the next cell needs none.
    pub fn started(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Forgets what cells defined: their worker ends, and the next cell starts a new one. A cell that runs is waited for. Says
    /// whether there was a worker.
    pub fn reset(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    /// What could stand at byte `at` of a cell; nothing while a cell runs, and before the first one.
    pub fn complete(&self, code: &str, at: usize) -> CellCandidates {
        let mut held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Err(TryLockError::WouldBlock) => return CellCandidates::default(),
        };
        if held.is_none() {
            return CellCandidates::default();
        }
        let job = CellJob::Complete { code: code.to_owned(), at };
        ask(&mut held, &job, &Progress::default(), &Cancel::default()).unwrap_or_default()
    }

    fn ask<T: DeserializeOwned>(&self, job: &CellJob, progress: &Progress, cancel: &Cancel) -> Result<T> {
        cancel.check()?;
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Some(start()?);
        }
        ask(&mut held, job, progress, cancel)
    }
}

fn ask<T: DeserializeOwned>(
    held: &mut MutexGuard<'_, Option<Notebook>>,
    job: &CellJob,
    progress: &Progress,
    cancel: &Cancel,
) -> Result<T> {
    let gone = || Fault::new("session::interrupted", "interrupted", "the variables and items of Rust cells are lost");
    let Some(notebook) = &mut **held else { return Err(gone()) };
    let file = notebook.folder.path().join("cell.json");
    write_json(&file, job)?;
    let outcome = notebook.process.run(file, "a Rust cell", progress, cancel);
    match outcome {
        Outcome::Answered(Err(fault)) if fault.code == "native::died" && cancel.is_cancelled() => {
            let help = "the variables of Rust cells are lost, items are kept";
            Err(Fault::new("session::interrupted", "interrupted", help))
        }
        Outcome::Answered(answer) => serde_json::from_value(answer?)
            .map_err(|error| Fault::new("native::frame", error.to_string(), "build session and worker anew")),
        Outcome::Stopped => {
            **held = None;
            Err(gone())
        }
        Outcome::Died { how, last } => {
            **held = None;
            let message = format!("the runner of Rust cells died ({how}){last}");
            Err(Fault::new("native::died", message, "the variables and items of Rust cells are lost; the next cell starts anew"))
        }
    }
}

fn start() -> Result<Notebook> {
    let unable = |error: std::io::Error| Fault::file("write", &std::env::temp_dir(), &error);
    let folder = tempfile::Builder::new().prefix("spaceevo-cells-").tempdir().map_err(unable)?;
    let here = std::env::current_dir().map_err(unable)?;
    let path = NOTEBOOK.path();
    let mut command = Command::new(&path);
    // It is started in a folder of its own, because it would read settings from the current one.
    command.arg("--cells").arg(here).current_dir(folder.path());
    command.env("EVCXR_TMPDIR", folder.path()).env("EVCXR_CONFIG_DIR", folder.path());
    // evcxr's cache takes all that is not compiled incrementally for a crate whose source never changes, a cell's own too.
    command.env("CARGO_INCREMENTAL", "1");
    Ok(Notebook { process: Process::begin(NOTEBOOK, &path, command)?, folder })
}

//! A session: one engine on a thread of its own, what it has defined, and what a front can ask of it at any time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult};

use super::catalogue::{Catalogue, Entry};
use super::complete::{self, Completion, Readiness};
use super::engine::{Limits, Output, assemble};
use super::evaluator::Evaluator;
use super::library::Library;
use super::render::{Known, Trouble, explain};
use crate::base::{Cancel, Fault, Progress};
use crate::primitive::host::{Explainer, Host, Settings as HostSettings};

/// Bytes of stack of the thread that evaluates.
const STACK_BYTES: usize = 64 << 20;

/// How a session is set up.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Lab folder and workers.
    pub host: HostSettings,
    /// A folder of scripts that win over the embedded library.
    pub stdlib: Option<PathBuf>,
    /// How much a script may use.
    pub limits: Limits,
    /// What scripts see as `ARGS`.
    pub args: Vec<String>,
    /// Texts of imported files, by the names they are imported under; they stand in for files.
    pub imports: BTreeMap<String, String>,
}

/// A value in the forms in which fronts can show it, by MIME type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    /// `text/plain` is always there.
    pub forms: BTreeMap<String, String>,
}

impl Bundle {
    /// The form for terminals.
    pub fn text(&self) -> &str {
        self.forms.get("text/plain").map_or("", String::as_str)
    }
}

/// What came of one input.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The value of the input's last expression, if it has one that is not `()`.
    pub value: Option<Bundle>,
    /// The same as `print` shows it, without quotes around texts.
    pub printed: Option<String>,
    /// Why it failed.
    pub trouble: Option<Box<Trouble>>,
    /// How long it took.
    pub took: Duration,
    /// The value itself; see [`Outcome::get`].
    pub(super) raw: Dynamic,
}

impl Outcome {
    /// The value as a type of the library, if it is one: for programs that embed the lab.
    pub fn get<T: Clone + 'static>(&self) -> Option<T> {
        self.raw.clone().try_cast()
    }
}

/// What a variable is, as far as completion needs to know.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub kind: String,
    pub type_id: std::any::TypeId,
    pub keys: Vec<String>,
}

/// What the front's thread and the evaluating thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub host: Arc<Host>,
    pub engine: Arc<Engine>,
    pub library: Arc<Library>,
    pub catalogue: OnceLock<Arc<Catalogue>>,
    pub variables: RwLock<BTreeMap<String, Variable>>,
    pub functions: RwLock<Vec<Entry>>,
    pub history: Mutex<Vec<String>>,
}

impl Shared {
    /// What can be said, without what the session defined.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.get_or_init(|| Arc::new(Catalogue::read(&self.engine, self.library.as_ref()))).clone()
    }

    /// What can be said now.
    pub fn everything(&self) -> Arc<Catalogue> {
        let functions = self.functions.read().unwrap_or_else(PoisonError::into_inner);
        if functions.is_empty() { self.catalogue() } else { Arc::new(self.catalogue().with(&functions)) }
    }

    pub fn variables(&self) -> BTreeMap<String, Variable> {
        self.variables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    /// What there is to suggest.
    pub fn known<'a>(&self, catalogue: &'a Catalogue) -> Known<'a> {
        Known {
            catalogue: Some(catalogue),
            variables: self.variables().into_iter().map(|(name, variable)| (name, variable.keys)).collect(),
            scripts: self.library.paths(),
        }
    }
}

impl Explainer for Shared {
    fn explain(&self, error: &EvalAltResult) -> Fault {
        explain(error, None, &self.known(&self.everything()))
    }
}

struct Request {
    source: String,
    name: String,
    /// What messages quote from.
    text: String,
    reply: Sender<Outcome>,
}

/// A running session. Everything but [`eval`](Self::eval) answers at once, also while an input is evaluated.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Session {
    /// Starts a session; fails when a script of the library cannot be loaded.
    pub fn new(settings: Settings, output: Arc<dyn Output>) -> Result<Self, Box<Trouble>> {
        let Settings { host, stdlib, limits, args, imports } = settings;
        let host = Arc::new(Host::new(host));
        let library = Library::new(stdlib).map_err(|fault| Box::new(Trouble::plain(fault)))?;
        let library = Arc::new(library.with_imports(imports).telling(&host.running));
        let engine = Arc::new(assemble(&host, &library, &limits, output)?);
        host.set_engine(&engine);
        host.set_library(library.clone());
        let shared = Arc::new(Shared {
            host,
            engine,
            library,
            catalogue: OnceLock::new(),
            variables: RwLock::default(),
            functions: RwLock::default(),
            history: Mutex::default(),
        });
        let explainer = Arc::downgrade(&shared);
        shared.host.set_explainer(explainer);
        let (requests, inbox) = channel();
        let evaluator = Evaluator::new(shared.clone(), args);
        let thread = std::thread::Builder::new()
            .name("session".into())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(evaluator, &inbox))
            .map_err(|error| {
                let fault = Fault::new("session::thread", format!("cannot start a thread: {error}"), "free some memory");
                Box::new(Trouble::plain(fault))
            })?;
        Ok(Self { shared, requests: Some(requests), thread: Some(thread) })
    }

    /// Evaluates `source`; `name` stands for it in messages, for example a file name. Keeps variables, functions and imports.
    pub fn eval(&self, source: &str, name: &str) -> Outcome {
        self.eval_part(source, name, source)
    }

    /// Evaluates a part of `text` that keeps its lines and columns there.
    pub fn eval_part(&self, source: &str, name: &str, text: &str) -> Outcome {
        // Before anyone can know of this input: an interrupt that is meant for it is not lost.
        self.shared.host.cancel.reset();
        self.history_lock().push(source.to_owned());
        let (reply, answer) = channel();
        let request = Request { source: source.into(), name: name.into(), text: text.into(), reply };
        let sent = self.requests.as_ref().is_some_and(|requests| requests.send(request).is_ok());
        let gone = || Outcome {
            value: None,
            printed: None,
            trouble: Some(Box::new(Trouble::plain(Fault::new("session::ended", "the session has ended", "start a new one")))),
            took: Duration::ZERO,
            raw: Dynamic::UNIT,
        };
        if sent { answer.recv().unwrap_or_else(|_| gone()) } else { gone() }
    }

    /// Candidates for the word that ends at byte `cursor` of `source`.
    pub fn complete(&self, source: &str, cursor: usize) -> Completion {
        complete::complete(&self.shared, source, cursor)
    }

    /// Help on a name or variable, if there is any.
    pub fn inspect(&self, name: &str) -> Option<Bundle> {
        let text = complete::inspect(&self.shared, name)?;
        Some(Bundle { forms: BTreeMap::from([("text/plain".to_owned(), text)]) })
    }

    /// Whether `source` can be evaluated as it stands, or a front should read on.
    pub fn is_complete(&self, source: &str) -> Readiness {
        complete::readiness(&self.shared.engine, source)
    }

    /// Asks the running input to stop.
    pub fn interrupt(&self) {
        self.shared.host.cancel.cancel();
    }

    /// All inputs so far.
    pub fn history(&self) -> Vec<String> {
        self.history_lock().clone()
    }

    /// Sets where long work reports.
    pub fn set_progress(&self, progress: Progress) {
        self.shared.host.set_progress(progress);
    }

    /// The flag that stops the running input, for those who must set it from outside, such as a signal handler.
    pub fn cancel(&self) -> Cancel {
        self.shared.host.cancel.clone()
    }

    /// The session's engine, for reading scripts.
    pub(super) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// What can be said, with what the session defined.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.shared.everything()
    }

    fn history_lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.shared.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.interrupt();
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn serve(mut evaluator: Evaluator, inbox: &Receiver<Request>) {
    while let Ok(Request { source, name, text, reply }) = inbox.recv() {
        // A front that no longer waits does not matter.
        let _ = reply.send(evaluator.eval(&source, &name, text));
    }
}

//! A session: one engine on a thread of its own, what it has defined, and what a front can ask of it at any time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult};

use super::catalogue::{Catalogue, Entry};
use super::commands::{self, Input};
use super::complete::{self, Completion, Readiness};
use super::engine::{Limits, assemble};
use super::evaluator::Evaluator;
use super::json::json;
use super::library::Library;
use super::reads::Stamp;
use super::render::{Known, Trouble, explain};
use super::tokens::{Ink, inks};
use crate::base::{Cancel, Fault, Progress};
use crate::primitive::front::{Bundle, Look, Output};
use crate::primitive::host::{Explainer, Host, Settings as HostSettings};
use crate::primitive::options::with_default_seed;

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
    /// What scripts see as `ARGS`, and by name in the map `args`.
    pub args: Vec<String>,
    /// Texts of imported files, by the names they are imported under; they stand in for files.
    pub imports: BTreeMap<String, String>,
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
    pub keys: Vec<String>,
    /// Its value, if that is a number or a truth value.
    pub shown: String,
}

/// What a session has defined, as fronts see it.
#[derive(Debug, Default)]
struct Published {
    variables: BTreeMap<String, Variable>,
    functions: Vec<Entry>,
    /// The catalogue with these functions, made when first asked for.
    catalogue: OnceLock<Arc<Catalogue>>,
}

/// What the front's thread and the evaluating thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub host: Arc<Host>,
    pub engine: Arc<Engine>,
    pub library: Arc<Library>,
    pub limits: Limits,
    pub output: Arc<dyn Output>,
    catalogue: OnceLock<Arc<Catalogue>>,
    published: RwLock<Arc<Published>>,
    inputs: Mutex<Vec<Past>>,
}

impl Shared {
    /// What can be said, without what the session defined.
    fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.get_or_init(|| Arc::new(Catalogue::read(&self.engine, self.library.as_ref()))).clone()
    }

    fn published(&self) -> Arc<Published> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What can be said now.
    pub fn everything(&self) -> Arc<Catalogue> {
        let published = self.published();
        if published.functions.is_empty() {
            return self.catalogue();
        }
        published.catalogue.get_or_init(|| Arc::new(self.catalogue().with(&published.functions))).clone()
    }

    /// The variable of this name.
    pub fn variable(&self, name: &str) -> Option<Variable> {
        self.published().variables.get(name).cloned()
    }

    /// What `pick` makes of the variables, in order.
    pub fn each_variable<T>(&self, mut pick: impl FnMut(&str, &Variable) -> Option<T>) -> Vec<T> {
        self.published().variables.iter().filter_map(|(name, variable)| pick(name, variable)).collect()
    }

    /// Lets fronts know what there is now.
    pub fn publish(&self, variables: BTreeMap<String, Variable>, functions: Vec<Entry>) {
        let published = Published { variables, functions, catalogue: OnceLock::new() };
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(published);
    }

    /// Inputs so far.
    pub fn inputs(&self) -> MutexGuard<'_, Vec<Past>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An input that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its number in the session; `None` for code that no person typed, such as a script that was run.
    pub number: Option<usize>,
    /// Its text.
    pub source: String,
    /// Whether it failed; `None` while it runs.
    pub failed: Option<bool>,
    /// Whether it gave a value.
    pub valued: bool,
}

impl Shared {
    /// What there is to suggest.
    pub fn known<'a>(&self, catalogue: &'a Catalogue) -> Known<'a> {
        Known {
            catalogue: Some(catalogue),
            variables: self.each_variable(|name, variable| Some((name.to_owned(), variable.keys.clone()))).into_iter().collect(),
            scripts: self.library.paths(),
        }
    }
}

impl Explainer for Shared {
    fn explain(&self, error: &EvalAltResult) -> Fault {
        explain(error, None, &self.known(&self.everything()))
    }
}

/// Something to do on the thread that evaluates.
type Work = Box<dyn FnOnce(&mut Evaluator) + Send>;

/// A running session. Everything but [`eval`](Self::eval) answers at once, also while an input is evaluated.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    requests: Option<Sender<Work>>,
    numbers: AtomicUsize,
    thread: Option<JoinHandle<()>>,
}

impl Session {
    /// Starts a session; fails when a script of the library cannot be loaded.
    pub fn new(settings: Settings, output: Arc<dyn Output>) -> Result<Self, Box<Trouble>> {
        let Settings { host, stdlib, limits, args, imports } = settings;
        let host = Arc::new(Host::new(host));
        host.set_output(output.clone());
        let library = Library::new(stdlib).map_err(|fault| Box::new(Trouble::plain(fault)))?;
        let library = Arc::new(library.with_imports(imports).telling(&host.running));
        let engine = Arc::new(assemble(&host, &library, &limits, output.clone(), None)?);
        host.set_engine(&engine);
        host.set_library(library.clone());
        let shared = Arc::new(Shared {
            host,
            engine,
            library,
            limits,
            output,
            catalogue: OnceLock::new(),
            published: RwLock::default(),
            inputs: Mutex::default(),
        });
        let explainer = Arc::downgrade(&shared);
        shared.host.set_explainer(explainer);
        let (requests, inbox) = channel();
        let seed = shared.host.settings.seed;
        let evaluator = Evaluator::new(shared.clone(), args);
        let thread = std::thread::Builder::new()
            .name("session".into())
            .stack_size(STACK_BYTES)
            .spawn(move || with_default_seed(seed, || serve(evaluator, &inbox)))
            .map_err(|error| {
                let fault = Fault::new("session::thread", format!("cannot start a thread: {error}"), "free some memory");
                Box::new(Trouble::plain(fault))
            })?;
        Ok(Self { shared, requests: Some(requests), numbers: AtomicUsize::new(1), thread: Some(thread) })
    }

    /// Evaluates `source`; `name` stands for it in messages, for example a file name. Keeps variables, functions and imports.
    pub fn eval(&self, source: &str, name: &str) -> Outcome {
        self.eval_part(source, name, source)
    }

    /// Evaluates a part of `text` that keeps its lines and columns there.
    pub fn eval_part(&self, source: &str, name: &str, text: &str) -> Outcome {
        self.eval_as(None, true, source, name, text)
    }

    /// Evaluates what is no input of the person's: it has no number and does not become history.
    pub fn eval_aside(&self, source: &str, name: &str) -> Outcome {
        self.eval_as(None, false, source, name, source)
    }

    /// Sets how values look.
    pub fn set_look(&self, look: Look) {
        self.shared.host.set_look(look);
    }

    /// The lab's folder.
    pub fn lab_folder(&self) -> &Path {
        &self.shared.host.settings.lab
    }

    /// The number that the next input has.
    pub fn next_number(&self) -> usize {
        self.numbers.load(Ordering::SeqCst)
    }

    /// Goes on to the next number: for fronts that number whatever is typed, code or not.
    pub fn pass_number(&self) {
        self.take_number();
    }

    /// The next number, for an input of the person's.
    pub(super) fn take_number(&self) -> usize {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    /// Evaluates what a person typed under the next number, by which its value can be referred to.
    pub(super) fn eval_numbered(&self, source: &str) -> Outcome {
        let number = self.take_number();
        self.eval_as(Some(number), true, source, &format!("[{number}]"), source)
    }

    fn eval_as(&self, number: Option<usize>, keep: bool, source: &str, name: &str, text: &str) -> Outcome {
        let (code, name, text) = (source.to_owned(), name.to_owned(), text.to_owned());
        let ended = || Outcome {
            value: None,
            printed: None,
            trouble: Some(Box::new(Trouble::plain(Fault::new("session::ended", "the session has ended", "start a new one")))),
            took: Duration::ZERO,
            raw: Dynamic::UNIT,
        };
        let work = || self.with_evaluator(move |evaluator| evaluator.eval(&code, &name, text, number)).unwrap_or_else(ended);
        if keep {
            self.remembered(number, source, work, |outcome| (outcome.trouble.is_some(), outcome.value.is_some()))
        } else {
            work()
        }
    }

    /// Does `work` as an input that history knows; `came` says whether it failed, and whether it gave a value.
    pub(super) fn remembered<T>(
        &self,
        number: Option<usize>,
        source: &str,
        work: impl FnOnce() -> T,
        came: impl FnOnce(&T) -> (bool, bool),
    ) -> T {
        // Before anyone can know of this input: an interrupt that is meant for it is not lost.
        self.shared.host.cancel.reset();
        let place = {
            let mut inputs = self.shared.inputs();
            inputs.push(Past { number, source: source.to_owned(), failed: None, valued: false });
            inputs.len() - 1
        };
        let done = work();
        let (failed, valued) = came(&done);
        if let Some(input) = self.shared.inputs().get_mut(place) {
            input.failed = Some(failed);
            input.valued = valued;
        }
        done
    }

    /// Does `work` on the thread that evaluates, when what runs there is done; `None` if the session has ended.
    pub(super) fn with_evaluator<T: Send + 'static>(&self, work: impl FnOnce(&mut Evaluator) -> T + Send + 'static) -> Option<T> {
        self.shared.host.cancel.reset();
        self.on_thread(work)
    }

    fn on_thread<T: Send + 'static>(&self, work: impl FnOnce(&mut Evaluator) -> T + Send + 'static) -> Option<T> {
        let (reply, answer) = channel();
        let work: Work = Box::new(move |evaluator| {
            // A front that no longer waits does not matter.
            let _ = reply.send(work(evaluator));
        });
        self.requests.as_ref()?.send(work).ok()?;
        answer.recv().ok()
    }

    /// The value of an outcome as JSON on one line: `null` if there is none. Tables become arrays of rows.
    pub fn json(&self, outcome: &Outcome) -> Result<String, Fault> {
        json(&self.shared.engine, &outcome.raw)
    }

    /// The script files that imports and the library's folder brought in so far, or that were looked for there, each with
    /// its state just before it was read.
    pub fn files_read(&self) -> BTreeMap<PathBuf, Stamp> {
        self.shared.library.reads.all()
    }

    /// Candidates for the word that ends at byte `cursor` of `source`.
    pub fn complete(&self, source: &str, cursor: usize) -> Completion {
        let before = source.get(..cursor).unwrap_or_default();
        if let Some(completion) = self.rust_candidates(before) {
            return completion;
        }
        if let Some((start, candidates)) = Self::command_candidates(before) {
            return Completion { start, candidates };
        }
        if let Input::Command("run" | "load" | "save" | "cd", _) = Input::read(before) {
            return complete::path(before);
        }
        complete::complete(&self.shared, source, cursor)
    }

    /// What the call that is being typed at the end of `before` takes.
    pub fn hint(&self, before: &str) -> Option<String> {
        complete::hint(&self.shared, before)
    }

    /// The places of `source` that have a colour.
    pub fn inks(&self, source: &str) -> Vec<(Range<usize>, Ink)> {
        inks(&self.shared.engine, source)
    }

    /// Help on a name or variable, if there is any.
    pub fn inspect(&self, name: &str) -> Option<Bundle> {
        complete::inspect(&self.shared, name)
    }

    /// Help on what stands at byte `cursor` of `source`: the name there, else the call that it is in.
    pub fn inspect_at(&self, source: &str, cursor: usize) -> Option<Bundle> {
        complete::inspect_at(&self.shared, source, cursor)
    }

    /// Whether `source` can be evaluated as it stands, or a front should read on.
    pub fn is_complete(&self, source: &str) -> Readiness {
        if let Some(readiness) = commands::rust_readiness(source) {
            return readiness;
        }
        Input::read(source).code().map_or(Readiness::Complete, |code| complete::readiness(&self.shared.engine, code))
    }

    /// Asks the running input to stop; a second time, to end also a worker that is inside a library's call.
    pub fn interrupt(&self) {
        self.shared.host.cancel.cancel();
    }

    /// All inputs so far.
    pub fn history(&self) -> Vec<Past> {
        self.shared.inputs().clone()
    }

    /// Sets where long work reports.
    pub fn set_progress(&self, progress: Progress) {
        self.shared.host.set_progress(progress);
    }

    /// What a dry run did otherwise so far.
    pub fn cuts(&self) -> Vec<String> {
        self.shared.host.cuts()
    }

    /// The flag that stops the running input, for those who must set it from outside, such as a signal handler.
    pub fn cancel(&self) -> Cancel {
        self.shared.host.cancel.clone()
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The session's engine, for reading scripts.
    pub(super) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// The text of `help("name")`, in lines that fit the front.
    ///
    /// # Errors
    /// `help::unknown` if there is nothing of that name.
    pub fn help(&self, name: &str) -> Result<String, Fault> {
        self.catalogue().help(name, self.shared.host.look().columns)
    }

    /// What can be said, with what the session defined.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.shared.everything()
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

fn serve(mut evaluator: Evaluator, inbox: &Receiver<Work>) {
    while let Ok(work) = inbox.recv() {
        work(&mut evaluator);
    }
}

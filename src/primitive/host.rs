//! The host: what primitives need of the session around them, reached through the tag of every call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext};

use super::cross::{Answer, raise, to_fault};
use super::front::Output;
pub use super::front::{Form, Look};
use super::registry::Registry;
use super::study::SpaceStudy;
use crate::base::{Cancel, Fault, Progress};
use crate::lab::Lab;
pub use crate::lab::Running;
use crate::native::{Cells, Natives};
use crate::train::Runner;
pub use crate::worker::Processor;
use crate::worker::{Followed, Pool, PoolOptions};

/// What dry runs say of training: its steps, at most one in each stretch.
pub(super) const STEPS: &str = "training steps";
/// What dry runs say of training: images in a batch.
pub(super) const BATCH: &str = "images in a batch";
/// Images in a batch in a dry run.
pub(super) const DRY_BATCH: usize = 8;
/// What dry runs say of training: parts of a batch.
pub(super) const REPLICAS: &str = "replicas";
/// Parts of a batch in a dry run.
pub(super) const DRY_REPLICAS: usize = 2;
/// What dry runs say of evaluations: batches, for statistics and for losses.
pub(super) const JUDGED: &str = "batches of an evaluation";
/// What dry runs say of latency models: graphs that are measured.
pub(super) const MEASURED: &str = "measured graphs";
/// Graphs measured for a latency model in a dry run: enough to fit one.
pub(super) const DRY_MEASURED: usize = 48;

/// How a session was started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder where the lab keeps what it measured and trained.
    pub lab: PathBuf,
    /// Worker processes for training.
    pub workers: usize,
    /// Threads of each worker.
    pub threads: usize,
    /// What they compute with; the processor if it is empty.
    pub devices: Vec<Processor>,
    /// The seed of whatever takes one and was not given it.
    pub seed: u64,
    /// Whether long work is cut to a small part, to see that a script runs: [`Host::cut`].
    pub dry: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { lab: PathBuf::from(".spaceevo"), workers: cores, threads: 1, devices: Vec::new(), seed: 0, dry: false }
    }
}

/// Scripts that come with the lab (or stand in the folder given with `--stdlib`): operators, hyperspaces, teachers.
pub trait ScriptLibrary: Send + Sync + std::fmt::Debug {
    /// Names that the scripts in a folder such as `operators` define, in order.
    fn list(&self, folder: &str) -> Vec<String>;
    /// The script in `folder` that defines `name`: its own name for messages (`stdlib/operators/x.rhai`) and its text.
    fn source(&self, folder: &str, name: &str) -> Option<(String, String)>;
}

/// Says in the user's words what an error of the script language means. A session knows more than this layer: names to suggest.
pub trait Explainer: Send + Sync + std::fmt::Debug {
    /// The fault that `error` means.
    fn explain(&self, error: &EvalAltResult) -> Fault;
}

/// What primitives share: cancellation, progress, settings. One per session.
#[derive(Debug, Default)]
pub struct Host {
    /// Set by Ctrl-C.
    pub cancel: Cancel,
    /// How the session was started.
    pub settings: Settings,
    /// What scripts have defined by name.
    pub registry: Registry,
    /// The script that is evaluated, for the provenance of what is kept.
    pub running: Running,
    /// Functions in Rust that scripts brought.
    pub natives: Natives,
    /// Cells in Rust.
    pub cells: Cells,
    progress: Mutex<Progress>,
    look: Mutex<Look>,
    output: OnceLock<Arc<dyn Output>>,
    lab: Mutex<Option<Arc<Lab>>>,
    /// By what workers it has.
    runners: Mutex<BTreeMap<PoolOptions, Arc<Runner>>>,
    engine: OnceLock<Weak<Engine>>,
    library: OnceLock<Arc<dyn ScriptLibrary>>,
    explainer: OnceLock<Weak<dyn Explainer>>,
    last_study: Mutex<Option<SpaceStudy>>,
    cuts: Mutex<BTreeMap<&'static str, String>>,
    warned: Mutex<Vec<String>>,
    submitting: Mutex<Option<Followed>>,
}

impl Host {
    /// A host with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Where long work reports.
    pub fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How values look in the front.
    pub fn look(&self) -> Look {
        *self.look.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how values look in the front.
    pub fn set_look(&self, look: Look) {
        *self.look.lock().unwrap_or_else(PoisonError::into_inner) = look;
    }

    /// Tells the host where output goes and who answers questions. Once, by the session.
    pub fn set_output(&self, output: Arc<dyn Output>) {
        let _ = self.output.set(output);
    }

    /// Where output goes and who answers questions, if there is a front.
    pub fn output(&self) -> Option<&Arc<dyn Output>> {
        self.output.get()
    }

    /// Sets where long work reports.
    pub fn set_progress(&self, progress: Progress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    /// `asked`, but in a dry run at most `most`; `what` names it in the report of what was cut.
    pub fn cut(&self, what: &'static str, asked: usize, most: usize) -> usize {
        if !self.settings.dry || asked <= most {
            return asked;
        }
        self.note_cut(what, format!("at most {most}"));
        most
    }

    /// Notes what a dry run does otherwise.
    pub(super) fn note_cut(&self, what: &'static str, instead: String) {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner).insert(what, instead);
    }

    /// Whether what there is to say of `name` was said before in this session.
    pub(super) fn warned(&self, name: &str) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let known = warned.iter().any(|own| own == name);
        if !known {
            warned.push(name.into());
        }
        known
    }

    /// What a dry run did otherwise so far: `evaluations: at most 20`.
    pub fn cuts(&self) -> Vec<String> {
        let cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        cuts.iter().map(|(what, instead)| format!("{what}: {instead}")).collect()
    }

    /// The study of the latest search.
    pub(super) fn last_study(&self) -> Option<SpaceStudy> {
        self.last_study.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers the study of the latest search.
    pub(super) fn keep_study(&self, study: &SpaceStudy) {
        *self.last_study.lock().unwrap_or_else(PoisonError::into_inner) = Some(study.clone());
    }

    /// Makes `host` the host of all calls of `engine`.
    pub fn install(host: &Arc<Host>, engine: &mut Engine) {
        engine.set_default_tag(Dynamic::from(host.clone()));
    }

    /// The lab's folder and file, opened (and made) when first needed.
    pub fn lab(&self) -> Result<Arc<Lab>, Fault> {
        let mut lab = self.lab.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lab) = &*lab {
            return Ok(lab.clone());
        }
        Ok(lab.insert(Arc::new(Lab::open_for(&self.settings.lab, self.running.clone())?)).clone())
    }

    /// Runs training jobs with the session's workers.
    pub fn runner(&self) -> Result<Arc<Runner>, Fault> {
        self.runner_of(self.workers(None, None, &self.settings.devices))
    }

    /// Workers of the session that compute with `processors`: as many as there are cards, unless it was said.
    pub(super) fn workers(&self, workers: Option<usize>, threads: Option<usize>, processors: &[Processor]) -> PoolOptions {
        let cards = processors.iter().filter(|processor| **processor != Processor::Cpu).count();
        let usual = if cards > 0 { processors.len() } else { self.settings.workers };
        PoolOptions {
            workers: workers.unwrap_or(usual),
            threads: threads.unwrap_or(self.settings.threads),
            processors: processors.to_vec(),
            trainer: None,
        }
    }

    /// Runs training jobs with these workers, which start with the first job and stay warm.
    pub(super) fn runner_of(&self, workers: PoolOptions) -> Result<Arc<Runner>, Fault> {
        let lab = self.lab()?;
        let mut runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        let runner =
            runners.entry(workers).or_insert_with_key(|workers| Arc::new(Runner::new(lab, Pool::start(workers.clone()))));
        Ok(runner.clone())
    }

    /// Does `work` without waiting for jobs that go on elsewhere: the batches of these, and what it gave.
    pub(super) fn submitting<T>(&self, work: impl FnOnce() -> T) -> (Vec<String>, T) {
        let followed = Followed::default();
        let set = |followed| std::mem::replace(&mut *self.submitting.lock().unwrap_or_else(PoisonError::into_inner), followed);
        let before = set(Some(followed.clone()));
        let done = work();
        set(before);
        let batches = followed.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        (batches, done)
    }

    /// While jobs are submitted and not waited for: where to note their batches.
    pub(super) fn submits(&self) -> Option<Followed> {
        self.submitting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells the host its engine, so that closures kept by operators can be called later. Once, by the session.
    pub fn set_engine(&self, engine: &Arc<Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    /// The session's engine, while the session lives.
    pub fn engine(&self) -> Result<Arc<Engine>, Fault> {
        let gone = || Fault::new("session::no_host", "the session of this closure has ended", "define the operator again");
        self.engine.get().and_then(Weak::upgrade).ok_or_else(gone)
    }

    /// Tells the host who knows what errors mean. Once, by the session.
    pub fn set_explainer(&self, explainer: Weak<dyn Explainer>) {
        let _ = self.explainer.set(explainer);
    }

    /// The fault that an error of the script language means.
    pub(super) fn explain(&self, error: &EvalAltResult) -> Fault {
        match self.explainer.get().and_then(Weak::upgrade) {
            Some(explainer) => explainer.explain(error),
            None => to_fault(error),
        }
    }

    /// Tells the host where its scripts are. Once, by the session.
    pub fn set_library(&self, library: Arc<dyn ScriptLibrary>) {
        let _ = self.library.set(library);
    }

    /// The scripts that come with the lab.
    pub fn library(&self) -> Result<&Arc<dyn ScriptLibrary>, Fault> {
        self.library
            .get()
            .ok_or_else(|| Fault::new("session::no_library", "this engine has no script library", "use `Session::new`"))
    }

    /// The host of the session that a primitive is called in.
    pub fn of(context: &NativeCallContext) -> Answer<Arc<Host>> {
        context
            .tag()
            .and_then(|tag| tag.clone().try_cast::<Arc<Host>>())
            .ok_or_else(|| raise(Fault::new("session::no_host", "this engine has no session around it", "use `Session::new`")))
    }
}

//! Places to train, and jobs that go on without the session: submitted, listed, waited for, cancelled.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr, Map};

use super::cross::{Answer, Cross, inner_fault, raise};
use super::host::Host;
use super::noun::Nouns;
use super::options::Options;
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::lab::Lab;
use crate::train::Runner;
use crate::worker::{Batches, Elsewhere, ElsewhereFault, Held, PoolOptions, Processor, Spot, Stage, Starts};

/// A place to train, as scripts hold it.
#[derive(Debug, Clone)]
pub struct Executor {
    /// How the script named it.
    pub name: String,
    /// Who works there.
    pub site: Site,
}

/// Who runs jobs.
#[derive(Debug, Clone)]
pub enum Site {
    /// Workers of the session, which end with it.
    Own(Own),
    /// Others, which go on without it.
    Elsewhere(Spot),
}

/// What was said of workers of the session.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// How many; `None` as many as there are cards, or as the session was started with.
    pub workers: Option<usize>,
    /// Threads of each.
    pub threads: Option<usize>,
    /// What they compute with.
    pub devices: Option<Vec<Processor>>,
}

impl Own {
    fn hired(&self, host: &Host) -> PoolOptions {
        host.workers(self.workers, self.threads, self.devices.as_ref().unwrap_or(&host.settings.devices))
    }
}

/// Jobs that were submitted, as scripts hold them.
#[derive(Clone)]
pub struct Submitted {
    /// Their batches.
    pub batches: Vec<String>,
    /// What they were submitted for.
    work: Option<FnPtr>,
    lab: Arc<Lab>,
}

/// Names of places, for completion.
pub(super) const NAMES: [&str; 6] = ["local", "cuda:0", "background", "ssh://", "slurm", "slurm://"];
/// Options of every place.
const OWN: [&str; 3] = ["workers", "threads", "devices"];
/// Options of places without the session.
const COMMON: [&str; 6] = ["workers", "threads", "devices", "trainer", "setup", "paths"];
/// Options of Slurm.
const SLURM: [&str; 4] = ["partition", "time", "gpus", "sbatch"];
/// How long one waits for cancelled jobs to stop.
const FAREWELL: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(300);

#[export_module]
mod executor_functions {
    /// A place to train, for the option `on`, as it is without options.
    ///
    /// # Example
    ///
    /// ```rhai
    /// executor("ssh://me@box/data/lab").name //> ssh://me@box/data/lab
    /// executor("cuda:0")                     //> executor cuda:0 (1 worker)
    /// executor("cloud")                      //> fails executor::unknown
    /// ```
    #[rhai_fn(return_raw)]
    pub fn executor(place: &str) -> Answer<Executor> {
        read(place, Map::new()).cross()
    }

    /// A place to train, for the option `on` of whatever trains: this machine, another one, a cluster.
    ///
    /// "local" are the session's own workers, which end with it; "cuda:0" are such that compute with a card, the first one. Elsewhere jobs go on when the session ends, and the same call finds what they made:
    /// "background" on this machine, "ssh://user@host/folder" on another one, "slurm" and "slurm://user@host/folder" as an array of jobs.
    /// Files go into `folder` there (".spaceevo-elsewhere" in the home folder), each once. Hosts, keys and ports are those of ~/.ssh/config. Slurm
    /// without a host works in the lab itself, which must then lie in a folder that all nodes share; a job whose time is up goes on in a new one as
    /// long as a session waits for it.
    ///
    /// Options: `workers` (1; of the session's own as many as cards, or what `--workers` says): jobs at the same time; `threads` (1): of each;
    /// `devices` ("cpu"): what they compute with, "cuda:0" or a list of cards that are dealt out to the workers: a job then has one card, or several
    /// if there are more cards than workers (see `replicas` of `train_supernet`).
    /// Cards need libtorch's part for CUDA, which `./x setup --cuda` fetches, or the variable LIBTORCH_CUDA, the folder `torch/lib` of PyTorch.
    ///
    /// Options of places without the session: `trainer`: a checkout there or its program (the session's own, or
    /// "spaceevo-trainer" there), of the same build; `setup` (""): lines of shell before it, in which $SPACEEVO_WORKER is the number of the worker,
    /// from 0 (but not in Slurm); `paths` (#{}): data that lie there already, from path here to path there.
    /// Options of Slurm: `partition`, `time`, `gpus` (of each job, which computes with them), `sbatch` ([]): further arguments of sbatch.
    ///
    /// # Example
    ///
    /// ```rhai
    /// executor("slurm", #{ workers: 20, threads: 4, partition: "gpu", time: "12:00:00", sbatch: ["--account=me"] }).workers //> 20
    /// executor("local", #{ devices: ["cuda:0", "cuda:1"] }) //> executor local (2 workers, cuda:0 cuda:1)
    /// executor("background", #{ gpus: 1 }) //> fails options::unknown
    /// executor("local", #{ devices: "gpu" }) //> fails executor::device
    /// ```
    #[rhai_fn(name = "executor", return_raw)]
    pub fn executor_with(place: &str, given: Map) -> Answer<Executor> {
        read(place, given).cross()
    }

    /// How the place was named.
    #[rhai_fn(get = "name", pure)]
    pub fn executor_name(executor: &mut Executor) -> String {
        executor.name.clone()
    }

    /// Jobs that run there at the same time.
    #[rhai_fn(get = "workers", return_raw)]
    pub fn executor_workers(context: NativeCallContext, executor: &mut Executor) -> Answer<i64> {
        let host = Host::of(&context)?;
        Ok(match &executor.site {
            Site::Own(own) => own.hired(&host).workers as i64,
            Site::Elsewhere(spot) => spot.workers as i64,
        })
    }

    /// The place as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn executor_text(executor: &mut Executor) -> String {
        words_of(executor)
    }

    /// Calls a closure without waiting for jobs that go on elsewhere; gives those.
    ///
    /// What it trains `on` an executor is submitted; so are jobs that need the results of these, such as the losses of a look-up table. Once all is
    /// there, or by `wait()`, the closure is called again and finds it.
    ///
    /// # Example
    ///
    /// ```rhai
    /// submit(|| 40 + 2).wait() //> 42
    /// ```
    ///
    /// ```rhai no_run
    /// let cluster = executor("slurm://login/scratch/me", #{ workers: 40, time: "4:00:00" });
    /// let taught = teacher("shapes_resnet");
    /// let job = submit(|| build_lut(hyperspace("pocket"), #{ teacher: taught, device: device("ort"), on: cluster }));
    /// print(job.progress());      // today
    /// let lut = job.wait();       // or run the script again tomorrow
    /// ```
    #[rhai_fn(return_raw)]
    pub fn submit(context: NativeCallContext, work: FnPtr) -> Answer<Submitted> {
        let host = Host::of(&context)?;
        let lab = host.lab().cross()?;
        let (batches, answer) = host.submitting(|| call(&context, &host, &work));
        match answer {
            Err(fault) if fault.code != "executor::submitted" => Err(raise(fault)),
            _ => Ok(Submitted { batches, work: Some(work), lab }),
        }
    }

    /// Jobs that were submitted by this session or an earlier one and not taken up yet, a batch each.
    ///
    /// # Example
    ///
    /// ```rhai
    /// submitted() //> []
    /// ```
    #[rhai_fn(return_raw)]
    pub fn submitted(context: NativeCallContext) -> Answer<Array> {
        let host = Host::of(&context)?;
        all(&host).map(|all| all.into_iter().map(Dynamic::from).collect()).cross()
    }

    /// Waits for jobs and takes their results into the lab. Of `submit` it gives what the closure gives then.
    ///
    /// An interrupt ends the waiting, not the jobs.
    ///
    /// # Example
    ///
    /// ```rhai
    /// submit(|| [1, 2]).wait() //> [1, 2]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn wait(context: NativeCallContext, submitted: Submitted) -> Answer<Dynamic> {
        let host = Host::of(&context)?;
        take_in(&host, &submitted, true).cross()?;
        match &submitted.work {
            Some(work) => call(&context, &host, work).cross(),
            None => Ok(Dynamic::UNIT),
        }
    }

    /// Ends jobs that are not done; what is done is kept, and trainings leave a checkpoint where they ran.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let job = submit(|| 1);
    /// job.cancel();
    /// job.done //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn cancel(context: NativeCallContext, submitted: Submitted) -> Answer<()> {
        let host = Host::of(&context)?;
        end(&host, &submitted).cross()
    }

    /// How far jobs are: `batch`, `on`, `job`, `state`, `done` and `total` steps, `note`.
    ///
    /// `state` is "queued", "running", "done" (and not taken up), "failed" or "stopped".
    ///
    /// # Example
    ///
    /// ```rhai
    /// submit(|| 1).progress().columns //> ["batch", "on", "job", "state", "done", "total", "note"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn progress(submitted: Submitted) -> Answer<Table> {
        table(&submitted).cross()
    }

    /// Whether nothing is left to wait for.
    ///
    /// # Example
    ///
    /// ```rhai
    /// submit(|| 1).done //> true
    /// ```
    #[rhai_fn(get = "done", pure, return_raw)]
    pub fn is_done(submitted: &mut Submitted) -> Answer<bool> {
        Ok(states(submitted).cross()?.iter().all(|row| row.2.stage.is_over()))
    }

    /// The jobs as text: how many, and where.
    #[rhai_fn(name = "to_string", pure)]
    pub fn submitted_text(submitted: &mut Submitted) -> String {
        words(submitted)
    }
}

/// The place as a line.
pub(super) fn words_of(executor: &Executor) -> String {
    let name = &executor.name;
    let number = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut facts = Vec::new();
    let processors = match &executor.site {
        Site::Own(own) => {
            let devices = own.devices.as_deref().unwrap_or_default();
            let cards = devices.iter().any(|processor| *processor != Processor::Cpu);
            facts.extend(own.workers.or(cards.then_some(devices.len())).map(|count| number(count, "worker")));
            facts.extend(own.threads.map(|count| number(count, "thread")));
            devices
        }
        Site::Elsewhere(spot) => {
            facts.extend([number(spot.workers, "worker"), number(spot.threads, "thread")]);
            &spot.processors
        }
    };
    let processors: Vec<_> = processors.iter().map(ToString::to_string).filter(|one| one != name).collect();
    facts.extend((!processors.is_empty()).then(|| processors.join(" ")));
    if facts.is_empty() { format!("executor {name}") } else { format!("executor {name} ({})", facts.join(", ")) }
}

/// What workers compute with: a text or an array of texts.
fn devices(value: &Dynamic) -> Result<Vec<Processor>> {
    let texts = value.clone().into_array().unwrap_or_else(|_| vec![value.clone()]);
    let processors: Vec<Processor> = texts.iter().map(|text| text.to_string().parse()).collect::<Result<_>>()?;
    if processors.is_empty() {
        return Err(Fault::new(
            "executor::device",
            "an empty list of devices",
            "leave it out for the processor, or name a card: \"cuda:0\"",
        ));
    }
    Ok(processors)
}

fn read(place: &str, given: Map) -> Result<Executor> {
    if let Ok(processor) = place.parse() {
        let options = Options::new("executor", given, &OWN[..2])?;
        return own(place, &options, Some(vec![processor]));
    }
    let Some(mut spot) = Spot::named(place)? else {
        let options = Options::new("executor", given, &OWN)?;
        let named = options.value("devices").map(devices).transpose()?;
        return own(place, &options, named);
    };
    let slurm = spot.starts == Starts::Slurm;
    let known = if slurm { [&COMMON[..], &SLURM].concat() } else { COMMON.to_vec() };
    let options = Options::new("executor", given, &known)?;
    let cards = options.count("gpus", 1)?.unwrap_or(0);
    spot.processors = match options.value("devices") {
        Some(value) => devices(value)?,
        None => (0..cards).map(Processor::Cuda).collect(),
    };
    spot.workers = options.count("workers", 1)?.unwrap_or(1);
    spot.threads = options.count("threads", 1)?.unwrap_or(1);
    spot.trainer = options.text("trainer")?;
    spot.setup = options.text("setup")?.unwrap_or_default();
    for (here, there) in options.noun::<Map>("paths", "a map from paths here to paths there")?.unwrap_or_default() {
        if spot.host.is_none() {
            let help = "jobs on this machine, and those of Slurm without a host, read the same paths as the session";
            return Err(ElsewhereFault::Option { place: place.into(), option: "paths", help }.into());
        }
        let there =
            there.into_string().map_err(|_| options.refuse("paths", "its values are texts", "`#{ \"/data\": \"/scratch\" }`"))?;
        let here = std::path::absolute(Path::new(here.as_str())).unwrap_or_default();
        spot.paths.push((here.display().to_string(), there));
    }
    if slurm {
        for (key, flag) in [("partition", "--partition"), ("time", "--time")] {
            spot.sbatch.extend(options.text(key)?.map(|value| format!("{flag}={value}")));
        }
        spot.sbatch.extend((cards > 0).then(|| format!("--gpus={cards}")));
        for argument in options.array("sbatch")?.unwrap_or_default() {
            let text = argument.into_string();
            spot.sbatch.push(text.map_err(|_| options.refuse("sbatch", "it holds texts", "`[\"--account=me\"]`"))?);
        }
    }
    Ok(Executor { name: place.into(), site: Site::Elsewhere(spot) })
}

fn own(place: &str, options: &Options, devices: Option<Vec<Processor>>) -> Result<Executor> {
    let own = Own { workers: options.count("workers", 1)?, threads: options.count("threads", 1)?, devices };
    Ok(Executor { name: place.into(), site: Site::Own(own) })
}

/// What the option `on` of a call names: a place, its name, or cards.
fn named(options: &Options) -> Result<Executor> {
    match options.value("on") {
        None => read("local", Map::new()),
        Some(value) if value.is_string() => read(&value.to_string(), Map::new()),
        Some(value) if value.is_array() => read("local", Map::from([("devices".into(), value.clone())])),
        Some(_) => options.need("on", "a place to train: `executor(\"ssh://host\")` or \"cuda:0\""),
    }
}

/// The workers of the session that a call trains with; the usual ones where it trains elsewhere.
pub(super) fn workers(host: &Host, options: &Options) -> Result<PoolOptions> {
    Ok(match named(options)?.site {
        Site::Own(own) if !host.settings.dry => own.hired(host),
        _ => Own::default().hired(host),
    })
}

/// Runs the jobs of a call where its option `on` says.
pub(super) fn runner(host: &Host, options: &Options) -> Result<Arc<Runner>> {
    let site = named(options)?.site;
    if host.settings.dry && options.value("on").is_some() {
        host.note_cut("where jobs run", "here".into());
        return host.runner();
    }
    let spot = match site {
        Site::Own(own) => return host.runner_of(own.hired(host)),
        Site::Elsewhere(spot) => spot,
    };
    let lab = host.lab()?;
    let elsewhere = Elsewhere::new(spot, lab.root());
    Ok(Arc::new(match host.submits() {
        Some(followed) => Runner::new(lab, elsewhere.noting(followed)).without_waiting(),
        None => Runner::new(lab, elsewhere),
    }))
}

fn call(context: &NativeCallContext, host: &Host, work: &FnPtr) -> Result<Dynamic> {
    work.call_within_context::<Dynamic>(context, ()).map_err(|error| inner_fault(host, &error, context.call_source()))
}

fn all(host: &Host) -> Result<Vec<Submitted>> {
    let lab = host.lab()?;
    let batches = Batches::of(lab.root());
    let mut found = Vec::new();
    for batch in batches.list()? {
        let submitted = Submitted { batches: vec![batch.name], work: None, lab: lab.clone() };
        if batch.cancelled {
            // What was done before it could be stopped is kept. One whose machine does not answer is cleared away the next time.
            let _ = take_in(host, &submitted, false);
        } else {
            found.push(submitted);
        }
    }
    Ok(found)
}

fn held(submitted: &Submitted) -> Result<Vec<Held>> {
    let batches = Batches::of(submitted.lab.root());
    let mut held = Vec::new();
    for name in &submitted.batches {
        held.extend(batches.batch(name)?.map(|batch| batch.held).unwrap_or_default());
    }
    Ok(held)
}

fn take_in(host: &Host, submitted: &Submitted, wait: bool) -> Result<()> {
    Runner::take_in(&submitted.lab, &held(submitted)?, wait, &host.progress(), &host.cancel)
}

fn end(host: &Host, submitted: &Submitted) -> Result<()> {
    // What is done is kept; a job that failed was to be ended anyway.
    let taken = take_in(host, submitted, false);
    let batches = Batches::of(submitted.lab.root());
    for name in &submitted.batches {
        batches.cancel(name)?;
    }
    let until = Instant::now() + FAREWELL;
    while !held(submitted)?.is_empty() && Instant::now() < until {
        host.cancel.check()?;
        std::thread::sleep(LOOK);
        // What was done before it could be stopped is kept too; the others are faults: they were cancelled.
        let _ = take_in(host, submitted, false);
    }
    if let Err(fault) = taken {
        host.progress().say(&format!("before it was cancelled: {}", fault.message));
    }
    Ok(())
}

/// Batch, place, state of every job, with its label.
type Row = (String, String, crate::worker::State, String);

fn states(submitted: &Submitted) -> Result<Vec<Row>> {
    let batches = Batches::of(submitted.lab.root());
    let mut rows = Vec::new();
    for name in &submitted.batches {
        let Some(batch) = batches.batch(name)? else { continue };
        let listed = batches.progress(name)?;
        rows.extend(listed.into_iter().map(|job| (name.clone(), batch.spot.name.clone(), job.state, job.label)));
    }
    Ok(rows)
}

fn table(submitted: &Submitted) -> Result<Table> {
    let rows = states(submitted)?;
    Table::builder()
        .text("batch", rows.iter().map(|row| row.0.clone()))
        .text("on", rows.iter().map(|row| row.1.clone()))
        .text("job", rows.iter().map(|row| row.3.clone()))
        .text("state", rows.iter().map(|row| row.2.stage.word().to_owned()))
        .int("done", rows.iter().map(|row| row.2.done as i64))
        .int("total", rows.iter().map(|row| row.2.total as i64))
        .text(
            "note",
            rows.iter().map(|row| match &row.2.fault {
                Some(fault) => fault.message.clone(),
                None => row.2.note.clone(),
            }),
        )
        .build()
}

/// The jobs in a line; from the lab alone, so that it needs no connection.
pub(super) fn words(submitted: &Submitted) -> String {
    let batches = Batches::of(submitted.lab.root());
    let named = submitted.batches.iter().filter_map(|name| batches.batch(name).ok().flatten());
    let parts: Vec<_> = named
        .map(|batch| match batch.held.len() {
            1 => format!("1 job on {}: {}", batch.spot.name, batch.held[0].label),
            count => format!("{count} jobs on {}", batch.spot.name),
        })
        .collect();
    if parts.is_empty() { "submitted: nothing is left to wait for".into() } else { format!("submitted: {}", parts.join("; ")) }
}

/// The facts and the rows of a page.
pub(super) fn page_of(submitted: &Submitted) -> Result<(Vec<(&'static str, String)>, Table)> {
    let rows = states(submitted)?;
    let count = |stage: Stage| rows.iter().filter(|row| row.2.stage == stage).count();
    let stages = [Stage::Queued, Stage::Running, Stage::Done, Stage::Failed, Stage::Stopped];
    let facts = stages.into_iter().filter(|stage| count(*stage) > 0).map(|stage| (stage.word(), count(stage).to_string()));
    let facts = [("jobs", rows.len().to_string())].into_iter().chain(facts).collect();
    Ok((facts, table(submitted)?))
}

/// Declares places to train.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Executor>("Executor");
    engine.noun::<Submitted>("Submitted");
    engine.register_global_module(exported_module!(executor_functions).into());
}

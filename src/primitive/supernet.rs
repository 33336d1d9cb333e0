//! Supernets: training a search space, searching it for a subnet, exporting and judging what was found.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::dataset::{Dataset, data_of, default_data};
use super::device::{Stopwatch, costs_of, measure_nets};
use super::host::{BATCH, DRY_BATCH, Host, STEPS};
use super::latency::{LatencyModel, model};
use super::noun::Nouns;
use super::options::Options;
use super::space::Space;
use super::thing::precision_of;
use crate::base::{Fault, Result, Seed, readable, write_atomic};
use crate::data::Part;
use crate::device::ort::OrtSession;
use crate::frame::Table;
use crate::graph::Weights;
use crate::lut::latency::Networks;
use crate::onnx::{self, Precision};
use crate::search::{LatencyWindow, SubnetPlan, search_subnets};
use crate::space::Subnet;
use crate::train::{DataSource, Job, NetEvaluation, NetScore, SupernetRecipe, SupernetTask, TrainSummary, WeightsRef};

/// Stages and networks measured for a latency model of one search space.
const FITTED: usize = 48;

/// Test images that are in memory at a time.
const AT_ONCE: usize = 100;

/// A trained search space.
#[derive(Clone)]
pub struct Supernet {
    pub(super) space: Space,
    pub(super) data: DataSource,
    pub(super) weights: WeightsRef,
    pub(super) quantized: bool,
    pub(super) top1_pct: f64,
    seed: Seed,
    task: Arc<Mutex<SupernetTask>>,
}

/// A subnet that a search found, with what is known of it.
#[derive(Clone)]
pub struct Found {
    supernet: Supernet,
    pub(super) subnet: Subnet,
    pub(super) top1_pct: f64,
    pub(super) predicted_ms: f64,
    pub(super) costs: Map,
    pub(super) candidates: Table,
}

impl Supernet {
    fn task<T>(&self, use_it: impl FnOnce(&mut SupernetTask) -> Result<T>) -> Result<T> {
        use_it(&mut self.task.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn how(&self, images: usize) -> NetEvaluation {
        NetEvaluation { quantized: self.quantized, recalibrate: 4, images, batch: 64, seed: self.seed }
    }

    /// Top-1 in percent on `images` validation images, each after its own recalibration.
    fn accuracies(&self, host: &Host, subnets: &[Subnet], images: usize) -> Result<Vec<f64>> {
        // Split in as many jobs as there are workers, so that all have work.
        let share = subnets.len().div_ceil(host.settings.workers.max(1)).max(1);
        let mut jobs = Vec::new();
        for part in subnets.chunks(share) {
            let job = self.task(|task| task.evaluate(self.weights.clone(), self.data.clone(), part, self.how(images)))?;
            jobs.push(Job::EvalNets(job));
        }
        let done = host.runner()?.run(jobs, &host.progress(), &host.cancel)?;
        let mut scores = Vec::new();
        for one in done {
            scores.extend(one.result::<Vec<NetScore>>()?.into_iter().map(|score| score.top1_pct));
        }
        Ok(scores)
    }

    /// The ONNX file of a subnet with its trained weights.
    fn onnx(&self, host: &Host, subnet: &Subnet, precision: Precision) -> Result<Vec<u8>> {
        let job = self.task(|task| task.export(self.weights.clone(), self.data.clone(), subnet, self.how(0)))?;
        let done = host.runner()?.run_one(Job::ExportNet(job), &crate::base::Progress::default(), &host.cancel)?;
        let weights = Weights::load(&done.folder.join("weights.safetensors"))?;
        onnx::lower(&subnet.graph()?, &weights, precision, 1)
    }
}

#[export_module]
mod supernet_functions {
    /// A search space trained as one network with shared weights; an array of them is trained side by side.
    #[rhai_fn(return_raw)]
    pub fn train_supernet(context: NativeCallContext, space: Dynamic) -> Answer<Dynamic> {
        train_supernet_with(context, space, Map::new())
    }

    /// A search space trained as one network with shared weights.
    ///
    /// By the sandwich rule, in FP32 and then quantized (LSQ+, 8 bits). An array of spaces is trained side by side, one on each worker, and gives an array. Kept in the lab.
    ///
    /// Options: `data` (the data set `shapes`), `steps` (300), `int8_steps` (60), `lr` (0.1), `int8_lr` (0.01), `batch` (64),
    /// `random` (2): random subnets in every step; `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// train_supernet("012-210") //> fails supernet::space
    /// ```
    #[rhai_fn(name = "train_supernet", return_raw)]
    pub fn train_supernet_with(context: NativeCallContext, space: Dynamic, given: Map) -> Answer<Dynamic> {
        let host = Host::of(&context)?;
        let many = space.is_array();
        let spaces = if many { space.into_array().unwrap_or_default() } else { vec![space] };
        let spaces: Vec<_> = spaces
            .into_iter()
            .map(|one| {
                let found = one.to_string();
                one.try_cast::<Space>().ok_or_else(|| {
                    Fault::new(
                        "supernet::space",
                        format!("`{found}` is no search space"),
                        "give for example `hs.space(\"012-210\")` or `study.best().space`",
                    )
                })
            })
            .collect::<Result<_>>()
            .cross()?;
        let mut nets = train(&host, &spaces, given).cross()?;
        if many {
            return Ok(nets.into_iter().map(Dynamic::from).collect::<Array>().into());
        }
        nets.pop().map(Dynamic::from).ok_or_else(|| Fault::new("supernet::space", "there is no space to train", "")).cross()
    }

    /// The best subnet of a supernet within a measured latency.
    ///
    /// Evolution over subnets by INT8 top-1 on validation images, each after batch-norm recalibration, under a predicted latency;
    /// the best of them are then measured, and the best one within the limit is taken.
    ///
    /// Options: `device` (needed), `max_int8_ms` (needed), `latency` (none): a latency model (`latency_model(…)`, `lut.latency`), otherwise one is fitted to
    /// this space; `population` (16), `rounds` (2), `images` (500): validation images, `measured` (6): how many are measured, `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let net = train_supernet(hyperspace("pocket").space("012-210"), #{ seed: 1 });
    /// let found = search_subnet(net, #{ device: device("ort"), max_int8_ms: 0.3 });
    /// print(found);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn search_subnet(context: NativeCallContext, supernet: Supernet, given: Map) -> Answer<Found> {
        let host = Host::of(&context)?;
        search(&host, &supernet, given).cross()
    }

    /// Top-1 of an ONNX file as ONNX Runtime runs it, on the test images of the data set `shapes`.
    #[rhai_fn(return_raw)]
    pub fn evaluate(context: NativeCallContext, file: &str) -> Answer<Map> {
        let host = Host::of(&context)?;
        let data = default_data(&host).cross()?;
        evaluate_file(&host, Path::new(file), &data).cross()
    }

    /// Top-1 of an ONNX file as ONNX Runtime runs it, on the test images of a data set.
    ///
    /// A map with `int8_top1_pct` or `fp32_top1_pct` (after the file's precision), its standard error `stderr_pct` and the number of `images`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// evaluate("no_such.onnx", dataset("shapes", #{ test: 10 })) //> fails file::io
    /// ```
    #[rhai_fn(name = "evaluate", return_raw)]
    pub fn evaluate_on(context: NativeCallContext, file: &str, data: Dataset) -> Answer<Map> {
        let host = Host::of(&context)?;
        evaluate_file(&host, Path::new(file), &data.source).cross()
    }

    /// The search space of a supernet.
    #[rhai_fn(get = "space", pure)]
    pub fn supernet_space(supernet: &mut Supernet) -> Space {
        supernet.space.clone()
    }

    /// Top-1 of the largest subnet on validation images, in percent.
    #[rhai_fn(get = "top1_pct", pure)]
    pub fn supernet_top1(supernet: &mut Supernet) -> f64 {
        supernet.top1_pct
    }

    /// Top-1 in percent of subnets on validation images, each after batch-norm recalibration.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let net = train_supernet(hyperspace("pocket").space("012-210"), #{ seed: 1 });
    /// print(net.accuracies([net.space.smallest, net.space.largest]));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn accuracies(context: NativeCallContext, supernet: Supernet, subnets: Array) -> Answer<Array> {
        let host = Host::of(&context)?;
        let subnets: Vec<_> = subnets.into_iter().filter_map(Dynamic::try_cast::<Subnet>).collect();
        Ok(supernet.accuracies(&host, &subnets, 0).cross()?.into_iter().map(Dynamic::from).collect())
    }

    /// Writes a subnet of this supernet as an ONNX file.
    ///
    /// Options: `precision` ("int8"): or "fp32".
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let net = train_supernet(hyperspace("pocket").space("012-210"), #{ seed: 1 });
    /// net.export_onnx(net.space.largest, "largest.onnx", #{ precision: "fp32" });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn export_onnx(context: NativeCallContext, supernet: Supernet, subnet: Subnet, file: &str, given: Map) -> Answer<()> {
        let host = Host::of(&context)?;
        export(&host, &supernet, &subnet, file, given).cross()
    }

    /// The supernet as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn supernet_text(supernet: &mut Supernet) -> String {
        format!("supernet {}, largest subnet {:.1} % top-1", supernet.space.encode(), supernet.top1_pct)
    }
}

#[export_module]
mod found_type {
    /// The subnet that was found.
    #[rhai_fn(get = "subnet", pure)]
    pub fn found_subnet(found: &mut Found) -> Subnet {
        found.subnet.clone()
    }

    /// Its top-1 on validation images with fake quantization, in percent.
    #[rhai_fn(get = "top1_pct", pure)]
    pub fn found_top1(found: &mut Found) -> f64 {
        found.top1_pct
    }

    /// What the subnet costs.
    ///
    /// A map of `int8_ms` and `fp32_ms` (both measured), `speedup`, `predicted_int8_ms`, `mflops`, `mparams`.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let net = train_supernet(hyperspace("pocket").space("012-210"), #{ seed: 1 });
    /// let found = search_subnet(net, #{ device: device("ort"), max_int8_ms: 0.3 });
    /// print(found.costs().int8_ms);
    /// ```
    #[rhai_fn(pure)]
    pub fn costs(found: &mut Found) -> Map {
        found.costs.clone()
    }

    /// Every subnet the search judged, as a table of `subnet`, `int8_ms` (predicted) and `top1_pct`.
    #[rhai_fn(get = "candidates", pure)]
    pub fn candidates(found: &mut Found) -> Table {
        found.candidates.clone()
    }

    /// Writes the subnet as an INT8 ONNX file.
    #[rhai_fn(name = "export_onnx", return_raw)]
    pub fn export_found(context: NativeCallContext, found: Found, file: &str) -> Answer<()> {
        let host = Host::of(&context)?;
        export(&host, &found.supernet, &found.subnet, file, Map::new()).cross()
    }

    /// Writes the subnet as an ONNX file.
    ///
    /// Options: `precision` ("int8"): or "fp32".
    #[rhai_fn(name = "export_onnx", return_raw)]
    pub fn export_found_with(context: NativeCallContext, found: Found, file: &str, given: Map) -> Answer<()> {
        let host = Host::of(&context)?;
        export(&host, &found.supernet, &found.subnet, file, given).cross()
    }

    /// What was found as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn found_text(found: &mut Found) -> String {
        format!(
            "{} of {}: {:.1} % top-1 on validation images, {:.4} ms predicted",
            found.subnet.encode(),
            found.supernet.space.encode(),
            found.top1_pct,
            found.predicted_ms
        )
    }
}

fn train(host: &Host, spaces: &[Space], given: Map) -> Result<Vec<Supernet>> {
    let options =
        Options::new("train_supernet", given, &["data", "steps", "int8_steps", "lr", "int8_lr", "batch", "random", "seed"])?;
    let data = data_of(&options, || default_data(host))?;
    let default = SupernetRecipe::default();
    let recipe = SupernetRecipe {
        steps: host.cut(STEPS, options.count("steps", 1)?.unwrap_or(default.steps), 1),
        int8_steps: host.cut(STEPS, options.count("int8_steps", 0)?.unwrap_or(default.int8_steps), 1),
        lr: options.positive("lr")?.unwrap_or(default.lr),
        int8_lr: options.positive("int8_lr")?.unwrap_or(default.int8_lr),
        batch: host.cut(BATCH, options.count("batch", 2)?.unwrap_or(default.batch), DRY_BATCH),
        random: options.count("random", 0)?.unwrap_or(default.random),
    };
    let seed = options.seed()?;
    let mut tasks = Vec::new();
    let mut jobs = Vec::new();
    for space in spaces {
        let mut task = SupernetTask::new(space)?;
        jobs.push(Job::TrainNet(task.train(data.clone(), recipe, seed)?));
        tasks.push(task);
    }
    let done = host.runner()?.run(jobs, &host.progress(), &host.cancel)?;
    let nets = spaces.iter().zip(tasks).zip(done).map(|((space, task), done)| {
        let top1_pct = done.result::<TrainSummary>()?.top1_pct.unwrap_or(f64::NAN);
        let task = Arc::new(Mutex::new(task));
        Ok(Supernet {
            space: space.clone(),
            data: data.clone(),
            weights: done.weights(),
            quantized: recipe.int8_steps > 0,
            top1_pct,
            seed,
            task,
        })
    });
    nets.collect()
}

fn search(host: &Host, supernet: &Supernet, given: Map) -> Result<Found> {
    let known = ["device", "max_int8_ms", "latency", "population", "rounds", "images", "measured", "seed"];
    let options = Options::new("search_subnet", given, &known)?;
    let device: Stopwatch = options.need("device", "a device: `device(\"ort\")`")?;
    let limit_ms = options.positive("max_int8_ms")?;
    let mut limit_ms = limit_ms.ok_or_else(|| {
        Fault::new(
            "options::missing",
            "search_subnet needs the option `max_int8_ms`",
            "say how many milliseconds an inference may take",
        )
    })?;
    let (population, rounds) = (options.count("population", 2)?.unwrap_or(16), options.count("rounds", 0)?.unwrap_or(2));
    let (images, measured) = (options.count("images", 1)?.unwrap_or(500), options.count("measured", 1)?.unwrap_or(6));
    let (population, rounds) = (host.cut("subnets of a search", population, 4), host.cut("rounds of a subnet search", rounds, 1));
    if host.settings.dry {
        // A limit for the real device means nothing to the one that counts.
        limit_ms = f64::MAX;
        host.note_cut("latency limits of subnet searches", "none".into());
    }
    let seed = options.seed()?;
    let predictor = match options.noun::<LatencyModel>("latency", "a latency model: `latency_model(...)`, or `lut.latency`")? {
        Some(given) => given.0,
        None => model(host, &Networks::In(supernet.space.clone()), &device, FITTED, seed.child("latency"))?.0,
    };
    let latency = |subnet: &Subnet| predictor.subnet_ms(subnet);
    let accuracy = |subnets: &[Subnet]| supernet.accuracies(host, subnets, images);
    let plan = SubnetPlan {
        population,
        parents: population / 2,
        mutations: population / 2,
        crossovers: population / 2,
        iterations: rounds,
        seed,
        cancel: host.cancel.clone(),
        progress: host.progress(),
        label: format!("search {}", supernet.space.encode()),
        ..SubnetPlan::default()
    };
    let found = search_subnets(&supernet.space, &LatencyWindow::up_to(limit_ms), &plan, &latency, &accuracy)?;
    // The best by accuracy are really measured; a predicted latency has its error.
    let top = found.top(measured);
    let rows = measure_nets(host, &device, &top.iter().map(|one| one.net.clone()).collect::<Vec<_>>())?;
    let within = top.iter().zip(&rows).find(|(_, row)| row.int8_ms <= limit_ms);
    let (chosen, row) = within.ok_or_else(|| {
        let fastest = rows.iter().map(|row| row.int8_ms).fold(f64::INFINITY, f64::min);
        Fault::new(
            "search::starved",
            format!(
                "none of the {} best subnets of {} was measured within {limit_ms:.4} ms; the fastest took {fastest:.4} ms",
                rows.len(),
                supernet.space.encode()
            ),
            "raise `max_int8_ms`, or `measured`",
        )
    })?;
    let history = &found.history;
    let candidates = Table::builder()
        .text("subnet", history.iter().map(|one| one.net.encode()))
        .float("int8_ms", history.iter().map(|one| one.latency_ms))
        .float("top1_pct", history.iter().map(|one| one.accuracy))
        .build()?;
    let mut costs = costs_of(&chosen.net.cost()?, row);
    costs.insert("predicted_int8_ms".into(), chosen.latency_ms.into());
    Ok(Found {
        supernet: supernet.clone(),
        subnet: chosen.net.clone(),
        top1_pct: chosen.accuracy,
        predicted_ms: chosen.latency_ms,
        costs,
        candidates,
    })
}

fn export(host: &Host, supernet: &Supernet, subnet: &Subnet, file: &str, given: Map) -> Result<()> {
    let options = Options::new("export_onnx", given, &["precision"])?;
    let precision = precision_of(&options)?;
    if precision == Precision::Int8 && !supernet.quantized {
        return Err(Fault::new(
            "supernet::not_quantized",
            "this supernet was trained without quantization",
            "train it with `int8_steps` above 0, or export with `precision: \"fp32\"`",
        ));
    }
    write_atomic(Path::new(file), &supernet.onnx(host, subnet, precision)?)
}

fn evaluate_file(host: &Host, file: &Path, source: &DataSource) -> Result<Map> {
    let bytes = std::fs::read(readable(file)).map_err(|error| Fault::file("read", file, &error))?;
    let mut session = OrtSession::load(&bytes, 1)?;
    let test = source.open()?.part(Part::Test);
    if test.is_empty() {
        return Err(Fault::new("evaluate::empty", "the data set has no test images", "say `test:` among its options"));
    }
    // A subnet may have been exported for another side.
    let test = match session.input_shape()[..] {
        [_, _, side, _] if side > 0 => test.at(side),
        _ => test,
    };
    let side = test.size();
    let bar = host.progress().task(&format!("top-1 of {}", file.display()), test.len() as u64);
    let (mut right, mut seen) = (0_usize, 0_usize);
    for from in (0..test.len()).step_by(AT_ONCE) {
        let images = test.slice(from..from + AT_ONCE).hold(rayon::current_num_threads(), &|| host.cancel.check())?;
        test.news().iter().for_each(|line| host.progress().say(line));
        for at in 0..images.len() {
            host.cancel.check()?;
            let logits = session.run(&images.floats([at]), &[1, 3, side, side])?;
            let class = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(class, _)| class);
            right += usize::from(class == Some(images.label(at)));
        }
        seen += images.len();
        bar.advance(images.len() as u64);
    }
    let share = right as f64 / seen.max(1) as f64;
    let stderr = (share * (1.0 - share) / seen.max(1) as f64).sqrt();
    let int8 = onnx::operators(&bytes)?.iter().any(|(operator, _)| operator == "QuantizeLinear");
    let key = if int8 { "int8_top1_pct" } else { "fp32_top1_pct" };
    Ok(Map::from([
        (key.into(), (100.0 * share).into()),
        ("stderr_pct".into(), (100.0 * stderr).into()),
        ("images".into(), (seen as i64).into()),
    ]))
}

/// Declares supernets.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Supernet>("Supernet").noun::<Found>("FoundSubnet");
    engine.register_global_module(exported_module!(supernet_functions).into());
    engine.register_global_module(exported_module!(found_type).into());
}

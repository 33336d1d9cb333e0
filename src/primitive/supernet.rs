//! Supernets: training a search space, judging and exporting its subnets.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::dataset::{Dataset, data_of, default_data};
use super::executor::{runner, workers};
use super::host::{Host, JUDGED};
use super::noun::Nouns;
use super::options::Options;
use super::recipe::{
    JUDGING, judged, metric, not_int8, supernet_recipe, tuning_recipe, with_supernet_options, with_tuning_options,
};
use super::space::Space;
use super::thing::precision_of;
use super::values::noun;
use crate::base::{Fault, Result, Seed, readable, write_atomic};
use crate::data::Part;
use crate::device::ort::OrtSession;
use crate::graph::Weights;
use crate::onnx::{self, Precision};
use crate::space::Subnet;
use crate::train::{
    DataSource, Expression, Job, Lsq, NetEvaluation, NetScore, SupernetRecipe, SupernetTask, TrainSummary, WeightsRef,
};
use crate::worker::PoolOptions;

/// Test images that are in memory at a time.
const AT_ONCE: usize = 100;

/// A trained search space.
#[derive(Clone)]
pub struct Supernet {
    pub(super) space: Space,
    pub(super) data: DataSource,
    pub(super) weights: WeightsRef,
    pub(super) quantized: bool,
    pub(super) lsq: Lsq,
    pub(super) top1_pct: f64,
    /// The one subnet that it was trained for last.
    pub(super) tuned: Option<Subnet>,
    /// Workers of the session that trained it, and judge it.
    workers: PoolOptions,
    seed: Seed,
    task: Arc<Mutex<SupernetTask>>,
}

impl Supernet {
    fn task<T>(&self, use_it: impl FnOnce(&mut SupernetTask) -> Result<T>) -> Result<T> {
        use_it(&mut self.task.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn how(&self, host: &Host, images: usize) -> NetEvaluation {
        let recalibrate = host.cut(JUDGED, 4, 1);
        NetEvaluation { quantized: self.quantized, lsq: self.lsq.clone(), recalibrate, images, batch: 64, seed: self.seed }
    }

    /// Top-1 in percent on validation images, or the mean of `metric`, each after its own recalibration.
    pub(super) fn accuracies(
        &self,
        host: &Host,
        subnets: &[Subnet],
        how: &NetEvaluation,
        metric: Option<&Expression>,
    ) -> Result<Vec<f64>> {
        let runner = host.runner_of(self.workers.clone())?;
        let mut jobs = Vec::new();
        for part in runner.shares(subnets) {
            let job = self.task(|task| task.evaluate(self.weights.clone(), self.data.clone(), part, how, metric.cloned()))?;
            jobs.push(Job::EvalNets(job));
        }
        let done = runner.run(jobs, &host.progress(), &host.cancel)?;
        let mut scores = Vec::new();
        for one in done {
            scores.extend(one.result::<Vec<NetScore>>()?.into_iter().map(|score| score.metric.unwrap_or(score.top1_pct)));
        }
        Ok(scores)
    }

    /// The ONNX file of a subnet with its trained weights.
    fn onnx(&self, host: &Host, subnet: &Subnet, precision: Precision) -> Result<Vec<u8>> {
        let job = self.task(|task| task.export(self.weights.clone(), self.data.clone(), subnet, &self.how(host, 0)))?;
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
    /// By the sandwich rule, in FP32 and then quantized (LSQ+). An array of spaces is trained side by side, one on each worker, and gives an array. Kept in the lab.
    ///
    /// Options: `data` (the data set `shapes`);
    /// `steps` (300), `int8_steps` (60), `batch` (64), `lr` (0.1), `int8_lr` (0.01), `warmup` (a twentieth of `steps`), `int8_warmup` (0): how long and
    /// how fast, in FP32 and then quantized, along a cosine; `cosine_every` (1): steps between its changes; `random` (2): random subnets in every step;
    /// `optimizer` ("sgd"): or "adam"; `weight_decay` (1e-4; the reference: 1e-5); `decay` ("weights"): what decays, or "reference" for all but biases and shifts;
    /// `gradient_clip` (1.0): most that a value of a gradient counts, 0 for no limit;
    /// `precision` ("float32"): of products while training, or "bfloat16": faster on cards, and far slower on a processor without AVX-512;
    /// `weight_bits` (8), `activation_bits` (8): 2 to 8; `weights` ("per_tensor"): what shares a scale, or "per_channel"; `scale_init` ("min_max"): where
    /// scales begin, or "lsq", or "reference" with half the range for weights; `offset` ("integer"): or "real" as in the reference;
    /// `quantizer` ("lsq"): what quantized values stand for, or a closure `|x, scale, low, high|` (see `trace_quantizer`);
    /// `loss` ("cross_entropy"): what the largest subnet learns from labels, or a closure `|logits, labels|` (see `trace_loss`), where a label is 1 for the
    /// right class, smoothed; `distill` ("alpha_divergence"): how smaller subnets learn from the largest, or "soft_cross_entropy", or a closure
    /// `|student, teacher|` or `|student, teacher, labels|` over logits, or "labels": by `loss`, as the largest does;
    /// `smoothing` (0.1) of labels; `dropout` (0; the reference: 0.2) before the classifier of the largest subnet;
    /// `replicas` (1): equal parts, of at least 2 images, that a batch is cut into for training on several cards;
    /// `on` ("local"): where it is trained (see `executor`; on a card of this machine it is judged and tuned there too); `seed` (0).
    ///
    /// With `replicas: 2`, each half of a batch takes the step by itself, with batch norm over its own images, and the gradients are averaged, as by
    /// PyTorch's DistributedDataParallel. Weights depend on `replicas`, not on how many cards there are. Two cards take half the time where one worker has
    /// both: `on: executor("local", #{ devices: ["cuda:0", "cuda:1"], workers: 1 })`.
    ///
    /// The reference trains 360 epochs with 5 of warm-up, then 50 quantized with 3 at a tenth of the rate, with `decay: "reference"`.
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
        let mut nets = train(&context, &host, &spaces, given).cross()?;
        if many {
            return Ok(nets.into_iter().map(Dynamic::from).collect::<Array>().into());
        }
        nets.pop().map(Dynamic::from).ok_or_else(|| Fault::new("supernet::space", "there is no space to train", "")).cross()
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

    /// Top-1 of the largest subnet, or of the one it was tuned for, on validation images, in percent.
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
        accuracies_with(context, supernet, subnets, Map::new())
    }

    /// Top-1 in percent of subnets on validation images, each after batch-norm recalibration.
    ///
    /// Options: `metric` (none): what is given in place of top-1, the mean over images of a closure `|logits, labels|` (see `trace_loss`), where a label is 1
    /// for the right class; `images` (all): how many validation images; `quantized` (as it was trained last), `weight_bits` and `activation_bits` (those of training):
    /// scales that were learned for others keep their range; without quantized training they come from the first batch.
    #[rhai_fn(name = "accuracies", return_raw)]
    pub fn accuracies_with(context: NativeCallContext, supernet: Supernet, subnets: Array, given: Map) -> Answer<Array> {
        let host = Host::of(&context)?;
        judge(&context, &host, &supernet, subnets, given).cross()
    }

    /// The supernet with weights trained further for one of its subnets alone.
    ///
    /// They serve the others less well.
    ///
    /// Options: `steps` and `int8_steps` (60 in the form it was trained in last, FP32 or quantized, and 0 in the other), `batch` (64), `lr` (0.01),
    /// `int8_lr` (0.001), `warmup` (a twentieth of `steps`), `int8_warmup` (0), `cosine_every` (1), `optimizer` ("sgd"), `weight_decay` (1e-4), `decay`
    /// ("weights"), `gradient_clip` (1.0), `precision` ("float32"), `loss` ("cross_entropy"), `smoothing` (0.1), `dropout` (0), `replicas` (1): as
    /// `train_supernet` has them; `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let net = train_supernet(hyperspace("pocket").space("012-210"), #{ seed: 1 });
    /// let tuned = net.fine_tune(net.space.smallest, #{ int8_steps: 200 });
    /// tuned.export_onnx(net.space.smallest, "smallest.onnx", #{});
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fine_tune(context: NativeCallContext, supernet: Supernet, subnet: Subnet, given: Map) -> Answer<Supernet> {
        let host = Host::of(&context)?;
        tune(&context, &host, &supernet, &subnet, given).cross()
    }

    /// Writes a subnet of this supernet as an ONNX file.
    ///
    /// Options: `precision` ("int8"): or "fp32". Fewer bits are written in 8-bit codes that keep to the trained values.
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
        let judged =
            supernet.tuned.as_ref().map_or_else(|| "largest subnet".into(), |subnet| format!("tuned for {}:", subnet.encode()));
        format!("supernet {}, {judged} {:.1} % top-1", supernet.space.encode(), supernet.top1_pct)
    }
}

fn train(context: &NativeCallContext, host: &Host, spaces: &[Space], given: Map) -> Result<Vec<Supernet>> {
    let options = Options::new("train_supernet", given, &with_supernet_options(&["data", "on", "seed"]))?;
    let data = data_of(&options, || default_data(host))?;
    let workers = workers(host, &options)?;
    let recipe = supernet_recipe(context, host, &options)?;
    let seed = options.seed()?;
    let mut tasks = Vec::new();
    let mut jobs = Vec::new();
    for space in spaces {
        let mut task = SupernetTask::new(space)?;
        jobs.push(Job::TrainNet(task.train(data.clone(), &recipe, seed)?));
        tasks.push(task);
    }
    let done = runner(host, &options)?.run(jobs, &host.progress(), &host.cancel)?;
    let nets = spaces.iter().zip(tasks).zip(done).map(|((space, task), done)| {
        let top1_pct = done.result::<TrainSummary>()?.top1_pct.unwrap_or(f64::NAN);
        let task = Arc::new(Mutex::new(task));
        Ok(Supernet {
            space: space.clone(),
            data: data.clone(),
            weights: done.weights(),
            quantized: recipe.common.int8_steps > 0,
            lsq: recipe.common.lsq.clone(),
            top1_pct,
            tuned: None,
            workers: workers.clone(),
            seed,
            task,
        })
    });
    nets.collect()
}

pub(super) fn tune(
    context: &NativeCallContext,
    host: &Host,
    supernet: &Supernet,
    subnet: &Subnet,
    given: Map,
) -> Result<Supernet> {
    let options = Options::new("fine_tune", given, &with_tuning_options(&["seed"]))?;
    let recipe = tuning_recipe(context, host, &options, SupernetRecipe::tuning(supernet.quantized, supernet.lsq.clone()))?;
    let seed = options.seed()?;
    let job = supernet.task(|task| task.tune(supernet.weights.clone(), supernet.data.clone(), subnet, &recipe, seed))?;
    let done = host.runner_of(supernet.workers.clone())?.run_one(Job::TrainNet(job), &host.progress(), &host.cancel)?;
    Ok(Supernet {
        weights: done.weights(),
        quantized: supernet.quantized || recipe.common.int8_steps > 0,
        top1_pct: done.result::<TrainSummary>()?.top1_pct.unwrap_or(f64::NAN),
        tuned: Some(subnet.clone()),
        seed,
        ..supernet.clone()
    })
}

fn judge(context: &NativeCallContext, host: &Host, supernet: &Supernet, subnets: Array, given: Map) -> Result<Array> {
    let options = Options::new("accuracies", given, &[&JUDGING[..], &["images", "metric"]].concat())?;
    let (quantized, lsq) = judged(&options, supernet.quantized, &supernet.lsq)?;
    let images = options.count("images", 1)?.unwrap_or(0);
    let subnets: Vec<Subnet> = subnets.iter().map(|one| noun("accuracies", "subnets", one)).collect::<Result<_>>()?;
    let how = NetEvaluation { quantized, lsq, ..supernet.how(host, images) };
    let metric = metric(context, host, &options)?;
    Ok(supernet.accuracies(host, &subnets, &how, metric.as_ref())?.into_iter().map(Dynamic::from).collect())
}

pub(super) fn export(host: &Host, supernet: &Supernet, subnet: &Subnet, file: &str, given: Map) -> Result<()> {
    let options = Options::new("export_onnx", given, &["precision"])?;
    let precision = precision_of(&options)?;
    if precision == Precision::Int8 && !supernet.quantized {
        return Err(Fault::new(
            "supernet::not_quantized",
            "this supernet was trained without quantization",
            "train it with `int8_steps` above 0, or export with `precision: \"fp32\"`",
        ));
    }
    if precision == Precision::Int8 && !supernet.lsq.exports_int8() {
        return Err(not_int8(&supernet.lsq));
    }
    let labels = supernet.lsq.labels(&subnet.graph()?);
    if precision == Precision::Int8 && labels.iter().any(|label| label != "INT8") {
        let labels: Vec<_> = labels.into_iter().collect();
        host.progress().say(&format!(
            "trained as {}: written in 8-bit codes that keep to the trained values, for kernels as fast as those of 8 bits",
            labels.join(", ")
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
    engine.noun::<Supernet>("Supernet");
    engine.register_global_module(exported_module!(supernet_functions).into());
}

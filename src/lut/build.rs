//! Building a look-up table: train every operator in every searched stage, sample concrete stages, take their losses
//! and latencies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::latency::{LatencyModel, Networks, fit_latency, stage_seed};
use super::{Lut, LutRow, WEIGHTS_MB};
use crate::base::{Cancel, Progress, Result, Seed};
use crate::graph::Graph;
use crate::space::{ElasticStage, Hyperspace, SearchSpace, StageSample, Subnet};
use crate::train::{BlockEvaluation, BlockRecipe, BlockTask, DataSource, Done, Job, Runner, SampleLoss, Teacher, WeightsRef};

/// What a table is built from.
pub struct Ingredients<'a> {
    /// The hyperspace.
    pub hyperspace: &'a Arc<Hyperspace>,
    /// Whom the blocks learn from.
    pub teacher: &'a Teacher,
    /// Images.
    pub data: &'a DataSource,
    /// How blocks are trained.
    pub recipe: BlockRecipe,
    /// Concrete stages drawn for every stage, operator and window.
    pub samples: usize,
    /// How many stages and whole networks are measured; latencies of the rows are predicted from these.
    pub measured: usize,
    /// Training batches for batch-norm recalibration before a loss is taken.
    pub recalibrate: usize,
    /// Validation batches a loss is taken over.
    pub batches: usize,
    /// Whether blocks trained by one worker share the teacher's passes. The table is the same either way.
    pub share_teacher: bool,
    /// What latencies hold for, in words.
    pub device: String,
    /// Seed of everything.
    pub seed: Seed,
}

/// A table with the predictor that its latencies come from.
#[derive(Debug, Clone)]
pub struct Built {
    /// The table.
    pub lut: Lut,
    /// Latency of any network of this hyperspace on the device, where it is known.
    pub latency: Option<LatencyModel>,
    /// By resolution: latency of the fixed stages and of entering and leaving the integer part.
    pub fixed_ms: BTreeMap<usize, f64>,
    /// The hyperspace.
    pub hyperspace: Arc<Hyperspace>,
    /// The blocks that were trained for it; none for a table from elsewhere.
    pub blocks: Vec<BuiltBlock>,
}

/// A block that was trained for a table.
#[derive(Debug, Clone)]
pub struct BuiltBlock {
    /// Stage.
    pub stage: String,
    /// Operator.
    pub operator: String,
    /// Its weights, with its curve beside them.
    pub weights: WeightsRef,
}

/// Measures the INT8 latencies of graphs, in milliseconds.
pub type Measure<'a> = dyn Fn(&[Graph]) -> Result<Vec<f64>> + 'a;

/// Where latencies come from.
pub enum Timing<'a> {
    /// Stages and networks are measured, and a model is fitted to them.
    Measured(&'a Measure<'a>),
    /// A model that is there already.
    Known(LatencyModel),
}

/// Builds a table. What was trained, evaluated or measured before is taken from the lab.
pub fn build(
    from: &Ingredients<'_>,
    runner: &Runner,
    timing: &Timing<'_>,
    progress: &Progress,
    cancel: &Cancel,
) -> Result<Built> {
    let hyperspace = from.hyperspace;
    from.teacher.fits(hyperspace)?;
    let mut entries = Vec::new();
    for stage in hyperspace.searched() {
        for operator in hyperspace.candidates(stage) {
            entries.push(Entry::new(hyperspace, stage, operator.name(), from)?);
        }
    }
    // Training first, all of it: it needs no quiet machine. Then losses, then latencies.
    let jobs = entries.iter_mut().map(|entry| entry.task.train(from.data.clone(), &from.recipe, from.seed).map(Job::TrainBlock));
    let jobs = jobs.collect::<Result<_>>()?;
    let trained = match from.share_teacher {
        true => runner.run(jobs, progress, cancel)?,
        false => runner.run_apart(jobs, progress, cancel)?,
    };
    let how = BlockEvaluation {
        loss: from.recipe.loss.clone(),
        quantized: from.recipe.common.int8_steps > 0,
        lsq: from.recipe.common.lsq.clone(),
        recalibrate: from.recalibrate,
        batches: from.batches,
        batch: 64,
        seed: from.seed,
    };
    let jobs = entries.iter_mut().zip(&trained).map(|(entry, trained)| {
        let samples: Vec<_> = entry.samples.iter().map(|(_, sample)| sample.clone()).collect();
        entry.task.evaluate(trained.weights(), from.data.clone(), &samples, &how).map(Job::EvalBlocks)
    });
    let judged = runner.run(jobs.collect::<Result<_>>()?, progress, cancel)?;
    // Before anything is measured: losses that are still to come end it here.
    let judged = judged.iter().map(Done::result).collect::<Result<Vec<Vec<SampleLoss>>>>()?;
    let model = match timing {
        Timing::Known(model) => model.clone(),
        Timing::Measured(measure) => {
            let networks = Networks::Of(hyperspace.clone());
            LatencyModel::Fitted(Arc::new(fit_latency(&networks, from.measured, from.seed, measure)?))
        }
    };
    let (mut rows, mut weights_mb) = (Vec::new(), Vec::new());
    for (entry, losses) in entries.iter().zip(judged) {
        for ((window, sample), loss) in entry.samples.iter().zip(losses) {
            let cost = sample.cost()?;
            weights_mb.push(cost.weights_mb());
            rows.push(LutRow {
                stage: hyperspace.stages[entry.stage].name.clone(),
                operator: entry.operator.clone(),
                window: *window,
                encoding: sample.encode(),
                input_width: sample.input_width,
                resolution: sample.resolution,
                loss: loss.loss,
                loss_stderr: loss.stderr,
                mflops: cost.mflops(),
                mparams: cost.mparams(),
                latency_ms: model.stage_ms(sample)?,
            });
        }
    }
    let fixed_ms =
        hyperspace.resolutions.iter().map(|&side| Ok((side, fixed(hyperspace, side, &model)?))).collect::<Result<_>>()?;
    let provenance = BTreeMap::from([
        ("hyperspace".to_string(), hyperspace.name.clone()),
        ("teacher".to_string(), from.teacher.net.name.clone()),
        ("data".to_string(), serde_json::to_string(from.data).unwrap_or_default()),
        ("device".to_string(), from.device.clone()),
        ("seed".to_string(), from.seed.0.to_string()),
    ]);
    let lut = Lut::new(rows, provenance)?.with_column(WEIGHTS_MB, weights_mb)?;
    let blocks = entries.iter().zip(&trained).map(|(entry, trained)| BuiltBlock {
        stage: hyperspace.stages[entry.stage].name.clone(),
        operator: entry.operator.clone(),
        weights: trained.weights(),
    });
    let built = Built { blocks: blocks.collect(), ..Built::new(hyperspace, stamped(lut), Some(model)) };
    Ok(built.with_fixed_ms(&fixed_ms))
}

/// One operator in one stage, with the concrete stages drawn from it.
struct Entry {
    stage: usize,
    operator: String,
    task: BlockTask,
    samples: Vec<(usize, StageSample)>,
}

impl Entry {
    fn new(hyperspace: &Arc<Hyperspace>, stage: usize, operator: &str, from: &Ingredients<'_>) -> Result<Self> {
        let name = &hyperspace.stages[stage].name;
        let whole = ElasticStage::new(hyperspace, name, operator, None)?;
        let mut samples = Vec::new();
        for window in 0..hyperspace.stages[stage].windows() {
            let elastic = ElasticStage::new(hyperspace, name, operator, Some(window))?;
            let mut rng = stage_seed(&elastic, from.seed).rng();
            samples.extend((0..from.samples).map(|_| (window, elastic.sample(&mut rng))));
        }
        Ok(Self { stage, operator: operator.into(), task: BlockTask::new(&whole, from.teacher)?, samples })
    }
}

/// Provenance that holds stem and head's latency, as JSON: milliseconds by resolution.
const FIXED_MS: &str = "fixed_ms";

/// The table with today's date and the version of the lab among its provenance.
pub fn stamped(lut: Lut) -> Lut {
    let today = time::OffsetDateTime::now_utc().date().to_string();
    lut.with_provenance("date", &today).with_provenance("lab_version", env!("CARGO_PKG_VERSION"))
}

impl Built {
    /// A table of this hyperspace; the latency of stem and head is taken from its provenance, if it is there.
    pub fn new(hyperspace: &Arc<Hyperspace>, lut: Lut, latency: Option<LatencyModel>) -> Self {
        let known = lut.provenance().get(FIXED_MS).and_then(|text| serde_json::from_str(text).ok());
        Self { lut, latency, fixed_ms: known.unwrap_or_default(), hyperspace: hyperspace.clone(), blocks: Vec::new() }
    }

    /// The same with this latency of stem and head, by resolution; it goes into the provenance.
    #[must_use]
    pub fn with_fixed_ms(self, fixed_ms: &BTreeMap<usize, f64>) -> Self {
        let text = serde_json::to_string(fixed_ms).unwrap_or_default();
        Self { lut: self.lut.with_provenance(FIXED_MS, &text), fixed_ms: fixed_ms.clone(), ..self }
    }
}

/// Latency of what every network of the hyperspace has besides its searched stages, taken from its smallest plain subnet.
fn fixed(hyperspace: &Arc<Hyperspace>, side: usize, model: &LatencyModel) -> Result<f64> {
    let plain = Arc::new(SearchSpace::uniform_at(hyperspace, 0, Some(0)));
    let mut smallest = Subnet::smallest(&plain);
    smallest.resolution = side;
    let whole = model.subnet_ms(&smallest)?;
    let mut searched = 0.0;
    for stage in hyperspace.searched() {
        let name = &hyperspace.stages[stage].name;
        let of = ElasticStage::new(hyperspace, name, plain.operator(stage).name(), Some(0))?;
        let input_width = smallest.stages[..stage]
            .iter()
            .rev()
            .find_map(|blocks| blocks.last())
            .map_or(hyperspace.input_channels, |block| block.width);
        let blocks = smallest.stages[stage].clone();
        searched += model.stage_ms(&StageSample { of, input_width, resolution: side, blocks })?;
    }
    Ok((whole - searched).max(0.0))
}

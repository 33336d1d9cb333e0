//! Training one operator in one stage, by itself.

use std::sync::{Arc, Mutex, PoisonError};

use rhai::plugin::*;
use rhai::{Engine, Map};

use super::cross::{Answer, Cross};
use super::executor::runner;
use super::host::{BATCH, DRY_BATCH, Host, JUDGED};
use super::lut::lesson_of;
use super::noun::Nouns;
use super::options::Options;
use super::random::Random;
use super::recipe::{JUDGING, block_recipe, judged, with_block_options};
use super::space::Hyper;
use crate::base::{Result, Seed};
use crate::frame::Table;
use crate::graph::Cost;
use crate::space::{ElasticStage, StageSample};
use crate::train::{BlockEvaluation, BlockRecipe, BlockTask, DataSource, Job, SampleLoss, TrainSummary, WeightsRef};

/// An elastic stage that has learnt from a teacher.
#[derive(Clone)]
pub struct TrainedBlock {
    pub(super) stage: ElasticStage,
    task: Arc<Mutex<BlockTask>>,
    pub(super) weights: WeightsRef,
    pub(super) data: DataSource,
    pub(super) recipe: BlockRecipe,
    pub(super) summary: TrainSummary,
    pub(super) reused: bool,
    seed: Seed,
}

#[export_module]
mod block_training {
    /// Trains one operator in one searched stage: it learns the teacher's features.
    ///
    /// By the sandwich rule, first in FP32, then quantized (LSQ+).
    ///
    /// Options: `teacher` (needed), `data` (the teacher's);
    /// `steps` (60), `int8_steps` (20), `batch` (32), `lr` (0.01), `int8_lr` (0.001), `warmup` (a twentieth of `steps`), `int8_warmup` (0): how long and
    /// how fast, in FP32 and then quantized, along a cosine; `cosine_every` (1): steps between its changes; `random` (2): random stages in every step;
    /// `optimizer` ("adam"): or "sgd"; `weight_decay` (1e-4); `decay` ("weights"): what decays, or "reference" for all but biases and shifts;
    /// `gradient_clip` (1.0): most that a value of a gradient counts, 0 for no limit;
    /// `precision` ("float32"): of products while training, or "bfloat16": faster on cards, and far slower on a processor without AVX-512;
    /// `weight_bits` (8), `activation_bits` (8): 2 to 8; `weights` ("per_tensor"): what shares a scale, or "per_channel"; `scale_init` ("min_max"): where
    /// scales begin, or "lsq", or "reference" with half the range for weights; `offset` ("integer"): or "real" as in the reference;
    /// `quantizer` ("lsq"): what quantized values stand for, or a closure `|x, scale, low, high|` (see `trace_quantizer`);
    /// `loss` ("nsr"): or "nsr_student" as in the reference, "mse", or a closure `|student, teacher|` (see `trace_loss`); `targets` ("teacher"): whom smaller
    /// stages learn from, or "largest";
    /// `on` ("local"): where it is trained (see `executor`); `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// train_block(hyperspace("pocket"), "stage9", "inverted_residual", #{}) //> fails space::unknown_stage
    /// train_block(hyperspace("pocket"), "stage1", "inverted_residual", #{ los: |s, t| (s - t).abs() }) //> fails options::unknown
    /// ```
    #[rhai_fn(return_raw)]
    pub fn train_block(
        context: NativeCallContext,
        hyperspace: Hyper,
        stage: &str,
        operator: &str,
        given: Map,
    ) -> Answer<TrainedBlock> {
        let host = Host::of(&context)?;
        train(&context, &host, &hyperspace, stage, operator, given).cross()
    }

    /// Loss of the largest stage at the end of the FP32 steps and, if there are any, of the quantized ones.
    #[rhai_fn(get = "losses", pure)]
    pub fn losses(block: &mut TrainedBlock) -> rhai::Array {
        block.summary.loss.iter().map(|&loss| loss.into()).collect()
    }

    /// Whether it was taken from the lab instead of being trained now.
    #[rhai_fn(get = "reused", pure)]
    pub fn reused(block: &mut TrainedBlock) -> bool {
        block.reused
    }

    /// Losses of `count` random concrete stages, each after batch-norm recalibration, as a table.
    #[rhai_fn(name = "sample", return_raw)]
    pub fn sample_losses(context: NativeCallContext, block: TrainedBlock, count: i64, random: Random) -> Answer<Table> {
        sample_losses_with(context, block, count, random, Map::new())
    }

    /// Losses of `count` random concrete stages, each after batch-norm recalibration, as a table.
    ///
    /// Options: `quantized` (as it was trained last), `weight_bits` and `activation_bits` (those of training): scales that were learned for
    /// others keep their range; without quantized training they come from the first batch.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let block = train_block(hyperspace("pocket"), "stage1", "inverted_residual", #{ teacher: teacher("shapes_resnet") });
    /// print(block.sample(8, rng(1), #{ weight_bits: 4 }));
    /// ```
    #[rhai_fn(name = "sample", return_raw)]
    pub fn sample_losses_with(
        context: NativeCallContext,
        block: TrainedBlock,
        count: i64,
        random: Random,
        given: Map,
    ) -> Answer<Table> {
        let host = Host::of(&context)?;
        sample(&host, &block, count.max(0) as usize, &random, given).cross()
    }

    /// The trained block as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn trained_text(block: &mut TrainedBlock) -> String {
        let losses: Vec<_> = block.summary.loss.iter().map(|loss| format!("{loss:.4}")).collect();
        let label = block.task.lock().unwrap_or_else(PoisonError::into_inner).label();
        format!("trained block {label}, loss {}", losses.join(", then quantized "))
    }
}

fn train(
    context: &NativeCallContext,
    host: &Host,
    hyperspace: &Hyper,
    stage: &str,
    operator: &str,
    given: Map,
) -> Result<TrainedBlock> {
    let stage = ElasticStage::new(hyperspace, stage, operator, None)?;
    let options = Options::new("train_block", given, &with_block_options(&["teacher", "data", "on", "seed"]))?;
    let (teacher, data) = lesson_of(&options)?;
    teacher.fits(hyperspace)?;
    let (recipe, seed) = (block_recipe(context, host, &options)?, options.seed()?);
    let mut task = BlockTask::new(&stage, &teacher)?;
    let job = task.train(data.clone(), &recipe, seed)?;
    let done = runner(host, &options)?.run_one(Job::TrainBlock(job), &host.progress(), &host.cancel)?;
    let summary = done.result()?;
    Ok(TrainedBlock {
        stage,
        task: Arc::new(Mutex::new(task)),
        weights: done.weights(),
        data,
        recipe,
        summary,
        reused: done.reused,
        seed,
    })
}

fn sample(host: &Host, block: &TrainedBlock, count: usize, random: &Random, given: Map) -> Result<Table> {
    let options = Options::new("sample", given, &JUDGING)?;
    let common = &block.recipe.common;
    let (quantized, lsq) = judged(&options, common.int8_steps > 0, &common.lsq)?;
    let samples = random.with(|rng| (0..count).map(|_| block.stage.sample(rng)).collect::<Vec<_>>());
    let how = BlockEvaluation {
        loss: block.recipe.loss.clone(),
        quantized,
        lsq,
        recalibrate: host.cut(JUDGED, 4, 1),
        batches: host.cut(JUDGED, 4, 1),
        batch: host.cut(BATCH, 64, DRY_BATCH),
        seed: block.seed,
    };
    let job = block.task.lock().unwrap_or_else(PoisonError::into_inner).evaluate(
        block.weights.clone(),
        block.data.clone(),
        &samples,
        &how,
    )?;
    let losses: Vec<SampleLoss> = host.runner()?.run_one(Job::EvalBlocks(job), &host.progress(), &host.cancel)?.result()?;
    let costs = samples.iter().map(StageSample::cost).collect::<Result<Vec<_>>>()?;
    Table::builder()
        .text("sample", samples.iter().map(StageSample::encode))
        .int("cin", samples.iter().map(|sample| sample.input_width as i64))
        .float("loss", losses.iter().map(|loss| loss.loss))
        .float("loss_stderr", losses.iter().map(|loss| loss.stderr))
        .float("mflops", costs.iter().map(Cost::mflops))
        .build()
}

/// Declares block training.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<TrainedBlock>("TrainedBlock");
    engine.register_global_module(exported_module!(block_training).into());
}

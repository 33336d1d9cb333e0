//! Training one operator in one stage, by itself.

use std::sync::{Arc, Mutex, PoisonError};

use rhai::plugin::*;
use rhai::{Engine, Map};

use super::cross::{Answer, Cross};
use super::host::{BATCH, DRY_BATCH, Host};
use super::lut::{lesson_of, recipe_of};
use super::noun::Nouns;
use super::options::Options;
use super::random::Random;
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
    /// By the sandwich rule, first in FP32, then quantized (LSQ+, 8 bits).
    ///
    /// Options: `teacher` (needed), `data` (the teacher's), `steps` (60), `int8_steps` (20), `batch` (32), `lr` (0.01), `int8_lr` (0.001), `random` (2): random
    /// stages in every step, `loss` ("nsr"): or "nsr_student", "mse"; `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// train_block(hyperspace("pocket"), "stage9", "inverted_residual", #{}) //> fails space::unknown_stage
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
        train(&host, &hyperspace, stage, operator, given).cross()
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
        let host = Host::of(&context)?;
        sample(&host, &block, count.max(0) as usize, &random).cross()
    }

    /// The trained block as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn trained_text(block: &mut TrainedBlock) -> String {
        let losses: Vec<_> = block.summary.loss.iter().map(|loss| format!("{loss:.4}")).collect();
        let label = block.task.lock().unwrap_or_else(PoisonError::into_inner).label();
        format!("trained block {label}, loss {}", losses.join(", then quantized "))
    }
}

fn train(host: &Host, hyperspace: &Hyper, stage: &str, operator: &str, given: Map) -> Result<TrainedBlock> {
    let stage = ElasticStage::new(hyperspace, stage, operator, None)?;
    let options = Options::new(
        "train_block",
        given,
        &["teacher", "data", "steps", "int8_steps", "batch", "lr", "int8_lr", "random", "loss", "seed"],
    )?;
    let (teacher, data) = lesson_of(&options)?;
    teacher.fits(hyperspace)?;
    let (recipe, seed) = (recipe_of(host, &options)?, options.seed()?);
    let mut task = BlockTask::new(&stage, &teacher)?;
    let job = task.train(data.clone(), recipe, seed)?;
    let done = host.runner()?.run_one(Job::TrainBlock(job), &host.progress(), &host.cancel)?;
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

fn sample(host: &Host, block: &TrainedBlock, count: usize, random: &Random) -> Result<Table> {
    let samples = random.with(|rng| (0..count).map(|_| block.stage.sample(rng)).collect::<Vec<_>>());
    let how = BlockEvaluation {
        loss: block.recipe.loss,
        quantized: block.recipe.int8_steps > 0,
        recalibrate: host.cut("batches of an evaluation", 4, 1),
        batches: host.cut("batches of an evaluation", 4, 1),
        batch: host.cut(BATCH, 64, DRY_BATCH),
        seed: block.seed,
    };
    let job = block.task.lock().unwrap_or_else(PoisonError::into_inner).evaluate(
        block.weights.clone(),
        block.data.clone(),
        &samples,
        how,
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

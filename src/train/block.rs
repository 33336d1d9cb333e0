//! Block-wise distillation: the jobs that train an elastic stage against a teacher, and that measure its concrete stages.

use super::{
    BlockRecipe, BlockTarget, DataSource, EvalBlocks, Loss, Lsq, Net, Pool, PoolBuilder, Sandwich, Teacher, TrainBlock,
    WeightsRef,
};
use crate::base::{Result, Rng, Seed};
use crate::graph::{Builder, ConvOptions, Graph, Shape};
use crate::space::{ElasticStage, StageSample};

/// An elastic stage between the teacher's maps: 1x1 projections in and out, and all its configurations.
pub struct BlockTask {
    stage: ElasticStage,
    target: BlockTarget,
    channels: (usize, usize),
    pool: Pool,
    builder: PoolBuilder,
}

impl BlockTask {
    /// The task of `stage` (all its widths), learning from `teacher`.
    pub fn new(stage: &ElasticStage, teacher: &Teacher) -> Result<Self> {
        let hyperspace = &stage.hyperspace;
        let ((input_after, cin), (target_after, cout)) = teacher.around(&hyperspace.stages[stage.stage].name)?;
        let target = BlockTarget { teacher: teacher.reference()?, input_after, target_after };
        let mut builder = PoolBuilder::default();
        for placed in stage.elastic_parts()? {
            builder.part(&placed.prefix, &*placed.graph()?);
        }
        for width in hyperspace.widths_before(stage.stage) {
            builder.part(IN, &projection(cin, width)?);
        }
        for &width in stage.widths() {
            builder.part(OUT, &projection(width, cout)?);
        }
        let pool = builder.clone().finish()?;
        Ok(Self { stage: stage.clone(), target, channels: (cin, cout), pool, builder })
    }

    /// `STAGE OPERATOR`, for people.
    pub fn label(&self) -> String {
        format!("{} {}", self.stage.hyperspace.stages[self.stage.stage].name, self.stage.operator.name())
    }

    /// The net of a concrete stage, with its projections.
    fn net(&mut self, sample: &StageSample) -> Result<Net> {
        let mut parts = vec![self.builder.part(IN, &projection(self.channels.0, sample.input_width)?)];
        for placed in sample.parts() {
            parts.push(self.builder.part(&placed.prefix, &*placed.graph()?));
        }
        parts.push(self.builder.part(OUT, &projection(sample.output_width(), self.channels.1)?));
        Ok(Net { parts, resolution: sample.resolution })
    }

    /// The job that trains it: FP32 steps, then LSQ+ steps, each step by the sandwich rule.
    pub fn train(&mut self, data: DataSource, recipe: &BlockRecipe, seed: Seed) -> Result<TrainBlock> {
        let common = recipe.common.clone();
        let stage = self.stage.clone();
        let (largest, smallest) = (self.net(&stage.largest())?, self.net(&stage.smallest())?);
        let mut draw = |rng: &mut Rng| self.net(&stage.sample(rng));
        let mut sandwich = Sandwich { largest, smallest, random: common.random, draw: &mut draw };
        let phases = sandwich.phases(&common.stretches(), seed)?;
        Ok(TrainBlock {
            label: self.label(),
            pool: Pool { lsq: common.lsq, ..self.pool.clone() },
            data,
            target: self.target.clone(),
            loss: recipe.loss.clone(),
            targets: recipe.targets,
            batch: common.batch,
            phases,
            update: common.update,
            seed,
        })
    }

    /// The job that gives the losses of concrete stages.
    pub fn evaluate(
        &mut self,
        weights: WeightsRef,
        data: DataSource,
        samples: &[StageSample],
        how: &BlockEvaluation,
    ) -> Result<EvalBlocks> {
        let nets = samples.iter().map(|sample| self.net(sample)).collect::<Result<_>>()?;
        Ok(EvalBlocks {
            label: format!("losses of {}", self.label()),
            pool: Pool { lsq: how.lsq.clone(), ..self.pool.clone() },
            weights,
            data,
            target: self.target.clone(),
            loss: how.loss.clone(),
            quantized: how.quantized,
            nets,
            recalibrate: how.recalibrate,
            batches: how.batches,
            batch: how.batch,
            seed: how.seed,
        })
    }
}

/// How losses of concrete stages are measured.
#[derive(Debug, Clone)]
pub struct BlockEvaluation {
    /// Distance from the teacher.
    pub loss: Loss,
    /// Whether LSQ+ is on.
    pub quantized: bool,
    /// How it quantizes.
    pub lsq: Lsq,
    /// Training batches for batch-norm recalibration.
    pub recalibrate: usize,
    /// Validation batches.
    pub batches: usize,
    /// Images a batch.
    pub batch: usize,
    /// Seed of the batches.
    pub seed: Seed,
}

const IN: &str = "in_proj";
const OUT: &str = "out_proj";

/// A 1x1 convolution with bias between the widths of teacher and student. Map size does not matter to a job.
fn projection(cin: usize, cout: usize) -> Result<Graph> {
    let mut builder = Builder::new(Shape::new(cin, 1, 1));
    let conv = builder.conv(0, "conv", cout as i64, ConvOptions { bias: true, ..ConvOptions::default() })?;
    Ok(builder.finish(conv))
}

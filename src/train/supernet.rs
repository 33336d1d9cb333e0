//! Supernets: the jobs that train a search space with shared weights, judge its subnets and cut one out.

use std::sync::Arc;

use super::{DataSource, EvalNets, ExportNet, Net, Pool, PoolBuilder, Sandwich, Stretch, TrainNet, WeightsRef};
use crate::base::{Result, Rng, Seed};
use crate::space::{SearchSpace, Subnet};

/// How a supernet is trained.
#[derive(Debug, Clone, Copy)]
pub struct SupernetRecipe {
    /// Steps in FP32.
    pub steps: usize,
    /// Steps with LSQ+ on, after those.
    pub int8_steps: usize,
    /// Learning rate of the FP32 steps.
    pub lr: f64,
    /// Learning rate of the LSQ+ steps.
    pub int8_lr: f64,
    /// Images a step.
    pub batch: usize,
    /// Random subnets between the largest and the smallest in every step.
    pub random: usize,
}

impl Default for SupernetRecipe {
    fn default() -> Self {
        Self { steps: 300, int8_steps: 60, lr: 0.1, int8_lr: 0.01, batch: 64, random: 2 }
    }
}

/// A search space as trainers see it.
pub struct SupernetTask {
    space: Arc<SearchSpace>,
    pool: Pool,
    builder: PoolBuilder,
}

impl SupernetTask {
    /// The task of `space`: all its blocks, and the union of their weights.
    pub fn new(space: &Arc<SearchSpace>) -> Result<Self> {
        let mut builder = PoolBuilder::default();
        for placed in space.elastic_parts()? {
            builder.part(&placed.prefix, &*placed.graph()?);
        }
        Ok(Self { space: space.clone(), pool: builder.clone().finish()?, builder })
    }

    /// The net of a subnet.
    fn net(&mut self, subnet: &Subnet) -> Result<Net> {
        let mut parts = Vec::new();
        for placed in subnet.parts() {
            parts.push(self.builder.part(&placed.prefix, &*placed.graph()?));
        }
        Ok(Net { parts, resolution: subnet.resolution })
    }

    /// The job that trains it: FP32 steps, then LSQ+ steps, each by the sandwich rule.
    pub fn train(&mut self, data: DataSource, recipe: SupernetRecipe, seed: Seed) -> Result<TrainNet> {
        let space = self.space.clone();
        let (largest, smallest) = (self.net(&Subnet::largest(&space))?, self.net(&Subnet::smallest(&space))?);
        let report = largest.clone();
        let mut draw = |rng: &mut Rng| self.net(&Subnet::sample(&space, rng));
        let mut sandwich = Sandwich { largest, smallest, random: recipe.random, draw: &mut draw };
        let float = Stretch { steps: recipe.steps, lr: recipe.lr, warmup: recipe.steps / 20, quantized: false };
        let int8 = Stretch { steps: recipe.int8_steps, lr: recipe.int8_lr, warmup: 0, quantized: true };
        let phases = sandwich.phases(&[float, int8], seed)?;
        Ok(TrainNet {
            label: format!("supernet {}", self.space),
            pool: self.pool.clone(),
            data,
            batch: recipe.batch,
            phases,
            smoothing: 0.1,
            weight_decay: 1e-4,
            initial: None,
            report,
            seed,
        })
    }

    /// The job that gives top-1 of subnets on validation images.
    pub fn evaluate(
        &mut self,
        weights: WeightsRef,
        data: DataSource,
        subnets: &[Subnet],
        how: NetEvaluation,
    ) -> Result<EvalNets> {
        let nets = subnets.iter().map(|subnet| self.net(subnet)).collect::<Result<_>>()?;
        Ok(EvalNets {
            label: format!("subnets of {}", self.space),
            pool: self.pool.clone(),
            weights,
            data,
            quantized: how.quantized,
            nets,
            recalibrate: how.recalibrate,
            images: how.images,
            batch: how.batch,
            seed: how.seed,
        })
    }

    /// The job that writes the weights of one subnet.
    pub fn export(&mut self, weights: WeightsRef, data: DataSource, subnet: &Subnet, how: NetEvaluation) -> Result<ExportNet> {
        Ok(ExportNet {
            net: self.net(subnet)?,
            pool: self.pool.clone(),
            weights: Some(weights),
            data,
            quantized: how.quantized,
            recalibrate: how.recalibrate,
            batch: how.batch,
            seed: how.seed,
        })
    }
}

/// How subnets are judged and cut out.
#[derive(Debug, Clone, Copy)]
pub struct NetEvaluation {
    /// Whether LSQ+ is on.
    pub quantized: bool,
    /// Training batches for batch-norm recalibration.
    pub recalibrate: usize,
    /// Validation images, 0 for all.
    pub images: usize,
    /// Images a batch.
    pub batch: usize,
    /// Seed of the batches.
    pub seed: Seed,
}

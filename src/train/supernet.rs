//! Supernets: the jobs that train a search space with shared weights, judge its subnets and cut one out.

use std::sync::Arc;

use super::{
    DataSource, Distill, EvalNets, ExportNet, Expression, Lsq, Net, Pool, PoolBuilder, Sandwich, SupernetRecipe, TrainNet,
    WeightsRef, fixed_phase,
};
use crate::base::{Result, Rng, Seed};
use crate::space::{SearchSpace, Subnet};

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
    pub fn train(&mut self, data: DataSource, recipe: &SupernetRecipe, seed: Seed) -> Result<TrainNet> {
        let common = recipe.common.clone();
        let space = self.space.clone();
        let (largest, smallest) = (self.net(&Subnet::largest(&space))?, self.net(&Subnet::smallest(&space))?);
        let report = largest.clone();
        let mut draw = |rng: &mut Rng| self.net(&Subnet::sample(&space, rng));
        let mut sandwich = Sandwich { largest, smallest, random: common.random, draw: &mut draw };
        let phases = sandwich.phases(&common.stretches(), seed)?;
        Ok(TrainNet {
            label: format!("supernet {}", self.space),
            pool: Pool { lsq: common.lsq, ..self.pool.clone() },
            data,
            batch: common.batch,
            replicas: common.replicas,
            phases,
            loss: recipe.loss.clone(),
            smoothing: recipe.smoothing,
            dropout: recipe.dropout,
            distill: recipe.distill.clone(),
            update: common.update,
            initial: None,
            report,
            seed,
        })
    }

    /// The job that trains one subnet by itself, from the weights of the supernet.
    pub fn tune(
        &mut self,
        weights: WeightsRef,
        data: DataSource,
        subnet: &Subnet,
        recipe: &SupernetRecipe,
        seed: Seed,
    ) -> Result<TrainNet> {
        let common = recipe.common.clone();
        let net = self.net(subnet)?;
        let stretches = common.stretches().into_iter().filter(|stretch| stretch.steps > 0);
        Ok(TrainNet {
            label: format!("subnet of {}", self.space),
            pool: Pool { lsq: common.lsq, ..self.pool.clone() },
            data,
            batch: common.batch,
            replicas: common.replicas,
            phases: stretches.map(|stretch| fixed_phase(&net, stretch)).collect(),
            loss: recipe.loss.clone(),
            smoothing: recipe.smoothing,
            dropout: recipe.dropout,
            distill: Distill::Labels,
            update: common.update,
            initial: Some(weights),
            report: net,
            seed,
        })
    }

    /// The job that gives top-1 of subnets on validation images, and the mean of a metric of one's own.
    pub fn evaluate(
        &mut self,
        weights: WeightsRef,
        data: DataSource,
        subnets: &[Subnet],
        how: &NetEvaluation,
        metric: Option<Expression>,
    ) -> Result<EvalNets> {
        let nets = subnets.iter().map(|subnet| self.net(subnet)).collect::<Result<_>>()?;
        Ok(EvalNets {
            label: format!("subnets of {}", self.space),
            pool: Pool { lsq: how.lsq.clone(), ..self.pool.clone() },
            weights,
            data,
            quantized: how.quantized,
            nets,
            recalibrate: how.recalibrate,
            metric,
            images: how.images,
            batch: how.batch,
            seed: how.seed,
        })
    }

    /// The job that writes the weights of one subnet.
    pub fn export(&mut self, weights: WeightsRef, data: DataSource, subnet: &Subnet, how: &NetEvaluation) -> Result<ExportNet> {
        Ok(ExportNet {
            net: self.net(subnet)?,
            pool: Pool { lsq: how.lsq.clone(), ..self.pool.clone() },
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
#[derive(Debug, Clone)]
pub struct NetEvaluation {
    /// Whether LSQ+ is on.
    pub quantized: bool,
    /// How it quantizes.
    pub lsq: Lsq,
    /// Training batches for batch-norm recalibration.
    pub recalibrate: usize,
    /// Validation images, 0 for all.
    pub images: usize,
    /// Images a batch.
    pub batch: usize,
    /// Seed of the batches.
    pub seed: Seed,
}

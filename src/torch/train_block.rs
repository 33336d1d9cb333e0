//! Distillation of an elastic stage from a teacher's features.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use spaceevo::base::{Result, Seed};
use spaceevo::train::{BlockTarget, Loss, TrainBlock, TrainSummary};
use tch::{Kind, Tensor, no_grad_guard};

use super::batches::{Batches, Data, resize};
use super::fault::job;
use super::forward::{Norms, run as forward};
use super::jobs::{Nets, WEIGHTS, store};
use super::meter::Meter;
use super::net::{self, Net};
use super::optim::{Optimizer, learning_rate};
use super::serve::Ears;
use super::store::Store;

/// A variance counts as at least this fraction of the mean one, so that channels
/// which are silent in an image do not outweigh all others.
const LEAST_VARIANCE: f64 = 0.01;

/// A teacher's features at the start and the end of what a block imitates.
pub struct Teacher {
    store: Store,
    net: Net,
}

impl Teacher {
    /// The teacher of `target`, as deep as needed.
    pub fn load(target: &BlockTarget) -> Result<Self> {
        let teacher = &target.teacher;
        let store = store(&teacher.pool, Some(&teacher.weights), Seed(0))?;
        let deepest = target.input_after.max(target.target_after);
        let parts = teacher.net.parts.get(..=deepest).ok_or_else(|| {
            let have = teacher.net.parts.len();
            job(
                format!("the block learns from part {deepest} of a teacher that has {have}"),
                "the teacher's taps must name its own parts",
            )
        })?;
        let (graph, ends) = net::chained(&teacher.pool, parts, teacher.net.resolution)?;
        let net = net::compile(&graph, &store, vec![ends[target.input_after], ends[target.target_after]])?;
        Ok(Self { store, net })
    }

    /// Features for images `x`: the block's input and its target.
    pub fn features(&self, x: &Tensor) -> (Tensor, Tensor) {
        let _guard = no_grad_guard();
        let mut maps = forward(&self.net, &self.store, x, false, Norms::Stored);
        let target = maps.swap_remove(1);
        (maps.swap_remove(0), target)
    }
}

/// How far `student` is from `teacher`, both `[N, C, H, W]`; one number.
pub fn distance(loss: Loss, student: &Tensor, teacher: &Tensor) -> Result<Tensor> {
    let (mine, theirs) = (student.size(), teacher.size());
    if mine != theirs {
        return Err(job(
            format!("the block gives maps of {:?}, the teacher's are {:?} (channels, height, width)", &mine[1..], &theirs[1..]),
            "the stage's stride and the projections around it must lead from one of the teacher's taps to the next",
        )
        .into());
    }
    let squares = (student - teacher).square();
    if loss == Loss::Mse {
        return Ok(squares.mean(Kind::Float));
    }
    if theirs[2] * theirs[3] < 2 {
        return Err(job("a map of one cell has no variance", "use `mse`, or larger images").into());
    }
    let signal = if loss == Loss::Nsr { teacher } else { student };
    let variance = signal.var_dim([2i64, 3].as_slice(), true, false);
    let least = variance.mean(Kind::Float) * LEAST_VARIANCE;
    Ok((squares.mean_dim([2i64, 3].as_slice(), false, Kind::Float) / variance.maximum(&least)).mean(Kind::Float))
}

/// Runs the job; leaves its weights in `folder`.
pub fn run(job: &TrainBlock, data: &mut Data, folder: &Path, ears: &mut Ears) -> Result<TrainSummary> {
    let start = Instant::now();
    let teacher = Teacher::load(&job.target)?;
    let store = store(&job.pool, None, job.seed)?;
    let mut nets = Nets::new(&job.pool, &store);
    let mut batches = Batches::new(&data.train, job.batch, true, job.seed.child("batches"));
    let mut meter = Meter::new(&job.label, job.phases.iter().map(|phase| phase.steps.len()));
    for phase in &job.phases {
        let mut optimizer = Optimizer::adam(&store, job.weight_decay);
        for (at, step) in phase.steps.iter().enumerate() {
            let (images, _) = batches.next()?;
            let mut features = BTreeMap::new();
            Optimizer::clear(&store);
            for (place, choice) in step.iter().enumerate() {
                ears.check()?;
                let (x, target) =
                    features.entry(choice.resolution).or_insert_with(|| teacher.features(&resize(&images, choice.resolution)));
                let student = forward(&*nets.get(choice)?, &store, x, phase.quantized, Norms::Batch).swap_remove(0);
                let loss = distance(job.loss, &student, target)?;
                if place == 0 {
                    meter.loss(loss.double_value(&[]))?;
                }
                loss.backward();
            }
            optimizer.step(&store, learning_rate(phase.lr, phase.warmup, at, phase.steps.len()));
            meter.step(ears)?;
        }
    }
    store.save().save(&folder.join(WEIGHTS))?;
    Ok(TrainSummary { loss: meter.finish(), top1_pct: None, took_s: start.elapsed().as_secs_f64() })
}

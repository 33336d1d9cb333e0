//! Distillation of an elastic stage from a teacher's features.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::time::Instant;

use spaceevo::base::{Result, Seed};
use spaceevo::train::{BlockTarget, Targets, TeacherForm, TrainBlock, TrainSummary};
use tch::{Tensor, no_grad_guard};

use super::batches::{Batches, Data, resize};
use super::fault::job;
use super::forward::{Norms, run as forward};
use super::jobs::{Nets, WEIGHTS, store};
use super::losses::distance;
use super::meter::Meter;
use super::net::{self, Net};
use super::optim::{Optimizer, learning_rate};
use super::script::Script;
use super::serve::Ears;
use super::store::Store;

/// A teacher's features at the start and the end of what a block imitates.
pub enum Teacher {
    /// Those of a layer graph, as deep as needed.
    Graph { store: Box<Store>, net: Net, quantized: bool },
    /// Those at two places of what a TorchScript file returns.
    Script { script: Script, ends: [usize; 2] },
}

impl Teacher {
    /// The teacher of `target`, as deep as needed.
    pub fn load(target: &BlockTarget) -> Result<Self> {
        let teacher = &target.teacher;
        if teacher.form == TeacherForm::Script {
            let script = Script::load(&teacher.weights.path)?;
            return Ok(Self::Script { script, ends: [target.input_after, target.target_after] });
        }
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
        Ok(Self::Graph { store: Box::new(store), net, quantized: teacher.form == TeacherForm::Quantized })
    }

    /// Features for images `x`: the block's input and its target.
    pub fn features(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let _guard = no_grad_guard();
        match self {
            Self::Graph { store, net, quantized } => {
                let mut maps = forward(net, store, x, *quantized, Norms::Stored);
                let target = maps.swap_remove(1);
                Ok((maps.swap_remove(0), target))
            }
            Self::Script { script, ends: [input, target] } => {
                let maps = script.features(x)?;
                Ok((script.at(&maps, *input)?, script.at(&maps, *target)?))
            }
        }
    }
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
        let mut optimizer = Optimizer::new(&store, job.update);
        for (at, step) in phase.steps.iter().enumerate() {
            let (images, _) = batches.next();
            let mut features = BTreeMap::new();
            // What the largest stage gives, by input size, if the others learn from it.
            let mut guides: BTreeMap<usize, Tensor> = BTreeMap::new();
            Optimizer::clear(&store);
            for (place, choice) in step.iter().enumerate() {
                ears.check()?;
                let (x, target) = match features.entry(choice.resolution) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(teacher.features(&resize(&images, choice.resolution))?),
                };
                let student = forward(&*nets.get(choice)?, &store, x, phase.quantized, Norms::Batch).swap_remove(0);
                let loss = if place == 0 {
                    guides.insert(choice.resolution, student.detach());
                    let loss = distance(&job.loss, &student, target)?;
                    meter.loss(loss.double_value(&[]))?;
                    loss
                } else if job.targets == Targets::Teacher {
                    distance(&job.loss, &student, target)?
                } else {
                    let largest = nets.get(&step[0])?;
                    let guide = guides.entry(choice.resolution).or_insert_with(|| {
                        let _guard = no_grad_guard();
                        forward(&largest, &store, x, phase.quantized, Norms::Batch).swap_remove(0)
                    });
                    distance(&job.loss, &student, guide)?
                };
                loss.backward();
            }
            optimizer.step(&store, learning_rate(phase.lr, phase.warmup, job.update.cosine_every, at, phase.steps.len()));
            meter.step(ears)?;
        }
    }
    store.save().save(&folder.join(WEIGHTS))?;
    Ok(TrainSummary { loss: meter.finish(), top1_pct: None, took_s: start.elapsed().as_secs_f64() })
}

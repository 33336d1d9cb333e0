//! Training of a classifier, elastic or fixed.

use std::thread;

use spaceevo::base::Result;
use spaceevo::graph::Weights;
use spaceevo::train::{TrainNet, TrainSummary};
use tch::Device;

use super::batches::{Batches, Data, resize};
use super::checkpoint::{self, Checkpoints, Place};
use super::course::Course;
use super::evaluate::{self, Test};
use super::fault;
use super::forward::Statistics;
use super::jobs::{Nets, WEIGHTS, store};
use super::meter::note;
use super::optim::Optimizer;
use super::replicas::{Replica, Replicas, Step};
use super::serve::Ears;
use super::store::{LayerWeights, Store};

/// Training batches from which the statistics of the reported network are gathered at the end.
const REPORT_BATCHES: usize = 16;

/// Runs the job; leaves its weights in its place. One that was cut short goes on from its checkpoint.
///
/// Batch norm uses statistics of the batch throughout. At the end those of the reported network are gathered and stored,
/// so that a fixed network (a teacher) can be used as it is.
///
/// Where the job has replicas, `devices` share each batch; the first is that of this thread, and does the rest. The result does
/// not depend on how many they are.
pub fn run(
    job: &TrainNet,
    devices: &[Device],
    place: Place<'_>,
    data: &mut Data,
    checkpoints: &mut Checkpoints,
    ears: &mut Ears,
) -> Result<TrainSummary> {
    let store = store(&job.pool, None, job.seed)?;
    if let Some(initial) = &job.initial {
        store.load_found(&Weights::load(&initial.path)?)?;
    }
    let mut first = Replica::new(job, &store);
    let mut course = Course::new(&job.label, &store, Optimizer::new(&store, job.update), &job.phases);
    checkpoint::go_on(&place, &mut course);
    let mut train = || {
        learn(job, devices, (&mut course, &mut first), data, (&place, &mut *checkpoints), ears)?;
        report(job, &store, &mut first.nets, data, ears)
    };
    let top1_pct = train();
    if ears.is_cancelled() {
        checkpoints.write([(place, &course)]);
    }
    let top1_pct = top1_pct?;
    course.meter().curve().save(place.folder)?;
    store.save().save(&place.folder.join(WEIGHTS))?;
    Ok(course.summary(top1_pct))
}

/// Takes all steps that are left.
fn learn(
    job: &TrainNet,
    devices: &[Device],
    (course, first): (&mut Course<'_>, &mut Replica<'_>),
    data: &Data,
    (place, checkpoints): (&Place<'_>, &mut Checkpoints),
    ears: &mut Ears,
) -> Result<()> {
    let (total, dropping) = (course.meter().total(), job.seed.child("dropout"));
    let batches = Batches::new(&data.train, batch(job, data)?, true, job.seed.child("batches"));
    let mut batches = batches.after(course.drawn());
    thread::scope(|scope| {
        let mut replicas = Replicas::start(scope, job, devices, ears);
        while let Some((phase, nets)) = course.next() {
            // By the step alone, so that a training that goes on drops the same.
            let step = Step { data, phase, nets, seed: dropping.at(course.meter().done() as u64) };
            let loss = replicas.pass(first, step, batches.next()?, course.meter(), ears)?;
            course.step(loss, batches.drawn());
            if checkpoints.due() {
                checkpoints.write([(*place, &*course)]);
            }
            ears.step(course.meter().done(), total, || note([course.meter()]))?;
        }
        Ok(())
    })
}

/// Images of a batch: as many as asked for, or as there are, so that the replicas have equal parts.
fn batch(job: &TrainNet, data: &Data) -> Result<usize> {
    let (replicas, images) = (job.replicas.max(1), data.train.len());
    match job.batch.clamp(1, images) / replicas * replicas {
        0 => Err(fault::job(
            format!("the {replicas} replicas of a batch need an image each, and there are {}", job.batch.min(images)),
            "use fewer `replicas`, or more training images",
        )
        .into()),
        batch => Ok(batch),
    }
}

/// Gathers and keeps the statistics of the reported network; its top-1 in percent, if there are validation images.
fn report(job: &TrainNet, store: &Store, nets: &mut Nets<'_>, data: &mut Data, ears: &Ears) -> Result<Option<f64>> {
    let quantized = job.phases.last().is_some_and(|phase| phase.quantized);
    let net = nets.get(&job.report)?;
    let gathering = evaluate::train_batches(data, REPORT_BATCHES, job.batch, job.seed)?;
    let inputs = gathering.iter().map(|x| Ok(resize(x, job.report.resolution)));
    let statistics = evaluate::gather(&net, store, quantized, inputs)?;
    keep(store, &statistics, &net);
    let valid = data.valid_at(job.report.resolution);
    if valid.is_empty() {
        return Ok(None);
    }
    let test = Test { images: valid, batch: job.batch, metric: None };
    Ok(Some(evaluate::judge((&net, store), quantized, &statistics, &test, ears)?.top1_pct))
}

/// Stores the statistics of `net` with the weights.
fn keep(store: &Store, statistics: &Statistics, net: &super::net::Net) {
    let _guard = tch::no_grad_guard();
    for (layer, channels) in &net.norms {
        if let (LayerWeights::Norm { mean, var, .. }, Some((new_mean, new_var))) = (&store.layers[*layer], statistics.get(layer))
        {
            channels.write(mean, new_mean);
            channels.write(var, new_var);
        }
    }
}

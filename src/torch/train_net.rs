//! Training of a classifier, elastic or fixed.

use std::collections::BTreeMap;

use spaceevo::base::Result;
use spaceevo::train::{TrainNet, TrainSummary};
use tch::{Kind, Reduction, Tensor};

use super::batches::{Batches, Data, resize};
use super::checkpoint::{self, Checkpoints, Place};
use super::course::Course;
use super::evaluate;
use super::forward::{Norms, Statistics, run as forward};
use super::jobs::{Nets, WEIGHTS, store};
use super::optim::Optimizer;
use super::serve::Ears;
use super::store::{LayerWeights, Store};

/// Training batches from which the statistics of the reported network are gathered at the end.
const REPORT_BATCHES: usize = 16;

/// Runs the job; leaves its weights in its place. One that was cut short goes on from its checkpoint.
///
/// Batch norm uses statistics of the batch throughout. At the end those of the reported network are gathered and stored,
/// so that a fixed network (a teacher) can be used as it is.
pub fn run(
    job: &TrainNet,
    place: Place<'_>,
    data: &mut Data,
    checkpoints: &mut Checkpoints,
    ears: &mut Ears,
) -> Result<TrainSummary> {
    let store = store(&job.pool, None, job.seed)?;
    let mut nets = Nets::new(&job.pool, &store);
    let mut course = Course::new(&job.label, &store, Optimizer::sgd(&store, job.weight_decay), &job.phases);
    checkpoint::go_on(&place, &mut course);
    let mut train = || {
        learn(job, &mut course, &store, &mut nets, data, (&place, &mut *checkpoints), ears)?;
        report(job, &store, &mut nets, data, ears)
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
    course: &mut Course<'_>,
    store: &Store,
    nets: &mut Nets<'_>,
    data: &Data,
    (place, checkpoints): (&Place<'_>, &mut Checkpoints),
    ears: &mut Ears,
) -> Result<()> {
    let total = course.meter().total();
    let mut batches = Batches::new(&data.train, job.batch, true, job.seed.child("batches")).after(course.drawn());
    while let Some((phase, step)) = course.next() {
        let (images, labels) = batches.next()?;
        let mut sizes = BTreeMap::new();
        let (mut guide, mut largest): (Option<Tensor>, f64) = (None, 0.0);
        Optimizer::clear(store);
        for choice in step {
            ears.check()?;
            let x = sizes.entry(choice.resolution).or_insert_with(|| resize(&images, choice.resolution));
            let logits = forward(&*nets.get(choice)?, store, x, phase.quantized, Norms::Batch).swap_remove(0).flatten(1, -1);
            let loss = match &guide {
                None => {
                    data.fits(&logits)?;
                    let loss = logits.cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, job.smoothing);
                    largest = loss.double_value(&[]);
                    course.meter().check(largest)?;
                    guide = Some(logits.detach().softmax(-1, Kind::Float));
                    loss
                }
                // Cross entropy against the largest network's probabilities.
                Some(guide) => logits.cross_entropy_loss::<Tensor>(guide, None, Reduction::Mean, -100, 0.0),
            };
            loss.backward();
        }
        course.step(largest, batches.drawn());
        if checkpoints.due() {
            checkpoints.write([(*place, &*course)]);
        }
        let note = || course.meter().latest().map_or_else(String::new, |(phase, loss)| format!("{phase}, loss {loss:.3}"));
        ears.step(course.meter().done(), total, note)?;
    }
    Ok(())
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
    Ok(Some(evaluate::top1(&net, store, quantized, &statistics, valid, job.batch, ears)?.top1_pct))
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

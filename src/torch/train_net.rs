//! Training of a classifier, elastic or fixed.

use std::collections::BTreeMap;

use spaceevo::base::Result;
use spaceevo::graph::Weights;
use spaceevo::train::{TrainNet, TrainSummary};
use tch::Tensor;

use super::batches::{Batches, Data, resize};
use super::checkpoint::{self, Checkpoints, Place};
use super::course::Course;
use super::evaluate::{self, Test};
use super::forward::{Norms, Statistics, run as forward, run_dropping};
use super::jobs::{Nets, WEIGHTS, store};
use super::losses::{Truth, imitation};
use super::meter::note;
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
    if let Some(initial) = &job.initial {
        store.load_found(&Weights::load(&initial.path)?)?;
    }
    let mut nets = Nets::new(&job.pool, &store);
    let mut course = Course::new(&job.label, &store, Optimizer::new(&store, job.update), &job.phases);
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
        let (mut guide, mut largest): (Option<(Tensor, Truth<'_>)>, f64) = (None, 0.0);
        Optimizer::clear(store);
        for choice in step {
            ears.check()?;
            let x = sizes.entry(choice.resolution).or_insert_with(|| resize(&images, choice.resolution));
            let net = nets.get(choice)?;
            let loss = match &guide {
                None => {
                    if job.dropout > 0.0 {
                        // By the step alone, so that a training that goes on drops the same.
                        tch::manual_seed(job.seed.child("dropout").at(course.meter().done() as u64).0.cast_signed());
                    }
                    let logits = run_dropping(&net, store, x, phase.into(), Norms::Batch, job.dropout).swap_remove(0);
                    let logits = logits.flatten(1, -1);
                    data.fits(&logits)?;
                    let truth = Truth::new(job.loss.as_ref(), &labels, logits.size()[1], job.smoothing);
                    let loss = truth.distance(&logits)?;
                    largest = loss.double_value(&[]);
                    course.meter().check(largest)?;
                    guide = Some((logits.detach(), truth));
                    loss
                }
                Some((guide, truth)) => {
                    let logits = forward(&net, store, x, phase.into(), Norms::Batch).swap_remove(0).flatten(1, -1);
                    imitation(&job.distill, &logits, guide, truth)?
                }
            };
            loss.backward();
        }
        course.step(largest, batches.drawn());
        if checkpoints.due() {
            checkpoints.write([(*place, &*course)]);
        }
        ears.step(course.meter().done(), total, || note([course.meter()]))?;
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

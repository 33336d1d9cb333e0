//! Training of a classifier, elastic or fixed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use spaceevo::base::Result;
use spaceevo::graph::Weights;
use spaceevo::train::{TrainNet, TrainSummary};
use tch::{Reduction, Tensor};

use super::batches::{Batches, Data, resize};
use super::evaluate;
use super::forward::{Norms, Statistics, run as forward, run_dropping};
use super::jobs::{Nets, WEIGHTS, store};
use super::losses::imitation;
use super::meter::Meter;
use super::optim::{Optimizer, learning_rate};
use super::serve::Ears;
use super::store::{LayerWeights, Store};

/// Training batches from which the statistics of the reported network are gathered at the end.
const REPORT_BATCHES: usize = 16;

/// Runs the job; leaves its weights in `folder`.
///
/// Batch norm uses statistics of the batch throughout. At the end those of the reported network are gathered and stored,
/// so that a fixed network (a teacher) can be used as it is.
pub fn run(job: &TrainNet, data: &mut Data, folder: &Path, ears: &mut Ears) -> Result<TrainSummary> {
    let start = Instant::now();
    let store = store(&job.pool, None, job.seed)?;
    if let Some(initial) = &job.initial {
        store.load_found(&Weights::load(&initial.path)?)?;
    }
    let mut nets = Nets::new(&job.pool, &store);
    let mut batches = Batches::new(&data.train, job.batch, true, job.seed.child("batches"));
    let mut meter = Meter::new(&job.label, job.phases.iter().map(|phase| phase.steps.len()));
    for (place, phase) in job.phases.iter().enumerate() {
        let dropping = job.seed.child("dropout").at(place as u64);
        let mut optimizer = Optimizer::new(&store, job.update);
        for (at, step) in phase.steps.iter().enumerate() {
            let (images, labels) = batches.next();
            let mut sizes = BTreeMap::new();
            let mut guide: Option<Tensor> = None;
            Optimizer::clear(&store);
            for choice in step {
                ears.check()?;
                let x = sizes.entry(choice.resolution).or_insert_with(|| resize(&images, choice.resolution));
                let net = nets.get(choice)?;
                let loss = match &guide {
                    None => {
                        if job.dropout > 0.0 {
                            tch::manual_seed(dropping.at(at as u64).0.cast_signed());
                        }
                        let logits = run_dropping(&net, &store, x, phase.quantized, Norms::Batch, job.dropout);
                        let logits = logits[0].flatten(1, -1);
                        let loss = logits.cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, job.smoothing);
                        meter.loss(loss.double_value(&[]))?;
                        guide = Some(logits.detach());
                        loss
                    }
                    Some(guide) => {
                        let logits = forward(&net, &store, x, phase.quantized, Norms::Batch).swap_remove(0).flatten(1, -1);
                        imitation(&job.distill, &logits, guide)?
                    }
                };
                loss.backward();
            }
            optimizer.step(&store, learning_rate(phase.lr, phase.warmup, job.update.cosine_every, at, phase.steps.len()));
            meter.step(ears)?;
        }
    }
    let quantized = job.phases.last().is_some_and(|phase| phase.quantized);
    let net = nets.get(&job.report)?;
    let gathering = evaluate::train_batches(data, REPORT_BATCHES, job.batch, job.seed);
    let statistics = evaluate::gather(&net, &store, quantized, gathering.iter().map(|x| resize(x, job.report.resolution)));
    keep(&store, &statistics, &net);
    let valid = data.valid_at(job.report.resolution);
    let top1_pct = match valid.is_empty() {
        true => None,
        false => Some(evaluate::top1(&net, &store, quantized, &statistics, valid, job.batch, ears)?),
    };
    store.save().save(&folder.join(WEIGHTS))?;
    Ok(TrainSummary { loss: meter.finish(), top1_pct, took_s: start.elapsed().as_secs_f64() })
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

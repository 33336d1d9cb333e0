//! Training of a classifier, elastic or fixed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use spaceevo::base::Result;
use spaceevo::train::{TrainNet, TrainSummary};
use tch::{Kind, Reduction, Tensor};

use super::batches::{Batches, Data, resize};
use super::evaluate;
use super::forward::{Norms, Statistics, run as forward};
use super::jobs::{Nets, WEIGHTS, store};
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
    let mut nets = Nets::new(&job.pool, &store);
    let mut batches = Batches::new(&data.train, job.batch, true, job.seed.child("batches"));
    let mut meter = Meter::new(&job.label, job.phases.iter().map(|phase| phase.steps.len()));
    for phase in &job.phases {
        let mut optimizer = Optimizer::sgd(&store, job.weight_decay);
        for (at, step) in phase.steps.iter().enumerate() {
            let (images, labels) = batches.next()?;
            let mut sizes = BTreeMap::new();
            let mut guide: Option<Tensor> = None;
            Optimizer::clear(&store);
            for choice in step {
                ears.check()?;
                let x = sizes.entry(choice.resolution).or_insert_with(|| resize(&images, choice.resolution));
                let logits = forward(&*nets.get(choice)?, &store, x, phase.quantized, Norms::Batch).swap_remove(0).flatten(1, -1);
                let loss = match &guide {
                    None => {
                        data.fits(&logits)?;
                        let loss = logits.cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, job.smoothing);
                        meter.loss(loss.double_value(&[]))?;
                        guide = Some(logits.detach().softmax(-1, Kind::Float));
                        loss
                    }
                    // Cross entropy against the largest network's probabilities.
                    Some(guide) => logits.cross_entropy_loss::<Tensor>(guide, None, Reduction::Mean, -100, 0.0),
                };
                loss.backward();
            }
            optimizer.step(&store, learning_rate(phase.lr, phase.warmup, at, phase.steps.len()));
            meter.step(ears)?;
        }
    }
    let quantized = job.phases.last().is_some_and(|phase| phase.quantized);
    let net = nets.get(&job.report)?;
    let gathering = evaluate::train_batches(data, REPORT_BATCHES, job.batch, job.seed)?;
    let statistics = evaluate::gather(&net, &store, quantized, gathering.iter().map(|x| resize(x, job.report.resolution)));
    keep(&store, &statistics, &net);
    let valid = data.valid_at(job.report.resolution);
    let top1_pct = match valid.is_empty() {
        true => None,
        false => Some(evaluate::top1(&net, &store, quantized, &statistics, valid, job.batch, ears)?.top1_pct),
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

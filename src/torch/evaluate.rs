//! Evaluation of networks cut out of trained weights, each with batch-norm statistics of its own.

use std::collections::BTreeMap;

use spaceevo::base::{Result, Seed};
use spaceevo::data::Images;
use spaceevo::train::{EvalBlocks, EvalNets, NetScore, SampleLoss};
use tch::{Tensor, no_grad_guard};

use super::batches::{Batches, Data, plain, resize};
use super::fault::job;
use super::features::{Exam, Kept};
use super::forward::{Norms, Statistics, run as forward};
use super::jobs::{Nets, store};
use super::net::Net;
use super::serve::Ears;
use super::store::Store;
use super::train_block::distance;

/// `count` batches of training images as they are, the same ones for the same seed.
pub fn train_batches(data: &Data, count: usize, batch: usize, seed: Seed) -> Vec<Tensor> {
    let mut batches = Batches::new(&data.train, batch, false, seed.child("statistics"));
    (0..count).map(|_| batches.next().0).collect()
}

/// Batch-norm statistics of `net` averaged over `inputs`; those stored with the weights stay as they are.
pub fn gather(net: &Net, store: &Store, quantized: bool, inputs: impl Iterator<Item = Result<Tensor>>) -> Result<Statistics> {
    let _guard = no_grad_guard();
    let mut statistics = Statistics::new();
    for (earlier, x) in inputs.enumerate() {
        forward(net, store, &x?, quantized, Norms::Gather(&mut statistics, earlier));
    }
    Ok(statistics)
}

/// Percentage of `images` that `net` puts into the right class.
pub fn top1(
    net: &Net,
    store: &Store,
    quantized: bool,
    statistics: &Statistics,
    images: &Images,
    batch: usize,
    ears: &Ears,
) -> Result<f64> {
    let _guard = no_grad_guard();
    let mut right = 0;
    for from in (0..images.len()).step_by(batch.max(1)) {
        ears.check()?;
        let (x, labels) = plain(images, from, (from + batch.max(1)).min(images.len()));
        let logits = forward(net, store, &x, quantized, Norms::Given(statistics)).swap_remove(0).flatten(1, -1);
        right += logits.argmax(-1, false).eq_tensor(&labels).sum(tch::Kind::Int64).int64_value(&[]);
    }
    Ok(100.0 * right as f64 / images.len().max(1) as f64)
}

/// Accuracies of networks of a supernet on validation images.
pub fn nets(task: &EvalNets, data: &mut Data, ears: &mut Ears) -> Result<Vec<NetScore>> {
    if data.valid.is_empty() {
        return Err(job("the data set has no validation images", "say `valid:` among the options of the data set").into());
    }
    let store = store(&task.pool, Some(&task.weights), task.seed)?;
    let mut nets = Nets::new(&task.pool, &store);
    let batches = train_batches(data, task.recalibrate, task.batch, task.seed);
    let mut sized: BTreeMap<usize, (Vec<Tensor>, Images)> = BTreeMap::new();
    let mut scores = Vec::with_capacity(task.nets.len());
    for choice in &task.nets {
        ears.step(scores.len(), task.nets.len(), String::new)?;
        let (inputs, images) = sized.entry(choice.resolution).or_insert_with(|| {
            let count = if task.images == 0 { usize::MAX } else { task.images };
            (batches.iter().map(|x| resize(x, choice.resolution)).collect(), data.valid_at(choice.resolution).head(count))
        });
        let net = nets.get(choice)?;
        let statistics = gather(&net, &store, task.quantized, inputs.iter().map(|x| Ok(x.shallow_clone())))?;
        let top1_pct = top1(&net, &store, task.quantized, &statistics, images, task.batch, ears)?;
        scores.push(NetScore { top1_pct, images: images.len() });
    }
    ears.step(scores.len(), task.nets.len(), String::new)?;
    Ok(scores)
}

/// Losses of concrete stages of a trained block on validation images. The teacher's maps are taken from `kept` or left there.
pub fn blocks(task: &EvalBlocks, data: &mut Data, kept: &mut Kept, ears: &mut Ears) -> Result<Vec<SampleLoss>> {
    if task.recalibrate == 0 || task.batches == 0 || data.valid.is_empty() {
        return Err(job(
            "the losses of blocks need at least one batch of training images and one of validation images",
            "let the options that count batches be at least 1, and the data set have validation images",
        )
        .into());
    }
    let store = store(&task.pool, Some(&task.weights), task.seed)?;
    let mut nets = Nets::new(&task.pool, &store);
    let mut exam = Exam::new(task, data, kept);
    // One resolution after the other, so that few maps are needed at a time.
    let mut order: Vec<usize> = (0..task.nets.len()).collect();
    order.sort_by_key(|&at| task.nets[at].resolution);
    let mut losses: Vec<Option<SampleLoss>> = vec![None; order.len()];
    for (done, &at) in order.iter().enumerate() {
        ears.step(done, order.len(), String::new)?;
        let choice = &task.nets[at];
        let net = nets.get(choice)?;
        let inputs = (0..task.recalibrate).map(|batch| exam.input(choice.resolution, batch));
        let statistics = gather(&net, &store, task.quantized, inputs)?;
        let _guard = no_grad_guard();
        let values: Vec<f64> = (0..exam.batches(choice.resolution))
            .map(|batch| {
                let (x, target) = exam.pair(choice.resolution, batch)?;
                let student = forward(&net, &store, &x, task.quantized, Norms::Given(&statistics)).swap_remove(0);
                Ok(distance(task.loss, &student, &target)?.double_value(&[]))
            })
            .collect::<Result<_>>()?;
        losses[at] = Some(mean_and_error(&values));
    }
    ears.step(order.len(), order.len(), String::new)?;
    Ok(losses.into_iter().flatten().collect())
}

/// Mean and its standard error (0 for a single value).
fn mean_and_error(values: &[f64]) -> SampleLoss {
    let count = values.len() as f64;
    let loss = values.iter().sum::<f64>() / count;
    let spread = values.iter().map(|value| (value - loss).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    SampleLoss { loss, stderr: (spread / count).sqrt() }
}

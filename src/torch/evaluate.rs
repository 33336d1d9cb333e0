//! Evaluation of networks cut out of trained weights, each with batch-norm statistics of its own.

use spaceevo::base::{Result, Seed};
use spaceevo::data::ImageSet;
use spaceevo::train::{EvalBlocks, EvalNets, Expression, NetScore, SampleLoss};
use tch::{Tensor, no_grad_guard};

use super::batches::{Batches, Data, Plain, in_memory, resize};
use super::fault::job;
use super::features::{Exam, Kept};
use super::forward::{Mode, Norms, Statistics, run as forward};
use super::jobs::{Nets, store};
use super::losses::{distance, metric};
use super::net::Net;
use super::serve::Ears;
use super::store::Store;

/// `count` batches of training images as they are, the same ones for the same seed.
pub fn train_batches(data: &Data, count: usize, batch: usize, seed: Seed) -> Result<Vec<Tensor>> {
    let mut batches = Batches::new(&data.train, batch, false, seed.child("statistics"));
    (0..count).map(|_| Ok(batches.next()?.0)).collect()
}

/// Batch-norm statistics of `net` averaged over `inputs`; those stored with the weights stay as they are.
pub fn gather(net: &Net, store: &Store, quantized: bool, inputs: impl Iterator<Item = Result<Tensor>>) -> Result<Statistics> {
    let _guard = no_grad_guard();
    let mut statistics = Statistics::new();
    for (earlier, x) in inputs.enumerate() {
        forward(net, store, &x?, Mode::float32(quantized), Norms::Gather(&mut statistics, earlier));
    }
    Ok(statistics)
}

/// What networks are judged by.
pub struct Test<'a> {
    /// Images.
    pub images: &'a ImageSet,
    /// Images a batch.
    pub batch: usize,
    /// What is averaged besides top-1, of logits and labels.
    pub metric: Option<&'a Expression>,
}

/// Percentage of the images that `net` puts into the right class, the mean of the metric, and how many images there were.
pub fn judge(
    (net, store): (&Net, &Store),
    quantized: bool,
    statistics: &Statistics,
    test: &Test<'_>,
    ears: &Ears,
) -> Result<NetScore> {
    let _guard = no_grad_guard();
    let (mut right, mut seen, mut sum) = (0, 0, 0.0);
    let mut batches = Plain::new(test.images, test.batch);
    while let Some((x, labels)) = batches.next()? {
        ears.check()?;
        let logits = forward(net, store, &x, Mode::float32(quantized), Norms::Given(statistics)).swap_remove(0).flatten(1, -1);
        right += logits.argmax(-1, false).eq_tensor(&labels).sum(tch::Kind::Int64).int64_value(&[]);
        let count = labels.size()[0] as usize;
        if let Some(expression) = test.metric {
            sum += metric(expression, &logits, &labels)? * count as f64;
        }
        seen += count;
    }
    let mean = |sum: f64| sum / seen.max(1) as f64;
    Ok(NetScore { top1_pct: mean(100.0 * right as f64), images: seen, metric: test.metric.map(|_| mean(sum)) })
}

/// Accuracies of networks of a supernet on validation images.
pub fn nets(task: &EvalNets, data: &mut Data, ears: &mut Ears) -> Result<Vec<NetScore>> {
    if data.valid.is_empty() {
        return Err(job("the data set has no validation images", "say `valid:` among the options of the data set").into());
    }
    let store = store(&task.pool, Some(&task.weights), task.seed)?;
    let mut nets = Nets::new(&task.pool, &store);
    let batches = train_batches(data, task.recalibrate, task.batch, task.seed)?;
    // One resolution after the other: its images take much room.
    let mut order: Vec<usize> = (0..task.nets.len()).collect();
    let resolution = |at: usize| task.nets[at].resolution;
    order.sort_by_key(|&at| resolution(at));
    let count = if task.images == 0 { usize::MAX } else { task.images };
    let mut scores: Vec<Option<NetScore>> = vec![None; order.len()];
    let mut done = 0;
    for alike in order.chunk_by(|&a, &b| resolution(a) == resolution(b)) {
        let resolution = resolution(alike[0]);
        let images = in_memory(data.valid_at(resolution).slice(0..count), ears)?;
        let inputs: Vec<Tensor> = batches.iter().map(|x| resize(x, resolution)).collect();
        for &at in alike {
            ears.step(done, order.len(), String::new)?;
            let net = nets.get(&task.nets[at])?;
            // A network's scales do not depend on those before it.
            store.forget_covered();
            let statistics = gather(&net, &store, task.quantized, inputs.iter().map(|x| Ok(x.shallow_clone())))?;
            let test = Test { images: &images, batch: task.batch, metric: task.metric.as_ref() };
            scores[at] = Some(judge((&net, &store), task.quantized, &statistics, &test, ears)?);
            done += 1;
        }
    }
    ears.step(done, order.len(), String::new)?;
    Ok(scores.into_iter().flatten().collect())
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
        // A network's scales do not depend on those before it.
        store.forget_covered();
        let inputs = (0..task.recalibrate).map(|batch| exam.input(choice.resolution, batch));
        let statistics = gather(&net, &store, task.quantized, inputs)?;
        let _guard = no_grad_guard();
        let values: Vec<f64> = (0..exam.batches(choice.resolution))
            .map(|batch| {
                let Some((x, target)) = exam.pair(choice.resolution, batch, ears)? else { return Ok(None) };
                let student = forward(&net, &store, &x, Mode::float32(task.quantized), Norms::Given(&statistics)).swap_remove(0);
                Ok(Some(distance(&task.loss, &student, &target)?.double_value(&[])))
            })
            .filter_map(Result::transpose)
            .collect::<Result<_>>()?;
        if values.is_empty() {
            return Err(job("no validation image can be read", "look at the files that were skipped").into());
        }
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

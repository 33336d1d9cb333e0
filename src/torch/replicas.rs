//! Data-parallel training of a whole network: parts of a batch that pass a step by themselves, on one device or on several.
//!
//! A batch is cut into as many equal parts as the job has replicas, and gradients are averaged over them. Of `D` devices, part
//! `r` passes on number `r % D`, on weights of that device's own that are handed on from the first before each step. Gradients
//! are summed in the order of the parts, so that the sum does not depend on `D`.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Scope;

use spaceevo::base::{Fault, Result, Seed};
use spaceevo::train::{Net as NetChoice, Phase, TrainNet};
use tch::{Device, Tensor, no_grad_guard};

use super::batches::{Data, resize};
use super::forward::{Norms, run as forward, run_dropping};
use super::jobs::{Nets, store};
use super::losses::{Truth, imitation};
use super::meter::Meter;
use super::optim::Optimizer;
use super::place;
use super::serve::{Ears, caught};
use super::store::Store;

/// What all parts of a step share.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// Whose classes the network must tell apart.
    pub data: &'a Data,
    /// Whether LSQ+ is on, and what products are computed in.
    pub phase: &'a Phase,
    /// The networks; the first is the sandwich's largest.
    pub nets: &'a [NetChoice],
    /// Seed of what is dropped.
    pub seed: Seed,
}

/// One part of a batch: its number, images `[N, 3, H, W]`, labels `[N]`.
struct Part {
    at: usize,
    images: Tensor,
    labels: Tensor,
}

impl Part {
    /// All parts of a batch whose size is a multiple of `count`.
    fn cut(images: &Tensor, labels: &Tensor, count: usize) -> Vec<Self> {
        let size = images.size()[0] / count as i64;
        let part = |of: &Tensor, at: usize| of.narrow(0, at as i64 * size, size);
        (0..count).map(|at| Self { at, images: part(images, at), labels: part(labels, at) }).collect()
    }

    /// The same on `device`.
    fn to(&self, device: Device) -> Self {
        Self { at: self.at, images: self.images.to_device(device), labels: self.labels.to_device(device) }
    }
}

/// The networks of a job on the weights of one device.
pub struct Replica<'a> {
    job: &'a TrainNet,
    store: &'a Store,
    /// The networks.
    pub nets: Nets<'a>,
}

impl<'a> Replica<'a> {
    /// The networks of `job` on `store`.
    pub fn new(job: &'a TrainNet, store: &'a Store) -> Self {
        Self { job, store, nets: Nets::new(&job.pool, store) }
    }

    /// Leaves the gradients of `part` in the store; the loss of the first network. Where that is no number, the others are left
    /// out.
    fn pass(&mut self, step: &Step<'_>, part: &Part, ears: &Ears) -> Result<f64> {
        let (job, store, mode) = (self.job, self.store, step.phase.into());
        let mut sizes = BTreeMap::new();
        let (mut guide, mut largest): (Option<(Tensor, Truth<'_>)>, f64) = (None, 0.0);
        Optimizer::clear(store);
        for choice in step.nets {
            ears.check()?;
            let x = sizes.entry(choice.resolution).or_insert_with(|| resize(&part.images, choice.resolution));
            let net = self.nets.get(choice)?;
            let loss = match &guide {
                None => {
                    // A part that is the whole batch drops what it did before there were parts.
                    let seed = if job.replicas > 1 { step.seed.at(part.at as u64) } else { step.seed };
                    let dropped = (job.dropout > 0.0).then_some((job.dropout, seed));
                    let logits = run_dropping(&net, store, x, mode, Norms::Batch, dropped).swap_remove(0);
                    let logits = logits.flatten(1, -1);
                    step.data.fits(&logits)?;
                    let truth = Truth::new(job.loss.as_ref(), &part.labels, logits.size()[1], job.smoothing);
                    let loss = truth.distance(&logits)?;
                    largest = loss.double_value(&[]);
                    if !largest.is_finite() {
                        break;
                    }
                    guide = Some((logits.detach(), truth));
                    loss
                }
                Some((guide, truth)) => {
                    let logits = forward(&net, store, x, mode, Norms::Batch).swap_remove(0).flatten(1, -1);
                    imitation(&job.distill, &logits, guide, truth)?
                }
            };
            loss.backward();
        }
        Ok(largest)
    }

    /// Whether no quantizer of the step takes its first values from the data that it sees.
    fn is_ready(&mut self, step: &Step<'_>) -> Result<bool> {
        for choice in step.nets {
            if step.phase.quantized && !self.nets.get(choice)?.is_ready(self.store) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Passes parts as they are ordered, and answers with loss and gradients of each, until nobody orders any more.
    fn serve(&mut self, orders: Receiver<Order<'_>>, answers: &Sender<Result<Answer>>, ears: &Ears) -> Result<()> {
        let flat = self.store.flat();
        for order in orders {
            {
                let _guard = no_grad_guard();
                flat.values.shallow_clone().copy_(&order.values);
                self.store.set_readiness(&order.ready);
            }
            for part in &order.parts {
                let loss = self.pass(&order.step, part, ears)?;
                if answers.send(Ok(Answer { loss, grads: flat.grads.copy() })).is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// What a helper is to do in a step.
struct Order<'a> {
    step: Step<'a>,
    /// Values of all parameters, and which quantizers have their first.
    values: Tensor,
    ready: Vec<bool>,
    /// On its device.
    parts: Vec<Part>,
}

/// What became of a part.
struct Answer {
    loss: f64,
    grads: Tensor,
}

/// The thread of one more device.
struct Helper<'a> {
    device: Device,
    orders: Sender<Order<'a>>,
    answers: Receiver<Result<Answer>>,
}

impl<'a> Helper<'a> {
    /// It ends once this is dropped.
    fn start<'scope>(scope: &'scope Scope<'scope, 'a>, job: &'a TrainNet, device: Device, ears: Ears) -> Self {
        let (orders, taken) = channel();
        let (given, answers) = channel();
        scope.spawn(move || {
            let work = || {
                let store = store(&job.pool, None, job.seed)?;
                Replica::new(job, &store).serve(taken, &given, &ears)
            };
            if let Err(fault) = caught(|| place::on(device, work)) {
                // Nobody listens where the training has failed already.
                let _ = given.send(Err(fault));
            }
        });
        Self { device, orders, answers }
    }

    fn answer(&self) -> Result<Answer> {
        self.answers
            .recv()
            .unwrap_or_else(|_| Err(Fault::new("train::device", "the thread of a device has ended", "train again")))
    }
}

/// All replicas of a job, on the devices there are.
pub struct Replicas<'a> {
    count: usize,
    helpers: Vec<Helper<'a>>,
    /// Gradients of the parts so far.
    sum: Option<Tensor>,
}

impl<'a> Replicas<'a> {
    /// Those of `job` on `devices`, of which the first is that of this thread; each of the others has a thread of `scope`.
    pub fn start<'scope>(scope: &'scope Scope<'scope, 'a>, job: &'a TrainNet, devices: &[Device], ears: &Ears) -> Self {
        let count = job.replicas.max(1);
        let others = devices.iter().take(count).skip(1);
        let helpers = others.map(|&device| Helper::start(scope, job, device, ears.of_helper())).collect();
        Self { count, helpers, sum: None }
    }

    /// Leaves the gradients of a batch, averaged over its parts, in the store of `first`; the mean loss of the first network.
    pub fn pass(
        &mut self,
        first: &mut Replica<'_>,
        step: Step<'a>,
        (images, labels): (Tensor, Tensor),
        meter: &Meter,
        ears: &Ears,
    ) -> Result<f64> {
        if self.count == 1 {
            let loss = first.pass(&step, &Part { at: 0, images, labels }, ears)?;
            return meter.check(loss).map(|()| loss);
        }
        let parts = Part::cut(&images, &labels, self.count);
        // First values of quantizers are those that the first part gives, wherever the others pass.
        let at_once = self.helpers.is_empty() || first.is_ready(&step)?;
        if at_once {
            self.order(first.store, step, &parts);
        }
        let mut losses = 0.0;
        for part in &parts {
            let loss = match part.at % (self.helpers.len() + 1) {
                0 => {
                    let loss = first.pass(&step, part, ears)?;
                    self.add(part.at, &first.store.flat().grads);
                    loss
                }
                helper => {
                    let Answer { loss, grads } = self.helpers[helper - 1].answer()?;
                    self.add(part.at, &grads.to_device(place::here()));
                    loss
                }
            };
            meter.check(loss)?;
            losses += loss;
            if part.at == 0 && !at_once {
                self.order(first.store, step, &parts);
            }
        }
        let _guard = no_grad_guard();
        if let Some(sum) = &self.sum {
            first.store.flat().grads.shallow_clone().copy_(&(sum / self.count as f64));
        }
        Ok(losses / self.count as f64)
    }

    /// Tells the helpers to pass their parts on the values of `store`. One that has failed will answer why.
    fn order(&self, store: &Store, step: Step<'a>, parts: &[Part]) {
        for (number, helper) in (1..).zip(&self.helpers) {
            let own = parts.iter().filter(|part| part.at % (self.helpers.len() + 1) == number);
            let _ = helper.orders.send(Order {
                step,
                values: store.flat().values.shallow_clone(),
                ready: store.readiness(),
                parts: own.map(|part| part.to(helper.device)).collect(),
            });
        }
    }

    /// Adds the gradients of the part `at`.
    fn add(&mut self, at: usize, grads: &Tensor) {
        let _guard = no_grad_guard();
        match &mut self.sum {
            Some(sum) if at > 0 => drop(sum.g_add_(grads)),
            Some(sum) => sum.copy_(grads),
            None => self.sum = Some(grads.copy()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::thread;

    use spaceevo::base::Cancel;
    use spaceevo::graph::{Activation, Builder, ConvOptions, Graph, Shape, union_weights};
    use spaceevo::train::{DataSource, Distill, Lsq, Pool, TrainSummary, Update};

    use super::*;
    use crate::torch::batches::Batches;
    use crate::torch::checkpoint::{Checkpoints, Place};
    use crate::torch::serve::listen_with;
    use crate::torch::train_net;

    const ONE: &[Device] = &[Device::Cpu];
    const TWO: &[Device] = &[Device::Cpu; 2];

    /// Convolutions and a classifier; the deeper one has a layer more.
    fn net(deep: bool, norm: bool) -> Graph {
        let mut b = Builder::new(Shape::new(3, 16, 16));
        let mut x = b.input();
        for (name, width) in
            [("first", if deep { 12 } else { 8 }), ("second", 16), ("third", 16)].iter().take(2 + usize::from(deep))
        {
            x = b.conv(x, name, *width, ConvOptions { kernel: 3, stride: 2, bias: !norm, ..ConvOptions::default() }).unwrap();
            if norm {
                x = b.bn(x, None).unwrap();
            }
            x = b.act(x, None, Activation::Relu6).unwrap();
        }
        let x = b.global_pool(x, "pool").unwrap();
        let x = b.linear(x, "classes", 12).unwrap();
        b.finish(x)
    }

    /// A sandwich of two networks that drops, in FP32 and then quantized; at first without the deeper one.
    fn job(replicas: usize, norm: bool) -> TrainNet {
        let graphs = vec![net(true, norm), net(false, norm)];
        let weights = union_weights(graphs.iter().map(|graph| graph.part("net"))).unwrap();
        let parts = vec![("net".into(), 0), ("net".into(), 1)];
        let [large, small] = [(0, 16), (1, 12)].map(|(part, resolution)| NetChoice { parts: vec![part], resolution });
        let steps = vec![vec![small.clone()], vec![large.clone(), small.clone()], vec![large.clone(), small]];
        let phase = |quantized, lr| Phase { quantized, precision: Default::default(), lr, warmup: 0, steps: steps.clone() };
        TrainNet {
            label: "toy".into(),
            pool: Pool { graphs, parts, weights, lsq: Lsq::default() },
            data: DataSource::Shapes { size: 16, train: 40, valid: 6, test: 0, seed: Seed(1) },
            batch: 12,
            replicas,
            phases: vec![phase(false, 0.1), phase(true, 0.01)],
            loss: None,
            smoothing: 0.1,
            dropout: 0.3,
            distill: Distill::AlphaDivergence,
            update: Update::sgd(),
            initial: None,
            report: large,
            seed: Seed(7),
        }
    }

    /// The weights that `job` ends with, and its losses.
    fn trained(job: &TrainNet, devices: &[Device], folder: &Path) -> Result<(Vec<u8>, Vec<f64>)> {
        heard(job, devices, folder, &Cancel::default())
    }

    fn heard(job: &TrainNet, devices: &[Device], folder: &Path, cancel: &Cancel) -> Result<(Vec<u8>, Vec<f64>)> {
        listen_with(Box::new(|_| {}));
        let (mut data, mut ears) = (Data::load(&job.data)?, Ears::new(0, cancel.clone()));
        let (place, mut checkpoints) = (Place { key: "key", folder }, Checkpoints::new(Some(0.0)));
        let TrainSummary { loss, .. } = caught(|| train_net::run(job, devices, place, &mut data, &mut checkpoints, &mut ears))?;
        Ok((std::fs::read(folder.join("weights.safetensors")).unwrap(), loss))
    }

    /// The weights in a folder of its own.
    fn afresh(job: &TrainNet, devices: &[Device]) -> (Vec<u8>, Vec<f64>) {
        trained(job, devices, tempfile::tempdir().unwrap().path()).unwrap()
    }

    #[test]
    fn weights_depend_on_the_replicas_and_not_on_the_devices() {
        for replicas in [2, 3] {
            let job = job(replicas, true);
            let one = afresh(&job, ONE);
            for devices in [2, 3, 4] {
                assert!(one == afresh(&job, &vec![Device::Cpu; devices]), "{replicas} replicas on {devices} devices");
            }
        }
        let [one, two, three] = [1, 2, 3].map(|replicas| afresh(&job(replicas, true), TWO));
        assert!(one != two && two != three && one != three);
    }

    /// Gradients of the first batch.
    fn gradients(job: &TrainNet) -> Tensor {
        let data = Data::load(&job.data).unwrap();
        let batch = Batches::new(&data.train, job.batch, true, job.seed).next().unwrap();
        let store = store(&job.pool, None, job.seed).unwrap();
        let step = Step { data: &data, phase: &job.phases[0], nets: &job.phases[0].steps[1], seed: job.seed };
        let ears = Ears::new(0, Cancel::default());
        thread::scope(|scope| {
            let mut replicas = Replicas::start(scope, job, TWO, &ears);
            let meter = Meter::new("toy", &job.phases);
            replicas.pass(&mut Replica::new(job, &store), step, batch, &meter, &ears).unwrap();
        });
        store.flat().grads.copy()
    }

    #[test]
    fn without_batch_norm_the_parts_of_a_batch_have_its_gradients() {
        let [whole, halves, quarters] = [1, 2, 4].map(|replicas| gradients(&TrainNet { dropout: 0.0, ..job(replicas, false) }));
        assert!(whole.abs().max().double_value(&[]) > 1e-2);
        for parts in [halves, quarters] {
            let off = (&whole - parts).abs().max().double_value(&[]);
            assert!(off < 1e-6, "{off}");
        }
    }

    #[test]
    fn a_training_that_was_cut_short_goes_on_to_the_same_weights_on_other_devices() {
        let job = job(2, true);
        let wanted = afresh(&job, ONE);
        for (phase, step) in [(0, 2), (1, 0), (1, 1)] {
            let folder = tempfile::tempdir().unwrap();
            // No image has no side, so that this step fails in all threads.
            let mut bad = job.clone();
            bad.phases[phase].steps[step][0].resolution = 0;
            let fault = trained(&bad, TWO, folder.path()).unwrap_err();
            assert_eq!(fault.code, "train::torch", "{fault:?}");
            assert!(wanted == trained(&job, TWO, folder.path()).unwrap(), "from step {step} of phase {phase}");
        }
    }

    #[test]
    fn what_ends_a_training_ends_it_on_all_devices() {
        let folder = tempfile::tempdir().unwrap();
        let code = |job: &TrainNet, devices: &[Device]| trained(job, devices, folder.path()).unwrap_err().code;
        let mut wild = job(2, true);
        wild.phases[0].lr = 1e30;
        for devices in [ONE, TWO] {
            assert_eq!(code(&wild, devices), "train::diverged");
        }
        assert_eq!(code(&job(2, true), &[Device::Cpu, Device::Cuda(99)]), "train::torch");
        assert_eq!(code(&job(13, true), TWO), "train::job");
        let cancel = Cancel::default();
        cancel.cancel();
        assert_eq!(heard(&job(2, true), TWO, folder.path(), &cancel).unwrap_err().code, "session::interrupted");
    }
}

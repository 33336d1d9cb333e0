//! A training on its way: where it stands in its phases, and all that has to be known to go on from there.

use std::sync::Once;

use spaceevo::base::{Fault, Result};
use spaceevo::train::{Net, Phase, Precision, TrainSummary};
use tch::{Device, Tensor, no_grad_guard};

use super::meter::{Account, Meter};
use super::optim::{Optimizer, learning_rate};
use super::place;
use super::serve::tell;
use super::store::Store;

/// Whether a person knows that bfloat16 is slow here.
static TOLD: Once = Once::new();

/// A training on its way.
pub struct Course<'a> {
    phases: Vec<&'a Phase>,
    store: &'a Store,
    optimizer: Optimizer,
    meter: Meter,
    drawn: usize,
}

/// All that a training depends on between two steps, besides its job.
pub struct Standing {
    /// Values of all parameters, then the optimiser's averages; one length.
    pub tensors: Vec<Tensor>,
    /// Steps that the optimiser counts in this phase.
    pub optimizer_step: i32,
    /// Which quantizers have their first values.
    pub ready: Vec<bool>,
    /// Steps and losses.
    pub account: Account,
    /// Images drawn for its batches, such that cannot be read among them.
    pub drawn: usize,
}

impl<'a> Course<'a> {
    /// A training of `store` through `phases`, at its start.
    pub fn new(label: &str, store: &'a Store, optimizer: Optimizer, phases: &'a [Phase]) -> Self {
        mind_speed(phases);
        let meter = Meter::new(label, phases);
        let phases = phases.iter().filter(|phase| !phase.steps.is_empty()).collect();
        Self { phases, store, optimizer, meter, drawn: 0 }
    }

    /// Its account.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// How many images were drawn for its steps ([`Batches::drawn`](super::batches::Batches::drawn)).
    pub fn drawn(&self) -> usize {
        self.drawn
    }

    /// The phase of the next step, and its place there; `None` at the end.
    fn place(&self) -> Option<(&'a Phase, usize)> {
        step_at(self.phases.iter().copied(), self.meter.done())
    }

    /// The next step: its phase and its nets; `None` at the end.
    pub fn next(&self) -> Option<(&'a Phase, &'a [Net])> {
        self.place().map(|(phase, at)| (phase, phase.steps[at].as_slice()))
    }

    /// Ends the step, in which the first net had this loss: moves the parameters by the gathered gradients. So far `drawn`
    /// images were drawn.
    pub fn step(&mut self, loss: f64, drawn: usize) {
        let Some((phase, at)) = self.place() else { return };
        let rate = learning_rate(phase.lr, phase.warmup, self.optimizer.cosine_every(), at, phase.steps.len());
        self.optimizer.step(self.store, rate);
        self.meter.step(loss);
        self.drawn = drawn;
        // Every phase starts from rest.
        if at + 1 == phase.steps.len() {
            self.optimizer.rest();
        }
    }

    /// Where it stands. The tensors are its own: they change with the next step.
    pub fn standing(&self) -> Standing {
        let (optimizer_step, averages) = self.optimizer.state();
        let tensors = [&self.store.flat().values].into_iter().chain(averages).map(Tensor::shallow_clone).collect();
        Standing { tensors, optimizer_step, ready: self.store.readiness(), account: self.meter.account(), drawn: self.drawn }
    }

    /// Goes on from `standing`. Fails, and nothing changes, if it is of another training.
    pub fn go_on(&mut self, standing: Standing) -> Result<()> {
        let own = self.standing();
        let alike = own.tensors.len() == standing.tensors.len()
            && own.tensors.iter().zip(&standing.tensors).all(|(own, other)| own.size() == other.size())
            && own.ready.len() == standing.ready.len();
        if !alike || !self.meter.go_on(standing.account) {
            return Err(Fault::new("train::checkpoint", "it is of another training", ""));
        }
        let _guard = no_grad_guard();
        for (mut own, other) in own.tensors.into_iter().zip(&standing.tensors) {
            own.copy_(other);
        }
        self.optimizer.set_step(standing.optimizer_step);
        self.store.set_readiness(&standing.ready);
        self.drawn = standing.drawn;
        Ok(())
    }

    /// What is told of it at its end.
    pub fn summary(&self, top1_pct: Option<f64>) -> TrainSummary {
        TrainSummary { loss: self.meter.summary(), top1_pct, took_s: self.meter.elapsed_s() }
    }
}

/// Step `at` of all that `phases` have: its phase, and its place there; `None` after the last.
pub fn step_at<'a>(phases: impl IntoIterator<Item = &'a Phase>, mut at: usize) -> Option<(&'a Phase, usize)> {
    for phase in phases {
        if at < phase.steps.len() {
            return Some((phase, at));
        }
        at -= phase.steps.len();
    }
    None
}

/// Tells once of phases that would be far faster in float32 here: libtorch has products in bfloat16 for cards and for AVX-512, and
/// a makeshift for other processors.
fn mind_speed(phases: &[Phase]) {
    let slow = place::here() == Device::Cpu && !std::arch::is_x86_feature_detected!("avx512bw");
    if slow && phases.iter().any(|phase| phase.precision == Precision::Bfloat16) {
        TOLD.call_once(|| tell("bfloat16 is many times slower than float32 on this processor, which has no AVX-512".into()));
    }
}

//! Keeps account of a training: steps, losses, its curve, and whether it still learns.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use spaceevo::base::Result;
use spaceevo::train::{Curve, Phase, in_line};

use super::fault::TrainFault;

/// Steps and losses of one training.
pub struct Meter {
    label: String,
    /// Whether each phase that has steps is quantized, and how many they are.
    phases: Vec<(bool, usize)>,
    total: usize,
    account: Account,
    /// When it began in this process, and what it had taken before.
    began: (Instant, f64),
}

/// What has been noted so far; a checkpoint holds it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Account {
    /// Steps done.
    pub done: usize,
    /// Losses of the running phase.
    losses: Vec<f64>,
    summary: Vec<f64>,
    curve: Curve,
    elapsed_s: f64,
}

impl Meter {
    /// A training with these phases.
    pub fn new(label: &str, phases: &[Phase]) -> Self {
        let with_steps = phases.iter().filter(|phase| !phase.steps.is_empty());
        let phases: Vec<_> = with_steps.map(|phase| (phase.quantized, phase.steps.len())).collect();
        let total = phases.iter().map(|(_, steps)| steps).sum();
        Self { label: label.into(), phases, total, account: Account::default(), began: (Instant::now(), 0.0) }
    }

    /// What people call the training.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Steps done.
    pub fn done(&self) -> usize {
        self.account.done
    }

    /// Steps in all.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Seconds that it has taken, without what was lost when it was cut short.
    pub fn elapsed_s(&self) -> f64 {
        self.began.1 + self.began.0.elapsed().as_secs_f64()
    }

    /// An error if the loss of the next step's first network is no number.
    pub fn check(&self, value: f64) -> Result<()> {
        if value.is_finite() {
            return Ok(());
        }
        let (label, step, total) = (self.label.clone(), self.account.done + 1, self.total);
        Err(TrainFault::Diverged { label, value, step, total }.into())
    }

    /// A step is done, in which the first network had this loss.
    pub fn step(&mut self, loss: f64) {
        let elapsed_s = self.elapsed_s();
        let account = &mut self.account;
        account.done += 1;
        account.losses.push(loss);
        let Some(&(quantized, steps)) = self.phases.get(account.summary.len()) else { return };
        if (account.done - 1).is_multiple_of(self.total.div_ceil(Curve::POINTS)) {
            account.curve.step.push(account.done);
            account.curve.phase.push(phase_name(quantized).into());
            account.curve.loss.push(loss);
            account.curve.elapsed_s.push(elapsed_s);
        }
        if account.losses.len() == steps {
            let tail = &account.losses[steps - steps.div_ceil(10)..];
            account.summary.push(tail.iter().sum::<f64>() / tail.len() as f64);
            account.losses.clear();
        }
    }

    /// The phase and the latest loss.
    fn latest(&self) -> Option<(&'static str, f64)> {
        let (quantized, _) = self.phases.get(self.account.summary.len())?;
        Some((phase_name(*quantized), *self.account.losses.last()?))
    }

    /// All that was noted.
    pub fn account(&self) -> Account {
        Account { elapsed_s: self.elapsed_s(), ..self.account.clone() }
    }

    /// Goes on from what was noted; `false`, and nothing changes, if it is of another training.
    pub fn go_on(&mut self, account: Account) -> bool {
        let fits = account.done <= self.total && account.summary.len() <= self.phases.len();
        if fits {
            self.began = (Instant::now(), account.elapsed_s);
            self.account = account;
        }
        fits
    }

    /// The losses at some of the steps.
    pub fn curve(&self) -> &Curve {
        &self.account.curve
    }

    /// Mean loss over the last tenth of each phase that had steps.
    pub fn summary(&self) -> Vec<f64> {
        self.account.summary.clone()
    }
}

/// How trainings go that run side by side, for people: phase, mean loss and its curve so far, of those that still learn.
pub fn note<'a>(meters: impl IntoIterator<Item = &'a Meter>) -> String {
    let running: Vec<_> = meters.into_iter().filter_map(|meter| Some((meter.latest()?, &meter.account.curve.loss))).collect();
    let Some(((phase, _), _)) = running.first() else { return String::new() };
    let mean = |losses: &mut dyn Iterator<Item = f64>| losses.sum::<f64>() / running.len() as f64;
    let loss = mean(&mut running.iter().map(|((_, loss), _)| *loss));
    let points = running.iter().map(|(_, curve)| curve.len()).min().unwrap_or(0);
    let curve: Vec<f64> = (0..points).map(|at| mean(&mut running.iter().map(|(_, curve)| curve[at]))).collect();
    format!("{phase}, loss {loss:.3} {}", in_line(&curve)).trim_end().to_owned()
}

fn phase_name(quantized: bool) -> &'static str {
    if quantized { "int8" } else { "fp32" }
}

//! Keeps account of a training: steps, losses, and whether it still learns.

use spaceevo::base::Result;

use super::fault::TrainFault;
use super::serve::Ears;

/// Steps and losses of one training.
pub struct Meter {
    label: String,
    phases: Vec<usize>,
    total: usize,
    done: usize,
    losses: Vec<f64>,
    summary: Vec<f64>,
}

impl Meter {
    /// A training with phases of so many steps.
    pub fn new(label: &str, phases: impl Iterator<Item = usize>) -> Self {
        let phases: Vec<_> = phases.collect();
        Self { label: label.into(), total: phases.iter().sum(), phases, done: 0, losses: vec![], summary: vec![] }
    }

    /// Takes in the loss of a step's first network; an error if it is no number.
    pub fn loss(&mut self, value: f64) -> Result<()> {
        if !value.is_finite() {
            return Err(TrainFault::Diverged { label: self.label.clone(), value, step: self.done + 1, total: self.total }.into());
        }
        self.losses.push(value);
        Ok(())
    }

    /// A step is done.
    pub fn step(&mut self, ears: &mut Ears) -> Result<()> {
        self.done += 1;
        let loss = self.losses.last().copied().unwrap_or_default();
        ears.step(self.done, self.total, || format!("loss {loss:.3}"))?;
        let finished = self.phases.get(self.summary.len()).is_some_and(|steps| self.losses.len() == *steps);
        if finished {
            let tail = &self.losses[self.losses.len() - self.losses.len().div_ceil(10)..];
            self.summary.push(tail.iter().sum::<f64>() / tail.len() as f64);
            self.losses.clear();
        }
        Ok(())
    }

    /// Mean loss over the last tenth of each phase that had steps.
    pub fn finish(self) -> Vec<f64> {
        self.summary
    }
}

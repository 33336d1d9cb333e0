//! What is trained at every step: the sandwich rule over seeded draws, made here so that workers need no sampling rules.

use super::{Net, Phase, Precision};
use crate::base::{Result, Rng, Seed};

/// How long and how fast a stretch of training goes.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// Steps.
    pub steps: usize,
    /// Learning rate at its start.
    pub lr: f64,
    /// Steps of linear rise, from a thousandth.
    pub warmup: usize,
    /// Whether LSQ+ is on.
    pub quantized: bool,
    /// What products are computed in.
    pub precision: Precision,
}

impl Stretch {
    /// The phase in which these nets are trained.
    fn phase(self, steps: Vec<Vec<Net>>) -> Phase {
        let Self { lr, warmup, quantized, precision, .. } = self;
        Phase { quantized, precision, lr, warmup, steps }
    }
}

/// The nets of one step, by the sandwich rule: the largest, the smallest, and random ones in between.
pub struct Sandwich<'a> {
    /// The largest.
    pub largest: Net,
    /// The smallest.
    pub smallest: Net,
    /// How many random ones.
    pub random: usize,
    /// Draws a random one.
    pub draw: &'a mut dyn FnMut(&mut Rng) -> Result<Net>,
}

impl Sandwich<'_> {
    /// The phases of `stretches` that have steps.
    pub fn phases(&mut self, stretches: &[Stretch], seed: Seed) -> Result<Vec<Phase>> {
        let with_steps = stretches.iter().enumerate().filter(|(_, stretch)| stretch.steps > 0);
        with_steps.map(|(at, stretch)| self.phase(*stretch, seed.child("steps").at(at as u64))).collect()
    }

    fn phase(&mut self, stretch: Stretch, seed: Seed) -> Result<Phase> {
        let mut rng = seed.rng();
        let mut steps = Vec::with_capacity(stretch.steps);
        for _ in 0..stretch.steps {
            let mut nets = vec![self.largest.clone()];
            for _ in 0..self.random {
                nets.push((self.draw)(&mut rng)?);
            }
            nets.push(self.smallest.clone());
            steps.push(nets);
        }
        Ok(stretch.phase(steps))
    }
}

/// The phase of a network that is always the same, for example a teacher.
pub fn fixed_phase(net: &Net, stretch: Stretch) -> Phase {
    stretch.phase(vec![vec![net.clone()]; stretch.steps])
}

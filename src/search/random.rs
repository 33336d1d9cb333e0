//! Random search: the base line of every other strategy.

use super::{Strategy, Told};
use crate::base::{Result, Rng};

/// Draws candidates independently.
pub struct RandomSearch<F> {
    draw: F,
    batch: usize,
}

impl<F> RandomSearch<F> {
    /// Draws with `draw`, `batch` candidates at a time.
    pub fn new(batch: usize, draw: F) -> Self {
        Self { draw, batch }
    }
}

impl<C, F: FnMut(&mut Rng) -> C> Strategy<C> for RandomSearch<F> {
    fn batch(&self) -> usize {
        self.batch
    }

    fn ask(&mut self, n: usize, rng: &mut Rng) -> Result<Vec<C>> {
        Ok((0..n).map(|_| (self.draw)(rng)).collect())
    }

    fn tell(&mut self, _results: &[Told<C>]) -> Result<()> {
        Ok(())
    }
}

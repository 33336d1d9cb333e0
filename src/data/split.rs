//! Which images of a data set belong to which part.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::{DataFault, Part};
use crate::base::{Result, Seed};

/// Most images that are held out where nothing is said.
const MOST_HELD_OUT: usize = 10_000;

/// How many images of each part are wanted; what is not said is chosen.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// To learn from: all that are left, if not given.
    pub train: Option<usize>,
    /// To choose by, held out of those to learn from: a tenth, at most 10,000.
    pub valid: Option<usize>,
    /// To report on: all, or where the data set has none of its own as many as `valid` by default.
    pub test: Option<usize>,
    /// Seed of the order in which they are dealt out.
    pub seed: Seed,
}

/// How many images of each part there are, and the seed by which they are dealt out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Images to learn from.
    pub train: usize,
    /// Images to choose by.
    pub valid: usize,
    /// Images to report on.
    pub test: usize,
    /// Seed of the order in which they are dealt out.
    pub seed: Seed,
}

impl Split {
    /// Deals out `learn` images to learn from, and `test` images to report on where the data set has such.
    ///
    /// # Errors
    /// `data::split` if more are asked for than there are.
    pub fn new(asked: Asked, learn: usize, test: Option<usize>) -> Result<Self> {
        let share = (learn / 10).min(MOST_HELD_OUT);
        let enough = |part: Part, asked: usize, have: usize| match asked <= have {
            true => Ok(asked),
            false => Err(DataFault::Split { part: part.name(), asked, have }),
        };
        let valid = enough(Part::Valid, asked.valid.unwrap_or(share), learn)?;
        let (test, left) = match test {
            Some(have) => (enough(Part::Test, asked.test.unwrap_or(have), have)?, learn - valid),
            None => {
                let test = enough(Part::Test, asked.test.unwrap_or(share), learn - valid)?;
                (test, learn - valid - test)
            }
        };
        let train = enough(Part::Train, asked.train.unwrap_or(left), left)?;
        Ok(Self { train, valid, test, seed: asked.seed })
    }

    /// Images of a part.
    pub fn count(&self, part: Part) -> usize {
        match part {
            Part::Train => self.train,
            Part::Valid => self.valid,
            Part::Test => self.test,
        }
    }

    /// The images of a part, in an order in which the first ones are a fair sample: indices into the `learn` images to
    /// learn from, or for [`Part::Test`] into the `test` ones where the data set has such.
    pub(super) fn indices(&self, part: Part, learn: usize, test: Option<usize>) -> Vec<usize> {
        let shuffled = |count: usize, label: &str| {
            let mut order: Vec<usize> = (0..count).collect();
            order.shuffle(&mut self.seed.child(label).rng());
            order
        };
        if let (Part::Test, Some(test)) = (part, test) {
            let mut order = shuffled(test, "test");
            order.truncate(self.test);
            return order;
        }
        let order = shuffled(learn, "split");
        let held_out = self.valid + if test.is_none() { self.test } else { 0 };
        match part {
            Part::Valid => order[..self.valid].to_vec(),
            Part::Test => order[self.valid..held_out].to_vec(),
            Part::Train => order[held_out..held_out + self.train].to_vec(),
        }
    }
}

//! The data set `shapes`: figures of twelve classes, drawn from a seed and never stored.

use rand::RngExt;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::outline::Outline;
use super::vary::{Edges, Vary};
use super::{DataFault, Images, Norm, scene};
use crate::base::{Result, Rng, Seed};

/// Names of the classes, by label.
pub const CLASSES: [&str; 12] =
    ["disc", "ring", "crescent", "spiral", "triangle", "square", "hexagon", "star", "plus", "arrow", "heart", "dots"];

/// Sides that images can have, in pixels.
pub const SIZES: std::ops::RangeInclusive<usize> = 16..=256;

/// How the images are varied in training.
const VARY: Vary = Vary { shift: 2, edges: Edges::Repeated, flip: true, brightness: 0.1 };

/// Bytes that one part may take.
const MOST_BYTES: usize = 8 << 30;

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// To learn from.
    Train,
    /// To choose by.
    Valid,
    /// To report on.
    Test,
}

impl Part {
    /// The part's name in messages and seeds.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Valid => "validation",
            Self::Test => "test",
        }
    }
}

/// What to draw: side in pixels, images of each part, seed. Nothing is drawn before [`Shapes::split`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shapes {
    size: usize,
    train: usize,
    valid: usize,
    test: usize,
    seed: Seed,
}

impl Shapes {
    /// Describes a data set.
    ///
    /// # Errors
    /// `data::size` if `size` is outside [`SIZES`], `data::count` if a part is too large to hold.
    pub fn new(size: usize, train: usize, valid: usize, test: usize, seed: Seed) -> Result<Self> {
        if !SIZES.contains(&size) {
            return Err(DataFault::Size { size, smallest: *SIZES.start(), largest: *SIZES.end() }.into());
        }
        let shapes = Self { size, train, valid, test, seed };
        let each = 3 * size * size;
        let most = MOST_BYTES / each;
        for part in [Part::Train, Part::Valid, Part::Test] {
            let count = shapes.count(part);
            if count > most {
                let gib = count as f64 * each as f64 / f64::from(1 << 30);
                return Err(DataFault::Count { count, part: part.name(), size, gib, most }.into());
            }
        }
        Ok(shapes)
    }

    /// Images in a part.
    pub fn count(&self, part: Part) -> usize {
        match part {
            Part::Train => self.train,
            Part::Valid => self.valid,
            Part::Test => self.test,
        }
    }

    /// Draws a part on rayon's threads. Every twelve images in a row hold every class once, in an order of their own.
    pub fn split(&self, part: Part) -> Images {
        let (seed, each) = (self.seed.child(part.name()), 3 * self.size * self.size);
        let count = self.count(part);
        let mut labels: Vec<u16> = Vec::with_capacity(count + CLASSES.len());
        while labels.len() < count {
            let mut round: [u16; CLASSES.len()] = std::array::from_fn(|label| label as u16);
            round.shuffle(&mut seed.child("order").at(labels.len() as u64).rng());
            labels.extend(round);
        }
        labels.truncate(count);
        let mut pixels = vec![0; count * each];
        pixels.par_chunks_exact_mut(each).zip(&labels).enumerate().with_min_len(16).for_each(|(index, (out, &label))| {
            scene::draw(usize::from(label), self.size, &mut seed.at(index as u64).rng(), out);
        });
        Images::new(self.size, pixels, labels, Norm::PLAIN, VARY)
    }
}

/// The outline of a class, its proportions varied a little. Neighbours in [`CLASSES`] are easily confused.
pub(super) fn outline_of(label: usize, rng: &mut Rng) -> Outline {
    match CLASSES[label] {
        "disc" => Outline::Disc,
        "ring" => Outline::Ring(rng.random_range(0.14..0.26)),
        "crescent" => Outline::Crescent { radius: rng.random_range(0.72..0.88), shift: rng.random_range(0.42..0.58) },
        "spiral" => Outline::spiral(rng.random_range(1.6..2.1) * if rng.random_bool(0.5) { 1.0 } else { -1.0 }),
        "triangle" => Outline::regular(3),
        "square" => Outline::regular(4),
        "hexagon" => Outline::regular(6),
        "star" => Outline::star(5, rng.random_range(0.38..0.5)),
        "plus" => Outline::plus(rng.random_range(0.2..0.34)),
        "arrow" => Outline::arrow(),
        "heart" => Outline::heart(),
        _ => Outline::Dots(rng.random_range(0.34..0.44)),
    }
}

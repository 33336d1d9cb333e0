//! How training images are varied. What is random is drawn before an image is read, so that it does not matter who reads it when.

use rand::RngExt;

use crate::base::{Rng, Seed};

/// What stands where a moved image leaves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    /// The pixels of its edge, repeated.
    Repeated,
    /// Black.
    Black,
}

/// How images in memory are varied in training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vary {
    /// Most pixels by which an image is moved, either way, in both directions.
    pub shift: usize,
    /// What comes in from outside.
    pub edges: Edges,
    /// Whether every second one is mirrored.
    pub flip: bool,
    /// Most by which the brightness changes, in units of the range of bytes.
    pub brightness: f32,
}

impl Vary {
    /// A place drawn for one image.
    pub(super) fn draw(&self, rng: &mut Rng) -> Move {
        let shift = self.shift as i64;
        Move {
            flip: rng.random::<bool>() && self.flip,
            down: rng.random_range(-shift..=shift),
            right: rng.random_range(-shift..=shift),
            brighter: rng.random_range(-self.brightness..=self.brightness),
        }
    }
}

/// How one image in memory is varied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Move {
    flip: bool,
    down: i64,
    right: i64,
    pub(super) brighter: f32,
}

impl Move {
    /// The moved image, `[side, side, 3]`, of one that is `[3, side, side]`.
    pub(super) fn write(&self, image: &[u8], side: usize, edges: Edges) -> Vec<u8> {
        let (last, plane) = (side as i64 - 1, side * side);
        let mut pixels = Vec::with_capacity(3 * plane);
        for row in 0..=last {
            let from = row - self.down;
            for column in 0..=last {
                let beside = column - self.right;
                let outside = from != from.clamp(0, last) || beside != beside.clamp(0, last);
                if outside && edges == Edges::Black {
                    pixels.extend([0; 3]);
                    continue;
                }
                let beside = beside.clamp(0, last);
                let column = if self.flip { last - beside } else { beside };
                let at = from.clamp(0, last) as usize * side + column as usize;
                pixels.extend([0, 1, 2].map(|channel| image[channel * plane + at]));
            }
        }
        pixels
    }
}

/// How one image is varied.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// Not at all.
    None,
    /// One in memory is moved.
    Moved(Move),
    /// Of one in a file a part is cut out, drawn from this seed: where depends on the image's own size.
    Cut(Seed),
}

//! Images as batches: shuffled and varied for training, plain for evaluation.

use rand::RngExt;
use rand::seq::SliceRandom;
use spaceevo::base::{Result, Rng, Seed};
use spaceevo::data::{self, Images, NORM_MEAN, NORM_STD};
use spaceevo::train::DataSource;
use tch::Tensor;

use super::fault::job;

/// Most pixels by which a training image is moved, either way, in both directions.
const SHIFT: i64 = 2;
/// Most by which its brightness changes, in units of the range of bytes.
const BRIGHTNESS: f32 = 0.1;

/// A data set as a job uses it.
pub struct Data {
    source: String,
    /// To learn from.
    pub train: Images,
    /// To choose by.
    pub valid: Images,
    /// `valid` at other sizes.
    resized: Vec<Images>,
}

impl Data {
    /// Loads `source`.
    pub fn load(source: &DataSource) -> Result<Self> {
        let DataSource::Shapes { size, train, valid, seed, .. } = *source;
        let set = data::load(size, train, valid, 0, seed)?;
        if set.train.is_empty() {
            return Err(job("the data set has no training images", "say `train:` among the options of the data set").into());
        }
        Ok(Self { source: format!("{source:?}"), train: set.train, valid: set.valid, resized: vec![] })
    }

    /// Whether this is `source`.
    pub fn is(&self, source: &DataSource) -> bool {
        self.source == format!("{source:?}")
    }

    /// Validation images with sides of `size` pixels.
    pub fn valid_at(&mut self, size: usize) -> &Images {
        if self.valid.size() == size {
            return &self.valid;
        }
        let place = self.resized.iter().position(|images| images.size() == size).unwrap_or_else(|| {
            self.resized.push(self.valid.resized(size));
            self.resized.len() - 1
        });
        &self.resized[place]
    }
}

/// Training batches without end: every image once in each round, in an order drawn anew.
pub struct Batches<'a> {
    images: &'a Images,
    order: Vec<usize>,
    at: usize,
    size: usize,
    vary: bool,
    rng: Rng,
}

impl<'a> Batches<'a> {
    /// Batches of `size` images; with `vary` they are flipped, moved and made lighter or darker at random.
    pub fn new(images: &'a Images, size: usize, vary: bool, seed: Seed) -> Self {
        let size = size.clamp(1, images.len());
        Self { images, order: (0..images.len()).collect(), at: images.len(), size, vary, rng: seed.rng() }
    }

    /// The next batch: images `[N, 3, H, W]`, labels `[N]`.
    pub fn next(&mut self) -> (Tensor, Tensor) {
        let drawn = self.draw();
        let side = self.images.size();
        let mut pixels = Vec::with_capacity(self.size * side * side * 3);
        for (index, change) in &drawn {
            change.write(self.images.image(*index), side, &mut pixels);
        }
        (maps(&pixels, self.size, side), labels(self.images, drawn.iter().map(|(index, _)| *index)))
    }

    /// The same batches without the first `count`, for a training that goes on.
    #[must_use]
    pub fn after(mut self, count: usize) -> Self {
        (0..count).for_each(|_| drop(self.draw()));
        self
    }

    /// Which images are next, and how each is varied.
    fn draw(&mut self) -> Vec<(usize, Change)> {
        if self.at + self.size > self.order.len() {
            self.order.shuffle(&mut self.rng);
            self.at = 0;
        }
        let indices = &self.order[self.at..self.at + self.size];
        self.at += self.size;
        let (vary, rng) = (self.vary, &mut self.rng);
        indices.iter().map(|&index| (index, if vary { Change::draw(rng) } else { Change::default() })).collect()
    }
}

/// Images `from..to` as they are: `[N, 3, H, W]`, and labels `[N]`.
pub fn plain(images: &Images, from: usize, to: usize) -> (Tensor, Tensor) {
    let side = images.size();
    let mut pixels = Vec::with_capacity((to - from) * side * side * 3);
    (from..to).for_each(|index| Change::default().write(images.image(index), side, &mut pixels));
    (maps(&pixels, to - from, side), labels(images, from..to))
}

/// `x` at another size, by bilinear interpolation.
pub fn resize(x: &Tensor, size: usize) -> Tensor {
    let size = size as i64;
    if x.size()[2] == size { x.shallow_clone() } else { x.upsample_bilinear2d([size, size], false, None, None) }
}

/// Pixels in the order N, H, W, C as maps `[N, C, H, W]` in the channels-last layout.
fn maps(pixels: &[f32], count: usize, side: usize) -> Tensor {
    let (count, side) = (count as i64, side as i64);
    Tensor::from_slice(pixels).view([count, side, side, 3]).permute([0, 3, 1, 2])
}

fn labels(images: &Images, indices: impl Iterator<Item = usize>) -> Tensor {
    let labels: Vec<i64> = indices.map(|index| images.label(index) as i64).collect();
    Tensor::from_slice(&labels)
}

/// How one image is varied.
#[derive(Default)]
struct Change {
    flip: bool,
    down: i64,
    right: i64,
    brighter: f32,
}

impl Change {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            flip: rng.random(),
            down: rng.random_range(-SHIFT..=SHIFT),
            right: rng.random_range(-SHIFT..=SHIFT),
            brighter: rng.random_range(-BRIGHTNESS..=BRIGHTNESS),
        }
    }

    /// Appends the varied image, row by row with its channels together; edges are repeated.
    fn write(&self, image: &[u8], side: usize, pixels: &mut Vec<f32>) {
        let last = side as i64 - 1;
        let (factor, plane) = (1.0 / (255.0 * NORM_STD), side * side);
        let shift = (self.brighter - NORM_MEAN) / NORM_STD;
        for row in 0..side as i64 {
            let from = (row - self.down).clamp(0, last) as usize * side;
            for column in 0..side as i64 {
                let column = (column - self.right).clamp(0, last);
                let at = from + if self.flip { last - column } else { column } as usize;
                for channel in 0..3 {
                    pixels.push(f32::from(image[channel * plane + at]) * factor + shift);
                }
            }
        }
    }
}

//! Images as batches: shuffled and varied for training, plain for evaluation.

use rand::seq::SliceRandom;
use spaceevo::base::{Result, Rng, Seed};
use spaceevo::data::{Change, ImageSet, InOrder, Part, Reader};
use spaceevo::train::DataSource;
use tch::Tensor;

use super::fault::job;
use super::place;
use super::serve::{Ears, tell};

/// Images in files that are evaluated again and again are kept in memory if they take at most so many bytes.
const MOST_KEPT: usize = 2 << 30;

/// A data set as a job uses it.
pub struct Data {
    source: String,
    /// Number of classes.
    classes: usize,
    /// To learn from.
    pub train: ImageSet,
    /// To choose by.
    pub valid: ImageSet,
    /// `valid` at other sizes.
    resized: Vec<ImageSet>,
}

impl Data {
    /// Loads `source`.
    pub fn load(source: &DataSource) -> Result<Self> {
        let opened = source.open()?;
        let (train, valid) = (opened.part(Part::Train), opened.part(Part::Valid));
        if train.is_empty() {
            return Err(job("the data set has no training images", "say `train:` among the options of the data set").into());
        }
        Ok(Self { source: format!("{source:?}"), classes: source.classes(), train, valid, resized: vec![] })
    }

    /// Whether this is `source`.
    pub fn is(&self, source: &DataSource) -> bool {
        self.source == format!("{source:?}")
    }

    /// An error if the images are of more classes than a network with these `logits` (`[N, classes]`) tells apart.
    pub fn fits(&self, logits: &Tensor) -> Result<()> {
        match logits.size().last() {
            Some(&classes) if (classes as usize) < self.classes => Err(job(
                format!("the data set has {} classes, the network tells {classes} apart", self.classes),
                "give the last layer of the network as many outputs: `widths: [CLASSES]` of its `classifier`",
            )
            .into()),
            _ => Ok(()),
        }
    }

    /// Validation images with sides of `size` pixels.
    pub fn valid_at(&mut self, size: usize) -> &ImageSet {
        if self.valid.size() == size {
            return &self.valid;
        }
        let place = self.resized.iter().position(|images| images.size() == size).unwrap_or_else(|| {
            self.resized.push(self.valid.at(size));
            self.resized.len() - 1
        });
        &self.resized[place]
    }
}

/// Which images come when, and how each is varied: every image once in each round, in an order drawn anew, a last batch
/// that is not full left out.
struct Shuffled {
    images: ImageSet,
    order: Vec<usize>,
    at: usize,
    batch: usize,
    vary: bool,
    rng: Rng,
}

impl Iterator for Shuffled {
    type Item = (usize, Change);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.order.len() / self.batch * self.batch {
            self.order.shuffle(&mut self.rng);
            self.at = 0;
        }
        let index = self.order[self.at];
        self.at += 1;
        Some((index, if self.vary { self.images.draw(&mut self.rng) } else { Change::None }))
    }
}

/// Training batches without end. Images in files are read ahead by as many threads as torch has.
pub struct Batches {
    images: ImageSet,
    reader: Reader<Shuffled>,
    size: usize,
}

impl Batches {
    /// Batches of `size` images of which there is at least one; with `vary` they are varied at random.
    pub fn new(images: &ImageSet, size: usize, vary: bool, seed: Seed) -> Self {
        let size = size.clamp(1, images.len());
        let order: Vec<usize> = (0..images.len()).collect();
        let rounds = order.len() / size * size;
        let asks = Shuffled { images: images.clone(), order, at: rounds, batch: size, vary, rng: seed.rng() };
        Self { images: images.clone(), reader: Reader::new(images, asks, threads(), 2 * size), size }
    }

    /// The same batches without those for which the first `drawn` images were drawn, for a training that goes on.
    #[must_use]
    pub fn after(self, drawn: usize) -> Self {
        Self { reader: self.reader.after(drawn), ..self }
    }

    /// How many images were drawn for the batches so far: such that cannot be read are among them.
    pub fn drawn(&self) -> usize {
        self.reader.taken()
    }

    /// The next batch: images `[N, 3, H, W]`, labels `[N]`.
    pub fn next(&mut self) -> Result<(Tensor, Tensor)> {
        let batch = gather(&self.images, &mut self.reader, self.size)?;
        batch.ok_or_else(|| job("the data set has no training images", "say `train:` among its options").into())
    }
}

/// Images as they are, in their order, until the last one. Those in files are read ahead.
pub struct Plain {
    images: ImageSet,
    reader: Reader<InOrder>,
    size: usize,
}

impl Plain {
    /// All `images` in batches of `size`.
    pub fn new(images: &ImageSet, size: usize) -> Self {
        let size = size.max(1);
        Self { images: images.clone(), reader: Reader::plain(images, threads(), 2 * size), size }
    }

    /// The next batch: images `[N, 3, H, W]`, labels `[N]`; `None` after the last one.
    pub fn next(&mut self) -> Result<Option<(Tensor, Tensor)>> {
        gather(&self.images, &mut self.reader, self.size)
    }
}

/// Images `from..to` as they are: `[N, 3, H, W]`, and labels `[N]`. Files that cannot be read are left out; `None` if no
/// image is left.
pub fn plain(images: &ImageSet, from: usize, to: usize) -> Result<Option<(Tensor, Tensor)>> {
    Plain::new(&images.slice(from..to), to.saturating_sub(from)).next()
}

/// The same images in memory, if they are in files and few enough.
pub fn in_memory(images: ImageSet, ears: &Ears) -> Result<ImageSet> {
    let bytes = images.len() * images.size() * images.size() * 3;
    if matches!(images, ImageSet::Held(_)) || bytes > MOST_KEPT {
        return Ok(images);
    }
    let held = images.hold(threads(), &|| ears.check());
    images.news().into_iter().for_each(tell);
    Ok(ImageSet::Held(held?))
}

fn threads() -> usize {
    tch::get_num_threads().max(1) as usize
}

/// The next `count` images of `reader` as one batch, or as many as are left.
fn gather<I: Iterator<Item = (usize, Change)>>(
    images: &ImageSet,
    reader: &mut Reader<I>,
    count: usize,
) -> Result<Option<(Tensor, Tensor)>> {
    let (norm, side) = (images.norm(), images.size());
    let mut pixels = Vec::with_capacity(count * side * side * 3);
    let mut labels = Vec::with_capacity(count);
    while labels.len() < count {
        let sample = reader.take();
        images.news().into_iter().for_each(tell);
        let Some(sample) = sample? else { break };
        norm.write(&sample.pixels, sample.brighter, &mut pixels);
        labels.push(sample.label as i64);
    }
    Ok((!labels.is_empty()).then(|| (maps(&pixels, labels.len(), side), Tensor::from_slice(&labels).to_device(place::here()))))
}

/// `x` at another size, by bilinear interpolation.
pub fn resize(x: &Tensor, size: usize) -> Tensor {
    let size = size as i64;
    if x.size()[2] == size { x.shallow_clone() } else { x.upsample_bilinear2d([size, size], false, None, None) }
}

/// Pixels in the order N, H, W, C as maps `[N, C, H, W]` in the channels-last layout.
fn maps(pixels: &[f32], count: usize, side: usize) -> Tensor {
    let (count, side) = (count as i64, side as i64);
    Tensor::from_slice(pixels).to_device(place::here()).view([count, side, side, 3]).permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use spaceevo::data::Asked;

    use super::*;

    fn shapes() -> ImageSet {
        let source = DataSource::Shapes { size: 16, train: 10, valid: 0, test: 0, seed: Seed(1) };
        source.open().unwrap().part(Part::Train)
    }

    #[test]
    fn every_full_round_shows_an_image_once_and_seeds_differ() {
        let images = shapes();
        let sums = |seed: u64| {
            let mut batches = Batches::new(&images, 5, false, Seed(seed));
            let mut sums = Vec::new();
            for _ in 0..4 {
                let (x, labels) = batches.next().unwrap();
                assert_eq!((x.size(), labels.size()), (vec![5, 3, 16, 16], vec![5]));
                let each = x.sum_dim_intlist([1_i64, 2, 3].as_slice(), false, tch::Kind::Float);
                sums.extend(Vec::<f32>::try_from(&each).unwrap().into_iter().map(f32::to_bits));
            }
            sums
        };
        let first = sums(1);
        let mut seen = BTreeMap::new();
        first.iter().for_each(|sum| *seen.entry(*sum).or_insert(0) += 1);
        assert!(seen.len() == 10 && seen.values().all(|times| *times == 2), "two rounds of ten images");
        assert_eq!(first, sums(1));
        assert_ne!(first, sums(2));
        // Larger batches than there are images are cut.
        assert_eq!(Batches::new(&images, 64, true, Seed(1)).next().unwrap().0.size()[0], 10);
    }

    #[test]
    fn plain_batches_are_the_images_in_order() {
        let images = shapes();
        let (x, _) = plain(&images, 3, 5).unwrap().unwrap();
        let ImageSet::Held(held) = &images else { unreachable!("shapes are drawn") };
        let wanted = Tensor::from_slice(&held.floats([3, 4])).view([2, 3, 16, 16]);
        assert!((&x - wanted).abs().max().double_value(&[]) < 1e-5);
        let mut batches = Plain::new(&images, 4);
        let mut counts = Vec::new();
        while let Some((x, _)) = batches.next().unwrap() {
            counts.push(x.size()[0]);
        }
        assert_eq!(counts, [4, 4, 2]);
    }

    #[test]
    fn images_in_files_come_in_full_batches_without_those_that_cannot_be_read() {
        let root = tempfile::tempdir().unwrap();
        let class = root.path().join("train/all");
        std::fs::create_dir_all(&class).unwrap();
        for number in 0..9_u8 {
            let picture = image::RgbImage::from_pixel(30, 20, image::Rgb([number * 20; 3]));
            picture.save(class.join(format!("{number}.png"))).unwrap();
        }
        std::fs::write(class.join("bad.png"), "no picture").unwrap();
        let asked = Asked { train: None, valid: Some(0), test: Some(0), seed: Seed(1) };
        let (source, _) = DataSource::image_folder(root.path(), 24, 0.2, asked).unwrap();
        let train = source.open().unwrap().part(Part::Train);
        assert_eq!(train.len(), 10);
        let first = || {
            let mut batches = Batches::new(&train, 4, true, Seed(3));
            let five: Vec<_> = (0..5).map(|_| batches.next().unwrap().0).collect();
            Tensor::cat(&five, 0)
        };
        let (one, again) = (first(), first());
        assert_eq!(one.size(), [20, 3, 24, 24]);
        assert!(one.equal(&again));
        // A training that goes on sees the batches that it would have seen.
        let mut batches = Batches::new(&train, 5, true, Seed(3));
        for done in 0..4 {
            let mut later = Batches::new(&train, 5, true, Seed(3)).after(batches.drawn());
            let next = batches.next().unwrap().0;
            assert!(later.next().unwrap().0.equal(&next), "after {done} batches");
            assert_eq!(later.drawn(), batches.drawn());
        }
        assert!(batches.drawn() >= 22, "in each of two rounds the bad one was drawn too");
        let mut plain = Plain::new(&train, 10);
        assert_eq!(plain.next().unwrap().unwrap().0.size()[0], 9);
        assert!(plain.next().unwrap().is_none());
    }
}

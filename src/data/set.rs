//! Parts of data sets as all that trains and judges sees them: in memory, or in files that are read when needed.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::imageops;
use rand::RngExt;

use super::listing::Listing;
use super::picture::{self, Colour, Place};
use super::reader::Reader;
use super::resample::resample;
use super::tally::{Report, Tally};
use super::vary::{Change, Edges, Move, Vary};
use super::{Images, Norm, Part};
use crate::base::{Result, Rng, Seed};

/// One image as bytes, cut or moved as asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Rows of pixels, `[size, size, 3]`.
    pub pixels: Vec<u8>,
    /// Its class.
    pub label: usize,
    /// How much lighter it should become, in units of the range of bytes.
    pub brighter: f32,
}

/// Square RGB images with labels, in memory or in files. A copy shares them.
#[derive(Debug, Clone)]
pub enum ImageSet {
    /// In memory.
    Held(Arc<Images>),
    /// In files.
    Files(ImageFiles),
}

/// Images in files, in an order of their own.
#[derive(Debug, Clone)]
pub struct ImageFiles {
    listing: Arc<Listing>,
    reported: bool,
    order: Arc<[usize]>,
    size: usize,
    tally: Arc<Mutex<Tally>>,
}

impl ImageFiles {
    /// The images `order` of `listing`: of those to report on if `reported`.
    pub(super) fn new(
        listing: Arc<Listing>,
        reported: bool,
        order: Vec<usize>,
        size: usize,
        part: Part,
        skip_share: f64,
    ) -> Self {
        let tally = Arc::new(Mutex::new(Tally::new(part, order.len(), skip_share)));
        Self { listing, reported, order: order.into(), size, tally }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, index: usize) -> std::path::PathBuf {
        self.listing.path(self.reported, &self.listing.entries(self.reported)[self.order[index]])
    }

    /// Image `index` from its file, or what is wrong with it.
    pub(super) fn read(&self, index: usize, change: Change) -> Result<(Sample, Colour), String> {
        let bytes = std::fs::read(self.path(index)).map_err(|error| error.to_string())?;
        // A decoder that meets a strange file should refuse it, but may panic.
        let (picture, colour) = catch_unwind(AssertUnwindSafe(|| picture::decode(&bytes)))
            .unwrap_or_else(|_| Err("the decoder gave up on it".into()))?;
        let (place, flip) = match change {
            Change::Cut(seed) => {
                let mut rng = seed.rng();
                (Place::drawn(picture.dimensions(), &mut rng), rng.random())
            }
            Change::None | Change::Moved(_) => (Place::judged(picture.dimensions()), false),
        };
        let mut cut = resample(&picture, place, self.size);
        if flip {
            imageops::flip_horizontal_in_place(&mut cut);
        }
        let label = usize::from(self.listing.entries(self.reported)[self.order[index]].label);
        Ok((Sample { pixels: cut.into_raw(), label, brighter: 0.0 }, colour))
    }

    /// Notes that image `index` was read and had these colours.
    pub(super) fn note(&self, index: usize, colour: Colour) {
        self.tally().read(self.order[index], colour);
    }

    /// Notes that image `index` cannot be used; an error if there are too many such.
    pub(super) fn skip(&self, index: usize, why: &str) -> Result<()> {
        self.tally().skip(self.order[index], self.path(index), why)
    }
}

impl ImageSet {
    /// These images in memory.
    pub fn held(images: Images) -> Self {
        Self::Held(Arc::new(images))
    }

    /// Number of images, those in files that cannot be read among them.
    pub fn len(&self) -> usize {
        match self {
            Self::Held(images) => images.len(),
            Self::Files(files) => files.order.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Side in pixels.
    pub fn size(&self) -> usize {
        match self {
            Self::Held(images) => images.size(),
            Self::Files(files) => files.size,
        }
    }

    /// How bytes become numbers.
    pub fn norm(&self) -> Norm {
        match self {
            Self::Held(images) => images.norm(),
            Self::Files(_) => Norm::IMAGENET,
        }
    }

    /// The same images at another side: those in memory resized, those in files cut from the whole picture.
    #[must_use]
    pub fn at(&self, size: usize) -> Self {
        match self {
            _ if self.size() == size => self.clone(),
            Self::Held(images) => Self::held(images.resized(size)),
            Self::Files(files) => Self::Files(ImageFiles { size, ..files.clone() }),
        }
    }

    /// Those of the images `range` that there are.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        match self {
            _ if range.start == 0 && range.end >= self.len() => self.clone(),
            Self::Held(images) => Self::held(images.slice(range)),
            Self::Files(files) => {
                let end = range.end.min(files.order.len());
                let order = files.order[range.start.min(end)..end].into();
                Self::Files(ImageFiles { order, ..files.clone() })
            }
        }
    }

    /// Draws how one image is varied in training.
    pub fn draw(&self, rng: &mut Rng) -> Change {
        match self {
            Self::Held(images) => Change::Moved(images.vary().draw(rng)),
            Self::Files(_) => Change::Cut(Seed(rng.random())),
        }
    }

    /// All of them in memory, read by so many `threads`; `check` is asked before each one. Files that cannot be read are
    /// left out.
    ///
    /// # Errors
    /// Those of `check`, and `data::unreadable` if too many files cannot be read.
    pub fn hold(&self, threads: usize, check: &dyn Fn() -> Result<()>) -> Result<Arc<Images>> {
        let files = match self {
            Self::Held(images) => return Ok(images.clone()),
            Self::Files(files) => files,
        };
        let (size, plane) = (files.size, files.size * files.size);
        let mut reader = Reader::plain(self, threads, 4 * threads);
        let (mut pixels, mut labels) = (Vec::with_capacity(3 * plane * self.len()), Vec::with_capacity(self.len()));
        while let Some(sample) = reader.take()? {
            check()?;
            for channel in 0..3 {
                pixels.extend(sample.pixels.iter().skip(channel).step_by(3));
            }
            labels.push(sample.label as u16);
        }
        let still = Vary { shift: 0, edges: Edges::Repeated, flip: false, brightness: 0.0 };
        Ok(Arc::new(Images::new(size, pixels, labels, Norm::IMAGENET, still)))
    }

    /// What is worth telling since this was asked last: files that cannot be read, colours that had to be converted.
    pub fn news(&self) -> Vec<String> {
        match self {
            Self::Held(_) => Vec::new(),
            Self::Files(files) => files.tally().news(),
        }
    }

    /// What was found so far in the files of this part.
    pub fn report(&self) -> Report {
        match self {
            Self::Held(_) => Report::default(),
            Self::Files(files) => files.tally().report(),
        }
    }
}

/// One image in memory, moved as asked.
pub(super) fn moved(images: &Images, index: usize, change: Change) -> Sample {
    let by = match change {
        Change::Moved(by) => by,
        Change::None | Change::Cut(_) => Move::default(),
    };
    Sample { pixels: images.moved(index, &by), label: images.label(index), brighter: by.brighter }
}

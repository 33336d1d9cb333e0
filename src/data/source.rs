//! Where the images of a job come from: plain data, with a hash of the files in place of their contents.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::listing::Listing;
use super::set::ImageFiles;
use super::split::{Asked, Split};
use super::vary::{Edges, Vary};
use super::{CLASSES, DataFault, ImageSet, Images, Part, Shapes, arrays, cifar};
use crate::base::{Result, Seed};

/// Images and labels.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "data", rename_all = "snake_case")]
pub enum DataSource {
    /// The procedural data set `shapes` (see [`Shapes`]).
    Shapes {
        /// Side of the images.
        size: usize,
        /// Number of training images.
        train: usize,
        /// Number of validation images, used to choose (subnet search, sample losses).
        valid: usize,
        /// Number of test images, used to report.
        test: usize,
        /// Seed of the drawing.
        seed: Seed,
    },
    /// JPEG and PNG files in folders of their classes, read when needed.
    ImageFolder {
        /// The folder that holds `train` and perhaps `val`.
        path: PathBuf,
        /// Hash of names, lengths and times of the files.
        fingerprint: String,
        /// Number of classes.
        classes: usize,
        /// Side to which images are cut.
        size: usize,
        /// Share of a part's images that may be unusable.
        skip_share: f64,
        /// Images of each part.
        split: Split,
    },
    /// The binary files of CIFAR-10 or CIFAR-100.
    Cifar {
        /// The folder of the files.
        path: PathBuf,
        /// Hash of the files.
        fingerprint: String,
        /// Number of classes, 10 or 100.
        classes: usize,
        /// Images of each part.
        split: Split,
    },
    /// Arrays in `.npz` or `.safetensors` files.
    Arrays {
        /// The file, or the folder of `train` and perhaps `test`.
        path: PathBuf,
        /// Hash of the arrays.
        fingerprint: String,
        /// Number of classes.
        classes: usize,
        /// Side of the images.
        size: usize,
        /// Most pixels by which training images are moved.
        pad: usize,
        /// Whether training images are mirrored.
        flip: bool,
        /// Images of each part.
        split: Split,
    },
}

/// How images of arrays are varied in training.
fn padded(pad: usize, flip: bool) -> Vary {
    Vary { shift: pad, edges: Edges::Black, flip, brightness: 0.0 }
}

/// The path from the root: a job may run in another folder.
fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

impl DataSource {
    /// The image folder `path`, its pictures cut to `size`, and the names of its classes.
    ///
    /// # Errors
    /// `data::missing`, `data::empty`, `data::classes`, `data::split`.
    pub fn image_folder(path: &Path, size: usize, skip_share: f64, asked: Asked) -> Result<(Self, Vec<String>)> {
        let found = Listing::read(path)?;
        let split = Split::new(asked, found.train.len(), found.val.as_ref().map(Vec::len))?;
        let (classes, fingerprint) = (found.classes.len(), found.fingerprint);
        let source = Self::ImageFolder { path: whole(path), fingerprint, classes, size, skip_share, split };
        Ok((source, found.classes))
    }

    /// CIFAR with 10 or 100 `classes` in the folder `path`, and the names of its classes.
    ///
    /// # Errors
    /// `data::missing`, `data::truncated`, `data::label`, `data::split`.
    pub fn cifar(path: &Path, classes: usize, asked: Asked) -> Result<(Self, Vec<String>)> {
        let found = cifar::read(path, classes)?;
        let split = Split::new(asked, found.learn.len(), Some(found.test.len()))?;
        Ok((Self::Cifar { path: whole(path), fingerprint: found.fingerprint, classes, split }, found.classes))
    }

    /// The arrays in `path`, moved by at most `pad` pixels and mirrored if `flip`, and the names of their classes: numbers.
    /// Without `classes` there are as many as the largest label says.
    ///
    /// # Errors
    /// `data::missing`, `data::array`, `data::label`, `data::split`.
    pub fn arrays(path: &Path, classes: Option<usize>, pad: usize, flip: bool, asked: Asked) -> Result<(Self, Vec<String>)> {
        let found = arrays::read(path, classes, padded(pad, flip))?;
        let split = Split::new(asked, found.learn.len(), found.test.as_ref().map(Images::len))?;
        let (classes, size, fingerprint) = (found.classes, found.learn.size(), found.fingerprint);
        let source = Self::Arrays { path: whole(path), fingerprint, classes, size, pad, flip, split };
        Ok((source, cifar::numbered(classes)))
    }

    /// What scripts call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Shapes { .. } => "shapes",
            Self::ImageFolder { .. } => "image_folder",
            Self::Cifar { classes: 10, .. } => "cifar10",
            Self::Cifar { .. } => "cifar100",
            Self::Arrays { .. } => "arrays",
        }
    }

    /// Side of the images.
    pub fn size(&self) -> usize {
        match self {
            Self::Shapes { size, .. } | Self::ImageFolder { size, .. } | Self::Arrays { size, .. } => *size,
            Self::Cifar { .. } => 32,
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        match self {
            Self::Shapes { .. } => CLASSES.len(),
            Self::ImageFolder { classes, .. } | Self::Cifar { classes, .. } | Self::Arrays { classes, .. } => *classes,
        }
    }

    /// Images of each part, and the seed of drawing or dealing them out.
    pub fn split(&self) -> Split {
        match *self {
            Self::Shapes { train, valid, test, seed, .. } => Split { train, valid, test, seed },
            Self::ImageFolder { split, .. } | Self::Cifar { split, .. } | Self::Arrays { split, .. } => split,
        }
    }

    /// The folder or file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Shapes { .. } => None,
            Self::ImageFolder { path, .. } | Self::Cifar { path, .. } | Self::Arrays { path, .. } => Some(path),
        }
    }

    /// The folder or file, if there is one, to be named anew on another machine.
    pub fn path_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Shapes { .. } => None,
            Self::ImageFolder { path, .. } | Self::Cifar { path, .. } | Self::Arrays { path, .. } => Some(path),
        }
    }

    /// The same with so many images of each part.
    #[must_use]
    pub fn with_split(mut self, new: Split) -> Self {
        match &mut self {
            Self::Shapes { train, valid, test, seed, .. } => {
                (*train, *valid, *test, *seed) = (new.train, new.valid, new.test, new.seed);
            }
            Self::ImageFolder { split, .. } | Self::Cifar { split, .. } | Self::Arrays { split, .. } => *split = new,
        }
        self
    }

    /// The same, but any number of files may be unusable.
    #[must_use]
    pub fn tolerant(mut self) -> Self {
        if let Self::ImageFolder { skip_share, .. } = &mut self {
            *skip_share = 1.0;
        }
        self
    }

    /// Reads it, or finds its files, to give out parts.
    ///
    /// # Errors
    /// Those of naming it, and `data::changed` if its files are not those that were there then.
    pub fn open(&self) -> Result<Opened> {
        let (content, found) = match self {
            Self::Shapes { size, train, valid, test, seed } => {
                return Ok(Opened(Content::Drawn(Shapes::new(*size, *train, *valid, *test, *seed)?), self.split()));
            }
            Self::ImageFolder { path, size, skip_share, .. } => {
                let listing = Listing::read(path)?;
                let found = listing.fingerprint.clone();
                (Content::Files { listing: Arc::new(listing), size: *size, skip_share: *skip_share }, found)
            }
            Self::Cifar { path, classes, .. } => {
                let read = cifar::read(path, *classes)?;
                (Content::Held { learn: read.learn, test: Some(read.test) }, read.fingerprint)
            }
            Self::Arrays { path, classes, pad, flip, .. } => {
                let read = arrays::read(path, Some(*classes), padded(*pad, *flip))?;
                (Content::Held { learn: read.learn, test: read.test }, read.fingerprint)
            }
        };
        match self {
            Self::ImageFolder { path, fingerprint, .. }
            | Self::Cifar { path, fingerprint, .. }
            | Self::Arrays { path, fingerprint, .. }
                if *fingerprint != found =>
            {
                Err(DataFault::Changed { path: path.clone() }.into())
            }
            _ => Ok(Opened(content, self.split())),
        }
    }
}

/// A data set of which parts can be had.
pub struct Opened(Content, Split);

/// Images from which parts are dealt out.
enum Content {
    Drawn(Shapes),
    Held { learn: Images, test: Option<Images> },
    Files { listing: Arc<Listing>, size: usize, skip_share: f64 },
}

impl Opened {
    /// The images of a part.
    pub fn part(&self, part: Part) -> ImageSet {
        let split = self.1;
        match &self.0 {
            Content::Drawn(shapes) => ImageSet::held(shapes.split(part)),
            Content::Held { learn, test } => {
                let order = split.indices(part, learn.len(), test.as_ref().map(Images::len));
                ImageSet::held(test.as_ref().filter(|_| part == Part::Test).unwrap_or(learn).pick(&order))
            }
            Content::Files { listing, size, skip_share } => {
                let order = split.indices(part, listing.train.len(), listing.val.as_ref().map(Vec::len));
                let reported = part == Part::Test && listing.val.is_some();
                ImageSet::Files(ImageFiles::new(listing.clone(), reported, order, *size, part, *skip_share))
            }
        }
    }
}

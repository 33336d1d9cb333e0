//! Data sets, the same ones for the session and for the trainer: drawn, in arrays of bytes, or in files that are read
//! when needed.
//!
//! A [`DataSource`] says where images come from; opened it gives parts ([`ImageSet`]), which a [`Reader`] goes through.

mod arrays;
mod cifar;
mod fault;
mod fingerprint;
mod images;
mod listing;
mod npy;
mod outline;
mod picture;
mod reader;
mod resample;
mod scene;
mod set;
mod shapes;
mod source;
mod split;
mod tally;
mod vary;

pub use fault::DataFault;
pub use images::{Images, Norm};
pub use reader::{InOrder, Reader};
pub use set::{ImageFiles, ImageSet, Sample};
pub use shapes::{CLASSES, Part, SIZES, Shapes};
pub use source::{DataSource, Opened};
pub use split::{Asked, Split};
pub use tally::Report;
pub use vary::{Change, Edges, Move, Vary};

use crate::base::{Result, Seed};

/// A data set cut in three: to learn from, to choose by, to report on.
#[derive(Debug, Clone)]
pub struct DataSet {
    /// Training images.
    pub train: Images,
    /// Validation images, used to choose (subnet search, sample losses).
    pub valid: Images,
    /// Test images, used to report.
    pub test: Images,
}

/// Draws the data set `shapes`: the numbers count images, `size` is their side in pixels.
///
/// The same numbers and seed give the same bytes at any number of threads. A part does not
/// depend on how many images the other parts have, and a longer part begins with a shorter one.
///
/// # Errors
/// `data::size` if `size` is outside [`SIZES`], `data::count` if a part is too large to hold.
pub fn load(size: usize, train: usize, valid: usize, test: usize, seed: Seed) -> Result<DataSet> {
    let shapes = Shapes::new(size, train, valid, test, seed)?;
    Ok(DataSet { train: shapes.split(Part::Train), valid: shapes.split(Part::Valid), test: shapes.split(Part::Test) })
}

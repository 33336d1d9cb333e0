//! What can be wrong with a data set.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

/// A fault in making or reading a data set.
#[derive(Debug, Error, Diagnostic)]
pub enum DataFault {
    /// A side that the drawing is not made for.
    #[error("images of {size}x{size} pixels cannot be drawn")]
    #[diagnostic(code(data::size), help("choose a size from {smallest} to {largest}; 32 is usual"))]
    Size { size: usize, smallest: usize, largest: usize },
    /// More images than memory should be asked for.
    #[error("{count} {part} images of {size}x{size} pixels would take {gib:.0} GiB")]
    #[diagnostic(code(data::count), help("ask for fewer than {most} of them"))]
    Count { count: usize, part: &'static str, size: usize, gib: f64, most: usize },
    /// A file or folder that is not there.
    #[error("there is no {what} `{}`", path.display())]
    #[diagnostic(code(data::missing), help("{help}"))]
    Missing { what: &'static str, path: PathBuf, help: String },
    /// A folder or file without what it should hold.
    #[error("`{}` holds no {what}", path.display())]
    #[diagnostic(code(data::empty), help("{help}"))]
    Empty { path: PathBuf, what: &'static str, help: String },
    /// Classes to report on that nothing was learnt of.
    #[error("{count} classes in the `val` folder of `{}` are not in its `train` folder: {first}", path.display())]
    #[diagnostic(code(data::classes), help("both must have folders of the same names, at most 65,536"))]
    Classes { path: PathBuf, count: usize, first: String },
    /// More images than there are.
    #[error("{asked} {part} images are asked for, and {have} are left for them")]
    #[diagnostic(
        code(data::split),
        help("lower `train`, `valid` or `test`; validation images are held out of the training images")
    )]
    Split { part: &'static str, asked: usize, have: usize },
    /// Too many files that cannot be used.
    #[error("{count} of {images} {part} images cannot be used, over the {most} that may be skipped; the first:{first}")]
    #[diagnostic(
        code(data::unreadable),
        help("mend or remove these files (`data.check()` lists all), or raise `skip_share` of the data set")
    )]
    Unreadable { count: usize, images: usize, part: &'static str, most: usize, first: String },
    /// A file that ends within an image.
    #[error("`{}` has {bytes} bytes, which is no whole number of images of {record} bytes", path.display())]
    #[diagnostic(code(data::truncated), help("fetch or unpack it again; it should be the binary version"))]
    Truncated { path: PathBuf, bytes: usize, record: usize },
    /// A label that is none of the classes.
    #[error("image {at} of `{}` has the label {label}, outside of 0 to {}", path.display(), classes - 1)]
    #[diagnostic(code(data::label), help("{help}"))]
    Label { path: PathBuf, at: usize, label: i64, classes: usize, help: &'static str },
    /// Arrays that are no images and labels.
    #[error("`{}`: {why}", path.display())]
    #[diagnostic(code(data::array), help("{help}"))]
    Array { path: PathBuf, why: String, help: &'static str },
    /// Files that are others than when the data set was named.
    #[error("the files of the data set in `{}` have changed since it was named", path.display())]
    #[diagnostic(
        code(data::changed),
        help("name it again with `dataset(...)`; what was trained before stays with the old files")
    )]
    Changed { path: PathBuf },
}

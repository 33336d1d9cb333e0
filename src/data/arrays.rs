//! Images and labels in files of arrays: `.npz` and `.safetensors`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;

use super::fingerprint::Fingerprint;
use super::npy::{Array, Values};
use super::vary::Vary;
use super::{DataFault, Images, Norm};
use crate::base::{Fault, Result};

/// Names of the array with images.
const IMAGES: [&str; 2] = ["x", "images"];
/// Names of the array with labels.
const LABELS: [&str; 2] = ["y", "labels"];
/// Endings of files that are read.
const ENDINGS: [&str; 2] = ["npz", "safetensors"];
/// Sides that images may have.
const SIDES: std::ops::RangeInclusive<usize> = 8..=1024;
/// What such files hold, in words.
const HOLD: &str = "save `x` (or `images`) as uint8, or float32 from 0 to 1, in the shape [N, H, W, 3], [N, 3, H, W] or \
                    [N, H, W], and `y` (or `labels`) as N integers";

/// What was read.
pub(super) struct Arrays {
    /// Images to learn from.
    pub learn: Images,
    /// Images to report on, if there is a file of them.
    pub test: Option<Images>,
    /// The largest label, and one more.
    pub classes: usize,
    /// Hash of the arrays.
    pub fingerprint: String,
}

/// Reads `path`: a file, or a folder with a file `train` and perhaps one `test`. Labels must be below `classes`, if given.
///
/// # Errors
/// `data::missing`, `data::array`, `data::label`.
pub(super) fn read(path: &Path, classes: Option<usize>, vary: Vary) -> Result<Arrays> {
    let mut print = Fingerprint::default();
    let mut file = |path: &Path| read_file(path, classes, vary, &mut print);
    let (learn, test) = if path.is_dir() {
        let learn = named(path, "train").ok_or_else(|| missing(path.join("train.npz")))?;
        (file(&learn)?, named(path, "test").map(|test| file(&test)).transpose()?)
    } else {
        (file(path)?, None)
    };
    let both = [Some(&learn), test.as_ref()];
    let largest = both.iter().flatten().flat_map(|images| images.labels()).max();
    let classes = classes.unwrap_or(largest.map_or(0, |&label| usize::from(label) + 1));
    if let Some(test) = test.as_ref().filter(|test| test.size() != learn.size()) {
        let why = format!("images to report on are {0}x{0}, those to learn from {1}x{1}", test.size(), learn.size());
        return Err(DataFault::Array { path: path.into(), why, help: "bring both to one size" }.into());
    }
    Ok(Arrays { learn, test, classes, fingerprint: print.finish() })
}

fn missing(path: PathBuf) -> DataFault {
    let help = "give a file `.npz` or `.safetensors`, or a folder with `train.npz` and perhaps `test.npz`";
    DataFault::Missing { what: "file", path, help: help.into() }
}

/// The file `name` in `folder`, of either kind.
fn named(folder: &Path, name: &str) -> Option<PathBuf> {
    ENDINGS.iter().map(|ending| folder.join(name).with_extension(ending)).find(|path| path.is_file())
}

fn read_file(path: &Path, classes: Option<usize>, vary: Vary, print: &mut Fingerprint) -> Result<Images> {
    if !path.is_file() {
        return Err(missing(path.into()).into());
    }
    let refuse = |why: String| Fault::from(DataFault::Array { path: path.into(), why, help: HOLD });
    let [images, labels] = match path.extension().and_then(|ending| ending.to_str()) {
        Some("npz") => npz(path)?,
        Some("safetensors") => tensors(path)?,
        _ => return Err(missing(path.into()).into()),
    };
    let count = images.shape.first().copied().unwrap_or(0);
    let (size, pixels) = planes(images).map_err(refuse)?;
    let labels = match (labels.values, &labels.shape[..]) {
        (Values::Int(values), [_] | [_, 1]) => values,
        (Values::U8(values), [_] | [_, 1]) => values.into_iter().map(i64::from).collect(),
        (_, shape) => return Err(refuse(format!("labels are no row of integers, but of the shape {shape:?}"))),
    };
    if labels.len() != count || count == 0 {
        return Err(refuse(format!("it holds {count} images and {} labels", labels.len())));
    }
    let most = classes.unwrap_or(usize::from(u16::MAX) + 1);
    let mut short = Vec::with_capacity(labels.len());
    for (at, label) in labels.into_iter().enumerate() {
        match u16::try_from(label).ok().filter(|&label| usize::from(label) < most) {
            Some(label) => short.push(label),
            None => {
                let help = "number the classes from 0, or raise `classes` of the data set";
                return Err(DataFault::Label { path: path.into(), at, label, classes: most, help }.into());
            }
        }
    }
    print.add(&pixels);
    short.iter().for_each(|label| print.add(&label.to_le_bytes()));
    Ok(Images::new(size, pixels, short, Norm::PLAIN, vary))
}

/// The arrays of images and of labels in an `.npz` file.
fn npz(path: &Path) -> Result<[Array; 2]> {
    let refuse = |why: String| Fault::from(DataFault::Array { path: path.into(), why, help: HOLD });
    let file = File::open(path).map_err(|error| Fault::file("read", path, &error))?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| refuse(format!("it is no .npz file: {error}")))?;
    let names: Vec<String> =
        zip.file_names().flatten().map(|name| name.strip_suffix(".npy").unwrap_or(&name).to_owned()).collect();
    let mut array = |wanted: [&str; 2]| {
        let name = pick(&names, wanted).map_err(refuse)?;
        let mut bytes = Vec::new();
        let mut member = zip.by_name(&format!("{name}.npy")).map_err(|error| refuse(format!("array `{name}`: {error}")))?;
        member.read_to_end(&mut bytes).map_err(|error| refuse(format!("array `{name}`: {error}")))?;
        Array::npy(&bytes).map_err(|why| refuse(format!("array `{name}`: {why}")))
    };
    Ok([array(IMAGES)?, array(LABELS)?])
}

/// The tensors of images and of labels in a `.safetensors` file.
fn tensors(path: &Path) -> Result<[Array; 2]> {
    let refuse = |why: String| Fault::from(DataFault::Array { path: path.into(), why, help: HOLD });
    let bytes = std::fs::read(path).map_err(|error| Fault::file("read", path, &error))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| refuse(format!("it is no safetensors file: {error}")))?;
    let names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
    let array = |wanted: [&str; 2]| {
        let name = pick(&names, wanted).map_err(refuse)?;
        let tensor = file.tensor(name).map_err(|error| refuse(format!("tensor `{name}`: {error}")))?;
        let kind = match tensor.dtype() {
            Dtype::U8 => "u1",
            Dtype::I8 => "i1",
            Dtype::U16 => "u2",
            Dtype::I16 => "i2",
            Dtype::U32 => "u4",
            Dtype::I32 => "i4",
            Dtype::U64 => "u8",
            Dtype::I64 => "i8",
            Dtype::F32 => "f4",
            Dtype::F64 => "f8",
            other => return Err(refuse(format!("tensor `{name}` holds {other:?}"))),
        };
        Array::new(tensor.shape().to_vec(), kind, tensor.data()).map_err(|why| refuse(format!("tensor `{name}`: {why}")))
    };
    Ok([array(IMAGES)?, array(LABELS)?])
}

/// The one of the `wanted` names that is there.
fn pick<'a>(names: &'a [String], wanted: [&str; 2]) -> Result<&'a str, String> {
    names.iter().map(String::as_str).find(|name| wanted.contains(name)).ok_or_else(|| {
        let mut have = names.to_vec();
        have.sort_unstable();
        format!("it has no array `{}` or `{}`, only: {}", wanted[0], wanted[1], have.join(", "))
    })
}

/// An array as RGB images: their side, and bytes in the order `[N, 3, H, W]`. Shades of grey become RGB.
fn planes(array: Array) -> Result<(usize, Vec<u8>), String> {
    let shape = array.shape;
    let bytes = match array.values {
        Values::U8(bytes) => bytes,
        Values::F32(values) => bytes_of(&values)?,
        Values::Int(_) => return Err("images are integers of more than 8 bits".into()),
    };
    // Channels, and whether they come after the pixels.
    let (height, width, channels, last) = match shape[..] {
        [_, height, width] => (height, width, 1, true),
        [_, height, width, channels @ (1 | 3)] => (height, width, channels, true),
        [_, channels @ (1 | 3), height, width] => (height, width, channels, false),
        _ => return Err(format!("images have the shape {shape:?}")),
    };
    if height != width || !SIDES.contains(&height) {
        return Err(format!("images are {height} high and {width} wide, not square with sides of 8 to 1024"));
    }
    let plane = height * width;
    let mut pixels = Vec::with_capacity(bytes.len() * 3 / channels);
    for image in bytes.chunks_exact(plane * channels) {
        for channel in 0..3 {
            let channel = channel.min(channels - 1);
            match last {
                true => pixels.extend(image.iter().skip(channel).step_by(channels)),
                false => pixels.extend_from_slice(&image[channel * plane..(channel + 1) * plane]),
            }
        }
    }
    Ok((height, pixels))
}

/// Numbers from 0 to 1 as bytes.
fn bytes_of(values: &[f32]) -> Result<Vec<u8>, String> {
    match values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        Some(value) => Err(format!("images are real numbers, and {value} is not from 0 to 1")),
        None => Ok(values.iter().map(|value| (value * 255.0).round() as u8).collect()),
    }
}

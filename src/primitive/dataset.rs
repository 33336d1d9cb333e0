//! Data sets: drawn ones, and those in files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, ImmutableString, Map};

use super::cross::{Answer, Cross};
use super::host::Host;
use super::noun::Nouns;
use super::options::Options;
use crate::base::{Fault, Result, did_you_mean};
use crate::data::{Asked, CLASSES, DataSource, ImageSet, Part, Reader, SIZES, Shapes, Split};

/// Names of data sets and of kinds of files.
pub(super) const NAMES: [&str; 5] = ["shapes", "image_folder", "cifar10", "cifar100", "arrays"];
/// Images in each part of a data set in a dry run.
const DRY_IMAGES: usize = 48;
/// Most images that are read to see how fast it goes, unless it is said.
const MOST_TIMED: usize = 2000;
/// What dry runs say of data sets.
const IMAGES: &str = "images of a data set's part";

/// Images and labels, as scripts hold them.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Where they come from.
    pub source: DataSource,
    /// Names of the classes, by label.
    pub class_names: Arc<[String]>,
}

#[export_module]
mod dataset_functions {
    /// A data set by name with the default numbers of images.
    ///
    /// # Example
    ///
    /// ```rhai
    /// dataset("shapes").classes //> 12
    /// ```
    #[rhai_fn(return_raw)]
    pub fn dataset(context: NativeCallContext, name: &str) -> Answer<Dataset> {
        dataset_with(context, name, Map::new())
    }

    /// A data set by name: drawn, or read from files.
    ///
    /// `shapes` draws images of twelve figures, in colour, with clutter and noise, from a seed.
    ///
    /// `image_folder` reads JPEG and PNG files in `path/train/CLASS/` and, to report on, `path/val/CLASS/`, when they are needed.
    /// Training images are cut out at random and mirrored, others are the middle of the picture. What is not in RGB is made so.
    ///
    /// `cifar10` and `cifar100` read the binary version of these data sets. Training images are moved by up to 4 pixels and mirrored.
    ///
    /// `arrays` reads `x` (or `images`) and `y` (or `labels`) from a file `.npz` or `.safetensors`, or from `train` and `test` of these
    /// in a folder: images as uint8, or float32 from 0 to 1, in the shape [N, H, W, 3], [N, 3, H, W] or [N, H, W].
    ///
    /// Options: `path` (needed by all but shapes): folder or file; `train`, `valid`, `test`: numbers of images, of shapes 8000, 1000 and 2000,
    /// else all that are left, a tenth held out (at most 10,000), and all there are to report on or, if none, another tenth held out;
    /// `seed` (0): of drawing or holding out; `size` (32 of shapes, 224 of an image folder): side in pixels;
    /// `skip_share` (0.01): the share of files in a part of an image folder that may be unusable and is skipped;
    /// of arrays only: `classes` (the largest label and one more), `pad` (0): pixels by which training images are moved, `flip` (false): whether they are mirrored.
    ///
    /// # Example
    ///
    /// ```rhai
    /// dataset("shapes", #{ train: 100, valid: 20, test: 20 }).parts.valid //> 20
    /// dataset("cifar10", #{ path: "no_such_folder" }) //> fails data::missing
    /// ```
    #[rhai_fn(name = "dataset", return_raw)]
    pub fn dataset_with(context: NativeCallContext, name: &str, given: Map) -> Answer<Dataset> {
        let host = Host::of(&context)?;
        data_set(&host, name, given).cross()
    }

    /// Number of classes of a data set.
    #[rhai_fn(get = "classes", pure)]
    pub fn classes(data: &mut Dataset) -> i64 {
        data.source.classes() as i64
    }

    /// Names of the classes of a data set, in the order of their labels; numbers if they have no names.
    ///
    /// # Example
    ///
    /// ```rhai
    /// dataset("shapes").class_names[0] //> disc
    /// ```
    #[rhai_fn(get = "class_names", pure)]
    pub fn class_names(data: &mut Dataset) -> Array {
        data.class_names.iter().map(|name| name.clone().into()).collect()
    }

    /// Numbers of images of a data set: a map of `train`, `valid` and `test`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// dataset("shapes").parts.train //> 8000
    /// ```
    #[rhai_fn(get = "parts", pure)]
    pub fn parts(data: &mut Dataset) -> Map {
        let Split { train, valid, test, .. } = data.source.split();
        let count = |images: usize| Dynamic::from(images as i64);
        Map::from([("train".into(), count(train)), ("valid".into(), count(valid)), ("test".into(), count(test))])
    }

    /// Reads every image of a data set once, and says which files cannot be used.
    ///
    /// A map of `images`, `skipped` (files that cannot be used), `grey`, `cmyk` and `alpha` (files that are made RGB), and
    /// `files`, an array of the skipped files, each with the reason.
    ///
    /// # Example
    ///
    /// ```rhai
    /// dataset("shapes", #{ train: 10, valid: 5, test: 5 }).check().skipped //> 0
    /// ```
    #[rhai_fn(return_raw)]
    pub fn check(context: NativeCallContext, data: Dataset) -> Answer<Map> {
        let host = Host::of(&context)?;
        looked_through(&host, &data).cross()
    }

    /// How many training images a second this machine reads, varied as training varies them.
    ///
    /// A training that needs more waits for its images.
    ///
    /// # Example
    ///
    /// ```rhai
    /// dataset("shapes", #{ train: 10, valid: 5, test: 5 }).images_per_s() > 0.0 //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn images_per_s(context: NativeCallContext, data: Dataset) -> Answer<f64> {
        images_per_s_with(context, data, Map::new())
    }

    /// How many training images a second this machine reads with so many threads.
    ///
    /// They are decoded, cut out and mirrored, or moved, made numbers in batches, and dropped. What was read lately is in the memory of the
    /// operating system: the first time may be slower.
    ///
    /// Options: `threads` (those of the session): that decode files; `images` (all, at most 2000): how many are read, from the
    /// beginning again if there are fewer; `batch` (64): images a batch; `seed` (0): of what is random about them.
    ///
    /// # Example
    ///
    /// ```rhai
    /// dataset("shapes", #{ train: 10, valid: 5, test: 5 }).images_per_s(#{ threads: 2, images: 20 }) > 0.0 //> true
    /// ```
    #[rhai_fn(name = "images_per_s", return_raw)]
    pub fn images_per_s_with(context: NativeCallContext, data: Dataset, given: Map) -> Answer<f64> {
        let host = Host::of(&context)?;
        reading_speed(&host, &data, given).cross()
    }

    /// The data set as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn dataset_text(data: &mut Dataset) -> String {
        let (source, Split { train, valid, test, seed }) = (&data.source, data.source.split());
        let (name, size, classes) = (source.name(), source.size(), source.classes());
        format!("data set {name}, {size}x{size}, {classes} classes, {train} train, {valid} valid, {test} test, seed {}", seed.0)
    }
}

/// The data set that is meant where none is given.
pub(super) fn default_data(host: &Host) -> Result<DataSource> {
    data_set(host, "shapes", Map::new()).map(|data| data.source)
}

/// The option `data`, or what stands for it where it is not given.
pub(super) fn data_of(options: &Options, otherwise: impl FnOnce() -> Result<DataSource>) -> Result<DataSource> {
    match options.noun::<Dataset>("data", "a data set: `dataset(\"shapes\")`")? {
        Some(data) => Ok(data.source),
        None => otherwise(),
    }
}

fn data_set(host: &Host, name: &str, given: Map) -> Result<Dataset> {
    let options = |own: &[&str]| {
        let known: Vec<&str> = ["train", "valid", "test", "seed"].iter().chain(own).copied().collect();
        Options::new("dataset", given.clone(), &known)
    };
    let (source, class_names) = match name {
        "shapes" => shapes(&options(&["size"])?)?,
        "image_folder" => {
            let options = options(&["path", "size", "skip_share"])?;
            let size = side_of(&options, 224)?;
            let share = options.float("skip_share")?.unwrap_or(0.01);
            if !(0.0..1.0).contains(&share) {
                return Err(options.refuse("skip_share", "it is a share", "give a number from 0 to below 1, such as 0.01"));
            }
            DataSource::image_folder(&path_of(&options, "the folder of `train` and `val`")?, size, share, asked(&options)?)?
        }
        "cifar10" | "cifar100" => {
            let options = options(&["path"])?;
            let classes = if name == "cifar10" { 10 } else { 100 };
            DataSource::cifar(&path_of(&options, "the folder of its binary files")?, classes, asked(&options)?)?
        }
        "arrays" => {
            let options = options(&["path", "classes", "pad", "flip"])?;
            let path = path_of(&options, "a file `.npz` or `.safetensors`, or a folder of these")?;
            let (classes, pad) = (options.count("classes", 1)?, options.count("pad", 0)?.unwrap_or(0));
            DataSource::arrays(&path, classes, pad, options.flag("flip")?.unwrap_or(false), asked(&options)?)?
        }
        _ => {
            let help = did_you_mean(name, NAMES);
            return Err(Fault::new("dataset::unknown", format!("there is no data set `{name}`"), help));
        }
    };
    let Split { train, valid, test, seed } = source.split();
    let cut = |count: usize| host.cut(IMAGES, count, DRY_IMAGES);
    let source = source.with_split(Split { train: cut(train), valid: cut(valid), test: cut(test), seed });
    if let DataSource::Shapes { size, train, valid, test, seed } = source {
        Shapes::new(size, train, valid, test, seed)?;
    }
    Ok(Dataset { source, class_names: class_names.into() })
}

fn shapes(options: &Options) -> Result<(DataSource, Vec<String>)> {
    let size = options.count("size", 1)?.unwrap_or(32);
    let Asked { train, valid, test, seed } = asked(options)?;
    let (train, valid, test) = (train.unwrap_or(8000), valid.unwrap_or(1000), test.unwrap_or(2000));
    Ok((DataSource::Shapes { size, train, valid, test, seed }, CLASSES.map(str::to_owned).to_vec()))
}

fn asked(options: &Options) -> Result<Asked> {
    let count = |key: &str| options.count(key, 1);
    Ok(Asked { train: count("train")?, valid: count("valid")?, test: count("test")?, seed: options.seed()? })
}

fn path_of(options: &Options, wanted: &str) -> Result<PathBuf> {
    options.need::<ImmutableString>("path", wanted).map(|path| path.as_str().into())
}

fn side_of(options: &Options, default: usize) -> Result<usize> {
    let size = options.count("size", 1)?.unwrap_or(default);
    let most = 1024;
    if (*SIZES.start()..=most).contains(&size) {
        return Ok(size);
    }
    Err(options.refuse("size", "images cannot have such a side", &format!("choose one from {} to {most}", SIZES.start())))
}

fn looked_through(host: &Host, data: &Dataset) -> Result<Map> {
    let opened = data.source.clone().tolerant().open()?;
    let parts: Vec<ImageSet> = [Part::Train, Part::Valid, Part::Test].map(|part| opened.part(part)).into();
    let images: usize = parts.iter().map(ImageSet::len).sum();
    let bar = host.progress().task(&format!("images of {}", data.source.name()), images as u64);
    let (mut grey, mut cmyk, mut alpha, mut files) = (0, 0, 0, Array::new());
    let threads = rayon::current_num_threads();
    for part in &parts {
        let mut reader = Reader::plain(part, threads, 4 * threads);
        while reader.take()?.is_some() {
            host.cancel.check()?;
            bar.advance(1);
        }
        let report = part.report();
        grey += report.grey as i64;
        cmyk += report.cmyk as i64;
        alpha += report.alpha as i64;
        files.extend(report.skipped.into_iter().map(Dynamic::from));
    }
    Ok(Map::from([
        ("images".into(), (images as i64).into()),
        ("skipped".into(), (files.len() as i64).into()),
        ("grey".into(), grey.into()),
        ("cmyk".into(), cmyk.into()),
        ("alpha".into(), alpha.into()),
        ("files".into(), files.into()),
    ]))
}

fn reading_speed(host: &Host, data: &Dataset, given: Map) -> Result<f64> {
    let options = Options::new("images_per_s", given, &["threads", "images", "batch", "seed"])?;
    let train = data.source.open()?.part(Part::Train);
    if train.is_empty() {
        return Err(Fault::new("dataset::empty", "the data set has no training images", "say `train:` among its options"));
    }
    let threads = options.count("threads", 1)?.unwrap_or_else(rayon::current_num_threads);
    let images = host.cut(IMAGES, options.count("images", 1)?.unwrap_or_else(|| train.len().min(MOST_TIMED)), DRY_IMAGES);
    let batch = options.count("batch", 1)?.unwrap_or(64);
    let mut rng = options.seed()?.rng();
    let began = Instant::now();
    let asks = (0..images).map(|at| (at % train.len(), train.draw(&mut rng)));
    let mut reader = Reader::new(&train, asks, threads, 2 * batch);
    let (norm, mut numbers) = (train.norm(), Vec::new());
    let mut read = 0_usize;
    while let Some(sample) = reader.take()? {
        host.cancel.check()?;
        if read.is_multiple_of(batch) {
            numbers.clear();
        }
        norm.write(&sample.pixels, sample.brighter, &mut numbers);
        read += 1;
    }
    Ok(read as f64 / began.elapsed().as_secs_f64())
}

/// Declares data sets.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Dataset>("Dataset");
    engine.register_global_module(exported_module!(dataset_functions).into());
}

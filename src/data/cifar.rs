//! The binary files of CIFAR-10 and CIFAR-100.

use std::path::{Path, PathBuf};

use super::fingerprint::Fingerprint;
use super::vary::{Edges, Vary};
use super::{DataFault, Images, Norm};
use crate::base::{Fault, Result};

/// Side of the images.
const SIZE: usize = 32;
/// Bytes of one image.
const PIXELS: usize = 3 * SIZE * SIZE;

/// What was read.
pub(super) struct Cifar {
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    /// Images to learn from.
    pub learn: Images,
    /// Images to report on.
    pub test: Images,
    /// Hash of the files.
    pub fingerprint: String,
}

/// Reads the files in `folder`: those of CIFAR-10 if there are 10 classes, else those of CIFAR-100 with its fine labels.
///
/// # Errors
/// `data::missing`, `data::truncated`, `data::label`.
pub(super) fn read(folder: &Path, classes: usize) -> Result<Cifar> {
    let (learn, test, names) = if classes == 10 {
        let batches = (1..=5).map(|batch| format!("data_batch_{batch}.bin")).collect();
        (batches, "test_batch.bin", "batches.meta.txt")
    } else {
        (vec!["train.bin".to_owned()], "test.bin", "fine_label_names.txt")
    };
    let mut print = Fingerprint::default();
    let learn = batch(folder, &learn, classes, &mut print)?;
    let test = batch(folder, &[test.to_owned()], classes, &mut print)?;
    Ok(Cifar { classes: names_in(&folder.join(names), classes), learn, test, fingerprint: print.finish() })
}

/// The images of some files, one after the other.
fn batch(folder: &Path, files: &[String], classes: usize, print: &mut Fingerprint) -> Result<Images> {
    // Images of CIFAR-100 have a coarse label before the fine one.
    let before = if classes == 10 { 1 } else { 2 };
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for file in files {
        let path = folder.join(file);
        let bytes = file_of(&path, classes)?;
        if bytes.is_empty() || bytes.len() % (before + PIXELS) != 0 {
            return Err(DataFault::Truncated { path, bytes: bytes.len(), record: before + PIXELS }.into());
        }
        print.add(&bytes);
        for (at, record) in bytes.chunks_exact(before + PIXELS).enumerate() {
            let label = record[before - 1];
            if usize::from(label) >= classes {
                let help = "it may be of the other CIFAR, or not the binary version";
                return Err(DataFault::Label { path, at, label: label.into(), classes, help }.into());
            }
            labels.push(label.into());
            pixels.extend_from_slice(&record[before..]);
        }
    }
    let norm = if classes == 10 { Norm::CIFAR10 } else { Norm::CIFAR100 };
    let vary = Vary { shift: 4, edges: Edges::Black, flip: true, brightness: 0.0 };
    Ok(Images::new(SIZE, pixels, labels, norm, vary))
}

fn file_of(path: &PathBuf, classes: usize) -> Result<Vec<u8>> {
    if !path.is_file() {
        let holds = match classes {
            10 => "data_batch_1.bin to data_batch_5.bin and test_batch.bin",
            _ => "train.bin and test.bin",
        };
        let help = format!("give the folder with {holds}, unpacked from the binary version of CIFAR-{classes}");
        return Err(DataFault::Missing { what: "file", path: path.clone(), help }.into());
    }
    std::fs::read(path).map_err(|error| Fault::file("read", path, &error))
}

/// The names in a file of one a line, if there are as many as classes; else their numbers.
fn names_in(path: &Path, classes: usize) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let names: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if names.len() == classes { names } else { numbered(classes) }
}

/// Names of classes that have none.
pub(super) fn numbered(classes: usize) -> Vec<String> {
    (0..classes).map(|label| label.to_string()).collect()
}

//! The images below a folder, by class: which there are, without opening them.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;

use super::DataFault;
use super::fingerprint::Fingerprint;
use crate::base::{Fault, Result};

/// Folder of the images to learn from.
const TRAIN: &str = "train";
/// Folder of the images to report on.
const VAL: &str = "val";
/// Endings of files that are images.
const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];
/// What such a folder looks like, in words.
const LAYOUT: &str = "an image folder holds `train/CLASS/*.jpg`, and `val/CLASS/*.jpg` if there are images to report on \
                      (endings .jpg, .jpeg, .png)";

/// One image.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its file, below the folder of its class.
    file: PathBuf,
    /// Its class.
    pub label: u16,
}

/// A file as it is found: below the folder of its class, with its length and the second of its last change.
type Found = (PathBuf, u64, u64);

/// The images of an image folder.
#[derive(Debug)]
pub(super) struct Listing {
    root: PathBuf,
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    /// Images to learn from.
    pub train: Vec<Entry>,
    /// Images to report on, if there is a folder of them.
    pub val: Option<Vec<Entry>>,
    /// Hash of names, lengths and times of the files.
    pub fingerprint: String,
}

impl Listing {
    /// Looks through `root`: names in order, hidden files left out.
    ///
    /// # Errors
    /// `data::missing` if a folder is not there, `data::empty` if it holds no images, `data::classes` if `val` has other classes.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut print = Fingerprint::default();
        let found = classes(&root.join(TRAIN), &mut print)?;
        let classes_of = |found: &[(String, Vec<Found>)]| found.iter().map(|(class, _)| class.clone()).collect::<Vec<_>>();
        let names = classes_of(&found);
        let train = entries(root, found, &names)?;
        let val = match root.join(VAL) {
            folder if folder.is_dir() => Some(entries(root, classes(&folder, &mut print)?, &names)?),
            _ => None,
        };
        Ok(Self { root: root.into(), classes: names, train, val, fingerprint: print.finish() })
    }

    /// Images to report on if `reported`, else those to learn from.
    pub(super) fn entries(&self, reported: bool) -> &[Entry] {
        match &self.val {
            Some(val) if reported => val,
            _ => &self.train,
        }
    }

    /// The file of an image.
    pub(super) fn path(&self, reported: bool, entry: &Entry) -> PathBuf {
        let part = if reported { VAL } else { TRAIN };
        self.root.join(part).join(&self.classes[usize::from(entry.label)]).join(&entry.file)
    }
}

/// The classes below `folder` with their images, both in order of their names.
fn classes(folder: &Path, print: &mut Fingerprint) -> Result<Vec<(String, Vec<Found>)>> {
    if !folder.is_dir() {
        return Err(DataFault::Missing { what: "folder", path: folder.into(), help: LAYOUT.into() }.into());
    }
    let mut names = Vec::new();
    for (path, metadata) in children(folder)? {
        if metadata.is_dir() {
            names.push(name_of(&path)?);
        }
    }
    names.sort_unstable();
    let found = names
        .into_par_iter()
        .map(|class| {
            let mut files = Vec::new();
            images(&folder.join(&class), Path::new(""), &mut files)?;
            files.sort_unstable();
            Ok((class, files))
        })
        .collect::<Result<Vec<_>>>()?;
    if found.is_empty() {
        return Err(DataFault::Empty { path: folder.into(), what: "folders of classes", help: LAYOUT.into() }.into());
    }
    print.add(&(found.len() as u64).to_le_bytes());
    for (class, files) in &found {
        if files.is_empty() {
            let help = "put images there, or remove the folder: it would be a class that nothing belongs to".into();
            return Err(DataFault::Empty { path: folder.join(class), what: "images", help }.into());
        }
        print.add(class.as_bytes());
        print.add(&(files.len() as u64).to_le_bytes());
        for (file, bytes, changed) in files {
            print.add(file.as_os_str().as_encoded_bytes());
            print.add(&bytes.to_le_bytes());
            print.add(&changed.to_le_bytes());
        }
    }
    Ok(found)
}

/// Visible files and folders in `folder`; links are followed.
fn children(folder: &Path) -> Result<Vec<(PathBuf, std::fs::Metadata)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| Fault::file("read", folder, &error))? {
        let path = entry.map_err(|error| Fault::file("read", folder, &error))?.path();
        if path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")) {
            let metadata = std::fs::metadata(&path).map_err(|error| Fault::file("read", &path, &error))?;
            found.push((path, metadata));
        }
    }
    Ok(found)
}

fn name_of(path: &Path) -> Result<String> {
    path.file_name().and_then(|name| name.to_str()).map(str::to_owned).ok_or_else(|| {
        Fault::new("data::classes", format!("the name of `{}` is no plain text", path.display()), "rename this folder")
    })
}

/// Adds the images in `folder`, also those in folders inside it; `below` is where it lies in the folder of its class.
fn images(folder: &Path, below: &Path, found: &mut Vec<Found>) -> Result<()> {
    for (path, metadata) in children(folder)? {
        let file = below.join(path.file_name().unwrap_or_default());
        if metadata.is_dir() {
            images(&path, &file, found)?;
        } else if path.extension().is_some_and(|own| ENDINGS.iter().any(|ending| own.eq_ignore_ascii_case(ending))) {
            let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            found.push((file, metadata.len(), changed.map_or(0, |time| time.as_secs())));
        }
    }
    Ok(())
}

/// All images of `found`, labelled by the place of their class among `names`.
fn entries(root: &Path, found: Vec<(String, Vec<Found>)>, names: &[String]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut strange = Vec::new();
    for (class, files) in found {
        match names.binary_search(&class).ok().and_then(|at| u16::try_from(at).ok()) {
            Some(label) => entries.extend(files.into_iter().map(|(file, ..)| Entry { file, label })),
            None => strange.push(class),
        }
    }
    if strange.is_empty() {
        return Ok(entries);
    }
    let count = strange.len();
    strange.truncate(5);
    Err(DataFault::Classes { path: root.into(), count, first: strange.join(", ") }.into())
}

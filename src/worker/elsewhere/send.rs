//! What jobs need on another machine: where it lies there, and sending what is not there yet.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::reach::Reach;
use super::{ElsewhereFault, Held, Spot};
use crate::base::{Fault, Progress, Result};

/// Folder there for files that are not of the lab, each under its hash.
const INPUTS: &str = "inputs";

/// From paths here to paths there.
pub(super) struct Moves<'a> {
    spot: &'a Spot,
    home: &'a Path,
    root: &'a str,
    /// Where files that are not of the lab lie there.
    inputs: BTreeMap<PathBuf, PathBuf>,
    /// What must be there: here, there.
    needs: BTreeMap<PathBuf, PathBuf>,
}

impl<'a> Moves<'a> {
    /// For jobs of the lab in `home`, which run at `spot` in the folder `root`.
    pub fn new(spot: &'a Spot, home: &'a Path, root: &'a str) -> Self {
        Self { spot, home, root, inputs: BTreeMap::new(), needs: BTreeMap::new() }
    }

    /// The name of a folder of the lab: `KIND/KEY`.
    pub fn name(&self, path: &Path) -> Option<String> {
        Some(path.strip_prefix(self.home).ok()?.to_str()?.to_owned())
    }

    /// Where `path` lies there.
    pub fn there(&self, path: &Path) -> PathBuf {
        if self.spot.host.is_none() {
            return path.into();
        }
        match path.strip_prefix(self.home) {
            Ok(below) => Path::new(self.root).join(below),
            Err(_) => self.inputs.get(path).cloned().unwrap_or_else(|| path.into()),
        }
    }

    /// Notes that a job reads `path`. If that is still to be made by a job among `earlier`, that one.
    pub fn need(&mut self, path: &Path, earlier: &[Held]) -> Result<Option<(String, usize)>> {
        let mapped = |(here, there): &(String, String)| Some(Path::new(there).join(path.strip_prefix(here).ok()?));
        if let Some(there) = self.spot.paths.iter().find_map(mapped) {
            self.inputs.insert(path.into(), there);
            return Ok(None);
        }
        if !path.exists() {
            let folder = path.parent().and_then(|folder| self.name(folder));
            let makes = |held: &&Held| folder.as_ref().is_some_and(|folder| held.names.contains(folder));
            return match earlier.iter().find(makes) {
                Some(held) => Ok(Some((held.batch.clone(), held.at))),
                None => Err(ElsewhereFault::Input { path: path.display().to_string() }.into()),
            };
        }
        if self.spot.host.is_some() {
            if !path.starts_with(self.home) && !self.inputs.contains_key(path) {
                let name = path.file_name().unwrap_or_default();
                self.inputs.insert(path.into(), Path::new(self.root).join(INPUTS).join(contents(path)?).join(name));
            }
            self.needs.insert(path.into(), self.there(path));
        }
        Ok(None)
    }

    /// Sends what is not there.
    pub fn send(&self, reach: &Reach, progress: &Progress) -> Result<()> {
        if self.needs.is_empty() {
            return Ok(());
        }
        let list: String = self.needs.values().map(|there| format!("{}\n", there.display())).collect();
        let script = "while IFS= read -r f; do [ -e \"$f\" ] || printf '%s\\n' \"$f\"; done";
        let missing = reach.done("looking for files", script, &list)?;
        for (here, there) in &self.needs {
            if !missing.lines().any(|line| Path::new(line) == there) {
                continue;
            }
            let (Some(from), Some(name), Some(to)) = (here.parent(), here.file_name(), there.parent()) else { continue };
            progress.say(&format!("sending `{}` to {}", here.display(), reach.place));
            reach.send(from, &name.to_string_lossy(), &to.to_string_lossy())?;
        }
        Ok(())
    }
}

/// A hash of what lies at `path`: of the bytes of a file; of names, lengths and times of all files in a folder.
fn contents(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let bad = |path: &Path, error: &std::io::Error| Fault::file("read", path, error);
    if path.is_file() {
        let mut file = File::open(path).map_err(|error| bad(path, &error))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer).map_err(|error| bad(path, &error))? {
                0 => break,
                read => hash.update(&buffer[..read]),
            }
        }
    } else {
        let mut folders = vec![path.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
            let mut found: Vec<_> = entries.map_err(|error| bad(&folder, &error))?.iter().map(std::fs::DirEntry::path).collect();
            found.sort();
            for file in found {
                let metadata = std::fs::metadata(&file).map_err(|error| bad(&file, &error))?;
                if metadata.is_dir() {
                    folders.push(file);
                    continue;
                }
                let changed = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
                let name = file.strip_prefix(path).unwrap_or(&file).to_string_lossy();
                hash.update(format!("{name}\n{} {}\n", metadata.len(), changed.as_nanos()).as_bytes());
            }
        }
    }
    Ok(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

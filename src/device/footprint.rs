//! What a model costs beside time: its file, the memory of a process that runs it, energy.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::DeviceFault;
use super::ort::{OrtSession, load_runtime};
use crate::base::{Fault, Result};

/// Runs of a model before its memory is looked at.
const RUNS: usize = 3;

/// What a process needed to load and run a model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PeakMemory {
    /// Memory of the process before it loaded the model, the runtime's library included, in bytes.
    pub before_bytes: u64,
    /// The most while it loaded and ran it, in bytes.
    pub peak_bytes: u64,
}

/// Loads and runs the model file `path` in this process; a process of its own gives the truest figures. Fails with `file::io`,
/// `device::model_refused`, or `device::option` where the system does not tell what a process uses.
pub fn run_for_memory(path: &Path) -> Result<PeakMemory> {
    load_runtime()?;
    let bytes = std::fs::read(path).map_err(|error| Fault::file("read", path, &error))?;
    let before_bytes = status("VmRSS")?.saturating_sub(bytes.len() as u64);
    // The mark of the most is set back to now, where the system allows it.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let mut session = OrtSession::labelled(&bytes, 1, &path.display().to_string())?;
    drop(bytes);
    let shape = session.input_shape();
    let input = vec![0.5; shape.iter().product()];
    for _ in 0..RUNS {
        session.run(&input, &shape)?;
    }
    Ok(PeakMemory { before_bytes, peak_bytes: status("VmHWM")? })
}

/// A figure of `/proc/self/status`, in bytes.
fn status(name: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let unknown = || DeviceFault::Option {
        what: "this system does not tell how much memory a process uses (/proc/self/status)".into(),
        help: "it is known on Linux",
    };
    Ok(kilobytes.ok_or_else(unknown)? * 1024)
}

/// The processor's own counters of energy.
#[derive(Debug, Clone)]
pub struct Energy {
    /// Counter files with the value at which each begins anew, in microjoules.
    counters: Vec<(PathBuf, u64)>,
}

/// Where Linux shows the counters.
pub const POWERCAP: &str = "/sys/class/powercap";

impl Energy {
    /// The counters of all processor packages below `root` ([`POWERCAP`]). Fails with `device::no_energy`, which says why.
    pub fn open(root: &Path) -> Result<Self> {
        let missing = |reason: String| DeviceFault::NoEnergy { reason };
        let entries =
            std::fs::read_dir(root).map_err(|error| missing(format!("`{}` cannot be read: {error}", root.display())))?;
        let mut counters = Vec::new();
        let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        folders.sort();
        for folder in folders {
            let name = std::fs::read_to_string(folder.join("name")).unwrap_or_default();
            if !name.trim().starts_with("package") {
                continue;
            }
            let file = folder.join("energy_uj");
            read(&file).map_err(|reason| missing(format!("`{}` cannot be read: {reason}", file.display())))?;
            counters.push((file, read(&folder.join("max_energy_range_uj")).unwrap_or(u64::MAX)));
        }
        if counters.is_empty() {
            return Err(missing(format!("`{}` shows no counter of a processor package", root.display())).into());
        }
        Ok(Self { counters })
    }

    /// What the counters show now, in microjoules.
    pub fn now(&self) -> Result<Vec<u64>> {
        let one = |(file, _): &(PathBuf, u64)| {
            read(file).map_err(|reason| DeviceFault::NoEnergy { reason: format!("`{}`: {reason}", file.display()) }.into())
        };
        self.counters.iter().map(one).collect()
    }

    /// Energy between two readings, in joules; a counter that began anew in between is counted on.
    pub fn joules(&self, from: &[u64], to: &[u64]) -> f64 {
        let pairs = from.iter().zip(to).zip(&self.counters);
        let used = pairs.map(|((from, to), (_, range))| if to >= from { to - from } else { range.saturating_sub(*from) + to });
        used.sum::<u64>() as f64 / 1e6
    }
}

fn read(file: &Path) -> Result<u64, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    text.trim().parse().map_err(|_| format!("it holds `{}`", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_read_from_all_packages_and_over_the_end_of_a_counter() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Energy::open(&root.path().join("gone")).unwrap_err().code, "device::no_energy");
        let fault = Energy::open(root.path()).unwrap_err();
        assert!(fault.message.contains("no counter of a processor package"), "{fault}");
        for (zone, name, energy) in [("a", "package-0", "900"), ("b", "package-1", "10"), ("c", "dram", "77")] {
            let folder = root.path().join(zone);
            std::fs::create_dir(&folder).unwrap();
            for (file, text) in [("name", name), ("energy_uj", energy), ("max_energy_range_uj", "1000")] {
                std::fs::write(folder.join(file), format!("{text}\n")).unwrap();
            }
        }
        let energy = Energy::open(root.path()).unwrap();
        let from = energy.now().unwrap();
        assert_eq!(from, [900, 10]);
        std::fs::write(root.path().join("a/energy_uj"), "300\n").unwrap();
        std::fs::write(root.path().join("b/energy_uj"), "60\n").unwrap();
        let used = energy.joules(&from, &energy.now().unwrap());
        assert!((used - 450e-6).abs() < 1e-12, "{used}");
    }
}

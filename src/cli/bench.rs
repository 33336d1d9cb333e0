//! `spaceevo bench NAME`: runs a bench of this package.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::Args;
use super::{plain, run};
use crate::runtime::render::Trouble;

/// Runs `tests/bench/NAME.rhai`.
pub(super) fn run(args: &Args, name: &str) -> Result<ExitCode, Box<Trouble>> {
    let folder =
        folder().ok_or_else(|| plain("bench::no_folder", "there is no tests/bench here", "go into the package's folder"))?;
    let file = folder.join(format!("{name}.rhai"));
    if !file.is_file() {
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".rhai").map(str::to_owned))
            .collect();
        names.sort();
        let help = if names.is_empty() { "there are none yet".into() } else { format!("there are {}", names.join(", ")) };
        return Err(plain("bench::unknown", &format!("there is no bench `{name}`"), &help));
    }
    run::file(args, args.running, &file.display().to_string(), &[])
}

/// `tests/bench` of this folder or of one around it, or of the sources that this program was built from.
fn folder() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let built = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().chain([built]).map(|root| root.join("tests/bench")).find(|folder| folder.is_dir())
}

//! `spaceevo check`: examples give what they say.

use std::path::PathBuf;
use std::process::ExitCode;

use super::args::Args;
use super::{settings, terminal};
use crate::base::Fault;
use crate::runtime::example::{Mode, check};
use crate::runtime::render::Trouble;

/// Checks `paths`; without `--lab`, in a lab that is gone afterwards.
pub(super) fn run(args: &Args, paths: &[PathBuf], lint: bool) -> Result<ExitCode, Box<Trouble>> {
    let folder = tempfile::tempdir().map_err(|error| {
        let fault = Fault::new("file::io", format!("cannot make a temporary folder: {error}"), "give a lab with --lab FOLDER");
        Box::new(Trouble::plain(fault))
    })?;
    let mut settings = settings(args, &[]);
    if args.lab.is_none() {
        settings.host.lab = folder.path().join("lab");
    }
    let report = check(paths, if lint { Mode::Lint } else { Mode::Run }, &settings)?;
    for finding in &report.findings {
        terminal::line(&finding.to_string());
    }
    let bad = report.findings.len();
    terminal::line(&format!(
        "{} blocks in {} files, {} expectations: {}",
        report.blocks,
        report.files,
        report.expectations,
        if bad == 0 { "all good".to_owned() } else { format!("{bad} wrong") }
    ));
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

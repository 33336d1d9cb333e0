//! `spaceevo doc`: the reference, generated from the catalogue.

use std::path::Path;
use std::process::ExitCode;

use super::args::Args;
use super::{plain, session, terminal};
use crate::base::write_atomic;
use crate::runtime::catalogue::reference;
use crate::runtime::render::Trouble;

/// Writes `REFERENCE.md` into `folder`, or says whether it is up to date.
pub(super) fn run(args: &Args, folder: &Path, check: bool) -> Result<ExitCode, Box<Trouble>> {
    let text = reference(&session(args, &[])?.catalogue());
    let file = folder.join("REFERENCE.md");
    if check {
        if std::fs::read_to_string(&file).is_ok_and(|old| old == text) {
            return Ok(ExitCode::SUCCESS);
        }
        let message = format!("`{}` is not what the documentation comments say now", file.display());
        return Err(plain("doc::stale", &message, "run `spaceevo doc`"));
    }
    write_atomic(&file, text.as_bytes()).map_err(|fault| Box::new(Trouble::plain(fault)))?;
    terminal::line(&format!("{}: {} lines", file.display(), text.lines().count()));
    Ok(ExitCode::SUCCESS)
}

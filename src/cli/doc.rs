//! `spaceevo doc`: help on a name, or what is generated from the catalogue: the reference and the definitions for editors.

use std::path::Path;
use std::process::ExitCode;

use super::args::Args;
use super::{plain, session, terminal};
use crate::base::write_atomic;
use crate::runtime::catalogue::{definitions, reference};
use crate::runtime::render::Trouble;

/// Prints what `help("name")` gives.
pub(super) fn explain(args: &Args, name: &str) -> Result<ExitCode, Box<Trouble>> {
    // As the prompt takes it: `Table.height`, `height()`.
    let name = name.trim_end_matches("()").rsplit('.').next().unwrap_or(name);
    let text = session(args, &[])?.help(name).map_err(|fault| Box::new(Trouble::plain(fault)))?;
    terminal::line(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Writes `REFERENCE.md` and `spaceevo.d.rhai` into `folder`, or says whether they are up to date.
pub(super) fn run(args: &Args, folder: &Path, check: bool) -> Result<ExitCode, Box<Trouble>> {
    let catalogue = session(args, &[])?.catalogue();
    for (name, text) in [("REFERENCE.md", reference(&catalogue)), ("spaceevo.d.rhai", definitions(&catalogue))] {
        let file = folder.join(name);
        if std::fs::read_to_string(&file).is_ok_and(|old| old == text) {
            // Left as it is, so that nothing is built anew for its sake.
            if !check {
                terminal::line(&format!("{}: up to date", file.display()));
            }
            continue;
        }
        if check {
            let message = format!("`{}` is not what the documentation comments say now", file.display());
            return Err(plain("doc::stale", &message, "run `spaceevo doc`"));
        }
        write_atomic(&file, text.as_bytes()).map_err(|fault| Box::new(Trouble::plain(fault)))?;
        terminal::line(&format!("{}: {} lines", file.display(), text.lines().count()));
    }
    Ok(ExitCode::SUCCESS)
}

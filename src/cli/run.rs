//! Runs a script file or a piece of code.

use std::path::Path;

use super::args::Args;
use super::{Ended, session, session_with, settings, terminal};
use crate::base::{Fault, write_aside};
use crate::runtime::render::Trouble;

fn text_of(path: &Path) -> Result<String, Box<Trouble>> {
    std::fs::read_to_string(path).map_err(|error| Box::new(Trouble::plain(Fault::file("read", path, &error))))
}

/// Goes through the script at `path` with long work cut to a small part. Its lab and what it writes are in a folder that is
/// deleted at the end.
pub(super) fn dry(args: &Args, path: &Path, rest: &[String]) -> Ended {
    let source = text_of(path)?;
    let folder = tempfile::tempdir()
        .map_err(|error| Box::new(Trouble::plain(Fault::file("make a folder in", &std::env::temp_dir(), &error))))?;
    write_aside(folder.path());
    let mut settings = settings(args, rest);
    settings.host.dry = true;
    settings.host.lab = folder.path().join("lab");
    let session = session_with(args, settings)?;
    let outcome = session.eval(&source, &path.display().to_string());
    let cuts = session.cuts();
    let cut = if cuts.is_empty() { "nothing was cut".into() } else { format!("cut were {}", cuts.join("; ")) };
    terminal::error(&format!("dry run: {cut}; nothing is kept\n"));
    outcome.trouble.map_or(Ok(()), Err)
}

/// Runs the script at `path`; `rest` is its `ARGS`.
pub(super) fn file(args: &Args, path: &Path, rest: &[String]) -> Ended {
    let source = text_of(path)?;
    let outcome = session(args, rest)?.eval(&source, &path.display().to_string());
    outcome.trouble.map_or(Ok(()), Err)
}

/// Evaluates `code` and prints its value.
pub(super) fn code(args: &Args, code: &str) -> Ended {
    let outcome = session(args, &args.rest)?.eval(code, "-e");
    if let Some(text) = outcome.printed {
        terminal::line(&text);
    }
    outcome.trouble.map_or(Ok(()), Err)
}

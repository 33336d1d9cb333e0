//! Runs a script file or a piece of code.

use std::path::Path;

use super::args::Args;
use super::{Ended, session, terminal};
use crate::base::Fault;
use crate::runtime::render::Trouble;

/// Runs the script at `path`; `rest` is its `ARGS`.
pub(super) fn file(args: &Args, path: &Path, rest: &[String]) -> Ended {
    let source = std::fs::read_to_string(path).map_err(|error| Box::new(Trouble::plain(Fault::file("read", path, &error))))?;
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

//! Runs a script: a file, standard input, or code from the command line.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use super::args::{Args, Running};
use super::terminal::Prints;
use super::{INTERRUPTED, missing, report, session_printing, settings, shell, terminal, usage, watch};
use crate::base::{Fault, write_aside};
use crate::runtime::render::Trouble;
use crate::runtime::{Outcome, Session};

/// A script to run.
#[derive(Debug)]
pub(super) struct Script {
    /// What messages call it.
    pub name: String,
    pub text: String,
    /// Whether its last value is printed.
    pub shows: bool,
}

/// Runs the script that `words` begin with; the others are its arguments.
pub(super) fn words(args: &Args, running: Running, words: &[String]) -> Result<ExitCode, Box<Trouble>> {
    match words.split_first() {
        Some((name, rest)) if name == "-" => input(args, running, rest),
        Some((name, rest)) => file(args, running, name, rest),
        None => input(args, running, &[]),
    }
}

/// Runs the script in the file `path`.
pub(super) fn file(args: &Args, running: Running, path: &str, rest: &[String]) -> Result<ExitCode, Box<Trouble>> {
    if !Path::new(path).exists() || Path::new(path).is_dir() {
        return Ok(missing::script(path));
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| Box::new(Trouble::plain(Fault::file("read", Path::new(path), &error))))?;
    if let Some(option) = misplaced(&text, rest) {
        let message = format!("`{option}` behind the script's name is an argument of the script, which reads none");
        return Ok(usage("usage::order", &message, &format!("write `spaceevo {option} ... {path}`")));
    }
    if running.watch {
        return watch::run(args, running, Path::new(path), rest);
    }
    once(args, running, &Script { name: path.into(), text, shows: false }, rest)
}

/// Runs what standard input brings and prints its value.
fn input(args: &Args, running: Running, rest: &[String]) -> Result<ExitCode, Box<Trouble>> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Box::new(Trouble::plain(Fault::file("read", Path::new("standard input"), &error))))?;
    code(args, running, "stdin", text, rest)
}

/// Evaluates `text`, which is in no file, and prints its value.
pub(super) fn code(args: &Args, running: Running, name: &str, text: String, rest: &[String]) -> Result<ExitCode, Box<Trouble>> {
    if running.watch {
        return Ok(usage("usage::watch", "`--watch` needs a script in a file", "write `spaceevo --watch FILE`"));
    }
    once(args, running, &Script { name: name.into(), text, shows: true }, rest)
}

fn once(args: &Args, running: Running, script: &Script, rest: &[String]) -> Result<ExitCode, Box<Trouble>> {
    if running.dry {
        return dry(args, running, script, rest);
    }
    let session = session_printing(args, settings(args, rest), Prints::of(running))?;
    if running.debug {
        let (trouble, frames) = session.eval_watched(&script.text, &script.name);
        let Some(trouble) = trouble else { return Ok(ExitCode::SUCCESS) };
        report(&trouble);
        terminal::error(&format!("{frames}\n"));
        return Ok(if session.cancel().is_cancelled() { INTERRUPTED.into() } else { ExitCode::FAILURE });
    }
    let outcome = session.eval(&script.text, &script.name);
    finish(&session, outcome, script.shows, running.json)
}

/// Goes through a script with long work cut to a small part. Its lab and what it writes are in a folder that is deleted at
/// the end.
fn dry(args: &Args, running: Running, script: &Script, rest: &[String]) -> Result<ExitCode, Box<Trouble>> {
    let folder = tempfile::tempdir()
        .map_err(|error| Box::new(Trouble::plain(Fault::file("make a folder in", &std::env::temp_dir(), &error))))?;
    write_aside(folder.path());
    let mut settings = settings(args, rest);
    settings.host.dry = true;
    settings.host.lab = folder.path().join("lab");
    let session = session_printing(args, settings, Prints::of(running))?;
    let outcome = session.eval(&script.text, &script.name);
    let cuts = session.cuts();
    let cut = if cuts.is_empty() { "nothing was cut".into() } else { format!("cut were {}", cuts.join("; ")) };
    terminal::error(&format!("dry run: {cut}; nothing is kept\n"));
    finish(&session, outcome, script.shows, running.json)
}

/// Shows what came of a script, and says with which code to end.
pub(super) fn finish(session: &Session, outcome: Outcome, shows: bool, json: bool) -> Result<ExitCode, Box<Trouble>> {
    let stopped = session.cancel().is_cancelled();
    if stopped && terminal::closed() {
        // It was stopped because nobody reads what it prints.
        return Ok(ExitCode::SUCCESS);
    }
    match outcome.trouble {
        Some(trouble) if stopped => {
            report(&trouble);
            return Ok(INTERRUPTED.into());
        }
        Some(trouble) => return Err(trouble),
        None if json => terminal::line(&session.json(&outcome).map_err(|fault| Box::new(Trouble::plain(fault)))?),
        None => {
            if let Some(text) = outcome.printed.filter(|_| shows) {
                terminal::line(&text);
            }
        }
    }
    Ok(if stopped && !terminal::closed() { INTERRUPTED.into() } else { ExitCode::SUCCESS })
}

/// An option of the program that stands behind a script which cannot see its arguments: it was meant for the program.
fn misplaced(text: &str, rest: &[String]) -> Option<String> {
    let reads =
        text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == "args" || word == "ARGS");
    if reads { None } else { rest.iter().find_map(|word| shell::option(word)) }
}

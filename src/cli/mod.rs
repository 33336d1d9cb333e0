//! The command line: what to do, with which session, and how its output reaches the terminal.

mod args;
mod bench;
mod check;
mod doc;
mod interrupt;
mod progress;
mod replay;
mod run;
mod terminal;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::base::{Fault, Progress};
use crate::runtime::render::{Trouble, colours_on_stderr};
use crate::runtime::{HostSettings, Session, Settings};
use args::{Args, Command};
use terminal::Terminal;

/// Why a command did not end well; its report is already written or is inside.
type Ended = Result<(), Box<Trouble>>;

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    let args = Args::parse();
    match act(&args) {
        Ok(code) => code,
        Err(trouble) => {
            report(&trouble);
            ExitCode::FAILURE
        }
    }
}

fn act(args: &Args) -> Result<ExitCode, Box<Trouble>> {
    match (&args.command, &args.eval, &args.file) {
        (Some(Command::Run { file, args: rest }), ..) => run::file(args, file, rest)?,
        (None, Some(code), _) => run::code(args, code)?,
        (None, None, Some(file)) => run::file(args, file, &args.rest)?,
        (Some(Command::Check { paths, lint }), ..) => return check::run(args, paths, *lint),
        (Some(Command::Doc { out, check }), ..) => return doc::run(args, out, *check),
        (Some(Command::Replay { bundle, keep }), ..) => return replay::run(args, bundle, keep.as_deref()),
        (Some(Command::Bench { name }), ..) => bench::run(args, name)?,
        (None, None, None) => {
            let session = session(args, &[])?;
            crate::repl::run(&session, &Prompt).map_err(|fault| Box::new(Trouble::plain(fault)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the options ask for.
fn settings(args: &Args, rest: &[String]) -> Settings {
    let mut host = HostSettings::default();
    if let Some(lab) = &args.lab {
        host.lab.clone_from(lab);
    }
    if let Some(workers) = args.workers {
        host.workers = workers.into();
    }
    Settings { host, stdlib: args.stdlib.clone(), args: rest.to_vec(), ..Settings::default() }
}

/// A session whose output and progress go to this terminal.
fn session(args: &Args, rest: &[String]) -> Result<Session, Box<Trouble>> {
    let bars = Arc::new(progress::Bars::new(args.quiet));
    let session = Session::new(settings(args, rest), Arc::new(Terminal::new(bars.clone())))?;
    session.set_progress(Progress::to(bars));
    interrupt::watch(session.cancel());
    Ok(session)
}

fn report(trouble: &Trouble) {
    terminal::error(&trouble.text(colours_on_stderr()));
}

/// Where the prompt's answers go.
struct Prompt;

impl crate::repl::Screen for Prompt {
    fn show(&self, text: &str) {
        terminal::line(text);
    }

    fn trouble(&self, trouble: &Trouble) {
        report(trouble);
    }
}

fn plain(code: &str, message: &str, help: &str) -> Box<Trouble> {
    Box::new(Trouble::plain(Fault::new(code, message, help)))
}

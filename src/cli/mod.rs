//! The command line: what to do, with which session, and how its output reaches the terminal.

mod args;
mod bench;
mod check;
mod doc;
mod interrupt;
mod kernel;
mod missing;
mod progress;
mod replay;
mod run;
mod shell;
mod terminal;
mod watch;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::base::{Fault, Progress};
use crate::repl::Questions;
use crate::runtime::render::{Trouble, colours_on_stderr};
use crate::runtime::{HostSettings, Session, Settings, Shown};
use args::{Args, Command};
use terminal::{Prints, Terminal};

/// The exit code of what Ctrl-C ended.
const INTERRUPTED: u8 = 130;

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
    match (&args.command, &args.eval) {
        (Some(Command::Run { running, script }), _) => run::words(args, args.running.or(*running), script),
        (Some(Command::Repl), _) => prompt(args),
        (Some(Command::Kernel { act, connection_file }), _) => kernel::run(args, act.as_ref(), connection_file.as_deref()),
        (Some(Command::Check { paths, lint }), _) => check::run(args, paths, *lint),
        (Some(Command::Doc { name: Some(name), .. }), _) => doc::explain(args, name),
        (Some(Command::Doc { name: None, out, check }), _) => doc::run(args, out, *check),
        (Some(Command::Replay { bundle, keep }), _) => replay::run(args, bundle, keep.as_deref()),
        (Some(Command::Bench { name }), _) => bench::run(args, name),
        (Some(Command::Completions { shell }), _) => Ok(shell::completions(*shell)),
        (Some(Command::Man { command }), _) => shell::man(command.as_deref()),
        (None, Some(code)) => run::code(args, args.running, "-e", code.clone(), &args.script),
        // Someone at a terminal is to talk with; a pipe brings a script.
        (None, None) if args.script.is_empty() && std::io::stdin().is_terminal() => prompt(args),
        (None, None) => run::words(args, args.running, &args.script),
    }
}

fn prompt(args: &Args) -> Result<ExitCode, Box<Trouble>> {
    let questions = Arc::new(Questions::default());
    let session = Arc::new(session_asking(args, settings(args, &[]), Prints::ToOutput, Some(questions.clone()))?);
    crate::repl::run(&session, &Prompt, &questions).map_err(|fault| Box::new(Trouble::plain(fault)))?;
    Ok(ExitCode::SUCCESS)
}

/// What the options ask for.
fn settings(args: &Args, rest: &[String]) -> Settings {
    let mut host = HostSettings { seed: args.seed, ..HostSettings::default() };
    if let Some(lab) = &args.lab {
        host.lab.clone_from(lab);
    }
    if let Some(workers) = args.workers {
        host.workers = workers.into();
    }
    host.devices.clone_from(&args.devices);
    Settings { host, stdlib: args.stdlib.clone(), args: rest.to_vec(), ..Settings::default() }
}

/// A session whose output and progress go to this terminal.
fn session(args: &Args, rest: &[String]) -> Result<Session, Box<Trouble>> {
    session_printing(args, settings(args, rest), Prints::ToOutput)
}

fn session_printing(args: &Args, settings: Settings, prints: Prints) -> Result<Session, Box<Trouble>> {
    session_asking(args, settings, prints, None)
}

fn session_asking(
    args: &Args,
    settings: Settings,
    prints: Prints,
    questions: Option<Arc<Questions>>,
) -> Result<Session, Box<Trouble>> {
    let bars = Arc::new(progress::Bars::new(args.quiet));
    let session = Session::new(settings, Arc::new(Terminal::new(bars.clone(), prints, questions)))?;
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
    fn show(&self, shown: &Shown) {
        match shown {
            Shown::Value(value) | Shown::Page(value) => terminal::line(value.text().trim_end()),
            Shown::Text(text) => terminal::line(text.trim_end()),
            Shown::Trouble(trouble) => report(trouble),
        }
    }
}

/// Says that the command line asks for what cannot be done, and gives the exit code of that.
fn usage(code: &str, message: &str, help: &str) -> ExitCode {
    report(&plain(code, message, help));
    ExitCode::from(2)
}

fn plain(code: &str, message: &str, help: &str) -> Box<Trouble> {
    Box::new(Trouble::plain(Fault::new(code, message, help)))
}

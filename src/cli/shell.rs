//! What shells and `man` read: completions and manual pages, made from the arguments.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::{generate, shells};
use clap_mangen::Man;

use super::args::{Args, Shell};
use super::{plain, terminal, usage};
use crate::base::did_you_mean;
use crate::runtime::render::Trouble;

const NAME: &str = "spaceevo";

/// Prints the completions for `shell`.
pub(super) fn completions(shell: Shell) -> ExitCode {
    let (mut command, mut script) = (Args::command(), Vec::new());
    match shell {
        Shell::Bash => generate(shells::Bash, &mut command, NAME, &mut script),
        Shell::Zsh => generate(shells::Zsh, &mut command, NAME, &mut script),
        Shell::Fish => generate(shells::Fish, &mut command, NAME, &mut script),
    }
    terminal::line(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}

/// Prints the manual page of the program, or of one of its commands.
pub(super) fn man(name: Option<&str>) -> Result<ExitCode, Box<Trouble>> {
    let mut command = Args::command();
    // Hands the options for all commands down to each, and makes their names `spaceevo-run`.
    command.build();
    if let Some(name) = name {
        let Some(found) = command.find_subcommand(name) else {
            let help = did_you_mean(name, commands().iter().map(String::as_str));
            return Ok(usage("usage::command", &format!("there is no command `{name}`"), &help));
        };
        command = found.clone();
    }
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(|error| plain("file::io", &format!("cannot write the page: {error}"), ""))?;
    terminal::line(String::from_utf8_lossy(&page).trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Names of all commands.
pub(super) fn commands() -> Vec<String> {
    Args::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// The program's option that `word` is, as `--name`: one that stands before the script.
pub(super) fn option(word: &str) -> Option<String> {
    let name = word.strip_prefix("--")?.split('=').next()?;
    let command = Args::command();
    let found = command.get_arguments().filter_map(clap::Arg::get_long).any(|long| long == name);
    (found || ["help", "version"].contains(&name)).then(|| format!("--{name}"))
}

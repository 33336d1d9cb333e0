//! The arguments of `spaceevo`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum, ValueHint};

use crate::base::Fault;
use crate::runtime::Processor;

/// Under the help of the program and of `run`.
const RUNNING: &str = "\
Options of the program stand before FILE; what follows FILE belongs to the script. It sees the words as the array `ARGS`,
and by name, as numbers where they are some, in the map `args`: behind `--limit 3 --name=x --flag a.csv` it has
`args.limit == 3`, `args.name == \"x\"`, `args.flag == true` and `args.rest == [\"a.csv\"]`. A script states its defaults with
`let given = options(#{ limit: 10, rest: [] }, args);`, which refuses a misspelt name.

A script may begin with `#!/usr/bin/env spaceevo` and be executable.

Exit codes: 0 done, 1 the script failed, 2 it could not be started as asked, 130 interrupted.";

/// A scripting lab for hardware-aware search-space design.
///
/// Runs a script. Without one it opens a prompt, or runs what a pipe brings as one script.
#[derive(Debug, Parser)]
#[command(name = "spaceevo", version, subcommand_precedence_over_arg = true, disable_help_subcommand = true)]
#[command(after_long_help = RUNNING, override_usage = "spaceevo [OPTIONS] [FILE] [ARGS]...\n       spaceevo [OPTIONS] COMMAND ...")]
pub(super) struct Args {
    /// What to do instead of running a script.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// A script to run, `-` for standard input, and its arguments.
    #[arg(num_args = 1.., value_names = ["FILE", "ARGS"], value_hint = ValueHint::FilePath, trailing_var_arg = true)]
    pub script: Vec<String>,

    /// Evaluate this code and print its value; words behind `--` are its arguments.
    #[arg(short, long = "eval", value_name = "CODE")]
    pub eval: Option<String>,

    #[command(flatten)]
    pub running: Running,

    /// Folder where the lab keeps what it measured and trained [default: .spaceevo].
    #[arg(long, global = true, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub lab: Option<PathBuf>,

    /// Folder of scripts that win over the library inside the program.
    #[arg(long, global = true, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub stdlib: Option<PathBuf>,

    /// Worker processes for training [default: one a core].
    #[arg(long, global = true, value_name = "N")]
    pub workers: Option<NonZeroUsize>,

    /// What they compute with: `cuda:0`, or several cards `cuda:0,cuda:1` [default: cpu].
    #[arg(long, global = true, value_name = "LIST", value_delimiter = ',', value_parser = device)]
    pub devices: Vec<Processor>,

    /// The seed of everything that takes a seed and is not given one.
    #[arg(long, global = true, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Show no progress and no news, only what the script prints and why it failed.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// A device, or what is wrong with its name.
fn device(text: &str) -> Result<Processor, String> {
    text.parse().map_err(|fault: Fault| fault.help.map_or(fault.message, |help| help))
}

/// How a script is run.
#[derive(Debug, Clone, Copy, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the command line")]
pub(super) struct Running {
    /// Print the last value as JSON on one line; what the script prints goes to standard error.
    #[arg(long)]
    pub json: bool,

    /// Run again whenever the script, or one that it imported, changes; Ctrl-C ends.
    #[arg(long)]
    pub watch: bool,

    /// Go through it quickly: one step of training, searches of twenty evaluations, counted latencies; nothing is kept.
    #[arg(long)]
    pub dry: bool,

    /// If it fails, show what the variables of its functions held; the script itself runs slower.
    #[arg(long)]
    pub debug: bool,
}

impl Running {
    /// What either of two asks for.
    pub fn or(self, other: Self) -> Self {
        Self {
            json: self.json || other.json,
            watch: self.watch || other.watch,
            dry: self.dry || other.dry,
            debug: self.debug || other.debug,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a script.
    #[command(after_help = RUNNING, override_usage = "spaceevo run [OPTIONS] FILE [ARGS]...")]
    Run {
        #[command(flatten)]
        running: Running,
        /// The script, `-` for standard input, and its arguments.
        #[arg(required = true, num_args = 1.., value_names = ["FILE", "ARGS"], value_hint = ValueHint::FilePath, trailing_var_arg = true)]
        script: Vec<String>,
    },

    /// Open the prompt, also where a pipe brings the inputs.
    Repl,

    /// Work in Jupyter: install the kernel, remove it, or be it.
    Kernel {
        #[command(subcommand)]
        act: Option<super::kernel::Act>,
        /// Serve the clients that this file names; Jupyter writes it.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        connection_file: Option<PathBuf>,
    },

    /// Check the examples in scripts, Markdown and documentation comments.
    #[command(
        after_help = "An example says what it gives: `1 + 1 //> 2`, `0.33 //> ~0.3 ±0.05`, `nope //> fails script::unknown_variable`."
    )]
    Check {
        /// Files, or folders to go through.
        #[arg(required = true, value_hint = ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
        /// Only read them: unknown names, wrong arity, misspelt options.
        #[arg(long)]
        lint: bool,
    },

    /// Explain a name, or write the reference of everything a script can say.
    Doc {
        /// A function, a property or a type: print what `help("NAME")` gives, and write nothing.
        name: Option<String>,
        /// Folder for REFERENCE.md, and for spaceevo.d.rhai, the definitions for editors.
        #[arg(long, value_name = "FOLDER", default_value = "stdlib", value_hint = ValueHint::DirPath, conflicts_with = "name")]
        out: PathBuf,
        /// Write nothing; fail if one of the two is not up to date.
        #[arg(long, conflicts_with = "name")]
        check: bool,
    },

    /// Run the scripts of a bundle again and say which of its results agree.
    Replay {
        /// A file that `lab::bundle` made.
        bundle: PathBuf,
        /// Work in this new folder and keep it, with a lab of its own.
        #[arg(long, value_name = "FOLDER")]
        keep: Option<PathBuf>,
    },

    /// Run tests/bench/NAME.rhai of this package.
    Bench {
        /// Name of the bench.
        name: String,
    },

    /// Print the completions of this command line for a shell.
    #[command(after_help = "\
bash: spaceevo completions bash > ~/.local/share/bash-completion/completions/spaceevo
zsh:  spaceevo completions zsh > _spaceevo, into a folder of $fpath
fish: spaceevo completions fish > ~/.config/fish/completions/spaceevo.fish")]
    Completions {
        /// The shell.
        shell: Shell,
    },

    /// Print the manual page, of the program or of one command.
    #[command(after_help = "To read it at once: spaceevo man | man -l -")]
    Man {
        /// A command, such as `run`.
        command: Option<String>,
    },
}

/// A shell that can complete.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Args, Command};

    #[test]
    fn what_follows_the_script_is_its_own() {
        let read = |line: &str| Args::try_parse_from(line.split(' ')).map_err(|error| error.to_string());
        let args = read("spaceevo --seed 3 a.rhai --seed 4 --help -- -q").unwrap();
        assert_eq!((args.seed, args.script.join(" ")), (3, "a.rhai --seed 4 --help -- -q".into()));
        let args = read("spaceevo run --json - check --quiet").unwrap();
        let Some(Command::Run { running, script }) = args.command else { panic!("{args:?}") };
        assert!(running.json && !args.quiet && script == ["-", "check", "--quiet"]);
        let args = read("spaceevo -e args -- --limit 3").unwrap();
        assert_eq!(args.script, ["--limit", "3"]);
        assert!(read("spaceevo --sede 3 a.rhai").unwrap_err().contains("--seed"));
    }
}

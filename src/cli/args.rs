//! The arguments of `spaceevo`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// A scripting lab for hardware-aware search-space design.
///
/// Without a script or a command it opens a prompt.
#[derive(Debug, Parser)]
#[command(name = "spaceevo", version, subcommand_precedence_over_arg = true, disable_help_subcommand = true)]
pub(super) struct Args {
    /// What to do instead of running a script.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// A script to run; the arguments after it are its `ARGS`.
    pub file: Option<PathBuf>,

    /// Arguments of the script.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<String>,

    /// Evaluate this code and print its value.
    #[arg(short, long = "eval", value_name = "CODE", conflicts_with = "file")]
    pub eval: Option<String>,

    /// Folder where the lab keeps what it measured and trained.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub lab: Option<PathBuf>,

    /// Folder of scripts that win over the library inside the program.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub stdlib: Option<PathBuf>,

    /// Worker processes for training.
    #[arg(long, global = true, value_name = "N")]
    pub workers: Option<NonZeroUsize>,

    /// Show no progress.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a script.
    Run {
        /// The script.
        file: PathBuf,
        /// What it sees as `ARGS`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },

    /// Check the examples in scripts, Markdown and documentation comments.
    Check {
        /// Files, or folders to go through.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Only read them: unknown names, wrong arity, misspelt options.
        #[arg(long)]
        lint: bool,
    },

    /// Write the reference of everything a script can say.
    Doc {
        /// Folder for REFERENCE.md.
        #[arg(long, value_name = "FOLDER", default_value = "stdlib")]
        out: PathBuf,
        /// Write nothing; fail if the reference is not up to date.
        #[arg(long)]
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
}

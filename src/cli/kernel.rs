//! `spaceevo kernel`: installs the Jupyter kernel, removes it, and is it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Subcommand, ValueHint};

use super::args::Args;
use super::{report, settings, terminal, usage};
use crate::base::Fault;
use crate::kernel::spec::{self, NAME, Place};
use crate::runtime::Processor;
use crate::runtime::Session;
use crate::runtime::render::Trouble;

/// What to do with the kernel.
#[derive(Debug, Subcommand)]
pub(super) enum Act {
    /// Tell Jupyter of the kernel; options such as --lab that stand before `kernel` are those it is started with.
    Install(Where),
    /// Let Jupyter forget it.
    Uninstall(Where),
}

/// Where the kernel is installed.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// For this person, which is what happens unless another place is named.
    #[arg(long, group = "place")]
    user: bool,
    /// In the environment of the `python3` that comes first on the PATH.
    #[arg(long, group = "place")]
    sys_prefix: bool,
    /// Under FOLDER/share/jupyter.
    #[arg(long, group = "place", value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    prefix: Option<PathBuf>,
    /// The name that Jupyter knows it by.
    #[arg(long, value_name = "NAME", default_value = NAME)]
    name: String,
}

impl Where {
    fn place(&self) -> Place {
        match &self.prefix {
            Some(prefix) => Place::Prefix(prefix.clone()),
            None if self.user || !self.sys_prefix => Place::User,
            None => Place::SysPrefix,
        }
    }
}

pub(super) fn run(args: &Args, act: Option<&Act>, connection: Option<&Path>) -> Result<ExitCode, Box<Trouble>> {
    let plain = |fault: Fault| Box::new(Trouble::plain(fault));
    match (act, connection) {
        (Some(Act::Install(at)), _) => {
            let program =
                std::env::current_exe().map_err(|error| plain(Fault::file("find", Path::new("this program"), &error)))?;
            let folder = spec::install(&at.place(), &at.name, &program, &options(args)).map_err(plain)?;
            terminal::line(&format!("installed the kernel `{}` in {}", at.name, folder.display()));
            Ok(ExitCode::SUCCESS)
        }
        (Some(Act::Uninstall(at)), _) => {
            let folder = spec::uninstall(&at.place(), &at.name).map_err(plain)?;
            terminal::line(&format!("removed the kernel `{}` from {}", at.name, folder.display()));
            Ok(ExitCode::SUCCESS)
        }
        (None, Some(file)) => serve(args, file),
        (None, None) => {
            let help = "`spaceevo kernel install` tells Jupyter of it; Jupyter itself adds --connection-file FILE";
            Ok(usage("usage::kernel", "what is to be done with the kernel?", help))
        }
    }
}

fn serve(args: &Args, file: &Path) -> Result<ExitCode, Box<Trouble>> {
    let settings = settings(args, &[]);
    match crate::kernel::run(file, |output: Arc<_>| Session::new(settings, output)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(trouble) => {
            report(&trouble);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Options of this call that the kernel is to be started with, too.
fn options(args: &Args) -> Vec<String> {
    let mut options = Vec::new();
    let mut add = |name: &str, value: String| options.extend([name.to_owned(), value]);
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    if let Some(lab) = &args.lab {
        add("--lab", whole(lab));
    }
    if let Some(stdlib) = &args.stdlib {
        add("--stdlib", whole(stdlib));
    }
    if let Some(workers) = args.workers {
        add("--workers", workers.to_string());
    }
    if !args.devices.is_empty() {
        add("--devices", Processor::list(&args.devices));
    }
    if args.seed != 0 {
        add("--seed", args.seed.to_string());
    }
    options
}

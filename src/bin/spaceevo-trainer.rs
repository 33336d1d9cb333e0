//! The binary `spaceevo-trainer`: the only one that links libtorch. A session starts it and speaks to it over standard streams;
//! on other machines it sees to batches of jobs.

use std::path::PathBuf;
use std::process::ExitCode;

use spaceevo::base::Result;
use spaceevo::worker::Processor;

#[path = "../torch/mod.rs"]
mod torch;

const USAGE: &str = "usage: spaceevo-trainer [OPTIONS]                 read orders of a session from standard input
       spaceevo-trainer --build                   say which build this is
       spaceevo-trainer --batch FOLDER            see a batch of jobs through
       spaceevo-trainer --batch FOLDER --job N [OPTIONS]   run one job of it

options: --threads N          of the processor (1)
         --processors LIST    what it computes with: cpu, cuda:0, or several: cuda:0,cuda:1 (cpu)";

/// What it is asked to do.
#[derive(Default)]
struct Asked {
    threads: Option<u16>,
    processors: Option<Vec<Processor>>,
    build: bool,
    batch: Option<PathBuf>,
    job: Option<usize>,
}

fn asked() -> Option<Asked> {
    let mut asked = Asked::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--build" => asked.build = true,
            "--threads" => asked.threads = Some(arguments.next()?.parse().ok().filter(|&count| count > 0)?),
            "--processors" => {
                let all = arguments.next()?;
                asked.processors = Some(all.split(',').map(str::parse).collect::<Result<_>>().ok()?);
            }
            "--batch" => asked.batch = Some(arguments.next()?.into()),
            "--job" => asked.job = Some(arguments.next()?.parse().ok()?),
            _ => return None,
        }
    }
    Some(asked)
}

fn run(asked: &Asked) -> Option<Result<()>> {
    let threads = asked.threads.unwrap_or(1);
    let processors = asked.processors.as_deref().unwrap_or_default();
    match asked {
        Asked { build: true, threads: None, processors: None, batch: None, job: None } => torch::greet(),
        Asked { build: false, batch: Some(folder), job: Some(job), .. } => {
            return Some(torch::run_alone(folder, *job, threads, processors));
        }
        Asked { build: false, batch: Some(folder), job: None, threads: None, processors: None } => {
            return Some(spaceevo::worker::see_to(folder));
        }
        Asked { build: false, batch: None, job: None, .. } => torch::serve(threads, processors),
        _ => return None,
    }
    Some(Ok(()))
}

#[allow(clippy::print_stderr, reason = "a person started it by hand, or its output goes to a log")]
fn main() -> ExitCode {
    match asked().as_ref().and_then(run) {
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        Some(Err(fault)) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
        Some(Ok(())) => ExitCode::SUCCESS,
    }
}

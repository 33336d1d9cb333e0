//! What can go wrong with jobs that run without the session.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault of the way to another place, or of what stands there.
#[derive(Debug, Error, Diagnostic)]
pub enum ElsewhereFault {
    /// A text that names no place.
    #[error("`{text}` names no place to train: {why}")]
    #[diagnostic(
        code(executor::unknown),
        help(
            "there are \"local\", \"cuda:0\", \"background\", \"ssh://user@host/folder\", \"slurm\" and \"slurm://user@host/folder\""
        )
    )]
    Unknown { text: String, why: String },
    /// An option that the place has no use for.
    #[error("{place} has no use for the option `{option}`")]
    #[diagnostic(code(executor::option), help("{help}"))]
    Option { place: String, option: &'static str, help: &'static str },
    /// The other machine does not answer.
    #[error("host unreachable: {place}: {why}")]
    #[diagnostic(
        code(executor::unreachable),
        help(
            "see that `ssh {host} true` works without a password: keys, ports and jumps are those of ~/.ssh/config; jobs that were submitted go on there"
        )
    )]
    Unreachable { place: String, host: String, why: String },
    /// No program `ssh`, `sh` or `tar` here.
    #[error("`{program}` does not start: {error}")]
    #[diagnostic(code(executor::program), help("install it (Debian: openssh-client, tar), or name another ssh in SPACEEVO_SSH"))]
    Program { program: String, error: String },
    /// No trainer there.
    #[error("no trainer at `{trainer}` on {place}")]
    #[diagnostic(
        code(executor::no_trainer),
        help(
            "build a checkout there with `./x setup` and `cargo build --bins`, and say where: `executor(\"...\", #{{ trainer: \"checkout\" }})`"
        )
    )]
    NoTrainer { place: String, trainer: String },
    /// It does not start.
    #[error("the trainer `{trainer}` on {place} does not start: {why}")]
    #[diagnostic(
        code(executor::start),
        help("run it there by hand with --build; lines that it needs before go into the option `setup`")
    )]
    Start { place: String, trainer: String, why: String },
    /// It is of another build.
    #[error("the trainer on {place} is build {found}, this session is build {wanted}")]
    #[diagnostic(code(executor::build), help("bring the checkout there to the same commit and run `cargo build --bins` in it"))]
    Build { place: String, found: String, wanted: String },
    /// Slurm is not there.
    #[error("sbatch not found on {place}")]
    #[diagnostic(
        code(executor::no_slurm),
        help("say \"slurm://user@host/folder\" with the cluster's login node, or load Slurm in the option `setup`")
    )]
    NoSlurm { place: String },
    /// Slurm said no.
    #[error("{program} on {place}: {why}")]
    #[diagnostic(code(executor::slurm), help("the options `partition`, `time`, `gpus` and `sbatch` are passed on as they are"))]
    Slurm { place: String, program: &'static str, why: String },
    /// A command failed there.
    #[error("{doing} on {place}: {why}")]
    #[diagnostic(code(executor::command), help("is there room and a right to write in its folder?"))]
    Command { place: String, doing: &'static str, why: String },
    /// Files that a job needs are nowhere.
    #[error("a job needs `{path}`, which is not here")]
    #[diagnostic(code(executor::input), help("run again what makes it, or correct the path"))]
    Input { path: String },
    /// Not there yet, and nobody waits.
    #[error("`{label}` is submitted and not done yet")]
    #[diagnostic(
        code(executor::submitted),
        help("`submitted()` tells how far it is; the same call takes up its results once they are there")
    )]
    Submitted { label: String },
    /// The session stopped waiting; the job goes on.
    #[error("interrupted; `{label}` goes on ({place})")]
    #[diagnostic(
        code(session::interrupted),
        help("the same call takes up its results; `submitted()` lists such jobs, `.cancel()` ends them")
    )]
    GoesOn { label: String, place: String },
    /// It was asked to stop.
    #[error("`{label}` was cancelled")]
    #[diagnostic(code(executor::cancelled), help("run it again: a training goes on from its last checkpoint"))]
    Cancelled { label: String },
    /// Its process ended without a word, twice.
    #[error("`{label}` ended without a result on {place}{last}")]
    #[diagnostic(
        code(executor::died),
        help(
            "if memory or time ran out, ask for more of it; finished jobs are kept, and a training goes on from its last checkpoint"
        )
    )]
    Died { label: String, place: String, last: String },
    /// A record that does not read.
    #[error("the record `{path}` of submitted jobs cannot be read: {error}")]
    #[diagnostic(code(executor::record), help("delete that folder, and submit again"))]
    Record { path: String, error: String },
}

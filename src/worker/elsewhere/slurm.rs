//! Batches as job arrays of Slurm: one task of the array runs one job.

use super::reach::quoted;
use super::record::Record;
use crate::worker::process::{TUNING, options};

/// File with the numbers of the arrays that were submitted for a batch, one a line.
pub(super) const NUMBERS: &str = "slurm";
/// The script of the array.
pub(super) const SCRIPT: &str = "run.sh";

/// What every task of the array runs, in the folder of the batch. Slurm's signal that time is up, or that the task is
/// cancelled, becomes the file that asks a job to stop, so that it leaves a checkpoint.
pub(super) fn script(record: &Record) -> String {
    let tuning: Vec<_> = TUNING.iter().map(|(name, bytes)| format!("{name}=${{{name}:-{bytes}}}")).collect();
    format!(
        "#!/bin/sh\n{setup}\nexport OMP_NUM_THREADS={threads} {tuning}\nat=$SLURM_ARRAY_TASK_ID\n\
         trap ': > \"$at.stop\"' TERM\n\
         (trap '' TERM; exec {trainer} --batch . --job \"$at\" {options}) &\ntrainer=$!\n\
         while kill -0 \"$trainer\" 2>/dev/null; do wait \"$trainer\"; done\n",
        setup = record.spot.setup,
        threads = record.spot.threads,
        options = options(record.spot.threads, &record.spot.processors).join(" "),
        tuning = tuning.join(" "),
        trainer = quoted(&record.trainer),
    )
}

/// The shell command that submits these jobs of a batch, in its folder; `after` are arrays that must have ended before.
pub(super) fn submit(record: &Record, jobs: &[usize], after: &[u64]) -> String {
    let list = jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let after = after.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let own: Vec<_> = record.spot.sbatch.iter().map(|argument| quoted(argument)).collect();
    // Slurm refuses to wait for what it has forgotten.
    format!(
        "{{ d=; for i in {after}; do [ -z \"$(squeue -h -j \"$i\" 2>/dev/null)\" ] || d=$d:$i; done; \
         sbatch --parsable --job-name=spaceevo --output=%a.log --open-mode=append --signal=B:TERM@60 \
         --array={list}%{workers} --cpus-per-task={threads} ${{d:+--dependency=afterany$d}} {own} {SCRIPT}; }}",
        workers = record.spot.workers,
        threads = record.spot.threads,
        own = own.join(" "),
    )
}

/// The shell command that prints `task ARRAY NUMBER` for each task that Slurm still knows, or `unknown`.
pub(super) const ASK: &str = "if q=$(squeue -h -r --me -o 'task %F %K'); then echo \"$q\"; else echo unknown; fi";

/// The numbers that sbatch printed: `12` or `12;cluster`, a line each.
pub(super) fn numbers(text: &str) -> Vec<u64> {
    text.lines().filter_map(|line| line.split(';').next()?.trim().parse().ok()).collect()
}

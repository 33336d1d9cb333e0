//! Workers that die, dawdle or are of another build.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use spaceevo::base::{Cancel, Progress, ProgressSink};
use spaceevo::train::JobFile;
use spaceevo::worker::{Pool, PoolOptions, build_id};

use crate::toynet::{self, Toy};

/// A shell script that passes for a trainer.
fn script(folder: &Path, body: &str) -> Option<PathBuf> {
    let path = folder.join("trainer.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Some(path)
}

fn hello() -> String {
    format!(r#"echo '{{"hello":{{"build":"{}","protocol":1}}}}'"#, build_id())
}

fn real() -> String {
    let here = std::env::current_exe().unwrap();
    here.parent().and_then(Path::parent).unwrap().join("spaceevo-trainer").display().to_string()
}

fn job(steps: usize, folder: &Path) -> JobFile {
    let toy = Toy::new([[8, 8], [8, 8], [8, 16]]);
    toynet::train(&toy, vec![toynet::phase(false, 0.1, steps)], folder)
}

fn pool(trainer: Option<PathBuf>) -> Pool {
    Pool::start(PoolOptions { workers: 2, threads: 1, trainer, ..PoolOptions::default() })
}

#[test]
fn a_job_whose_worker_was_killed_is_run_again_in_a_fresh_one() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("killed");
    let body = format!(
        "if mkdir '{}' 2>/dev/null; then {}; read order; kill -9 $$; fi\nexec '{}' \"$@\"",
        mark.display(),
        hello(),
        real()
    );
    let jobs = ["a", "b", "c"].map(|name| (job(1, &folder.path().join(name)), name.to_owned()));
    let results = pool(script(folder.path(), &body)).run_all(&jobs, &Progress::default(), &Cancel::default(), &|_, _| {});
    assert!(mark.is_dir());
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

#[test]
fn a_worker_that_always_dies_is_a_fault_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let body = format!("{}; read order; echo 'out of memory, says the kernel' >&2; kill -9 $$", hello());
    let fault = pool(script(folder.path(), &body))
        .run(job(1, folder.path()), "stage 2", &Progress::default(), &Cancel::default())
        .unwrap_err();
    assert_eq!(fault.code, "worker::died");
    assert!(fault.message.contains("says the kernel") && fault.message.contains("stage 2"), "{fault:?}");
}

#[test]
fn a_trainer_of_another_build_or_none_is_a_plain_statement() {
    let folder = tempfile::tempdir().unwrap();
    let run = |trainer| pool(trainer).run(job(1, folder.path()), "job", &Progress::default(), &Cancel::default()).unwrap_err();
    let older = run(script(folder.path(), r#"echo '{"hello":{"build":"0000","protocol":1}}'; read order"#));
    assert_eq!(older.code, "worker::build");
    assert!(older.message.starts_with("trainer missing or older") && older.help.unwrap().contains("cargo build"));
    assert_eq!(run(Some(folder.path().join("nowhere"))).code, "worker::missing");
    assert_eq!(run(script(folder.path(), "echo broken library >&2; exit 127")).code, "worker::start");
}

/// Cancels as soon as a job reports that it runs.
struct Impatient(Cancel);

impl ProgressSink for Impatient {
    fn begin(&self, _: u64, _: &str, _: u64) {}
    fn update(&self, _: u64, _: u64, _: &str) {
        self.0.cancel();
    }
    fn end(&self, _: u64) {}
    fn say(&self, _: &str) {}
}

#[test]
fn a_cancelled_job_stops_at_its_next_step_and_its_worker_stays() {
    let folder = tempfile::tempdir().unwrap();
    let cancel = Cancel::default();
    let progress = Progress::to(Arc::new(Impatient(cancel.clone())));
    let trainers = Pool::start(PoolOptions { workers: 1, threads: 1, ..PoolOptions::default() });
    let jobs = vec![
        (job(100_000, &folder.path().join("long")), "long".to_owned()),
        (job(1, &folder.path().join("next")), "next".to_owned()),
    ];
    let start = Instant::now();
    let results = trainers.run_all(&jobs, &progress, &cancel, &|_, _| {});
    assert!(start.elapsed() < Duration::from_secs(60));
    for result in results {
        assert_eq!(result.unwrap_err().code, "session::interrupted");
    }
    cancel.reset();
    trainers.run(job(1, &folder.path().join("after")), "after", &Progress::default(), &cancel).unwrap();
}

//! `--watch`: runs a script again whenever it, or a script that it imported, changes.
//!
//! The files are looked at a few times a second. A script has a handful of them, so this costs nothing, and unlike the
//! kernel's notices it also works on network folders, in containers, and with editors that put a new file in the old one's
//! place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

use super::args::{Args, Running};
use super::terminal::Prints;
use super::{INTERRUPTED, report, run, session_printing, settings, terminal};
use crate::base::Fault;
use crate::runtime::render::Trouble;
use crate::runtime::{Outcome, Session, Stamp};

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_millis(300);

/// Files with the state in which they were read.
type Files = BTreeMap<PathBuf, Stamp>;

/// Runs the script at `path` until Ctrl-C, each time in a new session: nothing is left of the run before but the lab.
pub(super) fn run(args: &Args, running: Running, path: &Path, rest: &[String]) -> Result<ExitCode, Box<Trouble>> {
    loop {
        let session = session_printing(args, settings(args, rest), Prints::of(running))?;
        let begun = Stamp::of(path);
        let files = || {
            let mut files = session.files_read();
            files.insert(path.into(), begun);
            files
        };
        let (said, cut) = match std::fs::read_to_string(path) {
            Ok(text) => {
                let (outcome, cut) = watched(&session, &text, path, &files);
                if !cut && session.cancel().is_cancelled() {
                    return run::finish(&session, outcome, false, running.json);
                }
                (show(&session, outcome, cut, running.json), cut)
            }
            Err(error) => {
                report(&Trouble::plain(Fault::file("read", path, &error)));
                ("not readable".into(), false)
            }
        };
        if terminal::closed() {
            return Ok(ExitCode::SUCCESS);
        }
        let files = files();
        if !args.quiet {
            tell(&said, &files);
        }
        if !cut && !changed(&session, &files) || !settled(&session, path, files) {
            return Ok(INTERRUPTED.into());
        }
    }
}

/// Runs `text`, and cuts the run short when one of its files changes: its result would be that of an old script.
fn watched(session: &Session, text: &str, path: &Path, files: &(dyn Fn() -> Files + Sync)) -> (Outcome, bool) {
    let (done, cut) = (AtomicBool::new(false), AtomicBool::new(false));
    let outcome = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                std::thread::park_timeout(PAUSE);
                if !done.load(Ordering::SeqCst) && !session.cancel().is_cancelled() && differ(&files()) {
                    cut.store(true, Ordering::SeqCst);
                    session.interrupt();
                    return;
                }
            }
        });
        let outcome = session.eval(text, &path.display().to_string());
        done.store(true, Ordering::SeqCst);
        watcher.thread().unpark();
        outcome
    });
    let cut = cut.into_inner();
    if cut {
        // From here on the flag means Ctrl-C.
        session.cancel().reset();
    }
    (outcome, cut)
}

/// Shows what came of a run, and says it in a few words.
fn show(session: &Session, outcome: Outcome, cut: bool, json: bool) -> String {
    let took = format!("{:.2} s", outcome.took.as_secs_f64());
    if cut && outcome.trouble.is_some() {
        return format!("cut short after {took}: a file changed");
    }
    match run::finish(session, outcome, false, json) {
        Ok(_) => format!("ok in {took}"),
        Err(trouble) => {
            report(&trouble);
            format!("failed after {took}")
        }
    }
}

fn tell(said: &str, files: &Files) {
    let now = OffsetDateTime::now_utc();
    let count = files.values().filter(|stamp| stamp.exists()).count();
    let which = if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
    let clock = format!("{:02}:{:02}:{:02} UTC", now.hour(), now.minute(), now.second());
    terminal::error(&format!("── {said} ({clock}); watching {which}, Ctrl-C ends\n"));
}

fn differ(files: &Files) -> bool {
    files.iter().any(|(path, stamp)| Stamp::of(path) != *stamp)
}

/// Waits for a change; false when Ctrl-C came first.
fn changed(session: &Session, files: &Files) -> bool {
    while !differ(files) {
        if session.cancel().is_cancelled() {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
    true
}

/// Waits until the script is there and none of its files is being written; false when Ctrl-C came first.
fn settled(session: &Session, path: &Path, mut files: Files) -> bool {
    loop {
        files.iter_mut().for_each(|(path, stamp)| *stamp = Stamp::of(path));
        std::thread::sleep(PAUSE / 3);
        if session.cancel().is_cancelled() {
            return false;
        }
        if path.is_file() && !differ(&files) {
            return true;
        }
    }
}

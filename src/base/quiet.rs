//! One measurement at a time on a machine: a file lock that all sessions and workers respect.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Cancel, Fault, Progress, Result};

/// Name of the lock's file in the machine's folder for temporary files.
pub const LOCK_FILE: &str = "spaceevo-measuring.lock";

/// How often one who waits looks again.
const LOOK: Duration = Duration::from_millis(100);
/// A wait this short is not worth a word.
const SOON: Duration = Duration::from_millis(400);

/// The machine, held for measuring until dropped (or until the process ends).
#[derive(Debug)]
pub struct Quiet(#[allow(dead_code, reason = "the open file is the lock")] File);

impl Quiet {
    /// Waits until no other process measures here; says so if that takes a while, and can be cancelled.
    pub fn hold(progress: &Progress, cancel: &Cancel) -> Result<Self> {
        let (path, file) = (path(), open()?);
        let began = Instant::now();
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(error)) => return Err(Fault::file("lock", &path, &error)),
                Err(TryLockError::WouldBlock) => {
                    if !said && began.elapsed() >= SOON {
                        progress.say("waiting: another session measures on this machine");
                        said = true;
                    }
                    cancel.check()?;
                    std::thread::sleep(LOOK);
                }
            }
        }
    }

    /// Whether a process measures here now.
    pub fn is_held() -> bool {
        // A shared lock of one who only looks does not stand in the way of another who looks.
        open().is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Returns once nobody measures here; `say` is called if that takes a while. For work that would disturb a measurement.
    pub fn wait(cancel: &Cancel, say: impl FnOnce()) -> Result<()> {
        let (began, mut say) = (Instant::now(), Some(say));
        while Self::is_held() {
            if began.elapsed() >= SOON
                && let Some(say) = say.take()
            {
                say();
            }
            cancel.check()?;
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

fn path() -> PathBuf {
    std::env::temp_dir().join(LOCK_FILE)
}

fn open() -> Result<File> {
    let path = path();
    // Another user's file may be read-only for us; a lock needs no more.
    let file = OpenOptions::new().create(true).append(true).open(&path).or_else(|_| File::open(&path));
    file.map_err(|error| Fault::file("open", &path, &error))
}

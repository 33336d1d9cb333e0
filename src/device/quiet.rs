//! One measurement at a time on a machine: a file lock that all sessions respect.

use std::fs::{File, OpenOptions, TryLockError};
use std::time::Duration;

use crate::base::{Cancel, Fault, Progress, Result};

/// Name of the lock's file in the machine's folder for temporary files.
pub const LOCK_FILE: &str = "spaceevo-measuring.lock";

/// The machine, held for measuring until dropped (or until the process ends).
#[derive(Debug)]
pub struct Quiet(#[allow(dead_code, reason = "the open file is the lock")] File);

impl Quiet {
    /// Waits until no other process measures here; says so if that takes a while, and can be cancelled.
    pub fn hold(progress: &Progress, cancel: &Cancel) -> Result<Self> {
        let path = std::env::temp_dir().join(LOCK_FILE);
        // Another user's file may be read-only for us; a lock needs no more.
        let file = OpenOptions::new().create(true).append(true).open(&path).or_else(|_| File::open(&path));
        let file = file.map_err(|error| Fault::file("open", &path, &error))?;
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(error)) => return Err(Fault::file("lock", &path, &error)),
                Err(TryLockError::WouldBlock) => {
                    if !said {
                        progress.say("waiting: another session measures on this machine");
                        said = true;
                    }
                    cancel.check()?;
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
    }
}

//! Cancellation: one flag that long work polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{Fault, Result};

/// A shared flag, set by Ctrl-C or by a front; cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicU8>);

/// Asked once: work ends at its next step.
const ASKED: u8 = 1;
/// Asked again: what does not look at the flag is ended from outside.
const URGED: u8 = 2;

impl Cancel {
    /// Asks all work that holds this flag to stop; a second time, to stop at once.
    pub fn cancel(&self) {
        if self.0.compare_exchange(0, ASKED, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            self.0.store(URGED, Ordering::SeqCst);
        }
    }

    /// Clears the flag, before the next piece of work.
    pub fn reset(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    /// Whether work should stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= ASKED
    }

    /// Whether it was asked for more than once.
    pub fn is_urgent(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= URGED
    }

    /// `Err(session::interrupted)` once cancelled: for use with `?` inside loops.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(interrupted());
        }
        Ok(())
    }
}

/// The fault of work that was cancelled.
pub fn interrupted() -> Fault {
    Fault::new("session::interrupted", "interrupted", "what was finished is kept; run it again to go on")
}

//! Cancellation: one flag that long work polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Fault, Result};

/// A shared flag, set by Ctrl-C or by a front; cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks all work that holds this flag to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Clears the flag, before the next piece of work.
    pub fn reset(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Whether work should stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// `Err(session::interrupted)` once cancelled: for use with `?` inside loops.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Fault::new("session::interrupted", "interrupted", "what was finished is kept; run it again to go on"));
        }
        Ok(())
    }
}

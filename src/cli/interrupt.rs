//! Ctrl-C: the first asks the running input to stop, a second within two seconds ends the program.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::base::Cancel;

/// Within this time a second Ctrl-C means it.
const AGAIN: Duration = Duration::from_secs(2);

static TARGET: OnceLock<Mutex<(Cancel, Option<Instant>)>> = OnceLock::new();

/// Stops the running input as a first Ctrl-C does, without a word.
pub(super) fn stop() {
    if let Some(target) = TARGET.get() {
        target.lock().unwrap_or_else(PoisonError::into_inner).0.cancel();
    }
}

/// Lets Ctrl-C set `cancel`; a later call names another flag.
pub(super) fn watch(cancel: Cancel) {
    let mut fresh = false;
    let target = TARGET.get_or_init(|| {
        fresh = true;
        Mutex::new((cancel.clone(), None))
    });
    if !fresh {
        *target.lock().unwrap_or_else(PoisonError::into_inner) = (cancel, None);
        return;
    }
    let installed = ctrlc::set_handler(move || {
        let mut target = target.lock().unwrap_or_else(PoisonError::into_inner);
        if target.1.is_some_and(|last| last.elapsed() < AGAIN) {
            #[expect(clippy::exit, reason = "the person asked twice; nothing may hold the program up")]
            std::process::exit(super::INTERRUPTED.into());
        }
        target.0.cancel();
        target.1 = Some(Instant::now());
        super::terminal::error("\nstopping; Ctrl-C again ends the program\n");
    });
    if let Err(error) = installed {
        super::terminal::error(&format!("Ctrl-C will end the program at once: {error}\n"));
    }
}

//! Ctrl-C: the first asks the running input to stop, a second within two seconds ends workers too, a third the program.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::base::Cancel;

/// Within this time another Ctrl-C means it.
const AGAIN: Duration = Duration::from_secs(2);

/// What Ctrl-C stops, and how often and when it was pressed.
#[derive(Debug)]
struct Target {
    cancel: Cancel,
    pressed: u32,
    last: Option<Instant>,
}

static TARGET: OnceLock<Mutex<Target>> = OnceLock::new();

/// Stops the running input as a first Ctrl-C does, without a word.
pub(super) fn stop() {
    if let Some(target) = TARGET.get() {
        target.lock().unwrap_or_else(PoisonError::into_inner).cancel.cancel();
    }
}

/// Lets Ctrl-C set `cancel`; a later call names another flag.
pub(super) fn watch(cancel: Cancel) {
    let mut fresh = false;
    let target = TARGET.get_or_init(|| {
        fresh = true;
        Mutex::new(Target { cancel: cancel.clone(), pressed: 0, last: None })
    });
    if !fresh {
        *target.lock().unwrap_or_else(PoisonError::into_inner) = Target { cancel, pressed: 0, last: None };
        return;
    }
    let installed = ctrlc::set_handler(move || {
        let mut target = target.lock().unwrap_or_else(PoisonError::into_inner);
        let again = target.last.is_some_and(|last| last.elapsed() < AGAIN);
        target.pressed = if again { target.pressed + 1 } else { 1 };
        target.last = Some(Instant::now());
        target.cancel.cancel();
        match target.pressed {
            1 => super::terminal::error("\nstopping; Ctrl-C again ends workers at once\n"),
            2 => super::terminal::error("\nending workers; Ctrl-C again ends the program\n"),
            #[expect(clippy::exit, reason = "the person asked three times; nothing may hold the program up")]
            _ => std::process::exit(super::INTERRUPTED.into()),
        }
    });
    if let Err(error) = installed {
        super::terminal::error(&format!("Ctrl-C will end the program at once: {error}\n"));
    }
}

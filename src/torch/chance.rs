//! Random numbers of libtorch, whose generators belong to all threads of the process.

use std::sync::{Mutex, PoisonError};

use spaceevo::base::Seed;

/// Held by the thread that draws.
static DRAWING: Mutex<()> = Mutex::new(());

/// What `draw` draws from `seed`, whatever other threads draw meanwhile.
pub fn seeded<T>(seed: Seed, draw: impl FnOnce() -> T) -> T {
    let _guard = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(seed.0.cast_signed());
    draw()
}

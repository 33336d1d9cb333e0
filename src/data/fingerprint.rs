//! A hash of what a data set consists of: results depend on it, and not on where its files lie.

use sha2::{Digest, Sha256};

/// A hash in the making.
#[derive(Default)]
pub(super) struct Fingerprint(Sha256);

impl Fingerprint {
    /// Takes in one piece; pieces do not run into each other.
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.0.update((piece.len() as u64).to_le_bytes());
        self.0.update(piece);
    }

    /// Its first 16 hexadecimal digits.
    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

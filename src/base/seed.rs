//! Seeds: every random choice comes from one that the user can set.

use rand::SeedableRng;
use serde::{Deserialize, Serialize};

/// The lab's random generator: ChaCha with 8 rounds, the same numbers on every machine.
pub type Rng = rand_chacha::ChaCha8Rng;

/// The root of a stream of random numbers. Children are independent of each
/// other and of the order in which they are asked for, so results do not
/// depend on the number of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed of the part named `label`.
    #[must_use]
    pub fn child(self, label: &str) -> Self {
        // FNV-1a over the label, then mixed with the parent.
        let hash =
            label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        self.at(hash)
    }

    /// The seed of item `index`.
    #[must_use]
    pub fn at(self, index: u64) -> Self {
        Self(mix(mix(self.0) ^ mix(index.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// A fresh generator at the start of this seed's stream.
    pub fn rng(self) -> Rng {
        Rng::seed_from_u64(self.0)
    }
}

/// The finaliser of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

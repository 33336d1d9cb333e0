//! Shapes of maps: channels in segments, height, width.

use serde::{Deserialize, Serialize};

/// Channels of a map, remembered as segments where they were concatenated or
/// declared as parts, so that slicing an elastic weight keeps each part's leading channels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Channels(pub Vec<usize>);

impl Channels {
    /// One segment of `count` channels.
    pub fn one(count: usize) -> Self {
        Self(vec![count])
    }

    /// Number of channels.
    pub fn count(&self) -> usize {
        self.0.iter().sum()
    }

    /// Indices of these channels inside the larger `whole`: the leading channels of each of its segments.
    /// `None` if the numbers of segments differ or a segment is larger than the whole's.
    pub fn within(&self, whole: &Channels) -> Option<Vec<i64>> {
        if self.0.len() != whole.0.len() || self.0.iter().zip(&whole.0).any(|(part, all)| part > all) {
            return None;
        }
        let mut start = 0;
        let mut indices = Vec::with_capacity(self.count());
        for (part, all) in self.0.iter().zip(&whole.0) {
            indices.extend((start..start + part).map(|i| i as i64));
            start += all;
        }
        Some(indices)
    }

    /// The larger of each segment; `None` if the numbers of segments differ.
    pub fn union(&self, other: &Channels) -> Option<Channels> {
        (self.0.len() == other.0.len()).then(|| Channels(self.0.iter().zip(&other.0).map(|(a, b)| *a.max(b)).collect()))
    }
}

/// Shape of one map, batch left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Channels.
    pub channels: Channels,
    /// Height in cells.
    pub h: usize,
    /// Width in cells.
    pub w: usize,
}

impl Shape {
    /// `c` channels in one segment, `h` by `w`.
    pub fn new(c: usize, h: usize, w: usize) -> Self {
        Self { channels: Channels::one(c), h, w }
    }

    /// Number of channels.
    pub fn c(&self) -> usize {
        self.channels.count()
    }

    /// Number of values.
    pub fn elements(&self) -> usize {
        self.c() * self.h * self.w
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.channels.0.len() > 1 {
            let parts: Vec<_> = self.channels.0.iter().map(ToString::to_string).collect();
            write!(f, "({})x{}x{}", parts.join("+"), self.h, self.w)
        } else {
            write!(f, "{}x{}x{}", self.c(), self.h, self.w)
        }
    }
}

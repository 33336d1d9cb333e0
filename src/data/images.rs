//! Images with labels as bytes, and the one way they become numbers for a network.

/// Mean that is subtracted from a byte divided by 255, in every channel.
pub const NORM_MEAN: f32 = 0.5;
/// What the difference is then divided by.
pub const NORM_STD: f32 = 0.25;

/// Square RGB images with labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    size: usize,
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Images {
    /// Joins `pixels` (`[N, 3, size, size]`) and `labels` (`[N]`), which must agree on N.
    pub(super) fn new(size: usize, pixels: Vec<u8>, labels: Vec<u8>) -> Self {
        debug_assert_eq!(pixels.len(), labels.len() * 3 * size * size);
        Self { size, pixels, labels }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Side in pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    /// All bytes, `[N, 3, size, size]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All labels, `[N]`.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The bytes of image `index`, `[3, size, size]`.
    ///
    /// # Panics
    /// If there is no such image, as indexing does.
    pub fn image(&self, index: usize) -> &[u8] {
        let stride = 3 * self.size * self.size;
        &self.pixels[index * stride..(index + 1) * stride]
    }

    /// The class of image `index`.
    ///
    /// # Panics
    /// If there is no such image, as indexing does.
    pub fn label(&self, index: usize) -> usize {
        usize::from(self.labels[index])
    }

    /// The first `count` images, or all if there are fewer.
    #[must_use]
    pub fn head(&self, count: usize) -> Self {
        let count = count.min(self.len());
        let stride = 3 * self.size * self.size;
        Self { size: self.size, pixels: self.pixels[..count * stride].to_vec(), labels: self.labels[..count].to_vec() }
    }

    /// The images at `indices` as a network takes them: `[n, 3, size, size]`, (byte / 255 - [`NORM_MEAN`]) / [`NORM_STD`].
    ///
    /// # Panics
    /// If one of them does not exist, as indexing does.
    pub fn floats(&self, indices: impl IntoIterator<Item = usize>) -> Vec<f32> {
        let table: [f32; 256] = std::array::from_fn(|byte| (byte as f32 / 255.0 - NORM_MEAN) / NORM_STD);
        indices.into_iter().flat_map(|index| self.image(index)).map(|&byte| table[usize::from(byte)]).collect()
    }

    /// The same images at another side, by bilinear interpolation between pixel centres
    /// (edges repeated, no smoothing), rounded to bytes. The same side gives a copy.
    #[must_use]
    pub fn resized(&self, size: usize) -> Self {
        if size == self.size {
            return self.clone();
        }
        let taps: Vec<(usize, usize, f32)> = (0..size)
            .map(|at| {
                let source = ((at as f32 + 0.5) * self.size as f32 / size as f32 - 0.5).clamp(0.0, (self.size - 1) as f32);
                let low = source as usize;
                (low, (low + 1).min(self.size - 1), source - low as f32)
            })
            .collect();
        let mut pixels = Vec::with_capacity(self.len() * 3 * size * size);
        for plane in self.pixels.chunks_exact(self.size * self.size) {
            let at = |row: usize, column: usize| f32::from(plane[row * self.size + column]);
            for &(top, bottom, down) in &taps {
                for &(left, right, across) in &taps {
                    let upper = at(top, left) + (at(top, right) - at(top, left)) * across;
                    let lower = at(bottom, left) + (at(bottom, right) - at(bottom, left)) * across;
                    pixels.push((upper + (lower - upper) * down).round() as u8);
                }
            }
        }
        Self { size, pixels, labels: self.labels.clone() }
    }
}

//! Images with labels as bytes in memory, and the one way they become numbers for a network.

use std::ops::Range;

use super::vary::{Move, Vary};

/// How bytes become numbers for a network: (byte / 255 - mean) / std, in each channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norm {
    /// What is subtracted from a byte divided by 255.
    pub mean: [f32; 3],
    /// What the difference is then divided by.
    pub std: [f32; 3],
}

impl Norm {
    /// Of images about which nothing is known: roughly from -2 to 2.
    pub const PLAIN: Self = Self { mean: [0.5; 3], std: [0.25; 3] };
    /// Of photographs, as the mean and deviation of ImageNet.
    pub const IMAGENET: Self = Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    /// Of CIFAR-10.
    pub const CIFAR10: Self = Self { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] };
    /// Of CIFAR-100.
    pub const CIFAR100: Self = Self { mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762] };

    /// Appends `pixels` (`[H, W, 3]`) as numbers in the same order, made lighter by `brighter` (1 is the range of bytes).
    pub fn write(&self, pixels: &[u8], brighter: f32, numbers: &mut Vec<f32>) {
        let factor = self.std.map(|std| 1.0 / (255.0 * std));
        let shift: [f32; 3] = std::array::from_fn(|channel| (brighter - self.mean[channel]) / self.std[channel]);
        let start = numbers.len();
        numbers.resize(start + pixels.len(), 0.0);
        for (own, pixel) in numbers[start..].chunks_exact_mut(3).zip(pixels.chunks_exact(3)) {
            for channel in 0..3 {
                own[channel] = f32::from(pixel[channel]) * factor[channel] + shift[channel];
            }
        }
    }
}

/// Square RGB images with labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    size: usize,
    pixels: Vec<u8>,
    labels: Vec<u16>,
    norm: Norm,
    vary: Vary,
}

impl Images {
    /// Joins `pixels` (`[N, 3, size, size]`) and `labels` (`[N]`), which must agree on N.
    pub(super) fn new(size: usize, pixels: Vec<u8>, labels: Vec<u16>, norm: Norm, vary: Vary) -> Self {
        debug_assert_eq!(pixels.len(), labels.len() * 3 * size * size);
        Self { size, pixels, labels, norm, vary }
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
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// How bytes become numbers.
    pub fn norm(&self) -> Norm {
        self.norm
    }

    /// How images are varied in training.
    pub fn vary(&self) -> Vary {
        self.vary
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

    /// Image `index`, moved: `[size, size, 3]`.
    pub(super) fn moved(&self, index: usize, by: &Move) -> Vec<u8> {
        by.write(self.image(index), self.size, self.vary.edges)
    }

    /// Those of the images `range` that there are.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let stride = 3 * self.size * self.size;
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        Self { pixels: self.pixels[start * stride..end * stride].to_vec(), labels: self.labels[start..end].to_vec(), ..*self }
    }

    /// The images at `indices`, in their order.
    pub(super) fn pick(&self, indices: &[usize]) -> Self {
        let mut pixels = Vec::with_capacity(indices.len() * 3 * self.size * self.size);
        indices.iter().for_each(|&index| pixels.extend_from_slice(self.image(index)));
        Self { pixels, labels: indices.iter().map(|&index| self.labels[index]).collect(), ..*self }
    }

    /// The images at `indices` as a network takes them: `[n, 3, size, size]`, normalised.
    ///
    /// # Panics
    /// If one of them does not exist, as indexing does.
    pub fn floats(&self, indices: impl IntoIterator<Item = usize>) -> Vec<f32> {
        let Norm { mean, std } = self.norm;
        let tables: [[f32; 256]; 3] =
            std::array::from_fn(|channel| std::array::from_fn(|byte| (byte as f32 / 255.0 - mean[channel]) / std[channel]));
        let mut numbers = Vec::new();
        for index in indices {
            for (plane, table) in self.image(index).chunks_exact(self.size * self.size).zip(&tables) {
                numbers.extend(plane.iter().map(|&byte| table[usize::from(byte)]));
            }
        }
        numbers
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
        Self { size, pixels, labels: self.labels.clone(), ..*self }
    }
}

//! Part of a picture brought to another size: bicubic interpolation, smoothed where it shrinks.

use image::RgbImage;

use super::picture::Place;

/// Rows of the result that are made side by side: as many numbers lie next to each other, so that the compiler uses vectors.
const ROWS: usize = 8;

/// What the pixels along one side of the result are made of.
struct Taps {
    /// Of each of them the first pixel that it is made of, and where its weights begin.
    starts: Vec<(usize, usize)>,
    weights: Vec<f32>,
}

impl Taps {
    /// Of `to` pixels made of `from`, both at least 1.
    fn new(from: usize, to: usize) -> Self {
        let ratio = from as f32 / to as f32;
        let wide = ratio.max(1.0);
        let mut taps = Self { starts: Vec::with_capacity(to), weights: Vec::new() };
        for at in 0..to {
            let middle = (at as f32 + 0.5) * ratio;
            let left = ((middle - 2.0 * wide).floor().max(0.0) as usize).min(from - 1);
            let right = ((middle + 2.0 * wide).ceil() as usize).clamp(left + 1, from);
            let begin = taps.weights.len();
            taps.weights.extend((left..right).map(|pixel| cubic((pixel as f32 + 0.5 - middle) / wide)));
            let sum: f32 = taps.weights[begin..].iter().sum();
            taps.weights[begin..].iter_mut().for_each(|weight| *weight /= sum);
            taps.starts.push((left, begin));
        }
        taps
    }

    /// The first pixel that pixel `at` of the result is made of, and the weights from there.
    fn of(&self, at: usize) -> (usize, &[f32]) {
        let (left, begin) = self.starts[at];
        let end = self.starts.get(at + 1).map_or(self.weights.len(), |next| next.1);
        (left, &self.weights[begin..end])
    }
}

/// The cubic of Catmull and Rom: Keys 1981 (doi 10.1109/TASSP.1981.1163711) with a = -1/2.
fn cubic(x: f32) -> f32 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

/// The part of `picture` at `place` as a square with sides of `size`.
pub(super) fn resample(picture: &RgbImage, place: Place, size: usize) -> RgbImage {
    let [x, y, width, height] = [place.x, place.y, place.width, place.height].map(|side| side as usize);
    let (bytes, line) = (picture.as_raw(), 3 * picture.width() as usize);
    let (across, down) = (Taps::new(width, size), Taps::new(height, size));
    let mut result = RgbImage::new(size as u32, size as u32);
    let mut sums = vec![0.0_f32; 3 * width];
    // Rows that have their height: of each number of a row those of all rows.
    let mut strip = vec![[0.0_f32; ROWS]; 3 * width];
    for (number, rows) in result.chunks_mut(ROWS * 3 * size).enumerate() {
        for row in 0..rows.len() / (3 * size) {
            let (top, weights) = down.of(ROWS * number + row);
            sums.fill(0.0);
            for (from, &weight) in (y + top..).zip(weights) {
                let begin = from * line + 3 * x;
                for (sum, &byte) in sums.iter_mut().zip(&bytes[begin..begin + 3 * width]) {
                    *sum += weight * f32::from(byte);
                }
            }
            for (numbers, &sum) in strip.iter_mut().zip(&sums) {
                numbers[row] = sum;
            }
        }
        for at in 0..size {
            let (left, weights) = across.of(at);
            let mut pixel = [[0.0_f32; ROWS]; 3];
            for (from, &weight) in strip[3 * left..].chunks_exact(3).zip(weights) {
                for (sums, numbers) in pixel.iter_mut().zip(from) {
                    for (sum, &number) in sums.iter_mut().zip(numbers) {
                        *sum += weight * number;
                    }
                }
            }
            for (row, line) in rows.chunks_exact_mut(3 * size).enumerate() {
                for (byte, sums) in line[3 * at..3 * at + 3].iter_mut().zip(&pixel) {
                    // The cast keeps to the range of bytes.
                    *byte = (sums[row] + 0.5) as u8;
                }
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use image::imageops::{self, FilterType};
    use rand::RngExt;

    use super::*;
    use crate::base::Seed;

    #[test]
    fn it_gives_the_bytes_of_another_program_but_for_rounding() {
        let mut rng = Seed(1).rng();
        let picture = RgbImage::from_fn(61, 47, |x, y| image::Rgb([x as u8 * 4, y as u8 * 5, rng.random()]));
        for (x, y, width, height) in [(0, 0, 61, 47), (7, 3, 30, 41), (60, 46, 1, 1), (5, 0, 2, 47), (11, 12, 20, 20)] {
            for size in [1, 5, 20, 64] {
                let ours = resample(&picture, Place { x, y, width, height }, size);
                let part = imageops::crop_imm(&picture, x, y, width, height).to_image();
                let theirs = imageops::resize(&part, size as u32, size as u32, FilterType::CatmullRom);
                let off = |(ours, theirs): (&u8, &u8)| ours.abs_diff(*theirs);
                assert!(ours.iter().zip(theirs.iter()).map(off).all(|off| off <= 1), "{width}x{height} to {size}");
            }
        }
    }

    #[test]
    fn shrinking_smooths_and_flat_colour_stays() {
        let stripes = RgbImage::from_fn(64, 64, |x, _| image::Rgb(if x % 2 == 0 { [0; 3] } else { [255; 3] }));
        let whole = Place { x: 0, y: 0, width: 64, height: 64 };
        let small = resample(&stripes, whole, 16);
        let inner = |x: u32| small.get_pixel(x, 8)[0];
        assert!((2..14).all(|x| (120..=136).contains(&inner(x))), "stripes finer than a pixel become their mean");
        let flat = resample(&RgbImage::from_pixel(50, 30, image::Rgb([10, 200, 90])), Place::judged((50, 30)), 24);
        assert!(flat.pixels().all(|pixel| pixel.0 == [10, 200, 90]));
    }
}

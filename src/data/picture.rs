//! Pictures in files: decoded to RGB, and the part of them that is cut out.

use image::{ImageFormat, RgbImage};
use rand::RngExt;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::base::Rng;

/// Least share of a picture's area that is cut out in training.
const LEAST_AREA: f64 = 0.08;
/// Longest form of what is cut out: width to height, or the other way.
const LONGEST: f64 = 4.0 / 3.0;
/// Places that are tried before the middle is taken.
const TRIES: usize = 10;
/// Side of the square that is judged, as a share of a picture's shorter side: 224 of 256.
const JUDGED: f64 = 0.875;

/// The colours a file holds, before it is RGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    /// As wanted.
    Rgb,
    /// Shades of grey.
    Grey,
    /// Of print: cyan, magenta, yellow and black.
    Cmyk,
    /// With transparency, which is left out.
    Alpha,
}

/// The picture in the bytes of a JPEG or PNG file, whatever its name; the error says what is wrong with them.
pub(super) fn decode(bytes: &[u8]) -> Result<(RgbImage, Colour), String> {
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => jpeg(bytes),
        Ok(ImageFormat::Png) => {
            let picture = image::load_from_memory_with_format(bytes, ImageFormat::Png).map_err(|error| error.to_string())?;
            let colour = match picture.color() {
                colour if colour.has_alpha() => Colour::Alpha,
                colour if colour.has_color() => Colour::Rgb,
                _ => Colour::Grey,
            };
            Ok((picture.into_rgb8(), colour))
        }
        Ok(other) => Err(format!("it is {other:?}, neither JPEG nor PNG")),
        Err(_) if bytes.is_empty() => Err("it is empty".into()),
        Err(_) => Err("it is neither JPEG nor PNG".into()),
    }
}

/// Strict, unlike the decoder of `image`, which fills what is missing of a truncated file with grey.
fn jpeg(bytes: &[u8]) -> Result<(RgbImage, Colour), String> {
    let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|error| error.to_string())?;
    let (Some((width, height)), Some(colours)) = (decoder.dimensions(), decoder.input_colorspace()) else {
        return Err("it has no header".into());
    };
    let colour = match colours {
        ColorSpace::Luma | ColorSpace::LumaA => Colour::Grey,
        ColorSpace::CMYK | ColorSpace::YCCK => Colour::Cmyk,
        _ => Colour::Rgb,
    };
    let picture = RgbImage::from_raw(width as u32, height as u32, pixels).ok_or("it is shorter than its header says")?;
    Ok((picture, colour))
}

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Place {
    fn middle(picture: (u32, u32), width: u32, height: u32) -> Self {
        Self { x: (picture.0 - width) / 2, y: (picture.1 - height) / 2, width, height }
    }

    /// The middle of a picture of `width` and `height`, by which networks are judged: a square.
    pub(super) fn judged((width, height): (u32, u32)) -> Self {
        let side = ((f64::from(width.min(height)) * JUDGED).round() as u32).max(1);
        Self::middle((width, height), side, side)
    }

    /// A place of random area and form in a picture of `width` and `height`.
    pub(super) fn drawn((width, height): (u32, u32), rng: &mut Rng) -> Self {
        let area = f64::from(width) * f64::from(height);
        for _ in 0..TRIES {
            let target = area * rng.random_range(LEAST_AREA..=1.0);
            let form = rng.random_range(-LONGEST.ln()..=LONGEST.ln()).exp();
            let (across, down) = ((target * form).sqrt().round() as u32, (target / form).sqrt().round() as u32);
            if (1..=width).contains(&across) && (1..=height).contains(&down) {
                let (x, y) = (rng.random_range(0..=width - across), rng.random_range(0..=height - down));
                return Self { x, y, width: across, height: down };
            }
        }
        // A very long picture: as much of its middle as has an allowed form.
        let longest = |side: u32| (f64::from(side) * LONGEST).round() as u32;
        Self::middle((width, height), width.min(longest(height)), height.min(longest(width)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;

    #[test]
    fn places_lie_within_their_picture_whatever_its_form() {
        let mut rng = Seed(1).rng();
        for size in [(640, 480), (1, 1), (1, 900), (900, 2), (3, 3)] {
            let inside = |place: Place| {
                place.width >= 1 && place.height >= 1 && place.x + place.width <= size.0 && place.y + place.height <= size.1
            };
            assert!(inside(Place::judged(size)), "{size:?}");
            assert!((0..200).all(|_| inside(Place::drawn(size, &mut rng))), "{size:?}");
        }
        assert_eq!(Place::judged((400, 256)), Place { x: 88, y: 16, width: 224, height: 224 });
        let drawn: Vec<_> = (0..400).map(|_| Place::drawn((640, 480), &mut rng)).collect();
        let area = |place: &Place| f64::from(place.width * place.height) / (640.0 * 480.0);
        assert!(drawn.iter().all(|place| (0.079..=1.0).contains(&area(place))));
        assert!(drawn.iter().any(|place| area(place) < 0.2) && drawn.iter().any(|place| area(place) > 0.7));
    }
}

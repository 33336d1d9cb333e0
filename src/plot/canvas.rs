//! A scene of simple marks, and its drawing on any backend of the drawing library.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, RGBAColor, RGBColor, ShapeStyle, TextStyle, WHITE};

use super::{PlotFault, words};
use crate::base::Result;

/// Colour and opacity.
pub(super) type Paint = (RGBColor, f64);
/// A place in points, from the upper left corner.
pub(super) type Spot = (f64, f64);

/// Where a text stands to its spot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Side {
    Left,
    Middle,
    Right,
}

/// Something to draw; lengths in points.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    Box {
        from: Spot,
        to: Spot,
        paint: Paint,
    },
    Line {
        path: Vec<Spot>,
        width: f64,
        paint: Paint,
    },
    Area {
        corners: Vec<Spot>,
        paint: Paint,
    },
    Disc {
        at: Spot,
        radius: f64,
        paint: Paint,
    },
    /// `at` is on the base line; `side` says which end of the text is there; `up` turns it to read upwards.
    Word {
        at: Spot,
        text: String,
        em: f64,
        bold: bool,
        side: Side,
        up: bool,
        paint: Paint,
    },
}

/// Marks in drawing order on a white sheet.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) size: (u32, u32),
    pub(super) marks: Vec<Mark>,
}

/// SVG units a point: the library knows whole units only.
const SVG_SCALE: u32 = 8;
/// Pixels drawn for each side of a pixel kept, to smooth edges.
const OVERSAMPLE: u32 = 3;

/// The scene as an SVG document.
pub(super) fn svg(scene: &Scene) -> Result<String> {
    let (width, height) = scene.size;
    let (wide, high) = (width * SVG_SCALE, height * SVG_SCALE);
    let mut text = String::new();
    // From anchor to base line as this backend writes it, in em.
    paint(scene, SVGBackend::with_string(&mut text, (wide, high)), f64::from(SVG_SCALE), 0.76)?;
    Ok(text.replacen(&format!("width=\"{wide}\" height=\"{high}\""), &format!("width=\"{width}\" height=\"{height}\""), 1))
}

/// The scene as a PNG of `width` pixels.
pub(super) fn png(scene: &Scene, width: u32) -> Result<Vec<u8>> {
    let scale = f64::from(width) / f64::from(scene.size.0);
    let height = (f64::from(scene.size.1) * scale).round().max(1.0) as u32;
    let (wide, high) = (width * OVERSAMPLE, height * OVERSAMPLE);
    let mut fine = vec![255; 3 * wide as usize * high as usize];
    // This backend sets the base line half a font size, 0.62 em, below the top.
    paint(scene, BitMapBackend::with_buffer(&mut fine, (wide, high)), scale * f64::from(OVERSAMPLE), 0.62)?;
    let pixels = shrink(&fine, wide as usize, OVERSAMPLE as usize);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Default);
    let failed = |error: png::EncodingError| PlotFault::Drawing { reason: error.to_string() };
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// The mean of every `times` by `times` pixels. Stretches of plain white, most of a figure, are only compared.
fn shrink(fine: &[u8], wide: usize, times: usize) -> Vec<u8> {
    const STRETCH: usize = 32;
    let white = [255_u8; 3 * STRETCH * OVERSAMPLE as usize];
    let area = (times * times) as u16;
    let mut out = vec![255; fine.len() / (times * times)];
    let bands = fine.chunks_exact(3 * wide * times).zip(out.chunks_exact_mut(3 * wide / times));
    for (rows, out) in bands {
        for (index, out) in out.chunks_mut(3 * STRETCH).enumerate() {
            let from = index * 3 * STRETCH * times;
            let to = from + out.len() * times;
            let mut sums = [0_u16; 3 * STRETCH];
            let mut plain = true;
            for row in rows.chunks_exact(3 * wide) {
                plain &= row[from..to] == white[..to - from];
                if plain {
                    sums[..out.len()].iter_mut().for_each(|sum| *sum += 255 * times as u16);
                } else {
                    for (sum, pixels) in sums.chunks_exact_mut(3).zip(row[from..to].chunks_exact(3 * times)) {
                        for pixel in pixels.chunks_exact(3) {
                            (0..3).for_each(|channel| sum[channel] += u16::from(pixel[channel]));
                        }
                    }
                }
            }
            if !plain {
                out.iter_mut().zip(sums).for_each(|(byte, sum)| *byte = ((sum + area / 2) / area) as u8);
            }
        }
    }
    out
}

/// Draws `scene` with `scale` units a point; `drop` is the backend's way from the top of a text to its base line, in em.
fn paint<DB: DrawingBackend>(scene: &Scene, backend: DB, scale: f64, drop: f64) -> Result<()> {
    let area = backend.into_drawing_area();
    let failed = |error: &dyn std::fmt::Display| PlotFault::Drawing { reason: error.to_string() };
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    for mark in &scene.marks {
        draw(mark, &area, scale, drop).map_err(|error| failed(&error))?;
    }
    area.present().map_err(|error| failed(&error))?;
    Ok(())
}

fn draw<DB: DrawingBackend>(
    mark: &Mark,
    area: &DrawingArea<DB, Shift>,
    scale: f64,
    drop: f64,
) -> Result<(), plotters::drawing::DrawingAreaErrorKind<DB::ErrorType>> {
    let unit = |length: f64| (length * scale).round() as i32;
    let spot = |(x, y): Spot| (unit(x), unit(y));
    let solid = |(colour, opacity): Paint| ShapeStyle { color: mix(colour, opacity), filled: true, stroke_width: 1 };
    match mark {
        Mark::Box { from, to, paint } => area.draw(&Rectangle::new([spot(*from), spot(*to)], solid(*paint))),
        Mark::Line { path, width, paint } => {
            let mut places: Vec<(i32, i32)> = path.iter().copied().map(spot).collect();
            places.dedup();
            if places.len() < 2 {
                return Ok(());
            }
            let stroke_width = unit(*width).max(1) as u32;
            area.draw(&PathElement::new(places, ShapeStyle { color: mix(paint.0, paint.1), filled: false, stroke_width }))
        }
        Mark::Area { corners, paint } => {
            area.draw(&Polygon::new(corners.iter().copied().map(spot).collect::<Vec<_>>(), solid(*paint)))
        }
        Mark::Disc { at, radius, paint } => area.draw(&Circle::new(spot(*at), unit(*radius), solid(*paint))),
        Mark::Word { at, text, em, bold, side, up, paint } => {
            let h_pos = match side {
                Side::Left => HPos::Left,
                Side::Middle => HPos::Center,
                Side::Right => HPos::Right,
            };
            let turn = if *up { FontTransform::Rotate270 } else { FontTransform::None };
            let style = TextStyle {
                font: words::font(em * scale, *bold).transform(turn),
                color: mix(paint.0, paint.1).to_backend_color(),
                pos: Pos::new(h_pos, VPos::Top),
            };
            let at = if *up { (at.0 - drop * em, at.1) } else { (at.0, at.1 - drop * em) };
            area.draw(&Text::new(text.as_str(), spot(at), style))
        }
    }
}

fn mix(colour: RGBColor, opacity: f64) -> RGBAColor {
    colour.mix(opacity)
}

//! Colours: the palette of series, and the ramp from low to high values.

use plotters::style::RGBColor;

use super::{Figure, Kind};

/// Colours that people with any colour vision tell apart (Okabe and Ito), the pale yellow left out.
const PALETTE: [RGBColor; SHAPES] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x55, 0x5b, 0x62),
];
/// How many colours there are, and shapes of marks.
pub(super) const SHAPES: usize = 7;

/// Steps from dark to light that grow evenly for the eye, also without colour vision (viridis).
const STEPS: [RGBColor; 6] = [
    RGBColor(0x44, 0x01, 0x54),
    RGBColor(0x41, 0x44, 0x87),
    RGBColor(0x2a, 0x78, 0x8e),
    RGBColor(0x22, 0xa8, 0x84),
    RGBColor(0x7a, 0xd1, 0x51),
    RGBColor(0xfd, 0xe7, 0x25),
];

/// The place of a series in the palette.
pub(super) fn place(figure: &Figure, index: usize) -> usize {
    figure.series[index].colour.unwrap_or(index)
}

/// The colour of a place.
pub(super) fn colour(place: usize) -> RGBColor {
    PALETTE[place % PALETTE.len()]
}

/// The shape of a place: the second time round each colour comes with another shape.
pub(super) fn shape(place: usize) -> usize {
    (place + place / SHAPES) % SHAPES
}

/// The range of values that colours show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ramp {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Ramp {
    /// The range of all values of points that are shown by colours, if there are any.
    pub(super) fn of(figure: &Figure) -> Option<Self> {
        let coloured = figure.series.iter().filter(|series| matches!(series.kind, Kind::Points | Kind::Heat));
        let (low, high) = coloured
            .flat_map(|series| series.points.iter().filter_map(|point| point.value))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        match low.total_cmp(&high) {
            std::cmp::Ordering::Greater => None,
            std::cmp::Ordering::Less => Some(Self { low, high }),
            std::cmp::Ordering::Equal => {
                let pad = if low == 0.0 { 0.5 } else { 0.1 * low.abs() };
                Some(Self { low: low - pad, high: high + pad })
            }
        }
    }

    /// Where `value` lies: 0 at the low end, 1 at the high end.
    pub(super) fn share(self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The colour of `value`.
    pub(super) fn paint(self, value: f64) -> RGBColor {
        let at = self.share(value) * (STEPS.len() - 1) as f64;
        let below = (at.floor() as usize).min(STEPS.len() - 2);
        let part = at - below as f64;
        let mix = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * part).round() as u8;
        let (from, to) = (STEPS[below], STEPS[below + 1]);
        RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
    }
}

/// Whether white writing reads better on `colour` than black.
pub(super) fn dark(colour: RGBColor) -> bool {
    0.299 * f64::from(colour.0) + 0.587 * f64::from(colour.1) + 0.114 * f64::from(colour.2) < 130.0
}

/// The same colour for writing on white.
pub(super) fn darker(colour: RGBColor) -> RGBColor {
    let dim = |channel: u8| (u16::from(channel) * 3 / 4) as u8;
    RGBColor(dim(colour.0), dim(colour.1), dim(colour.2))
}

//! Outlines of the drawn classes as signed distances, in a frame where each fits the unit circle.

use std::f32::consts::{PI, TAU};

/// A point or vector.
pub(super) type Vec2 = [f32; 2];

/// A plane figure around the origin, of radius about 1.
#[derive(Debug, Clone)]
pub(super) enum Outline {
    /// A full disc.
    Disc,
    /// A circle line of this half width, its outer edge at 1.
    Ring(f32),
    /// The unit disc without the disc of the given radius whose centre is shifted to the right.
    Crescent { radius: f32, shift: f32 },
    /// A closed polygon.
    Polygon(Vec<Vec2>),
    /// A line through points, of this half width.
    Stroke(Vec<Vec2>, f32),
    /// Two discs of this radius, left and right.
    Dots(f32),
}

impl Outline {
    /// Distance from `point` to the edge, negative inside; exact for all but the crescent's inner corner.
    pub(super) fn distance(&self, point: Vec2) -> f32 {
        let length = point[0].hypot(point[1]);
        match self {
            Self::Disc => length - 1.0,
            Self::Ring(half) => (length - (1.0 - half)).abs() - half,
            Self::Crescent { radius, shift } => (length - 1.0).max(radius - (point[0] - shift).hypot(point[1])),
            Self::Polygon(corners) => polygon(corners, point),
            Self::Stroke(points, half) => {
                points.windows(2).map(|ends| to_segment(ends[0], ends[1], point)).fold(f32::MAX, f32::min).sqrt() - half
            }
            Self::Dots(radius) => (point[0].abs() - (1.0 - radius)).hypot(point[1]) - radius,
        }
    }

    /// A regular polygon with its first corner on the right.
    pub(super) fn regular(corners: usize) -> Self {
        Self::Polygon((0..corners).map(|i| polar(1.0, TAU * i as f32 / corners as f32)).collect())
    }

    /// A star; `inner` is the radius of the notches.
    pub(super) fn star(points: usize, inner: f32) -> Self {
        let corner = |i: usize| polar(if i.is_multiple_of(2) { 1.0 } else { inner }, PI * i as f32 / points as f32);
        Self::Polygon((0..2 * points).map(corner).collect())
    }

    /// A plus with arms of this half width.
    pub(super) fn plus(half: f32) -> Self {
        let arm = 0.95;
        let quarter = [[arm, -half], [arm, half], [half, half]];
        let turned = |times: usize, [x, y]: Vec2| (0..times).fold([x, y], |[x, y], _| [-y, x]);
        Self::Polygon((0..4).flat_map(|times| quarter.map(|corner| turned(times, corner))).collect())
    }

    /// An arrow that points right.
    pub(super) fn arrow() -> Self {
        let (shaft, neck, wing) = (0.22, 0.1, 0.72);
        Self::Polygon(vec![
            [1.0, 0.0],
            [neck, wing],
            [neck, shaft],
            [-0.95, shaft],
            [-0.95, -shaft],
            [neck, -shaft],
            [neck, -wing],
        ])
    }

    /// A heart with its tip down, from the well-known trigonometric curve.
    pub(super) fn heart() -> Self {
        let corner = |i: usize| {
            let t = TAU * i as f32 / 28.0;
            let up = 13.0 * t.cos() - 5.0 * (2.0 * t).cos() - 2.0 * (3.0 * t).cos() - (4.0 * t).cos();
            [16.0 * t.sin().powi(3) / 16.5, (-up - 2.0) / 16.5]
        };
        Self::Polygon((0..28).map(corner).collect())
    }

    /// A spiral of Archimedes with this number of turns.
    pub(super) fn spiral(turns: f32) -> Self {
        let (steps, half) = (26, 0.13);
        let point = |i: usize| {
            let t = i as f32 / steps as f32;
            polar(0.08 + (1.0 - half - 0.08) * t, TAU * turns * t)
        };
        Self::Stroke((0..=steps).map(point).collect(), half)
    }
}

fn polar(radius: f32, angle: f32) -> Vec2 {
    [radius * angle.cos(), radius * angle.sin()]
}

/// Squared distance from `p` to the segment from `a` to `b`.
fn to_segment(a: Vec2, b: Vec2, p: Vec2) -> f32 {
    let (edge, from) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let along = (from[0] * edge[0] + from[1] * edge[1]) / (edge[0] * edge[0] + edge[1] * edge[1]).max(1e-9);
    let along = along.clamp(0.0, 1.0);
    let off = [from[0] - edge[0] * along, from[1] - edge[1] * along];
    off[0] * off[0] + off[1] * off[1]
}

/// Nearest edge for the size, crossings of a ray to the right for the sign.
fn polygon(corners: &[Vec2], p: Vec2) -> f32 {
    let mut nearest = f32::MAX;
    let mut inside = false;
    let mut a = corners[corners.len() - 1];
    for &b in corners {
        nearest = nearest.min(to_segment(a, b, p));
        if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < a[0] + (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) {
            inside = !inside;
        }
        a = b;
    }
    if inside { -nearest.sqrt() } else { nearest.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_a_square_are_those_of_geometry() {
        let square = Outline::Polygon(vec![[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]);
        for (point, distance) in [([0.0, 0.0], -1.0), ([0.75, 0.0], -0.25), ([2.0, 0.5], 1.0), ([4.0, 5.0], 5.0)] {
            assert!((square.distance(point) - distance).abs() < 1e-6, "{point:?}: {}", square.distance(point));
        }
    }

    #[test]
    fn every_outline_fits_its_frame() {
        for outline in [
            Outline::regular(3),
            Outline::star(5, 0.42),
            Outline::plus(0.3),
            Outline::arrow(),
            Outline::heart(),
            Outline::spiral(2.0),
            Outline::Ring(0.2),
            Outline::Dots(0.4),
        ] {
            let outermost = (0..64).map(|i| outline.distance(polar(1.15, TAU * i as f32 / 64.0))).fold(f32::MAX, f32::min);
            assert!((0.0..0.3).contains(&outermost), "{outline:?}: {outermost}");
        }
    }
}

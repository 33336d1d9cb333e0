//! One image: a textured ground, clutter, the figure, something in front of it, noise.

use std::f32::consts::TAU;

use rand::{Rng as _, RngExt};

use super::outline::{Outline, Vec2};
use super::shapes::outline_of;
use crate::base::Rng;

/// Strength of noise, texture, clutter and hiding. 0 draws clean figures. At 0.5 a network of 3 million
/// multiply-adds and one of half a million end some 15 points apart after a minute on one core; at 1 neither gets far in that time.
const DIFFICULTY: f32 = 0.5;
/// How far figures turn to either side, in radians: an arrow points to the right half, a heart stays upright.
const TURN: f32 = 1.0;
/// Share of a figure's contrast that is lightness. Figures are lighter than the ground: with the sign open,
/// networks spend most of a short training on finding that it does not matter.
const LIGHTER: f32 = 0.9;

type Colour = [f32; 3];

/// Something flat that is laid over the picture. Lengths are in half sides of the image, whose centre is the origin.
struct Layer {
    outline: Outline,
    centre: Vec2,
    radius: f32,
    /// Cosine and sine of the turn.
    turn: Vec2,
    /// Width over height before turning.
    stretch: f32,
    colour: Colour,
    /// Change of the colour from the centre to the edge, along the figure's own x axis.
    shade: Colour,
    opacity: f32,
}

impl Layer {
    fn new(outline: Outline, centre: Vec2, radius: f32, colour: Colour, rng: &mut Rng) -> Self {
        let angle = rng.random_range(0.0..TAU);
        Self { outline, centre, radius, turn: [angle.cos(), angle.sin()], stretch: 1.0, colour, shade: [0.0; 3], opacity: 1.0 }
    }

    /// Blends the layer into `canvas` (rows of pixels); edges are smooth over one pixel.
    fn draw(&self, canvas: &mut [Colour], size: usize) {
        let pixel = 2.0 / size as f32;
        let reach = self.radius * self.stretch.max(1.0 / self.stretch) + pixel;
        let span = |centre: f32| {
            let first = ((centre - reach + 1.0) / pixel).floor().max(0.0) as usize;
            first..(((centre + reach + 1.0) / pixel).ceil().max(0.0) as usize).min(size)
        };
        let (wide, high) = (self.radius * self.stretch, self.radius / self.stretch);
        for row in span(self.centre[1]) {
            for column in span(self.centre[0]) {
                let x = (column as f32 + 0.5) * pixel - 1.0 - self.centre[0];
                let y = (row as f32 + 0.5) * pixel - 1.0 - self.centre[1];
                let own = [(x * self.turn[0] + y * self.turn[1]) / wide, (y * self.turn[0] - x * self.turn[1]) / high];
                let distance = self.outline.distance(own) * wide.min(high);
                let cover = (0.5 - distance / pixel).clamp(0.0, 1.0) * self.opacity;
                if cover > 0.0 {
                    let under = &mut canvas[row * size + column];
                    for (under, (colour, shade)) in under.iter_mut().zip(self.colour.iter().zip(self.shade)) {
                        *under += (colour + shade * own[0] - *under) * cover;
                    }
                }
            }
        }
    }
}

/// Draws an image of class `label` as bytes, `[3, size, size]`, into `out`.
pub(super) fn draw(label: usize, size: usize, rng: &mut Rng, out: &mut [u8]) {
    let ground: Colour = std::array::from_fn(|_| rng.random_range(30.0..150.0));
    let mut canvas = draw_ground(ground, size, rng);

    let radius = rng.random_range(0.48..0.72);
    let room = 1.0 - 0.85 * radius;
    let centre: Vec2 = std::array::from_fn(|_| rng.random_range(-room..room));
    let ink = lighter(ground, rng.random_range(80.0..155.0), rng);
    let mut figure = Layer::new(outline_of(label, rng), centre, radius, ink, rng);
    let angle = rng.random_range(-TURN..TURN);
    figure.turn = [angle.cos(), angle.sin()];
    figure.stretch = rng.random_range(0.88..1.14);
    figure.shade = jump(rng.random_range(0.0..22.0) * DIFFICULTY, rng);

    let (behind, before) = clutter(&figure, ground, rng);
    behind.iter().for_each(|layer| layer.draw(&mut canvas, size));
    figure.draw(&mut canvas, size);
    before.iter().for_each(|layer| layer.draw(&mut canvas, size));

    let noise = rng.random_range(8.0..30.0) * DIFFICULTY;
    for (index, colour) in canvas.iter().enumerate() {
        for channel in 0..3 {
            out[channel * size * size + index] = (colour[channel] + noise * gaussian(rng)).round().clamp(0.0, 255.0) as u8;
        }
    }
}

/// A ground that changes from one side to the other, with two waves across it.
fn draw_ground(ground: Colour, size: usize, rng: &mut Rng) -> Vec<Colour> {
    let slope = jump(rng.random_range(0.0..35.0) * DIFFICULTY, rng);
    let wave = |low: f32, high: f32, strength: f32, rng: &mut Rng| {
        let (angle, pace) = (rng.random_range(0.0..TAU), rng.random_range(low..high));
        let phase = rng.random_range(0.0..TAU);
        (pace * angle.cos(), pace * angle.sin(), phase, jump(rng.random_range(0.0..strength) * DIFFICULTY, rng))
    };
    let waves = [wave(1.5, 4.0, 22.0, rng), wave(6.0, 16.0, 16.0, rng)];
    let angle = rng.random_range(0.0..TAU);
    let (across, down) = (angle.cos(), angle.sin());
    let at = |index: usize| (index as f32 + 0.5) * 2.0 / size as f32 - 1.0;
    (0..size * size)
        .map(|index| {
            let (x, y) = (at(index % size), at(index / size));
            let along = x * across + y * down;
            let mut colour: Colour = std::array::from_fn(|channel| ground[channel] + slope[channel] * along);
            for (fx, fy, phase, colours) in &waves {
                let height = (x * fx + y * fy + phase).sin();
                (0..3).for_each(|channel| colour[channel] += colours[channel] * height);
            }
            colour
        })
        .collect()
}

/// Small marks and lines behind the figure, and a few things before it that hide a part.
fn clutter(figure: &Layer, ground: Colour, rng: &mut Rng) -> (Vec<Layer>, Vec<Layer>) {
    let (mut behind, mut before) = (Vec::new(), Vec::new());
    let anywhere = |rng: &mut Rng| -> Vec2 { std::array::from_fn(|_| rng.random_range(-1.0..1.0)) };
    for _ in 0..(rng.random_range(2.0..7.0_f32) * DIFFICULTY) as usize {
        let outline = match rng.random_range(0..5) {
            0 => Outline::Disc,
            1 => Outline::regular(3),
            2 => Outline::regular(4),
            3 => Outline::plus(0.3),
            _ => Outline::Ring(0.25),
        };
        let colour = contrasting(ground, rng.random_range(35.0..130.0), rng);
        let (centre, radius) = (anywhere(rng), rng.random_range(0.09..0.22));
        let mark = Layer::new(outline, centre, radius, colour, rng);
        if rng.random_bool(0.25) { before.push(mark) } else { behind.push(mark) }
    }
    for _ in 0..(rng.random_range(0.0..3.0_f32) * DIFFICULTY) as usize {
        let reach = rng.random_range(0.5..1.6);
        let line = Outline::Stroke(vec![[-1.0, 0.0], [1.0, 0.0]], rng.random_range(0.03..0.06) / reach);
        let colour = contrasting(ground, rng.random_range(35.0..110.0), rng);
        let centre = anywhere(rng);
        let mut layer = Layer::new(line, centre, reach, colour, rng);
        layer.opacity = rng.random_range(0.5..1.0);
        if rng.random_bool(0.4) { before.push(layer) } else { behind.push(layer) }
    }
    if rng.random_bool(f64::from(0.4 * DIFFICULTY)) {
        // A bar over an outer part of the figure, so that what names the class mostly stays visible.
        let angle = rng.random_range(0.0..TAU);
        let off = figure.radius * rng.random_range(0.45..0.95);
        let centre = [figure.centre[0] + off * angle.cos(), figure.centre[1] + off * angle.sin()];
        let half = rng.random_range(0.10..0.24);
        let colour = contrasting(ground, rng.random_range(0.0..120.0), rng);
        let mut bar = Layer::new(Outline::Stroke(vec![[-1.0, 0.0], [1.0, 0.0]], half), centre, figure.radius, colour, rng);
        bar.turn = [-angle.sin(), angle.cos()];
        before.push(bar);
    }
    (behind, before)
}

/// A colour at `distance` from `from` (in bytes, Euclidean), turned back where it would leave the cube.
fn contrasting(from: Colour, distance: f32, rng: &mut Rng) -> Colour {
    let step = jump(distance, rng);
    std::array::from_fn(|channel| {
        let there = from[channel] + step[channel];
        if (0.0..=255.0).contains(&there) { there } else { from[channel] - step[channel] }
    })
}

/// A colour at `distance` from `from` and lighter than it, with a tint of any hue.
fn lighter(from: Colour, distance: f32, rng: &mut Rng) -> Colour {
    let tint = jump(distance * (1.0 - LIGHTER * LIGHTER).sqrt(), rng);
    std::array::from_fn(|channel| from[channel] + distance * LIGHTER / 3.0_f32.sqrt() + tint[channel])
}

/// A vector of this length in a random direction.
fn jump(length: f32, rng: &mut Rng) -> Colour {
    let direction: Colour = std::array::from_fn(|_| gaussian(rng));
    let norm = direction.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
    direction.map(|x| x * length / norm)
}

/// Nearly normal, mean 0 and deviation 1: the sum of the four bytes of one draw, scaled; never beyond 3.5.
fn gaussian(rng: &mut Rng) -> f32 {
    let sum: u32 = rng.next_u32().to_le_bytes().map(u32::from).iter().sum();
    (sum as f32 - 510.0) / 147.8
}

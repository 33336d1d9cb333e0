//! The arithmetic of LSQ+ ([`super::lsq`]): values as their codes stand for them, and their gradients.
//!
//! On a processor scale and zero point are read as numbers, and a tensor is worked on in runs that stay in the cache. On a card
//! nothing is read, because a read waits until the card has done all that it was told to: scale and zero point stay tensors, and
//! every operation is one of the whole tensor. Both give the same values.

use tch::{Device, Kind, Tensor, no_grad, no_grad_guard};

/// How many values a processor works on at a time.
const RUN: i64 = 1 << 14;

/// `value`, whose gradient is multiplied by `factor`.
pub fn learned(value: &Tensor, factor: f64) -> Tensor {
    value * factor + value.detach() * (1.0 - factor)
}

/// `x` as the codes `low..=high` stand for it. With an offset they are counted from 0, and the zero point is the nearest of them;
/// without one it is 0 and does not learn. Scale and offset are `[1]`; their gradients are multiplied by `factor`.
pub fn fake_quantized(x: &Tensor, scale: &Tensor, offset: Option<&Tensor>, codes: (i64, i64), factor: f64) -> Tensor {
    let grid = if x.device() == Device::Cpu { Grid::read } else { Grid::unread };
    on_grid(x, scale, offset, &no_grad(|| grid(x.kind(), scale, offset, codes)), factor)
}

/// With `v = x / s`, `q = round(clamp(v))`, `m` 1 where `v` is strictly between the bounds and 0 elsewhere, and `z` the zero
/// point before rounding, the value `q s` is written as `m x + s c + b (1 - m)` where `c = q - m v + z (1 - m)`. Its gradients
/// for constant `c` and `m` are those of LSQ+, and every pass over memory is a vectorised one.
fn on_grid(x: &Tensor, scale: &Tensor, offset: Option<&Tensor>, grid: &Grid, factor: f64) -> Tensor {
    let learned = match offset {
        None => learned(scale, factor),
        Some(offset) => learned(&Tensor::cat(&[scale, offset], 0), factor),
    };
    if !learned.requires_grad() {
        let mut value = x * &grid.inverse;
        let _ = value.round_();
        let _ = match &grid.bounds {
            Bounds::Numbers(low, high) => value.clamp_(*low, *high),
            Bounds::Tensors(low, high) => value.clamp_tensor_(Some(low), Some(high)),
        };
        return value.g_mul_(&grid.step);
    }
    // In the order of memory, which is channels last for most maps.
    let channels_last = x.dim() == 4 && !x.is_contiguous();
    let ordered = if channels_last { x.permute([0, 2, 3, 1]) } else { x.shallow_clone() };
    let flat = ordered.reshape([-1]);
    let (inside, slopes) = slopes(&flat, grid);
    let value = (flat * inside).addmv_(&slopes.tr(), &learned).view_as(&ordered);
    if channels_last { value.permute([0, 3, 1, 2]) } else { value }
}

/// What the codes of one tensor stand for.
struct Grid {
    /// Scale, and one over it; no dimensions, as all tensors here.
    step: Tensor,
    inverse: Tensor,
    /// Given an offset: the zero point before rounding.
    zero: Option<Tensor>,
    /// Smallest and largest code, counted from the zero point, and what lies in the middle.
    bounds: Bounds,
    middle: Tensor,
    /// Half of what the bounds are apart.
    half: f64,
    /// How many values are worked on at a time.
    run: i64,
}

enum Bounds {
    Numbers(f64, f64),
    Tensors(Tensor, Tensor),
}

impl Grid {
    /// For values of `kind` on a processor.
    fn read(kind: Kind, scale: &Tensor, offset: Option<&Tensor>, (low, high): (i64, i64)) -> Self {
        let number = |value: f64| Tensor::from(value).to_kind(kind);
        let (low, high) = (low as f64, high as f64);
        let step = scale.double_value(&[0]);
        let zero = offset.map(|offset| -offset.double_value(&[0]) / step);
        let rounded = zero.map_or(0.0, |zero| zero.clamp(low, high).round_ties_even());
        Self {
            step: number(step),
            inverse: number(1.0 / step),
            zero: zero.map(number),
            bounds: Bounds::Numbers(low - rounded, high - rounded),
            middle: number((low + high) / 2.0 - rounded),
            half: (high - low) / 2.0,
            run: RUN,
        }
    }

    /// For values of `kind` on a card.
    fn unread(kind: Kind, scale: &Tensor, offset: Option<&Tensor>, (low, high): (i64, i64)) -> Self {
        let (low, high) = (low as f64, high as f64);
        let (middle, half) = ((low + high) / 2.0, (high - low) / 2.0);
        let step = scale.detach().squeeze();
        let inverse = step.reciprocal();
        let Some(offset) = offset else {
            let middle = Tensor::from(middle).to_kind(kind);
            return Self { step, inverse, zero: None, bounds: Bounds::Numbers(low, high), middle, half, run: i64::MAX };
        };
        // In double, as the zero point is rounded that an export writes.
        let below = offset.detach().squeeze().to_kind(Kind::Double) / &step;
        let rounded = below.clamp(-high, -low).round().to_kind(kind);
        Self {
            step,
            inverse,
            zero: Some(below.neg().to_kind(kind)),
            middle: &rounded + middle,
            bounds: Bounds::Tensors(&rounded + low, rounded + high),
            half,
            run: i64::MAX,
        }
    }
}

/// Of each value of `x`, `[n]`: 1 if it is strictly between the bounds, `[n]`; and its derivatives by scale and (given a zero
/// point) offset, `[1 or 2, n]`.
fn slopes(x: &Tensor, grid: &Grid) -> (Tensor, Tensor) {
    let _guard = no_grad_guard();
    let count = x.numel() as i64;
    let new = |dims: &[i64]| Tensor::empty(dims, (x.kind(), x.device()));
    let (inside, slopes) = (new(&[count]), new(&[1 + i64::from(grid.zero.is_some()), count]));
    let (by_scale, by_offset) = (slopes.select(0, 0), grid.zero.as_ref().map(|zero| (zero, slopes.select(0, 1))));
    let (x, one, room) = (x.detach(), Tensor::from(1.0).to_kind(x.kind()), new(&[count.min(grid.run)]));
    // Runs stay in the cache from one pass to the next.
    let mut start = 0;
    while start < count {
        let length = grid.run.min(count - start);
        let part = |of: &Tensor| of.narrow(0, start, length);
        let (mut scaled, mut inside, mut slope) = (room.narrow(0, 0, length), part(&inside), part(&by_scale));
        let _ = part(&x).mul_out(&scaled, &grid.inverse);
        let _ = match &grid.bounds {
            Bounds::Numbers(low, high) => scaled.clamp_out(&slope, *low, *high),
            Bounds::Tensors(low, high) => scaled.clamp_tensor_out(&slope, Some(low), Some(high)),
        };
        let _ = slope.round_();
        let _ = scaled.sub_out(&inside, &grid.middle);
        let _ = inside.abs_().lt_(grid.half);
        if let Some((zero, by_offset)) = &by_offset {
            let outside = part(by_offset);
            let _ = one.sub_out(&outside, &inside);
            let _ = slope.addcmul_(&outside, zero);
        }
        let _ = slope.g_sub_(&scaled.g_mul_(&inside));
        start += length;
    }
    (inside, slopes)
}

/// `scale`, one or one for each row of `x` along its first dimension, in the dimensions of `x`.
pub fn for_rows(scale: &Tensor, x: &Tensor) -> Tensor {
    let mut dims = vec![1; x.dim()];
    dims[0] = -1;
    scale.reshape(dims.as_slice())
}

/// `x` as the codes `low..=high` stand for it, with a scale for each of its rows along the first dimension and zero points 0.
pub fn quantized_rows(x: &Tensor, scale: &Tensor, (low, high): (i64, i64), factor: f64) -> Tensor {
    let scale = for_rows(&learned(scale, factor), x);
    let v = x.detach() / scale.detach();
    let inside = (&v - (low + high) as f64 / 2.0).abs().lt((high - low) as f64 / 2.0).to_kind(x.kind());
    let slope = v.clamp(low, high).round() - v * &inside;
    x * inside + scale * slope
}

#[cfg(test)]
mod tests {
    use spaceevo::base::Seed;

    use super::*;
    use crate::torch::chance::seeded;

    type Form = fn(Kind, &Tensor, Option<&Tensor>, (i64, i64)) -> Grid;

    /// Values, those of an evaluation, and gradients by input, scale and offset.
    fn outcome(form: Form, x: &Tensor, scale: f32, offset: Option<f32>, codes: (i64, i64)) -> Vec<Tensor> {
        let parameter = |value: f32| Tensor::from_slice(&[value]).set_requires_grad(true);
        let (x, scale, offset) = (x.detach().set_requires_grad(true), parameter(scale), offset.map(parameter));
        let run = || {
            let grid = no_grad(|| form(x.kind(), &scale, offset.as_ref(), codes));
            on_grid(&x, &scale, offset.as_ref(), &grid, 0.01)
        };
        let (trained, evaluated) = (run(), no_grad(run));
        // Gradients that differ from place to place.
        (&trained * x.detach().cos()).sum(x.kind()).backward();
        [trained.detach(), evaluated, x.grad(), scale.grad()].into_iter().chain(offset.map(|offset| offset.grad())).collect()
    }

    #[test]
    fn a_card_gets_the_values_and_gradients_that_a_processor_gets() {
        // More than one run, channels last.
        let x = seeded(Seed(1), || Tensor::randn([4, 12, 20, 24], (Kind::Float, Device::Cpu)) * 2.0).permute([0, 3, 1, 2]);
        assert!(x.numel() as i64 > RUN && !x.is_contiguous());
        for bits in 2..=8 {
            let (largest, weights) = ((1_i64 << bits) - 1, 1_i64 << (bits - 1));
            let scale = 5.0 / largest as f32;
            let cases = [
                // Maps with a zero point, one of which rounds to an end; maps without; weights.
                (Some(-1.37), (0, largest)),
                (Some(-0.4 * scale), (0, largest)),
                (None, (0, largest)),
                (None, (-weights, weights - 1)),
                (None, (1 - weights, weights - 1)),
            ];
            for (offset, codes) in cases {
                let [read, unread] = [Grid::read as Form, Grid::unread].map(|form| outcome(form, &x, scale, offset, codes));
                assert_eq!(read.len(), unread.len());
                for (at, (read, unread)) in read.iter().zip(&unread).enumerate() {
                    assert_eq!(read.stride(), unread.stride());
                    let far = (read - unread).abs().max().double_value(&[]);
                    let size = read.abs().max().double_value(&[]);
                    let most = if at < 3 { 0.0 } else { 1e-6 * size };
                    assert!(size > 0.0 && far <= most, "{bits} bits, offset {offset:?}, {at}: {far} of {size}");
                }
            }
        }
    }

    #[test]
    fn a_zero_point_between_two_codes_is_rounded_alike() {
        let x = Tensor::from_slice(&[-9.0_f32, 9.0]);
        for half in 0..6 {
            let offset = Some(-0.1 * (half as f32 + 0.5));
            let [read, unread] = [Grid::read as Form, Grid::unread].map(|form| outcome(form, &x, 0.1, offset, (0, 15)));
            assert!(read[0].equal(&unread[0]), "{half}: {} {}", read[0], unread[0]);
        }
    }
}

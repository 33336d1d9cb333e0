//! LSQ+ fake quantization with integer zero points.
//!
//! A tensor `x` with scale `s` and offset `b` becomes `(q - z) s` with `z = round(-b / s)` and
//! `q = clamp(round(x / s) + z, 0, 255)`; weights have `z = 0` and codes within ±127. Gradients are those of LSQ+
//! (arXiv 2004.09576): inside, `dy/dx = 1` and `dy/ds = round(v) - v`; clipped, `dy/dx = 0`, `dy/db = 1` and `dy/ds` the bound;
//! gradients of `s` and `b` are multiplied by `1 / sqrt(n Q)`.

use std::cell::Cell;

use tch::{Tensor, no_grad_guard};

/// Scales never fall below this.
pub const SMALLEST_SCALE: f64 = 1e-6;
/// Largest code of a tensor.
const CODES: i64 = 255;
/// Largest code of a weight, either sign.
const WEIGHT_CODES: i64 = 127;
/// How many values are worked on at a time.
const RUN: i64 = 1 << 14;

/// The quantizer of one tensor.
pub struct Quantizer {
    /// Scale, `[1]`.
    pub scale: Tensor,
    /// Offset, `[1]`: the value that code 0 stands for, up to rounding; never positive.
    pub offset: Tensor,
    largest: f64,
    ready: Cell<bool>,
}

impl Quantizer {
    /// A quantizer that takes its first values from the first data it sees.
    pub fn new(scale: Tensor, offset: Tensor, largest: f64) -> Self {
        Self { scale, offset, largest, ready: Cell::new(false) }
    }

    /// Whether it has values.
    pub fn ready(&self) -> bool {
        self.ready.get()
    }

    /// Says whether it has values, for one whose numbers were restored.
    pub fn set_ready(&self, ready: bool) {
        self.ready.set(ready);
    }

    /// Sets scale and zero point.
    pub fn set(&self, scale: f64, zero: f64) {
        let _guard = no_grad_guard();
        let scale = scale.clamp(SMALLEST_SCALE, self.largest);
        let _ = self.scale.detach().fill_(scale);
        let _ = self.offset.detach().fill_(-zero.clamp(0.0, CODES as f64) * scale);
        self.ready.set(true);
    }

    /// Scale, and zero point as learned (a real number within 0..255).
    pub fn numbers(&self) -> (f64, f64) {
        let scale = self.scale.double_value(&[0]);
        (scale, (-self.offset.double_value(&[0]) / scale).clamp(0.0, CODES as f64))
    }

    /// Scale and zero point as used: the latter rounded, 0 if the tensor is never negative.
    pub fn rounded(&self, zero_at_zero: bool) -> (f64, f64) {
        let (scale, zero) = self.numbers();
        (scale, if zero_at_zero { 0.0 } else { zero.round_ties_even() })
    }

    /// `x`, a map of `[N, ...]`, as its codes stand for it.
    pub fn apply(&self, x: &Tensor, zero_at_zero: bool) -> Tensor {
        if !self.ready() {
            self.cover(x);
        }
        let per_sample = x.numel() as f64 / x.size()[0].max(1) as f64;
        let factor = 1.0 / (per_sample * CODES as f64).sqrt();
        if zero_at_zero {
            return fake_quantized(x, &self.scale, None, (0, CODES), factor);
        }
        let zero = self.rounded(false).1 as i64;
        fake_quantized(x, &self.scale, Some(&self.offset), (-zero, CODES - zero), factor)
    }

    /// First values: the codes cover zero and all of `x`.
    fn cover(&self, x: &Tensor) {
        let _guard = no_grad_guard();
        let (low, high) = x.aminmax(None, false);
        let (low, high) = (low.double_value(&[]).min(0.0), high.double_value(&[]).max(0.0));
        let span = if high - low > 0.0 { high - low } else { 1.0 };
        let scale = span / CODES as f64;
        self.set(scale, -low / scale);
    }
}

/// The quantizer of one weight, shared by all its slices.
pub struct WeightScale {
    /// Scale, `[1]`.
    pub value: Tensor,
    /// Whether it has its first value.
    pub ready: Cell<bool>,
}

impl WeightScale {
    /// Sets the scale.
    pub fn set(&self, scale: f64) {
        let _guard = no_grad_guard();
        let _ = self.value.detach().fill_(scale.max(SMALLEST_SCALE));
        self.ready.set(true);
    }

    /// Without a value it takes one that covers all of `whole`.
    pub fn ready_or_cover(&self, whole: &Tensor) {
        if !self.ready.get() {
            let _guard = no_grad_guard();
            self.set(whole.abs().max().double_value(&[]) / WEIGHT_CODES as f64);
        }
    }

    /// `slice`, a part of `whole`, as its codes stand for it. The first value covers all of `whole`.
    pub fn apply(&self, slice: &Tensor, whole: &Tensor) -> Tensor {
        self.ready_or_cover(whole);
        let factor = 1.0 / (slice.numel() as f64 * WEIGHT_CODES as f64).sqrt();
        fake_quantized(&slice.contiguous(), &self.value, None, (-WEIGHT_CODES, WEIGHT_CODES), factor)
    }
}

/// `x` as the codes `low..=high`, counted from the zero point, stand for it. Gradients of `scale` and `offset` are multiplied by
/// `factor`; without an offset the zero point does not learn.
///
/// With `r = round(x / s)`, `q = clamp(r)`, `m` 1 where `q = r` and 0 elsewhere, and `z` the zero point before rounding, the
/// value `q s` is written as `m x + s c + b (1 - m)` where `c = q - m x / s + z (1 - m)`. Its gradients for constant `c` and `m` are
/// those of LSQ+, and every pass over memory is a vectorised one.
fn fake_quantized(x: &Tensor, scale: &Tensor, offset: Option<&Tensor>, (low, high): (i64, i64), factor: f64) -> Tensor {
    let step = scale.double_value(&[0]) as f32;
    let inverse = 1.0 / step;
    let learned = |value: &Tensor| value * factor + value.detach() * (1.0 - factor);
    let learned = match offset {
        None => learned(scale),
        Some(offset) => Tensor::cat(&[learned(scale), learned(offset)], 0),
    };
    if !learned.requires_grad() {
        return x.g_mul_scalar(f64::from(inverse)).round_().clamp_(low, high).g_mul_scalar_(f64::from(step));
    }
    // In the order of memory, which is channels last for most maps.
    let channels_last = x.dim() == 4 && !x.is_contiguous();
    let ordered = if channels_last { x.permute([0, 2, 3, 1]) } else { x.shallow_clone() };
    let flat = ordered.reshape([-1]);
    let zero = offset.map(|offset| -offset.double_value(&[0]) / f64::from(step));
    let (inside, slopes) = slopes(&flat, inverse, zero, (low, high));
    let value = (flat * inside).addmv_(&slopes.tr(), &learned).view_as(&ordered);
    if channels_last { value.permute([0, 3, 1, 2]) } else { value }
}

/// Of each value of `x`, `[n]`: 1 if it is not clipped, `[n]`; and its derivatives by scale and (given a zero point) offset, `[1 or 2, n]`.
fn slopes(x: &Tensor, inverse: f32, zero: Option<f64>, (low, high): (i64, i64)) -> (Tensor, Tensor) {
    let _guard = no_grad_guard();
    let count = x.numel() as i64;
    let new = |dims: &[i64]| Tensor::empty(dims, (x.kind(), x.device()));
    let (inside, slopes) = (new(&[count]), new(&[1 + i64::from(zero.is_some()), count]));
    let (by_scale, by_offset) = (slopes.select(0, 0), zero.map(|zero| (Tensor::from(zero as f32), slopes.select(0, 1))));
    let (x, inverse, room) = (x.detach(), Tensor::from(inverse), new(&[count.min(RUN)]));
    // In runs that stay in the cache from one pass to the next.
    for start in (0..count).step_by(RUN as usize) {
        let length = RUN.min(count - start);
        let part = |of: &Tensor| of.narrow(0, start, length);
        let (mut scaled, mut inside, mut slope) = (room.narrow(0, 0, length), part(&inside), part(&by_scale));
        let _ = part(&x).mul_out(&scaled, &inverse);
        let _ = scaled.round_out(&inside);
        let _ = inside.clamp_out(&slope, low, high);
        if let Some((zero, by_offset)) = &by_offset {
            let mut outside = part(by_offset);
            outside.copy_(&inside);
            let _ = outside.ne_tensor_(&slope);
            let _ = inside.eq_tensor_(&slope);
            let _ = slope.addcmul_(&outside, zero);
        } else {
            let _ = inside.eq_tensor_(&slope);
        }
        let _ = slope.g_sub_(&scaled.g_mul_(&inside));
    }
    (inside, slopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gradients of `x`, scale and offset at each of `xs`, the latter two without the factor `1 / sqrt(n Q)`.
    fn gradients(scale: f32, offset: f32, xs: &[f32]) -> Vec<[f64; 3]> {
        let one = |x: f32| {
            let parameter = |value: f32| Tensor::from_slice(&[value]).set_requires_grad(true);
            let quantizer = Quantizer::new(parameter(0.0), parameter(0.0), f64::MAX);
            quantizer.set(f64::from(scale), f64::from(-offset / scale));
            let x = parameter(x);
            quantizer.apply(&x, false).sum(tch::Kind::Float).backward();
            let factor = (CODES as f64).sqrt();
            [
                x.grad().double_value(&[0]),
                quantizer.scale.grad().double_value(&[0]) * factor,
                quantizer.offset.grad().double_value(&[0]) * factor,
            ]
        };
        xs.iter().map(|&x| one(x)).collect()
    }

    #[test]
    fn gradients_are_those_of_lsq_plus() {
        // Codes before rounding: 13.7667, 39.2333, -3.3333, 343.3333, from an offset of -13 scales.
        let xs = [0.023, 0.787, -0.49, 9.91];
        let wanted = [[1.0, 0.233_33, 0.0], [1.0, -0.233_33, 0.0], [0.0, 0.0, 1.0], [0.0, 255.0, 1.0]];
        for (got, wanted) in gradients(0.03, -0.39, &xs).iter().zip(wanted) {
            for (got, wanted) in got.iter().zip(wanted) {
                assert!((got - wanted).abs() < 1e-3, "{got} for {wanted}");
            }
        }
    }

    #[test]
    fn weights_keep_to_their_codes() {
        let parameter = |value: f32| Tensor::from_slice(&[value]).set_requires_grad(true);
        let scale = WeightScale { value: parameter(0.0), ready: Cell::new(false) };
        scale.set(0.005);
        let w = Tensor::from_slice(&[-1.0f32, -0.013, 0.2, 0.9]);
        let got = scale.apply(&w, &w);
        let wanted = Tensor::from_slice(&[-0.635f32, -0.015, 0.2, 0.635]);
        assert!((got - wanted).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn training_and_evaluation_give_the_same_values_in_either_layout() {
        tch::manual_seed(1);
        let values = Tensor::randn([8, 5, 7, 9], (tch::Kind::Float, tch::Device::Cpu)) * 3.0;
        for map in [values.permute([0, 3, 1, 2]), values] {
            for zero in [0.0, 100.3] {
                let parameter = || Tensor::from_slice(&[0.0f32]).set_requires_grad(true);
                let quantizer = Quantizer::new(parameter(), parameter(), f64::MAX);
                quantizer.set(0.02, zero);
                let trained = quantizer.apply(&map, zero == 0.0);
                let evaluated = tch::no_grad(|| quantizer.apply(&map, zero == 0.0));
                assert_eq!(trained.stride(), map.stride());
                assert!((trained - evaluated).abs().max().double_value(&[]) < 1e-6);
            }
        }
    }
}

//! LSQ+ fake quantization of 2 to 8 bits.
//!
//! A tensor `x` with scale `s` and offset `b` becomes `(q - z) s` with `z = round(-b / s)` and
//! `q = clamp(round(x / s) + z, 0, Q)`, `Q = 2^bits - 1`; with real offsets ([`Offset::Real`]) `clamp(round((x - b) / s), 0, Q) s + b`.
//! Weights have no offset. Gradients are those of LSQ+ (arXiv 2004.09576), for a code `v` before rounding: strictly between
//! the bounds `dy/dx = 1` and `dy/ds = round(v) - v`; elsewhere `dy/dx = 0`, `dy/db = 1` and `dy/ds` the bound.
//! Gradients of `s` and `b` are multiplied by `1 / sqrt(n Q)`.

use std::cell::Cell;

use spaceevo::train::{Lsq, Offset, ScaleInit};
use tch::{Tensor, no_grad_guard};

use super::fake_quantize::{fake_quantized, learned, quantized_rows};
use super::own::{self, Zero};
use super::slice::Slice;

/// Scales never fall below this.
pub const SMALLEST_SCALE: f64 = 1e-6;

/// The quantizer of one tensor.
pub struct Quantizer {
    /// Scale, `[1]`.
    pub scale: Tensor,
    /// Offset, `[1]`: the value that code 0 stands for, up to rounding; never positive unless offsets are real.
    pub offset: Tensor,
    largest: f64,
    how: Lsq,
    ready: Cell<bool>,
    learned: Cell<bool>,
}

impl Quantizer {
    /// A quantizer that takes its first values from the first data it sees; its scale stays below `largest`.
    pub fn new(scale: Tensor, offset: Tensor, largest: f64, how: Lsq) -> Self {
        Self { scale, offset, largest, how, ready: Cell::new(false), learned: Cell::new(false) }
    }

    /// Whether it has values.
    pub fn ready(&self) -> bool {
        self.ready.get()
    }

    /// Says whether it has values, for one whose numbers were restored.
    pub fn set_ready(&self, ready: bool) {
        self.ready.set(ready);
    }

    /// Sets scale and zero point (in codes) to learned ones.
    pub fn set(&self, scale: f64, zero: f64) {
        self.fill(scale, zero);
        self.learned.set(true);
    }

    /// Forgets values that were not learned but taken from data.
    pub fn forget_covered(&self) {
        self.ready.set(self.learned.get());
    }

    fn fill(&self, scale: f64, zero: f64) {
        let _guard = no_grad_guard();
        let scale = scale.clamp(SMALLEST_SCALE, self.largest);
        let _ = self.scale.detach().fill_(scale);
        let _ = self.offset.detach().fill_(-self.within(zero) * scale);
        self.ready.set(true);
    }

    /// A zero point as it may be: one of the codes, unless offsets are real.
    fn within(&self, zero: f64) -> f64 {
        if self.how.offset == Offset::Real { zero } else { zero.clamp(0.0, self.how.largest_code() as f64) }
    }

    /// Scale, and zero point as learned: a real number of codes.
    pub fn numbers(&self) -> (f64, f64) {
        let scale = self.scale.double_value(&[0]);
        (scale, self.within(-self.offset.double_value(&[0]) / scale))
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
        let codes = self.how.largest_code();
        let per_sample = x.numel() as f64 / x.size()[0].max(1) as f64;
        let factor = 1.0 / (per_sample * codes as f64).sqrt();
        if let Some(own) = &self.how.own {
            let (scale, offset) = (learned(&self.scale, factor), learned(&self.offset, factor));
            let zero = if zero_at_zero && self.how.offset == Offset::Integer {
                Zero::Fixed
            } else {
                Zero::Learned(self.how.offset, &offset)
            };
            return own::map(own, x, &scale, codes, &zero);
        }
        if self.how.offset == Offset::Real {
            let offset = learned(&self.offset, factor);
            return fake_quantized(&(x - &offset), &self.scale, None, (0, codes), factor) + offset;
        }
        if zero_at_zero {
            return fake_quantized(x, &self.scale, None, (0, codes), factor);
        }
        fake_quantized(x, &self.scale, Some(&self.offset), (0, codes), factor)
    }

    /// First values, from `x`. Zero is among those that integer codes cover.
    fn cover(&self, x: &Tensor) {
        let _guard = no_grad_guard();
        let (low, high) = x.aminmax(None, false);
        let (mut low, mut high) = (low.double_value(&[]), high.double_value(&[]));
        let real = self.how.offset == Offset::Real;
        if !real {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        let codes = self.how.largest_code() as f64;
        let covering = if high - low > 0.0 { high - low } else { 1.0 } / codes;
        let scale = match self.how.scale_init {
            ScaleInit::MinMax | ScaleInit::Reference => covering,
            ScaleInit::Lsq => 2.0 * x.abs().mean(x.kind()).double_value(&[]) / codes.sqrt(),
        };
        // Codes that cover less than all of `x` have as many steps below zero, in proportion, as those that do.
        let zero = if real { -low / scale.max(SMALLEST_SCALE) } else { -low / covering };
        self.fill(scale, zero);
    }
}

/// The quantizer of one weight, shared by all its slices.
pub struct WeightScale {
    /// Scale: `[1]`, or one for each output channel.
    pub value: Tensor,
    how: Lsq,
    ready: Cell<bool>,
}

impl WeightScale {
    /// A quantizer that takes its first values from the weight.
    pub fn new(value: Tensor, how: Lsq) -> Self {
        Self { value, how, ready: Cell::new(false) }
    }

    /// Whether it has values.
    pub fn ready(&self) -> bool {
        self.ready.get()
    }

    /// Says whether it has values, for one whose numbers were restored.
    pub fn set_ready(&self, ready: bool) {
        self.ready.set(ready);
    }

    /// Sets the scales: one for all, or one for each.
    pub fn set(&self, scales: &Tensor) {
        let _guard = no_grad_guard();
        self.value.detach().copy_(&scales.clamp_min(SMALLEST_SCALE));
        self.ready.set(true);
    }

    /// Without values it takes those that `whole` asks for.
    pub fn ready_or_cover(&self, whole: &Tensor) {
        if self.ready.get() {
            return;
        }
        let _guard = no_grad_guard();
        let sizes = whole.reshape([self.value.size()[0], -1]).abs();
        let high = self.how.weight_codes().1 as f64;
        let largest = || sizes.amax([1i64].as_slice(), false);
        self.set(&match self.how.scale_init {
            ScaleInit::MinMax => largest() / high,
            ScaleInit::Reference => largest() / ((1_i64 << self.how.weight_bits) - 1) as f64,
            ScaleInit::Lsq => sizes.mean_dim([1i64].as_slice(), false, sizes.kind()) * (2.0 / high.sqrt()),
        });
    }

    /// The scales of a slice with these output channels.
    pub fn of(&self, output: &Slice) -> Tensor {
        if self.value.numel() == 1 { self.value.shallow_clone() } else { output.of(&self.value, 0) }
    }

    /// `slice`, a part of `whole` with these output channels, as its codes stand for it.
    pub fn apply(&self, slice: &Tensor, whole: &Tensor, output: &Slice) -> Tensor {
        self.ready_or_cover(whole);
        let codes = self.how.weight_codes();
        let scale = self.of(output);
        // As many values as share a scale.
        let count = slice.numel() as f64 / scale.numel() as f64;
        let factor = 1.0 / (count * codes.1 as f64).sqrt();
        if let Some(own) = &self.how.own {
            return own::weight(own, slice, &learned(&scale, factor), codes);
        }
        let slice = slice.contiguous();
        if scale.numel() == 1 {
            fake_quantized(&slice, &scale, None, codes, factor)
        } else {
            quantized_rows(&slice, &scale, codes, factor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torch::chance::seeded;
    use spaceevo::base::Seed;
    use spaceevo::train::Granularity::{self, PerChannel, PerTensor};
    use tch::Kind;

    const REAL: Offset = Offset::Real;

    fn bits(bits: u32) -> Lsq {
        Lsq { weight_bits: bits, activation_bits: bits, ..Lsq::default() }
    }

    fn parameter(values: &[f64]) -> Tensor {
        Tensor::from_slice(values).set_requires_grad(true)
    }

    fn values(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor.detach().reshape([-1]).to_kind(Kind::Double)).unwrap()
    }

    fn close(got: &[f64], wanted: &[f64]) {
        assert_eq!(got.len(), wanted.len());
        for (got, wanted) in got.iter().zip(wanted) {
            assert!((got - wanted).abs() <= 1e-4 * wanted.abs().max(1e-3), "{got} for {wanted}");
        }
    }

    fn quantizer(scale: f64, zero: f64, how: &Lsq) -> Quantizer {
        let quantizer = Quantizer::new(parameter(&[0.0]), parameter(&[0.0]), f64::MAX, how.clone());
        quantizer.set(scale, zero);
        quantizer
    }

    fn weight_scale(scales: &[f64], how: &Lsq) -> WeightScale {
        let scale = WeightScale::new(parameter(&vec![0.0; scales.len()]), how.clone());
        scale.set(&Tensor::from_slice(scales));
        scale
    }

    /// Value, and derivatives by input, scale and offset at `x`, the latter two without the factor `1 / sqrt(n Q)`.
    fn at(x: f64, scale: f64, zero: f64, how: &Lsq) -> [f64; 4] {
        let quantizer = quantizer(scale, zero, how);
        let x = parameter(&[x]);
        let y = quantizer.apply(&x, false);
        y.sum(Kind::Double).backward();
        let factor = (how.largest_code() as f64).sqrt();
        let [by_x, by_scale, by_offset] = [&x, &quantizer.scale, &quantizer.offset].map(|of| of.grad().double_value(&[0]));
        [y.double_value(&[0]), by_x, by_scale * factor, by_offset * factor]
    }

    /// The same by the formulas of the paper.
    fn wanted(x: f64, scale: f64, zero: f64, how: &Lsq) -> [f64; 4] {
        let codes = how.largest_code() as f64;
        let used = if how.offset == REAL { zero } else { zero.round_ties_even() };
        let v = x / scale + used;
        let q = v.clamp(0.0, codes).round_ties_even();
        let inside = v > 0.0 && v < codes;
        // What moves with the scale is counted from the zero point as learned.
        let by_scale = if inside { q - v } else { q - used + if how.offset == REAL { used } else { zero } };
        [(q - used) * scale, f64::from(inside), by_scale, f64::from(!inside)]
    }

    #[test]
    fn values_and_gradients_are_those_of_the_formulas_for_all_bits() {
        for offset in [Offset::Integer, REAL] {
            for width in 2..=8 {
                let how = Lsq { offset, ..bits(width) };
                let zero = 0.3 * how.largest_code() as f64 + 0.123;
                for step in -6..16 {
                    let x = 0.05 * (f64::from(step) * 0.0973 * how.largest_code() as f64 - zero) + 0.0031;
                    close(&at(x, 0.05, zero, &how), &wanted(x, 0.05, zero, &how));
                }
            }
        }
    }

    #[test]
    fn values_and_gradients_are_those_of_the_reference() {
        let how = Lsq { offset: REAL, ..bits(8) };
        let got: Vec<_> = [-1.0, 0.1, 0.37, 5.0].iter().map(|&x| at(x, 0.02, 25.0, &how)[0]).collect();
        close(&got, &[-0.5, 0.1, 0.38, 4.6]);
        // Codes before rounding: 13.7667, 39.2333, -3.3333, 343.3333; scale 0.03, offset -0.4.
        let wanted = [[1.0, 0.233_33, 0.0], [1.0, -0.233_33, 0.0], [0.0, 0.0, 1.0], [0.0, 255.0, 1.0]];
        for (code, wanted) in [13.0 + 0.766_67, 39.233_33, -3.333_33, 343.333_33].into_iter().zip(wanted) {
            close(&at(code * 0.03 - 0.4, 0.03, 0.4 / 0.03, &how)[1..], &wanted);
        }
        for bound in [0.0, 255.0] {
            let [_, by_x, _, by_offset] = at((bound - 25.0) * 0.25, 0.25, 25.0, &how);
            close(&[by_x, by_offset], &[0.0, 1.0]);
        }
    }

    #[test]
    fn weights_keep_to_their_codes() {
        let w = Tensor::from_slice(&[-1.0, -0.013, 0.2, 0.9]);
        let with = |how: &Lsq| values(&weight_scale(&[0.005], how).apply(&w, &w, &Slice::All));
        close(&with(&bits(8)), &[-0.635, -0.015, 0.2, 0.635]);
        close(&with(&Lsq { offset: REAL, ..bits(8) }), &[-0.64, -0.015, 0.2, 0.635]);
        close(&with(&bits(4)), &[-0.04, -0.015, 0.035, 0.035]);
        close(&with(&bits(2)), &[-0.01, -0.01, 0.005, 0.005]);
    }

    #[test]
    fn gradients_of_weights_are_those_of_the_formulas_for_each_channel() {
        let rows = [[-0.9, 0.013, 0.2, 0.31], [0.004, -0.02, 1.4, -0.123]];
        let scales = [0.05, 0.011];
        for width in [2, 4, 8] {
            for shared in [true, false] {
                let how = Lsq { weights: if shared { PerTensor } else { PerChannel }, ..bits(width) };
                let (low, high) = how.weight_codes();
                let w = parameter(&rows.concat());
                let scale = weight_scale(if shared { &scales[..1] } else { &scales }, &how);
                let shaped = w.view([2, 4]);
                let y = scale.apply(&shaped, &shaped, &Slice::All);
                y.sum(Kind::Double).backward();
                let mut by_scale = [0.0; 2];
                let (mut value, mut by_w) = (vec![], vec![]);
                for (row, weights) in rows.iter().enumerate() {
                    let step = scales[if shared { 0 } else { row }];
                    for w in weights {
                        let v = w / step;
                        let q = v.clamp(low as f64, high as f64).round_ties_even();
                        let inside = v > low as f64 && v < high as f64;
                        value.push(q * step);
                        by_w.push(f64::from(inside));
                        by_scale[if shared { 0 } else { row }] += if inside { q - v } else { q };
                    }
                }
                close(&values(&y), &value);
                close(&values(&w.grad()), &by_w);
                let count = if shared { 8.0 } else { 4.0 };
                let factor = 1.0 / (count * high as f64).sqrt();
                let wanted: Vec<_> = by_scale[..scale.value.numel()].iter().map(|slope| slope * factor).collect();
                close(&values(&scale.value.grad()), &wanted);
            }
        }
    }

    #[test]
    fn scales_begin_where_they_are_told_to() {
        let w = Tensor::from_slice(&[-1.0, 0.5, 0.25, 0.25, 0.1, -0.2, 0.1, 0.0]).view([2, 4]);
        let begin = |weights: Granularity, scale_init, width: u32| {
            let how = Lsq { weights, scale_init, ..bits(width) };
            let count = if weights == PerTensor { 1 } else { 2 };
            let scale = WeightScale::new(parameter(&vec![0.0; count]), how.clone());
            scale.ready_or_cover(&w);
            values(&scale.value)
        };
        close(&begin(PerTensor, ScaleInit::MinMax, 8), &[1.0 / 127.0]);
        close(&begin(PerTensor, ScaleInit::Reference, 8), &[1.0 / 255.0]);
        close(&begin(PerTensor, ScaleInit::Lsq, 4), &[2.0 * 0.3 / 7.0_f64.sqrt()]);
        close(&begin(PerChannel, ScaleInit::MinMax, 4), &[1.0 / 7.0, 0.2 / 7.0]);
        close(&begin(PerChannel, ScaleInit::Lsq, 8), &[2.0 * 0.5 / 127.0_f64.sqrt(), 2.0 * 0.1 / 127.0_f64.sqrt()]);
        let x = Tensor::from_slice(&[-1.0, 0.0, 2.0, 5.0]);
        let cover = |scale_init, offset, width: u32| {
            let how = Lsq { scale_init, offset, ..bits(width) };
            let quantizer = Quantizer::new(parameter(&[0.0]), parameter(&[0.0]), f64::MAX, how.clone());
            let _ = quantizer.apply(&x, false);
            [quantizer.scale.double_value(&[0]), quantizer.offset.double_value(&[0])]
        };
        close(&cover(ScaleInit::MinMax, Offset::Integer, 8), &[6.0 / 255.0, -1.0]);
        close(&cover(ScaleInit::MinMax, REAL, 4), &[6.0 / 15.0, -1.0]);
        close(&cover(ScaleInit::Lsq, REAL, 4), &[2.0 * 2.0 / 15.0_f64.sqrt(), -1.0]);
        let [scale, offset] = cover(ScaleInit::Lsq, Offset::Integer, 2);
        close(&[scale, offset / scale], &[4.0 / 3.0_f64.sqrt(), -0.5]);
    }

    #[test]
    fn values_taken_from_data_can_be_forgotten_and_learned_ones_cannot() {
        let x = Tensor::from_slice(&[-1.0, 3.0]);
        let fresh = Quantizer::new(parameter(&[0.0]), parameter(&[0.0]), f64::MAX, bits(8));
        let _ = fresh.apply(&x, false);
        fresh.forget_covered();
        assert!(!fresh.ready());
        let known = quantizer(0.1, 3.0, &bits(8));
        known.forget_covered();
        assert!(known.ready());
    }

    #[test]
    fn training_and_evaluation_give_the_same_values_in_either_layout() {
        let values = seeded(Seed(1), || Tensor::randn([8, 5, 7, 9], (Kind::Float, tch::Device::Cpu))) * 3.0;
        for map in [values.permute([0, 3, 1, 2]), values] {
            for (zero, offset) in [(0.0, Offset::Integer), (100.3, Offset::Integer), (100.3, REAL)] {
                let parameter = || Tensor::from_slice(&[0.0f32]).set_requires_grad(true);
                let quantizer = Quantizer::new(parameter(), parameter(), f64::MAX, Lsq { offset, ..bits(8) });
                quantizer.set(0.02, zero);
                let trained = quantizer.apply(&map, zero == 0.0);
                let evaluated = tch::no_grad(|| quantizer.apply(&map, zero == 0.0));
                assert_eq!(trained.stride(), map.stride());
                assert!((trained - evaluated).abs().max().double_value(&[]) < 1e-6);
            }
        }
    }
}

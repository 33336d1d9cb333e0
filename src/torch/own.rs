//! Fake quantization by a quantizer of a user's own: a formula of value, scale, and smallest and largest code.

use spaceevo::train::{Offset, OwnQuantizer};
use tch::Tensor;

use super::fake_quantize::for_rows;
use super::losses::values;

/// Where the code 0 of a map stands.
pub enum Zero<'a> {
    /// At zero, for maps that are never negative.
    Fixed,
    /// Where the offset, `[1]`, says.
    Learned(Offset, &'a Tensor),
}

/// The map `x` with the codes `0..=largest`. `scale`, `[1]`, and offset learn through what is made of them.
pub fn map(own: &OwnQuantizer, x: &Tensor, scale: &Tensor, largest: i64, zero: &Zero<'_>) -> Tensor {
    let low = scale.detach().zeros_like();
    let largest = largest as f64;
    match zero {
        Zero::Fixed => quantized(own, x, scale, (&low, &(&low + largest))),
        Zero::Learned(Offset::Real, offset) => quantized(own, &(x - *offset), scale, (&low, &(&low + largest))) + *offset,
        // Codes are counted from the zero point, through which the offset learns.
        Zero::Learned(Offset::Integer, offset) => {
            let exact = *offset / scale;
            let low = &exact + (exact.round() - &exact).detach();
            quantized(own, x, scale, (&low, &(&low + largest)))
        }
    }
}

/// The weight `x` with codes from the first to the last of `codes`; `scale` is one, or one for each output channel.
pub fn weight(own: &OwnQuantizer, x: &Tensor, scale: &Tensor, codes: (i64, i64)) -> Tensor {
    let scale = for_rows(scale, x);
    let zeros = scale.detach().zeros_like();
    quantized(own, x, &scale, (&(&zeros + codes.0), &(&zeros + codes.1)))
}

fn quantized(own: &OwnQuantizer, x: &Tensor, scale: &Tensor, (low, high): (&Tensor, &Tensor)) -> Tensor {
    match values(&own.expression, &[x, scale, low, high]) {
        Ok(value) => value,
        Err(_) => unreachable!("a traced quantizer reads its four tensors and none of their axes"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spaceevo::base::Seed;
    use spaceevo::train::{Binary, Expression, Granularity, Lsq, Unary};
    use tch::Kind;

    use super::*;
    use crate::torch::chance::seeded;
    use crate::torch::lsq::{Quantizer, WeightScale};
    use crate::torch::slice::Slice;

    /// That of LSQ+, written as a user would.
    fn usual() -> Option<Arc<OwnQuantizer>> {
        let [x, scale, low, high] = [0, 1, 2, 3].map(|at| Expression::given(at, &["x", "scale", "low", "high"]));
        let code = x.with(Binary::Divide, scale.clone()).with(Binary::Max, low).with(Binary::Min, high);
        Some(Arc::new(OwnQuantizer::new(code.then(Unary::Round).with(Binary::Multiply, scale))))
    }

    fn parameter(values: &[f64]) -> Tensor {
        Tensor::from_slice(values).set_requires_grad(true)
    }

    fn normal(seed: u64, dims: [i64; 4]) -> Tensor {
        seeded(Seed(seed), || Tensor::randn(dims, (Kind::Double, tch::Device::Cpu)))
    }

    fn same(got: &Tensor, wanted: &Tensor) {
        let apart = (got - wanted).abs().max().double_value(&[]);
        let size = wanted.abs().max().double_value(&[]).max(1e-3);
        assert!(apart <= 1e-6 * size, "{apart} of {size}");
    }

    #[test]
    fn the_formula_of_lsq_gives_what_lsq_gives_for_maps() {
        let [map, weighted] = [1, 2].map(|seed| normal(seed, [4, 3, 5, 6]));
        let map = map * 2.0;
        for bits in [2, 4, 8] {
            for offset in [Offset::Integer, Offset::Real] {
                for zero_at_zero in [false, true] {
                    let run = |own| {
                        let how = Lsq { activation_bits: bits, offset, own, ..Lsq::default() };
                        let codes = how.largest_code() as f64;
                        let (scale, shift) = (parameter(&[0.0]), parameter(&[0.0]));
                        let quantizer = Quantizer::new(scale, shift, f64::MAX, how);
                        quantizer.set(5.0 / codes, 0.37 * codes);
                        let x = map.copy().set_requires_grad(true);
                        let y = quantizer.apply(&x, zero_at_zero);
                        (&y * &weighted).sum(Kind::Double).backward();
                        let shift = quantizer.offset.grad();
                        let shift = if shift.defined() { shift } else { quantizer.scale.zeros_like() };
                        [y.detach(), x.grad(), quantizer.scale.grad(), shift]
                    };
                    for (got, wanted) in run(usual()).iter().zip(&run(None)) {
                        same(got, wanted);
                    }
                }
            }
        }
    }

    #[test]
    fn the_formula_of_lsq_gives_what_lsq_gives_for_weights() {
        let [whole, weighted] = [3, 4].map(|seed| normal(seed, [4, 3, 3, 3]));
        for (weights, scales) in [(Granularity::PerTensor, vec![0.02]), (Granularity::PerChannel, vec![0.02, 0.01, 0.03, 0.3])] {
            let run = |own| {
                let scale = WeightScale::new(parameter(&vec![0.0; scales.len()]), Lsq { weights, own, ..Lsq::default() });
                scale.set(&Tensor::from_slice(&scales));
                let x = whole.copy().set_requires_grad(true);
                let y = scale.apply(&x, &x, &Slice::All);
                (&y * &weighted).sum(Kind::Double).backward();
                [y.detach(), x.grad(), scale.value.grad()]
            };
            for (got, wanted) in run(usual()).iter().zip(&run(None)) {
                same(got, wanted);
            }
        }
    }
}

//! A fake quantizer of a user's own, in place of that of LSQ+.

use serde::{Deserialize, Serialize};

use super::Expression;

/// Codes, scales and values at which a quantizer is compared with that of integer codes: between codes, on them, outside.
const CODES: [(f64, f64); 3] = [(-128.0, 127.0), (0.0, 255.0), (-3.0, 12.0)];
const SCALES: [f64; 2] = [0.5, 0.0137];
const STEPS: std::ops::Range<i32> = -400..400;
const STEP: f64 = 0.83;
/// How far values may be apart, in codes.
const APART: f64 = 1e-6;

/// What a value stands for once it is quantized, as a formula of the value, its scale, and the smallest and largest code counted
/// from the zero point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnQuantizer {
    /// The formula.
    pub expression: Expression,
    /// Whether its values are those of integer codes times the scale, so that integer kernels give them too.
    pub integer: bool,
}

impl OwnQuantizer {
    /// That of a formula; tries whether it gives integer codes.
    pub fn new(expression: Expression) -> Self {
        let integer = CODES.iter().all(|&(low, high)| {
            SCALES.iter().all(|&scale| {
                STEPS.map(|step| f64::from(step) * STEP * scale).all(|x| {
                    let code = (x / scale).clamp(low, high).round_ties_even();
                    let given = expression.number(&[x, scale, low, high]);
                    given.is_some_and(|given| (given / scale - code).abs() <= APART)
                })
            })
        });
        Self { expression, integer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Binary, Unary};

    fn given() -> [Expression; 4] {
        [0, 1, 2, 3].map(|at| Expression::given(at, &["x", "scale", "low", "high"]))
    }

    #[test]
    fn integer_codes_are_recognised_however_they_learn() {
        let [x, scale, low, high] = given();
        let code = x.with(Binary::Divide, scale.clone()).with(Binary::Max, low).with(Binary::Min, high);
        let usual = code.clone().then(Unary::Round).with(Binary::Multiply, scale.clone());
        assert!(OwnQuantizer::new(usual.clone()).integer);
        let silent = usual.clone().then(Unary::Detach);
        assert!(OwnQuantizer::new(silent).integer);
        let lower = code.then(Unary::Floor).with(Binary::Multiply, scale);
        assert!(!OwnQuantizer::new(lower).integer);
    }

    #[test]
    fn codes_that_are_powers_of_two_are_no_integer_codes() {
        let [x, scale, ..] = given();
        let size = x.clone().with(Binary::Divide, scale.clone()).then(Unary::Abs).then(Unary::Log);
        let power = Expression::constant(2.0).with(Binary::Power, size.then(Unary::Round));
        let value = power.with(Binary::Multiply, x.then(Unary::Sign)).with(Binary::Multiply, scale);
        assert!(!OwnQuantizer::new(value).integer);
    }
}

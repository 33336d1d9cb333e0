//! What lies in the tails of the distributions that tests compare with.

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};

/// The probability that a standard normal value lies at least so far from zero, on either side.
pub(super) fn normal_beyond(z: f64) -> f64 {
    2.0 * Normal::standard().sf(z.abs())
}

/// The probability that Student's t lies at least so far from zero, on either side; NaN without a degree of freedom.
pub(super) fn t_beyond(t: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |of| 2.0 * of.sf(t.abs()))
}

/// How far from zero Student's t lies, on either side, in no more than a share of `1 - level`.
pub(super) fn t_within(level: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |of| of.inverse_cdf(f64::midpoint(1.0, level)))
}

/// The probability of at least `x` under chi-squared.
pub(super) fn chi_squared_above(x: f64, freedom: f64) -> f64 {
    ChiSquared::new(freedom).map_or(f64::NAN, |of| of.sf(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures of printed tables.
    #[test]
    fn tails_agree_with_tables() {
        for (found, wanted) in [
            (normal_beyond(1.959_964), 0.05),
            (normal_beyond(-3.290_527), 0.001),
            (t_beyond(2.570_582, 5.0), 0.05),
            (t_within(0.95, 5.0), 2.570_582),
            (t_within(0.99, 30.0), 2.749_996),
            (chi_squared_above(5.991_465, 2.0), 0.05),
        ] {
            assert!((found - wanted).abs() < 1e-6, "{found} is not {wanted}");
        }
    }
}

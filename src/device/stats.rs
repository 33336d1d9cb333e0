//! Statistics of repeated timings: quantiles, and an interval of the median that assumes no distribution.

/// The `q`-quantile (0 to 1) of `values`, linear between neighbours; NaN if there are none.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = q.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// The median.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// A 95% interval of the median from order statistics: the values at ranks n/2 -+ 0.98 sqrt(n)
/// (normal approximation of the binomial); with fewer than 6 values the whole range.
pub fn median_interval(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n == 0 {
        return (f64::NAN, f64::NAN);
    }
    let half = 0.98 * (n as f64).sqrt();
    let low = (n as f64 / 2.0 - half).floor().max(0.0) as usize;
    let high = ((n as f64 / 2.0 + half).ceil() as usize).min(n - 1);
    (sorted[low], sorted[high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_true_median_about_95_times_in_100() {
        use rand::RngExt;
        let mut rng = crate::base::Seed(5).rng();
        let hits = (0..2000).filter(|_| {
            // Skewed, as timings are.
            let values: Vec<f64> = (0..25).map(|_| -(rng.random_range(0.0..1.0_f64).max(1e-12)).ln()).collect();
            let (low, high) = median_interval(&values);
            low <= std::f64::consts::LN_2 && std::f64::consts::LN_2 <= high
        });
        let share = hits.count() as f64 / 2000.0;
        assert!((0.94..0.995).contains(&share), "{share}");
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert!((quantile(&[3.0, 1.0, 2.0], 0.25) - 1.5).abs() < 1e-12);
        assert!(quantile(&[], 0.5).is_nan());
    }
}

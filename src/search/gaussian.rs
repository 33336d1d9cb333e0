//! Gaussian processes: what a function that was seen at some points may be at others.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use super::SearchFault;

/// Length scales that are tried, in typical distances between the points.
const LENGTHS: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
/// Variances of noise that are tried, in those of the function. The least keeps the matrix regular.
const NOISES: [f64; 5] = [1e-6, 1e-3, 1e-2, 1e-1, 1.0];

/// What a function may be at a point: normally distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guess {
    /// The expected value.
    pub mean: f64,
    /// Standard deviation; 0 where the value is known.
    pub std: f64,
}

impl Guess {
    /// By how much the value is expected to exceed `best`, values below it counting as no gain.
    pub fn improvement(self, best: f64) -> f64 {
        let gain = self.mean - best;
        if self.std <= 0.0 {
            return gain.max(0.0);
        }
        let (z, normal) = (gain / self.std, Normal::standard());
        gain * normal.cdf(z) + self.std * normal.pdf(z)
    }
}

/// A Gaussian process with a Matérn 5/2 kernel, fitted to points and their values.
///
/// One length scale serves all coordinates; it and the noise are those of a grid that make the values likeliest, the
/// variance of the function being the likeliest for them.
#[derive(Debug, Clone)]
pub struct GaussianProcess {
    points: Vec<Vec<f64>>,
    length: f64,
    lower: Vec<Vec<f64>>,
    /// Weights of the points in a mean, in standard units.
    weights: Vec<f64>,
    /// Standard deviation of the function, in standard units.
    spread: f64,
    centre: f64,
    unit: f64,
}

impl GaussianProcess {
    /// Fits the process to `values` at `points`, all of one dimension, in O(n³). Fails with `search::points`.
    pub fn fit(points: &[Vec<f64>], values: &[f64]) -> Result<Self, SearchFault> {
        check(points, values)?;
        let count = values.len() as f64;
        let centre = values.iter().sum::<f64>() / count;
        let spread = (values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / count).sqrt();
        let unit = if spread > 0.0 { spread } else { 1.0 };
        let standard: Vec<f64> = values.iter().map(|value| (value - centre) / unit).collect();
        let apart: Vec<Vec<f64>> = points.iter().map(|a| points.iter().map(|b| distance(a, b)).collect()).collect();
        let squares: f64 = apart.iter().flatten().map(|distance| distance * distance).sum();
        let typical = (squares / (count * (count - 1.0)).max(1.0)).sqrt();
        let typical = if typical > 0.0 { typical } else { 1.0 };
        let mut best: Option<(f64, Self)> = None;
        for length in LENGTHS.map(|part| part * typical) {
            for noise in NOISES {
                let Some(lower) = cholesky(&apart, length, noise) else { continue };
                let half = forward(&lower, &standard);
                // A function without spread has any variance: the least that can be divided by.
                let variance = (dot(&half, &half) / count).max(f64::MIN_POSITIVE);
                let determinant: f64 = lower.iter().enumerate().map(|(at, row)| row[at].ln()).sum();
                let likelihood = -0.5 * count * variance.ln() - determinant;
                if best.as_ref().is_none_or(|(known, _)| likelihood > *known) {
                    let weights = backward(&lower, half);
                    let spread = variance.sqrt();
                    let points = points.to_vec();
                    best = Some((likelihood, Self { points, length, lower, weights, spread, centre, unit }));
                }
            }
        }
        best.map(|(_, process)| process).ok_or(SearchFault::Points { wrong: "they are too close to each other".into() })
    }

    /// What the function, without its noise, may be at `point`. Fails with `search::points` on another dimension.
    pub fn guess(&self, point: &[f64]) -> Result<Guess, SearchFault> {
        if self.points.iter().any(|known| known.len() != point.len()) {
            let wrong = format!("a point of {} numbers is asked for among points of another length", point.len());
            return Err(SearchFault::Points { wrong });
        }
        let near: Vec<f64> = self.points.iter().map(|known| matern(distance(known, point), self.length)).collect();
        let half = forward(&self.lower, &near);
        let left = (1.0 - dot(&half, &half)).max(0.0);
        let mean = self.centre + self.unit * dot(&near, &self.weights);
        Ok(Guess { mean, std: self.unit * self.spread * left.sqrt() })
    }
}

fn check(points: &[Vec<f64>], values: &[f64]) -> Result<(), SearchFault> {
    let dimension = points.first().map_or(0, Vec::len);
    let wrong = if points.len() != values.len() {
        format!("{} points have {} values", points.len(), values.len())
    } else if points.is_empty() {
        "there are none".into()
    } else if points.iter().any(|point| point.len() != dimension) {
        "they are not all of one length".into()
    } else if points.iter().flatten().chain(values).any(|number| !number.is_finite()) {
        "one of them, or a value, is infinite or not a number".into()
    } else {
        return Ok(());
    };
    Err(SearchFault::Points { wrong })
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

fn matern(distance: f64, length: f64) -> f64 {
    let r = 5.0_f64.sqrt() * distance / length;
    (1.0 + r + r * r / 3.0) * (-r).exp()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The lower triangle whose product with its transpose is the covariance of points so far apart, row by row; `None` if
/// that is singular. By hand: no library here gives the triangle and solves with it too.
fn cholesky(apart: &[Vec<f64>], length: f64, noise: f64) -> Option<Vec<Vec<f64>>> {
    let mut lower: Vec<Vec<f64>> = Vec::with_capacity(apart.len());
    for (at, distances) in apart.iter().enumerate() {
        let mut row: Vec<f64> = Vec::with_capacity(at + 1);
        for (other, before) in lower.iter().enumerate() {
            let rest = matern(distances[other], length) - dot(&row, &before[..other]);
            row.push(rest / before[other]);
        }
        let left = 1.0 + noise - dot(&row, &row);
        if left <= 0.0 {
            return None;
        }
        row.push(left.sqrt());
        lower.push(row);
    }
    Some(lower)
}

/// `x` with `lower · x = values`.
fn forward(lower: &[Vec<f64>], values: &[f64]) -> Vec<f64> {
    let mut found: Vec<f64> = Vec::with_capacity(values.len());
    for (row, value) in lower.iter().zip(values) {
        found.push((value - dot(row, &found)) / row[found.len()]);
    }
    found
}

/// `x` with `lowerᵀ · x = values`.
fn backward(lower: &[Vec<f64>], mut values: Vec<f64>) -> Vec<f64> {
    for at in (0..values.len()).rev() {
        let found = values[at] / lower[at][at];
        values[at] = found;
        for (before, value) in values[..at].iter_mut().enumerate() {
            *value -= lower[at][before] * found;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smooth_function_is_known_where_it_was_seen_and_guessed_between() {
        let wave = |x: f64| 3.0 + 2.0 * (x * 0.7).sin();
        let points: Vec<Vec<f64>> = (0..12).map(|x| vec![f64::from(x)]).collect();
        let values: Vec<f64> = points.iter().map(|point| wave(point[0])).collect();
        let process = GaussianProcess::fit(&points, &values).unwrap();
        for (point, value) in points.iter().zip(&values) {
            let guess = process.guess(point).unwrap();
            assert!((guess.mean - value).abs() < 0.02 && guess.std < 0.05, "{guess:?} at {point:?} is not {value}");
        }
        let (between, outside) = (process.guess(&[4.5]).unwrap(), process.guess(&[40.0]).unwrap());
        assert!((between.mean - wave(4.5)).abs() < 0.05, "{between:?}");
        assert!(outside.std > 20.0 * between.std && (outside.mean - 3.0).abs() < 2.0, "{outside:?}");
    }

    #[test]
    fn the_triangle_solves_what_it_was_made_of() {
        let apart = [vec![0.0, 1.0, 2.0], vec![1.0, 0.0, 1.5], vec![2.0, 1.5, 0.0]];
        let lower = cholesky(&apart, 1.3, 0.01).unwrap();
        let wanted = [0.3, -1.2, 2.0];
        let found = backward(&lower, forward(&lower, &wanted));
        for ((at, distances), wanted) in apart.iter().enumerate().zip(wanted) {
            let entry = |other: usize| matern(distances[other], 1.3) + if other == at { 0.01 } else { 0.0 };
            let product: f64 = (0..3).map(|other| entry(other) * found[other]).sum();
            assert!((product - wanted).abs() < 1e-9, "{product} is not {wanted}");
        }
    }

    #[test]
    fn improvements_are_those_of_the_normal_distribution() {
        // At the best value half of the distribution counts: its mean there is 0.3989 standard deviations.
        assert!((Guess { mean: 1.0, std: 2.0 }.improvement(1.0) - 0.797_884_56).abs() < 1e-6);
        assert!((Guess { mean: 3.0, std: 0.0 }.improvement(1.0) - 2.0).abs() < 1e-12);
        assert!(Guess { mean: 0.0, std: 0.0 }.improvement(1.0).abs() < 1e-12);
        assert!(Guess { mean: 0.0, std: 1.0 }.improvement(9.0) >= 0.0);
    }

    #[test]
    fn equal_values_equal_points_and_wrong_ones() {
        let twice = [vec![0.0, 1.0], vec![0.0, 1.0], vec![1.0, 0.0]];
        let flat = GaussianProcess::fit(&twice, &[2.0, 2.0, 2.0]).unwrap().guess(&[0.5, 0.5]).unwrap();
        assert!((flat.mean - 2.0).abs() < 1e-9 && flat.std < 1e-6, "{flat:?}");
        let noisy = GaussianProcess::fit(&twice, &[1.0, 3.0, 0.0]).unwrap().guess(&[0.0, 1.0]).unwrap();
        assert!((noisy.mean - 2.0).abs() < 1.0, "{noisy:?}");
        for (points, values) in
            [(&twice[..], &[1.0][..]), (&[], &[]), (&[vec![1.0], vec![]], &[1.0, 2.0]), (&[vec![f64::NAN]], &[1.0])]
        {
            assert!(matches!(GaussianProcess::fit(points, values), Err(SearchFault::Points { .. })), "{points:?}");
        }
        assert!(GaussianProcess::fit(&twice, &[1.0, 3.0, 0.0]).unwrap().guess(&[0.0]).is_err());
    }
}

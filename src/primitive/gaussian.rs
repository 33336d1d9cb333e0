//! What a script can say about Gaussian processes: `gp::predict(points, values, asked)`.

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross, raise};
use super::values::{numbers, words};
use crate::base::Fault;
use crate::search::GaussianProcess;

#[export_module]
mod gaussian_process {
    /// What a function that was seen at some points may be at others.
    ///
    /// Gives a map with `mean`, `std` and `improvement` for each point that is asked for.
    ///
    /// Points are arrays of numbers, all of one length, in units in which equal steps matter about equally. `improvement` is the expected gain over the largest of `values`.
    /// The kernel is Matérn 5/2; its length scale and noise are those of a grid that make the values likeliest. It takes O(n³) for n points: a second for about 500.
    /// Fails with `search::points`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let seen = gp::predict([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0], [[1.0], [9.0]]);
    /// seen[0].mean             //> ~1.0 ±0.01
    /// seen[0].std < seen[1].std //> true
    /// gp::predict([[0.0]], [0.0, 1.0], []) //> fails search::points
    /// ```
    #[rhai_fn(return_raw)]
    pub fn predict(points: Array, values: Array, asked: Array) -> Answer<Array> {
        let values = numbers("predict", &values).cross()?;
        let process = GaussianProcess::fit(&rows(&points)?, &values).cross()?;
        let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let guess = |point: &Vec<f64>| {
            let guess = process.guess(point).cross()?;
            let improvement = guess.improvement(best);
            let fields = [("mean", guess.mean), ("std", guess.std), ("improvement", improvement)];
            Ok(Dynamic::from(fields.map(|(name, value)| (name.into(), value.into())).into_iter().collect::<Map>()))
        };
        rows(&asked)?.iter().map(guess).collect()
    }
}

/// Points as a script gives them.
fn rows(points: &Array) -> Answer<Vec<Vec<f64>>> {
    let row = |point: &Dynamic| {
        let Some(row) = point.read_lock::<Array>() else {
            let message = format!("`predict` takes an array of points, not of {}", words(point));
            return Err(raise(Fault::new(
                "script::type",
                message,
                "each point is an array of numbers: `[[0.0, 1.0], [0.5, 0.5]]`",
            )));
        };
        numbers("predict", &row).cross()
    };
    points.iter().map(row).collect()
}

/// Declares the namespace `gp`.
pub(super) fn register(engine: &mut Engine) {
    engine.register_static_module("gp", exported_module!(gaussian_process).into());
}

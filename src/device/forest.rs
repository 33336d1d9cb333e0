//! Random forests: what a formula leaves over, learnt from examples.

use std::sync::Arc;

use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::DeviceFault;
use crate::base::{Result, Seed};

type Model = RandomForestRegressor<f64, f64, DenseMatrix<f64>, Vec<f64>>;

const TREES: usize = 100;
/// Rows in a leaf at least.
const LEAF: usize = 3;

/// Trees, each grown from rows drawn anew; a value is their mean.
#[derive(Clone)]
pub struct Forest(Arc<Model>);

impl std::fmt::Debug for Forest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forest")
    }
}

impl Forest {
    /// Grows trees for `rows` (features, all of one length) and their `values`.
    pub fn fit(rows: &[Vec<f64>], values: &[f64], seed: Seed) -> Result<Self> {
        let how = RandomForestRegressorParameters::default()
            .with_n_trees(TREES)
            .with_min_samples_leaf(LEAF)
            .with_m(rows.first().map_or(1, Vec::len))
            .with_seed(seed.0);
        let data = DenseMatrix::from_2d_vec(&rows.to_vec()).map_err(|error| wrong(&error))?;
        Ok(Self(Arc::new(Model::fit(&data, &values.to_vec(), how).map_err(|error| wrong(&error))?)))
    }

    /// Values for `rows`.
    pub fn predict(&self, rows: &[Vec<f64>]) -> Result<Vec<f64>> {
        if rows.is_empty() {
            return Ok(vec![]);
        }
        let data = DenseMatrix::from_2d_vec(&rows.to_vec()).map_err(|error| wrong(&error))?;
        self.0.predict(&data).map_err(|error| wrong(&error))
    }
}

fn wrong(error: &smartcore::error::Failed) -> crate::base::Fault {
    DeviceFault::Forest { reason: error.to_string() }.into()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn forests_learn_steps_and_are_the_same_for_the_same_seed() {
        let mut rng = Seed(2).rng();
        let rows: Vec<Vec<f64>> = (0..200).map(|_| vec![rng.random_range(0.0..64.0), rng.random_range(0.0..1.0)]).collect();
        let truth = |row: &[f64]| (row[0] / 16.0).floor() * 0.1 + if row[1] > 0.5 { 0.2 } else { 0.0 };
        let values: Vec<f64> = rows.iter().map(|row| truth(row)).collect();
        let (fitted, held) = rows.split_at(150);
        let forest = Forest::fit(fitted, &values[..150], Seed(1)).unwrap();
        let found = forest.predict(held).unwrap();
        let errors: Vec<f64> = found.iter().zip(held).map(|(found, row)| (found - truth(row)).abs()).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        assert!(mean < 0.03, "{mean}");
        let again = Forest::fit(fitted, &values[..150], Seed(1)).unwrap();
        assert_eq!(found, again.predict(held).unwrap());
    }
}

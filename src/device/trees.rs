//! Boosted regression trees: what a formula leaves over, learnt from examples.

use std::sync::Arc;

use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::xgboost::{XGRegressor, XGRegressorParameters};

use super::DeviceFault;
use crate::base::{Result, Seed};

type Model = XGRegressor<f64, f64, DenseMatrix<f64>, Vec<f64>>;

/// Trees one after the other, each for what the ones before it leave over.
#[derive(Clone)]
pub struct Trees(Arc<Model>);

impl std::fmt::Debug for Trees {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trees")
    }
}

impl Trees {
    /// Fits trees to `rows` (features, all of one length) and their `values`.
    pub fn fit(rows: &[Vec<f64>], values: &[f64], seed: Seed) -> Result<Self> {
        let how = XGRegressorParameters::default()
            .with_n_estimators(80)
            .with_learning_rate(0.1)
            .with_max_depth(4)
            .with_min_child_weight(3)
            .with_lambda(2.0)
            .with_base_score(values.iter().sum::<f64>() / values.len().max(1) as f64)
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
    DeviceFault::Trees { reason: error.to_string() }.into()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn trees_learn_steps_and_are_the_same_for_the_same_seed() {
        let mut rng = Seed(2).rng();
        let rows: Vec<Vec<f64>> = (0..200).map(|_| vec![rng.random_range(0.0..64.0), rng.random_range(0.0..1.0)]).collect();
        let truth = |row: &[f64]| (row[0] / 16.0).floor() * 0.1 + if row[1] > 0.5 { 0.2 } else { 0.0 };
        let values: Vec<f64> = rows.iter().map(|row| truth(row)).collect();
        let (fitted, held) = rows.split_at(150);
        let trees = Trees::fit(fitted, &values[..150], Seed(1)).unwrap();
        let found = trees.predict(held).unwrap();
        let errors: Vec<f64> = found.iter().zip(held).map(|(found, row)| (found - truth(row)).abs()).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        assert!(mean < 0.03, "{mean}");
        let again = Trees::fit(fitted, &values[..150], Seed(1)).unwrap();
        assert_eq!(found, again.predict(held).unwrap());
    }
}

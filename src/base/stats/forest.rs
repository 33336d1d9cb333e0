//! Random forests: a function learnt from examples, by trees that each saw other ones.

use std::sync::Arc;

use rayon::prelude::*;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::tree::decision_tree_regressor::{DecisionTreeRegressor, DecisionTreeRegressorParameters};

use super::{StatsFault, mean, picks};
use crate::base::Seed;

type Tree = DecisionTreeRegressor<f64, f64, DenseMatrix<f64>, Vec<f64>>;

const TREES: usize = 100;
/// Rows in a leaf at least.
const LEAF: usize = 3;

/// Trees, each grown from rows drawn anew; a value is their mean. After Breiman, "Random forests" (2001), with all features
/// at every split.
#[derive(Clone)]
pub struct Forest {
    trees: Arc<[Tree]>,
    seed: Seed,
}

impl std::fmt::Debug for Forest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forest")
    }
}

impl Forest {
    /// Grows trees for `rows` (features, all of one length) and their `values`.
    pub fn fit(rows: &[Vec<f64>], values: &[f64], seed: Seed) -> Result<Self, StatsFault> {
        if rows.is_empty() || rows.len() != values.len() {
            return Err(StatsFault::Lengths { what: "a forest", left: rows.len(), right: values.len() });
        }
        let how = || DecisionTreeRegressorParameters {
            min_samples_leaf: LEAF,
            seed: Some(seed.0),
            ..DecisionTreeRegressorParameters::default()
        };
        let grow = |number| {
            let drawn = picks(rows.len(), seed, number);
            let data = matrix(&drawn.iter().map(|&at| rows[at].clone()).collect())?;
            Tree::fit(&data, &drawn.iter().map(|&at| values[at]).collect(), how()).map_err(|error| wrong(&error))
        };
        let trees = (0..TREES).into_par_iter().map(grow).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { trees: trees.into(), seed })
    }

    /// Values for `rows`.
    pub fn predict(&self, rows: &[Vec<f64>]) -> Result<Vec<f64>, StatsFault> {
        let each = self.each(rows)?;
        Ok((0..rows.len()).map(|row| each.iter().map(|tree| tree[row]).sum::<f64>() / each.len() as f64).collect())
    }

    /// The values of each tree for `rows`.
    pub fn each(&self, rows: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, StatsFault> {
        if rows.is_empty() {
            return Ok(vec![vec![]; self.trees.len()]);
        }
        let data = matrix(&rows.to_vec())?;
        self.trees.par_iter().map(|tree| tree.predict(&data).map_err(|error| wrong(&error))).collect()
    }

    /// The share of the variance of `values` that is explained where a row is judged by the trees that were grown without
    /// it (R² out of bag); below 0 if their mean is the better guess. The rows are those that it was fitted to.
    pub fn explained(&self, rows: &[Vec<f64>], values: &[f64]) -> Result<f64, StatsFault> {
        let (mut sums, mut counts) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
        for (number, tree) in self.each(rows)?.into_iter().enumerate() {
            let mut outside = vec![true; rows.len()];
            picks(rows.len(), self.seed, number).into_iter().for_each(|at| outside[at] = false);
            for (at, value) in tree.into_iter().enumerate().filter(|(at, _)| outside[*at]) {
                sums[at] += value;
                counts[at] += 1.0;
            }
        }
        let judged: Vec<usize> = (0..rows.len()).filter(|&at| counts[at] > 0.0).collect();
        let centre = mean(&judged.iter().map(|&at| values[at]).collect::<Vec<_>>());
        let off = |guess: &dyn Fn(usize) -> f64| judged.iter().map(|&at| (values[at] - guess(at)).powi(2)).sum::<f64>();
        let spread = off(&|_| centre);
        if spread > 0.0 {
            Ok(1.0 - off(&|at| sums[at] / counts[at]) / spread)
        } else {
            Err(StatsFault::Constant { what: "the share that a forest explains" })
        }
    }
}

fn matrix(rows: &Vec<Vec<f64>>) -> Result<DenseMatrix<f64>, StatsFault> {
    DenseMatrix::from_2d_vec(rows).map_err(|error| wrong(&error))
}

fn wrong(error: &smartcore::error::Failed) -> StatsFault {
    StatsFault::Forest { reason: error.to_string() }
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
        // What it says of itself is about what held-out rows say; of noise there is nothing to learn.
        assert!(forest.explained(fitted, &values[..150]).unwrap() > 0.9);
        let noise: Vec<f64> = (0..150).map(|_| rng.random_range(0.0..1.0)).collect();
        assert!(Forest::fit(fitted, &noise, Seed(1)).unwrap().explained(fitted, &noise).unwrap() < 0.2);
    }
}

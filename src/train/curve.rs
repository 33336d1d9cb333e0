//! How a training went, as it lies beside the result.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::WeightsRef;
use crate::base::{Fault, Result, write_json};

/// Name of its file in the folder of the training.
const FILE: &str = "curve.json";
/// Heights of a curve in a line of text, the lowest first.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Characters of a curve in a line of text.
const WIDTH: usize = 16;

/// The loss of the first net (a sandwich's largest) at some steps of a training, evenly spaced, at most [`Curve::POINTS`].
/// All columns have one length.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Number of the step, from 1, through all phases.
    pub step: Vec<usize>,
    /// `fp32`, or `int8` where LSQ+ is on.
    pub phase: Vec<String>,
    /// Loss.
    pub loss: Vec<f64>,
    /// Seconds from the start of the training to the end of the step, without what was lost when it was cut short.
    pub elapsed_s: Vec<f64>,
}

impl Curve {
    /// Most points of a curve.
    pub const POINTS: usize = 500;

    /// Writes it to the folder of its training.
    pub fn save(&self, folder: &Path) -> Result<()> {
        write_json(&folder.join(FILE), self)
    }

    /// The curve of the training that wrote `weights`. Fails with `train::no_curve` if none lies beside them.
    pub fn of(weights: &WeightsRef) -> Result<Self> {
        let path = weights.path.with_file_name(FILE);
        let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Fault::new(
                "train::no_curve",
                format!("there is no `{}`: the training was run before curves were kept", path.display()),
                "train again with another `seed`, or in another lab (`--lab FOLDER`)",
            ),
            _ => Fault::file("read", &path, &error),
        })?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let help = "delete the folder it lies in, then train again";
            Fault::new("train::no_curve", format!("`{}` is not a training curve: {error}", path.display()), help)
        })
    }
}

/// Losses as a curve within a line of text, from the first to the last; by their logarithms where all are positive. Empty for
/// less than two, or for such as are no numbers.
pub fn in_line(losses: &[f64]) -> String {
    if losses.len() < 2 || losses.iter().any(|loss| !loss.is_finite()) {
        return String::new();
    }
    let positive = losses.iter().all(|&loss| loss > 0.0);
    let size = |loss: f64| if positive { loss.ln() } else { loss };
    let cells = WIDTH.min(losses.len());
    let means: Vec<f64> = (0..cells)
        .map(|cell| {
            let part = &losses[cell * losses.len() / cells..(cell + 1) * losses.len() / cells];
            part.iter().map(|&loss| size(loss)).sum::<f64>() / part.len() as f64
        })
        .collect();
    let (low, high) = means.iter().fold((f64::MAX, f64::MIN), |(low, high), &mean| (low.min(mean), high.max(mean)));
    let top = (HEIGHTS.len() - 1) as f64;
    let height = |mean: f64| if high > low { ((mean - low) / (high - low) * top).round() as usize } else { 0 };
    means.into_iter().map(|mean| HEIGHTS[height(mean)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_in_a_line_goes_from_the_highest_loss_to_the_lowest() {
        assert_eq!(in_line(&[8.0, 4.0, 2.0, 1.0]), "█▆▃▁");
        assert_eq!(in_line(&[2.0, 0.0, -2.0]), "█▅▁");
        assert_eq!(in_line(&[1.0, 1.0]), "▁▁");
        let long: Vec<f64> = (0..500).map(|step| 1.0 / f64::from(step + 1)).collect();
        let line = in_line(&long);
        assert!(line.chars().count() == WIDTH && line.starts_with('█') && line.ends_with('▁'), "{line}");
        assert!(in_line(&[1.0]).is_empty() && in_line(&[1.0, f64::NAN]).is_empty());
    }
}

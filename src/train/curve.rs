//! How a training went, as it lies beside the result.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::WeightsRef;
use crate::base::{Fault, Result, write_json};

/// Name of its file in the folder of the training.
const FILE: &str = "curve.json";

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

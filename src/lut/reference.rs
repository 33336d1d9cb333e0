//! The look-up tables of the reference code: a folder of CSV files, one for each stage, operator and window.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Lut, LutFault, LutRow};
use crate::base::{Fault, Result};
use crate::space::Hyperspace;

/// One file, and what its rows are.
struct Part<'a> {
    file: PathBuf,
    stage: &'a str,
    operator: &'a str,
    window: usize,
    /// How many cells of the image are one cell of the map that enters the stage.
    step: usize,
}

/// Reads `STAGE_OPERATOR_WINDOW.csv` for every searched stage, operator (by its index) and window of `hyperspace`.
///
/// A line is `blocks,1xCxHxW,loss,MFLOPs,Mparams,latency_ms`; the parameters include three scalars for each quantized
/// convolution. Files that are not there are left out, which [`Lut::validate`] then tells. Fails with `lut::no_files` where
/// there is none at all, and with `lut::csv` for a line that cannot be read.
pub fn read_reference(hyperspace: &Hyperspace, folder: &Path) -> Result<Lut> {
    let mut parts = Vec::new();
    for stage in hyperspace.searched() {
        let name = &hyperspace.stages[stage].name;
        let step = hyperspace.stages[..stage].iter().map(|before| before.stride).product();
        for (index, operator) in hyperspace.candidates(stage).iter().enumerate() {
            for window in 0..hyperspace.stages[stage].windows() {
                let file = folder.join(format!("{name}_{index}_{window}.csv"));
                parts.push(Part { file, stage: name, operator: operator.name(), window, step });
            }
        }
    }
    parts.retain(|part| part.file.is_file());
    if parts.is_empty() {
        let (hyperspace, folder) = (hyperspace.name.clone(), folder.display().to_string());
        return Err(LutFault::NoFiles { hyperspace, folder }.into());
    }
    let read: Vec<Vec<LutRow>> = parts.par_iter().map(|part| part.read(hyperspace)).collect::<Result<_>>()?;
    let provenance = BTreeMap::from([
        ("hyperspace".to_string(), hyperspace.name.clone()),
        ("source".to_string(), "tables of the reference".to_string()),
    ]);
    // The reference gives no standard error.
    Lut::new(read.into_iter().flatten().collect(), provenance).map(|lut| lut.without_column(super::LOSS_STDERR))
}

impl Part<'_> {
    fn read(&self, hyperspace: &Hyperspace) -> Result<Vec<LutRow>> {
        let text = std::fs::read_to_string(&self.file).map_err(|error| Fault::file("read", &self.file, &error))?;
        let line = |(at, line): (usize, &str)| {
            let file = || self.file.display().to_string();
            self.row(line, hyperspace).map_err(|why| LutFault::Csv { file: file(), line: at + 1, why }.into())
        };
        text.lines().enumerate().map(line).collect()
    }

    fn row(&self, line: &str, hyperspace: &Hyperspace) -> Result<LutRow, String> {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let &[blocks, shape, loss, mflops, mparams, latency_ms] = fields.as_slice() else {
            return Err(format!("there are {} fields, not 6", fields.len()));
        };
        let number = |name: &str, text: &str| text.parse::<f64>().map_err(|_| format!("{name} is `{text}`, which is no number"));
        let sides: Vec<usize> = shape.split('x').filter_map(|side| side.parse().ok()).collect();
        let &[1, input_width, side, width] = sides.as_slice() else {
            return Err(format!("the input shape is `{shape}`, not `1xCxHxW`"));
        };
        let resolution = side * self.step;
        if side != width || !hyperspace.resolutions.contains(&resolution) {
            let known = &hyperspace.resolutions;
            return Err(format!("a map of {side}x{width} here belongs to images of {resolution}, which are not among {known:?}"));
        }
        Ok(LutRow {
            stage: self.stage.into(),
            operator: self.operator.into(),
            window: self.window,
            encoding: blocks.into(),
            input_width,
            resolution,
            loss: number("the loss", loss)?,
            loss_stderr: 0.0,
            mflops: number("MFLOPs", mflops)?,
            mparams: number("Mparams", mparams)?,
            latency_ms: number("the latency", latency_ms)?,
        })
    }
}

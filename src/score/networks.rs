//! Drawn networks as numbers, for figures and for formulas that no expression graph can hold.

use super::measure::{Formula, Tape};
use super::rows::{Drawing, SpaceRows};
use crate::base::Result;
use crate::lut::Lut;
use crate::space::SearchSpace;

/// Networks drawn from a space, and formulas' values for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Networks {
    /// Side of each one's images.
    pub resolutions: Vec<usize>,
    /// For each formula a value for each network.
    pub values: Vec<Vec<f64>>,
}

/// Draws networks of `space` as [`super::sampled`] does, and evaluates `formulas` for each. Fails as that does.
pub fn networks(space: &SearchSpace, lut: &Lut, formulas: &[Formula], drawing: &Drawing) -> Result<Networks> {
    let rows = SpaceRows::new(space, lut, drawing)?;
    let mut tape = Tape::new(lut, rows.stages(), &formulas.iter().collect::<Vec<_>>())?;
    let mut drawn = Networks { resolutions: Vec::new(), values: vec![Vec::with_capacity(drawing.samples); formulas.len()] };
    rows.networks(drawing, |resolution, rows| {
        let count = rows.first().map_or(0, |rows| rows.len());
        tape.run(count, resolution, rows);
        drawn.resolutions.resize(drawn.resolutions.len() + count, resolution);
        drawn.values.iter_mut().enumerate().for_each(|(at, values)| values.extend_from_slice(tape.result(at)));
        Ok(())
    })?;
    Ok(drawn)
}

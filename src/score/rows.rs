//! The rows of a look-up table that a search space is scored from, and drawing networks from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ScoreFault;
use super::draws::{Draws, Recipe};
use crate::base::{Result, Seed};
use crate::lut::Lut;
use crate::space::SearchSpace;

/// How networks are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Networks to draw.
    pub samples: usize,
    /// Networks that share one draw of the resolution.
    pub group: usize,
    /// Resolutions to draw from; empty for all of the table.
    pub resolutions: Vec<usize>,
    /// Whether each stage must be entered with the width that the one before it ends with. The reference draws
    /// stages independently of each other.
    pub chain: bool,
    /// Seed of the draws; they are the same for every search space.
    pub seed: Seed,
}

impl Default for Drawing {
    fn default() -> Self {
        Self { samples: 100_000, group: 500, resolutions: Vec::new(), chain: false, seed: Seed(0) }
    }
}

impl Drawing {
    /// The resolutions to draw from.
    pub fn sides(&self, lut: &Lut) -> Vec<usize> {
        if self.resolutions.is_empty() { lut.resolutions().to_vec() } else { self.resolutions.clone() }
    }
}

/// The rows of one search space.
pub(super) struct SpaceRows<'a> {
    pub(super) lut: &'a Lut,
    pub(super) resolutions: Vec<usize>,
    /// For each resolution and searched stage the rows to draw from.
    pub(super) rows: Vec<Vec<&'a [u32]>>,
}

impl<'a> SpaceRows<'a> {
    /// Fails with `score::no_samples`, `score::resolution`, or `score::option`.
    pub(super) fn new(space: &SearchSpace, lut: &'a Lut, drawing: &Drawing) -> Result<Self> {
        for (option, value) in [("samples", drawing.samples), ("group", drawing.group)] {
            if value == 0 {
                return Err(ScoreFault::Option { option, value: "0".into(), rule: "it must be at least 1" }.into());
            }
        }
        let resolutions = drawing.sides(lut);
        if let Some(&resolution) = resolutions.iter().find(|side| !lut.resolutions().contains(side)) {
            return Err(ScoreFault::Resolution { resolution, known: lut.resolutions().to_vec() }.into());
        }
        let hyperspace = &space.hyperspace;
        let of = |resolution: usize| {
            hyperspace
                .searched()
                .into_iter()
                .zip(&space.windows)
                .map(|(index, &window)| {
                    let (stage, operator) = (&hyperspace.stages[index].name, space.operator(index).name());
                    let rows = lut.group(stage, operator, window, resolution);
                    let none = || ScoreFault::NoSamples { stage: stage.clone(), operator: operator.into(), window, resolution };
                    if rows.is_empty() { Err(none()) } else { Ok(rows) }
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let rows = resolutions.iter().map(|&resolution| of(resolution)).collect::<Result<_, _>>()?;
        Ok(Self { lut, resolutions, rows })
    }

    pub(super) fn stages(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    pub(super) fn draws(&self, drawing: &Drawing) -> Arc<Draws> {
        Draws::of(Recipe {
            seed: drawing.seed,
            samples: drawing.samples,
            group: drawing.group,
            stages: self.stages(),
            resolutions: self.resolutions.len(),
        })
    }

    /// Calls `take` with the drawn networks, group by group: the resolution and, for each stage, a row for each network.
    /// Fails with `score::chain` where widths must chain and no row is entered with a width.
    pub(super) fn networks(&self, drawing: &Drawing, mut take: impl FnMut(usize, &[&[u32]]) -> Result<()>) -> Result<()> {
        let draws = self.draws(drawing);
        let doors = if drawing.chain { self.doors() } else { Vec::new() };
        let mut drawn = vec![Vec::with_capacity(drawing.group); self.stages()];
        for (group, &resolution) in draws.resolution.iter().enumerate() {
            let begin = group * drawing.group;
            let end = (begin + drawing.group).min(drawing.samples);
            for (stage, numbers) in draws.rows.iter().enumerate() {
                let (before, rest) = drawn.split_at_mut(stage);
                let (own, numbers) = (&mut rest[0], &numbers[begin..end]);
                own.clear();
                let all = self.rows[resolution][stage];
                match before.last().filter(|_| drawing.chain) {
                    None => own.extend(numbers.iter().map(|&draw| all[place(draw, all.len())])),
                    Some(entered) => {
                        for (&draw, &row) in numbers.iter().zip(entered.iter()) {
                            let width = self.lut.keys()[row as usize].output_width().unwrap_or(0);
                            let fitting: &Vec<u32> = doors[resolution][stage].get(&width).ok_or_else(|| {
                                let key = &self.lut.keys()[all[0] as usize];
                                ScoreFault::Chain { group: key.group(), width }
                            })?;
                            own.push(fitting[place(draw, fitting.len())]);
                        }
                    }
                }
            }
            let rows: Vec<&[u32]> = drawn.iter().map(Vec::as_slice).collect();
            take(self.resolutions[resolution], &rows)?;
        }
        Ok(())
    }

    /// For each resolution and stage the rows by the width they are entered with.
    fn doors(&self) -> Vec<Vec<BTreeMap<usize, Vec<u32>>>> {
        let by_width = |rows: &&[u32]| {
            let mut doors: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
            for &row in *rows {
                doors.entry(self.lut.keys()[row as usize].input_width).or_default().push(row);
            }
            doors
        };
        self.rows.iter().map(|stages| stages.iter().map(by_width).collect()).collect()
    }
}

/// A place in a list of `count`: the draw as a fraction of 2^32, times the length, which is always below it.
pub(super) fn place(draw: u32, count: usize) -> usize {
    (u64::from(draw).wrapping_mul(count as u64) >> 32) as usize
}

//! What a formula gives for every row of a search space, stage by stage.

use super::ScoreFault;
use super::measure::{Tape, Terms};
use super::rows::SpaceRows;
use crate::base::Result;

/// One kind of figure of a space's rows: for each resolution and stage a list, and what is added once.
pub(super) struct Figures {
    pub(super) rows: Vec<Vec<Vec<f64>>>,
    pub(super) rest: Vec<f64>,
}

impl Figures {
    /// The terms for every row. Fails with `score::value` for one that is no number.
    pub(super) fn new(rows: &SpaceRows<'_>, terms: &Terms) -> Result<Self> {
        let mut tapes =
            terms.stages.iter().map(|term| Tape::new(rows.lut, rows.stages(), &[term])).collect::<Result<Vec<_>>>()?;
        let mut rest = Tape::new(rows.lut, rows.stages(), &[&terms.rest])?;
        let mut figures = Self { rows: Vec::new(), rest: Vec::new() };
        for (stages, &resolution) in rows.rows.iter().zip(&rows.resolutions) {
            let mut lists = Vec::new();
            for (stage, tape) in tapes.iter_mut().enumerate() {
                tape.run(stages[stage].len(), resolution, stages);
                let values = tape.result(0).to_vec();
                if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                    let key = &rows.lut.keys()[stages[stage][at] as usize];
                    return Err(
                        ScoreFault::Value { value: values[at], group: key.group(), sample: key.encoding.to_string() }.into()
                    );
                }
                lists.push(values);
            }
            rest.run(1, resolution, stages);
            if !rest.result(0)[0].is_finite() {
                return Err(ScoreFault::NotANumber.into());
            }
            figures.rows.push(lists);
            figures.rest.push(rest.result(0)[0]);
        }
        Ok(figures)
    }

    /// Smallest and largest value of each stage, over all resolutions.
    pub(super) fn ranges(&self) -> Vec<(f64, f64)> {
        let stages = self.rows.first().map_or(0, Vec::len);
        let wider = |(low, high): (f64, f64), values: &Vec<f64>| {
            let (least, most) = range(values);
            (low.min(least), high.max(most))
        };
        let nothing = (f64::INFINITY, f64::NEG_INFINITY);
        (0..stages).map(|stage| self.rows.iter().map(|stages| &stages[stage]).fold(nothing, wider)).collect()
    }
}

/// Smallest and largest of finite values, in four strands that a processor follows at once.
fn range(values: &[f64]) -> (f64, f64) {
    let (mut low, mut high) = ([f64::INFINITY; 4], [f64::NEG_INFINITY; 4]);
    let (fours, rest) = values.as_chunks::<4>();
    for four in fours {
        for strand in 0..4 {
            low[strand] = if four[strand] < low[strand] { four[strand] } else { low[strand] };
            high[strand] = if four[strand] > high[strand] { four[strand] } else { high[strand] };
        }
    }
    let all = |strands: [f64; 4], pick: fn(f64, f64) -> f64| strands.into_iter().chain(rest.iter().copied()).reduce(pick);
    (all(low, f64::min).unwrap_or(f64::INFINITY), all(high, f64::max).unwrap_or(f64::NEG_INFINITY))
}

/// Value and cost of every row as the exact method takes them.
pub(super) struct Points {
    /// For each resolution and stage, a value and a cost for each row.
    pub(super) stages: Vec<Vec<Vec<(f64, f64)>>>,
}

impl Points {
    pub(super) fn new(rows: &SpaceRows<'_>, value: &Terms, cost: &Terms) -> Result<Self> {
        let (values, costs) = (Figures::new(rows, value)?, Figures::new(rows, cost)?);
        let mut stages: Vec<Vec<Vec<(f64, f64)>>> = values
            .rows
            .into_iter()
            .zip(costs.rows)
            .map(|(values, costs)| values.into_iter().zip(costs).map(|(v, c)| v.into_iter().zip(c).collect()).collect())
            .collect();
        // What all networks of a resolution have in common goes with the first stage.
        for (resolution, stages) in stages.iter_mut().enumerate() {
            for point in stages.iter_mut().take(1).flatten() {
                point.0 += values.rest[resolution];
                point.1 += costs.rest[resolution];
            }
        }
        Ok(Self { stages })
    }
}

//! Look-up tables as people look at them: summaries, coverage, costs compared, figures.

use rhai::Map;

use super::options::Options;
use crate::base::{Result, stats};
use crate::frame::Table;
use crate::lut::build::Built;
use crate::lut::{INT8_MS, LOSS};
use crate::plot::{Axis, Figure, Kind, Point, Series};

/// Figures of cost that differ from that of the layers.
pub(super) fn cost_table(lut: &Built, given: Map) -> Result<Table> {
    let options = Options::new("check_costs", given, &["decimals", "quantizers"])?;
    let decimals = options.count("decimals", 0)?.unwrap_or(4) as u32;
    let report = lut.lut.check_costs(&lut.hyperspace, decimals, options.flag("quantizers")?.unwrap_or(false))?;
    let unit = 10_f64.powi(-(decimals as i32));
    Table::builder()
        .int("row", report.mismatches.iter().map(|one| one.row as i64))
        .text("column", report.mismatches.iter().map(|one| one.column))
        .float("table", report.mismatches.iter().map(|one| one.table))
        .float("layers", report.mismatches.iter().map(|one| one.layers))
        .float("units", report.mismatches.iter().map(|one| (one.table - one.layers) / unit))
        .build()
}

/// What of the hyperspace the table holds.
pub(super) fn covered(lut: &Built) -> Result<Table> {
    let hyperspace = &lut.hyperspace;
    let (mut stages, mut operators, mut windows, mut known, mut samples, mut fewest) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for stage in hyperspace.searched() {
        for operator in hyperspace.candidates(stage) {
            let home = &hyperspace.stages[stage];
            let counts: Vec<Vec<usize>> = (0..home.windows())
                .map(|window| {
                    let rows = |&side: &usize| lut.lut.group(&home.name, operator.name(), window, side).len();
                    lut.lut.resolutions().iter().map(rows).collect()
                })
                .collect();
            stages.push(home.name.clone());
            operators.push(operator.name().to_string());
            windows.push(counts.len() as i64);
            known.push(counts.iter().filter(|sides| sides.iter().all(|rows| *rows > 0)).count() as i64);
            samples.push(counts.iter().flatten().sum::<usize>() as i64);
            fewest.push(counts.iter().flatten().min().copied().unwrap_or(0) as i64);
        }
    }
    Table::builder()
        .text("stage", stages)
        .text("operator", operators)
        .int("windows", windows)
        .int("windows_known", known)
        .int("samples", samples)
        .int("fewest", fewest)
        .build()
}

/// Loss over a column, for one stage.
pub(super) fn figure(lut: &Built, stage: &str, column: &str) -> Result<Figure> {
    let at = lut.hyperspace.stage_index(stage)?;
    let (losses, costs) = (lut.lut.column(LOSS)?, lut.lut.column(column)?);
    let label = if column == INT8_MS { "INT8 latency (ms)".to_string() } else { column.replace('_', " ") };
    let mut figure = Figure::new(stage, Axis::log(label), Axis::linear("loss against the teacher"));
    for operator in lut.hyperspace.candidates(at) {
        let rows = lut.lut.operators().find(|(own, name, _)| &***own == stage && &***name == operator.name());
        let rows = rows.map(|(.., rows)| rows).unwrap_or_default();
        // A picture of more dots is no clearer; every so many-th row keeps it the same each time.
        let step = rows.len().div_ceil(150).max(1);
        let points = rows.iter().step_by(step).map(|&row| Point::new(costs[row], losses[row])).collect();
        figure = figure.with(Series::new(operator.name(), Kind::Points, points));
    }
    Ok(figure)
}

/// Median and best of each stage and operator.
pub(super) fn summarise(lut: &Built) -> Result<Table> {
    let hyperspace = &lut.hyperspace;
    let place = |stage: &str| hyperspace.stages.iter().position(|own| own.name == stage);
    let mut groups: Vec<_> = lut.lut.operators().collect();
    // As the hyperspace has them, not by the alphabet.
    groups.sort_by_key(|(stage, operator, _)| {
        let at = place(stage);
        (at, at.and_then(|at| hyperspace.operator_index(at, operator).ok()))
    });
    let mut table = Table::builder()
        .text("stage", groups.iter().map(|(stage, ..)| &***stage))
        .text("operator", groups.iter().map(|(_, operator, _)| &***operator))
        .int("samples", groups.iter().map(|(.., rows)| rows.len() as i64));
    let known = |name: &str| lut.lut.columns().any(|own| own == name);
    for name in [LOSS, INT8_MS].into_iter().filter(|name| known(name)) {
        let column = lut.lut.column(name)?;
        for (what, share) in [("median", 0.5), ("best", 0.0)] {
            let of = |rows: &Vec<usize>| stats::quantile(&rows.iter().map(|&row| column[row]).collect::<Vec<_>>(), share);
            table = table.float(&format!("{name}_{what}"), groups.iter().map(|(.., rows)| of(rows)));
        }
    }
    table.build()
}

//! A table's summary: one row a statistic, one column a column of numbers.

use super::{Aggregate, Cell, Column, Expr, Table, col};
use crate::base::Result;

const STATISTICS: [(&str, Aggregate); 8] = [
    ("count", Aggregate::Count),
    ("mean", Aggregate::Mean),
    ("std", Aggregate::Std),
    ("min", Aggregate::Min),
    ("25%", Aggregate::Quantile(0.25)),
    ("50%", Aggregate::Median),
    ("75%", Aggregate::Quantile(0.75)),
    ("max", Aggregate::Max),
];

impl Table {
    /// Count, mean, standard deviation, smallest value, quartiles and largest value of each column of numbers.
    pub fn describe(&self) -> Result<Table> {
        let rows: Vec<usize> = (0..self.height()).collect();
        let mut table = Table::builder().text("statistic", STATISTICS.map(|(name, _)| name));
        for (name, column) in self.all()? {
            if !matches!(column, Column::Int(_) | Column::Float(_)) {
                continue;
            }
            let of: Expr = col(name.as_str());
            let cells = STATISTICS.iter().map(|(_, aggregate)| {
                Ok(match aggregate.of(&column, &rows, &of)? {
                    Cell::Int(value) => Cell::Float(value as f64),
                    other => other,
                })
            });
            table = table.cells(&name, cells.collect::<Result<_>>()?);
        }
        table.build()
    }
}

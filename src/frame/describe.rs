//! A table's summary: one row a statistic, one column a column of numbers.

use super::{Aggregate, Cell, Column, Expr, Table, col};
use crate::base::Result;

/// The statistics after `count` and `missing`.
const STATISTICS: [(&str, Aggregate); 7] = [
    ("mean", Aggregate::Mean),
    ("std", Aggregate::Std),
    ("min", Aggregate::Min),
    ("25%", Aggregate::Quantile(0.25)),
    ("50%", Aggregate::Median),
    ("75%", Aggregate::Quantile(0.75)),
    ("max", Aggregate::Max),
];

impl Table {
    /// For each column of numbers: how many values it has and how many are missing, mean, standard deviation, smallest
    /// value, quartiles, largest value.
    pub fn describe(&self) -> Result<Table> {
        let rows: Vec<usize> = (0..self.height()).collect();
        let names = ["count", "missing"].into_iter().chain(STATISTICS.map(|(name, _)| name));
        let mut table = Table::builder().text("statistic", names);
        for (name, column) in self.all()? {
            if !matches!(column, Column::Int(_) | Column::Float(_)) {
                continue;
            }
            let of: Expr = col(name.as_str());
            let missing = rows.iter().filter(|row| column.cell(**row) == Cell::Null).count();
            let mut values = vec![Some((rows.len() - missing) as f64), Some(missing as f64)];
            for (_, aggregate) in &STATISTICS {
                values.push(match aggregate.of(&column, &rows, &of)? {
                    Cell::Int(value) => Some(value as f64),
                    Cell::Float(value) => Some(value),
                    _ => None,
                });
            }
            table = table.column(&name, Column::Float(values));
        }
        table.build()
    }

    /// The quantile of a column of numbers at `share`, linear between values; missing if it has none.
    pub fn quantile(&self, name: &str, share: f64) -> Result<Cell> {
        let rows: Vec<usize> = (0..self.height()).collect();
        Aggregate::Quantile(share).of(&self.column(name)?, &rows, &col(name))
    }
}

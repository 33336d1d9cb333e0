//! From long to wide and back: `pivot` and `unpivot`.

use super::cast::as_text;
use super::{Aggregate, Cell, Column, FrameFault, Table, col};
use crate::base::Result;

impl Table {
    /// A column for each value of `columns`, a row for each value of `rows`, and in the field where they meet the `value` of
    /// the rows that have both: their `aggregate`, or without one the only value there is. A field without rows is missing.
    /// Rows and columns stand in the order in which their values first occur.
    pub fn pivot(&self, rows: &[&str], columns: &str, value: &str, aggregate: Option<Aggregate>) -> Result<Table> {
        self.check_columns([columns, value])?;
        self.no_lists("a pivot by", &[columns])?;
        let groups = self.group_by(rows)?;
        let mut wide = groups.agg(&[])?;
        let groups = groups.groups()?;
        let labels = self.group_by(&[columns])?.groups()?;
        let heads = self.column(columns)?;
        let mut label_of = vec![0; self.height()];
        for (label, members) in labels.iter().enumerate() {
            members.iter().for_each(|row| label_of[*row] = label);
        }
        let values = self.column(value)?;
        let kind = aggregate.map_or(values.kind(), |aggregate| aggregate.kind_of(values.kind()));
        for (label, members) in labels.iter().enumerate() {
            let head = members.first().map_or(Cell::Null, |row| heads.cell(*row));
            let name = as_text(&head).unwrap_or_else(|| "missing".into());
            let cell = |group: &Vec<usize>| -> Result<Cell> {
                let meeting: Vec<usize> = group.iter().copied().filter(|row| label_of[*row] == label).collect();
                match (meeting.as_slice(), aggregate) {
                    ([], _) => Ok(Cell::Null),
                    (many, Some(aggregate)) => aggregate.of(&values, many, &col(value)),
                    ([one], None) => Ok(values.cell(*one)),
                    (many, None) => Err(FrameFault::Many {
                        value: value.into(),
                        count: many.len(),
                        column: columns.into(),
                        name: name.clone(),
                    }
                    .into()),
                }
            };
            let cells = groups.iter().map(cell).collect::<Result<Vec<_>>>()?;
            wide = wide.add(&name, Column::of_cells_or(&name, cells, kind)?)?;
        }
        Ok(wide)
    }

    /// The other way round: a row for each value of `columns`, whose name stands in column `name` and whose value in
    /// column `value`, beside the other columns. First all rows of the first column, then all of the next.
    pub fn unpivot(&self, columns: &[&str], name: &str, value: &str) -> Result<Table> {
        self.check_columns(columns.iter().copied())?;
        let kept: Vec<String> = self.columns().into_iter().filter(|known| !columns.contains(&known.as_str())).collect();
        let rows: Vec<usize> = columns.iter().flat_map(|_| 0..self.height()).collect();
        let mut long = Table::builder();
        for known in &kept {
            long = long.column(known, self.column(known)?.take(&rows));
        }
        let names = columns.iter().flat_map(|column| std::iter::repeat_n(*column, self.height()));
        let parts = columns.iter().map(|column| self.column(column)).collect::<Result<Vec<_>>>()?;
        long.text(name, names).column(value, Column::stacked(value, &parts)?).build()
    }
}

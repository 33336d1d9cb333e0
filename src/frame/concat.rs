//! Tables under each other.

use super::{Column, FrameFault, Kind, Table};
use crate::base::{Result, nearest};

impl Table {
    /// The rows of all tables under each other; their columns must be the same, in any order.
    pub fn concat(tables: &[Table]) -> Result<Table> {
        let Some(first) = tables.first() else { return Table::builder().build() };
        let names = first.columns();
        for (at, table) in tables.iter().enumerate() {
            let others = table.columns();
            let lacking = names.iter().find(|name| !others.contains(name));
            let extra = others.iter().find(|name| !names.contains(name));
            if lacking.is_some() || extra.is_some() {
                let mut what = Vec::new();
                what.extend(lacking.map(|name| format!("lacks the column `{name}` of the first")));
                what.extend(extra.map(|name| format!("has a column `{name}` that the first lacks")));
                let meant = lacking.and_then(|name| nearest(name, others.iter().map(String::as_str)).map(|other| (other, name)));
                let help = match meant {
                    Some((other, name)) => format!("if they are the same: `.rename(\"{other}\", \"{name}\")`"),
                    None => "give all tables the same columns, with `select`, `drop` or `with_column`".into(),
                };
                return Err(FrameFault::ColumnsDiffer { at, what: what.join(" and "), help }.into());
            }
        }
        let mut whole = Table::builder();
        for name in &names {
            let parts = tables.iter().map(|table| table.column(name)).collect::<Result<Vec<_>>>()?;
            whole = whole.column(name, Column::stacked(name, &parts)?);
        }
        whole.build()
    }
}

impl Column {
    /// The values of all `parts` under each other.
    pub(super) fn stacked(name: &str, parts: &[Column]) -> Result<Column> {
        let kind = parts.first().map_or(Kind::Float, Column::kind);
        Column::of_cells_or(name, parts.iter().flat_map(Column::cells).collect(), kind)
    }
}

//! Tables as data resources: JSON with a schema, as notebooks and data packages read them.

use serde_json::{Value, json};

use super::show::more;
use super::{Kind, Table};
use crate::base::Result;

/// Most rows of a data resource.
const ROWS: usize = 2_000;

impl Table {
    /// The table as a tabular data resource: the kinds of its columns, and its rows. Of a long table the first 2,000, and
    /// its `description` says how many more there are. NaN and infinities, which JSON lacks, are texts of the schema's kind.
    pub fn to_data_resource(&self) -> Result<Value> {
        let fields: Vec<Value> = self
            .kinds()
            .into_iter()
            .map(|(name, kind)| {
                let kind = match kind {
                    Kind::Bool => "boolean",
                    Kind::Int => "integer",
                    Kind::Float => "number",
                    Kind::Text => "string",
                    Kind::List => "array",
                };
                json!({ "name": name, "type": kind })
            })
            .collect();
        let left_out = self.height().saturating_sub(ROWS);
        let kept = if left_out > 0 { self.take(&(0..ROWS).collect::<Vec<_>>())? } else { self.clone() };
        let mut rows = kept.to_json_rows()?;
        // As the schema spells them.
        for cell in rows.iter_mut().flat_map(|row| row.values_mut()) {
            match cell.as_str() {
                Some("Infinity") => *cell = "INF".into(),
                Some("-Infinity") => *cell = "-INF".into(),
                _ => {}
            }
        }
        let mut resource = json!({
            "profile": "tabular-data-resource",
            "schema": { "fields": fields },
            "data": rows,
        });
        if left_out > 0 {
            resource["description"] = format!("the first of its rows: {} are left out", more(left_out, "row")).into();
        }
        Ok(resource)
    }
}

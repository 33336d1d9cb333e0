//! Look-up tables as data frames, and through them as Parquet, CSV and JSON files.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lut, LutFault, LutRow};
use crate::base::Result;
use crate::frame::{Cell, Table};

/// Columns that say what a row is; any other says how the table came about.
const OWN: [&str; 11] =
    ["stage", "operator", "window", "sample", "cin", "resolution", "loss", "loss_stderr", "mflops", "mparams", "int8_ms"];

impl Lut {
    /// The table as a data frame: `stage`, `operator`, `window`, `sample` (blocks as text), `cin`, `resolution`,
    /// `loss`, `loss_stderr`, `mflops`, `mparams`, `int8_ms`, then one column of texts for each word of provenance.
    pub fn to_table(&self) -> Result<Table> {
        let rows = self.rows();
        let mut table = Table::builder()
            .text("stage", rows.iter().map(|row| row.stage.clone()))
            .text("operator", rows.iter().map(|row| row.operator.clone()))
            .int("window", rows.iter().map(|row| row.window as i64))
            .text("sample", rows.iter().map(|row| row.encoding.clone()))
            .int("cin", rows.iter().map(|row| row.input_width as i64))
            .int("resolution", rows.iter().map(|row| row.resolution as i64))
            .float("loss", rows.iter().map(|row| row.loss))
            .float("loss_stderr", rows.iter().map(|row| row.loss_stderr))
            .float("mflops", rows.iter().map(|row| row.mflops))
            .float("mparams", rows.iter().map(|row| row.mparams))
            .float("int8_ms", rows.iter().map(|row| row.latency_ms));
        for (name, value) in self.provenance() {
            table = table.text(name, rows.iter().map(|_| value.clone()));
        }
        table.build()
    }

    /// The table from a data frame as [`Lut::to_table`] makes it. Fails when a column is missing or of another
    /// kind, and as [`Lut::new`] does.
    pub fn from_table(table: &Table) -> Result<Self> {
        let whole = |name: &'static str| -> Result<Vec<usize>> {
            let check =
                |(row, value): (usize, i64)| usize::try_from(value).map_err(|_| LutFault::Whole { row, column: name, value });
            Ok(table.column_i64(name)?.into_iter().enumerate().map(check).collect::<Result<_, _>>()?)
        };
        let (stage, operator, sample) =
            (table.column_text("stage")?, table.column_text("operator")?, table.column_text("sample")?);
        let (window, cin, resolution) = (whole("window")?, whole("cin")?, whole("resolution")?);
        let (loss, loss_stderr) = (table.column_f64("loss")?, table.column_f64("loss_stderr")?);
        let (mflops, mparams) = (table.column_f64("mflops")?, table.column_f64("mparams")?);
        let latency_ms = table.column_f64("int8_ms")?;
        let rows = (0..table.height()).map(|at| LutRow {
            stage: stage[at].clone(),
            operator: operator[at].clone(),
            window: window[at],
            encoding: sample[at].clone(),
            input_width: cin[at],
            resolution: resolution[at],
            loss: loss[at],
            loss_stderr: loss_stderr[at],
            mflops: mflops[at],
            mparams: mparams[at],
            latency_ms: latency_ms[at],
        });
        let rows = rows.collect();
        let mut provenance = BTreeMap::new();
        for (name, column) in table.all()?.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
            // A CSV file does not know that `seed` was a text.
            let words: BTreeSet<_> = column.cells().into_iter().filter_map(word).collect();
            provenance.insert(name, words.into_iter().collect::<Vec<_>>().join(", "));
        }
        Self::new(rows, provenance)
    }
}

fn word(cell: Cell) -> Option<String> {
    match cell {
        Cell::Text(text) => Some(text),
        Cell::Int(value) => Some(value.to_string()),
        Cell::Float(value) => Some(value.to_string()),
        Cell::Bool(value) => Some(value.to_string()),
        Cell::Null | Cell::List(_) => None,
    }
}

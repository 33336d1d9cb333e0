//! Look-up tables as data frames, and through them as Parquet, CSV and JSON files.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{INT8_MS, LOSS, LOSS_STDERR, MFLOPS, MPARAMS, Names, SampleKey};
use super::{Lut, LutFault};
use crate::base::Result;
use crate::frame::{Cell, Column, Table};

/// Columns that say what a row is.
pub(super) const KEY: [&str; 6] = ["stage", "operator", "window", "sample", "cin", "resolution"];
/// Begins the names of columns of provenance.
pub(super) const FROM: &str = "from_";
/// Columns of figures that come first, in this order, where they are there.
const USUAL: [&str; 5] = [LOSS, LOSS_STDERR, MFLOPS, MPARAMS, INT8_MS];

impl Lut {
    /// The table as a data frame: `stage`, `operator`, `window`, `sample` (blocks as text), `cin`, `resolution`, then the
    /// columns of figures (`loss` first), then a column of texts `from_…` for each word of provenance.
    pub fn to_table(&self) -> Result<Table> {
        let keys = self.keys();
        let mut table = Table::builder()
            .text("stage", keys.iter().map(|key| &*key.stage))
            .text("operator", keys.iter().map(|key| &*key.operator))
            .int("window", keys.iter().map(|key| key.window as i64))
            .text("sample", keys.iter().map(|key| &*key.encoding))
            .int("cin", keys.iter().map(|key| key.input_width as i64))
            .int("resolution", keys.iter().map(|key| key.resolution as i64));
        let usual = USUAL.into_iter().filter(|name| self.columns().any(|own| own == *name));
        for name in usual.chain(self.columns().filter(|name| !USUAL.contains(name))) {
            table = table.float(name, self.column(name)?.iter().copied());
        }
        for (name, value) in self.provenance() {
            table = table.text(&format!("{FROM}{name}"), keys.iter().map(|_| value.as_str()));
        }
        table.build()
    }

    /// The table from a data frame as [`Lut::to_table`] makes it. Columns of numbers beside those that say what a row is
    /// are figures; columns of texts, and those called `from_…`, provenance. Fails when a column is missing or of another kind, and as
    /// [`Lut::of_columns`] does.
    pub fn from_table(table: &Table) -> Result<Self> {
        let whole = |name: &'static str| -> Result<Vec<usize>> {
            let check =
                |(row, value): (usize, i64)| usize::try_from(value).map_err(|_| LutFault::Whole { row, column: name, value });
            Ok(table.column_i64(name)?.into_iter().enumerate().map(check).collect::<Result<_, _>>()?)
        };
        let (stage, operator, sample) =
            (table.column_text("stage")?, table.column_text("operator")?, table.column_text("sample")?);
        let (window, cin, resolution) = (whole("window")?, whole("cin")?, whole("resolution")?);
        let mut names = Names::default();
        let keys = (0..table.height()).map(|at| SampleKey {
            stage: names.shared(&stage[at]),
            operator: names.shared(&operator[at]),
            window: window[at],
            encoding: sample[at].as_str().into(),
            input_width: cin[at],
            resolution: resolution[at],
        });
        let keys = keys.collect();
        let (mut columns, mut provenance) = (BTreeMap::new(), BTreeMap::new());
        for (name, column) in table.all()?.into_iter().filter(|(name, _)| !KEY.contains(&name.as_str())) {
            let number = matches!(column, Column::Int(_) | Column::Float(_));
            // A CSV file does not know that `from_seed` was a text.
            if number && !name.starts_with(FROM) {
                columns.insert(name.clone(), table.column_f64(&name)?);
            } else {
                let words: BTreeSet<_> = column.cells().into_iter().filter_map(word).collect();
                let name = name.strip_prefix(FROM).map_or(name.clone(), String::from);
                provenance.insert(name, words.into_iter().collect::<Vec<_>>().join(", "));
            }
        }
        Self::of_columns(keys, columns, provenance)
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

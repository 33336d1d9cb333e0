//! Tables in files: Parquet, CSV and JSON, told apart by the ending of the name.

use std::io::Cursor;
use std::path::Path;

use polars::prelude::{CsvReadOptions, CsvWriter, ParquetReader, ParquetWriter, SerReader, SerWriter};
use serde_json::{Map, Value};

use super::{FrameFault, Kind, Table};
use crate::base::{Fault, Result, write_atomic};

#[derive(Clone, Copy)]
enum Format {
    Parquet,
    Csv,
    Json,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).as_deref() {
            Some("parquet") => Ok(Format::Parquet),
            Some("csv") => Ok(Format::Csv),
            Some("json") => Ok(Format::Json),
            _ => Err(FrameFault::Format { path: path.display().to_string() }.into()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Format::Parquet => "Parquet",
            Format::Csv => "CSV",
            Format::Json => "JSON",
        }
    }
}

impl Table {
    /// The table in the file `path`, whose ending (.parquet, .csv, .json) says its format.
    pub fn read(path: &Path) -> Result<Table> {
        let format = Format::of(path)?;
        let bytes = std::fs::read(path).map_err(|error| Fault::file("read", path, &error))?;
        let unreadable =
            |why: String| Fault::from(FrameFault::Unreadable { path: path.display().to_string(), format: format.name(), why });
        match format {
            Format::Parquet => Table::of_parquet(&path.display().to_string(), bytes),
            Format::Csv => {
                // All rows decide a column's kind: a guess from the first ones fails on the later ones.
                let options = CsvReadOptions::default().with_infer_schema_length(None);
                let frame = options
                    .into_reader_with_file_handle(Cursor::new(bytes))
                    .finish()
                    .map_err(|error| unreadable(error.to_string()))?;
                Ok(Table::tidy(frame)?)
            }
            Format::Json => {
                let rows: Vec<Map<String, Value>> =
                    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
                Table::from_json_rows(&rows)
            }
        }
    }

    /// The table in the bytes of a Parquet file; `name` stands for it in messages.
    pub fn of_parquet(name: &str, bytes: Vec<u8>) -> Result<Table> {
        let frame = ParquetReader::new(Cursor::new(bytes)).finish();
        let frame =
            frame.map_err(|error| FrameFault::Unreadable { path: name.into(), format: "Parquet", why: error.to_string() })?;
        Ok(Table::tidy(frame)?)
    }

    /// The bytes of a Parquet file with the table.
    pub fn to_parquet(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut self.frame.clone()).map_err(FrameFault::from)?;
        Ok(bytes)
    }

    /// Writes the table to `path`, whole or not at all; its ending (.parquet, .csv, .json) says the format.
    pub fn write(&self, path: &Path) -> Result<()> {
        let format = Format::of(path)?;
        let mut bytes = Vec::new();
        match format {
            Format::Parquet => bytes = self.to_parquet()?,
            Format::Csv => {
                if let Some((name, _)) = self.kinds().into_iter().find(|(_, kind)| *kind == Kind::List) {
                    return Err(FrameFault::Lists { format: format.name(), name }.into());
                }
                CsvWriter::new(&mut bytes).finish(&mut self.frame.clone()).map_err(FrameFault::from)?;
            }
            Format::Json => {
                serde_json::to_writer(&mut bytes, &self.to_json_rows()?)
                    .map_err(|error| FrameFault::Library { why: error.to_string() })?;
            }
        }
        write_atomic(path, &bytes)
    }
}

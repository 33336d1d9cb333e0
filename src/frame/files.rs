//! Tables in files: the ending of the name says the format.

use std::io::Cursor;
use std::path::Path;

use polars::prelude::{CsvReadOptions, CsvWriter, NullValues, ParquetReader, ParquetWriter, SerReader, SerWriter};
use serde_json::{Map, Value};

use super::{FrameFault, Kind, MarkupOptions, Table};
use crate::base::{Fault, Result, nearest, readable, write_atomic};

/// How a file is read or written where its ending does not say enough.
#[derive(Debug, Clone, Default)]
pub struct FileOptions {
    /// The character between values, for CSV; a comma if not given.
    pub separator: Option<u8>,
    /// Whether the first line of a CSV file holds values, not names.
    pub no_header: bool,
    /// Texts that stand for a missing value when CSV is read; an empty field always does.
    pub missing: Vec<String>,
    /// Headers, caption and label, for Markdown and LaTeX.
    pub markup: MarkupOptions,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Parquet,
    Csv,
    Tsv,
    Json,
    JsonLines,
    Markdown,
    Latex,
}

const ENDINGS: [(&str, Format); 7] = [
    ("parquet", Format::Parquet),
    ("csv", Format::Csv),
    ("tsv", Format::Tsv),
    ("json", Format::Json),
    ("jsonl", Format::JsonLines),
    ("md", Format::Markdown),
    ("tex", Format::Latex),
];

impl Format {
    fn of(path: &Path, reading: bool) -> Result<Self> {
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).unwrap_or_default();
        let known = ENDINGS.iter().filter(|(_, format)| !(reading && format.is_page()));
        if let Some((_, format)) = known.clone().find(|(known, _)| *known == ending) {
            return Ok(*format);
        }
        let page = ENDINGS.iter().any(|(known, _)| *known == ending);
        let names: Vec<&str> = known.map(|(name, _)| *name).collect();
        let help = match nearest(&ending, names.iter().copied()) {
            Some(name) if !page => format!("did you mean `.{name}`?"),
            _ => format!("end the name in .{}", names.join(", .")),
        };
        let only = if page { " that can be read, only written" } else { "" };
        Err(FrameFault::Format { path: path.display().to_string(), only, help }.into())
    }

    fn name(self) -> &'static str {
        match self {
            Format::Parquet => "Parquet",
            Format::Csv => "CSV",
            Format::Tsv => "TSV",
            Format::Json => "JSON",
            Format::JsonLines => "JSON lines",
            Format::Markdown => "Markdown",
            Format::Latex => "LaTeX",
        }
    }

    /// Whether it is for people to read, not for programs.
    fn is_page(self) -> bool {
        matches!(self, Format::Markdown | Format::Latex)
    }

    /// The character between values.
    fn separator(self, options: &FileOptions) -> u8 {
        options.separator.unwrap_or(if self == Format::Tsv { b'\t' } else { b',' })
    }

    /// Refuses options that mean nothing here.
    fn check(self, options: &FileOptions) -> Result<()> {
        let lines = matches!(self, Format::Csv | Format::Tsv);
        let wrong = [
            ("separator", options.separator.is_some() && !lines),
            ("header", options.no_header && !lines),
            ("missing", !options.missing.is_empty() && !lines),
            ("headers", !options.markup.headers.is_empty() && !self.is_page()),
            ("caption", options.markup.caption.is_some() && self != Format::Latex),
            ("label", options.markup.label.is_some() && self != Format::Latex),
        ];
        match wrong.into_iter().find(|(_, wrong)| *wrong) {
            Some((option, _)) => Err(FrameFault::Option { format: self.name(), option }.into()),
            None => Ok(()),
        }
    }
}

impl Table {
    /// The table in the file `path`, whose ending (.parquet, .csv, .tsv, .json, .jsonl) says its format.
    pub fn read(path: &Path) -> Result<Table> {
        Self::read_with(path, &FileOptions::default())
    }

    /// As [`Table::read`], with options.
    pub fn read_with(path: &Path, options: &FileOptions) -> Result<Table> {
        let format = Format::of(path, true)?;
        format.check(options)?;
        let bytes = std::fs::read(readable(path)).map_err(|error| Fault::file("read", path, &error))?;
        let unreadable =
            |why: String| Fault::from(FrameFault::Unreadable { path: path.display().to_string(), format: format.name(), why });
        match format {
            Format::Parquet => Table::of_parquet(&path.display().to_string(), bytes),
            Format::Csv | Format::Tsv => {
                let missing = options.missing.iter().map(|text| text.as_str().into()).collect::<Vec<_>>();
                let missing = (!missing.is_empty()).then_some(NullValues::AllColumns(missing));
                // All rows decide a column's kind: a guess from the first ones fails on the later ones.
                let reading = CsvReadOptions::default()
                    .with_infer_schema_length(None)
                    .with_has_header(!options.no_header)
                    .map_parse_options(|parse| parse.with_separator(format.separator(options)).with_null_values(missing.clone()));
                let frame = reading
                    .into_reader_with_file_handle(Cursor::new(bytes))
                    .finish()
                    .map_err(|error| unreadable(error.to_string()))?;
                Ok(Table::tidy(frame)?)
            }
            Format::JsonLines => {
                let rows = serde_json::Deserializer::from_slice(&bytes).into_iter();
                let rows = rows.collect::<Result<Vec<Map<String, Value>>, _>>().map_err(|error| unreadable(error.to_string()))?;
                Table::from_json_rows(&rows)
            }
            Format::Json | Format::Markdown | Format::Latex => {
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

    /// Writes the table to `path`, whole or not at all; its ending says the format.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.write_with(path, &FileOptions::default())
    }

    /// As [`Table::write`], with options.
    pub fn write_with(&self, path: &Path, options: &FileOptions) -> Result<()> {
        let format = Format::of(path, false)?;
        format.check(options)?;
        let json = |error: serde_json::Error| FrameFault::Library { why: error.to_string() };
        let mut bytes = Vec::new();
        match format {
            Format::Parquet => bytes = self.to_parquet()?,
            Format::Csv | Format::Tsv => {
                if let Some((name, _)) = self.kinds().into_iter().find(|(_, kind)| *kind == Kind::List) {
                    return Err(FrameFault::Lists { format: format.name(), name }.into());
                }
                CsvWriter::new(&mut bytes)
                    .include_header(!options.no_header)
                    .with_separator(format.separator(options))
                    .finish(&mut self.frame.clone())
                    .map_err(FrameFault::from)?;
            }
            Format::Json => serde_json::to_writer(&mut bytes, &self.to_json_rows()?).map_err(json)?,
            Format::JsonLines => {
                for row in self.to_json_rows()? {
                    serde_json::to_writer(&mut bytes, &row).map_err(json)?;
                    bytes.push(b'\n');
                }
            }
            Format::Markdown => bytes = self.to_markdown(&options.markup)?.into_bytes(),
            Format::Latex => bytes = self.to_latex(&options.markup)?.into_bytes(),
        }
        write_atomic(path, &bytes)
    }
}

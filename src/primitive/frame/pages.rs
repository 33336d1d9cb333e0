//! Tables in files, and as texts for terminals and pages.

use std::collections::BTreeMap;
use std::path::Path;

use rhai::plugin::*;
use rhai::{Dynamic, Engine, Identifier, Map};

use crate::base::Result;
use crate::frame::{FileOptions, MarkupOptions, Table, View};
use crate::primitive::cross::{Answer, Cross};
use crate::primitive::host::Host;
use crate::primitive::options::Options;
use crate::primitive::views::table_html;

#[export_module]
mod page_functions {
    /// The table in a file; its ending (.parquet, .csv, .tsv, .json or .jsonl) says the format.
    ///
    /// Fails with `file::io`, `frame::format` or `frame::unreadable`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// read_table("measured.xlsx") //> fails frame::format
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read_table(context: NativeCallContext, path: &str) -> Answer<Table> {
        Host::of(&context)?.running.reads(path.as_ref());
        Table::read(Path::new(path)).cross()
    }

    /// The table in a file.
    ///
    /// Options, for .csv and .tsv: `separator` (","): the character between values; `header` (true): whether the first line
    /// holds names; `missing` ([]): texts that stand for a missing value, as an empty field always does.
    ///
    /// # Example
    ///
    /// ```rhai
    /// read_table("measured.parquet", #{ separator: ";" }) //> fails frame::option
    /// ```
    #[rhai_fn(name = "read_table", return_raw)]
    pub fn read_table_with(context: NativeCallContext, path: &str, given: Map) -> Answer<Table> {
        Host::of(&context)?.running.reads(path.as_ref());
        reading(given).and_then(|options| Table::read_with(Path::new(path), &options)).cross()
    }

    /// Writes the table to a file, whole or not at all, in place of one there. Its ending says the format.
    ///
    /// It is .parquet, .csv, .tsv, .json, .jsonl, .md (Markdown) or .tex (LaTeX with booktabs).
    /// Fails with `file::io`, `frame::format`, or `frame::lists` for lists in CSV.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1] }).write("a.xlsx") //> fails frame::format
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn write(table: &mut Table, path: &str) -> Answer<()> {
        table.write(Path::new(path)).cross()
    }

    /// Writes the table to a file.
    ///
    /// Options: `separator` (","): for .csv and .tsv, the character between values; `header` (true): whether names are written
    /// there; `headers` (none): for .md and .tex, a map from names of columns to headers; `caption` and `label` (none): for .tex.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1] }).write("a.csv", #{ seperator: ";" }) //> fails options::unknown
    /// ```
    #[rhai_fn(name = "write", return_raw, pure)]
    pub fn write_with(table: &mut Table, path: &str, given: Map) -> Answer<()> {
        writing(given).and_then(|options| table.write_with(Path::new(path), &options)).cross()
    }

    /// The whole table as Markdown, numbers rounded as in a terminal.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ op: ["conv"], ms: [0.1 + 0.2] }).to_markdown().split("\n")[2] //> | 0.3 | conv |
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn to_markdown(table: &mut Table) -> Answer<String> {
        table.to_markdown(&MarkupOptions::default()).cross()
    }

    /// The whole table as Markdown.
    ///
    /// Options: `headers` (none): a map from names of columns to headers.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let page = table(#{ int8_ms: [1.5] }).to_markdown(#{ headers: #{ int8_ms: "INT8 (ms)" } });
    /// page.split("\n")[0] //> | INT8 (ms) |
    /// ```
    #[rhai_fn(name = "to_markdown", return_raw, pure)]
    pub fn to_markdown_with(table: &mut Table, given: Map) -> Answer<String> {
        let options = Options::new("to_markdown", given, &["headers"]).cross()?;
        markup(&options).and_then(|options| table.to_markdown(&options)).cross()
    }

    /// The whole table for LaTeX with the package booktabs.
    ///
    /// Numbers are rounded as in a terminal, texts escaped.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ int8_ms: [1.5] }).to_latex().contains("int8\\_ms") //> true
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn to_latex(table: &mut Table) -> Answer<String> {
        table.to_latex(&MarkupOptions::default()).cross()
    }

    /// The whole table for LaTeX with the package booktabs.
    ///
    /// Options: `headers` (none): a map from names of columns to headers; `caption` and `label` (none), which put it into a
    /// floating table.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ ms: [1.5] }).to_latex(#{ caption: "Latency", label: "tab:ms" }).contains("\\caption{Latency}") //> true
    /// ```
    #[rhai_fn(name = "to_latex", return_raw, pure)]
    pub fn to_latex_with(table: &mut Table, given: Map) -> Answer<String> {
        let options = Options::new("to_latex", given, &["headers", "caption", "label"]).cross()?;
        markup(&options).and_then(|options| table.to_latex(&options)).cross()
    }

    /// The table as text, `width` characters wide. Long tables are folded, wide ones lose columns, and both is said.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1] }).to_text(80).contains("a") //> true
    /// ```
    #[rhai_fn(pure)]
    pub fn to_text(table: &mut Table, width: i64) -> String {
        table.to_text(usize::try_from(width).unwrap_or_default())
    }

    /// The table as text, `width` characters wide.
    ///
    /// Options: `rows` (20): how many are shown before the table is folded; `colour` (false): whether what is less important
    /// is dimmed, with terminal codes.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 3, 4, 5] }).to_text(80, #{ rows: 2 }).contains("… 3 more rows") //> true
    /// ```
    #[rhai_fn(name = "to_text", return_raw, pure)]
    pub fn to_text_with(table: &mut Table, width: i64, given: Map) -> Answer<String> {
        let options = Options::new("to_text", given, &["rows", "colour"]).cross()?;
        let plain = View { places: usize::try_from(width).unwrap_or_default(), ..View::default() };
        let rows = options.count("rows", 1).cross()?.unwrap_or(plain.rows);
        let colour = options.flag("colour").cross()?.unwrap_or(plain.colour);
        Ok(table.to_text_as(&View { rows, colour, ..plain }))
    }

    /// The table as text, as wide as the terminal.
    ///
    /// Where there is none: as wide as the environment's `COLUMNS` says, else 100 characters.
    #[rhai_fn(name = "to_string", name = "to_debug", pure, return_raw)]
    pub fn to_plain_text(context: NativeCallContext, table: &mut Table) -> Answer<String> {
        Ok(table.to_text(Host::of(&context)?.look().columns))
    }

    /// The table as HTML, for notebooks.
    #[rhai_fn(pure, return_raw)]
    pub fn to_html(table: &mut Table) -> Answer<String> {
        table_html(table).cross()
    }
}

fn separator(options: &Options) -> Result<Option<u8>> {
    let Some(text) = options.text("separator")? else { return Ok(None) };
    match text.as_bytes() {
        [one] if !matches!(one, b'"' | b'\n' | b'\r') => Ok(Some(*one)),
        _ => Err(options.refuse("separator", "it must be one character that stands in no text", "use `,`, `;`, `|` or a tab")),
    }
}

fn reading(given: Map) -> Result<FileOptions> {
    let options = Options::new("read_table", given, &["separator", "header", "missing"])?;
    let missing = options.array("missing")?.unwrap_or_default();
    let text = |item: Dynamic| {
        item.into_string()
            .map_err(|_| options.refuse("missing", "its items must be texts", "write for example `[\"n/a\", \"-\"]`"))
    };
    Ok(FileOptions {
        separator: separator(&options)?,
        no_header: !options.flag("header")?.unwrap_or(true),
        missing: missing.into_iter().map(text).collect::<Result<_>>()?,
        markup: MarkupOptions::default(),
    })
}

fn writing(given: Map) -> Result<FileOptions> {
    let options = Options::new("write", given, &["separator", "header", "headers", "caption", "label"])?;
    Ok(FileOptions {
        separator: separator(&options)?,
        no_header: !options.flag("header")?.unwrap_or(true),
        missing: Vec::new(),
        markup: markup(&options)?,
    })
}

fn markup(options: &Options) -> Result<MarkupOptions> {
    let text = |(name, header): (Identifier, Dynamic)| match header.into_string() {
        Ok(header) => Ok((name.to_string(), header)),
        Err(_) => Err(options.refuse("headers", "its values must be texts", "write for example `#{ int8_ms: \"INT8 (ms)\" }`")),
    };
    let headers = options.noun::<Map>("headers", "a map from names of columns to headers")?.unwrap_or_default();
    Ok(MarkupOptions {
        headers: headers.into_iter().map(text).collect::<Result<BTreeMap<_, _>>>()?,
        caption: options.text("caption")?,
        label: options.text("label")?,
    })
}

/// Declares tables in files and as texts.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(page_functions).into());
}

//! What can be wrong with a table, an expression over it, or its file.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault of a table.
#[derive(Debug, Error, Diagnostic)]
pub enum FrameFault {
    /// A column that the table lacks.
    #[error("this table has no column `{name}`")]
    #[diagnostic(code(frame::no_column), help("{help}"))]
    NoColumn { name: String, help: String },
    /// The same column name twice.
    #[error("two columns would be named `{name}`")]
    #[diagnostic(code(frame::column_twice), help("give one another name, in an expression with `.alias(\"name\")`"))]
    ColumnTwice { name: String },
    /// Columns of different lengths.
    #[error("column `{name}` has {found} values, the table has {height} rows")]
    #[diagnostic(code(frame::length), help("all columns of a table need one value a row"))]
    Length { name: String, found: usize, height: usize },
    /// Values of a column that do not go together, or that no column can hold.
    #[error("column `{name}` mixes {first} with {second}")]
    #[diagnostic(
        code(frame::mixed),
        help("a column holds numbers, texts, true/false or lists of numbers; `()` stands for a missing value")
    )]
    Mixed { name: String, first: String, second: String },
    /// A column kind that the lab does not know, from a file written elsewhere.
    #[error("column `{name}` has the type {kind}, which the lab cannot hold")]
    #[diagnostic(code(frame::kind), help("convert it to numbers, texts, true/false or lists of numbers before reading it"))]
    Kind { name: String, kind: String },
    /// An operation on a column of the wrong kind.
    #[error("{what} cannot take {found}")]
    #[diagnostic(code(frame::wrong_kind), help("{help}"))]
    Type { what: String, found: String, help: String },
    /// An aggregate was expected for each group.
    #[error("`{expr}` has many values in each group")]
    #[diagnostic(code(frame::not_aggregate), help("say how to make one of them, for example `{expr}.mean()`"))]
    NotAggregate { expr: String },
    /// A row number that the table lacks.
    #[error("this table has no row {row}: it has {height} rows, counted from 0")]
    #[diagnostic(code(frame::no_row), help("use 0 to {height} - 1, or a negative number to count from the end"))]
    NoRow { row: i64, height: usize },
    /// Tables that cannot be stacked; the first is number 0.
    #[error("table {at} {what}")]
    #[diagnostic(code(frame::columns_differ), help("{help}"))]
    ColumnsDiffer { at: usize, what: String, help: String },
    /// A join in which a name stands twice even with the suffix.
    #[error("both tables have a column `{name}`, and `{made}` is taken as well")]
    #[diagnostic(
        code(frame::column_twice),
        help("choose another `suffix: \"_b\"`, or `rename` or `drop` one of the columns before the join")
    )]
    JoinClash { name: String, made: String },
    /// A sort with a direction for some keys only.
    #[error("`descending` has {flags} values for {keys} columns")]
    #[diagnostic(code(frame::length), help("give one for all, or one for each column"))]
    Keys { keys: usize, flags: usize },
    /// A field of a pivot table with several values.
    #[error("{count} values of `{value}` meet in one field, where `{column}` is `{name}`")]
    #[diagnostic(
        code(frame::many),
        help("say what to make of them, for example `aggregate: \"mean\"`, or name more columns in `rows`")
    )]
    Many { value: String, count: usize, column: String, name: String },
    /// A value that cannot be turned into another kind.
    #[error("row {row} of `{name}` is {value}, which cannot be one of {kind}")]
    #[diagnostic(code(frame::cast), help("`#{{ strict: false }}` makes such values missing"))]
    Cast { name: String, row: usize, value: String, kind: String },
    /// A comparison of the outcome of a comparison.
    #[error("`{expr}` compares the outcome of a condition")]
    #[diagnostic(code(frame::chain), help("{help}"))]
    Chain { expr: String, help: String },
    /// A file name whose ending says no known format.
    #[error("the ending of `{path}` names no format of tables{only}")]
    #[diagnostic(code(frame::format), help("{help}"))]
    Format { path: String, only: &'static str, help: String },
    /// An option that the format does not have.
    #[error("{format} has no `{option}`")]
    #[diagnostic(code(frame::option), help("leave it out, or choose another ending of the file name"))]
    Option { format: &'static str, option: &'static str },
    /// A file that cannot be understood.
    #[error("cannot read `{path}` as {format}: {why}")]
    #[diagnostic(code(frame::unreadable), help("the file is damaged, or its ending does not say what is in it"))]
    Unreadable { path: String, format: &'static str, why: String },
    /// A table that the format cannot hold.
    #[error("{format} cannot hold column `{name}`, which has lists")]
    #[diagnostic(code(frame::lists), help("write .parquet or .json, or leave the column out"))]
    Lists { format: &'static str, name: String },
    /// The table library refused; should not happen.
    #[error("the table cannot be computed: {why}")]
    #[diagnostic(code(frame::library), help("report this with the script that led to it"))]
    Library { why: String },
}

impl From<polars::error::PolarsError> for FrameFault {
    fn from(error: polars::error::PolarsError) -> Self {
        Self::Library { why: error.to_string() }
    }
}

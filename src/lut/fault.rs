//! What can be wrong with a look-up table.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault in a look-up table.
#[derive(Debug, Error, Diagnostic)]
pub enum LutFault {
    /// Nothing in it.
    #[error("the look-up table has no rows")]
    #[diagnostic(code(lut::empty), help("build it with `build_lut(hyperspace, #{{...}})`"))]
    Empty,
    /// More rows than can be counted.
    #[error("a look-up table of {rows} rows is too long")]
    #[diagnostic(code(lut::too_long), help("keep it under four thousand million rows"))]
    TooLong { rows: usize },
    /// A row holds a number that no sample can have.
    #[error("row {row} of the look-up table ({group}, `{encoding}`) has {column} {value}")]
    #[diagnostic(code(lut::value), help("leave the row out, or sample and measure this stage again"))]
    Value { row: usize, group: String, encoding: String, column: String, value: f64 },
    /// No such column of figures.
    #[error("the look-up table has no column `{column}`")]
    #[diagnostic(code(lut::column), help("{help}"))]
    NoColumn { column: String, help: String },
    /// A name that means something else.
    #[error("a column of figures cannot be called `{column}`")]
    #[diagnostic(
        code(lut::column),
        help("it says what a row is, or where it comes from: choose a name with a unit, such as `energy_mj`")
    )]
    Taken { column: String },
    /// A column of another length.
    #[error("column `{column}` has {found} values for {rows} rows of the look-up table")]
    #[diagnostic(code(lut::column), help("give one value for each row, in their order"))]
    Length { column: String, found: usize, rows: usize },
    /// Tables that do not go together.
    #[error("look-up tables cannot be merged: the first and number {place} (from 0) differ in the column `{column}`")]
    #[diagnostic(code(lut::merge), help("add the column where it is missing, with `with_latency` or `with_column`, or drop it"))]
    Merge { column: String, place: usize },
    /// A row whose window, width or resolution is negative.
    #[error("row {row} of the look-up table has {column} {value}")]
    #[diagnostic(code(lut::whole), help("windows, widths and resolutions are 0 or more: correct the file"))]
    Whole { row: usize, column: &'static str, value: i64 },
    /// Groups that a hyperspace needs are not there.
    #[error("the look-up table has no samples for {missing} of {needed} groups of `{hyperspace}`; the first is {first}")]
    #[diagnostic(
        code(lut::missing),
        help("build the table for this hyperspace: it needs every operator and window of every searched stage")
    )]
    Missing { hyperspace: String, missing: usize, needed: usize, first: String },
    /// Rows that no stage of the hyperspace can be.
    #[error(
        "{wrong} of {rows} rows of the look-up table are no concrete stages of `{hyperspace}`; the first is row {row}: {why}"
    )]
    #[diagnostic(code(lut::shape), help("{help}"))]
    Shape { hyperspace: String, wrong: usize, rows: usize, row: usize, why: String, help: String },
    /// A file of the reference's format that cannot be read.
    #[error("`{file}`, line {line}: {why}")]
    #[diagnostic(
        code(lut::csv),
        help(
            "a line is `blocks,1xCxHxW,loss,MFLOPs,Mparams,latency_ms`, for example `3#24#6_5#24#3,1x16x112x112,0.31,20.5,0.01,4.2`"
        )
    )]
    Csv { file: String, line: usize, why: String },
    /// A folder without tables.
    #[error("there is no look-up table of `{hyperspace}` in `{folder}`")]
    #[diagnostic(
        code(lut::no_files),
        help(
            "the folder should hold files named STAGE_OPERATOR_WINDOW.csv, such as `stage1_0_0.csv`; the paper's are in \
             SpaceEvo/data/block_lut of https://github.com/microsoft/Moonlit"
        )
    )]
    NoFiles { hyperspace: String, folder: String },
    /// A block table's key that means nothing here.
    #[error("cannot read the block key `{key}`: {why}")]
    #[diagnostic(code(lut::block_key), help("{help}"))]
    BlockKey { key: String, why: String, help: String },
    /// Blocks whose latency a block table does not hold.
    #[error("the block table has no latency for {missing} of {wanted} blocks; the first is {first}")]
    #[diagnostic(
        code(lut::block_missing),
        help("its coverage is in `blocks.coverage(hyperspace)`; measure or recover the missing blocks and merge them in")
    )]
    BlockMissing { missing: usize, wanted: usize, first: String },
    /// Keys or units of an import that do not fit.
    #[error("cannot import the table: {why}")]
    #[diagnostic(code(lut::import), help("{help}"))]
    Import { why: String, help: String },
}

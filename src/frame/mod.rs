//! Tables: columns of numbers, texts and flags, computed with expressions, shown to people and kept in files.
//!
//! The only folder that names polars, which stores, sorts, groups and joins; expressions are evaluated here.

mod aggregate;
mod cast;
mod cell;
mod concat;
mod describe;
mod eval;
mod expr;
mod fault;
mod figure;
mod files;
mod join;
mod json;
mod look;
mod markup;
mod pivot;
mod resource;
mod rows;
mod show;
mod table;
mod verbs;

pub use aggregate::{Aggregate, GroupBy};
pub use cell::{Cell, Column, Kind};
pub use expr::{Expr, Function, Operator, col, lit};
pub use fault::FrameFault;
pub use figure::figure;
pub use files::FileOptions;
pub use join::JoinKind;
pub use markup::MarkupOptions;
pub use show::{View, places};
pub use table::{Builder, Table};

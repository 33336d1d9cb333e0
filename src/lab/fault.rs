//! What can go wrong with the lab folder.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

/// A fault of the lab folder.
#[derive(Debug, Error, Diagnostic)]
pub enum LabFault {
    /// The folder or its file cannot be written.
    #[error("cannot write the lab in `{}`: {reason}", .folder.display())]
    #[diagnostic(code(lab::not_writable), help("choose a folder that you may write with --lab FOLDER"))]
    NotWritable { folder: PathBuf, reason: String },
    /// The file is not one of ours, or damaged.
    #[error("`{}` is not a lab file: {reason}", .file.display())]
    #[diagnostic(code(lab::damaged), help("move it away; a new one is made, and what was measured is measured again"))]
    Damaged { file: PathBuf, reason: String },
    /// A file written by a later version.
    #[error("`{}` was written by a newer version (format {found}, this program knows {known})", .file.display())]
    #[diagnostic(code(lab::newer), help("update this program, or choose another folder with --lab FOLDER"))]
    Newer { file: PathBuf, found: i64, known: i64 },
    /// Another process holds the file for too long.
    #[error("the lab file is held by another process: {reason}")]
    #[diagnostic(code(lab::busy), help("wait for the other session to finish its step, then try again"))]
    Busy { reason: String },
    /// A stored text that does not read back.
    #[error("the stored {what} `{name}` cannot be read: {reason}")]
    #[diagnostic(code(lab::stored), help("it was written by another version: delete it, it will be made again"))]
    Stored { what: &'static str, name: String, reason: String },
    /// A kind or key that cannot be a folder's name.
    #[error("`{name}` cannot be the name of a lab folder")]
    #[diagnostic(code(lab::name), help("use letters, digits, `_`, `-` and `.`, not beginning with a dot"))]
    Name { name: String },
}

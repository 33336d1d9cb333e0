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
    /// Nothing in the lab has this name.
    #[error("the lab holds nothing named `{name}`")]
    #[diagnostic(code(lab::no_item), help("{help}"))]
    NoItem { name: String, help: String },
    /// Several things have this name.
    #[error("several things in the lab are named `{name}`")]
    #[diagnostic(code(lab::ambiguous), help("{help}"))]
    Ambiguous { name: String, help: String },
    /// A result that knows no script, so that nothing could run it again.
    #[error("`{name}` knows no script that made it")]
    #[diagnostic(
        code(lab::no_script),
        help("it was kept by an earlier version: run its script again, with another `--lab FOLDER` or after `lab::delete`")
    )]
    NoScript { name: String },
    /// A bundle that is no zip, or lacks a part, or whose parts are not what its manifest says.
    #[error("`{file}` is not a whole bundle: {reason}")]
    #[diagnostic(code(lab::bundle_damaged), help("get the file again; `lab::bundle` makes one"))]
    BundleDamaged { file: String, reason: String },
    /// A zip of something else.
    #[error("`{file}` has no manifest.json")]
    #[diagnostic(code(lab::bundle_manifest), help("it is a zip, but none that `lab::bundle` made"))]
    BundleManifest { file: String },
    /// A part whose path leads out of the folder it would be unpacked to.
    #[error("`{file}` holds a part `{part}`, which would lie outside its folder")]
    #[diagnostic(code(lab::bundle_path), help("do not trust this file; `lab::bundle` makes none like it"))]
    BundlePath { file: String, part: String },
    /// A bundle of a later version.
    #[error("`{file}` was made by a newer version (schema {found}, this program knows {known})")]
    #[diagnostic(code(lab::bundle_newer), help("update this program"))]
    BundleNewer { file: String, found: u32, known: u32 },
    /// A kind or key that cannot be a folder's name.
    #[error("`{name}` cannot be the name of a lab folder")]
    #[diagnostic(code(lab::name), help("use letters, digits, `_`, `-` and `.`, not beginning with a dot"))]
    Name { name: String },
}

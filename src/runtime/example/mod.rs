//! Checked examples: blocks of script code in documentation and whole scripts, with what they are expected to print.

mod block;
mod expect;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub use block::{Block, blocks_of};
use expect::{Expectation, parts};

use super::lint::lint;
use super::render::Trouble;
use super::{Output, Session, Settings};
use crate::base::{Fault, Result};

/// What is wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// File as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, in one or more lines.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// What came of a check.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Files looked at.
    pub files: usize,
    /// Blocks run or linted.
    pub blocks: usize,
    /// Expectations that were compared.
    pub expectations: usize,
    /// What is wrong, in reading order.
    pub findings: Vec<Finding>,
}

/// What a check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Runs the examples.
    Run,
    /// Reads them only: unknown names, wrong arity, misspelt options.
    Lint,
}

/// Checks files and, inside folders, every `.rhai`, `.md` and `.rs` file. Each block has a session of its own with `settings`.
pub fn check(paths: &[PathBuf], mode: Mode, settings: &Settings) -> Result<Report, Box<Trouble>> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files).map_err(|fault| Box::new(Trouble::plain(fault)))?;
    }
    let mut report = Report::default();
    for path in &files {
        let text = std::fs::read_to_string(path).map_err(|error| Box::new(Trouble::plain(Fault::file("read", path, &error))))?;
        report.files += 1;
        for block in blocks_of(&path.display().to_string(), &text) {
            report.blocks += 1;
            match mode {
                Mode::Run if block.runs => run(&block, settings, &mut report)?,
                _ => {
                    let session = Session::new(settings.clone(), Arc::new(Printed::default()))?;
                    report.findings.extend(lint(&session, &block));
                }
            }
        }
    }
    Ok(report)
}

/// Output of a block, kept for comparison.
#[derive(Debug, Default)]
struct Printed(Mutex<Vec<String>>);

impl Printed {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Output for Printed {
    fn print(&self, line: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }
}

fn run(block: &Block, settings: &Settings, report: &mut Report) -> Result<(), Box<Trouble>> {
    let finding = |line: usize, message: String| Finding { file: block.file.clone(), line, message };
    let parts = parts(&block.text);
    if parts.iter().all(|part| part.expectation.is_none()) {
        let message = "nothing is expected here: write `//> value` behind an expression, or mark it ```rhai no_run";
        report.findings.push(finding(block.first_line, message.into()));
        return Ok(());
    }
    let printed = Arc::new(Printed::default());
    let session = Session::new(settings.clone(), printed.clone())?;
    for part in parts {
        let outcome = session.eval_part(&part.source, &block.file, &block.text);
        let lines = printed.take();
        let Some(Expectation { line, wanted }) = part.expectation else {
            if let Some(trouble) = outcome.trouble {
                // The place in this file: the fault itself may lie in a script of the library.
                let places = trouble.at.iter().chain(trouble.steps.iter().map(|step| &step.place));
                let line =
                    places.into_iter().find(|place| place.source == block.file).map_or(block.first_line, |place| place.line);
                report.findings.push(finding(line, format!("this must run, but failed\n{trouble}")));
                return Ok(());
            }
            continue;
        };
        report.expectations += 1;
        let got = match (&outcome.trouble, outcome.printed) {
            (Some(trouble), _) => Err(trouble.as_ref()),
            (None, Some(text)) => Ok(text),
            (None, None) => Ok(lines.join("\n")),
        };
        if let Err(message) = wanted.compare(got) {
            report.findings.push(finding(line, message));
            if outcome.trouble.is_some() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        if !path.exists() {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(Fault::file("read", path, &missing));
        }
        files.push(path.into());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|error| Fault::file("read", path, &error))?;
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() {
            if !name.starts_with('.') && name != "target" {
                collect(&entry, files)?;
            }
        } else if !["REFERENCE.md", "spaceevo.d.rhai"].contains(&name.as_str()) // made of the examples themselves
            && ["rhai", "md", "rs"].iter().any(|end| entry.extension().is_some_and(|ext| ext == *end))
        {
            files.push(entry);
        }
    }
    Ok(())
}

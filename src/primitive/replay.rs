//! What a bundle holds against what a lab holds after its scripts have run again.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::base::{Fault, Result};
use crate::device::Measurement;
use crate::device::ort::{processor, runtime_version};
use crate::frame::{Cell, Table, View};
use crate::lab::{Bundle, BundledItem, Item, ItemKind, Lab, versions};
use crate::search::{Outcome, StoredStudy, TrialRecord};

pub use crate::lab::Program;

/// Of the latencies of a device, at least this share must lie within their intervals: some miss them by chance.
const SHARE_WITHIN: f64 = 0.95;

/// A bundle to be replayed.
#[derive(Debug, Clone)]
pub struct Replay {
    bundle: Bundle,
}

/// How one result compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What kind of result.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it is the same.
    pub agrees: bool,
    /// What the bundle says.
    pub then: String,
    /// What came of it now.
    pub now: String,
}

/// A comparison: whether it agrees, and what to show of then and now.
type Compared = (bool, String, String);

impl Replay {
    /// Opens a bundle; it is checked whole.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { bundle: Bundle::open(path)? })
    }

    /// What differs between here and where the bundle was made, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let manifest = &self.bundle.manifest;
        let (then, now) = (&manifest.versions, versions());
        let mut names: Vec<_> = then.keys().chain(now.keys()).collect();
        names.sort();
        names.dedup();
        let none = "none".to_owned();
        let differs = names.into_iter().filter_map(|name| {
            let (then, now) = (then.get(name).unwrap_or(&none), now.get(name).unwrap_or(&none));
            (then != now).then(|| format!("the version of {name} was {then}, here it is {now}"))
        });
        let mut warnings: Vec<String> = differs.collect();
        // The runtime is loaded only if it took part.
        if let Some(then) = manifest.items.iter().find_map(|item| item.provenance.versions.get("runtime")) {
            let now = runtime_version().unwrap_or(none);
            if *then != now {
                warnings.push(format!("the runtime was {then}, here it is {now}"));
            }
        }
        let cpu = processor();
        if manifest.cpu != cpu {
            warnings.push(format!("the processor was {}, here it is {cpu}: latencies will differ", manifest.cpu));
        }
        warnings
    }

    /// The scripts to run.
    pub fn programs(&self) -> Result<Vec<Program>> {
        self.bundle.programs()
    }

    /// Lays a program's files out in `folder`; warnings about those that are missing.
    pub fn lay_out(&self, program: &Program, folder: &Path) -> Result<Vec<String>> {
        let missing = self.bundle.lay_out(program, folder)?;
        Ok(missing.into_iter().map(|path| format!("the script read `{path}`, which is not in the bundle")).collect())
    }

    /// Writes all parts of the bundle below `folder`.
    pub fn unpack(&self, folder: &Path) -> Result<()> {
        self.bundle.unpack(folder)
    }

    /// Compares every result with what the lab in `folder` holds.
    pub fn compare(&self, folder: &Path) -> Result<Vec<Verdict>> {
        let lab = Lab::open(folder)?;
        let items = lab.items()?;
        self.bundle.manifest.items.iter().map(|item| self.verdict(&lab, &items, item)).collect()
    }

    fn verdict(&self, lab: &Lab, items: &[Item], item: &BundledItem) -> Result<Verdict> {
        let then = self.bundle.content(item)?;
        let found = items.iter().find(|other| other.kind == item.kind && other.name == item.name);
        let found = found.or_else(|| same_device(items, item));
        let (agrees, then, now) = match found {
            Some(found) => {
                let now = lab.content(found)?;
                match item.kind {
                    ItemKind::Study => studies(&read(&item.name, then)?, &read(&item.name, &now)?),
                    ItemKind::Measurements => latencies(&read(&item.name, then)?, &read(&item.name, &now)?),
                    ItemKind::Trained => json(&read(&item.name, then)?, &read(&item.name, &now)?),
                    ItemKind::Table => tables(&item.name, then.to_vec(), now)?,
                }
            }
            None => (false, String::new(), "not made again".into()),
        };
        Ok(Verdict { kind: item.kind.word(), name: item.name.clone(), agrees, then, now })
    }
}

/// The measurements of a device of the same name, where the machine is another.
fn same_device<'a>(items: &'a [Item], item: &BundledItem) -> Option<&'a Item> {
    let device = |detail: &crate::lab::Detail| detail.device.as_ref().and_then(|device| device.get("device").cloned());
    let wanted = device(&item.provenance.detail)?;
    items.iter().find(|other| {
        item.kind == ItemKind::Measurements
            && other.kind == item.kind
            && other.origin.as_ref().and_then(|origin| device(&origin.detail)).as_ref() == Some(&wanted)
    })
}

fn read<T: serde::de::DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Fault::new("lab::stored", format!("`{name}` cannot be read: {error}"), "it was made by another version of this program")
    })
}

fn scored(trial: &TrialRecord) -> String {
    match &trial.outcome {
        Outcome::Score(score) => format!("`{}` {score}", trial.text),
        Outcome::Failed(fault) => format!("`{}` failed: {}", trial.text, fault.code),
    }
}

/// Two histories must be the same, trial by trial.
fn studies(then: &StoredStudy, now: &StoredStudy) -> Compared {
    let best = |study: &StoredStudy| {
        let best = study.best().map_or_else(|| "no score".into(), |best| format!("best {}", scored(&best)));
        format!("{} trials, {best}", study.trials.len())
    };
    let same = |(then, now): (&TrialRecord, &TrialRecord)| scored(then) == scored(now);
    match then.trials.iter().zip(&now.trials).position(|pair| !same(pair)) {
        Some(at) => {
            let first = |study: &StoredStudy| format!("trial {at}: {}; {}", scored(&study.trials[at]), best(study));
            (false, first(then), first(now))
        }
        None => (then.trials.len() == now.trials.len(), best(then), best(now)),
    }
}

/// A latency in ms with its 95% interval.
type Interval = (f64, f64, f64);

/// Latencies by structure and precision: what is the same on any device.
fn intervals(kept: &BTreeMap<String, Value>) -> BTreeMap<(String, String), Interval> {
    let anchor = kept.iter().find(|(key, _)| key.starts_with("anchor-")).and_then(|(_, value)| value.as_f64()).unwrap_or(1.0);
    let rows = kept.iter().filter_map(|(key, value)| {
        let mut parts = key.split('-');
        let (structure, precision) = (parts.next()?.to_owned(), parts.nth(1)?.to_owned());
        let row: Measurement = serde_json::from_value(value.clone()).ok()?;
        Some(((structure, precision), (row.relative * anchor, row.relative_low * anchor, row.relative_high * anchor)))
    });
    rows.collect()
}

/// Of what was measured both times nearly all intervals must overlap.
fn latencies(then: &BTreeMap<String, Value>, now: &BTreeMap<String, Value>) -> Compared {
    let (then, now) = (intervals(then), intervals(now));
    let both: Vec<(&Interval, &Interval)> = then.iter().filter_map(|(key, row)| Some((row, now.get(key)?))).collect();
    let apart: Vec<_> = both.iter().filter(|(a, b)| a.1 > b.2 || b.1 > a.2).collect();
    let within = both.len() - apart.len();
    let agrees = !both.is_empty() && within as f64 >= SHARE_WITHIN * both.len() as f64;
    let mut said = (format!("{} latencies", then.len()), format!("{within} of {} within their intervals", both.len()));
    if let Some((a, b)) = apart.first() {
        let shown = |row: &Interval| format!("; {:.4} ms ({:.4} to {:.4})", row.0, row.1, row.2);
        said.0.push_str(&shown(a));
        said.1.push_str(&shown(b));
    }
    (agrees, said.0, said.1)
}

/// The first place where two JSON values differ.
fn difference(path: &str, then: &Value, now: &Value) -> Option<(String, String, String)> {
    match (then, now) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            a.iter().find_map(|(key, value)| difference(&format!("{path}.{key}"), value, b.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(at, (a, b))| difference(&format!("{path}[{at}]"), a, b))
        }
        _ if then == now => None,
        _ => Some((path.trim_start_matches('.').to_owned(), short(then), short(now))),
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(40).collect()
}

fn json(then: &Value, now: &Value) -> Compared {
    match difference("", then, now) {
        None => (true, short(then), short(now)),
        Some((path, then, now)) => (false, format!("{path} {then}"), format!("{path} {now}")),
    }
}

/// Two tables must hold the same, cell by cell.
fn tables(name: &str, then: Vec<u8>, now: Vec<u8>) -> Result<Compared> {
    let (then, now) = (Table::of_parquet(name, then)?, Table::of_parquet(name, now)?);
    let size = |table: &Table| format!("{} rows, {} columns", table.height(), table.width());
    if then.kinds() != now.kinds() || then.height() != now.height() {
        let columns = |table: &Table| format!("{}: {}", size(table), table.columns().join(", "));
        return Ok((false, columns(&then), columns(&now)));
    }
    for ((column, a), (_, b)) in then.all()?.into_iter().zip(now.all()?) {
        // As text, so that a missing number equals a missing number.
        let shown = |cell| match cell {
            Cell::Null => "nothing".into(),
            Cell::Bool(value) => value.to_string(),
            Cell::Int(value) => value.to_string(),
            Cell::Float(value) => value.to_string(),
            Cell::Text(value) => format!("{value:?}"),
            Cell::List(values) => format!("{values:?}"),
        };
        let cells = a.cells().into_iter().map(shown).zip(b.cells().into_iter().map(shown)).enumerate();
        if let Some((row, (a, b))) = cells.into_iter().find(|(_, (a, b))| a != b) {
            return Ok((false, format!("{column}[{row}] {a}"), format!("{column}[{row}] {b}")));
        }
    }
    Ok((true, size(&then), size(&now)))
}

/// The verdicts as a table for `places` characters; below it in full what differs.
pub fn shown(verdicts: &[Verdict], places: usize) -> Result<String> {
    let table = Table::builder()
        .text("kind", verdicts.iter().map(|verdict| verdict.kind))
        .text("name", verdicts.iter().map(|verdict| verdict.name.clone()))
        .text("verdict", verdicts.iter().map(|verdict| if verdict.agrees { "agrees" } else { "differs" }))
        .text("then", verdicts.iter().map(|verdict| verdict.then.clone()))
        .text("now", verdicts.iter().map(|verdict| verdict.now.clone()))
        .build()?;
    let mut text = table.to_text_as(&View { places, rows: verdicts.len(), ..View::default() });
    for Verdict { name, then, now, .. } in verdicts.iter().filter(|verdict| !verdict.agrees) {
        text.push_str(&format!("\n\n`{name}`\n  then  {then}\n  now   {now}"));
    }
    Ok(text)
}

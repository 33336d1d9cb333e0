//! The table itself: rows as they were sampled, in columns, and the groups that scores draw from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::LutFault;
use super::files::{FROM, KEY};
use crate::base::{Result, did_you_mean, hash_hex};
use crate::space::Hyperspace;

/// Loss against the teacher; every table has it.
pub const LOSS: &str = "loss";
/// INT8 latency of the stage inside a network, in ms: what limits hold for unless another column is named.
pub const INT8_MS: &str = "int8_ms";
/// Millions of multiply-accumulates.
pub const MFLOPS: &str = "mflops";
/// Millions of parameters.
pub const MPARAMS: &str = "mparams";
/// Megabytes of the integer codes of kernels.
pub const WEIGHTS_MB: &str = "weights_mb";
/// Standard error of the loss.
pub const LOSS_STDERR: &str = "loss_stderr";

/// One sampled concrete stage with the usual figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LutRow {
    /// Name of its stage.
    pub stage: String,
    /// Name of its operator.
    pub operator: String,
    /// Its width window.
    pub window: usize,
    /// Its blocks, as [`crate::space::StageSample::encode`] writes them.
    pub encoding: String,
    /// Channels that enter it.
    pub input_width: usize,
    /// Side of the network's input images.
    pub resolution: usize,
    /// Loss against the teacher.
    pub loss: f64,
    /// Standard error of that loss.
    pub loss_stderr: f64,
    /// Millions of multiply-accumulates.
    pub mflops: f64,
    /// Millions of parameters.
    pub mparams: f64,
    /// INT8 latency of the stage inside a network.
    pub latency_ms: f64,
}

/// What a row is: everything but its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleKey {
    /// Name of its stage.
    pub stage: Arc<str>,
    /// Name of its operator.
    pub operator: Arc<str>,
    /// Its width window.
    pub window: usize,
    /// Its blocks, as [`crate::space::StageSample::encode`] writes them.
    pub encoding: Box<str>,
    /// Channels that enter it.
    pub input_width: usize,
    /// Side of the network's input images.
    pub resolution: usize,
}

impl SampleKey {
    /// The group it belongs to, in words.
    pub fn group(&self) -> String {
        describe(&self.stage, &self.operator, self.window, self.resolution)
    }

    /// Channels that leave it: the width of its last block. `None` if the text is none of ours.
    pub fn output_width(&self) -> Option<usize> {
        self.encoding.rsplit('_').next()?.split('#').nth(1)?.parse().ok()
    }
}

/// A group in words.
pub(super) fn describe(stage: &str, operator: &str, window: usize, resolution: usize) -> String {
    format!("{stage}, {operator}, window {window}, resolution {resolution}")
}

/// Rows by stage, operator, window and resolution.
type Groups = BTreeMap<Arc<str>, BTreeMap<Arc<str>, BTreeMap<(usize, usize), Vec<u32>>>>;

/// A look-up table.
#[derive(Debug, Clone, Default)]
pub struct Lut {
    keys: Vec<SampleKey>,
    columns: BTreeMap<String, Vec<f64>>,
    provenance: BTreeMap<String, String>,
    groups: Groups,
    resolutions: Vec<usize>,
}

impl Lut {
    /// A table of `rows`, in their order. `provenance` says how they came about: device, runtime, seed, ...
    /// Fails with `lut::empty`, or with `lut::value` for a loss or latency that is negative or no number.
    pub fn new(rows: Vec<LutRow>, provenance: BTreeMap<String, String>) -> Result<Self> {
        let column = |pick: fn(&LutRow) -> f64| rows.iter().map(pick).collect::<Vec<_>>();
        let columns = BTreeMap::from([
            (LOSS.to_string(), column(|row| row.loss)),
            (LOSS_STDERR.to_string(), column(|row| row.loss_stderr)),
            (MFLOPS.to_string(), column(|row| row.mflops)),
            (MPARAMS.to_string(), column(|row| row.mparams)),
            (INT8_MS.to_string(), column(|row| row.latency_ms)),
        ]);
        let mut names = Names::default();
        let keys = rows.into_iter().map(|row| SampleKey {
            stage: names.shared(&row.stage),
            operator: names.shared(&row.operator),
            window: row.window,
            encoding: row.encoding.into(),
            input_width: row.input_width,
            resolution: row.resolution,
        });
        Self::of_columns(keys.collect(), columns, provenance)
    }

    /// Changes when any row or figure does.
    pub fn key(&self) -> String {
        let mut bytes = format!("{:?}", self.keys).into_bytes();
        for (name, figures) in &self.columns {
            bytes.extend(name.as_bytes());
            figures.iter().for_each(|figure| bytes.extend(figure.to_bits().to_le_bytes()));
        }
        hash_hex(&bytes)
    }

    /// A table of rows and their figures by column; every column has one for each row, and `loss` is among them.
    /// Fails with `lut::empty`, `lut::column`, or with `lut::value` for a figure that is negative or no number.
    pub fn of_columns(
        keys: Vec<SampleKey>,
        columns: BTreeMap<String, Vec<f64>>,
        provenance: BTreeMap<String, String>,
    ) -> Result<Self> {
        if keys.is_empty() {
            return Err(LutFault::Empty.into());
        }
        let mut table = Self { keys, provenance, ..Self::default() };
        for (index, key) in table.keys.iter().enumerate() {
            let stage = table.groups.entry(key.stage.clone()).or_default();
            let group = stage.entry(key.operator.clone()).or_default().entry((key.window, key.resolution)).or_default();
            group.push(u32::try_from(index).map_err(|_| LutFault::TooLong { rows: table.keys.len() })?);
        }
        let resolutions: BTreeSet<_> = table.keys.iter().map(|row| row.resolution).collect();
        table.resolutions = resolutions.into_iter().collect();
        if !columns.contains_key(LOSS) {
            return Err(table.no_column(LOSS).into());
        }
        for (name, values) in columns {
            table = table.with_column(&name, values)?;
        }
        Ok(table)
    }

    /// The same table with one more column of figures, or with these in place of its namesake. Fails with
    /// `lut::column` for another number of values than rows, `lut::value` for a negative one or none.
    pub fn with_column(mut self, name: &str, values: Vec<f64>) -> Result<Self> {
        if KEY.contains(&name) || name.starts_with(FROM) {
            return Err(LutFault::Taken { column: name.into() }.into());
        }
        if values.len() != self.keys.len() {
            return Err(LutFault::Length { column: name.into(), found: values.len(), rows: self.keys.len() }.into());
        }
        if let Some(row) = values.iter().position(|value| !value.is_finite() || *value < 0.0) {
            let (key, column, value) = (&self.keys[row], name.to_string(), values[row]);
            return Err(LutFault::Value { row, group: key.group(), encoding: key.encoding.to_string(), column, value }.into());
        }
        self.columns.insert(name.into(), values);
        Ok(self)
    }

    /// The same table without a column of figures; `loss` stays.
    #[must_use]
    pub fn without_column(mut self, name: &str) -> Self {
        if name != LOSS {
            self.columns.remove(name);
        }
        self
    }

    /// Number of rows.
    pub fn height(&self) -> usize {
        self.keys.len()
    }

    /// What its rows are, in order.
    pub fn keys(&self) -> &[SampleKey] {
        &self.keys
    }

    /// Names of its columns of figures, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> + Clone {
        self.columns.keys().map(String::as_str)
    }

    /// The figures of a column. Fails with `lut::column`.
    pub fn column(&self, name: &str) -> Result<&[f64]> {
        Ok(self.columns.get(name).map(Vec::as_slice).ok_or_else(|| self.no_column(name))?)
    }

    fn no_column(&self, name: &str) -> LutFault {
        LutFault::NoColumn { column: name.into(), help: did_you_mean(name, self.columns()) }
    }

    /// How the rows came about.
    pub fn provenance(&self) -> &BTreeMap<String, String> {
        &self.provenance
    }

    /// The same table with one more word of provenance.
    #[must_use]
    pub fn with_provenance(mut self, name: &str, value: &str) -> Self {
        self.provenance.insert(name.into(), value.into());
        self
    }

    /// Resolutions that occur, ascending.
    pub fn resolutions(&self) -> &[usize] {
        &self.resolutions
    }

    /// The rows of one group, by their places; empty if there are none.
    pub fn group(&self, stage: &str, operator: &str, window: usize, resolution: usize) -> &[u32] {
        self.groups
            .get(stage)
            .and_then(|operators| operators.get(operator))
            .and_then(|windows| windows.get(&(window, resolution)))
            .map_or(&[], Vec::as_slice)
    }

    /// Stages with their operators, in alphabetical order, each with all its rows.
    pub fn operators(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, Vec<usize>)> {
        self.groups.iter().flat_map(|(stage, operators)| {
            operators
                .iter()
                .map(move |(operator, groups)| (stage, operator, groups.values().flatten().map(|&row| row as usize).collect()))
        })
    }

    /// The rows for which `keep` holds, as a table of its own. Fails with `lut::empty`.
    pub fn filter(&self, keep: impl Fn(usize) -> bool) -> Result<Self> {
        let rows: Vec<_> = (0..self.height()).filter(|&row| keep(row)).collect();
        let columns = self.columns.iter().map(|(name, values)| (name.clone(), rows.iter().map(|&row| values[row]).collect()));
        Self::of_columns(rows.iter().map(|&row| self.keys[row].clone()).collect(), columns.collect(), self.provenance.clone())
    }

    /// The rows of several tables as one. All must have the same columns; words of provenance that differ are put side
    /// by side. Fails with `lut::merge`.
    pub fn merge(tables: &[&Lut]) -> Result<Self> {
        let Some(first) = tables.first() else { return Err(LutFault::Empty.into()) };
        let mut keys = Vec::new();
        let mut columns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut words: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (place, table) in tables.iter().enumerate() {
            if let Some(odd) = first
                .columns()
                .filter(|name| !table.columns.contains_key(*name))
                .chain(table.columns().filter(|name| !first.columns.contains_key(*name)))
                .next()
            {
                return Err(LutFault::Merge { column: odd.into(), place }.into());
            }
            keys.extend(table.keys.iter().cloned());
            for (name, values) in &table.columns {
                columns.entry(name.clone()).or_default().extend(values);
            }
            for (name, value) in &table.provenance {
                let known = words.entry(name.clone()).or_default();
                if !known.contains(&value.as_str()) {
                    known.push(value);
                }
            }
        }
        Self::of_columns(keys, columns, words.into_iter().map(|(name, values)| (name, values.join(", "))).collect())
    }

    /// Whether every search space of `hyperspace` can be scored from it: each searched stage has samples of
    /// each operator and window at each resolution of the table. Fails with `lut::missing`.
    pub fn validate(&self, hyperspace: &Hyperspace) -> Result<()> {
        let (mut needed, mut missing, mut first) = (0, 0, None);
        for stage in hyperspace.searched() {
            for operator in hyperspace.candidates(stage) {
                let stage = &hyperspace.stages[stage];
                for window in 0..stage.windows() {
                    for &resolution in &self.resolutions {
                        needed += 1;
                        if self.group(&stage.name, operator.name(), window, resolution).is_empty() {
                            missing += 1;
                            first.get_or_insert_with(|| describe(&stage.name, operator.name(), window, resolution));
                        }
                    }
                }
            }
        }
        match first {
            None => Ok(()),
            Some(first) => Err(LutFault::Missing { hyperspace: hyperspace.name.clone(), missing, needed, first }.into()),
        }
    }
}

/// Texts that are kept once however often they occur.
#[derive(Default)]
pub(super) struct Names(BTreeSet<Arc<str>>);

impl Names {
    pub(super) fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.0.insert(name.clone());
        name
    }
}

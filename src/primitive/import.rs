//! Look-up tables from elsewhere: the reference's folders, any table through closures, stages sampled and judged by closures.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Dynamic, Engine, FnPtr, Map};

use super::cells::maps;
use super::cross::{Answer, Cross, inner_fault};
use super::host::Host;
use super::lut::Lookup;
use super::options::{Options, number};
use super::space::Hyper;
use super::values::words;
use crate::base::{Fault, Result, Seed, did_you_mean};
use crate::frame::Table;
use crate::lut::build::{Built, stamped};
use crate::lut::{LOSS, Lut, LutFault, MFLOPS, MPARAMS, SampleKey, WEIGHTS_MB, read_reference};
use crate::space::{ElasticStage, StageSample};

/// What the map of a key says of a row.
const KEY: [&str; 6] = ["stage", "operator", "window", "sample", "cin", "resolution"];

/// Units that an imported column may be in, and what one is in the lab's own: the ending of the column's name.
const UNITS: [(&str, &str, f64); 12] = [
    ("ms", "_ms", 1.0),
    ("us", "_ms", 1e-3),
    ("s", "_ms", 1e3),
    ("mflops", "mflops", 1.0),
    ("flops", "mflops", 1e-6),
    ("gflops", "mflops", 1e3),
    ("mparams", "mparams", 1.0),
    ("params", "mparams", 1e-6),
    ("mj", "_mj", 1.0),
    ("uj", "_mj", 1e-3),
    ("j", "_mj", 1e3),
    ("bytes", "_bytes", 1.0),
];

#[export_module]
mod import_functions {
    /// The look-up table in a folder of the reference: files `STAGE_OPERATOR_WINDOW.csv`.
    ///
    /// A line of them is `blocks,1xCxHxW,loss,MFLOPs,Mparams,latency_ms`. Fails with `lut::no_files`, `lut::csv`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// import_lut(hyperspace("mobilew"), "gone") //> fails lut::no_files
    /// ```
    #[rhai_fn(return_raw)]
    pub fn import_lut(context: NativeCallContext, hyperspace: Hyper, folder: &str) -> Answer<Lookup> {
        Host::of(&context)?.running.reads(Path::new(folder));
        let lut = read_reference(&hyperspace, Path::new(folder)).cross()?;
        Ok(Arc::new(Built::new(&hyperspace, stamped(lut), None)))
    }

    /// A look-up table from any table: a closure says what rows are, a map which columns are figures.
    ///
    /// Takes the table, or the name of a `.csv`, `.json` or `.parquet` file. Look at `coverage()` of what comes out; rows that no stage can be fail with `lut::shape`.
    ///
    /// Options: `key` (needed): `|row|` gives a map of `stage`, `operator` (its name, or its place in the hyperspace), `window`, `sample` (blocks as text), `cin`, `resolution`, or `()` to leave the row out;
    /// `columns` (needed): a map from names here (`loss` is needed; `int8_ms`, …) to names there, or to maps `#{ from: "latency", unit: "us" }`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let found = table([#{ where: "stage1/0/0", blocks: "3#16#2", width: 16, nsr: 0.4, us: 310.0 }]);
    /// let lut = import_lut(hyperspace("pocket"), found, #{
    ///     key: |row| {
    ///         let parts = row.where.split("/");
    ///         #{ stage: parts[0], operator: parse_int(parts[1]), window: parse_int(parts[2]), sample: row.blocks, cin: row.width, resolution: 32 }
    ///     },
    ///     columns: #{ loss: "nsr", int8_ms: #{ from: "us", unit: "us" } },
    /// });
    /// lut.table.row(0).int8_ms //> 0.31
    /// ```
    #[rhai_fn(name = "import_lut", return_raw)]
    pub fn import_any(context: NativeCallContext, hyperspace: Hyper, table: Dynamic, given: Map) -> Answer<Lookup> {
        let host = Host::of(&context)?;
        imported(&context, &host, &hyperspace, table, given).cross()
    }

    /// A look-up table of stages drawn at random, with closures' answers as figures.
    ///
    /// For proxies that need no training, and what-if questions.
    ///
    /// Options: `columns` (needed): a map of names to closures `|stage|`, `loss` among them; `stage` is a map of `stage`, `operator`, `window`, `sample`, `cin`, `resolution`,
    /// `mflops`, `mparams`, `weights_mb`. `samples` (16): stages for each operator and window; `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 4, columns: #{ loss: |stage| 1.0 / (1.0 + stage.mparams), int8_ms: |stage| stage.mflops } });
    /// lut.height //> 144
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sample_lut(context: NativeCallContext, hyperspace: Hyper, given: Map) -> Answer<Lookup> {
        let host = Host::of(&context)?;
        sampled(&context, &host, &hyperspace, given).cross()
    }
}

/// What a key's map says.
fn key_of(hyperspace: &Hyper, answer: &Dynamic) -> Result<Option<SampleKey>> {
    if answer.is_unit() {
        return Ok(None);
    }
    let wrong = |why: String, help: String| Fault::from(LutFault::Import { why, help });
    let example =
        || "end the closure in `#{ stage: ..., operator: ..., window: 0, sample: ..., cin: ..., resolution: ... }`".to_string();
    let Some(map) = answer.clone().try_cast::<Map>() else {
        return Err(wrong(format!("`key` gave {}, not a map", words(answer)), example()));
    };
    if let Some(odd) = map.keys().find(|name| !KEY.contains(&name.as_str())) {
        return Err(wrong(format!("`key` gave a map with `{odd}`"), did_you_mean(odd, KEY)));
    }
    let need = |name: &str| map.get(name).ok_or_else(|| wrong(format!("`key` gave a map without `{name}`"), example()));
    let text = |name: &str| -> Result<String> {
        let value = need(name)?;
        value.clone().into_string().map_err(|_| wrong(format!("`key` gave `{name}`: {value}, not a text"), example()))
    };
    let whole = |name: &str| -> Result<usize> {
        let value = need(name)?;
        let number = number(value).filter(|number| number.fract() == 0.0 && *number >= 0.0);
        number
            .map(|number| number as usize)
            .ok_or_else(|| wrong(format!("`key` gave `{name}`: {value}, not a whole number"), example()))
    };
    let stage = text("stage")?;
    let at = hyperspace.stage_index(&stage)?;
    let operator = match need("operator")?.as_int() {
        Ok(place) => {
            let all = hyperspace.candidates(at);
            let known = || format!("stage `{stage}` has operators 0 to {}", all.len() - 1);
            let own = usize::try_from(place).ok().and_then(|place| all.get(place));
            own.ok_or_else(|| wrong(format!("`key` gave the operator {place}"), known()))?.name().to_string()
        }
        Err(_) => {
            let name = text("operator")?;
            hyperspace.operator_index(at, &name)?;
            name
        }
    };
    Ok(Some(SampleKey {
        stage: stage.into(),
        operator: operator.into(),
        window: whole("window")?,
        encoding: text("sample")?.into(),
        input_width: whole("cin")?,
        resolution: whole("resolution")?,
    }))
}

/// Where a figure comes from, and by what it is multiplied.
fn source(name: &str, value: &Dynamic) -> Result<(String, f64)> {
    let wrong = |why: String, help: &str| Fault::from(LutFault::Import { why, help: help.into() });
    if let Ok(from) = value.clone().into_string() {
        return Ok((from, 1.0));
    }
    let form = "write `int8_ms: \"latency\"` or `int8_ms: #{ from: \"latency\", unit: \"us\" }`";
    let map = value.clone().try_cast::<Map>().ok_or_else(|| wrong(format!("column `{name}` is {}", words(value)), form))?;
    let options = Options::new("a column of import_lut", map, &["from", "unit"])?;
    let from = options.text("from")?.ok_or_else(|| wrong(format!("column `{name}` does not say `from` where"), form))?;
    let Some(unit) = options.text("unit")? else { return Ok((from, 1.0)) };
    let known = UNITS.iter().find(|(known, ..)| *known == unit.to_lowercase());
    let Some((_, ending, factor)) = known else {
        return Err(options.refuse("unit", "there is no such unit", &did_you_mean(&unit, UNITS.map(|(unit, ..)| unit))));
    };
    if !name.ends_with(ending) {
        let help = format!("call it for example `device{ending}`");
        return Err(wrong(format!("column `{name}` is given in `{unit}`, but its name does not end in `{ending}`"), &help));
    }
    Ok((from, *factor))
}

fn imported(context: &NativeCallContext, host: &Host, hyperspace: &Hyper, table: Dynamic, given: Map) -> Result<Lookup> {
    let options = Options::new("import_lut", given, &["key", "columns"])?;
    let key: FnPtr = options.need("key", "a closure `|row| #{ stage: ..., ... }`")?;
    let columns: Map = options.need("columns", "a map `#{ loss: \"nsr\", int8_ms: \"latency\" }`")?;
    let found = words(&table);
    let table = match table.clone().into_string() {
        Ok(path) => Table::read(Path::new(&path))?,
        Err(_) => table.try_cast::<Table>().ok_or_else(|| {
            let help = "give a table, or the name of a .csv, .json or .parquet file".into();
            LutFault::Import { why: format!("it is {found}"), help }
        })?,
    };
    let (mut keys, mut kept) = (Vec::new(), Vec::new());
    for (row, map) in maps(&table)?.into_iter().enumerate() {
        let answer = key
            .call_within_context::<Dynamic>(context, (map,))
            .map_err(|error| inner_fault(host, &error, context.call_source()).during(&format!("`key` of row {row}")))?;
        if let Some(key) = key_of(hyperspace, &answer).map_err(|fault| fault.during(&format!("row {row}")))? {
            keys.push(key);
            kept.push(row);
        }
    }
    let mut figures = BTreeMap::new();
    for (name, value) in &columns {
        let (from, factor) = source(name, value)?;
        let values = table.column_f64(&from)?;
        figures.insert(name.to_string(), kept.iter().map(|&row| values[row] * factor).collect());
    }
    let provenance = BTreeMap::from([("hyperspace".to_string(), hyperspace.name.clone())]);
    let lut = Lut::of_columns(keys, figures, provenance)?;
    lut.samples(hyperspace)?;
    Ok(Arc::new(Built::new(hyperspace, stamped(lut), None)))
}

fn sampled(context: &NativeCallContext, host: &Host, hyperspace: &Hyper, given: Map) -> Result<Lookup> {
    let options = Options::new("sample_lut", given, &["columns", "samples", "seed"])?;
    let columns: Map = options.need("columns", "a map of closures `#{ loss: |stage| ..., int8_ms: |stage| ... }`")?;
    if !columns.contains_key(LOSS) {
        return Err(options.refuse("columns", "`loss` is not among them", "add `loss: |stage| ...`"));
    }
    let closures = columns.iter().map(|(name, value)| {
        let closure = value.clone().try_cast::<FnPtr>();
        let closure = closure.ok_or_else(|| options.refuse("columns", &format!("`{name}` is no closure"), "write `|stage| ...`"));
        closure.map(|closure| (name.to_string(), closure))
    });
    let closures = closures.collect::<Result<Vec<_>>>()?;
    let (samples, seed) = (options.count("samples", 1)?.unwrap_or(16), options.seed()?);
    let drawn = draw(hyperspace, samples, seed)?;
    let mut figures: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut keys = Vec::new();
    for sample in &drawn {
        host.cancel.check()?;
        let (cost, stage) = (sample.cost()?, &hyperspace.stages[sample.of.stage].name);
        let (operator, window) = (sample.of.operator.name(), sample.of.window.unwrap_or(0));
        let map = Map::from([
            ("stage".into(), stage.clone().into()),
            ("operator".into(), operator.to_string().into()),
            ("window".into(), (window as i64).into()),
            ("sample".into(), sample.encode().into()),
            ("cin".into(), (sample.input_width as i64).into()),
            ("resolution".into(), (sample.resolution as i64).into()),
            (MFLOPS.into(), cost.mflops().into()),
            (MPARAMS.into(), cost.mparams().into()),
            (WEIGHTS_MB.into(), cost.weights_mb().into()),
        ]);
        let mut row = BTreeMap::from([
            (MFLOPS.to_string(), cost.mflops()),
            (MPARAMS.to_string(), cost.mparams()),
            (WEIGHTS_MB.to_string(), cost.weights_mb()),
        ]);
        for (name, closure) in &closures {
            let answer = closure
                .call_within_context::<Dynamic>(context, (map.clone(),))
                .map_err(|error| inner_fault(host, &error, context.call_source()).during(&format!("column `{name}`")))?;
            let value = number(&answer).ok_or_else(|| {
                let why = format!("column `{name}` gave {}", words(&answer));
                LutFault::Import { why, help: "let the closure end in a number".into() }
            })?;
            row.insert(name.clone(), value);
        }
        row.into_iter().for_each(|(name, value)| figures.entry(name).or_default().push(value));
        keys.push(SampleKey {
            stage: stage.as_str().into(),
            operator: operator.into(),
            window,
            encoding: sample.encode().into(),
            input_width: sample.input_width,
            resolution: sample.resolution,
        });
    }
    let provenance =
        BTreeMap::from([("hyperspace".to_string(), hyperspace.name.clone()), ("seed".to_string(), seed.0.to_string())]);
    Ok(Arc::new(Built::new(hyperspace, stamped(Lut::of_columns(keys, figures, provenance)?), None)))
}

/// `samples` concrete stages for every searched stage, operator and window; resolutions take turns, so that each has its share.
fn draw(hyperspace: &Hyper, samples: usize, seed: Seed) -> Result<Vec<StageSample>> {
    let mut drawn = Vec::new();
    for stage in hyperspace.searched() {
        for operator in hyperspace.candidates(stage) {
            for window in 0..hyperspace.stages[stage].windows() {
                let elastic = ElasticStage::new(hyperspace, &hyperspace.stages[stage].name, operator.name(), Some(window))?;
                let mut rng = seed.child(&hyperspace.stages[stage].name).child(operator.name()).at(window as u64).rng();
                let sides = hyperspace.resolutions.iter().cycle().take(samples);
                drawn.extend(sides.map(|&side| elastic.sample_at(side, &mut rng)));
            }
        }
    }
    Ok(drawn)
}

/// Declares imports.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(import_functions).into());
}

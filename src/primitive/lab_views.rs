//! The contents of the lab as tables and maps.

use std::collections::BTreeMap;
use std::path::Path;

use rhai::{Array, Dynamic, Map};

use crate::base::{Fault, Result, did_you_mean};
use crate::device::Measurement;
use crate::frame::Table;
use crate::lab::{Item, ItemKind, Lab, Provenance, date};
use crate::search::StoredStudy;

/// Points of the curves of a comparison.
const CURVE_POINTS: usize = 20;

/// The kind that a word of the user's means.
pub(super) fn kind_of(word: &str) -> Result<ItemKind> {
    ItemKind::of(word).ok_or_else(|| {
        let help = did_you_mean(word, ItemKind::ALL.map(ItemKind::plural));
        Fault::new("lab::kind", format!("the lab holds no kind `{word}`"), help)
    })
}

/// Items as `lab::list` shows them.
pub(super) fn listed(items: &[Item]) -> Result<Table> {
    Table::builder()
        .text("kind", items.iter().map(|item| item.kind.word()))
        .text("name", items.iter().map(|item| item.name.clone()))
        .int("bytes", items.iter().map(|item| item.bytes as i64))
        .text("when", items.iter().map(|item| date(item.when)))
        .text("tags", items.iter().map(|item| item.tags.join(", ")))
        .text("script", items.iter().map(|item| item.origin.as_ref().map_or("", |origin| &origin.script)))
        .text("label", items.iter().map(|item| item.label.clone()))
        .build()
}

/// Disk use by kind.
pub(super) fn used(lab: &Lab) -> Result<Table> {
    let uses = lab.disk_use()?;
    Table::builder()
        .text("kind", uses.iter().map(|one| one.kind.clone()))
        .int("count", uses.iter().map(|one| one.count as i64))
        .int("bytes", uses.iter().map(|one| one.bytes as i64))
        .build()
}

fn study_of(lab: &Lab, item: &Item) -> Result<StoredStudy> {
    let gone = || Fault::new("lab::no_item", format!("the study `{}` is gone", item.name), "another session deleted it");
    lab.load_study(&item.name)?.ok_or_else(gone)
}

/// A stored word such as a direction, as text.
fn word(value: &impl serde::Serialize) -> Dynamic {
    dynamic(value).unwrap_or_default()
}

fn dynamic(value: &impl serde::Serialize) -> Result<Dynamic> {
    rhai::serde::to_dynamic(value).map_err(|error| Fault::new("lab::stored", format!("cannot show it: {error}"), ""))
}

/// Everything that is known of one item.
pub(super) fn everything_of(lab: &Lab, item: &Item) -> Result<Map> {
    let mut map = Map::new();
    let mut put = |key: &str, value: Dynamic| drop(map.insert(key.into(), value));
    put("kind", item.kind.word().into());
    put("name", item.name.clone().into());
    put("bytes", (item.bytes as i64).into());
    put("when", date(item.when).into());
    put("tags", item.tags.iter().map(|tag| Dynamic::from(tag.clone())).collect::<Array>().into());
    put("label", item.label.clone().into());
    let origin = item.origin.clone().unwrap_or_default();
    let mut texts = Vec::new();
    for text in &origin.texts {
        texts.push(lab.script(&text.sha256)?.unwrap_or_default());
    }
    put("script", origin.script.clone().into());
    put("script_text", texts.join("\n").into());
    put("sha256", origin.sha256.clone().into());
    put("args", dynamic(&origin.args)?);
    put("imports", dynamic(&[origin.imports.clone(), origin.library.clone()].concat())?);
    put("files", dynamic(&origin.files)?);
    put("versions", dynamic(&origin.versions)?);
    put("seed", origin.detail.seed.map_or(Dynamic::UNIT, |seed| (seed as i64).into()));
    put("inputs", dynamic(&origin.detail.inputs)?);
    put("device", dynamic(&origin.detail.device)?);
    match item.kind {
        ItemKind::Study => {
            let study = study_of(lab, item)?;
            let best = study.best();
            put("evaluations", (study.trials.len() as i64).into());
            put("direction", word(&study.direction));
            put("stopped", word(&study.stopped));
            put(
                "best",
                best.map_or(Dynamic::UNIT, |best| {
                    let score = StoredStudy::score(&best).unwrap_or(f64::NAN);
                    Map::from([("space".into(), best.text.into()), ("score".into(), score.into())]).into()
                }),
            );
        }
        ItemKind::Trained => {
            let result: serde_json::Value = serde_json::from_slice(&lab.content(item)?).unwrap_or_default();
            put("result", dynamic(&result)?);
        }
        ItemKind::Table => put("rows", (table_of(lab, item)?.height() as i64).into()),
        ItemKind::Measurements => put("latencies", (measurements_of(lab, item)?.len() as i64).into()),
    }
    Ok(map)
}

fn table_of(lab: &Lab, item: &Item) -> Result<Table> {
    Table::of_parquet(&item.name, lab.content(item)?)
}

/// The measurements of a device by key, without its anchor's.
fn measurements_of(lab: &Lab, item: &Item) -> Result<Vec<(String, Measurement)>> {
    let all: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&lab.content(item)?).unwrap_or_default();
    Ok(all.into_iter().filter_map(|(key, value)| Some((key, serde_json::from_value(value).ok()?))).collect())
}

/// Writes an item to a file.
pub(super) fn write_item(lab: &Lab, item: &Item, path: &Path) -> Result<()> {
    match item.kind {
        ItemKind::Study => history_of(&study_of(lab, item)?)?.write(path),
        ItemKind::Table => table_of(lab, item)?.write(path),
        ItemKind::Measurements => {
            let rows = measurements_of(lab, item)?;
            let figure = |pick: fn(&Measurement) -> f64| rows.iter().map(|(_, row)| pick(row)).collect::<Vec<_>>();
            Table::builder()
                .text("key", rows.iter().map(|(key, _)| key.clone()))
                .text("precision", rows.iter().map(|(key, _)| key.rsplit('-').next().unwrap_or_default()))
                .float("relative", figure(|row| row.relative))
                .float("relative_low", figure(|row| row.relative_low))
                .float("relative_high", figure(|row| row.relative_high))
                .float("median_ms", figure(|row| row.raw_median_ms))
                .float("anchor_ms", figure(|row| row.anchor_ms))
                .int("runs", rows.iter().map(|(_, row)| row.runs as i64))
                .build()?
                .write(path)
        }
        ItemKind::Trained if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip")) => lab.export_folder(item, path),
        ItemKind::Trained => {
            let message = format!("`{}` cannot hold the files of something trained", path.display());
            Err(Fault::new("lab::format", message, "end the name in .zip"))
        }
    }
}

fn history_of(study: &StoredStudy) -> Result<Table> {
    Table::builder()
        .int("trial", 0..study.trials.len() as i64)
        .text("space", study.trials.iter().map(|trial| trial.text.clone()))
        .float("score", study.trials.iter().map(|trial| StoredStudy::score(trial).unwrap_or(f64::NAN)))
        .float("best", study.best_so_far().into_iter().map(|best| best.unwrap_or(f64::NAN)))
        .build()
}

/// The study that the lab keeps under a name.
pub(super) fn studied(lab: &Lab, name: &str) -> Result<(Item, StoredStudy)> {
    let item = lab.item(name)?;
    if item.kind != ItemKind::Study {
        let message = format!("`{name}` is no study but {}", item.kind.word());
        return Err(Fault::new("lab::kind", message, "`lab::list(\"studies\")` shows the studies"));
    }
    let study = study_of(lab, &item)?;
    Ok((item, study))
}

/// Two studies side by side.
pub(super) fn compare_studies(lab: &Lab, first: &str, second: &str) -> Result<Map> {
    let ((item_a, a), (item_b, b)) = (studied(lab, first)?, studied(lab, second)?);
    Ok(Map::from([
        ("summary".into(), Dynamic::from(summary(&a, &b)?)),
        ("curve".into(), Dynamic::from(curve(&a, &b)?)),
        ("differs".into(), Dynamic::from(differs(item_a.origin.as_ref(), item_b.origin.as_ref())?)),
    ]))
}

fn summary(a: &StoredStudy, b: &StoredStudy) -> Result<Table> {
    let figures = |study: &StoredStudy| {
        let best = study.best();
        let found = best.as_ref().and_then(|best| study.trials.iter().position(|trial| trial.text == best.text));
        let score = best.as_ref().and_then(StoredStudy::score).unwrap_or(f64::NAN);
        let failed = study.trials.iter().filter(|trial| StoredStudy::score(trial).is_none()).count();
        vec![score, found.map_or(f64::NAN, |at| (at + 1) as f64), study.trials.len() as f64, failed as f64]
    };
    Table::builder()
        .text("figure", ["best", "evaluations to the best", "evaluations", "failed"])
        .float("first", figures(a))
        .float("second", figures(b))
        .build()
}

fn curve(a: &StoredStudy, b: &StoredStudy) -> Result<Table> {
    let (a, b) = (a.best_so_far(), b.best_so_far());
    let longest = a.len().max(b.len());
    let points = CURVE_POINTS.min(longest);
    let at: Vec<usize> = (1..=points).map(|point| (point * longest).div_ceil(points)).collect();
    let best = |curve: &[Option<f64>]| -> Vec<f64> {
        at.iter().map(|at| curve.get(at - 1).copied().flatten().unwrap_or(f64::NAN)).collect()
    };
    Table::builder().int("evaluations", at.iter().map(|at| *at as i64)).float("first", best(&a)).float("second", best(&b)).build()
}

/// What two results depend on and do not share.
fn differs(a: Option<&Provenance>, b: Option<&Provenance>) -> Result<Table> {
    let (a, b) = (a.map(facts).unwrap_or_default(), b.map(facts).unwrap_or_default());
    let mut names: Vec<&String> = a.keys().chain(b.keys()).filter(|name| a.get(*name) != b.get(*name)).collect();
    names.sort();
    names.dedup();
    let of = |facts: &BTreeMap<String, String>| -> Vec<String> {
        names.iter().map(|name| facts.get(*name).cloned().unwrap_or_default()).collect()
    };
    Table::builder().text("what", names.iter().map(|name| name.as_str())).text("first", of(&a)).text("second", of(&b)).build()
}

/// What a result depends on, by name.
fn facts(origin: &Provenance) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::from([
        ("script".to_owned(), origin.sha256.clone()),
        ("arguments".to_owned(), origin.args.join(" ")),
        ("seed".to_owned(), origin.detail.seed.map(|seed| seed.to_string()).unwrap_or_default()),
    ]);
    let files = origin.files.iter().chain(&origin.imports).chain(&origin.library);
    facts.extend(files.map(|file| (format!("file {}", file.name), file.sha256.clone())));
    facts.extend(origin.detail.inputs.iter().map(|(name, hash)| (name.clone(), hash.clone())));
    facts.extend(origin.versions.iter().map(|(name, version)| (format!("version of {name}"), version.clone())));
    if let Some(device) = &origin.detail.device {
        facts.insert("device".into(), device.to_string());
    }
    facts
}

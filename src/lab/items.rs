//! What lies in the lab, item by item: listed, found by name, tagged, deleted, pruned.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, Transaction, params};
use serde::{Deserialize, Serialize};

use super::artifact::{bytes_in, entries};
use super::database::{Broken, sweep};
use super::provenance::Provenance;
use super::results::TABLES;
use super::{Lab, LabFault};
use crate::base::{Result, nearest};

/// Seconds of a day.
const DAY_S: f64 = 86400.0;

/// What an item of the lab is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A named search.
    Study,
    /// All latencies of one device.
    Measurements,
    /// What a training job left.
    Trained,
    /// A table that a script saved.
    Table,
}

impl ItemKind {
    /// All kinds, in the order of lists.
    pub const ALL: [ItemKind; 4] = [Self::Study, Self::Measurements, Self::Trained, Self::Table];

    /// The word for one item.
    pub fn word(self) -> &'static str {
        match self {
            Self::Study => "study",
            Self::Measurements => "measurements",
            Self::Trained => "trained",
            Self::Table => "table",
        }
    }

    /// The word for all of the kind.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Study => "studies",
            Self::Table => "tables",
            Self::Measurements | Self::Trained => self.word(),
        }
    }

    /// The kind that a word means.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| word == kind.word() || word == kind.plural())
    }
}

/// One item of the lab.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Its name: of a study or table the user's, of measurements the device's, of something trained its key.
    pub name: String,
    /// The key it is stored under.
    pub(super) key: String,
    /// Bytes on disk, or of the stored text.
    pub bytes: u64,
    /// When it was last written: seconds since 1970, UTC.
    pub when: i64,
    /// In a few words what it is.
    pub label: String,
    /// The user's words for it, in order.
    pub tags: Vec<String>,
    /// Where it comes from; `None` for what was kept before provenance was.
    pub origin: Option<Provenance>,
}

/// Which items to prune: those that every given condition fits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prune {
    /// Not written for so many days.
    pub older_than_days: Option<f64>,
    /// Larger than so many megabytes.
    pub larger_than_mb: Option<f64>,
    /// Of this kind.
    pub kind: Option<ItemKind>,
    /// Only say what would go.
    pub dry: bool,
}

impl Lab {
    /// Everything in the lab, kind by kind, the latest first.
    pub fn items(&self) -> Result<Vec<Item>> {
        let (mut items, tags) = self.with(|db| {
            let origins = origins(db)?;
            let mut items = stored(db, &origins)?;
            items.extend(measured(db, &origins)?);
            Ok((items, tags(db)?))
        })?;
        items.extend(self.trained()?);
        for item in &mut items {
            item.tags = tags.get(&(item.kind.word().to_owned(), item.key.clone())).cloned().unwrap_or_default();
        }
        items.sort_by(|a, b| (a.kind, -a.when, &a.name).cmp(&(b.kind, -b.when, &b.name)));
        Ok(items)
    }

    /// The item of this name; `KIND/NAME` where several kinds have it.
    pub fn item(&self, name: &str) -> Result<Item> {
        let items = self.items()?;
        let wanted = name.split_once('/').and_then(|(kind, rest)| Some((ItemKind::of(kind)?, rest)));
        let fits = |item: &&Item| item.name == name || item.key == name || wanted == Some((item.kind, item.name.as_str()));
        let found: Vec<&Item> = items.iter().filter(fits).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => {
                let help = match nearest(name, items.iter().map(|item| item.name.as_str())) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if items.is_empty() => "it holds nothing yet".into(),
                    None => "`lab::list()` shows what there is".into(),
                };
                Err(LabFault::NoItem { name: name.into(), help }.into())
            }
            several => {
                let ways: Vec<_> = several.iter().map(|item| format!("`{}/{name}`", item.kind.word())).collect();
                Err(LabFault::Ambiguous { name: name.into(), help: format!("say {}", ways.join(" or ")) }.into())
            }
        }
    }

    /// Gives an item a word to find it by.
    pub fn tag(&self, item: &Item, tag: &str) -> Result<()> {
        self.write(|step| {
            step.execute("insert or ignore into tags values (?1, ?2, ?3)", params![item.kind.word(), item.key, tag])?;
            Ok(())
        })
    }

    /// Takes a word away from an item; whether it had it.
    pub fn untag(&self, item: &Item, tag: &str) -> Result<bool> {
        let statement = "delete from tags where kind = ?1 and name = ?2 and tag = ?3";
        self.write(|step| Ok(step.execute(statement, params![item.kind.word(), item.key, tag])? > 0))
    }

    /// Deletes items with their tags, and the scripts that nothing else came from.
    pub fn delete(&self, items: &[Item]) -> Result<()> {
        self.write(|step| {
            for item in items {
                self.forget(step, item)?;
            }
            sweep(step)
        })
    }

    /// Deletes what fits, or only says what would go.
    pub fn prune(&self, what: &Prune) -> Result<Vec<Item>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let old = |item: &Item| what.older_than_days.is_none_or(|days| item.when as f64 <= now - days * DAY_S);
        let large = |item: &Item| what.larger_than_mb.is_none_or(|mb| item.bytes as f64 > mb * 1e6);
        let mut items = self.items()?;
        items.retain(|item| old(item) && large(item) && what.kind.is_none_or(|kind| item.kind == kind));
        if !what.dry && !items.is_empty() {
            self.delete(&items)?;
        }
        Ok(items)
    }

    fn forget(&self, step: &Transaction<'_>, item: &Item) -> Result<(), Broken> {
        step.execute("delete from tags where kind = ?1 and name = ?2", params![item.kind.word(), item.key])?;
        match item.kind {
            ItemKind::Study => drop(step.execute("delete from studies where name = ?1", [&item.key])?),
            ItemKind::Measurements => drop(step.execute("delete from measurements where device = ?1", [&item.key])?),
            ItemKind::Table => {
                let sha256: Vec<String> = {
                    let mut query = step.prepare("select sha256 from tables where name = ?1")?;
                    query.query_map([&item.key], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
                };
                step.execute("delete from tables where name = ?1", [&item.key])?;
                sha256.iter().try_for_each(|sha256| self.drop_table_file(step, sha256))?;
            }
            ItemKind::Trained => {
                let (kind, key) = item.key.split_once('/').unwrap_or_default();
                step.execute("delete from artifacts where kind = ?1 and key = ?2", [kind, key])?;
                self.delete_artifact(kind, key)?;
            }
        }
        Ok(())
    }

    /// Finished artifacts.
    fn trained(&self) -> Result<Vec<Item>> {
        let known = self.with(|db| {
            let origins = origins(db)?;
            let mut query = db.prepare("select kind || '/' || key, updated, origin from artifacts")?;
            let rows = query.query_map([], |row| {
                let origin: Option<String> = row.get(2)?;
                Ok((row.get::<_, String>(0)?, (row.get::<_, i64>(1)?, origin.and_then(|id| origins.get(&id).cloned()))))
            })?;
            rows.collect::<rusqlite::Result<BTreeMap<_, _>>>()
        })?;
        let mut items = Vec::new();
        for folder in entries(&self.root)?.into_iter().filter(|entry| entry.path().is_dir() && entry.file_name() != TABLES) {
            let kind = folder.file_name().to_string_lossy().into_owned();
            for artifact in entries(&folder.path())? {
                // Without a result it is unfinished, perhaps at work in another process.
                let Ok(result) = artifact.path().join("result.json").metadata() else { continue };
                let name = artifact.file_name().to_string_lossy().into_owned();
                let key = format!("{kind}/{name}");
                let written = result.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let written = written.map_or(0, |since| since.as_secs() as i64);
                let (when, origin) = known.get(&key).cloned().unwrap_or((written, None));
                let label = origin.as_ref().map_or(kind.as_str(), |origin| &origin.detail.label).to_owned();
                let bytes = bytes_in(&artifact.path())?;
                items.push(Item { kind: ItemKind::Trained, name, key, bytes, when, label, tags: Vec::new(), origin });
            }
        }
        Ok(items)
    }
}

/// Provenance by name. One that no longer reads counts as none.
fn origins(db: &Connection) -> rusqlite::Result<BTreeMap<String, Provenance>> {
    let mut query = db.prepare("select id, json from origins")?;
    let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let rows: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(rows.into_iter().filter_map(|(id, json)| Some((id, serde_json::from_str(&json).ok()?))).collect())
}

/// Studies and tables.
fn stored(db: &Connection, origins: &BTreeMap<String, Provenance>) -> rusqlite::Result<Vec<Item>> {
    let mut query = db.prepare(
        "select 'study', name, length(json), updated, origin, 0 from studies
         union all select 'table', name, bytes, updated, origin, rows from tables",
    )?;
    let rows = query.query_map([], |row| {
        let kind = if row.get::<_, String>(0)? == "study" { ItemKind::Study } else { ItemKind::Table };
        let (name, bytes, origin): (String, i64, Option<String>) = (row.get(1)?, row.get(2)?, row.get(4)?);
        let origin = origin.and_then(|id| origins.get(&id).cloned());
        let label = match kind {
            ItemKind::Table => format!("{} rows", row.get::<_, i64>(5)?),
            _ => origin.as_ref().map(|origin| origin.detail.label.clone()).unwrap_or_default(),
        };
        let bytes = bytes.unsigned_abs();
        Ok(Item { kind, key: name.clone(), name, bytes, when: row.get(3)?, label, tags: Vec::new(), origin })
    })?;
    rows.collect()
}

/// Measurements, one item a device.
fn measured(db: &Connection, origins: &BTreeMap<String, Provenance>) -> rusqlite::Result<Vec<Item>> {
    // Beside `max`, SQLite takes the other columns from the row of the maximum: the latest origin.
    let mut query = db.prepare(
        "select device, sum(key not like 'anchor-%'), sum(length(json)), max(created), origin from measurements group by device",
    )?;
    let rows = query.query_map([], |row| {
        let (key, count, origin): (String, i64, Option<String>) = (row.get(0)?, row.get(1)?, row.get(4)?);
        let origin = origin.and_then(|id| origins.get(&id).cloned());
        let device = origin.as_ref().and_then(|origin| origin.detail.device.as_ref());
        let word = |field: &str| device.and_then(|device| device.get(field)?.as_str());
        let short: String = key.chars().take(8).collect();
        let name = format!("{}-{short}", word("device").unwrap_or("device"));
        let mut label = format!("{count} {}", if count == 1 { "latency" } else { "latencies" });
        for about in ["runtime", "cpu"].into_iter().filter_map(word) {
            label.push_str(&format!(", {about}"));
        }
        let bytes = row.get::<_, i64>(2)?.unsigned_abs();
        Ok(Item { kind: ItemKind::Measurements, name, key, bytes, when: row.get(3)?, label, tags: Vec::new(), origin })
    })?;
    rows.collect()
}

fn tags(db: &Connection) -> rusqlite::Result<BTreeMap<(String, String), Vec<String>>> {
    let mut query = db.prepare("select kind, name, tag from tags order by tag")?;
    let rows = query.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, String>(2)?)))?;
    let mut tags: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for row in rows {
        let (item, tag) = row?;
        tags.entry(item).or_default().push(tag);
    }
    Ok(tags)
}

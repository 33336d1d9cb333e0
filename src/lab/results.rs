//! What is kept in the lab's file: measurements and studies as JSON texts, and where tables lie.

use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::database::{Broken, stored};
use super::provenance::{Detail, sha256_hex};
use super::{Lab, LabFault};
use crate::base::{Fault, Result, write_atomic};

/// Folder of the lab that holds tables, each under the hash of its bytes.
pub(super) const TABLES: &str = "tables";

/// How one kind of result is read and written: by key, JSON text and origin.
struct Place {
    read: &'static str,
    write: &'static str,
}

/// The middle part of the key stands for the device: `STRUCTURE-DEVICE-PRECISION`, `anchor-DEVICE`.
const MEASUREMENTS: Place = Place {
    read: "select json from measurements where key = ?1",
    write: "insert or replace into measurements values (?1, ?2, unixepoch(),
        case when instr(?1, '-') > 0 then substr(?1, instr(?1, '-') + 1, 16) else '' end, ?3)",
};

const STUDIES: Place = Place {
    read: "select json from studies where name = ?1",
    write: "insert or replace into studies values (?1, ?2, unixepoch(), ?3)",
};

impl Lab {
    /// The measurement kept under `key`, if there is one. One that no longer reads counts as none.
    pub fn measurement<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let text = self.text(MEASUREMENTS.read, key)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps a measurement under `key`, in place of an earlier one.
    pub fn keep_measurement(&self, key: &str, value: &impl Serialize, detail: &Detail) -> Result<()> {
        let json = serde_json::to_string(value).map_err(|error| stored("measurement", key, &error))?;
        self.update(&MEASUREMENTS, key, detail, |_| Ok(json))
    }

    /// Replaces the measurement under `key` by what `change` makes of it, with nothing in between; the new one.
    pub fn update_measurement<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        detail: &Detail,
        change: impl FnOnce(Option<T>) -> T,
    ) -> Result<T> {
        let mut new = None;
        self.update(&MEASUREMENTS, key, detail, |old| {
            let value = change(old.and_then(|old| serde_json::from_str(&old).ok()));
            let json = serde_json::to_string(&value).map_err(|error| stored("measurement", key, &error))?;
            new = Some(value);
            Ok(json)
        })?;
        new.ok_or_else(|| Fault::new("lab::stored", format!("the measurement `{key}` was not kept"), "measure it again"))
    }

    /// Number of kept measurements.
    pub fn measurement_count(&self) -> Result<u64> {
        let count: i64 = self.with(|db| db.query_row("select count(*) from measurements", [], |row| row.get(0)))?;
        Ok(count.unsigned_abs())
    }

    /// Saves a study under `name`: what `change` makes of the one that is there, with nothing in between.
    pub fn save_study<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        detail: &Detail,
        change: impl FnOnce(Option<T>) -> T,
    ) -> Result<()> {
        self.update(&STUDIES, name, detail, |old| {
            let old = old.map(|old| serde_json::from_str(&old)).transpose().map_err(|error| stored("study", name, &error))?;
            serde_json::to_string(&change(old)).map_err(|error| stored("study", name, &error))
        })
    }

    /// The study saved under `name`, if there is one.
    pub fn load_study<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.text(STUDIES.read, name)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| stored("study", name, &error))
    }

    /// Keeps a table under `name`, in place of an earlier one: its `rows` and the bytes of its file.
    pub fn keep_table(&self, name: &str, rows: usize, bytes: &[u8], detail: &Detail) -> Result<()> {
        if name.trim().is_empty() {
            return Err(LabFault::Name { name: name.into() }.into());
        }
        let sha256 = sha256_hex(bytes);
        let (rows, size) = (rows as i64, bytes.len() as i64);
        // Named by its bytes, so that of two processes that keep one name at once neither spoils the other's file.
        self.write(|step| {
            write_atomic(&self.table_file(&sha256), bytes)?;
            let origin = self.note_origin(step, detail)?;
            let old: Option<String> =
                step.query_row("select sha256 from tables where name = ?1", [name], |row| row.get(0)).optional()?;
            step.execute(
                "insert or replace into tables values (?1, ?2, ?3, ?4, unixepoch(), ?5)",
                params![name, rows, size, sha256, origin],
            )?;
            old.map_or(Ok(()), |old| self.drop_table_file(step, &old))
        })
    }

    /// The bytes of the table kept under `name`, if there is one.
    pub fn load_table(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(sha256) = self.text("select sha256 from tables where name = ?1", name)? else { return Ok(None) };
        let file = self.table_file(&sha256);
        std::fs::read(&file).map(Some).map_err(|error| Fault::file("read", &file, &error))
    }

    /// Deletes a table's file unless a table has these bytes.
    pub(super) fn drop_table_file(&self, step: &Transaction<'_>, sha256: &str) -> Result<(), Broken> {
        let used: i64 = step.query_row("select count(*) from tables where sha256 = ?1", [sha256], |row| row.get(0))?;
        if used == 0 {
            // Gone already is as good.
            let _ = std::fs::remove_file(self.table_file(sha256));
        }
        Ok(())
    }

    pub(super) fn table_file(&self, sha256: &str) -> std::path::PathBuf {
        self.root.join(TABLES).join(format!("{sha256}.parquet"))
    }

    pub(super) fn text(&self, query: &str, key: &str) -> Result<Option<String>> {
        self.with(|db| db.query_row(query, [key], |row| row.get(0)).optional())
    }

    fn update(
        &self,
        place: &Place,
        key: &str,
        detail: &Detail,
        change: impl FnOnce(Option<String>) -> Result<String>,
    ) -> Result<()> {
        self.write(|step| {
            let old = step.prepare_cached(place.read)?.query_row([key], |row| row.get(0)).optional()?;
            let json = change(old)?;
            let origin = self.note_origin(step, detail)?;
            step.prepare_cached(place.write)?.execute(params![key, json, origin])?;
            Ok(())
        })
    }
}

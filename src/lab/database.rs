//! The SQLite file of a lab: measurements and studies, each a JSON text under a key.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Lab, LabFault};
use crate::base::Result;

/// Format of the file; raise it when a table changes.
const FORMAT: i64 = 1;
/// How long a process waits for another one's write.
const PATIENCE: Duration = Duration::from_secs(20);

const TABLES: &str = "
    create table if not exists measurements (key text primary key, json text not null, created integer not null);
    create table if not exists studies (name text primary key, json text not null, updated integer not null);
";

/// A study in the list of studies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyRow {
    /// Its name.
    pub name: String,
    /// When it was last saved: seconds since 1970, UTC.
    pub updated: i64,
    /// Size of what is stored, in bytes.
    pub bytes: u64,
}

/// Opens the file, creating it and its tables.
pub(super) fn open(file: &Path, folder: &Path) -> Result<Connection> {
    let fault = |error: rusqlite::Error| -> LabFault {
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => LabFault::Damaged { file: file.to_path_buf(), reason },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LabFault::Busy { reason },
            _ => LabFault::NotWritable { folder: folder.to_path_buf(), reason },
        }
    };
    let connection = Connection::open(file).map_err(fault)?;
    connection.busy_timeout(PATIENCE).map_err(fault)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fault)?;
    if found > FORMAT {
        return Err(LabFault::Newer { file: file.to_path_buf(), found, known: FORMAT }.into());
    }
    // Switching to the write-ahead log takes the file alone, and SQLite does not wait for that by itself.
    let began = std::time::Instant::now();
    loop {
        let switched = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
        match switched {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => break other.map(drop).map_err(fault)?,
        }
    }
    connection.execute_batch(&format!("begin immediate; {TABLES} pragma user_version = {FORMAT}; commit;")).map_err(fault)?;
    Ok(connection)
}

impl Lab {
    /// The measurement kept under `key`, if there is one. One that no longer reads counts as none.
    pub fn measurement<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let text = self.text("select json from measurements where key = ?1", key)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps a measurement under `key`, in place of an earlier one.
    pub fn keep_measurement(&self, key: &str, value: &impl Serialize) -> Result<()> {
        self.keep("insert or replace into measurements values (?1, ?2, unixepoch())", "measurement", key, value)
    }

    /// Number of kept measurements.
    pub fn measurement_count(&self) -> Result<u64> {
        let count: i64 = self.with(|db| db.query_row("select count(*) from measurements", [], |row| row.get(0)))?;
        Ok(count.unsigned_abs())
    }

    /// Forgets all measurements; returns how many there were.
    pub fn forget_measurements(&self) -> Result<usize> {
        self.with(|db| db.execute("delete from measurements", []))
    }

    /// Saves a study under `name`, in place of an earlier one.
    pub fn save_study(&self, name: &str, value: &impl Serialize) -> Result<()> {
        self.keep("insert or replace into studies values (?1, ?2, unixepoch())", "study", name, value)
    }

    /// The study saved under `name`, if there is one.
    pub fn load_study<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.text("select json from studies where name = ?1", name)? else { return Ok(None) };
        let read = serde_json::from_str(&text);
        Ok(Some(read.map_err(|error| LabFault::Stored { what: "study", name: name.into(), reason: error.to_string() })?))
    }

    /// All saved studies, the latest first.
    pub fn studies(&self) -> Result<Vec<StudyRow>> {
        self.with(|db| {
            let mut query = db.prepare("select name, updated, length(json) from studies order by updated desc, name")?;
            let rows = query.query_map([], |row| {
                Ok(StudyRow { name: row.get(0)?, updated: row.get(1)?, bytes: row.get::<_, i64>(2)?.unsigned_abs() })
            })?;
            rows.collect()
        })
    }

    /// Deletes the study `name`; whether there was one.
    pub fn delete_study(&self, name: &str) -> Result<bool> {
        Ok(self.with(|db| db.execute("delete from studies where name = ?1", [name]))? > 0)
    }

    fn text(&self, query: &str, key: &str) -> Result<Option<String>> {
        self.with(|db| db.query_row(query, [key], |row| row.get(0)).optional())
    }

    fn keep(&self, statement: &str, what: &'static str, key: &str, value: &impl Serialize) -> Result<()> {
        let stored = |reason: String| LabFault::Stored { what, name: key.into(), reason };
        let text = serde_json::to_string(value).map_err(|error| stored(error.to_string()))?;
        self.with(|db| db.execute(statement, params![key, text]))?;
        Ok(())
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        // A panic elsewhere leaves the connection whole: SQLite rolls back by itself.
        let database = self.database.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        work(&database).map_err(|error| {
            let reason = error.to_string();
            match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LabFault::Busy { reason }.into(),
                Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                    LabFault::Damaged { file: self.root.join("lab.db"), reason }.into()
                }
                _ => LabFault::NotWritable { folder: self.root.clone(), reason }.into(),
            }
        })
    }
}

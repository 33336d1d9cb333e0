//! The SQLite file of a lab: opened, brought to the present format, read and written in whole transactions.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

use super::provenance::{Detail, Provenance};
use super::{Lab, LabFault};
use crate::base::{Fault, Result, hash_hex};

/// Format of the file; raise it when a table changes, and add the step to [`migrate`].
const FORMAT: i64 = 2;
/// How long a process waits for another one's write.
const PATIENCE: Duration = Duration::from_secs(20);

/// The tables of format 2. `origin` names a row of `origins`, `scripts` hold each text once.
const TABLES: &str = "
    create table if not exists measurements (
        key text primary key, json text not null, created integer not null, device text not null default '', origin text);
    create table if not exists studies (name text primary key, json text not null, updated integer not null, origin text);
    create table if not exists tables (
        name text primary key, rows integer not null, bytes integer not null, sha256 text not null,
        updated integer not null, origin text);
    create table if not exists artifacts (
        kind text not null, key text not null, updated integer not null, origin text, primary key (kind, key));
    create table if not exists tags (kind text not null, name text not null, tag text not null, primary key (kind, name, tag));
    create table if not exists origins (id text primary key, json text not null);
    create table if not exists scripts (sha256 text primary key, text text not null);
";

/// From format 1: measurements learn their device from the key, studies become objects.
const FROM_1: &str = "
    alter table measurements add column device text not null default '';
    alter table measurements add column origin text;
    update measurements set device = substr(key, instr(key, '-') + 1, 16) where instr(key, '-') > 0;
    alter table studies add column origin text;
    update studies set json = '{\"trials\":' || json || '}';
";

/// Why a transaction was given up: SQLite's word, or ours.
pub(super) enum Broken {
    Sql(rusqlite::Error),
    Ours(Fault),
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Ours(fault)
    }
}

fn fault(error: &rusqlite::Error, file: &Path, folder: &Path) -> Fault {
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => LabFault::Damaged { file: file.into(), reason },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LabFault::Busy { reason },
        _ => LabFault::NotWritable { folder: folder.into(), reason },
    }
    .into()
}

fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Opens the file, creating it and its tables, or bringing those of an older format up to date.
pub(super) fn open(file: &Path, folder: &Path) -> Result<Connection> {
    let fault = |error: rusqlite::Error| fault(&error, file, folder);
    let mut connection = Connection::open(file).map_err(fault)?;
    connection.busy_timeout(PATIENCE).map_err(fault)?;
    let found = format(&connection).map_err(fault)?;
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
    if found < FORMAT {
        migrate(&mut connection).map_err(fault)?;
    }
    Ok(connection)
}

/// Of two processes that come at once one finds the other's work done: the format is read again inside the transaction.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if format(&step)? == 1 {
        step.execute_batch(FROM_1)?;
    }
    step.execute_batch(TABLES)?;
    step.pragma_update(None, "user_version", FORMAT)?;
    step.commit()
}

impl Lab {
    /// Reads.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        // A panic elsewhere leaves the connection whole: SQLite rolls back by itself.
        let database = self.database.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        work(&database).map_err(|error| self.sql_fault(&error))
    }

    /// Reads and writes in one transaction that holds the file from its beginning, so that nothing changes in between.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Broken>) -> Result<T> {
        let mut database = self.database.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let attempt = || -> Result<T, Broken> {
            let step = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&step)?;
            step.commit()?;
            Ok(done)
        };
        attempt().map_err(|broken| match broken {
            Broken::Sql(error) => self.sql_fault(&error),
            Broken::Ours(fault) => fault,
        })
    }

    fn sql_fault(&self, error: &rusqlite::Error) -> Fault {
        fault(error, &self.root.join("lab.db"), &self.root)
    }

    /// Writes down where what is kept now comes from; its name in `origins`.
    pub(super) fn note_origin(&self, step: &Transaction<'_>, detail: &Detail) -> Result<String, Broken> {
        let sealed = self.running.seal();
        let provenance = Provenance { detail: detail.clone(), ..sealed.provenance.clone() };
        let json = serde_json::to_string(&provenance).map_err(|error| stored("provenance", &provenance.script, &error))?;
        let id = hash_hex(json.as_bytes());
        step.prepare_cached("insert or ignore into origins values (?1, ?2)")?.execute(params![id, json])?;
        let mut keep = step.prepare_cached("insert or ignore into scripts values (?1, ?2)")?;
        for (sha256, text) in &sealed.texts {
            keep.execute(params![sha256, text])?;
        }
        Ok(id)
    }

    /// The script kept under its SHA-256.
    pub fn script(&self, sha256: &str) -> Result<Option<String>> {
        self.with(|db| db.query_row("select text from scripts where sha256 = ?1", [sha256], |row| row.get(0)).optional())
    }
}

/// Deletes origins and scripts that no result refers to any more.
pub(super) fn sweep(step: &Transaction<'_>) -> Result<(), Broken> {
    step.execute(
        "delete from origins where id not in (
            select origin from measurements where origin is not null union select origin from studies where origin is not null
            union select origin from tables where origin is not null
            union select origin from artifacts where origin is not null)",
        [],
    )?;
    let mut used = std::collections::BTreeSet::new();
    let mut origins = step.prepare("select json from origins")?;
    let origins: Vec<String> = origins.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for json in origins {
        let read: Provenance = serde_json::from_str(&json).map_err(|error| stored("provenance", "of a result", &error))?;
        used.extend(read.texts.into_iter().chain(read.imports).chain(read.library).map(|text| text.sha256));
    }
    let mut scripts = step.prepare("select sha256 from scripts")?;
    let scripts: Vec<String> = scripts.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for sha256 in scripts.iter().filter(|sha256| !used.contains(*sha256)) {
        step.execute("delete from scripts where sha256 = ?1", [sha256])?;
    }
    Ok(())
}

/// The fault of a stored text that cannot be made or read.
pub(super) fn stored(what: &'static str, name: &str, error: &serde_json::Error) -> Fault {
    LabFault::Stored { what, name: name.into(), reason: error.to_string() }.into()
}

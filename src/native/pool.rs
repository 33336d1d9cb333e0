//! Calls of compiled functions: the workers that run them, and how arguments and answers travel.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::{Column, Library, NativeFault, Type, compile};
use crate::base::{Cancel, Fault, Progress, Result};
use crate::worker::{Outcome, Process, Program};

/// What runs functions in Rust. It cannot be asked to stop inside one, so it is killed at once.
const RUNNER: Program = Program {
    name: "runner of native functions",
    file: "spaceevo-native",
    variable: "SPACEEVO_NATIVE",
    farewell: Duration::ZERO,
};
/// A folder in memory, where the system has one.
const IN_MEMORY: &str = "/dev/shm";

/// What a worker is asked to call.
#[derive(Debug, Serialize, Deserialize)]
pub struct Call {
    /// The library.
    pub library: PathBuf,
    /// The entry in it.
    pub entry: String,
    /// What the function is called in messages.
    pub name: String,
    /// What it takes.
    pub parameters: Vec<Type>,
    /// How often it is called, with a row of the columns each time.
    pub rows: usize,
}

impl Call {
    /// The call and its columns in one file.
    fn frame(&self, columns: &[Column]) -> Result<Vec<u8>> {
        let mut frame = serde_json::to_vec(self).map_err(|error| Fault::new("native::frame", error.to_string(), ""))?;
        frame.resize((frame.len() + 1).next_multiple_of(8) - 1, b' ');
        frame.push(b'\n');
        frame.reserve(columns.iter().map(Column::bytes).sum());
        columns.iter().for_each(|column| column.write(&mut frame));
        Ok(frame)
    }

    /// Reads such a file.
    pub fn read(frame: &[u8]) -> Option<(Self, Vec<Column>)> {
        let head = frame.iter().position(|byte| *byte == b'\n')?;
        let call: Self = serde_json::from_slice(&frame[..head]).ok()?;
        let mut rest = frame.get(head + 1..)?;
        let mut columns = Vec::new();
        for kind in &call.parameters {
            let column = Column::read(*kind, call.rows, rest)?;
            rest = rest.get(column.bytes()..)?;
            columns.push(column);
        }
        Some((call, columns))
    }
}

/// Writes a file in place, which keeps the memory that it has: nobody reads it before its order is given.
fn overwrite(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::options().write(true).create(true).truncate(false).open(file)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)
}

/// A worker, and the file through which it is given its arguments.
struct Seat {
    process: Process,
    file: PathBuf,
}

/// The functions in Rust of a session: compiled into its lab, run by workers that start when first needed and stay warm.
#[derive(Default)]
pub struct Natives {
    idle: Mutex<Vec<Seat>>,
    shared: Mutex<Option<(TempDir, usize)>>,
}

impl std::fmt::Debug for Natives {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Natives")
    }
}

impl Natives {
    /// The function of `source`, compiled in the lab folder `lab` unless it is there; see [`compile`]. A worker is got ready
    /// meanwhile.
    pub fn library(&self, source: &str, lab: &Path, cancel: &Cancel) -> Result<Library> {
        std::thread::scope(|scope| {
            let warm = scope.spawn(|| self.seat());
            let library = compile(source, &lab.join("native"), cancel)?;
            let seat = warm.join().map_err(|_| Fault::new("native::worker", "a thread failed", "run it again"))??;
            self.leave(seat);
            Ok(library)
        })
    }

    /// Calls a function once for each row of `columns`. What it prints goes to `progress`, line by line.
    ///
    /// Fails with `native::panic`, `native::failed`, `native::died`, `native::load`, and once cancelled with
    /// `session::interrupted`: its worker is killed then, wherever it is.
    pub fn call(
        &self,
        library: &Library,
        columns: &[Column],
        rows: usize,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Option<Column>> {
        cancel.check()?;
        let signature = &library.signature;
        let call = Call {
            library: library.path.clone(),
            entry: library.entry.clone(),
            name: signature.name.clone(),
            parameters: signature.parameters.iter().map(|own| own.kind).collect(),
            rows,
        };
        let mut seat = self.seat()?;
        let write = |error: std::io::Error| Fault::file("write", &seat.file, &error);
        overwrite(&seat.file, &call.frame(columns)?).map_err(write)?;
        match seat.process.run(seat.file.clone(), &signature.name, progress, cancel) {
            Outcome::Answered(answer) => {
                let found = seat.file.with_extension("out");
                let column = answer.and_then(|_| match signature.result {
                    None => Ok(None),
                    Some(kind) => {
                        let frame = std::fs::read(&found).map_err(|error| Fault::file("read", &found, &error))?;
                        let lost =
                            || Fault::new("native::frame", "the answers of a native function are cut short", "run it again");
                        Column::read(kind, rows, &frame).map(Some).ok_or_else(lost)
                    }
                });
                self.leave(seat);
                column
            }
            Outcome::Stopped => {
                Err(cancel.check().err().unwrap_or_else(|| Fault::new("session::interrupted", "interrupted", "")))
            }
            Outcome::Died { how, last } => Err(NativeFault::Died { function: signature.name.clone(), how, last }.into()),
        }
    }

    /// A worker that has nothing to do.
    fn seat(&self) -> Result<Seat> {
        if let Some(seat) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(seat);
        }
        let path = RUNNER.path();
        let process = Process::begin(RUNNER, &path, Command::new(&path))?;
        Ok(Seat { process, file: self.file()? })
    }

    fn leave(&self, seat: Seat) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(seat);
    }

    /// A file for one more worker.
    fn file(&self) -> Result<PathBuf> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (folder, count) = match &mut *shared {
            Some(shared) => shared,
            none => {
                let made = tempfile::Builder::new().prefix("spaceevo-native-").tempdir_in(IN_MEMORY);
                let made = made.or_else(|_| tempfile::tempdir());
                none.insert((made.map_err(|error| Fault::file("write", &std::env::temp_dir(), &error))?, 0))
            }
        };
        *count += 1;
        Ok(folder.path().join(format!("{count}.call")))
    }
}

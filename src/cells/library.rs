//! Loads libraries and calls their entries.
#![expect(unsafe_code, reason = "foreign code is loaded and called; its process is there for nothing else")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use spaceevo::base::Result;
use spaceevo::native::{Call, Column, Data, NativeFault};

/// A column as entries take it: `Column` in the shim of `spaceevo::native`.
#[repr(C)]
struct Raw {
    data: *const u8,
    ends: *const u64,
}

type Emit = extern "C" fn(*mut u8, u32, *const u8, usize);
type Entry = unsafe extern "C" fn(*const Raw, usize, *mut u8, Emit) -> u32;

/// What an entry sent.
#[derive(Debug, Default)]
struct Sent {
    parts: [Vec<u8>; 4],
}

/// Takes a part that an entry sends.
extern "C" fn take(sink: *mut u8, part: u32, bytes: *const u8, length: usize) {
    // SAFETY: `sink` is the `Sent` that `call` gave, and the entry's slice lives until this returns.
    let (sent, bytes) = unsafe { (&mut *sink.cast::<Sent>(), std::slice::from_raw_parts(bytes, length)) };
    if let Some(own) = sent.parts.get_mut(part as usize) {
        own.extend_from_slice(bytes);
    }
}

/// The libraries that were loaded so far. None is ever unloaded: what it left behind may be in use.
#[derive(Debug, Default)]
pub struct Libraries {
    loaded: BTreeMap<PathBuf, &'static libloading::Library>,
}

impl Libraries {
    /// Calls a function for every row, and gives the column of answers as its frame.
    pub fn call(&mut self, call: &Call, columns: &[Column]) -> Result<Vec<u8>> {
        let load = |error: libloading::Error| NativeFault::Load { function: call.name.clone(), reason: error.to_string() };
        let library = match self.loaded.get(&call.library) {
            Some(library) => *library,
            None => {
                // SAFETY: what runs on loading is Rust's own start; a fault of it ends this process alone.
                let library = unsafe { libloading::Library::new(&call.library) }.map_err(load)?;
                let library: &'static _ = Box::leak(Box::new(library));
                self.loaded.insert(call.library.clone(), library);
                library
            }
        };
        // SAFETY: the session compiled this entry with this signature.
        let entry = unsafe { library.get::<Entry>(call.entry.as_bytes()) }.map_err(load)?;
        let raw: Vec<Raw> = columns.iter().map(|column| Raw { data: start(&column.data), ends: column.ends.as_ptr() }).collect();
        let mut sent = Sent::default();
        // SAFETY: the columns hold as many rows as the call has, and outlive it.
        let status = unsafe { entry(raw.as_ptr(), call.rows, (&raw mut sent).cast(), take) };
        let [mut frame, data, message, row] = sent.parts;
        if status == 0 {
            frame.extend_from_slice(&data);
            return Ok(frame);
        }
        let row = row.first_chunk().map_or(0, |row| u64::from_le_bytes(*row));
        let of = if call.rows > 1 { format!(" in call {row} of {}", call.rows) } else { String::new() };
        let message = String::from_utf8_lossy(&message).into_owned();
        let function = call.name.clone();
        if status == 2 {
            return Err(NativeFault::Failed { function, place: of, message }.into());
        }
        let (place, message) = message.split_once('\n').unwrap_or(("", &message));
        let place = if place.is_empty() { of } else { format!(" at {place}{of}") };
        Err(NativeFault::Panic { function, place, message: message.to_owned() }.into())
    }
}

fn start(data: &Data) -> *const u8 {
    match data {
        Data::Ints(values) => values.as_ptr().cast(),
        Data::Floats(values) => values.as_ptr().cast(),
        Data::Bytes(values) => values.as_ptr(),
    }
}

//! Files that appear under their final name only when whole, and content hashes.

use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Fault, Result};

/// How the names of files begin that are not whole yet; one that stays was left by a process that was killed.
pub const UNFINISHED: &str = ".writing-";

/// Where files go in a dry run, in place of where they should.
static ASIDE: OnceLock<PathBuf> = OnceLock::new();

/// From now on what this process writes outside of `folder` goes to a place inside it; [`readable`] finds it there. For dry
/// runs; the first call counts.
pub fn write_aside(folder: &Path) {
    let _ = ASIDE.set(std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf()));
}

/// Where a file for `path` is written: there, or aside in a dry run.
fn writable(path: &Path) -> PathBuf {
    let (Some(aside), Ok(whole)) = (ASIDE.get(), std::path::absolute(path)) else { return path.to_path_buf() };
    if whole.starts_with(aside) {
        return whole;
    }
    let below = whole.components().filter(|part| matches!(part, Component::Normal(_)));
    aside.join("written").join(below.collect::<PathBuf>())
}

/// Where the file `path` is read: there, or aside if a dry run wrote it.
pub fn readable(path: &Path) -> PathBuf {
    Some(writable(path)).filter(|aside| ASIDE.get().is_some() && aside.is_file()).unwrap_or_else(|| path.to_path_buf())
}

/// Writes `bytes` to `path` through a temporary file beside it; creates its folder.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let path = &*writable(path);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let attempt = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(|error| Fault::file("write", path, &error))
}

/// Writes `value` as JSON, whole or not at all.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| Fault::new("file::json", format!("cannot write `{}`: {error}", path.display()), ""))?;
    write_atomic(path, &bytes)
}

/// The first 16 hexadecimal digits of the SHA-256 of `bytes`: a key for stored things.
pub fn hash_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

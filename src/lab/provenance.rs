//! Provenance: which script, inputs, versions and device a kept result comes from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A text by its name and the SHA-256 under which the lab keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRef {
    /// Name in messages: a path, or the number of an input at the prompt.
    pub name: String,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// Where a kept result comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// Name of the script; `prompt` for inputs of several names; empty if none ran.
    pub script: String,
    /// SHA-256 of its text; of several inputs, that of the texts joined by line breaks.
    pub sha256: String,
    /// The inputs so far, in order: one of a script, many of a prompt.
    pub texts: Vec<TextRef>,
    /// What the script saw as `ARGS`.
    pub args: Vec<String>,
    /// The session's seed: that of every call that names none.
    pub session_seed: u64,
    /// Files that were imported.
    pub imports: Vec<TextRef>,
    /// Scripts of the user's own library folder that were used.
    pub library: Vec<TextRef>,
    /// Data files that were read.
    pub files: Vec<TextRef>,
    /// Versions of what took part.
    pub versions: BTreeMap<String, String>,
    /// The result itself.
    #[serde(flatten)]
    pub detail: Detail,
}

/// What whoever keeps a result knows of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// In a few words, what it is.
    pub label: String,
    /// The seed it depends on.
    pub seed: Option<u64>,
    /// Hashes of what went in, by what they are.
    pub inputs: BTreeMap<String, String>,
    /// Fingerprint of the device.
    pub device: Option<serde_json::Value>,
}

/// The SHA-256 of `bytes` in hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Versions of this program and of what was built into it.
pub fn versions() -> BTreeMap<String, String> {
    let mut versions = BTreeMap::from([("spaceevo".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
    let built = [("build", option_env!("SPACEEVO_BUILD_ID")), ("libtorch", option_env!("SPACEEVO_LIBTORCH"))];
    versions.extend(built.into_iter().filter_map(|(name, version)| Some((name.to_owned(), version?.to_owned()))));
    versions
}

/// Seconds since 1970 as `2026-11-25 14:03`, UTC.
pub fn date(seconds: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .map_or_else(|_| String::new(), |at| format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute()))
}

/// What a session has evaluated, imported and read: told by the session as it goes, put into the provenance of what is
/// kept. Cheap to clone: all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    texts: Vec<(String, String)>,
    args: Vec<String>,
    session_seed: u64,
    imports: BTreeMap<String, String>,
    library: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    versions: BTreeMap<String, String>,
    /// Whether the last input has left something in the lab.
    kept: bool,
    sealed: Option<Arc<Sealed>>,
}

/// What is known now, with the texts behind the hashes.
#[derive(Debug)]
pub(super) struct Sealed {
    pub provenance: Provenance,
    pub texts: Vec<(String, String)>,
}

impl Running {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.sealed = None;
    }

    /// An input begins.
    pub fn begin(&self, name: &str, text: &str) {
        self.change(|state| {
            state.texts.push((name.into(), text.into()));
            state.kept = false;
        });
    }

    /// The last input failed. One that left nothing in the lab is forgotten.
    pub fn failed(&self) {
        self.change(|state| {
            if !state.kept {
                state.texts.pop();
            }
        });
    }

    /// What scripts see as `ARGS`, and the seed of calls that name none.
    pub fn starts(&self, args: Vec<String>, session_seed: u64) {
        self.change(|state| {
            state.args = args;
            state.session_seed = session_seed;
        });
    }

    /// A file was imported.
    pub fn imported(&self, name: &str, text: &str) {
        self.change(|state| drop(state.imports.insert(name.into(), text.into())));
    }

    /// A script of the user's own library folder was used.
    pub fn from_library(&self, path: &str, text: &str) {
        // Looked up often, changed rarely.
        if self.state().library.get(path).is_none_or(|known| known != text) {
            self.change(|state| drop(state.library.insert(path.into(), text.into())));
        }
    }

    /// A data file was read, or all files of a folder. What cannot be read is left to whoever reads it.
    pub fn reads(&self, path: &Path) {
        if let Ok(entries) = std::fs::read_dir(path) {
            entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).for_each(|path| self.reads(&path));
        } else if let Ok(bytes) = std::fs::read(path) {
            self.change(|state| drop(state.files.insert(path.display().to_string(), sha256_hex(&bytes))));
        }
    }

    /// A runtime takes part.
    pub fn version(&self, name: &str, version: &str) {
        if self.state().versions.get(name).is_none_or(|known| known != version) {
            self.change(|state| drop(state.versions.insert(name.into(), version.into())));
        }
    }

    pub(super) fn seal(&self) -> Arc<Sealed> {
        let mut state = self.state();
        state.kept = true;
        if let Some(sealed) = &state.sealed {
            return sealed.clone();
        }
        let sealed = Arc::new(state.sealed_now());
        state.sealed = Some(sealed.clone());
        sealed
    }
}

impl State {
    fn sealed_now(&self) -> Sealed {
        let mut kept = Vec::new();
        let mut refer = |(name, text): (&String, &String)| {
            let sha256 = sha256_hex(text.as_bytes());
            kept.push((sha256.clone(), text.clone()));
            TextRef { name: name.clone(), sha256 }
        };
        let texts: Vec<_> = self.texts.iter().map(|(name, text)| refer((name, text))).collect();
        let imports = self.imports.iter().map(&mut refer).collect();
        let library = self.library.iter().map(&mut refer).collect();
        let files = self.files.iter().map(|(name, sha256)| TextRef { name: name.clone(), sha256: sha256.clone() }).collect();
        let name = self.texts.first().map_or("", |(name, _)| name);
        let one = self.texts.iter().all(|(other, _)| other == name);
        let all: Vec<&str> = self.texts.iter().map(|(_, text)| text.as_str()).collect();
        let mut versions = versions();
        versions.extend(self.versions.clone());
        let provenance = Provenance {
            script: if one { name.into() } else { "prompt".into() },
            sha256: sha256_hex(all.join("\n").as_bytes()),
            texts,
            args: self.args.clone(),
            session_seed: self.session_seed,
            imports,
            library,
            files,
            versions,
            detail: Detail::default(),
        };
        Sealed { provenance, texts: kept }
    }
}

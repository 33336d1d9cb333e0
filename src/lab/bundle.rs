//! Bundles: results in a zip file, with the scripts that made them, so that they can be made again elsewhere.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::provenance::{Provenance, TextRef, sha256_hex, versions};
use super::{Item, ItemKind, Lab, LabFault};
use crate::base::{Fault, Result, write_atomic};

/// Format of the manifest; raise it when a field changes its meaning.
const SCHEMA: u32 = 1;
/// All parts together may unpack to so many bytes.
const MOST_BYTES: u64 = 1 << 30;
/// A data file of up to so many bytes goes along.
const FILE_BYTES: u64 = 64 << 20;
const MANIFEST: &str = "manifest.json";

/// What a bundle says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of this file.
    pub schema: u32,
    /// Versions of the program that made it.
    pub versions: BTreeMap<String, String>,
    /// The processor that it was made on.
    pub cpu: String,
    /// The results.
    pub items: Vec<BundledItem>,
}

/// A result in a bundle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BundledItem {
    /// What it is.
    pub kind: ItemKind,
    /// Its name in the lab.
    pub name: String,
    /// The key it was stored under.
    pub key: String,
    /// When it was kept: seconds since 1970, UTC.
    pub when: i64,
    /// Where it comes from; its texts lie in `scripts/SHA256.rhai`.
    pub provenance: Provenance,
    /// The part of the zip that holds it.
    pub part: String,
    /// SHA-256 of that part.
    pub sha256: String,
}

/// A script with all it needs to run again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// Its inputs by name, in order.
    pub texts: Vec<(String, String)>,
    /// Its `ARGS`.
    pub args: Vec<String>,
    /// The seed of its calls that name none.
    pub session_seed: u64,
    /// Files that it imports, by the names it imports them under.
    pub imports: BTreeMap<String, String>,
    /// Scripts of the user's library folder, by their paths in it.
    pub library: BTreeMap<String, String>,
    /// Data files that it read, by path, with their SHA-256.
    pub files: BTreeMap<String, String>,
}

/// An opened bundle, checked and whole.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// What it holds.
    pub manifest: Manifest,
    parts: BTreeMap<String, Vec<u8>>,
    file: String,
}

/// The part that holds a script or data file.
fn script_part(sha256: &str) -> String {
    format!("scripts/{sha256}.rhai")
}

fn file_part(sha256: &str) -> String {
    format!("files/{sha256}")
}

/// Whether a path stays below the folder it is joined to.
fn stays_inside(path: &str) -> bool {
    !path.is_empty() && !path.contains('\\') && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

impl Lab {
    /// Writes a bundle of these items. Fails with `lab::no_script` for one that knows no script.
    pub fn bundle(&self, path: &Path, items: &[Item], cpu: &str) -> Result<()> {
        let mut parts = BTreeMap::new();
        let mut bundled = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let provenance = item.origin.clone().filter(|origin| !origin.texts.is_empty());
            let provenance = provenance.ok_or_else(|| LabFault::NoScript { name: item.name.clone() })?;
            for text in provenance.texts.iter().chain(&provenance.imports).chain(&provenance.library) {
                let script = self.script(&text.sha256)?.ok_or_else(|| LabFault::NoScript { name: item.name.clone() })?;
                parts.insert(script_part(&text.sha256), script.into_bytes());
            }
            for file in provenance.files.iter().filter(|file| stays_inside(&file.name)) {
                // One that was changed since would only mislead.
                let small = std::fs::metadata(&file.name).is_ok_and(|meta| meta.len() <= FILE_BYTES);
                if let Some(bytes) = small.then(|| std::fs::read(&file.name).ok()).flatten()
                    && sha256_hex(&bytes) == file.sha256
                {
                    parts.insert(file_part(&file.sha256), bytes);
                }
            }
            let bytes = self.content(item)?;
            let end = if item.kind == ItemKind::Table { "parquet" } else { "json" };
            let part = format!("results/{at}.{end}");
            bundled.push(BundledItem {
                kind: item.kind,
                name: item.name.clone(),
                key: item.key.clone(),
                when: item.when,
                provenance,
                part: part.clone(),
                sha256: sha256_hex(&bytes),
            });
            parts.insert(part, bytes);
        }
        let manifest = Manifest { schema: SCHEMA, versions: versions(), cpu: cpu.into(), items: bundled };
        let unwritable = |reason: String| Fault::new("file::io", format!("cannot write `{}`: {reason}", path.display()), "");
        let json = serde_json::to_vec_pretty(&manifest).map_err(|error| unwritable(error.to_string()))?;
        let all = [(MANIFEST.to_owned(), json)].into_iter().chain(parts);
        write_atomic(path, &zipped(all).map_err(|error| unwritable(error.to_string()))?)
    }

    /// What is stored of an item: of a study, measurements and something trained as JSON, of a table its Parquet file.
    pub fn content(&self, item: &Item) -> Result<Vec<u8>> {
        let gone = || LabFault::NoItem { name: item.name.clone(), help: "another session has just deleted it".into() };
        let bytes = match item.kind {
            ItemKind::Study => self.text("select json from studies where name = ?1", &item.key)?.map(String::into_bytes),
            ItemKind::Table => self.load_table(&item.key)?,
            ItemKind::Trained => {
                let (kind, key) = item.key.split_once('/').unwrap_or_default();
                self.result(kind, key)?.map(|result| result.to_string().into_bytes())
            }
            ItemKind::Measurements => {
                let query = "select json_group_object(key, json(json)) from (
                    select key, json from measurements where device = ?1 order by key)";
                self.text(query, &item.key)?.map(String::into_bytes)
            }
        };
        Ok(bytes.ok_or_else(gone)?)
    }

    /// Writes the folder of something trained as a zip file.
    pub fn export_folder(&self, item: &Item, path: &Path) -> Result<()> {
        let mut parts = Vec::new();
        for entry in super::artifact::entries(&self.root.join(&item.key))?.iter().filter(|entry| entry.path().is_file()) {
            let bytes = std::fs::read(entry.path()).map_err(|error| Fault::file("read", &entry.path(), &error))?;
            parts.push((entry.file_name().to_string_lossy().into_owned(), bytes));
        }
        parts.sort();
        let zip =
            zipped(parts).map_err(|error| Fault::new("file::io", format!("cannot write `{}`: {error}", path.display()), ""))?;
        write_atomic(path, &zip)
    }
}

/// A zip file of these parts. Without dates: equal contents give equal files.
fn zipped(parts: impl IntoIterator<Item = (String, Vec<u8>)>) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in parts {
        zip.start_file(name, options)?;
        zip.write_all(&bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

impl Bundle {
    /// Reads a bundle and checks all of it: paths, hashes, that nothing is missing.
    pub fn open(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| Fault::file("read", path, &error))?;
        let damaged = |reason: String| LabFault::BundleDamaged { file: file.clone(), reason };
        let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(error.to_string()))?;
        let mut parts = BTreeMap::new();
        let mut room = MOST_BYTES;
        for at in 0..zip.len() {
            let mut part = zip.by_index(at).map_err(|error| damaged(error.to_string()))?;
            let name = part.name().map_err(|error| damaged(error.to_string()))?.into_owned();
            if !stays_inside(&name) {
                return Err(LabFault::BundlePath { file, part: name }.into());
            }
            if part.is_dir() {
                continue;
            }
            let mut content = Vec::new();
            let read =
                (&mut part).take(room + 1).read_to_end(&mut content).map_err(|error| damaged(format!("{name}: {error}")))?;
            room = room.checked_sub(read as u64).ok_or_else(|| damaged("it unpacks to more than 1 GiB".into()))?;
            parts.insert(name, content);
        }
        let json = parts.get(MANIFEST).ok_or_else(|| LabFault::BundleManifest { file: file.clone() })?;
        let schema: Schema = serde_json::from_slice(json).map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
        if schema.schema > SCHEMA {
            return Err(LabFault::BundleNewer { file, found: schema.schema, known: SCHEMA }.into());
        }
        let manifest: Manifest = serde_json::from_slice(json).map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
        let bundle = Self { manifest, parts, file: file.clone() };
        for item in &bundle.manifest.items {
            bundle.checked(&item.part, &item.sha256)?;
            for path in item.provenance.library.iter().map(|script| &script.name) {
                if !stays_inside(path) {
                    return Err(LabFault::BundlePath { file, part: path.clone() }.into());
                }
            }
        }
        bundle.programs()?;
        Ok(bundle)
    }

    /// What is stored of an item.
    pub fn content(&self, item: &BundledItem) -> Result<&[u8]> {
        self.checked(&item.part, &item.sha256)
    }

    /// The scripts behind the items, each once. Of the inputs of one prompt the longest row stands for all.
    pub fn programs(&self) -> Result<Vec<Program>> {
        let mut programs: Vec<Program> = Vec::new();
        for item in &self.manifest.items {
            let from = &item.provenance;
            let program = Program {
                texts: from.texts.iter().map(|text| self.named(text)).collect::<Result<_>>()?,
                args: from.args.clone(),
                session_seed: from.session_seed,
                imports: from.imports.iter().map(|text| self.named(text)).collect::<Result<_>>()?,
                library: from.library.iter().map(|text| self.named(text)).collect::<Result<_>>()?,
                files: from.files.iter().map(|file| (file.name.clone(), file.sha256.clone())).collect(),
            };
            let same = |known: &&mut Program| {
                let shorter = known.texts.len().min(program.texts.len());
                known.args == program.args
                    && known.session_seed == program.session_seed
                    && known.texts[..shorter] == program.texts[..shorter]
            };
            match programs.iter_mut().find(same) {
                Some(known) => {
                    if known.texts.len() < program.texts.len() {
                        known.texts = program.texts;
                    }
                    known.imports.extend(program.imports);
                    known.library.extend(program.library);
                    known.files.extend(program.files);
                }
                None => programs.push(program),
            }
        }
        Ok(programs)
    }

    /// Lays out a program in `folder`: the user's library in `library`, data files in `work`. Returns the data files
    /// that the bundle lacks.
    pub fn lay_out(&self, program: &Program, folder: &Path) -> Result<Vec<String>> {
        for (path, text) in &program.library {
            write_atomic(&folder.join("library").join(path), text.as_bytes())?;
        }
        let mut missing = Vec::new();
        for (path, sha256) in &program.files {
            match self.parts.get(&file_part(sha256)) {
                Some(bytes) if stays_inside(path) => {
                    self.checked(&file_part(sha256), sha256)?;
                    write_atomic(&folder.join("work").join(path), bytes)?;
                }
                _ => missing.push(path.clone()),
            }
        }
        Ok(missing)
    }

    /// Writes the manifest and every part below `folder`, for people to look at.
    pub fn unpack(&self, folder: &Path) -> Result<()> {
        self.parts.iter().try_for_each(|(name, part)| write_atomic(&folder.join(name), part))
    }

    fn named(&self, text: &TextRef) -> Result<(String, String)> {
        let bytes = self.checked(&script_part(&text.sha256), &text.sha256)?;
        let script = std::str::from_utf8(bytes).map_err(|error| self.damaged(format!("{}: {error}", text.name)))?;
        Ok((text.name.clone(), script.into()))
    }

    fn checked(&self, part: &str, sha256: &str) -> Result<&[u8]> {
        let bytes = self.parts.get(part).ok_or_else(|| self.damaged(format!("`{part}` is missing")))?;
        if sha256_hex(bytes) == sha256 {
            return Ok(bytes);
        }
        Err(self.damaged(format!("`{part}` is not what the manifest says")))
    }

    fn damaged(&self, reason: String) -> Fault {
        LabFault::BundleDamaged { file: self.file.clone(), reason }.into()
    }
}

/// The part of a manifest that every version understands.
#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

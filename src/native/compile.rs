//! Compiling a function into a library, once: libraries are kept in the lab by what they were made of.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::shim::{entry, shim};
use super::{NativeFault, Signature};
use crate::base::{Cancel, Fault, Result, hash_hex};

/// How often it is looked whether the compiler is done, or the person tired.
const LOOK: Duration = Duration::from_millis(5);
/// How it is compiled. The standard library is linked in: what was compiled once runs with another compiler, or none.
const FLAGS: [&str; 8] = [
    "--edition=2024",
    "--crate-type=cdylib",
    "--crate-name=native",
    "-Copt-level=3",
    "-Cpanic=unwind",
    "-Cstrip=symbols",
    "-Awarnings",
    "--error-format=json",
];
/// The file that messages of the compiler and of panics name.
const FILE: &str = "native.rs";

/// A compiled function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// What the function takes and gives.
    pub signature: Signature,
    /// The library that holds it.
    pub path: PathBuf,
    /// The name of its entry there.
    pub entry: String,
    /// Its source.
    pub source: String,
}

/// The function of `source`, compiled into a library in `folder` unless that is there already.
///
/// The library is named after a hash of the source, its entry and the compiler's flags, so that a change of any of them
/// gives another. Fails with `native::compile`, `native::function`, `native::signature`, `native::no_toolchain`.
pub fn compile(source: &str, folder: &Path, cancel: &Cancel) -> Result<Library> {
    let Some(signature) = Signature::read(source) else {
        // The compiler says best what is wrong.
        rustc(source, &build_folder(folder)?, cancel)?;
        let help = "write it in the Rust of edition 2024".into();
        return Err(NativeFault::Function { what: "the compiler knows this Rust, but the lab does not".into(), help }.into());
    };
    let signature = signature?;
    let text = format!("{source}{}", shim(&signature));
    let key = hash_hex(format!("{}\n{text}", FLAGS.join(" ")).as_bytes());
    let folder = std::path::absolute(folder).map_err(|error| Fault::file("find", folder, &error))?;
    let path = folder.join(format!("{key}.so"));
    if !path.is_file() {
        let work = build_folder(&folder)?;
        rustc(&text, &work, cancel)?;
        std::fs::rename(work.path().join("native.so"), &path).map_err(|error| Fault::file("write", &path, &error))?;
    }
    let entry = entry(&signature.name);
    Ok(Library { signature, path, entry, source: source.to_owned() })
}

/// A folder that is gone when the compiler is done.
fn build_folder(folder: &Path) -> Result<tempfile::TempDir> {
    let made = std::fs::create_dir_all(folder).and_then(|()| tempfile::Builder::new().prefix(".build").tempdir_in(folder));
    made.map_err(|error| Fault::file("write", folder, &error))
}

/// A line of what the compiler says.
#[derive(Debug, Deserialize)]
struct Diagnostic {
    #[serde(default)]
    level: String,
    #[serde(default)]
    rendered: String,
    #[serde(default)]
    spans: Vec<serde::de::IgnoredAny>,
}

fn rustc(text: &str, work: &tempfile::TempDir, cancel: &Cancel) -> Result<()> {
    cancel.check()?;
    let file = work.path().join(FILE);
    std::fs::write(&file, text).map_err(|error| Fault::file("write", &file, &error))?;
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(&compiler);
    command.current_dir(work.path()).args(FLAGS).args(["-o", "native.so", FILE]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // Ctrl-C at a terminal is for the session, which then ends the compiler.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let none = |reason: String| Fault::from(NativeFault::NoToolchain { reason });
    let mut child = command.spawn().map_err(|error| none(format!("`{}`: {error}", compiler.display())))?;
    let Some(mut stderr) = child.stderr.take() else { return Err(none("the compiler's output is closed".into())) };
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        stderr.read_to_end(&mut said).map(|_| String::from_utf8_lossy(&said).into_owned()).unwrap_or_default()
    });
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => std::thread::sleep(LOOK),
            Err(error) => return Err(none(error.to_string())),
        }
        if cancel.is_cancelled() {
            let _ = child.kill();
            let _ = child.wait();
            cancel.check()?;
        }
    };
    let said = reader.join().unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    Err(explain(&said, &status.to_string()))
}

/// What the compiler says, as a fault.
fn explain(said: &str, how: &str) -> Fault {
    let diagnostics: Vec<Diagnostic> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let errors: Vec<_> = diagnostics.iter().filter(|one| one.level == "error").collect();
    if let Some(linker) = errors.iter().find(|one| one.rendered.contains("linker `")) {
        let reason = linker.rendered.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        return NativeFault::NoToolchain { reason }.into();
    }
    let report: String =
        errors.iter().filter(|one| !one.spans.is_empty()).map(|one| one.rendered.trim_end()).collect::<Vec<_>>().join("\n\n");
    if !report.is_empty() {
        return NativeFault::Compile { report }.into();
    }
    // Not about the code: a rustup without a toolchain, a full disk.
    let first = errors.first().map(|one| one.rendered.as_str()).or_else(|| said.lines().find(|line| !line.trim().is_empty()));
    NativeFault::NoToolchain { reason: first.unwrap_or(how).trim().trim_start_matches("error: ").to_owned() }.into()
}

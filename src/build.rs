//! What the binaries must know from their build: where libtorch lies, and which sources they were made from.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    find_libtorch();
    // Where `./x setup --cuda` puts what is loaded when somebody asks for a card.
    println!("cargo::rustc-env=SPACEEVO_CUDA_FOLDER={}", root.join(".native/cuda").display());
    if let Some(version) = libtorch_version() {
        println!("cargo::rustc-env=SPACEEVO_LIBTORCH={version}");
    }
    println!("cargo::rustc-env=SPACEEVO_BUILD_ID={:016x}", build_id(&root)?);
    println!("cargo::rustc-env=SPACEEVO_STDLIB_FILES={}", script_names(&root)?);
    Ok(())
}

/// Names of the embedded scripts. The macro that embeds them does not see a file come or go; a change of these does.
fn script_names(root: &Path) -> io::Result<String> {
    println!("cargo::rerun-if-changed=stdlib");
    let mut files = Vec::new();
    files_ending("rhai", &root.join("stdlib"), &mut files)?;
    files.sort();
    let names: Vec<_> = files.iter().map(|file| file.strip_prefix(root).unwrap_or(file).to_string_lossy()).collect();
    Ok(names.join(","))
}

/// Lets the trainer, the only binary that links libtorch, find it without `LD_LIBRARY_PATH`. The path goes
/// into `DT_RUNPATH`, not `DT_RPATH`, so that `LD_LIBRARY_PATH` can still name a libtorch with CUDA.
fn find_libtorch() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    let lib = env::var_os("LIBTORCH").map(|folder| PathBuf::from(folder).join("lib"));
    match lib.filter(|lib| lib.join("libtorch_cpu.so").is_file()).map(fs::canonicalize) {
        Some(Ok(lib)) => println!("cargo::rustc-link-arg-bin=spaceevo-trainer=-Wl,--enable-new-dtags,-rpath,{}", lib.display()),
        _ => println!(
            "cargo::error=libtorch is missing: run `./x setup`, or set LIBTORCH to the folder that holds lib/libtorch_cpu.so"
        ),
    }
}

/// The version that libtorch's headers say.
fn libtorch_version() -> Option<String> {
    let header = PathBuf::from(env::var_os("LIBTORCH")?).join("include/torch/headeronly/version.h");
    let text = fs::read_to_string(header).ok()?;
    let part =
        |name: &str| Some(text.lines().find_map(|line| line.strip_prefix(&format!("#define TORCH_VERSION_{name} ")))?.trim());
    Some(format!("{}.{}.{}", part("MAJOR")?, part("MINOR")?, part("PATCH")?))
}

/// A hash over all sources and `Cargo.lock`. Session and trainer compare it, because a plain `cargo run`
/// rebuilds only one of them. Names and contents alone count, so that another checkout gives the same.
fn build_id(root: &Path) -> io::Result<u64> {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let mut files = vec![root.join("Cargo.lock")];
    files_ending("rs", &root.join("src"), &mut files)?;
    files.sort();
    let mut hash = Fnv1a::default();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        let contents = fs::read(&file)?;
        hash.add(name.as_bytes());
        hash.add(&(contents.len() as u64).to_le_bytes());
        hash.add(&contents);
    }
    Ok(hash.0)
}

fn files_ending(end: &str, folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files_ending(end, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == end) {
            found.push(path);
        }
    }
    Ok(())
}

/// The 64-bit FNV-1a hash: the same with every compiler, which std's hasher does not promise.
struct Fnv1a(u64);

impl Default for Fnv1a {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv1a {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

//! The Python programs that tests meet the kernel with: one virtual environment, made once by `./x jupyter-env`.

use std::{path::PathBuf, process::Command, sync::OnceLock};

/// What pip says where no index can be reached.
const UNREACHABLE: [&str; 4] =
    ["NewConnectionError", "Temporary failure in name resolution", "Network is unreachable", "No matching distribution found"];

/// The folder of the environment. None, with a note, where pip reaches no index; in CI that is a failure.
pub fn environment() -> Option<PathBuf> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/x")).arg("jupyter-env").output().unwrap();
        let path = String::from_utf8_lossy(&output.stdout).trim().into();
        if output.status.success() { Ok(path) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    });
    match made {
        Ok(path) => Some(path.clone()),
        Err(why) if UNREACHABLE.iter().any(|sign| why.contains(sign)) && std::env::var_os("CI").is_none() => {
            println!("skipped: this needs what tests/kernel/requirements.txt names, and pip reaches no index:\n{why}");
            None
        }
        Err(why) => panic!("`./x jupyter-env` failed:\n{why}"),
    }
}

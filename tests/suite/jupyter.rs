//! The Jupyter programs that tests run the kernel with: a virtual environment made once by `./x jupyter-env`.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The folder of the virtual environment.
pub fn environment() -> PathBuf {
    let output = Command::new(format!("{ROOT}/x")).arg("jupyter-env").stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "`./x jupyter-env` could not install Jupyter for the tests; it says why above");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

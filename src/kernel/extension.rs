//! The extension of JupyterLab that colours and indents Rhai; it lies beside the kernelspecs and serves all of them.

use std::path::{Path, PathBuf};

use crate::base::{Fault, Result, write_atomic};

const PACKAGE: &str = include_str!("labextension/package.json");
/// The file that `PACKAGE` names as the one to load.
const SCRIPT: &str = include_str!("labextension/remoteEntry.js");

fn folder(data: &Path) -> PathBuf {
    data.join("labextensions/spaceevo-rhai")
}

/// Lays the extension down under Jupyter's folder `data`, in place of an earlier one.
pub(super) fn install(data: &Path) -> Result<()> {
    let folder = folder(data);
    write_atomic(&folder.join("static/remoteEntry.js"), SCRIPT.as_bytes())?;
    write_atomic(&folder.join("package.json"), PACKAGE.as_bytes())
}

/// Removes it, where it is, unless a kernel for Rhai is left under `data`.
pub(super) fn uninstall(data: &Path) -> Result<()> {
    let folder = folder(data);
    if !folder.exists() || serves_a_kernel(data) {
        return Ok(());
    }
    std::fs::remove_dir_all(&folder).map_err(|error| Fault::file("remove", &folder, &error))
}

fn serves_a_kernel(data: &Path) -> bool {
    let specs = std::fs::read_dir(data.join("kernels")).into_iter().flatten().flatten();
    specs
        .filter_map(|entry| std::fs::read(entry.path().join("kernel.json")).ok())
        .filter_map(|text| serde_json::from_slice::<serde_json::Value>(&text).ok())
        .any(|spec| spec["language"] == "rhai")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_says_what_the_script_is() {
        let package: serde_json::Value = serde_json::from_str(PACKAGE).expect("JSON");
        assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(package["jupyterlab"]["_build"]["load"], "static/remoteEntry.js");
        let name = package["name"].as_str().expect("a name");
        assert!(SCRIPT.contains(&format!("_JUPYTERLAB['{name}']")), "JupyterLab looks for a container `{name}`");
    }
}

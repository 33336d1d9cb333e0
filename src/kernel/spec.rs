//! The kernelspec: what tells Jupyter how to start the kernel.

use std::path::{Path, PathBuf};

use serde_json::{Map, json};

use super::extension;
use crate::base::{Fault, Result, write_atomic};

/// The name under which Jupyter knows the kernel unless another is asked for.
pub const NAME: &str = "spaceevo";

const LOGO_SVG: &[u8] = include_bytes!("logo.svg");
const LOGO_32: &[u8] = include_bytes!("logo-32x32.png");
const LOGO_64: &[u8] = include_bytes!("logo-64x64.png");

/// What the binary finds its native libraries by, where a person has set it.
const ENVIRONMENT: [&str; 2] = ["ORT_DYLIB_PATH", "LD_LIBRARY_PATH"];

/// Where kernelspecs lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Under the person's own data: `$JUPYTER_DATA_DIR`, else `$XDG_DATA_HOME/jupyter`, else `~/.local/share/jupyter`.
    User,
    /// Under an installation's prefix: `PREFIX/share/jupyter`.
    Prefix(PathBuf),
    /// Under the prefix of the Python whose `python3` comes first on the PATH.
    SysPrefix,
}

impl Place {
    /// The folder of the kernelspec `name`.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            let help = "use letters, digits, `-`, `_` and `.`";
            return Err(Fault::new("kernel::name", format!("`{name}` cannot be the name of a kernel"), help));
        }
        Ok(self.data()?.join("kernels").join(name))
    }

    /// Jupyter's folder for data.
    fn data(&self) -> Result<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        match self {
            Self::Prefix(prefix) => Ok(prefix.join("share/jupyter")),
            Self::SysPrefix => Ok(sys_prefix()?.join("share/jupyter")),
            Self::User => set("JUPYTER_DATA_DIR")
                .or_else(|| Some(set("XDG_DATA_HOME")?.join("jupyter")))
                .or_else(|| Some(set("HOME")?.join(".local/share/jupyter")))
                .ok_or_else(|| Fault::new("kernel::home", "HOME is not set", "name a folder with --prefix FOLDER")),
        }
    }
}

fn sys_prefix() -> Result<PathBuf> {
    let said = std::process::Command::new("python3").args(["-c", "import sys; print(sys.prefix)"]).output();
    let prefix =
        said.ok().filter(|said| said.status.success()).map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    prefix.filter(|prefix| !prefix.is_empty()).map(PathBuf::from).ok_or_else(|| {
        Fault::new("kernel::python", "`python3`, whose prefix is wanted, does not answer", "name the folder with --prefix FOLDER")
    })
}

/// Installs the kernelspec, in place of one of the same name, with the extension of JupyterLab that colours the
/// language, and gives its folder. `arguments` stand before
/// `kernel` when Jupyter starts `program`.
pub fn install(place: &Place, name: &str, program: &Path, arguments: &[String]) -> Result<PathBuf> {
    let folder = place.folder(name)?;
    let program = std::path::absolute(program).map_err(|error| Fault::file("find", program, &error))?;
    let mut argv = vec![program.display().to_string()];
    argv.extend(arguments.iter().cloned());
    argv.extend(["kernel", "--connection-file", "{connection_file}"].map(str::to_owned));
    let env: Map<_, _> = ENVIRONMENT
        .iter()
        .filter_map(|name| {
            let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
            Some(((*name).to_owned(), whole(&value).into()))
        })
        .collect();
    let display = if name == NAME { "SpaceEvo".to_owned() } else { format!("SpaceEvo ({name})") };
    let spec = json!({
        "argv": argv,
        "display_name": display,
        "language": "rhai",
        "interrupt_mode": "message",
        "env": env,
        "kernel_protocol_version": super::wire::VERSION,
        "metadata": { "debugger": false },
    });
    let text = format!("{spec:#}\n");
    let files =
        [("kernel.json", text.as_bytes()), ("logo-svg.svg", LOGO_SVG), ("logo-32x32.png", LOGO_32), ("logo-64x64.png", LOGO_64)];
    for (file, bytes) in files {
        write_atomic(&folder.join(file), bytes)?;
    }
    extension::install(&place.data()?)?;
    Ok(folder)
}

/// Paths of a list, from the root on: Jupyter starts kernels in other folders.
fn whole(list: &str) -> String {
    let paths = list.split(':').filter(|path| !path.is_empty());
    let whole = paths.map(|path| std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string()));
    whole.collect::<Vec<_>>().join(":")
}

/// Removes the kernelspec, with the extension if no other kernel needs it, and gives the folder where it was.
pub fn uninstall(place: &Place, name: &str) -> Result<PathBuf> {
    let folder = place.folder(name)?;
    if !folder.join("kernel.json").is_file() {
        let message = format!("there is no kernel `{name}` in `{}`", folder.display());
        return Err(Fault::new("kernel::not_installed", message, "`jupyter kernelspec list` shows what there is, and where"));
    }
    std::fs::remove_dir_all(&folder).map_err(|error| Fault::file("remove", &folder, &error))?;
    extension::uninstall(&place.data()?)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_can_be_removed_again() {
        let prefix = tempfile::tempdir().expect("a folder");
        let place = Place::Prefix(prefix.path().to_owned());
        let folder = install(&place, "mine", Path::new("/bin/true"), &["--lab".into(), "x".into()]).expect("installed");
        let spec: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("kernel.json")).expect("kernel.json")).expect("JSON");
        assert_eq!(spec["argv"], json!(["/bin/true", "--lab", "x", "kernel", "--connection-file", "{connection_file}"]));
        assert_eq!(spec["interrupt_mode"], "message");
        assert!(std::fs::read(folder.join("logo-64x64.png")).expect("the logo").starts_with(b"\x89PNG"));
        let extension = prefix.path().join("share/jupyter/labextensions/spaceevo-rhai/static/remoteEntry.js");
        let other = install(&place, "other", Path::new("/bin/true"), &[]).expect("installed");
        assert_eq!(uninstall(&place, "mine").expect("removed"), folder);
        assert!(extension.is_file(), "the other kernel needs it");
        assert_eq!(uninstall(&place, "other").expect("removed"), other);
        assert!(!extension.exists());
        assert_eq!(uninstall(&place, "mine").expect_err("gone").code, "kernel::not_installed");
        assert_eq!(install(&place, "../x", Path::new("/bin/true"), &[]).expect_err("a bad name").code, "kernel::name");
    }
}

//! A script that is not there: which one was meant.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{shell, usage};
use crate::base::nearest;

/// Says that there is no script at `path`, and which one it may be.
pub(super) fn script(path: &str) -> ExitCode {
    if Path::new(path).is_dir() {
        let inside = names(Path::new(path)).into_iter().filter(|name| name.ends_with(".rhai"));
        let first: Vec<String> = inside.take(5).map(|name| format!("`{}`", Path::new(path).join(name).display())).collect();
        let help = if first.is_empty() { "name a script".into() } else { format!("name a script, such as {}", first.join(", ")) };
        return usage("script::missing", &format!("`{path}` is a folder"), &help);
    }
    let meant = near(Path::new(path)).map(|path| format!("`{}`", path.display())).or_else(|| {
        let commands = shell::commands();
        nearest(path, commands.iter().map(String::as_str)).map(|name| format!("the command `{name}`"))
    });
    let help = match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => "check the path; `spaceevo --help` tells the commands".into(),
    };
    usage("script::missing", &format!("no script `{path}`"), &help)
}

/// A script whose path is nearly `path`: without its ending, with a misspelt part, or in another folder.
fn near(path: &Path) -> Option<PathBuf> {
    let ended = path.with_extension("rhai");
    if ended.is_file() {
        return Some(ended);
    }
    respelt(path).or_else(|| respelt(&ended)).or_else(|| {
        let below = |path: &Path| {
            names(Path::new(".")).into_iter().map(|folder| Path::new(&folder).join(path)).find(|path| path.is_file())
        };
        below(path).or_else(|| below(&ended))
    })
}

/// `path` with each part that does not exist replaced by the nearest name in its place.
fn respelt(path: &Path) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    for part in path {
        let exact = found.join(part);
        if exact.exists() || exact.as_os_str() == "." || part == ".." {
            found = exact;
            continue;
        }
        let folder = if found.as_os_str().is_empty() { Path::new(".") } else { found.as_path() };
        let names = names(folder);
        let name = nearest(part.to_str()?, names.iter().map(String::as_str))?;
        found.push(name);
    }
    found.is_file().then_some(found)
}

/// What a folder shows, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

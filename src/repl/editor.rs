//! Programs that the prompt starts: the shell, and the person's editor.

use std::path::Path;
use std::process::Command;

use crate::base::{Fault, Result};

/// Runs a command of the shell on this terminal.
pub(super) fn shell(command: &str) -> Result<()> {
    let ended = Command::new("sh").arg("-c").arg(command).status();
    let fault = |why: String| Fault::new("session::shell", format!("`{command}` {why}"), "");
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(fault(format!("ended with {status}"))),
        Err(error) => Err(fault(format!("did not start: {error}"))),
    }
}

/// Lets the person edit `text` in `$VISUAL` or `$EDITOR`; `None` if the editor failed or left it as it was.
pub(super) fn edit(text: &str) -> Result<Option<String>> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".into());
    let folder = tempfile::tempdir().map_err(|error| Fault::file("make", Path::new("a temporary folder"), &error))?;
    let file = folder.path().join("input.rhai");
    std::fs::write(&file, format!("{text}\n")).map_err(|error| Fault::file("write", &file, &error))?;
    // Through the shell, since the variable may hold arguments.
    let ended = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(&file).status();
    match ended {
        Ok(status) if status.success() => {}
        _ => {
            let message = format!("the editor `{editor}` did not end well");
            return Err(Fault::new("session::editor", message, "set EDITOR to the one that you use"));
        }
    }
    let edited = std::fs::read_to_string(&file).map_err(|error| Fault::file("read", &file, &error))?;
    Ok((edited.trim_end() != text.trim_end()).then_some(edited))
}

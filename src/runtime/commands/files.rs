//! `%run`, `%edit`, `%cd`: the session and files.

use std::path::Path;

use super::{Desk, Then, show};
use crate::base::{Fault, Result};
use crate::runtime::session::Session;

impl Session {
    /// Runs a script as if it were typed here.
    pub(super) fn run_file(&self, file: &str, desk: &dyn Desk) -> Result<Then> {
        let source = read(file)?;
        show(desk, self.eval_part(&source, file, &source));
        Ok(Then::Go)
    }

    /// Lets the person edit an earlier input, and evaluates it.
    pub(super) fn edit(&self, number: &str, desk: &dyn Desk) -> Result<Then> {
        let inputs = self.history();
        let mut typed = inputs.iter().filter(|input| input.number.is_some());
        let text = match number {
            "" => typed.next_back().map(|input| input.source.clone()).unwrap_or_default(),
            _ => {
                let unknown = || Fault::new("session::no_input", format!("there is no input `{number}`"), "%history lists them");
                let number: usize = number.trim_start_matches('_').parse().map_err(|_| unknown())?;
                typed.rfind(|input| input.number == Some(number)).map(|input| input.source.clone()).ok_or_else(unknown)?
            }
        };
        if let Some(edited) = desk.edit(&text)?.filter(|edited| !edited.trim().is_empty()) {
            return Ok(self.answer(edited.trim_end(), desk));
        }
        Ok(Then::Go)
    }
}

/// The text of a script.
pub(super) fn read(file: &str) -> Result<String> {
    let path = Path::new(file.trim_matches('"'));
    std::fs::read_to_string(path).map(|text| text.trim_end().to_owned()).map_err(|error| Fault::file("read", path, &error))
}

/// Changes the folder; without one to the home folder.
pub(super) fn change_folder(to: &str) -> Result<String> {
    let home = std::env::var("HOME").unwrap_or_else(|_| "/".into());
    let to = match to.trim_matches('"') {
        "" | "~" => home,
        to => to.strip_prefix("~/").map_or_else(|| to.to_owned(), |rest| format!("{home}/{rest}")),
    };
    std::env::set_current_dir(&to).map_err(|error| Fault::file("go into", Path::new(&to), &error))?;
    folder()
}

/// The folder.
pub(super) fn folder() -> Result<String> {
    let folder = std::env::current_dir().map_err(|error| Fault::file("find", Path::new("."), &error))?;
    Ok(folder.display().to_string())
}

//! `??name`: the text in which a name is defined.

use crate::base::{Fault, Result};
use crate::runtime::catalogue::Origin;
use crate::runtime::library::GLOBAL_FOLDERS;
use crate::runtime::session::Session;

impl Session {
    /// The text that defines `name`: a function of the session or the library, or a script of the library.
    pub(super) fn source_of(&self, name: &str) -> Result<String> {
        if name.is_empty() {
            return Err(Fault::new("session::command", "`??` needs a name", "for example `??aging_evolution`"));
        }
        let shared = self.shared();
        let last = name.rsplit("::").next().unwrap_or(name);
        let typed = self.history().into_iter().rev().find_map(|input| function_text(&input.source, last));
        if let Some(text) = typed {
            return Ok(text);
        }
        for folder in GLOBAL_FOLDERS {
            for file in shared.library.names(folder) {
                let Some(script) = shared.library.find(&format!("{folder}/{file}")) else { continue };
                if let Some(text) = function_text(&script.text, last) {
                    return Ok(format!("// {}\n{text}", script.shown));
                }
            }
        }
        // An operator, a hyperspace, a network, a teacher: the file that defines it.
        let paths = shared.library.paths();
        let mut folders: Vec<&str> = paths.iter().filter_map(|path| path.split('/').next()).collect();
        folders.dedup();
        let whole = paths.iter().find(|path| path.as_str() == name).and_then(|path| shared.library.find(path));
        if let Some(script) = whole.or_else(|| folders.iter().find_map(|folder| shared.library.defining(folder, name))) {
            return Ok(format!("// {}\n{}", script.shown, script.text.trim_end()));
        }
        let catalogue = self.catalogue();
        let entry = catalogue.named(name).next();
        let help = match entry {
            Some(entry) if entry.origin == Origin::Native => format!("it is a primitive, written in Rust; ?{name} explains it"),
            Some(_) => format!("it is part of the script language; ?{name} explains it"),
            None => {
                let names = catalogue.entries().iter().map(|entry| entry.path.as_str());
                crate::base::nearest(name, names.chain(paths.iter().filter_map(|path| path.rsplit('/').next())))
                    .map_or_else(|| "help lists what there is".into(), |near| format!("did you mean `{near}`?"))
            }
        };
        Err(Fault::new("help::no_source", format!("there is no script that defines `{name}`"), help))
    }
}

/// The functions called `name` in `text`, with the comments before them.
fn function_text(text: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let head = format!("fn {name}(");
    let begins = |line: &str| line.trim_start().trim_start_matches("private ").starts_with(&head);
    let found: Vec<String> = (0..lines.len()).filter(|at| begins(lines[*at])).filter_map(|at| one_function(&lines, at)).collect();
    (!found.is_empty()).then(|| found.join("\n\n"))
}

fn one_function(lines: &[&str], at: usize) -> Option<String> {
    let indent = lines[at].len() - lines[at].trim_start().len();
    let first = lines[..at].iter().rposition(|line| !line.trim_start().starts_with("//")).map_or(0, |line| line + 1);
    // The closing brace stands where the function began, or on its own line.
    let one_line = lines[at].trim_end().ends_with('}');
    let closes = |line: &&str| line.len() - line.trim_start().len() == indent && line.trim_start().starts_with('}');
    let last = if one_line { at } else { at + 1 + lines[at + 1..].iter().position(closes)? };
    Some(lines[first..=last].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::function_text;

    #[test]
    fn a_function_is_cut_out_with_its_comments() {
        let text = "let x = 1;\n/// Doubles.\nfn twice(x) {\n    if x > 0 {\n        2 * x\n    }\n}\nfn one() { 1 }\n";
        assert_eq!(
            function_text(text, "twice").as_deref(),
            Some("/// Doubles.\nfn twice(x) {\n    if x > 0 {\n        2 * x\n    }\n}")
        );
        assert_eq!(function_text(text, "one").as_deref(), Some("fn one() { 1 }"));
        assert_eq!(function_text(text, "two"), None);
    }
}

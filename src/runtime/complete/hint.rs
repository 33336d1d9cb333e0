//! What the call that is being typed takes.

use super::context::calls;
use crate::runtime::catalogue::{Entry, Kind};
use crate::runtime::session::Shared;
use crate::runtime::tokens::lexemes;

/// The parameters of the call that is open at the end of `before`: `space: Space, lut: Lut, options: map`.
pub(in crate::runtime) fn hint(shared: &Shared, before: &str) -> Option<String> {
    // Only right behind the bracket: what follows is the user's.
    if !before.ends_with('(') {
        return None;
    }
    let words = lexemes(&shared.engine, before);
    let (name, _) = calls(&words).pop()?;
    let method = before.trim_end_matches('(').trim_end_matches(name.as_str()).ends_with('.');
    let catalogue = shared.everything();
    let entry = catalogue.named(&name).find(|entry| entry.kind == Kind::Function && !entry.params.is_empty())?;
    let params = entry.params.iter().skip(usize::from(method));
    let written: Vec<String> =
        params.map(|(name, kind)| if kind.is_empty() { name.clone() } else { format!("{name}: {kind}") }).collect();
    Some(format!("{})", written.join(", ")))
}

/// What the documentation says of an option: what follows its name up to the next one.
pub(super) fn option_text(entry: &Entry, option: &str) -> Option<String> {
    let body = entry.body.replace('\n', " ");
    let text = &body[body.find("Options")?..];
    let quoted = format!("`{option}`");
    let text = &text[text.find(&quoted)? + quoted.len()..];
    let end = text.find(['`', ';']).or_else(|| text.find(". ")).unwrap_or(text.len());
    let words = text[..end].trim().trim_start_matches(':').trim_end_matches([',', ':']).trim();
    (!words.is_empty()).then(|| words.to_owned())
}

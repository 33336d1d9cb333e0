//! Help on what a person points at.

use super::context::calls;
use super::kinds;
use crate::primitive::front::{Bundle, Form};
use crate::runtime::catalogue::Catalogue;
use crate::runtime::session::Shared;
use crate::runtime::tokens::lexemes;

/// Help on a name, a member (`lut.plot`) or a variable.
pub(in crate::runtime) fn inspect(shared: &Shared, name: &str) -> Option<Bundle> {
    let name = name.trim().trim_end_matches("()");
    let (catalogue, columns) = (shared.everything(), shared.host.look().columns);
    if let Some(variable) = shared.variable(name) {
        let members = catalogue.help(&variable.kind, columns).unwrap_or_default();
        let value = if variable.shown.is_empty() { String::new() } else { format!(" = {}", variable.shown) };
        return Some(page(format!("{name}: {}{value}\n{members}", variable.kind), None));
    }
    let words = lexemes(&shared.engine, name);
    if let Some(dot) = words.iter().rposition(|word| matches!(word.token, rhai::Token::Period))
        && let Some(known) = kinds::kind_of(shared, &catalogue, &words[..dot])
    {
        let member = &name[words[dot].place.end..];
        let of = catalogue.only(&known.kind, member);
        return on(of.as_ref().unwrap_or(&catalogue), member, columns);
    }
    on(&catalogue, name.rsplit('.').next().unwrap_or(name), columns)
}

/// Help on the name at byte `cursor`, else on the call that is open there.
pub(in crate::runtime) fn inspect_at(shared: &Shared, source: &str, cursor: usize) -> Option<Bundle> {
    let (before, after) = source.split_at_checked(cursor)?;
    let in_path = |c: char| c.is_alphanumeric() || "_:.".contains(c);
    let start = before.char_indices().rev().take_while(|(_, c)| in_path(*c)).last().map_or(cursor, |(at, _)| at);
    let rest = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
    let name = source[start..cursor + rest].trim_matches(['.', ':']);
    if name.chars().any(char::is_alphabetic)
        && let Some(page) = inspect(shared, name)
    {
        return Some(page);
    }
    let (call, _) = calls(&lexemes(&shared.engine, before)).pop()?;
    inspect(shared, &call)
}

fn on(catalogue: &Catalogue, name: &str, columns: usize) -> Option<Bundle> {
    catalogue.help(name, columns).ok().map(|text| page(text, catalogue.markdown(name)))
}

/// Without a page of its own a text is shown as it stands.
fn page(text: String, marked: Option<String>) -> Bundle {
    let marked = marked.unwrap_or_else(|| format!("```text\n{}\n```\n", text.trim_end()));
    let mut page = Bundle::of_text(text);
    page.forms.insert(Form::Markdown.mime().into(), marked);
    page
}

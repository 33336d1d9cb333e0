//! File names inside a text.

use super::Candidate;

/// Candidates for the path that is written so far, and where in it the last part begins.
pub(super) fn candidates(written: &str) -> (usize, Vec<Candidate>) {
    let from = written.rfind('/').map_or(0, |at| at + 1);
    let found = matching(written, |_| true);
    (from, found.into_iter().map(|path| Candidate::new("file", &path[from..], "")).collect())
}

/// Paths that begin as written, folders with a slash at their end, in order; files only if `wanted`.
pub(super) fn matching(written: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let (folder, start) = written.rsplit_once('/').map_or(("", written), |(folder, start)| (folder, start));
    let look_in = match (folder, written.starts_with('/')) {
        ("", true) => "/",
        ("", false) => ".",
        (folder, _) => folder,
    };
    let Ok(entries) = std::fs::read_dir(look_in) else { return Vec::new() };
    let prefix = &written[..written.len() - start.len()];
    let mut found: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            // Hidden files only for those who begin with a dot.
            let visible = name.starts_with(start) && (start.starts_with('.') || !name.starts_with('.'));
            let folder = entry.path().is_dir();
            (visible && (folder || wanted(&name))).then(|| format!("{prefix}{name}{}", if folder { "/" } else { "" }))
        })
        .collect();
    found.sort();
    found
}

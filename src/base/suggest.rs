//! "Did you mean": the nearest known name to a misspelt one.

/// The known name nearest to `given`, if one is near enough to be meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = given.to_lowercase();
    let length = given.chars().count();
    known
        .into_iter()
        // Measuring takes the product of the lengths: only what can be near is measured.
        .filter(|name| *name != given && name.chars().count().abs_diff(length) <= 1 + length / 4 && name.len() <= 200)
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| {
            let shorter = name.chars().count().min(length);
            // Names of one letter are near to all others of one letter.
            *distance <= 1 + shorter / 4 && *distance < shorter.max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A help text for a misspelt name: "did you mean `x`?", or the list of what there is.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(given, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let all: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
            if all.is_empty() { "there are none yet".into() } else { format!("known are {}", all.join(", ")) }
        }
    }
}

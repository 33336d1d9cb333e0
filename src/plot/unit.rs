//! Labels of axes from the names of columns: `int8_ms` becomes `int8 (ms)`.

/// Endings of column names that are units, and how they are written.
const UNITS: &[(&str, &str)] = &[
    ("ns", "ns"),
    ("us", "µs"),
    ("ms", "ms"),
    ("s", "s"),
    ("hz", "Hz"),
    ("mhz", "MHz"),
    ("ghz", "GHz"),
    ("pct", "%"),
    ("bits", "bits"),
    ("bytes", "bytes"),
    ("kb", "kB"),
    ("kib", "KiB"),
    ("mb", "MB"),
    ("mib", "MiB"),
    ("gb", "GB"),
    ("gib", "GiB"),
    ("px", "px"),
    ("w", "W"),
    ("mw", "mW"),
    ("j", "J"),
    ("mj", "mJ"),
    ("mflops", "MFLOPs"),
    ("gflops", "GFLOPs"),
    ("mparams", "M parameters"),
];

/// What a column shows, and its unit if its name ends in one.
fn parts(column: &str) -> (String, Option<&'static str>) {
    let unit_of = |ending: &str| UNITS.iter().find(|(name, _)| *name == ending).map(|(_, unit)| *unit);
    match column.rsplit_once('_') {
        Some((what, ending)) if !what.is_empty() && unit_of(ending).is_some() => (what.replace('_', " "), unit_of(ending)),
        // A name that is nothing but a long unit: `mflops`.
        None if column.len() > 4 && unit_of(column).is_some() => (unit_of(column).unwrap_or_default().into(), None),
        _ => (column.replace('_', " "), None),
    }
}

/// The label of a column: its words, and its unit in brackets.
pub fn label_of(column: &str) -> String {
    match parts(column) {
        (what, Some(unit)) => format!("{what} ({unit})"),
        (what, None) => what,
    }
}

/// One label for all columns of an axis: their names with the unit that they share, or with each its own.
pub(super) fn label_of_all(columns: &[String]) -> String {
    let all: Vec<_> = columns.iter().map(|column| parts(column)).collect();
    match all.first() {
        Some((_, Some(unit))) if all.iter().all(|(_, other)| *other == Some(unit)) => {
            let words: Vec<&str> = all.iter().map(|(what, _)| what.as_str()).collect();
            format!("{} ({unit})", words.join(", "))
        }
        _ => columns.iter().map(|column| label_of(column)).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_at_the_end_of_a_name_stands_in_brackets() {
        let labels = ["int8_ms", "top1_pct", "wait_us", "mflops", "loss", "largest_mflops", "_ms", "ms"].map(label_of);
        assert_eq!(labels, ["int8 (ms)", "top1 (%)", "wait (µs)", "MFLOPs", "loss", "largest (MFLOPs)", " ms", "ms"]);
        let all = |columns: &[&str]| label_of_all(&columns.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(all(&["fp32_ms", "int8_ms"]), "fp32, int8 (ms)");
        assert_eq!(all(&["loss", "int8_ms"]), "loss, int8 (ms)");
        assert_eq!(all(&[]), "");
    }
}

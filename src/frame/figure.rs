//! Numbers as people read them: rounded to what matters, without exponents at usual sizes.

/// Significant digits shown.
const DIGITS: i32 = 4;

/// How many decimals show `value` with [`DIGITS`] significant digits, trailing zeros left out.
fn decimals(value: f64) -> usize {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    let most = (DIGITS - 1 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let shown = format!("{value:.most$}");
    if most == 0 { 0 } else { shown.trim_end_matches('0').rsplit('.').next().map_or(0, str::len) }
}

/// Whether the size of `value` wants an exponent.
fn extreme(value: f64) -> bool {
    value != 0.0 && value.is_finite() && !(1e-4..1e9).contains(&value.abs())
}

/// A number with four significant digits: `0.1235`, `12.35`, `1235`, `3`.
pub fn figure(value: f64) -> String {
    let digits = DIGITS as usize - 1;
    match value {
        value if value.is_nan() => "NaN".into(),
        value if value.is_infinite() => if value > 0.0 { "inf" } else { "-inf" }.into(),
        value if extreme(value) => format!("{value:.digits$e}"),
        value => format!("{value:.*}", decimals(value)),
    }
}

/// The numbers of a column with one number of decimals for all, so that their points stand under each other;
/// a value that would vanish by this rounding is shown with its own.
pub(super) fn figures(values: &[Option<f64>], missing: &str) -> Vec<String> {
    let finite = || values.iter().flatten().copied().filter(|value| value.is_finite());
    let largest = finite().map(f64::abs).fold(0.0, f64::max);
    let show = |value: &Option<f64>, decimals: usize| match value {
        None => missing.into(),
        Some(value) if !value.is_finite() => figure(*value),
        Some(value) => {
            let shown = format!("{value:.decimals$}");
            let vanished = *value != 0.0 && shown.chars().all(|letter| matches!(letter, '0' | '.' | '-'));
            if vanished { figure(*value) } else { shown }
        }
    };
    if extreme(largest) {
        return values.iter().map(|value| value.map_or_else(|| missing.into(), figure)).collect();
    }
    // At most five digits for the largest, so that one small value does not give all a tail of decimals.
    let room = if largest > 0.0 { (4 - largest.log10().floor() as i32).clamp(0, 12) as usize } else { 0 };
    let shared = finite().map(decimals).max().unwrap_or(0).min(room);
    values.iter().map(|value| show(value, shared)).collect()
}

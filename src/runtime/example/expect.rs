//! Expectations: `//> value`, `//> ~3.2`, `//> ~3.2 ±0.1`, `//> fails code`, and what came instead.

use crate::runtime::render::Trouble;

/// Relative tolerance that `//> ~3.2` has in any case.
const RELATIVE: f64 = 1e-6;

/// What stands behind `//>`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wanted {
    Prints(String),
    Near {
        value: f64,
        within: f64,
    },
    Fails(String),
    /// The expectation itself is not well formed.
    Malformed(String),
}

/// An expectation and the line it stands in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expectation {
    pub line: usize,
    pub wanted: Wanted,
}

/// Code up to an expectation, or up to the end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// The code at its place.
    pub source: String,
    pub expectation: Option<Expectation>,
}

/// Where `//>` starts in a line, if it is not inside a text.
pub(super) fn mark(line: &str) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), _) if c == open && !escaped => quote = None,
            (None, '"' | '`') => quote = Some(c),
            (None, '/') if line[at..].starts_with("//>") => return Some(at),
            (None, '/') if line[at..].starts_with("//") => return None,
            _ => {}
        }
        escaped = false;
    }
    None
}

/// Cuts a block at its expectations. A line with nothing but `//> text` goes on the expectation before it.
pub(super) fn parts(text: &str) -> Vec<Part> {
    /// Line of an expectation, and its lines.
    type Mark<'a> = Option<(usize, Vec<&'a str>)>;
    let mut parts: Vec<(String, Mark<'_>)> = Vec::new();
    let (mut source, mut blank) = (String::new(), true);
    for (at, line) in text.lines().enumerate() {
        let Some(cut) = mark(line) else {
            source.push_str(line);
            source.push('\n');
            blank &= line.trim().is_empty() || line.trim_start().starts_with("//");
            continue;
        };
        let wanted = line[cut + "//>".len()..].trim();
        let code = line[..cut].trim_end();
        if let (true, true, Some((_, Some((_, lines))))) = (code.is_empty(), blank, parts.last_mut()) {
            lines.push(wanted);
            source.push('\n');
            continue;
        }
        source.push_str(code.strip_suffix(';').unwrap_or(code));
        parts.push((std::mem::take(&mut source), Some((at + 1, vec![wanted]))));
        source = "\n".repeat(at + 1);
        blank = true;
    }
    if !blank {
        parts.push((source, None));
    }
    parts
        .into_iter()
        .map(|(source, expectation)| Part {
            source,
            expectation: expectation.map(|(line, lines)| Expectation { line, wanted: Wanted::read(&lines.join("\n")) }),
        })
        .collect()
}

/// Half a unit of the last digit written behind the point: `~3.2` is any number that rounds to it.
fn tolerance(value: f64, written: &str) -> f64 {
    let decimals =
        written.trim().split(['e', 'E']).next().and_then(|mantissa| mantissa.split_once('.')).map(|(_, digits)| digits.len());
    let rounding = match decimals {
        Some(digits) if !written.contains(['e', 'E']) => 0.5 * 0.1f64.powi(i32::try_from(digits).unwrap_or(i32::MAX)),
        _ => 0.0,
    };
    rounding.max(value.abs() * RELATIVE)
}

impl Wanted {
    fn read(text: &str) -> Self {
        if let Some(code) = text.strip_prefix("fails ") {
            return Self::Fails(code.trim().into());
        }
        let Some(number) = text.strip_prefix('~') else { return Self::Prints(text.into()) };
        let (value, within) = match number.split_once('±') {
            Some((value, within)) => (value, Some(within)),
            None => (number, None),
        };
        match (value.trim().parse::<f64>(), within.map(|within| within.trim().parse::<f64>()).transpose()) {
            (Ok(value), Ok(within)) => Self::Near { value, within: within.unwrap_or_else(|| tolerance(value, number)) },
            _ => Self::Malformed(text.into()),
        }
    }

    /// `Err` says what was wanted and what came.
    pub fn compare(&self, got: Result<String, &Trouble>) -> Result<(), String> {
        match (self, got) {
            (Self::Malformed(text), _) => Err(format!("`//> {text}` is no expectation: write `~3.2` or `~3.2 ±0.1`")),
            (Self::Fails(code), Err(trouble)) if trouble.fault.code == *code => Ok(()),
            (Self::Fails(code), Err(trouble)) => Err(format!("must fail with {code}, but failed with\n{trouble}")),
            (Self::Fails(code), Ok(text)) => Err(format!("must fail with {code}, but gave\n  {text}")),
            (_, Err(trouble)) => Err(format!("wanted {}, but it failed\n{trouble}", self.shown())),
            (Self::Prints(wanted), Ok(text)) if text.lines().map(str::trim_end).eq(wanted.lines().map(str::trim_end)) => Ok(()),
            (Self::Near { value, within }, Ok(text)) => match text.trim().parse::<f64>() {
                Ok(number) if (number - value).abs() <= *within => Ok(()),
                _ => Err(format!("wanted {}\n     got {text}", self.shown())),
            },
            (Self::Prints(_), Ok(text)) => Err(format!("wanted {}\n     got {text}", self.shown())),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Prints(text) | Self::Malformed(text) => text.clone(),
            Self::Near { value, within } => format!("{value} ±{within}"),
            Self::Fails(code) => format!("a failure with {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_inside_texts_and_comments_do_not_count() {
        assert_eq!(mark("a //> 1"), Some(2));
        assert_eq!(mark("\"//> no\" //> yes"), Some(9));
        assert_eq!(mark("// said //> no"), None);
        assert_eq!(mark("`//>`"), None);
    }

    #[test]
    fn a_block_is_cut_at_its_expectations() {
        let parts = parts("let x = 1;\nx + 1; //> 2\n//> more\nlet y = x;\n");
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].source, "let x = 1;\nx + 1");
        assert_eq!(parts[0].expectation, Some(Expectation { line: 2, wanted: Wanted::Prints("2\nmore".into()) }));
        assert_eq!(parts[1].source, "\n\n\nlet y = x;\n");
    }

    #[test]
    fn numbers_compare_within_their_tolerance() {
        let near = Wanted::read("~3.2");
        assert!(near.compare(Ok("3.2049".into())).is_ok());
        assert!(near.compare(Ok("3.26".into())).is_err());
        assert!(Wanted::read("~1e3").compare(Ok("1001".into())).is_err());
        assert!(Wanted::read("~1000000").compare(Ok("1000000.5".into())).is_ok());
        assert!(Wanted::read("~3.2 ±0.1").compare(Ok("3.25".into())).is_ok());
        assert!(Wanted::read("~3.2 ±x").compare(Ok("3.2".into())).is_err());
        assert!(Wanted::read("2").compare(Ok("2.0".into())).is_err());
    }
}

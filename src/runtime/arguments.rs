//! Arguments of a script by name: `--limit 3 --name=x --flag` as the map `args`.

use std::collections::BTreeSet;

use rhai::{Array, Dynamic, Identifier, Map};

/// Where arguments without a name stand in the map.
const REST: &str = "rest";

/// The map `args`: a value for each name, typed; what has no name is in `rest`. A name given twice has an array of values.
pub(super) fn by_name(words: &[String]) -> Map {
    let mut args = Map::new();
    let mut rest = Array::new();
    let mut repeated: BTreeSet<Identifier> = BTreeSet::new();
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            rest.extend(words.by_ref().map(typed));
            break;
        }
        let Some(name) = name_of(word) else {
            rest.push(typed(word));
            continue;
        };
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, typed(value)),
            None => (name, words.next_if(|next| *next != "--" && name_of(next).is_none()).map_or(Dynamic::TRUE, typed)),
        };
        let key = Identifier::from(name.replace('-', "_"));
        if key == REST {
            rest.push(value);
        } else if let Some(before) = args.get_mut(&key) {
            if repeated.insert(key) {
                *before = Array::from([before.take()]).into();
            }
            if let Ok(mut values) = before.as_array_mut() {
                values.push(value);
            }
        } else {
            args.insert(key, value);
        }
    }
    args.insert(REST.into(), rest.into());
    args
}

/// `limit` of `--limit`, `n` of `-n`; a negative number is no name.
fn name_of(word: &str) -> Option<&str> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    name.starts_with(|first: char| first.is_alphabetic() || first == '_').then_some(name)
}

/// What a word says: a number or truth value if it is written as one, else the text.
fn typed(word: &str) -> Dynamic {
    match word {
        "true" => return Dynamic::TRUE,
        "false" => return Dynamic::FALSE,
        _ => {}
    }
    let digits = word.strip_prefix('-').unwrap_or(word);
    // `007` and `122222-155400` are names.
    let padded = digits.starts_with('0') && digits[1..].starts_with(|next: char| next.is_ascii_digit());
    if padded || !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return word.into();
    }
    if let Ok(number) = word.parse::<i64>() {
        return number.into();
    }
    match word.parse::<f64>() {
        // Digits alone that are no `i64` would lose some of them.
        Ok(number) if number.is_finite() && word.contains(['.', 'e', 'E']) => number.into(),
        _ => word.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::by_name;

    fn read(line: &str) -> String {
        let words: Vec<String> = line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        rhai::Dynamic::from(by_name(&words)).to_string()
    }

    #[test]
    fn names_take_the_word_behind_them() {
        let cases = [
            ("", r#"#{"rest": []}"#),
            ("--limit 3 --name=x --flag", r#"#{"flag": true, "limit": 3, "name": "x", "rest": []}"#),
            ("a --max-int8-ms 2.5 b", r#"#{"max_int8_ms": 2.5, "rest": ["a", "b"]}"#),
            ("--flag --shift -3 -n=1e-3", r#"#{"flag": true, "n": 0.001, "rest": [], "shift": -3}"#),
            ("--at 1 --at 2 --at x", r#"#{"at": [1, 2, "x"], "rest": []}"#),
            ("--quick=false -- --not-a-name 7", r#"#{"quick": false, "rest": ["--not-a-name", 7]}"#),
            ("--rest a b", r#"#{"rest": ["a", "b"]}"#),
            (
                "007 122222-155400 12345678901234567890 . -",
                r#"#{"rest": ["007", "122222-155400", "12345678901234567890", ".", "-"]}"#,
            ),
        ];
        for (line, wanted) in cases {
            assert_eq!(read(line), wanted, "{line}");
        }
    }
}

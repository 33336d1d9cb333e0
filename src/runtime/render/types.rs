//! Type names as a user says them: no Rust paths, no engine words.

/// The friendly form of a type name of the engine or of a Rust declaration.
pub fn friendly(name: &str) -> String {
    let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = name.trim().trim_start_matches("&mut ").trim_start_matches('&').replace(" :: ", "::").replace(' ', "");
    for wrapper in ["Answer<", "Result<", "RhaiResultOf<", "Option<", "Arc<", "Shared<", "Box<", "SharedMut<"] {
        if let Some(inner) = strip_wrapper(&name, wrapper) {
            return friendly(first_argument(inner));
        }
    }
    if let Some(inner) = strip_wrapper(&name, "Vec<") {
        return format!("array of {}", friendly(inner));
    }
    let last = match name.split_once('<') {
        Some((path, _)) => path.rsplit("::").next().unwrap_or(path),
        None => name.rsplit("::").next().unwrap_or(&name),
    };
    match last {
        "i64" | "INT" | "i32" | "usize" | "u64" | "u32" => "int",
        "f64" | "FLOAT" | "f32" => "float",
        "str" | "string" | "String" | "ImmutableString" | "str|ImmutableString|String" | "Cow" => "text",
        "Array" | "array" => "array",
        "Map" | "map" => "map",
        "Blob" | "blob" => "blob",
        "Fn" | "FnPtr" => "closure",
        "Dynamic" | "_" | "?" | "T" => "any",
        "Box" => "any",
        "RhaiResult" => "any",
        other => other,
    }
    .to_owned()
}

fn strip_wrapper<'a>(name: &'a str, wrapper: &str) -> Option<&'a str> {
    let start = name.find(wrapper)?;
    let before = &name[..start];
    (before.is_empty() || before.ends_with("::")).then_some(())?;
    name[start + wrapper.len()..].strip_suffix('>')
}

/// `Space,Box<Error>` gives `Space`.
fn first_argument(arguments: &str) -> &str {
    let mut depth = 0usize;
    for (at, c) in arguments.char_indices() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return &arguments[..at],
            _ => {}
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::friendly;

    #[test]
    fn rust_and_engine_words_become_the_users() {
        let cases = [
            ("i64", "int"),
            ("&mut Device", "Device"),
            ("Answer < Arc < crate :: space :: Space > >", "Space"),
            ("Result<f64, Box<EvalAltResult>>", "float"),
            ("spaceevo::device::Device", "Device"),
            ("ImmutableString", "text"),
            ("Fn", "closure"),
            ("()", "()"),
            ("Vec<Arc<Subnet>>", "array of Subnet"),
            ("rhai::types::fn_ptr::FnPtr", "closure"),
        ];
        for (given, wanted) in cases {
            assert_eq!(friendly(given), wanted, "{given}");
        }
    }
}

//! What a front's input asks for: code, help on a name, a command of the prompt, or leaving. The same in every front.

/// Begins a cell in Rust.
pub(in crate::runtime) const RUST: &str = "%%rust";
/// After it: the cell is not run.
const CHECK: &str = "check";

/// One input as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::runtime) enum Input<'a> {
    /// Nothing.
    Empty,
    /// Code to evaluate.
    Code(&'a str),
    /// `?name` or `name?`: help on a name.
    Inspect(&'a str),
    /// `??name` or `name??`: where it comes from.
    Source(&'a str),
    /// `%name rest`: a command of the prompt.
    Command(&'a str, &'a str),
    /// `%%rust` and lines of Rust; true if they are only to be checked.
    Rust(&'a str, bool),
    /// `!command`: one for the system's shell.
    Shell(&'a str),
    /// `exit` or `quit`.
    Leave,
}

impl<'a> Input<'a> {
    /// Reads an input.
    pub fn read(text: &'a str) -> Self {
        let line = text.trim();
        let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || "_:.".contains(c));
        if let Some(name) = line.strip_prefix("??").or_else(|| line.strip_suffix("??").filter(|name| is_name(name))) {
            return Self::Source(name.trim());
        }
        if let Some(name) = line.strip_prefix('?').or_else(|| line.strip_suffix('?').filter(|name| is_name(name))) {
            return Self::Inspect(name.trim());
        }
        if let Some(code) = line.strip_prefix(RUST).filter(|code| code.is_empty() || code.starts_with(char::is_whitespace)) {
            let first = code.lines().next().unwrap_or_default();
            let (code, check) = if first.trim() == CHECK { (&code[first.len()..], true) } else { (code, false) };
            // Lines of the cell are counted after that of the command, unless code begins there.
            return Self::Rust(code.strip_prefix("\r\n").or_else(|| code.strip_prefix('\n')).unwrap_or(code), check);
        }
        if let Some(command) = line.strip_prefix('%') {
            let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
            return Self::Command(name, rest.trim());
        }
        // `!x` alone is code: not x.
        if let Some(command) = line.strip_prefix('!').filter(|_| !line.ends_with(';')) {
            return Self::Shell(command.trim());
        }
        match line {
            "" => Self::Empty,
            "help" => Self::Code("help()"),
            "exit" | "quit" | "exit()" | "quit()" => Self::Leave,
            _ => Self::Code(text),
        }
    }

    /// The code in it, of which more lines may be to come.
    pub fn code(self) -> Option<&'a str> {
        match self {
            Self::Code(code) | Self::Command("time" | "timeit" | "prof", code) => Some(code),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Input;

    #[test]
    fn marks_of_the_prompt_are_told_from_code() {
        assert_eq!(Input::read(" ?measure "), Input::Inspect("measure"));
        assert_eq!(Input::read("stats::kendall?"), Input::Inspect("stats::kendall"));
        assert_eq!(Input::read("??evolve"), Input::Source("evolve"));
        assert_eq!(Input::read("evolve??"), Input::Source("evolve"));
        assert_eq!(Input::read("%time f(3)"), Input::Command("time", "f(3)"));
        assert_eq!(Input::read("%who"), Input::Command("who", ""));
        assert_eq!(Input::read("!ls -l"), Input::Shell("ls -l"));
        assert_eq!(Input::read("a ?? b"), Input::Code("a ?? b"));
        assert_eq!(Input::read("help"), Input::Code("help()"));
        assert_eq!(Input::read("%%rust\nlet x = 1;\n\nx"), Input::Rust("let x = 1;\n\nx", false));
        assert_eq!(Input::read("%%rust check\nx"), Input::Rust("x", true));
        assert_eq!(Input::read("%%rust let x = 1;"), Input::Rust(" let x = 1;", false));
        assert_eq!(Input::read("\n"), Input::Empty);
    }
}

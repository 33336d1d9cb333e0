//! What a front's input asks for: code, help on a name, a timing, or leaving. The same in every front.

/// One input as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// Nothing.
    Empty,
    /// Code to evaluate.
    Code(&'a str),
    /// `?name` or `name?`: help on a name.
    Inspect(&'a str),
    /// `%time code`: evaluate and say how long it took.
    Time(&'a str),
    /// `exit` or `quit`.
    Leave,
}

impl<'a> Input<'a> {
    /// Reads an input.
    pub fn read(text: &'a str) -> Self {
        let line = text.trim();
        if let Some(name) = line.strip_prefix('?') {
            return Self::Inspect(name.trim());
        }
        if let Some(name) = line.strip_suffix('?').filter(|name| name.chars().all(|c| c.is_alphanumeric() || "_:.".contains(c))) {
            return Self::Inspect(name);
        }
        if let Some(code) = line.strip_prefix("%time ") {
            return Self::Time(code);
        }
        match line {
            "" => Self::Empty,
            "help" => Self::Code("help()"),
            "exit" | "quit" | "exit()" | "quit()" => Self::Leave,
            _ => Self::Code(text),
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
        assert_eq!(Input::read("%time f(3)"), Input::Time("f(3)"));
        assert_eq!(Input::read("a ?? b"), Input::Code("a ?? b"));
        assert_eq!(Input::read("help"), Input::Code("help()"));
        assert_eq!(Input::read("\n"), Input::Empty);
    }
}

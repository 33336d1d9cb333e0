//! What a session and its front say to each other: the forms of a value, where output goes, questions to the person.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;

use crate::base::{Cancel, Fault, Result};
use crate::frame::places;

/// A form of a value beside its text. A noun has it if it has a method of that name: `to_png` takes pixels and gives a
/// blob, every other takes nothing and gives a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A picture of pixels.
    Png,
    /// A picture of lines.
    Svg,
    /// A page, or a part of one.
    Html,
    /// Text with marks.
    Markdown,
    /// For papers.
    Latex,
    /// Rows with a schema, as JSON.
    Data,
}

impl Form {
    /// All, for fronts that show anything.
    pub const ALL: &[Self] = &[Self::Png, Self::Svg, Self::Html, Self::Markdown, Self::Latex, Self::Data];

    /// Its MIME type.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
            Self::Html => "text/html",
            Self::Markdown => "text/markdown",
            Self::Latex => "text/latex",
            Self::Data => "application/vnd.dataresource+json",
        }
    }

    /// The method that gives it.
    pub fn method(self) -> &'static str {
        match self {
            Self::Png => "to_png",
            Self::Svg => "to_svg",
            Self::Html => "to_html",
            Self::Markdown => "to_markdown",
            Self::Latex => "to_latex",
            Self::Data => "to_data_resource",
        }
    }
}

/// How values look in the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Characters a line.
    pub columns: usize,
    /// Pixels across a picture.
    pub pixels: u32,
    /// What the front can show, or keep, beside text.
    pub forms: &'static [Form],
}

impl Default for Look {
    fn default() -> Self {
        Self { columns: places(), pixels: 1280, forms: &[] }
    }
}

/// A value in the forms in which fronts can show it, by MIME type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    /// `text/plain` is always there; beside it those that the front asked for in its [`Look`] and the value has. Pictures
    /// of pixels are in Base64, data is the text of its JSON.
    pub forms: BTreeMap<String, String>,
}

impl Bundle {
    /// A text and nothing else.
    pub fn of_text(text: impl Into<String>) -> Self {
        Self { forms: BTreeMap::from([("text/plain".to_owned(), text.into())]) }
    }

    /// The bytes of its picture, if it has one.
    pub fn png(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.forms.get("image/png")?).ok()
    }

    /// The form for terminals.
    pub fn text(&self) -> &str {
        self.forms.get("text/plain").map_or("", String::as_str)
    }
}

/// Where a script's output goes, and where its questions come from. Called from any thread.
pub trait Output: Send + Sync + std::fmt::Debug {
    /// `print(value)`: one line, without its line break.
    fn print(&self, line: &str);

    /// `debug(value)`: the same with the place of the call.
    fn debug(&self, line: &str, place: &str) {
        self.print(&format!("{place}: {line}"));
    }

    /// `display(value)`: a value before the input is done.
    fn display(&self, value: &Bundle) {
        self.print(value.text());
    }

    /// `clear_output()`: takes back what the input showed so far; with `wait`, when the next thing comes. Where lines
    /// cannot be taken back it does nothing.
    fn clear(&self, wait: bool) {
        let _ = wait;
    }

    /// `input(prompt)`: what the person types, without the line break; not shown while it is typed if `hidden`. Gives up
    /// when `cancel` is set, and fails with [`nobody`] where no one can answer.
    fn ask(&self, prompt: &str, hidden: bool, cancel: &Cancel) -> Result<String> {
        let _ = (prompt, hidden, cancel);
        Err(nobody())
    }
}

/// The fault of a question where no one can answer.
pub fn nobody() -> Fault {
    Fault::new(
        "input::nobody",
        "`input` asks a question, and no one can answer here",
        "run it at the prompt, in a notebook or at a terminal, or pass the value as an argument: `args.name`",
    )
}

//! A noun as a part of a web page: what it is, its facts, tables and pictures. Light or dark, it takes the page's ink.

use crate::base::{Result, escape};
use crate::frame::Table;
use crate::plot::{Drawing, Figure};

/// How wide a page is at most; wider tables and pictures scroll.
const OUTER: &str = "max-width:72em;overflow-x:auto;color:inherit;background:transparent";
const FACTS: &str = "border-collapse:collapse;margin:.3em 0";
const FACT: &str = "text-align:left;vertical-align:top;padding:.1em 1.2em .1em 0;font-weight:normal;opacity:.75";
const VALUE: &str = "text-align:left;padding:.1em 0";
const PART: &str = "margin:.6em 0";

/// A picture of a noun.
#[derive(Debug, Clone)]
pub(super) enum Picture {
    /// A chart.
    Figure(Box<Figure>),
    /// Anything else that is drawn.
    Drawing(Box<Drawing>),
}

impl From<Figure> for Picture {
    fn from(figure: Figure) -> Self {
        Self::Figure(Box::new(figure))
    }
}

impl From<Drawing> for Picture {
    fn from(drawing: Drawing) -> Self {
        Self::Drawing(Box::new(drawing))
    }
}

impl Picture {
    /// As a document of its own.
    pub fn to_svg(&self) -> Result<String> {
        match self {
            Self::Figure(figure) => figure.to_svg(),
            Self::Drawing(drawing) => Ok(drawing.to_svg()),
        }
    }

    /// As a part of a page.
    fn inline(&self) -> Result<String> {
        match self {
            Self::Figure(figure) => figure.to_inline_svg(),
            Self::Drawing(drawing) => Ok(drawing.to_inline_svg()),
        }
    }
}

/// A page under construction. What users named is escaped here, and nowhere else.
#[derive(Debug, Clone)]
pub(super) struct Page {
    html: String,
}

impl Page {
    /// A page on a `kind` of noun with its own `name`, which may be empty.
    pub fn new(kind: &str, name: &str) -> Self {
        let name = if name.is_empty() {
            String::new()
        } else {
            format!(" <code style=\"overflow-wrap:anywhere\">{}</code>", escape(name))
        };
        Self { html: format!("<div style=\"{PART}\"><b>{}</b>{name}</div>\n", escape(kind)) }
    }

    /// A page that says what it is by itself.
    pub fn untitled() -> Self {
        Self { html: String::new() }
    }

    /// Facts, one a line: what, and how much with its unit.
    #[must_use]
    pub fn facts<K: AsRef<str>, V: AsRef<str>>(mut self, facts: impl IntoIterator<Item = (K, V)>) -> Self {
        let rows: String = facts
            .into_iter()
            .map(|(what, value)| {
                let (what, value) = (escape(what.as_ref()), escape(value.as_ref()));
                format!("<tr><th scope=\"row\" style=\"{FACT}\">{what}</th><td style=\"{VALUE}\">{value}</td></tr>\n")
            })
            .collect();
        if !rows.is_empty() {
            self.html += &format!("<table style=\"{FACTS}\"><tbody>\n{rows}</tbody></table>\n");
        }
        self
    }

    /// A sentence.
    #[must_use]
    pub fn note(mut self, text: &str) -> Self {
        self.html += &format!("<div style=\"{PART};opacity:.75\">{}</div>\n", escape(text));
        self
    }

    /// A table.
    #[must_use]
    pub fn table(self, table: &Table) -> Self {
        self.table_beside(table, &[])
    }

    /// A table with columns of drawings at its right.
    #[must_use]
    pub fn table_beside(mut self, table: &Table, beside: &[(&str, Vec<Drawing>)]) -> Self {
        let drawn: Vec<(&str, Vec<String>)> =
            beside.iter().map(|(head, cells)| (*head, cells.iter().map(Drawing::to_inline_svg).collect())).collect();
        self.html += &table.to_html_beside(&drawn);
        self.html.push('\n');
        self
    }

    /// A picture.
    pub fn picture(mut self, picture: impl Into<Picture>) -> Result<Self> {
        self.html += &format!("<div style=\"{PART}\">{}</div>\n", picture.into().inline()?);
        Ok(self)
    }

    /// A table that is shown when asked for.
    #[must_use]
    pub fn folded(mut self, summary: &str, table: &Table) -> Self {
        let summary = escape(summary);
        self.html += &format!("<details style=\"{PART}\"><summary>{summary}</summary>\n{}\n</details>\n", table.to_html());
        self
    }

    /// The page as HTML.
    pub fn to_html(&self) -> String {
        format!("<div class=\"spaceevo\" style=\"{OUTER}\">\n{}</div>", self.html)
    }
}

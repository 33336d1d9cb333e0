//! Tables for pages: HTML, Markdown, LaTeX. Numbers are rounded as in the terminal; HTML is folded, the others are whole.

use std::collections::BTreeMap;

use super::Table;
use super::look::{MISSING, Shown, cut, width};
use super::show::more;
use crate::base::{Result, escape};

/// Rows shown of a table that is folded.
const ROWS: usize = 60;
/// Longest text of a cell of HTML.
const TEXT: usize = 160;

/// What a table in a text is given besides its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MarkupOptions {
    /// Headers in place of columns' names.
    pub headers: BTreeMap<String, String>,
    /// The caption, for LaTeX.
    pub caption: Option<String>,
    /// The label, for LaTeX.
    pub label: Option<String>,
}

impl MarkupOptions {
    fn header<'a>(&'a self, column: &'a Shown) -> &'a str {
        self.headers.get(&column.name).unwrap_or(&column.name)
    }
}

/// A column of markup beside a table: its head, and a cell for each row.
pub type Beside<'a> = (&'a str, Vec<String>);

impl Table {
    /// The table as HTML, its texts escaped; long tables folded in the middle.
    pub fn to_html(&self) -> String {
        self.to_html_beside(&[])
    }

    /// The table as HTML with more columns at its right, whose cells are markup: a head, and a cell for each row.
    pub fn to_html_beside(&self, beside: &[Beside<'_>]) -> String {
        let (columns, rows_out, fold) = self.folded(ROWS);
        let row = |tag: &str, cell: &dyn Fn(&Shown) -> String, more: &dyn Fn(&Beside<'_>) -> String| {
            let own = columns.iter().map(|column| {
                let side = if column.right { "right" } else { "left" };
                format!("<{tag} style=\"text-align:{side}\">{}</{tag}>", cell(column))
            });
            let more = beside.iter().map(|column| format!("<{tag} style=\"text-align:left\">{}</{tag}>", more(column)));
            format!("<tr>{}</tr>\n", own.chain(more).collect::<String>())
        };
        let height = columns.first().map_or(0, |column| column.cells.len());
        let wide = columns.len() + beside.len();
        let folding = format!("<tr><td colspan=\"{wide}\">… {}</td></tr>\n", more(rows_out, "row"));
        let mut body = String::new();
        for at in 0..height {
            if rows_out > 0 && at == fold {
                body += &folding;
            }
            let own = |column: &Shown| match &column.cells[at] {
                Some(text) => escape(&cut(text, TEXT)),
                None => format!("<span style=\"opacity:0.5\">{MISSING}</span>"),
            };
            let place = if at < fold { at } else { at + rows_out };
            body += &row("td", &own, &|(_, cells)| cells.get(place).cloned().unwrap_or_default());
        }
        let head = row("th", &|column| escape(&column.name), &|(head, _)| escape(head));
        format!("<table>\n<thead>{}</thead>\n<tbody>\n{body}</tbody>\n</table>", head.trim_end())
    }

    /// The whole table as Markdown, its columns padded so that the source reads as well.
    pub fn to_markdown(&self, options: &MarkupOptions) -> Result<String> {
        self.check_columns(options.headers.keys().map(String::as_str))?;
        let columns = self.shown()?;
        let filled: Vec<(bool, Vec<String>)> = columns
            .iter()
            .map(|column| {
                let head = escape_markdown(options.header(column));
                let cells = column.cells.iter().map(|cell| cell.as_deref().map_or_else(|| MISSING.into(), escape_markdown));
                (column.right, [head].into_iter().chain(cells).collect())
            })
            .collect();
        let widths: Vec<usize> =
            filled.iter().map(|(_, cells)| cells.iter().map(|cell| width(cell)).max().unwrap_or(0).max(3)).collect();
        let mut page = String::new();
        for row in 0..=self.height() {
            for ((right, cells), most) in filled.iter().zip(&widths) {
                let space = " ".repeat(most - width(&cells[row]));
                page += &if *right { format!("| {space}{} ", cells[row]) } else { format!("| {}{space} ", cells[row]) };
            }
            page += "|\n";
            if row == 0 {
                for ((right, _), most) in filled.iter().zip(&widths) {
                    let rule = "-".repeat(most - 1);
                    page += &if *right { format!("| {rule}: ") } else { format!("| :{rule} ") };
                }
                page += "|\n";
            }
        }
        Ok(page)
    }

    /// The whole table for LaTeX with the package `booktabs`: a `tabular`, inside a `table` if it has a caption or a label.
    pub fn to_latex(&self, options: &MarkupOptions) -> Result<String> {
        self.check_columns(options.headers.keys().map(String::as_str))?;
        let columns = self.shown()?;
        let sides: String = columns.iter().map(|column| if column.right { 'r' } else { 'l' }).collect();
        let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
        let mut page = String::from("% needs \\usepackage{booktabs}\n");
        let floats = options.caption.is_some() || options.label.is_some();
        if floats {
            page += "\\begin{table}\n\\centering\n";
        }
        if let Some(caption) = &options.caption {
            page += &format!("\\caption{{{}}}\n", escape_latex(caption));
        }
        if let Some(label) = &options.label {
            page += &format!("\\label{{{label}}}\n");
        }
        page += &format!("\\begin{{tabular}}{{{sides}}}\n\\toprule\n");
        page += &line(columns.iter().map(|column| escape_latex(options.header(column))).collect());
        page += "\\midrule\n";
        for row in 0..self.height() {
            let cell = |column: &Shown| match &column.cells[row] {
                None => "--".into(),
                Some(text) if column.right => latex_number(text),
                Some(text) => escape_latex(text),
            };
            page += &line(columns.iter().map(cell).collect());
        }
        page += "\\bottomrule\n\\end{tabular}\n";
        if floats {
            page += "\\end{table}\n";
        }
        Ok(page)
    }
}

/// A text that stays in its field, and is read as text.
fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.trim().chars() {
        match letter {
            // After a bracket that closes, one that opens would make a link.
            '(' if escaped.ends_with(']') => escaped.push_str("\\("),
            '|' | '\\' | '*' | '`' => escaped.extend(['\\', letter]),
            '<' => escaped.push_str("&lt;"),
            '\n' => escaped.push_str("<br>"),
            letter if letter.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

fn escape_latex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', letter]),
            letter if letter.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A number as mathematics writes it: a true minus sign, powers of ten.
fn latex_number(text: &str) -> String {
    if let Some((mantissa, exponent)) = text.split_once('e') {
        return format!("${mantissa} \\times 10^{{{exponent}}}$");
    }
    match text {
        "inf" => "$\\infty$".into(),
        "-inf" => "$-\\infty$".into(),
        text if text.starts_with('-') => format!("${text}$"),
        text => text.into(),
    }
}

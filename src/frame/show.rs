//! Tables as people read them: in a terminal, and as HTML.

use super::figure::figures;
use super::{Column, Table, figure};

/// Rows shown of a table that is folded.
const ROWS: usize = 20;
/// Longest text of a cell.
const TEXT: usize = 40;
/// Shortest width a column of texts is cut to before columns are left out.
const NARROW: usize = 12;
const GAP: &str = "  ";
const MISSING: &str = "-";

/// A column ready to be shown.
struct Shown {
    name: String,
    right: bool,
    cells: Vec<String>,
}

impl Shown {
    fn width(&self) -> usize {
        self.cells.iter().map(|cell| width(cell)).chain([width(&self.name)]).max().unwrap_or(0)
    }
}

/// Places a text takes: its characters, wide ones of East Asian scripts and pictures counted double.
fn width(text: &str) -> usize {
    text.chars()
        .map(|letter| match letter as u32 {
            0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
            0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
            0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff => 2,
            _ => 1,
        })
        .sum()
}

/// `text` in one line of at most `most` places, its end replaced by `…` if it is longer.
fn cut(text: &str, most: usize) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if width(&line) <= most {
        return line;
    }
    let mut kept = String::new();
    for letter in line.chars() {
        if width(&kept) + width(letter.encode_utf8(&mut [0; 4])) + 1 > most {
            break;
        }
        kept.push(letter);
    }
    kept + "…"
}

fn list(values: &[f64]) -> String {
    let shown: Vec<_> = values.iter().take(3).map(|value| figure(*value)).collect();
    match values.len() {
        0..=3 => format!("[{}]", shown.join(", ")),
        length => format!("[{}, … {length} numbers]", shown.join(", ")),
    }
}

fn shown(name: String, column: Column) -> Shown {
    fn all<T>(values: Vec<Option<T>>, show: impl Fn(T) -> String) -> Vec<String> {
        values.into_iter().map(|value| value.map_or_else(|| MISSING.into(), &show)).collect()
    }
    let right = matches!(column, Column::Int(_) | Column::Float(_));
    let cells = match column {
        Column::Bool(values) => all(values, |value| value.to_string()),
        Column::Int(values) => all(values, |value| value.to_string()),
        Column::Float(values) => figures(&values, MISSING),
        Column::Text(values) => all(values, |value| cut(&value, TEXT)),
        Column::List(values) => all(values, |value| list(&value)),
    };
    Shown { name, right, cells }
}

fn rows(count: usize) -> String {
    format!("{count} more row{}", if count == 1 { "" } else { "s" })
}

impl Table {
    /// The columns of the rows to show, and how many rows are left out.
    fn folded(&self, most: usize) -> (Vec<Shown>, usize) {
        // One row more is shown rather than spoken of.
        let left_out = if self.height() <= most + 1 { 0 } else { self.height() - most };
        let head = self.head(self.height() - left_out);
        let columns = head.all().unwrap_or_default();
        (columns.into_iter().map(|(name, column)| shown(name, column)).collect(), left_out)
    }

    /// The table for a terminal of `places` characters: numbers right and rounded to four digits, long tables
    /// folded after 20 rows, texts cut and then columns left out where it would be too wide, both said below.
    pub fn to_text(&self, places: usize) -> String {
        self.to_text_of(places, ROWS)
    }

    /// As [`Table::to_text`], folded after `rows` rows.
    pub fn to_text_of(&self, places: usize, rows_shown: usize) -> String {
        let (mut columns, rows_out) = self.folded(rows_shown);
        if columns.is_empty() {
            return "an empty table".into();
        }
        let fits = |columns: &[Shown]| {
            columns.iter().map(Shown::width).sum::<usize>() + GAP.len() * columns.len().saturating_sub(1) <= places
        };
        if !fits(&columns) {
            for column in columns.iter_mut().filter(|column| !column.right) {
                let most = NARROW.max(width(&column.name));
                column.cells.iter_mut().for_each(|cell| *cell = cut(cell, most));
            }
        }
        let mut left_out = Vec::new();
        while columns.len() > 1 && !fits(&columns) {
            left_out.extend(columns.pop().map(|column| column.name));
        }
        left_out.reverse();

        let widths: Vec<usize> = columns.iter().map(Shown::width).collect();
        let line = |cell: &dyn Fn(&Shown) -> String| {
            let cells: Vec<_> = columns
                .iter()
                .zip(&widths)
                .map(|(column, most)| {
                    let cell = cell(column);
                    let space = " ".repeat(most - width(&cell));
                    if column.right { format!("{space}{cell}") } else { format!("{cell}{space}") }
                })
                .collect();
            cells.join(GAP).trim_end().to_string()
        };
        let mut lines = vec![line(&|column| column.name.clone())];
        lines.push(widths.iter().map(|most| "─".repeat(*most)).collect::<Vec<_>>().join(GAP));
        let height = columns.first().map_or(0, |column| column.cells.len());
        lines.extend((0..height).map(|row| line(&|column| column.cells[row].clone())));
        match (height, rows_out) {
            (0, _) => lines.push("no rows".into()),
            (_, 0) => {}
            (_, count) => lines.push(format!("… {}", rows(count))),
        }
        if !left_out.is_empty() {
            let plural = if left_out.len() == 1 { "" } else { "s" };
            lines.push(format!("… {} more column{plural}: {}", left_out.len(), left_out.join(", ")));
        }
        lines.join("\n")
    }

    /// The table as HTML, its texts escaped; long tables folded after 60 rows.
    pub fn to_html(&self) -> String {
        let (columns, rows_out) = self.folded(3 * ROWS);
        let row = |tag: &str, cell: &dyn Fn(&Shown) -> &str| {
            let cells: String = columns
                .iter()
                .map(|column| {
                    let side = if column.right { "right" } else { "left" };
                    format!("<{tag} style=\"text-align:{side}\">{}</{tag}>", escape(cell(column)))
                })
                .collect();
            format!("<tr>{cells}</tr>\n")
        };
        let height = columns.first().map_or(0, |column| column.cells.len());
        let body: String = (0..height).map(|at| row("td", &|column| &column.cells[at])).collect();
        let mut html = format!(
            "<table>\n<thead>{}</thead>\n<tbody>\n{body}</tbody>\n</table>",
            row("th", &|column| &column.name).trim_end()
        );
        if rows_out > 0 {
            html += &format!("\n<p>… {}</p>", rows(rows_out));
        }
        html
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

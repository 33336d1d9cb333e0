//! Tables in a terminal: they fit its width, and say what they leave out.

use super::Table;
use super::look::{MISSING, Shown, cut, width};

/// Longest text of a cell.
const TEXT: usize = 40;
/// Shortest width a column of texts is cut to before columns are left out.
const NARROW: usize = 12;
/// Fewest places a table is laid out for.
const LEAST: usize = 20;
/// Lines for the names of columns that are left out.
const LINES: usize = 6;
const GAP: &str = "  ";

/// How a table is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Characters a line.
    pub places: usize,
    /// Rows shown of a table that is folded.
    pub rows: usize,
    /// Whether what is less important is dimmed, with terminal codes.
    pub colour: bool,
}

impl Default for View {
    fn default() -> Self {
        Self { places: places(), rows: 20, colour: false }
    }
}

/// Characters a line where nobody says: of the environment's `COLUMNS`, or 100.
pub fn places() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.trim().parse().ok());
    told.filter(|places| *places >= LEAST).unwrap_or(100)
}

/// How a part of a table is painted.
#[derive(Clone, Copy)]
enum Paint {
    Plain,
    Bold,
    Dim,
}

impl View {
    fn paint(&self, text: &str, paint: Paint) -> String {
        match paint {
            Paint::Bold if self.colour => format!("\u{1b}[1m{text}\u{1b}[0m"),
            Paint::Dim if self.colour => format!("\u{1b}[2m{text}\u{1b}[0m"),
            _ => text.into(),
        }
    }
}

/// A whole number with commas between thousands.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "4,980 more rows".
pub(super) fn more(count: usize, what: &str) -> String {
    format!("{} more {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A column with the places it gets.
struct Laid {
    column: Shown,
    head: String,
    natural: usize,
    width: usize,
}

impl Laid {
    fn new(mut column: Shown) -> Self {
        column.align();
        if !column.right {
            column.cells.iter_mut().flatten().for_each(|cell| *cell = cut(cell, TEXT));
        }
        // The kind is told only where the cells would deceive.
        let head = cut(&column.name, TEXT) + if column.disguised { " (text)" } else { "" };
        let cells = column.cells.iter().map(|cell| cell.as_deref().map_or(1, width));
        let natural = cells.chain([width(&head)]).max().unwrap_or(0);
        Self { column, head, natural, width: natural }
    }

    /// The fewest places it can do with.
    fn least(&self) -> usize {
        if self.column.right { self.natural } else { self.natural.min(NARROW.max(width(&self.head))) }
    }

    /// `text` in the column's width, at its side; the spaces are not painted.
    fn field(&self, text: &str, paint: Paint, view: &View) -> String {
        let text = cut_to(text, self.width);
        let space = " ".repeat(self.width.saturating_sub(width(&text)));
        let painted = view.paint(&text, paint);
        if self.column.right { format!("{space}{painted}") } else { format!("{painted}{space}") }
    }
}

/// `text` if it fits, else cut.
fn cut_to(text: &str, most: usize) -> String {
    if width(text) <= most { text.into() } else { cut(text, most) }
}

/// Gives columns widths that fit together, the widest giving way first; returns the names of the last ones, which do not.
fn lay(columns: &mut Vec<Laid>, places: usize) -> Vec<String> {
    let needed = |columns: &[Laid], each: fn(&Laid) -> usize| {
        columns.iter().map(each).sum::<usize>() + GAP.len() * columns.len().saturating_sub(1)
    };
    let mut left_out = Vec::new();
    while columns.len() > 1 && needed(columns, Laid::least) > places {
        left_out.extend(columns.pop().map(|laid| laid.column.name));
    }
    left_out.reverse();
    for _ in places..needed(columns, |laid| laid.natural) {
        let widest = columns.iter_mut().filter(|laid| laid.width > laid.least()).max_by_key(|laid| laid.width);
        match widest {
            Some(laid) => laid.width -= 1,
            None => break,
        }
    }
    // One column alone can still be too wide.
    columns.iter_mut().for_each(|laid| laid.width = laid.width.min(places));
    left_out
}

/// The names of columns left out, in lines of at most `places` characters.
fn names_below(names: &[String], places: usize) -> Vec<String> {
    let mut lines = vec![format!("… {}:", more(names.len(), "column"))];
    for (at, name) in names.iter().enumerate() {
        let name = cut(name, TEXT.min(places.saturating_sub(3))) + if at + 1 < names.len() { "," } else { "" };
        let last = lines.len() - 1;
        if width(&lines[last]) + 1 + width(&name) <= places {
            lines[last] = format!("{} {name}", lines[last]);
        } else if lines.len() < LINES {
            lines.push(format!("  {name}"));
        } else {
            lines.push(format!("  and {} others", names.len() - at));
            break;
        }
    }
    lines
}

impl Table {
    /// The columns of the rows to show, how many rows are left out, and before which of those shown.
    pub(super) fn folded(&self, most: usize) -> (Vec<Shown>, usize, usize) {
        let height = self.height();
        // One row more is shown rather than spoken of.
        if height <= most + 1 {
            return (self.shown().unwrap_or_default(), 0, height);
        }
        let first = most.div_ceil(2);
        let rows: Vec<usize> = (0..first).chain(height - (most - first)..height).collect();
        let columns = self.take(&rows).and_then(|table| table.shown()).unwrap_or_default();
        (columns, height - most, first)
    }

    /// The table for a terminal of `places` characters: numbers rounded and their points under each other, long tables
    /// folded in the middle, texts cut and then columns left out where it would be too wide, both said.
    pub fn to_text(&self, places: usize) -> String {
        self.to_text_as(&View { places, ..View::default() })
    }

    /// The table as `view` says.
    pub fn to_text_as(&self, view: &View) -> String {
        let (columns, rows_out, fold) = self.folded(view.rows.max(1));
        if columns.is_empty() {
            return "an empty table".into();
        }
        let places = view.places.max(LEAST);
        let mut columns: Vec<Laid> = columns.into_iter().map(Laid::new).collect();
        let left_out = lay(&mut columns, places);

        let line = |field: &dyn Fn(&Laid) -> String| {
            let fields: Vec<_> = columns.iter().map(field).collect();
            fields.join(GAP).trim_end().to_string()
        };
        let mut lines = vec![line(&|laid| laid.field(&laid.head, Paint::Bold, view))];
        lines.push(line(&|laid| view.paint(&"─".repeat(laid.width), Paint::Dim)));
        let height = columns.first().map_or(0, |laid| laid.column.cells.len());
        for row in 0..height {
            if rows_out > 0 && row == fold {
                lines.push(view.paint(&format!("… {}", more(rows_out, "row")), Paint::Dim));
            }
            lines.push(line(&|laid| match &laid.column.cells[row] {
                Some(text) => laid.field(text, Paint::Plain, view),
                None => laid.field(MISSING, Paint::Dim, view),
            }));
        }
        if rows_out > 0 && fold == height {
            lines.push(view.paint(&format!("… {}", more(rows_out, "row")), Paint::Dim));
        }
        if height == 0 {
            lines.push(view.paint("no rows", Paint::Dim));
        }
        if !left_out.is_empty() {
            lines.extend(names_below(&left_out, places).iter().map(|text| view.paint(text, Paint::Dim)));
        }
        lines.join("\n")
    }
}

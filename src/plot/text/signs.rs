//! The characters and colours of text plots: for terminals with Unicode, and for those without.

use super::TextStyle;
use crate::plot::ramp::SHAPES;

pub(super) struct Signs {
    /// Marks by shape.
    marks: [char; SHAPES],
    /// Dots of a line: none, in the upper half, in the lower half, in both.
    pub(super) dots: [char; 4],
    pub(super) side: char,
    pub(super) tick: char,
    pub(super) corner: char,
    pub(super) floor: char,
    pub(super) under: char,
    /// Parts of a bar, from an eighth to the whole; one of them is a whole where there are no parts.
    pub(super) bar: &'static [char],
    /// From the lowest value to the highest.
    pub(super) shades: &'static [char],
    pub(super) line: &'static str,
}

const UNICODE: Signs = Signs {
    marks: ['●', '■', '▲', '◆', '▼', '✚', '⬢'],
    dots: [' ', '⠉', '⣀', '⣉'],
    side: '│',
    tick: '┤',
    corner: '└',
    floor: '─',
    under: '┬',
    bar: &['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'],
    shades: &['·', '░', '▒', '▓', '█'],
    line: "⠒⠒",
};
const ASCII: Signs = Signs {
    marks: ['o', '#', '^', '*', 'v', '+', 'x'],
    dots: [' ', '\'', '.', ':'],
    side: '|',
    tick: '+',
    corner: '+',
    floor: '-',
    under: '+',
    bar: &['#'],
    shades: &['.', ':', '-', '=', '+', '*', '#', '%', '@'],
    line: "..",
};

/// Colours of a terminal with 256 of them, near those of the palette and readable on black and white.
const COLOURS: [u8; SHAPES] = [32, 166, 36, 175, 172, 74, 244];

impl Signs {
    pub(super) fn of(style: &TextStyle) -> &'static Self {
        if style.unicode { &UNICODE } else { &ASCII }
    }

    /// The mark of a place in the palette; behind the shapes come letters.
    pub(super) fn mark(&self, place: usize) -> char {
        match place.checked_sub(SHAPES) {
            None => self.marks[place],
            Some(more) => char::from(b'a' + (more % 26) as u8),
        }
    }
}

/// `text` in the colour of `ink`, on terminals with colours.
pub(super) fn paint(text: &str, ink: Option<usize>, style: &TextStyle) -> String {
    match ink {
        Some(place) if style.colour && !text.trim().is_empty() => {
            format!("\u{1b}[38;5;{}m{text}\u{1b}[0m", COLOURS[place % SHAPES])
        }
        _ => text.into(),
    }
}

/// `text` in `width` characters at most.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width { text.into() } else { text.chars().take(width.saturating_sub(1)).chain(['…']).collect() }
}

/// `text` with nothing but ASCII.
pub(super) fn plain(text: &str) -> String {
    let letter = |letter: char| match letter {
        '−' | '–' | '—' => '-',
        '…' => '~',
        'µ' => 'u',
        '·' => '.',
        '×' => 'x',
        '²' => '2',
        '³' => '3',
        '’' => '\'',
        '“' | '”' => '"',
        _ if letter.is_ascii() => letter,
        _ => '?',
    };
    text.chars().map(letter).collect()
}

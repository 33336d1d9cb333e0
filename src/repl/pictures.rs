//! Pictures: shown where the terminal can show them, else kept as a file whose path is told.

use std::path::PathBuf;

use image::ImageFormat;
use viuer::{Config, is_iterm_supported};

use crate::base::write_atomic;

/// Pixels across a picture.
pub(super) const PIXELS: u32 = 1280;
/// Columns that a picture takes, at most.
const COLUMNS: usize = 90;

/// Where pictures go.
#[derive(Debug)]
pub(super) struct Pictures {
    shows: bool,
    folder: PathBuf,
}

/// What became of a picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Became {
    /// It is on the screen.
    Shown,
    /// It is in a file.
    Kept(PathBuf),
    /// Neither was possible.
    Nothing,
}

impl Pictures {
    /// Pictures on this terminal, else in `folder`.
    pub fn new(folder: PathBuf) -> Self {
        // From what the environment says. To ask the terminal itself would leave its answer among what is typed.
        let says = |name: &str, words: &[&str]| {
            std::env::var(name).is_ok_and(|value| words.iter().any(|word| value.to_lowercase().contains(word)))
        };
        let kitty = says("TERM", &["kitty", "ghostty"]) || says("TERM_PROGRAM", &["ghostty"]);
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
        Self { shows: terminal && (kitty || is_iterm_supported()), folder }
    }

    /// Shows or keeps the picture of input `number`.
    pub fn put(&self, png: &[u8], number: usize) -> Became {
        if self.shows && show(png) {
            return Became::Shown;
        }
        let file = self.folder.join(format!("{number}.png"));
        match write_atomic(&file, png) {
            Ok(()) => Became::Kept(file),
            Err(_) => Became::Nothing,
        }
    }
}

fn show(png: &[u8]) -> bool {
    let Ok(picture) = image::load_from_memory_with_format(png, ImageFormat::Png) else { return false };
    let width = super::screen_columns().min(COLUMNS) as u32;
    let config = Config { width: Some(width), absolute_offset: false, ..Config::default() };
    viuer::print(&picture, &config).is_ok()
}

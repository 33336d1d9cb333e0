//! The figures' own font, so that a PNG looks the same on every machine, and the width of words in it.

use std::sync::LazyLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// Family as SVG names it; the first one is embedded for PNG, the others are what a viewer may have.
pub(super) const FAMILY: &str = "Roboto, Open Sans, Helvetica Neue, Arial, sans-serif";

/// The drawing library's font size for 1 em. The embedded fonts carry this height as well.
const SIZE_PER_EM: f64 = 1.24;

/// The font files: of the usual weight, and of the medium one for headings.
pub(super) const FILES: [&[u8]; 2] = [include_bytes!("font/Roboto-Regular.ttf"), include_bytes!("font/Roboto-Medium.ttf")];

static FONTS: LazyLock<bool> = LazyLock::new(|| {
    let regular = register_font(FAMILY, FontStyle::Normal, FILES[0]);
    regular.is_ok() && register_font(FAMILY, FontStyle::Bold, FILES[1]).is_ok()
});

/// The embedded font with `em` pixels to the em; `bold` is its medium weight.
pub(super) fn font(em: f64, bold: bool) -> FontDesc<'static> {
    assert!(*FONTS, "the embedded fonts are valid");
    FontDesc::new(FontFamily::Name(FAMILY), em * SIZE_PER_EM, if bold { FontStyle::Bold } else { FontStyle::Normal })
}

/// Width of `text` with `em` units to the em.
pub(super) fn width(text: &str, em: f64, bold: bool) -> f64 {
    // The library measures in whole pixels, so measure large.
    let large = 200.0;
    let measured = font(large, bold).layout_box(text).map_or(0, |((left, _), (right, _))| right - left);
    f64::from(measured) * em / large
}

//! How many panels stand beside each other, and the size that suits a figure.

use super::{Figure, Kind, Scale};

/// Columns and rows of `panels` panels.
pub(super) fn grid(panels: usize) -> (usize, usize) {
    let columns = match panels {
        0..=3 => panels.max(1),
        4 => 2,
        5..=9 => 3,
        _ => 4,
    };
    (columns, panels.div_ceil(columns).max(1))
}

/// The size of a figure for which none was chosen: larger for many panels and for many names.
pub(super) fn usual_size(figure: &Figure) -> (u32, u32) {
    let names = |scale: &Scale| if let Scale::Names(names) = scale { names.len() as u32 } else { 0 };
    let heat = figure.series.iter().any(|series| series.kind == Kind::Heat);
    let wide = 640.max(150 + 14 * names(&figure.x.scale));
    let high = 420.max(if heat { 150 + 16 * names(&figure.y.scale) } else { 0 });
    match grid(figure.facets.names.len()) {
        (1, 1) => (wide.min(2400), high.min(2400)),
        (columns, rows) => ((columns as u32 * 230 + 90).max(640), rows as u32 * 180 + 110),
    }
}

//! What of a figure has a place: points that are not finite are left out, and notes say so.

use std::borrow::Cow;

use super::{Figure, Kind, Point};

/// The figure without points that have no place, and a note for each series that lost some.
pub(super) fn placed(figure: &Figure) -> (Cow<'_, Figure>, Vec<String>) {
    if figure.series.iter().all(|series| series.points.iter().all(|point| fits(point) && bounded(point))) {
        return (Cow::Borrowed(figure), Vec::new());
    }
    let mut notes = Vec::new();
    let mut kept = figure.clone();
    for series in &mut kept.series {
        let total = series.points.len();
        series.points.retain(|point| fits(point) && (series.kind != Kind::Band || bounded(point)));
        let mut open = 0;
        for point in series.points.iter_mut().filter(|point| !bounded(point)) {
            (point.range, open) = (None, open + 1);
        }
        let of = if series.name.is_empty() { String::new() } else { format!(" of `{}`", series.name) };
        let lost = total - series.points.len();
        if lost > 0 {
            notes.push(format!("{lost} of the points{of} left out: not finite"));
        }
        if open > 0 {
            notes.push(format!("{open} of the intervals{of} left out: not finite"));
        }
    }
    notes.dedup();
    (Cow::Owned(kept), notes)
}

/// Whether a point has a place.
pub(super) fn fits(point: &Point) -> bool {
    [point.x, point.y, point.value.unwrap_or(0.0)].iter().all(|value| value.is_finite())
}

fn bounded(point: &Point) -> bool {
    point.range.is_none_or(|(low, high)| low.is_finite() && high.is_finite())
}

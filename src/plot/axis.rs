//! Axes: the range that data need, ticks at round numbers, values to places.

use super::{Axis, Figure, Kind, PlotFault, Point, Scale};
use crate::base::Result;

/// A tick: its value and the text beside it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) text: String,
}

/// An axis with its range settled.
#[derive(Debug, Clone)]
pub(super) struct Ruler {
    low: f64,
    high: f64,
    log: bool,
    names: Option<Vec<String>>,
    /// Values grow downwards, as the rows of a table do.
    down: bool,
}

impl Ruler {
    /// An even ruler from `low` to `high`, which differ.
    pub(super) fn even(low: f64, high: f64) -> Self {
        Self { low, high, log: false, names: None, down: false }
    }

    /// The names along it, if it is one of names.
    pub(super) fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// Where `value` lies: 0 at the low end, 1 at the high end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = if self.log { value.log10() } else { value };
        let share = (value - self.low) / (self.high - self.low);
        if self.down { 1.0 - share } else { share }
    }

    /// About `wanted` ticks at round numbers, inside the range; all names of an axis of names.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<Tick> {
        if let Some(names) = &self.names {
            return names.iter().enumerate().map(|(index, name)| Tick { at: index as f64, text: name.clone() }).collect();
        }
        let values = if self.log { self.log_values(wanted) } else { round_values(self.low, self.high, wanted) };
        let step = values.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        values.into_iter().map(|at| Tick { at, text: number(at, if self.log { at } else { step }) }).collect()
    }

    /// Decades, or the finest division of them that still has few enough values.
    fn log_values(&self, wanted: usize) -> Vec<f64> {
        let decades = |steps: &[f64]| -> Vec<f64> {
            (self.low.floor() as i32..=self.high.ceil() as i32)
                .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)))
                .filter(|value| (self.low - 1e-9..=self.high + 1e-9).contains(&value.log10()))
                .collect()
        };
        let finest = [&[1.0, 2.0, 3.0, 5.0, 7.0][..], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]].map(decades);
        let most = wanted + 2;
        match finest.into_iter().find(|values| values.len() <= most) {
            Some(values) if values.len() >= 3 => values,
            Some(_) => round_values(10_f64.powf(self.low), 10_f64.powf(self.high), wanted)
                .into_iter()
                .filter(|value| *value > 0.0)
                .collect(),
            None => {
                let all = decades(&[1.0]);
                let stride = all.len().div_ceil(most);
                all.into_iter().step_by(stride).collect()
            }
        }
    }
}

/// The rulers of both axes, wide enough for all data; `None` if the figure has no point. Values are finite.
pub(super) fn rulers(figure: &Figure) -> Result<Option<(Ruler, Ruler)>> {
    check_log(figure)?;
    if figure.series.iter().all(|series| series.points.is_empty()) {
        return Ok(None);
    }
    let has = |kind: Kind| figure.series.iter().any(|series| series.kind == kind);
    let x = ruler(figure, &figure.x, has(Kind::Bars).then_some(0.5), false, xs);
    let y = ruler(figure, &figure.y, None, has(Kind::Bars) || has(Kind::Histogram), ys);
    let down = y.names.is_some();
    Ok(Some((x, Ruler { down, ..y })))
}

fn xs(kind: Kind, point: &Point) -> Vec<f64> {
    match (kind, point.value) {
        (Kind::Histogram, Some(width)) => vec![point.x - width / 2.0, point.x + width / 2.0],
        _ => vec![point.x],
    }
}

fn ys(_: Kind, point: &Point) -> Vec<f64> {
    let (low, high) = point.range.unwrap_or((point.y, point.y));
    vec![point.y, low, high]
}

/// Refuses values that a logarithmic axis cannot show.
pub(super) fn check_log(figure: &Figure) -> Result<()> {
    let sides = [(&figure.x, xs as fn(Kind, &Point) -> Vec<f64>), (&figure.y, ys)];
    for (axis, values) in sides.into_iter().filter(|(axis, _)| axis.scale == Scale::Log) {
        for series in &figure.series {
            // A box without anything in it has no height that could be shown.
            let shown = series.points.iter().filter(|point| series.kind != Kind::Histogram || point.y > 0.0);
            let lowest: Vec<f64> =
                shown.map(|point| values(series.kind, point).into_iter().fold(f64::INFINITY, f64::min)).collect();
            let wrong: Vec<f64> = lowest.iter().copied().filter(|value| *value <= 0.0).collect();
            if let Some(&value) = wrong.first() {
                let (series, axis) = (series.name.clone(), axis.shown());
                return Err(PlotFault::Log { series, axis, value, count: wrong.len(), total: lowest.len() }.into());
            }
        }
    }
    Ok(())
}

fn ruler(figure: &Figure, axis: &Axis, margin: Option<f64>, from_zero: bool, values: impl Fn(Kind, &Point) -> Vec<f64>) -> Ruler {
    let log = axis.scale == Scale::Log;
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for series in &figure.series {
        for value in series.points.iter().flat_map(|point| values(series.kind, point)) {
            if log && value <= 0.0 {
                continue;
            }
            let value = if log { value.log10() } else { value };
            (low, high) = (low.min(value), high.max(value));
        }
    }
    if let Scale::Names(names) = &axis.scale {
        let last = high.max(names.len() as f64 - 1.0);
        return Ruler { low: low.min(0.0) - 0.5, high: last + 0.5, log, names: Some(names.clone()), down: false };
    }
    if low > high {
        (low, high) = (0.0, 1.0);
    }
    if from_zero && !log {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    let spread = high - low;
    let pad = match margin {
        Some(margin) => margin,
        None if spread > 0.0 => 0.05 * spread,
        None if low == 0.0 || log => 0.5,
        None => 0.1 * low.abs(),
    };
    // Bars stand on the axis.
    let stands = |end: f64| from_zero && !log && end == 0.0 && spread > 0.0;
    Ruler {
        low: if stands(low) { low } else { low - pad },
        high: if stands(high) { high } else { high + pad },
        log,
        names: None,
        down: false,
    }
}

/// Multiples of 1, 2, 2.5 or 5 times a power of ten within the range, about `wanted` of them.
fn round_values(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let step = round_step((high - low) / wanted.max(1) as f64);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|times| times as f64 * step).collect()
}

/// The least of 1, 2, 2.5 or 5 times a power of ten that is at least `rough`.
pub(super) fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * power);
    steps.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(power)
}

/// A number with the digits that a step of this size needs.
pub(super) fn number(value: f64, step: f64) -> String {
    if value == 0.0 || value.abs() < step * 1e-6 {
        return "0".into();
    }
    if value.abs() >= 1e6 || value.abs() < 1e-3 {
        return format!("{value:.2e}").replace(".00e", "e").replace("0e", "e").replace("-", "−");
    }
    let digits = if step.is_finite() {
        (0..=4).find(|&d| ((step * 10_f64.powi(d)).round() - step * 10_f64.powi(d)).abs() < 1e-6).unwrap_or(4)
    } else {
        2
    };
    let text = format!("{value:.*}", digits as usize).replace('-', "−");
    if value.abs() < 1e4 {
        return text;
    }
    // Thousands apart, so that 12,000 and 120,000 are told apart at a glance.
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    let (sign, digits) = whole.strip_prefix('−').map_or(("", whole), |digits| ("−", digits));
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    format!("{sign}{}{rest}", groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(low: f64, high: f64, log: bool, wanted: usize) -> Vec<String> {
        let ruler = Ruler { log, ..Ruler::even(low, high) };
        ruler.ticks(wanted).into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn ticks_are_round_numbers_with_the_digits_they_need() {
        assert_eq!(texts(0.0, 1.0, false, 5), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(71.2, 76.9, false, 5), ["72", "74", "76"]);
        assert_eq!(texts(-0.3, 0.31, false, 5), ["−0.2", "0", "0.2"]);
        assert_eq!(texts(0.0, 40_000.0, false, 4), ["0", "10,000", "20,000", "30,000", "40,000"]);
    }

    #[test]
    fn log_ticks_fit_their_range() {
        assert_eq!(texts(-1.0, 2.0, true, 6), ["0.1", "0.3", "1", "3", "10", "30", "100"]);
        assert_eq!(texts(0.0, 12.0, true, 4).len(), 5);
        assert!(texts(0.01, 0.05, true, 5).len() >= 3, "{:?}", texts(0.01, 0.05, true, 5));
    }
}

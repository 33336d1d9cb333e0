//! The boxes of a histogram: edges at round numbers, wide enough to show the shape and not the noise.

use super::axis::round_step;

/// Most boxes that a histogram chooses by itself.
const MOST: usize = 60;

/// The edges of the boxes for `values`, all finite; with `log`, all above zero and the boxes grow evenly by logarithm.
/// `wanted` asks for that many boxes from the least value to the greatest.
pub(super) fn edges(values: &[f64], wanted: Option<usize>, log: bool) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().map(|value| if log { value.log10() } else { *value }).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let back = |edge: f64| if log { 10_f64.powf(edge) } else { edge };
    if low >= high {
        let half = if low == 0.0 || log { 0.5 } else { 0.05 * low.abs() };
        return vec![back(low - half), back(high + half)];
    }
    let even = |count: usize| (0..=count).map(|at| back(low + (high - low) * at as f64 / count as f64)).collect();
    if let Some(count) = wanted {
        return even(count);
    }
    // Freedman and Diaconis: the spread of the middle half says how wide; Sturges where that half is one value.
    let size = sorted.len() as f64;
    let quantile = |share: f64| sorted[((size - 1.0) * share).round() as usize];
    let wide = 2.0 * (quantile(0.75) - quantile(0.25)) / size.cbrt();
    let wide = if wide > 0.0 { wide } else { (high - low) / (size.log2() + 1.0) };
    let count = ((high - low) / wide).ceil().clamp(5.0, MOST as f64);
    if log {
        return even(count as usize);
    }
    let step = round_step((high - low) / count);
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil().max(first + 1.0);
    (0..=(last - first) as usize).map(|at| (first + at as f64) * step).collect()
}

/// How many of `values` lie in each box; a value on an edge counts above it, the greatest in the last box.
pub(super) fn counts(values: impl Iterator<Item = f64>, edges: &[f64]) -> Vec<usize> {
    let mut counts = vec![0; edges.len().saturating_sub(1)];
    let last = counts.len().saturating_sub(1);
    for value in values {
        let above = edges.partition_point(|edge| *edge <= value);
        if let Some(count) = counts.get_mut(above.saturating_sub(1).min(last)) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_box_with_round_edges() {
        let values: Vec<f64> = (0..200).map(|i| f64::from(i * i % 97) / 10.0).collect();
        let own = edges(&values, None, false);
        assert!((5..=61).contains(&own.len()), "{own:?}");
        assert_eq!(counts(values.iter().copied(), &own).iter().sum::<usize>(), 200);
        assert!(own[0] <= 0.0 && own[own.len() - 1] >= 9.6, "{own:?}");
        assert_eq!(edges(&[0.0, 4.0], Some(4), false), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(counts([0.0, 1.0, 4.0].into_iter(), &[0.0, 1.0, 2.0, 3.0, 4.0]), [1, 1, 0, 1]);
        assert_eq!(edges(&[3.0, 3.0], None, false).len(), 2);
        assert!(edges(&[], None, false).is_empty());
    }
}

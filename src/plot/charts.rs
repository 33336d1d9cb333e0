//! The charts that the lab draws most, from plain numbers.

use super::{Axis, Figure, Kind, Point, Scale, Series};

/// Indices of the points that no other one beats (smaller x and larger y), by growing x.
/// Of equal points the first counts.
pub fn pareto(points: &[Point]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| points[a].x.total_cmp(&points[b].x).then(points[b].y.total_cmp(&points[a].y)));
    let mut best = f64::NEG_INFINITY;
    order.retain(|&index| {
        let better = points[index].y > best;
        best = best.max(points[index].y);
        better
    });
    order
}

impl Figure {
    /// Accuracy over cost: the networks of each group as marks, the best of them joined.
    ///
    /// `groups` holds a name and the points (cost, accuracy) of each; the labels carry the units.
    pub fn fronts(title: &str, x_label: &str, y_label: &str, groups: Vec<(String, Vec<Point>)>) -> Self {
        let figure = Self::new(title, Axis::linear(x_label), Axis::linear(y_label));
        groups.into_iter().fold(figure, |figure, (name, points)| figure.with(Series::new(name, Kind::Front, points)))
    }

    /// A search: every score in the order of evaluation as a dot, the best so far as a line (`None`: the evaluation failed).
    pub fn history(title: &str, y_label: &str, scores: &[Option<f64>]) -> Self {
        let dots: Vec<Point> = scores
            .iter()
            .enumerate()
            .filter_map(|(index, score)| score.map(|score| Point::new(index as f64 + 1.0, score)))
            .collect();
        let mut best: Vec<Point> = Vec::new();
        for dot in &dots {
            if best.last().is_none_or(|last| dot.y > last.y) {
                best.push(Point::new(dot.x, dot.y));
            }
        }
        if let (Some(last), false) = (best.last().map(|last| last.y), scores.is_empty()) {
            best.push(Point::new(scores.len() as f64, last));
        }
        Self::new(title, Axis::linear("evaluations"), Axis::linear(y_label))
            .with(Series::new("evaluated", Kind::Dots, dots).coloured(6))
            .with(Series::new("best so far", Kind::Step, best).coloured(0))
    }

    /// Groups of bars: for each of `names` one bar of every series.
    pub fn bars(title: &str, y_label: &str, names: Vec<String>, series: Vec<(String, Vec<f64>)>) -> Self {
        let x = Axis { scale: Scale::Names(names), ..Axis::linear("") };
        let figure = Self::new(title, x, Axis::linear(y_label));
        series.into_iter().fold(figure, |figure, (name, values)| {
            let points = values.into_iter().enumerate().map(|(index, value)| Point::new(index as f64, value)).collect();
            figure.with(Series::new(name, Kind::Bars, points))
        })
    }
}

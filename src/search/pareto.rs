//! Two objectives at once: the front of what nothing else beats, and the area it covers.

/// Indices of the points `(cost, gain)` that no other point beats, a lower cost and a higher gain being better,
/// in order of cost. Of equal points the first stays; points that are not numbers never do.
pub fn pareto_front(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<_> = (0..points.len()).filter(|&at| !points[at].0.is_nan() && !points[at].1.is_nan()).collect();
    order.sort_by(|&a, &b| points[a].0.total_cmp(&points[b].0).then(points[b].1.total_cmp(&points[a].1)).then(a.cmp(&b)));
    let mut best: Option<f64> = None;
    order.retain(|&at| {
        let stays = best.is_none_or(|best| points[at].1 > best);
        if stays {
            best = Some(points[at].1);
        }
        stays
    });
    order
}

/// The area between a front and a reference point `(cost, gain)` that is worse than it: larger is better. Points
/// that the reference beats in either objective add nothing.
pub fn hypervolume(points: &[(f64, f64)], reference: (f64, f64)) -> f64 {
    let inside: Vec<_> = points.iter().copied().filter(|point| point.0 < reference.0 && point.1 > reference.1).collect();
    let front = pareto_front(&inside);
    let mut area = 0.0;
    for (place, &at) in front.iter().enumerate() {
        let (cost, gain) = inside[at];
        let next = front.get(place + 1).map_or(reference.0, |&next| inside[next].0);
        area += (next - cost) * (gain - reference.1);
    }
    area
}

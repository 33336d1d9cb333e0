//! Several objectives at once: the front of what nothing else beats, what it covers, and where it bends. Costs: smaller is better.

/// Whether `a` is nowhere worse than `b`, and somewhere better.
fn beats(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a.iter().zip(b).any(|(a, b)| a < b)
}

/// Whether `a` stands before `b` when whoever beats another is to come before it.
fn before(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    // Zeros of either sign are one.
    let differ = a.iter().zip(b).map(|(a, b)| (a + 0.0).total_cmp(&(b + 0.0))).find(|order| order.is_ne());
    differ.unwrap_or(std::cmp::Ordering::Equal)
}

/// Indices of the points (costs, all of one length) that no other point beats, in their order. Of equal points the first
/// stays; points with a NaN never do.
pub fn pareto_front(points: &[Vec<f64>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).filter(|&at| points[at].iter().all(|cost| !cost.is_nan())).collect();
    // Only what stays has to be asked: whoever beats a point comes before it.
    order.sort_by(|&a, &b| before(&points[a], &points[b]));
    let mut front: Vec<usize> = Vec::new();
    for at in order {
        let worse = |&other: &usize| beats(&points[other], &points[at]) || points[other] == points[at];
        if !front.iter().any(worse) {
            front.push(at);
        }
    }
    front.sort_unstable();
    front
}

/// The front of each point (costs, all of one length) by non-dominated sorting: 0 for those that no other point beats, 1 for
/// those that only points of front 0 beat, and so on. Equal points share a front. A NaN is worse than any number.
///
/// Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II" (2002).
pub fn pareto_ranks(points: &[Vec<f64>]) -> Vec<usize> {
    let known = |cost: &f64| if cost.is_nan() { f64::INFINITY } else { *cost };
    let points: Vec<Vec<f64>> = points.iter().map(|point| point.iter().map(known).collect()).collect();
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| before(&points[a], &points[b]));
    let mut ranks = vec![0; points.len()];
    for (place, &at) in order.iter().enumerate() {
        // One front behind the last of those that beat it.
        let better = order[..place].iter().filter(|&&other| beats(&points[other], &points[at]));
        ranks[at] = better.map(|&other| ranks[other] + 1).max().unwrap_or(0);
    }
    ranks
}

/// The volume between the points and a `reference` that is worse than they are: larger is better. Points that are not better
/// than the reference in every cost add nothing. With m costs and n points on the front it takes O(n^(m-1) log n).
///
/// After Zitzler and Thiele, "Multiobjective evolutionary algorithms: a comparative case study" (1999), by slices along the
/// last cost.
pub fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let inside = |point: &&Vec<f64>| point.iter().zip(reference).all(|(cost, worst)| cost < worst);
    volume(&points.iter().filter(inside).cloned().collect::<Vec<_>>(), reference)
}

fn volume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let Some((&end, lower)) = reference.split_last() else { return 1.0 };
    let last = lower.len();
    let mut points: Vec<Vec<f64>> = pareto_front(points).into_iter().map(|at| points[at].clone()).collect();
    points.sort_by(|a, b| a[last].total_cmp(&b[last]));
    if lower.is_empty() {
        return points.first().map_or(0.0, |point| end - point[0]);
    }
    let tops: Vec<f64> = points.iter().map(|point| point[last]).chain([end]).collect();
    let slice = |count: usize| points[..count].iter().map(|point| point[..last].to_vec()).collect::<Vec<_>>();
    (1..=points.len())
        .filter(|&count| tops[count] > tops[count - 1])
        .map(|count| (tops[count] - tops[count - 1]) * volume(&slice(count), lower))
        .sum()
}

/// The index of the point at which the front bends most: gaining in one cost begins to lose more in the others. `None`
/// without points.
///
/// It is the point farthest from the plane through the ends of the front, each cost counted in parts of its range there:
/// Das, "On characterizing the 'knee' of the Pareto curve based on normal-boundary intersection" (1999).
pub fn knee(points: &[Vec<f64>]) -> Option<usize> {
    let mut front = pareto_front(points);
    // An infinite cost has no part of a range.
    front.retain(|&at| points[at].iter().all(|cost| cost.is_finite()));
    let ends = |objective: usize| {
        let costs = front.iter().map(|&at| points[at][objective]);
        (costs.clone().fold(f64::INFINITY, f64::min), costs.fold(f64::NEG_INFINITY, f64::max))
    };
    let ranges: Vec<(f64, f64)> = (0..points.first()?.len()).map(ends).collect();
    let parts = |at: usize| -> f64 {
        let part = |(cost, (low, high)): (&f64, &(f64, f64))| if high > low { (cost - low) / (high - low) } else { 0.0 };
        points[at].iter().zip(&ranges).map(part).sum()
    };
    front.into_iter().min_by(|&a, &b| parts(a).total_cmp(&parts(b)))
}

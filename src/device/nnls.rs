//! Least squares with non-negative coefficients, by coordinate descent.

/// The non-negative `x` with the least |A x - b|^2 + ridge |D x|^2, where D scales each column to length one.
/// `rows` are the rows of A; all have the length of the result.
pub(super) fn nnls(rows: &[Vec<f64>], b: &[f64], ridge: f64) -> Vec<f64> {
    let n = rows.first().map_or(0, Vec::len);
    let norms: Vec<f64> = (0..n).map(|j| rows.iter().map(|row| row[j] * row[j]).sum::<f64>().sqrt()).collect();
    let scale = |j: usize| if norms[j] > 0.0 { 1.0 / norms[j] } else { 0.0 };
    let gram: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| rows.iter().map(|row| row[i] * row[j]).sum::<f64>() * scale(i) * scale(j)).collect())
        .collect();
    let target: Vec<f64> = (0..n).map(|j| rows.iter().zip(b).map(|(row, b)| row[j] * b).sum::<f64>() * scale(j)).collect();
    let mut x = vec![0.0; n];
    for _ in 0..4_000 {
        let mut moved: f64 = 0.0;
        for j in 0..n {
            if norms[j] <= 0.0 {
                continue;
            }
            let slope = target[j] - gram[j].iter().zip(&x).map(|(g, x)| g * x).sum::<f64>() - ridge * x[j];
            let next = (x[j] + slope / (gram[j][j] + ridge)).max(0.0);
            moved = moved.max((next - x[j]).abs());
            x[j] = next;
        }
        if moved < 1e-8 {
            break;
        }
    }
    x.iter().enumerate().map(|(j, x)| x * scale(j)).collect()
}

#[cfg(test)]
mod tests {
    use super::nnls;

    #[test]
    fn recovers_non_negative_coefficients_and_stops_at_zero() {
        let rows = vec![vec![1.0, 0.0], vec![1.0, 1.0], vec![1.0, 2.0], vec![2.0, 5.0]];
        let b: Vec<f64> = rows.iter().map(|row| 3.0 * row[0] + 0.5 * row[1]).collect();
        let x = nnls(&rows, &b, 0.0);
        assert!((x[0] - 3.0).abs() < 1e-4 && (x[1] - 0.5).abs() < 1e-4, "{x:?}");
        let falling: Vec<f64> = rows.iter().map(|row| 3.0 * row[0] - 0.5 * row[1]).collect();
        let x = nnls(&rows, &falling, 0.0);
        assert!(x[1] == 0.0 && x[0] > 0.0, "{x:?}");
    }
}

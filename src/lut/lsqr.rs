//! Sparse least squares: the method LSQR of Paige and Saunders (ACM TOMS 8, 1982), for rows that are sums of unknowns.

/// A matrix whose rows are sums: each lists the unknowns that it adds, one as often as it is added.
#[derive(Debug, Default)]
pub(super) struct Sums {
    starts: Vec<usize>,
    unknowns: Vec<u32>,
    /// Number of unknowns.
    pub(super) width: usize,
}

impl Sums {
    /// Adds a row.
    pub(super) fn push(&mut self, unknowns: impl IntoIterator<Item = u32>) {
        self.unknowns.extend(unknowns);
        self.starts.push(self.unknowns.len());
    }

    fn rows(&self) -> impl Iterator<Item = &[u32]> {
        let begins = std::iter::once(0).chain(self.starts.iter().copied());
        begins.zip(&self.starts).map(|(begin, &end)| &self.unknowns[begin..end])
    }

    /// The rows' sums of `x`.
    pub(super) fn times(&self, x: &[f64]) -> Vec<f64> {
        self.rows().map(|row| row.iter().map(|&at| x[at as usize]).sum()).collect()
    }

    fn transposed_times(&self, y: &[f64], out: &mut [f64]) {
        for (row, y) in self.rows().zip(y) {
            for &at in row {
                out[at as usize] += y;
            }
        }
    }

    /// The `x` with the least squares of `times(x) - b`; of several the one nearest to zero, once each unknown is scaled by
    /// how often it occurs.
    pub(super) fn solve(&self, b: &[f64], tolerance: f64, most: usize) -> Vec<f64> {
        let mut often = vec![0.0_f64; self.width];
        self.unknowns.iter().for_each(|&at| often[at as usize] += 1.0);
        let scale: Vec<f64> = often.iter().map(|count| if *count > 0.0 { 1.0 / count.sqrt() } else { 0.0 }).collect();
        let forward = |v: &[f64], u: &mut [f64], keep: f64| {
            for (row, u) in self.rows().zip(u) {
                *u = row.iter().map(|&at| v[at as usize] * scale[at as usize]).sum::<f64>() - keep * *u;
            }
        };
        let mut u = b.to_vec();
        let mut beta = norm(&u);
        divide(&mut u, beta);
        let backward = |u: &[f64], v: &mut [f64], keep: f64| {
            let mut sum = vec![0.0; self.width];
            self.transposed_times(u, &mut sum);
            for ((v, sum), scale) in v.iter_mut().zip(sum).zip(&scale) {
                *v = sum * scale - keep * *v;
            }
        };
        let mut v = vec![0.0; self.width];
        backward(&u, &mut v, 0.0);
        let mut alpha = norm(&v);
        divide(&mut v, alpha);
        let (mut w, mut x) = (v.clone(), vec![0.0; self.width]);
        let (mut phi, mut rho) = (beta, alpha);
        let (first, mut size) = (alpha * beta, 0.0);
        for _ in 0..most {
            if alpha <= 0.0 || beta <= 0.0 {
                break;
            }
            forward(&v, &mut u, alpha);
            beta = norm(&u);
            divide(&mut u, beta);
            size += alpha * alpha + beta * beta;
            backward(&u, &mut v, beta);
            alpha = norm(&v);
            divide(&mut v, alpha);
            // The next plane rotation.
            let length = rho.hypot(beta);
            let (cosine, sine) = (rho / length, beta / length);
            let (step, turn) = (cosine * phi / length, sine * alpha / length);
            for ((x, w), v) in x.iter_mut().zip(&mut w).zip(&v) {
                *x += step * *w;
                *w = v - turn * *w;
            }
            rho = -cosine * alpha;
            phi *= sine;
            // The gradient's size, beside that of the first one.
            let gradient = phi * alpha * cosine.abs();
            if gradient <= tolerance * first || phi <= f64::EPSILON * size.sqrt() {
                break;
            }
        }
        x.iter_mut().zip(&scale).for_each(|(x, scale)| *x *= scale);
        x
    }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn divide(x: &mut [f64], by: f64) {
    if by > 0.0 {
        x.iter_mut().for_each(|x| *x /= by);
    }
}

#[cfg(test)]
mod tests {
    use super::Sums;

    #[test]
    fn sums_give_their_terms_back_where_they_decide_them() {
        let mut sums = Sums { width: 4, ..Sums::default() };
        for row in [vec![0, 1], vec![1, 1, 0], vec![2, 3], vec![0, 2, 3]] {
            sums.push(row);
        }
        let x = sums.solve(&sums.times(&[3.0, 5.0, 1.0, 2.0]), 1e-14, 100);
        // 2 and 3 occur together only: the solution nearest to zero shares their sum.
        for (found, wanted) in x.iter().zip([3.0, 5.0, 1.5, 1.5]) {
            assert!((found - wanted).abs() < 1e-9, "{x:?}");
        }
    }
}

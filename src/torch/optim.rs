//! Optimisers on the flat parameters.
//!
//! Scales and offsets of quantizers have units of their own. Under Adam, whose steps are as long as the learning rate
//! whatever the gradient, they move by that *fraction* of their scale (offsets: of their range of codes).

use std::ops::Range;

use spaceevo::train::{Decay, Rule, Update};
use tch::{Tensor, no_grad_guard};

use super::store::{Flat, Store};

/// Momentum of SGD.
const MOMENTUM: f64 = 0.9;
/// Decay of Adam's averages.
const BETAS: (f64, f64) = (0.9, 0.999);
const ADAM_EPS: f64 = 1e-8;
/// Where the rise of a learning rate begins, as a share of it.
const RISE_FROM: f64 = 0.001;

/// The state of one phase of training.
pub struct Optimizer {
    update: Update,
    state: State,
}

enum State {
    /// SGD with Nesterov momentum.
    Sgd { velocity: Tensor },
    /// Adam, with decay added to the gradient.
    Adam { mean: Tensor, square: Tensor, step: i32 },
}

impl Optimizer {
    /// An optimiser at rest.
    pub fn new(store: &Store, update: Update) -> Self {
        let zeros = || store.flat().values.zeros_like();
        let state = match update.rule {
            Rule::Sgd => State::Sgd { velocity: zeros() },
            Rule::Adam => State::Adam { mean: zeros(), square: zeros(), step: 0 },
        };
        Self { update, state }
    }

    /// After how many steps the cosine of the learning rate goes on.
    pub fn cosine_every(&self) -> usize {
        self.update.cosine_every
    }

    /// Back to rest.
    pub fn rest(&mut self) {
        let _guard = no_grad_guard();
        for mut average in self.state().1.into_iter().map(Tensor::shallow_clone) {
            let _ = average.zero_();
        }
        self.set_step(0);
    }

    /// Steps counted, where they count, and the averages, each as long as the parameters.
    pub fn state(&self) -> (i32, Vec<&Tensor>) {
        match &self.state {
            State::Sgd { velocity } => (0, vec![velocity]),
            State::Adam { mean, square, step } => (*step, vec![mean, square]),
        }
    }

    /// Sets the steps counted, where they count.
    pub fn set_step(&mut self, steps: i32) {
        if let State::Adam { step, .. } = &mut self.state {
            *step = steps;
        }
    }

    /// Forgets the gradients of the last step.
    pub fn clear(store: &Store) {
        let _guard = no_grad_guard();
        let _ = store.flat().grads.shallow_clone().zero_();
    }

    /// Moves the parameters by the gathered gradients.
    pub fn step(&mut self, store: &Store, lr: f64) {
        let _guard = no_grad_guard();
        let flat = store.flat();
        let mut grads = flat.grads.shallow_clone();
        let mut values = flat.values.shallow_clone();
        let Update { weight_decay, clip, .. } = self.update;
        if clip > 0.0 {
            let _ = grads.clamp_(-clip, clip);
        }
        if weight_decay > 0.0 {
            for range in self.decayed(flat) {
                let _ = part(&grads, &range).g_add_(&(part(&flat.values, &range) * weight_decay));
            }
        }
        match &mut self.state {
            State::Sgd { velocity } => {
                let _ = velocity.g_mul_scalar_(MOMENTUM).g_add_(&grads);
                let _ = grads.g_add_(&(&*velocity * MOMENTUM));
                let _ = values.g_sub_(&grads.g_mul_scalar_(lr));
            }
            State::Adam { mean, square, step } => {
                *step += 1;
                let (first, second) = BETAS;
                let _ = mean.lerp_(&grads, 1.0 - first);
                let _ = square.lerp_(&(&grads * &grads), 1.0 - second);
                let root = (&*square / (1.0 - second.powi(*step))).sqrt_().g_add_scalar_(ADAM_EPS);
                let mut move_by = (&*mean / root).g_mul_scalar_(lr / (1.0 - first.powi(*step)));
                scale_down(&move_by, flat);
                let _ = values.g_sub_(&move_by);
                let _ = move_by.detach_();
            }
        }
        store.keep_in_range();
    }

    /// Where parameters decay.
    fn decayed(&self, flat: &Flat) -> Vec<Range<i64>> {
        match self.update.decay {
            Decay::Weights => vec![flat.weights.clone()],
            Decay::Reference => vec![flat.weights.clone(), flat.gains.start..flat.offsets.end],
        }
    }
}

/// Turns Adam's steps of the quantizers into fractions of their scales; offsets into fractions of as many scales as there are
/// codes.
fn scale_down(move_by: &Tensor, flat: &Flat) {
    let scales = part(&flat.values, &flat.tensor_scales);
    let _ = part(move_by, &flat.weight_scales).g_mul_(&part(&flat.values, &flat.weight_scales));
    let _ = part(move_by, &flat.tensor_scales).g_mul_(&scales);
    let _ = part(move_by, &flat.offsets).g_mul_(&(scales * &flat.codes));
}

fn part(tensor: &Tensor, range: &Range<i64>) -> Tensor {
    tensor.narrow(0, range.start, range.end - range.start)
}

/// Learning rate of step `at` of `total`: linear over `warmup` steps, and a cosine from `lr` to zero that goes on every
/// `every` steps.
pub fn learning_rate(lr: f64, warmup: usize, every: usize, at: usize, total: usize) -> f64 {
    let rise = if at < warmup { RISE_FROM + (1.0 - RISE_FROM) * at as f64 / warmup as f64 } else { 1.0 };
    let every = every.max(1);
    let (at, total) = (at / every, (total / every).max(1));
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * at as f64 / total as f64).cos());
    lr * rise * cosine
}

#[cfg(test)]
mod tests {
    use super::*;
    use spaceevo::base::Seed;
    use spaceevo::graph::{Builder, ConvOptions, Shape, union_weights};
    use spaceevo::train::Lsq;

    #[test]
    fn the_learning_rate_is_that_of_the_reference() {
        let known =
            [(0, 0.0002), (1, 0.004_196), (25, 0.100_088_09), (49, 0.195_914_42), (50, 0.199_904_82), (1800, 0.1), (3599, 4e-8)];
        for (at, wanted) in known {
            let got = learning_rate(0.2, 50, 1, at, 3600);
            assert!((got - wanted).abs() <= 1e-4 * wanted + 1e-8, "{got} for {wanted} at {at}");
        }
        let stepwise: Vec<_> = [0, 19, 20, 39, 40, 59].iter().map(|&at| learning_rate(1.0, 0, 20, at, 60)).collect();
        let wanted = [1.0, 1.0, 0.75, 0.75, 0.25, 0.25];
        assert!(stepwise.iter().zip(wanted).all(|(got, wanted)| (got - wanted).abs() < 1e-9), "{stepwise:?}");
    }

    /// A convolution with bias, and a batch norm.
    fn store() -> Store {
        let mut b = Builder::new(Shape::new(3, 4, 4));
        let x = b.conv(b.input(), "conv", 2, ConvOptions { bias: true, ..ConvOptions::default() }).unwrap();
        let x = b.bn(x, Some("norm")).unwrap();
        let graph = b.finish(x);
        let specs = union_weights([graph.part("a")]).unwrap();
        Store::new(&specs, [("a", &graph)].into_iter(), Lsq::default(), Seed(1))
    }

    #[test]
    fn what_decays_is_what_was_asked_for_and_gradients_are_clipped() {
        let moved = |decay, range: &dyn Fn(&Flat) -> Range<i64>| {
            let store = store();
            let _guard = no_grad_guard();
            let _ = store.flat().values.shallow_clone().fill_(1.0);
            let update = Update { decay, weight_decay: 0.5, ..Update::sgd() };
            Optimizer::new(&store, update).step(&store, 0.1);
            (part(&store.flat().values, &range(store.flat())) - 1.0).abs().max().double_value(&[]) > 1e-3
        };
        for decay in [Decay::Weights, Decay::Reference] {
            let reference = decay == Decay::Reference;
            assert!(moved(decay, &|flat: &Flat| flat.weights.clone()));
            assert!(!moved(decay, &|flat: &Flat| flat.weights.end..flat.gains.start), "biases decay by {decay:?}");
            assert_eq!(moved(decay, &|flat: &Flat| flat.gains.clone()), reference);
            assert_eq!(moved(decay, &|flat: &Flat| flat.weight_scales.clone()), reference);
        }
        for (clip, moved_by) in [(1.0, 0.19), (0.0, 0.57)] {
            let store = store();
            let _guard = no_grad_guard();
            let before = store.flat().values.copy();
            let _ = store.flat().grads.shallow_clone().fill_(3.0);
            Optimizer::new(&store, Update { clip, weight_decay: 0.0, ..Update::sgd() }).step(&store, 0.1);
            let by = part(&(before - &store.flat().values), &store.flat().weights).mean(tch::Kind::Double).double_value(&[]);
            assert!((by - moved_by).abs() < 1e-6, "{by} with clip {clip}");
        }
    }
}

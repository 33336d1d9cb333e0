//! Optimisers on the flat parameters.
//!
//! Scales and offsets of quantizers have units of their own. Under Adam, whose steps are as long as the learning rate
//! whatever the gradient, they move by that *fraction* of their scale (offsets: of their range of 255 scales).

use std::ops::Range;

use tch::{Tensor, no_grad_guard};

use super::store::{Flat, Store};

/// Gradients are clipped to this size, value by value.
const CLIP: f64 = 1.0;
/// Momentum of SGD.
const MOMENTUM: f64 = 0.9;
/// Decay of Adam's averages.
const BETAS: (f64, f64) = (0.9, 0.999);
const ADAM_EPS: f64 = 1e-8;

/// The state of one phase of training.
pub enum Optimizer {
    /// SGD with Nesterov momentum.
    Sgd { velocity: Tensor, weight_decay: f64 },
    /// Adam, with decay added to the gradient.
    Adam { mean: Tensor, square: Tensor, step: i32, weight_decay: f64 },
}

impl Optimizer {
    /// SGD from rest.
    pub fn sgd(store: &Store, weight_decay: f64) -> Self {
        Self::Sgd { velocity: store.flat().values.zeros_like(), weight_decay }
    }

    /// Adam from rest.
    pub fn adam(store: &Store, weight_decay: f64) -> Self {
        let zeros = || store.flat().values.zeros_like();
        Self::Adam { mean: zeros(), square: zeros(), step: 0, weight_decay }
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
        match self {
            Self::Sgd { velocity, .. } => (0, vec![velocity]),
            Self::Adam { mean, square, step, .. } => (*step, vec![mean, square]),
        }
    }

    /// Sets the steps counted, where they count.
    pub fn set_step(&mut self, steps: i32) {
        if let Self::Adam { step, .. } = self {
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
        let _ = grads.clamp_(-CLIP, CLIP);
        let decay = |grads: &Tensor, amount: f64| {
            if amount > 0.0 {
                let _ = part(grads, &flat.decayed).g_add_(&(part(&flat.values, &flat.decayed) * amount));
            }
        };
        match self {
            Self::Sgd { velocity, weight_decay } => {
                decay(&grads, *weight_decay);
                let _ = velocity.g_mul_scalar_(MOMENTUM).g_add_(&grads);
                let _ = grads.g_add_(&(&*velocity * MOMENTUM));
                let _ = values.g_sub_(&grads.g_mul_scalar_(lr));
            }
            Self::Adam { mean, square, step, weight_decay } => {
                *step += 1;
                decay(&grads, *weight_decay);
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
}

/// Turns Adam's steps of the quantizers into fractions of their scales.
fn scale_down(move_by: &Tensor, flat: &Flat) {
    let scales = part(&flat.values, &flat.tensor_scales);
    let _ = part(move_by, &flat.weight_scales).g_mul_(&part(&flat.values, &flat.weight_scales));
    let _ = part(move_by, &flat.tensor_scales).g_mul_(&scales);
    let _ = part(move_by, &flat.offsets).g_mul_(&(scales * 255.0));
}

fn part(tensor: &Tensor, range: &Range<i64>) -> Tensor {
    tensor.narrow(0, range.start, range.end - range.start)
}

/// Learning rate of step `at` of `total`: linear over `warmup` steps, and a cosine from `lr` to zero.
pub fn learning_rate(lr: f64, warmup: usize, at: usize, total: usize) -> f64 {
    let rise = if at < warmup { (at + 1) as f64 / (warmup + 1) as f64 } else { 1.0 };
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * at as f64 / total.max(1) as f64).cos());
    lr * rise * cosine
}

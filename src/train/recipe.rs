//! How networks are trained: what recipes of blocks, of supernets and of teachers share, and how parameters move.

use serde::{Deserialize, Serialize};

use super::{Distill, Expression, Loss, Lsq, Stretch, Targets};

/// What blocks, supernets and teachers are trained by alike: FP32 steps, then steps with LSQ+ on; what is elastic by the sandwich
/// rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Steps in FP32.
    pub steps: usize,
    /// Steps with LSQ+ on, after those.
    pub int8_steps: usize,
    /// Learning rate of the FP32 steps.
    pub lr: f64,
    /// Learning rate of the LSQ+ steps.
    pub int8_lr: f64,
    /// FP32 steps over which the rate rises; `None` for a twentieth of them.
    pub warmup: Option<usize>,
    /// LSQ+ steps over which the rate rises.
    pub int8_warmup: usize,
    /// Images a step.
    pub batch: usize,
    /// Equal parts that a batch is cut into ([`TrainNet::replicas`](super::TrainNet::replicas)); 1 for blocks.
    pub replicas: usize,
    /// Random networks between the largest and the smallest in every step; none for a teacher, which is always the same.
    pub random: usize,
    /// How parameters move.
    pub update: Update,
    /// How they are quantized.
    pub lsq: Lsq,
    /// What products are computed in.
    pub precision: Precision,
}

impl Recipe {
    /// How a teacher is trained from the start.
    pub fn teacher() -> Self {
        Self {
            steps: 500,
            int8_steps: 0,
            lr: 0.1,
            int8_lr: 0.001,
            warmup: None,
            int8_warmup: 0,
            batch: 64,
            replicas: 1,
            random: 0,
            update: Update::sgd(),
            lsq: Lsq::default(),
            precision: Precision::default(),
        }
    }

    /// How a network with published weights is made a teacher: not trained unless steps are asked for, and then with care.
    pub fn published_teacher() -> Self {
        Self { steps: 0, batch: 12, lr: 0.001, ..Self::teacher() }
    }

    /// The two stretches of training.
    pub(super) fn stretches(&self) -> [Stretch; 2] {
        let warmup = self.warmup.unwrap_or(self.steps / 20);
        [
            Stretch { steps: self.steps, lr: self.lr, warmup, quantized: false, precision: self.precision },
            Stretch {
                steps: self.int8_steps,
                lr: self.int8_lr,
                warmup: self.int8_warmup,
                quantized: true,
                precision: self.precision,
            },
        ]
    }
}

/// How a block is trained and judged.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockRecipe {
    /// What supernets are trained by, too.
    pub common: Recipe,
    /// Distance from the teacher.
    pub loss: Loss,
    /// Whom all but the largest stage learn from.
    pub targets: Targets,
}

impl Default for BlockRecipe {
    fn default() -> Self {
        let common = Recipe {
            steps: 60,
            int8_steps: 20,
            lr: 0.01,
            int8_lr: 0.001,
            warmup: None,
            int8_warmup: 0,
            batch: 32,
            replicas: 1,
            random: 2,
            update: Update::adam(),
            lsq: Lsq::default(),
            precision: Precision::default(),
        };
        Self { common, loss: Loss::Nsr, targets: Targets::Teacher }
    }
}

/// How a supernet is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct SupernetRecipe {
    /// What blocks are trained by, too.
    pub common: Recipe,
    /// How all but the largest network learn from that one.
    pub distill: Distill,
    /// What is learned from labels, an expression of logits and labels; without it cross entropy.
    pub loss: Option<Expression>,
    /// Label smoothing.
    pub smoothing: f64,
    /// Share of the classifier's inputs that is dropped while the largest network learns.
    pub dropout: f64,
}

impl SupernetRecipe {
    /// How one subnet is trained further by itself: in the form it was trained in last, and with care.
    pub fn tuning(quantized: bool, lsq: Lsq) -> Self {
        let all = Self::default();
        let (steps, int8_steps) = if quantized { (0, 60) } else { (60, 0) };
        let common = Recipe { steps, int8_steps, lr: 0.01, int8_lr: 0.001, random: 0, lsq, ..all.common };
        Self { common, ..all }
    }
}

impl Default for SupernetRecipe {
    fn default() -> Self {
        let common = Recipe {
            steps: 300,
            int8_steps: 60,
            lr: 0.1,
            int8_lr: 0.01,
            warmup: None,
            int8_warmup: 0,
            batch: 64,
            replicas: 1,
            random: 2,
            update: Update::sgd(),
            lsq: Lsq::default(),
            precision: Precision::default(),
        };
        Self { common, distill: Distill::AlphaDivergence, loss: None, smoothing: 0.1, dropout: 0.0 }
    }
}

/// What the products of a network are computed in while it is trained: those of convolutions, dense layers and attention.
///
/// Parameters, their gradients, the statistics of batch norms, softmax, layer norms, fake quantization and losses are float32 in
/// any case, and so is all that is judged, exported or learned from: the maps of a teacher are computed once for many students,
/// and an error in them would be the same in every step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 24 significant bits.
    #[default]
    Float32,
    /// 8 significant bits, and the range of float32, so that small gradients do not become 0 and no loss has to be scaled.
    /// Faster on cards and on processors with instructions for it; many times slower on those without AVX-512.
    Bfloat16,
}

impl Precision {
    pub(super) fn is_float32(&self) -> bool {
        *self == Self::Float32
    }
}

/// How parameters move by their gradients.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// The rule.
    pub rule: Rule,
    /// Weight decay, added to the gradient.
    pub weight_decay: f64,
    /// What decays.
    pub decay: Decay,
    /// Gradients are clipped to this size, value by value; 0 for not at all.
    pub clip: f64,
    /// The cosine of the learning rate goes on every so many steps.
    pub cosine_every: usize,
}

/// The rule of an optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// SGD with Nesterov momentum 0.9.
    Sgd,
    /// Adam.
    Adam,
}

/// What decays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Weights of convolutions and dense layers.
    Weights,
    /// All but biases and the shifts of norms: factors of norms and the quantizers' numbers too, as in the
    /// reference code.
    Reference,
}

impl Update {
    /// SGD as it is used here.
    pub fn sgd() -> Self {
        Self { rule: Rule::Sgd, weight_decay: 1e-4, decay: Decay::Weights, clip: 1.0, cosine_every: 1 }
    }

    /// Adam as it is used here.
    pub fn adam() -> Self {
        Self { rule: Rule::Adam, ..Self::sgd() }
    }
}

//! Training jobs: plain data that any worker can run. Graphs, choices of every step, recipe, seed, paths; no script.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Expression, Lsq, Precision, Update};
use crate::base::Seed;
use crate::data::DataSource;
use crate::graph::{Graph, WeightSpec};

/// The graphs a job needs, each once, and the union of the weights they share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pool {
    /// Distinct graphs.
    pub graphs: Vec<Graph>,
    /// Places where one of them stands: `(prefix, index into graphs)`.
    pub parts: Vec<(String, usize)>,
    /// Every weight at its largest, over all configurations of the elastic network (not only those of this job).
    pub weights: Vec<WeightSpec>,
    /// How these are quantized, where a job does.
    #[serde(default)]
    pub lsq: Lsq,
}

/// One concrete network of a job: indices into [`Pool::parts`], run in order, at a square input size.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Net {
    /// Indices into [`Pool::parts`].
    pub parts: Vec<usize>,
    /// Input size in cells (images are resized to it).
    pub resolution: usize,
}

/// Weights that an earlier job wrote, by the key of that job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WeightsRef {
    /// Key of the job, part of the receiving job's own key.
    pub job: String,
    /// The safetensors file.
    pub path: PathBuf,
}

/// A stretch of training with one setting.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Phase {
    /// Whether LSQ+ fake quantization is on.
    pub quantized: bool,
    /// What products are computed in.
    #[serde(default, skip_serializing_if = "Precision::is_float32")]
    pub precision: Precision,
    /// Learning rate at the start; a cosine takes it to zero over the phase ([`Update::cosine_every`]).
    pub lr: f64,
    /// Steps over which the rate rises linearly, from a thousandth.
    pub warmup: usize,
    /// The nets of every step, in order; gradients of one step accumulate. The first is the sandwich's largest.
    pub steps: Vec<Vec<Net>>,
}

/// The loss of block distillation, student `s` against teacher `t`, both `[N, C, H, W]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Mean over samples and channels of mean_hw((s - t)^2) / var_hw(t), variance unbiased: noise to signal ratio.
    /// A variance counts as at least a hundredth of the mean one, so that silent channels do not outweigh all others.
    Nsr,
    /// As `nsr`, but normalised by the student's variance, as the reference code does.
    NsrStudent,
    /// Mean squared error.
    Mse,
    /// Any expression of the two; what it leaves is averaged.
    Own(Expression),
}

/// Whom all but the largest stage of a step learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// The teacher, as the largest does.
    Teacher,
    /// What the largest stage gives, at the same input size and without gradient.
    Largest,
}

/// How all but the largest network of a step learn from that one's logits, which get no gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distill {
    /// The adaptive alpha-divergence of AlphaNet: of alpha -1 and 1 whichever diverges more, importances clipped to 5.
    AlphaDivergence,
    /// Cross entropy against its probabilities.
    SoftCrossEntropy,
    /// Not at all: they learn from the labels, as the largest does.
    Labels,
    /// Any expression of student logits, the largest's logits and labels ([`TrainNet::loss`]), all `[N, classes]`; what it
    /// leaves is averaged.
    Own(Expression),
}

/// Where a teacher's features are taken: after the part `part` of its net.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tap {
    /// Name: that of the searched stage whose output it corresponds to, or `input` of the first.
    pub name: String,
    /// Index into the teacher net's `parts` (position in [`Net::parts`]); features after that part.
    pub after: usize,
    /// Channels there.
    pub channels: usize,
    /// Input size divided by the size of the map there.
    pub stride: usize,
}

/// A teacher that is ready to be learnt from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TeacherRef {
    /// Its graphs and weights' shapes.
    pub pool: Pool,
    /// The one network.
    pub net: Net,
    /// Its weights: of a [`TrainNet`] job, or read from a published file. For a script the file itself.
    pub weights: WeightsRef,
    /// How features come about.
    #[serde(default, skip_serializing_if = "TeacherForm::is_float")]
    pub form: TeacherForm,
}

/// How a teacher's features come about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeacherForm {
    /// By its graphs, in floats.
    #[default]
    Float,
    /// By its graphs, with LSQ+ on.
    Quantized,
    /// By a TorchScript file that returns all features in a row. Positions count them; pool and net are empty.
    Script,
}

impl TeacherForm {
    fn is_float(&self) -> bool {
        *self == Self::Float
    }
}

/// What a block learns: from the features after one part of the teacher to those after another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BlockTarget {
    /// The teacher.
    pub teacher: TeacherRef,
    /// The student's input is the teacher's map after this position of its parts.
    pub input_after: usize,
    /// The student's target is the teacher's map after this position.
    pub target_after: usize,
}

/// Trains an elastic network (a supernet), or a fixed one (a teacher: every step holds the same single net).
///
/// The first net of each step learns from the labels; the others from its logits, the sandwich rule with in-place
/// distillation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrainNet {
    /// Shown to people, for example `supernet 012-210`.
    pub label: String,
    /// Graphs and weights.
    pub pool: Pool,
    /// Images.
    pub data: DataSource,
    /// Images a step.
    pub batch: usize,
    /// Equal parts that a batch is cut into, at least 1. Each passes the step by itself, with batch norm over its own images;
    /// gradients are averaged over the parts. What they make does not depend on how many devices take them.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub replicas: usize,
    /// Stretches of training, in order.
    pub phases: Vec<Phase>,
    /// What a net learns from labels: an expression of logits and labels, both `[N, classes]`, whose mean is the loss; without
    /// it cross entropy. A label is 1 for the right class, smoothed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Expression>,
    /// Label smoothing, 0 for none.
    pub smoothing: f64,
    /// Share of the inputs of its last dense layer that is dropped, 0 for none.
    pub dropout: f64,
    /// What the other nets of a step learn.
    pub distill: Distill,
    /// How parameters move.
    pub update: Update,
    /// Weights to begin with; layers that they lack are drawn from the seed, as all are without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<WeightsRef>,
    /// Net to evaluate on the validation images at the end (top-1 goes to the summary), after batch-norm recalibration.
    pub report: Net,
    /// Seed of initial weights, batches and augmentation.
    pub seed: Seed,
}

fn one() -> usize {
    1
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

/// Distils an elastic stage from a teacher: parts run as `in_proj`, blocks, `out_proj` in every [`Net`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrainBlock {
    /// Shown to people, for example `stage2 ghost`.
    pub label: String,
    /// Graphs and weights.
    pub pool: Pool,
    /// Images.
    pub data: DataSource,
    /// What to imitate.
    pub target: BlockTarget,
    /// How far it is from it.
    pub loss: Loss,
    /// Whom all but the first net of a step imitate.
    pub targets: Targets,
    /// Images a step.
    pub batch: usize,
    /// Stretches of training, in order.
    pub phases: Vec<Phase>,
    /// How parameters move.
    pub update: Update,
    /// Seed of initial weights and batches.
    pub seed: Seed,
}

/// Several blocks that a worker trains side by side, so that the teacher looks at every batch once for all of them: in several
/// threads, each of which has as many of the processor's as the worker was given.
///
/// They share teacher, images, batch size and seed. Each ends with the very weights that it has when trained alone. The
/// result is a list: for each block its [`TrainSummary`], or the fault that ended it; the others go on without it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrainBlocks {
    /// Shown to people.
    pub label: String,
    /// The blocks of each thread; at least one.
    pub threads: Vec<Vec<BlockFile>>,
}

/// One block of a [`TrainBlocks`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BlockFile {
    /// Key of the block's own job ([`Job::key`]).
    pub key: String,
    /// Folder for its weights and its checkpoint; it exists.
    pub folder: PathBuf,
    /// The block.
    pub block: TrainBlock,
}

/// Losses of concrete stages of a trained block, each after its own batch-norm recalibration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EvalBlocks {
    /// Shown to people.
    pub label: String,
    /// Graphs and weights.
    pub pool: Pool,
    /// Weights of a [`TrainBlock`] job.
    pub weights: WeightsRef,
    /// Images.
    pub data: DataSource,
    /// What it imitates.
    pub target: BlockTarget,
    /// How far it is from it.
    pub loss: Loss,
    /// Whether LSQ+ is on.
    pub quantized: bool,
    /// The concrete stages.
    pub nets: Vec<Net>,
    /// Training batches for batch-norm recalibration.
    pub recalibrate: usize,
    /// Validation batches for the loss.
    pub batches: usize,
    /// Images a batch.
    pub batch: usize,
    /// Seed of the batches.
    pub seed: Seed,
}

/// Top-1 on validation images of concrete networks of a trained supernet, each after batch-norm recalibration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EvalNets {
    /// Shown to people.
    pub label: String,
    /// Graphs and weights.
    pub pool: Pool,
    /// Weights of a [`TrainNet`] job.
    pub weights: WeightsRef,
    /// Images.
    pub data: DataSource,
    /// Whether LSQ+ is on.
    pub quantized: bool,
    /// The networks.
    pub nets: Vec<Net>,
    /// Training batches for batch-norm recalibration.
    pub recalibrate: usize,
    /// What is judged besides top-1: the mean over images of an expression of logits and labels, both `[N, classes]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Expression>,
    /// How many validation images to use; 0 for all.
    pub images: usize,
    /// Images a batch.
    pub batch: usize,
    /// Seed of the batches.
    pub seed: Seed,
}

/// Writes the sliced weights of one network, batch norm recalibrated, as `weights.safetensors`
/// with the keys of [`crate::graph::Weights`] (names prefixed as in [`crate::graph::chain`]).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExportNet {
    /// Graphs and weights.
    pub pool: Pool,
    /// Weights of a [`TrainNet`] or [`TrainBlock`] job; without it, weights drawn from `seed`.
    pub weights: Option<WeightsRef>,
    /// Images, for recalibration.
    pub data: DataSource,
    /// Whether LSQ+ is on while recalibrating; the scales are written if they are those of INT8 kernels.
    pub quantized: bool,
    /// The network.
    pub net: Net,
    /// Training batches for batch-norm recalibration; 0 for none.
    pub recalibrate: usize,
    /// Images a batch.
    pub batch: usize,
    /// Seed of the batches.
    pub seed: Seed,
}

/// Runs concrete weights (as [`ExportNet`] writes them) on given inputs; writes `outputs.safetensors` with `output`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forward {
    /// The whole network.
    pub graph: Graph,
    /// Its weights: a safetensors file.
    pub weights: PathBuf,
    /// Whether LSQ+ is on.
    pub quantized: bool,
    /// How it quantizes.
    #[serde(default)]
    pub lsq: Lsq,
    /// A safetensors file with `input`, `[N, C, H, W]`.
    pub inputs: PathBuf,
}

/// Figures of networks with their initial weights, by which networks are ranked without training (zero-cost proxies).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proxies {
    /// Shown to people.
    pub label: String,
    /// The networks.
    pub nets: Vec<LoneNet>,
    /// Images.
    pub data: DataSource,
    /// Images of the one batch that they see.
    pub batch: usize,
    /// Seed of weights and batch.
    pub seed: Seed,
}

/// A network that shares nothing with others: its weights are drawn for its own widths.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoneNet {
    /// Its graphs and weights.
    pub pool: Pool,
    /// The network.
    pub net: Net,
}

/// Runs a TorchScript file on one image, to see what it returns: `[C, H, W]` of each feature.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScriptShapes {
    /// The file.
    pub script: WeightsRef,
    /// Channels of the image.
    pub channels: usize,
    /// Side of the image.
    pub resolution: usize,
}

/// A job of any kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// A classifier.
    TrainNet(TrainNet),
    /// A block.
    TrainBlock(TrainBlock),
    /// Blocks side by side.
    TrainBlocks(TrainBlocks),
    /// Losses of concrete stages.
    EvalBlocks(EvalBlocks),
    /// Accuracies of concrete networks.
    EvalNets(EvalNets),
    /// Concrete weights.
    ExportNet(ExportNet),
    /// Outputs.
    Forward(Forward),
    /// Shapes of a script's features.
    ScriptShapes(ScriptShapes),
    /// Figures without training.
    Proxies(Proxies),
}

/// What a worker is handed: a job and the folder for what it writes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobFile {
    /// The job.
    pub job: Job,
    /// Folder for `weights.safetensors`, `outputs.safetensors`, the curve and the checkpoint of a training; it exists.
    pub folder: PathBuf,
    /// Least seconds between two checkpoints of a training; without it a minute. Tests set it to 0: one after every step.
    #[serde(default)]
    pub checkpoint_s: Option<f64>,
}

/// Name of the file from which a training goes on that was cut short. Whoever keeps the result of the job deletes it.
pub const CHECKPOINT: &str = "checkpoint.bin";

impl JobFile {
    /// `job`, with `folder` for what it writes.
    pub fn new(job: Job, folder: impl Into<PathBuf>) -> Self {
        Self { job, folder: folder.into(), checkpoint_s: None }
    }
}

/// Result of [`TrainNet`] and [`TrainBlock`]; of [`TrainBlocks`] a list of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrainSummary {
    /// Mean loss of the first net over the last tenth of the steps of each phase.
    pub loss: Vec<f64>,
    /// Top-1 in percent on validation images ([`TrainNet`] only).
    pub top1_pct: Option<f64>,
    /// Seconds of wall time; of blocks trained side by side, those of all of them.
    pub took_s: f64,
}

/// One result of [`EvalBlocks`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SampleLoss {
    /// Mean loss over the batches.
    pub loss: f64,
    /// Standard error of that mean over batches.
    pub stderr: f64,
}

/// One result of [`EvalNets`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct NetScore {
    /// Top-1 in percent.
    pub top1_pct: f64,
    /// Images it was measured on.
    pub images: usize,
    /// The mean of [`EvalNets::metric`], if there is one.
    #[serde(default)]
    pub metric: Option<f64>,
}

/// One result of [`Proxies`]; `None` for a figure that is infinite or no number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NetProxies {
    /// Logarithm of the synaptic flow.
    pub synflow_log: Option<f64>,
    /// Log-determinant of the kernel of activation codes.
    pub naswot: Option<f64>,
    /// Sum over layers of the norm of the gradient of their weights.
    pub grad_norm: Option<f64>,
    /// Sum over weights of the size of weight times gradient.
    pub snip: Option<f64>,
}

//! Teachers: a fixed network with taps, where blocks find their input and their target.

use super::{DataSource, Distill, Net, Pool, PoolBuilder, Stretch, Tap, TeacherRef, TrainNet, Update, WeightsRef, fixed_phase};
use crate::base::{Fault, Result, Seed};
use crate::space::{BlockConfig, Hyperspace, Operator};

/// One run of blocks of a teacher.
#[derive(Debug, Clone)]
pub struct TeacherPart {
    /// Name; begins the names of its layers, and names its tap.
    pub name: String,
    /// What its blocks are.
    pub operator: Operator,
    /// Width of each block.
    pub widths: Vec<usize>,
    /// Step of the first block.
    pub stride: usize,
    /// Whether a searched stage of this name learns from it.
    pub tap: bool,
}

/// A teacher before training.
#[derive(Debug, Clone)]
pub struct TeacherNet {
    /// Name.
    pub name: String,
    /// Side of the images.
    pub resolution: usize,
    /// Its graphs.
    pub pool: Pool,
    /// The one network.
    pub net: Net,
    /// For each tapped part: where its features are taken.
    pub taps: Vec<Tap>,
    /// For each tapped part: the position before its first block, and the channels there.
    pub inputs: Vec<(usize, usize)>,
}

/// A trained teacher.
#[derive(Debug, Clone)]
pub struct Teacher {
    /// The network.
    pub net: TeacherNet,
    /// What it was trained on.
    pub data: DataSource,
    /// Its weights.
    pub weights: WeightsRef,
    /// Top-1 on validation images, percent.
    pub top1_pct: f64,
}

/// How a teacher is trained.
#[derive(Debug, Clone, Copy)]
pub struct TeacherRecipe {
    /// Steps.
    pub steps: usize,
    /// Images a step.
    pub batch: usize,
    /// Learning rate at the start.
    pub lr: f64,
}

impl TeacherNet {
    /// A teacher of these parts for images of `channels` channels.
    pub fn new(name: &str, channels: usize, resolution: usize, parts: &[TeacherPart]) -> Result<Self> {
        let mut pool = PoolBuilder::default();
        let (mut indices, mut taps, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut cin, mut hw) = (channels, resolution);
        for part in parts {
            let before = (indices.len().checked_sub(1), cin);
            for (place, &cout) in part.widths.iter().enumerate() {
                let stride = if place == 0 { part.stride } else { 1 };
                let config = BlockConfig {
                    cin,
                    cout,
                    stride,
                    hw,
                    choices: part.operator.largest(),
                    activation: part.operator.activation(),
                };
                let graph = part
                    .operator
                    .build(&config)
                    .map_err(|fault| fault.during(&format!("teacher `{name}`, part `{}`", part.name)))?;
                indices.push(pool.part(&format!("{}.b{place}", part.name), &graph));
                (cin, hw) = (cout, graph.output_shape().h);
            }
            if part.tap {
                let Some(before_at) = before.0 else {
                    return Err(Fault::new(
                        "teacher::tap",
                        format!("teacher `{name}` taps its first part `{}`", part.name),
                        "a tapped part needs one before it, such as a stem, whose features are the student's input",
                    ));
                };
                taps.push(Tap {
                    name: part.name.clone(),
                    after: indices.len() - 1,
                    channels: cin,
                    stride: resolution / hw.max(1),
                });
                inputs.push((before_at, before.1));
            }
        }
        Ok(Self { name: name.into(), resolution, pool: pool.finish()?, net: Net { parts: indices, resolution }, taps, inputs })
    }

    /// The job that trains it.
    pub fn job(&self, data: DataSource, recipe: TeacherRecipe, seed: Seed) -> TrainNet {
        let stretch = Stretch { steps: recipe.steps, lr: recipe.lr, warmup: recipe.steps / 20, quantized: false };
        TrainNet {
            label: format!("teacher {}", self.name),
            pool: self.pool.clone(),
            data,
            batch: recipe.batch,
            phases: vec![fixed_phase(&self.net, stretch)],
            smoothing: 0.1,
            dropout: 0.0,
            distill: Distill::AlphaDivergence,
            update: Update::sgd(),
            report: self.net.clone(),
            seed,
        }
    }
}

impl Teacher {
    /// What jobs need of it.
    pub fn reference(&self) -> TeacherRef {
        TeacherRef { pool: self.net.pool.clone(), net: self.net.net.clone(), weights: self.weights.clone() }
    }

    /// Checks that every searched stage of `hyperspace` has a tap of its name at its stride. The fault shows both tables.
    pub fn fits(&self, hyperspace: &Hyperspace) -> Result<()> {
        let side = self.net.resolution;
        let wanted: Vec<_> = hyperspace
            .searched()
            .into_iter()
            .map(|at| {
                let stage = &hyperspace.stages[at];
                (stage.name.as_str(), side / hyperspace.map_before(at + 1, side).max(1))
            })
            .collect();
        let fits = |(name, stride): &(&str, usize)| self.net.taps.iter().any(|tap| tap.name == *name && tap.stride == *stride);
        if wanted.iter().all(fits) && hyperspace.resolutions.contains(&side) {
            return Ok(());
        }
        let mut message = format!("teacher `{}` does not fit hyperspace `{}`\n", self.net.name, hyperspace.name);
        message.push_str(&format!("  searched stages of `{}` (images of {:?}):\n", hyperspace.name, hyperspace.resolutions));
        for (name, stride) in &wanted {
            let mark = if fits(&(*name, *stride)) { "" } else { "   <- no such tap" };
            message.push_str(&format!("    {name:<12} stride {stride}{mark}\n"));
        }
        message.push_str(&format!("  taps of `{}` (images of {side}):\n", self.net.name));
        for tap in &self.net.taps {
            message.push_str(&format!("    {:<12} stride {}, {} channels\n", tap.name, tap.stride, tap.channels));
        }
        Err(Fault::new(
            "teacher::mismatch",
            message.trim_end(),
            "name the teacher's tapped parts after the stages, with the same strides, or choose another teacher",
        ))
    }

    /// Position and channels of the teacher's map that enters stage `name`, and of the one it should give.
    pub fn around(&self, name: &str) -> Result<((usize, usize), (usize, usize))> {
        let at = self.net.taps.iter().position(|tap| tap.name == name).ok_or_else(|| {
            Fault::new("teacher::tap", format!("teacher `{}` has no tap `{name}`", self.net.name), "see `teacher.taps`")
        })?;
        let tap = &self.net.taps[at];
        Ok((self.net.inputs[at], (tap.after, tap.channels)))
    }
}

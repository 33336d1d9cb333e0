//! Teachers: a fixed network with taps, where blocks find their input and their target.

use super::{DataSource, Distill, Recipe, TeacherForm, TeacherNet, TeacherRef, TrainNet, WeightsRef, fixed_phase};
use crate::base::{Fault, Result, Seed};
use crate::space::Hyperspace;

/// A teacher with weights.
#[derive(Debug, Clone)]
pub struct Teacher {
    /// The network.
    pub net: TeacherNet,
    /// What it was trained on, or what stages that learn from it are shown.
    pub data: DataSource,
    /// Its weights.
    pub weights: WeightsRef,
    /// How its features come about.
    pub form: TeacherForm,
    /// Whether it was trained here; if not, its weights are those of a file.
    pub trained: bool,
    /// Top-1 on validation images, percent; known only of one that was trained here, with such images.
    pub top1_pct: Option<f64>,
}

impl TeacherNet {
    /// The job that trains it, from `initial` weights if there are some.
    ///
    /// One that begins with weights learns by plain cross entropy, as the reference fine-tunes its teacher.
    pub fn job(&self, data: DataSource, initial: Option<WeightsRef>, recipe: &Recipe, seed: Seed) -> TrainNet {
        let stretches = recipe.stretches().into_iter().filter(|stretch| stretch.steps > 0);
        TrainNet {
            label: format!("teacher {}", self.name),
            pool: self.pool.clone(),
            data,
            batch: recipe.batch,
            replicas: recipe.replicas,
            phases: stretches.map(|stretch| fixed_phase(&self.net, stretch)).collect(),
            loss: None,
            smoothing: if initial.is_some() { 0.0 } else { 0.1 },
            dropout: 0.0,
            distill: Distill::AlphaDivergence,
            update: recipe.update,
            initial,
            report: self.net.clone(),
            seed,
        }
    }
}

impl Teacher {
    /// What jobs need of it.
    pub fn reference(&self) -> Result<TeacherRef> {
        let (pool, net) = match self.form {
            // Where quantizers stand depends on what follows: they were learned on the whole network.
            TeacherForm::Quantized => (self.net.pool.clone(), self.net.net.clone()),
            TeacherForm::Float | TeacherForm::Script => self.net.tapped()?,
        };
        Ok(TeacherRef { pool, net, weights: self.weights.clone(), form: self.form })
    }

    /// Checks that every searched stage of `hyperspace` has a tap of its name at its stride. The fault shows both tables.
    pub fn fits(&self, hyperspace: &Hyperspace) -> Result<()> {
        let side = self.net.resolution;
        let stride_of = |at: usize| hyperspace.stages[..=at].iter().map(|stage| stage.stride).product::<usize>();
        let wanted: Vec<_> =
            hyperspace.searched().into_iter().map(|at| (hyperspace.stages[at].name.as_str(), stride_of(at))).collect();
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

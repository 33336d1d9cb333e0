//! Training curves: how the loss went.

use rhai::Engine;
use rhai::plugin::*;

use super::block::TrainedBlock;
use super::cross::{Answer, Cross};
use super::lut::Lookup;
use super::supernet::Supernet;
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::train::{Curve, Teacher, WeightsRef};

#[export_module]
mod curve_functions {
    /// How a training went: the loss of the largest network at up to 500 of its steps, as a table.
    ///
    /// Columns: `step` (from 1, through both phases), `phase` ("fp32" or "int8"), `loss`, `elapsed_s` (since the training began). Of supernets, trained blocks and
    /// teachers; of all blocks of a look-up table: `lut.curves()`.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let net = train_supernet(hyperspace("pocket").space("012-210"), #{ seed: 1 });
    /// let fig = figure(#{ title: "how it learnt" });
    /// fig.line(curve(net), "step", "loss", #{ colour: "phase" });
    /// fig.save("curve.svg");
    /// ```
    #[rhai_fn(name = "curve", pure, return_raw)]
    pub fn supernet_curve(supernet: &mut Supernet) -> Answer<Table> {
        of_training(&supernet.weights).cross()
    }

    /// How the training of a block went, as a table.
    #[rhai_fn(name = "curve", pure, return_raw)]
    pub fn block_curve(block: &mut TrainedBlock) -> Answer<Table> {
        of_training(&block.weights).cross()
    }

    /// How the training of a teacher went, as a table.
    #[rhai_fn(name = "curve", pure, return_raw)]
    pub fn teacher_curve(teacher: &mut Teacher) -> Answer<Table> {
        of_teacher(teacher).cross()
    }

    /// How the trainings of all blocks of a look-up table went: those of `curve`, one below the other.
    ///
    /// Columns: `stage`, `operator`, then those of `curve`. A table that was not built here has none.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 4, columns: #{ loss: |stage| 1.0 } });
    /// lut.curves() //> fails lut::no_curves
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn curves(lut: &mut Lookup) -> Answer<Table> {
        of_blocks(lut).cross()
    }
}

fn of_training(weights: &WeightsRef) -> Result<Table> {
    let Curve { step, phase, loss, elapsed_s } = Curve::of(weights)?;
    Table::builder()
        .int("step", step.into_iter().map(|step| step as i64))
        .text("phase", phase)
        .float("loss", loss)
        .float("elapsed_s", elapsed_s)
        .build()
}

fn of_teacher(teacher: &Teacher) -> Result<Table> {
    if teacher.trained {
        return of_training(&teacher.weights);
    }
    let message = format!("teacher `{}` was not trained here: its weights come from elsewhere", teacher.net.name);
    Err(Fault::new("train::no_curve", message, "curves are kept of what this lab trains"))
}

fn of_blocks(lut: &Lookup) -> Result<Table> {
    if lut.blocks.is_empty() {
        let help = "`build_lut` trains blocks; a table that was read or sampled has no curves";
        return Err(Fault::new("lut::no_curves", "no block was trained for this table", help));
    }
    let (mut all, mut stages, mut operators) = (Curve::default(), Vec::new(), Vec::new());
    for block in &lut.blocks {
        let Curve { step, phase, loss, elapsed_s } = Curve::of(&block.weights)?;
        stages.extend(step.iter().map(|_| block.stage.clone()));
        operators.extend(step.iter().map(|_| block.operator.clone()));
        all.step.extend(step);
        all.phase.extend(phase);
        all.loss.extend(loss);
        all.elapsed_s.extend(elapsed_s);
    }
    Table::builder()
        .text("stage", stages)
        .text("operator", operators)
        .int("step", all.step.into_iter().map(|step| step as i64))
        .text("phase", all.phase)
        .float("loss", all.loss)
        .float("elapsed_s", all.elapsed_s)
        .build()
}

/// Declares training curves.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(curve_functions).into());
}

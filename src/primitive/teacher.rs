//! Teachers.

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::dataset::{data_of, default_data};
use super::host::{BATCH, DRY_BATCH, Host, STEPS};
use super::noun::Nouns;
use super::operator::operator_of;
use super::options::Options;
use super::registry::find;
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::train::{Job, Teacher, TeacherNet, TeacherPart, TeacherRecipe, TrainSummary};

/// A teacher as a script defined it: the network before training, and how to train it.
#[derive(Debug, Clone)]
pub struct TeacherPlan {
    net: TeacherNet,
    recipe: TeacherRecipe,
}

#[export_module]
mod teacher_functions {
    /// Defines a teacher: a fixed network from which searched stages learn.
    ///
    /// A searched stage learns from the tapped part of its name.
    ///
    /// Options: `parts` (needed): an array of maps with `name`, `operator`, `widths` (one a block), `stride` (1), `tap` (false);
    /// `resolution` (32): side of the images; `channels` (3); `steps` (500), `batch` (64), `lr` (0.1): how it is trained.
    ///
    /// # Example
    ///
    /// ```rhai
    /// define_teacher("doc_teacher", #{ parts: [
    ///     #{ name: "stem", operator: "stem_conv", widths: [16], stride: 2 },
    ///     #{ name: "stage1", operator: "basic_residual", widths: [16], tap: true },
    ///     #{ name: "head", operator: "pooled_head", widths: [64] },
    ///     #{ name: "logits", operator: "classifier", widths: [12] },
    /// ] });
    /// "doc_teacher" in teachers() //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn define_teacher(context: NativeCallContext, name: &str, given: Map) -> Answer<()> {
        let host = Host::of(&context)?;
        let plan = plan(&context, &host, name, given).cross()?;
        host.registry.define(name, plan);
        Ok(())
    }

    /// Names of all teachers: of this session and of the stdlib.
    ///
    /// # Example
    ///
    /// ```rhai
    /// "shapes_resnet" in teachers() //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn teachers(context: NativeCallContext) -> Answer<Array> {
        let host = Host::of(&context)?;
        Ok(host.registry.names::<TeacherPlan>(&host).into_iter().map(Dynamic::from).collect())
    }

    /// A trained teacher by name, trained on the data set `shapes` if the lab does not hold it yet.
    #[rhai_fn(return_raw)]
    pub fn teacher(context: NativeCallContext, name: &str) -> Answer<Teacher> {
        teacher_with(context, name, Map::new())
    }

    /// A trained teacher by name. It is trained once for a data set, a seed and a recipe, and kept in the lab.
    ///
    /// Options: `data` (the data set `shapes`), `steps`, `batch`, `lr` (the teacher's own), `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// teacher("resnet_of_nobody") //> fails teacher::unknown
    /// ```
    #[rhai_fn(name = "teacher", return_raw)]
    pub fn teacher_with(context: NativeCallContext, name: &str, given: Map) -> Answer<Teacher> {
        let host = Host::of(&context)?;
        let plan = find::<TeacherPlan>(&context, &host, name).cross()?;
        trained(&host, plan, given).cross()
    }

    /// Name of the teacher.
    #[rhai_fn(get = "name", pure)]
    pub fn name(teacher: &mut Teacher) -> String {
        teacher.net.name.clone()
    }

    /// Top-1 of the teacher on validation images, in percent.
    #[rhai_fn(get = "top1_pct", pure)]
    pub fn top1_pct(teacher: &mut Teacher) -> f64 {
        teacher.top1_pct
    }

    /// Where the teacher is tapped: a table of name, channels and stride.
    #[rhai_fn(get = "taps", pure, return_raw)]
    pub fn taps(teacher: &mut Teacher) -> Answer<Table> {
        let taps = &teacher.net.taps;
        Table::builder()
            .text("name", taps.iter().map(|tap| tap.name.clone()))
            .int("channels", taps.iter().map(|tap| tap.channels as i64))
            .int("stride", taps.iter().map(|tap| tap.stride as i64))
            .build()
            .cross()
    }

    /// The teacher as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn teacher_text(teacher: &mut Teacher) -> String {
        format!("teacher {}, top-1 {:.1} %", teacher.net.name, teacher.top1_pct)
    }
}

fn plan(context: &NativeCallContext, host: &Host, name: &str, given: Map) -> Result<TeacherPlan> {
    let options = Options::new("define_teacher", given, &["parts", "resolution", "channels", "steps", "batch", "lr"])?;
    let mut parts = Vec::new();
    for entry in options.array("parts")?.unwrap_or_default() {
        let entry = entry
            .try_cast::<Map>()
            .ok_or_else(|| options.refuse("parts", "each part must be a map", "see `help(\"define_teacher\")`"))?;
        let operator = entry.get("operator").map(|value| operator_of(context, host, value)).transpose()?;
        let part = Options::new("a part of define_teacher", entry, &["name", "operator", "widths", "stride", "tap"])?;
        let missing = |what: &str| {
            Fault::new(
                "options::missing",
                format!("a part of teacher `{name}` has no `{what}`"),
                "see `help(\"define_teacher\")`",
            )
        };
        parts.push(TeacherPart {
            name: part.text("name")?.ok_or_else(|| missing("name"))?,
            operator: operator.ok_or_else(|| missing("operator"))?,
            widths: part.counts("widths", 1)?.ok_or_else(|| missing("widths"))?,
            stride: part.count("stride", 1)?.unwrap_or(1),
            tap: part.flag("tap")?.unwrap_or(false),
        });
    }
    let (channels, resolution) = (options.count("channels", 1)?.unwrap_or(3), options.count("resolution", 1)?.unwrap_or(32));
    let recipe = recipe(&options, TeacherRecipe { steps: 500, batch: 64, lr: 0.1 })?;
    Ok(TeacherPlan { net: TeacherNet::new(name, channels, resolution, &parts)?, recipe })
}

fn recipe(options: &Options, default: TeacherRecipe) -> Result<TeacherRecipe> {
    Ok(TeacherRecipe {
        steps: options.count("steps", 1)?.unwrap_or(default.steps),
        batch: options.count("batch", 2)?.unwrap_or(default.batch),
        lr: options.positive("lr")?.unwrap_or(default.lr),
    })
}

fn trained(host: &Host, plan: TeacherPlan, given: Map) -> Result<Teacher> {
    let options = Options::new("teacher", given, &["data", "steps", "batch", "lr", "seed"])?;
    let data = data_of(&options, || default_data(host))?;
    let mut recipe = recipe(&options, plan.recipe)?;
    recipe.steps = host.cut(STEPS, recipe.steps, 1);
    recipe.batch = host.cut(BATCH, recipe.batch, DRY_BATCH);
    let job = plan.net.job(data.clone(), recipe, options.seed()?);
    let done = host.runner()?.run_one(Job::TrainNet(job), &host.progress(), &host.cancel)?;
    let top1_pct = done.result::<TrainSummary>()?.top1_pct.unwrap_or(f64::NAN);
    Ok(Teacher { net: plan.net, data, weights: done.weights(), top1_pct })
}

/// Declares teachers.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Teacher>("Teacher");
    engine.register_global_module(exported_module!(teacher_functions).into());
}

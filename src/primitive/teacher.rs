//! Teachers.

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::dataset::{data_of, default_data};
use super::executor::runner;
use super::host::Host;
use super::network::{ASKED, NetworkPlan};
use super::noun::Nouns;
use super::operator::operator_of;
use super::options::Options;
use super::published::{NetworkTeacher, is_script, script_teacher};
use super::recipe::{teacher_plan, teacher_recipe};
use super::registry::find;
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::train::{Job, Recipe, Teacher, TeacherForm, TeacherNet, TeacherPart, TrainSummary};

/// A teacher as a script defined it: the network before training, and how to train it.
#[derive(Debug, Clone)]
pub struct TeacherPlan {
    source: Source,
    recipe: Recipe,
}

/// What a teacher is made of.
#[derive(Debug, Clone)]
enum Source {
    /// Blocks in a row.
    Parts(Box<TeacherNet>),
    /// A fixed network, which may have published weights.
    Network(Box<NetworkTeacher>),
}

/// Options of every teacher that is a layer graph.
const TAUGHT: [&str; 10] = ["data", "steps", "batch", "replicas", "lr", "int8_steps", "int8_lr", "precision", "on", "seed"];
/// Further options of one that is a fixed network.
const WEIGHTS: [&str; 2] = ["weights", "strict"];

#[export_module]
mod teacher_functions {
    /// Defines a teacher: a fixed network from which searched stages learn.
    ///
    /// A searched stage learns from the tapped part of its name.
    ///
    /// Options: `parts`: an array of maps with `name`, `operator`, `widths` (one a block), `stride` (1), `tap` (false);
    /// `resolution` (32): side of the images; `channels` (3); `steps` (500), `batch` (64), `lr` (0.1): how it is trained.
    ///
    /// Options instead of the parts: `network`: the name of a network; `taps`: an array of maps with `name`, `from` and `to`: the
    /// stage `name` learns what leads from one place to another, each a tap, a layer, or a block ("stage3.b1", its last layer);
    /// `resolution`, `channels`, `classes`, `bn_epsilon`, `padding` (the network's own); `steps` (0), `batch` (12), `lr` (0.001).
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
    /// define_teacher("doc_published_teacher", #{ network: "resnet18", taps: [
    ///     #{ name: "stage1", from: "stem.act", to: "stage1" },
    ///     #{ name: "stage2", from: "stage1", to: "stage2.b0" },
    /// ] });
    /// teacher("doc_published_teacher") //> fails teacher::weights
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

    /// A teacher by name, trained here or with published weights; or the one in a TorchScript file.
    ///
    /// It is trained once for a data set, a seed and a recipe, and kept in the lab.
    ///
    /// Options: `data` (the data set `shapes`), `steps`, `batch`, `lr` (the teacher's own), `seed` (0); `int8_steps` (0), `int8_lr`
    /// (0.001): steps with LSQ+ on after the others, to teach in 8 bits; `replicas` (1): equal parts of a batch, for training on
    /// several cards (see `train_supernet`); `precision` ("float32"): of products while it is trained, or
    /// "bfloat16" (see `train_block`); `on` ("local"): where it is trained (see `executor`).
    ///
    /// Options of a published network, such as EfficientNet-B5: `weights` (none): a safetensors file, read as by import_weights;
    /// `strict` (true): whether it must fit wholly, else as far as there are taps; `resolution`, `channels`, `classes`, `bn_epsilon`,
    /// `padding` (its own). With weights it is trained only where steps are asked for.
    ///
    /// Options of a TorchScript file, whose name ends in .pt and which returns a tuple or list of features: `taps` (needed): their
    /// names, in order; a stage's input is the feature before the one of its name; `resolution` (224), `channels` (3), `data`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// teacher("resnet_of_nobody") //> fails teacher::unknown
    /// teacher("efficientnet_b5", #{ weights: "gone.safetensors" }) //> fails file::io
    /// teacher("mine.pt", #{ taps: ["stem", "stage1"] }) //> fails file::io
    /// ```
    #[rhai_fn(name = "teacher", return_raw)]
    pub fn teacher_with(context: NativeCallContext, name: &str, given: Map) -> Answer<Teacher> {
        let host = Host::of(&context)?;
        if is_script(name) {
            return script_teacher(&host, name, given).cross();
        }
        let plan = find::<TeacherPlan>(&context, &host, name).cross()?;
        trained(&host, name, &plan, given).cross()
    }

    /// Name of the teacher.
    #[rhai_fn(get = "name", pure)]
    pub fn name(teacher: &mut Teacher) -> String {
        teacher.net.name.clone()
    }

    /// Top-1 of the teacher on validation images, in percent; `()` where it is not known.
    ///
    /// It is not for a teacher that was not trained here, and without validation images.
    #[rhai_fn(get = "top1_pct", pure)]
    pub fn top1_pct(teacher: &mut Teacher) -> Dynamic {
        teacher.top1_pct.map_or(Dynamic::UNIT, Dynamic::from)
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
        let taught = match teacher.top1_pct {
            Some(top1_pct) => format!("top-1 {top1_pct:.1} %"),
            None if teacher.trained => "trained without validation images".into(),
            None => "with weights from elsewhere".into(),
        };
        format!("teacher {}, {taught}", teacher.net.name)
    }
}

fn plan(context: &NativeCallContext, host: &Host, name: &str, given: Map) -> Result<TeacherPlan> {
    let known = [&["parts", "network", "taps", "steps", "batch", "lr"][..], &ASKED].concat();
    let options = Options::new("define_teacher", given, &known)?;
    if let Some(network) = options.text("network")? {
        if options.value("parts").is_some() {
            return Err(options.refuse("network", "`parts` are given too", "a teacher has one or the other"));
        }
        let recipe = teacher_plan(&options, Recipe::published_teacher())?;
        let network = find::<NetworkPlan>(context, host, &network)?;
        return Ok(TeacherPlan { source: Source::Network(Box::new(NetworkTeacher::new(name, &network, &options)?)), recipe });
    }
    for key in ["taps", "classes", "bn_epsilon", "padding"] {
        if options.value(key).is_some() {
            return Err(options.refuse(key, "it belongs to a `network`", "the parts of a teacher say these themselves"));
        }
    }
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
    let recipe = teacher_plan(&options, Recipe::teacher())?;
    Ok(TeacherPlan { source: Source::Parts(Box::new(TeacherNet::new(name, channels, resolution, &parts)?)), recipe })
}

fn trained(host: &Host, name: &str, plan: &TeacherPlan, given: Map) -> Result<Teacher> {
    let known = match plan.source {
        Source::Parts(_) => TAUGHT.to_vec(),
        Source::Network(_) => [&TAUGHT[..], &WEIGHTS, &ASKED].concat(),
    };
    let options = Options::new("teacher", given, &known)?;
    let data = data_of(&options, || default_data(host))?;
    let recipe = teacher_recipe(host, &options, plan.recipe.clone())?;
    let (mut net, weights) = match &plan.source {
        Source::Parts(net) => ((**net).clone(), None),
        Source::Network(network) => network.load(host, &options)?,
    };
    net.pool.lsq = recipe.lsq.clone();
    if recipe.steps + recipe.int8_steps == 0 {
        let none = || {
            let help = "say `weights: \"x.safetensors\"`, or train it here: `steps: 1000`";
            Fault::new("teacher::weights", format!("teacher `{name}` has no weights"), help)
        };
        let weights = weights.ok_or_else(none)?;
        return Ok(Teacher { net, data, weights, form: TeacherForm::Float, trained: false, top1_pct: None });
    }
    let job = net.job(data.clone(), weights, &recipe, options.seed()?);
    let done = runner(host, &options)?.run_one(Job::TrainNet(job), &host.progress(), &host.cancel)?;
    let top1_pct = done.result::<TrainSummary>()?.top1_pct;
    let form = if recipe.int8_steps > 0 { TeacherForm::Quantized } else { TeacherForm::Float };
    Ok(Teacher { net, data, weights: done.weights(), form, trained: true, top1_pct })
}

/// Declares teachers.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Teacher>("Teacher");
    engine.register_global_module(exported_module!(teacher_functions).into());
}

//! Look-up tables and the Q-T score.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::device::{Stopwatch, measure_int8};
use super::host::Host;
use super::latency::error_map;
use super::noun::Nouns;
use super::options::Options;
use super::space::{Hyper, Space};
use super::teacher::Dataset;
use crate::base::{Fault, Result, Seed, did_you_mean, stats};
use crate::frame::Table;
use crate::graph::Graph;
use crate::lut::build::{Built, Ingredients, build};
use crate::score::{QtOptions, qt_score as score_of};
use crate::train::{BlockRecipe, DataSource, Loss, Teacher};

/// A look-up table as scripts hold it.
pub type Lookup = Arc<Built>;

#[export_module]
mod lut_functions {
    /// Builds the look-up table of a hyperspace: loss and INT8 latency of sampled concrete stages.
    ///
    /// Every operator learns from the teacher in every searched stage, in FP32 and then quantized; concrete stages are drawn from what was trained.
    /// Everything is kept in the lab, so a second call with the same options takes seconds.
    ///
    /// Options: `teacher` (needed), `device` (needed), `data` (the teacher's); `samples` (16): stages a window; `measured` (160): stages and networks measured in
    /// all, from which latencies are predicted (see `latency_model`); `steps` (60), `int8_steps` (20), `batch` (32), `lr` (0.01), `int8_lr` (0.001): how blocks are trained;
    /// `random` (2): random stages in every step; `loss` ("nsr"): or "nsr_student", "mse"; `recalibrate` (2) and `batches` (2): batches of 64 images for batch
    /// norm and for the loss; `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai
    /// build_lut(hyperspace("pocket"), #{}) //> fails options::missing
    /// ```
    #[rhai_fn(return_raw)]
    pub fn build_lut(context: NativeCallContext, hyperspace: Hyper, given: Map) -> Answer<Lookup> {
        let host = Host::of(&context)?;
        make(&host, &hyperspace, given).cross()
    }

    /// The table's rows: one for each sampled stage.
    #[rhai_fn(get = "table", pure, return_raw)]
    pub fn lut_table(lut: &mut Lookup) -> Answer<Table> {
        lut.lut.to_table().cross()
    }

    /// Number of rows.
    #[rhai_fn(get = "height", pure)]
    pub fn lut_height(lut: &mut Lookup) -> i64 {
        lut.lut.rows().len() as i64
    }

    /// One row for each stage and operator: number of samples, and median and best of loss and latency.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let lut = build_lut(hyperspace("pocket"), #{ teacher: teacher("shapes_resnet"), device: device("ort") });
    /// print(lut.summary().sort("loss_median"));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn summary(lut: Lookup) -> Answer<Table> {
        summarise(&lut).cross()
    }

    /// How well predicted latencies agree with measured ones that were held out.
    ///
    /// A map with `within_5_pct` and `within_10_pct` (shares of the `samples`), and `rmspe_pct`.
    #[rhai_fn(get = "latency_error", pure)]
    pub fn latency_error(lut: &mut Lookup) -> Map {
        error_map(&lut.predictor.held_out)
    }

    /// The INT8 latency in milliseconds that a share of all networks of the hyperspace stays below.
    ///
    /// Stages are drawn at random; fixed parts are included.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let lut = build_lut(hyperspace("pocket"), #{ teacher: teacher("shapes_resnet"), device: device("ort") });
    /// print(`the fastest third takes up to ${lut.latency_quantile(0.33)} ms`);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn latency_quantile(lut: Lookup, share: f64) -> Answer<f64> {
        quantile(&lut, share).cross()
    }

    /// Q-T score of a search space: how good its networks are that keep the latency limits.
    ///
    /// The lower their losses the larger the score. Gives a map with `score` and, a value for each limit, `shares` (of networks within it), `latency_losses` and `top_losses`.
    /// After the SpaceEvo paper, as its published code computes it.
    ///
    /// Options: `limits` (needed): INT8 latencies in milliseconds; `samples` (10000): networks drawn; `top` (50): how many of the best count;
    /// `t` (0.1) and `a` (0.01): share below which the score is lowered, and how steeply; `seed` (0).
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let lut = build_lut(hyperspace("pocket"), #{ teacher: teacher("shapes_resnet"), device: device("ort") });
    /// let space = hyperspace("pocket").space("012-210");
    /// print(qt_score(space, lut, #{ limits: [0.2, 0.3] }).score);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn qt_score(space: Space, lut: Lookup, given: Map) -> Answer<Map> {
        score(&space, &lut, given).cross()
    }

    /// The look-up table as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn lut_text(lut: &mut Lookup) -> String {
        let from: Vec<_> = lut.lut.provenance().iter().map(|(key, value)| format!("{key} {value}")).collect();
        format!("look-up table of {} sampled stages ({})", lut.lut.rows().len(), from.join(", "))
    }
}

/// The loss named by an option.
pub(super) fn loss_of(options: &Options) -> Result<Loss> {
    match options.text("loss")?.as_deref() {
        None | Some("nsr") => Ok(Loss::Nsr),
        Some("nsr_student") => Ok(Loss::NsrStudent),
        Some("mse") => Ok(Loss::Mse),
        Some(other) => Err(options.refuse("loss", "there is no such loss", &did_you_mean(other, ["nsr", "nsr_student", "mse"]))),
    }
}

/// How blocks are trained, from options.
pub(super) fn recipe_of(options: &Options) -> Result<BlockRecipe> {
    let default = BlockRecipe::default();
    Ok(BlockRecipe {
        steps: options.count("steps", 1)?.unwrap_or(default.steps),
        int8_steps: options.count("int8_steps", 0)?.unwrap_or(default.int8_steps),
        lr: options.positive("lr")?.unwrap_or(default.lr),
        int8_lr: options.positive("int8_lr")?.unwrap_or(default.int8_lr),
        batch: options.count("batch", 2)?.unwrap_or(default.batch),
        random: options.count("random", 0)?.unwrap_or(default.random),
        loss: loss_of(options)?,
    })
}

/// The teacher and the data that go with it, from options.
pub(super) fn lesson_of(options: &Options) -> Result<(Teacher, DataSource)> {
    let teacher: Teacher = options.need("teacher", "a teacher: `teacher(\"shapes_resnet\")`")?;
    let data = options
        .noun::<Dataset>("data", "a data set: `dataset(\"shapes\")`")?
        .map_or_else(|| teacher.data.clone(), |data| data.source);
    Ok((teacher, data))
}

fn make(host: &Host, hyperspace: &Hyper, given: Map) -> Result<Lookup> {
    let known = [
        "teacher",
        "device",
        "data",
        "samples",
        "measured",
        "steps",
        "int8_steps",
        "batch",
        "lr",
        "int8_lr",
        "random",
        "loss",
        "recalibrate",
        "batches",
        "seed",
    ];
    let options = Options::new("build_lut", given, &known)?;
    let (teacher, data) = lesson_of(&options)?;
    let device: Stopwatch = options.need("device", "a device: `device(\"ort\")`")?;
    let from = Ingredients {
        hyperspace,
        teacher: &teacher,
        data: &data,
        recipe: recipe_of(&options)?,
        samples: options.count("samples", 1)?.unwrap_or(16),
        measured: options.count("measured", 2)?.unwrap_or(160),
        recalibrate: options.count("recalibrate", 1)?.unwrap_or(2),
        batches: options.count("batches", 1)?.unwrap_or(2),
        seed: options.seed()?,
    };
    let measure = |graphs: &[Graph]| measure_int8(host, &device, graphs);
    build(&from, &*host.runner()?, &measure, &host.progress(), &host.cancel).map(Arc::new)
}

fn summarise(lut: &Built) -> Result<Table> {
    let mut groups: Vec<Group> = Vec::new();
    for row in lut.lut.rows() {
        let at =
            groups.iter().position(|group| group.stage == row.stage && group.operator == row.operator).unwrap_or_else(|| {
                groups.push(Group {
                    stage: row.stage.clone(),
                    operator: row.operator.clone(),
                    losses: vec![],
                    latencies_ms: vec![],
                });
                groups.len() - 1
            });
        groups[at].losses.push(row.loss);
        groups[at].latencies_ms.push(row.latency_ms);
    }
    let losses = |share: f64| groups.iter().map(|group| stats::quantile(&group.losses, share)).collect::<Vec<_>>();
    let latencies = |share: f64| groups.iter().map(|group| stats::quantile(&group.latencies_ms, share)).collect::<Vec<_>>();
    Table::builder()
        .text("stage", groups.iter().map(|group| group.stage.clone()))
        .text("operator", groups.iter().map(|group| group.operator.clone()))
        .int("samples", groups.iter().map(|group| group.losses.len() as i64))
        .float("loss_median", losses(0.5))
        .float("loss_best", losses(0.0))
        .float("int8_ms_median", latencies(0.5))
        .float("int8_ms_best", latencies(0.0))
        .build()
}

/// The rows of one stage and operator.
struct Group {
    stage: String,
    operator: String,
    losses: Vec<f64>,
    latencies_ms: Vec<f64>,
}

fn quantile(lut: &Built, share: f64) -> Result<f64> {
    if !(0.0..=1.0).contains(&share) {
        return Err(Fault::new(
            "lut::share",
            format!("a share of {share} is not between 0 and 1"),
            "for example 0.3 for the fastest 30 %",
        ));
    }
    let mut rng = Seed(0).child("latency_quantile").rng();
    let mut sums = Vec::new();
    for _ in 0..4000 {
        let space = crate::space::SearchSpace::sample(&lut.hyperspace, &mut rng);
        let resolutions = lut.lut.resolutions();
        let resolution = resolutions[rand::RngExt::random_range(&mut rng, 0..resolutions.len())];
        let mut sum = lut.fixed_ms.get(&resolution).copied().unwrap_or(0.0);
        for (place, stage) in lut.hyperspace.searched().into_iter().enumerate() {
            let group =
                lut.lut.group(&lut.hyperspace.stages[stage].name, space.operator(stage).name(), space.windows[place], resolution);
            if !group.is_empty() {
                sum += group[rand::RngExt::random_range(&mut rng, 0..group.len())].latency_ms;
            }
        }
        sums.push(sum);
    }
    Ok(stats::quantile(&sums, share))
}

fn score(space: &Space, lut: &Built, given: Map) -> Result<Map> {
    let options = Options::new("qt_score", given, &["limits", "samples", "top", "t", "a", "seed"])?;
    let limits_ms = options.floats("limits")?;
    let limits_ms = limits_ms.ok_or_else(|| {
        Fault::new(
            "options::missing",
            "qt_score needs the option `limits`",
            "give INT8 latencies in milliseconds, for example `limits: [0.2, 0.3]`",
        )
    })?;
    let default = QtOptions::default();
    let how = QtOptions {
        limits_ms,
        samples: options.count("samples", 1)?.unwrap_or(10_000),
        top: options.count("top", 1)?.unwrap_or(default.top),
        share: options.positive("t")?.unwrap_or(default.share),
        steepness: options.float("a")?.unwrap_or(default.steepness),
        other_ms: lut.fixed_ms.clone(),
        seed: options.seed()?,
        ..default
    };
    let found = score_of(space, &lut.lut, &how)?;
    let list = |pick: fn(&crate::score::LimitScore) -> f64| {
        found.limits.iter().map(|limit| Dynamic::from(pick(limit))).collect::<Array>()
    };
    Ok(Map::from([
        ("score".into(), found.score.into()),
        ("shares".into(), list(|limit| limit.share).into()),
        ("latency_losses".into(), list(|limit| limit.latency_loss).into()),
        ("top_losses".into(), list(|limit| limit.top_loss).into()),
    ]))
}

/// Declares look-up tables.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Lookup>("Lut");
    engine.register_global_module(exported_module!(lut_functions).into());
}

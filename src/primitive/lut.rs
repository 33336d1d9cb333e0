//! Look-up tables: building, reading, importing, checking, showing.

use std::path::Path;
use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr, Map};

use super::cells::maps;
use super::cross::{Answer, Cross};
use super::dataset::data_of;
use super::device::{Stopwatch, measure_int8};
use super::executor::runner;
use super::host::{DRY_MEASURED, Host, JUDGED, MEASURED};
use super::import;
use super::latency::{LatencyModel, error_of};
use super::lut_views;
use super::noun::Nouns;
use super::options::Options;
use super::recipe::{block_recipe, with_block_options};
use super::space::Hyper;
use super::values::{noun, numbers};
use crate::base::{Fault, Result, Seed, stats};
use crate::frame::Table;
use crate::graph::Graph;
use crate::lut::build::{Built, Ingredients, Timing, build};
use crate::lut::latency::LatencyModel as Model;
use crate::lut::{INT8_MS, Lut};
use crate::plot::Figure;
use crate::train::{DataSource, Teacher};

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
    /// all, from which latencies are predicted (see `latency_model`);
    /// `steps` (60), `int8_steps` (20), `batch` (32), `lr` (0.01), `int8_lr` (0.001), `warmup` (a twentieth of `steps`), `int8_warmup` (0): how long and
    /// how fast, in FP32 and then quantized, along a cosine; `cosine_every` (1): steps between its changes; `random` (2): random stages in every step;
    /// `optimizer` ("adam"): or "sgd"; `weight_decay` (1e-4); `decay` ("weights"): what decays, or "reference" for all but biases and shifts;
    /// `gradient_clip` (1.0): most that a value of a gradient counts, 0 for no limit;
    /// `precision` ("float32"): of products while training, or "bfloat16": faster on cards, and far slower on a processor without AVX-512;
    /// `weight_bits` (8), `activation_bits` (8): 2 to 8; `weights` ("per_tensor"): what shares a scale, or "per_channel"; `scale_init` ("min_max"): where
    /// scales begin, or "lsq", or "reference" with half the range for weights; `offset` ("integer"): or "real" as in the reference;
    /// `quantizer` ("lsq"): what quantized values stand for, or a closure `|x, scale, low, high|` (see `trace_quantizer`);
    /// `loss` ("nsr"): or "nsr_student" as in the reference, "mse", or a closure `|student, teacher|` (see `trace_loss`); `targets` ("teacher"): whom smaller
    /// stages learn from, or "largest";
    /// `recalibrate` (2) and `batches` (2): batches of 64 images for batch norm and for the loss; `share_teacher` (true): blocks share the teacher's
    /// passes, `false` gives the same table more slowly, to compare with;
    /// `on` ("local"): where blocks are trained and judged (see `executor`); `seed` (0).
    ///
    /// The reference trains 5 epochs of 64 images a step, with `cosine_every: 20` and learning rates from 0.005 to 0.01.
    ///
    /// # Example
    ///
    /// ```rhai
    /// build_lut(hyperspace("pocket"), #{}) //> fails options::missing
    /// ```
    #[rhai_fn(return_raw)]
    pub fn build_lut(context: NativeCallContext, hyperspace: Hyper, given: Map) -> Answer<Lookup> {
        let host = Host::of(&context)?;
        make(&context, &host, &hyperspace, given).cross()
    }

    /// A look-up table from a file that `write` wrote (`.parquet`, `.csv`, `.json`).
    ///
    /// # Example
    ///
    /// ```rhai
    /// read_lut(hyperspace("pocket"), "gone.parquet") //> fails file::io
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read_lut(context: NativeCallContext, hyperspace: Hyper, path: &str) -> Answer<Lookup> {
        Host::of(&context)?.running.reads(Path::new(path));
        let lut = Table::read(Path::new(path)).and_then(|table| Lut::from_table(&table)).cross()?;
        Ok(Arc::new(Built::new(&hyperspace, lut, None)))
    }

    /// Writes the look-up table with its provenance (`.parquet`, `.csv`, `.json`).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 4, columns: #{ loss: |stage| 1.0 } });
    /// lut.write("lut.txt") //> fails frame::format
    /// ```
    #[rhai_fn(return_raw)]
    pub fn write(lut: Lookup, path: &str) -> Answer<()> {
        lut.lut.to_table().and_then(|table| table.write(Path::new(path))).cross()
    }

    /// The rows of several look-up tables of one hyperspace as one. Fails with `lut::merge` where columns differ.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let part = |seed| sample_lut(hyperspace("pocket"), #{ samples: 4, seed: seed, columns: #{ loss: |stage| 1.0 } });
    /// merge_luts([part.call(1), part.call(2)]).height //> 288
    /// ```
    #[rhai_fn(return_raw)]
    pub fn merge_luts(tables: Array) -> Answer<Lookup> {
        merged(&tables).cross()
    }

    /// The table's rows: one for each sampled stage.
    #[rhai_fn(get = "table", pure, return_raw)]
    pub fn lut_table(lut: &mut Lookup) -> Answer<Table> {
        lut.lut.to_table().cross()
    }

    /// Number of rows.
    #[rhai_fn(get = "height", pure)]
    pub fn lut_height(lut: &mut Lookup) -> i64 {
        lut.lut.height() as i64
    }

    /// Names of the columns of figures: `loss`, latencies (`int8_ms`, …), costs.
    #[rhai_fn(get = "columns", pure)]
    pub fn lut_columns(lut: &mut Lookup) -> Array {
        lut.lut.columns().map(|name| Dynamic::from(name.to_string())).collect()
    }

    /// How the rows came about: hyperspace, teacher, data, device, date, seed, version of the lab.
    #[rhai_fn(get = "provenance", pure)]
    pub fn lut_provenance(lut: &mut Lookup) -> Map {
        lut.lut.provenance().iter().map(|(key, value)| (key.as_str().into(), value.clone().into())).collect()
    }

    /// The hyperspace that the table is for.
    #[rhai_fn(get = "hyperspace", pure)]
    pub fn lut_hyperspace(lut: &mut Lookup) -> Hyper {
        lut.hyperspace.clone()
    }

    /// The same table with one more column of figures: one value for each row, none negative.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 4, columns: #{ loss: |stage| 1.0 } });
    /// lut.with_column("energy_mj", lut.table["mflops"]).columns //> ["energy_mj", "loss", "mflops", "mparams", "weights_mb"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn with_column(lut: Lookup, name: &str, values: Array) -> Answer<Lookup> {
        let values = numbers("with_column", &values).cross()?;
        changed(&lut, lut.lut.clone().with_column(name, values)).cross()
    }

    /// The same table with the latency on one more device: a latency model, or a `table` device.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = hyperspace("pocket");
    /// let lut = sample_lut(hs, #{ samples: 4, columns: #{ loss: |stage| 1.0 } });
    /// let model = latency_model(hs, device("flops"), #{ measured: 60 });
    /// lut.with_latency("counted_ms", model).columns.contains("counted_ms") //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn with_latency(lut: Lookup, name: &str, model: Dynamic) -> Answer<Lookup> {
        add_latency(&lut, name, &model).cross()
    }

    /// The rows for which a closure holds, as a table of its own; it is given a map of the row.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 4, columns: #{ loss: |stage| 1.0 } });
    /// lut.filter(|row| row.operator == "fused_residual").height //> 36
    /// ```
    #[rhai_fn(return_raw)]
    pub fn filter(context: NativeCallContext, lut: Lookup, keep: FnPtr) -> Answer<Lookup> {
        let rows = maps(&lut.lut.to_table().cross()?).cross()?;
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            kept.push(keep.call_within_context::<bool>(&context, (row,))?);
        }
        changed(&lut, lut.lut.filter(|row| kept[row])).cross()
    }

    /// Whether every search space can be scored from the table, and every row can be one of its stages.
    ///
    /// Gives `true`, or fails with `lut::missing` (groups without samples) or `lut::shape` (rows that no stage can be).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 4, columns: #{ loss: |stage| 1.0 } });
    /// lut.validate() //> true
    /// lut.filter(|row| row.stage != "stage2").validate() //> fails lut::missing
    /// ```
    #[rhai_fn(return_raw)]
    pub fn validate(lut: Lookup) -> Answer<bool> {
        lut.lut.validate(&lut.hyperspace).and_then(|()| lut.lut.samples(&lut.hyperspace)).cross()?;
        Ok(true)
    }

    /// Figures of `mflops` and `mparams` that differ from the cost of the rows' layers.
    #[rhai_fn(return_raw)]
    pub fn check_costs(lut: Lookup) -> Answer<Table> {
        check_costs_with(lut, Map::new())
    }

    /// Figures of `mflops` and `mparams` that differ from the exact cost of the rows' layers.
    ///
    /// Columns: `row`, `column`, `table`, `layers`, `units` (of the last decimal).
    ///
    /// Options: `decimals` (4): digits that the table prints; `quantizers` (false): whether its parameters include three scalars for each convolution, as the reference's do.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 4, columns: #{ loss: |stage| 1.0 } });
    /// lut.check_costs().height //> 0
    /// lut.check_costs(#{ quantizers: true }).height > 0 //> true
    /// ```
    #[rhai_fn(name = "check_costs", return_raw)]
    pub fn check_costs_with(lut: Lookup, given: Map) -> Answer<Table> {
        lut_views::cost_table(&lut, given).cross()
    }

    /// One row for each stage and operator: number of samples, and median and best of loss and latency.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 4, columns: #{ loss: |stage| 1.0, int8_ms: |stage| stage.mflops } });
    /// lut.summary().columns //> ["stage", "operator", "samples", "loss_median", "loss_best", "int8_ms_median", "int8_ms_best"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn summary(lut: Lookup) -> Answer<Table> {
        lut_views::summarise(&lut).cross()
    }

    /// What of a hyperspace the table holds: windows and samples of each stage and operator.
    ///
    /// Columns: `stage`, `operator`, `windows`, `windows_known`, `samples`, and `fewest`: the least in a group.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 4, columns: #{ loss: |stage| 1.0 } });
    /// lut.coverage().row(0) //> #{"fewest": 4, "operator": "inverted_residual", "samples": 12, "stage": "stage1", "windows": 3, "windows_known": 3}
    /// ```
    #[rhai_fn(return_raw)]
    pub fn coverage(lut: Lookup) -> Answer<Table> {
        lut_views::covered(&lut).cross()
    }

    /// Loss over INT8 latency of the sampled concrete stages of a stage, a colour for each operator.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 4, columns: #{ loss: |stage| 1.0, int8_ms: |stage| stage.mflops } });
    /// plot(lut, "stage1").series.len() //> 4
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plot(lut: Lookup, stage: &str) -> Answer<Figure> {
        lut_views::figure(&lut, stage, INT8_MS).cross()
    }

    /// Loss over any column of the sampled concrete stages of a stage, a colour for each operator.
    #[rhai_fn(name = "plot", return_raw)]
    pub fn plot_over(lut: Lookup, stage: &str, column: &str) -> Answer<Figure> {
        lut_views::figure(&lut, stage, column).cross()
    }

    /// How well predicted latencies agree with measured ones that were held out.
    ///
    /// A map with `within_5_pct` and `within_10_pct` (shares of the `samples`), and `rmspe_pct`.
    #[rhai_fn(get = "latency_error", pure, return_raw)]
    pub fn latency_error(lut: &mut Lookup) -> Answer<Map> {
        let none = || Fault::new("lut::no_model", "this table was imported: no latency model is behind it", "");
        lut.latency.as_ref().ok_or_else(none).and_then(error_of).cross()
    }

    /// The INT8 latency in milliseconds that a share of all networks of the hyperspace stays below.
    ///
    /// Stages are drawn at random; fixed parts are included.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 8, columns: #{ loss: |stage| 1.0, int8_ms: |stage| stage.mflops } });
    /// lut.latency_quantile(0.1) < lut.latency_quantile(0.9) //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn latency_quantile(lut: Lookup, share: f64) -> Answer<f64> {
        quantile(&lut, share).cross()
    }

    /// The look-up table as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn lut_text(lut: &mut Lookup) -> String {
        let from: Vec<_> = lut.lut.provenance().iter().map(|(key, value)| format!("{key} {value}")).collect();
        format!("look-up table of {} sampled stages ({})", lut.lut.height(), from.join(", "))
    }
}

/// The table `lut` in place of that of `from`.
fn changed(from: &Built, lut: Result<Lut>) -> Result<Lookup> {
    Ok(Arc::new(Built { lut: lut?, ..from.clone() }))
}

fn merged(tables: &[Dynamic]) -> Result<Lookup> {
    let tables: Vec<Lookup> = tables.iter().map(|one| noun("merge_luts", "look-up tables", one)).collect::<Result<_>>()?;
    let Some(first) = tables.first() else {
        return Err(Fault::new("lut::merge", "there are no tables to merge", "give an array of look-up tables"));
    };
    if let Some(other) = tables.iter().find(|other| other.hyperspace.name != first.hyperspace.name) {
        let names = format!("`{}` and `{}`", first.hyperspace.name, other.hyperspace.name);
        return Err(Fault::new("lut::merge", format!("the tables are for {names}"), "merge tables of one hyperspace"));
    }
    let lut = Lut::merge(&tables.iter().map(|table| &table.lut).collect::<Vec<_>>())?;
    let blocks = tables.iter().flat_map(|table| table.blocks.clone()).collect();
    Ok(Arc::new(Built { lut, blocks, ..Built::clone(first) }))
}

fn add_latency(lut: &Lookup, name: &str, model: &Dynamic) -> Result<Lookup> {
    let model = match model.clone().try_cast::<Stopwatch>() {
        Some(Stopwatch::Blocks(blocks)) => Model::Blocks(blocks),
        Some(Stopwatch::Timed(device)) => {
            let help = "fit a model first: `lut.with_latency(name, latency_model(lut.hyperspace, device, #{}))`";
            return Err(Fault::new("lut::latency", format!("`{}` times networks one by one", device.name()), help));
        }
        None => noun::<LatencyModel>("with_latency", "a latency model or a `table` device", model)?.0,
    };
    if !name.ends_with("_ms") {
        return Err(Fault::new("lut::column", format!("`{name}` does not say its unit"), format!("call it `{name}_ms`")));
    }
    let samples = lut.lut.samples(&lut.hyperspace)?;
    let times = samples.iter().map(|sample| model.stage_ms(sample)).collect::<Result<_>>()?;
    changed(lut, lut.lut.clone().with_column(name, times))
}

/// The teacher and the data that go with it, from options.
pub(super) fn lesson_of(options: &Options) -> Result<(Teacher, DataSource)> {
    let teacher: Teacher = options.need("teacher", "a teacher: `teacher(\"shapes_resnet\")`")?;
    let data = data_of(options, || Ok(teacher.data.clone()))?;
    Ok((teacher, data))
}

fn make(context: &NativeCallContext, host: &Host, hyperspace: &Hyper, given: Map) -> Result<Lookup> {
    let own = ["teacher", "device", "data", "samples", "measured", "recalibrate", "batches", "share_teacher", "on", "seed"];
    let options = Options::new("build_lut", given, &with_block_options(&own))?;
    let (teacher, data) = lesson_of(&options)?;
    let device: Stopwatch = options.need("device", "a device: `device(\"ort\")`")?;
    let from = Ingredients {
        hyperspace,
        teacher: &teacher,
        data: &data,
        recipe: block_recipe(context, host, &options)?,
        samples: host.cut("samples of a stage", options.count("samples", 1)?.unwrap_or(16), 2),
        measured: host.cut(MEASURED, options.count("measured", 2)?.unwrap_or(160), DRY_MEASURED),
        recalibrate: host.cut(JUDGED, options.count("recalibrate", 1)?.unwrap_or(2), 1),
        batches: host.cut(JUDGED, options.count("batches", 1)?.unwrap_or(2), 1),
        share_teacher: options.flag("share_teacher")?.unwrap_or(true),
        device: device.words(),
        seed: options.seed()?,
    };
    let runner = runner(host, &options)?;
    match &device {
        Stopwatch::Blocks(blocks) => {
            let timing = Timing::Known(Model::Blocks(blocks.clone()));
            build(&from, &runner, &timing, &host.progress(), &host.cancel).map(Arc::new)
        }
        Stopwatch::Timed(device) => {
            let measure = |graphs: &[Graph]| measure_int8(host, device, graphs);
            build(&from, &runner, &Timing::Measured(&measure), &host.progress(), &host.cancel).map(Arc::new)
        }
    }
}

fn quantile(lut: &Built, share: f64) -> Result<f64> {
    if !(0.0..=1.0).contains(&share) {
        return Err(Fault::new(
            "lut::share",
            format!("a share of {share} is not between 0 and 1"),
            "for example 0.3 for the fastest 30 %",
        ));
    }
    let latencies = lut.lut.column(INT8_MS)?;
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
                sum += latencies[group[rand::RngExt::random_range(&mut rng, 0..group.len())] as usize];
            }
        }
        sums.push(sum);
    }
    Ok(stats::quantile(&sums, share))
}

/// Declares look-up tables.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Lookup>("Lut");
    engine.register_global_module(exported_module!(lut_functions).into());
    import::register(engine);
}

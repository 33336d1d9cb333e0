//! Studies, look-up tables, devices, and what was trained.

use super::spaces::{space_picture, space_rows, subnet_picture};
use super::{Page, Picture};
use crate::base::Result;
use crate::data::Split;
use crate::frame::{Column, Table, figure};
use crate::graph::{Part, Shape, chain};
use crate::lut::latency::LatencyModel as Model;
use crate::plot::{Figure, Given, Kind, Layer, Values, widths};
use crate::primitive::block::TrainedBlock;
use crate::primitive::blocks::Blocks;
use crate::primitive::comparison::{Compared, curves, drawn as curves_of, ends, made};
use crate::primitive::dataset::Dataset;
use crate::primitive::device::Stopwatch;
use crate::primitive::executor::{Executor, Site, Submitted, page_of};
use crate::primitive::found::Found;
use crate::primitive::latency::LatencyModel;
use crate::primitive::latency_table::{Predictions, measured, networks, words_of};
use crate::primitive::lut::Lookup;
use crate::primitive::lut_views::{covered, summarise};
use crate::primitive::study::SpaceStudy;
use crate::primitive::study_views::{course, ended, history_table, without_score};
use crate::primitive::supernet::Supernet;
use crate::search::Direction;
use crate::train::{DataSource, Teacher, TeacherForm};
use crate::worker::Processor;

/// Classes of a data set that are named on its page.
const NAMED: usize = 20;
/// Rows of the best candidates on a page.
const BEST: usize = 10;

/// The lines of a `key: value` map of texts.
fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<(String, String)> {
    pairs.into_iter().map(|(key, value)| (key.replace('_', " "), value.clone())).collect()
}

fn percent(value: f64) -> String {
    format!("{value:.1} %")
}

pub(super) fn study(study: &SpaceStudy) -> Result<Page> {
    let aim = match study.direction {
        Direction::Maximize => "the largest score",
        Direction::Minimize => "the smallest score",
    };
    let mut facts = vec![("trials", study.history.len().to_string()), ("searched for", aim.into())];
    facts.extend(study.history.first().map(|trial| ("hyperspace", trial.candidate.hyperspace.name.clone())));
    facts.extend(ended(study).map(|how| ("it was", how.to_owned())));
    let lacking = without_score(study);
    if !lacking.is_empty() {
        facts.push(("without a score", lacking.trim_matches([' ', '(', ')']).to_owned()));
    }
    let name = study.best().map(|best| format!("best {}", best.record.text)).unwrap_or_default();
    let mut page = Page::new("study", &name).facts(facts);
    let best = study.top(BEST);
    if best.is_empty() {
        return Ok(page.note("No candidate has a score."));
    }
    page = page.picture(course(study))?;
    let operators = best.iter().map(|trial| {
        let space = &trial.candidate;
        let names = space.hyperspace.searched().into_iter().map(|at| space.operator(at).name().to_owned());
        names.collect::<Vec<_>>().join(", ")
    });
    let table = Table::builder()
        .int("trial", best.iter().map(|trial| trial.id as i64))
        .text("space", best.iter().map(|trial| trial.record.text.clone()))
        .float("score", best.iter().map(|trial| trial.score().unwrap_or(f64::NAN)))
        .text("operators", operators)
        .build()?;
    Ok(page.note(&format!("The best {} of {}:", best.len(), study.history.len())).table(&table))
}

pub(super) fn study_picture(study: &SpaceStudy) -> Result<Picture> {
    Ok(course(study).into())
}

pub(super) fn study_rows(study: &SpaceStudy) -> Result<Table> {
    history_table(study)
}

pub(super) fn comparison(found: &Compared) -> Result<Page> {
    let page = Page::new("comparison of studies", "").note(&made(found)).table(&ends(found)?);
    Ok(page.picture(curves_of(found)?)?.folded("curves", &curves(found)?))
}

pub(super) fn comparison_picture(found: &Compared) -> Result<Picture> {
    Ok(curves_of(found)?.into())
}

pub(super) fn comparison_rows(found: &Compared) -> Result<Table> {
    ends(found)
}

pub(super) fn lut(lut: &Lookup) -> Result<Page> {
    let columns = lut.lut.columns().collect::<Vec<_>>().join(", ");
    let sides = lut.lut.resolutions().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let facts = [
        ("hyperspace", lut.hyperspace.name.clone()),
        ("sampled stages", lut.lut.height().to_string()),
        ("columns", columns),
        ("resolutions", sides),
    ];
    let page = Page::new("look-up table", "").facts(facts);
    let page = page.facts(pairs(lut.lut.provenance().iter().filter(|(key, _)| *key != "hyperspace")));
    Ok(page.table(&summarise(lut)?).picture(lut_picture(lut)?)?.folded("coverage", &covered(lut)?))
}

/// The samples of each stage and operator, as colours.
pub(super) fn lut_picture(lut: &Lookup) -> Result<Picture> {
    let table = covered(lut)?;
    let names = |column: &str| -> Result<Given> {
        Ok(Given { column: column.into(), values: Values::Names(table.column_text(column)?) })
    };
    let samples = Given { column: "samples".into(), values: Values::Numbers(table.column_f64("samples")?) };
    let layer = Layer { value: Some(samples), ..Layer::new(Kind::Heat, names("stage")?, Some(names("operator")?)) };
    let title = format!("samples, look-up table of {}", lut.hyperspace.name);
    let mut figure = Figure::new(title, crate::plot::Axis::linear(""), crate::plot::Axis::linear(""));
    figure.add(&layer)?;
    Ok(figure.into())
}

pub(super) fn lut_rows(lut: &Lookup) -> Result<Table> {
    lut.lut.to_table()
}

pub(super) fn blocks(blocks: &Blocks) -> Result<Page> {
    let report = blocks.report.iter().map(|(key, value)| (key.replace('_', " "), value.to_string()));
    let page = Page::new("block table", "").facts([("blocks", blocks.table.entries().len().to_string())]);
    Ok(page.facts(report).facts(pairs(&blocks.table.provenance)).table(&blocks.table.to_table()?))
}

pub(super) fn blocks_rows(blocks: &Blocks) -> Result<Table> {
    blocks.table.to_table()
}

pub(super) fn latency_model(model: &LatencyModel) -> Result<Page> {
    Ok(match &model.0 {
        Model::Blocks(blocks) => Page::new("latency model", "")
            .facts([("blocks", blocks.entries().len().to_string())])
            .note("A network takes the sum of its blocks."),
        Model::Table(table) => return latency_table(table),
        Model::Fitted(predictor) => {
            let error = &predictor.held_out;
            let facts = [
                ("precision", predictor.precision.name().to_owned()),
                ("measured graphs", error.graphs.to_string()),
                ("held out, within 5 %", percent(error.within5_pct)),
                ("held out, within 10 %", percent(error.within10_pct)),
                ("error (root mean square)", percent(error.rmspe_pct)),
                ("largest error", percent(error.worst_pct)),
            ];
            let kernels = predictor.costs.0.iter();
            let kernels = Table::builder()
                .text("kernel", kernels.clone().map(|(name, _)| name.clone()))
                .lists("coefficients_ms", kernels.map(|(_, values)| values.clone()))
                .build()?;
            Page::new("latency model", "")
                .facts(facts)
                .folded("coefficients: ms a call, and ms a million of each feature", &kernels)
        }
    })
}

pub(super) fn latency_table(table: &Predictions) -> Result<Page> {
    let page = Page::new("latency table", &table.hyperspace.name).note(&words_of(&table.report));
    Ok(page.folded("measured blocks", &measured(table)?).folded("measured networks", &networks(table)?))
}

pub(super) fn latency_table_rows(table: &Predictions) -> Result<Table> {
    measured(table)
}

pub(super) fn device(device: &Stopwatch) -> Result<Page> {
    Ok(match device {
        Stopwatch::Blocks(table) => {
            Page::new("device", "table").facts([("blocks", table.entries().len().to_string())]).facts(pairs(&table.provenance))
        }
        Stopwatch::Timed(device) => {
            let print = device.fingerprint();
            let precisions = device.precisions().iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
            let facts = [
                ("runtime", print.runtime.clone()),
                ("processor", print.cpu.clone()),
                ("threads", print.threads.to_string()),
                ("clock", print.clock.clone()),
                ("precisions", precisions),
                ("options", print.options.clone()),
            ];
            Page::new("device", &print.device).facts(facts)
        }
    })
}

pub(super) fn executor(executor: &Executor) -> Result<Page> {
    let list = |processors: &[Processor]| processors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let spot = match &executor.site {
        Site::Elsewhere(spot) => spot,
        Site::Own(own) => {
            let mut facts = Vec::new();
            facts.extend(own.workers.map(|count| ("workers", count.to_string())));
            facts.extend(own.threads.map(|count| ("threads of each", count.to_string())));
            facts.extend(own.devices.iter().map(|devices| ("devices", list(devices))));
            let page = Page::new("executor", &executor.name).facts(facts);
            return Ok(page.note("The session's own workers, which end with it."));
        }
    };
    let mut facts = vec![("workers", spot.workers.to_string()), ("threads of each", spot.threads.to_string())];
    facts.extend((!spot.processors.is_empty()).then(|| ("devices", list(&spot.processors))));
    facts.extend(spot.host.iter().map(|host| ("host", host.clone())));
    facts.extend(spot.host.iter().map(|_| ("folder there", spot.folder.clone())));
    facts.extend(spot.trainer.iter().map(|trainer| ("trainer", trainer.clone())));
    facts.extend((!spot.sbatch.is_empty()).then(|| ("sbatch", spot.sbatch.join(" "))));
    Ok(Page::new("executor", &executor.name).facts(facts).note("Jobs go on there when the session ends."))
}

pub(super) fn submitted(submitted: &Submitted) -> Result<Page> {
    let (facts, table) = page_of(submitted)?;
    Ok(Page::new("submitted jobs", "").facts(facts).table(&table))
}

fn data_facts(data: &DataSource) -> Vec<(&'static str, String)> {
    let (size, Split { train, valid, test, seed }) = (data.size(), data.split());
    let mut facts = vec![
        ("data set", data.name().into()),
        ("images", format!("{size}x{size}, {train} to train, {valid} to validate, {test} to test")),
        ("classes", data.classes().to_string()),
        ("seed of the data", seed.0.to_string()),
    ];
    facts.extend(data.path().map(|path| ("files", path.display().to_string())));
    facts
}

pub(super) fn dataset(data: &Dataset) -> Result<Page> {
    let names = &data.class_names;
    let more = names.len().saturating_sub(NAMED);
    let named = names[..names.len() - more].join(", ");
    let named = if more == 0 { named } else { format!("{named} and {more} more") };
    Ok(Page::new("data set", data.source.name()).facts(data_facts(&data.source)).facts([("named", named)]))
}

pub(super) fn teacher(teacher: &Teacher) -> Result<Page> {
    let net = &teacher.net;
    let parts: Vec<Part<'_>> = net
        .net
        .parts
        .iter()
        .map(|&at| {
            let (prefix, graph) = &net.pool.parts[at];
            Part { prefix, graph: &net.pool.graphs[*graph] }
        })
        .collect();
    let mut facts: Vec<_> = teacher.top1_pct.iter().map(|top1| ("top-1 (validation)", percent(*top1))).collect();
    let form = match teacher.form {
        TeacherForm::Float => "floats",
        TeacherForm::Quantized => "8 bits (LSQ+)",
        TeacherForm::Script => "a TorchScript file",
    };
    facts.push(("teaches in", form.into()));
    if let Some(first) = parts.first() {
        let input = Shape::new(first.graph.input_shape().c(), net.resolution, net.resolution);
        let graph = chain(input, &parts)?;
        let cost = graph.cost();
        facts.push(("input", graph.input_shape().to_string()));
        facts.push(("cost", format!("{} MFLOPs", figure(cost.mflops()))));
        facts.push(("parameters", format!("{} million", figure(cost.mparams()))));
    }
    facts.extend(data_facts(&teacher.data));
    Ok(Page::new("teacher", &net.name).facts(facts).note("Stages learn from these taps:").table(&teacher_rows(teacher)?))
}

/// Where a teacher is tapped.
pub(super) fn teacher_rows(teacher: &Teacher) -> Result<Table> {
    let taps = &teacher.net.taps;
    Table::builder()
        .text("name", taps.iter().map(|tap| tap.name.clone()))
        .int("channels", taps.iter().map(|tap| tap.channels as i64))
        .int("stride", taps.iter().map(|tap| tap.stride as i64))
        .build()
}

/// The home of a trained block, its name, widths, and those that it holds.
fn stage_of(block: &TrainedBlock) -> (&crate::space::Stage, std::ops::Range<usize>) {
    let home = &block.stage.hyperspace.stages[block.stage.stage];
    let own = block.stage.widths();
    let first = own.first().and_then(|width| home.widths.iter().position(|other| other == width)).unwrap_or(0);
    (home, first..first + own.len())
}

pub(super) fn trained_block(block: &TrainedBlock) -> Result<Page> {
    let (home, chosen) = stage_of(block);
    let common = &block.recipe.common;
    let quantized = format!("loss ({})", common.lsq.label());
    let names = ["loss (FP32)", quantized.as_str()];
    let losses = names.into_iter().zip(&block.summary.loss).map(|(name, loss)| (name, format!("{loss:.4}")));
    let facts = [
        ("hyperspace", block.stage.hyperspace.name.clone()),
        ("stage", home.name.clone()),
        ("operator", block.stage.operator.name().to_owned()),
        ("steps", format!("{} in FP32, {} quantized", common.steps, common.int8_steps)),
        ("taken from the lab", if block.reused { "yes" } else { "no" }.to_owned()),
    ];
    Page::new("trained elastic stage", &home.name)
        .facts(facts)
        .facts(losses)
        .facts(data_facts(&block.data))
        .picture(widths(&home.widths, chosen))
}

pub(super) fn trained_block_picture(block: &TrainedBlock) -> Result<Picture> {
    let (home, chosen) = stage_of(block);
    Ok(widths(&home.widths, chosen).into())
}

pub(super) fn supernet(supernet: &Supernet) -> Result<Page> {
    let trained = if supernet.quantized { format!("in FP32, then {}", supernet.lsq.label()) } else { "in FP32".to_owned() };
    let judged = match supernet.tuned {
        None => "top-1 of the largest subnet (validation)",
        Some(_) => "top-1 of the subnet it was tuned for (validation)",
    };
    let facts = [(judged, percent(supernet.top1_pct)), ("trained", trained)];
    let name = format!("{}-{}", supernet.space.hyperspace.name, supernet.space.encode());
    Page::new("supernet", &name).facts(facts).facts(data_facts(&supernet.data)).picture(space_picture(&supernet.space)?)
}

pub(super) fn supernet_picture(supernet: &Supernet) -> Result<Picture> {
    space_picture(&supernet.space)
}

pub(super) fn supernet_rows(supernet: &Supernet) -> Result<Table> {
    space_rows(&supernet.space)
}

pub(super) fn found(found: &Found) -> Result<Page> {
    let costs =
        found.costs.iter().map(|(name, value)| (name.to_string(), value.as_float().map_or_else(|_| value.to_string(), figure)));
    let facts = [
        ("search space", found.subnet.space.encode()),
        ("top-1 (validation, quantized)", percent(found.top1_pct)),
        ("predicted", format!("{} ms", figure(found.predicted_ms))),
    ];
    let page = Page::new("found subnet", &found.subnet.encode()).facts(facts).facts(costs);
    Ok(page.picture(subnet_picture(&found.subnet)?)?.folded("all candidates", &found.candidates))
}

pub(super) fn found_picture(found: &Found) -> Result<Picture> {
    subnet_picture(&found.subnet)
}

pub(super) fn found_rows(found: &Found) -> Result<Table> {
    Ok(found.candidates.clone())
}

/// For columns of a table such as `int8_ms` beside `int8_low_ms` and `int8_high_ms`: the range of each row, drawn. The
/// ranges of one precision share a scale.
pub(super) fn intervals(table: &Table) -> Result<Vec<(String, Vec<crate::plot::Drawing>)>> {
    let columns = table.columns();
    let mut drawn = Vec::new();
    for stem in columns.iter().filter_map(|name| name.strip_suffix("_ms")) {
        let (low, high) = (format!("{stem}_low_ms"), format!("{stem}_high_ms"));
        if !columns.contains(&low) || !columns.contains(&high) {
            continue;
        }
        let numbers = |name: &str| match table.column(name)? {
            Column::Float(_) | Column::Int(_) => table.column_f64(name).map(Some),
            _ => Ok(None),
        };
        let middle = format!("{stem}_ms");
        let (Some(low), Some(middle), Some(high)) = (numbers(&low)?, numbers(&middle)?, numbers(&high)?) else { continue };
        let finite = || low.iter().chain(&high).copied().filter(|value| value.is_finite());
        let scale = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        let rows = (0..table.height()).map(|at| crate::plot::interval((low[at], middle[at], high[at]), scale)).collect();
        drawn.push((format!("{stem} interval"), rows));
    }
    Ok(drawn)
}

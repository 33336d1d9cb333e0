//! A study as people look at it: its course, how it ended; what it chose: operators and width windows of every stage, as tables and figures.

use std::collections::BTreeSet;

use rhai::Engine;
use rhai::plugin::*;

use super::cross::{Answer, Cross};
use super::study::SpaceStudy;
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::plot::{Axis, Figure, Kind, Point, Series};
use crate::search::{Stopped, Study, Trial};
use crate::space::{Hyperspace, SearchSpace};

/// Parts into which the course of a search is cut for a figure.
const PARTS: usize = 40;

#[export_module]
mod study_view_functions {
    /// What every candidate of a study chose: a row for each trial and searched stage.
    ///
    /// Columns: `trial`, `score`, `stage`, `operator`, `window`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 20 });
    /// study.choices.group_by("operator").count().height //> 4
    /// ```
    #[rhai_fn(get = "choices", pure, return_raw)]
    pub fn choices(study: &mut SpaceStudy) -> Answer<Table> {
        table(study).cross()
    }

    /// The share of each operator among the candidates of a study, over its course, in one stage.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 200 });
    /// plot_operators(study, "stage2").series.len() //> 4
    /// plot_operators(study, "stage9") //> fails space::unknown_stage
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plot_operators(study: SpaceStudy, stage: &str) -> Answer<Figure> {
        operators(&study, stage).cross()
    }

    /// The mean of the narrowest width that candidates of a study have in each stage, over its course.
    ///
    /// In parts of the range from the first window (0) to the last (1), so that stages compare.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 200 });
    /// plot_windows(study).series //> ["stage1", "stage2", "stage3"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plot_windows(study: SpaceStudy) -> Answer<Figure> {
        windows(&study).cross()
    }
}

fn home(study: &SpaceStudy) -> Result<&Hyperspace> {
    let none = || Fault::new("study::empty", "this study has no trials yet", "let it run first");
    study.history.first().map(|trial| &*trial.candidate.hyperspace).ok_or_else(none)
}

fn table(study: &SpaceStudy) -> Result<Table> {
    let searched = home(study)?.searched();
    let rows =
        || study.history.iter().flat_map(|trial| searched.iter().enumerate().map(move |(place, &stage)| (trial, place, stage)));
    Table::builder()
        .int("trial", rows().map(|(trial, ..)| trial.id as i64))
        .float("score", rows().map(|(trial, ..)| trial.score().unwrap_or(f64::NAN)))
        .text("stage", rows().map(|(trial, _, stage)| trial.candidate.hyperspace.stages[stage].name.clone()))
        .text("operator", rows().map(|(trial, _, stage)| trial.candidate.operator(stage).name().to_string()))
        .int("window", rows().map(|(trial, place, _)| trial.candidate.windows[place] as i64))
        .build()
}

/// The middle of each part of the history, and its trials.
fn parts(study: &SpaceStudy) -> impl Iterator<Item = (f64, &[Trial<SearchSpace>])> {
    let length = study.history.len().div_ceil(PARTS).max(1);
    study.history.chunks(length).map(|part| (part[0].id as f64 + part.len() as f64 / 2.0, part))
}

fn operators(study: &SpaceStudy, stage: &str) -> Result<Figure> {
    let hyperspace = home(study)?;
    let at = hyperspace.stage_index(stage)?;
    let place = hyperspace.searched().into_iter().position(|searched| searched == at);
    let place = place.ok_or_else(|| {
        Fault::new("study::stage", format!("stage `{stage}` is fixed"), "give a searched stage: `hyperspace.searched`")
    })?;
    let mut figure = Figure::new(stage, Axis::linear("evaluations"), Axis::linear("share of candidates"));
    for (index, operator) in hyperspace.candidates(at).iter().enumerate() {
        let share = |part: &[Trial<SearchSpace>]| {
            part.iter().filter(|trial| trial.candidate.operators[place] == index).count() as f64 / part.len() as f64
        };
        let points = parts(study).map(|(middle, part)| Point::new(middle, share(part))).collect();
        figure = figure.with(Series::new(operator.name(), Kind::Line, points));
    }
    Ok(figure)
}

fn windows(study: &SpaceStudy) -> Result<Figure> {
    let hyperspace = home(study)?;
    let label = "mean window (0 the narrowest, 1 the widest)";
    let mut figure = Figure::new("", Axis::linear("evaluations"), Axis::linear(label));
    for (place, stage) in hyperspace.searched().into_iter().enumerate() {
        let last = (hyperspace.stages[stage].windows() - 1).max(1) as f64;
        let points = parts(study).map(|(middle, part)| {
            let sum: usize = part.iter().map(|trial| trial.candidate.windows[place]).sum();
            Point::new(middle, sum as f64 / part.len() as f64 / last)
        });
        figure = figure.with(Series::new(&hyperspace.stages[stage].name, Kind::Line, points.collect()));
    }
    Ok(figure)
}

/// Every candidate in the order of scoring.
pub(super) fn history_table(study: &Study<SearchSpace>) -> Result<Table> {
    let mut table = Table::builder()
        .int("trial", study.history.iter().map(|trial| trial.id as i64))
        .text("space", study.history.iter().map(|trial| trial.record.text.clone()))
        .float("score", study.history.iter().map(|trial| trial.score().unwrap_or(f64::NAN)))
        .float("best", study.best_so_far().into_iter().map(|best| best.unwrap_or(f64::NAN)));
    let figures = study.history.iter().filter_map(|trial| trial.record.info.as_object());
    let names: BTreeSet<&String> = figures.flat_map(|figures| figures.keys()).collect();
    for name in names {
        let figure = |trial: &Trial<SearchSpace>| trial.record.info.get(name).and_then(serde_json::Value::as_f64);
        table = table.float(name, study.history.iter().map(|trial| figure(trial).unwrap_or(f64::NAN)));
    }
    table.build()
}

/// The course of a study as a figure.
pub(super) fn course(study: &Study<SearchSpace>) -> Figure {
    let scores = study.history.iter().filter_map(|trial| Some(Point::new(trial.id as f64, trial.score()?))).collect();
    let best = study.best_so_far().into_iter().enumerate().filter_map(|(at, best)| Some(Point::new(at as f64, best?))).collect();
    Figure::new("", Axis::linear("evaluations"), Axis::linear("score"))
        .with(Series::new("scores", Kind::Dots, scores))
        .with(Series::new("best so far", Kind::Step, best))
}

/// The course of a study that may still run, in a form named by its MIME type.
pub(super) fn drawn(study: &Study<SearchSpace>, mime: &str) -> Option<String> {
    match mime {
        "image/svg+xml" => course(study).to_svg().ok(),
        "text/plain" => course(study).to_text(72, 16).ok(),
        _ => None,
    }
}

/// How a study ended, if not after all its evaluations.
pub(super) fn ended(study: &Study<SearchSpace>) -> Option<&'static str> {
    Some(match study.stopped {
        None | Some(Stopped::Evaluations) => return None,
        Some(Stopped::Time) => "ended by its time budget",
        Some(Stopped::Interrupted) => "interrupted",
        Some(Stopped::Exhausted) => "then nothing new was asked for",
        Some(Stopped::Failed) => "ended by an error",
    })
}

/// How many scores there are not, and why; empty if none lacks.
pub(super) fn without_score(study: &Study<SearchSpace>) -> String {
    let (nan, failed): (Vec<_>, Vec<_>) = study.failed().partition(|trial| trial.is_nan());
    let counts = [(failed.len(), "failed"), (nan.len(), "NaN")];
    let said: Vec<_> = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) }
}

/// Declares views of studies.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(study_view_functions).into());
}

//! Which choices mattered in a study: as a table, and as a figure.

use rhai::plugin::*;
use rhai::{Engine, Map};

use super::cross::{Answer, Cross};
use super::host::Host;
use super::options::Options;
use super::study::SpaceStudy;
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::plot::{Axis, Figure, Given, Kind, Layer, Values};
use crate::search::{choices, importance as importance_of, row};

/// Bars of a figure.
const BARS: usize = 20;
/// Between the names of two choices.
const BOTH: &str = " × ";

#[export_module]
mod importance_functions {
    /// How much each choice matters for the score, learnt from the trials of a study: a table.
    ///
    /// Columns: `choice`, `share`, `spread`; the weightiest come first.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let first = |space| [9.0, 1.0, 0.0, 0.0][space.choices[0]];
    /// let study = evolve(hyperspace("pocket"), #{ minimize: first, evaluations: 100 });
    /// study.importance().row(0).choice //> stage1 operator
    /// ```
    #[rhai_fn(return_raw)]
    pub fn importance(context: NativeCallContext, study: SpaceStudy) -> Answer<Table> {
        importance_with(context, study, Map::new())
    }

    /// How much each choice matters for the score, learnt from the trials of a study: a table.
    ///
    /// Columns: `choice`, `share`, `spread`; the weightiest come first. `share` is the part of the variance of scores over all candidates that a choice explains by itself, all others being uniform, as far as a random forest has learnt them; `spread` its
    /// standard deviation over the trees. What the shares lack to 1 is due to choices that matter together. This is functional analysis of variance (Hutter et al. 2014).
    /// Trials without a finite score are left out; how many, and how much of held-out scores the forest explains, is said. If that is little, the shares mean little: let the study run longer.
    /// A search that closed in early knows little of the rest of the space; of random candidates a study says most.
    ///
    /// Options: `pairs` (false): also a row for each two choices, `a × b`: what they explain together beyond each alone; `seed` (0).
    ///
    /// Fails with `search::too_few` for fewer than 20 scores, `search::flat` where all are equal.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let together = |space| if space.choices[0] % 2 == space.choices[3] % 2 { 1.0 } else { 0.0 };
    /// let study = evolve(hyperspace("pocket"), #{ maximize: together, evaluations: 200 });
    /// study.importance(#{ pairs: true }).row(0).choice //> stage1 operator × stage1 window
    /// ```
    #[rhai_fn(name = "importance", return_raw)]
    pub fn importance_with(context: NativeCallContext, study: SpaceStudy, options: Map) -> Answer<Table> {
        let host = Host::of(&context)?;
        table("importance", &host, &study, options).cross()
    }

    /// The shares of `importance` as bars, with their spread over trees; the 20 weightiest.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 100 });
    /// plot_importance(study).series //> ["share"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn plot_importance(context: NativeCallContext, study: SpaceStudy) -> Answer<Figure> {
        plot_importance_with(context, study, Map::new())
    }

    /// The shares of `importance` as bars, with their spread over trees; the 20 weightiest.
    ///
    /// Options: `pairs` (false), `seed` (0): as for `importance`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 100 });
    /// plot_importance(study, #{ pairs: true }).series //> ["share"]
    /// ```
    #[rhai_fn(name = "plot_importance", return_raw)]
    pub fn plot_importance_with(context: NativeCallContext, study: SpaceStudy, options: Map) -> Answer<Figure> {
        let host = Host::of(&context)?;
        table("plot_importance", &host, &study, options).and_then(|table| bars(&table)).cross()
    }
}

fn table(call: &'static str, host: &Host, study: &SpaceStudy, given: Map) -> Result<Table> {
    let options = Options::new(call, given, &["pairs", "seed"])?;
    let (pairs, seed) = (options.flag("pairs")?.unwrap_or(false), options.seed()?);
    let none = || Fault::new("study::empty", "this study has no trials yet", "let it run first");
    let known = choices(&study.history.first().ok_or_else(none)?.candidate.hyperspace);
    let scored =
        study.history.iter().filter_map(|trial| Some((&trial.candidate, trial.score().filter(|score| score.is_finite())?)));
    let (rows, scores): (Vec<_>, Vec<_>) = scored.map(|(space, score)| (row(space), score)).unzip();
    let found = importance_of(&known, &rows, &scores, pairs, seed)?;
    let without = study.history.len() - scores.len();
    let without =
        if without > 0 { format!("{without} trials have no finite score and are left out; of the other ") } else { "of ".into() };
    let explained = 100.0 * found.explained.max(0.0);
    host.progress().say(&format!(
        "importance: {without}{} scores the forest explains {explained:.0} % of the variance where they are held out",
        scores.len()
    ));
    let name = |places: &[usize]| places.iter().map(|&at| known[at].name.as_str()).collect::<Vec<_>>().join(BOTH);
    Table::builder()
        .text("choice", found.shares.iter().map(|share| name(&share.choices)))
        .float("share", found.shares.iter().map(|share| share.share))
        .float("spread", found.shares.iter().map(|share| share.spread))
        .build()
}

fn bars(table: &Table) -> Result<Figure> {
    let table = table.head(BARS);
    let (shares, spreads) = (table.column_f64("share")?, table.column_f64("spread")?);
    let end = |sign: f64| shares.iter().zip(&spreads).map(|(share, spread)| (share + sign * spread).max(0.0)).collect();
    // Both names of a pair are to be read below a bar.
    let short =
        |name: String| if name.contains(BOTH) { name.replace(" operator", " op").replace(" window", " win") } else { name };
    let names = table.column_text("choice")?.into_iter().map(short).collect();
    let names = Given { column: "choice".into(), values: Values::Names(names) };
    let values = Given { column: "share".into(), values: Values::Numbers(shares.clone()) };
    let mut figure = Figure::new("", Axis::linear(" "), Axis::linear("share of the variance of scores"));
    figure.add(&Layer { range: Some((end(-1.0), end(1.0))), ..Layer::new(Kind::Bars, names, Some(values)) })?;
    Ok(figure)
}

/// Declares the importance of choices.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(importance_functions).into());
}

//! Studies compared by groups: strategies over seeds, beside a baseline.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::host::Host;
use super::lab_views::studied;
use super::noun::Nouns;
use super::options::Options;
use super::stats::{RESAMPLES, level_of};
use super::study::{DRY_EVALUATIONS, SpaceStudy};
use super::values::words;
use crate::base::{Fault, Result};
use crate::frame::{Cell, Table, figure};
use crate::plot::{Axis, Figure, Given, Kind, Layer, Values};
use crate::search::{Against, Comparing, Comparison, CurvePoint, Direction, Group, Run, compare as compare_runs};

/// Groups of studies beside each other.
pub type Compared = Arc<Comparison>;

#[export_module]
mod comparison_functions {
    /// Compares groups of studies, such as seeds of several strategies, after equally many evaluations.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let cost = |space| space.largest.mflops;
    /// let runs = |strategy| [1, 2, 3, 4].map(|seed| evolve(hyperspace("pocket"), #{ minimize: cost, strategy: strategy, evaluations: 40, seed: seed }));
    /// let found = compare(#{ chance: runs.call(random_search()), tpe: runs.call(tpe(#{ startup: 8 })) });
    /// found.table.row(0).group //> tpe
    /// found.table.columns //> ["group", "studies", "median", "low", "high", "best", "worst", "better", "p", "p_holm"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn compare(context: NativeCallContext, groups: Map) -> Answer<Compared> {
        compare_with(context, groups, Map::new())
    }

    /// Compares groups of studies, such as seeds of several strategies, after equally many evaluations.
    ///
    /// Each group has a name and an array of studies, or of names of studies in the lab. All must have one objective. What comes out has a `table` (a row a group, the best first), `curves`, a page and a figure (`plot`).
    ///
    /// Options: `baseline` (the first by name): the group that the others are tested against; `paired` (false): whether the first studies of all groups belong together, the second, and so on, because they have one seed:
    /// then p is by Wilcoxon's signed rank test instead of Mann and Whitney's; `evaluations` (as many as every study has): where they are compared; a study whose strategy had nothing new to ask for stays at its end;
    /// `at` (evenly spread): evaluations at which the curves have points, as far as they go; `level` (0.95): of the intervals of medians, which are by bootstrap with `resamples` (1000) and `seed` (0).
    ///
    /// Fails with `search::groups`, `search::short`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// for seed in 1..=3 {
    ///     for batch in [4, 8] {
    ///         evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, strategy: local_search(#{ batch: batch }), evaluations: 30, seed: seed, name: `climb ${batch} ${seed}` });
    ///     }
    /// }
    /// let found = compare(#{ four: ["climb 4 1", "climb 4 2", "climb 4 3"], eight: ["climb 8 1", "climb 8 2", "climb 8 3"] }, #{ baseline: "four", paired: true, at: [10, 20, 30] });
    /// found.curves.filter(col("group") == "four")["evaluations"] //> [10, 20, 30]
    /// compare(#{ four: ["climb 4 1"] }, #{ baseline: "for" }) //> fails search::groups
    /// ```
    #[rhai_fn(name = "compare", return_raw)]
    pub fn compare_with(context: NativeCallContext, groups: Map, options: Map) -> Answer<Compared> {
        let host = Host::of(&context)?;
        compared(&host, groups, options).map(Arc::new).cross()
    }

    /// A row for each group, the best median first.
    ///
    /// Columns: `group`, `studies`, `median` of the best scores with the interval `low` to `high`, `best`, `worst`, and beside the baseline (which lacks them) `better`, the share of pairs of studies in which the group's
    /// is the better, `p` of the two-sided rank test (1 where no two results differ), and `p_holm`, corrected for the number of groups (Holm 1979).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 20 });
    /// compare(#{ alone: [study] }).table.row(0).median == study.best().score //> true
    /// ```
    #[rhai_fn(get = "table", pure, return_raw)]
    pub fn compared_table(found: &mut Compared) -> Answer<Table> {
        ends(found).cross()
    }

    /// How the best score of each group grew over evaluations.
    ///
    /// Columns: `group`, `evaluations`, `median` over its studies of the best score so far, and their quartiles `low` and `high`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 20 });
    /// compare(#{ alone: [study] }, #{ at: [5, 20] }).curves.row(1).median == study.best().score //> true
    /// ```
    #[rhai_fn(get = "curves", pure, return_raw)]
    pub fn compared_curves(found: &mut Compared) -> Answer<Table> {
        curves(found).cross()
    }

    /// The best score of each group over evaluations as a figure: medians within a band of the quartiles.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 20 });
    /// plot(compare(#{ alone: [study] })).series //> ["alone"]
    /// ```
    #[rhai_fn(return_raw, name = "plot")]
    pub fn plot_compared(found: Compared) -> Answer<Figure> {
        drawn(&found).cross()
    }

    /// The comparison as text: its table, and how it was made.
    #[rhai_fn(name = "to_string", pure, return_raw)]
    pub fn compared_text(context: NativeCallContext, found: &mut Compared) -> Answer<String> {
        let columns = Host::of(&context)?.look().columns;
        ends(found).map(|table| format!("{}\n{}", made(found), table.to_text(columns))).cross()
    }
}

fn compared(host: &Host, groups: Map, given: Map) -> Result<Comparison> {
    let known = ["baseline", "paired", "evaluations", "at", "level", "resamples", "seed"];
    let options = Options::new("compare", given, &known)?;
    let how = Comparing {
        baseline: options.text("baseline")?,
        paired: options.flag("paired")?.unwrap_or(false),
        evaluations: options.count("evaluations", 1)?.map(|count| host.cut("evaluations", count, DRY_EVALUATIONS)),
        at: options.counts("at", 1)?.unwrap_or_default(),
        level: level_of(&options)?,
        resamples: options.count("resamples", 10)?.unwrap_or(RESAMPLES),
        seed: options.seed()?,
    };
    let group = |(name, studies): (_, Dynamic)| -> Result<(String, Vec<Run>)> {
        let name = format!("{name}");
        let wrong = |found: &str| {
            let message = format!("`compare` takes an array of studies for each group, but `{name}` has {found}");
            Fault::new(
                "script::type",
                message,
                "give `#{ tpe: [evolve(...), ...], chance: [...] }`, or names of studies in the lab",
            )
        };
        let found = words(&studies);
        let studies: Array = studies.into_array().map_err(|_| wrong(&found))?;
        let run = |study: Dynamic| {
            if let Some(name) = study.read_lock::<ImmutableString>() {
                return studied(&*host.lab()?, &name).map(|(_, study)| study.run());
            }
            let found = format!("an array with {}", words(&study));
            study.try_cast::<SpaceStudy>().map(|study| Run::from(&*study)).ok_or_else(|| wrong(&found))
        };
        let runs = studies.into_iter().map(run).collect::<Result<_>>()?;
        Ok((name, runs))
    };
    compare_runs(&groups.into_iter().map(group).collect::<Result<Vec<_>>>()?, &how)
}

/// A row for each group.
pub(super) fn ends(found: &Comparison) -> Result<Table> {
    let groups = &found.groups;
    let of = |figure: fn(&Group) -> f64| groups.iter().map(figure);
    let beside = |figure: fn(&Against) -> f64| {
        groups.iter().map(|group| group.against.as_ref().map_or(Cell::Null, |against| Cell::Float(figure(against)))).collect()
    };
    let table = Table::builder()
        .text("group", groups.iter().map(|group| group.name.clone()))
        .int("studies", groups.iter().map(|group| group.ends.len() as i64))
        .float("median", of(|group| group.median.0))
        .float("low", of(|group| group.median.1))
        .float("high", of(|group| group.median.2))
        .float("best", of(|group| group.extremes.0))
        .float("worst", of(|group| group.extremes.1));
    if groups.len() == 1 {
        return table.build();
    }
    table
        .cells("better", beside(|against| against.better))
        .cells("p", beside(|against| against.p))
        .cells("p_holm", beside(|against| against.p_holm))
        .build()
}

/// A row for each point of a curve.
pub(super) fn curves(found: &Comparison) -> Result<Table> {
    let points = || found.groups.iter().flat_map(|group| group.curve.iter().map(move |point| (group, point)));
    let of = |figure: fn(&CurvePoint) -> f64| points().map(move |(_, point)| figure(point));
    Table::builder()
        .text("group", points().map(|(group, _)| group.name.clone()))
        .int("evaluations", points().map(|(_, point)| point.evaluations as i64))
        .float("median", of(|point| point.median))
        .float("low", of(|point| point.low))
        .float("high", of(|point| point.high))
        .build()
}

/// The curves as a figure.
pub(super) fn drawn(found: &Comparison) -> Result<Figure> {
    let mut figure = Figure::new("", Axis::linear("evaluations"), Axis::linear("best score so far: median and quartiles"));
    for group in found.groups.iter().filter(|group| !group.curve.is_empty()) {
        let numbers = |column: &str, figure: fn(&CurvePoint) -> f64| Given {
            column: column.into(),
            values: Values::Numbers(group.curve.iter().map(figure).collect()),
        };
        let layer = Layer::new(
            Kind::Band,
            numbers("evaluations", |point| point.evaluations as f64),
            Some(numbers("best", |point| point.median)),
        );
        let range =
            Some((group.curve.iter().map(|point| point.low).collect(), group.curve.iter().map(|point| point.high).collect()));
        figure.add(&Layer { name: Some(group.name.clone()), range, ..layer })?;
    }
    Ok(figure)
}

/// How the comparison was made.
pub(super) fn made(found: &Comparison) -> String {
    let way = if found.direction == Direction::Maximize { "largest" } else { "smallest" };
    let test = if found.paired { "Wilcoxon's signed rank test, study by study" } else { "the Mann-Whitney rank test" };
    let beside =
        if found.groups.len() > 1 { format!("; better and p beside {} by {test}", found.baseline) } else { String::new() };
    format!(
        "{way} scores after {} evaluations: medians with {} % intervals{beside}",
        found.evaluations,
        figure(100.0 * found.level)
    )
}

/// Declares comparisons.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Compared>("Comparison");
    engine.register_global_module(exported_module!(comparison_functions).into());
}

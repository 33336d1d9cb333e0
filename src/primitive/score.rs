//! Scores of search spaces: Q-T, and scores of one's own.

use std::collections::BTreeMap;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr, Map};

use super::cross::{Answer, Cross, inner_fault};
use super::host::Host;
use super::lut::Lookup;
use super::options::{Options, number};
use super::space::Space;
use super::trace::{Drawn, Traced};
use super::values::words;
use crate::base::{Fault, Result, did_you_mean};
use crate::frame::Table;
use crate::lut::{INT8_MS, LOSS};
use crate::score::{
    Bins, Condition, Drawing, Formula, LimitScore, Others, QtMethod, QtMode, QtOptions, Question, Reduction, exact, networks,
    qt_score as score_qt, sampled,
};

/// Options of everything that draws networks.
const DRAWING: [&str; 4] = ["samples", "resolutions", "chain", "seed"];

#[export_module]
mod score_functions {
    /// Q-T score of a search space: how good its networks are that keep the latency limits.
    ///
    /// The lower their losses the larger the score. Gives a map with `score` and, a value for each limit, `shares` (of networks within it), `latency_losses`,
    /// `top_losses`; with the exact method also `low` and `high`, between which the score surely lies. After the SpaceEvo paper, as its published code computes it:
    /// the sum over limits of 1 / (max(1, (t / share)^a) * mean loss of the best `top`).
    ///
    /// Options: `limits` (needed): INT8 latencies in ms, or maps of bounds by column that must hold together (`#{ int8_ms: 15, mflops: 600 }`);
    /// `samples` (100000): networks drawn, 500 at a time at one resolution; `top` (50): how many of the best count; `t` (0.1) and `a` (0.01): share below which the score is
    /// lowered, and how steeply; `other_ms` (the table's): stem and head's latency, a map by resolution; `other`: the same for any column (`#{ mflops: #{ "224": 12.0 } }`); `seed` (0);
    /// `method` ("sampled"): "exact" takes the distribution over all networks instead, in `bins` (1024) of loss and latency; `mode` ("sound"): "reference" adds the published code's
    /// 0.00001 to share and count; `chain` (false): whether a stage must be entered with the width that the one before it ends with; `resolutions` (all of the table).
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = hyperspace("pocket");
    /// let lut = sample_lut(hs, #{ samples: 32, columns: #{ loss: |stage| 1.0 / (1.0 + stage.mflops), int8_ms: |stage| 0.1 * stage.mflops } });
    /// let space = hs.space("012-210");
    /// let drawn = qt_score(space, lut, #{ limits: [0.3, 0.4] });
    /// let exact = qt_score(space, lut, #{ limits: [0.3, 0.4], method: "exact" });
    /// (drawn.score - exact.score).abs() < 0.02 * exact.score //> true
    /// exact.low <= exact.score && exact.score <= exact.high //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn qt_score(space: Space, lut: Lookup, given: Map) -> Answer<Map> {
        qt(&space, &lut, given).cross()
    }

    /// A score of one's own: a formula over drawn networks, limits, a reduction.
    ///
    /// Value and limits that are sums over stages take as long as `qt_score`; others a few times as long.
    ///
    /// The closure is called once, with `s.loss`, `s.int8_ms` and every other column of the table as figures of each searched stage, and `s.resolution`; figures are combined with
    /// `+ - * / ** < <= > >= == != & |`, `sum`, `max`, `min`, `mean`, `log`, `exp`, `sqrt`, `abs`, and taken by stage (`s.loss[0]`, `s.loss.stage3`). A closure that looks into them (`if`) cannot be
    /// remembered so: it is then called for every drawn network, which takes about a thousand times as long, and this is said.
    /// Gives a map of `value` and `share` (or `values` and `shares`, for an array of limits); `value` is `()` where no network keeps the limit. Exact: also `low` and `high`.
    ///
    /// Options: `value` (needed): `|s|`, small for a good network; `limits` (none): a map of bounds by column, or an array of such maps; a bound holds for the sum over stages; `where` (all): `|s|`, a condition;
    /// `reduce` ("best 50"): mean of the best so many, or "mean", "median", "quantile 0.1", "best"; `other`: what stem and head add, by column and resolution;
    /// `method`, `bins`, `samples`, `chain`, `resolutions`, `seed` as for `qt_score`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = hyperspace("pocket");
    /// let lut = sample_lut(hs, #{ samples: 32, columns: #{ loss: |stage| 1.0 / (1.0 + stage.mflops), int8_ms: |stage| 0.1 * stage.mflops } });
    /// let weighted = score_of(hs.space("012-210"), lut, #{ value: |s| (s.loss * [1, 1, 2]).sum(), limits: #{ int8_ms: 0.4 }, reduce: "best 20" });
    /// weighted.value > 0.0 && weighted.share > 0.0 //> true
    /// score_of(hs.space("012-210"), lut, #{ value: |s| s.los.sum() }) //> fails lut::column
    /// score_of(hs.space("012-210"), lut, #{ value: |s| (s.loss * [1, 2]).sum() }) //> fails score::stages
    /// ```
    #[rhai_fn(return_raw)]
    pub fn score_of(context: NativeCallContext, space: Space, lut: Lookup, given: Map) -> Answer<Map> {
        let host = Host::of(&context)?;
        own(&context, &host, &space, &lut, given).cross()
    }

    /// Networks drawn from a search space, as scores see them: a table of sums over stages.
    ///
    /// Columns: `resolution`, then every column of the look-up table as the sum over the searched stages.
    ///
    /// Options: `samples` (100000), `resolutions`, `chain`, `seed` as for `qt_score`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = hyperspace("pocket");
    /// let lut = sample_lut(hs, #{ samples: 8, columns: #{ loss: |stage| 1.0, int8_ms: |stage| stage.mflops } });
    /// draw_networks(hs.space("012-210"), lut, #{ samples: 1000 }).row(0).loss //> 3.0
    /// ```
    #[rhai_fn(return_raw)]
    pub fn draw_networks(space: Space, lut: Lookup, given: Map) -> Answer<Table> {
        draw(&space, &lut, given).cross()
    }
}

fn drawing(options: &Options) -> Result<Drawing> {
    let default = Drawing::default();
    Ok(Drawing {
        samples: options.count("samples", 1)?.unwrap_or(default.samples),
        resolutions: options.counts("resolutions", 1)?.unwrap_or_default(),
        chain: options.flag("chain")?.unwrap_or(false),
        seed: options.seed()?,
        ..default
    })
}

fn method(options: &Options) -> Result<QtMethod> {
    let bins = options.count("bins", 2)?.map_or_else(Bins::default, |bins| Bins { cost: bins, value: bins });
    match options.text("method")?.as_deref() {
        None | Some("sampled") => Ok(QtMethod::Sampled),
        Some("exact") => Ok(QtMethod::Exact(bins)),
        Some(other) => Err(options.refuse("method", "there is no such method", &did_you_mean(other, ["sampled", "exact"]))),
    }
}

/// A map of bounds or additions by column.
fn by_column(options: &Options, key: &str, value: &Dynamic) -> Result<BTreeMap<String, f64>> {
    let form = "write for example `#{ int8_ms: 15.0 }`";
    let map = value.clone().try_cast::<Map>().ok_or_else(|| options.refuse(key, &format!("it holds {}", words(value)), form))?;
    map.iter()
        .map(|(column, bound)| {
            let bound = number(bound).ok_or_else(|| options.refuse(key, &format!("`{column}` is {}", words(bound)), form))?;
            Ok((column.to_string(), bound))
        })
        .collect()
}

/// A map from resolutions, which are texts in a script's map, to numbers.
fn by_resolution(options: &Options, key: &str, value: &Dynamic) -> Result<BTreeMap<usize, f64>> {
    let form = "write for example `#{ \"224\": 2.0, \"192\": 1.5, \"160\": 1.0 }`";
    by_column(options, key, value)?
        .into_iter()
        .map(|(side, ms)| Ok((side.parse().map_err(|_| options.refuse(key, &format!("`{side}` is no resolution"), form))?, ms)))
        .collect()
}

/// What stem and head add to each column, by resolution.
fn others(options: &Options, lut: &Lookup) -> Result<Others> {
    let mut others = Others::new();
    if !lut.fixed_ms.is_empty() {
        others.insert(INT8_MS.to_string(), lut.fixed_ms.clone());
    }
    if let Some(given) = options.noun::<Map>("other", "a map by column: `#{ int8_ms: #{ \"224\": 2.0 } }`")? {
        for (column, sides) in &given {
            others.insert(column.to_string(), by_resolution(options, "other", sides)?);
        }
    }
    Ok(others)
}

fn qt(space: &Space, lut: &Lookup, given: Map) -> Result<Map> {
    let known = ["limits", "top", "t", "a", "other_ms", "other", "method", "bins", "mode"];
    let options = Options::new("qt_score", given, &[&known[..], &DRAWING].concat())?;
    let limits = options.array("limits")?.ok_or_else(|| {
        Fault::new(
            "options::missing",
            "qt_score needs the option `limits`",
            "give INT8 latencies in milliseconds, for example `limits: [0.2, 0.3]`",
        )
    })?;
    let limits = limits.iter().map(|limit| match number(limit) {
        Some(ms) => Ok(BTreeMap::from([(INT8_MS.to_string(), ms)])),
        None => by_column(&options, "limits", limit),
    });
    let mut other = others(&options, lut)?;
    if let Some(given) = options.value("other_ms") {
        other.insert(INT8_MS.into(), by_resolution(&options, "other_ms", given)?);
    }
    let default = QtOptions::default();
    let how = QtOptions {
        limits: limits.collect::<Result<_>>()?,
        top: options.count("top", 1)?.unwrap_or(default.top),
        share: options.positive("t")?.unwrap_or(default.share),
        steepness: options.float("a")?.unwrap_or(default.steepness),
        other,
        drawing: drawing(&options)?,
        method: method(&options)?,
        mode: match options.text("mode")?.as_deref() {
            None | Some("sound") => QtMode::Sound,
            Some("reference") => QtMode::Reference,
            Some(other) => {
                return Err(options.refuse("mode", "there is no such mode", &did_you_mean(other, ["sound", "reference"])));
            }
        },
    };
    let found = score_qt(space, &lut.lut, &how)?;
    let list = |pick: fn(&LimitScore) -> f64| found.limits.iter().map(|limit| Dynamic::from(pick(limit))).collect::<Array>();
    let mut answer = Map::from([
        ("score".into(), found.score.into()),
        ("shares".into(), list(|limit| limit.share).into()),
        ("latency_losses".into(), list(|limit| limit.latency_loss).into()),
        ("top_losses".into(), list(|limit| limit.top_loss).into()),
    ]);
    if let Some((low, high)) = found.bracket() {
        answer.insert("low".into(), low.into());
        answer.insert("high".into(), high.into());
    }
    Ok(answer)
}

fn reduction(options: &Options) -> Result<Reduction> {
    let text = options.text("reduce")?.unwrap_or_else(|| "best 50".into());
    let words: Vec<&str> = text.split_whitespace().collect();
    let wrong = || {
        options.refuse(
            "reduce",
            "there is no such reduction",
            "use \"best 50\", \"best\", \"mean\", \"median\" or \"quantile 0.1\"",
        )
    };
    match words.as_slice() {
        ["best"] => Ok(Reduction::Best),
        ["mean"] => Ok(Reduction::Mean),
        ["median"] => Ok(Reduction::Quantile(0.5)),
        ["best", count] => count.parse().ok().filter(|count| *count > 0).map(Reduction::BestMean).ok_or_else(wrong),
        ["quantile", share] => {
            share.parse().ok().filter(|share| (0.0..=1.0).contains(share)).map(Reduction::Quantile).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// The limits of `score_of`: whether they were an array, and bounds by column.
fn bounds(options: &Options) -> Result<(bool, Vec<BTreeMap<String, f64>>)> {
    let Some(given) = options.value("limits") else { return Ok((false, vec![BTreeMap::new()])) };
    match given.as_array_ref() {
        Ok(many) => Ok((true, many.iter().map(|one| by_column(options, "limits", one)).collect::<Result<_>>()?)),
        Err(_) => Ok((false, vec![by_column(options, "limits", given)?])),
    }
}

fn own(context: &NativeCallContext, host: &Host, space: &Space, lut: &Lookup, given: Map) -> Result<Map> {
    let known = ["value", "limits", "where", "reduce", "other", "method", "bins"];
    let options = Options::new("score_of", given, &[&known[..], &DRAWING].concat())?;
    let closure: FnPtr = options.need("value", "a closure `|s|`, for example `|s| s.loss.sum()`")?;
    let condition = options.closure("where")?;
    let (many, bounds) = bounds(&options)?;
    let (how, others) = (drawing(&options)?, others(&options, lut)?);
    let hyperspace = &space.hyperspace;
    let stages: Vec<String> = hyperspace.searched().into_iter().map(|at| hyperspace.stages[at].name.clone()).collect();
    let mut limits = Condition::limits(&bounds, &others, stages.len(), &lut.lut, &how)?;
    let (reduce, method) = (reduction(&options)?, method(&options)?);
    let drawn = Drawn::new(&lut.lut, stages.clone());
    let trace = |closure: &FnPtr| -> Result<Dynamic> {
        closure
            .call_within_context::<Dynamic>(context, (drawn.clone(),))
            .map_err(|error| inner_fault(host, &error, context.call_source()))
    };
    let traced = trace(&closure).and_then(|value| Ok((value, condition.as_ref().map(&trace).transpose()?)));
    let (value, held) = match traced {
        Ok((value, held)) => (Traced::formula(&value)?, held.as_ref().map(Traced::formula).transpose()?),
        // A name that is wrong is wrong for every network; what needs the numbers themselves may work with them.
        Err(fault) if ["lut::column", "score::stages"].contains(&fault.code.as_str()) => return Err(fault),
        Err(fault) if method != QtMethod::Sampled => {
            return Err(fault.during("the exact method needs a closure that can be traced, and this one cannot be"));
        }
        Err(fault) => {
            host.progress().say(&format!(
                "score_of: the closure cannot be traced ({}); it is called for each of {} networks, which is slow",
                fault.message, how.samples
            ));
            let closures = Closures { value: closure, condition };
            return one_by_one(context, host, space, lut, &closures, &limits, reduce, &how).map(|kept| answer(many, &kept, None));
        }
    };
    if let Some(held) = held {
        // A condition holds where it is not 0.
        let broken = held.then(crate::score::Unary::Not);
        limits.iter_mut().for_each(|limit| limit.push(Condition { formula: broken.clone(), bound: 0.5 }));
    }
    for limit in limits.iter_mut().filter(|limit| limit.is_empty()) {
        // No limit at all: every network keeps it.
        limit.push(Condition { formula: Formula::Constant(0.0), bound: 1.0 });
    }
    let question = Question { value, limits, reduction: reduce };
    match method {
        QtMethod::Sampled => {
            let kept = sampled(space, &lut.lut, &question, &how)?;
            Ok(answer(many, &kept.iter().map(|kept| (kept.value, kept.share)).collect::<Vec<_>>(), None))
        }
        QtMethod::Exact(bins) => {
            let found = exact(space, &lut.lut, &question, &how, bins)?;
            let values: Vec<_> = found.iter().map(|one| (one.value.map(|value| value.estimate), one.share.estimate)).collect();
            let ends: Vec<_> = found.iter().map(|one| one.value.map(|value| (value.low, value.high))).collect();
            Ok(answer(many, &values, Some(&ends)))
        }
    }
}

/// A value and a share for each limit as a map.
fn answer(many: bool, found: &[(Option<f64>, f64)], ends: Option<&[Option<(f64, f64)>]>) -> Map {
    let maybe = |value: Option<f64>| value.map_or(Dynamic::UNIT, Dynamic::from);
    let mut columns = vec![
        ("value", found.iter().map(|(value, _)| maybe(*value)).collect::<Array>()),
        ("share", found.iter().map(|(_, share)| Dynamic::from(*share)).collect()),
    ];
    if let Some(ends) = ends {
        columns.push(("low", ends.iter().map(|ends| maybe(ends.map(|ends| ends.0))).collect()));
        columns.push(("high", ends.iter().map(|ends| maybe(ends.map(|ends| ends.1))).collect()));
    }
    let columns = columns.into_iter().map(|(name, values)| match values.as_slice() {
        [value] if !many => (name.into(), value.clone()),
        _ if matches!(name, "value" | "share") => (format!("{name}s").into(), values.into()),
        _ => (name.into(), values.into()),
    });
    columns.collect()
}

struct Closures {
    value: FnPtr,
    condition: Option<FnPtr>,
}

/// The closures called for each drawn network with its figures as plain maps.
#[allow(clippy::too_many_arguments, reason = "the parts of one question")]
fn one_by_one(
    context: &NativeCallContext,
    host: &Host,
    space: &Space,
    lut: &Lookup,
    closures: &Closures,
    limits: &[Vec<Condition>],
    reduce: Reduction,
    how: &Drawing,
) -> Result<Vec<(Option<f64>, f64)>> {
    let columns: Vec<&str> = lut.lut.columns().collect();
    let stages = space.operators.len();
    let mut formulas: Vec<Formula> =
        columns.iter().flat_map(|&column| (0..stages).map(move |stage| Formula::Figure(column.into(), stage))).collect();
    let figures = formulas.len();
    formulas.extend(limits.iter().flatten().map(|condition| condition.formula.clone()));
    let drawn = networks(space, &lut.lut, &formulas, how)?;
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); limits.len()];
    for network in 0..drawn.resolutions.len() {
        host.cancel.check()?;
        let mut map = Map::new();
        for (at, column) in columns.iter().enumerate() {
            let figures = (0..stages).map(|stage| Dynamic::from(drawn.values[at * stages + stage][network]));
            map.insert((*column).into(), figures.collect::<Array>().into());
        }
        map.insert("resolution".into(), (drawn.resolutions[network] as i64).into());
        let call = |closure: &FnPtr| {
            let answer = closure.call_within_context::<Dynamic>(context, (map.clone(),));
            answer.map_err(|error| inner_fault(host, &error, context.call_source()))
        };
        if let Some(condition) = &closures.condition {
            let held = call(condition)?;
            let held = held.as_bool().ok().or_else(|| number(&held).map(|number| number != 0.0));
            let wrong = || Fault::new("score::formula", "`where` gave neither true nor false", "end it in a comparison");
            if !held.ok_or_else(wrong)? {
                continue;
            }
        }
        let mut value: Option<f64> = None;
        let mut at = figures;
        for (values, limit) in values.iter_mut().zip(limits) {
            let keeps = limit.iter().enumerate().all(|(place, condition)| drawn.values[at + place][network] <= condition.bound);
            at += limit.len();
            if keeps {
                let known = match value {
                    Some(known) => known,
                    None => {
                        let answer = call(&closures.value)?;
                        let wrong =
                            || Fault::new("score::formula", format!("`value` gave {}", words(&answer)), "end it in a number");
                        *value.insert(number(&answer).filter(|number| !number.is_nan()).ok_or_else(wrong)?)
                    }
                };
                values.push(known);
            }
        }
    }
    let reduced = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let share = values.len() as f64 / how.samples as f64;
        (reduce.of(&values), share)
    };
    Ok(values.into_iter().map(reduced).collect())
}

fn draw(space: &Space, lut: &Lookup, given: Map) -> Result<Table> {
    let options = Options::new("draw_networks", given, &DRAWING)?;
    let columns: Vec<&str> = [LOSS].into_iter().chain(lut.lut.columns().filter(|name| *name != LOSS)).collect();
    let formulas: Vec<Formula> = columns.iter().map(|column| Formula::sum(column, space.operators.len())).collect();
    let drawn = networks(space, &lut.lut, &formulas, &drawing(&options)?)?;
    let mut table = Table::builder().int("resolution", drawn.resolutions.iter().map(|&side| side as i64));
    for (column, values) in columns.iter().zip(drawn.values) {
        table = table.float(column, values);
    }
    table.build()
}

/// Declares scores.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(score_functions).into());
}

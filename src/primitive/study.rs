//! Studies: evolving a search space with a strategy written in a script, and what such a search found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr, Map};

use super::cross::{Answer, Cross, inner_fault, raise};
use super::host::Host;
use super::lut::Lookup;
use super::native::{Given, Native};
use super::noun::Nouns;
use super::options::{Options, number};
use super::parallel::Parallel;
use super::registry::find;
use super::space::Hyper;
use super::strategy::ScriptStrategy;
use super::study_views::{course, drawn, ended, history_table, without_score};
use super::values::words;
use crate::base::{Fault, Result, Seed, did_you_mean};
use crate::frame::Table;
use crate::lab::Detail;
use crate::plot::Figure;
use crate::search::{Direction, Failure, Plan, Score, StoredStudy, Study, TrialRecord, in_parallel, run_in_batches};
use crate::space::SearchSpace;

/// Evaluations of a search in a dry run.
pub(super) const DRY_EVALUATIONS: usize = 20;
/// A named study is stored whenever so many of its trials are not.
const CHECKPOINT: usize = 256;

/// A finished or interrupted search over search spaces.
pub type SpaceStudy = Arc<Study<SearchSpace>>;

#[export_module]
mod study_functions {
    /// Searches a hyperspace for the search space with the best score.
    ///
    /// Ctrl-C ends it early and still gives the study so far. A score that fails ends it with an error that names the candidate; `last_study()` then holds
    /// the trials so far. A score of NaN is counted and never the best.
    ///
    /// Options: `maximize` or `minimize` (one is needed): a closure `|space|` that gives a number, or a map with it under `score` and more figures beside,
    /// which strategies for several objectives see and `history` has as columns; a function of `native` scores a batch in one go; `strategy` (`random_search()`): a map as `aging_evolution` returns;
    /// `evaluations` (1000): distinct spaces to score; `budget_s` (none): seconds after which no further batch begins; `seed` (0);
    /// `on_failure` ("stop"): or "skip", which leaves a candidate whose score fails without one;
    /// `name` (none): keeps the study in the lab under this name; a search of the same name goes on where it stopped, and scores again what failed.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{
    ///     minimize: |space| space.largest.mflops,
    ///     strategy: aging_evolution(#{ population: 20, sample: 5 }), evaluations: 60, seed: 1,
    /// });
    /// study.history.height //> 60
    /// ```
    #[rhai_fn(return_raw)]
    pub fn evolve(context: NativeCallContext, hyperspace: Hyper, given: Map) -> Answer<SpaceStudy> {
        let host = Host::of(&context)?;
        search(&context, &host, &hyperspace, given)
    }

    /// The study of the latest `evolve` of this session, also if an error ended it.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let late = |space| if space.largest.mflops > 13.0 { throw "too large" } else { space.largest.mflops };
    /// evolve(hyperspace("pocket"), #{ minimize: late, evaluations: 60 }) //> fails script::thrown
    /// last_study().failed.height > 0 //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn last_study(context: NativeCallContext) -> Answer<SpaceStudy> {
        let none = || Fault::new("study::none", "nothing was searched in this session yet", "start with `evolve(...)`");
        Host::of(&context)?.last_study().ok_or_else(none).cross()
    }

    /// The best of a study: a map with `space` and `score`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 20 });
    /// study.best().score == study.history["score"].min() //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn best(study: SpaceStudy) -> Answer<Map> {
        let best = study
            .best()
            .ok_or_else(|| Fault::new("study::empty", "no candidate of this study has a score", "look at `study.history`"));
        best.cross().map(entry)
    }

    /// The best `count` of a study, best first: maps with `space` and `score`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 20 });
    /// study.top(3).len() //> 3
    /// ```
    pub fn top(study: SpaceStudy, count: i64) -> Array {
        study.top(count.max(0) as usize).into_iter().map(|trial| Dynamic::from(entry(trial))).collect()
    }

    /// Every candidate in the order of scoring, as a table.
    ///
    /// Columns: `trial`, `space`, `score`, `best`: the best score so far, and whatever else the objective gave.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let cost = |space| #{ score: space.largest.mflops, mparams: space.largest.mparams };
    /// evolve(hyperspace("pocket"), #{ minimize: cost, evaluations: 20 }).history.columns //> ["trial", "space", "score", "best", "mparams"]
    /// ```
    #[rhai_fn(get = "history", pure, return_raw)]
    pub fn history(study: &mut SpaceStudy) -> Answer<Table> {
        history_table(study).cross()
    }

    /// The trials without a score, as a table: `trial`, `space`, `code` and `message` of what went wrong.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| (space.largest.mflops - 11.0) ** 0.5, evaluations: 40 });
    /// study.failed.row(0).code //> search::nan
    /// ```
    #[rhai_fn(get = "failed", pure, return_raw)]
    pub fn failed(study: &mut SpaceStudy) -> Answer<Table> {
        let faults: Vec<_> = study.failed().filter_map(|trial| Some((trial, trial.fault()?))).collect();
        Table::builder()
            .int("trial", faults.iter().map(|(trial, _)| trial.id as i64))
            .text("space", faults.iter().map(|(trial, _)| trial.record.text.clone()))
            .text("code", faults.iter().map(|(_, fault)| fault.code.clone()))
            .text("message", faults.iter().map(|(_, fault)| fault.message.clone()))
            .build()
            .cross()
    }

    /// The course of a study as a figure: every score, and the best so far.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let study = evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 20 });
    /// plot(study).series //> ["scores", "best so far"]
    /// ```
    pub fn plot(study: SpaceStudy) -> Figure {
        course(&study)
    }

    /// The study as text: the best space, how many were scored, why it ended.
    #[rhai_fn(name = "to_string", pure)]
    pub fn study_text(study: &mut SpaceStudy) -> String {
        let ended = ended(study).map(|how| format!(", {how}")).unwrap_or_default();
        let ended = format!("{}{ended}", without_score(study));
        match study.best() {
            Some(best) => format!(
                "study of {} search spaces{ended}; best {} with score {:.4}",
                study.history.len(),
                best.record.text,
                best.score().unwrap_or(f64::NAN)
            ),
            None => format!("study of {} search spaces{ended}; none has a score", study.history.len()),
        }
    }
}

fn entry(trial: &crate::search::Trial<SearchSpace>) -> Map {
    Map::from([
        ("space".into(), Dynamic::from(Arc::new(trial.candidate.clone()))),
        ("score".into(), trial.score().unwrap_or(f64::NAN).into()),
    ])
}

/// The score that an objective gave: a number, or a map with it under `score` and other figures beside.
fn score_of(answer: &Dynamic) -> Result<Score> {
    if let Some(value) = number(answer) {
        return Ok(value.into());
    }
    let wrong = |found: String| {
        let help = "let the closure end in a number, such as `qt_score(...).score`";
        Fault::new("study::score", format!("the objective gave {found}, not a number"), help)
    };
    let Ok(map) = answer.as_map_ref() else { return Err(wrong(words(answer))) };
    let mut figures = serde_json::Map::new();
    let mut score = None;
    for (name, given) in map.iter() {
        let value = number(given).ok_or_else(|| wrong(format!("{} under `{name}`", words(given))))?;
        match name.as_str() {
            "score" => score = Some(value),
            "trial" | "space" | "best" => {
                let message =
                    format!("the objective gave a figure with the name `{name}`, which the history of a study has already");
                return Err(Fault::new("study::score", message, "give it another name"));
            }
            _ => drop(figures.insert(name.to_string(), value.into())),
        }
    }
    let value = score.ok_or_else(|| wrong("a map without `score`".into()))?;
    Ok(Score { value, info: figures.into() })
}

fn search(context: &NativeCallContext, host: &Host, hyperspace: &Hyper, given: Map) -> Answer<SpaceStudy> {
    let known = ["maximize", "minimize", "strategy", "evaluations", "budget_s", "seed", "name", "on_failure"];
    let options = Options::new("evolve", given, &known).cross()?;
    let (closure, direction) = match (options.closure("maximize").cross()?, options.closure("minimize").cross()?) {
        (Some(objective), None) => (objective, Direction::Maximize),
        (None, Some(objective)) => (objective, Direction::Minimize),
        _ => {
            return Err(raise(Fault::new(
                "options::missing",
                "evolve needs either `maximize` or `minimize`",
                "add `maximize: |space| ...`, which gives a number",
            )));
        }
    };
    let strategy = match options.noun::<Map>("strategy", "a strategy: `aging_evolution(#{})`").cross()? {
        Some(strategy) => strategy,
        None => context.call_fn::<Map>("random_search", ())?,
    };
    let mut strategy = ScriptStrategy::new(context, host, strategy, hyperspace).cross()?;
    let stop_on_failure = match options.text("on_failure").cross()?.as_deref() {
        None | Some("stop") => true,
        Some("skip") => false,
        Some(other) => {
            let help = did_you_mean(other, ["stop", "skip"]);
            return Err(raise(options.refuse("on_failure", "there is no such way", &help)));
        }
    };
    let replay = replay_of(context, host, &closure, hyperspace);
    let objective = Parallel::new(context, &closure);
    let score = |space: &SearchSpace| -> Result<Score> {
        let answer = objective
            .worker()
            .call(&space.encode(), (Arc::new(space.clone()),))
            .map_err(|error| inner_fault(host, &error, context.call_source()))?;
        score_of(&answer)
    };
    let native = Native::of(&closure);
    let score_all = |spaces: &[&SearchSpace]| {
        if let Some((native, before)) = native.as_ref().filter(|_| !spaces.is_empty()) {
            let spaces: Vec<_> = spaces.iter().map(|space| Dynamic::from(Arc::new((*space).clone()))).collect();
            let given: Vec<_> = before.iter().map(Given::Same).chain([Given::Each(&spaces)]).collect();
            // If one of them fails, each is scored by itself, which tells which it is.
            if let Ok(answers) = native.batch(host, &given) {
                return answers.iter().map(|answer| Some(score_of(answer))).collect();
            }
        }
        in_parallel(spaces, &score, &host.cancel)
    };
    let name = options.text("name").cross()?;
    let lab = name.as_ref().map(|_| host.lab()).transpose().cross()?;
    let known: Vec<TrialRecord> = match (&name, &lab) {
        (Some(name), Some(lab)) => lab.load_study::<StoredStudy>(name).cross()?.unwrap_or_default().known(),
        _ => Vec::new(),
    };
    if !known.is_empty() {
        host.progress().say(&format!(
            "study `{}`: {} scores taken from the lab",
            name.as_deref().unwrap_or_default(),
            known.len()
        ));
    }
    let seed = options.seed().cross()?;
    let detail = detail_of(hyperspace, seed, objective.captured());
    let keep = |study: &Study<SearchSpace>| match (&name, &lab) {
        (Some(name), Some(lab)) => lab.save_study(name, &detail, |old| StoredStudy::after(study, old)),
        _ => Ok(()),
    };
    let evaluations = options.count("evaluations", 1).cross()?.unwrap_or(1000);
    let mut plan = Plan::new(host.cut("evaluations", evaluations, DRY_EVALUATIONS), seed);
    plan.direction = direction;
    plan.stop_on_failure = stop_on_failure;
    plan.time = options.positive("budget_s").cross()?.map(Duration::from_secs_f64);
    plan.known = known;
    plan.cancel = host.cancel.clone();
    plan.progress = host.progress();
    plan.label = format!("evolve {}", hyperspace.name);
    let saved = AtomicUsize::new(0);
    let (progress, label) = (host.progress(), plan.label.clone());
    let checkpoint = |study: &Study<SearchSpace>| {
        progress.picture(&label, study.stopped.is_some(), &|mime| drawn(study, mime));
        let unsaved = study.history.len() - saved.load(Ordering::Relaxed).min(study.history.len());
        if unsaved < CHECKPOINT && study.stopped.is_none() {
            return Ok(());
        }
        saved.store(study.history.len(), Ordering::Relaxed);
        keep(study)
    };
    plan.on_batch = Some(&checkpoint);
    let study = run_in_batches(&mut strategy, &score_all, &plan).map(Arc::new).cross()?;
    host.keep_study(&study);
    if let Some(Failure { trial, mut fault }) = study.failure.clone() {
        let failed_at = trial.map(|at| replay(&study.history[at].record.text));
        let kept = "`last_study()` holds the trials so far".to_string();
        fault.help = Some(fault.help.into_iter().chain(failed_at).chain([kept]).collect::<Vec<_>>().join("\n"));
        return Err(raise(fault));
    }
    let nan = study.failed().filter(|trial| trial.is_nan()).count();
    if nan > 0 {
        let message = format!("{nan} of {} scores are NaN and left out: `study.failed` lists them", study.history.len());
        host.progress().say(&message);
    }
    Ok(study)
}

/// What to paste to score a candidate again, by its text.
fn replay_of(context: &NativeCallContext, host: &Host, objective: &FnPtr, hyperspace: &Hyper) -> impl Fn(&str) -> String {
    let mut given = Vec::new();
    let call = if objective.is_anonymous() {
        given.push("score is the closure that evolve was given");
        "score.call".to_string()
    } else {
        objective.fn_name().to_string()
    };
    // One that was changed after it was found by name is not what the name gives.
    let named = find::<Hyper>(context, host, &hyperspace.name).is_ok_and(|found| Arc::ptr_eq(&found, hyperspace));
    let from = if named {
        format!("hyperspace(\"{}\")", hyperspace.name)
    } else {
        given.push("hs is its hyperspace");
        "hs".to_string()
    };
    let given = if given.is_empty() { String::new() } else { format!(" // {}", given.join(", ")) };
    move |text| format!("replay: {call}({from}.space(\"{text}\")){given}")
}

/// What a study depends on, as far as it can be seen: its hyperspace, and the look-up tables that the objective captured.
fn detail_of(hyperspace: &Hyper, seed: Seed, captured: &[Dynamic]) -> Detail {
    let mut inputs = BTreeMap::from([("hyperspace".to_owned(), hyperspace.key())]);
    let tables = captured.iter().filter_map(|value| value.clone().try_cast::<Lookup>());
    inputs.extend(tables.enumerate().map(|(at, table)| (format!("look-up table {}", at + 1), table.lut.key())));
    Detail { label: format!("evolve {}", hyperspace.name), seed: Some(seed.0), inputs, device: None }
}

/// Declares studies.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<SpaceStudy>("Study");
    engine.register_global_module(exported_module!(study_functions).into());
}

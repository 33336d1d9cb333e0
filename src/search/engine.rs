//! The loop of every search: ask, score in parallel, tell, keep, report, stop.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde_json::Value;

use super::study::NAN;
use super::{Candidate, Direction, Failure, Outcome, Score, SearchFault, Stopped, Strategy, Study, Told, Trial, TrialRecord};
use crate::base::{Cancel, Fault, Progress, Result, Seed};

/// A search ends when this many asked candidates in a row are known already.
const STALE: usize = 10_000;
/// A search ends when its first trials, this many, are all without a score.
const HOPELESS: usize = 10;
/// The code of faults that only say that the user stopped something.
const INTERRUPTED: &str = "session::interrupted";

/// Takes the study so far.
pub type OnBatch<'a, C> = &'a dyn Fn(&Study<C>) -> Result<()>;

/// Gives the scores of candidates, in order; `None` for one that was left because the search was stopped.
pub type ScoreAll<'a, C> = &'a dyn Fn(&[&C]) -> Vec<Option<Result<Score>>>;

/// How a search runs.
#[derive(Clone)]
pub struct Plan<'a, C> {
    /// Which way is better.
    pub direction: Direction,
    /// Distinct candidates to score.
    pub evaluations: usize,
    /// Time after which no further batch is begun.
    pub time: Option<Duration>,
    /// Seed of the strategy's draws.
    pub seed: Seed,
    /// Trials of an earlier, unfinished run: a candidate that has a score among them is not scored again but enters the
    /// history when the strategy asks for it. With the same seed and strategy the search thus goes on where it stopped.
    pub known: Vec<TrialRecord>,
    /// Whether a score that fails ends the search; otherwise its trial is left without a score.
    pub stop_on_failure: bool,
    /// Set by Ctrl-C.
    pub cancel: Cancel,
    /// Who listens.
    pub progress: Progress,
    /// What it is called in progress bars.
    pub label: String,
    /// Called after every batch and at the end with the study so far, to store it.
    pub on_batch: Option<OnBatch<'a, C>>,
}

impl<C> Plan<'_, C> {
    /// A silent search for the largest score.
    pub fn new(evaluations: usize, seed: Seed) -> Self {
        Self {
            direction: Direction::Maximize,
            evaluations,
            time: None,
            seed,
            known: Vec::new(),
            stop_on_failure: true,
            cancel: Cancel::default(),
            progress: Progress::default(),
            label: "search".into(),
            on_batch: None,
        }
    }
}

/// Searches with `strategy` for candidates that `score` likes.
///
/// - A candidate is known by its text. One that is in the history already is not scored again, and counts
///   neither as an evaluation nor as a trial; the strategy is told its score again.
/// - A fault of `score` ends the search, unless the plan says otherwise, once its batch is done; a fault of the strategy
///   always does. The study then holds the history so far and its [`Failure`].
/// - A score of NaN makes a trial without a score, and the search goes on. If the first ten trials are all without one,
///   it ends with the first fault.
/// - The history depends on the strategy and the seed alone, not on the number of threads; with fewer
///   evaluations it is a beginning of the longer one. Only stopping by time or by hand cuts a batch short anywhere.
///
/// Fails with the faults of `on_batch`, and `search::option`.
pub fn run<C: Candidate>(
    strategy: &mut dyn Strategy<C>,
    score: &(dyn Fn(&C) -> Result<Score> + Sync),
    plan: &Plan<'_, C>,
) -> Result<Study<C>> {
    run_in_batches(strategy, &|candidates| in_parallel(candidates, score, &plan.cancel), plan)
}

/// Scores each candidate by itself, in all threads.
pub fn in_parallel<C: Candidate>(
    candidates: &[&C],
    score: &(dyn Fn(&C) -> Result<Score> + Sync),
    cancel: &Cancel,
) -> Vec<Option<Result<Score>>> {
    candidates.par_iter().map(|candidate| (!cancel.is_cancelled()).then(|| score(candidate))).collect()
}

/// The same as [`run`] with a score that is given all new candidates of a batch at once.
pub fn run_in_batches<C: Candidate>(
    strategy: &mut dyn Strategy<C>,
    score_all: ScoreAll<'_, C>,
    plan: &Plan<'_, C>,
) -> Result<Study<C>> {
    let batch = strategy.batch();
    for (option, value) in [("evaluations", plan.evaluations), ("batch", batch)] {
        if value == 0 {
            return Err(SearchFault::Option { option, value: "0".into(), rule: "it must be at least 1" }.into());
        }
    }
    let (cancel, began) = (&plan.cancel, Instant::now());
    // What failed may be mended by now.
    let scored_before = plan.known.iter().filter(|record| matches!(record.outcome, Outcome::Score(_)));
    let known: BTreeMap<&str, &TrialRecord> = scored_before.map(|record| (record.text.as_str(), record)).collect();
    let mut rng = plan.seed.child("strategy").rng();
    let mut study = Study { direction: plan.direction, history: Vec::new(), stopped: None, failure: None };
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    let bar = plan.progress.task(&plan.label, plan.evaluations as u64);
    let mut stale = 0;
    while study.stopped.is_none() {
        if cancel.is_cancelled() {
            study.stopped = Some(Stopped::Interrupted);
            break;
        }
        if plan.time.is_some_and(|time| began.elapsed() >= time) {
            study.stopped = Some(Stopped::Time);
            break;
        }
        let asked: Vec<(String, C)> = match strategy.ask(batch, &mut rng) {
            Ok(asked) => asked.into_iter().map(|candidate| (candidate.text(), candidate)).collect(),
            Err(fault) => {
                end(&mut study, Failure { trial: None, fault });
                break;
            }
        };
        let room = plan.evaluations - study.history.len();
        let mut fresh: Vec<(&str, &C)> = Vec::new();
        for (text, candidate) in &asked {
            let new = !place.contains_key(text) && fresh.iter().all(|(other, _)| other != text);
            if new && fresh.len() < room {
                fresh.push((text, candidate));
            }
        }
        stale = if fresh.is_empty() { stale + asked.len().max(1) } else { 0 };
        let unknown: Vec<&C> =
            fresh.iter().filter(|(text, _)| !known.contains_key(text)).map(|(_, candidate)| *candidate).collect();
        let mut answers = score_all(&unknown).into_iter();
        let scored: Vec<Option<TrialRecord>> = fresh
            .iter()
            .map(|(text, _)| match known.get(text) {
                Some(record) => Some((*record).clone()),
                None => answers.next().flatten().and_then(|score| judge(text, score)),
            })
            .collect();
        let begun_at = study.history.len();
        let (begun, finished) = (scored.len(), scored.iter().flatten().count());
        for ((text, candidate), record) in fresh.into_iter().zip(scored) {
            if let Some(record) = record {
                place.insert(text.to_string(), study.history.len());
                study.history.push(Trial { id: study.history.len(), candidate: candidate.clone(), record });
            }
        }
        bar.note(finished as u64, &note(&study));
        let failure = if plan.stop_on_failure { failure(&study.history[begun_at..], plan.seed) } else { None };
        if finished < begun {
            study.stopped = Some(Stopped::Interrupted);
        } else if let Some(failure) = failure.or_else(|| hopeless(&study, plan.seed)) {
            end(&mut study, failure);
        } else if study.history.len() == plan.evaluations {
            study.stopped = Some(Stopped::Evaluations);
        } else if stale >= STALE {
            match strategy.stuck(study.history.len()) {
                Ok(()) => study.stopped = Some(Stopped::Exhausted),
                Err(fault) => end(&mut study, Failure { trial: None, fault }),
            }
        }
        if study.stopped.is_some() {
            break;
        }
        if let Some(keep) = plan.on_batch {
            keep(&study)?;
        }
        let merit = |trial: &Trial<C>| trial.score().map_or(f64::NEG_INFINITY, |score| plan.direction.merit(score));
        // A candidate asked for twice at once is fresh once.
        let mut fresh = begun_at..;
        let results: Vec<Told<C>> = asked
            .iter()
            .filter_map(|(text, candidate)| {
                let at = *place.get(text)?;
                let trial = &study.history[at];
                let is_fresh = at == fresh.start;
                fresh.start += usize::from(is_fresh);
                Some(Told { candidate: candidate.clone(), score: merit(trial), fresh: is_fresh, info: trial.record.info.clone() })
            })
            .collect();
        if let Err(fault) = strategy.tell(&results) {
            end(&mut study, Failure { trial: None, fault });
        }
    }
    if let Some(keep) = plan.on_batch {
        keep(&study)?;
    }
    Ok(study)
}

/// Ends a search that failed, or that was stopped while its strategy was at work.
fn end<C>(study: &mut Study<C>, failure: Failure) {
    if failure.fault.code == INTERRUPTED {
        study.stopped = Some(Stopped::Interrupted);
    } else {
        study.stopped = Some(Stopped::Failed);
        study.failure = Some(failure);
    }
}

/// The record of a trial; `None` if it was interrupted.
fn judge(text: &str, score: Result<Score>) -> Option<TrialRecord> {
    let (outcome, info) = match score {
        Ok(score) if score.value.is_nan() => {
            let help = "check the objective: 0/0 and sqrt of a negative number give NaN";
            (Outcome::Failed(Fault::new(NAN, "the score is not a number (NaN)", help)), score.info)
        }
        Ok(score) => (Outcome::Score(score.value), score.info),
        Err(fault) if fault.code == INTERRUPTED => return None,
        Err(fault) => (Outcome::Failed(fault), Value::Null),
    };
    Some(TrialRecord { text: text.into(), outcome, info })
}

/// The first of these trials whose score failed.
fn failure<C>(trials: &[Trial<C>], seed: Seed) -> Option<Failure> {
    let trial = trials.iter().find(|trial| trial.fault().is_some() && !trial.is_nan())?;
    Some(Failure { trial: Some(trial.id), fault: scoring(trial, seed)? })
}

/// The failure of a search whose first trials are all without a score.
fn hopeless<C>(study: &Study<C>, seed: Seed) -> Option<Failure> {
    let count = study.history.len();
    if count < HOPELESS || study.failed().count() < count {
        return None;
    }
    let first = study.history.first()?;
    let fault = scoring(first, seed)?.during(&format!("all of the first {count} candidates failed; the first"));
    Some(Failure { trial: Some(first.id), fault })
}

/// The fault of a trial, which names what was scored.
fn scoring<C>(trial: &Trial<C>, seed: Seed) -> Option<Fault> {
    let what = format!("while scoring {} (trial {}, seed {})", trial.record.text, trial.id, seed.0);
    Some(trial.fault()?.clone().during(&what))
}

fn note<C>(study: &Study<C>) -> String {
    study.best().and_then(Trial::score).map_or_else(String::new, |best| format!("best {best:.4}"))
}

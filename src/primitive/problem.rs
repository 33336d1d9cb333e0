//! What a strategy may ask of the thing it searches: its choices, and candidates drawn, changed, crossed or put together.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross, raise};
use super::noun::Nouns;
use super::random::Random;
use super::space::{Hyper, Space};
use super::values::words;
use crate::base::{Fault, did_you_mean};
use crate::search::{self, Choice};
use crate::space::SearchSpace;

/// What a strategy may ask of the thing it searches.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What its candidates are chosen from.
    pub hyperspace: Hyper,
}

#[export_module]
mod problem_type {
    /// What there is to choose, in the order of `candidate.choices`: maps with `name`, `count`, `ordered`.
    ///
    /// `count` is the number of values; they are counted from 0. In an `ordered` choice neighbouring values are alike: windows are, operators are not.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let last = |problem, n, rng| [problem.candidate(problem.choices.map(|choice| choice.count - 1))];
    /// let mine = #{ ask: last, tell: |results| {} };
    /// evolve(hyperspace("pocket"), #{ minimize: |space| 1.0, strategy: mine, evaluations: 1 }).best().space.to_string() //> 333-222
    /// ```
    #[rhai_fn(get = "choices", pure)]
    pub fn choices(problem: &mut Problem) -> Array {
        let fields = |choice: Choice| {
            let count = (choice.count as i64).into();
            Map::from([("name".into(), choice.name.into()), ("count".into(), count), ("ordered".into(), choice.ordered.into())])
        };
        search::choices(&problem.hyperspace).into_iter().map(|choice| fields(choice).into()).collect()
    }

    /// The candidate with these choices, whole numbers in the order of `problem.choices`. Fails with `space::choice`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let mine = #{ ask: |problem, n, rng| [problem.candidate([0, 1, 2, 2, 1, 0])], tell: |results| {} };
    /// evolve(hyperspace("pocket"), #{ minimize: |space| 1.0, strategy: mine, evaluations: 1 }).best().space.to_string() //> 012-210
    /// ```
    #[rhai_fn(return_raw)]
    pub fn candidate(problem: Problem, choices: Array) -> Answer<Space> {
        let whole = choices.iter().map(|choice| {
            choice.as_int().ok().and_then(|choice| usize::try_from(choice).ok()).ok_or_else(|| {
                let message = format!("a choice is {choice} ({}), not a whole number from 0", words(choice));
                Fault::new("space::choice", message, "`problem.choices` says how many values each has")
            })
        });
        let mut operators: Vec<usize> = whole.collect::<Result<_, _>>().cross()?;
        let windows = operators.split_off(operators.len() / 2);
        SearchSpace::new(&problem.hyperspace, operators, windows).map(Arc::new).cross()
    }

    /// A candidate drawn uniformly.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let mine = #{ ask: |problem, n, rng| [problem.random(rng)], tell: |results| {} };
    /// evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, strategy: mine, evaluations: 4 }).history.height //> 4
    /// ```
    pub fn random(problem: Problem, random: Random) -> Space {
        Arc::new(random.with(|rng| SearchSpace::sample(&problem.hyperspace, rng)))
    }

    /// The candidates with one operator everywhere, for every operator and window.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let mine = #{ ask: |problem, n, rng| problem.plain(), tell: |results| {} };
    /// evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, strategy: mine, evaluations: 12 }).history.height //> 12
    /// ```
    pub fn plain(problem: Problem) -> Array {
        plain_spaces(&problem.hyperspace)
    }

    /// A candidate with one change: `what` is "operator" or "window", of one stage, drawn uniformly.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let mine = #{ ask: |problem, n, rng| [problem.mutate(problem.random(rng), "window", rng)], tell: |results| {} };
    /// evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, strategy: mine, evaluations: 4 }).history.height //> 4
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mutate(_problem: Problem, candidate: Space, what: &str, random: Random) -> Answer<Space> {
        match what {
            "operator" => Ok(Arc::new(random.with(|rng| candidate.mutate_operator(rng)))),
            "window" => Ok(Arc::new(random.with(|rng| candidate.mutate_window(rng)))),
            other => {
                let fault = Fault::new(
                    "strategy::mutation",
                    format!("there is no mutation `{other}`"),
                    did_you_mean(other, ["operator", "window"]),
                );
                Err(raise(fault))
            }
        }
    }

    /// A candidate that has each choice from either of two parents.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let mine = #{ ask: |problem, n, rng| [problem.crossover(problem.random(rng), problem.random(rng), rng)], tell: |results| {} };
    /// evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, strategy: mine, evaluations: 4 }).history.height //> 4
    /// ```
    #[rhai_fn(return_raw)]
    pub fn crossover(_problem: Problem, left: Space, right: Space, random: Random) -> Answer<Space> {
        random.with(|rng| left.crossover(&right, rng)).map(Arc::new).cross()
    }
}

fn plain_spaces(hyperspace: &Hyper) -> Array {
    let windows = hyperspace.searched().into_iter().map(|at| hyperspace.stages[at].windows()).max().unwrap_or(1);
    let mut plain = Array::new();
    for operator in 0..hyperspace.most_candidates() {
        for window in 0..windows {
            plain.push(Dynamic::from(Arc::new(SearchSpace::uniform_at(hyperspace, operator, Some(window)))));
        }
    }
    plain
}

/// Declares problems.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Problem>("Problem");
    engine.register_global_module(exported_module!(problem_type).into());
}

//! A strategy as a script gives it: closures over a state that is plain data.

use std::sync::Arc;
use std::time::Duration;

use rhai::{Array, Dynamic, FnPtr, Map, NativeCallContext};
use serde_json::Value;

use super::cross::inner_fault;
use super::host::Host;
use super::limits::within;
use super::options::Options;
use super::problem::Problem;
use super::random::Random;
use super::space::{Hyper, Space};
use super::values::words;
use crate::base::{Fault, Result, Rng, Seed, Spot};
use crate::search::{Strategy, Told};
use crate::space::SearchSpace;

/// Candidates asked for at once, if the strategy does not say.
const BATCH: usize = 16;
/// Most parameters with which a closure is looked for in the script, beside those that it captured.
const MOST_TAKEN: usize = 6;
/// Seconds that a closure of a strategy may take, if the strategy does not say.
const LIMIT_S: f64 = 60.0;

/// The closures of a strategy, with its state, which is bound as `this`.
pub(super) struct ScriptStrategy<'a> {
    context: &'a NativeCallContext<'a>,
    host: &'a Host,
    batch: usize,
    limit: Duration,
    state: Dynamic,
    /// Called once, before the first candidates are asked for.
    init: Option<FnPtr>,
    ask: FnPtr,
    tell: FnPtr,
    problem: Problem,
}

impl<'a> ScriptStrategy<'a> {
    /// The strategy in `map`, for candidates from `hyperspace`.
    pub(super) fn new(context: &'a NativeCallContext<'a>, host: &'a Host, map: Map, hyperspace: &Hyper) -> Result<Self> {
        let known = ["name", "batch", "limit_s", "state", "init", "ask", "tell"];
        let options = Options::new("a strategy", map, &known)?;
        let need = |key: &str, form: &str| {
            options.closure(key)?.ok_or_else(|| {
                Fault::new(
                    "strategy::closure",
                    format!("the strategy has no closure `{key}`"),
                    format!("add `{key}: {form} ...`"),
                )
            })
        };
        let limit_s = options.positive("limit_s")?.unwrap_or(LIMIT_S);
        let limit = Duration::try_from_secs_f64(limit_s);
        Ok(Self {
            context,
            host,
            batch: options.count("batch", 1)?.unwrap_or(BATCH),
            limit: limit.map_err(|_| options.refuse("limit_s", "no clock runs so long", "give fewer seconds"))?,
            state: options.value("state").cloned().unwrap_or_else(|| Map::new().into()),
            init: options.closure("init")?,
            ask: need("ask", "|problem, n, rng|")?,
            tell: need("tell", "|results|")?,
            problem: Problem { hyperspace: hyperspace.clone() },
        })
    }

    /// Calls one of the closures.
    fn call(&mut self, name: &str, closure: &FnPtr, arguments: Vec<Dynamic>) -> Result<Dynamic> {
        let (state, context) = (&mut self.state, self.context);
        let answer = within(self.limit, || closure.call_raw(context, Some(state), arguments));
        answer.map_err(|error| {
            let mut fault = inner_fault(self.host, &error, context.call_source()).during(&format!("`{name}` of the strategy"));
            // What has no place of its own, such as a loop without a body, was given that of the call.
            if fault.at.as_ref().is_none_or(|spot| Some(spot.line) == context.call_position().line()) {
                fault.at = None;
                fault = self.at_closure(closure, fault);
            }
            fault
        })
    }

    /// The fault of an `ask` that gave `found` in place of candidates.
    fn wrong(&self, found: &str) -> Fault {
        let help = "return an array of candidates, made with `problem.random(rng)`, `problem.mutate(...)`";
        self.at_closure(&self.ask, Fault::new("strategy::ask", format!("`ask` of the strategy gave {found}"), help))
    }

    /// The fault with the place of a closure, if it is in a script of the user's.
    fn at_closure(&self, closure: &FnPtr, fault: Fault) -> Fault {
        let written = self.context.iter_namespaces().find_map(|module| {
            // It may be one that takes too few or too many.
            let mut taking = (0..=closure.curry().len() + MOST_TAKEN).rev();
            let at = taking.find_map(|count| module.get_script_fn(closure.fn_name(), count))?.body.start_position();
            let script = module.id().or_else(|| self.context.call_source()).unwrap_or("script").into();
            Some(Spot { script, line: at.line()?, column: at.position().unwrap_or(0) })
        });
        match written {
            Some(spot) => fault.at(spot),
            None => fault,
        }
    }

    /// A candidate that `ask` gave.
    fn candidate(&self, given: &Dynamic) -> Result<SearchSpace> {
        let space = given.clone().try_cast::<Space>();
        let space = space.ok_or_else(|| self.wrong(&format!("an array with {}", words(given))))?;
        let (own, wanted) = (&space.hyperspace, &self.problem.hyperspace);
        if !Arc::ptr_eq(own, wanted) && own.key() != wanted.key() {
            return Err(self.wrong(&format!("a search space of another hyperspace, `{}`", own.name)));
        }
        Ok((*space).clone())
    }
}

impl Strategy<SearchSpace> for ScriptStrategy<'_> {
    fn batch(&self) -> usize {
        self.batch
    }

    fn ask(&mut self, n: usize, rng: &mut Rng) -> Result<Vec<SearchSpace>> {
        if let Some(init) = self.init.take() {
            let _: Dynamic = self.call("init", &init, vec![Dynamic::from(self.problem.clone())])?;
        }
        let random = Random::new(Seed(rand::Rng::next_u64(rng)));
        let arguments = vec![Dynamic::from(self.problem.clone()), (n as i64).into(), Dynamic::from(random)];
        let asked = self.call("ask", &self.ask.clone(), arguments)?;
        let found = words(&asked);
        let asked = asked.into_array().map_err(|_| self.wrong(&found))?;
        if asked.is_empty() {
            return Err(self.wrong("no candidates"));
        }
        asked.iter().map(|given| self.candidate(given)).collect()
    }

    fn tell(&mut self, results: &[Told<SearchSpace>]) -> Result<()> {
        let result = |told: &Told<SearchSpace>| {
            Map::from([
                ("candidate".into(), Dynamic::from(Arc::new(told.candidate.clone()))),
                ("score".into(), told.score.into()),
                ("fresh".into(), told.fresh.into()),
                ("info".into(), figures(&told.info).into()),
            ])
        };
        let results: Array = results.iter().map(|told| result(told).into()).collect();
        let _: Dynamic = self.call("tell", &self.tell.clone(), vec![results.into()])?;
        Ok(())
    }

    fn stuck(&self, scored: usize) -> Result<()> {
        if scored > self.batch || scored as u128 >= self.problem.hyperspace.size() {
            return Ok(());
        }
        let message = format!(
            "`ask` of the strategy gives the same {scored} of {} candidates again and again",
            self.problem.hyperspace.size()
        );
        let help = "draw from the `rng` that it is given: `problem.random(rng)`, `problem.mutate(candidate, \"operator\", rng)`";
        Err(self.at_closure(&self.ask, Fault::new("strategy::stuck", message, help)))
    }
}

/// The numbers that an objective gave beside its score.
fn figures(info: &Value) -> Map {
    let members = info.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.into(), value.as_f64().unwrap_or(f64::NAN).into())).collect()
}

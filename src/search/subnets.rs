//! Evolutionary search for the most accurate subnet of a space within a latency window.
//!
//! The reference's procedure: a random population, its best as parents, as many mutants and crossings as
//! asked for, round after round. Where random draws miss the window too often, they are crossed with the
//! smallest (or largest) subnet until they fit, so that a tight limit does not starve the search.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::RngExt;

use super::{SearchFault, Stopped};
use crate::base::{Bar, Cancel, Progress, Result, Rng, Seed};
use crate::space::{MutationRates, SearchSpace, Subnet};

/// Plain draws for one place in the population before draws are pulled into the window.
const PLAIN_DRAWS: usize = 50;
/// Crossings with the smallest or largest subnet before a draw is given up.
const PULLS: usize = 12;

/// The latency a subnet must have.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyWindow {
    /// At most this.
    pub max_ms: f64,
    /// At least this; 0 for no lower limit.
    pub min_ms: f64,
    /// What the user calls the upper limit, for messages: `max_int8_ms`.
    pub max_name: String,
    /// What the user calls the lower limit.
    pub min_name: String,
}

/// How the search runs.
#[derive(Debug, Clone)]
pub struct SubnetPlan {
    /// Subnets drawn at first.
    pub population: usize,
    /// The best of the population that have children.
    pub parents: usize,
    /// Mutants a round.
    pub mutations: usize,
    /// Crossings a round.
    pub crossovers: usize,
    /// Rounds.
    pub iterations: usize,
    /// How strongly mutants differ.
    pub rates: MutationRates,
    /// Tries for one child before it is left out; a crossing becomes a mutant after as many.
    pub tries: usize,
    /// Draws in a row that may fail to give a new subnet within the window.
    pub draws: usize,
    /// Seed of all draws.
    pub seed: Seed,
    /// Set by Ctrl-C.
    pub cancel: Cancel,
    /// Who listens.
    pub progress: Progress,
    /// What it is called in progress bars.
    pub label: String,
}

impl Default for SubnetPlan {
    fn default() -> Self {
        Self {
            population: 512,
            parents: 256,
            mutations: 128,
            crossovers: 128,
            iterations: 20,
            rates: MutationRates::default(),
            tries: 50,
            draws: 2000,
            seed: Seed(0),
            cancel: Cancel::default(),
            progress: Progress::default(),
            label: "search subnet".into(),
        }
    }
}

/// A subnet that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSubnet {
    /// The network.
    pub net: Subnet,
    /// Its latency as the search was told.
    pub latency_ms: f64,
    /// Its accuracy as the search was told; minus infinity for NaN.
    pub accuracy: f64,
}

/// What a subnet search found.
#[derive(Debug, Clone)]
pub struct SubnetSearch {
    /// Every subnet it looked at, in order; each once.
    pub history: Vec<FoundSubnet>,
    /// Why it ended: all rounds made, or interrupted.
    pub stopped: Stopped,
}

impl SubnetSearch {
    /// The most accurate ones, best first; of equals the faster first.
    pub fn top(&self, n: usize) -> Vec<&FoundSubnet> {
        let mut order: Vec<_> = self.history.iter().collect();
        order.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy).then(a.latency_ms.total_cmp(&b.latency_ms)));
        order.truncate(n);
        order
    }

    /// The most accurate one.
    pub fn best(&self) -> Option<&FoundSubnet> {
        self.top(1).into_iter().next()
    }
}

/// Looks for the most accurate subnet of `space` within `window`.
///
/// `latency` gives milliseconds and is asked for every draw; `accuracy` is asked once for every new subnet, in
/// batches, larger is better. Fails with `search::starved` when no draw lies within the window, `search::option`,
/// `search::count`, and faults of the two functions. Interrupted, it returns what it has.
pub fn search_subnets(
    space: &Arc<SearchSpace>,
    window: &LatencyWindow,
    plan: &SubnetPlan,
    latency: &dyn Fn(&Subnet) -> Result<f64>,
    accuracy: &dyn Fn(&[Subnet]) -> Result<Vec<f64>>,
) -> Result<SubnetSearch> {
    window.check()?;
    for (option, value) in [("population", plan.population), ("parents", plan.parents), ("draws", plan.draws)] {
        if value == 0 {
            return Err(SearchFault::Option { option, value: "0".into(), rule: "it must be at least 1" }.into());
        }
    }
    let total = plan.population + plan.iterations * (plan.mutations + plan.crossovers);
    let mut hunt = Hunt {
        space,
        window,
        plan,
        latency,
        rng: plan.seed.child("subnets").rng(),
        seen: BTreeSet::new(),
        fastest: f64::INFINITY,
        slowest: 0.0,
        bar: plan.progress.task(&plan.label, total as u64),
    };
    let mut search = SubnetSearch { history: Vec::new(), stopped: Stopped::Evaluations };
    let first = hunt.population()?;
    let mut population = Vec::new();
    let mut fresh = first;
    for round in 0..=plan.iterations {
        let Some(scored) = hunt.score(fresh, accuracy, &search)? else {
            search.stopped = Stopped::Interrupted;
            return Ok(search);
        };
        search.history.extend(scored.iter().cloned());
        population.extend(scored);
        population.sort_by(|a: &FoundSubnet, b| b.accuracy.total_cmp(&a.accuracy));
        population.truncate(plan.parents);
        if round == plan.iterations {
            break;
        }
        fresh = hunt.children(&population)?;
        if fresh.is_empty() {
            search.stopped = Stopped::Exhausted;
            break;
        }
    }
    Ok(search)
}

impl LatencyWindow {
    /// At most `max_ms`, which the user calls `max_int8_ms`.
    pub fn up_to(max_ms: f64) -> Self {
        Self { max_ms, min_ms: 0.0, max_name: "max_int8_ms".into(), min_name: "min_int8_ms".into() }
    }

    fn check(&self) -> Result<(), SearchFault> {
        let value = self.max_ms.to_string();
        if !self.max_ms.is_finite() || self.max_ms <= 0.0 {
            return Err(SearchFault::Option { option: "max_ms", value, rule: "a latency limit is a positive number" });
        }
        if self.min_ms.is_nan() || self.min_ms > self.max_ms {
            let value = self.min_ms.to_string();
            return Err(SearchFault::Option { option: "min_ms", value, rule: "it must not be above the upper limit" });
        }
        Ok(())
    }

    fn holds(&self, latency_ms: f64) -> bool {
        (self.min_ms..=self.max_ms).contains(&latency_ms)
    }
}

/// A running search.
struct Hunt<'a> {
    space: &'a Arc<SearchSpace>,
    window: &'a LatencyWindow,
    plan: &'a SubnetPlan,
    latency: &'a dyn Fn(&Subnet) -> Result<f64>,
    rng: Rng,
    /// Texts of all subnets taken.
    seen: BTreeSet<String>,
    /// Extremes over all draws.
    fastest: f64,
    slowest: f64,
    bar: Bar,
}

impl Hunt<'_> {
    /// The latency of a draw, remembered for messages.
    fn clock(&mut self, net: &Subnet) -> Result<f64> {
        let latency_ms = (self.latency)(net)?;
        self.fastest = self.fastest.min(latency_ms);
        self.slowest = self.slowest.max(latency_ms);
        Ok(latency_ms)
    }

    /// The net with its latency, if it is new and within the window.
    fn take(&mut self, net: Subnet) -> Result<Option<(Subnet, f64)>> {
        let latency_ms = self.clock(&net)?;
        let fits = self.window.holds(latency_ms) && self.seen.insert(net.encode());
        Ok(fits.then_some((net, latency_ms)))
    }

    /// The first population: as many as asked for, or as there are.
    fn population(&mut self) -> Result<Vec<(Subnet, f64)>> {
        let mut found = Vec::new();
        let mut missed = 0;
        // The smallest is tried first: if nothing else is fast enough, it may be.
        found.extend(self.take(Subnet::smallest(self.space))?);
        while found.len() < self.plan.population && missed < self.plan.draws {
            self.plan.cancel.check()?;
            let pull = missed % (PLAIN_DRAWS + 1) == PLAIN_DRAWS;
            let mut net = Subnet::sample(self.space, &mut self.rng);
            if pull {
                net = self.pulled(net)?;
            }
            match self.take(net)? {
                Some(one) => {
                    found.push(one);
                    // Draws that need pulling every time go on being pulled.
                    missed = if pull { PLAIN_DRAWS } else { 0 };
                }
                None => missed += 1,
            }
        }
        if found.is_empty() { Err(self.starved().into()) } else { Ok(found) }
    }

    /// `net`, crossed with the smallest or the largest subnet until it fits, or for a bounded number of times.
    fn pulled(&mut self, mut net: Subnet) -> Result<Subnet> {
        for _ in 0..PULLS {
            let latency_ms = self.clock(&net)?;
            if self.window.holds(latency_ms) {
                break;
            }
            let slow = latency_ms > self.window.max_ms;
            let goal = if slow { Subnet::smallest(self.space) } else { Subnet::largest(self.space) };
            net = net.crossover(&goal, &mut self.rng)?;
        }
        Ok(net)
    }

    fn children(&mut self, parents: &[FoundSubnet]) -> Result<Vec<(Subnet, f64)>> {
        let mut children = Vec::new();
        for child in 0..self.plan.mutations + self.plan.crossovers {
            if self.plan.cancel.is_cancelled() {
                break;
            }
            let mut found = None;
            if child >= self.plan.mutations {
                found = self.child(|rng| {
                    let (a, b) = (pick(parents, rng), pick(parents, rng));
                    a.net.crossover(&b.net, rng)
                })?;
            }
            if found.is_none() {
                let rates = self.plan.rates;
                found = self.child(|rng| Ok(pick(parents, rng).net.mutate(rates, rng)))?;
            }
            children.extend(found);
        }
        Ok(children)
    }

    /// The first of a bounded number of tries that is new and within the window.
    fn child(&mut self, mut make: impl FnMut(&mut Rng) -> Result<Subnet>) -> Result<Option<(Subnet, f64)>> {
        for _ in 0..self.plan.tries {
            let net = make(&mut self.rng)?;
            if let Some(found) = self.take(net)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Accuracies of new subnets; `None` if interrupted with a history to return.
    fn score(
        &self,
        fresh: Vec<(Subnet, f64)>,
        accuracy: &dyn Fn(&[Subnet]) -> Result<Vec<f64>>,
        search: &SubnetSearch,
    ) -> Result<Option<Vec<FoundSubnet>>> {
        let (nets, latencies): (Vec<_>, Vec<_>) = fresh.into_iter().unzip();
        let scores = match self.plan.cancel.check().and_then(|()| accuracy(&nets)) {
            Ok(scores) => scores,
            Err(fault) if fault.code == "session::interrupted" && !search.history.is_empty() => return Ok(None),
            Err(fault) => return Err(fault),
        };
        if scores.len() != nets.len() {
            return Err(SearchFault::Count { found: scores.len(), wanted: nets.len() }.into());
        }
        self.bar.note(nets.len() as u64, &search.best().map_or_else(String::new, |best| format!("best {:.2}", best.accuracy)));
        let found = nets.into_iter().zip(latencies).zip(scores);
        // What has no accuracy is never the best.
        let worth = |accuracy: f64| if accuracy.is_nan() { f64::NEG_INFINITY } else { accuracy };
        let found = found.map(|((net, latency_ms), accuracy)| FoundSubnet { net, latency_ms, accuracy: worth(accuracy) });
        Ok(Some(found.collect()))
    }

    fn starved(&self) -> SearchFault {
        let LatencyWindow { max_ms, min_ms, max_name, min_name } = self.window;
        let wanted = if *min_ms > 0.0 { format!("{min_ms} to {max_ms} ms") } else { format!("latency <= {max_ms} ms") };
        let (nearest, help) = if self.fastest > *max_ms {
            (
                format!("the fastest takes {:.3} ms", self.fastest),
                format!("raise `{max_name}`, or search a space with narrower windows"),
            )
        } else if self.slowest < *min_ms {
            (format!("the slowest takes {:.3} ms", self.slowest), format!("lower `{min_name}`"))
        } else {
            let nearest = format!("they take {:.3} to {:.3} ms", self.fastest, self.slowest);
            (nearest, format!("set `{min_name}` and `{max_name}` further apart"))
        };
        SearchFault::Starved { wanted, draws: self.plan.draws, nearest, help }
    }
}

fn pick<'a>(parents: &'a [FoundSubnet], rng: &mut Rng) -> &'a FoundSubnet {
    &parents[rng.random_range(0..parents.len())]
}

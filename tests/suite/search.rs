//! Searches: the same history on any number of threads, going on after a stop, failing trials, starved limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::RngExt;
use spaceevo::base::{Cancel, Fault, Result, Rng, Seed};
use spaceevo::search::{
    Direction, Failure, LatencyWindow, Plan, RandomSearch, Score, Stopped, Strategy, Study, SubnetPlan, Told, Trial, hypervolume,
    knee, pareto_front, pareto_ranks, run, search_subnets,
};
use spaceevo::space::{SearchSpace, Subnet};

use crate::toy;

/// Changes one choice of the best it was told of; half of each batch is random.
struct Climber {
    best: Option<(SearchSpace, f64)>,
}

impl Strategy<SearchSpace> for Climber {
    fn batch(&self) -> usize {
        8
    }

    fn ask(&mut self, n: usize, rng: &mut Rng) -> Result<Vec<SearchSpace>> {
        let hyperspace = toy::pocket();
        let next = (0..n).map(|place| match &self.best {
            Some((best, _)) if place % 4 == 0 => best.mutate_operator(rng),
            Some((best, _)) if place % 4 == 2 => best.mutate_window(rng),
            _ => SearchSpace::sample(&hyperspace, rng),
        });
        Ok(next.collect())
    }

    fn tell(&mut self, results: &[Told<SearchSpace>]) -> Result<()> {
        for told in results {
            if self.best.as_ref().is_none_or(|(_, best)| told.score > *best) {
                self.best = Some((told.candidate.clone(), told.score));
            }
        }
        Ok(())
    }
}

/// Likes operator 2 and late windows.
fn taste(space: &SearchSpace) -> f64 {
    let operators = space.operators.iter().filter(|operator| **operator == 2).count();
    (operators * 10 + space.windows.iter().sum::<usize>()) as f64
}

fn texts(study: &Study<SearchSpace>) -> Vec<String> {
    study.history.iter().map(|trial| format!("{} {:?}", trial.record.text, trial.score())).collect()
}

#[test]
fn a_seed_gives_one_history_on_any_number_of_threads() {
    let history = |threads: usize, evaluations: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let score = |space: &SearchSpace| Ok(taste(space).into());
        pool.install(|| run(&mut Climber { best: None }, &score, &Plan::new(evaluations, Seed(seed))).unwrap())
    };
    let (one, four) = (history(1, 60, 1), history(4, 60, 1));
    assert_eq!(texts(&one), texts(&four));
    assert_eq!((one.history.len(), one.stopped), (60, Some(Stopped::Evaluations)));
    assert_eq!(texts(&history(2, 33, 1)), texts(&one)[..33]);
    assert_ne!(texts(&history(1, 60, 2)), texts(&one));
    // No candidate twice, ids in order, and the best is the best.
    let distinct: std::collections::BTreeSet<_> = one.history.iter().map(|trial| &trial.record.text).collect();
    assert_eq!(distinct.len(), 60);
    assert!(one.history.iter().enumerate().all(|(place, trial)| trial.id == place));
    let best = one.best().unwrap();
    assert!(one.history.iter().all(|trial| trial.score() <= best.score()));
    assert_eq!(one.best_so_far().last().unwrap(), &best.score());
    // It learns: over several seeds better than random searches of the same length.
    let learned: Option<f64> = (0..8).map(|seed| history(2, 60, seed).best()?.score()).sum();
    let lucky = |seed| {
        let mut random = RandomSearch::new(8, |rng: &mut Rng| SearchSpace::sample(&toy::pocket(), rng));
        run(&mut random, &|space: &SearchSpace| Ok(taste(space).into()), &Plan::new(60, Seed(seed))).unwrap().best()?.score()
    };
    let lucky: Option<f64> = (0..8).map(lucky).sum();
    assert!(learned > lucky, "{learned:?} {lucky:?}");
}

#[test]
fn minimising_turns_the_scores_but_not_the_history_of_scores() {
    let plan = Plan { direction: Direction::Minimize, ..Plan::new(80, Seed(4)) };
    let study = run(&mut Climber { best: None }, &|space| Ok(taste(space).into()), &plan).unwrap();
    let lowest = study.history.iter().filter_map(Trial::score).fold(f64::INFINITY, f64::min);
    assert_eq!(study.best().unwrap().score(), Some(lowest));
    assert!(lowest < 4.0, "{lowest}");
}

#[test]
fn a_small_space_is_exhausted_and_said_so() {
    let hyperspace = toy::pocket();
    let corner = SearchSpace::parse(&hyperspace, "000-000").unwrap();
    let mut strategy = RandomSearch::new(4, move |rng: &mut Rng| corner.mutate_operator(rng));
    let counted = AtomicUsize::new(0);
    let score = |space: &SearchSpace| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(taste(space).into())
    };
    let study = run(&mut strategy, &score, &Plan::new(1000, Seed(0))).unwrap();
    // Three stages, two other operators each.
    assert_eq!((study.history.len(), study.stopped), (6, Some(Stopped::Exhausted)));
    assert_eq!(counted.load(Ordering::Relaxed), 6);
}

/// Fails on operator 0 in the first stage, gives NaN on operator 1.
fn sour(space: &SearchSpace) -> Result<Score> {
    match space.operators[0] {
        0 => Err(Fault::new("toy::sour", "no taste for this", "eat something else")),
        1 => Ok(Score::from(f64::NAN)),
        _ => Ok(taste(space).into()),
    }
}

#[test]
fn trials_without_a_score_are_kept_and_the_search_goes_on_where_that_is_wanted() {
    let plan = Plan { stop_on_failure: false, ..Plan::new(50, Seed(1)) };
    let study = run(&mut Climber { best: None }, &sour, &plan).unwrap();
    assert_eq!((study.history.len(), study.failure), (50, None));
    let failed: Vec<_> = study.history.iter().filter(|trial| trial.score().is_none()).collect();
    assert!(failed.len() > 5 && failed.len() < 45);
    assert!(failed.iter().all(|trial| trial.is_nan() == (trial.candidate.operators[0] == 1)));
}

#[test]
fn a_score_that_fails_ends_the_search_and_leaves_its_history() {
    let study = run(&mut Climber { best: None }, &sour, &Plan::new(50, Seed(1))).unwrap();
    assert_eq!(study.stopped, Some(Stopped::Failed));
    let Failure { trial, fault } = study.failure.clone().unwrap();
    let trial = &study.history[trial.unwrap()];
    assert_eq!((fault.code.as_str(), trial.candidate.operators[0]), ("toy::sour", 0));
    let said = format!("while scoring {} (trial {}, seed 1): no taste for this", trial.record.text, trial.id);
    assert_eq!((fault.message, fault.help.as_deref()), (said, Some("eat something else")));
    // Its batch is whole, and nothing came after it; NaN alone stops nothing.
    assert!(study.history.len().is_multiple_of(8) && trial.id + 8 >= study.history.len());
    assert_eq!(study.best().unwrap().candidate.operators[0], 2);

    // What failed is scored again when it is taken up, what did not is not.
    let again = AtomicUsize::new(0);
    let score = |space: &SearchSpace| {
        again.fetch_add(1, Ordering::Relaxed);
        Ok(taste(space).into())
    };
    let plan = Plan { known: study.records(), ..Plan::new(study.history.len(), Seed(1)) };
    let rest = run(&mut Climber { best: None }, &score, &plan).unwrap();
    assert_eq!((rest.failure, again.into_inner()), (None, study.failed().count()));
}

#[test]
fn a_search_in_which_nothing_has_a_score_ends_soon() {
    let never = |_: &SearchSpace| Err(Fault::new("toy::sour", "no taste", "eat something else"));
    let nan = |_: &SearchSpace| Ok(Score::from(f64::NAN));
    for score in [&never as &(dyn Fn(&SearchSpace) -> Result<Score> + Sync), &nan] {
        let plan = Plan { stop_on_failure: false, ..Plan::new(50, Seed(1)) };
        let study = run(&mut Climber { best: None }, score, &plan).unwrap();
        // The first batch, in which a candidate may come twice.
        let count = study.history.len();
        assert!(count <= 16, "{count}");
        let said = study.failure.unwrap().fault.message;
        assert!(said.starts_with(&format!("all of the first {count} candidates failed; the first: while scoring ")), "{said}");
    }
}

#[test]
fn an_interrupted_search_goes_on_where_it_stopped() {
    let whole = run(&mut Climber { best: None }, &|space| Ok(taste(space).into()), &Plan::new(60, Seed(9))).unwrap();
    let cancel = Cancel::default();
    let counted = AtomicUsize::new(0);
    let score = |space: &SearchSpace| {
        if counted.fetch_add(1, Ordering::SeqCst) == 21 {
            cancel.cancel();
            return Err(cancel.check().unwrap_err());
        }
        Ok(taste(space).into())
    };
    let saved = std::sync::Mutex::new(Vec::new());
    let keep = |study: &Study<SearchSpace>| {
        *saved.lock().unwrap() = study.records();
        Ok(())
    };
    let plan = Plan { cancel: cancel.clone(), on_batch: Some(&keep), ..Plan::new(60, Seed(9)) };
    let part = run(&mut Climber { best: None }, &score, &plan).unwrap();
    assert_eq!(part.stopped, Some(Stopped::Interrupted));
    assert!(part.history.len() <= 22 && part.history.len() >= 16, "{}", part.history.len());
    assert!(part.best().is_some());
    let stored = serde_json::to_string(&saved.into_inner().unwrap()).unwrap();

    let (known, again) = (serde_json::from_str(&stored).unwrap(), AtomicUsize::new(0));
    let score = |space: &SearchSpace| {
        again.fetch_add(1, Ordering::Relaxed);
        Ok(taste(space).into())
    };
    let rest = run(&mut Climber { best: None }, &score, &Plan { known, ..Plan::new(60, Seed(9)) }).unwrap();
    assert_eq!(texts(&rest), texts(&whole));
    assert_eq!(again.load(Ordering::Relaxed), 60 - part.history.len());
}

#[test]
fn fronts_and_the_area_below_them() {
    let points = [[2.0, -5.0], [1.0, -3.0], [3.0, -5.0], [2.0, -4.0], [4.0, -8.0], [f64::NAN, -9.0], [1.0, -3.0]].map(Vec::from);
    assert_eq!(pareto_front(&points), [0, 1, 4]);
    // (2-1)*3 + (4-2)*5 + (5-4)*8
    assert_eq!(hypervolume(&points, &[5.0, 0.0]), 21.0);
    assert_eq!(hypervolume(&points, &[2.0, 0.0]), 3.0);
    assert_eq!(hypervolume(&points, &[0.5, 0.0]), 0.0);
    assert_eq!(pareto_ranks(&points), [0, 0, 1, 1, 0, 0, 0]);
    assert!(pareto_front(&[]).is_empty() && pareto_ranks(&[]).is_empty() && knee(&[]).is_none());
    // In parts of their ranges the three are at 0 + 1, 1/3 + 3/5 and 1 + 0.
    assert_eq!(knee(&points), Some(0));
    // Of three costs: what a grid of unit cells counts.
    let mut rng = Seed(3).rng();
    let cubes: Vec<Vec<f64>> = (0..30).map(|_| (0..3).map(|_| f64::from(rng.random_range(0..8))).collect()).collect();
    let cells = (0..8 * 8 * 8).map(|cell| [cell / 64, cell / 8 % 8, cell % 8].map(f64::from));
    let counted = cells.filter(|cell| cubes.iter().any(|cube| cube.iter().zip(cell).all(|(cost, at)| cost <= at))).count();
    assert_eq!(hypervolume(&cubes, &[8.0, 8.0, 8.0]), counted as f64);
    let beats = |a: &Vec<f64>, b: &Vec<f64>| a != b && a.iter().zip(b).all(|(a, b)| a <= b);
    let beaten = |at: usize| cubes.iter().any(|other| beats(other, &cubes[at]));
    let front = pareto_front(&cubes);
    assert!((0..30).all(|at| front.contains(&at) != beaten(at) || cubes[..at].contains(&cubes[at])));
    // Each stands one front behind the last of those that beat it.
    let ranks = pareto_ranks(&cubes);
    let behind = |at: usize| (0..30).filter(|&other| beats(&cubes[other], &cubes[at])).map(|other| ranks[other] + 1).max();
    assert!((0..30).all(|at| ranks[at] == behind(at).unwrap_or(0)) && ranks.contains(&2));
}

fn clock(net: &Subnet) -> Result<f64> {
    Ok(net.cost()?.mflops() * 0.1)
}

fn clever(nets: &[Subnet]) -> Result<Vec<f64>> {
    // More parameters are better, and kernels of 5 a little.
    let fives = |net: &Subnet| net.stages.iter().flatten().filter(|block| block.choices.get("kernel") == Some(5.0)).count();
    nets.iter().map(|net| Ok(net.cost()?.mparams() * 100.0 + fives(net) as f64)).collect()
}

#[test]
fn subnets_get_better_and_stay_within_their_limit() {
    let space = Arc::new(SearchSpace::parse(&toy::pocket(), "012-110").unwrap());
    let (low, high) = (clock(&Subnet::smallest(&space)).unwrap(), clock(&Subnet::largest(&space)).unwrap());
    let limit = LatencyWindow::up_to(low + (high - low) * 0.2);
    let plan = SubnetPlan {
        population: 40,
        parents: 20,
        mutations: 10,
        crossovers: 10,
        iterations: 6,
        seed: Seed(3),
        ..Default::default()
    };
    let search = search_subnets(&space, &limit, &plan, &clock, &clever).unwrap();
    assert_eq!((search.history.len(), search.stopped), (40 + 6 * 20, Stopped::Evaluations));
    assert!(
        search.history.iter().all(|found| found.latency_ms <= limit.max_ms && clock(&found.net).unwrap() == found.latency_ms)
    );
    let first = search.history[..40].iter().map(|found| found.accuracy).fold(0.0, f64::max);
    assert!(search.best().unwrap().accuracy > first);
    let again = search_subnets(&space, &limit, &plan, &clock, &clever).unwrap();
    assert_eq!(again.history, search.history);

    // A limit that one subnet in a million meets by chance still gives a full population.
    let tight = LatencyWindow::up_to(low * 1.05);
    let found =
        search_subnets(&space, &tight, &SubnetPlan { population: 10, iterations: 1, ..plan.clone() }, &clock, &clever).unwrap();
    assert!(found.history.len() >= 5, "{}", found.history.len());

    // Interrupted after the first population: what was found is returned.
    let (cancel, calls) = (Cancel::default(), AtomicUsize::new(0));
    let accuracy = |nets: &[Subnet]| {
        if calls.fetch_add(1, Ordering::Relaxed) == 1 {
            cancel.cancel();
            cancel.check()?;
        }
        clever(nets)
    };
    let part = search_subnets(&space, &limit, &SubnetPlan { cancel: cancel.clone(), ..plan }, &clock, &accuracy).unwrap();
    assert_eq!((part.history.len(), part.stopped), (40, Stopped::Interrupted));
    assert_eq!(part.history[..], search.history[..40]);
}

#[test]
fn a_limit_that_nothing_meets_is_named() {
    let space = Arc::new(SearchSpace::parse(&toy::pocket(), "012-110").unwrap());
    let plan = SubnetPlan { draws: 200, ..Default::default() };
    let starved = |window: LatencyWindow| {
        let fault = search_subnets(&space, &window, &plan, &clock, &clever).unwrap_err();
        format!("{} [{}] {}", fault.message, fault.help.unwrap_or_default(), fault.code)
    };
    let fastest = clock(&Subnet::smallest(&space)).unwrap();
    assert_eq!(
        starved(LatencyWindow::up_to(0.001)),
        format!(
            "no subnet with latency <= 0.001 ms among 200 draws; the fastest takes {fastest:.3} ms [raise `max_int8_ms`, or search a space with narrower windows] search::starved"
        )
    );
    let slow = LatencyWindow { min_ms: 900.0, ..LatencyWindow::up_to(1000.0) };
    assert!(starved(slow).contains("with 900 to 1000 ms among 200 draws; the slowest takes"));
    let code = search_subnets(&space, &LatencyWindow::up_to(-1.0), &plan, &clock, &clever).unwrap_err().code;
    assert_eq!(code, "search::option");
}

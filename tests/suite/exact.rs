//! Exact scores: beside every network counted one by one, beside large samples; their brackets, and what has no exact score.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::RngExt;
use spaceevo::base::{Seed, stats};
use spaceevo::graph::Activation;
use spaceevo::lut::{INT8_MS, LOSS, Lut, LutRow, MFLOPS};
use spaceevo::score::{
    Binary, Bins, Condition, Distributed, Drawing, Formula, QtMethod, QtOptions, QtScore, Question, Reduction, exact, networks,
    qt_score, sampled,
};
use spaceevo::space::{Hyperspace, Role, SearchSpace, Stage};

use crate::{lut, toy};

/// What sums may be off by for being added in another order.
const ROUNDING: f64 = 1e-9;
const MEANS_AND_BEST: [Reduction; 4] = [Reduction::BestMean(50), Reduction::BestMean(300), Reduction::Mean, Reduction::Best];
const QUANTILES: [Reduction; 3] = [Reduction::Quantile(0.11), Reduction::Quantile(0.53), Reduction::Quantile(0.93)];

/// Loss under latency limits, both summed over so many stages.
fn question(stages: usize, limits: &[f64], reduction: Reduction) -> Question {
    let condition = |&bound: &f64| vec![Condition { formula: Formula::sum(INT8_MS, stages), bound }];
    Question { value: Formula::sum(LOSS, stages), limits: limits.iter().map(condition).collect(), reduction }
}

fn bins(count: usize) -> Bins {
    Bins { cost: count, value: count }
}

/// The best 50 are the best twentieth.
fn of_thousand() -> Drawing {
    Drawing { samples: 1_000, ..Drawing::default() }
}

/// A hyperspace of one operator and nothing to choose, with so many searched stages.
fn line(stages: usize) -> Arc<Hyperspace> {
    let lone = toy::operator("lone", &[], Activation::Relu, |net, c| net.linear(0, "linear", c.cout as i64));
    let searched = (0..stages).map(|at| Stage::new(&format!("s{at}"), Role::Searched, &[8], None, &[1], 1).unwrap());
    let mut all: Vec<Stage> = searched.collect();
    all.push(Stage::new("logits", Role::Fixed(lone.clone()), &[12], None, &[1], 1).unwrap());
    Hyperspace::new("line", 3, 12, &[24, 32], all, vec![lone]).unwrap()
}

/// A table for [`line`]: as many rows for a stage and resolution as `count` says, with loss and latency from `figures`.
fn table(stages: usize, count: impl Fn(usize) -> usize, mut figures: impl FnMut(usize, usize) -> (f64, f64)) -> Lut {
    let mut rows = Vec::new();
    for (stage, resolution) in (0..stages).flat_map(|stage| [(stage, 24), (stage, 32)]) {
        for _ in 0..count(resolution) {
            let (loss, latency_ms) = figures(stage, resolution);
            rows.push(LutRow {
                stage: format!("s{stage}"),
                operator: "lone".into(),
                window: 0,
                encoding: "None#8#None".into(),
                input_width: 8,
                resolution,
                loss,
                loss_stderr: 0.0,
                mflops: 1.0,
                mparams: 1.0,
                latency_ms,
            });
        }
    }
    Lut::new(rows, BTreeMap::new()).unwrap()
}

/// A table for [`line`] with figures at random: most losses small, so that mean, median and best differ.
fn random(seed: u64, stages: usize, count: usize) -> Lut {
    let mut rng = Seed(seed).rng();
    table(stages, |_| count, |_, _| (2.0 * rng.random_range(0.0..1.0_f64).powi(3), rng.random_range(0.0..1.0)))
}

fn only_space(stages: usize) -> SearchSpace {
    SearchSpace::uniform(&line(stages), "lone", None).unwrap()
}

struct Network {
    value: f64,
    cost: f64,
    /// How likely it is drawn.
    mass: f64,
}

/// Every network that can be drawn.
fn all(space: &SearchSpace, lut: &Lut) -> Vec<Network> {
    let (losses, costs) = (lut.column(LOSS).unwrap(), lut.column(INT8_MS).unwrap());
    let mut found = Vec::new();
    for &resolution in lut.resolutions() {
        let mut begun = vec![Network { value: 0.0, cost: 0.0, mass: 1.0 / lut.resolutions().len() as f64 }];
        for (stage, &window) in space.hyperspace.searched().into_iter().zip(&space.windows) {
            let name = &space.hyperspace.stages[stage].name;
            let rows = lut.group(name, space.operator(stage).name(), window, resolution);
            let longer = begun.iter().flat_map(|net| {
                rows.iter().map(move |&row| Network {
                    value: net.value + losses[row as usize],
                    cost: net.cost + costs[row as usize],
                    mass: net.mass / rows.len() as f64,
                })
            });
            begun = longer.collect();
        }
        found.extend(begun);
    }
    found
}

/// Share and reduced value at a limit, by counting.
fn counted(all: &[Network], bound: f64, reduction: Reduction, samples: usize) -> (f64, Option<f64>) {
    let mut kept: Vec<&Network> = all.iter().filter(|net| net.cost <= bound).collect();
    kept.sort_by(|a, b| a.value.total_cmp(&b.value));
    let share = kept.iter().map(|net| net.mass).sum::<f64>();
    let wanted = match reduction {
        Reduction::BestMean(most) => (most as f64 / samples as f64).min(share),
        Reduction::Mean => share,
        Reduction::Quantile(part) => part * share,
        Reduction::Best => 0.0,
    };
    let (mut mass, mut sum, mut last) = (0.0, 0.0, None);
    for net in kept {
        let taken = net.mass.min(wanted - mass);
        mass += taken;
        sum += taken * net.value;
        last = Some(net.value);
        if mass >= wanted * (1.0 - 1e-12) {
            break;
        }
    }
    let is_mean = matches!(reduction, Reduction::BestMean(_) | Reduction::Mean);
    (share, if is_mean { last.map(|_| sum / mass) } else { last })
}

/// The brackets hold the truth and their own estimates.
fn holds(found: &Distributed, (share, value): (f64, Option<f64>)) -> bool {
    let of = &found.share;
    let share_held = of.low <= share + ROUNDING && share <= of.high + ROUNDING && of.low <= of.estimate && of.estimate <= of.high;
    let value_held = match (found.value, value) {
        (Some(of), Some(value)) => {
            of.low <= value + ROUNDING && value <= of.high + ROUNDING && of.low <= of.estimate && of.estimate <= of.high
        }
        // It is not sure that there is one, or sure that there is none.
        (None, Some(_)) => found.share.low <= ROUNDING,
        (None, None) => true,
        (Some(_), None) => false,
    };
    let lowest_held = value.is_none_or(|value| found.lowest().is_some_and(|lowest| lowest <= value + ROUNDING));
    share_held && value_held && lowest_held
}

/// Limits all over the networks' costs, one above and one below all.
fn spread(all: &[Network]) -> Vec<f64> {
    let costs: Vec<f64> = all.iter().map(|net| net.cost).collect();
    let within = [0.02, 0.1, 0.3, 0.5, 0.8, 0.95].map(|share| stats::quantile(&costs, share) + 1e-4);
    within.into_iter().chain([1e3, 1e-9]).collect()
}

fn every_bracket_holds(reductions: &[Reduction]) {
    for (seed, stages, rows) in [(0, 3, 3), (1, 3, 3), (2, 3, 4), (3, 1, 9), (4, 2, 5), (5, 4, 3), (6, 5, 3)] {
        let (space, lut) = (only_space(stages), random(seed, stages, rows));
        let all = all(&space, &lut);
        let limits = spread(&all);
        for &reduction in reductions {
            let check = |limits: &[f64], count: usize| {
                let found = exact(&space, &lut, &question(stages, limits, reduction), &of_thousand(), bins(count)).unwrap();
                assert_eq!(found.len(), limits.len());
                for (found, &limit) in found.iter().zip(limits) {
                    let truth = counted(&all, limit, reduction, 1_000);
                    assert!(
                        holds(found, truth),
                        "seed {seed}, {reduction:?}, within {limit} ms, {count} bins: {truth:?} in {found:?}"
                    );
                }
            };
            [8, 64, 512].into_iter().for_each(|count| check(&limits, count));
            // Alone, a limit has all bins to itself.
            limits.iter().for_each(|&limit| check(&[limit], 64));
        }
    }
}

#[test]
fn brackets_hold_what_counting_every_network_gives() {
    every_bracket_holds(&MEANS_AND_BEST);
}

#[test]
fn brackets_of_quantiles_hold_what_counting_every_network_gives() {
    every_bracket_holds(&QUANTILES);
}

#[test]
fn fine_bins_come_as_near_as_a_bin() {
    const BINS: usize = 1024;
    for seed in 10..15 {
        let (space, lut) = (only_space(3), random(seed, 3, 3));
        let all = all(&space, &lut);
        // Limits in the middle of the widest gaps between costs: it is sure who keeps them.
        let mut costs: Vec<f64> = all.iter().map(|net| net.cost).collect();
        costs.sort_by(f64::total_cmp);
        let mut gaps: Vec<(f64, f64)> = costs.windows(2).map(|pair| (pair[1] - pair[0], (pair[0] + pair[1]) / 2.0)).collect();
        gaps.sort_by(|a, b| b.0.total_cmp(&a.0));
        assert!(gaps[4].0 > 8.0 * 3.0 / BINS as f64, "{}", gaps[4].0);
        let limits: Vec<f64> = gaps[..5].iter().map(|(_, middle)| *middle).chain([1e3]).collect();
        let span = |stage: usize| {
            let rows = [24, 32].map(|resolution| lut.group(&format!("s{stage}"), "lone", 0, resolution));
            let losses: Vec<f64> = rows.iter().copied().flatten().map(|&row| lut.column(LOSS).unwrap()[row as usize]).collect();
            stats::quantile(&losses, 1.0) - stats::quantile(&losses, 0.0)
        };
        let unit = (0..3).map(span).sum::<f64>() / BINS as f64;
        for reduction in MEANS_AND_BEST.into_iter().chain(QUANTILES) {
            let found = exact(&space, &lut, &question(3, &limits, reduction), &of_thousand(), bins(BINS)).unwrap();
            for (found, &limit) in found.iter().zip(&limits) {
                let (share, value) = counted(&all, limit, reduction, 1_000);
                let (estimate, wanted) = (found.value.unwrap().estimate, value.unwrap());
                assert!((found.share.estimate - share).abs() < ROUNDING, "seed {seed}: {share} {found:?}");
                let near = (estimate - wanted).abs() <= unit + ROUNDING;
                assert!(near, "seed {seed}, {reduction:?}, within {limit} ms: {wanted} is not within {unit} of {found:?}");
            }
        }
    }
}

#[test]
fn a_bracket_is_as_wide_as_the_resolution_with_the_most_roundings_needs() {
    // One row at 24, so that all networks are kept one by one; at 32 so many that pairs go to bins before the third stage joins.
    // There every network takes 16.05 ms, of which the three roundings lose 2.05.
    let costs = [1.5, 2.45, 2.5, 2.45, 7.15];
    let count = |resolution| if resolution == 24 { 1 } else { 500 };
    let lut = table(5, count, |stage, resolution| (1.0, if resolution == 24 { 0.0 } else { costs[stage] }));
    let found = exact(&only_space(5), &lut, &question(5, &[16.0], Reduction::Mean), &of_thousand(), bins(16)).unwrap();
    assert!(holds(&found[0], (0.5, Some(5.0))), "half of all take 16.05 ms: {found:?}");
}

/// The limits that these shares of a space's networks keep.
fn limits_of(space: &SearchSpace, lut: &Lut, shares: &[f64]) -> Vec<f64> {
    let drawing = Drawing { samples: 4_000, group: 1, ..Drawing::default() };
    let drawn = networks(space, lut, &[Formula::sum(INT8_MS, 3)], &drawing).unwrap();
    let costs = &drawn.values[0];
    shares.iter().map(|&share| stats::quantile(costs, share)).collect()
}

#[test]
fn very_large_samples_agree() {
    let hyperspace = toy::pocket();
    let lut = lut::table(&hyperspace, 40);
    // The resolution drawn anew for each network, not for groups of them.
    let drawing = Drawing { samples: 2_000_000, group: 1, seed: Seed(3), ..Drawing::default() };
    for text in ["012-120", "201-012"] {
        let space = SearchSpace::parse(&hyperspace, text).unwrap();
        let mut limits = limits_of(&space, &lut, &[0.03, 0.3, 0.8]);
        limits.push(1e6);
        let close = |what: &str, sample: f64, low: f64, estimate: f64, high: f64| {
            let slack = 0.005 * sample.abs();
            let inside = low - slack <= sample && sample <= high + slack;
            assert!(
                inside && (estimate - sample).abs() <= slack + high - low,
                "{text}, {what}: {sample}, but {low} {estimate} {high}"
            );
        };
        for reduction in [Reduction::BestMean(20_000), Reduction::Mean, Reduction::Quantile(0.1), Reduction::Best] {
            let question = question(3, &limits, reduction);
            let drawn = sampled(&space, &lut, &question, &drawing).unwrap();
            let found = exact(&space, &lut, &question, &drawing, Bins::default()).unwrap();
            for (drawn, found) in drawn.iter().zip(&found) {
                let of = found.share;
                assert!(of.low - 0.002 <= drawn.share && drawn.share <= of.high + 0.002, "{text}: {drawn:?} {found:?}");
                assert!((of.estimate - drawn.share).abs() < 0.002 + of.high - of.low, "{text}: {drawn:?} {found:?}");
                let of = found.value.unwrap();
                close(&format!("{reduction:?}"), drawn.value.unwrap(), of.low, of.estimate, of.high);
            }
        }
        let score = |method| {
            let drawing = drawing.clone();
            let options = QtOptions { top: 20_000, share: 0.4, steepness: 0.5, drawing, method, ..QtOptions::within_ms(&limits) };
            qt_score(&space, &lut, &options).unwrap()
        };
        let (drawn, found) = (score(QtMethod::Sampled), score(QtMethod::Exact(Bins::default())));
        let (low, high) = found.bracket().unwrap();
        close("Q-T", drawn.score, low, found.score, high);
    }
}

fn in_bins(space: &SearchSpace, lut: &Lut, limits: &[f64], count: usize) -> QtScore {
    let options = QtOptions {
        share: 0.3,
        steepness: 0.5,
        drawing: of_thousand(),
        method: QtMethod::Exact(bins(count)),
        ..QtOptions::within_ms(limits)
    };
    qt_score(space, lut, &options).unwrap()
}

#[test]
fn limits_above_and_below_everything_are_sure() {
    let (space, lut) = (only_space(3), random(20, 3, 6));
    let score = in_bins(&space, &lut, &[1e6, 1e-6, 3.0], 64);
    let all = counted(&all(&space, &lut), 1e6, Reduction::BestMean(50), 1_000);
    for limit in [&score.limits[0], &score.limits[2]] {
        assert!((limit.share - 1.0).abs() < ROUNDING && (limit.latency_loss - 1.0).abs() < ROUNDING, "{limit:?}");
        let (low, high) = limit.bracket.unwrap();
        let truth = 1.0 / all.1.unwrap();
        assert!(
            low <= truth + ROUNDING && truth <= high + ROUNDING && low <= limit.score && limit.score <= high,
            "{truth} {limit:?}"
        );
    }
    let below = &score.limits[1];
    assert_eq!((below.share, below.score, below.top_loss, below.bracket), (0.0, 0.0, f64::INFINITY, Some((0.0, 0.0))));
    // Alone, too, when no network has a bin.
    let alone = in_bins(&space, &lut, &[1e-6], 64);
    assert_eq!((alone.score, alone.bracket()), (0.0, Some((0.0, 0.0))));
}

#[test]
fn a_looser_limit_never_scores_less() {
    let limits: Vec<f64> = (1..=60).map(|step| 0.05 * f64::from(step)).collect();
    for seed in 30..38 {
        let (space, lut) = (only_space(3), random(seed, 3, 6));
        let options = QtOptions { share: 0.3, steepness: 0.5, drawing: of_thousand(), ..QtOptions::within_ms(&limits) };
        for score in [in_bins(&space, &lut, &limits, 128), qt_score(&space, &lut, &options).unwrap()] {
            assert!(score.limits.iter().any(|limit| limit.share < 0.05) && score.limits[59].share > 0.999);
            for pair in score.limits.windows(2) {
                assert!(pair[0].share <= pair[1].share + ROUNDING, "seed {seed}: {pair:?}");
                // With fewer than the best twentieth, a few more may be worse ones.
                let enough = pair[0].share >= 0.05;
                assert!(!enough || pair[0].score <= pair[1].score * (1.0 + ROUNDING), "seed {seed}: {pair:?}");
            }
        }
    }
}

#[test]
fn finer_bins_narrow_the_bracket() {
    let hyperspace = toy::pocket();
    let lut = lut::table(&hyperspace, 40);
    for text in ["012-120", "120-001"] {
        let space = SearchSpace::parse(&hyperspace, text).unwrap();
        let limits = limits_of(&space, &lut, &[0.1, 0.5]);
        let ends = [64, 256, 1024].map(|count| in_bins(&space, &lut, &limits, count).bracket().unwrap());
        let width = ends.map(|(low, high)| high - low);
        println!("{text}: brackets {ends:?}");
        assert!(width[0] > width[1] && width[1] > width[2] && width[2] < width[0] / 4.0, "{text}: {ends:?}");
        // All hold the truth.
        let (low, high) =
            ends.iter().fold((0.0, f64::INFINITY), |(low, high): (f64, f64), end| (low.max(end.0), high.min(end.1)));
        assert!(low <= high, "{text}: {ends:?}");
    }
}

#[test]
fn what_has_no_exact_score_is_refused() {
    let (space, lut) = (only_space(3), random(40, 3, 4));
    let good = question(3, &[1.5, 2.0], Reduction::Mean);
    let code =
        |question: &Question, drawing: &Drawing, bins: Bins| exact(&space, &lut, question, drawing, bins).unwrap_err().code;
    let asked = |question: Question| code(&question, &of_thousand(), bins(16));
    let of = |formula: Formula, bound: f64| Condition { formula, bound };
    let cost = || of(Formula::sum(INT8_MS, 3), 1.5);
    let figure = |stage| Formula::Figure(LOSS.into(), stage);
    assert!(exact(&space, &lut, &good, &of_thousand(), bins(16)).is_ok());
    assert_eq!(code(&good, &Drawing { chain: true, ..of_thousand() }, bins(16)), "score::exact");
    for limits in [
        vec![vec![cost(), of(Formula::sum(MFLOPS, 3), 9.0)]],
        vec![vec![cost()], vec![of(Formula::sum(MFLOPS, 3), 9.0)]],
        vec![vec![of(figure(0).with(Binary::Multiply, figure(1)), 1.0)]],
        vec![vec![]],
    ] {
        assert_eq!(asked(Question { limits: limits.clone(), ..good.clone() }), "score::exact", "{limits:?}");
    }
    for operation in [Binary::Multiply, Binary::Divide, Binary::Max, Binary::Less, Binary::Power] {
        let value = figure(0).with(operation, figure(1));
        assert_eq!(asked(Question { value, ..good.clone() }), "score::exact", "{operation:?}");
    }
    for wrong in [
        Question { limits: vec![], ..good.clone() },
        Question { limits: vec![vec![of(Formula::sum(INT8_MS, 3), f64::NAN)]], ..good.clone() },
        Question { reduction: Reduction::BestMean(0), ..good.clone() },
        Question { reduction: Reduction::Quantile(1.5), ..good.clone() },
    ] {
        assert_eq!(asked(wrong.clone()), "score::option", "{wrong:?}");
        assert_eq!(sampled(&space, &lut, &wrong, &of_thousand()).unwrap_err().code, "score::option", "{wrong:?}");
    }
    assert_eq!(code(&good, &of_thousand(), Bins { cost: 1, value: 16 }), "score::option");
    assert_eq!(code(&good, &of_thousand(), Bins { cost: 16, value: 0 }), "score::option");
    assert_eq!(code(&good, &Drawing { resolutions: vec![48], ..of_thousand() }, bins(16)), "score::resolution");
    assert_eq!(asked(Question { value: Formula::sum("energy_mj", 3), ..good.clone() }), "lut::column");
    let both = BTreeMap::from([(INT8_MS.to_string(), 1.5), (MFLOPS.to_string(), 9.0)]);
    for options in [
        QtOptions { limits: vec![both], ..QtOptions::default() },
        QtOptions { drawing: Drawing { chain: true, ..of_thousand() }, ..QtOptions::within_ms(&[1.5]) },
    ] {
        let options = QtOptions { method: QtMethod::Exact(bins(16)), ..options };
        assert_eq!(qt_score(&space, &lut, &options).unwrap_err().code, "score::exact");
    }
}

#[test]
fn threads_and_repetition_change_no_bit() {
    let hyperspace = toy::pocket();
    let lut = lut::table(&hyperspace, 40);
    let space = SearchSpace::parse(&hyperspace, "120-111").unwrap();
    let limits = limits_of(&space, &lut, &[0.01, 0.2, 0.7]);
    for reduction in MEANS_AND_BEST.into_iter().chain(QUANTILES) {
        let question = question(3, &limits, reduction);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| exact(&space, &lut, &question, &of_thousand(), bins(256)).unwrap())
        };
        let one = on(1);
        assert_eq!(one, on(4), "{reduction:?}");
        assert_eq!(one, on(1), "{reduction:?}");
    }
}

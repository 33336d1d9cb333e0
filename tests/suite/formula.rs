//! Formulas over drawn networks: as sums over stages and as they stand, joint limits, stages that chain, what is no number.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use proptest::prelude::*;
use spaceevo::base::{Seed, stats};
use spaceevo::lut::{INT8_MS, LOSS, Lut, MFLOPS, MPARAMS};
use spaceevo::score::{
    Binary, Bins, Condition, Drawing, Formula, QtOptions, Question, Reduction, Unary, exact, networks, qt_score, sampled,
};
use spaceevo::space::SearchSpace;

use crate::{lut, toy};

const REDUCTIONS: [Reduction; 5] =
    [Reduction::BestMean(50), Reduction::Mean, Reduction::Best, Reduction::Quantile(0.25), Reduction::Quantile(0.9)];

fn space(text: &str) -> SearchSpace {
    SearchSpace::parse(&toy::pocket(), text).unwrap()
}

fn figure(column: &str, stage: usize) -> Formula {
    Formula::Figure(column.into(), stage)
}

fn sum(column: &str) -> Formula {
    Formula::sum(column, 3)
}

fn by_resolution() -> Formula {
    Formula::ByResolution(BTreeMap::from([(24, 0.3), (32, 0.7)]))
}

/// The same numbers, in a form that is no sum over stages.
fn entangled(formula: &Formula) -> Formula {
    let same = formula.clone().with(Binary::Max, sum(LOSS).with(Binary::Subtract, Formula::Constant(1e9)));
    assert!(same.terms(3).is_none());
    same
}

fn drawing(samples: usize) -> Drawing {
    Drawing { samples, seed: Seed(4), ..Drawing::default() }
}

/// Trees of all that a formula is made of; nothing is divided by what may be 0.
fn formulas() -> impl Strategy<Value = Formula> {
    let positive = || {
        prop_oneof![
            (0.5..3.0_f64).prop_map(Formula::Constant),
            Just(Formula::Resolution),
            Just(Formula::ByResolution(BTreeMap::from([(24, 0.5), (32, 2.0)]))),
        ]
    };
    let read = (prop::sample::select(vec![LOSS, INT8_MS, MFLOPS]), 0..3_usize).prop_map(|(column, stage)| figure(column, stage));
    let leaf = prop_oneof![2 => read, 1 => positive()];
    leaf.prop_recursive(4, 24, 2, move |inner| {
        let operations = vec![Binary::Add, Binary::Add, Binary::Subtract, Binary::Multiply, Binary::Min, Binary::Max];
        prop_oneof![
            4 => (prop::sample::select(operations), inner.clone(), inner.clone())
                .prop_map(|(operation, a, b)| a.with(operation, b)),
            1 => (inner.clone(), positive()).prop_map(|(a, b)| a.with(Binary::Divide, b)),
            1 => (prop::sample::select(vec![Unary::Negate, Unary::Abs]), inner).prop_map(|(function, a)| a.then(function)),
        ]
    })
}

/// What no intermediate result of `formula` exceeds in size.
fn bound(formula: &Formula) -> Formula {
    match formula {
        Formula::Constant(value) => Formula::Constant(value.abs()),
        Formula::Unary(_, a) => bound(a),
        Formula::Binary(Binary::Divide, a, b) => bound(a).with(Binary::Divide, (**b).clone()),
        Formula::Binary(Binary::Multiply, a, b) => bound(a).with(Binary::Multiply, bound(b)),
        Formula::Binary(_, a, b) => bound(a).with(Binary::Add, bound(b)),
        leaf => leaf.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn terms_add_up_to_the_formula(formula in formulas()) {
        static TABLE: OnceLock<Lut> = OnceLock::new();
        let lut = TABLE.get_or_init(|| lut::table(&toy::pocket(), 3));
        let Some(terms) = formula.terms(3) else { return Ok(()) };
        prop_assert_eq!(terms.stages.len(), 3);
        let asked: Vec<Formula> = [formula.clone(), bound(&formula), terms.rest].into_iter().chain(terms.stages).collect();
        let drawn = networks(&space("012-110"), lut, &asked, &Drawing { group: 20, ..drawing(100) }).unwrap();
        for network in 0..100 {
            let of = |at: usize| drawn.values[at][network];
            let (direct, size, added) = (of(0), of(1), (2..6).map(of).sum::<f64>());
            prop_assert!((direct - added).abs() <= 1e-10 * (1.0 + size), "{added} instead of {direct} at {formula:?}");
        }
    }
}

#[test]
fn sums_over_stages_are_known_from_what_is_none() {
    let zero = Formula::Constant(0.0);
    let [a, b, c] = [0, 1, 2].map(|stage| figure(LOSS, stage));
    // a - 2 (b + R): nothing of stage 2.
    let doubled = Formula::Constant(2.0).with(Binary::Multiply, b.clone().with(Binary::Add, Formula::Resolution));
    let terms = a.clone().with(Binary::Subtract, doubled).terms(3).unwrap();
    assert_eq!((&terms.stages[0], &terms.stages[2]), (&a, &zero));
    assert_eq!(sum(LOSS).terms(3).unwrap().stages, [a.clone(), b.clone(), c.clone()]);
    assert_eq!(by_resolution().terms(3).unwrap().rest, by_resolution());
    // Whatever is done with one stage's figures alone is a term.
    let ratio = a.clone().with(Binary::Divide, figure(MFLOPS, 0)).then(Unary::Sqrt).with(Binary::Power, Formula::Resolution);
    assert_eq!(ratio.terms(3).unwrap().stages[0], ratio);
    let many = [
        a.clone().with(Binary::Multiply, b.clone()),
        a.clone().with(Binary::Max, b.clone()),
        a.clone().with(Binary::Add, b.clone()).then(Unary::Log),
        a.clone().with(Binary::Divide, b.clone()),
        Formula::Resolution.with(Binary::Divide, a.clone().with(Binary::Add, b.clone())),
        c.with(Binary::Add, a.with(Binary::Multiply, b)),
    ];
    assert!(many.iter().all(|formula| formula.terms(3).is_none()));
    // Constants are computed at once.
    assert_eq!(
        Formula::Constant(2.0).with(Binary::Power, Formula::Constant(5.0)).then(Unary::Sqrt),
        Formula::Constant(32.0_f64.sqrt())
    );
    // There is no such stage.
    assert!(figure(LOSS, 3).terms(3).is_none());
}

#[test]
fn a_sum_over_stages_and_the_formula_as_it_stands_answer_alike() {
    let (space, lut) = (space("120-102"), lut::table(&toy::pocket(), 40));
    let two = Formula::Constant(2.0);
    let values = [
        sum(LOSS),
        two.clone()
            .with(Binary::Multiply, figure(LOSS, 0))
            .with(Binary::Add, figure(LOSS, 1))
            .with(Binary::Subtract, figure(LOSS, 2)),
        sum(LOSS).with(Binary::Multiply, Formula::Resolution).with(Binary::Divide, Formula::Constant(32.0)),
        sum(MPARAMS).then(Unary::Negate).with(Binary::Add, by_resolution()),
        figure(LOSS, 0).then(Unary::Log).with(Binary::Add, figure(MFLOPS, 1).then(Unary::Negate).then(Unary::Exp)),
        figure(LOSS, 0).with(Binary::Max, Formula::Constant(0.5)).with(Binary::Subtract, figure(LOSS, 2)),
    ];
    let costs = [
        sum(INT8_MS),
        sum(INT8_MS).with(Binary::Add, by_resolution()),
        sum(MFLOPS).with(Binary::Divide, by_resolution()),
        figure(INT8_MS, 2),
    ];
    let draws = drawing(6_000);
    for cost in &costs {
        let known = networks(&space, &lut, std::slice::from_ref(cost), &draws).unwrap();
        // Between two drawn values, so that none is met but for rounding.
        let bounds = [0.02, 0.3, 0.9].map(|share| stats::quantile(&known.values[0], share) * (1.0 + 1e-7));
        for value in &values {
            for reduction in REDUCTIONS {
                let answer = |value: Formula| {
                    let limit = |bound: f64| vec![Condition { formula: cost.clone(), bound }];
                    let limits = bounds.into_iter().chain([f64::INFINITY]).map(limit).collect();
                    sampled(&space, &lut, &Question { value, limits, reduction }, &draws).unwrap()
                };
                for (sum, whole) in answer(value.clone()).iter().zip(answer(entangled(value))) {
                    assert_eq!((sum.count, sum.share), (whole.count, whole.share), "{value:?} within {cost:?}");
                    let (sum, whole) = (sum.value.unwrap(), whole.value.unwrap());
                    assert!((sum - whole).abs() < 1e-6 * (1.0 + whole.abs()), "{reduction:?} of {value:?}: {sum} or {whole}");
                }
            }
        }
    }
}

#[test]
fn conditions_of_a_limit_hold_together() {
    let (space, lut) = (space("012-110"), lut::table(&toy::pocket(), 40));
    let draws = drawing(4_000);
    // Small networks are quick and have high losses.
    let [value, ms, loss] = [figure(LOSS, 0).with(Binary::Multiply, figure(LOSS, 2)), sum(INT8_MS), sum(LOSS)];
    let drawn = networks(&space, &lut, &[value.clone(), ms.clone(), loss.clone()], &draws).unwrap();
    let [most_ms, most_loss] = [1, 2].map(|at| stats::quantile(&drawn.values[at], 0.6));
    let (quick, good) = (Condition { formula: ms, bound: most_ms }, Condition { formula: loss, bound: most_loss });
    let limits = vec![vec![quick.clone(), good.clone()], vec![quick.clone()], vec![good.clone()], vec![], vec![good, quick]];
    for reduction in REDUCTIONS {
        let question = Question { value: value.clone(), limits: limits.clone(), reduction };
        let found = sampled(&space, &lut, &question, &draws).unwrap();
        for (at, found) in found.iter().enumerate() {
            let (quick, good) = (matches!(at, 0 | 1 | 4), matches!(at, 0 | 2 | 4));
            let keeps = |network: &usize| {
                (!quick || drawn.values[1][*network] <= most_ms) && (!good || drawn.values[2][*network] <= most_loss)
            };
            let mut kept: Vec<f64> = (0..4_000).filter(keeps).map(|network| drawn.values[0][network]).collect();
            kept.sort_by(f64::total_cmp);
            let wanted = match reduction {
                Reduction::BestMean(most) => stats::mean(&kept[..most.min(kept.len())]),
                Reduction::Mean => stats::mean(&kept),
                Reduction::Quantile(share) => stats::quantile(&kept, share),
                Reduction::Best => kept[0],
            };
            assert_eq!((found.count, found.share), (kept.len(), kept.len() as f64 / 4_000.0), "limit {at}");
            assert!((found.value.unwrap() - wanted).abs() < 1e-12, "limit {at}, {reduction:?}: {found:?}, not {wanted}");
        }
        assert!(found[0].count < found[1].count.min(found[2].count) && found[3].share == 1.0);
        assert_eq!(found[0], found[4]);
    }
}

/// The table with what a formula cannot read of a row: the widths that it is entered and left with.
fn with_doors(lut: Lut) -> Lut {
    let enters = lut.keys().iter().map(|key| key.input_width as f64).collect();
    let leaves = lut.keys().iter().map(|key| key.output_width().unwrap() as f64).collect();
    lut.with_column("enters_width", enters).unwrap().with_column("leaves_width", leaves).unwrap()
}

#[test]
fn chained_stages_are_entered_as_the_one_before_is_left() {
    let lut = with_doors(lut::table(&toy::pocket(), 40));
    let space = space("012-110");
    let doors: Vec<Formula> = [("leaves_width", 0), ("enters_width", 1), ("leaves_width", 1), ("enters_width", 2)]
        .map(|(name, at)| figure(name, at))
        .to_vec();
    let chained = Drawing { chain: true, ..drawing(5_000) };
    let broken = |drawing: &Drawing| {
        let drawn = networks(&space, &lut, &doors, drawing).unwrap();
        let [left, entered, left_again, entered_again] = [0, 1, 2, 3].map(|at| &drawn.values[at]);
        assert_eq!(drawn.resolutions.len(), 5_000);
        (0..5_000).filter(|&at| left[at] != entered[at] || left_again[at] != entered_again[at]).count()
    };
    assert_eq!(broken(&chained), 0);
    assert!(broken(&drawing(5_000)) > 1_000);
    // A score sees it: a column that counts broken doors has a limit that all keep, or few.
    let doors = |stage: usize| {
        let difference = figure("leaves_width", stage).with(Binary::Subtract, figure("enters_width", stage + 1));
        difference.with(Binary::NotEqual, Formula::Constant(0.0))
    };
    let limit = vec![Condition { formula: doors(0).with(Binary::Add, doors(1)), bound: 0.0 }];
    let question = Question { value: sum(LOSS), limits: vec![limit], reduction: Reduction::Mean };
    assert_eq!(sampled(&space, &lut, &question, &chained).unwrap()[0].share, 1.0);
    assert!(sampled(&space, &lut, &question, &drawing(5_000)).unwrap()[0].share < 0.8);
    let options = QtOptions { drawing: chained.clone(), ..QtOptions::within_ms(&[1.0]) };
    let (score, loose) = (qt_score(&space, &lut, &options), QtOptions { drawing: drawing(5_000), ..options.clone() });
    assert_ne!(score.unwrap(), qt_score(&space, &lut, &loose).unwrap());

    // No row of stage 2 is entered with 24 or 32.
    let few = lut.filter(|row| &*lut.keys()[row].stage != "stage2" || lut.keys()[row].input_width == 16).unwrap();
    let fault = qt_score(&space, &few, &options).unwrap_err();
    assert_eq!(fault.code, "score::chain");
    assert!(fault.message.contains("stage2, bottleneck, window 1"), "{fault}");
    assert!(qt_score(&space, &few, &loose).is_ok());
}

#[test]
fn a_formula_that_is_no_number_somewhere_is_a_fault() {
    let (space, lut) = (space("012-110"), lut::table(&toy::pocket(), 5));
    let code = |value: &Formula| {
        let limits = vec![vec![Condition { formula: sum(INT8_MS), bound: 1e6 }]];
        let question = Question { value: value.clone(), limits, reduction: Reduction::Mean };
        let drawn = sampled(&space, &lut, &question, &drawing(1_000)).map(|found| found[0].value);
        let whole = exact(&space, &lut, &question, &drawing(1_000), Bins { cost: 16, value: 16 }).map(|found| found[0].value);
        (drawn.map_err(|fault| fault.code), whole.map_err(|fault| fault.code))
    };
    let no_number = (Err("score::value".to_string()), Err("score::value".to_string()));
    let zero = || figure(LOSS, 1).with(Binary::Subtract, figure(LOSS, 1));
    // Of a row: the logarithm of 0, and 0 / 0.
    assert_eq!(code(&sum(LOSS).with(Binary::Add, zero().then(Unary::Log))), no_number);
    assert_eq!(code(&sum(LOSS).with(Binary::Add, zero().with(Binary::Divide, zero()))), no_number);
    // Of a resolution: division by 0 at one of them, and the logarithm of a negative number at both.
    let from = |side: f64| Formula::Resolution.with(Binary::Subtract, Formula::Constant(side));
    let one = Formula::Constant(1.0).with(Binary::Divide, from(24.0));
    assert_eq!(code(&sum(LOSS).with(Binary::Add, one)), no_number);
    assert_eq!(code(&sum(LOSS).with(Binary::Add, from(100.0).then(Unary::Log))), no_number);
    // Of networks as they are drawn.
    let (drawn, whole) = code(&sum(LOSS).then(Unary::Negate).then(Unary::Log));
    assert_eq!((drawn.unwrap_err().as_str(), whole.unwrap_err().as_str()), ("score::value", "score::exact"));
    // Bounded, all have numbers.
    let bounded = zero().with(Binary::Max, Formula::Constant(1e-9)).then(Unary::Log);
    let (drawn, whole) = code(&sum(LOSS).with(Binary::Add, bounded));
    assert!(drawn.unwrap().is_some() && whole.unwrap().is_some());
}

#[test]
fn networks_are_drawn_as_told() {
    let (space, lut) = (space("201-012"), lut::table(&toy::pocket(), 10));
    let asked = [sum(LOSS), Formula::Resolution, figure(INT8_MS, 1)];
    let draw = |drawing: &Drawing| networks(&space, &lut, &asked, drawing).unwrap();
    let all = draw(&Drawing { group: 100, ..drawing(4_950) });
    assert_eq!((all.resolutions.len(), all.values.len()), (4_950, 3));
    assert!(all.resolutions.iter().zip(&all.values[1]).all(|(&side, &value)| side as f64 == value));
    // Groups share their resolution, and both are drawn; the last group is half as long.
    assert!(all.resolutions.chunks(100).all(|group| group.iter().all(|side| *side == group[0])));
    assert!([24, 32].iter().all(|side| all.resolutions.contains(side)));
    assert_eq!(draw(&Drawing { group: 100, ..drawing(4_950) }), all);
    assert_ne!(draw(&Drawing { group: 100, seed: Seed(5), ..drawing(4_950) }), all);
    let one = draw(&Drawing { resolutions: vec![32], ..drawing(2_000) });
    assert!(one.resolutions.iter().all(|side| *side == 32));
    // Every row of a group is drawn, none of another one.
    let rows = lut.group("stage2", "inverted", 1, 32);
    let mut known: Vec<f64> = rows.iter().map(|&row| lut.column(INT8_MS).unwrap()[row as usize]).collect();
    let mut seen = one.values[2].clone();
    for values in [&mut known, &mut seen] {
        values.sort_by(f64::total_cmp);
        values.dedup();
    }
    assert_eq!(seen, known);
}

//! The Q-T score: the published code's values, its limits, the same on any number of threads.

use std::collections::BTreeMap;

use rayon::prelude::*;
use spaceevo::base::Seed;
use spaceevo::lut::{INT8_MS, Lut, LutRow, MFLOPS};
use spaceevo::score::{Drawing, QtMode, QtOptions, qt_score};
use spaceevo::space::SearchSpace;

use crate::{lut, reference, toy};

/// Options with so many draws of this seed.
fn options(limits: &[f64], samples: usize, seed: u64) -> QtOptions {
    let drawing = Drawing { samples, seed: Seed(seed), ..Drawing::default() };
    QtOptions { drawing, ..QtOptions::within_ms(limits) }
}

/// What every network has of INT8 latency beside its searched stages.
fn other_ms(by_resolution: &[(usize, f64)]) -> BTreeMap<String, BTreeMap<usize, f64>> {
    BTreeMap::from([(INT8_MS.to_string(), by_resolution.iter().copied().collect())])
}

#[test]
fn scores_are_those_of_the_published_code() {
    let Some((hyperspace, lut)) = reference::mobilew() else { return };
    // Means over four seeds at 10, 15, 20 and 25 ms; NaN where a single sample decides (none or one of 100,000
    // keeps the limit).
    let published = [
        ("122222-155400", [f64::NAN, 0.3717, 0.3993, 0.4150]),
        ("112220-154410", [0.3382, 0.3765, 0.3988, 0.4086]),
        ("332160-134200", [0.3478, 0.3663, 0.3725, 0.3754]),
        ("222222-000000", [f64::NAN, 0.3348, 0.3559, 0.3634]),
        ("111111-000000", [0.3157, 0.3359, 0.3412, 0.3439]),
        ("000000-000000", [0.2896, 0.2907, 0.2908, 0.2908]),
        ("333333-000000", [0.3021, 0.3067, 0.3085, 0.3092]),
        ("444444-000000", [0.2843, 0.3109, 0.3268, 0.3357]),
    ];
    let spaces: Vec<_> = published.iter().map(|(text, _)| SearchSpace::parse(hyperspace, text).unwrap()).collect();
    assert_eq!(lut.resolutions(), [160, 192, 224]);
    let mut found = vec![[0.0; 4]; spaces.len()];
    for seed in 0..4 {
        let options = QtOptions { share: 0.08, mode: QtMode::Reference, ..options(&[10.0, 15.0, 20.0, 25.0], 100_000, seed) };
        for (space, found) in spaces.iter().zip(&mut found) {
            let score = qt_score(space, lut, &options).unwrap();
            found.iter_mut().zip(&score.limits).for_each(|(sum, limit)| *sum += limit.score / 4.0);
        }
    }
    for ((text, wanted), found) in published.iter().zip(&found) {
        for (wanted, found) in wanted.iter().zip(found).filter(|(wanted, _)| !wanted.is_nan()) {
            // Three standard deviations of the difference of two means of four, at 0.0015 an evaluation.
            assert!((wanted - found).abs() < 3.0 * 0.0015 * f64::sqrt(0.5), "{text}: {found:.4} instead of {wanted}");
        }
    }
}

#[test]
fn a_score_is_the_same_on_any_number_of_threads_and_counts_what_it_says() {
    let hyperspace = toy::pocket();
    let lut = lut::table(&hyperspace, 40);
    let narrow = options(&[0.8, 1.6], 5_000, 5);
    let mut rng = Seed(2).rng();
    let spaces: Vec<_> = (0..40).map(|_| SearchSpace::sample(&hyperspace, &mut rng)).collect();
    let scores = |threads: usize| -> Vec<f64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| spaces.par_iter().map(|space| qt_score(space, &lut, &narrow).unwrap().score).collect())
    };
    let one = scores(1);
    assert_eq!(one, scores(4));
    assert!(one.iter().any(|score| *score != one[0]));
    let other = options(&[0.8, 1.6], 5_000, 6);
    assert_ne!(qt_score(&spaces[0], &lut, &other).unwrap(), qt_score(&spaces[0], &lut, &narrow).unwrap());

    // By hand: a limit above everything keeps all; one below everything keeps none.
    let wide = options(&[1e6, 1e-6], 5_000, 5);
    let score = qt_score(&spaces[0], &lut, &wide).unwrap();
    assert_eq!((score.limits[0].share, score.limits[0].latency_loss), (1.0, 1.0));
    assert_eq!(score.limits[0].score, 1.0 / score.limits[0].top_loss);
    assert_eq!((score.limits[1].share, score.limits[1].score, score.limits[1].top_loss), (0.0, 0.0, f64::INFINITY));
    assert_eq!((score.score, score.bracket()), (score.limits[0].score, None));
    // The published code adds a little to what it divides by.
    let theirs = qt_score(&spaces[0], &lut, &QtOptions { mode: QtMode::Reference, ..wide }).unwrap();
    assert_eq!((theirs.limits[0].share, theirs.limits[0].latency_loss), (1.0, 1.0));
    assert!((theirs.limits[0].top_loss / score.limits[0].top_loss - 50.0 / (50.0 + 1e-5)).abs() < 1e-12);
    assert_eq!((theirs.limits[1].share, theirs.limits[1].top_loss), (0.0, 1e5));
    assert_eq!(theirs.score, theirs.limits[0].score + theirs.limits[1].score);
    assert!((theirs.limits[1].latency_loss - (0.1f64 / 1e-5).powf(0.01)).abs() < 1e-12);
    // The slower stem and head are, the fewer networks keep the limit.
    let slow = QtOptions { other: other_ms(&[(24, 0.5), (32, 0.5)]), ..narrow.clone() };
    let (with, without) = (qt_score(&spaces[0], &lut, &slow).unwrap(), qt_score(&spaces[0], &lut, &narrow).unwrap());
    assert!(with.limits[0].share < without.limits[0].share);
    // What they add to every network may as well be taken off the limit.
    let less = QtOptions { other: other_ms(&[(24, 0.5), (32, 0.5)]), ..options(&[1.3, 2.1], 5_000, 5) };
    let less = qt_score(&spaces[0], &lut, &less).unwrap();
    for (less, without) in less.limits.iter().zip(&without.limits) {
        assert!((less.score - without.score).abs() < 1e-6 && (less.share - without.share).abs() < 5e-4);
    }
}

#[test]
fn a_limit_of_several_columns_holds_for_all_of_them() {
    let hyperspace = toy::pocket();
    let rows = lut::sampled(&hyperspace, 40);
    // Energy that goes its own way, so that neither bound implies the other.
    let energy = rows.iter().map(|row| 1.0 / (0.2 + row.latency_ms)).collect();
    let lut = Lut::new(rows, BTreeMap::new()).unwrap().with_column("energy_mj", energy).unwrap();
    let space = SearchSpace::parse(&hyperspace, "012-110").unwrap();
    let bounds = |pairs: &[(&str, f64)]| pairs.iter().map(|(column, bound)| ((*column).to_string(), *bound)).collect();
    let limits = vec![
        bounds(&[(INT8_MS, 1.2)]),
        bounds(&[("energy_mj", 7.0)]),
        bounds(&[(INT8_MS, 1.2), ("energy_mj", 7.0)]),
        bounds(&[(INT8_MS, 1.2), ("energy_mj", 1e6)]),
        bounds(&[(INT8_MS, 1.2), (MFLOPS, 4.0)]),
    ];
    let score = qt_score(&space, &lut, &QtOptions { limits, ..options(&[], 20_000, 1) }).unwrap();
    let share: Vec<f64> = score.limits.iter().map(|limit| limit.share).collect();
    println!("shares {share:?}");
    assert!(share[2] <= share[0].min(share[1]) && share[2] >= share[0] + share[1] - 1.0, "{share:?}");
    // A bound that all keep changes nothing; MFLOPs are latency / 0.3, so one of the two bounds is the other.
    assert_eq!(score.limits[3].share, share[0]);
    assert_eq!(score.limits[3].score, score.limits[0].score);
    assert!((share[4] - share[0]).abs() < 1e-3, "{share:?}");
}

#[test]
fn two_spaces_that_differ_in_one_stage_share_the_luck_of_the_others() {
    let hyperspace = toy::pocket();
    // Same rows under two operators: with common draws the scores are equal, not just close.
    let mut rows = lut::sampled(&hyperspace, 30);
    let twins: Vec<_> = rows.iter().filter(|row| row.operator == "dual").cloned().collect();
    rows.retain(|row| row.operator != "inverted");
    rows.extend(twins.into_iter().map(|row| LutRow { operator: "inverted".into(), ..row }));
    let lut = Lut::new(rows, BTreeMap::new()).unwrap();
    let options = options(&[1.0], 3_000, 0);
    let score = |text| qt_score(&SearchSpace::parse(&hyperspace, text).unwrap(), &lut, &options).unwrap();
    assert_eq!(score("212-000"), score("010-000"));
    assert_ne!(score("212-000"), score("222-000"));
}

#[test]
fn stages_with_operators_of_their_own_are_scored_by_those() {
    let hyperspace = toy::own_lists();
    let lut = lut::table(&hyperspace, 20);
    lut.validate(&hyperspace).unwrap();
    assert_eq!(lut.samples(&hyperspace).unwrap().len(), lut.height());
    let score =
        |lut: &Lut, text: &str| qt_score(&SearchSpace::parse(&hyperspace, text).unwrap(), lut, &options(&[50.0], 2_000, 0));
    for space in (0..20).map(|seed| SearchSpace::sample(&hyperspace, &mut Seed(seed).rng())) {
        assert!(score(&lut, &space.encode()).unwrap().score > 0.0, "{space}");
    }
    // Operator 1 of stage 2 is `lone` there, and `bottleneck` elsewhere.
    let less = lut.filter(|row| &*lut.keys()[row].stage != "stage2" || &*lut.keys()[row].operator != "lone").unwrap();
    assert_eq!(score(&less, "110-000").unwrap_err().code, "score::no_samples");
    assert_eq!(score(&less, "100-000").unwrap(), score(&lut, "100-000").unwrap());
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let hyperspace = toy::pocket();
    let space = SearchSpace::uniform(&hyperspace, "dual", None).unwrap();
    let mut rows = lut::sampled(&hyperspace, 1);
    let full = Lut::new(rows.clone(), BTreeMap::new()).unwrap();
    let code = |lut: &Lut, options: QtOptions| qt_score(&space, lut, &options).unwrap_err().to_string();
    let good = options(&[1.0], 100, 0);
    let drawing = &good.drawing;
    insta::assert_snapshot!(code(&full, QtOptions::default()), @"`limits` is empty, but at least one latency limit is needed");
    insta::assert_snapshot!(code(&full, options(&[-1.0], 100, 0)), @"`limits` is -1, but a limit is a positive number");
    insta::assert_snapshot!(code(&full, QtOptions { limits: vec![BTreeMap::new()], ..good.clone() }), @"`limits` is an empty map, but a limit bounds at least one column");
    insta::assert_snapshot!(code(&full, options(&[1.0], 0, 0)), @"`samples` is 0, but it must be at least 1");
    insta::assert_snapshot!(code(&full, QtOptions { top: 0, ..good.clone() }), @"`top` is 0, but it must be at least 1");
    insta::assert_snapshot!(code(&full, QtOptions { share: -0.1, ..good.clone() }), @"`t` is -0.1, but it must be 0 or more");
    insta::assert_snapshot!(code(&full, QtOptions { other: other_ms(&[(24, 0.1)]), ..good.clone() }), @"the fixed part's `int8_ms` is not given for resolution 32");
    insta::assert_snapshot!(code(&full, QtOptions { drawing: Drawing { resolutions: vec![24, 40], ..drawing.clone() }, ..good.clone() }), @"the look-up table has no samples at resolution 40");
    let gone = BTreeMap::from([("energy_mj".to_string(), 1.0)]);
    let fault = qt_score(&space, &full, &QtOptions { limits: vec![gone], ..good.clone() }).unwrap_err();
    assert_eq!(fault.code, "lut::column");
    // The fixed part is needed at those resolutions only that are drawn.
    let one = Drawing { resolutions: vec![24], ..drawing.clone() };
    assert!(qt_score(&space, &full, &QtOptions { other: other_ms(&[(24, 0.1)]), drawing: one, ..good.clone() }).is_ok());
    rows.retain(|row| row.stage != "stage3" || row.operator != "dual");
    insta::assert_snapshot!(code(&Lut::new(rows, BTreeMap::new()).unwrap(), good), @"the look-up table has no samples of stage `stage3` with operator `dual` and window 1 at resolution 24");
}

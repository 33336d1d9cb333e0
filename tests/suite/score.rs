//! The Q-T score: the published code's values, its limits, the same on any number of threads.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use spaceevo::base::Seed;
use spaceevo::lut::{Lut, LutRow};
use spaceevo::score::{QtOptions, qt_score};
use spaceevo::space::{Hyperspace, SearchSpace};

use crate::{lut, toy};

/// Rows of the reference table for what `spaces` use.
fn reference_table(folder: &Path, hyperspace: &Arc<Hyperspace>, spaces: &[SearchSpace]) -> Lut {
    let mut rows = Vec::new();
    for operator in 0..hyperspace.operators.len() {
        for (place, stage) in hyperspace.searched().into_iter().enumerate() {
            for window in 0..hyperspace.stages[stage].windows() {
                if spaces.iter().all(|space| (space.operators[place], space.windows[place]) != (operator, window)) {
                    continue;
                }
                let name = format!("{}_{operator}_{window}.csv", hyperspace.stages[stage].name);
                for line in std::fs::read_to_string(folder.join(name)).unwrap().lines() {
                    let fields: Vec<_> = line.split(',').collect();
                    let number = |at: usize| fields[at].parse::<f64>().unwrap();
                    let shape: Vec<usize> = fields[1].split('x').map(|side| side.parse().unwrap()).collect();
                    rows.push(LutRow {
                        stage: hyperspace.stages[stage].name.clone(),
                        operator: hyperspace.operators[operator].name().into(),
                        window,
                        encoding: fields[0].into(),
                        input_width: shape[1],
                        resolution: shape[2] * 224 / hyperspace.map_before(stage, 224),
                        loss: number(2),
                        loss_stderr: 0.0,
                        mflops: number(3),
                        mparams: number(4),
                        latency_ms: number(5),
                    });
                }
            }
        }
    }
    Lut::new(rows, BTreeMap::new()).unwrap()
}

#[test]
fn scores_are_those_of_the_published_code() {
    let Some(folder) = toy::reference_data() else {
        return eprintln!("skipped: SPACEEVO_REFERENCE_DATA is not set");
    };
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
    let hyperspace = toy::mobilew();
    let spaces: Vec<_> = published.iter().map(|(text, _)| SearchSpace::parse(&hyperspace, text).unwrap()).collect();
    let lut = reference_table(&folder, &hyperspace, &spaces);
    assert_eq!(lut.resolutions(), [160, 192, 224]);
    let mut found = vec![[0.0; 4]; spaces.len()];
    for seed in 0..4 {
        let options = QtOptions { limits_ms: vec![10.0, 15.0, 20.0, 25.0], share: 0.08, seed: Seed(seed), ..Default::default() };
        for (space, found) in spaces.iter().zip(&mut found) {
            let score = qt_score(space, &lut, &options).unwrap();
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
    let lut = Lut::new(lut::sampled(&hyperspace, 40), BTreeMap::new()).unwrap();
    let options = QtOptions { limits_ms: vec![0.8, 1.6], samples: 5_000, seed: Seed(5), ..Default::default() };
    let mut rng = Seed(2).rng();
    let spaces: Vec<_> = (0..40).map(|_| SearchSpace::sample(&hyperspace, &mut rng)).collect();
    let scores = |threads: usize| -> Vec<f64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| spaces.par_iter().map(|space| qt_score(space, &lut, &options).unwrap().score).collect())
    };
    let one = scores(1);
    assert_eq!(one, scores(4));
    assert!(one.iter().any(|score| *score != one[0]));
    let other = QtOptions { seed: Seed(6), ..options.clone() };
    assert_ne!(qt_score(&spaces[0], &lut, &other).unwrap(), qt_score(&spaces[0], &lut, &options).unwrap());

    // By hand: a limit above everything keeps all; one below everything keeps none.
    let wide = QtOptions { limits_ms: vec![1e6, 1e-6], ..options.clone() };
    let score = qt_score(&spaces[0], &lut, &wide).unwrap();
    assert_eq!((score.limits[0].share, score.limits[0].latency_loss), (1.0, 1.0));
    assert_eq!((score.limits[1].share, score.limits[1].top_loss), (0.0, 1e5));
    assert_eq!(score.score, score.limits[0].score + score.limits[1].score);
    assert!((score.limits[1].latency_loss - (0.1f64 / 1e-5).powf(0.01)).abs() < 1e-12);
    // The slower stem and head are, the fewer networks keep the limit.
    let slow = QtOptions { other_ms: BTreeMap::from([(24, 0.5), (32, 0.5)]), ..options.clone() };
    let (with, without) = (qt_score(&spaces[0], &lut, &slow).unwrap(), qt_score(&spaces[0], &lut, &options).unwrap());
    assert!(with.limits[0].share < without.limits[0].share);
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
    let options = QtOptions { limits_ms: vec![1.0], samples: 3_000, ..Default::default() };
    let score = |text| qt_score(&SearchSpace::parse(&hyperspace, text).unwrap(), &lut, &options).unwrap();
    assert_eq!(score("212-000"), score("010-000"));
    assert_ne!(score("212-000"), score("222-000"));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let hyperspace = toy::pocket();
    let space = SearchSpace::uniform(&hyperspace, "dual", None).unwrap();
    let mut rows = lut::sampled(&hyperspace, 1);
    let full = Lut::new(rows.clone(), BTreeMap::new()).unwrap();
    let code = |lut: &Lut, options: QtOptions| qt_score(&space, lut, &options).unwrap_err().to_string();
    let good = QtOptions { limits_ms: vec![1.0], samples: 100, ..Default::default() };
    insta::assert_snapshot!(code(&full, QtOptions::default()), @"`limits` is empty, but at least one latency limit is needed");
    insta::assert_snapshot!(code(&full, QtOptions { limits_ms: vec![-1.0], ..good.clone() }), @"`limits` is -1, but a latency limit is a positive number of milliseconds");
    insta::assert_snapshot!(code(&full, QtOptions { samples: 0, ..good.clone() }), @"`samples` is 0, but it must be at least 1");
    insta::assert_snapshot!(code(&full, QtOptions { other_ms: BTreeMap::from([(24, 0.1)]), ..good.clone() }), @"`other_ms` has no latency for resolution 32");
    rows.retain(|row| row.stage != "stage3" || row.operator != "dual");
    insta::assert_snapshot!(code(&Lut::new(rows, BTreeMap::new()).unwrap(), good), @"the look-up table has no samples of stage `stage3` with operator `dual` and window 1 at resolution 24");
}

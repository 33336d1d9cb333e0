//! The procedural data set: the same bytes for the same seed, whatever the machine is busy with.

use spaceevo::base::Seed;
use spaceevo::data::{CLASSES, Part, Shapes, load};

fn on_threads(threads: usize, seed: u64) -> spaceevo::data::DataSet {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    pool.install(|| load(32, 100, 30, 40, Seed(seed)).expect("a data set"))
}

#[test]
fn one_thread_and_four_draw_the_same_images() {
    let (one, four) = (on_threads(1, 5), on_threads(4, 5));
    assert_eq!(one.train, four.train);
    assert_eq!(one.test, four.test);
    assert_eq!((one.train.len(), one.valid.len(), one.test.len()), (100, 30, 40));
}

#[test]
fn seeds_and_parts_draw_different_images() {
    let (five, six) = (on_threads(2, 5), on_threads(2, 6));
    let mut seen = std::collections::BTreeSet::new();
    let mut total = 0;
    for images in [&five.train, &five.valid, &five.test, &six.train, &six.valid, &six.test] {
        total += images.len();
        seen.extend((0..images.len()).map(|i| images.image(i).to_vec()));
    }
    assert_eq!(seen.len(), total, "an image was drawn twice");
}

#[test]
fn a_shorter_part_is_the_beginning_of_a_longer_one() {
    let part = |count| Shapes::new(32, count, 7, 0, Seed(3)).expect("a data set").split(Part::Train);
    assert_eq!(part(20), part(50).slice(0..20));
}

#[test]
fn classes_are_balanced_in_every_round() {
    let images = load(16, 10 * CLASSES.len() + 5, 0, 0, Seed(1)).expect("a data set").train;
    for round in images.labels().chunks_exact(CLASSES.len()) {
        let mut sorted = round.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..CLASSES.len() as u16).collect::<Vec<_>>());
    }
    assert_ne!(images.labels()[..12], images.labels()[12..24], "the order of the classes must vary");
}

#[test]
fn floats_are_normalised_and_resizing_keeps_flat_colour() {
    let images = load(32, 6, 0, 0, Seed(2)).expect("a data set").train;
    let floats = images.floats([4, 1]);
    assert_eq!(floats.len(), 2 * 3 * 32 * 32);
    assert!((floats[0] - (f32::from(images.image(4)[0]) / 255.0 - 0.5) / 0.25).abs() < 1e-6);

    let smaller = images.resized(24);
    assert_eq!((smaller.size(), smaller.len(), smaller.image(5).len()), (24, 6, 3 * 24 * 24));
    let mean = |images: &spaceevo::data::Images| {
        images.image(3).iter().map(|&byte| f64::from(byte)).sum::<f64>() / images.image(3).len() as f64
    };
    assert!((mean(&images) - mean(&smaller)).abs() < 2.0, "{} and {}", mean(&images), mean(&smaller));
}

#[test]
fn impossible_requests_say_what_is_possible() {
    let small = Shapes::new(8, 10, 10, 10, Seed(0)).expect_err("8 is too small");
    assert_eq!((small.code.as_str(), small.help.as_deref()), ("data::size", Some("choose a size from 16 to 256; 32 is usual")));
    let many = Shapes::new(32, 10, usize::MAX, 10, Seed(0)).expect_err("too many");
    assert_eq!(many.code, "data::count");
    assert!(many.message.contains("validation images of 32x32"), "{}", many.message);
}

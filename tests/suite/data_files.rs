//! Data sets in files: image folders, CIFAR, arrays. The same images at any number of threads, and faults that name the file.

mod binary;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use spaceevo::base::{Cancel, Fault, Progress, Seed};
use spaceevo::data::{Asked, Change, DataSource, ImageSet, Part, Reader, Sample};
use spaceevo::runtime::HostSettings;
use spaceevo::train::{Job, JobFile, TrainSummary};

use self::binary::{arrays, npy, npz};
use crate::bench::session;
use crate::torch::{run, trainer};
use crate::toynet::{self, Toy};

/// Nothing said about the parts but this seed.
fn asked(seed: u64) -> Asked {
    Asked { train: None, valid: None, test: None, seed: Seed(seed) }
}

/// Writes `picture` to `path`, as what its ending says.
fn save(path: &Path, picture: impl Into<DynamicImage>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.into().save(path).unwrap();
}

/// Pictures of class `class`, each of one colour whose red is its own number from `first` on, of several sizes.
fn flat(folder: &Path, class: &str, numbers: std::ops::Range<u8>) {
    for number in numbers {
        let size = (40 + u32::from(number % 3) * 7, 36 + u32::from(number % 4) * 9);
        save(&folder.join(class).join(format!("{number}.png")), RgbImage::from_pixel(size.0, size.1, Rgb([number, 100, 200])));
    }
}

/// Pictures without any order, as JPEG files.
fn noisy(folder: &Path, class: &str, count: u32) {
    for number in 0..count {
        let picture = RgbImage::from_fn(60 + number * 3, 50, |x, y| {
            let at = (x * 7 + y * 13 + number * 29).wrapping_mul(2_654_435_761);
            Rgb([(at >> 24) as u8, (at >> 16) as u8, (x * 4) as u8])
        });
        save(&folder.join(class).join(format!("{number}.JPG")), picture);
    }
}

/// A folder of three classes of ten pictures, numbered through.
fn three_classes(root: &Path) {
    for (at, class) in ["cat", "dog", "eel"].into_iter().enumerate() {
        flat(&root.join("train"), class, 10 * at as u8..10 * at as u8 + 10);
    }
}

fn folder(root: &Path, asked: Asked) -> Result<DataSource, Fault> {
    DataSource::image_folder(root, 24, 0.01, asked).map(|(source, _)| source)
}

fn part(source: &DataSource, part: Part) -> ImageSet {
    source.open().unwrap().part(part)
}

/// All images of a part as they are.
fn plain(images: &ImageSet) -> Vec<Sample> {
    read(images, 2, |index| (index, Change::None)).unwrap()
}

fn read(images: &ImageSet, threads: usize, ask: impl Fn(usize) -> (usize, Change)) -> Result<Vec<Sample>, Fault> {
    let mut reader = Reader::new(images, (0..images.len()).map(ask), threads, 5);
    let mut samples = Vec::new();
    while let Some(sample) = reader.take()? {
        samples.push(sample);
    }
    Ok(samples)
}

/// The numbers of flat pictures.
fn numbers(samples: &[Sample]) -> Vec<u8> {
    samples.iter().map(|sample| sample.pixels[0]).collect()
}

#[test]
fn pictures_are_the_same_at_any_number_of_threads() {
    let root = tempfile::tempdir().unwrap();
    for class in ["cat", "dog", "eel"] {
        noisy(&root.path().join("train"), class, 8);
    }
    let train = part(&folder(root.path(), Asked { valid: Some(3), test: Some(3), ..asked(1) }).unwrap(), Part::Train);
    assert_eq!((train.len(), train.size()), (18, 24));
    let on = |threads: usize, seed: u64| {
        let mut rng = Seed(seed).rng();
        let changes: Vec<_> = (0..train.len()).map(|_| train.draw(&mut rng)).collect();
        read(&train, threads, |index| (index, changes[index])).unwrap()
    };
    let one = on(1, 5);
    assert!(one.iter().all(|sample| sample.pixels.len() == 3 * 24 * 24 && sample.label < 3));
    assert_eq!(one, on(2, 5));
    assert_eq!(one, on(7, 5));
    let other = on(2, 6);
    assert!(one.iter().zip(&other).all(|(a, b)| a.label == b.label && a.pixels != b.pixels), "another seed cuts elsewhere");
    // Plain ones are neither cut nor mirrored at random, and larger ones show the same.
    let still = plain(&train);
    assert_eq!(still, plain(&train));
    assert_eq!(plain(&train.at(48))[3].pixels.len(), 3 * 48 * 48);
    let held = train.hold(3, &|| Ok(())).unwrap();
    assert_eq!((held.len(), held.label(4)), (18, still[4].label));
    assert_eq!(held.image(4)[..5], still[4].pixels.iter().copied().step_by(3).take(5).collect::<Vec<_>>());
    assert_eq!(held.floats([0])[0], (f32::from(held.image(0)[0]) / 255.0 - 0.485) / 0.229);
}

#[test]
fn parts_are_disjoint_and_follow_their_seed() {
    let root = tempfile::tempdir().unwrap();
    three_classes(root.path());
    let source = folder(root.path(), Asked { valid: Some(8), test: Some(5), ..asked(1) }).unwrap();
    let dealt = |source: &DataSource| [Part::Train, Part::Valid, Part::Test].map(|of| numbers(&plain(&part(source, of))));
    let parts = dealt(&source);
    assert_eq!(parts.each_ref().map(Vec::len), [17, 8, 5]);
    let all: BTreeSet<u8> = parts.iter().flatten().copied().collect();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), (0..30).collect::<Vec<_>>());
    assert!(plain(&part(&source, Part::Valid)).iter().all(|sample| sample.label == usize::from(sample.pixels[0] / 10)));
    let of_first: BTreeSet<_> = parts[1][..5].iter().map(|number| number / 10).collect();
    assert!(of_first.len() > 1, "the first validation images are of one class: {:?}", parts[1]);
    assert_eq!(parts, dealt(&source));
    let other = folder(root.path(), Asked { valid: Some(8), test: Some(5), ..asked(2) }).unwrap();
    assert_ne!(parts, dealt(&other));
    // Fewer images to learn from leave the others as they are.
    let fewer = folder(root.path(), Asked { train: Some(4), valid: Some(8), test: Some(5), ..asked(1) }).unwrap();
    let dealt_fewer = dealt(&fewer);
    assert_eq!((&dealt_fewer[0][..], &dealt_fewer[1..]), (&parts[0][..4], &parts[1..]));

    // Where there are images to report on, none are held out for that.
    flat(&root.path().join("val"), "dog", 90..96);
    let source = folder(root.path(), asked(1)).unwrap();
    let parts = dealt(&source);
    assert_eq!(parts.each_ref().map(Vec::len), [27, 3, 6]);
    assert!(parts[2].iter().all(|number| *number >= 90) && parts[0].iter().all(|number| *number < 30));
    assert_eq!(plain(&part(&source, Part::Test))[0].label, 1);
}

/// Sets the time of the last change of every file in a folder.
fn aged(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => aged(&path),
            path => std::fs::File::options()
                .append(true)
                .open(path)
                .unwrap()
                .set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000))
                .unwrap(),
        }
    }
}

/// Key of a training on `data`.
fn key(data: DataSource) -> String {
    let folder = tempfile::tempdir().unwrap();
    let JobFile { job: Job::TrainNet(mut job), .. } = toynet::train(&Toy::new([[16, 24]; 3]), vec![], folder.path()) else {
        unreachable!()
    };
    job.data = data;
    Job::TrainNet(job).key().unwrap()
}

#[test]
fn keys_follow_the_files_and_not_where_they_lie() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for root in [here.path(), there.path()] {
        three_classes(root);
        aged(root);
    }
    let first = folder(here.path(), asked(1)).unwrap();
    assert_eq!(key(first.clone()), key(folder(there.path(), asked(1)).unwrap()));
    assert_ne!(key(first.clone()), key(folder(here.path(), asked(2)).unwrap()));
    // Another class, another length, another time.
    let train = there.path().join("train");
    std::fs::rename(train.join("eel"), train.join("fox")).unwrap();
    assert_ne!(key(first.clone()), key(folder(there.path(), asked(1)).unwrap()));
    save(&here.path().join("train/cat/0.png"), RgbImage::from_pixel(99, 99, Rgb([0, 1, 2])));
    assert_ne!(key(first.clone()), key(folder(here.path(), asked(1)).unwrap()));
    let fault = first.open().err().expect("the files have changed");
    assert_eq!(fault.code, "data::changed");
    assert!(fault.message.contains(&here.path().display().to_string()), "{}", fault.message);
}

#[test]
fn a_folder_that_is_none_says_what_one_is() {
    let root = tempfile::tempdir().unwrap();
    let fault = |asked: Asked| folder(root.path(), asked).expect_err("a fault");
    let gone = fault(asked(1));
    assert_eq!(gone.code, "data::missing");
    assert!(gone.message.ends_with("train`") && gone.help.unwrap().contains("`train/CLASS/*.jpg`"), "{}", gone.message);
    std::fs::create_dir(root.path().join("train")).unwrap();
    assert_eq!(fault(asked(1)).code, "data::empty");
    three_classes(root.path());
    std::fs::create_dir(root.path().join("train/.hidden")).unwrap();
    std::fs::write(root.path().join("train/cat/notes.txt"), "no image").unwrap();
    assert_eq!(part(&folder(root.path(), asked(1)).unwrap(), Part::Train).len(), 24);
    let many = fault(Asked { train: Some(100), ..asked(1) });
    assert_eq!(
        (many.code.as_str(), many.message.as_str()),
        ("data::split", "100 training images are asked for, and 24 are left for them")
    );
    std::fs::create_dir(root.path().join("train/yak")).unwrap();
    let empty = fault(asked(1));
    assert!(empty.code == "data::empty" && empty.message.contains("yak"), "{}", empty.message);
    std::fs::remove_dir(root.path().join("train/yak")).unwrap();
    flat(&root.path().join("val"), "zebra", 0..1);
    let strange = fault(asked(1));
    assert!(strange.code == "data::classes" && strange.message.ends_with(": zebra"), "{}", strange.message);
}

#[test]
fn files_that_cannot_be_read_are_skipped_up_to_a_share() {
    let root = tempfile::tempdir().unwrap();
    let train = root.path().join("train");
    three_classes(root.path());
    noisy(&train, "cat", 1);
    let jpeg = std::fs::read(train.join("cat/0.JPG")).unwrap();
    std::fs::write(train.join("cat/0.JPG"), &jpeg[..jpeg.len() / 2]).unwrap();
    std::fs::write(train.join("dog/text.jpg"), "this is no picture").unwrap();
    std::fs::write(train.join("eel/empty.png"), "").unwrap();
    std::fs::write(train.join("eel/moving.png"), b"GIF89a and so on").unwrap();
    let with = |share: f64| {
        let (source, _) =
            DataSource::image_folder(root.path(), 24, share, Asked { valid: Some(1), test: Some(1), ..asked(3) }).unwrap();
        part(&source, Part::Train)
    };
    // All four may be among those to learn from.
    let images = with(0.5);
    let samples = plain(&images);
    let report = images.report();
    assert_eq!(samples.len() + report.skipped.len(), images.len());
    assert!(report.skipped.len() >= 2, "{report:?}");
    assert!(report.skipped.iter().all(|line| line.contains(&train.display().to_string()) && line.contains(": ")), "{report:?}");
    let news = images.news();
    assert!(news[0].starts_with("skipped `") && news.last().unwrap().ends_with(" skipped"), "{news:?}");
    assert!(images.news().is_empty());
    let mut found = report.skipped.clone();
    for of in [Part::Valid, Part::Test] {
        let (source, _) =
            DataSource::image_folder(root.path(), 24, 0.0, Asked { valid: Some(1), test: Some(1), ..asked(3) }).unwrap();
        let images = part(&source.tolerant(), of);
        plain(&images);
        found.extend(images.report().skipped);
    }
    found.sort();
    let reasons = [
        "0.JPG: ",
        "text.jpg: it is neither JPEG nor PNG",
        "empty.png: it is empty",
        "moving.png: it is Gif, neither JPEG nor PNG",
    ];
    assert!(reasons.iter().all(|reason| found.iter().any(|line| line.contains(reason))) && found.len() == 4, "{found:#?}");

    for threads in [1, 4] {
        let fault = read(&with(0.01), threads, |index| (index, Change::None)).expect_err("too many");
        assert_eq!(fault.code, "data::unreadable");
        assert!(
            fault.message.starts_with("1 of 32 training images cannot be used, over the 0 that may be skipped"),
            "{}",
            fault.message
        );
        assert!(fault.message.contains(&train.display().to_string()) && fault.help.unwrap().contains("skip_share"));
    }
}

/// A picture of 8x8 pixels in the colours of print, as JPEG: one block of a constant for each colour.
fn cmyk_jpeg(colour: [u8; 4]) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    file.extend([8; 64]);
    file.extend([0xff, 0xc0, 0, 20, 8, 0, 8, 0, 8, 4]);
    (1..=4).for_each(|id| file.extend([id, 0x11, 0]));
    // Nine codes of four bits for the length of a constant, one of one bit for the end of a block: how many there are of
    // each of 16 lengths, then what they mean.
    let counts = |length: usize, codes: u8| std::array::from_fn::<u8, 16, _>(|at| if at + 1 == length { codes } else { 0 });
    file.extend([0xff, 0xc4, 0, 28, 0x00]);
    file.extend(counts(4, 9));
    file.extend(0..9);
    file.extend([0xff, 0xc4, 0, 20, 0x10]);
    file.extend(counts(1, 1));
    file.push(0);
    file.extend([0xff, 0xda, 0, 14, 4]);
    (1..=4).for_each(|id| file.extend([id, 0]));
    file.extend([0, 63, 0]);
    let mut bits = Vec::new();
    let mut push = |value: i32, count: u32| bits.extend((0..count).rev().map(|at| value >> at & 1));
    for value in colour {
        let value = i32::from(value) - 128;
        let length = 32 - value.unsigned_abs().leading_zeros();
        push(length as i32, 4);
        push(if value < 0 { value + (1 << length) - 1 } else { value }, length);
        push(0, 1);
    }
    bits.resize(bits.len().next_multiple_of(8), 1);
    for byte in bits.chunks(8) {
        let byte = byte.iter().fold(0, |byte, bit| byte << 1 | *bit) as u8;
        file.push(byte);
        if byte == 0xff {
            file.push(0);
        }
    }
    file.extend([0xff, 0xd9]);
    file
}

#[test]
fn other_colours_become_rgb_and_are_counted() {
    let root = tempfile::tempdir().unwrap();
    let class = root.path().join("train/all");
    save(&class.join("a.jpg"), GrayImage::from_pixel(40, 40, Luma([90])));
    save(&class.join("b.png"), GrayImage::from_pixel(40, 40, Luma([90])));
    save(&class.join("c.png"), RgbaImage::from_pixel(40, 40, Rgba([90, 90, 90, 0])));
    save(&class.join("d.png"), RgbImage::from_pixel(40, 40, Rgb([90, 90, 90])));
    // Values of CMYK in JPEG files are inverted: 255 is no ink.
    std::fs::write(class.join("e.jpg"), cmyk_jpeg([90, 90, 90, 255])).unwrap();
    let all = folder(root.path(), Asked { valid: Some(0), test: Some(0), ..asked(1) }).unwrap();
    let images = part(&all, Part::Train);
    let samples = plain(&images);
    assert_eq!(samples.len(), 5, "{:?}", images.report());
    for sample in &samples {
        assert!(sample.pixels.iter().all(|byte| (88..=92).contains(byte)), "{:?}", &sample.pixels[..6]);
    }
    let report = images.report();
    assert_eq!((report.grey, report.cmyk, report.alpha, report.skipped.len()), (2, 1, 1, 0));
    assert_eq!(images.news(), ["of 5 training images: 2 grey ones made RGB, 1 CMYK ones made RGB, 1 without their transparency"]);
}

/// Trains the toy network a little on `data`.
fn trained(data: DataSource, lab: &Path) -> JobFile {
    let toy = Toy::new([[16, 24], [24, 32], [32, 48]]);
    let mut file = toynet::train(&toy, vec![toynet::phase(false, 0.05, 3)], lab);
    if let Job::TrainNet(job) = &mut file.job {
        (job.data, job.batch) = (data, 8);
    }
    file
}

#[test]
fn a_network_learns_from_a_folder_and_the_trainer_says_what_is_wrong_with_it() {
    let (root, lab) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for class in ["cat", "dog", "eel"] {
        noisy(&root.path().join("train"), class, 8);
    }
    let pool = trainer();
    let source = || folder(root.path(), Asked { valid: Some(6), test: Some(3), ..asked(1) }).unwrap();
    let once: TrainSummary = run(&pool, trained(source(), &lab.path().join("a")).job, &lab.path().join("a"));
    let again: TrainSummary = run(&pool, trained(source(), &lab.path().join("b")).job, &lab.path().join("b"));
    assert_eq!((once.loss.clone(), once.top1_pct), (again.loss, again.top1_pct), "the same images each time");
    assert!(once.loss[0].is_finite() && once.top1_pct.is_some());

    let attempt = |data: DataSource, name: &str| {
        let file = trained(data, &lab.path().join(name));
        pool.run(file, "test", &Progress::default(), &Cancel::default()).expect_err(name)
    };
    // Another seed: the trainer has opened the first one already.
    let stale = folder(root.path(), asked(9)).unwrap();
    for number in 0..8 {
        std::fs::write(root.path().join(format!("train/dog/{number}.JPG")), "broken").unwrap();
    }
    assert_eq!(attempt(stale, "changed").code, "data::changed");
    let broken = attempt(source(), "broken");
    assert!(broken.code == "data::unreadable" && broken.message.contains(".JPG: it is neither"), "{}", broken.message);
    // The toy tells twelve classes apart.
    let file = root.path().join("many.npz");
    let labels: Vec<u8> = (0..40).collect();
    npz(&file, &[("x", npy("|u1", "40, 32, 32", &vec![5; 40 * 1024])), ("y", npy("|u1", "40,", &labels))]);
    let many = attempt(arrays(&file, None).unwrap(), "many");
    assert_eq!((many.code.as_str(), many.message.contains("40 classes, the network tells 12 apart")), ("train::job", true));
}

#[test]
fn scripts_name_data_sets_in_files() {
    let root = tempfile::tempdir().unwrap();
    three_classes(root.path());
    std::fs::write(root.path().join("train/cat/bad.jpg"), "broken").unwrap();
    let (session, lines) =
        session(HostSettings { lab: root.path().join("lab"), workers: 1, threads: 1, ..HostSettings::default() });
    let outcome = session.eval(
        &format!(
            "let data = dataset(\"image_folder\", #{{ path: {:?}, size: 32, valid: 4, seed: 2 }});\n\
             print(data); print(data.class_names); print(data.parts.test);\n\
             let seen = data.check(); print(`${{seen.images}} ${{seen.skipped}} ${{seen.files[0].contains(\"bad.jpg\")}}`);\n\
             for wrong in [#{{}}, #{{ path: 3 }}, #{{ path: \"x\", skip_share: 1.5 }}, #{{ path: \"x\", pad: 2 }}, #{{ path: \"x\", size: 4 }}] {{\n\
               try {{ dataset(\"image_folder\", wrong); }} catch (fault) {{ print(`${{fault.code}}: ${{fault.message}}`); }}\n\
             }}\n\
             print(data.to_html());",
            root.path().display().to_string()
        ),
        "test",
    );
    assert!(outcome.trouble.is_none(), "{}", outcome.trouble.unwrap().text(false));
    let printed = lines.printed();
    assert_eq!(printed[0], "data set image_folder, 32x32, 3 classes, 24 train, 4 valid, 3 test, seed 2");
    assert!(printed[1].contains("cat") && printed[1].contains("eel"), "{}", printed[1]);
    assert_eq!(printed[2..4], ["3", "31 1 true"]);
    let codes: Vec<_> = printed[4..9].iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(codes, ["options::missing", "options::type", "options::value", "options::unknown", "options::value"]);
    let page = printed[9..].join("\n");
    assert!(page.contains("cat, dog, eel") && page.contains(&root.path().display().to_string()), "{page}");
}

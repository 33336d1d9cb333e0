//! CIFAR and arrays: files that are read whole.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use spaceevo::base::{Fault, Seed};
use spaceevo::data::{Asked, DataSource, Part, Reader};

use super::{asked, key, part, plain};

/// Writes records of CIFAR: labels, then planes of one byte each.
fn records(path: &Path, labels: &[&[u8]], first: u8) {
    let mut file = std::fs::File::create(path).unwrap();
    for (at, label) in labels.iter().enumerate() {
        file.write_all(label).unwrap();
        for plane in 0..3 {
            file.write_all(&[first + at as u8 * 3 + plane; 1024]).unwrap();
        }
    }
}

#[test]
fn cifar_is_read_from_its_binary_files() {
    let root = tempfile::tempdir().unwrap();
    for batch in 1..=5 {
        records(&root.path().join(format!("data_batch_{batch}.bin")), &[&[3], &[batch]], batch * 20);
    }
    let fault = |classes: usize| DataSource::cifar(root.path(), classes, asked(1)).expect_err("a fault");
    let gone = fault(10);
    assert!(gone.code == "data::missing" && gone.help.unwrap().contains("test_batch.bin"), "{}", gone.message);
    records(&root.path().join("test_batch.bin"), &[&[9], &[8], &[7]], 200);
    std::fs::write(root.path().join("batches.meta.txt"), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n").unwrap();
    let (source, names) = DataSource::cifar(root.path(), 10, Asked { valid: Some(4), ..asked(1) }).unwrap();
    assert_eq!(names.concat(), "abcdefghij");
    let [train, valid, test] = [Part::Train, Part::Valid, Part::Test].map(|of| plain(&part(&source, of)));
    assert_eq!((train.len(), valid.len(), test.len()), (6, 4, 3));
    let own: BTreeSet<u8> = train.iter().chain(&valid).map(|sample| sample.pixels[0]).collect();
    assert_eq!(own, (1..=5).flat_map(|batch| [batch * 20, batch * 20 + 3]).collect::<BTreeSet<u8>>());
    for sample in train.iter().chain(&valid) {
        let first = sample.pixels[0];
        assert_eq!(sample.label, if first % 20 == 0 { 3 } else { usize::from(first / 20) });
        assert_eq!(sample.pixels[3 * 500..3 * 500 + 3], [first, first + 1, first + 2]);
    }
    // Moved training images have black at their edges.
    let images = part(&source, Part::Train);
    let mut rng = Seed(1).rng();
    let changes: Vec<_> = (0..60).map(|at| (at % 6, images.draw(&mut rng))).collect();
    let mut reader = Reader::new(&images, changes.into_iter(), 1, 1);
    let mut black = Vec::new();
    while let Some(sample) = reader.take().unwrap() {
        black.push(sample.pixels.chunks(3).filter(|pixel| *pixel == [0; 3]).count());
    }
    assert!(black.iter().all(|count| *count <= 32 * 32 - 28 * 28) && black.iter().filter(|count| **count > 0).count() > 40);

    records(&root.path().join("data_batch_2.bin"), &[&[3], &[10]], 0);
    let label = fault(10);
    assert!(label.message.ends_with("has the label 10, outside of 0 to 9") && label.code == "data::label", "{}", label.message);
    std::fs::write(root.path().join("data_batch_2.bin"), [0; 3073 + 100]).unwrap();
    let short = fault(10);
    assert!(short.code == "data::truncated" && short.message.contains("data_batch_2.bin` has 3173 bytes"), "{}", short.message);

    records(&root.path().join("train.bin"), &[&[1, 99], &[2, 0]], 5);
    records(&root.path().join("test.bin"), &[&[1, 42]], 50);
    let (hundred, names) = DataSource::cifar(root.path(), 100, Asked { valid: Some(1), ..asked(1) }).unwrap();
    assert_eq!((hundred.classes(), names[42].as_str(), plain(&part(&hundred, Part::Test))[0].label), (100, "42", 42));
}

/// A `.npy` file.
pub fn npy(kind: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(bytes);
    file
}

/// Writes an `.npz` file, compressed.
pub fn npz(path: &Path, arrays: &[(&str, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in arrays {
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

pub fn arrays(path: &Path, classes: Option<usize>) -> Result<DataSource, Fault> {
    DataSource::arrays(path, classes, 0, false, Asked { valid: Some(1), test: Some(1), ..asked(1) }).map(|(source, _)| source)
}

#[test]
fn arrays_of_every_form_give_the_same_images() {
    let root = tempfile::tempdir().unwrap();
    let count = 6;
    let byte = |image: usize, row: usize, column: usize, channel: usize| (image * 40 + row * 8 + column * 2 + channel) as u8;
    let every = |order: fn(usize, usize, usize) -> (usize, usize, usize), sizes: [usize; 3]| -> Vec<u8> {
        let mut bytes = Vec::new();
        for image in 0..count {
            for a in 0..sizes[0] {
                for b in 0..sizes[1] {
                    for c in 0..sizes[2] {
                        let (row, column, channel) = order(a, b, c);
                        bytes.push(byte(image, row, column, channel));
                    }
                }
            }
        }
        bytes
    };
    let last = every(|row, column, channel| (row, column, channel), [8, 8, 3]);
    let first = every(|channel, row, column| (row, column, channel), [3, 8, 8]);
    let floats: Vec<u8> = last.iter().flat_map(|byte| (f32::from(*byte) / 255.0).to_le_bytes()).collect();
    let labels: Vec<u8> = [2_i64, 0, 1, 2, 0, 1].iter().flat_map(|label| label.to_le_bytes()).collect();
    let file = |name: &str| root.path().join(name);
    npz(&file("last.npz"), &[("x", npy("|u1", "6, 8, 8, 3", &last)), ("y", npy("<i8", "6,", &labels))]);
    npz(&file("first.npz"), &[("images", npy("|u1", "6, 3, 8, 8", &first)), ("labels", npy("|u1", "6, 1", &[2, 0, 1, 2, 0, 1]))]);
    npz(&file("floats.npz"), &[("x", npy("<f4", "6, 8, 8, 3", &floats)), ("y", npy("<i8", "6,", &labels))]);
    let view = |kind, shape: Vec<usize>, bytes| safetensors::tensor::TensorView::new(kind, shape, bytes).unwrap();
    let tensors =
        [("x", view(safetensors::Dtype::U8, vec![6, 3, 8, 8], &first)), ("y", view(safetensors::Dtype::I64, vec![6], &labels))];
    std::fs::write(file("all.safetensors"), safetensors::serialize(tensors, None).unwrap()).unwrap();

    let source = arrays(&file("last.npz"), None).unwrap();
    assert_eq!((source.size(), source.classes(), source.split().train), (8, 3, 4));
    let wanted = [Part::Train, Part::Valid, Part::Test].map(|of| plain(&part(&source, of)));
    let shown = wanted.iter().flatten().map(|sample| (sample.pixels[0], sample.label)).collect::<BTreeSet<_>>();
    assert_eq!(shown, BTreeSet::from([(0, 2), (40, 0), (80, 1), (120, 2), (160, 0), (200, 1)]));
    assert_eq!(wanted[0][0].pixels[..6].iter().map(|byte| byte - wanted[0][0].pixels[0]).collect::<Vec<_>>(), [0, 1, 2, 2, 3, 4]);
    for name in ["first.npz", "floats.npz", "all.safetensors"] {
        let other = arrays(&file(name), None).unwrap();
        assert_eq!([Part::Train, Part::Valid, Part::Test].map(|of| plain(&part(&other, of))), wanted, "{name}");
        assert_eq!(key(other), key(source.clone()), "{name}: the same images, the same key");
    }
    // A folder with images to report on; grey ones become RGB.
    std::fs::rename(file("last.npz"), file("train.npz")).unwrap();
    npz(&file("test.npz"), &[("x", npy("|u1", "2, 8, 8", &[77; 128])), ("y", npy("|u1", "2,", &[1, 1]))]);
    let (source, names) = DataSource::arrays(root.path(), Some(5), 2, true, Asked { valid: Some(2), ..asked(1) }).unwrap();
    let split = source.split();
    assert_eq!((split.train, split.valid, split.test, names.len()), (4, 2, 2, 5));
    assert!(plain(&part(&source, Part::Test)).iter().all(|sample| sample.pixels == [77; 192]));
}

#[test]
fn arrays_that_do_not_fit_say_why() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.npz");
    let images = |shape: &str, count: usize| ("x", npy("|u1", shape, &vec![9; count]));
    let labels = |labels: &[u8]| ("y", npy("|i1", &format!("{},", labels.len()), labels));
    for (held, code, said) in [
        (vec![images("3, 8, 8", 192), labels(&[0, 1])], "data::array", "it holds 3 images and 2 labels"),
        (vec![images("2, 8, 8", 128), labels(&[0, 4])], "data::label", "image 1 of"),
        (vec![images("2, 8, 8", 128), labels(&[0, 0xff])], "data::label", "the label -1, outside of 0 to 2"),
        (vec![images("2, 8, 9", 144), labels(&[0, 1])], "data::array", "8 high and 9 wide"),
        (vec![images("2, 8, 8, 4", 512), labels(&[0, 1])], "data::array", "shape [2, 8, 8, 4]"),
        (vec![images("2, 8, 8", 100), labels(&[0, 1])], "data::array", "array `x`: it is cut off"),
        (vec![("pictures", vec![]), labels(&[0, 1])], "data::array", "no array `x` or `images`, only: pictures, y"),
        (vec![("x", npy("<f4", "1, 8, 8", &[0, 0, 0, 64].repeat(64))), labels(&[0])], "data::array", "2 is not from 0 to 1"),
        (vec![("x", npy("<i8", "1, 1, 1", &[0; 8])), labels(&[0])], "data::array", "more than 8 bits"),
        (vec![images("2, 8, 8", 128), ("y", npy("<f4", "2,", &[0; 8]))], "data::array", "no row of integers"),
    ] {
        npz(&path, &held);
        let fault = arrays(&path, Some(3)).expect_err(said);
        assert_eq!(fault.code, code, "{}", fault.message);
        assert!(fault.message.contains(said) && fault.message.contains("a.npz") && fault.help.is_some(), "{}", fault.message);
    }
    std::fs::write(&path, "no archive").unwrap();
    assert!(arrays(&path, None).expect_err("no archive").message.contains("it is no .npz file"));
    assert_eq!(arrays(&root.path().join("gone.npz"), None).expect_err("gone").code, "data::missing");
    assert_eq!(arrays(root.path(), None).expect_err("no train.npz").code, "data::missing");
}

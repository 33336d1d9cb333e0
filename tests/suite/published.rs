//! Weights from elsewhere: the outputs of torchvision, timm and efficientnet_pytorch; files that do not fit; teachers that use
//! them, in floats and in 8 bits; TorchScript files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use spaceevo::device::ort::OrtSession;
use spaceevo::frame::Table;
use spaceevo::graph::{BN_EPSILON, Layer, Network, Weights};
use spaceevo::onnx::{Precision, lower};
use spaceevo::primitive::network::FixedNetwork;
use spaceevo::runtime::{HostSettings, Output, Session, Settings};
use spaceevo::space::Hyperspace;
use spaceevo::train::{Teacher, TeacherForm};

use crate::torch;

#[derive(Debug)]
struct Silent;

impl Output for Silent {
    fn print(&self, _: &str) {}
}

fn session(lab: &Path) -> Session {
    let host = HostSettings { lab: lab.into(), workers: 1, threads: 1, ..HostSettings::default() };
    Session::new(Settings { host, ..Settings::default() }, Arc::new(Silent)).unwrap()
}

fn value<T: Clone + Send + Sync + 'static>(session: &Session, source: &str) -> T {
    let outcome = session.eval(source, "test");
    assert!(outcome.trouble.is_none(), "{source}: {:?}", outcome.trouble);
    outcome.get().unwrap_or_else(|| panic!("{source}: another type"))
}

/// Code and message of the fault of `source`.
fn fault(session: &Session, source: &str) -> (String, String) {
    let trouble = session.eval(source, "test").trouble.unwrap_or_else(|| panic!("{source} did not fail"));
    (trouble.fault.code.clone(), trouble.fault.message.clone())
}

/// `count` numbers in 0..1: a hash of `name` and each number's place, as in `torchvision_outputs.py`.
fn units(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let seed = name.bytes().fold(0x811c_9dc5_u32, |seed, byte| (seed ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..count as u32).map(move |at| {
        let mut x = at.wrapping_mul(2_654_435_761).wrapping_add(seed);
        x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
        x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
        f64::from(x ^ (x >> 16)) / 4_294_967_296.0
    })
}

/// The made-up numbers of one tensor.
fn made_up(name: &str, shape: &[usize], variance: f64) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let bound = (6.0 / (count / shape[0]) as f64).sqrt();
    let number = |unit: f64| {
        if name.ends_with("running_var") {
            variance * (0.5 + unit)
        } else if shape.len() > 1 {
            (2.0 * unit - 1.0) * bound
        } else if name.ends_with(".weight") {
            0.5 + unit
        } else {
            (2.0 * unit - 1.0) * 0.1
        }
    };
    units(name, count).map(|unit| number(unit) as f32).collect()
}

/// A file of weights of `net` as the program at place `source` in the lists of names would write it.
fn file_of(net: &Network, source: usize, numbers: impl Fn(&str, &[usize]) -> Vec<f32>) -> Weights {
    let mut file = Weights::default();
    let graph = &net.graph;
    for node in &graph.nodes {
        let (cin, cout) = (node.inputs.first().map_or(0, |&from| graph.nodes[from].shape.c()), node.shape.c());
        let parts = match node.layer {
            Layer::Conv { kernel, groups, bias, .. } => {
                let weight = ("weight", vec![cout, cin / groups, kernel, kernel]);
                if bias { vec![weight, ("bias", vec![cout])] } else { vec![weight] }
            }
            Layer::Linear => vec![("weight", vec![cout, cin]), ("bias", vec![cout])],
            Layer::BatchNorm { .. } => ["weight", "bias", "running_mean", "running_var"].map(|part| (part, vec![cout])).to_vec(),
            _ => continue,
        };
        let names = &net.published[&node.name];
        for (part, shape) in parts {
            let name = format!("{}.{part}", names[source.min(names.len() - 1)]);
            let data = numbers(&name, &shape);
            file.insert(name, shape, data);
        }
    }
    file
}

/// The rows of `torchvision_outputs.json` for which `wanted` holds, each with the network that the lab has for it.
fn rows(lab: &Path, wanted: impl Fn(&str, &str) -> bool) -> Vec<(Value, Arc<Network>)> {
    let all: Vec<Value> = serde_json::from_str(include_str!("../fixtures/torchvision_outputs.json")).unwrap();
    let session = session(lab);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let rows = all.into_iter().filter(|row| wanted(&text(row, "source"), &text(row, "network")));
    rows.map(|row| {
        let (name, options) = (text(&row, "network"), text(&row, "options"));
        let comma = if options.is_empty() { "" } else { ", " };
        let net = value::<FixedNetwork>(&session, &format!("network({name:?}, #{{ resolution: 64{comma}{options} }})")).net;
        (row, net)
    })
    .collect()
}

/// The logits are those of `row`, to within `most` of the largest of its first eight.
fn same(logits: &[f32], row: &Value, most: f64) {
    let theirs: Vec<f64> = row["logits"].as_array().unwrap().iter().map(|logit| logit.as_f64().unwrap()).collect();
    let bound = most * theirs.iter().fold(0.0, |size: f64, logit| size.max(logit.abs()));
    let ours: Vec<f64> = logits.iter().map(|logit| f64::from(*logit)).collect();
    let mean = ours.iter().sum::<f64>() / ours.len() as f64;
    let std = (ours.iter().map(|logit| (logit - mean).powi(2)).sum::<f64>() / ours.len() as f64).sqrt();
    let pairs =
        ours.iter().copied().zip(theirs).chain([(mean, row["mean"].as_f64().unwrap()), (std, row["std"].as_f64().unwrap())]);
    for (ours, theirs) in pairs {
        assert!((ours - theirs).abs() < bound, "{} of {}: {ours} for {theirs}", row["name"], row["source"]);
    }
}

/// The networks of `rows` give the same logits in the lab, with the same made-up weights under the same names.
fn agree(wanted: impl Fn(&str, &str) -> bool, count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let trainer = torch::trainer();
    let rows = rows(&folder.path().join("lab"), wanted);
    assert_eq!(rows.len(), count);
    let image: Vec<f32> = units("input", 3 * 64 * 64).map(|unit| (2.0 * unit - 1.0) as f32).collect();
    let [weights, inputs] = ["weights", "inputs"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let mut input = Weights::default();
    input.insert("input", vec![1, 3, 64, 64], image.clone());
    input.save(&inputs).unwrap();
    for (row, net) in rows {
        let source = ["torchvision", "timm", "lukemelas"].iter().position(|source| row["source"] == *source).unwrap();
        let variance = row["variance"].as_f64().unwrap();
        let import = net.import(&file_of(&net, source, |name, shape| made_up(name, shape, variance)));
        assert!(import.differences.is_empty(), "{row}: {:?}", import.differences);
        import.weights.save(&weights).unwrap();
        same(&torch::forward(&trainer, &net.graph, weights.clone(), false, inputs.clone(), folder.path()), &row, 1e-4);
        if source > 0 {
            // Batch norm is folded here; epsilon and padding are those asked for.
            let onnx = lower(&net.graph, &import.weights, Precision::Fp32, 1).unwrap();
            same(&OrtSession::load(&onnx, 1).unwrap().run(&image, &[1, 3, 64, 64]).unwrap(), &row, 1e-3);
        }
    }
}

#[test]
fn residual_networks_give_the_outputs_of_torchvision() {
    agree(|source, network| source == "torchvision" && network.starts_with("re"), 4);
}

#[test]
fn mobile_networks_give_the_outputs_of_torchvision() {
    agree(|source, network| source == "torchvision" && !network.starts_with("re"), 5);
}

#[test]
fn networks_with_names_of_other_programs_give_their_outputs() {
    agree(|source, _| source != "torchvision", 8);
}

#[test]
fn graphs_written_before_epsilon_and_uneven_padding_were_known_still_read() {
    let text = r#"[{"layer":"batch_norm"},{"layer":"conv","kernel":3,"stride":2,"padding":1,"groups":1,"depthwise":false,"bias":false}]"#;
    let layers: Vec<Layer> = serde_json::from_str(text).unwrap();
    assert_eq!(layers[0], Layer::BatchNorm { epsilon: BN_EPSILON });
    assert!(matches!(layers[1], Layer::Conv { trailing: 0, .. }));
    // What has neither is written as before, so that keys of what the lab holds stay.
    assert_eq!(serde_json::to_string(&layers).unwrap(), text);
    let own = serde_json::to_string(&Layer::BatchNorm { epsilon: 1e-3 }).unwrap();
    assert_eq!(own, r#"{"layer":"batch_norm","epsilon":0.001}"#);
}

/// A network with published names, small enough to be trained in a test, and a teacher that is it.
const TINY: &str = r#"
    define_network("tiny", #{ resolution: 32, classes: 12, bn_epsilon: 0.001, build: |net, c| {
        let x = net.conv("stem", 8, 3, 2).published_as("conv1").bn().published_as("bn1").act("relu");
        for (width, at) in [8, 12, 16] {
            let name = `stage${at + 1}`;
            x = x.conv(name, width, 3, if at == 0 { 1 } else { 2 }).published_as(name + ".conv");
            x = x.bn().published_as(name + ".bn").act("relu").tap(name);
        }
        x.global_pool("pool").linear("logits", c.classes).published_as("fc")
    } });
    define_teacher("tiny", #{ network: "tiny", taps: [
        #{ name: "stage1", from: "stem.act", to: "stage1" },
        #{ name: "stage2", from: "stage1", to: "stage2" },
        #{ name: "stage3", from: "stage2", to: "stage3" },
    ] });
"#;

/// A session that knows `tiny`, and a file of its published weights changed by `change`.
fn tiny(folder: &Path, change: impl FnOnce(&mut Vec<(String, Vec<usize>, Vec<f32>)>)) -> (Session, PathBuf) {
    let session = session(&folder.join("lab"));
    value::<()>(&session, TINY);
    let net = value::<FixedNetwork>(&session, "network(\"tiny\")").net;
    let file = file_of(&net, 0, |name, shape| made_up(name, shape, 1.0));
    let mut tensors: Vec<_> = file.iter().map(|(name, shape, data)| (name.to_owned(), shape.to_vec(), data.to_vec())).collect();
    change(&mut tensors);
    let mut bytes: Vec<(String, Vec<u8>, safetensors::Dtype, Vec<usize>)> = tensors
        .into_iter()
        .map(|(name, shape, data)| {
            (name, data.iter().flat_map(|value| value.to_le_bytes()).collect(), safetensors::Dtype::F32, shape)
        })
        .collect();
    // PyTorch counts in whole numbers.
    bytes.push(("bn1.num_batches_tracked".into(), 7_i64.to_le_bytes().to_vec(), safetensors::Dtype::I64, vec![]));
    let views = bytes.iter().map(|(name, data, dtype, shape)| {
        (name.as_str(), safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    let at = folder.join("tiny.safetensors");
    std::fs::write(&at, safetensors::serialize(views, None).unwrap()).unwrap();
    (session, at)
}

#[test]
fn a_file_that_fits_is_exported_and_one_that_does_not_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let (session, file) = tiny(folder.path(), |_| {});
    let onnx = folder.path().join("tiny.onnx");
    let source = format!(
        "let read = network(\"tiny\").import_weights({file:?});\n\
         network(\"tiny\").export_onnx({onnx:?}, #{{ precision: \"fp32\", weights: read.file }}); read.differences"
    );
    assert_eq!(value::<Table>(&session, &source).height(), 0);
    let mut exported = OrtSession::load(&std::fs::read(&onnx).unwrap(), 1).unwrap();
    let logits = exported.run(&vec![0.5; 3 * 32 * 32], &[1, 3, 32, 32]).unwrap();
    assert!(logits.len() == 12 && logits.iter().all(|logit| logit.is_finite()) && logits.iter().any(|logit| *logit != logits[0]));
    // The lab's own file of it is read too.
    assert_eq!(value::<Table>(&session, "network(\"tiny\").import_weights(read.file).differences").height(), 0);

    let (session, file) = tiny(folder.path(), |tensors| {
        tensors.retain(|(name, ..)| name != "stage2.bn.running_var");
        let (_, shape, data) = tensors.iter_mut().find(|(name, ..)| name == "fc.weight").unwrap();
        (*shape, *data) = (vec![5, 16], vec![0.0; 80]);
        tensors.push(("aux.weight".into(), vec![2], vec![0.0; 2]));
    });
    let (code, message) = fault(&session, &format!("network(\"tiny\").import_weights({file:?})"));
    assert_eq!(code, "weights::unlike");
    for line in ["missing     stage2.bn.running_var  12", "wrong shape fc.weight  5x16 for 12x16", "left over   aux.weight  2"] {
        assert!(message.contains(line), "{message}");
    }
    let table = format!("network(\"tiny\").import_weights({file:?}, #{{ strict: false }}).differences");
    let layers: rhai::Array = value(&session, &format!("{table}[\"layer\"]"));
    assert_eq!(layers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["stage2.bn", "logits", ""]);
    // Features need that variance, whether strict or not.
    let (code, message) = fault(&session, &format!("teacher(\"tiny\", #{{ weights: {file:?}, strict: false }})"));
    assert!(code == "weights::unlike" && message.contains("stage2.bn.running_var") && !message.contains("aux"), "{message}");
    std::fs::write(&file, "no tensors").unwrap();
    assert_eq!(fault(&session, &format!("network(\"tiny\").import_weights({file:?})")).0, "weights::format");
}

#[test]
fn a_network_with_weights_teaches_and_is_fine_tuned_in_8_bits() {
    let folder = tempfile::tempdir().unwrap();
    // A head for other classes is drawn anew: features do not need it.
    let (session, file) = tiny(folder.path(), |tensors| tensors.retain(|(name, ..)| !name.starts_with("fc.")));
    value::<()>(&session, "let data = dataset(\"shapes\", #{ train: 32, valid: 16, test: 8 });");
    let given = format!("weights: {file:?}, strict: false, data: data");
    assert_eq!(fault(&session, "teacher(\"tiny\", #{ data: data })").0, "teacher::weights");
    let plain: Teacher = value(&session, &format!("let plain = teacher(\"tiny\", #{{ {given} }}); plain"));
    assert!(plain.form == TeacherForm::Float && plain.top1_pct.is_none());
    let tuned: Teacher =
        value(&session, &format!("let tuned = teacher(\"tiny\", #{{ {given}, int8_steps: 3, batch: 8 }}); tuned"));
    assert!(tuned.form == TeacherForm::Quantized && tuned.top1_pct.is_some());
    // It went on from the file: after three small steps the weights are still near.
    let (before, after) = (Weights::load(&plain.weights.path).unwrap(), Weights::load(&tuned.weights.path).unwrap());
    let (_, wanted) = before.get("stage2.weight").unwrap();
    let (_, found) = after.get("stage2.weight").unwrap();
    assert!(torch::worst(wanted, found) < 0.01 && wanted != found, "{}", torch::worst(wanted, found));
    assert!(after.get("stage2.sw").is_some());
    assert_eq!(fault(&session, "curve(plain)").0, "train::no_curve");
    assert_eq!(value::<Table>(&session, "curve(tuned)").height(), 3);
    let losses = |teacher: &str| -> Vec<f64> {
        let options = format!("teacher: {teacher}, steps: 2, int8_steps: 1, batch: 8, random: 0");
        let source = format!("train_block(hyperspace(\"pocket\"), \"stage2\", \"inverted_residual\", #{{ {options} }}).losses");
        value::<rhai::Array>(&session, &source).iter().map(|loss| loss.as_float().unwrap()).collect()
    };
    let (from_floats, from_integers) = (losses("plain"), losses("tuned"));
    assert!(from_floats.iter().chain(&from_integers).all(|loss| loss.is_finite() && *loss > 0.0));
    assert_ne!(from_floats, from_integers);
    assert!(value::<String>(&session, "plain.to_html()").contains("floats"));
}

/// The teachers for published networks fit the paper's hyperspaces; the paper's own has the channels it says.
#[test]
fn published_networks_fit_the_hyperspaces_of_the_paper() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder.path().join("lab"));
    let names: Vec<String> = value::<rhai::Array>(&session, "teachers()").into_iter().map(|name| name.to_string()).collect();
    assert_eq!(names.len(), 20, "{names:?}");
    for name in names.iter().filter(|name| *name != "shapes_resnet") {
        assert_eq!(fault(&session, &format!("teacher({name:?})")).0, "teacher::weights", "{name}");
    }
    let file = folder.path().join("zero.safetensors");
    let hyperspaces = ["mobilew", "onnxw"].map(|name| value::<Arc<Hyperspace>>(&session, &format!("hyperspace({name:?})")));
    for name in ["efficientnet_b5", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "resnet18", "regnet_y_400mf"] {
        let net = value::<FixedNetwork>(&session, &format!("network({name:?})")).net;
        file_of(&net, 0, |_, shape| vec![0.0; shape.iter().product()]).save(&file).unwrap();
        let teacher: Teacher = value(&session, &format!("teacher({name:?}, #{{ weights: {file:?} }})"));
        for hyperspace in &hyperspaces {
            teacher.fits(hyperspace).unwrap_or_else(|fault| panic!("{fault}"));
        }
        if name == "efficientnet_b5" {
            let around = |stage: usize| teacher.around(&format!("stage{stage}")).unwrap();
            let channels: Vec<_> = (1..=6).map(|stage| (around(stage).0.1, around(stage).1.1)).collect();
            assert_eq!(channels, [(24, 40), (40, 64), (64, 128), (128, 176), (176, 304), (304, 512)]);
            // The head is no part of what jobs carry.
            assert!(teacher.reference().unwrap().pool.weights.iter().all(|spec| spec.name != "head"));
        }
    }
}

#[test]
fn a_torchscript_file_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder.path().join("lab"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/script_teacher.pt");
    let taught = |taps: &str, more: &str| format!("teacher({file:?}, #{{ taps: {taps}, resolution: 32{more} }})");
    let taps = "[\"stem\", \"stage1\", \"stage2\", \"stage3\"]";
    value::<()>(&session, "let data = dataset(\"shapes\", #{ train: 32, valid: 64, test: 8 });");
    let teacher: Teacher = value(&session, &format!("let wise = {}; wise", taught(taps, ", data: data")));
    let seen: Vec<_> = teacher.net.taps.iter().map(|tap| (tap.name.as_str(), tap.channels, tap.stride)).collect();
    assert_eq!(seen, [("stage1", 8, 2), ("stage2", 12, 4), ("stage3", 16, 8)]);
    assert_eq!(teacher.around("stage2").unwrap(), ((1, 8), (2, 12)));
    let options = "#{ teacher: wise, steps: 2, int8_steps: 1, batch: 8, random: 0 }";
    let source =
        format!("let block = train_block(hyperspace(\"pocket\"), \"stage2\", \"inverted_residual\", {options}); block.losses");
    let losses: rhai::Array = value(&session, &source);
    assert!(losses.len() == 2 && losses.iter().all(|loss| loss.as_float().unwrap() > 0.0), "{losses:?}");
    assert_eq!(value::<Table>(&session, "block.sample(2, rng(1))").height(), 2);

    let (code, message) = fault(&session, &taught("[\"stem\", \"stage1\"]", ""));
    assert!(code == "teacher::tap" && message.contains("4 features (6x16x16, 8x16x16"), "{code} {message}");
    assert_eq!(fault(&session, &taught(taps, ", channels: 4")).0, "teacher::script");
    assert_eq!(fault(&session, &format!("teacher({file:?}, #{{}})")).0, "options::missing");
    let late = taught("[\"a\", \"b\", \"stage1\", \"stage2\"]", "");
    let source = format!("train_block(hyperspace(\"pocket\"), \"stage1\", \"inverted_residual\", #{{ teacher: {late} }})");
    assert_eq!(fault(&session, &source).0, "teacher::mismatch");
    let no_script = folder.path().join("weights.pt");
    std::fs::write(&no_script, "no script").unwrap();
    let (code, message) = fault(&session, &format!("teacher({no_script:?}, #{{ taps: {taps} }})"));
    assert!(code == "teacher::script" && message.contains("is not TorchScript"), "{code} {message}");
}

//! From a script to integers: what an operator means is the same in PyTorch, in the trainer and in ONNX Runtime.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use spaceevo::base::Seed;
use spaceevo::data;
use spaceevo::device::ort::{OrtSession, optimised_ops};
use spaceevo::graph::{Builder, Graph, Part, Shape, Weights, chain};
use spaceevo::lab::Lab;
use spaceevo::onnx::{Precision, lower};
use spaceevo::primitive::operator::Block;
use spaceevo::runtime::{HostSettings, Output, Session, Settings};
use spaceevo::space::{BlockConfig, Choices, Operator, Subnet};
use spaceevo::train::{Distill, ExportNet, Job, Phase, PoolBuilder, TrainNet, TrainSummary, Update, WeightsRef};

use crate::torch::{argmaxes, forward, run, trainer, worst};
use crate::toynet;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const CLASSES: usize = 12;

#[derive(Debug)]
struct Silent;

impl Output for Silent {
    fn print(&self, _: &str) {}
}

/// A session whose lab is `lab`.
pub fn session(lab: &Path) -> Session {
    let host = HostSettings { lab: lab.into(), workers: 1, threads: 1, ..HostSettings::default() };
    Session::new(Settings { host, ..Settings::default() }, Arc::new(Silent)).unwrap()
}

/// What `source` gives, as a type of the library.
pub fn value<T: Clone + 'static>(session: &Session, source: &str) -> T {
    let outcome = session.eval(source, "test");
    if let Some(trouble) = &outcome.trouble {
        panic!("{}", trouble.text(false));
    }
    outcome.get().unwrap_or_else(|| panic!("another type than wanted: {:?}", outcome.printed))
}

/// The text in `script` that defines the operator `name`.
fn definition<'a>(script: &'a str, name: &str) -> &'a str {
    let begin = script.find(&format!("define_operator(\"{name}\"")).unwrap();
    let length = script[begin..].find("\n});\n").unwrap() + "\n});\n".len();
    &script[begin..begin + length]
}

#[test]
fn the_operator_of_the_quickstart_is_the_same_in_pytorch_torch_and_onnx_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder.path().join("lab"));
    let script = std::fs::read_to_string(Path::new(ROOT).join("examples/quickstart.rhai")).unwrap();
    let _: Operator = value(&session, definition(&script, "ghost").trim_end().trim_end_matches(';'));
    let pool = trainer();
    let cases = [
        ("ghost_identity", "cin: 16, cout: 16, kernel: 5, expand: 4, hw: 12"),
        ("ghost_strided", "cin: 16, cout: 24, kernel: 3, expand: 2, stride: 2, hw: 12"),
    ];
    for (name, config) in cases {
        let block: Block = value(&session, &format!("block(\"ghost\", #{{ {config} }})"));
        let file = Path::new(ROOT).join(format!("tests/fixtures/{name}.safetensors"));
        let tensors = Weights::load(&file).unwrap();
        let (shape, input) = tensors.get("input").unwrap();
        let (_, wanted) = tensors.get("output").unwrap();
        let torch = forward(&pool, &block.graph, file.clone(), false, file.clone(), folder.path());
        let onnx = lower(&block.graph, &tensors, Precision::Fp32, shape[0]).unwrap();
        let onnx = OrtSession::load(&onnx, 1).unwrap().run(input, shape).unwrap();
        let (torch, onnx) = (worst(&torch, wanted), worst(&onnx, wanted));
        println!("{name}: largest difference from PyTorch {torch:.1e} in the trainer, {onnx:.1e} in ONNX Runtime");
        assert!(torch < 1e-4 && onnx < 1e-4, "{name}: {torch} in the trainer, {onnx} in ONNX Runtime");
    }
}

/// A hyperspace as small as `pocket` with relu alone, and a supernet trained a little on few images.
const RELU_NET: &str = r#"
    let relu = operator("inverted_residual", #{ kernel: [3, 5], expand: [2, 4], activation: "relu" });
    let space = define_hyperspace("relu_pocket", #{
        operators: [relu],
        stages: [
            #{ name: "stem", operator: "stem_conv", widths: [16], stride: 2 },
            #{ name: "stage1", widths: [16, 24], depths: [1, 2], stride: 1 },
            #{ name: "stage2", widths: [32, 40], depths: [1, 2], stride: 2 },
            #{ name: "stage3", widths: [64, 80], depths: [1, 2], stride: 2 },
            #{ name: "head", operator: "pooled_head", widths: [128] },
            #{ name: "logits", operator: "classifier", widths: [12] },
        ],
    }).plain("inverted_residual");
    let data = dataset("shapes", #{ train: 2048, valid: 500, test: 2000, seed: 1 });
    let net = train_supernet(space, #{ data: data, steps: 200, int8_steps: 30, batch: 32, random: 0, seed: 1 });
"#;

#[test]
fn an_exported_int8_network_sees_what_the_trained_one_saw() {
    let folder = tempfile::tempdir().unwrap();
    let lab = folder.path().join("lab");
    let session = session(&lab);
    value::<()>(&session, RELU_NET);
    let file = folder.path().join("relu.onnx");
    value::<()>(&session, &format!("net.export_onnx(space.largest, {:?}, #{{ precision: \"int8\" }});", file.display()));
    let subnet: Subnet = value(&session, "space.largest");
    let graph = subnet.graph().unwrap();
    let bytes = std::fs::read(&file).unwrap();
    only_integers(&bytes);

    let images = data::load(32, 0, 0, 2000, Seed(1)).unwrap().test;
    let mut onnx = OrtSession::load(&bytes, 1).unwrap();
    let theirs: Vec<f32> = (0..images.len()).flat_map(|at| onnx.run(&images.floats([at]), &[1, 3, 32, 32]).unwrap()).collect();
    let (pool, weights) = (trainer(), exported_weights(&lab));
    let mut ours = vec![];
    for from in (0..images.len()).step_by(250) {
        let mut inputs = Weights::default();
        inputs.insert("input", vec![250, 3, 32, 32], images.floats(from..from + 250));
        inputs.save(&folder.path().join("inputs.safetensors")).unwrap();
        let inputs = folder.path().join("inputs.safetensors");
        ours.extend(forward(&pool, &graph, weights.clone(), true, inputs, folder.path()));
    }
    let (ours, theirs) = (argmaxes(&ours, CLASSES), argmaxes(&theirs, CLASSES));
    let agree_pct = 100.0 * share(&ours, |at| theirs[at]);
    let [torch_pct, onnx_pct] = [&ours, &theirs].map(|classes| 100.0 * share(classes, |at| images.label(at)));
    let told = format!(
        "same class on {agree_pct:.2} % of 2000 images; top-1 {torch_pct:.2} % in torch, {onnx_pct:.2} % in ONNX Runtime"
    );
    println!("{told}");
    // A guess among twelve is right in 8.3 %, with a standard error of 0.6.
    assert!(torch_pct > 11.0, "it learned nothing: {told}");
    assert!(agree_pct >= 98.0 && (torch_pct - onnx_pct).abs() <= 1.0, "{told}");
    // The front's own figure is that of the exported file, too.
    let front: f64 = value(&session, &format!("evaluate({:?}, data).int8_top1_pct", file.display()));
    assert!((front - onnx_pct).abs() < 1e-9, "{front} {onnx_pct}");
}

fn share(classes: &[usize], wanted: impl Fn(usize) -> usize) -> f64 {
    let equal = classes.iter().enumerate().filter(|(at, class)| wanted(*at) == **class).count();
    equal as f64 / classes.len() as f64
}

/// The one weights file that an export left in the lab.
fn exported_weights(lab: &Path) -> PathBuf {
    let exports = Lab::open(lab).unwrap().root().join("export_net");
    let folders: Vec<_> = std::fs::read_dir(exports).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders[0].join("weights.safetensors")
}

/// The runtime's own graph has integer kernels for every convolution and sum.
fn only_integers(bytes: &[u8]) {
    let ran = optimised_ops(bytes).unwrap();
    let count = |operator: &str| ran.iter().filter(|(own, _)| own == operator).count();
    assert_eq!((count("Conv"), count("FusedConv"), count("Add")), (0, 0, 0), "{ran:?}");
    // Two blocks a stage, each with three convolutions and a sum, three of them with a shortcut's convolution; stem and head.
    assert_eq!((count("QLinearConv"), count("QLinearAdd")), (23, 6), "{ran:?}");
}

/// A 1x1 map of classes after `cin` channels of side `hw`.
fn tail(cin: usize, hw: usize, pooled: bool) -> Graph {
    let mut b = Builder::new(Shape::new(cin, hw, hw));
    let x = if pooled { b.global_pool(b.input(), "mean").unwrap() } else { b.input() };
    let x = if pooled { x } else { b.linear(x, "classes", CLASSES as i64).unwrap() };
    b.finish(x)
}

/// The smallest and the largest block of `operator` in a small network, each as `(prefix, graph)` in order.
fn networks(operator: &Operator, stem: &Operator) -> Vec<Vec<(&'static str, Arc<Graph>)>> {
    let build = |operator: &Operator, choices: Choices, (cin, cout, stride, hw): (usize, usize, usize, usize)| {
        let activation = operator.activation();
        operator.build(&BlockConfig { cin, cout, stride, hw, choices, activation }).unwrap()
    };
    let pooled = operator.is_pooled();
    let sizes = [(operator.smallest(), 16, 1), (operator.largest(), 24, if pooled { 1 } else { 2 })];
    let network = |(choices, cout, stride): (Choices, usize, usize)| {
        let stem = build(stem, stem.smallest(), (3, 16, 2, 32));
        let pool = |cin, hw| Arc::new(tail(cin, hw, true));
        let classes = Arc::new(tail(cout, 1, false));
        let hw = if pooled { 1 } else { 16 };
        let block = build(operator, choices, (16, cout, stride, hw));
        if pooled {
            vec![("stem", stem), ("pool", pool(16, 16)), ("block", block), ("last", classes)]
        } else {
            vec![("stem", stem), ("block", block), ("pool", pool(cout, 16 / stride)), ("last", classes)]
        }
    };
    sizes.into_iter().map(network).collect()
}

#[test]
fn every_operator_of_the_library_trains_and_runs_in_integers() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder.path().join("lab"));
    let stem: Operator = value(&session, "operator(\"stem_conv\")");
    let trainer = trainer();
    let files = std::fs::read_dir(Path::new(ROOT).join("stdlib/operators")).unwrap().map(|entry| entry.unwrap().path());
    let names: Vec<_> = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_string()).collect();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let operator: Operator = value(&session, &format!("operator(\"{name}\")"));
        let networks = networks(&operator, &stem);
        let mut builder = PoolBuilder::default();
        let nets: Vec<_> =
            networks.iter().map(|parts| builder.net(parts.iter().map(|(at, graph)| (*at, &**graph)), 32)).collect();
        let pool = builder.finish().unwrap();
        let phase =
            |quantized| Phase { quantized, precision: Default::default(), lr: 0.01, warmup: 0, steps: vec![nets.clone()] };
        let train = TrainNet {
            label: name.clone(),
            pool: pool.clone(),
            data: toynet::shapes(64, 16),
            batch: 32,
            replicas: 1,
            phases: vec![phase(false), phase(true)],
            smoothing: 0.1,
            dropout: 0.0,
            distill: Distill::AlphaDivergence,
            loss: None,
            update: Update::sgd(),
            initial: None,
            report: nets[0].clone(),
            seed: Seed(1),
        };
        let at = folder.path().join(&name);
        let summary: TrainSummary = run(&trainer, Job::TrainNet(train), &at);
        assert!(summary.loss.len() == 2 && summary.loss.iter().all(|loss| loss.is_finite()), "{name}: {summary:?}");
        let trained = WeightsRef { job: name.clone(), path: at.join("weights.safetensors") };
        for (net, parts) in nets.iter().zip(&networks) {
            let export = ExportNet {
                pool: pool.clone(),
                weights: Some(trained.clone()),
                data: toynet::shapes(64, 16),
                quantized: true,
                net: net.clone(),
                recalibrate: 2,
                batch: 32,
                seed: Seed(1),
            };
            let exported = at.join("export");
            let _: Value = run(&trainer, Job::ExportNet(export), &exported);
            let file = exported.join("weights.safetensors");
            let parts: Vec<_> = parts.iter().map(|(prefix, graph)| Part { prefix, graph }).collect();
            let graph = chain(Shape::new(3, 32, 32), &parts).unwrap();
            let images = data::load(32, 0, 0, 16, Seed(1)).unwrap().test;
            let (values, shape) = (images.floats(0..16), vec![16, 3, 32, 32]);
            let mut inputs = Weights::default();
            inputs.insert("input", shape.clone(), values.clone());
            inputs.save(&exported.join("inputs.safetensors")).unwrap();
            let ours = forward(&trainer, &graph, file.clone(), true, exported.join("inputs.safetensors"), &exported);
            let int8 = lower(&graph, &Weights::load(&file).unwrap(), Precision::Int8, 16).unwrap();
            let theirs = OrtSession::load(&int8, 1).unwrap().run(&values, &shape).unwrap();
            let size = ours.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            println!("{name}: {:.4} of {size:.3}", worst(&ours, &theirs));
            assert!(theirs.iter().all(|value| value.is_finite()) && size > 0.0, "{name}: {theirs:?}");
            assert!(worst(&ours, &theirs) < 0.05 * size, "{name}: {} of {size}", worst(&ours, &theirs));
        }
    }
}

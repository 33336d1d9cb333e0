//! The torch lowering and its training, driven as a process: the numbers of PyTorch and of ONNX Runtime, slices, losses.

use std::path::{Path, PathBuf};

use rand::RngExt;
use serde_json::Value;
use spaceevo::base::{Cancel, Progress, Result, Seed};
use spaceevo::data;
use spaceevo::device::ort::OrtSession;
use spaceevo::graph::{Activation, Builder, ConvOptions, Graph, Part, Shape, Weights, chain, union_weights};
use spaceevo::onnx::{Precision, lower};
use spaceevo::train::{
    BlockTarget, EvalBlocks, EvalNets, ExportNet, Forward, Job, JobFile, Loss, Lsq, Net, NetScore, Phase, Pool, SampleLoss,
    Targets, TeacherForm, TeacherRef, TrainBlock, TrainNet, TrainSummary, Update, WeightsRef,
};
use spaceevo::worker::{self, PoolOptions};

use crate::nets;
use crate::slow_net::{calibrated, evaluate};
use crate::toynet::{self, Toy};

pub fn trainer() -> worker::Pool {
    worker::Pool::start(PoolOptions { workers: 1, threads: 1, ..PoolOptions::default() })
}

fn attempt(pool: &worker::Pool, job: Job, folder: &Path) -> Result<Value> {
    std::fs::create_dir_all(folder).unwrap();
    pool.run(JobFile::new(job, folder), "test", &Progress::default(), &Cancel::default())
}

pub fn run<T: serde::de::DeserializeOwned>(pool: &worker::Pool, job: Job, folder: &Path) -> T {
    serde_json::from_value(attempt(pool, job, folder).unwrap()).unwrap()
}

/// What the torch lowering makes of `input` with the weights in the file `weights`.
pub fn forward(
    pool: &worker::Pool,
    graph: &Graph,
    weights: PathBuf,
    quantized: bool,
    inputs: PathBuf,
    folder: &Path,
) -> Vec<f32> {
    forward_by(Lsq::default(), pool, graph, weights, quantized, inputs, folder)
}

/// [`forward`] with quantizers of another kind.
fn forward_by(
    lsq: Lsq,
    pool: &worker::Pool,
    graph: &Graph,
    weights: PathBuf,
    quantized: bool,
    inputs: PathBuf,
    folder: &Path,
) -> Vec<f32> {
    let _: Value = run(pool, Job::Forward(Forward { graph: graph.clone(), weights, quantized, lsq, inputs }), folder);
    Weights::load(&folder.join("outputs.safetensors")).unwrap().get("output").unwrap().1.to_vec()
}

pub fn worst(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

pub fn argmaxes(values: &[f32], classes: usize) -> Vec<usize> {
    values.chunks(classes).map(|row| (0..classes).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap()).collect()
}

#[test]
fn blocks_written_by_hand_in_pytorch_give_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let pool = trainer();
    for name in ["inverted", "excite", "shuffle", "transformer"] {
        let graph: Graph = serde_json::from_slice(&std::fs::read(fixtures.join(format!("{name}.json"))).unwrap()).unwrap();
        let file = fixtures.join(format!("{name}.safetensors"));
        let tensors = Weights::load(&file).unwrap();
        let (_, wanted) = tensors.get("output").unwrap();
        let got = forward(&pool, &graph, file.clone(), false, file.clone(), folder.path());
        assert!(worst(&got, wanted) < 1e-4, "{name} in torch: {}", worst(&got, wanted));
        let (shape, input) = tensors.get("input").unwrap();
        let onnx = lower(&graph, &tensors, Precision::Fp32, shape[0]).unwrap();
        let got = OrtSession::load(&onnx, 1).unwrap().run(input, shape).unwrap();
        assert!(worst(&got, wanted) < 1e-4, "{name} in ONNX: {}", worst(&got, wanted));
    }
}

#[test]
fn fake_quantization_is_that_of_the_plain_evaluator() {
    let folder = tempfile::tempdir().unwrap();
    let pool = trainer();
    let cases = [
        ("mobile relu6", nets::mobile(Activation::Relu6, false)),
        ("mobile hswish se", nets::mobile(Activation::Hswish, true)),
        ("resnet", nets::resnet()),
        ("shuffled", nets::shuffled()),
        ("transformer", nets::transformer()),
    ];
    for (name, graph) in cases {
        let shape = graph.input_shape();
        let mut rng = Seed(3).rng();
        let image: Vec<f32> = (0..shape.elements()).map(|_| rng.random_range(-1.0..1.0)).collect();
        let weights = calibrated(&graph, &image, Seed(7));
        weights.save(&folder.path().join("weights.safetensors")).unwrap();
        let mut inputs = Weights::default();
        inputs.insert("input", vec![1, shape.c(), shape.h, shape.w], image.clone());
        inputs.save(&folder.path().join("inputs.safetensors")).unwrap();
        for quantized in [false, true] {
            let [weights_file, inputs_file] = ["weights", "inputs"].map(|name| folder.path().join(format!("{name}.safetensors")));
            let got = forward(&pool, &graph, weights_file, quantized, inputs_file, folder.path());
            let wanted: Vec<f32> =
                evaluate(&graph, &weights, &image, quantized)[graph.output].iter().map(|value| *value as f32).collect();
            let size = wanted.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            // The trainer rounds biases as an integer kernel does, the plain evaluator does not.
            let most = if quantized { 0.05 } else { 1e-5 };
            assert!(worst(&got, &wanted) < most * size, "{name}, quantized {quantized}: {} of {size}", worst(&got, &wanted));
        }
    }
}

/// Two branches of different widths, joined.
fn joined(left: i64, right: i64) -> Graph {
    let mut b = Builder::new(Shape::new(4, 6, 6));
    let three = ConvOptions { kernel: 3, ..ConvOptions::default() };
    let x = b.conv(b.input(), "left", left, three).unwrap();
    let y = b.conv(b.input(), "right", right, ConvOptions::default()).unwrap();
    let x = b.concat(&[x, y], "cat").unwrap();
    let x = b.bn(x, Some("norm")).unwrap();
    let x = b.conv(x, "join", 6, ConvOptions { bias: true, ..ConvOptions::default() }).unwrap();
    b.finish(x)
}

#[test]
fn a_configuration_takes_the_leading_channels_of_each_segment() {
    let folder = tempfile::tempdir().unwrap();
    let graphs = vec![joined(4, 3), joined(2, 2)];
    let weights = union_weights(graphs.iter().map(|graph| Part { prefix: "b", graph })).unwrap();
    let elastic = Pool { graphs, parts: vec![("b".into(), 0), ("b".into(), 1)], weights, lsq: Lsq::default() };
    let pool = trainer();
    let export = |part: usize| {
        let job = Job::ExportNet(ExportNet {
            pool: elastic.clone(),
            weights: None,
            data: toynet::shapes(8, 0),
            quantized: false,
            net: Net { parts: vec![part], resolution: 6 },
            recalibrate: 0,
            batch: 8,
            seed: Seed(5),
        });
        let _: Value = run(&pool, job, folder.path());
        Weights::load(&folder.path().join("weights.safetensors")).unwrap()
    };
    let (whole, part) = (export(0), export(1));
    let (shape, large) = whole.get("b.join.weight").unwrap();
    assert_eq!(shape, [6, 7, 1, 1]);
    let (shape, small) = part.get("b.join.weight").unwrap();
    assert_eq!(shape, [6, 4, 1, 1]);
    let wanted: Vec<f32> = large.chunks(7).flat_map(|row| [row[0], row[1], row[4], row[5]]).collect();
    assert_eq!(small, wanted);
    assert_eq!(part.get("b.left.weight").unwrap().1, &whole.get("b.left.weight").unwrap().1[..2 * 4 * 9]);
    assert_eq!(part.get("b.norm.var").unwrap().1, [1.0; 4]);
}

#[test]
fn a_supernet_learns_in_fp32_and_in_int8_and_is_cut_into_networks() {
    let folder = tempfile::tempdir().unwrap();
    let toy = Toy::new([[8, 16], [16, 24], [24, 32]]);
    let pool = trainer();
    let phases = vec![toynet::phase(false, 0.1, 50), toynet::phase(true, 0.01, 6)];
    let trained = toynet::train(&toy, phases, &folder.path().join("train"));
    let summary: TrainSummary = run(&pool, trained.job, &trained.folder);
    // The loss of a guess among twelve classes is 2.48; the few images are learned by heart.
    assert!(summary.loss[0] < 2.0 && summary.loss[1] < summary.loss[0] + 0.1, "{summary:?}");
    let weights = WeightsRef { job: "train".into(), path: trained.folder.join("weights.safetensors") };
    let evaluate = Job::EvalNets(EvalNets {
        label: "toy".into(),
        pool: toy.pool.clone(),
        weights: weights.clone(),
        data: toynet::shapes(64, 96),
        quantized: true,
        nets: Toy::extremes().to_vec(),
        recalibrate: 2,
        metric: None,
        images: 80,
        batch: 32,
        seed: Seed(3),
    });
    let scores: Vec<NetScore> = run(&pool, evaluate, &folder.path().join("eval"));
    assert_eq!((scores.len(), scores[0].images, scores[1].images), (2, 80, 80));
    let _: Value = run(&pool, toynet::export(&toy, weights), &folder.path().join("export"));
    let exported = Weights::load(&folder.path().join("export/weights.safetensors")).unwrap();
    // The smaller input width, three times expanded, and the centre of the kernel.
    let whole = Weights::load(&trained.folder.join("weights.safetensors")).unwrap();
    let (shape, depth) = exported.get("stage2.b1.depth.weight").unwrap();
    let (_, largest) = whole.get("stage2.b1.depth.weight").unwrap();
    assert_eq!(shape, [48, 1, 3, 3]);
    assert_eq!(depth[..3], largest[6..9]);
    assert_eq!(exported.scalar("stage2.b1.expand.act.zp").unwrap(), 0.0);
    assert!(exported.scalar("stage2.b1.expand.act.sa").unwrap() <= 6.0 / 255.0);
    same_classes_in_onnx_runtime(&pool, &toy, folder.path());
}

/// The smallest network of `toy`.
pub fn smallest(toy: &Toy) -> Graph {
    let net = &Toy::extremes()[1];
    let parts: Vec<_> = net.parts.iter().map(|&part| &toy.pool.parts[part]).collect();
    let parts: Vec<_> = parts.iter().map(|(prefix, graph)| Part { prefix, graph: &toy.pool.graphs[*graph] }).collect();
    chain(Shape::new(3, toynet::SIZE, toynet::SIZE), &parts).unwrap()
}

/// The smallest network of `toy`, fake-quantized in torch, and its exported file in ONNX Runtime see the same classes.
pub fn same_classes_in_onnx_runtime(pool: &worker::Pool, toy: &Toy, folder: &Path) {
    let graph = smallest(toy);
    let file = folder.join("export/weights.safetensors");
    let weights = Weights::load(&file).unwrap();
    let images = data::load(toynet::SIZE, 0, 500, 0, Seed(9)).unwrap().valid;
    let shape = vec![images.len(), 3, toynet::SIZE, toynet::SIZE];
    let mut inputs = Weights::default();
    inputs.insert("input", shape.clone(), images.floats(0..images.len()));
    inputs.save(&folder.join("inputs.safetensors")).unwrap();
    for (quantized, precision, least) in [(false, Precision::Fp32, 100), (true, Precision::Int8, 98)] {
        let inputs = folder.join("inputs.safetensors");
        let ours = forward_by(toy.pool.lsq.clone(), pool, &graph, file.clone(), quantized, inputs, folder);
        let onnx = lower(&graph, &weights, precision, images.len()).unwrap();
        let theirs = OrtSession::load(&onnx, 1).unwrap().run(&images.floats(0..images.len()), &shape).unwrap();
        let agree = argmaxes(&ours, 12).iter().zip(argmaxes(&theirs, 12)).filter(|(a, b)| **a == *b).count();
        assert!(agree * 100 >= least * images.len(), "{precision:?}: {agree} of {} agree", images.len());
    }
}

#[test]
fn a_block_learns_from_a_teacher_and_larger_stages_learn_more() {
    let folder = tempfile::tempdir().unwrap();
    let toy = Toy::new([[16, 16], [24, 24], [32, 32]]);
    let pool = trainer();
    let [largest, _] = Toy::extremes();
    let mut trained = toynet::train(&toy, vec![toynet::fixed_phase(false, 0.05, &largest, 10)], &folder.path().join("teacher"));
    if let Job::TrainNet(TrainNet { report, .. }) = &mut trained.job {
        assert_eq!(*report, largest);
    }
    let _: TrainSummary = run(&pool, trained.job, &trained.folder);
    let weights = WeightsRef { job: "teacher".into(), path: trained.folder.join("weights.safetensors") };
    let target = BlockTarget {
        teacher: TeacherRef { pool: toy.pool.clone(), net: largest.clone(), weights, form: TeacherForm::Float },
        input_after: 2,
        target_after: 4,
    };
    // The second stage: its parts stand at 3 and 4 of each network.
    let stage = |net: &Net| Net { parts: net.parts[3..5].to_vec(), resolution: toynet::SIZE };
    let [large, small] = Toy::extremes().map(|net| stage(&net));
    let phases = [(false, 0.01, 80), (true, 0.001, 6)].map(|(quantized, lr, count)| Phase {
        quantized,
        precision: Default::default(),
        lr,
        warmup: 0,
        steps: vec![vec![large.clone(), small.clone()]; count],
    });
    let learn = |loss: &Loss| {
        Job::TrainBlock(TrainBlock {
            label: "stage2".into(),
            pool: toy.pool.clone(),
            data: toynet::shapes(64, 96),
            target: target.clone(),
            loss: loss.clone(),
            batch: 32,
            phases: phases.to_vec(),
            targets: Targets::Teacher,
            update: Update { weight_decay: 0.0, ..Update::adam() },
            seed: Seed(2),
        })
    };
    for loss in [Loss::Nsr, Loss::NsrStudent, Loss::Mse] {
        let at = folder.path().join(format!("{loss:?}"));
        let summary: TrainSummary = run(&pool, learn(&loss), &at);
        assert!(summary.loss[1] < summary.loss[0] * 1.2, "{loss:?}: quantization forgot: {summary:?}");
        let evaluate = |quantized, nets: Vec<Net>| {
            Job::EvalBlocks(EvalBlocks {
                label: "stage2".into(),
                pool: toy.pool.clone(),
                weights: WeightsRef { job: "block".into(), path: at.join("weights.safetensors") },
                data: toynet::shapes(64, 96),
                target: target.clone(),
                loss: loss.clone(),
                quantized,
                nets,
                recalibrate: 2,
                batches: 3,
                batch: 32,
                seed: Seed(4),
            })
        };
        let plain: Vec<SampleLoss> = run(&pool, evaluate(false, vec![large.clone(), small.clone(), large.clone()]), &at);
        assert_eq!(plain[0].loss, plain[2].loss, "evaluation changed the weights");
        assert!(plain[0].loss < plain[1].loss && plain[0].stderr > 0.0, "{loss:?}: {plain:?}");
        if loss == Loss::Nsr {
            assert!(plain[0].loss < 0.97, "no better than a constant: {plain:?}");
        }
        let int8: Vec<SampleLoss> = run(&pool, evaluate(true, vec![large.clone()]), &at);
        assert!(int8[0].loss < plain[0].loss * 1.2, "{loss:?}: {int8:?} {plain:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let toy = Toy::new([[8, 8], [8, 8], [8, 16]]);
    let pool = trainer();
    let files = ["a", "b"].map(|name| {
        let phases = vec![toynet::phase(false, 0.1, 3), toynet::phase(true, 0.01, 2)];
        let file = toynet::train(&toy, phases, &folder.path().join(name));
        let _: TrainSummary = run(&pool, file.job, &file.folder);
        std::fs::read(file.folder.join("weights.safetensors")).unwrap()
    });
    assert!(files[0] == files[1]);
}

#[test]
fn what_cannot_be_trained_is_a_fault_and_the_trainer_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let toy = Toy::new([[8, 8], [8, 8], [8, 16]]);
    let pool = trainer();
    let wild = toynet::train(&toy, vec![Phase { warmup: 0, ..toynet::phase(false, 1e30, 8) }], folder.path());
    let fault = attempt(&pool, wild.job, folder.path()).unwrap_err();
    assert_eq!(fault.code, "train::diverged", "{fault:?}");
    let mut short = toynet::train(&toy, vec![toynet::phase(false, 0.1, 1)], folder.path());
    if let Job::TrainNet(job) = &mut short.job {
        // A convolution by 5 on what is left of an image of one cell is possible; no image at all is not.
        job.phases[0].steps[0][0].resolution = 0;
    }
    let fault = attempt(&pool, short.job, folder.path()).unwrap_err();
    assert_eq!(fault.code, "train::torch", "{fault:?}");
    let good = toynet::train(&toy, vec![toynet::phase(false, 0.1, 1)], folder.path());
    attempt(&pool, good.job, folder.path()).unwrap();
}

//! Blocks trained side by side: the numbers of each are those that it has alone, and each is kept by itself.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use spaceevo::base::{Cancel, Fault, Progress, ProgressSink, Seed};
use spaceevo::graph::{Activation, Builder, ConvOptions, Graph, Shape, Weights};
use spaceevo::lab::Lab;
use spaceevo::train::{
    BlockFile, BlockTarget, CHECKPOINT, Curve, Done, Granularity, Job, JobFile, Loss, Lsq, Net, Offset, Phase, Pool as Graphs,
    PoolBuilder, Runner, Targets, TeacherForm, TeacherRef, TrainBlock, TrainBlocks, TrainNet, TrainSummary, Update, WeightsRef,
};
use spaceevo::worker::{Pool, PoolOptions};

use crate::torch::{run, trainer};
use crate::toynet::{self, Toy};

/// Keeps what is said while jobs run.
#[derive(Default)]
pub struct Told(Mutex<Vec<String>>);

impl Told {
    /// A listener, and a progress that speaks to it.
    pub fn listen() -> (Arc<Self>, Progress) {
        let told = Arc::new(Self::default());
        (told.clone(), Progress::to(told))
    }

    /// The lines with `words` in them.
    pub fn with(&self, words: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|line| line.contains(words)).cloned().collect()
    }
}

impl ProgressSink for Told {
    fn begin(&self, _: u64, _: &str, _: u64) {}
    fn update(&self, _: u64, _: u64, _: &str) {}
    fn end(&self, _: u64) {}
    fn say(&self, line: &str) {
        self.0.lock().unwrap().push(line.into());
    }
}

/// A teacher that has learnt for one step, and elastic stages that learn from it.
pub struct School {
    toy: Toy,
    teacher: TeacherRef,
}

impl School {
    /// The teacher's weights lie in `folder`.
    pub fn new(folder: &Path) -> Self {
        let toy = Toy::new([[16, 16], [24, 24], [32, 32]]);
        let [net, _] = Toy::extremes();
        let once = Phase { quantized: false, precision: Default::default(), lr: 0.05, warmup: 0, steps: vec![vec![net.clone()]] };
        let trained = toynet::train(&toy, vec![once], &folder.join("teacher"));
        let _: TrainSummary = run(&trainer(), trained.job, &trained.folder);
        let weights = WeightsRef { job: "teacher".into(), path: trained.folder.join("weights.safetensors") };
        Self { teacher: TeacherRef { pool: toy.pool.clone(), net, weights, form: TeacherForm::Float }, toy }
    }

    /// Stage 1, 2 or 3, trained for so many steps in FP32 and in INT8; the random nets of its sandwiches see smaller images.
    pub fn block(&self, stage: usize, steps: [usize; 2]) -> TrainBlock {
        let cut = |net: &Net, resolution| Net { parts: net.parts[2 * stage - 1..=2 * stage].to_vec(), resolution };
        let sandwich = |step: usize| {
            let nets = Toy::sandwich(step + 100 * stage);
            nets.iter().zip([32, 24, 24]).map(|(net, resolution)| cut(net, resolution)).collect()
        };
        let phase = |quantized, lr, steps: usize| Phase {
            quantized,
            precision: Default::default(),
            lr,
            warmup: 1,
            steps: (0..steps).map(sandwich).collect(),
        };
        TrainBlock {
            label: format!("stage{stage}"),
            pool: self.toy.pool.clone(),
            data: toynet::shapes(64, 32),
            target: BlockTarget { teacher: self.teacher.clone(), input_after: 2 * stage - 2, target_after: 2 * stage },
            loss: Loss::Nsr,
            targets: Targets::Teacher,
            batch: 16,
            phases: vec![phase(false, 0.01, steps[0]), phase(true, 0.001, steps[1])],
            update: Update::adam(),
            seed: Seed(2),
        }
    }
}

/// The weights in `folder`, as bytes.
pub fn weights(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("weights.safetensors")).unwrap()
}

fn curve(folder: &Path) -> Curve {
    Curve::of(&WeightsRef { job: String::new(), path: folder.join("weights.safetensors") }).unwrap()
}

/// `block` by itself in `folder`.
fn alone(pool: &Pool, block: &TrainBlock, folder: &Path) -> TrainSummary {
    run(pool, Job::TrainBlock(block.clone()), folder)
}

/// The folder of one block in `folder`.
fn place(folder: &Path, kind: &str, place: usize) -> PathBuf {
    let folder = folder.join(format!("{kind}{place}"));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// `blocks` side by side in so many threads; that at each place in a folder of its own.
fn together(pool: &Pool, blocks: &[TrainBlock], threads: usize, folder: &Path) -> Vec<Result<TrainSummary, Fault>> {
    let file = |(at, block): (usize, &TrainBlock)| BlockFile {
        key: Job::TrainBlock(block.clone()).key().unwrap(),
        folder: place(folder, "together", at),
        block: block.clone(),
    };
    let files: Vec<_> = blocks.iter().enumerate().map(file).collect();
    let threads = files.chunks(files.len().div_ceil(threads)).map(<[_]>::to_vec).collect();
    let group = Job::TrainBlocks(TrainBlocks { label: "all".into(), threads });
    run(pool, group, &place(folder, "together", 0))
}

#[test]
fn blocks_trained_side_by_side_end_as_each_does_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (school, pool) = (School::new(folder.path()), trainer());
    // Of different depth, one has fewer steps, and one makes something else of the teacher's maps.
    let mut own = TrainBlock { loss: Loss::Mse, targets: Targets::Largest, ..school.block(2, [4, 3]) };
    own.update = Update { cosine_every: 2, ..Update::sgd() };
    own.pool.lsq = Lsq { weight_bits: 4, weights: Granularity::PerChannel, offset: Offset::Real, ..Lsq::default() };
    let blocks = [school.block(3, [4, 3]), school.block(1, [3, 1]), own];
    let by_itself = |at: usize| place(folder.path(), "alone", at);
    let single: Vec<_> = blocks.iter().enumerate().map(|(place, block)| alone(&pool, block, &by_itself(place))).collect();
    for threads in 1..=blocks.len() {
        let own = folder.path().join(format!("threads{threads}"));
        let together = together(&pool, &blocks, threads, &own);
        let in_group = |at: usize| place(&own, "together", at);
        for (place, (alone, together)) in single.iter().zip(&together).enumerate() {
            let together = together.as_ref().unwrap();
            assert_eq!(alone.loss, together.loss, "block {place} of {threads} threads");
            assert!(
                weights(&by_itself(place)) == weights(&in_group(place)),
                "the weights of block {place} of {threads} threads differ"
            );
            let (alone, together) = (curve(&by_itself(place)), curve(&in_group(place)));
            assert_eq!((&alone.step, &alone.phase, &alone.loss), (&together.step, &together.phase, &together.loss));
        }
    }
    let curve = curve(&by_itself(0));
    assert_eq!(curve.step, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(curve.phase.iter().filter(|phase| *phase == "int8").count(), 3);
    assert!(curve.elapsed_s.is_sorted() && curve.elapsed_s[0] > 0.0, "{curve:?}");
}

/// A teacher in 8 bits. What its first stage gives goes into a relu, which an integer kernel does by itself: no quantizer stands
/// there, but would if one looked no further.
fn in_8_bits(folder: &Path) -> TeacherRef {
    let stage = |cin: usize, cout: i64, stride: i64, relu: bool| -> Graph {
        let mut b = Builder::new(Shape::new(cin, toynet::SIZE, toynet::SIZE));
        let mut x = b.input();
        if relu {
            x = b.act(x, Some("act"), Activation::Relu).unwrap();
        }
        let x = b.conv(x, "conv", cout, ConvOptions { kernel: 3, stride, ..ConvOptions::default() }).unwrap();
        let x = b.bn(x, None).unwrap();
        b.finish(x)
    };
    let graphs = [
        ("stem", stage(3, 16, 2, false)),
        ("one", stage(16, 16, 1, false)),
        ("two", stage(16, 24, 2, true)),
        ("head", toynet::head(24, 12)),
    ];
    let mut builder = PoolBuilder::default();
    let parts = graphs.iter().map(|(name, graph)| builder.part(name, graph)).collect();
    let (pool, net): (Graphs, _) = (builder.finish().unwrap(), Net { parts, resolution: toynet::SIZE });
    let once =
        |quantized| Phase { quantized, precision: Default::default(), lr: 0.01, warmup: 0, steps: vec![vec![net.clone()]] };
    let file = toynet::train(&Toy { pool: pool.clone() }, vec![once(false), once(true)], folder);
    let Job::TrainNet(job) = file.job else { unreachable!() };
    let _: TrainSummary = run(&trainer(), Job::TrainNet(TrainNet { report: net.clone(), ..job }), &file.folder);
    let weights = WeightsRef { job: "in 8 bits".into(), path: file.folder.join("weights.safetensors") };
    TeacherRef { pool, net, weights, form: TeacherForm::Quantized }
}

#[test]
fn maps_of_a_teacher_in_8_bits_do_not_depend_on_how_deep_it_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let (school, pool) = (School::new(folder.path()), trainer());
    let teacher = in_8_bits(&folder.path().join("in_8_bits"));
    let block = |stage: usize| {
        let target = BlockTarget { teacher: teacher.clone(), input_after: stage - 1, target_after: stage };
        TrainBlock { target, ..school.block(stage, [2, 1]) }
    };
    let single = alone(&pool, &block(1), &place(folder.path(), "alone", 0));
    let both = together(&pool, &[block(1), block(2)], 1, folder.path());
    assert_eq!(single.loss, both[0].as_ref().unwrap().loss);
    let [single, both] = ["alone", "together"].map(|kind| weights(&place(folder.path(), kind, 0)));
    assert!(single == both, "the weights differ");
}

fn runner(folder: &Path, workers: usize) -> (Arc<Lab>, Runner) {
    let lab = Arc::new(Lab::open(folder).unwrap());
    let pool = Pool::start(PoolOptions { workers, threads: 1, ..PoolOptions::default() });
    (lab.clone(), Runner::new(lab, pool).with_checkpoints_every(0.0))
}

#[test]
fn each_block_of_a_group_is_kept_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let school = School::new(folder.path());
    let jobs = || [1, 2, 3].map(|stage| Job::TrainBlock(school.block(stage, [2, 1]))).to_vec();
    let (quiet, cancel) = (Progress::default(), Cancel::default());
    let (lab, together) = runner(&folder.path().join("together"), 1);
    let (_, apart) = runner(&folder.path().join("apart"), 1);
    let first = together.run(jobs(), &quiet, &cancel).unwrap();
    let other = apart.run_apart(jobs(), &quiet, &cancel).unwrap();
    for (one, other) in first.iter().zip(&other) {
        assert_eq!(one.key, other.key);
        assert!(weights(&one.folder) == weights(&other.folder));
        assert!(!one.reused && one.value["loss"] == other.value["loss"], "{one:?} {other:?}");
        let names: Vec<_> = std::fs::read_dir(&one.folder).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name == CHECKPOINT || name.to_string_lossy().starts_with(".writing")), "{names:?}");
    }
    // One is lost; it alone is trained again, to the same weights.
    let before = weights(&first[1].folder);
    assert!(lab.delete_artifact("train_block", &first[1].key).unwrap());
    let again = together.run(jobs(), &quiet, &cancel).unwrap();
    assert_eq!(again.iter().map(|done| done.reused).collect::<Vec<_>>(), [true, false, true]);
    assert!(weights(&again[1].folder) == before);
}

#[test]
fn a_block_that_fails_leaves_the_others_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let school = School::new(folder.path());
    let mut wild = school.block(2, [8, 0]);
    wild.phases[0].lr = 1e30;
    let mut shapeless = school.block(3, [8, 0]);
    shapeless.phases[0].steps[2][0].resolution = 0;
    let good = [1, 3].map(|stage| Job::TrainBlock(school.block(stage, [8, 0])));
    let (_, runner) = runner(&folder.path().join("lab"), 1);
    let (quiet, cancel) = (Progress::default(), Cancel::default());
    let jobs = vec![good[0].clone(), Job::TrainBlock(wild), Job::TrainBlock(shapeless), good[1].clone()];
    let fault = runner.run(jobs, &quiet, &cancel).unwrap_err();
    assert_eq!(fault.code, "train::diverged", "{fault:?}");
    assert!(fault.message.starts_with("stage2: "), "{fault:?}");
    let kept: Vec<Done> = runner.run(good.to_vec(), &quiet, &cancel).unwrap();
    assert!(kept.iter().all(|done| done.reused), "{kept:?}");
}

/// Runs `job` in `folder` with a checkpoint after every step.
fn attempt(pool: &Pool, job: &Job, folder: &Path, progress: &Progress) -> Result<Value, Fault> {
    std::fs::create_dir_all(folder).unwrap();
    let file = JobFile { checkpoint_s: Some(0.0), ..JobFile::new(job.clone(), folder) };
    pool.run(file, "test", progress, &Cancel::default())
}

#[test]
fn a_checkpoint_that_is_damaged_or_of_another_job_is_never_used() {
    let folder = tempfile::tempdir().unwrap();
    let (school, pool) = (School::new(folder.path()), trainer());
    let (job, other) = (Job::TrainBlock(school.block(1, [5, 2])), Job::TrainBlock(school.block(1, [5, 3])));
    let quiet = Progress::default();
    let [whole, spoilt] = ["whole", "spoilt"].map(|name| folder.path().join(name));
    attempt(&pool, &job, &whole, &quiet).unwrap();
    let checkpoint = std::fs::read(whole.join(CHECKPOINT)).unwrap();
    let mut flipped = checkpoint.clone();
    flipped[checkpoint.len() - 3] ^= 1;
    let cut = checkpoint[..checkpoint.len() / 2].to_vec();
    for (bytes, why) in [(flipped, "it is damaged"), (cut, "it is damaged"), (b"?".to_vec(), "it is damaged")] {
        std::fs::create_dir_all(&spoilt).unwrap();
        std::fs::write(spoilt.join(CHECKPOINT), bytes).unwrap();
        let (told, progress) = Told::listen();
        attempt(&pool, &job, &spoilt, &progress).unwrap();
        let said = told.with("is ignored");
        assert!(said.len() == 1 && said[0].contains(why) && said[0].contains(CHECKPOINT), "{said:?}");
        assert!(told.with("goes on after").is_empty());
        assert!(weights(&spoilt) == weights(&whole));
        std::fs::remove_dir_all(&spoilt).unwrap();
    }
    let (told, progress) = Told::listen();
    attempt(&pool, &other, &whole, &progress).unwrap();
    assert_eq!(told.with("it is of another job").len(), 1, "{:?}", told.with(""));
}

#[test]
fn what_cannot_be_written_is_said_once_and_at_the_end_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let (school, pool) = (School::new(folder.path()), trainer());
    let job = Job::TrainBlock(school.block(1, [4, 2]));
    // A folder stands where the file should go, as a full disk does for whoever may write anything.
    let blocked = |name: &str| {
        let at = folder.path().join(name);
        std::fs::create_dir_all(at.join(name).join("in the way")).unwrap();
        at
    };
    let (told, progress) = Told::listen();
    let at = blocked(CHECKPOINT);
    attempt(&pool, &job, &at, &progress).unwrap();
    assert_eq!(told.with("a checkpoint was not kept").len(), 1, "{:?}", told.with(""));
    assert!(Weights::load(&at.join("weights.safetensors")).is_ok());
    let at = blocked("weights.safetensors");
    let fault = attempt(&pool, &job, &at, &progress).unwrap_err();
    assert_eq!(fault.code, "file::io", "{fault:?}");
    assert!(fault.message.contains(&at.join("weights.safetensors").display().to_string()), "{fault:?}");
}

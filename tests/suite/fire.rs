//! Processes that are killed in the midst of training: it goes on where it stood, to the same numbers as if nothing had been.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use spaceevo::base::{Cancel, Progress, ProgressSink, Seed};
use spaceevo::data::{Asked, DataSource};
use spaceevo::graph::Graph;
use spaceevo::lab::Lab;
use spaceevo::lut::build::{Ingredients, Timing, build};
use spaceevo::lut::{LOSS, LOSS_STDERR, Lut};
use spaceevo::space::Hyperspace;
use spaceevo::train::{
    BlockRecipe, CHECKPOINT, Granularity, Job, JobFile, Lsq, Pool as Graphs, Recipe, Runner, Teacher, TrainNet,
};
use spaceevo::worker::{Pool, PoolOptions};

use crate::pipeline::{session, value};
use crate::sharing::weights;
use crate::toynet::{self, Toy};

/// A trainer that notes its process in the file `pid` before it starts, and what it says in the file `said`.
fn watched(folder: &Path) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let real = here.parent().and_then(Path::parent).unwrap().join("spaceevo-trainer");
    let path = folder.join("trainer.sh");
    let said = folder.join("said");
    let body = format!(
        "#!/bin/sh\necho $$ > '{}'\nif [ -n \"$LISTEN\" ]; then '{real}' \"$@\" | tee -a '{}'; else exec '{real}' \"$@\"; fi\n",
        folder.join("pid").display(),
        said.display(),
        real = real.display(),
    );
    std::fs::write(&path, body).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn kill(pid: &str) {
    assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
}

/// Kills the trainer once, as soon as a job that was begun under a label with `of` in it has done `after` steps.
struct Assassin {
    pid: PathBuf,
    of: &'static str,
    after: u64,
    task: Mutex<Option<u64>>,
    struck: AtomicBool,
    said: Mutex<Vec<String>>,
}

impl Assassin {
    fn hire(folder: &Path, of: &'static str, after: u64) -> (Arc<Self>, Progress) {
        let (pid, task) = (folder.join("pid"), Mutex::default());
        let own = Arc::new(Self { pid, of, after, task, struck: AtomicBool::new(false), said: Mutex::default() });
        (own.clone(), Progress::to(own))
    }

    /// The steps after which trainings went on, by what was said.
    fn gone_on(&self) -> Vec<u64> {
        assert!(self.struck.load(Ordering::SeqCst), "nobody was killed");
        gone_on(&self.said.lock().unwrap())
    }
}

fn gone_on(lines: &[String]) -> Vec<u64> {
    let step = |line: &String| line.split_once("goes on after step ")?.1.split(' ').next()?.parse().ok();
    lines.iter().filter_map(step).collect()
}

impl ProgressSink for Assassin {
    fn begin(&self, task: u64, label: &str, _: u64) {
        if label.contains(self.of) {
            *self.task.lock().unwrap() = Some(task);
        }
    }
    fn update(&self, task: u64, done: u64, _: &str) {
        let mine = *self.task.lock().unwrap() == Some(task);
        if mine && done >= self.after && !self.struck.swap(true, Ordering::SeqCst) {
            kill(&std::fs::read_to_string(&self.pid).unwrap());
        }
    }
    fn end(&self, _: u64) {}
    fn say(&self, line: &str) {
        self.said.lock().unwrap().push(line.into());
    }
}

/// A network that learns from `data` ends with the same weights, though its trainer is killed.
fn ends_with_the_same_weights(folder: &Path, data: &DataSource) {
    let toy = Toy::new([[8, 8], [8, 8], [8, 16]]);
    let phases = vec![toynet::phase(false, 0.05, 60), toynet::phase(true, 0.01, 40)];
    let file = |name: &str| {
        let file = toynet::train(&toy, phases.clone(), &folder.join(name));
        let Job::TrainNet(job) = file.job else { unreachable!() };
        // Whatever is random or learned has to go on: dropout, a scale for each channel.
        let pool = Graphs { lsq: Lsq { weight_bits: 4, weights: Granularity::PerChannel, ..Lsq::default() }, ..job.pool };
        let job = Job::TrainNet(TrainNet { batch: 8, data: data.clone(), dropout: 0.3, pool, ..job });
        JobFile { job, checkpoint_s: Some(0.0), folder: file.folder }
    };
    let trainer = |trainer| Pool::start(PoolOptions { workers: 1, threads: 1, trainer, ..PoolOptions::default() });
    let (calm, disturbed) = (file("calm"), file("disturbed"));
    trainer(None).run(calm.clone(), "calm", &Progress::default(), &Cancel::default()).unwrap();
    let (assassin, progress) = Assassin::hire(folder, "net", 5);
    trainer(Some(watched(folder))).run(disturbed.clone(), "net", &progress, &Cancel::default()).unwrap();
    let steps = assassin.gone_on();
    assert!(steps.len() == 1 && steps[0] >= 5, "{steps:?}");
    assert!(weights(&calm.folder) == weights(&disturbed.folder));
}

#[test]
fn a_network_whose_trainer_is_killed_ends_with_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    ends_with_the_same_weights(folder.path(), &toynet::shapes(64, 96));
}

#[test]
fn so_does_one_that_learns_from_files_of_which_one_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let class = folder.path().join("images/train/all");
    std::fs::create_dir_all(&class).unwrap();
    for number in 0..11_u8 {
        let picture = image::RgbImage::from_fn(40, 36, |x, y| image::Rgb([number * 20, (x * 6) as u8, (y * 7) as u8]));
        picture.save(class.join(format!("{number}.png"))).unwrap();
    }
    std::fs::write(class.join("bad.png"), "no picture").unwrap();
    let asked = Asked { train: None, valid: Some(0), test: Some(0), seed: Seed(1) };
    let (data, _) = DataSource::image_folder(&folder.path().join("images"), toynet::SIZE, 0.2, asked).unwrap();
    ends_with_the_same_weights(folder.path(), &data);
}

/// Two operators in one searched stage, and a teacher of it that has learnt a little.
pub const EMBER: &str = r#"
    define_hyperspace("ember", #{
        resolutions: [32],
        operators: [
            operator("inverted_residual", #{ kernel: [3], expand: [2] }),
            operator("resnet_bottleneck", #{ kernel: [3], expand: [0.5] }),
        ],
        stages: [
            #{ name: "stem", operator: "stem_conv", widths: [16], stride: 2 },
            #{ name: "stage1", widths: [16, 24], window: 2, depths: [1, 2], stride: 2 },
            #{ name: "head", operator: "pooled_head", widths: [32] },
            #{ name: "logits", operator: "classifier", widths: [12] },
        ],
    });
    define_teacher("ember", #{ parts: [
        #{ name: "stem", operator: "stem_conv", widths: [16], stride: 2 },
        #{ name: "stage1", operator: "basic_residual", widths: [16], stride: 2, tap: true },
        #{ name: "head", operator: "pooled_head", widths: [32] },
        #{ name: "logits", operator: "classifier", widths: [12] },
    ], steps: 3, batch: 16 });
    let data = dataset("shapes", #{ train: 256, valid: 64, test: 16, seed: 1 });
"#;

#[test]
fn a_look_up_table_whose_trainer_is_killed_has_the_same_losses() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder.path().join("teacher"));
    value::<()>(&session, EMBER);
    let hyperspace: Arc<Hyperspace> = value(&session, "hyperspace(\"ember\")");
    let teacher: Teacher = value(&session, "teacher(\"ember\", #{ data: data })");
    let default = BlockRecipe::default();
    let recipe = BlockRecipe { common: Recipe { steps: 50, int8_steps: 20, batch: 8, random: 1, ..default.common }, ..default };
    let from = Ingredients {
        hyperspace: &hyperspace,
        teacher: &teacher,
        data: &teacher.data,
        recipe,
        samples: 3,
        measured: 48,
        recalibrate: 1,
        batches: 1,
        share_teacher: true,
        device: "counted".into(),
        seed: Seed(1),
    };
    let counted = |graphs: &[Graph]| Ok(graphs.iter().map(|graph| 0.01 + graph.cost().mflops()).collect());
    let table = |name: &str, workers: u64, trainer: Option<PathBuf>, progress: &Progress| -> Lut {
        let lab = Arc::new(Lab::open(&folder.path().join(name)).unwrap());
        let pool = Pool::start(PoolOptions { workers: workers as usize, threads: 1, trainer, ..PoolOptions::default() });
        let runner = Runner::new(lab, pool).with_checkpoints_every(0.0);
        build(&from, &runner, &Timing::Measured(&counted), progress, &Cancel::default()).unwrap().lut
    };
    let calm = table("calm", 1, None, &Progress::default());
    for workers in [1, 2] {
        let name = format!("disturbed{workers}");
        let own = folder.path().join(format!("trainer{workers}"));
        std::fs::create_dir(&own).unwrap();
        let (assassin, progress) = Assassin::hire(&own, "2 blocks", 5);
        let disturbed = table(&name, workers, Some(watched(&own)), &progress);
        let steps = assassin.gone_on();
        // Both blocks; a checkpoint of one of them may lie a step behind that of the other, in another thread two more.
        assert!(steps.len() == 2 && steps.iter().all(|&step| step + 2 * workers > 5), "{workers} workers: {steps:?}");
        for column in [LOSS, LOSS_STDERR] {
            assert_eq!(calm.column(column).unwrap(), disturbed.column(column).unwrap(), "{workers} workers");
        }
        assert!(checkpoints(&folder.path().join(&name)).is_empty());
    }
}

/// The checkpoints of blocks that lie in the lab `folder`.
fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let blocks = std::fs::read_dir(folder.join("train_block")).into_iter().flatten().flatten();
    blocks.map(|block| block.path().join(CHECKPOINT)).filter(|file| file.is_file()).collect()
}

/// Waits until `look` finds something.
fn wait_for<T>(what: &str, child: &mut Child, look: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = look() {
            return found;
        }
        let ended = child.try_wait().unwrap().filter(|status| status.signal().is_none());
        assert!(ended.is_none() && Instant::now() < until, "{what} never came; the session: {ended:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_session_that_is_killed_leaves_checkpoints_and_the_next_one_goes_on_from_them() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "{EMBER}
        let lut = build_lut(hyperspace(\"ember\"), #{{
            teacher: teacher(\"ember\", #{{ data: data }}), device: device(\"flops\"), samples: 3, measured: 48,
            steps: 90, int8_steps: 30, batch: 8, random: 1, recalibrate: 1, batches: 1, seed: 1,
        }});
        let curves = lut.curves();
        [lut.table[\"loss\"], lut.table[\"loss_stderr\"], curves[\"loss\"], curves.columns]"
    );
    std::fs::write(folder.path().join("script.rhai"), script).unwrap();
    let trainer = watched(folder.path());
    let program = |lab: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
        command.current_dir(folder.path()).args(["--lab", lab, "--workers", "1", "--json", "script.rhai"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let result = |lab: &str| {
        let out = program(lab).output().unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.success(), "{said}");
        (String::from_utf8(out.stdout).unwrap(), said.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    let (calm, _) = result("calm");
    let mut child = program("killed").env("SPACEEVO_TRAINER", &trainer).env("LISTEN", "1").spawn().unwrap();
    wait_for("the tenth step of the blocks", &mut child, || {
        let said = std::fs::read_to_string(folder.path().join("said")).unwrap_or_default();
        let steps = said.lines().filter(|line| line.contains("\"total\":120")).filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            line["progress"]["done"].as_u64()
        });
        steps.max().filter(|&step| step >= 10)
    });
    child.kill().unwrap();
    // The trainer notices that nobody listens any more.
    let lab = folder.path().join("killed");
    wait_for("a checkpoint of each block", &mut child, || Some(checkpoints(&lab)).filter(|files| files.len() == 2));
    child.wait().unwrap();
    let (again, said) = result("killed");
    let steps = gone_on(&said);
    assert!(steps.len() == 2 && steps.iter().all(|&step| step >= 10), "{said:?}");
    assert_eq!(calm, again);
    assert!(calm.contains("\"elapsed_s\""), "{calm}");
    assert!(checkpoints(&lab).is_empty());
}

//! The trainer, driven as a process: training, export, evaluation, faults.

use std::path::Path;

use spaceevo::base::{Cancel, Progress, Seed};
use spaceevo::graph::Weights;
use spaceevo::train::{EvalNets, ExportNet, Job, JobFile, NetScore, TrainSummary, WeightsRef};
use spaceevo::worker::{Pool, PoolOptions};

use crate::toynet::{self, Toy};

fn pool() -> Pool {
    Pool::start(PoolOptions { workers: 1, threads: 1, trainer: None })
}

fn run<T: serde::de::DeserializeOwned>(pool: &Pool, job: Job, folder: &Path) -> T {
    std::fs::create_dir_all(folder).unwrap();
    let result = pool.run(JobFile { job, folder: folder.into() }, "test", &Progress::default(), &Cancel::default());
    serde_json::from_value(result.unwrap()).unwrap()
}

#[test]
fn a_supernet_learns_in_fp32_and_in_int8_and_is_cut_into_networks() {
    let folder = tempfile::tempdir().unwrap();
    let toy = Toy::new([[8, 16], [16, 24], [24, 32]]);
    let pool = pool();
    let phases = vec![toynet::phase(&toy, false, 0.1, 50), toynet::phase(&toy, true, 0.01, 6)];
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
        nets: toy.extremes().to_vec(),
        recalibrate: 2,
        images: 80,
        batch: 32,
        seed: Seed(3),
    });
    let scores: Vec<NetScore> = run(&pool, evaluate, &folder.path().join("eval"));
    assert_eq!((scores.len(), scores[0].images, scores[1].images), (2, 80, 80));
    let export = Job::ExportNet(ExportNet {
        pool: toy.pool.clone(),
        weights: Some(weights),
        data: toynet::shapes(64, 96),
        quantized: true,
        net: toy.extremes()[1].clone(),
        recalibrate: 2,
        batch: 32,
        seed: Seed(3),
    });
    let _: serde_json::Value = run(&pool, export, &folder.path().join("export"));
    let exported = Weights::load(&folder.path().join("export/weights.safetensors")).unwrap();
    // The smaller input width, three times expanded, and the centre of the kernel.
    let whole = Weights::load(&trained.folder.join("weights.safetensors")).unwrap();
    let (shape, depth) = exported.get("stage2.b1.depth.weight").unwrap();
    let (_, largest) = whole.get("stage2.b1.depth.weight").unwrap();
    assert_eq!(shape, [48, 1, 3, 3]);
    assert_eq!(depth[..3], largest[6..9]);
    assert_eq!(exported.scalar("stage2.b1.expand.act.zp").unwrap(), 0.0);
    assert!(exported.scalar("stage2.b1.expand.act.sa").unwrap() <= 6.0 / 255.0);
}

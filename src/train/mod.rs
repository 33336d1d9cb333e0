//! Training as the session sees it: jobs, recipes, results. No libtorch here: a worker does the work.

mod job;

pub use job::{
    BlockTarget, DataSource, EvalBlocks, EvalNets, ExportNet, Forward, Job, JobFile, Loss, Net, NetScore, Phase, Pool,
    SampleLoss, Tap, TeacherRef, TrainBlock, TrainNet, TrainSummary, WeightsRef,
};

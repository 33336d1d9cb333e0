//! Training as the session sees it: jobs, recipes, results. No libtorch here: a worker does the work.

mod block;
mod curve;
mod group;
mod job;
mod pool;
mod runner;
mod schedule;
mod supernet;
mod teacher;

pub use crate::data::DataSource;
pub use block::{BlockEvaluation, BlockRecipe, BlockTask};
pub use curve::Curve;
pub use job::{
    BlockFile, BlockTarget, CHECKPOINT, EvalBlocks, EvalNets, ExportNet, Forward, Job, JobFile, Loss, Net, NetScore, Phase, Pool,
    SampleLoss, Tap, TeacherRef, TrainBlock, TrainBlocks, TrainNet, TrainSummary, WeightsRef,
};
pub use pool::PoolBuilder;
pub use runner::{Done, Runner};
pub use schedule::{Sandwich, Stretch, fixed_phase};
pub use supernet::{NetEvaluation, SupernetRecipe, SupernetTask};
pub use teacher::{Teacher, TeacherNet, TeacherPart, TeacherRecipe};

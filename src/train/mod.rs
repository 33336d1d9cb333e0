//! Training as the session sees it: jobs, recipes, results. No libtorch here: a worker does the work.

mod block;
mod curve;
mod expression;
mod group;
mod job;
mod lsq;
mod paths;
mod pool;
mod quantizer;
mod recipe;
mod runner;
mod schedule;
mod supernet;
mod teacher;
mod teacher_net;

pub use crate::data::DataSource;
pub use block::{BlockEvaluation, BlockTask};
pub use curve::{Curve, in_line};
pub use expression::{Binary, Expression, Reduce, Step, Unary};
pub use job::{
    BlockFile, BlockTarget, CHECKPOINT, Distill, EvalBlocks, EvalNets, ExportNet, Forward, Job, JobFile, LoneNet, Loss, Net,
    NetProxies, NetScore, Phase, Pool, Proxies, SampleLoss, ScriptShapes, Tap, Targets, TeacherForm, TeacherRef, TrainBlock,
    TrainBlocks, TrainNet, TrainSummary, WeightsRef,
};
pub use lsq::{Granularity, Lsq, Offset, ScaleInit};
pub use pool::PoolBuilder;
pub use quantizer::OwnQuantizer;
pub use recipe::{BlockRecipe, Decay, Precision, Recipe, Rule, SupernetRecipe, Update};
pub use runner::{Done, Runner};
pub use schedule::{Sandwich, Stretch, fixed_phase};
pub use supernet::{NetEvaluation, SupernetTask};
pub use teacher::Teacher;
pub use teacher_net::{NetworkTap, TeacherNet, TeacherPart};

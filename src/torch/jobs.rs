//! One job of any kind, and what jobs share: data sets kept between them, compiled networks.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use serde_json::Value;
use spaceevo::base::{Fault, Result, Seed};
use spaceevo::graph::Weights;
use spaceevo::train::{BlockFile, DataSource, Job, JobFile, Net as NetChoice, Pool, WeightsRef};

use super::batches::Data;
use super::checkpoint::{Checkpoints, Place};
use super::features::Kept;
use super::net::{self, Net};
use super::serve::Ears;
use super::store::Store;
use super::{evaluate, export, place, proxies, script, train_block, train_net};

/// Compiled networks that are kept; beyond that many all are forgotten, and compiled when they are needed again.
const KEPT: usize = 256;

/// Runs jobs one after the other; keeps the data set of the last one, and the teacher's maps of evaluations.
#[derive(Default)]
pub struct Jobs {
    data: Option<Data>,
    kept: Kept,
}

impl Jobs {
    /// Runs `file.job`; returns its result as the protocol has it.
    pub fn run(&mut self, file: &JobFile, ears: &mut Ears) -> Result<Value> {
        let folder = &file.folder;
        let (Self { data, kept }, mut checkpoints) = (self, Checkpoints::new(file.checkpoint_s));
        match &file.job {
            Job::TrainNet(job) => {
                let key = file.job.key()?;
                let place = Place { key: &key, folder };
                json(&train_net::run(job, place::all(), place, loaded(data, &job.data)?, &mut checkpoints, ears)?)
            }
            Job::TrainBlock(job) => {
                let key = file.job.key()?;
                let place = Place { key: &key, folder };
                let summaries = train_block::run(&[vec![(job, place)]], loaded(data, &job.data)?, &mut checkpoints, ears)?;
                json(&summaries.into_iter().collect::<Result<Vec<_>>>()?.first())
            }
            Job::TrainBlocks(job) => {
                let Some(first) = job.threads.iter().flatten().next() else { return json(&Vec::<()>::new()) };
                let data = loaded(data, &first.block.data)?;
                let threads: Vec<Vec<_>> = job.threads.iter().map(|own| own.iter().map(placed).collect()).collect();
                json(&train_block::run(&threads, data, &mut checkpoints, ears)?)
            }
            Job::EvalBlocks(job) => json(&evaluate::blocks(job, loaded(data, &job.data)?, kept, ears)?),
            Job::EvalNets(job) => json(&evaluate::nets(job, loaded(data, &job.data)?, ears)?),
            Job::ExportNet(job) => {
                let data = if job.recalibrate > 0 { Some(loaded(data, &job.data)?) } else { None };
                export::export(job, data, folder, ears)?;
                json(&serde_json::Map::new())
            }
            Job::Forward(job) => {
                export::forward(job, folder, ears)?;
                json(&serde_json::Map::new())
            }
            Job::ScriptShapes(job) => json(&script::shapes(job)?),
            Job::Proxies(job) => json(&proxies::run(job, loaded(data, &job.data)?, ears)?),
        }
    }
}

fn placed(one: &BlockFile) -> train_block::Block<'_> {
    (&one.block, Place { key: &one.key, folder: &one.folder })
}

/// The data set `source`: the one that is there, or another in its place.
fn loaded<'a>(data: &'a mut Option<Data>, source: &DataSource) -> Result<&'a mut Data> {
    if !data.as_ref().is_some_and(|data| data.is(source)) {
        *data = Some(Data::load(source)?);
    }
    data.as_mut().ok_or_else(|| Fault::new("train::data", "the data set is gone", ""))
}

fn json(result: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(result).map_err(|error| Fault::new("train::result", format!("a result has no JSON form: {error}"), ""))
}

/// Name of the file that training and export write.
pub const WEIGHTS: &str = "weights.safetensors";

/// The elastic weights of `pool`: those in `weights`, or drawn from `seed`.
pub fn store(pool: &Pool, weights: Option<&WeightsRef>, seed: Seed) -> Result<Store> {
    let graphs = pool.parts.iter().filter_map(|(prefix, graph)| Some((prefix.as_str(), pool.graphs.get(*graph)?)));
    let store = Store::new(&pool.weights, graphs, pool.lsq.clone(), seed.child("weights"));
    if let Some(weights) = weights {
        store.load(&Weights::load(Path::new(&weights.path))?)?;
    }
    Ok(store)
}

/// Networks of a pool, compiled when first needed.
pub struct Nets<'a> {
    pool: &'a Pool,
    store: &'a Store,
    kept: BTreeMap<Vec<usize>, Rc<Net>>,
}

impl<'a> Nets<'a> {
    /// Networks of `pool` on the weights of `store`.
    pub fn new(pool: &'a Pool, store: &'a Store) -> Self {
        Self { pool, store, kept: BTreeMap::new() }
    }

    /// The network `choice`. Its resolution does not matter: shapes follow the input.
    pub fn get(&mut self, choice: &NetChoice) -> Result<Rc<Net>> {
        if let Some(net) = self.kept.get(&choice.parts) {
            return Ok(Rc::clone(net));
        }
        let (graph, _) = net::chained(self.pool, &choice.parts, choice.resolution)?;
        let net = Rc::new(net::compile(&graph, self.store, vec![graph.output])?);
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        self.kept.insert(choice.parts.clone(), Rc::clone(&net));
        Ok(net)
    }
}

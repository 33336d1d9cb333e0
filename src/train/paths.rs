//! Which files and folders a job names: what must be there where it runs, and where it leaves what.

use std::path::{Path, PathBuf};

use super::{BlockTarget, Job, JobFile, WeightsRef};
use crate::worker::{Task, Use};

/// Called with each path.
type Each<'a> = &'a mut dyn FnMut(Use, &mut PathBuf);

impl Task for JobFile {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn workers(&self) -> usize {
        match &self.job {
            Job::TrainBlocks(job) => job.threads.len(),
            _ => 1,
        }
    }

    fn paths(&mut self, each: &mut dyn FnMut(Use, &mut PathBuf)) {
        each(Use::Writes, &mut self.folder);
        match &mut self.job {
            Job::TrainNet(job) => {
                data(&mut job.data, each);
                job.initial.iter_mut().for_each(|initial| weights(initial, each));
            }
            Job::TrainBlock(job) => lesson(&mut job.data, &mut job.target, each),
            Job::TrainBlocks(job) => {
                for one in job.threads.iter_mut().flatten() {
                    each(Use::Writes, &mut one.folder);
                    lesson(&mut one.block.data, &mut one.block.target, each);
                }
            }
            Job::EvalBlocks(job) => {
                weights(&mut job.weights, each);
                lesson(&mut job.data, &mut job.target, each);
            }
            Job::EvalNets(job) => {
                weights(&mut job.weights, each);
                data(&mut job.data, each);
            }
            Job::ExportNet(job) => {
                job.weights.iter_mut().for_each(|of| weights(of, each));
                data(&mut job.data, each);
            }
            Job::Forward(job) => {
                each(Use::Reads, &mut job.weights);
                each(Use::Reads, &mut job.inputs);
            }
            Job::Proxies(job) => data(&mut job.data, each),
            Job::ScriptShapes(job) => weights(&mut job.script, each),
        }
    }
}

fn lesson(source: &mut super::DataSource, target: &mut BlockTarget, each: Each<'_>) {
    data(source, each);
    weights(&mut target.teacher.weights, each);
}

fn data(source: &mut super::DataSource, each: Each<'_>) {
    if let Some(path) = source.path_mut() {
        each(Use::Reads, path);
    }
}

fn weights(of: &mut WeightsRef, each: Each<'_>) {
    each(Use::Reads, &mut of.path);
}

//! A teacher's feature maps, and those that evaluations need.

use std::collections::{BTreeMap, BTreeSet};

use spaceevo::base::{Fault, Result, Seed, hash_hex};
use spaceevo::data::ImageSet;
use spaceevo::train::{BlockTarget, EvalBlocks, TeacherForm};
use tch::{Tensor, no_grad_guard};

use super::batches::{Data, in_memory, plain, resize};
use super::evaluate::train_batches;
use super::fault::job;
use super::forward::{Mode, Norms, run as forward};
use super::jobs::store;
use super::net::{self, Net};
use super::script::Script;
use super::serve::Ears;
use super::store::Store;

/// Most bytes of maps that are kept from one evaluation for the next.
const MOST_BYTES: usize = 1 << 30;
/// Bytes of one value of a map.
const BYTES: usize = 4;

/// A teacher's features at the start and the end of what blocks imitate.
pub enum Teacher {
    /// Those of a layer graph. By the last of its parts that is run: the parts whose maps it gives, and the network.
    Graph { store: Box<Store>, nets: BTreeMap<usize, (Vec<usize>, Net)>, quantized: bool },
    /// Those at some places of what a TorchScript file returns.
    Script { script: Script, taps: BTreeSet<usize> },
}

impl Teacher {
    /// The teacher of `targets`, which have one in common; for each no deeper than it needs.
    pub fn load(targets: &[&BlockTarget]) -> Result<Self> {
        let Some(teacher) = targets.first().map(|target| &target.teacher) else {
            return Err(job("nobody learns from the teacher", "build session and trainer anew with `cargo build`").into());
        };
        let taps: BTreeSet<usize> = targets.iter().flat_map(|target| [target.input_after, target.target_after]).collect();
        if teacher.form == TeacherForm::Script {
            return Ok(Self::Script { script: Script::load(&teacher.weights.path)?, taps });
        }
        let store = store(&teacher.pool, Some(&teacher.weights), Seed(0))?;
        // Compiled as a whole and then cut: where quantizers stand depends on what follows, and no map may depend on how deep
        // the teacher is needed.
        let (graph, ends) = net::chained(&teacher.pool, &teacher.net.parts, teacher.net.resolution)?;
        let mut nets = BTreeMap::new();
        for deepest in targets.iter().map(|target| depth(target)).collect::<BTreeSet<_>>() {
            let last = *ends.get(deepest).ok_or_else(|| {
                let have = ends.len();
                job(
                    format!("the block learns from part {deepest} of a teacher that has {have}"),
                    "the teacher's taps must name its own parts",
                )
            })?;
            let taps: Vec<usize> = taps.range(..=deepest).copied().collect();
            let mut net = net::compile(&graph, &store, taps.iter().map(|&tap| ends[tap]).collect())?;
            net.ops.truncate(last + 1);
            nets.insert(deepest, (taps, net));
        }
        Ok(Self::Graph { store: Box::new(store), nets, quantized: teacher.form == TeacherForm::Quantized })
    }

    /// Maps for images `x` after the teacher's parts, by part, as far as `target` needs them; those of other targets on the
    /// way are among them.
    pub fn maps(&self, x: &Tensor, depth: usize) -> Result<BTreeMap<usize, Tensor>> {
        let _guard = no_grad_guard();
        match self {
            Self::Graph { store, nets, quantized } => {
                let Some((taps, net)) = nets.get(&depth) else { return Ok(BTreeMap::new()) };
                Ok(taps.iter().copied().zip(forward(net, store, x, Mode::float32(*quantized), Norms::Stored)).collect())
            }
            Self::Script { script, taps } => {
                let maps = script.features(x)?;
                taps.range(..=depth).map(|&tap| Ok((tap, script.at(&maps, tap)?))).collect()
            }
        }
    }
}

/// The last part of the teacher that `target` needs.
pub fn depth(target: &BlockTarget) -> usize {
    target.input_after.max(target.target_after)
}

/// The block's input and its target among `maps`.
pub fn pair<'a>(maps: &'a BTreeMap<usize, Tensor>, target: &BlockTarget) -> Result<(&'a Tensor, &'a Tensor)> {
    let map = |at: usize| {
        let missing = || job(format!("the teacher has no map after its part {at}"), "build session and trainer anew");
        maps.get(&at).ok_or_else(missing)
    };
    Ok((map(target.input_after)?, map(target.target_after)?))
}

/// A block's input, and where it is wanted its target.
type Pair = (Tensor, Option<Tensor>);

/// What a map was computed for: a teacher and images (a hash), a resolution.
type Origin = (String, usize);

/// A batch of an origin: whether it is one of validation, and its place.
type Batch = (Origin, bool, usize);

/// Maps of evaluations, kept for the next blocks that learn from the same ones: all operators of a stage do.
#[derive(Default)]
pub struct Kept {
    pairs: BTreeMap<Batch, Pair>,
    bytes: usize,
}

impl Kept {
    /// The maps of one batch, computed if they are not kept; `None` if there is nothing to compute them from. Where they are
    /// too many those of other origins go; if they are too many by themselves the last of them are computed each time.
    fn get(&mut self, batch: Batch, compute: impl FnOnce() -> Result<Option<Pair>>) -> Result<Option<Pair>> {
        if let Some(pair) = self.pairs.get(&batch) {
            return Ok(Some(copy(pair)));
        }
        let Some(pair) = compute()? else { return Ok(None) };
        let bytes = size(&pair);
        if self.bytes + bytes > MOST_BYTES {
            self.pairs.retain(|(other, ..), _| *other == batch.0);
            self.bytes = self.pairs.values().map(size).sum();
        }
        if self.bytes + bytes <= MOST_BYTES {
            self.bytes += bytes;
            self.pairs.insert(batch, copy(&pair));
        }
        Ok(Some(pair))
    }
}

fn copy((input, target): &Pair) -> Pair {
    (input.shallow_clone(), target.as_ref().map(Tensor::shallow_clone))
}

fn size((input, target): &Pair) -> usize {
    BYTES * (input.numel() + target.as_ref().map_or(0, Tensor::numel))
}

/// The teacher's maps that an evaluation of blocks needs.
pub struct Exam<'a> {
    task: &'a EvalBlocks,
    data: &'a mut Data,
    kept: &'a mut Kept,
    hash: String,
    /// What maps are computed with, once one is not kept: the teacher, and batches of training images.
    means: Option<(Teacher, Vec<Tensor>)>,
    /// The validation images of the resolution that is examined, once they are needed.
    valid: Option<(usize, ImageSet)>,
}

impl<'a> Exam<'a> {
    /// Of `task`; maps are looked for in `kept`, and left there.
    pub fn new(task: &'a EvalBlocks, data: &'a mut Data, kept: &'a mut Kept) -> Self {
        let origin = serde_json::to_string(&(&task.target, &task.data, task.batch, task.seed)).unwrap_or_default();
        Self { task, data, kept, hash: hash_hex(origin.as_bytes()), means: None, valid: None }
    }

    /// Number of validation batches at `resolution`.
    pub fn batches(&mut self, resolution: usize) -> usize {
        let images = self.data.valid_at(resolution).len();
        self.task.batches.min(images / self.batch(images))
    }

    fn batch(&self, images: usize) -> usize {
        self.task.batch.clamp(1, images.max(1))
    }

    /// What enters the block of training batch `at`, for statistics.
    pub fn input(&mut self, resolution: usize, at: usize) -> Result<Tensor> {
        let Self { task, data, kept, hash, means, .. } = self;
        let compute = || {
            let (teacher, batches) = prepared(means, task, data)?;
            let maps = teacher.maps(&resize(&batches[at], resolution), depth(&task.target))?;
            Ok(Some((pair(&maps, &task.target)?.0.shallow_clone(), None)))
        };
        let pair = kept.get(((hash.clone(), resolution), false, at), compute)?;
        Ok(pair.ok_or_else(missing)?.0)
    }

    /// Input and target of validation batch `at`, for the loss; `None` if so many images cannot be read that it has none.
    pub fn pair(&mut self, resolution: usize, at: usize, ears: &Ears) -> Result<Option<(Tensor, Tensor)>> {
        let images = self.data.valid_at(resolution).len();
        let batch = self.batch(images);
        let Self { task, data, kept, hash, means, valid } = self;
        let compute = || {
            let images = match valid.take() {
                Some((of, images)) if of == resolution => images,
                _ => in_memory(data.valid_at(resolution).slice(0..task.batches.saturating_mul(batch)), ears)?,
            };
            let (_, images) = valid.insert((resolution, images));
            let Some((x, _)) = plain(images, at * batch, (at + 1) * batch)? else { return Ok(None) };
            let (teacher, _) = prepared(means, task, data)?;
            let maps = teacher.maps(&x, depth(&task.target))?;
            let (input, target) = pair(&maps, &task.target)?;
            Ok(Some((input.shallow_clone(), Some(target.shallow_clone()))))
        };
        match kept.get(((hash.clone(), resolution), true, at), compute)? {
            Some((input, target)) => Ok(Some((input, target.ok_or_else(missing)?))),
            None => Ok(None),
        }
    }
}

fn missing() -> Fault {
    job("a kept map is missing", "build session and trainer anew with `cargo build`").into()
}

/// The teacher, and batches of training images, made when first needed.
fn prepared<'m>(
    means: &'m mut Option<(Teacher, Vec<Tensor>)>,
    task: &EvalBlocks,
    data: &Data,
) -> Result<&'m (Teacher, Vec<Tensor>)> {
    let ready = match means.take() {
        Some(ready) => ready,
        None => (Teacher::load(&[&task.target])?, train_batches(data, task.recalibrate, task.batch, task.seed)?),
    };
    Ok(means.insert(ready))
}

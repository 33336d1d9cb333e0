//! Blocks that are trained side by side: which can be, and how they are shared out among workers and threads.

use std::collections::BTreeMap;

use super::{Net, Pool, TrainBlock};
use crate::base::hash_hex;
use crate::graph::{Graph, Layer, Part, Shape, WeightSpec, chain};

/// Most bytes that the weights of a group take for each worker, with gradients and the optimiser's averages.
const MOST_BYTES: u64 = 1 << 30;
/// Bytes of one weight: its value, its gradient and two averages, 32 bits each.
const BYTES: u64 = 16;

/// What a block costs in each step, and what its weights take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Load {
    macs: u64,
    bytes: u64,
}

/// Groups of places in `blocks`, of each group the places for each of its threads. Blocks of a group share teacher and batches.
///
/// If a group may `join` workers, it has a thread for each of them, and there are no more groups than memory asks for. Else it
/// has one thread, and there are as many as workers. Threads of a group, or groups, cost about the same.
pub(super) fn groups(blocks: &[&TrainBlock], workers: usize, join: bool) -> Vec<Vec<Vec<usize>>> {
    let mut classes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, block) in blocks.iter().enumerate() {
        classes.entry(lesson(block)).or_default().push(at);
    }
    // In the order of their first blocks.
    let mut classes: Vec<_> = classes.into_values().collect();
    classes.sort();
    let (groups, threads) = if join { (1, workers.max(1)) } else { (workers, 1) };
    let share = |class: Vec<usize>, parts: usize, most_bytes: u64| -> Vec<Vec<usize>> {
        let loads: Vec<_> = class.iter().map(|&at| load(blocks[at])).collect();
        let parts = share_out(&loads, parts, most_bytes);
        parts.into_iter().map(|part| part.into_iter().map(|at| class[at]).collect()).collect()
    };
    let all = classes.into_iter().flat_map(|class| share(class, groups, MOST_BYTES * threads as u64));
    all.map(|group| share(group, threads, u64::MAX)).collect()
}

/// Equal for blocks that can be trained side by side: they see the same batches, and the same maps of them. What each makes of
/// these is its own.
fn lesson(block: &TrainBlock) -> String {
    let common = (&block.target.teacher, &block.data, block.batch, block.seed);
    hash_hex(serde_json::to_string(&common).unwrap_or_default().as_bytes())
}

/// Places in `loads` in at least `workers` groups (fewer if there are not so many), none of more than `most_bytes` unless
/// one alone is: the costliest first, each to the group that has the least to do.
fn share_out(loads: &[Load], workers: usize, most_bytes: u64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..loads.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(loads[at].macs));
    let mut groups = vec![(Load { macs: 0, bytes: 0 }, Vec::new()); workers.max(1)];
    for at in order {
        let load = loads[at];
        let room = |(sum, members): &&mut (Load, Vec<usize>)| members.is_empty() || sum.bytes + load.bytes <= most_bytes;
        match groups.iter_mut().filter(room).min_by_key(|(sum, members)| (sum.macs, members.len())) {
            Some((sum, members)) => {
                *sum = Load { macs: sum.macs + load.macs, bytes: sum.bytes + load.bytes };
                members.push(at);
            }
            None => groups.push((load, vec![at])),
        }
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(_, members)| members).filter(|members| !members.is_empty()).collect();
    groups.iter_mut().for_each(|members| members.sort_unstable());
    groups
}

fn load(block: &TrainBlock) -> Load {
    let params: u64 = block.pool.weights.iter().map(params).sum();
    // A block that cannot be chained counts nothing: the trainer says what is wrong with it. Nor does one that learns from a
    // script, which does not say how large its maps are.
    Load { macs: macs(block).unwrap_or(0), bytes: params * BYTES }
}

/// Multiply-accumulates of the largest net for one image.
fn macs(block: &TrainBlock) -> Option<u64> {
    let net = block.phases.iter().flat_map(|phase| &phase.steps).flatten().next()?;
    let teacher = &block.target.teacher;
    let before = Net { parts: teacher.net.parts.get(..=block.target.input_after)?.to_vec(), resolution: net.resolution };
    let first = teacher.pool.parts.get(*before.parts.first()?)?;
    let channels = teacher.pool.graphs.get(first.1)?.input_shape().c();
    let entering = chained(&teacher.pool, &before, Shape::new(channels, net.resolution, net.resolution))?;
    Some(chained(&block.pool, net, entering.output_shape().clone())?.cost().macs)
}

fn chained(pool: &Pool, net: &Net, input: Shape) -> Option<Graph> {
    let part = |&at: &usize| {
        let (prefix, graph) = pool.parts.get(at)?;
        Some(Part { prefix, graph: pool.graphs.get(*graph)? })
    };
    chain(input, &net.parts.iter().map(part).collect::<Option<Vec<_>>>()?).ok()
}

fn params(spec: &WeightSpec) -> u64 {
    let (cin, cout) = (spec.input.count(), spec.output.count());
    let count = match spec.layer {
        Layer::Conv { kernel, depthwise: true, .. } => cin * kernel * kernel,
        Layer::Conv { kernel, groups, .. } => cout * cin.div_ceil(groups) * kernel * kernel,
        Layer::Linear => cin * cout,
        _ => 2 * cout,
    };
    count as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::train::{BlockTarget, DataSource, Loss, Lsq, PoolBuilder, Targets, TeacherForm, TeacherRef, Update, WeightsRef};

    fn block() -> TrainBlock {
        let pool = PoolBuilder::default().finish().expect("is empty");
        let weights = WeightsRef { job: "teacher".into(), path: "weights.safetensors".into() };
        let net = Net { parts: vec![], resolution: 32 };
        let teacher = TeacherRef { pool: pool.clone(), net, weights, form: TeacherForm::Float };
        TrainBlock {
            label: "block".into(),
            pool,
            data: DataSource::Shapes { size: 32, train: 64, valid: 8, test: 8, seed: Seed(1) },
            target: BlockTarget { teacher, input_after: 0, target_after: 1 },
            loss: Loss::Nsr,
            targets: Targets::Teacher,
            batch: 8,
            phases: vec![],
            update: Update::adam(),
            seed: Seed(1),
        }
    }

    #[test]
    fn blocks_share_a_teacher_whatever_they_make_of_its_maps() {
        let one = block();
        let target = BlockTarget { input_after: 1, target_after: 2, ..one.target.clone() };
        let pool = Pool { lsq: Lsq { weight_bits: 4, ..Lsq::default() }, ..one.pool.clone() };
        let other = TrainBlock { target, pool, loss: Loss::Mse, targets: Targets::Largest, update: Update::sgd(), ..block() };
        assert_eq!(groups(&[&one, &other], 1, false), [[[0, 1]]]);
        assert_eq!(groups(&[&one, &other], 2, false), [[[0]], [[1]]]);
        assert_eq!(groups(&[&one, &other], 2, true), [[[0], [1]]]);
        assert_eq!(groups(&[&one, &other], 4, true), [[[0], [1]]]);
        let mut in_8_bits = block();
        in_8_bits.target.teacher.form = TeacherForm::Quantized;
        for apart in [TrainBlock { batch: 9, ..block() }, TrainBlock { seed: Seed(2), ..block() }, in_8_bits] {
            assert_eq!(groups(&[&one, &apart], 2, true), [[[0]], [[1]]], "{apart:?}");
        }
    }

    fn of(loads: &[(u64, u64)]) -> Vec<Load> {
        loads.iter().map(|&(macs, bytes)| Load { macs, bytes }).collect()
    }

    #[test]
    fn groups_cost_about_the_same() {
        let loads = of(&[(9, 1), (1, 1), (5, 1), (3, 1), (2, 1), (4, 1)]);
        // Twelve each.
        assert_eq!(share_out(&loads, 2, 100), [vec![0, 3], vec![1, 2, 4, 5]]);
        assert_eq!(share_out(&loads, 1, 100), [vec![0, 1, 2, 3, 4, 5]]);
        assert_eq!(share_out(&loads[..2], 4, 100), [vec![0], vec![1]]);
        assert!(share_out(&[], 2, 100).is_empty());
    }

    #[test]
    fn a_group_fits_into_memory_and_a_block_that_does_not_is_alone() {
        let loads = of(&[(1, 60), (1, 60), (1, 200), (1, 40)]);
        let groups = share_out(&loads, 1, 100);
        assert_eq!(groups.iter().flatten().count(), 4);
        for group in groups {
            assert!(group.len() == 1 || group.iter().map(|&at| loads[at].bytes).sum::<u64>() <= 100, "{group:?}");
        }
    }

    #[test]
    fn without_costs_they_are_still_spread() {
        assert_eq!(share_out(&of(&[(0, 1); 4]), 2, 100), [vec![0, 2], vec![1, 3]]);
    }
}

//! Laws that hold for every graph: sizes, shared weights, costs of chains, where quantizers stand.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use spaceevo::base::Seed;
use spaceevo::graph::{Activation, Builder, ConvOptions, Cost, Graph, Layer, NodeId, Padding, Part, Shape, Step};
use spaceevo::graph::{WeightSpec, chain, quantize, union_weights};
use spaceevo::space::{SearchSpace, Subnet};

use crate::nets::{conv_bn, dwconv_bn, se};
use crate::toy;

const ACTS: [Activation; 5] = [Activation::Relu, Activation::Relu6, Activation::Hswish, Activation::Swish, Activation::Gelu];

/// One step of a network that a test makes up: what, and two numbers that say how.
type Move = (u8, u8, u8);

fn moves() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec((0..11_u8, any::<u8>(), any::<u8>()), 1..10)
}

/// Adds what `moves` say after node `x`, with layer names that begin with `prefix`.
fn grow(net: &mut Builder, mut x: NodeId, prefix: &str, moves: &[Move]) -> NodeId {
    for (at, &(what, a, b)) in moves.iter().enumerate() {
        let name = |part: &str| format!("{prefix}{at}_{part}");
        let (kernel, act, c) = (2 * i64::from(a % 3) + 1, ACTS[usize::from(b) % ACTS.len()], net.shape(x).c() as i64);
        let large = net.shape(x).h > 4;
        x = match what {
            0 => {
                let y = conv_bn(net, x, &name("conv"), 4 * i64::from(b % 3 + 1), kernel, if large { 2 } else { 1 });
                net.act(y, None, act).unwrap()
            }
            1 => {
                let y = dwconv_bn(net, x, &name("depth"), kernel, 1);
                net.act(y, None, act).unwrap()
            }
            2 => {
                let y = conv_bn(net, x, &name("main"), c, kernel, 1);
                let sum = net.add(y, x, &name("sum")).unwrap();
                if b % 2 == 0 { net.act(sum, None, act).unwrap() } else { sum }
            }
            3 => {
                let y = conv_bn(net, x, &name("more"), 4, 1, 1);
                let y = net.act(y, None, act).unwrap();
                net.concat(&[x, y], &name("join")).unwrap()
            }
            4 => {
                let halves = net.split(x, &name("halves"), 2).unwrap();
                let y = dwconv_bn(net, halves[0], &name("half"), kernel, 1);
                let both = net.concat(&[y, halves[1]], &name("both")).unwrap();
                net.shuffle(both, &name("shuffle"), 2).unwrap()
            }
            5 => se(net, x, &name("se")),
            6 if large => net.max_pool(x, &name("max"), 3, 2).unwrap(),
            7 if large => net.avg_pool(x, &name("mean"), 3, 2, None).unwrap(),
            8 => net.ln(x, Some(&name("norm"))).unwrap(),
            9 => {
                let heads = i64::from(a % 3) + 1;
                let plain = ConvOptions { bias: true, ..ConvOptions::default() };
                let parts = ["query", "key", "value"].map(|part| net.conv(x, &name(part), 4 * heads, plain).unwrap());
                net.attend(parts, heads, &name("attend")).unwrap()
            }
            _ => {
                let biased = ConvOptions { kernel, bias: true, ..ConvOptions::default() };
                net.conv(x, &name("biased"), c, biased).unwrap()
            }
        };
    }
    x
}

/// A whole network: made-up layers, then a classifier.
fn network(moves: &[Move]) -> Graph {
    let mut net = Builder::new(Shape::new(4, 16, 16));
    let x = grow(&mut net, 0, "m", moves);
    let x = net.global_pool(x, "pool").unwrap();
    let x = net.linear(x, "logits", 5).unwrap();
    net.finish(x)
}

/// Shapes of shared weights by layer name: kernel, groups, inputs, outputs.
fn shapes(specs: &[WeightSpec]) -> BTreeMap<String, [Vec<usize>; 3]> {
    let shape = |spec: &WeightSpec| match spec.layer {
        Layer::Conv { kernel, groups, .. } => [vec![kernel, groups], spec.input.0.clone(), spec.output.0.clone()],
        _ => [vec![], spec.input.0.clone(), spec.output.0.clone()],
    };
    specs.iter().map(|spec| (spec.name.clone(), shape(spec))).collect()
}

fn weights_of(nets: &[&Subnet]) -> BTreeMap<String, [Vec<usize>; 3]> {
    let parts: Vec<_> = nets.iter().flat_map(|net| net.parts()).collect();
    let graphs: Vec<_> = parts.iter().map(|part| part.graph().unwrap()).collect();
    let parts = parts.iter().zip(&graphs).map(|(part, graph)| Part { prefix: &part.prefix, graph });
    shapes(&union_weights(parts).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_window_is_placed_wherever_it_fits(hw in 1..40_usize, kernel in 1..8_usize, stride in 1..5_usize, padding in 0..4_usize) {
        prop_assume!(hw + 2 * padding >= kernel);
        let places = (0..=hw + 2 * padding - kernel).step_by(stride).count();
        let options = ConvOptions { kernel: kernel as i64, stride: stride as i64, padding: Some(Padding::Cells(padding as i64)), ..ConvOptions::default() };
        let mut net = Builder::new(Shape::new(3, hw, hw));
        let conv = net.conv(0, "conv", 5, options).unwrap();
        prop_assert_eq!(net.shape(conv), &Shape::new(5, places, places));
        if kernel % 2 == 1 {
            let own = net.dwconv(0, "own", ConvOptions { padding: None, ..options }).unwrap();
            prop_assert_eq!(net.shape(own).h, hw.div_ceil(stride));
        }
    }

    #[test]
    fn shared_weights_grow_with_their_users_and_know_no_order(seed: u64) {
        let mut rng = Seed(seed).rng();
        let space = std::sync::Arc::new(SearchSpace::sample(&toy::pocket(), &mut rng));
        let (a, b) = (Subnet::sample(&space, &mut rng), Subnet::sample(&space, &mut rng));
        let both = weights_of(&[&a, &b]);
        prop_assert_eq!(&both, &weights_of(&[&b, &a]));
        prop_assert_eq!(weights_of(&[&a, &a]), weights_of(&[&a]));
        for one in [&a, &b] {
            for (name, shape) in weights_of(&[one]) {
                let fits = shape.iter().zip(&both[&name]).all(|(part, whole)| part.len() == whole.len() && part.iter().zip(whole).all(|(p, w)| p <= w));
                prop_assert!(fits, "{name}: {shape:?} in {:?}", both[&name]);
            }
        }
        let names: BTreeSet<_> = weights_of(&[&a]).into_keys().chain(weights_of(&[&b]).into_keys()).collect();
        prop_assert_eq!(names, both.into_keys().collect::<BTreeSet<_>>());
    }

    #[test]
    fn a_chain_costs_what_its_parts_cost(all in prop::collection::vec(moves(), 1..4)) {
        let input = Shape::new(4, 32, 32);
        let (mut shape, mut graphs) = (input.clone(), Vec::new());
        for moves in &all {
            let mut net = Builder::new(Shape::new(shape.c(), shape.h, shape.w));
            let x = grow(&mut net, 0, "m", moves);
            graphs.push(net.finish(x));
            shape = graphs[graphs.len() - 1].output_shape().clone();
        }
        let names: Vec<_> = (0..graphs.len()).map(|at| format!("p{at}")).collect();
        let parts: Vec<_> = graphs.iter().zip(&names).map(|(graph, name)| graph.part(name)).collect();
        let whole = chain(input, &parts).unwrap();
        let sum = graphs.iter().map(Graph::cost).fold(Cost::default(), |sum, cost| sum + cost);
        prop_assert_eq!(whole.cost(), sum);
        prop_assert_eq!(whole.output_shape().c(), shape.c());
        // On a larger map it computes more, with the same parameters.
        let larger = chain(Shape::new(4, 64, 64), &parts).unwrap().cost();
        prop_assert_eq!(larger.params, sum.params);
        prop_assert!(larger.macs >= sum.macs);
    }

    #[test]
    fn every_integer_kernel_reads_one_quantizer(moves in moves()) {
        let graph = network(&moves);
        let (plan, readers) = (quantize(&graph), graph.readers());
        let sole = |id: NodeId| if let [reader] = readers[id][..] { Some(&graph.nodes[reader].layer) } else { None };
        for (id, node) in graph.nodes.iter().enumerate() {
            let name = &node.name;
            if matches!(node.layer, Layer::Conv { .. } | Layer::Linear | Layer::Add | Layer::Mul | Layer::Concat | Layer::Scores { .. } | Layer::Attend { .. }) {
                prop_assert!(node.inputs.iter().all(|&input| plan.value[input].is_some()), "`{name}` reads floats");
            }
            let own = plan.quantizer_after(id);
            match node.layer {
                Layer::Conv { .. } if matches!(sole(id), Some(Layer::BatchNorm { .. })) => {
                    prop_assert!(own.is_none() && matches!(plan.steps[id], Step::FoldedConv(_)), "a quantizer between `{name}` and its norm");
                }
                Layer::BatchNorm { .. } if matches!(sole(id), Some(Layer::Act { act: Activation::Relu | Activation::Relu6 })) => {
                    prop_assert!(own.is_none(), "a quantizer between `{name}` and its relu");
                }
                Layer::Slice { .. } | Layer::Segment { .. } | Layer::Shuffle { .. } | Layer::MaxPool { .. } => {
                    prop_assert!(own.is_none(), "`{name}` only moves values");
                    prop_assert_eq!(plan.value[id], plan.value[node.inputs[0]]);
                }
                Layer::Act { act } => {
                    let quantizer = own.unwrap();
                    prop_assert_eq!(quantizer.zero_at_zero, matches!(act, Activation::Relu | Activation::Relu6 | Activation::Hsigmoid));
                    prop_assert_eq!(quantizer.after_relu6, act == Activation::Relu6);
                }
                Layer::Scores { .. } => prop_assert!(own.unwrap().zero_at_zero, "shares of `{name}` are never negative"),
                _ => {}
            }
        }
        let nodes: BTreeSet<_> = plan.quantizers.iter().map(|quantizer| quantizer.node).collect();
        prop_assert_eq!(nodes.len(), plan.quantizers.len(), "a tensor with two quantizers");
    }
}

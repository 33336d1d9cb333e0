//! Search spaces: encodings, drawing, what a subnet is made of, and what is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use spaceevo::base::{Fault, Seed};
use spaceevo::graph::{Activation, Part, union_weights};
use spaceevo::space::{ElasticStage, Hyperspace, MutationRates, Role, SearchSpace, Stage, Subnet, cost};

use crate::toy;

fn space(text: &str) -> Arc<SearchSpace> {
    Arc::new(SearchSpace::parse(&toy::pocket(), text).unwrap())
}

fn told(fault: &Fault) -> String {
    format!("{}: {} [{}]", fault.code, fault.message, fault.help.clone().unwrap_or_default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn texts_round_trip(seed: u64) {
        let hyperspace = toy::pocket();
        let mut rng = Seed(seed).rng();
        let space = Arc::new(SearchSpace::sample(&hyperspace, &mut rng));
        prop_assert_eq!(&SearchSpace::parse(&hyperspace, &space.encode()).unwrap(), &*space);
        prop_assert_eq!(&SearchSpace::parse(&hyperspace, &format!("pocket-{space}")).unwrap(), &*space);
        let net = Subnet::sample(&space, &mut rng);
        prop_assert_eq!(&Subnet::parse(&space, &net.encode()).unwrap(), &net);
        for operator in ["inverted", "bottleneck", "dual"] {
            let stage = ElasticStage::new(&hyperspace, "stage2", operator, Some(1)).unwrap();
            let sample = stage.sample(&mut rng);
            let again = stage.parse(&sample.encode(), sample.input_width, sample.resolution).unwrap();
            prop_assert_eq!(&again.blocks, &sample.blocks);
        }
    }

    #[test]
    fn texts_round_trip_where_stages_have_operators_of_their_own(seed: u64) {
        let hyperspace = toy::own_lists();
        let mut rng = Seed(seed).rng();
        let space = Arc::new(SearchSpace::sample(&hyperspace, &mut rng));
        prop_assert_eq!(&SearchSpace::parse(&hyperspace, &space.encode()).unwrap(), &*space);
        prop_assert_eq!(&SearchSpace::parse(&hyperspace, &format!("own_lists-{space}")).unwrap(), &*space);
        let net = Subnet::sample(&space, &mut rng);
        prop_assert_eq!(&Subnet::parse(&space, &net.encode()).unwrap(), &net);
        prop_assert_eq!(net.graph().unwrap().cost(), net.cost().unwrap());
        for (stage, operator) in [("stage2", "dual"), ("stage2", "lone"), ("stage3", "lone")] {
            let stage = ElasticStage::new(&hyperspace, stage, operator, Some(1)).unwrap();
            let sample = stage.sample(&mut rng);
            let again = stage.parse(&sample.encode(), sample.input_width, sample.resolution).unwrap();
            prop_assert_eq!(&again.blocks, &sample.blocks);
        }
    }

    #[test]
    fn a_child_has_every_gene_from_a_parent(seed: u64) {
        let mut rng = Seed(seed).rng();
        for hyperspace in [toy::pocket(), toy::own_lists()] {
            let (a, b) = (SearchSpace::sample(&hyperspace, &mut rng), SearchSpace::sample(&hyperspace, &mut rng));
            let child = a.crossover(&b, &mut rng).unwrap();
            for at in 0..3 {
                prop_assert!([a.operators[at], b.operators[at]].contains(&child.operators[at]), "{a} {b} {child}");
                prop_assert!([a.windows[at], b.windows[at]].contains(&child.windows[at]), "{a} {b} {child}");
            }
            prop_assert!(a.distance(&child) + child.distance(&b) == a.distance(&b));
            prop_assert_eq!(&a.crossover(&a, &mut rng).unwrap(), &a);
            let space = Arc::new(child);
            let (a, b) = (Subnet::sample(&space, &mut rng), Subnet::sample(&space, &mut rng));
            let child = a.crossover(&b, &mut rng).unwrap();
            prop_assert!([a.resolution, b.resolution].contains(&child.resolution));
            for (at, blocks) in child.stages.iter().enumerate() {
                prop_assert!([a.stages[at].len(), b.stages[at].len()].contains(&blocks.len()));
                for (place, block) in blocks.iter().enumerate() {
                    let parents = || [&a, &b].into_iter().filter_map(move |net| net.stages[at].get(place));
                    prop_assert!(parents().any(|own| own.width == block.width));
                    for (name, value) in block.choices.iter() {
                        prop_assert!(parents().any(|own| own.choices.get(name) == Some(value)), "{a} {b} {child}");
                    }
                }
            }
        }
    }

    #[test]
    fn drawn_networks_build_and_cost_the_sum_of_their_blocks(seed: u64) {
        let mut rng = Seed(seed).rng();
        let space = Arc::new(SearchSpace::sample(&toy::pocket(), &mut rng));
        let (a, b) = (Subnet::sample(&space, &mut rng), Subnet::sample(&space, &mut rng));
        let child = a.crossover(&b, &mut rng).unwrap();
        for net in [a.mutate(MutationRates::default(), &mut rng), child, a] {
            prop_assert_eq!(&Subnet::parse(&space, &net.encode()).unwrap(), &net);
            let graph = net.graph().unwrap();
            prop_assert_eq!(graph.output_shape().c(), 12);
            prop_assert_eq!(graph.cost(), net.cost().unwrap());
            prop_assert_eq!(graph.cost(), cost(&net.parts()).unwrap());
        }
    }
}

#[test]
fn texts_of_the_published_networks_are_read_and_their_cost_is_the_published_one() {
    let hyperspace = toy::stdlib("mobilew");
    assert_eq!(hyperspace.size(), 1_185_901_920);
    let space = Arc::new(SearchSpace::parse(&hyperspace, "mobilew-122222-155400").unwrap());
    assert_eq!(space.encode(), "122222-155400");
    assert_eq!(SearchSpace::parse(&hyperspace, "122222_155400").unwrap(), *space);
    assert!((space.size() / 1.8e49 - 1.0).abs() < 0.03, "{}", space.size());
    // SEQnet@pixel4-A0 to A4: text, multiply-accumulates and parameters in millions.
    let published = [
        (
            "d1#1#2#2#2#2#2#1_k3#3#3#3#3#3#3#3#3#3#3#3#3_w16#16#32#32#64#64#96#96#144#144#192#192#216_e0#1.0#3.0#3.0#3.0#3.0#3.0#3.0#3.0#3.0#3.0#3.0#3.0_r160",
            112.921,
            6.3766,
        ),
        (
            "d1#1#2#2#2#2#4#1_k3#3#3#3#3#3#7#3#3#3#3#3#5#3#3_w16#16#32#32#64#64#96#96#144#144#224#192#208#192#232_e0#1.0#3.0#3.0#3.0#3.0#3.0#3.0#3.0#3.0#6.0#6.0#6.0#3.0#3.0_r208",
            273.979,
            9.7057,
        ),
        (
            "d1#1#2#2#2#3#4#1_k3#3#3#3#3#3#3#3#5#3#3#7#5#7#5#5_w16#16#40#32#64#72#96#96#152#160#152#200#224#200#200#248_e0#1.0#3.0#3.0#3.0#3.0#3.0#6.0#3.0#6.0#3.0#6.0#3.0#3.0#6.0#3.0_r224",
            398.938,
            10.0082,
        ),
        (
            "d1#1#2#3#3#4#4#1_k3#3#3#3#3#3#5#7#3#3#3#3#3#5#3#3#3#5#3_w16#16#32#32#64#72#64#112#96#104#152#144#152#152#200#192#208#192#280_e0#1.0#8.0#3.0#3.0#6.0#3.0#8.0#3.0#6.0#6.0#6.0#3.0#3.0#6.0#8.0#6.0#6.0#6.0_r224",
            591.208,
            13.8758,
        ),
        (
            "d1#2#2#3#4#4#5#1_k3#3#3#3#3#3#3#5#3#5#5#3#3#3#3#5#7#5#3#5#3#3_w24#16#24#32#32#72#64#64#112#96#104#104#152#144#144#152#224#216#208#224#208#296_e0#1.0#1.0#6.0#8.0#6.0#3.0#3.0#6.0#6.0#3.0#3.0#8.0#8.0#6.0#3.0#8.0#6.0#6.0#3.0#3.0#6.0_r224",
            738.137,
            15.3039,
        ),
    ];
    for (text, mflops, mparams) in published {
        let net = Subnet::parse(&space, text).unwrap();
        assert_eq!(net.encode(), text);
        let cost = net.graph().unwrap().cost();
        assert!((cost.mflops() - mflops).abs() < 6e-4, "{} instead of {mflops}", cost.mflops());
        assert!((cost.mparams() - mparams).abs() < 6e-5, "{} instead of {mparams}", cost.mparams());
    }
    assert_eq!(Subnet::smallest(&space).encode(), published[0].0);
    let largest = Subnet::largest(&space).cost().unwrap();
    assert!((largest.mflops() - 2495.647).abs() < 6e-4, "{}", largest.mflops());
}

#[test]
fn texts_that_cannot_be_read_are_refused_with_the_place() {
    let hyperspace = toy::pocket();
    let refused = |text: &str| told(&SearchSpace::parse(&hyperspace, text).unwrap_err());
    insta::assert_snapshot!(refused("031-000"), @"space::encoding: cannot read the search space `031-000`: at character 2, `3` stands where the operator of stage `stage2` should be [`0` to `2` are there]");
    insta::assert_snapshot!(refused("012-0"), @"space::encoding: cannot read the search space `012-0`: at character 6, the text ends where the window of stage `stage2` should be [`0` to `2` are there]");
    insta::assert_snapshot!(refused("012-0000"), @"space::encoding: cannot read the search space `012-0000`: at character 8, `0` stands where the text should end [leave the rest out]");
    insta::assert_snapshot!(refused("012é000"), @"space::encoding: cannot read the search space `012é000`: at character 4, `-` and the windows should follow [`pocket` has 3 searched stages: stage1, stage2, stage3]");
    assert_eq!(SearchSpace::parse(&hyperspace, "012").unwrap().encode(), "012-000");

    let space = space("012-000");
    let good = Subnet::smallest(&space).encode();
    assert_eq!(good, "d1#1#1_k3#3#3_w16#32#64_e3.0#0.5#0_turns:0#0#1_r24");
    let refused = |from: &str, to: &str| told(&Subnet::parse(&space, &good.replace(from, to)).unwrap_err());
    insta::assert_snapshot!(refused("w16", "w17"), @"space::encoding: cannot read the subnet `d1#1#1_k3#3#3_w17#32#64_e3.0#0.5#0_turns:0#0#1_r24`: at character 16, `17` is not one of the widths of stage `stage1` in this space [there are [16, 24]]");
    insta::assert_snapshot!(refused("k3#3#3", "k3#5#3"), @"space::encoding: cannot read the subnet `d1#1#1_k3#5#3_w16#32#64_e3.0#0.5#0_turns:0#0#1_r24`: at character 11, `5` is not one of the values of `kernel` of operator `bottleneck` [there are [3.0]]");
    insta::assert_snapshot!(refused("0.5#0", "0.5"), @"space::encoding: cannot read the subnet `d1#1#1_k3#3#3_w16#32#64_e3.0#0.5_turns:0#0#1_r24`: at character 26, 2 expansions, one for each block are given [3 are needed, with `#` between them]");
    insta::assert_snapshot!(refused("turns:0", "turns:1"), @"space::encoding: cannot read the subnet `d1#1#1_k3#3#3_w16#32#64_e3.0#0.5#0_turns:1#0#1_r24`: at character 42, `1` is given, but operator `inverted` has no choice `turns` [write `0`]");
    insta::assert_snapshot!(refused("_r24", ""), @"space::encoding: cannot read the subnet `d1#1#1_k3#3#3_w16#32#64_e3.0#0.5#0_turns:0#0#1`: at character 47, the text ends where `_r` should be [a subnet is written like this: d1#2_k3#3#5_w16#24#32_e0#3.0#6.0_r32]");
}

#[test]
fn drawing_reaches_every_choice_evenly() {
    let hyperspace = toy::pocket();
    let mut rng = Seed(3).rng();
    let mut seen = BTreeSet::new();
    for _ in 0..4000 {
        seen.insert(SearchSpace::sample(&hyperspace, &mut rng).encode());
    }
    assert_eq!(seen.len() as u128, hyperspace.size());
    // Every search space is reachable by mutations alone, and a mutation changes exactly one gene of its kind.
    let mut at = SearchSpace::parse(&hyperspace, "000-000").unwrap();
    let mut walked = BTreeSet::new();
    for _ in 0..6000 {
        let (operator, window) = (at.mutate_operator(&mut rng), at.mutate_window(&mut rng));
        assert_eq!((at.distance(&operator), at.distance(&window)), (1, 1));
        assert_eq!((&operator.windows, &window.operators), (&at.windows, &at.operators));
        at = if walked.len() % 2 == 0 { operator.mutate_window(&mut rng) } else { window.mutate_operator(&mut rng) };
        walked.insert(at.encode());
    }
    assert!(walked.len() as u128 > hyperspace.size() * 9 / 10, "{}", walked.len());

    let space = space("012-000");
    let nets: Vec<_> = (0..2000).map(|_| Subnet::sample(&space, &mut rng)).collect();
    let share = |test: &dyn Fn(&Subnet) -> bool| nets.iter().filter(|net| test(net)).count() as f64 / 2000.0;
    for (wanted, found) in [
        (1.0 / 2.0, share(&|net| net.resolution == 24)),
        (1.0 / 3.0, share(&|net| net.stages[2].len() == 3)),
        (1.0 / 2.0, share(&|net| net.stages[1][0].width == 24)),
        (1.0 / 2.0, share(&|net| net.stages[1][0].choices.get("kernel") == Some(5.0))),
        (1.0 / 2.0, share(&|net| net.stages[3][0].choices.get("turns") == Some(2.0))),
    ] {
        // Five standard deviations of a share of 2,000.
        assert!((wanted - found).abs() < 0.056, "{wanted} {found}");
    }
    // Mutation with probability 0 changes nothing, with 1 it still reaches everything.
    let net = &nets[0];
    assert_eq!(&net.mutate(MutationRates { choice: 0.0, resolution: 0.0 }, &mut rng), net);
    let rates = MutationRates { choice: 1.0, resolution: 1.0 };
    let depths: BTreeSet<_> = (0..200).map(|_| net.mutate(rates, &mut rng).stages[2].len()).collect();
    assert_eq!(depths, BTreeSet::from([1, 2, 3]));
}

/// How often each text comes up in `count` draws.
fn tally(count: usize, mut draw: impl FnMut() -> String) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    (0..count).for_each(|_| *seen.entry(draw()).or_default() += 1);
    seen
}

/// Every text of `wanted` comes up, no other, and all about as often: within five standard deviations of an even share.
fn assert_even(seen: &BTreeMap<String, usize>, wanted: &[(&str, f64)]) {
    assert_eq!(seen.keys().collect::<Vec<_>>(), wanted.iter().map(|(text, _)| *text).collect::<Vec<_>>());
    let all = seen.values().sum::<usize>() as f64;
    for (text, share) in wanted {
        let slack = 5.0 * (share * (1.0 - share) * all).sqrt();
        assert!((seen[*text] as f64 - share * all).abs() < slack, "{text}: {seen:?}");
    }
}

#[test]
fn one_mutation_reaches_every_neighbour_and_nothing_else() {
    let mut rng = Seed(8).rng();
    let pocket = SearchSpace::parse(&toy::pocket(), "012-110").unwrap();
    let wanted = ["002-110", "010-110", "011-110", "022-110", "112-110", "212-110"].map(|text| (text, 1.0 / 6.0));
    assert_even(&tally(6_000, || pocket.mutate_operator(&mut rng).encode()), &wanted);
    // A stage of two windows has one other, those of three have two each; which stage is drawn first.
    let (third, sixth) = (1.0 / 3.0, 1.0 / 6.0);
    let wanted = [("012-010", third), ("012-100", sixth), ("012-111", sixth), ("012-112", sixth), ("012-120", sixth)];
    assert_even(&tally(6_000, || pocket.mutate_window(&mut rng).encode()), &wanted);

    // Stage 3 has no other operator: the mutation goes to the two that have.
    let own = SearchSpace::parse(&toy::own_lists(), "010-110").unwrap();
    let wanted = [("000-110", 0.5), ("110-110", 0.25), ("210-110", 0.25)];
    assert_even(&tally(6_000, || own.mutate_operator(&mut rng).encode()), &wanted);
    // Where there is no other space, it stays.
    let home = own.hyperspace.clone();
    let bound = |stage: &Stage| Stage { window: stage.widths.len(), ..stage.clone() };
    let stages: Vec<Stage> = home.stages.iter().map(bound).collect();
    let one = home.operators[2..].to_vec();
    let searched =
        |stage: &Stage| Stage { role: if stage.is_searched() { Role::Searched } else { stage.role.clone() }, ..stage.clone() };
    let lone = Hyperspace::new("lone", 3, 12, &[24], stages.iter().map(searched).collect(), one).unwrap();
    assert_eq!(lone.size(), 1);
    let only = SearchSpace::sample(&lone, &mut rng);
    assert_eq!([only.mutate_operator(&mut rng), only.mutate_window(&mut rng)], [only.clone(), only.clone()]);
    // Both parents' genes come through, each about half of the time.
    let (a, b) = (SearchSpace::parse(&toy::pocket(), "000-000").unwrap(), SearchSpace::parse(&toy::pocket(), "222-122").unwrap());
    let children: Vec<_> = (0..2_000).map(|_| a.crossover(&b, &mut rng).unwrap()).collect();
    for at in 0..3 {
        let of_b =
            |genes: fn(&SearchSpace) -> &[usize]| children.iter().filter(|child| genes(child)[at] == genes(&b)[at]).count();
        for count in [of_b(|space| &space.operators), of_b(|space| &space.windows)] {
            assert!(count.abs_diff(1_000) < 112, "{count}");
        }
    }
}

#[test]
fn stages_choose_among_operators_of_their_own() {
    let hyperspace = toy::own_lists();
    // Three operators in two windows, two in three, one in three.
    assert_eq!((hyperspace.size(), hyperspace.most_candidates()), (6 * 6 * 3, 3));
    let mut rng = Seed(9).rng();
    let seen = tally(3_000, || SearchSpace::sample(&hyperspace, &mut rng).encode());
    assert_eq!(seen.len() as u128, hyperspace.size());
    let space = Arc::new(SearchSpace::parse(&hyperspace, "010-000").unwrap());
    let names = |space: &SearchSpace| [1, 2, 3].map(|stage| space.operator(stage).name().to_string());
    assert_eq!(names(&space), ["inverted", "lone", "lone"]);
    assert_eq!(names(&SearchSpace::parse(&hyperspace, "200-000").unwrap()), ["dual", "dual", "lone"]);
    assert_eq!(Subnet::smallest(&space).encode(), "d1#1#1_k3#3#3_w16#32#64_e3.0#0#0_r24");
    assert_eq!(SearchSpace::uniform_at(&hyperspace, 2, None).encode(), "210-111");
    let refused = |text: &str| told(&SearchSpace::parse(&hyperspace, text).unwrap_err());
    insta::assert_snapshot!(refused("020-000"), @"space::encoding: cannot read the search space `020-000`: at character 2, `2` stands where the operator of stage `stage2` should be [`0` to `1` are there]");
    insta::assert_snapshot!(refused("011-000"), @"space::encoding: cannot read the search space `011-000`: at character 3, `1` stands where the operator of stage `stage3` should be [`0` to `0` are there]");
    assert_eq!(SearchSpace::new(&hyperspace, vec![0, 0, 1], vec![0; 3]).unwrap_err().code, "space::choice");
    assert_eq!(SearchSpace::uniform(&hyperspace, "dual", None).unwrap_err().code, "space::unknown_operator");
    assert_eq!(ElasticStage::new(&hyperspace, "stage2", "inverted", None).unwrap_err().code, "space::unknown_operator");
    assert_ne!(hyperspace.key(), toy::pocket().key());
    assert_eq!(hyperspace.key(), toy::own_lists().key());
    // Children of two hyperspaces would have operators that neither parent has.
    let other = SearchSpace::parse(&toy::pocket(), "000-000").unwrap();
    assert_eq!(other.crossover(&space, &mut rng).unwrap_err().code, "space::choice");
}

#[test]
fn the_union_of_weights_holds_every_subnet() {
    let space = space("012-100");
    let parts = space.elastic_parts().unwrap();
    let graphs: Vec<_> = parts.iter().map(|part| part.graph().unwrap()).collect();
    let all = union_weights(parts.iter().zip(&graphs).map(|(part, graph)| Part { prefix: &part.prefix, graph })).unwrap();
    let mut rng = Seed(1).rng();
    for net in (0..50).map(|_| Subnet::sample(&space, &mut rng)).chain([Subnet::largest(&space), Subnet::smallest(&space)]) {
        for part in net.parts() {
            let known = parts.iter().any(|other| {
                let stretched = spaceevo::space::BlockConfig { hw: other.config.hw, ..part.config.clone() };
                other.prefix == part.prefix && other.config == stretched
            });
            assert!(known, "{} {}", part.prefix, part.config);
        }
        let graph = net.graph().unwrap();
        for spec in union_weights([Part { prefix: "net", graph: &graph }]).unwrap() {
            let name = spec.name.strip_prefix("net.").unwrap();
            let whole = all.iter().find(|whole| whole.name == name).unwrap_or_else(|| panic!("{name} has no weights"));
            assert!(spec.input.count() <= whole.input.count() && spec.output.count() <= whole.output.count());
        }
    }
    // The shortcut of stage 1's first block: unused by the smallest width that equals its input, needed by others.
    assert!(all.iter().any(|spec| spec.name == "stage1.b0.short"));
    let stage = ElasticStage::new(&space.hyperspace, "stage3", "dual", None).unwrap();
    // Place 0: 4 input widths x 3 widths x 4 combinations; place 1: 3 x 3 x 4.
    assert_eq!(stage.elastic_parts().unwrap().len(), 48 + 36);
}

#[test]
fn plain_spaces_have_one_operator_everywhere() {
    let hyperspace = toy::pocket();
    assert_eq!(SearchSpace::uniform(&hyperspace, "dual", None).unwrap().encode(), "222-111");
    assert_eq!(SearchSpace::uniform(&hyperspace, "dual", Some(2)).unwrap().encode(), "222-122");
    let fault = SearchSpace::uniform(&hyperspace, "dul", None).unwrap_err();
    insta::assert_snapshot!(told(&fault), @"space::unknown_operator: hyperspace `pocket` has no operator `dul` [did you mean `dual`?]");
}

#[test]
fn descriptions_that_make_no_sense_are_refused() {
    let stage =
        |widths: &[i64], window, depths: &[i64]| told(&Stage::new("s1", Role::Searched, widths, window, depths, 1).unwrap_err());
    insta::assert_snapshot!(stage(&[16, -8], None, &[1]), @"space::stage: stage `s1`: widths hold -8 [each must be at least 1]");
    insta::assert_snapshot!(stage(&[16, 16], None, &[1]), @"space::stage: stage `s1`: widths must ascend, but 16 is followed by 16 [write them from small to large, each once]");
    insta::assert_snapshot!(stage(&[16, 24], Some(3), &[1]), @"space::stage: stage `s1`: a window of 3 does not fit a list of 2 widths [use 1 to 2]");
    insta::assert_snapshot!(stage(&[16], None, &[]), @"space::stage: stage `s1`: there are no depths [give at least one]");
    let hyperspace = toy::pocket();
    let broken =
        |stages: Vec<Stage>| told(&Hyperspace::new("h", 3, 12, &[32], stages, hyperspace.operators.clone()).unwrap_err());
    insta::assert_snapshot!(broken(hyperspace.stages[..4].to_vec()), @"space::hyperspace: hyperspace `h`: the last stage does not give 12 classes [end with a fixed stage of one block whose only width is the number of classes]");

    // A builder that forgets the stride, and one that reads a choice it was not given.
    let lost = toy::operator("lost", &[("kernel", &[3.0])], Activation::Relu, |net, c| {
        net.conv(0, "conv", c.cout as i64, spaceevo::graph::ConvOptions { kernel: 3, ..Default::default() })
    });
    let config = lost.config((16, 24), 2, 8, &[("kernel".into(), 3.0)]).unwrap();
    insta::assert_snapshot!(told(&lost.build(&config).unwrap_err()), @"operator::shape: operator `lost` (cin 16, cout 24, stride 2, hw 8, kernel 3) gives 16x8x8 -> 24x8x8, its place needs 16x8x8 -> 24x4x4 [the result must have `c.cout` channels, and exactly one path must step by `c.stride`]");
    insta::assert_snapshot!(told(&lost.config((16, 24), 2, 8, &[("kernal".into(), 3.0)]).unwrap_err()), @"operator::choice: operator `lost`: there is no choice `kernal` [did you mean `kernel`?]");
    insta::assert_snapshot!(told(&lost.config((16, 24), 2, 8, &[]).unwrap_err()), @"operator::choice: operator `lost`: `kernel` is missing [give one value, for example `kernel: 3`]");
    let wide = hyperspace.with_operator(lost).unwrap();
    assert_eq!(wide.operators.len(), 4);
    assert_ne!(wide.key(), hyperspace.key());
    assert_eq!(toy::pocket().key(), hyperspace.key());
}

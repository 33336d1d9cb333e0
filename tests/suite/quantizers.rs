//! Quantizers and losses of training as their options set them: bits, scales, offsets, losses of one's own, distillation.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use spaceevo::base::Seed;
use spaceevo::device::ort::optimised_ops;
use spaceevo::graph::{Bits, Layer, Weights};
use spaceevo::onnx::{Precision, lower};
use spaceevo::runtime::HostSettings;
use spaceevo::space::SearchSpace;
use spaceevo::train::{
    BlockTarget, EvalBlocks, Granularity, Job, Loss, Lsq, Net, Pool, SampleLoss, ScaleInit, SupernetRecipe, SupernetTask,
    Targets, TeacherForm, TeacherRef, TrainBlock, TrainSummary, Update, WeightsRef,
};
use spaceevo::worker;

use crate::bench::session;
use crate::torch::{run, same_classes_in_onnx_runtime, smallest, trainer};
use crate::toy;
use crate::toynet::{self, Toy};

/// The lines that `source` prints in a dry run, with a lab in `folder`.
fn printed(folder: &Path, source: &str) -> Vec<String> {
    let (session, lines) =
        session(HostSettings { lab: folder.join("lab"), workers: 1, threads: 1, dry: true, ..HostSettings::default() });
    if let Some(trouble) = &session.eval(source, "test").trouble {
        panic!("{}", trouble.text(false));
    }
    lines.printed()
}

#[test]
fn what_cannot_be_traced_is_a_fault_that_names_the_line_and_the_operation() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("|s, t|\n(s - t).blur(3)", ["line 3", "`blur`"]),
        ("|s, t| {\nlet d = s - t;\nif s > t { d } else { -d } }", ["line 4", "`>`"]),
        ("|s, t| {\nif s { s } else { t } }", ["line 3", "Tensor"]),
        ("|s, t| (s - t).mean([2, 4])", ["line 2", "no axis 4"]),
        ("|s, t| s + [1]", ["line 2", "an array"]),
        ("|s, t| t.mean()", ["student", "nothing can be learned"]),
        ("|s, t| 1.5", ["a number", "not a tensor"]),
    ];
    for (closure, wanted) in cases {
        let source =
            format!("try {{\ntrace_loss({closure}); print(\"traced\") }} catch (e) {{ print(e.code + \": \" + e.message) }}");
        let said = printed(folder.path(), &source).join(" ");
        assert!(said.starts_with("tensor::trace: "), "{closure}: {said}");
        assert!(wanted.iter().all(|part| said.contains(part)), "{closure}: {said}");
    }
}

#[test]
fn options_of_blocks_reach_the_trainer() {
    let folder = tempfile::tempdir().unwrap();
    let lines = printed(
        folder.path(),
        r#"let t = teacher("shapes_resnet");
let hs = hyperspace("pocket");
let train = |given| { let how = #{ teacher: t, seed: 3 }; how += given; train_block(hs, "stage1", "inverted_residual", how) };
let fault = |given| { let code = "none"; try { train.call(given); } catch (e) { code = e.code; } code };
let plain = train.call(#{});
print(train.call(#{ loss: "mse" }).losses == train.call(#{ loss: |s, t| (s - t).square() }).losses);
// One FP32 step, whose loss is taken before anything has moved, and one quantized step after it.
for given in [
    #{ targets: "largest" }, #{ optimizer: "sgd", lr: 0.5 }, #{ weight_bits: 4 }, #{ activation_bits: 4 },
    #{ offset: "real", activation_bits: 3 }, #{ weights: "per_channel", weight_bits: 3 }, #{ scale_init: "lsq" },
    #{ scale_init: "reference" },
] {
    let other = train.call(given);
    print(other.losses[0] == plain.losses[0] && other.losses[1] != plain.losses[1]);
}
let sampled = |given| plain.sample(2, rng(1), given)["loss"];
print(sampled.call(#{}) == plain.sample(2, rng(1))["loss"]);
print(sampled.call(#{ weight_bits: 2 }) != sampled.call(#{ quantized: false }));
print(fault.call(#{ weight_bits: 9 }));
print(fault.call(#{ weights: "per_row" }));
print(fault.call(#{ loss: "msr" }));
print(fault.call(#{ loss: |s, t| s.blur() }));
try { plain.sample(1, rng(1), #{ quantized: false, weight_bits: 4 }); } catch (e) { print(e.code); }"#,
    );
    let faults = ["options::value", "options::value", "options::value", "tensor::trace", "options::value"];
    assert_eq!(lines, [&["true"; 11][..], &faults[..]].concat());
}

#[test]
fn a_supernet_of_four_bits_is_searched_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let lines = printed(
        folder.path(),
        &format!(
            r#"let space = hyperspace("pocket").plain("fused_residual");
let own = |s, t| (t.softmax() * (t.log_softmax() - s.log_softmax())).sum([1]);
let net = train_supernet(space, #{{
    weight_bits: 4, distill: own, dropout: 0.2, smoothing: 0.0, decay: "reference", weight_decay: 1e-5,
}});
print(net.accuracies([space.smallest, space.largest], #{{ images: 16, quantized: false }}).len());
net.export_onnx(space.smallest, {int8:?}, #{{}});
print(evaluate({int8:?}, dataset("shapes", #{{ test: 8 }})).keys().contains("int8_top1_pct"));
let real = train_supernet(space, #{{ offset: "real" }});
try {{ real.export_onnx(space.smallest, {int8:?}, #{{}}); }} catch (e) {{ print(e.code); }}
net.export_onnx(space.smallest, {fp32:?}, #{{ precision: "fp32" }});
let found = subnet_evolution(net, #{{
    latency: |net| net.mflops, max_int8_ms: 100.0, delta_ms: 100.0, images: 16,
    population: 6, iterations: 1, mutations: 2, crossovers: 2,
}});
print(found.history.height);
let rows = train_supernet(space, #{{ weights: "per_channel", distill: "soft_cross_entropy" }});
rows.export_onnx(space.smallest, {int8:?}, #{{ precision: "int8" }});
// One more quantized step, for one subnet alone.
let tuned = net.fine_tune(space.smallest, #{{ int8_lr: 0.1 }});
print(curve(tuned)["phase"]);
let loss = #{{ metric: |logits, labels| -(labels * logits.log_softmax()).sum([1]), images: 64 }};
print(tuned.accuracies([space.smallest], loss) != net.accuracies([space.smallest], loss));
tuned.export_onnx(space.smallest, {int8:?}, #{{}});
try {{ net.fine_tune(space.smallest, #{{ int8_steps: 0 }}); }} catch (e) {{ print(e.code); }}
print(rows.to_html().contains("INT8") && net.to_html().contains("W4A8"));"#,
            int8 = file("int8.onnx"),
            fp32 = file("fp32.onnx"),
        ),
    );
    assert_eq!(lines, ["2", "true", "supernet::not_int8", "10", "[\"int8\"]", "true", "options::value", "true"]);
}

#[test]
fn a_supernet_learns_by_a_loss_of_ones_own_and_is_judged_by_a_metric_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let lines = printed(
        folder.path(),
        r#"let space = hyperspace("pocket").plain("fused_residual");
let cross_entropy = |logits, labels| -(labels * logits.log_softmax()).sum([1]);
// One FP32 step, and one quantized step whose loss tells what the first has learned.
let losses = |given| curve(train_supernet(space, given))["loss"];
let near = |a, b| (a[0] - b[0]).abs() < 1e-4 && (a[1] - b[1]).abs() < 1e-4;
let plain = losses.call(#{});
print(near.call(plain, losses.call(#{ loss: cross_entropy })));
print(near.call(plain, losses.call(#{ loss: cross_entropy, smoothing: 0.0 })));
let labels = losses.call(#{ distill: "labels" });
print(near.call(labels, losses.call(#{ distill: |s, t, labels| -(labels * s.log_softmax()).sum([1]) })));
print(near.call(labels, losses.call(#{ distill: "labels", loss: cross_entropy })));
print(near.call(labels, plain));
let net = train_supernet(space, #{});
let metric = |metric| net.accuracies([space.smallest, space.largest], #{ metric: metric, images: 20 });
print(metric.call(|logits, labels| (labels + 0 * logits).sum([1])));
print(metric.call(cross_entropy).all(|mean| mean > 0.0));
let fault = |work| { let code = "none"; try { work.call(); } catch (e) { code = e.code; } code };
print(fault.call(|| metric.call("top5")));
print(fault.call(|| losses.call(#{ loss: |logits, labels| labels })));
print(fault.call(|| losses.call(#{ loss: "nsr" })));"#,
    );
    let equal = ["true", "false", "true", "true", "false"];
    assert_eq!(lines, [&equal[..], &["[1.0, 1.0]", "true", "options::value", "tensor::trace", "options::value"]].concat());
}

#[test]
fn networks_learn_by_a_quantizer_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let lines = printed(
        folder.path(),
        &format!(
            r#"let space = hyperspace("pocket").plain("fused_residual");
let code = |x, scale, low, high| (x / scale).max(low).min(high);
let lsq = |x, scale, low, high| code.call(x, scale, low, high).round() * scale;
let power = |x, scale, low, high| 2.0 ** (x.abs() / scale + 1.0).log().round() * x.sign() * scale;
let net = |given| {{ given.int8_steps = 2; train_supernet(space, given) }};
let losses = |net| curve(net)["loss"];
let usual = net.call(#{{}});
let same = net.call(#{{ quantizer: lsq }});
print(losses.call(usual).zip(losses.call(same), |a, b| (a - b).abs()).max() < 1e-3);
let powers = net.call(#{{ quantizer: power }});
print(losses.call(usual).zip(losses.call(powers), |a, b| (a - b).abs()).max() < 1e-3);
same.export_onnx(space.smallest, {file:?}, #{{}});
print(evaluate({file:?}, dataset("shapes", #{{ test: 8 }})).images);
let fault = |work| {{ let code = "none"; try {{ work.call(); }} catch (e) {{ code = e.code; }} code }};
print(fault.call(|| powers.export_onnx(space.smallest, {file:?}, #{{}})));
print(powers.accuracies([space.smallest], #{{ images: 16, activation_bits: 4 }}).len());
print(fault.call(|| net.call(#{{ quantizer: |x, scale, low, high| x.mean() }})));
print(fault.call(|| net.call(#{{ quantizer: |x, scale| x }})));
print(fault.call(|| net.call(#{{ quantizer: "pact" }})));
let block = train_block(hyperspace("pocket"), "stage2", "fused_residual", #{{ teacher: teacher("shapes_resnet"), quantizer: power }});
print(block.sample(2, rng(1))["loss"].all(|loss| loss > 0.0));"#,
            file = folder.path().join("own.onnx").display().to_string(),
        ),
    );
    let faults = ["tensor::trace", "tensor::trace", "options::value"];
    assert_eq!(lines, [&["true", "false", "8", "supernet::not_int8", "1"][..], &faults, &["true"]].concat());
}

#[test]
fn a_batch_is_cut_into_equal_parts_for_replicas() {
    let folder = tempfile::tempdir().unwrap();
    let lines = printed(
        folder.path(),
        r#"let space = hyperspace("pocket").plain("fused_residual");
let net = train_supernet(space, #{ replicas: 2 });
let losses = |net| curve(net)["loss"];
print(losses.call(net) != losses.call(train_supernet(space, #{})));
print(net.accuracies([space.smallest], #{ images: 16 }).len());
let tuned = |replicas| losses.call(net.fine_tune(space.smallest, #{ replicas: replicas }));
print(tuned.call(2) != tuned.call(1));
// A dry run cuts batches, and the parts with them.
print(losses.call(train_supernet(space, #{ replicas: 32 })) == losses.call(net));
print(teacher("shapes_resnet", #{ replicas: 16 }).top1_pct == teacher("shapes_resnet", #{ replicas: 2 }).top1_pct);
for given in [#{ replicas: 3 }, #{ replicas: 64 }, #{ batch: 9, replicas: 9 }, #{ replicas: 0 }, #{ replica: 2 }] {
    try { train_supernet(space, given); } catch (e) { print(e.message + ": " + e.help); }
}
try { train_supernet(space, #{ replicas: 2, data: dataset("shapes", #{ train: 1 }) }); } catch (e) { print(e.message); }
try { train_block(hyperspace("pocket"), "stage1", "inverted_residual", #{ replicas: 2 }); } catch (e) { print(e.code); }"#,
    );
    let faults = [
        "option `replicas` of train_supernet is 3, but 64 images cannot be cut into so many equal parts of 2 or more: say 2 or 4, \
         or `batch: 66`",
        "option `replicas` of train_supernet is 64, but 64 images cannot be cut into so many equal parts of 2 or more: say 32, or \
         `batch: 128`",
        "option `replicas` of train_supernet is 9, but 9 images cannot be cut into so many equal parts of 2 or more: say 3, or \
         `batch: 18`",
        "option `replicas` of train_supernet is `0`: it takes an integer of at least 1",
        "unknown option `replica` of train_supernet: did you mean `replicas`?",
        "supernet 333-111: the 2 replicas of a batch need an image each, and there are 1",
        "options::unknown",
    ];
    assert_eq!(lines, [&["true", "1", "true", "true", "true"][..], &faults].concat());
}

#[test]
fn the_sandwich_has_each_size_of_image_where_it_belongs() {
    let space = Arc::new(SearchSpace::parse(&toy::pocket(), "012-110").unwrap());
    let mut recipe = SupernetRecipe::default();
    (recipe.common.steps, recipe.common.int8_steps, recipe.common.random) = (20, 5, 2);
    let job = SupernetTask::new(&space).unwrap().train(toynet::shapes(8, 8), &recipe, Seed(3)).unwrap();
    assert_eq!(job.phases.iter().map(|phase| phase.steps.len()).collect::<Vec<_>>(), [20, 5]);
    let sides = |step: &Vec<Net>| step.iter().map(|net| net.resolution).collect::<Vec<_>>();
    let steps: Vec<_> = job.phases.iter().flat_map(|phase| phase.steps.iter().map(sides)).collect();
    assert!(steps.iter().all(|sides| sides.len() == 4 && sides[0] == 32 && sides[3] == 24), "{steps:?}");
    let random: Vec<_> = steps.iter().flat_map(|sides| sides[1..3].to_vec()).collect();
    assert!(random.contains(&24) && random.contains(&32), "{random:?}");
}

/// LSQ+ with as many bits for weights as for maps.
fn bits(bits: u32, scale_init: ScaleInit) -> Lsq {
    Lsq { weight_bits: bits, activation_bits: bits, scale_init, ..Lsq::default() }
}

#[test]
fn fewer_bits_lose_more_and_training_wins_some_of_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let toy = Toy::new([[16, 16], [24, 24], [32, 32]]);
    let pool = trainer();
    let [largest, _] = Toy::extremes();
    let teacher = toynet::train(&toy, vec![toynet::fixed_phase(false, 0.05, &largest, 10)], &folder.path().join("teacher"));
    let _: TrainSummary = run(&pool, teacher.job, &teacher.folder);
    let weights = WeightsRef { job: "teacher".into(), path: teacher.folder.join("weights.safetensors") };
    let teacher = TeacherRef { pool: toy.pool.clone(), net: largest.clone(), weights, form: TeacherForm::Float };
    let target = BlockTarget { teacher, input_after: 2, target_after: 4 };
    // The second stage: its parts stand at 3 and 4 of each network.
    let stage = Net { parts: largest.parts[3..5].to_vec(), resolution: toynet::SIZE };
    let elastic = |lsq| Pool { lsq, ..toy.pool.clone() };
    let learn = |name: &str, lsq, quantized_steps| {
        let mut phases = vec![toynet::fixed_phase(false, 0.01, &stage, 100)];
        if quantized_steps > 0 {
            phases.push(toynet::fixed_phase(true, 0.005, &stage, quantized_steps));
        }
        let job = Job::TrainBlock(TrainBlock {
            label: "stage2".into(),
            pool: elastic(lsq),
            data: toynet::shapes(64, 96),
            target: target.clone(),
            loss: Loss::Nsr,
            targets: Targets::Teacher,
            batch: 32,
            phases,
            update: Update { weight_decay: 0.0, ..Update::adam() },
            seed: Seed(2),
        });
        let at = folder.path().join(name);
        let _: TrainSummary = run(&pool, job, &at);
        WeightsRef { job: name.into(), path: at.join("weights.safetensors") }
    };
    let loss = |weights: &WeightsRef, quantized, lsq| {
        let job = Job::EvalBlocks(EvalBlocks {
            label: "stage2".into(),
            pool: elastic(lsq),
            weights: weights.clone(),
            data: toynet::shapes(64, 96),
            target: target.clone(),
            loss: Loss::Nsr,
            quantized,
            nets: vec![stage.clone()],
            recalibrate: 2,
            batches: 3,
            batch: 32,
            seed: Seed(4),
        });
        run::<Vec<SampleLoss>>(&pool, job, folder.path())[0].loss
    };
    let float = learn("float", Lsq::default(), 0);
    let plain = loss(&float, false, Lsq::default());
    // Without training for it, scales come from the data.
    let [after8, after4, after2] = [8, 4, 2].map(|width| loss(&float, true, bits(width, ScaleInit::MinMax)));
    let trained = [(8, ScaleInit::MinMax), (4, ScaleInit::Lsq), (2, ScaleInit::Lsq)].map(|(width, init)| {
        let lsq = bits(width, init);
        (learn(&format!("w{width}"), lsq.clone(), 40), lsq)
    });
    let [trained8, trained4, trained2] = [0, 1, 2].map(|at: usize| loss(&trained[at].0, true, trained[at].1.clone()));
    // Scales that were learned for 8 bits keep their range.
    let coarser = loss(&trained[0].0, true, bits(4, ScaleInit::MinMax));
    let told = format!(
        "FP32 {plain:.4}; 8, 4, 2 bits without training {after8:.4}, {after4:.4}, {after2:.4}, \
         with it {trained8:.4}, {trained4:.4}, {trained2:.4}; trained for 8 and judged at 4 bits {coarser:.4}"
    );
    println!("{told}");
    assert!((after8 - plain).abs() < 0.1 * plain && trained8 < 1.1 * plain, "{told}");
    assert!(after8 < after4 && after4 < after2, "{told}");
    assert!(trained8 < trained4 && trained4 < trained2, "{told}");
    assert!(trained4 < after4 && trained2 < after2, "{told}");
    assert!(trained8 < coarser, "{told}");
}

/// Trains `toy` in FP32 and then `int8_steps` quantized, and exports it: the weights of either, below `folder`.
fn trained_and_exported(pool: &worker::Pool, toy: &Toy, int8_steps: usize, folder: &Path) -> [Weights; 2] {
    let phases = vec![toynet::phase(false, 0.1, 40), toynet::phase(true, 0.01, int8_steps)];
    let trained = toynet::train(toy, phases, &folder.join("train"));
    let _: TrainSummary = run(pool, trained.job, &trained.folder);
    let weights = WeightsRef { job: "train".into(), path: trained.folder.join("weights.safetensors") };
    let _: Value = run(pool, toynet::export(toy, weights), &folder.join("export"));
    ["train", "export"].map(|name| Weights::load(&folder.join(format!("{name}/weights.safetensors"))).unwrap())
}

#[test]
fn scales_of_channels_are_exported_as_they_were_trained() {
    let folder = tempfile::tempdir().unwrap();
    let mut toy = Toy::new([[8, 16], [16, 24], [24, 32]]);
    toy.pool.lsq.weights = Granularity::PerChannel;
    let pool = trainer();
    let [whole, exported] = trained_and_exported(&pool, &toy, 6, folder.path());
    let (shape, scales) = exported.get("stage2.b1.depth.sw").unwrap();
    assert_eq!(shape, [48]);
    assert_eq!(scales, &whole.get("stage2.b1.depth.sw").unwrap().1[..48]);
    assert!(scales.iter().any(|scale| *scale != scales[0]), "one scale for all: {scales:?}");
    assert_eq!(exported.get("head.classes.sw").unwrap().0, [1]);
    same_classes_in_onnx_runtime(&pool, &toy, folder.path());
}

/// Weights and maps of this toy have 6 bits; blocks have bits of their own: 8 with the larger kernel, 4 and 5 with the smaller.
fn toy_of_bits() -> Toy {
    let mut toy = Toy::new([[8, 16], [16, 24], [24, 32]]);
    (toy.pool.lsq.weight_bits, toy.pool.lsq.activation_bits) = (6, 6);
    for (_, graph) in toy.pool.parts.iter().filter(|(prefix, _)| prefix.starts_with("stage")) {
        let nodes = &mut toy.pool.graphs[*graph].nodes;
        let wide = nodes.iter().any(|node| matches!(node.layer, Layer::Conv { kernel: 5, .. }));
        let bits = if wide { (8, 8) } else { (4, 5) };
        nodes[1..].iter_mut().for_each(|node| node.bits = Bits { weights: Some(bits.0), value: Some(bits.1) });
    }
    toy
}

#[test]
fn blocks_have_bits_of_their_own_and_few_bits_are_exported_in_8_bit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let (toy, pool) = (toy_of_bits(), trainer());
    let [whole, exported] = trained_and_exported(&pool, &toy, 10, folder.path());
    // Each number of bits has learned a scale of its own; those of the stem are the network's.
    let scale = |key: &str| whole.scalar(key).unwrap();
    assert!(scale("stage2.b1.expand@4.sw") > 8.0 * scale("stage2.b1.expand@8.sw"));
    assert!(scale("stage2.b1.expand.act@5.sa") > 4.0 * scale("stage2.b1.expand.act@8.sa"));
    assert!(scale("stage2.b1.expand.act@5.sa") <= 6.0 / 31.0);
    assert!(whole.get("stage2.b1.expand.sw").is_none() && whole.get("stem.conv.sw").is_some());
    assert_eq!((exported.bits(), exported.get("stage2.b1.expand@8.sw").is_some()), ((6, 6), false));
    same_classes_in_onnx_runtime(&pool, &toy, folder.path());
    // Integer kernels throughout.
    let graph = smallest(&toy);
    let ops = optimised_ops(&lower(&graph, &exported, Precision::Int8, 1).unwrap()).unwrap();
    let count = |name: &str| ops.iter().filter(|(op, _)| op == name).count();
    assert_eq!([count("Conv"), count("FusedConv"), count("Add"), count("Relu"), count("Gemm")], [0; 5], "{ops:?}");
    assert!(count("QLinearConv") == 19 && count("Clip") > 10, "{ops:?}");
}

#[test]
fn bits_are_searched_as_any_choice_is() {
    let folder = tempfile::tempdir().unwrap();
    let lines = printed(
        folder.path(),
        &format!(
            r#"define_hyperspace("few_bits", #{{
    resolutions: [32], operators: [operator("fused_residual", #{{ kernel: [3], expand: [1], weight_bits: [2, 8], activation_bits: [4, 8] }})],
    stages: [
        #{{ name: "stem", operator: "stem_conv", widths: [16], stride: 2 }},
        #{{ name: "stage1", widths: [16], depths: [2], stride: 1 }},
        #{{ name: "stage2", widths: [24], depths: [1], stride: 2 }},
        #{{ name: "stage3", widths: [32], depths: [1], stride: 2 }},
        #{{ name: "head", operator: "pooled_head", widths: [32] }},
        #{{ name: "logits", operator: "classifier", widths: [12] }},
    ],
}});
let hs = hyperspace("few_bits");
let space = hs.space("000-000");
print(space.smallest);
print(space.smallest.crossover(space.largest, rng(1)).to_string().contains("weight_bits"));
let t = teacher("shapes_resnet");
let lut = build_lut(hs, #{{ teacher: t, device: device("flops"), samples: 6, seed: 1 }});
print(lut.validate());
let rows = lut.table;
print(rows["weights_mb"].max() > 1.5 * rows["weights_mb"].min());
let block = train_block(hs, "stage2", "fused_residual", #{{ teacher: t, steps: 30, int8_steps: 10, seed: 1 }});
// All but the bits is alike in these.
let rows = block.sample(8, rng(1));
let losses = #{{}};
for (sample, at) in rows["sample"] {{ losses[sample] = rows["loss"][at]; }}
print(losses.len() > 1 && losses.values().max() > losses.values().min());
let net = train_supernet(space, #{{ seed: 1 }});
print(net.accuracies([space.smallest, space.largest], #{{ images: 16 }}).len());
net.export_onnx(space.smallest, {file:?}, #{{}});
print(evaluate({file:?}, dataset("shapes", #{{ test: 8 }})).images);"#,
            file = folder.path().join("few.onnx").display().to_string(),
        ),
    );
    let smallest = "d2#1#1_k3#3#3#3_w16#16#24#32_e1.0#1.0#1.0#1.0_activation_bits:4#4#4#4_weight_bits:2#2#2#2_r32";
    assert_eq!(lines, [smallest, "true", "true", "true", "true", "2", "8"]);
}

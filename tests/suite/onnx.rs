//! The ONNX lowering, run by ONNX Runtime and compared with a plain evaluator.

use std::collections::BTreeMap;

use rand::RngExt;
use spaceevo::base::Seed;
use spaceevo::device::ort::{OrtSession, optimised_ops};
use spaceevo::graph::{Activation, Graph, quantize};
use spaceevo::onnx::{Precision, lower, weights_for_timing};

use crate::nets;
use crate::slow_net::{calibrated, evaluate, evaluate_from};

fn image(graph: &Graph, seed: u64) -> Vec<f32> {
    let mut rng = Seed(seed).rng();
    (0..graph.input_shape().elements()).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn run(graph: &Graph, bytes: &[u8], image: &[f32]) -> Vec<f32> {
    let shape = graph.input_shape();
    OrtSession::load(bytes, 1).unwrap().run(image, &[1, shape.c(), shape.h, shape.w]).unwrap()
}

fn all() -> Vec<(&'static str, Graph)> {
    vec![
        ("plain", nets::plain()),
        ("mobile relu", nets::mobile(Activation::Relu, false)),
        ("mobile relu6", nets::mobile(Activation::Relu6, false)),
        ("mobile relu se", nets::mobile(Activation::Relu, true)),
        ("mobile hswish se", nets::mobile(Activation::Hswish, true)),
        ("mobile swish", nets::mobile(Activation::Swish, false)),
        ("resnet", nets::resnet()),
        ("shuffled", nets::shuffled()),
        ("transformer", nets::transformer()),
    ]
}

/// The largest difference, relative to the largest value.
fn difference(got: &[f32], wanted: &[f64]) -> f64 {
    assert_eq!(got.len(), wanted.len());
    let size = wanted.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    got.iter().zip(wanted).map(|(g, w)| (f64::from(*g) - w).abs()).fold(0.0, f64::max) / size
}

#[test]
fn float_files_compute_what_the_graph_says() {
    for (name, graph) in all() {
        let image = image(&graph, 1);
        let weights = calibrated(&graph, &image, Seed(7));
        let got = run(&graph, &lower(&graph, &weights, Precision::Fp32, 1).unwrap(), &image);
        let wanted = evaluate(&graph, &weights, &image, false);
        let worst = difference(&got, &wanted[graph.output]);
        assert!(worst < 1e-4, "{name}: {worst}");
    }
}

/// Cut after every quantized tensor in turn. Given the codes that the runtime had before, the next ones must be
/// those of fake quantization; only a sum on the very border between two codes may fall to either side.
#[test]
fn integer_files_hold_the_codes_of_fake_quantization() {
    for (name, graph) in all() {
        let image = image(&graph, 2);
        let weights = calibrated(&graph, &image, Seed(8));
        let mut known = BTreeMap::new();
        for quantizer in quantize(&graph).quantizers {
            let part = Graph { nodes: graph.nodes[..=quantizer.node].to_vec(), output: quantizer.node };
            // A dense layer at the very end stays in floats; inside a network it has a quantizer.
            let Some(same) = quantize(&part).quantizer_after(quantizer.node).cloned() else { continue };
            assert_eq!(same, quantizer);
            let got = run(&part, &lower(&part, &weights, Precision::Int8, 1).unwrap(), &image);
            let got: Vec<_> = got.into_iter().map(f64::from).collect();
            let wanted = evaluate_from(&part, &weights, &image, true, &known).pop().unwrap();
            let scale = weights.scalar(&format!("{}.sa", quantizer.name)).unwrap();
            let scale = f64::from(quantizer.max_scale(8).map_or(scale, |limit| scale.min(limit)));
            let steps: Vec<f64> = got.iter().zip(&wanted).map(|(g, w)| ((g - w) / scale).abs()).collect();
            let equal = steps.iter().filter(|s| **s < 0.01).count() as f64 / steps.len() as f64;
            let worst = steps.iter().copied().fold(0.0, f64::max);
            let what = format!("{name}, after `{}`: {equal} equal, worst {worst} steps", quantizer.name);
            assert!(equal > 0.99 && worst < 1.01, "{what}");
            known.insert(quantizer.node, got);
        }
        let got = run(&graph, &lower(&graph, &weights, Precision::Int8, 1).unwrap(), &image);
        let worst = difference(&got, &evaluate_from(&graph, &weights, &image, true, &known)[graph.output]);
        assert!(worst < 1e-4, "{name}: the result differs by {worst}");
    }
}

#[test]
fn relu_networks_are_all_integers_in_the_runtime() {
    for (name, graph) in all() {
        let weights = weights_for_timing(&graph, Seed(3));
        let bytes = lower(&graph, &weights, Precision::Int8, 1).unwrap();
        let ops = optimised_ops(&bytes).unwrap();
        let text: Vec<_> = ops.iter().map(|(op, _)| op.as_str()).collect();
        let float =
            |op: &str| matches!(op, "Conv" | "FusedConv" | "Add" | "Gemm" | "GlobalAveragePool" | "AveragePool" | "Concat");
        let left: Vec<_> = ops.iter().filter(|(op, _)| float(op)).collect();
        assert!(left.is_empty(), "{name}: {left:?} in {text:?}");
        if !name.contains("swish") && !name.contains("se") && name != "shuffled" && name != "transformer" {
            let floats = ops.iter().filter(|(op, _)| matches!(op.as_str(), "Relu" | "Clip" | "Mul" | "DequantizeLinear")).count();
            assert_eq!(floats, 0, "{name}: {text:?}");
        }
    }
}

#[test]
fn both_products_of_attention_are_integers_in_the_runtime() {
    let graph = nets::transformer();
    let bytes = lower(&graph, &weights_for_timing(&graph, Seed(3)), Precision::Int8, 1).unwrap();
    let ops = optimised_ops(&bytes).unwrap();
    let count = |op: &str| ops.iter().filter(|(own, _)| own == op).count();
    // Two blocks; what stays in floats is one kernel each.
    assert_eq!((count("MatMulIntegerToFloat"), count("QLinearMatMul"), count("MatMul")), (2, 2, 0), "{ops:?}");
    assert_eq!((count("Softmax"), count("LayerNormalization"), count("Gelu")), (2, 4, 2), "{ops:?}");
}

#[test]
fn a_batch_is_its_images_one_by_one() {
    for graph in [nets::mobile(Activation::Relu, true), nets::transformer()] {
        batched(&graph);
    }
}

fn batched(graph: &Graph) {
    let images = [image(graph, 4), image(graph, 5)];
    let weights = calibrated(graph, &images[0], Seed(10));
    for precision in [Precision::Fp32, Precision::Int8] {
        let single = lower(graph, &weights, precision, 1).unwrap();
        let wanted: Vec<f64> = images.iter().flat_map(|image| run(graph, &single, image)).map(f64::from).collect();
        let mut both = OrtSession::load(&lower(graph, &weights, precision, 2).unwrap(), 1).unwrap();
        let got = both.run(&images.concat(), &[2, 3, 16, 16]).unwrap();
        assert!(difference(&got, &wanted) < 1e-5, "{precision}");
    }
}

#[test]
fn unusable_weights_are_named() {
    let graph = nets::plain();
    let good = weights_for_timing(&graph, Seed(3));
    let fault = |key: &str, shape: Vec<usize>, data: Vec<f32>| {
        let mut weights = good.clone();
        weights.insert(key, shape, data);
        let fault = lower(&graph, &weights, Precision::Int8, 1).unwrap_err();
        assert!(fault.message.contains(key) && fault.help.is_some(), "{fault:?}");
        fault.code
    };
    assert_eq!(fault("conv0.act.sa", vec![1], vec![0.0]), "onnx::scale");
    assert_eq!(fault("conv1.sw", vec![1], vec![f32::NAN]), "onnx::scale");
    assert_eq!(fault("input.zp", vec![1], vec![12.5]), "onnx::zero_point");
    assert_eq!(fault("conv2.bn.beta", vec![16], vec![f32::INFINITY; 16]), "onnx::not_finite");
    assert_eq!(fault("logits.weight", vec![10, 17], vec![0.0; 170]), "graph::weight_shape");
    assert_eq!(lower(&graph, &good, Precision::Int8, 0).unwrap_err().code, "onnx::batch");
    assert_eq!(OrtSession::load(b"no model", 1).unwrap_err().code, "device::model_refused");
}

/// Needs a Python with `onnxruntime`, named by SPACEEVO_PYTHON or found as `python3`; says so and passes without.
#[test]
fn the_python_package_loads_the_files_and_agrees() {
    let python = std::env::var("SPACEEVO_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = std::process::Command::new(&python).args(["-c", "import onnxruntime"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!("skipped: `{python}` has no onnxruntime");
        return;
    }
    let script = "import sys, numpy as np, onnxruntime as o; \
        how = o.SessionOptions(); how.add_session_config_entry('session.x64quantprecision', '1'); \
        s = o.InferenceSession(sys.argv[1], how, providers=['CPUExecutionProvider']); \
        i = s.get_inputs()[0]; assert i.name == 'input', i.name; \
        y = s.run(['output'], {'input': np.fromfile(sys.argv[2], np.float32).reshape(i.shape)})[0]; print(*y.ravel())";
    let folder = tempfile::tempdir().unwrap();
    let (model, input) = (folder.path().join("model.onnx"), folder.path().join("input"));
    for ((name, graph), precision) in all().into_iter().zip([Precision::Fp32, Precision::Int8].into_iter().cycle()) {
        let image = image(&graph, 3);
        let bytes = lower(&graph, &calibrated(&graph, &image, Seed(9)), precision, 1).unwrap();
        std::fs::write(&model, &bytes).unwrap();
        std::fs::write(&input, image.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()).unwrap();
        let output = std::process::Command::new(&python).arg("-c").arg(script).args([&model, &input]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let got: Vec<f32> = text.split_whitespace().map(|v| v.parse().unwrap()).collect();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let wanted: Vec<f64> = run(&graph, &bytes, &image).into_iter().map(f64::from).collect();
        assert!(difference(&got, &wanted) < 1e-4, "{name} {precision}");
    }
}

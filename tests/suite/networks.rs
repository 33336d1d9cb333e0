//! Published networks: torchvision's own numbers, layer by layer; what the reference published; both lowerings of each.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rand::RngExt;
use spaceevo::base::{Seed, hash_hex};
use spaceevo::device::ort::OrtSession;
use spaceevo::frame::Table;
use spaceevo::graph::{Graph, Layer, Network};
use spaceevo::onnx::{Precision, lower, weights_for_timing};
use spaceevo::primitive::network::FixedNetwork;
use spaceevo::runtime::{HostSettings, Output, Session, Settings};

use crate::torch;

#[derive(Debug)]
struct Silent;

impl Output for Silent {
    fn print(&self, _: &str) {}
}

fn session_with(stdlib: Option<&Path>) -> Session {
    let host = HostSettings { lab: tempfile::tempdir().unwrap().keep(), workers: 1, threads: 1, ..HostSettings::default() };
    Session::new(Settings { host, stdlib: stdlib.map(Into::into), ..Settings::default() }, Arc::new(Silent)).unwrap()
}

/// One session for all that only reads the library.
fn library() -> &'static Session {
    static SESSION: OnceLock<Session> = OnceLock::new();
    SESSION.get_or_init(|| session_with(None))
}

fn value<T: Clone + Send + Sync + 'static>(session: &Session, source: &str) -> T {
    let outcome = session.eval(source, "test");
    assert!(outcome.trouble.is_none(), "{source}: {:?}", outcome.trouble);
    outcome.get().unwrap_or_else(|| panic!("{source}: {:?}", outcome.trouble))
}

fn network(source: &str) -> Arc<Network> {
    value::<FixedNetwork>(library(), source).net
}

fn code(session: &Session, source: &str) -> String {
    session.eval(source, "test").trouble.unwrap_or_else(|| panic!("{source} did not fail")).fault.code.clone()
}

/// The lines `LAYER SHAPE` of a network's weights under their published names, sorted.
fn published_weights(net: &Network) -> Vec<String> {
    let graph = &net.graph;
    let shape = |id: usize| {
        let node = &graph.nodes[id];
        let (cin, cout) = (node.inputs.first().map_or(0, |&from| graph.nodes[from].shape.c()), node.shape.c());
        match node.layer {
            Layer::Conv { kernel, groups, .. } => Some(format!("{cout}x{}x{kernel}x{kernel}", cin / groups)),
            Layer::Linear => Some(format!("{cout}x{cin}")),
            Layer::BatchNorm { .. } => Some(cout.to_string()),
            _ => None,
        }
    };
    let weights = (0..graph.nodes.len()).filter_map(|id| Some((id, shape(id)?)));
    let mut lines: Vec<_> = weights.map(|(id, shape)| format!("{} {shape}", net.published[&graph.nodes[id].name][0])).collect();
    lines.sort();
    lines
}

/// Parameters, multiply-accumulates, and name and shape of every weight are torchvision's, to the last one.
#[test]
fn networks_are_those_of_torchvision() {
    let rows = include_str!("../fixtures/networks.txt").lines().filter(|line| !line.starts_with('#'));
    let mut seen = 0;
    for row in rows {
        let fields: Vec<&str> = row.split(' ').collect();
        let [name, side, params, macs, gflops, layers, epsilon, digest] = fields[..] else { panic!("{row}") };
        let fixed: FixedNetwork = value(library(), &format!("network({name:?}, #{{ resolution: {side} }})"));
        let cost = fixed.net.graph.cost();
        assert_eq!((cost.params.to_string(), cost.macs.to_string()), (params.into(), macs.into()), "{name}");
        // What the published weights' page prints, in thousandths.
        assert_eq!(format!("{:.3}", cost.macs as f64 / 1e9), format!("{:.3}", gflops.parse::<f64>().unwrap()), "{name}");
        let lines = published_weights(&fixed.net);
        assert_eq!(lines.len().to_string(), layers, "{name}");
        let help = "make_networks.py prints torchvision's";
        assert_eq!(hash_hex(lines.join("\n").as_bytes()), digest, "{name}: other weights ({help}):\n{}", lines.join("\n"));
        let own: f64 = value(library(), &format!("network({name:?}).bn_epsilon"));
        assert_eq!(own, epsilon.parse::<f64>().unwrap(), "{name}");
        // The size that the figures are for is the network's own.
        assert_eq!(network(&format!("network({name:?})")).graph, fixed.net.graph, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 19);
}

#[test]
fn networks_of_the_reference_cost_what_was_published() {
    for (name, side, mflops, mparams, layers) in [
        ("seqnet_pixel4_a0", 160, 112.921, 6.3766, 63),
        ("seqnet_pixel4_a1", 208, 273.979, 9.7057, 76),
        ("seqnet_pixel4_a2", 224, 398.938, 10.0082, 84),
        ("seqnet_pixel4_a3", 224, 591.208, 13.8758, 102),
        ("seqnet_pixel4_a4", 224, 738.137, 15.3039, 114),
        ("seqnet_vnni_a0", 160, 163.479, 7.7953, 50),
        ("seqnet_vnni_a1", 192, 358.172, 11.9646, 62),
        ("seqnet_vnni_a2", 208, 638.338, 14.5158, 77),
        ("seqnet_vnni_a3", 224, 981.538, 15.9301, 78),
        ("seqnet_vnni_a4", 224, 1383.124, 23.3686, 95),
    ] {
        let net = network(&format!("network({name:?})"));
        let cost = net.graph.cost();
        assert_eq!((net.graph.input_shape().h, cost.weighted), (side, layers), "{name}");
        assert!((cost.mflops() - mflops).abs() < 6e-4, "{name}: {} instead of {mflops}", cost.mflops());
        assert!((cost.mparams() - mparams).abs() < 6e-5, "{name}: {} instead of {mparams}", cost.mparams());
    }
    for (name, mflops, mparams) in [
        ("spaceevo_pixel4", 2495.647, 45.7690),
        ("spaceevo_pixel4_medium", 2386.334, 40.2244),
        ("spaceevo_pixel4_tiny", 3278.879, 19.0786),
        ("spaceevo_vnni", 5837.858, 52.1599),
        ("spaceevo_vnni_large", 3484.416, 51.8846),
    ] {
        let cost = network(&format!("network({name:?})")).graph.cost();
        assert!((cost.mflops() - mflops).abs() < 6e-4 && (cost.mparams() - mparams).abs() < 6e-5, "{name}: {cost:?}");
    }
}

/// The names of the library: all that its files list, and each file defines what it lists.
#[test]
fn every_listed_network_is_there() {
    let names: Vec<String> = value::<rhai::Array>(library(), "networks()").into_iter().map(|name| name.to_string()).collect();
    assert_eq!(names.len(), 34, "{names:?}");
    for name in &names {
        assert_eq!(network(&format!("network({name:?})")).name, *name);
    }
    assert!(!names.contains(&"efficientnet".to_string()), "a file that lists its names is none itself");
}

/// An image of values as data sets give them.
fn image(graph: &Graph) -> (Vec<f32>, [usize; 4]) {
    let (mut rng, shape) = (Seed(5).rng(), graph.input_shape());
    ((0..shape.elements()).map(|_| rng.random_range(-1.0..1.0)).collect(), [1, shape.c(), shape.h, shape.w])
}

#[test]
fn every_network_runs_in_floats_and_in_integers() {
    let names: Vec<String> = value::<rhai::Array>(library(), "networks()").into_iter().map(|name| name.to_string()).collect();
    for name in names {
        let cut = name.starts_with("seqnet") || name.starts_with("spaceevo");
        let side = if cut { 160 } else { 64 };
        let net = network(&format!("network({name:?}, #{{ resolution: {side} }})"));
        let weights = weights_for_timing(&net.graph, Seed(3));
        let (values, shape) = image(&net.graph);
        for precision in [Precision::Fp32, Precision::Int8] {
            let bytes = lower(&net.graph, &weights, precision, 1).unwrap();
            let logits = OrtSession::load(&bytes, 1).unwrap().run(&values, &shape).unwrap();
            let differ = logits.iter().any(|value| *value != logits[0]);
            assert!(logits.len() == 1000 && differ && logits.iter().all(|value| value.is_finite()), "{name} {precision}");
        }
    }
}

/// One of each family: torch and ONNX Runtime agree, in floats.
#[test]
fn torch_and_onnx_runtime_agree_on_networks() {
    let trainer = torch::trainer();
    let folder = tempfile::tempdir().unwrap();
    for name in ["resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "regnet_y_400mf"] {
        let net = network(&format!("network({name:?}, #{{ resolution: 64, classes: 10 }})"));
        let (weights, (values, shape)) = (weights_for_timing(&net.graph, Seed(3)), image(&net.graph));
        let at = folder.path().join(name);
        std::fs::create_dir_all(&at).unwrap();
        let (file, inputs) = (at.join("weights.safetensors"), at.join("inputs.safetensors"));
        weights.save(&file).unwrap();
        let mut tensors = spaceevo::graph::Weights::default();
        tensors.insert("input", shape.to_vec(), values.clone());
        tensors.save(&inputs).unwrap();
        let ours = torch::forward(&trainer, &net.graph, file, false, inputs, &at);
        let theirs = lower(&net.graph, &weights, Precision::Fp32, 1).unwrap();
        let theirs = OrtSession::load(&theirs, 1).unwrap().run(&values, &shape).unwrap();
        let size = ours.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        assert!(size > 0.0 && torch::worst(&ours, &theirs) < 1e-3 * size, "{name}: {} of {size}", torch::worst(&ours, &theirs));
    }
}

#[test]
fn other_images_and_classes_change_shapes_alone() {
    let (own, other) = (network("network(\"resnet50\")"), network("network(\"resnet50\", #{ resolution: 160, classes: 10 })"));
    assert_eq!((other.graph.output_shape().c(), other.graph.input_shape().h), (10, 160));
    assert_eq!(own.graph.cost().params - other.graph.cost().params, 990 * 2049);
    let places = |net: &Network| net.taps.iter().map(|tap| (tap.name.clone(), net.stride_at(tap.node))).collect::<Vec<_>>();
    let wanted = [("stage1", 4), ("stage2", 8), ("stage3", 16), ("stage4", 32)].map(|(name, at)| (name.to_string(), at));
    assert_eq!((places(&own), places(&other)), (wanted.to_vec(), wanted.to_vec()));
    // Sides that no power of two divides.
    let strides: Vec<_> = places(&network("network(\"efficientnet_b3\")")).into_iter().map(|(_, stride)| stride).collect();
    assert_eq!(strides, [2, 4, 8, 16, 16, 32, 32]);
    assert_eq!(code(library(), "network(\"seqnet_vnni_a0\", #{ resolution: 161 })"), "options::value");
    assert_eq!(code(library(), "network(\"resnet50\", #{ resolution: 0 })"), "options::type");
}

#[test]
fn whatever_has_layers_is_measured_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let session = session_with(None);
    let source = "let things = [block(\"stem_conv\", #{ cin: 3, cout: 16, hw: 32 }), hyperspace(\"pocket\").space(\"012-210\").largest,\n\
                  network(\"resnet18\", #{ resolution: 64 })];\n\
                  measure(things, device(\"flops\"))";
    let table: Table = value(&session, source);
    assert_eq!(table.height(), 3);
    let names: rhai::Array = value(&session, "measure(things, device(\"flops\"))[\"name\"]");
    assert_eq!(names[2].to_string(), "resnet18");
    let at = folder.path().display();
    for (precision, operator) in [("fp32", false), ("int8", true)] {
        value::<()>(&session, &format!("things[2].export_onnx(\"{at}/{precision}.onnx\", #{{ precision: \"{precision}\" }})"));
        let bytes = std::fs::read(folder.path().join(format!("{precision}.onnx"))).unwrap();
        OrtSession::load(&bytes, 1).unwrap();
        let operators = spaceevo::onnx::operators(&bytes).unwrap();
        assert_eq!(operators.iter().any(|(name, _)| name == "QuantizeLinear"), operator, "{precision}");
    }
    value::<()>(&session, &format!("things[0].export_onnx(\"{at}/block.onnx\"); things[1].export_onnx(\"{at}/subnet.onnx\")"));
    assert_eq!(code(&session, "measure(7, device(\"flops\"))"), "measure::what");
    assert_eq!(code(&session, "network(\"resnet18\").export_onnx(\"x.onnx\", #{ weights: \"none.safetensors\" })"), "file::io");
}

#[test]
fn mistakes_in_a_network_show_where_it_is_defined() {
    let session = session_with(None);
    let define =
        |build: &str| code(&session, &format!("define_network(\"mine\", #{{ resolution: 16, classes: 4, build: {build} }})"));
    assert_eq!(define("|net, c| 1"), "network::result");
    assert_eq!(define("|net, c| net.conv(\"stem\", 8, 3, 2)"), "network::classes");
    assert_eq!(define("|net, c| net.shortcut(\"short\")"), "network::shortcut");
    assert_eq!(
        define("|net, c| net.input.global_pool(\"pool\").linear(\"logits\", c.classes).tap(\"a\").tap(\"a\")"),
        "graph::mark_twice"
    );
    let half =
        "|net, c| net.conv(\"stem\", 8, 3).published_as(\"conv1\").bn().global_pool(\"pool\").linear(\"logits\", c.classes)";
    assert_eq!(define(half), "graph::nameless");
    assert_eq!(code(&session, "network(\"mine\")"), "network::unknown");
    let subnet = "hyperspace(\"pocket\").space(\"012-210\").largest";
    assert_eq!(code(&session, &format!("define_network(\"mine\", #{{ subnet: {subnet}, classes: 4 }})")), "options::value");
}

/// A file of a user's own may define many networks, and those it lists are found by their names.
#[test]
fn a_file_of_ones_own_defines_what_it_lists() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("networks")).unwrap();
    let text = "//! `slim`, `wide`: two of mine.\nfor (width, at) in [8, 16] {\n    define_network([\"slim\", \"wide\"][at], #{ resolution: 16, classes: 4,\n        build: |net, c| net.conv(\"stem\", width, 3, 2).bn().act(\"relu\").global_pool(\"pool\").linear(\"logits\", c.classes) });\n}\n";
    std::fs::write(folder.path().join("networks/mine.rhai"), text).unwrap();
    let session = session_with(Some(folder.path()));
    let macs = |name: &str| value::<FixedNetwork>(&session, &format!("network({name:?})")).net.graph.cost().macs;
    assert_eq!((macs("slim"), macs("wide")), (8 * 27 * 64 + 32, 16 * 27 * 64 + 64));
    let names: rhai::Array = value(&session, "networks()");
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    assert!(names.contains(&"wide".into()) && !names.contains(&"mine".into()), "{names:?}");
}

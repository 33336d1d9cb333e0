//! Devices and the measuring procedure. No test here rests on how fast the machine is.

use spaceevo::base::{Cancel, Progress, Quiet, Seed};
use spaceevo::device::{LatencyPredictor, MeasureOptions, measure_graphs, open};
use spaceevo::graph::{Activation, Graph};
use spaceevo::lab::Lab;
use spaceevo::onnx::Precision::{self, Fp32, Int8};

use crate::nets;

fn brief() -> MeasureOptions {
    MeasureOptions { budget_s: 5.0, ..MeasureOptions::default() }
}

fn named(graphs: &[Graph]) -> Vec<(String, &Graph)> {
    graphs.iter().enumerate().map(|(i, graph)| (format!("g{i}"), graph)).collect()
}

/// What every device must do.
#[test]
fn devices_agree_on_what_a_measurement_is() {
    let graphs = [nets::plain(), nets::mobile(Activation::Relu, true), nets::shuffled()];
    for name in ["flops", "ort"] {
        let device = open(name, 1).unwrap();
        assert_eq!(device.name(), name);
        let rows = measure_graphs(
            device.as_ref(),
            &named(&graphs),
            &[Fp32, Int8],
            &brief(),
            &Progress::default(),
            &Cancel::default(),
            None,
        );
        let rows = rows.unwrap();
        let order: Vec<_> = rows.iter().map(|row| (row.label.as_str(), row.precision)).collect();
        assert_eq!(order, [("g0", Fp32), ("g0", Int8), ("g1", Fp32), ("g1", Int8), ("g2", Fp32), ("g2", Int8)]);
        for row in &rows {
            assert!(0.0 < row.low_ms && row.low_ms <= row.latency_ms && row.latency_ms <= row.high_ms, "{row:?}");
            assert!(row.measurement.runs >= 12 || !row.measurement.converged, "{row:?}");
        }
        let again = device.structure_key(&graphs[0], Int8).unwrap();
        assert_eq!(again, device.structure_key(&graphs[0].clone(), Int8).unwrap());
        assert_ne!(again, device.structure_key(&graphs[1], Int8).unwrap());
        assert_ne!(again, device.structure_key(&graphs[0], Fp32).unwrap());
    }
}

#[test]
fn the_counting_device_is_exact() {
    let graph = nets::plain();
    let device = open("flops", 1).unwrap();
    let measure = || {
        let graphs = [("net".to_string(), &graph)];
        measure_graphs(device.as_ref(), &graphs, &[Fp32], &brief(), &Progress::default(), &Cancel::default(), None)
            .unwrap()
            .remove(0)
    };
    let row = measure();
    assert!((row.latency_ms - spaceevo::device::FlopsDevice::default().latency_ms(&graph, Fp32)).abs() < 1e-12);
    assert!(row.measurement.converged && row.measurement.rejected == 0);
    assert_eq!(row, measure());
}

#[test]
fn nothing_is_measured_twice_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).unwrap();
    let device = open("ort", 1).unwrap();
    let mut renamed = nets::plain();
    renamed.nodes.iter_mut().skip(1).for_each(|node| node.name = format!("other_{}", node.name));
    let graphs = [nets::plain(), renamed];
    let measure = |options: &MeasureOptions| {
        measure_graphs(device.as_ref(), &named(&graphs), &[Int8], options, &Progress::default(), &Cancel::default(), Some(&lab))
            .unwrap()
    };
    let first = measure(&brief());
    // Names do not matter to a stopwatch: both rows are one measurement.
    assert!(!first[0].kept && !first[1].kept && first[0].measurement == first[1].measurement);
    let second = measure(&brief());
    assert!(second[0].kept && second[1].kept);
    assert_eq!(first[0].measurement.raw, second[0].measurement.raw);
    let third = measure(&MeasureOptions { fresh: true, ..brief() });
    assert!(!third[0].kept);
}

#[test]
fn measuring_is_exclusive_and_waiting_can_be_cancelled() {
    let held = Quiet::hold(&Progress::default(), &Cancel::default()).unwrap();
    let cancel = Cancel::default();
    let waiting = std::thread::spawn({
        let cancel = cancel.clone();
        move || Quiet::hold(&Progress::default(), &cancel).map(drop)
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(!waiting.is_finished());
    cancel.cancel();
    assert_eq!(waiting.join().unwrap().unwrap_err().code, "session::interrupted");
    drop(held);
    Quiet::hold(&Progress::default(), &Cancel::default()).unwrap();
}

#[test]
fn wrong_requests_name_the_remedy() {
    let code = |name: &str, threads| open(name, threads).map(drop).unwrap_err();
    assert_eq!(code("flop", 1).code, "device::unknown");
    assert!(code("flop", 1).help.unwrap().contains("`flops`"));
    assert_eq!(code("ort", 0).code, "device::option");
    let device = open("flops", 1).unwrap();
    let options = MeasureOptions { interval_pct: 0.0, ..brief() };
    let graph = nets::plain();
    let graphs = [("net".to_string(), &graph)];
    let fault = measure_graphs(device.as_ref(), &graphs, &[Fp32], &options, &Progress::default(), &Cancel::default(), None);
    assert_eq!(fault.unwrap_err().code, "device::option");
}

/// Graphs whose latency is known exactly, because the counting device gives it.
fn counted(precision: Precision) -> Vec<(Graph, f64)> {
    let device = spaceevo::device::FlopsDevice::default();
    let graphs = (0..120).map(nets::random);
    graphs.map(|graph| (graph.clone(), device.latency_ms(&graph, precision))).collect()
}

#[test]
fn a_predictor_finds_additive_costs() {
    for precision in [Fp32, Int8] {
        let data = counted(precision);
        let (fitted, others) = data.split_at(90);
        let fitted: Vec<_> = fitted.iter().map(|(graph, ms)| (graph, *ms)).collect();
        let others: Vec<_> = others.iter().map(|(graph, ms)| (graph, *ms)).collect();
        let predictor = LatencyPredictor::fit(precision, &fitted, Seed(1)).unwrap();
        let error = predictor.error_on(&others).unwrap();
        assert!(error.rmspe_pct < 5.0, "{error:?}");
        let whole = predictor.predict(others[0].0).unwrap();
        let parts: f64 = predictor.explain(others[0].0).unwrap().values().sum();
        assert!((whole - parts).abs() < 1e-9 && predictor.predict_inside(others[0].0).unwrap() <= whole);
    }
}

#[test]
fn a_predictor_refuses_what_it_never_saw() {
    let data = counted(Int8);
    let few: Vec<_> = data.iter().take(3).map(|(graph, ms)| (graph, *ms)).collect();
    assert_eq!(LatencyPredictor::fit(Int8, &few, Seed(1)).unwrap_err().code, "device::too_few");
    let all: Vec<_> = data.iter().map(|(graph, ms)| (graph, *ms)).collect();
    let predictor = LatencyPredictor::fit(Int8, &all, Seed(1)).unwrap();
    assert_eq!(predictor.predict(&nets::mobile(Activation::Swish, false)).unwrap_err().code, "device::kernel_unknown");
}

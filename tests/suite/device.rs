//! Devices and the measuring procedure. No test here rests on how fast the machine is.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use spaceevo::base::{Cancel, Progress, Quiet, Result, Seed};
use spaceevo::device::ort::{OrtSession, timing_model};
use spaceevo::device::{Device, FlopsDevice, LatencyPredictor, MeasureOptions, MeasuredRow, OrtDevice, OrtOptions};
use spaceevo::device::{measure_all, measure_graphs, open};
use spaceevo::graph::{Activation, Graph};
use spaceevo::lab::Lab;
use spaceevo::lut::{BlockKey, BlockTable, TableDevice};
use spaceevo::onnx::Int8Weights;
use spaceevo::onnx::Precision::{self, Fp32, Int8};
use spaceevo::space::{SearchSpace, Subnet};

use crate::synthetic::{Clock, Synthetic};
use crate::{nets, toy};

fn brief() -> MeasureOptions {
    MeasureOptions { budget_s: 5.0, ..MeasureOptions::default() }
}

fn named(graphs: &[Graph]) -> Vec<(String, &Graph)> {
    graphs.iter().enumerate().map(|(i, graph)| (format!("g{i}"), graph)).collect()
}

fn all(device: &dyn Device, graphs: &[Graph], precisions: &[Precision], lab: Option<&Lab>) -> Vec<Result<MeasuredRow>> {
    measure_all(device, &named(graphs), precisions, &brief(), &Progress::default(), &Cancel::default(), lab).unwrap()
}

/// What every device must do. `graphs` are three different ones that it can run.
fn conforms(device: &dyn Device, graphs: &[Graph; 3]) {
    let name = device.name();
    assert_eq!(device.fingerprint().device, name);
    assert!(!device.precisions().is_empty(), "{name}");
    // The key of a measurement knows the structure and the number format, not names.
    let first = device.precisions()[0];
    let key = |graph: &Graph, precision| device.structure_key(graph, precision).unwrap();
    let mut renamed = graphs[0].clone();
    renamed.nodes.iter_mut().skip(1).for_each(|node| node.name = format!("other_{}", node.name));
    assert_eq!(key(&graphs[0], first), key(&renamed, first), "{name}");
    assert_ne!(key(&graphs[0], first), key(&graphs[1], first), "{name}");
    assert_ne!(key(&graphs[0], Fp32), key(&graphs[0], Int8), "{name}");
    // The governor is a note, all else counts.
    let print = device.fingerprint();
    let mut other = print.clone();
    other.governor = "powersave".into();
    assert_eq!(print.key(), other.key());
    other.threads += 1;
    assert_ne!(print.key(), other.key());
    // A run takes time by both clocks, and can be repeated.
    for precision in device.precisions() {
        let mut runner = device.load(&graphs[0], *precision).unwrap();
        for _ in 0..3 {
            let run = runner.run().unwrap();
            assert!(run.ms.is_finite() && run.ms > 0.0 && run.wall_ms > 0.0, "{name} {run:?}");
        }
    }
    // Rows come in order, with intervals around the figures.
    let rows: Vec<_> = all(device, graphs, device.precisions(), None).into_iter().map(Result::unwrap).collect();
    let wanted = ["g0", "g1", "g2"].into_iter().flat_map(|label| device.precisions().iter().map(move |own| (label, *own)));
    assert_eq!(rows.iter().map(|row| (row.label.as_str(), row.precision)).collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    for row in &rows {
        assert!(0.0 < row.low_ms && row.low_ms <= row.latency_ms && row.latency_ms <= row.high_ms, "{row:?}");
        assert!(row.measurement.runs >= 12 || !row.measurement.converged, "{row:?}");
        let visits = row.measurement.raw.len() * 3;
        assert!(visits == row.measurement.runs + row.measurement.rejected, "{row:?}");
    }
    // What it has no number format for is refused in words.
    for precision in [Fp32, Int8].into_iter().filter(|own| !device.precisions().contains(own)) {
        let refused = measure_all(device, &named(graphs), &[precision], &brief(), &Progress::default(), &Cancel::default(), None);
        assert_eq!(refused.unwrap_err().code, "device::precision", "{name}");
        assert_eq!(device.load(&graphs[0], precision).map(drop).unwrap_err().code, "device::precision", "{name}");
    }
}

#[test]
fn onnx_runtime_conforms() {
    let graphs = [nets::plain(), nets::mobile(Activation::Relu, true), nets::shuffled()];
    conforms(open("ort", 1).unwrap().as_ref(), &graphs);
}

#[test]
fn the_counting_device_conforms() {
    let graphs = [nets::plain(), nets::mobile(Activation::Relu, true), nets::shuffled()];
    conforms(open("flops", 1).unwrap().as_ref(), &graphs);
}

#[test]
fn the_made_up_device_conforms() {
    let graphs = [nets::plain(), nets::mobile(Activation::Relu, true), nets::shuffled()];
    conforms(&Synthetic { noise: 0.02, ..Synthetic::new("made_up") }, &graphs);
}

#[test]
fn a_block_table_conforms_and_replays_its_sums() {
    let hyperspace = toy::pocket();
    let space = Arc::new(SearchSpace::parse(&hyperspace, "012-000").unwrap());
    let subnets = [Subnet::smallest(&space), Subnet::largest(&space), Subnet::sample(&space, &mut Seed(3).rng())];
    let keys = subnets.iter().flat_map(Subnet::parts).map(|block| (BlockKey::of(&block), 0.1 + block.config.cout as f64 * 0.01));
    let table = BlockTable::new(keys, Default::default());
    let device = TableDevice::new(&table, &hyperspace).unwrap();
    let graphs = subnets.each_ref().map(|net| net.graph().unwrap());
    conforms(&device, &graphs);
    for (net, row) in subnets.iter().zip(all(&device, &graphs, &[Int8], None)) {
        assert!((row.unwrap().latency_ms - table.subnet_ms(net).unwrap()).abs() < 1e-9);
    }
    let rows = all(&device, &[nets::plain(), graphs[0].clone()], &[Int8], None);
    assert_eq!(rows[0].as_ref().unwrap_err().code, "lut::block_missing");
    assert!(rows[1].is_ok());
}

#[test]
fn weights_are_written_as_asked_and_are_part_of_the_fingerprint() {
    let styles = [(false, false), (true, false), (false, true), (true, true)];
    let graph = nets::mobile(Activation::Relu, false);
    let mut keys = vec![];
    for (per_tensor, seven_bits) in styles {
        let weights = Int8Weights { per_tensor, seven_bits };
        let device = OrtDevice::new(OrtOptions { weights, ..OrtOptions::default() }).unwrap();
        let row = all(&device, std::slice::from_ref(&graph), &[Int8], None).remove(0).unwrap();
        assert!(row.latency_ms > 0.0);
        assert_eq!(device.fingerprint().options.contains("7-bit"), seven_bits);
        assert_eq!(device.fingerprint().options.contains("one weight scale"), per_tensor);
        let warns = spaceevo::device::ort::instructions() == "none" && !seven_bits;
        assert_eq!(device.warning().is_some(), warns, "{:?}", device.warning());
        keys.push(device.fingerprint().key());
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), styles.len());
}

#[test]
fn what_a_device_cannot_run_is_told_in_its_row_and_the_others_go_on() {
    let graphs = [nets::plain(), nets::shuffled(), nets::mobile(Activation::Relu, false)];
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).unwrap();
    for (refuses, code, words) in
        [("mix", "device::model_refused", "no kernel for this layer"), ("run mix", "device::run_failed", "the kernel gave up")]
    {
        let device = Synthetic { refuses: Some(refuses), noise: 0.01, ..Synthetic::new(refuses) };
        let rows = all(&device, &graphs, &[Int8], Some(&lab));
        let fault = rows[1].as_ref().unwrap_err();
        assert_eq!(fault.code, code);
        assert!(fault.message.starts_with("`g1` in int8") && fault.message.ends_with(words), "{fault}");
        assert!(rows[0].is_ok() && rows[2].is_ok());
        // Asked for all or nothing, it is all that is heard.
        let strict =
            measure_graphs(&device, &named(&graphs), &[Int8], &brief(), &Progress::default(), &Cancel::default(), Some(&lab));
        assert_eq!(strict.unwrap_err().code, code);
    }
}

#[test]
fn a_clock_that_jumps_now_and_then_does_no_harm_and_a_mad_one_is_told() {
    let graphs = [nets::plain(), nets::resnet()];
    let steady = Synthetic::new("steady");
    let jumps = Synthetic { clock: Clock::JumpsEvery(17), noise: 0.005, ..Synthetic::new("jumps") };
    for (row, graph) in all(&jumps, &graphs, &[Int8], None).into_iter().zip(&graphs) {
        let row = row.unwrap();
        let off = row.latency_ms / steady.truth(graph, Int8) - 1.0;
        assert!(row.measurement.jumps > 0 && off.abs() < 0.02, "{off} {row:?}");
    }
    let mad = Synthetic { clock: Clock::Mad, ..Synthetic::new("mad") };
    let told = measure_all(&mad, &named(&graphs), &[Int8], &brief(), &Progress::default(), &Cancel::default(), None);
    let fault = told.map_or_else(|fault| fault, |rows| rows.into_iter().next().unwrap().unwrap_err());
    assert_eq!(fault.code, "device::clock");
}

#[test]
fn what_one_group_leaves_of_the_budget_is_for_the_next() {
    // 200 graphs are three groups; noise that never settles makes each spend what it has.
    let graphs: Vec<_> = (0..200).map(nets::random).collect();
    let device = Synthetic { noise: 0.5, quiet: false, ..Synthetic::new("restless") };
    let options = MeasureOptions { budget_s: 1.5, interval_pct: 0.01, ..MeasureOptions::default() };
    let began = Instant::now();
    let rows = measure_all(&device, &named(&graphs), &[Int8], &options, &Progress::default(), &Cancel::default(), None).unwrap();
    assert!(rows.iter().all(Result::is_ok));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    // Settled at once, it needs none of a budget of hours.
    let calm = Synthetic::new("calm");
    let options = MeasureOptions { budget_s: 36_000.0, ..MeasureOptions::default() };
    measure_all(&calm, &named(&graphs), &[Int8], &options, &Progress::default(), &Cancel::default(), None).unwrap();
}

#[test]
fn a_model_file_that_is_broken_is_refused_in_words() {
    assert_eq!(OrtSession::load(b"not a model", 1).unwrap_err().code, "device::model_refused");
    let whole = timing_model(&nets::plain(), Int8, Int8Weights::default()).unwrap();
    assert!(OrtSession::load(&whole, 1).is_ok());
    for length in [whole.len() / 3, whole.len() - 7] {
        assert_eq!(OrtSession::load(&whole[..length], 1).unwrap_err().code, "device::model_refused", "{length}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.onnx");
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(spaceevo::device::run_for_memory(&file).unwrap_err().code, "device::model_refused");
    std::fs::write(&file, &whole).unwrap();
    let memory = spaceevo::device::run_for_memory(&file).unwrap();
    assert!(memory.peak_bytes > 1_000_000 && memory.before_bytes > 1_000_000, "{memory:?}");
}

#[test]
fn the_runtimes_own_graph_tells_why_int8_is_slow() {
    use spaceevo::device::{Where, explain_int8};
    let floats = |act| {
        let nodes = explain_int8(&nets::mobile(act, false), Int8Weights::default()).unwrap();
        assert!(nodes.iter().any(|node| node.runs_in == Where::Int8), "{nodes:?}");
        nodes.into_iter().filter(|node| node.inside && node.runs_in == Where::Float).collect::<Vec<_>>()
    };
    assert_eq!(floats(Activation::Relu), []);
    let swish = floats(Activation::Hswish);
    assert!(!swish.is_empty() && swish.iter().all(|node| node.reason.starts_with("no integer kernel")), "{swish:?}");
}

fn spaceevo(folder: &Path, code: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    command.current_dir(folder).args(["--quiet", "-e", code]).stdin(Stdio::null());
    command
}

#[test]
fn measuring_that_was_killed_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let code = "let things = [];
        for i in 1..=40 { things.push(block(\"inverted_residual\", #{ cin: 8 * i, cout: 8 * i, hw: 4 })); }
        let all = measure_all(
            things, device(\"ort\"), #{ budget_s: 60, interval_pct: 30, alone: true });
        print(all.filter(col(\"status\") == \"ok\").height + \" \" + all.filter(col(\"from_lab\")).height)";
    let mut child = spaceevo(folder.path(), code).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let lab = Lab::open(&folder.path().join(".spaceevo")).unwrap();
    let began = Instant::now();
    while lab.measurement_count().unwrap() == 0 && began.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    child.wait().unwrap();
    let kept = lab.measurement_count().unwrap();
    assert!(kept > 0);
    let out = Command::new(env!("CARGO_BIN_EXE_spaceevo")).current_dir(folder.path()).args(["-e", code]).output().unwrap();
    let (text, said) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    assert!(text.starts_with("40 "), "{text} {said}");
    // What was settled before the end came is taken from the lab (one of the kept figures may be the anchor's).
    let taken = said.lines().find_map(|line| line.split_once(" of 80 latencies taken from the lab")?.0.split_whitespace().last());
    let taken: u64 = taken.unwrap_or_else(|| panic!("{said}")).parse().unwrap();
    assert!(taken + 1 >= kept && taken <= 80, "{taken} taken, {kept} kept");
    let again = spaceevo(folder.path(), code).output().unwrap();
    assert_eq!(String::from_utf8(again.stdout).unwrap(), "40 40\n");
}

#[test]
fn training_pauses_while_another_process_measures() {
    use std::io::{BufRead, BufReader, Write};
    let folder = tempfile::tempdir().unwrap();
    // A lock of its own, so that other tests that measure do not matter.
    let lock = std::fs::File::create(folder.path().join(spaceevo::base::LOCK_FILE)).unwrap();
    lock.lock().unwrap();
    let toy = crate::toynet::Toy::new([[8, 8], [8, 8], [8, 16]]);
    let job = crate::toynet::train(&toy, vec![crate::toynet::phase(false, 0.1, 3)], &folder.path().join("job"));
    std::fs::create_dir_all(folder.path().join("job")).unwrap();
    let file = folder.path().join("job.json");
    std::fs::write(&file, serde_json::to_vec(&job).unwrap()).unwrap();
    let here = std::env::current_exe().unwrap();
    let trainer = here.parent().and_then(Path::parent).unwrap().join("spaceevo-trainer");
    let mut child =
        Command::new(trainer).env("TMPDIR", folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut orders = child.stdin.take().unwrap();
    writeln!(orders, "{}", serde_json::json!({ "run": 1, "file": file })).unwrap();
    let (send, news) = std::sync::mpsc::channel();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    std::thread::spawn(move || lines.map_while(std::result::Result::ok).try_for_each(|line| send.send(line)));
    let next = || news.recv_timeout(Duration::from_secs(120)).unwrap();
    assert!(next().contains("hello"));
    let said = next();
    assert!(said.contains("training pauses"), "{said}");
    assert!(news.recv_timeout(Duration::from_millis(700)).is_err(), "it went on while the machine was held");
    lock.unlock().unwrap();
    let last = std::iter::repeat_with(next).find(|line| line.contains("done\":{") || line.contains("failed")).unwrap();
    assert!(last.contains("\"done\":{\"id\":1"), "{last}");
    drop(orders);
    child.wait().unwrap();
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
    assert!((row.latency_ms - FlopsDevice::default().latency_ms(&graph, Fp32)).abs() < 1e-12);
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
    std::thread::sleep(Duration::from_millis(300));
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
    let device = FlopsDevice::default();
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

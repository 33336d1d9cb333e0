//! Latency tables on a device that never was: errors, more samples where errors are large, faults, files, other devices.

use std::collections::BTreeMap;
use std::sync::Arc;

use spaceevo::base::{Cancel, Progress, Result, Seed};
use spaceevo::device::{Device, Inside, MeasureOptions, MeasuredRow, kernels, measure_all};
use spaceevo::graph::Graph;
use spaceevo::lab::Lab;
use spaceevo::lut::inside::carry::calibrate;
use spaceevo::lut::inside::grow::{Plan, build_latency_table};
use spaceevo::lut::inside::{Known, LatencyTable, Source};
use spaceevo::lut::{BlockKey, BlockTable};
use spaceevo::onnx::Precision::Int8;
use spaceevo::space::{Hyperspace, SearchSpace, Subnet};

use crate::synthetic::Synthetic;
use crate::toy;

fn plan(blocks: usize) -> Plan {
    Plan { blocks, networks: 30, budget_s: 600.0, seed: Seed(4) }
}

fn build(hyperspace: &Arc<Hyperspace>, device: &dyn Device, plan: &Plan, lab: Option<&Lab>) -> LatencyTable {
    let measure = |graphs: &[(String, Arc<Graph>)], budget_s: f64| -> Result<Vec<Result<MeasuredRow>>> {
        let named: Vec<_> = graphs.iter().map(|(name, graph)| (name.clone(), &**graph)).collect();
        let options = MeasureOptions { budget_s, ..MeasureOptions::default() };
        measure_all(device, &named, &[Int8], &options, &Progress::default(), &Cancel::default(), lab)
    };
    build_latency_table(hyperspace, plan, &measure, &Progress::default(), &Cancel::default()).unwrap()
}

fn subnets(hyperspace: &Arc<Hyperspace>, count: usize, seed: u64) -> Vec<Subnet> {
    let mut rng = Seed(seed).rng();
    let mut one = || Subnet::sample(&Arc::new(SearchSpace::sample(hyperspace, &mut rng)), &mut rng);
    (0..count).map(|_| one()).collect()
}

#[test]
fn a_latency_table_predicts_what_it_did_not_see() {
    let hyperspace = toy::pocket();
    let device = Synthetic { noise: 0.01, ..Synthetic::new("made_up") };
    let table = build(&hyperspace, &device, &plan(200), None);
    let report = &table.report;
    println!("{report:#?}");
    assert_eq!((report.blocks + report.failed.len(), report.networks), (200, 30));
    assert!(!report.cut_short && report.took_s > 0.0);
    assert!(report.block_error.within10_pct >= 90.0, "{:?}", report.block_error);
    assert!(report.network_error.within10_pct >= 96.0 && report.network_tau > 0.95, "{:?}", report.network_error);
    // Forests are taken only where they help.
    assert!(report.block_error.rmspe_pct <= report.formula_error.rmspe_pct);
    // What is told of left-out networks holds for new ones.
    let mut near = 0;
    for net in subnets(&hyperspace, 60, 99) {
        let real = device.truth(&net.graph().unwrap(), Int8);
        near += usize::from((table.subnet_ms(&net).unwrap() / real - 1.0).abs() <= 0.10);
    }
    assert!(near >= 57, "{near} of 60");
    // A measured block's figure is what it adds, not what it takes alone.
    for one in table.measured.iter().take(20) {
        let (alone, inside) = (device.truth(&one.block.graph().unwrap(), Int8), one.ms);
        assert!(inside < alone * 1.1, "{inside} {alone}");
    }
}

#[test]
fn more_blocks_are_measured_where_predictions_are_bad() {
    // Kernels of `dual` are depthwise in good part: steps of 40 channels that the formula does not know make them hard.
    let hyperspace = toy::pocket();
    let device = Synthetic { depthwise: 40.0, step: 40, noise: 0.01, ..Synthetic::new("steps") };
    let table = build(&hyperspace, &device, &plan(160), None);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    table.measured.iter().for_each(|one| *counts.entry(one.block.operator.name()).or_insert(0) += 1);
    let error = |name: &str| table.report.operators[name].error.unwrap().rmspe_pct;
    println!("{counts:?} {:?}", table.report.operators);
    let mut searched = ["dual", "bottleneck", "inverted"];
    searched.sort_by(|a, b| error(a).total_cmp(&error(b)));
    assert!(counts[searched[2]] > counts[searched[0]], "{counts:?}");
}

#[test]
fn the_same_draws_come_from_the_lab_and_blocks_that_fail_are_told() {
    let hyperspace = toy::pocket();
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).unwrap();
    let device = Synthetic { refuses: Some("middle"), ..Synthetic::new("no_bottleneck") };
    let first = build(&hyperspace, &device, &plan(80), Some(&lab));
    assert!(first.report.failed.iter().any(|(name, why)| name.contains("bottleneck") && why.contains("no kernel")));
    assert!(first.measured.iter().all(|one| one.block.operator.name() != "bottleneck") && first.measured.len() > 30);
    let runs = device.runs();
    let second = build(&hyperspace, &device, &plan(80), Some(&lab));
    let figures = |table: &LatencyTable| table.measured.iter().map(|one| (BlockKey::of(&one.block), one.ms)).collect::<Vec<_>>();
    assert_eq!(figures(&first), figures(&second));
    // Only the anchor was run for what could not be loaded.
    assert!(device.runs() - runs < runs / 2, "{} after {runs}", device.runs() - runs);
}

#[test]
fn a_table_comes_back_from_its_file() {
    let hyperspace = toy::pocket();
    let device = Synthetic::new("made_up");
    let table = build(&hyperspace, &device, &plan(60), None);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("table.json");
    table.write(&file).unwrap();
    let again = LatencyTable::read(&hyperspace, &file).unwrap();
    assert_eq!(again.report, table.report);
    for net in subnets(&hyperspace, 5, 1) {
        let (one, other) = (table.subnet_ms(&net).unwrap(), again.subnet_ms(&net).unwrap());
        assert!((one / other - 1.0).abs() < 1e-9, "{one} {other}");
    }
    std::fs::write(&file, "{}").unwrap();
    assert_eq!(LatencyTable::read(&hyperspace, &file).unwrap_err().code, "lut::import");
    assert_eq!(LatencyTable::read(&hyperspace, &folder.path().join("gone")).unwrap_err().code, "file::io");
}

#[test]
fn a_table_is_carried_over_to_another_device() {
    let hyperspace = toy::pocket();
    let (old, new) = (Synthetic::new("old"), Synthetic { depthwise: 4.0, step: 24, ..Synthetic::new("new") });
    let measured = |count, seed| -> Vec<Known> {
        let nets = subnets(&hyperspace, count, seed).into_iter();
        nets.map(|net| Known { parts: net.parts(), whole: true, ms: new.truth(&net.graph().unwrap(), Int8) }).collect()
    };
    let source = Arc::new(build(&hyperspace, &old, &plan(150), None));
    let table = calibrate(&hyperspace, &Source::Table(source.clone()), &measured(100, 7), &measured(50, 8), Seed(1)).unwrap();
    println!("{:?} {:?}", table.report, table.provenance);
    // Of other kernels and other steps, as no two real processors are: harder than the case it is for.
    assert!(table.report.network_error.within10_pct >= 80.0 && table.report.network_tau >= 0.92, "{:?}", table.report);
    assert_eq!(table.report.network_error.graphs, 50);
    // A block table serves as well; where a block is missing it says so.
    let parts: Vec<_> = measured(100, 7).into_iter().chain(measured(50, 8)).flat_map(|known| known.parts).collect();
    let keys = parts.iter().map(|block| (BlockKey::of(block), source.block_ms(block).unwrap()));
    let blocks = Arc::new(BlockTable::new(keys, BTreeMap::new()));
    let other = calibrate(&hyperspace, &Source::Blocks(blocks), &measured(100, 7), &measured(50, 8), Seed(1)).unwrap();
    assert!(other.report.network_error.within10_pct >= 80.0, "{:?}", other.report);
    let empty = Source::Blocks(Arc::default());
    assert_eq!(calibrate(&hyperspace, &empty, &measured(20, 7), &[], Seed(1)).unwrap_err().code, "lut::block_missing");
    // Within bounds.
    let source = Source::Table(source);
    assert_eq!(calibrate(&hyperspace, &source, &measured(201, 7), &[], Seed(1)).unwrap_err().code, "device::option");
    assert_eq!(calibrate(&hyperspace, &source, &measured(3, 7), &[], Seed(1)).unwrap_err().code, "device::too_few");
    assert_eq!(table.write(std::path::Path::new("x.json")).unwrap_err().code, "lut::carried");
}

#[test]
fn what_a_block_adds_is_told_from_networks_around_it() {
    // Borders of this device cost: alone a block takes more than what it adds.
    let device = Synthetic::new("made_up");
    for net in subnets(&toy::pocket(), 3, 5) {
        for block in net.parts() {
            let graph = block.graph().unwrap();
            let inside = Inside::of(&graph).unwrap();
            let time = |graph: &Graph| device.truth(graph, Int8);
            let times: Vec<_> = inside.terms.iter().map(|(graph, _)| (time(graph), time(graph), time(graph))).collect();
            let (ms, _) = inside.combine(&times);
            let alone = time(&graph);
            let ends = kernels(&graph).len();
            assert!(ms < alone + 1e-9 && ms > 0.3 * alone - 0.02, "{}: {ms} {alone} {ends}", block.config);
        }
    }
}

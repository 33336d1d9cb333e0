//! Look-up tables: groups and columns, files, costs and blocks recovered from sums, tables that cannot be used.

use std::collections::BTreeMap;
use std::sync::Arc;

use spaceevo::base::Seed;
use spaceevo::frame::{Operator, Table, col, lit};
use spaceevo::lut::{BlockKey, BlockTable, INT8_MS, LOSS, Lut, LutRow, MFLOPS, MPARAMS};
use spaceevo::space::{ElasticStage, Hyperspace, SearchSpace, Subnet};

use crate::toy;

/// A table of `n` samples a group: the loss falls with cost, the latency rises with it.
pub fn sampled(hyperspace: &Arc<Hyperspace>, n: usize) -> Vec<LutRow> {
    let mut rng = Seed(11).rng();
    let mut rows = Vec::new();
    for index in hyperspace.searched() {
        let stage = &hyperspace.stages[index];
        for operator in hyperspace.candidates(index) {
            for window in 0..stage.windows() {
                let elastic = ElasticStage::new(hyperspace, &stage.name, operator.name(), Some(window)).unwrap();
                for &resolution in &hyperspace.resolutions {
                    for _ in 0..n {
                        let sample = elastic.sample_at(resolution, &mut rng);
                        let cost = sample.cost().unwrap();
                        rows.push(LutRow {
                            stage: stage.name.clone(),
                            operator: operator.name().into(),
                            window,
                            encoding: sample.encode(),
                            input_width: sample.input_width,
                            resolution,
                            loss: 1.0 / (1.0 + cost.mparams() * 50.0),
                            loss_stderr: 0.0,
                            mflops: cost.mflops(),
                            mparams: cost.mparams(),
                            latency_ms: cost.mflops() * 0.3,
                        });
                    }
                }
            }
        }
    }
    rows
}

/// [`sampled`] as a table.
pub fn table(hyperspace: &Arc<Hyperspace>, n: usize) -> Lut {
    Lut::new(sampled(hyperspace, n), BTreeMap::new()).unwrap()
}

/// Both hold the same rows with the same figures.
fn assert_same(one: &Lut, other: &Lut, what: &str) {
    assert_eq!(one.keys(), other.keys(), "{what}");
    assert_eq!(one.columns().collect::<Vec<_>>(), other.columns().collect::<Vec<_>>(), "{what}");
    for name in one.columns() {
        assert_eq!(one.column(name).unwrap(), other.column(name).unwrap(), "{what}, {name}");
    }
}

#[test]
fn rows_are_found_by_group() {
    let hyperspace = toy::pocket();
    let rows = sampled(&hyperspace, 5);
    let lut = Lut::new(rows.clone(), BTreeMap::from([("device".into(), "none".into())])).unwrap();
    lut.validate(&hyperspace).unwrap();
    assert_eq!(lut.resolutions(), [24, 32]);
    assert_eq!(lut.height(), rows.len());
    assert_eq!(lut.columns().collect::<Vec<_>>(), ["int8_ms", "loss", "loss_stderr", "mflops", "mparams"]);
    for (at, row) in rows.iter().enumerate() {
        let key = &lut.keys()[at];
        assert_eq!((&*key.stage, &*key.operator, &*key.encoding), (&*row.stage, &*row.operator, &*row.encoding));
        assert_eq!((key.window, key.input_width, key.resolution), (row.window, row.input_width, row.resolution));
        let figures = [INT8_MS, LOSS, "loss_stderr", MFLOPS, MPARAMS].map(|name| lut.column(name).unwrap()[at]);
        assert_eq!(figures, [row.latency_ms, row.loss, row.loss_stderr, row.mflops, row.mparams]);
    }
    let group = lut.group("stage2", "dual", 1, 32);
    let latencies: Vec<f64> = group.iter().map(|&row| lut.column(INT8_MS).unwrap()[row as usize]).collect();
    let wanted =
        rows.iter().filter(|row| row.stage == "stage2" && row.operator == "dual" && row.window == 1 && row.resolution == 32);
    assert_eq!(latencies, wanted.map(|row| row.latency_ms).collect::<Vec<_>>());
    assert!(lut.group("stage2", "dual", 9, 32).is_empty());
    // What a row says of its shape is what its blocks are.
    for (key, sample) in lut.keys().iter().zip(lut.samples(&hyperspace).unwrap()) {
        assert_eq!((sample.encode().as_str(), sample.of.window), (&*key.encoding, Some(key.window)));
        assert_eq!(key.output_width(), Some(sample.output_width()));
    }
}

#[test]
fn tables_go_through_files_unchanged() {
    let provenance = BTreeMap::from([("device".into(), "none".into()), ("seed".into(), "11".to_string())]);
    let lut = Lut::new(sampled(&toy::pocket(), 2), provenance).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["lut.parquet", "lut.csv", "lut.json"] {
        let path = folder.path().join(name);
        lut.to_table().unwrap().write(&path).unwrap();
        let again = Lut::from_table(&Table::read(&path).unwrap()).unwrap();
        assert_same(&again, &lut, name);
        assert_eq!(again.provenance(), lut.provenance(), "{name}");
    }
    let table = lut.to_table().unwrap();
    let negative = table.with_column("cin", &col("cin").with(Operator::Subtract, lit(1000))).unwrap();
    assert_eq!(Lut::from_table(&negative).unwrap_err().code, "lut::whole");
    assert_eq!(Lut::from_table(&table.select(&["stage", "operator"]).unwrap()).unwrap_err().code, "frame::no_column");
}

#[test]
fn a_column_of_any_name_that_a_table_takes_goes_through_a_frame() {
    let lut = table(&toy::pocket(), 1);
    let energy: Vec<f64> = (0..lut.height()).map(|row| 0.5 + row as f64).collect();
    for name in ["energy_mj", "energy"] {
        // A name may be refused, but not lost.
        let Ok(wider) = lut.clone().with_column(name, energy.clone()) else { continue };
        let again = Lut::from_table(&wider.to_table().unwrap()).unwrap();
        assert_same(&again, &wider, name);
        assert_eq!(again.provenance(), wider.provenance(), "{name}");
    }
}

#[test]
fn tables_are_cut_and_put_together() {
    let hyperspace = toy::pocket();
    let lut = table(&hyperspace, 3).with_provenance("device", "a");
    let of = |stage: &str| lut.filter(|row| &*lut.keys()[row].stage == stage).unwrap();
    let parts = ["stage1", "stage2", "stage3"].map(of);
    // The rows of a stage stand together, in order of stages.
    let again = Lut::merge(&[&parts[0], &parts[1], &parts[2]]).unwrap();
    assert_same(&again, &lut, "merged");
    assert_eq!(again.provenance(), lut.provenance());
    assert_eq!(again.group("stage3", "dual", 2, 24), lut.group("stage3", "dual", 2, 24));
    assert_eq!(parts[1].validate(&hyperspace).unwrap_err().code, "lut::missing");
    let other = parts[1].clone().with_provenance("device", "b");
    assert_eq!(Lut::merge(&[&parts[0], &other, &parts[2]]).unwrap().provenance()["device"], "a, b");
    assert_eq!(Lut::merge(&[]).unwrap_err().code, "lut::empty");
    assert_eq!(lut.filter(|_| false).unwrap_err().code, "lut::empty");

    let height = parts[0].height();
    let wide = parts[0].clone().with_column("energy_mj", vec![2.0; height]).unwrap();
    assert_eq!(wide.column("energy_mj").unwrap(), vec![2.0; height]);
    assert_same(&wide.clone().without_column("energy_mj"), &parts[0], "without");
    assert_eq!(Lut::merge(&[&parts[1], &wide]).unwrap_err().code, "lut::merge");
    assert_eq!(Lut::merge(&[&wide, &parts[1]]).unwrap_err().code, "lut::merge");
    assert_eq!(lut.clone().with_column("energy_mj", vec![1.0]).unwrap_err().code, "lut::column");
    assert_eq!(parts[0].clone().with_column("energy_mj", vec![-1.0; height]).unwrap_err().code, "lut::value");
    assert_eq!(parts[0].clone().with_column("energy_mj", vec![f64::INFINITY; height]).unwrap_err().code, "lut::value");
    let fault = lut.column("int8ms").unwrap_err();
    assert_eq!((fault.code.as_str(), fault.help.as_deref()), ("lut::column", Some("did you mean `int8_ms`?")));
    // A table is nothing without its losses.
    assert!(lut.clone().without_column(LOSS).column(LOSS).is_ok());
}

#[test]
fn tables_with_holes_or_no_numbers_are_refused() {
    let hyperspace = toy::pocket();
    let rows = sampled(&hyperspace, 1);
    let table = |rows| Lut::new(rows, BTreeMap::new());
    let few = rows.iter().filter(|row| row.operator != "dual").cloned().collect();
    let fault = table(few).unwrap().validate(&hyperspace).unwrap_err();
    assert_eq!(fault.code, "lut::missing");
    insta::assert_snapshot!(fault, @"the look-up table has no samples for 16 of 48 groups of `pocket`; the first is stage1, dual, window 0, resolution 24");
    let mut broken = rows;
    broken[7].loss = f64::NAN;
    let fault = table(broken).unwrap_err();
    assert_eq!(fault.code, "lut::value");
    assert!(fault.message.starts_with("row 7 of the look-up table (stage1, bottleneck, window 1, resolution 32, `"), "{fault}");
    assert_eq!(table(vec![]).unwrap_err().code, "lut::empty");

    // Rows that no stage of the hyperspace can be.
    let change: [fn(&mut LutRow); 6] = [
        |row| row.window = 9,
        |row| row.input_width = 17,
        |row| row.resolution = 40,
        |row| row.operator = "lone".into(),
        |row| row.stage = "stage9".into(),
        |row| row.encoding.push_str("_3#16#3"),
    ];
    for (at, change) in change.into_iter().enumerate() {
        let mut rows = sampled(&hyperspace, 4);
        // Of two blocks, so that one more is too many.
        let depth = |row: &LutRow| row.stage == "stage1" && row.operator == "inverted" && row.encoding.matches('_').count() == 1;
        let row = rows.iter().position(depth).unwrap();
        change(&mut rows[row]);
        let fault = table(rows).unwrap().samples(&hyperspace).unwrap_err();
        assert_eq!(fault.code, "lut::shape", "change {at}");
        assert!(fault.message.starts_with("1 of 192 rows"), "change {at}: {fault}");
    }
}

#[test]
fn costs_are_compared_with_the_layers() {
    let hyperspace = toy::pocket();
    let lut = table(&hyperspace, 4);
    let report = lut.check_costs(&hyperspace, 9, false).unwrap();
    assert_eq!((report.rows, report.mismatches.len()), (lut.height(), 0));
    let mut wrong = lut.column(MFLOPS).unwrap().to_vec();
    wrong[5] += 0.0002;
    let wrong = lut.clone().with_column(MFLOPS, wrong).unwrap();
    let report = wrong.check_costs(&hyperspace, 4, false).unwrap();
    let [one] = report.mismatches.as_slice() else { panic!("{:?}", report.mismatches) };
    assert_eq!((one.row, one.column, one.layers), (5, MFLOPS, lut.column(MFLOPS).unwrap()[5]));
    // Figures with the digits that a file prints: halves go where printing sends them.
    let mut printed = lut.clone();
    for name in [MFLOPS, MPARAMS] {
        let values = lut.column(name).unwrap().iter().map(|value| format!("{value:.4}").parse().unwrap());
        printed = printed.with_column(name, values.collect()).unwrap();
    }
    assert!(printed.check_costs(&hyperspace, 4, false).unwrap().mismatches.is_empty());
    assert!(!printed.check_costs(&hyperspace, 6, false).unwrap().mismatches.is_empty());
    // Quantizers add three scalars for each convolution.
    let report = lut.check_costs(&hyperspace, 6, true).unwrap();
    assert_eq!(report.mismatches.len(), lut.height());
    for (one, cost) in report.mismatches.iter().zip(lut.costs(&hyperspace).unwrap()) {
        assert!((one.layers - one.table - 3e-6 * cost.weighted as f64).abs() < 1e-12);
    }
}

#[test]
fn blocks_are_recovered_from_sums() {
    let hyperspace = toy::pocket();
    let lut = table(&hyperspace, 60);
    let found = lut.recover_blocks(&hyperspace, INT8_MS).unwrap();
    let decided = found.blocks.entries().len();
    println!("{decided} of {} blocks are decided, largest residual {:.1e} ms", found.occurring, found.largest_residual_ms);
    assert!(found.largest_residual_ms < 1e-6 && found.rms_residual_ms <= found.largest_residual_ms);
    assert!(decided <= found.occurring && decided * 10 > found.occurring * 8, "{decided} of {}", found.occurring);
    for (key, ms) in found.blocks.entries() {
        let operator = hyperspace.operators.iter().find(|own| own.name() == &*key.operator).unwrap();
        let wanted = operator.cost(&key.config).unwrap().mflops() * 0.3;
        assert!((ms - wanted).abs() < 1e-6, "{key}: {ms} instead of {wanted}");
        assert_eq!(found.blocks.get(key), Some(*ms));
    }
    // The latency of a stage is that of its blocks; stem and head are in no row.
    let known =
        lut.samples(&hyperspace).unwrap().into_iter().filter_map(|sample| Some((found.blocks.stage_ms(&sample).ok()?, sample)));
    let mut count = 0;
    for (ms, sample) in known {
        count += 1;
        assert!((ms - sample.cost().unwrap().mflops() * 0.3).abs() < 1e-6);
    }
    assert!(count * 10 > lut.height() * 8, "{count}");
    let space = Arc::new(SearchSpace::parse(&hyperspace, "012-000").unwrap());
    assert_eq!(found.blocks.subnet_ms(&Subnet::smallest(&space)).unwrap_err().code, "lut::block_missing");
    assert_eq!(lut.recover_blocks(&hyperspace, LOSS).unwrap_err().code, "lut::import");
    assert_eq!(lut.recover_blocks(&hyperspace, "gone_ms").unwrap_err().code, "lut::column");

    // One block ten times as slow stands out, and is put right.
    let twelve = |key: &BlockKey| &*key.operator == "inverted" && (key.config.hw, key.config.stride) == (16, 2);
    let (key, ms) = found.blocks.entries().iter().find(|(key, _)| twelve(key)).unwrap();
    let slow = found.blocks.merged(&BlockTable::new([(key.clone(), ms * 10.0)], BTreeMap::new()));
    assert_eq!(slow.entries().len(), decided);
    let outliers = slow.outliers(&hyperspace, 3.0).unwrap();
    let blocks: Vec<&BlockKey> = outliers.iter().map(|outlier| &outlier.block).collect();
    assert_eq!(blocks, [key]);
    assert!((outliers[0].ms - ms * 10.0).abs() < 1e-9 * ms);
    let ratio = slow.repaired(&outliers).get(key).unwrap() / ms;
    assert!((0.5..2.0).contains(&ratio), "{ratio}");
}

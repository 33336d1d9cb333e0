//! Look-up tables: groups, and tables that cannot be used.

use std::collections::BTreeMap;

use spaceevo::base::Seed;
use spaceevo::frame::{Operator, Table, col, lit};
use spaceevo::lut::{Lut, LutRow};
use spaceevo::space::{ElasticStage, Hyperspace};

use crate::toy;

/// A table of `n` samples a group: the loss falls with cost, the latency rises with it.
pub fn sampled(hyperspace: &std::sync::Arc<Hyperspace>, n: usize) -> Vec<LutRow> {
    let mut rng = Seed(11).rng();
    let mut rows = Vec::new();
    for stage in hyperspace.searched().into_iter().map(|stage| &hyperspace.stages[stage]) {
        for operator in &hyperspace.operators {
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

#[test]
fn rows_are_found_by_group() {
    let hyperspace = toy::pocket();
    let rows = sampled(&hyperspace, 5);
    let lut = Lut::new(rows.clone(), BTreeMap::from([("device".into(), "none".into())])).unwrap();
    lut.validate(&hyperspace).unwrap();
    assert_eq!(lut.resolutions(), [24, 32]);
    assert_eq!(lut.rows(), rows);
    let group = lut.group("stage2", "dual", 1, 32);
    let wanted =
        rows.iter().filter(|row| row.stage == "stage2" && row.operator == "dual" && row.window == 1 && row.resolution == 32);
    assert_eq!(group.iter().map(|s| s.latency_ms).collect::<Vec<_>>(), wanted.map(|r| r.latency_ms).collect::<Vec<_>>());
    assert!(lut.group("stage2", "dual", 9, 32).is_empty());
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
        assert_eq!(again.rows(), lut.rows(), "{name}");
        assert_eq!(again.provenance(), lut.provenance(), "{name}");
    }
    let table = lut.to_table().unwrap();
    let negative = table.with_column("cin", &col("cin").with(Operator::Subtract, lit(1000))).unwrap();
    assert_eq!(Lut::from_table(&negative).unwrap_err().code, "lut::whole");
    assert_eq!(Lut::from_table(&table.select(&["stage", "operator"]).unwrap()).unwrap_err().code, "frame::no_column");
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
}

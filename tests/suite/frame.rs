//! Tables: from Rust and from scripts, in files and on the screen.

mod shown;
mod verbs;

use std::path::Path;

use rhai::{Dynamic, Engine};
use spaceevo::base::Fault;
use spaceevo::frame::{Aggregate, Cell, Column, FileOptions, JoinKind, Operator, Table, col, lit};
use spaceevo::primitive;

fn measured() -> Table {
    Table::builder()
        .text("operator", ["ghost", "mbv2", "ghost", "resnet"])
        .int("channels", [16, 32, 32, 16])
        .float("int8_ms", [0.21234, 1.5, 0.75, 12.0])
        .bool("quantized", [true, true, false, true])
        .build()
        .expect("a table")
}

fn engine() -> Engine {
    let mut engine = Engine::new();
    // As in a session.
    engine.set_optimization_level(rhai::OptimizationLevel::None);
    primitive::register(&mut engine);
    engine
}

fn gives(script: &str) -> String {
    match engine().eval::<Dynamic>(script) {
        Ok(value) => value.to_string(),
        Err(error) => panic!("{script}: {error}"),
    }
}

#[track_caller]
fn fails(script: &str, code: &str) -> Fault {
    let fault = match engine().eval::<Dynamic>(script) {
        Ok(value) => panic!("{script} gives {value}"),
        Err(error) => primitive::cross::to_fault(&error),
    };
    assert_eq!(fault.code, code, "{script}: {fault}");
    fault
}

#[test]
fn a_table_survives_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = Table::builder()
        .text("operator", ["ghost", "a \"quoted\", name\nof two lines"])
        .cells("channels", vec![Cell::Int(16), Cell::Null])
        .float("int8_ms", [0.1 + 0.2, f64::NAN])
        .bool("quantized", [true, false])
        .build()
        .expect("a table");
    let with_lists = plain.put("losses", Column::List(vec![Some(vec![0.5, 1.5]), Some(vec![])])).expect("a table");
    for (name, table) in
        [("t.parquet", &with_lists), ("t.json", &with_lists), ("t.jsonl", &with_lists), ("t.csv", &plain), ("t.tsv", &plain)]
    {
        let path = folder.path().join("new folder").join(name);
        table.write(&path).expect(name);
        let back = Table::read(&path).expect(name);
        assert_eq!(back.columns(), table.columns(), "{name}");
        assert_eq!(back.kinds(), table.kinds(), "{name}");
        // NaN is no equal of itself, but prints alike.
        assert_eq!(format!("{:?}", back.all().expect(name)), format!("{:?}", table.all().expect(name)), "{name}");
    }
    let code = |result: Result<Table, Fault>| result.expect_err("a fault").code;
    assert_eq!(with_lists.write(&folder.path().join("t.csv")).expect_err("a fault").code, "frame::lists");
    assert_eq!(code(Table::read(Path::new("absent.csv"))), "file::io");
    assert_eq!(code(Table::read(Path::new("t.xlsx"))), "frame::format");
    assert_eq!(code(Table::read(Path::new("t.md"))), "frame::format");
    let misspelt = Table::read(Path::new("t.parqet")).expect_err("a fault");
    assert_eq!(misspelt.help.as_deref(), Some("did you mean `.parquet`?"));
    std::fs::write(folder.path().join("bad.parquet"), b"not parquet").expect("a file");
    assert_eq!(code(Table::read(&folder.path().join("bad.parquet"))), "frame::unreadable");
    std::fs::write(folder.path().join("bad.json"), b"{}").expect("a file");
    assert_eq!(code(Table::read(&folder.path().join("bad.json"))), "frame::unreadable");
}

#[test]
fn a_file_read_only_guesses_kinds_from_all_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("late.csv");
    let rows: String = (0..500).map(|at| format!("{at}\n")).collect();
    std::fs::write(&path, format!("x\n{rows}0.5\n")).expect("a file");
    let table = Table::read(&path).expect("a table");
    assert_eq!(table.column_f64("x").expect("numbers")[500], 0.5);
}

#[test]
fn csv_of_other_programs_is_read_with_options() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "conv;1.5\npool;n/a\n;3\n").expect("a file");
    let options = FileOptions { separator: Some(b';'), no_header: true, missing: vec!["n/a".into()], ..FileOptions::default() };
    let table = Table::read_with(&path, &options).expect("a table");
    let names = table.columns();
    assert_eq!(table.column(&names[1]).expect("numbers"), Column::Float(vec![Some(1.5), None, Some(3.0)]));
    assert_eq!(table.row(2).expect("a row")[0].1, Cell::Null);
    table.write_with(&path, &FileOptions { missing: Vec::new(), ..options.clone() }).expect("written over the old one");
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), "conv;1.5\npool;\n;3.0\n");
    let said = table.write_with(&folder.path().join("t.json"), &options).expect_err("a fault");
    assert_eq!((said.code.as_str(), said.message.as_str()), ("frame::option", "JSON has no `separator`"));
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["t.csv"], "nothing half written is left");
}

#[test]
fn groups_are_aggregated() {
    let table = measured();
    let by = table.group_by(&["operator"]).expect("groups");
    let spread = col("int8_ms").aggregate(Aggregate::Max).with(Operator::Subtract, col("int8_ms").aggregate(Aggregate::Min));
    let found = by
        .agg(&[
            col("int8_ms").aggregate(Aggregate::Mean).alias("mean_ms"),
            spread.alias("spread_ms"),
            col("channels").aggregate(Aggregate::Sum),
        ])
        .expect("a table");
    assert_eq!(found.columns(), ["operator", "mean_ms", "spread_ms", "channels"]);
    assert_eq!(found.column_text("operator").expect("texts"), ["ghost", "mbv2", "resnet"]);
    assert_eq!(found.column_f64("mean_ms").expect("numbers")[1..], [1.5, 12.0]);
    assert_eq!(found.column("channels").expect("sums"), Column::Int(vec![Some(48), Some(32), Some(16)]));
    assert_eq!(by.agg(&[col("int8_ms")]).expect_err("a fault").code, "frame::not_aggregate");
    assert_eq!(
        by.agg(&[col("int8_ms").aggregate(Aggregate::Min), col("int8_ms").aggregate(Aggregate::Max)]).expect_err("a fault").code,
        "frame::column_twice"
    );
    assert_eq!(table.group_by(&["operater"]).expect_err("a fault").help.as_deref(), Some("did you mean `operator`?"));
}

#[test]
fn missing_values_are_left_out_and_nan_is_not() {
    let table = Table::builder()
        .cells("x", vec![Cell::Null, Cell::Float(1.0), Cell::Float(3.0)])
        .float("y", [1.0, f64::NAN, 2.0])
        .build()
        .expect("a table");
    let all = table.group_by(&[]).expect("one group");
    let of =
        |name: &str, aggregate| all.agg(&[col(name).aggregate(aggregate)]).expect("a row").row(0).expect("a row")[0].1.clone();
    assert_eq!(of("x", Aggregate::Mean), Cell::Float(2.0));
    assert_eq!(of("x", Aggregate::Count), Cell::Int(2));
    assert_eq!(of("x", Aggregate::First), Cell::Null);
    for aggregate in [Aggregate::Max, Aggregate::Min, Aggregate::Median, Aggregate::Sum] {
        assert!(matches!(of("y", aggregate), Cell::Float(value) if value.is_nan()), "{aggregate:?}");
    }
    assert_eq!(table.filter(&col("x").with(Operator::Greater, lit(0_i64))).expect("rows").height(), 2);
    let none = col("x").with(Operator::Greater, lit(5_i64)).with(Operator::Or, lit(true));
    assert_eq!(table.filter(&none).expect("rows").height(), 3);
}

#[test]
fn joins_keep_what_they_say() {
    let times = Table::builder().text("operator", ["a", "b", "b"]).float("ms", [1.0, 2.0, 3.0]).build().expect("a table");
    let costs = Table::builder()
        .text("operator", ["c", "b"])
        .float("mflops", [9.0, 7.0])
        .float("ms", [0.0, 0.5])
        .build()
        .expect("a table");
    let inner = times.join(&costs, &["operator"], JoinKind::Inner, "_right").expect("a table");
    assert_eq!(inner.columns(), ["operator", "ms", "mflops", "ms_right"]);
    assert_eq!(inner.column_f64("ms").expect("numbers"), [2.0, 3.0]);
    let left = times.join(&costs, &["operator"], JoinKind::Left, "_right").expect("a table");
    assert_eq!(left.column("mflops").expect("numbers"), Column::Float(vec![None, Some(7.0), Some(7.0)]));
    let full = times.join(&costs, &["operator"], JoinKind::Full, "_right").expect("a table");
    assert_eq!(full.column_text("operator").expect("texts"), ["a", "b", "b", "c"]);
    assert_eq!(times.join(&costs, &["operatr"], JoinKind::Inner, "_right").expect_err("a fault").code, "frame::no_column");
    let numbers = Table::builder().int("operator", [1]).build().expect("a table");
    assert_eq!(times.join(&numbers, &["operator"], JoinKind::Inner, "_right").expect_err("a fault").code, "frame::wrong_kind");
}

#[test]
fn json_rows_become_a_table() {
    let rows: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(r#"[{"b": 1, "a": "x"}, {"b": 2.5, "c": [1, 2]}]"#).expect("rows");
    let table = Table::from_json_rows(&rows).expect("a table");
    assert_eq!(table.columns(), ["b", "a", "c"]);
    assert_eq!(table.row(1).expect("a row")[0].1, Cell::Float(2.5));
    assert_eq!(table.row(0).expect("a row")[2].1, Cell::Null);
    assert_eq!(table.column_lists("c").expect("lists")[1], [1.0, 2.0]);
    let mixed: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(r#"[{"b": 1}, {"b": "x"}]"#).expect("rows");
    assert_eq!(Table::from_json_rows(&mixed).expect_err("a fault").code, "frame::mixed");
}

const T: &str = "let t = table(#{ op: [\"a\", \"b\", \"a\"], n: [1, 2, 3], ms: [1.5, 2.5, 3.5], ok: [true, false, true] });";

#[test]
fn expressions_take_any_value_from_either_side() {
    for (condition, height) in [
        ("col(\"n\") > 1", 2),
        ("1 < col(\"n\")", 2),
        ("col(\"n\") > 1.5", 2),
        ("1.5 < col(\"n\")", 2),
        ("col(\"ms\") >= 2", 2),
        ("3 <= col(\"ms\")", 1),
        ("col(\"op\") == \"a\"", 2),
        ("\"a\" != col(\"op\")", 1),
        ("col(\"ok\") == true", 2),
        ("false == col(\"ok\")", 1),
        ("col(\"n\") > 1 & col(\"op\") == \"a\"", 1),
        ("col(\"n\") > 2 | col(\"op\") == \"b\"", 2),
        ("!(col(\"op\") == \"a\")", 1),
        ("!col(\"ok\")", 1),
        ("col(\"n\") * 2 - 1 == col(\"n\")", 1),
        ("-col(\"n\") < -2", 1),
        ("col(\"n\") % 2 == 1", 2),
        ("2 ** col(\"n\") > 3", 2),
        ("col(\"ms\") > col(\"ms\").mean()", 1),
        ("col(\"n\").is_null()", 0),
    ] {
        assert_eq!(gives(&format!("{T} t.filter({condition}).height")), height.to_string(), "{condition}");
        // The same from variables, since constants may be computed while a script is read.
        assert_eq!(gives(&format!("{T} let f = |t| t.filter({condition}).height; f.call(t)")), height.to_string(), "{condition}");
    }
    assert_eq!(gives("let x = 3; let c = col(\"a\"); `${x < c}`"), "3 < col(\"a\")");
    assert_eq!(gives("(col(\"a\") * 2 > 1 & !col(\"b\")).to_string()"), "((col(\"a\") * 2) > 1) & !col(\"b\")");
}

#[test]
fn scripts_shape_tables() {
    assert_eq!(gives(&format!("{T} t.with_column(\"us\", col(\"ms\") * 1000)[\"us\"]")), "[1500.0, 2500.0, 3500.0]");
    assert_eq!(gives(&format!("{T} t.with_column(\"k\", [7, 8, ()])[\"k\"]")), "[7, 8, ()]");
    assert_eq!(gives(&format!("{T} t.with_column(\"seed\", 4)[\"seed\"]")), "[4, 4, 4]");
    assert_eq!(gives(&format!("{T} t.sort([\"op\", \"n\"], #{{ descending: true }})[\"n\"]")), "[2, 3, 1]");
    assert_eq!(
        gives(&format!("{T} t.group_by(\"op\").agg(#{{ total: col(\"n\").sum(), best: col(\"ms\").min() }}).columns")),
        "[\"op\", \"best\", \"total\"]"
    );
    assert_eq!(gives(&format!("{T} t.row(-1).op + t.tail(1).row(0).n")), "a3");
    assert_eq!(
        gives(&format!("{T} table(t.to_maps()).height + concat([t, t.select([\"ok\", \"ms\", \"n\", \"op\"])]).height")),
        "9"
    );
    assert_eq!(gives(&format!("{T} t.select([\"n\", (col(\"ms\") / 2).alias(\"half\")])[\"half\"]")), "[0.75, 1.25, 1.75]");
    assert_eq!(gives(&format!("{T} t.describe().row(2).ms")), "2.5");
    // A verb changes nothing.
    assert_eq!(
        gives(&format!("{T} t.filter(col(\"n\") > 1); t.sort(\"ms\"); t.with_column(\"x\", 1); `${{t.height}} ${{t.width}}`")),
        "3 4"
    );
    assert_eq!(gives("const K = table(#{ a: [1] }); K.filter(col(\"a\") == 1).height + K.height"), "2");
}

#[test]
fn mistakes_with_tables_are_named() {
    let said = fails(&format!("{T} t.filter(col(\"mss\") > 1)"), "frame::no_column");
    assert_eq!(said.help.as_deref(), Some("did you mean `ms`?"));
    fails(&format!("{T} t[\"nn\"]"), "frame::no_column");
    fails(&format!("{T} t.filter(col(\"op\") > 1)"), "frame::wrong_kind");
    fails(&format!("{T} t.filter(col(\"n\") + 1)"), "frame::wrong_kind");
    fails(&format!("{T} t.filter(col(\"n\") & col(\"ok\"))"), "frame::wrong_kind");
    fails(&format!("{T} t.with_column(\"x\", [1, 2])"), "frame::length");
    fails(&format!("{T} t.with_column(\"x\", [1, \"a\", 2])"), "frame::mixed");
    fails(&format!("{T} t.sort(\"n\", #{{ descendin: true }})"), "options::unknown");
    let said = fails(&format!("{T} t.join(t, \"op\", #{{ how: \"outre\" }})"), "frame::wrong_kind");
    assert_eq!(said.help.as_deref(), Some("did you mean `outer`?"));
    let said = fails(&format!("{T} concat([t, t.rename(\"ms\", \"m\")])"), "frame::columns_differ");
    assert!(said.message.contains("table 1 lacks the column `ms`") && said.message.contains("`m`"), "{said}");
    fails(&format!("{T} t.row(3)"), "frame::no_row");
    fails(&format!("{T} concat([t, t.drop(\"n\")])"), "frame::columns_differ");
    fails(&format!("{T} t.head(-1)"), "frame::rows");
    fails("table(#{ a: [1, 2], b: [1] })", "frame::length");
    fails("table(#{ a: 1 })", "frame::wrong_kind");
    fails(&format!("{T} t == t"), "script::compare");
}

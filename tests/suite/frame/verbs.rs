//! The verbs of tables as scripts write them, and the expressions that say nothing wrong silently.

use spaceevo::frame::{Cell, Kind, Table};

use super::{T, fails, gives};

/// Two devices, one lacking an operator.
const LONG: &str = "let t = table([#{ op: \"conv\", device: \"cpu\", ms: 4.0 }, #{ op: \"conv\", device: \"npu\", ms: 1.0 }, \
                    #{ op: \"pool\", device: \"cpu\", ms: 2.0 }]);";

#[test]
fn closures_see_rows() {
    assert_eq!(gives(&format!("{T} let most = 2; t.filter(|row| row.n >= most && row.op == \"a\")[\"n\"]")), "[3]");
    assert_eq!(gives(&format!("{T} t.with_column(\"x\", |row| if row.ok {{ row.ms }} else {{ () }})[\"x\"]")), "[1.5, (), 3.5]");
    assert_eq!(gives(&format!("{T} let sum = 0; for row in t {{ sum += row.n }} sum")), "6");
    fails(&format!("{T} t.filter(|row| row.n)"), "frame::wrong_kind");
    fails(&format!("{T} t.filter(|row| row.nn > 1)"), "script::unknown_property");
    fails(&format!("{T} t.with_column(\"x\", |row| if row.ok {{ 1 }} else {{ \"no\" }})"), "frame::mixed");
}

#[test]
fn a_pivot_and_its_inverse() {
    assert_eq!(
        gives(&format!("{LONG} t.pivot(#{{ columns: \"device\", value: \"ms\" }}).columns")),
        "[\"op\", \"cpu\", \"npu\"]"
    );
    assert_eq!(gives(&format!("{LONG} t.pivot(#{{ columns: \"device\", value: \"ms\" }})[\"npu\"]")), "[1.0, ()]");
    let back =
        "t.pivot(#{ columns: \"device\", value: \"ms\" }).unpivot([\"cpu\", \"npu\"], #{ name: \"device\", value: \"ms\" })";
    assert_eq!(
        gives(&format!(
            "{LONG} {back}.drop_nulls().sort([\"op\", \"device\"]).to_maps() == t.sort([\"op\", \"device\"]).to_maps()"
        )),
        "true"
    );
    assert_eq!(
        gives(&format!("{LONG} t.pivot(#{{ rows: [], columns: \"device\", value: \"ms\", aggregate: \"sum\" }}).row(0).cpu")),
        "6.0"
    );
    let said = fails(&format!("{LONG} t.pivot(#{{ rows: [], columns: \"device\", value: \"ms\" }})"), "frame::many");
    assert!(said.message.contains("2 values of `ms`") && said.message.contains("`cpu`"), "{said}");
    fails(&format!("{LONG} t.pivot(#{{ columns: \"devise\", value: \"ms\" }})"), "frame::no_column");
    fails(&format!("{LONG} t.pivot(#{{ value: \"ms\" }})"), "options::missing");
    fails(&format!("{LONG} t.pivot(#{{ columns: \"device\", value: \"ms\", aggregate: \"maen\" }})"), "frame::wrong_kind");
    fails(&format!("{LONG} t.unpivot([\"ms\", \"op\"])"), "frame::mixed");
    fails(&format!("{LONG} t.unpivot(\"ms\", #{{ name: \"op\" }})"), "frame::column_twice");
}

#[test]
fn joins_that_only_ask_and_names_that_clash() {
    let two = "let a = table(#{ k: [1, 2, (), 2], x: [1, 2, 3, 4] }); let b = table(#{ k: [2, 2, ()], x: [5, 6, 7] });";
    assert_eq!(gives(&format!("{two} a.join(b, \"k\", #{{ how: \"anti\" }})[\"x\"]")), "[1, 3]");
    assert_eq!(gives(&format!("{two} a.join(b, \"k\", #{{ how: \"semi\" }})[\"x\"]")), "[2, 4]");
    assert_eq!(gives(&format!("{two} a.join(b, \"k\", #{{ how: \"outer\" }}).height")), "7");
    assert_eq!(gives(&format!("{two} a.join(b, \"k\", #{{ suffix: \"_b\" }}).columns")), "[\"k\", \"x\", \"x_b\"]");
    let said = fails(&format!("{two} a.with_column(\"x_right\", 0).join(b, \"k\")"), "frame::column_twice");
    assert!(said.message.contains("`x`") && said.message.contains("`x_right`"), "{said}");
    fails(&format!("{two} a.join(b, [])"), "frame::wrong_kind");
}

#[test]
fn rows_are_chosen() {
    let t = "let t = table(#{ a: [1.0, (), 0.0 / 0.0, 3.0], b: [\"x\", \"y\", (), \"x\"] });";
    for (order, rows) in [("false", "[1, 3, NaN, ()]"), ("true", "[3, 1, NaN, ()]")] {
        let sorted =
            format!("{t} t.sort(\"a\", #{{ descending: {order} }})[\"a\"].map(|x| if x == () {{ x }} else {{ x.to_string() }})");
        assert_eq!(gives(&sorted).replace('"', "").replace(".0", ""), rows, "NaN and missing values come last: {order}");
    }
    assert_eq!(gives(&format!("{T} t.sort([\"op\", \"n\"], #{{ descending: [false, true] }})[\"n\"]")), "[3, 1, 2]");
    fails(&format!("{T} t.sort([\"op\", \"n\"], #{{ descending: [true] }})"), "frame::length");
    fails(&format!("{T} t.sort(\"n\", #{{ descending: [1] }})"), "options::value");
    assert_eq!(gives(&format!("{t} t.drop_nulls().height + 10 * t.drop_nulls(\"a\").height")), "32");
    assert_eq!(gives(&format!("{t} t.fill_null(\"none\")[\"b\"]")), "[\"x\", \"y\", \"none\", \"x\"]");
    fails(&format!("{t} t.fill_null(#{{ a: \"none\" }})"), "frame::mixed");
    fails(&format!("{t} t.fill_null(#{{ c: 1 }})"), "frame::no_column");
    assert_eq!(gives(&format!("{t} t.value_counts(\"b\")[\"count\"]")), "[2, 1, 1]");
    fails("table(#{ count: [1, 1] }).value_counts(\"count\")", "frame::column_twice");
    assert_eq!(gives(&format!("{T} t.slice(-2, 9)[\"n\"]")), "[2, 3]");
    assert_eq!(gives(&format!("{T} t.slice(7, 1).height + t.slice(-9, 2).height")), "2");
    let all = "let t = table(#{ a: (0..100).collect() });";
    let all = all.replace("(0..100).collect()", "{ let x = []; for i in 0..100 { x.push(i) } x }");
    assert_eq!(gives(&format!("{all} t.sample(100, #{{ seed: 3 }})[\"a\"].sum()")), "4950");
    assert_eq!(gives(&format!("{all} t.sample(10, #{{ seed: 3 }})[\"a\"] == t.sample(10, #{{ seed: 4 }})[\"a\"]")), "false");
}

#[test]
fn columns_are_turned_into_other_kinds_or_a_fault_names_the_value() {
    let t = "let t = table(#{ ms: [\"1.5\", \" 2 \", \"\", \"n/a\"], ok: [\"true\", \"False\", \"true\", \"true\"] });";
    let said = fails(&format!("{t} t.cast(\"ms\", \"float\")"), "frame::cast");
    assert!(said.message.contains("row 3 of `ms` is \"n/a\""), "{said}");
    assert_eq!(gives(&format!("{t} t.cast(\"ms\", \"float\", #{{ strict: false }})[\"ms\"]")), "[1.5, 2.0, (), ()]");
    assert_eq!(gives(&format!("{t} t.cast(\"ok\", \"bool\")[\"ok\"]")), "[true, false, true, true]");
    assert_eq!(gives(&format!("{t} t.head(2).cast(\"ms\", \"float\").kinds.ms")), "float");
    assert_eq!(gives("table(#{ a: [1.0, 2.0] }).cast(\"a\", \"int\")[\"a\"]"), "[1, 2]");
    fails("table(#{ a: [1.5] }).cast(\"a\", \"int\")", "frame::cast");
    let said = fails("table(#{ a: [1.5] }).cast(\"a\", \"flaot\")", "frame::wrong_kind");
    assert_eq!(said.help.as_deref(), Some("did you mean `float`?"));
    let said = fails(&format!("{t} t.filter(col(\"ms\") > 1)"), "frame::wrong_kind");
    assert!(said.help.is_some_and(|help| help.contains("col(\"ms\").cast(\"float\")")));
}

#[test]
fn expressions_mean_what_they_say_or_fail() {
    for (condition, height) in [
        ("col(\"n\") > 1 & col(\"n\") < 3 | col(\"op\") == \"a\" & !col(\"ok\")", 1),
        ("col(\"op\") in [\"a\", \"z\"]", 2),
        ("col(\"op\") !in [\"a\", \"z\"]", 1),
        ("col(\"n\") in 2..3", 1),
        ("col(\"n\") in 2..=3", 2),
        ("col(\"n\").is_in([1, 2.0])", 2),
        ("col(\"n\").is_in([])", 0),
        ("\"a\" in col(\"op\")", 2),
        ("\"op_\" + col(\"op\") == \"op_b\"", 1),
        ("when(col(\"ok\"), col(\"n\"), 0) > 0", 2),
        ("(col(\"n\") > 1) == col(\"ok\")", 1),
        ("col(\"n\").cast(\"text\") == \"2\"", 1),
    ] {
        assert_eq!(gives(&format!("{T} t.filter({condition}).height")), height.to_string(), "{condition}");
    }
    let said = fails(&format!("{T} t.filter(1 < col(\"n\") < 3)"), "frame::chain");
    assert_eq!(said.help.as_deref(), Some("write `1 < col(\"n\") & col(\"n\") < 3`"));
    for condition in ["col(\"n\") > 1 && col(\"ok\")", "true && col(\"ok\")", "col(\"ok\") || true"] {
        let said = fails(&format!("{T} t.filter({condition})"), "script::condition");
        assert!(said.help.is_some_and(|help| help.contains("`&` instead of `&&`")), "{condition}");
    }
    let said = fails(&format!("{T} t.filter(!col(\"n\") == 1)"), "frame::wrong_kind");
    assert!(said.help.is_some_and(|help| help.contains("`!(col(\"n\") == ...)`")));
    fails(&format!("{T} t.filter(col(\"op\").is_in([1]))"), "frame::wrong_kind");
    fails(&format!("{T} t.filter(col(\"op\").is_in([1, \"a\"]))"), "frame::wrong_kind");
    fails(&format!("{T} t.select([\"n\", []])"), "frame::wrong_kind");
    fails(&format!("{T} t.select([\"n\", \"n\"])"), "frame::column_twice");
}

#[test]
fn tables_go_to_plain_values_and_back() {
    assert_eq!(gives(&format!("{T} table(t.to_columns()).to_maps() == t.to_maps()")), "true");
    assert_eq!(gives(&format!("{T} table(t.to_maps()).to_maps() == t.to_maps()")), "true");
    assert_eq!(gives(&format!("{T} t.column(\"n\") == t[\"n\"] && t.n == t[\"n\"]")), "true");
    assert_eq!(gives(&format!("{T} t.rename(#{{ n: \"ms\", ms: \"n\" }})[\"n\"]")), "[1.5, 2.5, 3.5]");
    fails(&format!("{T} t.rename(#{{ n: \"ms\" }})"), "frame::column_twice");
    assert_eq!(gives(&format!("{T} t.select(#{{ us: col(\"ms\") * 1000, n: col(\"n\") }}).columns")), "[\"n\", \"us\"]");
}

#[test]
fn kinds_survive_tables_without_rows() {
    let table = Table::builder().text("op", ["a"]).cells("n", vec![Cell::Int(1)]).build().expect("a table");
    let none = table.head(0);
    let kinds = [("op".to_string(), Kind::Text), ("n".to_string(), Kind::Int)];
    for kept in [
        none.unique(&[]),
        none.sort(&["op"], &[false]),
        none.rename(&[("op", "op")]),
        Table::concat(&[none.clone(), none.clone()]),
        none.drop_nulls(&[]),
        none.sample(3, true, spaceevo::base::Seed(1)),
    ] {
        assert_eq!(kept.expect("a table").kinds(), kinds);
    }
    assert_eq!(none.to_text(80), "op  n\n──  ─\nno rows");
}

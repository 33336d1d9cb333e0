//! The silent traps of the script language: each gives an answer one expects, or an error that says what to do.

use rhai::{Dynamic, Engine};
use spaceevo::base::Fault;
use spaceevo::primitive;

fn engine() -> Engine {
    let mut engine = Engine::new();
    primitive::register(&mut engine);
    engine
}

/// What the script gives, as text.
fn gives(script: &str) -> String {
    match engine().eval::<Dynamic>(script) {
        Ok(value) => value.to_string(),
        Err(error) => panic!("{script}: {error}"),
    }
}

/// The fault the script ends with.
fn fault(script: &str) -> Fault {
    match engine().eval::<Dynamic>(script) {
        Ok(value) => panic!("{script} gives {value}"),
        Err(error) => primitive::cross::to_fault(&error),
    }
}

#[track_caller]
fn fails(script: &str, code: &str) {
    let fault = fault(script);
    assert_eq!(fault.code, code, "{script}: {fault}");
    assert!(fault.help.is_some(), "{script}: {fault} has no next step");
}

#[test]
fn unlike_types_are_not_compared() {
    for pair in ["1 == \"a\"", "1 != \"a\"", "1 < \"a\"", "\"a\" >= 2.5", "true == 1", "[1] == 1", "#{} != 'c'", "1 < ()"] {
        fails(pair, "script::compare");
        // Constants are compared while the script is read, variables while it runs.
        let (left, symbol, right) = {
            let mut parts = pair.split(' ');
            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
        };
        fails(&format!("let x = {left}; let y = {right}; if x {symbol} y {{ 1 }} else {{ 2 }}"), "script::compare");
        fails(&format!("let x = {left}; let f = |y| x {symbol} y; f.call({right})"), "script::compare");
    }
    let said = fault("let x = 3; x == \"3\"");
    assert_eq!(said.message, "`==` compares an integer with a text");
}

#[test]
fn like_types_compare_as_one_expects() {
    for holds in [
        "1 == 1.0",
        "1 < 1.5",
        "2.5 >= 2",
        "0.1 + 0.2 == 0.3",
        "\"a\" < \"b\"",
        "'a' == \"a\"",
        "[1, 2.0] == [1.0, 2]",
        "#{ a: 1 } == #{ a: 1.0 }",
        "[1, [2]] != [1, [3]]",
        "let x = (); x == ()",
        "let x = 3; x != ()",
        "() != \"a\"",
        "3 in [1, 3]",
        "!(5 in [1, 3])",
        "\"x\" in #{ x: 1 }",
        "(0..3) == (0..3)",
        "const K = 3; K == 3 && -1 < -0.5 && 1 > -2",
        "true != false",
    ] {
        assert_eq!(gives(holds), "true", "{holds}");
    }
    assert_eq!(gives("let nan = 0.0 / 0.0; [nan == nan, nan != nan, nan < 1.0]"), "[false, true, false]");
}

#[test]
fn a_division_of_integers_does_not_drop_its_fraction() {
    assert_eq!(gives("[1 / 2, 6 / 3, 7.0 / 2, 7 / 2.0]"), "[0.5, 2, 3.5, 3.5]");
    assert_eq!(gives("let x = 7; x /= 2; x"), "3.5");
    assert_eq!(gives("let x = #{ a: 7 }; x.a /= 7; x.a"), "1");
    assert_eq!(gives("let f = |x| { x /= 4; x }; f.call(2)"), "0.5");
    assert_eq!(gives("[whole(7, 2), whole(-7, 2), whole(7, -2), whole(-8, 2), 7 % 2]"), "[3, -4, -4, -4, 1]");
    for zero in ["1 / 0", "let x = 1; x /= 0;"] {
        assert!(engine().eval::<Dynamic>(zero).is_err(), "{zero}");
    }
    fails("whole(1, 0)", "script::value");
}

#[test]
fn a_property_that_a_map_lacks_is_an_error() {
    fails("let x = #{ score: 1 }; x.scroe", "script::unknown_property");
    fails("let x = #{ score: 1 }; if x.scroe > 0 { 1 } else { 2 }", "script::unknown_property");
    fails("let x = #{ score: 1 }; x[\"scroe\"]", "script::unknown_property");
    assert_eq!(gives("let x = #{}; x.new_one = 3; x.new_one"), "3");
    assert_eq!(gives("let x = #{}; if \"a\" in x { x.a } else { 7 }"), "7");
    assert_eq!(gives("#{}.get(\"a\") == ()"), "true");
}

#[test]
fn an_expression_is_not_a_condition() {
    for script in [
        "if col(\"a\") > 1 { 1 }",
        "let x = col(\"a\") > 1 && col(\"b\") < 2;",
        "let x = true || false; col(\"a\") > 1 || x",
        "while col(\"a\") == 1 { break; }",
    ] {
        fails(script, "script::condition");
    }
    assert!(fault("if col(\"a\") > 1 { 1 }").help.unwrap().contains('&'));
}

#[test]
fn a_write_that_threads_would_lose_is_an_error() {
    fails("let n = 0; [1, 2, 3].par_map(|x| { n += x; x })", "script::parallel_write");
    fails("let n = 0; [1, 2, 3].par_map(|x| { n = x; x })", "script::parallel_write");
    fails("let log = []; [1, 2, 3].par_map(|x| { log.push(x); x })", "script::parallel_write");
    fails("let m = #{ a: 1 }; [1, 2, 3].par_map(|x| { m.a = x; x })", "script::parallel_write");
    fails("let m = [0]; [1, 2, 3].par_map(|x| { m[0] = x; x })", "script::parallel_write");
    assert!(fault("let count = 0; [1].par_map(|x| { count += x; x })").message.contains("`count`"));
    // What is the closure's own may change, and what is outside may be read.
    assert_eq!(gives("let k = 2; let m = [5]; channels(0, 99, 1).par_map(|x| { let y = m[0]; y += x * k; y }).sum()"), "10400");
    assert_eq!(gives("let twice = |x| x * 2; [1, 2].par_map(|x| twice.call(x))"), "[2, 4]");
    assert_eq!(gives("let m = [5]; [1].par_map(|x| { let own = m; own.push(x); own })"), "[[5, 1]]");
    // In one thread a write is no loss.
    assert_eq!(gives("let n = 0; [1, 2, 3].map(|x| { n += x; x }); n"), "6");
    assert_eq!(gives("let n = 0; let f = |x| { n += x; }; [1].par_map(|x| x); f.call(5); n"), "5");
}

#[test]
fn a_closure_in_threads_fails_as_the_first_failing_item() {
    let said = fault("let far = 5; [1, 2, 3, 4].par_map(|x| { if x >= 2 { throw `no ${x} of ${far}`; } x })");
    assert!(said.message.contains("no 2 of 5"), "{said}");
}

#[test]
fn captured_values_are_read_in_many_threads_at_once() {
    let sum = "let table = channels(0, 49, 1); let scale = 3.0; \
               channels(0, 19999, 1).par_map(|i| table[i % 50] * scale + table.len()).sum()";
    assert_eq!(gives(sum), "2470000.0");
}

#[test]
fn integers_are_numbers_too() {
    assert_eq!(gives("[divisible(20), divisible(20.0), divisible(36, 4), round_to(2, 1)]"), "[24, 24, 36, 2.0]");
    assert_eq!(gives("stats::quantile([1, 2], 1)"), "2.0");
    fails("divisible(\"20\")", "script::type");
    fails("divisible(20, 0)", "script::value");
    fails("stats::quantile([1, 2], 1.5)", "script::value");
}

#[test]
fn channel_counts_round_as_in_the_reference() {
    // int(v + 4) / 8 * 8, at least 8; one more step when that loses over 10%.
    assert_eq!(gives("[1, 12, 11, 18, 19, 100].map(|v| divisible(v))"), "[8, 16, 16, 24, 24, 104]");
    assert_eq!(gives("channels(16, 40, 8)"), "[16, 24, 32, 40]");
    assert_eq!(gives("channels(3, 3, 5)"), "[3]");
    fails("channels(16, 8, 8)", "script::value");
    fails("channels(8, 16, 0)", "script::value");
}

#[test]
fn sorting_sorts() {
    assert_eq!(gives("let x = [0.3, 0.1, 0.2]; x.sort(|a, b| a - b); x"), "[0.1, 0.2, 0.3]");
    assert_eq!(gives("let x = [0.3, 0.1, 0.2]; x.sort_by(|a, b| b - a)"), "[0.3, 0.2, 0.1]");
    assert_eq!(gives("let x = [3, 1, 2]; x.sort(|a, b| a < b); x"), "[1, 2, 3]");
    assert_eq!(gives("let x = [3, 0.5, 2]; x.sort(); x"), "[0.5, 2, 3]");
    assert_eq!(gives("let x = [-3, 1, 2]; [x.sorted_by(|v| v * v), x]"), "[[1, 2, -3], [-3, 1, 2]]");
    assert_eq!(gives("let k = -1; [1, 3, 2].sort_by(|v| v * k)"), "[3, 2, 1]");
    assert_eq!(gives("[#{ n: \"b\" }, #{ n: \"a\" }].sort_by(\"n\").map(|x| x.n)"), "[\"a\", \"b\"]");
    assert_eq!(gives("[0.0 / 0.0, 2.0, 1.0].sorted().len()"), "3");
    fails("[1, \"a\"].sort()", "array::order");
    fails("[3, 1].sort(|a, b| \"first\")", "array::order");
    fails("[#{ score: 1 }, #{ score: 2 }].sort_by(\"scroe\")", "script::unknown_property");
    // A failing comparison is not swallowed, and leaves the array as it was.
    assert_eq!(gives("let x = [3, 1, 2]; try { x.sort(|a, b| a.nonsense) } catch {} x"), "[3, 1, 2]");
}

#[test]
fn arrays_add_up() {
    assert_eq!(gives("[[1, 2].sum(), [].sum(), [1, 2.5].sum(), [1, 2].mean(), [3, 1, 2].median()]"), "[3, 0, 3.5, 1.5, 2.0]");
    assert_eq!(gives("[[1, 3, 2].max(), [1.5, 1].min(), [\"b\", \"a\"].min()]"), "[3, 1, \"a\"]");
    assert_eq!(gives("[#{ s: 1 }, #{ s: 3 }, #{ s: 2 }].max_by(|x| x.s).s"), "3");
    assert_eq!(gives("let nan = 0.0 / 0.0; [[1.0, nan].max(), [nan, 1.0].max(), [1.0, nan, 2.0].min()]"), "[NaN, NaN, NaN]");
    fails("[].mean()", "array::empty");
    fails("[1, \"a\"].sum()", "script::type");
    fails("[1, \"a\"].max()", "array::order");
}

#[test]
fn statistics_are_seeded_and_refuse_what_is_undefined() {
    assert_eq!(gives("stats::kendall([1, 2, 3], [3, 2, 1])"), "-1.0");
    let interval = "stats::kendall([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 6, 5], #{ seed: 3, resamples: 200 })";
    assert_eq!(gives(interval), gives(interval));
    assert_eq!(gives(&format!("let k = {interval}; k.low <= k.value && k.value <= k.high && k.low < k.high")), "true");
    fails("stats::kendall([1, 2], [1, 2, 3])", "stats::lengths");
    fails("stats::spearman([1, 1, 1], [1, 2, 3])", "stats::constant");
    fails("stats::kendall([1, 2], [1, 2], #{ sede: 1 })", "options::unknown");
    fails("stats::std([1])", "stats::too_few");
}

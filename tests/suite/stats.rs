//! Statistics as scripts say them: right figures, seeds, and clear answers to ties, too few values and NaN.

use rhai::{Dynamic, Engine};
use spaceevo::primitive;

fn eval(script: &str) -> Result<Dynamic, spaceevo::base::Fault> {
    let mut engine = Engine::new();
    primitive::register(&mut engine);
    engine.eval::<Dynamic>(script).map_err(|error| primitive::cross::to_fault(&error))
}

#[track_caller]
fn gives(script: &str, wanted: f64) {
    let found = eval(script).unwrap_or_else(|fault| panic!("{script}: {fault}")).as_float().unwrap();
    assert!((found - wanted).abs() < 1e-4, "{script} gives {found}, not {wanted}");
}

#[track_caller]
fn holds(script: &str) {
    assert!(eval(script).unwrap_or_else(|fault| panic!("{script}: {fault}")).as_bool().unwrap(), "{script}");
}

#[track_caller]
fn fails(script: &str, code: &str) {
    let fault = eval(script).map_or_else(|fault| fault, |value| panic!("{script} gives {value}"));
    assert_eq!(fault.code, code, "{script}: {fault}");
    assert!(fault.help.is_some(), "{script}: {fault} has no next step");
}

/// Ten patients' sleep under two drugs (Student 1908), which every textbook works through.
const SLEEP: &str = "let a = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]; \
                     let b = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]; ";

#[test]
fn figures_of_a_textbook() {
    // R: wilcox.test(paired = TRUE, correct = TRUE), with one zero and a tie among the differences.
    gives(&format!("{SLEEP} stats::wilcoxon(b, a).p"), 0.00909);
    gives(&format!("{SLEEP} stats::wilcoxon(b, a).w"), 45.0);
    // R: wilcox.test(a, b).
    gives(&format!("{SLEEP} stats::rank_test(a, b).p"), 0.06933);
    gives(&format!("{SLEEP} stats::rank_test(a, b).u"), 25.5);
    gives(&format!("{SLEEP} stats::win_rate(a, b)"), 0.255);
    gives(&format!("{SLEEP} stats::cliffs_delta(a, b)"), -0.49);
    // R: t.test(a)$conf.int.
    gives(&format!("{SLEEP} stats::interval(a).low"), -0.5297804);
    gives(&format!("{SLEEP} stats::interval(a).high"), 2.0297804);
    gives(&format!("{SLEEP} stats::pearson(a, b, #{{ resamples: 10 }}).p"), 0.005965);
    gives("stats::kruskal_wallis([[1, 2, 3], [4, 5, 6], [7, 8, 9]]).h", 7.2);
    gives("stats::median([4, 1, 3, 2])", 2.5);
}

#[test]
fn a_seed_gives_one_interval() {
    let of = |seed: i64| {
        format!("stats::bootstrap([3, 1, 4, 1, 5, 9, 2, 6], |s| stats::mean(s), #{{ resamples: 300, seed: {seed} }})")
    };
    holds(&format!("{} == {}", of(1), of(1)));
    holds(&format!("{} != {}", of(1), of(2)));
    holds(&format!("let f = {}; f.low < f.value && f.value < f.high", of(3)));
    let narrow = "stats::bootstrap([3, 1, 4, 1, 5], |s| stats::mean(s), #{ level: 0.5 })";
    holds(&format!(
        "let n = {narrow}; let w = stats::bootstrap([3, 1, 4, 1, 5], |s| stats::mean(s)); n.high - n.low < w.high - w.low"
    ));
}

#[test]
fn ties_and_constants_and_single_values() {
    gives("stats::kendall([1, 1, 2, 3], [1, 2, 2, 3])", 0.8);
    gives("stats::bootstrap([2, 2, 2], |s| stats::mean(s)).high", 2.0);
    gives("stats::interval([2, 2, 2]).low", 2.0);
    gives("stats::win_rate([1, 1], [1, 1])", 0.5);
    // Samples in which all values are equal have no correlation: they are left out, and here they are the fewest.
    holds("stats::bootstrap([[1, 2], [2, 1], [3, 3]], |s| stats::kendall(s.map(|p| p[0]), s.map(|p| p[1]))).high <= 1.0");
    fails("stats::bootstrap([1, 2, 3], |s| 0.0 / 0.0)", "stats::undefined");
    fails("stats::rank_test([1, 1], [1, 1])", "stats::constant");
    fails("stats::kruskal_wallis([[1, 1], [1]])", "stats::constant");
    fails("stats::wilcoxon([1, 2], [1, 2])", "stats::constant");
    fails("stats::kendall([1, 1], [1, 2], #{})", "stats::constant");
    fails("stats::interval([1])", "stats::too_few");
    fails("stats::pearson([1, 2], [2, 1], #{})", "stats::too_few");
    fails("stats::kruskal_wallis([[1, 2]])", "stats::too_few");
    fails("stats::bootstrap([], |s| 1)", "stats::too_few");
    fails("stats::win_rate([], [1])", "stats::too_few");
    fails("stats::median([])", "stats::too_few");
    fails("stats::wilcoxon([1], [1, 2])", "stats::lengths");
}

#[test]
fn what_is_no_number_is_refused() {
    for call in [
        "mean([x])",
        "std([1, x])",
        "quantile([x], 0.5)",
        "median([1, x])",
        "interval([1, x])",
        "win_rate([1], [x])",
        "rank_test([x], [1])",
        "wilcoxon([1, 2], [x, 1])",
        "kruskal_wallis([[1], [x]])",
        "spearman([1, 2], [1, x])",
    ] {
        fails(&format!("let x = 0.0 / 0.0; stats::{call}"), "stats::nan");
    }
    fails("stats::kruskal_wallis([1, 2])", "script::type");
    fails("stats::bootstrap([1, 2], |s| \"a\")", "stats::figure");
    fails("stats::bootstrap([1, 2], |s| 1, #{ level: 1 })", "options::value");
    fails("stats::interval([1, 2], #{ levl: 0.9 })", "options::unknown");
    let said = eval("stats::bootstrap([1, 2], |s| { if s[0] == s[1] { s.nothing() } 1 })").unwrap_err();
    assert!(said.message.starts_with("at resample "), "{said}");
}

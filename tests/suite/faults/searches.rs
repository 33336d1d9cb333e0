//! Searches that cannot be: objectives, strategies, teachers and limits.

use super::{printed, report};

#[test]
fn an_objective_that_assigns_to_a_captured_variable() {
    let shown = report(
        r#"let seen = 0;
let study = evolve(hyperspace("pocket"), #{
    minimize: |space| { seen += 1; space.largest.mflops },
    evaluations: 20,
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[script::parallel_write]: while scoring 333-212 (trial 0, seed 0): a closure that runs in many threads assigns to `seen`, from outside it: the change would be lost
     --> script.rhai:3:25
    3 |     minimize: |space| { seen += 1; space.largest.mflops },
      |                         ^^^^
      in `evolve`, called at script.rhai:2:13
      help: return the value and put the results together afterwards
            replay: score.call(hyperspace("pocket").space("333-212")) // score is the closure that evolve was given
            `last_study()` holds the trials so far
    "#);
}

#[test]
fn an_objective_that_gives_a_text() {
    let shown = report(r#"let study = evolve(hyperspace("pocket"), #{ maximize: |space| space.to_string(), evaluations: 20 });"#);
    insta::assert_snapshot!(shown, @r#"
    error[study::score]: while scoring 333-212 (trial 0, seed 0): the objective gave a text, not a number
     --> script.rhai:1:13
    1 | let study = evolve(hyperspace("pocket"), #{ maximize: |space| space.to_string(), evaluations: 20 });
      |             ^^^^^^
      help: let the closure end in a number, such as `qt_score(...).score`
            replay: score.call(hyperspace("pocket").space("333-212")) // score is the closure that evolve was given
            `last_study()` holds the trials so far
    "#);
}

#[test]
fn an_objective_that_gives_no_number_at_all() {
    let shown = report(r#"let study = evolve(hyperspace("pocket"), #{ maximize: |space| 0.0 / 0.0, evaluations: 20 });"#);
    insta::assert_snapshot!(shown, @r#"
    error[search::nan]: all of the first 16 candidates failed; the first: while scoring 333-212 (trial 0, seed 0): the score is not a number (NaN)
     --> script.rhai:1:13
    1 | let study = evolve(hyperspace("pocket"), #{ maximize: |space| 0.0 / 0.0, evaluations: 20 });
      |             ^^^^^^
      help: check the objective: 0/0 and sqrt of a negative number give NaN
            replay: score.call(hyperspace("pocket").space("333-212")) // score is the closure that evolve was given
            `last_study()` holds the trials so far
    "#);
}

#[test]
fn an_objective_that_fails() {
    let shown = report(
        r#"let study = evolve(hyperspace("pocket"), #{
    maximize: |space| space.largst.mflops,
    evaluations: 20,
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[script::unknown_property]: while scoring 333-212 (trial 0, seed 0): a value of type SearchSpace has no property `largst`
     --> script.rhai:2:29
    2 |     maximize: |space| space.largst.mflops,
      |                             ^^^^^^
      in `evolve`, called at script.rhai:1:13
      help: did you mean `largest`?
            replay: score.call(hyperspace("pocket").space("333-212")) // score is the closure that evolve was given
            `last_study()` holds the trials so far
    "#);
}

#[test]
fn a_strategy_that_cannot_ask() {
    let shown = report(
        r#"let study = evolve(hyperspace("pocket"), #{
    minimize: |space| space.largest.mflops,
    strategy: #{ name: "mine", tell: |results| {} },
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[strategy::closure]: the strategy has no closure `ask`
     --> script.rhai:1:13
    1 | let study = evolve(hyperspace("pocket"), #{
      |             ^^^^^^
      help: add `ask: |problem, n, rng| ...`
    "#);
}

#[test]
fn a_strategy_that_asks_for_nothing() {
    let shown = report(
        r#"let study = evolve(hyperspace("pocket"), #{
    minimize: |space| space.largest.mflops,
    strategy: #{ ask: |problem, n, rng| 3, tell: |results| {} },
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[strategy::ask]: `ask` of the strategy gave an integer
     --> script.rhai:3:41
    3 |     strategy: #{ ask: |problem, n, rng| 3, tell: |results| {} },
      |                                         ^
      in `evolve`, called at script.rhai:1:13
      help: return an array of candidates, made with `problem.random(rng)`, `problem.mutate(...)`
            `last_study()` holds the trials so far
    "#);
}

#[test]
fn a_strategy_that_fails() {
    let shown = report(
        r#"let study = evolve(hyperspace("pocket"), #{
    minimize: |space| space.largest.mflops,
    strategy: #{ ask: |problem, n, rng| [problem.randm(rng)], tell: |results| {} },
});"#,
    );
    insta::assert_snapshot!(shown, @"
    error[script::unknown_function]: `ask` of the strategy: there is no function `randm`
     --> script.rhai:3:50
    3 |     strategy: #{ ask: |problem, n, rng| [problem.randm(rng)], tell: |results| {} },
      |                                                  ^^^^^
      in `evolve`, called at script.rhai:1:13
      help: did you mean `random`?
            `last_study()` holds the trials so far
    ");
}

#[test]
fn a_teacher_whose_taps_do_not_fit() {
    let shown = report(
        r#"define_teacher("small", #{ parts: [
    #{ name: "stem", operator: "stem_conv", widths: [8], stride: 2 },
    #{ name: "stage1", operator: "basic_residual", widths: [8], tap: true },
    #{ name: "stage2", operator: "basic_residual", widths: [8], tap: true },
    #{ name: "head", operator: "pooled_head", widths: [16] },
    #{ name: "logits", operator: "classifier", widths: [12] },
] });
let data = dataset("shapes", #{ train: 8, valid: 4, test: 4 });
let small = teacher("small", #{ data: data, steps: 1, batch: 4 });
build_lut(hyperspace("pocket"), #{ teacher: small, device: device("flops") });"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[teacher::mismatch]: teacher `small` does not fit hyperspace `pocket`
      searched stages of `pocket` (images of [32]):
        stage1       stride 2
        stage2       stride 4   <- no such tap
        stage3       stride 8   <- no such tap
      taps of `small` (images of 32):
        stage1       stride 2, 8 channels
        stage2       stride 2, 8 channels
      --> script.rhai:10:1
    10 | build_lut(hyperspace("pocket"), #{ teacher: small, device: device("flops") });
       | ^^^^^^^^^
      help: name the teacher's tapped parts after the stages, with the same strides, or choose another teacher
    "#);
}

#[test]
fn a_latency_that_no_network_has() {
    let shown = report(
        r#"let data = dataset("shapes", #{ train: 8, valid: 4, test: 4 });
let space = hyperspace("pocket").plain("fused_residual");
let net = train_supernet(space, #{ data: data, steps: 1, int8_steps: 0, batch: 4, random: 0 });
let found = search_subnet(net, #{ device: device("flops"), max_int8_ms: 1e-6 });"#,
    );
    // How fast the fastest is depends on what the library's operators are.
    let (before, after) = shown.split_once("takes ").unwrap();
    let (fastest_ms, after) = after.split_once(" ms").unwrap();
    assert!(fastest_ms.parse::<f64>().unwrap() > 1e-6);
    let shown = format!("{before}takes (some) ms{after}");
    insta::assert_snapshot!(shown, @r#"
    error[search::starved]: no subnet with latency <= 0.000001 ms among 2000 draws; the fastest takes (some) ms
     --> script.rhai:4:13
    4 | let found = search_subnet(net, #{ device: device("flops"), max_int8_ms: 1e-6 });
      |             ^^^^^^^^^^^^^
      help: raise `max_int8_ms`, or search a space with narrower windows
    "#);
}

#[test]
fn faults_of_a_trained_network_can_be_caught() {
    let shown = printed(
        r#"let data = dataset("shapes", #{ train: 8, valid: 4, test: 4 });
let space = hyperspace("pocket").plain("fused_residual");
let net = train_supernet(space, #{ data: data, steps: 1, int8_steps: 0, batch: 4, random: 0 });
try { let found = search_subnet(net, #{ device: device("flops"), max_int8_ms: -2 }); } catch (e) { print(e.code + ": " + e.message + "\n  " + e.help); }
try { let found = search_subnet(net, #{ device: device("flops"), max_int_ms: 1.0 }); } catch (e) { print(e.code + ": " + e.message + "\n  " + e.help); }
try { net.export_onnx(space.largest, "net.onnx", #{}); } catch (e) { print(e.code + ": " + e.message + "\n  " + e.help); }"#,
    );
    insta::assert_snapshot!(shown, @r#"
    options::type: option `max_int8_ms` of search_subnet is `-2`
      it takes a number above zero
    options::unknown: unknown option `max_int_ms` of search_subnet
      did you mean `max_int8_ms`?
    supernet::not_quantized: this supernet was trained without quantization
      train it with `int8_steps` above 0, or export with `precision: "fp32"`
    "#);
}

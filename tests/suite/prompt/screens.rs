//! Whole screens of fixed sessions, as they are seen. No times, and nothing of this machine.

use super::terminal::{Home, Key};

/// The screen from the first prompt on: what is above names the version.
fn below_the_banner(screen: &str) -> &str {
    screen.find("[1] >").map_or("", |at| &screen[at..])
}

#[test]
fn values_and_a_fault() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.enter("let hs = hyperspace(\"pocket\");");
    terminal.enter("hs.space(\"012-210\").operators");
    terminal.enter("hs.spcae(\"012-210\")");
    insta::assert_snapshot!(below_the_banner(&terminal.screen()), @r#"
    [1] > let hs = hyperspace("pocket");
    [2] > hs.space("012-210").operators
    ["inverted_residual", "inverted_residual_se", "resnet_bottleneck"]
    [3] > hs.spcae("012-210")
    error[script::unknown_function]: there is no function `spcae`
     --> [3]:1:4
    1 | hs.spcae("012-210")
      |    ^^^^^
      help: did you mean `space`?
    [4] >
    "#);
}

#[test]
fn a_function_over_several_lines_and_a_call_stack() {
    let home = Home::new();
    let terminal = home.prompt();
    for line in ["fn outer(x) {", "inner(x)", "}"] {
        terminal.type_text(line);
        terminal.key(Key::Enter);
    }
    terminal.wait_for("[2] >");
    terminal.enter("outer(1)");
    insta::assert_snapshot!(below_the_banner(&terminal.screen()), @"
    [1] > fn outer(x) {
        inner(x)
    }
    [2] > outer(1)
    error[script::unknown_function]: there is no function `inner`
     --> [1]:2:5
    2 |     inner(x)
      |     ^^^^^
      in `outer`, called at [2]:1:1
      help: did you mean `insert`?
    [3] >
    ");
}

#[test]
fn candidates_with_their_summaries() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.type_text("latency_");
    terminal.key(Key::Tab);
    terminal.wait_for("latency_quantile");
    terminal.wait_until("the prompt below or above the candidates", |this| this.cursor().2.ends_with("latency_"));
    insta::assert_snapshot!(below_the_banner(&terminal.screen()), @"
    [1] > latency_
    latency_model     A model of INT8 latency for all networks of a hyperspace.
    latency_quantile  The INT8 latency in milliseconds that a share of all networks of the hyperspac…
    [1] > latency_
    ");
}

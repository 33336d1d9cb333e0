//! The Tab key: names with what they do, members by type, options by call, files in texts, scripts after `import`.

use super::terminal::{Home, Key, Terminal};

fn tab(terminal: &Terminal, typed: &str) {
    terminal.wait_for_prompt();
    terminal.type_text(typed);
    terminal.key(Key::Tab);
}

#[test]
fn a_name_is_completed_and_its_candidates_are_explained() {
    let home = Home::new();
    let terminal = home.prompt();
    tab(&terminal, "hypers");
    // Twice, for a prompt that first fills in what all candidates begin with.
    terminal.wait_for("> hyperspace");
    terminal.key(Key::Tab);
    terminal.wait_for("hyperspaces");
    terminal.wait_for("Names of all hyperspaces");
}

#[test]
fn members_are_those_of_the_type() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.enter("let hs = hyperspace(\"pocket\");");
    tab(&terminal, "hs.");
    terminal.wait_for("with_operator");
    let screen = terminal.screen();
    assert!(screen.contains("plain") && screen.contains("space"), "{screen}");
    assert!(!screen.contains("to_upper") && !screen.contains("group_by") && !screen.contains("kendall"), "{screen}");
}

#[test]
fn members_follow_a_call_whose_type_is_known() {
    let home = Home::new();
    let terminal = home.prompt();
    tab(&terminal, "hyperspace(\"pocket\").with_op");
    terminal.wait_for("hyperspace(\"pocket\").with_operator");
}

#[test]
fn options_are_those_of_the_call() {
    let home = Home::new();
    let terminal = home.prompt();
    tab(&terminal, "qt_score(space, lut, #{ li");
    terminal.wait_for("#{ limits");
}

#[test]
fn texts_complete_to_file_names() {
    let home = Home::new();
    std::fs::write(home.work().join("example_rows.csv"), "a\n1\n").unwrap();
    let terminal = home.prompt();
    tab(&terminal, "read_table(\"exam");
    terminal.wait_for("read_table(\"example_rows.csv");
}

#[test]
fn imports_complete_to_scripts() {
    let home = Home::new();
    let terminal = home.prompt();
    tab(&terminal, "import \"strat");
    terminal.wait_for("import \"strategies/");
}

#[test]
fn variables_and_functions_of_the_session_are_candidates() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.enter("let remarkable_number = 41;");
    terminal.enter("fn remarkable_sum(a, b) { a + b }");
    tab(&terminal, "remarkable_n");
    terminal.wait_for("[3] > remarkable_number");
    terminal.key(Key::CtrlC);
    tab(&terminal, "remarkable_s");
    terminal.wait_for("[3] > remarkable_sum");
}

#[test]
fn help_on_a_name_completes_too() {
    let home = Home::new();
    let terminal = home.prompt();
    tab(&terminal, "?latency_q");
    terminal.wait_for("?latency_quantile");
}

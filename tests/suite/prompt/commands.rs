//! Commands of the prompt: help and sources, times, what there is, saving and loading, the shell, earlier results.

use super::terminal::Home;

#[test]
fn a_question_mark_explains_and_two_show_the_source() {
    let home = Home::new();
    let terminal = home.prompt();
    let page = terminal.enter("?measure");
    assert!(page.contains("FP32 and INT8 latency") && page.contains("budget_s"), "{page}");
    let source = terminal.enter("??aging_evolution");
    assert!(source.contains("fn aging_evolution(given)") && source.contains("tournament"), "{source}");
    // A file that defines several things is found by each of them.
    let family = terminal.enter("??efficientnet_b5");
    assert!(family.contains("stdlib/networks/efficientnet.rhai"), "{family}");
    let unknown = terminal.enter("?mesure");
    assert!(unknown.contains("mesure"), "{unknown}");
}

#[test]
fn times_are_taken() {
    let home = Home::new();
    let terminal = home.prompt();
    let once = terminal.enter("%time 40 + 2");
    assert!(once.lines().any(|row| row == "42") && names_a_time(&once), "{once}");
    let often = terminal.enter("%timeit 40 + 2");
    assert!(names_a_time(&often), "{often}");
}

/// Whether some word is a unit of time, alone or behind a number.
fn names_a_time(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        let word = word.trim_matches([',', ';', ':', '(', ')', '.']);
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        ["ns", "µs", "us", "ms", "s"].contains(&unit)
    })
}

#[test]
fn the_session_is_listed() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.enter("let remarkable = 41;");
    terminal.enter("fn notable(x) { x + 1 }");
    let listed = terminal.enter("%who");
    assert!(listed.contains("remarkable") && listed.contains("int"), "{listed}");
    let inputs = terminal.enter("%history");
    assert!(inputs.contains("let remarkable = 41;") && inputs.contains("fn notable(x) { x + 1 }"), "{inputs}");
    terminal.enter("%reset");
    let gone = terminal.enter("remarkable");
    assert!(gone.contains("there is no variable `remarkable`"), "{gone}");
}

#[test]
fn a_saved_session_gives_the_same_values_as_a_script() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.enter("let a = 20;");
    terminal.enter("fn twice(x) { 2 * x }");
    terminal.enter("nonsense(1)");
    terminal.enter("%time let b = twice(a) + 2;");
    let space = terminal.enter("let space = hyperspace(\"pocket\").space(\"012-210\"); print(space.largest.mflops)");
    let numbers = terminal.enter("let drawn = [1, 2, 3, 4, 5, 6].sample(rng(7), 3); print(drawn)");
    terminal.enter("a * b + 1");
    let sum = terminal.enter("print([a, b, _])");
    terminal.enter("%save session.rhai");
    let out = home.command(&["--quiet", "session.rhai"]).output().unwrap();
    let (shown, said) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}\n{}", std::fs::read_to_string(home.work().join("session.rhai")).unwrap());
    for value in [space, numbers, sum] {
        assert!(shown.lines().any(|line| line == value), "{value} is missing:\n{shown}");
    }
}

#[test]
fn a_script_runs_in_the_session() {
    let home = Home::new();
    std::fs::write(home.work().join("part.rhai"), "let from_file = 41;\nfn grown(x) { x + 1 }\n").unwrap();
    let terminal = home.prompt();
    terminal.enter("%run part.rhai");
    assert_eq!(terminal.enter("grown(from_file)"), "42");
    let missing = terminal.enter("%run parts.rhai");
    assert!(missing.contains("parts.rhai") && missing.contains("error["), "{missing}");
}

#[test]
fn the_shell_is_at_hand() {
    let home = Home::new();
    let terminal = home.prompt();
    assert_eq!(terminal.enter("!echo hi"), "hi");
    std::fs::write(home.work().join("here.txt"), "").unwrap();
    assert!(terminal.enter("!ls").contains("here.txt"));
}

#[test]
fn earlier_results_have_names() {
    let home = Home::new();
    let terminal = home.prompt();
    assert_eq!(terminal.enter("20 + 1"), "21");
    assert_eq!(terminal.enter("2 * _"), "42");
    assert_eq!(terminal.enter("[__, _]"), "[21, 42]");
    assert_eq!(terminal.enter("_2 - _1"), "21");
    assert_eq!(terminal.enter("_3"), "[21, 42]");
}

#[test]
fn an_unknown_command_suggests_the_known_one() {
    let home = Home::new();
    let terminal = home.prompt();
    let said = terminal.enter("%histroy");
    assert!(said.contains("did you mean") && said.contains("history`"), "{said}");
}

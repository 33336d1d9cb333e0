//! The prompt as a person meets it: typing, recalling, interrupting, pasting, leaving.

mod commands;
mod completing;
mod screens;
mod searching;
mod terminal;
mod together;

use std::time::{Duration, Instant};

use terminal::{Home, Key, Terminal};

/// The column at which `text` begins in the first row of the screen that holds it.
#[track_caller]
fn column_of(terminal: &Terminal, text: &str) -> usize {
    let screen = terminal.screen();
    let row = screen.lines().find(|row| row.contains(text)).unwrap_or_else(|| panic!("no {text:?} on\n{screen}"));
    row.find(text).unwrap()
}

#[test]
fn inputs_are_numbered_and_values_come_plainly() {
    let home = Home::new();
    let terminal = home.prompt();
    assert_eq!(terminal.cursor().2, "[1] >");
    assert_eq!(terminal.enter("let x = 20;"), "");
    assert_eq!(terminal.cursor().2, "[2] >");
    assert_eq!(terminal.enter("2 * x + 2"), "42");
    assert_eq!(terminal.enter("\"a text\""), "\"a text\"");
    assert_eq!(terminal.enter("print(\"a line\")"), "a line");
    assert_eq!(terminal.cursor().2, "[5] >");
}

#[test]
fn an_open_bracket_indents_and_a_closing_one_goes_back() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.type_text("fn double(x) {");
    terminal.key(Key::Enter);
    terminal.type_text("let twice = 2 * x;");
    terminal.key(Key::Enter);
    terminal.type_text("twice");
    terminal.key(Key::Enter);
    terminal.wait_until("a new line", |this| this.cursor().2.is_empty());
    terminal.type_text("}");
    terminal.wait_until("the closing bracket", |this| this.cursor().2.ends_with('}'));
    let (inside, closing) = (column_of(&terminal, "let twice"), terminal.cursor().2.find('}').unwrap());
    assert_eq!(inside, closing + 4, "{}", terminal.screen());
    terminal.key(Key::Enter);
    assert_eq!(terminal.enter("double(4)"), "8");
}

#[test]
fn the_history_is_recalled_and_searched() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.enter("let first = 10;");
    terminal.enter("let second = 20;");
    terminal.key(Key::Up);
    terminal.wait_for("[3] > let second = 20;");
    terminal.key(Key::Up);
    terminal.wait_for("[3] > let first = 10;");
    terminal.key(Key::CtrlC);
    terminal.wait_for_prompt();
    terminal.key(Key::CtrlR);
    terminal.type_text("irst");
    terminal.wait_until("the line found", |this| this.cursor().2.contains("let first = 10;"));
    terminal.key(Key::Enter);
    terminal.wait_for_prompt();
    assert_eq!(terminal.enter("first + second"), "30");
}

#[test]
fn the_history_is_kept_between_two_runs() {
    let home = Home::new();
    let mut terminal = home.prompt();
    terminal.enter("let remembered = 41;");
    terminal.key(Key::CtrlD);
    assert_eq!(terminal.wait_for_end(), Some(0));
    let terminal = home.prompt();
    terminal.key(Key::Up);
    terminal.wait_for("[1] > let remembered = 41;");
}

#[test]
fn a_mistyped_name_is_shown_with_a_caret_and_a_suggestion() {
    let home = Home::new();
    let terminal = home.prompt();
    let shown = terminal.enter("hyperspcae(\"pocket\")");
    assert!(shown.contains("there is no function `hyperspcae`") && shown.contains("^^^^^^^^^^"), "{shown}");
    assert!(shown.contains("did you mean `hyperspace`?"), "{shown}");
    let (name, caret) = (column_of(&terminal, "| hyperspcae"), column_of(&terminal, "| ^^^"));
    assert_eq!(name, caret, "{shown}");
}

#[test]
fn an_interrupt_gives_the_prompt_back_and_keeps_everything() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.enter("let kept = 41;");
    start_loop(&terminal);
    let began = Instant::now();
    terminal.key(Key::CtrlC);
    terminal.wait_for_prompt();
    // A tenth of a second for the loop, the rest for a busy machine's terminal.
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert!(terminal.screen().contains("interrupted"), "{}", terminal.screen());
    assert_eq!(terminal.enter("kept"), "41");
}

#[test]
fn an_interrupt_at_the_prompt_drops_the_line() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.type_text("print(\"never\" + \" said\")");
    terminal.wait_for("said");
    terminal.key(Key::CtrlC);
    terminal.wait_for_prompt();
    assert_eq!(terminal.enter("1 + 1"), "2");
    assert!(!terminal.screen().contains("never said"), "{}", terminal.screen());
    // Also in the middle of several lines.
    terminal.type_text("[1,");
    terminal.key(Key::Enter);
    terminal.key(Key::CtrlC);
    terminal.wait_for_prompt();
    assert_eq!(terminal.enter("2 + 2"), "4");
}

#[test]
fn a_change_of_size_while_typing_garbles_nothing() {
    let home = Home::new();
    let terminal = home.prompt();
    let long = "let numbers = [1111111111, 2222222222, 3333333333, 4444444444, 5555555555, 6666666666];";
    terminal.type_text(long);
    terminal.wait_for("6666666666];");
    terminal.resize(24, 40);
    std::thread::sleep(Duration::from_millis(100));
    terminal.resize(30, 120);
    std::thread::sleep(Duration::from_millis(100));
    terminal.type_text(" // end");
    terminal.wait_for_typed(&format!("[1] > {long} // end"));
    terminal.key(Key::Enter);
    terminal.wait_for_prompt();
    assert_eq!(terminal.enter("numbers.sum()"), "23333333331");
}

#[test]
fn editing_keys_move_within_the_line() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.type_text("+ 2");
    terminal.key(Key::Home);
    terminal.type_text("40 ");
    terminal.key(Key::Enter);
    terminal.wait_for("\n42");
    terminal.type_text("1 + 20 + 300");
    for _ in 0..4 {
        terminal.key(Key::Left);
    }
    // Alt-B goes back a word.
    terminal.key(Key::Alt('b'));
    terminal.type_text("1");
    terminal.key(Key::Enter);
    terminal.wait_for("\n421");
}

#[test]
fn three_hundred_pasted_lines_are_one_input() {
    let home = Home::new();
    let terminal = home.prompt();
    let mut text = String::from("fn pasted(x) {\n");
    for line in 0..298 {
        text += &format!("    x += {line};\n");
    }
    text += "    x\n}";
    terminal.paste(&text);
    terminal.wait_until("the end of the paste", |this| this.cursor().2.ends_with('}'));
    terminal.key(Key::Enter);
    terminal.wait_for_prompt();
    assert_eq!(terminal.cursor().2, "[2] >");
    assert_eq!(terminal.enter("pasted(1)"), (1 + (0..298).sum::<i64>()).to_string());
}

#[test]
fn ctrl_d_leaves_only_from_an_empty_line() {
    let home = Home::new();
    let mut terminal = home.prompt();
    terminal.type_text("1 + 1");
    terminal.wait_for("1 + 1");
    terminal.key(Key::CtrlD);
    terminal.key(Key::Enter);
    terminal.wait_for("\n2");
    terminal.wait_for_prompt();
    terminal.key(Key::CtrlD);
    assert_eq!(terminal.wait_for_end(), Some(0));
}

#[test]
fn ctrl_d_while_work_runs_warns_and_stops_nothing() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.enter("let kept = 41;");
    start_loop(&terminal);
    terminal.key(Key::CtrlD);
    terminal.wait_until("a warning", |this| {
        let screen = this.screen();
        let said = screen.split("\noff").nth(1).unwrap_or_default();
        ["running", "runs", "Ctrl-C"].iter().any(|word| said.contains(word))
    });
    terminal.key(Key::CtrlC);
    terminal.wait_for_prompt();
    assert_eq!(terminal.enter("kept"), "41");
}

/// Starts a loop, and gives it time to be in full swing.
fn start_loop(terminal: &Terminal) {
    terminal.type_text("print(\"off\"); loop {}");
    terminal.key(Key::Enter);
    terminal.wait_for("\noff");
    std::thread::sleep(Duration::from_millis(200));
}

#[test]
fn ctrl_d_right_after_an_input_leaves_no_trace_in_the_next() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.enter("let kept = 41;");
    terminal.type_text("print(\"off\"); loop {}");
    terminal.key(Key::Enter);
    terminal.wait_for("\noff");
    terminal.key(Key::CtrlD);
    std::thread::sleep(Duration::from_millis(200));
    terminal.key(Key::CtrlC);
    terminal.wait_for_prompt();
    assert_eq!(terminal.enter("kept"), "41");
}

#[test]
fn what_is_typed_while_work_runs_is_the_next_input() {
    let home = Home::new();
    let terminal = home.prompt();
    start_loop(&terminal);
    terminal.type_text("40 + 2");
    terminal.key(Key::Enter);
    std::thread::sleep(Duration::from_millis(100));
    terminal.key(Key::CtrlC);
    terminal.wait_for("\n42");
    terminal.wait_for_prompt();
    assert_eq!(terminal.enter("1 + 1"), "2");
}

#[test]
fn half_finished_words_do_not_trouble_the_typist() {
    let home = Home::new();
    let terminal = home.prompt();
    for open in
        ["/* a comment", "\"a text", "`a ${1 + ", "[1].map(|x", "#{ a: ", "'", "\\", "é🦀 名", "@#$%^&", "_99", "x.", "f(f(f("]
    {
        terminal.type_text(open);
        terminal.wait_for_typed(open);
        terminal.key(Key::CtrlC);
        terminal.wait_for_prompt();
    }
    assert_eq!(terminal.enter("1 + 1"), "2");
}

#[test]
fn a_script_asks_and_the_next_line_is_the_answer() {
    let home = Home::new();
    let terminal = home.prompt();
    terminal.type_text("let name = input(\"Name? \");");
    terminal.key(Key::Enter);
    terminal.wait_for("\nName?");
    terminal.type_text("Ada");
    terminal.key(Key::Enter);
    terminal.wait_for_prompt();
    assert_eq!(terminal.enter("name + \"!\""), "\"Ada!\"");
    terminal.type_text("input(\"Another? \")");
    terminal.key(Key::Enter);
    terminal.wait_for("\nAnother?");
    terminal.key(Key::CtrlC);
    terminal.wait_for_prompt();
    assert!(terminal.screen().contains("session::interrupted"), "{}", terminal.screen());
    assert_eq!(terminal.enter("name"), "\"Ada\"");
}

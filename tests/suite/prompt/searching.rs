//! A strategy of one's own, from the first line to the comparison: written, run, stopped, gone on with, compared.

use super::terminal::{Home, Key, stored};

/// A hill climber as the documentation of `evolve` and of problems leads to it.
const STRATEGY: &str = r#"let climb = || #{
    name: "climb",
    batch: 4,
    state: #{ best: (), score: 0.0 },
    ask: |problem, n, rng| {
        let wanted = [];
        while wanted.len() < n {
            if this.best == () || rng.float() < 0.2 {
                wanted.push(problem.random(rng));
            } else {
                wanted.push(problem.mutate(this.best, rng.choose(["operator", "window"]), rng));
            }
        }
        wanted
    },
    tell: |results| {
        let top = results.max_by("score");
        if this.best == () || top.score > this.score {
            this.best = top.candidate;
            this.score = top.score;
        }
    },
};"#;

#[test]
fn a_strategy_is_written_stopped_gone_on_with_and_compared() {
    assert!(STRATEGY.lines().count() < 30);
    let home = Home::new();
    let terminal = home.prompt_with(&[]);
    terminal.paste(STRATEGY);
    terminal.wait_until("the end of the paste", |this| this.cursor().2.ends_with("};"));
    terminal.key(Key::Enter);
    terminal.wait_for_prompt();
    // The value of a line, below what its searches report.
    let value = |line: &str| terminal.enter(line).lines().last().unwrap_or_default().to_owned();
    assert_eq!(value("let hs = hyperspace(\"pocket\"); check_strategy(climb).height"), "9");

    // Each score takes a little, so that there is time to stop it.
    terminal.enter("let cost = |space| { sleep(0.02); space.largest.mflops };");
    terminal.enter("let plan = #{ minimize: cost, strategy: climb.call(), evaluations: 160, seed: 1, name: \"mine\" };");
    terminal.type_text("let first = evolve(hs, plan); print(`${first}`)");
    terminal.key(Key::Enter);
    terminal.wait_until("scores", |this| this.screen().lines().any(|row| row.contains("evolve pocket") && row.contains("best")));
    terminal.key(Key::CtrlC);
    terminal.wait_for_prompt();
    let scored = stored(&home.work().join(".spaceevo")).1;
    let [(name, begun)] = scored.as_slice() else { panic!("{scored:?}") };
    assert!(name == "mine" && (1..160).contains(begun), "{scored:?}\n{}", terminal.screen());
    let (mid, screen) = (format!("{begun} scores taken from the lab"), |text: &str| terminal.everything().contains(text));
    assert!(screen("interrupted"), "{}", terminal.screen());

    // The same call goes on, and ends as one that was never stopped.
    terminal.enter("let whole = evolve(hs, plan);");
    assert!(screen(&mid), "{}", terminal.screen());
    terminal.enter("plan.remove(\"name\"); plan.minimize = |space| space.largest.mflops;");
    assert_eq!(value("whole.history[\"space\"] == evolve(hs, plan).history[\"space\"]"), "true");

    terminal.enter("let runs = |make| [1, 2, 3, 4, 5].map(|seed| evolve(hs, plan + #{ strategy: make.call(), seed: seed }));");
    terminal.enter(
        "let found = compare(#{ climb: runs.call(climb), chance: runs.call(|| random_search()) }, #{ baseline: \"chance\" });",
    );
    assert_eq!(value("found.table.row(0).group"), "\"climb\"");
    let shown = terminal.enter("found");
    assert!(shown.contains("smallest scores after 160 evaluations") && shown.contains("p_holm"), "{shown}");
}

//! Closures in many threads: the same answers on one thread and on two, and words that say for what each was called.

use std::process::Command;

/// Standard output and error of a script on so many threads, and whether it ended well.
fn on_threads(threads: usize, script: &str) -> (String, String, bool) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script.rhai"), script).unwrap();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    let spaceevo = spaceevo.current_dir(folder.path()).args(["run", "script.rhai"]);
    let out = spaceevo.env("RAYON_NUM_THREADS", threads.to_string()).output().unwrap();
    (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap(), out.status.success())
}

#[test]
fn one_thread_and_two_give_the_same() {
    let script = r#"
        let hs = hyperspace("pocket");
        let weights = [0.5, 1.0, 2.0];
        let cost = |space| space.largest.mflops * weights[0] - space.smallest.mflops;
        let study = evolve(hs, #{
            minimize: cost, strategy: aging_evolution(#{ population: 30, sample: 8 }), evaluations: 120, seed: 5,
        });
        print(study);
        print(study.history.to_text(100, #{ rows: 200 }));
        print(study.top(20).par_map(|entry| entry.space.to_string() + ` ${entry.score} ${cost.call(entry.space)}`));
        let scores = study.history["score"];
        print(stats::bootstrap(scores, |sample| stats::quantile(sample, 0.1), #{ resamples: 400, seed: 3 }));
        print(stats::kendall(scores, channels(1, scores.len(), 1), #{ resamples: 200, seed: 3 }));
        try { channels(0, 99, 1).par_map(|x| if x % 7 == 6 { throw `no ${x}` } else { x }) } catch (e) { print(e) }
    "#;
    let (one, said, well) = on_threads(1, script);
    assert!(well, "{said}");
    assert!(one.lines().count() > 120 && one.contains("at item 6 of 100 (6): no 6"), "{one}");
    assert_eq!(on_threads(2, script), (one, said, well));
}

#[test]
fn a_failing_item_is_named() {
    let (_, said, well) = on_threads(2, "fn half(x) {\n    x - 1\n}\n[1, 2, \"a\", 4].par_map(|x| half(x));\n");
    assert!(!well);
    insta::assert_snapshot!(said, @r#"
    error[script::wrong_arguments]: at item 2 of 4 ("a"): `-` is not defined between text and int
     --> script.rhai:2:7
    2 |     x - 1
      |       ^
      in `half`, called at script.rhai:4:28
      in a closure, called at script.rhai:4:16
    "#);
    // What a script throws as a value of its own arrives as it was, but for its message.
    let (shown, said, _) = on_threads(
        2,
        "try { [5].par_map(|x| throw #{ code: \"my::code\", message: \"no\", left: x }) } catch (e) { print(`${e.code} ${e.message} ${e.left}`) }
         try { [[1, 2]].par_map(|x| x.par_map(|y| y.nonsense)) } catch (e) { print(e.message) }",
    );
    assert_eq!(shown.lines().next(), Some("my::code at item 0 of 1 (5): no 5"), "{said}");
    assert!(shown.lines().nth(1).unwrap().starts_with("at item 0 of 1 ([1, 2]): at item 0 of 2 (1): "), "{shown}");
}

#[test]
fn prints_say_for_what() {
    let script = r#"
        [10, 20].par_map(|x| { print(x); [1].par_map(|y| print(`inner ${x}`)); print("after") });
        evolve(hyperspace("pocket"), #{ minimize: |space| { print("scored"); space.largest.mflops }, evaluations: 1 });
        print("alone");
    "#;
    let (shown, said, well) = on_threads(2, script);
    assert!(well, "{said}");
    let mut lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.pop(), Some("alone"));
    let scored = lines.pop().unwrap();
    assert!(scored.starts_with('[') && scored.ends_with("] scored") && scored.len() == "[333-212] scored".len(), "{scored}");
    lines.sort_unstable();
    let wanted = [
        "[item 0 of 2, item 0 of 1] inner 10",
        "[item 0 of 2] 10",
        "[item 0 of 2] after",
        "[item 1 of 2, item 0 of 1] inner 20",
        "[item 1 of 2] 20",
        "[item 1 of 2] after",
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn a_failing_score_can_be_replayed_and_its_study_used() {
    let script = r#"
        let hs = hyperspace("pocket");
        let score = |space| { let m = space.largest.mflops; if m > 18.0 { m.nonsense } if m < 9.0 { 0.0 / 0.0 } else { m } };
        let options = #{ minimize: score, evaluations: 200, seed: 2 };
        try { evolve(hs, options); } catch (e) {
            print(e.message);
            print(e.help);
        }
        let study = last_study();
        print(study);
        print(study.best().score >= 9.0);
        print(study.failed.filter(col("code") != "search::nan").height > 0);
        options.on_failure = "skip";
        print(evolve(hs, options).history.height);
        options.on_failure = "ignore";
        try { evolve(hs, options); } catch (e) { print(e.code) }
        options.on_failure = ();
        try { evolve(hs.with_operator("basic_residual"), options); } catch (e) { print(e.help) }
    "#;
    let (shown, said, well) = on_threads(2, script);
    assert!(well, "{said}");
    let lines: Vec<_> = shown.lines().collect();
    let (before, message) = lines[0].split_once("): ").unwrap();
    let space = before.strip_prefix("while scoring ").unwrap().split(' ').next().unwrap();
    assert!(before.ends_with(", seed 2") && message.contains("nonsense"), "{shown}");
    let replay = lines.iter().find_map(|line| line.strip_prefix("replay: ")).unwrap();
    assert!(replay.starts_with(&format!("score.call(hyperspace(\"pocket\").space(\"{space}\"))")), "{replay}");
    let study = lines.iter().position(|line| line.starts_with("study of ")).unwrap();
    assert!(lines[study].contains(" failed, ") && lines[study].contains(" NaN), ended by an error; best "), "{}", lines[study]);
    assert_eq!(lines[study + 1..study + 5], ["true", "true", "200", "options::value"]);
    assert!(shown.contains("replay: score.call(hs.space(\""), "{shown}");
    assert!(said.contains("scores are NaN and left out"), "{said}");

    // The line does what it says, pasted as it stands.
    let pasted = format!("let score = |space| space.largest.mflops.nonsense;\n{replay}\n");
    assert!(on_threads(1, &pasted).1.contains("nonsense"));
}

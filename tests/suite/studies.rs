//! What studies say beside their best: which choices matter, which strategy is better, what several objectives come to.

use crate::bench::Bench;

#[test]
fn choices_matter_as_much_as_they_were_made_to() {
    let bench = Bench::new();
    // A sum with variances 0.6, 0.3 and 0.1 over all candidates; three of the six choices do nothing.
    let sum = "
        let hs = hyperspace(\"pocket\");
        let sum = |space| {
            let row = space.choices;
            if row[5] == 1 && row[4] == 1 { return 0.0 / 0.0; }
            0.69282 * [0.0, 3.0, 1.0, 2.0][row[0]] + 0.67082 * row[4] + (if row[2] == 2 { 0.7303 } else { 0.0 })
        };
        let study = evolve(hs, #{ maximize: sum, evaluations: 500, seed: 1 });
        let found = study.importance(#{ pairs: true, seed: 1 });
        let of = |choice| { let row = found.filter(col(\"choice\") == choice).row(0); [row.share, row.spread] };";
    bench.value(sum);
    for (choice, truth) in [
        ("stage1 operator", 0.6),
        ("stage2 window", 0.3),
        ("stage3 operator", 0.1),
        ("stage2 operator", 0.0),
        ("stage1 window", 0.0),
        ("stage3 window", 0.0),
    ] {
        let share = bench.number(&format!("of.call(\"{choice}\")[0]"));
        let spread = bench.number(&format!("of.call(\"{choice}\")[1]"));
        assert!((share - truth).abs() < 0.06, "{choice}: {share} for {truth}");
        assert!(spread < 0.1 && (truth > 0.0 || share < 0.02), "{choice}: {share} ± {spread}");
    }
    assert_eq!(bench.value("found.height"), (6 + 15).to_string());
    assert!(bench.number("found.to_maps().filter(|row| row.choice.contains(\"×\")).map(|row| row.share).max()") < 0.03);
    let said = bench.said();
    let without = bench.value("study.failed.height");
    assert!(
        said.contains(&format!("importance: {without} trials have no finite score and are left out; of the other ")),
        "{said}"
    );
    let explained = said.split("explains ").nth(1).and_then(|rest| rest.split(" %").next()).unwrap();
    assert!(explained.parse::<f64>().unwrap() > 85.0, "{said}");

    // Two choices of which neither matters alone.
    let together = "
        let both = |space| if (space.choices[0] < 2) == (space.choices[1] < 2) { 1.0 } else { 0.0 };
        let found = evolve(hs, #{ maximize: both, evaluations: 400, seed: 1 }).importance(#{ pairs: true, seed: 1 });
        [found.row(0).choice, found.row(0).share > 0.7, found.to_maps().filter(|row| !row.choice.contains(\"×\")).map(|row| row.share).max() < 0.1]";
    assert_eq!(bench.value(together), "[\"stage1 operator × stage2 operator\", true, true]");

    let flat = |score: &str, evaluations: usize| {
        format!("evolve(hs, #{{ maximize: |space| {score}, evaluations: {evaluations} }}).importance()")
    };
    assert_eq!(bench.trouble(&flat("1.0", 30)).0.code, "search::flat");
    let (fault, _) = bench.trouble(&flat("space.largest.mflops", 12));
    assert!(fault.code == "search::too_few" && fault.message.contains("there are 12"), "{fault:?}");
}

#[test]
fn groups_of_studies_are_compared_as_the_tests_say() {
    let bench = Bench::new();
    // Three strategies over six seeds, so different that every test tells; minus the cost so that the largest is the best.
    bench.value(
        "let hs = hyperspace(\"pocket\");
         let score = |space| -space.largest.mflops;
         let make = #{ chance: || random_search(), climb: || local_search(#{ batch: 4 }), learn: || tpe(#{ startup: 8, batch: 4 }) };
         let groups = #{};
         for name in make.keys() {
             groups[name] = [1, 2, 3, 4, 5, 6].map(|seed| evolve(hs, #{ maximize: score, strategy: make[name].call(), evaluations: 60, seed: seed, name: `${name} ${seed}` }));
         }
         let ends = |name| groups[name].map(|study| study.best().score);",
    );
    for (paired, test) in [("false", "rank_test"), ("true", "wilcoxon")] {
        bench.value(&format!("let found = compare(groups, #{{ baseline: \"chance\", paired: {paired}, seed: 3 }});"));
        bench.value("let of = |name| found.table.filter(col(\"group\") == name).row(0);");
        for name in ["climb", "learn"] {
            let told = format!(
                "let row = of.call(\"{name}\"); let own = ends.call(\"{name}\");
                 [row.p == stats::{test}(own, ends.call(\"chance\")).p, row.median == stats::median(own), row.best == own.max(),
                  row.worst == own.min(), row.low <= row.median && row.median <= row.high, row.studies == 6]"
            );
            assert_eq!(bench.value(&told), "[true, true, true, true, true, true]", "{name} {test}");
        }
        let corrected = "let ps = [of.call(\"climb\").p, of.call(\"learn\").p];
                         [of.call(\"climb\").p_holm, of.call(\"learn\").p_holm] == stats::holm(ps)";
        assert_eq!(bench.value(corrected), "true");
    }
    assert_eq!(bench.value("[of.call(\"chance\").p, of.call(\"climb\").better > 0.9]"), "[(), true]");
    // The names of studies in the lab do for the studies, and say the same.
    let kept = "let names = #{}; for name in groups.keys() { names[name] = [1, 2, 3, 4, 5, 6].map(|seed| `${name} ${seed}`); }
                let how = #{ baseline: \"chance\", seed: 3 };
                `${compare(names, how)}` == `${compare(groups, how)}`";
    assert_eq!(bench.value(kept), "true");
    // After fewer evaluations it is what the studies had then, and a curve has the median and the quartiles of that.
    let early = "let early = compare(groups, #{ evaluations: 20, at: [10, 20, 999] });
                 let then = groups.climb.map(|study| study.history[\"best\"][19]);
                 let point = early.curves.filter((col(\"group\") == \"climb\") & (col(\"evaluations\") == 20)).row(0);
                 [early.curves.height, point.median == stats::median(then), point.low == stats::quantile(then, 0.25),
                  early.table.filter(col(\"group\") == \"climb\").row(0).best == then.max()]";
    assert_eq!(bench.value(early), "[6, true, true, true]");
    assert_eq!(bench.value("plot(early).series.len()"), "3");
    // Without a difference there is nothing to be explained by anything but chance.
    assert_eq!(bench.value("compare(#{ a: groups.climb, b: groups.climb }, #{ paired: true }).table.row(1).get(\"p\")"), "1.0");

    bench.value("let less = evolve(hs, #{ minimize: score, evaluations: 60 });");
    for (call, code, said) in [
        ("compare(#{})", "search::groups", "no studies"),
        ("compare(#{ a: [] , b: groups.climb})", "search::groups", "`a` holds no study"),
        ("compare(groups, #{ baseline: \"chanse\" })", "search::groups", "no group `chanse`"),
        ("compare(#{ a: groups.climb, b: [less] })", "search::groups", "some studies maximise"),
        ("compare(groups, #{ evaluations: 61 })", "search::short", "has 60 evaluations, not 61"),
        ("compare(#{ a: groups.climb, b: [groups.climb[0]] }, #{ paired: true })", "stats::lengths", "1 and 6 values"),
        ("compare(#{ a: [3] })", "script::type", "`a` has an array with an integer"),
        ("compare(#{ a: [\"gone\"] })", "lab::no_item", "gone"),
        ("compare(groups, #{ base: \"chance\" })", "options::unknown", "`base`"),
    ] {
        let (fault, _) = bench.trouble(call);
        assert!(fault.code == code && fault.message.contains(said), "{call}: {fault:?}");
    }
}

#[test]
fn several_searches_at_once_are_as_one_after_the_other() {
    let bench = Bench::new();
    // One of two is slow within its own limit, and no limit of one is that of another.
    let source = "
        let hs = hyperspace(\"pocket\");
        let cost = |space| space.largest.mflops;
        let one = |seed| evolve(hs, #{ minimize: cost, strategy: tournament_evolution(#{ population: 20 }), evaluations: 60, seed: seed }).history;
        let seeds = [1, 2, 3, 4, 5, 6, 7, 8];
        let apart = seeds.map(one);
        let at_once = seeds.par_map(one);
        seeds.all(|seed| apart[seed - 1][\"space\"] == at_once[seed - 1][\"space\"])";
    assert_eq!(bench.value(source), "true");
}

#[test]
fn a_search_for_several_objectives_covers_more_than_chance() {
    let bench = Bench::new();
    let source = "
        let hs = hyperspace(\"pocket\");
        let figures = |space| #{ score: space.largest.mflops, mparams: space.largest.mparams, kb: space.largest.memory.int8_peak_bytes / 1024.0 };
        let way = #{ maximize: [\"score\"], minimize: [\"mparams\", \"kb\"] };
        let covered = |study, all| study.history.hypervolume(way + #{ reference: #{ score: all[\"score\"].min() - 1.0, mparams: all[\"mparams\"].max() + 1.0, kb: all[\"kb\"].max() + 1.0 } });
        let wins = 0;
        for seed in 1..=5 {
            let plan = #{ maximize: figures, evaluations: 240, seed: seed };
            let chance = evolve(hs, plan);
            let front = evolve(hs, plan + #{ strategy: nsga2(way + #{ population: 24, batch: 24 }) });
            let all = table(chance.history.to_maps() + front.history.to_maps());
            if covered.call(front, all) > covered.call(chance, all) { wins += 1; }
            let best = front.history.pareto(way);
            let knee = front.history.knee(way);
            if !(knee.space in best[\"space\"]) || best.height >= front.history.height { throw \"no front\"; }
            if covered.call(front, all) != best.hypervolume(way + #{ reference: #{ score: all[\"score\"].min() - 1.0, mparams: all[\"mparams\"].max() + 1.0, kb: all[\"kb\"].max() + 1.0 } }) { throw \"what is beaten counts\"; }
        }
        wins";
    assert!(bench.number(source) >= 4.0);
    for (call, code) in [
        ("chance.history.pareto(#{})", "options::missing"),
        ("chance.history.pareto(#{ minimize: [\"mparms\"] })", "frame::no_column"),
        ("chance.history.pareto(#{ minimize: \"kb\", maximize: [\"kb\"] })", "options::value"),
        ("chance.history.hypervolume(#{ minimize: \"kb\" })", "options::missing"),
        ("chance.history.hypervolume(#{ minimize: [\"kb\", \"mparams\"], reference: #{ kb: 1 } })", "options::value"),
        ("chance.history.head(0).knee(#{ minimize: \"kb\" })", "objectives::empty"),
    ] {
        bench.value("let chance = evolve(hs, #{ maximize: figures, evaluations: 20 });");
        assert_eq!(bench.trouble(call).0.code, code, "{call}");
    }
}

//! Strategies of the library: each keeps the rules, the careful ones beat chance, and a broken one is named by closure and line.

use crate::bench::Bench;
use crate::toy;

/// Every strategy of the library, made so small that a hundred evaluations go through all of its phases.
const SHIPPED: &[(&str, &str)] = &[
    ("aging_evolution", "aging_evolution(#{ population: 20, sample: 5 })"),
    ("gaussian_process", "gaussian_process(#{ startup: 3, pool: 20, most: 30 })"),
    ("grid_search", "grid_search()"),
    ("local_search", "local_search(#{ batch: 8 })"),
    ("nsga2", "nsga2(#{ population: 16, batch: 16 })"),
    ("portfolio", "portfolio([local_search(), reinforce(), tpe(#{ startup: 2 })], #{ batch: 8 })"),
    ("random_search", "random_search()"),
    ("reinforce", "reinforce()"),
    ("tournament_evolution", "tournament_evolution(#{ population: 20 })"),
    ("tpe", "tpe(#{ startup: 2 })"),
];
/// Files of the folder that are no strategies for `evolve`: a check, functions around it and of subnets.
const OTHERS: &[&str] = &["conformance", "subnet_evolution", "successive_halving"];

#[test]
fn every_strategy_of_the_library_keeps_the_rules() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/stdlib/strategies");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let known = OTHERS.contains(&name.as_str()) || SHIPPED.iter().any(|(own, _)| *own == name);
        assert!(known, "strategies/{name}.rhai has no line in SHIPPED of tests/suite/strategies.rs: it is to be checked too");
    }
    let bench = Bench::new();
    for (name, maker) in SHIPPED {
        let passed = bench.value(&format!("check_strategy(|| {maker}, #{{ evaluations: 60 }})[\"passed\"]"));
        assert_eq!(passed, format!("[{}]", ["true"; 9].join(", ")), "{name}");
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let bench = Bench::new();
    let failed = |strategy: &str| {
        let source =
            format!("check_strategy(|| {strategy}, #{{ throws: false, evaluations: 60 }}).filter(!col(\"passed\"))[\"check\"]");
        bench.value(&source)
    };
    let own = |ask: &str, state: &str| {
        failed(&format!("#{{ batch: 4, state: {state}, ask: |problem, n, rng| {{ {ask} }}, tell: |results| {{}} }}"))
    };
    // Chance that is not the seed's.
    let unseeded = own("[problem.random(rng((timestamp().elapsed * 1e12).to_int()))]", "#{}");
    assert!(unseeded.contains("\"gives the same history for the same seed\""), "{unseeded}");
    let poor = own("let row = problem.random(rng).choices; row[row.len() - 1] = 0; [problem.candidate(row)]", "#{}");
    assert_eq!(poor, "[\"reaches every value of every choice\", \"ends on a space that is used up\"]");
    let closure = own("[problem.random(rng)]", "#{ pick: |x| x }");
    assert_eq!(closure, "[\"keeps its state as plain data\"]");
    let (fault, shown) =
        bench.trouble("check_strategy(|| #{ name: \"dull\", ask: |problem, n, rng| problem.plain(), tell: |results| {} })");
    assert_eq!(fault.code, "script::thrown");
    assert!(shown.contains("strategy \"dull\" fails") && shown.contains("- reaches every value of every choice"), "{shown}");
}

/// Functions over the choices of `mobilew`, six operators and six windows: a sum of single choices, one with many valleys, and
/// one in which operator and window of a stage matter together.
const FUNCTIONS: &str = "
    let hs = hyperspace(\"mobilew\");
    let sphere = |space| {
        let sum = 0.0;
        for (value, at) in space.choices {
            let far = if at < 6 { if value == (at * 5 + 2) % 7 { 0.0 } else { 1.0 } } else { (value - at % 3) / 3.0 };
            sum += far * far;
        }
        sum
    };
    let rastrigin = |space| {
        let sum = 0.0;
        for (value, at) in space.choices {
            let x = (value - 1.0 - at % 2) / 2.0;
            sum += x * x + 1.0 - (6.283185307 * x).cos();
        }
        sum
    };
    let pairs = |space| {
        let row = space.choices;
        let sum = 0.0;
        for at in 0..6 { sum += (if (row[at] + row[at + 6]) % 3 == 0 { 0.0 } else { 1.0 }) + 0.2 * row[at]; }
        sum
    };
    let ends = |score, maker, evaluations| {
        let found = [];
        for seed in 0..10 {
            let plan = #{ minimize: score, strategy: maker.call(), evaluations: evaluations, seed: seed };
            found.push(evolve(hs, plan).best().score);
        }
        found
    };
";

/// What `strategy` ends with on each function is lower than what as many random candidates do.
fn beats_chance(strategy: &str, evaluations: usize) {
    let bench = Bench::new();
    bench.value(FUNCTIONS);
    for function in ["sphere", "rastrigin", "pairs"] {
        let ends = |maker: &str| format!("ends.call({function}, || {maker}, {evaluations})");
        bench.value(&format!("let own = {}; let chance = {};", ends(strategy), ends("random_search()")));
        let verdict = bench.value("let test = stats::rank_test(chance, own); [test.p < 0.01, test.share_larger > 0.85]");
        let shown = || bench.value("`${own} against ${chance}`");
        assert_eq!(verdict, "[true, true]", "{strategy} on {function}: {}", shown());
    }
}

#[test]
fn the_parzen_estimator_beats_chance() {
    beats_chance("tpe()", 120);
}

#[test]
fn the_gaussian_process_beats_chance() {
    beats_chance("gaussian_process(#{ pool: 60, batch: 8 })", 68);
}

#[test]
fn several_objectives_give_a_front() {
    let bench = Bench::new();
    let front = "
        let hs = hyperspace(\"pocket\");
        let figures = |space| #{ score: space.largest.mflops, mparams: space.largest.mparams, latency: 1.0 };
        let study = evolve(hs, #{
            maximize: figures, evaluations: 240, seed: 3, name: \"front\",
            strategy: nsga2(#{ maximize: [\"score\"], minimize: [\"mparams\"], population: 24, batch: 24 }),
        });
        let chance = evolve(hs, #{ maximize: figures, evaluations: 240, seed: 3 });
        // Candidates of a study that nothing in either beats.
        let all = study.history.to_maps() + chance.history.to_maps();
        let best = |study| study.history.to_maps().filter(|row| !all.some(|other|
            other.score >= row.score && other.mparams <= row.mparams && (other.score > row.score || other.mparams < row.mparams)));
        print(study.history.columns);
        best.call(study).len() > 2 * best.call(chance).len()";
    assert_eq!(bench.value(front), "true");
    assert_eq!(bench.printed(), "[\"trial\", \"space\", \"score\", \"best\", \"latency\", \"mparams\"]");
    // The figures are stored: a search that goes on from the lab sees them as before.
    let again = "
        let scored = |space| throw \"scored again\";
        let same = nsga2(#{ maximize: [\"score\"], minimize: [\"mparams\"], population: 24, batch: 24 });
        let plan = #{ maximize: scored, evaluations: 240, seed: 3, name: \"front\", strategy: same };
        evolve(hs, plan).history[\"space\"] == study.history[\"space\"]";
    assert_eq!(bench.value(again), "true");
    let (_, shown) = bench.trouble(
        "evolve(hs, #{ minimize: |space| 1.0, strategy: nsga2(#{ minimize: [\"latncy\"], population: 4, batch: 4 }), evaluations: 9 })",
    );
    assert!(shown.contains("`tell` of the strategy") && shown.contains("no figure \"latncy\""), "{shown}");
    let (fault, shown) = bench.trouble("evolve(hs, #{ minimize: |space| #{ loss: 1.0 }, evaluations: 9 })");
    assert!(fault.code == "study::score" && shown.contains("a map without `score`"), "{shown}");
}

#[test]
fn a_broken_strategy_ends_with_its_closure_and_line_and_the_study_so_far() {
    let bench = Bench::new();
    for (closures, wanted, said) in [
        ("ask: |problem, n, rng|\n{},\ntell: |results| {}", "strategy::ask", "`ask` of the strategy gave no value"),
        ("ask: |problem, n, rng|\n[],\ntell: |results| {}", "strategy::ask", "`ask` of the strategy gave no candidates"),
        ("ask: |problem, n, rng|\n[1, 2],\ntell: |results| {}", "strategy::ask", "gave an array with an integer"),
        (
            "ask: |problem, n, rng|\n[hyperspace(\"mobilew\").sample(rng)],\ntell: |results| {}",
            "strategy::ask",
            "a search space of another hyperspace, `mobilew`",
        ),
        ("ask: |problem, n, rng|\n[problem.candidate([0])],\ntell: |results| {}", "space::choice", "`ask` of the strategy"),
        (
            "ask: |problem, n, rng|\n[problem.candidate([9, 0, 0, 0, 0, 0])],\ntell: |results| {}",
            "space::choice",
            "no operator 9",
        ),
        (
            "ask: |problem, n, rng|\n[problem.plain()[0]],\ntell: |results| {}",
            "strategy::stuck",
            "gives the same 1 of 1728 candidates",
        ),
        ("limit_s: 0.2, ask: |problem, n, rng|\nloop {},\ntell: |results| {}", "strategy::slow", "it ran for more than 0.2 s"),
        (
            "ask: |problem, n, rng| [problem.random(rng)], tell: |results|\nthrow \"no\"",
            "script::thrown",
            "`tell` of the strategy",
        ),
        (
            "limit_s: 0.2, ask: |problem, n, rng| [problem.random(rng)], tell: |results|\nloop {}",
            "strategy::slow",
            "`tell` of the strategy",
        ),
        (
            "init: |problem|\nthis.gone, ask: |problem, n, rng| [], tell: |results| {}",
            "script::unknown_property",
            "`init` of the strategy",
        ),
        ("ask: |problem, n, rng|\nproblem.random(rng),\ntell: |results| {}", "strategy::ask", "gave a SearchSpace"),
        ("ask:\n|problem, n| [],\ntell: |results| {}", "script::wrong_arguments", "`ask` of the strategy"),
        (
            "limit_s: 0.2, init: |problem|\nloop {}, ask: |problem, n, rng| [], tell: |results| {}",
            "strategy::slow",
            "`init` of the strategy",
        ),
        // The limit holds in threads that work for the closure, too.
        (
            "limit_s: 0.2, ask: |problem, n, rng|\n[1, 2].par_map(|x| loop {}),\ntell: |results| {}",
            "strategy::slow",
            "`ask` of the strategy",
        ),
        (
            "state: #{ turn: 0 }, ask: |problem, n, rng| [problem.random(rng)], tell: |results|\nthis.seen.push(1)",
            "script::unknown_property",
            "`tell` of the strategy: this map has no key `seen`",
        ),
        (
            "state: #{ turn: 0 }, ask: |problem, n, rng| [problem.random(rng)], tell: |results|\nthis.turn += results",
            "script::wrong_arguments",
            "`+` is not defined between int and array",
        ),
        (
            "state: #{ turn: 0 }, ask: |problem, n, rng|\n{ this.turn += 1; [problem.random(rng)] }, tell: |results| this = 5",
            "script::unknown_property",
            "`ask` of the strategy: a value of type int has no property `turn`",
        ),
    ] {
        let source =
            format!("evolve(hyperspace(\"pocket\"), #{{ minimize: |space| 1.0, evaluations: 50, strategy: #{{ {closures} }} }})");
        let (fault, shown) = bench.trouble(&source);
        assert_eq!(fault.code, wanted, "{shown}");
        assert!(shown.contains(said), "{shown}");
        assert!(shown.contains(" script.rhai:2:"), "not at the closure's line:\n{shown}");
        assert!(shown.contains("`last_study()` holds the trials so far"), "{shown}");
    }
    // What was scored before it broke is there, also in the lab; once it is mended the search goes on from there.
    let late = "ask: |problem, n, rng| { this.turn += 1; if this.turn > 3 { throw \"enough\" }; [problem.random(rng)] }, tell: |results| {}";
    bench.trouble(&format!(
        "evolve(hyperspace(\"pocket\"), #{{ minimize: |space| 1.0, strategy: #{{ batch: 1, state: #{{ turn: 0 }}, {late} }} }})"
    ));
    assert_eq!(bench.value("last_study().history.height"), "3");
    let named = |most: usize, score: &str| {
        let closures = late.replace("> 3", &format!("> {most}"));
        format!(
            "evolve(hyperspace(\"pocket\"), #{{ minimize: |space| {score}, evaluations: 9, seed: 1, name: \"late\", \
             strategy: #{{ batch: 1, state: #{{ turn: 0 }}, {closures} }} }})"
        )
    };
    bench.trouble(&named(3, "1.0"));
    assert_eq!(bench.value("lab::show(\"late\").evaluations"), "3");
    let sums = bench.value(&format!("let whole = {}; [whole.history.height, whole.history[\"score\"].sum()]", named(99, "2.0")));
    assert_eq!(sums, "[9, 15.0]");
    // A closure that is ended leaves nothing behind: what runs as long elsewhere is not.
    assert_eq!(bench.value("let sum = 0; for i in 0..2000000 { sum += 1; } sum"), "2000000");
}

#[test]
fn a_state_is_made_once_and_an_exhausted_grid_is_no_fault() {
    let bench = Bench::new();
    let source = "
        let counting = #{
            state: #{ begun: 0 }, batch: 4,
            init: |problem| this.begun += problem.choices.len(),
            ask: |problem, n, rng| { if this.begun != 6 { throw `begun ${this.begun}` }; [problem.random(rng)] },
            tell: |results| {},
        };
        evolve(hyperspace(\"pocket\"), #{ minimize: |space| 1.0, strategy: counting, evaluations: 20 }).history.height";
    assert_eq!(bench.value(source), "20");
    let all =
        "let study = evolve(hyperspace(\"pocket\"), #{ minimize: |space| 1.0, strategy: grid_search(), evaluations: 5000 });
               [study.history.height, study.to_string().contains(\"nothing new was asked for\")]";
    assert_eq!(bench.value(all), "[1728, true]");
}

#[test]
fn halving_goes_on_with_the_best_of_each_stage() {
    let bench = Bench::new();
    let source = "
        let hs = hyperspace(\"pocket\");
        let cheap = |space| space.smallest.mflops;
        let dear = |space| space.largest.mflops;
        let found = successive_halving(hs, #{ minimize: [cheap, cheap, dear], keep: 0.3, evaluations: 50, seed: 2 });
        let first = found.stages[0].top(15).map(|entry| entry.space.to_string());
        [found.table[\"candidates\"], found.stages[1].history[\"space\"].all(|code| code in first), found.best.score]";
    let found = bench.value(source);
    assert!(found.starts_with("[[50, 15, 5], true, "), "{found}");
    let (_, shown) = bench.trouble("successive_halving(hs, #{ keep: 0.5 })");
    assert!(shown.contains("needs `maximize` or `minimize`"), "{shown}");
}

#[test]
fn the_comparison_of_strategies_runs_on_the_tables_of_the_reference_and_goes_on() {
    let Some(data) = toy::reference_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let compared = |more: &str| {
        let mut spaceevo = std::process::Command::new(env!("CARGO_BIN_EXE_spaceevo"));
        spaceevo.current_dir(folder.path()).arg("run");
        spaceevo.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/compare_strategies.rhai")).arg(data.join("block_lut/mobilew"));
        let out = spaceevo.args(format!("--evaluations 80 --samples 100 {more}").split(' ')).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let written = |name: &str| std::fs::read_to_string(folder.path().join("target/compare_strategies").join(name)).unwrap();
    let first = compared("--seeds 2 --only tpe,random_search");
    assert!(first.contains("tpe: 2 searches") && first.contains("largest scores after 16 evaluations"), "{first}");
    // A row a strategy, and one for each of the twelve choices.
    assert_eq!((written("after-80.csv").lines().count(), written("importance.csv").lines().count()), (4, 13));
    assert!(written("best_so_far.svg").contains("random_search"));
    // One more seed, and the others as they were.
    let curves = written("curves.csv");
    let second = compared("--seeds 3 --only tpe,random_search");
    assert!(second.contains("tpe: 1 searches") && second.contains("2 taken from the lab"), "{second}");
    assert_ne!(written("curves.csv"), curves);
    assert!(compared("--seeds 2 --only tpe,random_search").contains("tpe: 0 searches"));
    assert_eq!(written("curves.csv"), curves);
}

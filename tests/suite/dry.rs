//! `spaceevo run --dry`: a whole script in a short time, and nothing of it is kept.

use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn a_whole_script_runs_dry_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
        let hs = hyperspace("pocket");
        let data = dataset("shapes", #{ seed: 1 });
        let ort = device("ort");
        let lut = build_lut(hs, #{ teacher: teacher("shapes_resnet", #{ data: data }), data: data, device: ort });
        let limit_ms = lut.latency_quantile(0.3);
        let study = evolve(hs, #{
            maximize: |space| qt_score(space, lut, #{ limits: [limit_ms] }).score,
            strategy: aging_evolution(#{ population: 100, sample: 25 }), evaluations: 1000, name: "real",
        });
        study.history.write("out/history.csv");
        plot(study).save("course.svg");
        print(read_table("out/history.csv").height);
        let net = train_supernet(study.best().space, #{ data: data, steps: 3000 });
        let found = search_subnet(net, #{ device: ort, latency: lut.latency, max_int8_ms: 0.000001 });
        found.export_onnx("out/net.onnx");
        print(ort.name);
    "#;
    std::fs::write(folder.path().join("script.rhai"), script).unwrap();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    std::fs::write(folder.path().join("out/history.csv"), "of a real run\n").unwrap();
    let began = Instant::now();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    let out = spaceevo.current_dir(folder.path()).args(["run", "--dry", "--lab", "lab", "script.rhai"]).output().unwrap();
    let (shown, said) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    assert!(out.status.success(), "{said}");
    assert_eq!(shown, "20\nflops\n", "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("dry run: cut were ") && last.ends_with("; nothing is kept"), "{last}");
    for cut in ["evaluations: at most 20", "training steps: at most 1", "device `ort`: `flops` in its place"] {
        assert!(last.contains(cut), "{last}");
    }
    assert!(began.elapsed() < Duration::from_secs(240), "{:?}", began.elapsed());

    // What was there is as it was, and nothing came to it.
    let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["out", "script.rhai"]);
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 1);
    assert_eq!(std::fs::read_to_string(folder.path().join("out/history.csv")).unwrap(), "of a real run\n");
}

#[test]
fn studies_and_examples_run_dry() {
    let folder = tempfile::tempdir().unwrap();
    for (script, options) in [
        ("scripts/int8_study", &["--widths", "16,24", "--budget_s", "5"][..]),
        ("scripts/published_models", &["--budget-s", "5", "--resolution", "160"]),
        (
            "scripts/score_validity",
            &["--spaces", "3", "--repeats", "2", "--pool", "12", "--draws", "4", "--population", "4", "--subnets", "2"],
        ),
        ("examples/transformer", &[]),
    ] {
        let path = format!("{}/{script}.rhai", env!("CARGO_MANIFEST_DIR"));
        let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
        let out =
            spaceevo.current_dir(folder.path()).args(["run", "--dry", "--lab", "lab", &path]).args(options).output().unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.success(), "{script}: {said}");
        assert!(said.contains("device `ort`: `flops` in its place"), "{script}: {said}");
    }
}

#[test]
fn a_dry_run_of_a_failing_script_says_both() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script.rhai"), "let a = 1;\nnonsense(a)\n").unwrap();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    let out = spaceevo.current_dir(folder.path()).args(["run", "--dry", "script.rhai"]).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(said.starts_with("dry run: nothing was cut; nothing is kept\nerror[script::unknown_function]"), "{said}");
}

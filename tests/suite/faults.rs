//! Bad input, as a person meets it: each script ends with one fault that says what, where and what to do, and with 1.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `script` as `script.rhai` in a folder of its own, with its lab at `lab` in it.
fn run(lab: &str, script: &str) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script.rhai"), format!("{script}\n")).unwrap();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    (spaceevo.current_dir(folder.path()).args(["run", "script.rhai", "--lab", lab]).output().unwrap(), folder)
}

/// What a script that must fail tells on standard error.
fn report_in(lab: &str, script: &str) -> String {
    let (out, folder) = run(lab, script);
    let shown = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{shown}");
    assert!(out.stdout.is_empty(), "{}", String::from_utf8_lossy(&out.stdout));
    assert_eq!(shown.matches("error[").count(), 1, "{shown}");
    assert!(shown.contains("script.rhai:") && shown.contains("  help: "), "no place or no remedy:\n{shown}");
    shown.replace(&folder.path().display().to_string(), "[FOLDER]")
}

fn report(script: &str) -> String {
    report_in("lab", script)
}

/// What a script prints that catches its faults.
fn printed(script: &str) -> String {
    let (out, _folder) = run("lab", script);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn a_missing_script_is_told_without_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    let out = spaceevo.current_dir(folder.path()).args(["run", "gone.rhai"]).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).starts_with("error[file::io]: cannot read `gone.rhai`"));
    assert!(!folder.path().join(".spaceevo").exists(), "a lab was made for nothing");
}

/// Permissions do not bind root: there is no such folder then.
#[test]
#[cfg(unix)]
fn a_read_only_lab_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(locked.join("probe"), "").is_ok() {
        println!("skipped: permissions do not bind this user");
        return;
    }
    let lab = locked.join("lab");
    let shown =
        report_in(&lab.display().to_string(), "print(measure(block(\"stem_conv\", #{ cin: 3, hw: 8 }), device(\"flops\")));");
    assert!(
        shown.starts_with("error[lab::not_writable]: cannot write the lab in `") && shown.contains("--lab FOLDER"),
        "{shown}"
    );
}

/// A fault in a script of the library shows the line there, and the call that led to it.
#[test]
fn a_misfit_in_a_library_script() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("library");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("stdlib"), &library);
    let operator =
        "define_operator(\"broken\", #{\n    build: |net, c| net.conv(\"mix\", c.cout, 3, c.stride).bn().add(net.input),\n})\n";
    std::fs::write(library.join("operators/broken.rhai"), operator).unwrap();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    let out = spaceevo
        .current_dir(folder.path())
        .args(["-e", "block(\"broken\", #{ cin: 8, hw: 8 })", "--stdlib", "library"])
        .output()
        .unwrap();
    insta::assert_snapshot!(String::from_utf8(out.stderr).unwrap(), @SNAP);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &place) } else { std::fs::copy(entry.path(), place).map(drop).unwrap() }
    }
}

#[test]
fn a_misspelt_option_of_a_block() {
    let shown = report(
        r#"let width = 16;
print(block("inverted_residual", #{ cin: width, hw: 8, kernal: 5 }));"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[options::unknown]: unknown option `kernal` of block
     --> script.rhai:2:7
    2 | print(block("inverted_residual", #{ cin: width, hw: 8, kernal: 5 }));
      |       ^^^^^
      help: did you mean `kernel`?
    "#);
}

#[test]
fn a_misspelt_option_of_a_search() {
    let shown = report(
        r#"let hs = hyperspace("pocket");
let study = evolve(hs, #{
    minimize: |space| space.largest.mflops,
    evalutions: 20,
});"#,
    );
    insta::assert_snapshot!(shown, @"
    error[options::unknown]: unknown option `evalutions` of evolve
     --> script.rhai:2:13
    2 | let study = evolve(hs, #{
      |             ^^^^^^
      help: did you mean `evaluations`?
    ");
}

#[test]
fn a_misspelt_option_of_a_definition() {
    let shown = report(
        r#"define_operator("mine", #{
    kernel: [3], activaton: "relu",
    build: |net, c| net.conv("mix", c.cout, c.kernel, c.stride).bn().act(),
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[options::unknown]: unknown option `activaton` of define_operator: a choice list holds numbers
     --> script.rhai:1:1
    1 | define_operator("mine", #{
      | ^^^^^^^^^^^^^^^
      help: did you mean `activation`?
    "#);
}

#[test]
fn a_misspelt_option_of_a_layer() {
    let shown = report(
        r#"define_operator("mine", #{
    build: |net, c| net.conv("mix", c.cout, 1, #{ strid: c.stride }).bn(),
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[options::unknown]: operator `mine`: unknown option `strid` of conv
     --> script.rhai:2:25
    2 |     build: |net, c| net.conv("mix", c.cout, 1, #{ strid: c.stride }).bn(),
      |                         ^^^^
      in `define_operator`, called at script.rhai:1:1
      help: did you mean `stride`?
    "#);
}

#[test]
fn an_option_of_the_wrong_type() {
    let shown = report(r#"let data = dataset("shapes", #{ train: "many" });"#);
    insta::assert_snapshot!(shown, @r#"
    error[options::type]: option `train` of dataset is `many` (a text)
     --> script.rhai:1:12
    1 | let data = dataset("shapes", #{ train: "many" });
      |            ^^^^^^^
      help: it takes an integer of at least 1
    "#);
}

#[test]
fn an_unknown_operator() {
    let shown = report(r#"print(block("inverted_residul", #{ cin: 16, hw: 8 }));"#);
    insta::assert_snapshot!(shown, @r#"
    error[operator::unknown]: there is no operator `inverted_residul`
     --> script.rhai:1:7
    1 | print(block("inverted_residul", #{ cin: 16, hw: 8 }));
      |       ^^^^^
      help: did you mean `inverted_residual`?
    "#);
}

#[test]
fn an_unknown_operator_of_a_hyperspace() {
    let shown = report(r#"let space = hyperspace("pocket").plain("resnet");"#);
    insta::assert_snapshot!(shown, @r#"
    error[space::unknown_operator]: hyperspace `pocket` has no operator `resnet`
     --> script.rhai:1:34
    1 | let space = hyperspace("pocket").plain("resnet");
      |                                  ^^^^^
      help: known are `inverted_residual`, `inverted_residual_se`, `resnet_bottleneck`, `fused_residual`
    "#);
}

#[test]
fn an_unknown_hyperspace() {
    let shown = report(r#"let hs = hyperspace("poket");"#);
    insta::assert_snapshot!(shown, @r#"
    error[hyperspace::unknown]: there is no hyperspace `poket`
     --> script.rhai:1:10
    1 | let hs = hyperspace("poket");
      |          ^^^^^^^^^^
      help: did you mean `pocket`?
    "#);
}

#[test]
fn an_unknown_device() {
    let shown = report(r#"let clock = device("orrt");"#);
    insta::assert_snapshot!(shown, @r#"
    error[device::unknown]: no device is called `orrt`
     --> script.rhai:1:13
    1 | let clock = device("orrt");
      |             ^^^^^^
      help: did you mean `ort`?
    "#);
}

#[test]
fn an_unknown_teacher() {
    let shown = report(r#"let wise = teacher("shapes_resnt");"#);
    insta::assert_snapshot!(shown, @r#"
    error[teacher::unknown]: there is no teacher `shapes_resnt`
     --> script.rhai:1:12
    1 | let wise = teacher("shapes_resnt");
      |            ^^^^^^^
      help: did you mean `shapes_resnet`?
    "#);
}

#[test]
fn a_method_that_nodes_lack() {
    let shown = report(
        r#"define_operator("mine", #{
    build: |net, c| net.conv("mix", c.cout, 1, c.stride).batch_norm(),
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[script::unknown_function]: operator `mine`: there is no function `batch_norm`
     --> script.rhai:2:58
    2 |     build: |net, c| net.conv("mix", c.cout, 1, c.stride).batch_norm(),
      |                                                          ^^^^^^^^^^
      in `define_operator`, called at script.rhai:1:1
      help: `help()` lists what there is
    "#);
}

#[test]
fn a_sum_of_different_shapes() {
    let shown = report(
        r#"// Twice as wide as what it is added to.
define_operator("wrong", #{
    activation: "relu",
    build: |net, c| {
        let x = net.conv("mix", c.cout * 2, 1).bn().act();
        x.add(net.input)
    },
});"#,
    );
    insta::assert_snapshot!(shown, @"
    error[graph::shapes]: operator `wrong`: add `mix.add`: shapes 64x32x32 (`mix.act`) and 32x32x32 (`input`) do not agree
     --> script.rhai:6:11
    6 |         x.add(net.input)
      |           ^^^
      in `define_operator`, called at script.rhai:2:1
      help: add needs equal shapes: `net.shortcut(name)` gives the input in the shape of the main path
    ");
}

#[test]
fn a_result_of_the_wrong_width() {
    let shown = report(
        r#"define_operator("wide", #{
    build: |net, c| net.conv("mix", c.cout * 2, 1, c.stride).bn(),
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[operator::shape]: operator `wide` (cin 32, cout 32, stride 1, hw 32) gives 32x32x32 -> 64x32x32, its place needs 32x32x32 -> 32x32x32
     --> script.rhai:1:1
    1 | define_operator("wide", #{
      | ^^^^^^^^^^^^^^^
      help: the result must have `c.cout` channels, and exactly one path must step by `c.stride`
    "#);
}

#[test]
fn a_block_that_forgets_its_stride() {
    let shown = report(
        r#"define_operator("still", #{
    build: |net, c| net.conv("mix", c.cout, 1).bn(),
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[operator::shape]: operator `still` (cin 32, cout 32, stride 2, hw 32) gives 32x32x32 -> 32x32x32, its place needs 32x32x32 -> 32x16x16
     --> script.rhai:1:1
    1 | define_operator("still", #{
      | ^^^^^^^^^^^^^^^
      help: the result must have `c.cout` channels, and exactly one path must step by `c.stride`
    "#);
}

#[test]
fn a_misfit_shows_its_place_through_every_script_between() {
    let shown = report(
        r#"fn a_space(name) {
    define_hyperspace(name, #{
        operators: ["in_groups"],
        stages: [
            #{ name: "stem", operator: "stem_conv", widths: [16], stride: 2 },
            #{ name: "stage1", widths: [16, 24], stride: 2 },
            #{ name: "head", operator: "pooled_head", widths: [64] },
            #{ name: "logits", operator: "classifier", widths: [12] },
        ],
    })
}
define_operator("in_groups", #{
    build: |net, c| net.conv("mix", c.cout, 1, #{ stride: c.stride, groups: 32 }).bn(),
});
a_space("mine");"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[graph::value]: stage1.b0: operator `in_groups`: conv `mix`: groups is 32, but it must divide both 16 input and 16 output channels
      --> script.rhai:13:25
    13 |     build: |net, c| net.conv("mix", c.cout, 1, #{ stride: c.stride, groups: 32 }).bn(),
       |                         ^^^^
      in `define_hyperspace`, called at script.rhai:2:5
      in `a_space`, called at script.rhai:15:1
      help: check the numbers this layer is given
    "#);
}

#[test]
fn an_even_kernel_without_padding() {
    let shown = report(
        r#"define_operator("even", #{
    kernel: [2, 4],
    build: |net, c| net.conv("mix", c.cout, c.kernel, c.stride).bn(),
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[graph::value]: operator `even`: conv `mix`: kernel is 2, but an even kernel has no middle, so its padding must be said
     --> script.rhai:3:25
    3 |     build: |net, c| net.conv("mix", c.cout, c.kernel, c.stride).bn(),
      |                         ^^^^
      in `define_operator`, called at script.rhai:1:1
      help: use an odd kernel, or say `padding: 1` among the options
    "#);
}

#[test]
fn a_negative_width_of_a_layer() {
    let shown = report(
        r#"define_operator("thin", #{
    build: |net, c| net.conv("mix", c.cout - 64, 1, c.stride).bn(),
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[graph::value]: operator `thin`: conv `mix`: the number of output channels is -32, but it must be at least 1
     --> script.rhai:2:25
    2 |     build: |net, c| net.conv("mix", c.cout - 64, 1, c.stride).bn(),
      |                         ^^^^
      in `define_operator`, called at script.rhai:1:1
      help: check the numbers this layer is given
    "#);
}

#[test]
fn a_negative_width_of_a_block() {
    let shown = report(r#"print(block("inverted_residual", #{ cin: 16, cout: -8, hw: 8 }));"#);
    insta::assert_snapshot!(shown, @r#"
    error[options::type]: option `cout` of block is `-8`
     --> script.rhai:1:7
    1 | print(block("inverted_residual", #{ cin: 16, cout: -8, hw: 8 }));
      |       ^^^^^
      help: it takes an integer of at least 1
    "#);
}

#[test]
fn a_negative_width_of_a_stage() {
    let shown = report(
        r#"define_hyperspace("mine", #{
    operators: ["inverted_residual"],
    stages: [
        #{ name: "stem", operator: "stem_conv", widths: [16], stride: 2 },
        #{ name: "stage1", widths: [-16, 24], stride: 2 },
        #{ name: "logits", operator: "classifier", widths: [12] },
    ],
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[space::stage]: stage `stage1`: widths hold -16
     --> script.rhai:1:1
    1 | define_hyperspace("mine", #{
      | ^^^^^^^^^^^^^^^^^
      help: each must be at least 1
    "#);
}

#[test]
fn a_missing_network_file() {
    let shown = report(r#"print(evaluate("gone.onnx", dataset("shapes", #{ test: 10 })));"#);
    insta::assert_snapshot!(shown, @r#"
    error[file::io]: cannot read `gone.onnx`: No such file or directory (os error 2)
     --> script.rhai:1:7
    1 | print(evaluate("gone.onnx", dataset("shapes", #{ test: 10 })));
      |       ^^^^^^^^
      help: check the path; relative paths start at the folder you are in
    "#);
}

#[test]
fn a_missing_table() {
    let shown = report(r#"let rows = read_table("gone.csv");"#);
    insta::assert_snapshot!(shown, @r#"
    error[file::io]: cannot read `gone.csv`: No such file or directory (os error 2)
     --> script.rhai:1:12
    1 | let rows = read_table("gone.csv");
      |            ^^^^^^^^^^
      help: check the path; relative paths start at the folder you are in
    "#);
}

#[test]
fn a_lab_where_no_folder_can_be() {
    let shown = report_in(
        "script.rhai/lab",
        r#"let ghost = block("inverted_residual", #{ cin: 16, hw: 8 });
print(measure(ghost, device("flops")));"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[lab::not_writable]: cannot write the lab in `script.rhai/lab`: Not a directory (os error 20)
     --> script.rhai:2:7
    2 | print(measure(ghost, device("flops")));
      |       ^^^^^^^
      help: choose a folder that you may write with --lab FOLDER
    "#);
}

#[test]
fn an_objective_that_assigns_to_a_captured_variable() {
    let shown = report(
        r#"let seen = 0;
let study = evolve(hyperspace("pocket"), #{
    minimize: |space| { seen += 1; space.largest.mflops },
    evaluations: 20,
});"#,
    );
    insta::assert_snapshot!(shown, @"
    error[script::parallel_write]: all of the first 16 candidates failed; the first: a closure that runs in many threads assigns to `seen`, from outside it: the change would be lost
     --> script.rhai:3:25
    3 |     minimize: |space| { seen += 1; space.largest.mflops },
      |                         ^^^^
      in `evolve`, called at script.rhai:2:13
      help: return the value and put the results together afterwards
    ");
}

#[test]
fn an_objective_that_gives_a_text() {
    let shown = report(r#"let study = evolve(hyperspace("pocket"), #{ maximize: |space| space.to_string(), evaluations: 20 });"#);
    insta::assert_snapshot!(shown, @r#"
    error[study::score]: all of the first 16 candidates failed; the first: the objective gave a text, not a number
     --> script.rhai:1:13
    1 | let study = evolve(hyperspace("pocket"), #{ maximize: |space| space.to_string(), evaluations: 20 });
      |             ^^^^^^
      help: let the closure end in a number, such as `qt_score(...).score`
    "#);
}

#[test]
fn an_objective_that_gives_no_number_at_all() {
    let shown = report(r#"let study = evolve(hyperspace("pocket"), #{ maximize: |space| 0.0 / 0.0, evaluations: 20 });"#);
    insta::assert_snapshot!(shown, @r#"
    error[search::nan]: all of the first 16 candidates failed; the first: the score of `333-212` is not a number
     --> script.rhai:1:13
    1 | let study = evolve(hyperspace("pocket"), #{ maximize: |space| 0.0 / 0.0, evaluations: 20 });
      |             ^^^^^^
      help: check the objective: 0/0 and sqrt of a negative number give NaN
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
    insta::assert_snapshot!(shown, @"
    error[script::unknown_property]: all of the first 16 candidates failed; the first: a value of type SearchSpace has no property `largst`
     --> script.rhai:2:29
    2 |     maximize: |space| space.largst.mflops,
      |                             ^^^^^^
      in `evolve`, called at script.rhai:1:13
      help: did you mean `largest`?
    ");
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
     --> script.rhai:1:13
    1 | let study = evolve(hyperspace("pocket"), #{
      |             ^^^^^^
      help: return an array of candidates, made with `problem.random(rng)`, `problem.mutate(...)`
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
    insta::assert_snapshot!(shown, @r#"
    error[search::starved]: no subnet with latency <= 0.000001 ms among 2000 draws; the fastest takes 0.076 ms
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

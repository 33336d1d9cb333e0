//! Operators and spaces that do not fit: the layer that is wrong, its script line, and what to do.

use std::path::Path;
use std::process::Command;

use super::report;

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
fn heads_that_do_not_divide_the_channels() {
    let shown = report(
        r#"define_operator("five", #{
    build: |net, c| {
        let token = net.conv("embed", c.cout, 1, c.stride).ln();
        token.attend(token, token, 5, "mix")
    },
});"#,
    );
    insta::assert_snapshot!(shown, @r#"
    error[graph::value]: operator `five`: attend `mix`: the number of heads is 5, but it must divide the 32 channels
     --> script.rhai:4:15
    4 |         token.attend(token, token, 5, "mix")
      |               ^^^^^^
      in `define_operator`, called at script.rhai:1:1
      help: make queries, keys and values `heads` times as wide as one head
    "#);
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
    insta::assert_snapshot!(String::from_utf8(out.stderr).unwrap(), @r#"
    error[graph::shapes]: operator `broken`: add `mix.add`: shapes 32x16x16 (`mix.bn`) and 32x32x32 (`input`) do not agree
     --> library/operators/broken.rhai:2:63
    2 |     build: |net, c| net.conv("mix", c.cout, 3, c.stride).bn().add(net.input),
      |                                                               ^^^
      in `block`, called at -e:1:1
      help: add needs equal shapes: `net.shortcut(name)` gives the input in the shape of the main path
    "#);
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
fn a_choice_that_the_closure_is_not_told_and_an_activation_as_in_other_frameworks() {
    let of =
        |build: &str| report(&format!("define_operator(\"mine\", #{{ kernel: [3], expand: [2], build: |net, c| {build} }});"));
    let shown = of("net.conv(\"mix\", c.cin * c.expnd, 1).bn()");
    assert!(shown.contains("no key `expnd`") && shown.contains("did you mean `expand`?"), "{shown}");
    for name in ["relu", "rleu"] {
        let shown = of(&format!("net.conv(\"mix\", c.cout, 1).bn().{name}()"));
        assert!(shown.contains(&format!("a node has no `{name}`")) && shown.contains("`.act(\"relu\")`"), "{shown}");
    }
}

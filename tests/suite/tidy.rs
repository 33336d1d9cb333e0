//! House rules that the compiler cannot see. A complaint says what to do instead.

mod source;

use std::{collections::BTreeMap, fs};

use source::{File, files, heads, names_crate, root};

/// Who may know whom: a folder of `src/` and the folders it may name. Arrows point down only.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("graph", &["base"]),
    ("space", &["base", "graph"]),
    ("data", &["base"]),
    ("lab", &["base"]),
    ("worker", &["base"]),
    // Functions in Rust: compiled here, run by the worker in `cells`.
    ("native", &["base", "worker"]),
    ("cells", &["base", "worker", "native"]),
    ("onnx", &["base", "graph", "space"]),
    ("train", &["base", "graph", "space", "data", "worker", "lab"]),
    ("torch", &["base", "graph", "space", "data", "worker", "train"]),
    ("device", &["base", "graph", "space", "onnx", "worker", "lab"]),
    ("frame", &["base"]),
    ("plot", &["base", "graph"]),
    ("lut", &["base", "graph", "space", "data", "lab", "worker", "onnx", "train", "device", "frame"]),
    ("score", &["base", "graph", "space", "lut"]),
    ("search", &["base", "graph", "space", "score", "lab"]),
    (
        "primitive",
        &[
            "base", "graph", "space", "data", "lab", "worker", "onnx", "train", "device", "frame", "plot", "lut", "score",
            "search", "native",
        ],
    ),
    ("runtime", &["base", "primitive"]),
    ("repl", &["base", "runtime"]),
    ("kernel", &["base", "runtime"]),
    ("cli", &["base", "runtime", "repl", "kernel"]),
];

/// Heavy dependencies, and the only folders that may name them.
const CONFINED: &[(&str, &[&str])] = &[
    ("tch", &["torch"]),
    ("polars", &["frame"]),
    ("rhai", &["primitive", "runtime"]),
    ("ort", &["device"]),
    ("smartcore", &["base"]),
    ("prost", &["onnx"]),
    ("rusqlite", &["lab"]),
    ("rustyline", &["repl"]),
    ("rustix", &["repl", "kernel", "cells"]),
    ("libloading", &["cells", "torch"]),
    ("evcxr", &["cells"]),
    ("syn", &["native"]),
    ("jupyter_protocol", &["kernel"]),
    ("jupyter_zmq_client", &["kernel"]),
    ("tokio", &["kernel"]),
    ("zeromq", &["kernel"]),
    ("viuer", &["repl"]),
    ("pdf_writer", &["plot"]),
    ("dagre", &["plot"]),
    ("plotters", &["plot"]),
    ("zip", &["lab", "data"]),
    ("zune_jpeg", &["data"]),
    ("zune_core", &["data"]),
    ("clap", &["cli", "main.rs"]),
];

const LONGEST_FILE: usize = 500;
/// First line of a file that a program wrote; such a file may be long.
const GENERATED: &str = "// @generated";
/// Roots of paths that exist on one machine only.
const PRIVATE_PATHS: &[&str] = &["/work/", "/tmp/wt", "/home/", "/root/"];

/// One rule broken: the file, and what to do about it.
type Complaint = String;

fn layers(file: &File) -> Vec<Complaint> {
    let rules: BTreeMap<_, _> = MAY_KNOW.iter().copied().collect();
    let Some((home, allowed)) = file.home().and_then(|home| rules.get_key_value(home)) else { return Vec::new() };
    let code = file.code();
    // The trainer's own folder is part of another crate, which names the library by its name.
    let mut named = heads(&code, "crate");
    named.extend(heads(&code, "spaceevo"));
    named.sort_unstable();
    named.dedup();
    named
        .into_iter()
        .filter(|other| other != home && rules.contains_key(other) && !allowed.contains(other))
        .map(|other| {
            format!(
                "`{home}` may not know `{other}`: pass what is needed in as an argument, or move the shared part down \
                 (the table is MAY_KNOW in tests/suite/tidy.rs)"
            )
        })
        .collect()
}

fn confinement(file: &File) -> Vec<Complaint> {
    let Some(home) = file.home() else { return Vec::new() };
    let code = file.code();
    CONFINED
        .iter()
        .filter(|(name, homes)| names_crate(&code, name) && !homes.contains(&home))
        .map(|(name, homes)| {
            format!("only {} may name `{name}`: put what is needed of it behind a type there", homes.join(" and "))
        })
        .collect()
}

fn shape(file: &File) -> Vec<Complaint> {
    let mut found = Vec::new();
    let generated = file.text.starts_with(GENERATED);
    if !generated && !file.text.starts_with("//! ") {
        found.push("say in a first `//! ` line what the file is for".to_string());
    }
    let lines = file.text.lines().count();
    if !generated && lines > LONGEST_FILE {
        found.push(format!("{lines} lines, over {LONGEST_FILE}: split it by what its parts are about"));
    }
    if file.path.starts_with("src/") && file.code().contains("super::super::") {
        found.push("say `crate::…` instead of `super::super`, so that one sees who knows whom".to_string());
    }
    found.extend(private_paths(file));
    found
}

fn private_paths(file: &File) -> Vec<Complaint> {
    let absolute = |at: usize| !file.text[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}~".contains(c));
    PRIVATE_PATHS
        .iter()
        .filter(|root| !file.path.starts_with("tests/suite/tidy") && file.text.match_indices(**root).any(|(at, _)| absolute(at)))
        .map(|root| format!("`{root}` exists on one machine only: use a path from the project's root, or a temporary folder"))
        .collect()
}

fn panics(file: &File) -> Vec<Complaint> {
    if !file.path.starts_with("src/") || !file.path.ends_with(".rs") {
        return Vec::new();
    }
    let code = file.code_before_tests();
    [".unwrap()", "panic!(", "todo!(", "unimplemented!("]
        .into_iter()
        .filter(|call| code.contains(call))
        .map(|call| format!("`{call}`: return a fault, or where it cannot happen `.expect(\"why it cannot\")`"))
        .collect()
}

/// All that is wrong with one file.
fn complaints(file: &File) -> Vec<Complaint> {
    let mut found = shape(file);
    if file.path.ends_with(".rs") {
        found.extend(layers(file));
        found.extend(confinement(file));
        found.extend(panics(file));
    }
    found
}

#[test]
fn the_tree_is_tidy() {
    let files = files();
    assert!(files.len() > 10, "only {} files were found below {}", files.len(), root().display());
    let mut found: Vec<String> = files
        .iter()
        .flat_map(|file| complaints(file).into_iter().map(move |complaint| format!("{}: {complaint}", file.path)))
        .collect();
    for name in ["x", ".ci/run", "Cargo.toml", "README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        let Ok(text) = fs::read_to_string(root().join(name)) else { continue };
        found
            .extend(private_paths(&File { path: name.into(), text }).into_iter().map(|complaint| format!("{name}: {complaint}")));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_folder_of_the_source_has_a_place_in_the_layers() {
    for entry in fs::read_dir(root().join("src")).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().into_string().unwrap();
        let known = name == "bin" || MAY_KNOW.iter().any(|(home, _)| *home == name);
        let empty = fs::read_dir(entry.path()).unwrap().next().is_none();
        assert!(known || empty, "src/{name}/ has no line in MAY_KNOW of tests/suite/tidy.rs: say there whom it may name");
    }
}

#[test]
fn the_layers_have_no_cycle() {
    // Each may name only folders whose own rules come before it: an order exists.
    let mut below = Vec::new();
    let mut left: Vec<_> = MAY_KNOW.to_vec();
    while !left.is_empty() {
        let ready = left.iter().position(|(_, known)| known.iter().all(|other| below.contains(other)));
        let at = ready.unwrap_or_else(|| panic!("a cycle, or a name without a rule, among {left:?}"));
        below.push(left.remove(at).0);
    }
}

/// What the rules say about one made-up file.
fn said_about(path: &str, text: &str) -> String {
    complaints(&File { path: path.into(), text: format!("//! Made up.\n{text}") }).join("; ")
}

#[test]
fn a_fault_against_the_layers_is_seen_however_it_is_written() {
    for text in [
        "use crate::search::Study;",
        "use crate::{base::Fault, search::{Study, Strategy}};",
        "pub(crate) use crate::{\n    base::{self, Seed},\n    search,\n};",
        "fn f() -> crate::search::Study { todo() }",
        "const Q: char = '\"'; use crate::search::Study; // \"",
    ] {
        let said = said_about("src/space/a.rs", text);
        assert!(said.contains("`space` may not know `search`"), "{text}: {said}");
    }
    assert!(
        said_about("src/torch/a.rs", "use spaceevo::{graph::Graph, runtime::Session};")
            .contains("`torch` may not know `runtime`")
    );
    for harmless in
        ["// crate::search", "const A: &str = \"crate::search\";", "use crate::graph::Graph;", "fn f<'a>(x: &'a str) {}"]
    {
        assert_eq!(said_about("src/space/a.rs", harmless), "");
    }
}

#[test]
fn each_other_rule_bites() {
    let long = "\n".repeat(LONGEST_FILE);
    for (path, text, complaint) in [
        ("src/space/a.rs", "use polars::prelude::*;", "only frame may name `polars`"),
        ("src/graph/a.rs", "fn f(x: tch::Tensor) {}", "only torch may name `tch`"),
        ("src/repl/a.rs", "use rhai;", "only primitive and runtime may name `rhai`"),
        ("src/space/a.rs", "use super::super::graph;", "crate::…"),
        ("src/space/a.rs", &long, "over 500"),
        ("src/space/a.rs", "fn f() { g().unwrap() }", "return a fault"),
        ("stdlib/a.rhai", "let x = \"/home/me/data\";", "one machine only"),
    ] {
        let said = said_about(path, text);
        assert!(said.contains(complaint), "{path} {text:?}: {said:?}");
    }
    let bare = complaints(&File { path: "stdlib/a.rhai".into(), text: "let x = 1;".into() });
    assert!(bare.join("").contains("`//! ` line"), "{bare:?}");
    let generated = format!("{GENERATED}\n{long}");
    assert!(complaints(&File { path: "src/onnx/a.rs".into(), text: generated }).is_empty());
    for harmless in [
        ("src/space/a.rs", "#[cfg(test)]\nmod tests { fn f() { g().unwrap() } }"),
        ("src/space/a.rs", "use crate::base::sort::polars_like;"),
        ("src/frame/a.rs", "use polars::prelude::*;"),
        ("src/plot/a.rs", "fn f() { sort::by(1) }"),
    ] {
        assert_eq!(said_about(harmless.0, harmless.1), "");
    }
}

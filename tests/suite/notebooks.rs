//! The example notebooks: kept clean, and run from top to bottom by Jupyter as a reader would run them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What one cell of a notebook showed.
struct Shown {
    source: String,
    /// Everything it printed or gave, as text.
    text: String,
    /// The kinds of content that it gave besides text: `text/html`, `image/png`, ...
    kinds: Vec<String>,
}

fn notebooks() -> Vec<PathBuf> {
    let folder = Path::new(ROOT).join("examples/notebooks");
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending == "ipynb"));
    found.sort();
    found
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn cells(notebook: &Value) -> &[Value] {
    notebook["cells"].as_array().unwrap()
}

/// A text that a notebook keeps whole or as lines.
fn joined(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

/// What is to be put right before a notebook is committed.
fn untidy(notebook: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if (&notebook["nbformat"], &notebook["nbformat_minor"]) != (&4.into(), &5.into()) {
        found.push("is not of nbformat 4.5".to_string());
    }
    if notebook["metadata"]["kernelspec"]["name"] != "spaceevo" {
        found.push("is not for the kernel `spaceevo`".into());
    }
    let known = ["kernelspec", "language_info"];
    let extra = notebook["metadata"].as_object().unwrap().keys().find(|key| !known.contains(&key.as_str()));
    found.extend(extra.map(|key| format!("has metadata `{key}`: delete it")));
    let mut ids = Vec::new();
    for (at, cell) in cells(notebook).iter().enumerate() {
        let of_code = cell["cell_type"] == "code";
        if of_code && !(cell["outputs"] == Value::Array(Vec::new()) && cell["execution_count"].is_null()) {
            found.push(format!("cell {} has outputs: clear all outputs, then save", at + 1));
        }
        if cell["metadata"].as_object().is_none_or(|metadata| !metadata.is_empty()) {
            found.push(format!("cell {} has metadata: delete it", at + 1));
        }
        ids.push(cell["id"].as_str().unwrap_or_default());
    }
    ids.sort_unstable();
    if ids.first().is_none_or(|id| id.is_empty()) || ids.windows(2).any(|pair| pair[0] == pair[1]) {
        found.push("has cells without an id, or two with one".into());
    }
    let first = cells(notebook).first().map(|cell| joined(&cell["source"]));
    if first.is_none_or(|text| !text.starts_with("# ")) {
        found.push("does not open with a heading".into());
    }
    found
}

#[test]
fn notebooks_are_stored_clean() {
    let notebooks = notebooks();
    assert!(notebooks.len() >= 4, "{notebooks:?}");
    for path in notebooks {
        assert_eq!(untidy(&read(&path)), Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn what_a_run_leaves_in_a_notebook_is_seen() {
    let mut notebook = read(&notebooks()[0]);
    let code = cells(&notebook).iter().position(|cell| cell["cell_type"] == "code").unwrap();
    notebook["cells"][code]["execution_count"] = 3.into();
    notebook["metadata"]["widgets"] = 1.into();
    let said = untidy(&notebook).join("; ");
    assert!(said.contains(&format!("cell {} has outputs", code + 1)) && said.contains("metadata `widgets`"), "{said}");
}

/// Runs a copy of a notebook by `jupyter execute` with this kernel; what its cells of code showed. None where Jupyter
/// cannot be installed.
fn run(name: &str) -> Option<Vec<Shown>> {
    let environment = super::jupyter::environment()?;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(name);
    fs::copy(Path::new(ROOT).join("examples/notebooks").join(name), &copy).unwrap();
    let prefix = install(&folder);
    let mut execute = Command::new(environment.join("bin/jupyter"));
    execute.args(["execute", "--inplace", "--timeout=600", name]).current_dir(folder.path());
    execute.env("JUPYTER_PATH", prefix.join("share/jupyter"));
    let output = execute.output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    Some(cells(&read(&copy)).iter().filter(|cell| cell["cell_type"] == "code").map(shown).collect())
}

/// Installs the kernel below a folder of its own.
fn install(folder: &TempDir) -> PathBuf {
    let prefix = folder.path().join("prefix");
    let mut install = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    let output = install.args(["kernel", "install", "--prefix"]).arg(&prefix).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    prefix
}

fn shown(cell: &Value) -> Shown {
    let source = joined(&cell["source"]);
    let mut shown = Shown { text: String::new(), kinds: Vec::new(), source };
    for output in cell["outputs"].as_array().unwrap() {
        assert_ne!(output["output_type"], "error", "{}\n{output}", shown.source);
        shown.text += &joined(&output["text"]);
        for (kind, content) in output["data"].as_object().into_iter().flatten() {
            match kind.as_str() {
                "text/plain" => shown.text += &joined(content),
                _ => shown.kinds.push(kind.clone()),
            }
        }
    }
    shown
}

/// The one cell whose source has this in it.
fn cell<'a>(cells: &'a [Shown], part: &str) -> &'a Shown {
    let found: Vec<_> = cells.iter().filter(|cell| cell.source.contains(part)).collect();
    assert_eq!(found.len(), 1, "{} cells have {part:?} in them", found.len());
    found[0]
}

#[track_caller]
fn says(cells: &[Shown], part: &str, texts: &[&str]) {
    let shown = cell(cells, part);
    for text in texts {
        assert!(shown.text.contains(text), "{text:?} is not in what this showed:\n{}\n---\n{}", shown.source, shown.text);
    }
}

fn count(cells: &[Shown], is_such: impl Fn(&str) -> bool) -> usize {
    cells.iter().filter(|cell| cell.kinds.iter().any(|kind| is_such(kind))).count()
}

#[track_caller]
fn has_figures_and_tables(cells: &[Shown], figures: usize, tables: usize) {
    let found = (count(cells, |kind| kind.starts_with("image/")), count(cells, |kind| kind == "text/html"));
    assert!(found.0 >= figures && found.1 >= tables, "{} figures, {} tables", found.0, found.1);
}

#[test]
fn the_tour_goes_the_whole_road() {
    let Some(cells) = run("tour.ipynb") else { return };
    has_figures_and_tables(&cells, 5, 7);
    says(&cells, "explain(ghost)", &["primary", "cheap", "64x16x16"]);
    says(&cells, "let times = measure(", &["inverted_residual", "ghost", "speedup"]);
    says(&cells, "hs.size", &["729 search spaces", "stage3"]);
    says(&cells, "lut.summary()", &["resnet_bottleneck", "loss_best"]);
    says(&cells, "evaluate(", &["int8_top1_pct", "limit_ms"]);
    says(&cells, "lab::list()", &["trained", "measurements"]);
}

#[test]
fn operators_are_measured_in_int8() {
    let Some(cells) = run("int8_operators.ipynb") else { return };
    has_figures_and_tables(&cells, 6, 4);
    says(&cells, "ranked.select(", &["resnet_bottleneck_se", "mobilenet_v1", "int8_low_ms"]);
    says(&cells, "print(`most gain", &["most gain: ", "least gain: ", "fastest in INT8: "]);
}

#[test]
fn a_strategy_is_written_and_compared() {
    let Some(cells) = run("your_strategy.ipynb") else { return };
    has_figures_and_tables(&cells, 3, 3);
    says(&cells, "the best of all", &["the best of all 1728 spaces"]);
    says(&cells, "let broken", &["no candidates"]);
    let groups = ["random_search", "aging_evolution", "hill_climbing", "mixing", "better", "p_holm"];
    says(&cells, "found.table", &groups);
    says(&cells, "evaluations: 48", &groups);
}

#[test]
fn an_operator_is_written_and_judged() {
    let Some(cells) = run("your_operator.ipynb") else { return };
    has_figures_and_tables(&cells, 2, 8);
    says(&cells, "explain(partial)", &["spatial", "parts.3"]);
    says(&cells, "define_operator(\"wrong\"", &["graph::shapes"]);
    says(&cells, "int8_loss", &["partial", "inverted_residual"]);
    says(&cells, "let limit_ms", &["partial", "score"]);
}

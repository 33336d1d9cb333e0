//! Pages, pictures and rows of every noun: they are there, well-formed, escaped, and say what matters.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use spaceevo::base::{Progress, ProgressSink};
use spaceevo::frame::Table;
use spaceevo::graph::Graph;
use spaceevo::plot::network;
use spaceevo::primitive::operator::Block;
use spaceevo::runtime::{HostSettings, Session};

use crate::bench::{self, Lines};

/// A session whose training is cut to a step.
fn session(lab: &Path) -> (Session, Arc<Lines>) {
    bench::session(HostSettings { lab: lab.into(), workers: 1, threads: 1, dry: true, ..HostSettings::default() })
}

/// What a script prints.
fn printed(source: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (session, lines) = session(folder.path());
    let outcome = session.eval(source, "test");
    if let Some(trouble) = &outcome.trouble {
        panic!("{source}\n{}", trouble.text(false));
    }
    lines.take().join("\n")
}

const LUT: &str = "sample_lut(hyperspace(\"pocket\"), \
                   #{ samples: 32, columns: #{ loss: |stage| 1.0 / (1.0 + stage.mflops), int8_ms: |stage| 0.1 * stage.mflops } })";

/// For each noun a script that prints the page of one, and what stands on it.
fn scripts() -> BTreeMap<&'static str, (String, Vec<&'static str>)> {
    let one = |value: &str| format!("print(({value}).to_html());");
    let space = "hyperspace(\"pocket\").space(\"012-210\")";
    let study = "evolve(hyperspace(\"pocket\"), #{ minimize: |space| space.largest.mflops, evaluations: 15 })";
    let supernet = format!("train_supernet({space})");
    let building = |what: &str| {
        format!(
            "define_operator(\"probe\", #{{ kernel: [3], build: |net, c| {{\n\
             let y = net.conv(\"first\", c.cout, c.kernel, c.stride).bn(); print({what}.to_html()); y }} }});"
        )
    };
    let scored = |what: &str| {
        format!(
            "score_of({space}, {LUT}, #{{ value: |s| {{ print({what}.to_html()); s.loss.sum() }}, limits: #{{ int8_ms: 9.0 }} }});"
        )
    };
    BTreeMap::from([
        (
            "Block",
            (
                one("block(\"resnet_bottleneck\", #{ cin: 32, cout: 64, stride: 2, hw: 28 })"),
                vec!["32x28x28", "MFLOPs", "64×14×14"],
            ),
        ),
        ("BlockTable", (one(&format!("recover_blocks({LUT})")), vec!["blocks", "int8_ms"])),
        ("Comparison", (one(&format!("compare(#{{ alone: [{study}] }})")), vec!["alone", "smallest scores after 15", "<svg"])),
        ("Dataset", (one("dataset(\"shapes\", #{ size: 24 })"), vec!["24x24"])),
        ("Device", (one("device(\"flops\")"), vec!["flops", "threads"])),
        ("DrawnNetworks", (scored("s"), vec!["int8_ms", "stage1"])),
        ("Executor", (one("executor(\"ssh://me@box/data\", #{ workers: 4 })"), vec!["me@box", "/data", "4"])),
        ("Expression", (one("col(\"ms\") > 3"), vec!["ms", "&gt; 3"])),
        (
            "Fault",
            (
                "let f = (); try { device(\"gone\"); } catch (e) { f = e; } print(f.to_html());".into(),
                vec!["device::unknown", "gone"],
            ),
        ),
        (
            "Figure",
            (
                "let f = figure(#{ title: \"speed\" }); f.line(table(#{ ms: [1, 2], y: [1, 2] }), \"ms\", \"y\"); print(f.to_html());"
                    .into(),
                vec!["speed", "<svg"],
            ),
        ),
        ("Figures", (scored("s.loss"), vec!["stage1"])),
        (
            "FoundSubnet",
            (
                one(&format!("search_subnet({supernet}, #{{ device: device(\"flops\"), max_int8_ms: 1000.0 }})")),
                vec!["int8_ms", "top-1", "%", "stage1"],
            ),
        ),
        ("GroupBy", (one("table(#{ op: [\"a\"], ms: [1] }).group_by(\"op\")"), vec!["op"])),
        ("Hyperspace", (one("hyperspace(\"pocket\")"), vec!["pocket", "1,728", "stage1", "inverted_residual", "<svg"])),
        (
            "LatencyModel",
            (one("latency_model(hyperspace(\"pocket\"), device(\"flops\"), #{ measured: 48 })"), vec!["int8", "within 10 %"]),
        ),
        (
            "LatencyTable",
            (
                one("build_latency_table(hyperspace(\"pocket\"), device(\"flops\"), #{ blocks: 40, networks: 12 })"),
                vec!["pocket", "within 10 %", "measured networks"],
            ),
        ),
        ("Lut", (one(LUT), vec!["pocket", "int8_ms_median", "windows_known"])),
        ("Net", (building("net"), vec!["first", "32×32×32", "MFLOPs"])),
        ("Network", (one("network(\"resnet18\")"), vec!["resnet18", "stage4", "MFLOPs", "512x7x7"])),
        ("Node", (building("y"), vec!["first.bn", "conv 3×3"])),
        ("Operator", (one("operator(\"inverted_residual_se\")"), vec!["3, 5, 7", "hswish", "dwconv 3×3", "MFLOPs"])),
        (
            "Problem",
            (
                "evolve(hyperspace(\"pocket\"), #{ minimize: |space| 1.0, evaluations: 1, strategy: #{ tell: |results| {},\n\
                 ask: |problem, n, rng| { print(problem.to_html()); problem.plain() } } });"
                    .into(),
                vec!["pocket"],
            ),
        ),
        ("Random", (one("rng(1)"), vec!["random"])),
        ("SearchSpace", (one(space), vec!["012-210", "stage3", "MFLOPs", "resnet_bottleneck", "<svg"])),
        ("Study", (one(study), vec!["15", "score", "best so far"])),
        ("Subnet", (one(&format!("{space}.largest")), vec!["stage2", "MFLOPs", "INT8 weights", "kB"])),
        ("Submitted", (one("submit(|| 1)"), vec!["jobs", "0"])),
        ("Supernet", (one(&supernet), vec!["012-210", "top-1", "%"])),
        ("Table", (one("table(#{ int8_ms: [1.5] })"), vec!["int8_ms", "1.5"])),
        ("Teacher", (one("teacher(\"shapes_resnet\")"), vec!["shapes_resnet", "MFLOPs", "channels"])),
        ("Tensor", (one("trace_loss(|s, t| (s - t).abs())"), vec!["student", "abs"])),
        (
            "TrainedBlock",
            (
                one(
                    "train_block(hyperspace(\"pocket\"), \"stage1\", \"inverted_residual\", #{ teacher: teacher(\"shapes_resnet\") })",
                ),
                vec!["stage1", "inverted_residual", "loss (FP32)"],
            ),
        ),
    ])
}

/// The names of all nouns, as the source declares them: `noun::<Type>("Name")`.
fn nouns() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/primitive")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            for part in text.split(".noun::<").skip(1) {
                let name = part.split_once(">(\"").and_then(|(_, rest)| rest.split_once("\")"));
                found.extend(name.map(|(name, _)| name.to_owned()).filter(|name| name.chars().all(char::is_alphanumeric)));
            }
        }
    }
    found
}

fn well_formed(what: &str, markup: &str) {
    if let Err(error) = roxmltree::Document::parse(markup) {
        panic!("{what}: {error}\n{markup}");
    }
    for banned in ["<script", "javascript:", " onload", " onclick"] {
        assert!(!markup.contains(banned), "{what} holds {banned}");
    }
}

#[test]
fn every_noun_has_a_page_that_says_what_matters() {
    let scripts = scripts();
    let nouns = nouns();
    assert!(nouns.len() > 20, "{nouns:?}");
    let lacking: Vec<_> = nouns.iter().filter(|name| !scripts.contains_key(name.as_str())).collect();
    assert!(lacking.is_empty(), "declare views of {lacking:?} in src/primitive/views, and say here how to make one");
    for (name, (script, facts)) in &scripts {
        assert!(nouns.contains(*name), "there is no noun `{name}` any more");
        let page = printed(script);
        // A builder is called for each configuration that is tried: the last page counts.
        let page = page.rfind("<div class=\"spaceevo\"").map_or(&page[..], |at| &page[at..]);
        well_formed(name, page);
        for fact in facts {
            assert!(page.contains(fact), "the page of {name} lacks {fact}:\n{page}");
        }
    }
}

#[test]
fn pictures_are_well_formed_wherever_they_stand() {
    for value in [
        "operator(\"mobilenet_v3\")",
        "operator(\"feature_mix\")",
        "hyperspace(\"pocket\")",
        "hyperspace(\"pocket\").space(\"012-210\")",
        "hyperspace(\"pocket\").space(\"012-210\").smallest",
        "evolve(hyperspace(\"pocket\"), #{ minimize: |space| space.largest.mflops, evaluations: 15 })",
        LUT,
    ] {
        let svg = printed(&format!("print(({value}).to_svg());"));
        well_formed(value, &svg);
        assert!(svg.starts_with("<svg") && svg.contains("<text"), "{value}: {svg}");
    }
}

/// Names of operators, stages and hyperspaces are words; columns, titles, texts and messages are anything.
#[test]
fn what_users_name_is_text() {
    let evil = "<script>alert('x')</script>&\\\"";
    let page = printed(&format!(
        "let t = table(#{{ \"{evil}\": [\"{evil}\"], y: [1] }});\n\
         let f = figure(#{{ title: \"{evil}\", x: \"{evil}\" }});\n\
         f.points(\"{evil}\", table(#{{ x: [1, 2], y: [1, 2] }}), \"x\", \"y\");\n\
         let e = (); try {{ operator(\"{evil}\"); }} catch (fault) {{ e = fault; }}\n\
         let pages = [t, f, e, t.group_by(\"{evil}\"), col(\"{evil}\") == \"{evil}\"].map(|noun| noun.to_html());\n\
         print(\"<all>\"); for page in pages {{ print(page); }} print(\"</all>\");"
    ));
    well_formed("pages of evil names", &page);
    let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;";
    assert!(page.matches(escaped).count() >= 6, "{page}");
    let graph = graph("block(\"stem_conv\", #{ cin: 3, cout: 16, stride: 2, hw: 32 })");
    let drawing = network(&graph, "<script>alert('x')</script>&").unwrap();
    for svg in [drawing.to_svg(), drawing.to_inline_svg()] {
        well_formed("a drawing with an evil title", &svg);
        assert!(svg.contains(escaped), "{svg}");
    }
}

#[test]
fn rows_come_with_their_schema_and_long_tables_are_cut() {
    let resource = printed(
        "print(table(#{ int8_ms: [1.5, (0.0 / 0.0)], op: [\"a\", ()], n: [1, 2], ok: [true, false] }).to_data_resource());",
    );
    insta::assert_snapshot!(resource, @r#"{"profile":"tabular-data-resource","schema":{"fields":[{"name":"int8_ms","type":"number"},{"name":"n","type":"integer"},{"name":"ok","type":"boolean"},{"name":"op","type":"string"}]},"data":[{"int8_ms":1.5,"n":1,"ok":true,"op":"a"},{"int8_ms":"NaN","n":2,"ok":false,"op":null}]}"#);
    let long = Table::builder().int("step", 0..5000).build().unwrap().to_data_resource().unwrap();
    assert_eq!(long["data"].as_array().unwrap().len(), 2000);
    assert!(long["description"].as_str().unwrap().contains("3,000 more rows"), "{}", long["description"]);
    let history = printed(
        "print(evolve(hyperspace(\"pocket\"), #{ minimize: |space| space.largest.mflops, evaluations: 5 }).to_data_resource());",
    );
    assert_eq!(serde_json::from_str::<serde_json::Value>(&history).unwrap()["data"].as_array().unwrap().len(), 5);
}

#[test]
fn measured_ranges_are_drawn_beside_their_rows() {
    let page = printed(
        "print(table(#{ name: [\"a\", \"b\"], int8_ms: [1.0, 2.0], int8_low_ms: [0.9, 1.9], int8_high_ms: [1.2, 2.2] }).to_html());",
    );
    assert!(page.contains("int8 interval"), "{page}");
    assert_eq!(page.matches("<svg").count(), 2, "{page}");
}

/// The block that `source` makes.
fn graph(source: &str) -> Arc<Graph> {
    let folder = tempfile::tempdir().unwrap();
    let (session, _) = session(folder.path());
    let outcome = session.eval(source, "test");
    assert!(outcome.trouble.is_none(), "{}", outcome.trouble.unwrap().text(false));
    outcome.get::<Block>().unwrap().graph
}

/// Numbers of an attribute, in order.
fn numbers(text: &str) -> Vec<f64> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).filter_map(|part| part.parse().ok()).collect()
}

#[test]
fn no_edge_runs_through_a_box_and_every_layer_is_there() {
    for (operator, config) in [
        ("mobilenet_v3", "#{ cin: 64, cout: 64, hw: 28 }"),
        ("resnet_bottleneck", "#{ cin: 32, cout: 64, stride: 2, hw: 28 }"),
        ("feature_mix", "#{ cin: 64, cout: 64, hw: 28 }"),
        ("resnet_d_bottleneck", "#{ cin: 32, cout: 64, stride: 2, hw: 28 }"),
        ("fused_residual_se", "#{ cin: 32, cout: 32, hw: 14 }"),
    ] {
        let graph = graph(&format!("block(\"{operator}\", {config})"));
        let svg = network(&graph, operator).unwrap().to_svg();
        assert_eq!(svg, network(&graph, operator).unwrap().to_svg(), "the same each time");
        let document = roxmltree::Document::parse(&svg).unwrap();
        let of =
            |node: &roxmltree::Node<'_, '_>, name: &str| node.attribute(name).and_then(|text| text.parse::<f64>().ok()).unwrap();
        let boxes: Vec<[f64; 4]> = document
            .descendants()
            .filter(|node| node.has_tag_name("rect") && node.attribute("fill-opacity") == Some("0.13"))
            .map(|node| {
                let (x, y) = (of(&node, "x"), of(&node, "y"));
                [x, y, x + of(&node, "width"), y + of(&node, "height")]
            })
            .collect();
        let paths = document
            .descendants()
            .filter(|node| node.has_tag_name("path") && node.attribute("stroke-width") == Some("1.3"))
            .map(|node| numbers(node.attribute("d").unwrap()))
            .collect::<Vec<_>>();
        assert!(boxes.len() > 3 && paths.len() + 1 >= boxes.len(), "{operator}: {} boxes, {} edges", boxes.len(), paths.len());
        for spot in paths.iter().flat_map(|path| path.chunks_exact(2)) {
            let inside = |frame: &&[f64; 4]| {
                spot[0] > frame[0] + 0.5 && spot[0] < frame[2] - 0.5 && spot[1] > frame[1] + 0.5 && spot[1] < frame[3] - 0.5
            };
            assert!(boxes.iter().find(inside).is_none(), "{operator}: an edge is inside a box at {spot:?}");
        }
        for (at, a) in boxes.iter().enumerate() {
            let apart = |b: &[f64; 4]| a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
            assert!(boxes[at + 1..].iter().all(apart), "{operator}: boxes overlap");
        }
        let width = of(&document.root_element(), "width");
        assert!(boxes.iter().all(|frame| frame[0] >= 0.0 && frame[2] <= width), "{operator}: a box is cut");
        for node in graph.nodes.iter().filter(|node| node.layer.label().contains("conv")) {
            assert!(svg.contains(&format!(">{}<", node.name)), "{operator} lacks {}", node.name);
        }
    }
}

/// Keeps what it is shown.
#[derive(Default)]
struct Pictures(Mutex<Vec<(bool, String)>>);

impl ProgressSink for Pictures {
    fn begin(&self, _: u64, _: &str, _: u64) {}
    fn update(&self, _: u64, _: u64, _: &str) {}
    fn end(&self, _: u64) {}
    fn say(&self, _: &str) {}
    fn picture(&self, _: &str, last: bool, draw: &dyn Fn(&str) -> Option<String>) {
        self.0.lock().unwrap().push((last, draw("image/svg+xml").unwrap()));
    }
}

#[test]
fn a_study_shows_its_course_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (session, _) = session(folder.path());
    let pictures = Arc::new(Pictures::default());
    session.set_progress(Progress::to(pictures.clone()));
    let outcome =
        session.eval("evolve(hyperspace(\"pocket\"), #{ minimize: |space| space.largest.mflops, evaluations: 20 })", "test");
    assert!(outcome.trouble.is_none());
    let shown = pictures.0.lock().unwrap();
    assert!(shown.len() >= 2, "{}", shown.len());
    assert!(!shown[0].0 && shown.last().unwrap().0);
    shown.iter().for_each(|(_, svg)| well_formed("a course", svg));
    assert_ne!(shown[0].1, shown.last().unwrap().1);
}

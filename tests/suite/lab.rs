//! The lab folder: what is kept, shared and refused; what is known of it, and what becomes of older files.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::json;
use spaceevo::lab::{Detail, ItemKind, Lab, Prune};
use spaceevo::runtime::{HostSettings, Output, Session, Settings};
use spaceevo::search::StoredStudy;

#[derive(Debug)]
struct Silent;

impl Output for Silent {
    fn print(&self, _: &str) {}
}

/// A session whose lab is `lab`.
fn session(lab: &Path, args: &[&str]) -> Session {
    let host = HostSettings { lab: lab.into(), ..HostSettings::default() };
    let args = args.iter().map(ToString::to_string).collect();
    Session::new(Settings { host, args, ..Settings::default() }, Arc::new(Silent)).unwrap()
}

/// What an input prints, or the code of its fault.
fn answer(session: &Session, source: &str, name: &str) -> String {
    let outcome = session.eval(source, name);
    match outcome.trouble {
        Some(trouble) => trouble.fault.code.clone(),
        None => outcome.printed.unwrap_or_default(),
    }
}

/// A small search that keeps itself under a name.
fn study(name: &str, seed: u64) -> String {
    format!(
        "evolve(hyperspace(\"pocket\"), #{{ minimize: |space| space.largest.mflops, evaluations: 20, seed: {seed}, name: \"{name}\" }});"
    )
}

#[test]
fn measurements_and_studies_survive_and_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    {
        let lab = Lab::open(folder.path()).unwrap();
        assert_eq!(lab.measurement::<serde_json::Value>("a").unwrap(), None);
        lab.keep_measurement("a", &json!({"ms": 1.5}), &Detail::default()).unwrap();
        lab.keep_measurement("a", &json!({"ms": 2.5}), &Detail::default()).unwrap();
        lab.save_study("first", &Detail::default(), |_: Option<Vec<i64>>| vec![1, 2, 3]).unwrap();
    }
    let lab = Lab::open(folder.path()).unwrap();
    assert_eq!(lab.measurement::<serde_json::Value>("a").unwrap(), Some(json!({"ms": 2.5})));
    assert_eq!(lab.measurement_count().unwrap(), 1);
    assert_eq!(lab.load_study::<Vec<i64>>("first").unwrap(), Some(vec![1, 2, 3]));
    assert_eq!(lab.load_study::<Vec<i64>>("second").unwrap(), None);
    assert_eq!(lab.load_study::<String>("first").unwrap_err().code, "lab::stored");
    lab.delete(&[lab.item("first").unwrap()]).unwrap();
    assert_eq!(lab.item("first").unwrap_err().code, "lab::no_item");
}

#[test]
fn an_artifact_is_done_once_its_result_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).unwrap();
    let place = lab.artifact("teacher", "abc").unwrap();
    assert!(place.is_dir() && place.is_absolute());
    assert_eq!(lab.result("teacher", "abc").unwrap(), None);
    lab.keep_result("teacher", "abc", &json!({"top1_pct": 90.0}), &Detail::default()).unwrap();
    assert_eq!(lab.result("teacher", "abc").unwrap(), Some(json!({"top1_pct": 90.0})));
    let kinds: Vec<_> = lab.disk_use().unwrap().into_iter().map(|u| (u.kind, u.count, u.bytes > 0)).collect();
    assert_eq!(kinds, [("lab.db".into(), 1, true), ("teacher".to_string(), 1, true)]);
    assert!(lab.delete_artifact("teacher", "abc").unwrap());
    assert_eq!(lab.result("teacher", "../../etc").unwrap_err().code, "lab::name");
}

#[test]
fn several_sessions_write_one_lab_at_once() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let folder = folder.clone();
            std::thread::spawn(move || {
                let lab = Lab::open(folder.path()).unwrap();
                for row in 0..200 {
                    lab.keep_measurement(&format!("{writer}s{row}-d-int8"), &row, &Detail::default()).unwrap();
                    // A count shows whether anything came between reading and writing.
                    lab.update_measurement("anchor-d", &Detail::default(), |old: Option<i64>| old.unwrap_or(0) + 1).unwrap();
                    lab.save_study("both", &Detail::default(), |old: Option<Vec<i64>>| {
                        [old.unwrap_or_default(), vec![writer * 1000 + row]].concat()
                    })
                    .unwrap();
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let lab = Lab::open(folder.path()).unwrap();
    assert_eq!(lab.measurement_count().unwrap(), 401);
    assert_eq!(lab.measurement::<i64>("anchor-d").unwrap(), Some(400));
    let mut both = lab.load_study::<Vec<i64>>("both").unwrap().unwrap();
    both.sort_unstable();
    assert_eq!(both, (0..200).chain(1000..1200).collect::<Vec<_>>());
}

#[test]
fn two_processes_write_one_lab_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let script = "for row in 0..200 { lab::save(`${ARGS[0]} ${row}`, table(#{ a: [row] })); }";
    let path = folder.path().join("save.rhai");
    std::fs::write(&path, script).unwrap();
    let children: Vec<_> = ["left", "right"]
        .map(|side| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
            command.current_dir(folder.path()).args(["save.rhai", side]).stderr(Stdio::piped()).stdout(Stdio::piped());
            command.spawn().unwrap()
        })
        .into_iter()
        .collect();
    for child in children {
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    let lab = Lab::open(&folder.path().join(".spaceevo")).unwrap();
    let items = lab.items().unwrap();
    assert_eq!(items.len(), 400);
    // Both sides saved the same tables: each lies on disk once.
    assert_eq!(std::fs::read_dir(lab.root().join("tables")).unwrap().count(), 200);
    let mut args: Vec<_> = items.into_iter().map(|item| item.origin.unwrap().args).collect();
    args.sort();
    args.dedup();
    assert_eq!(args, [["left"], ["right"]]);
}

#[test]
fn a_folder_that_cannot_be_written_names_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("lab");
    std::fs::write(&taken, "a file where the lab's folder should be").unwrap();
    let fault = Lab::open(&taken).unwrap_err();
    assert_eq!(fault.code, "lab::not_writable");
    assert!(fault.help.unwrap().contains("--lab"));
}

#[test]
fn a_file_that_is_no_lab_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.db");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "not a database, but long enough to be looked at as one").unwrap();
    assert_eq!(Lab::open(folder.path()).unwrap_err().code, "lab::damaged");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("not a database"));
}

#[test]
fn a_file_of_the_first_format_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let old = rusqlite::Connection::open(folder.path().join("lab.db")).unwrap();
    old.execute_batch(
        "create table measurements (key text primary key, json text not null, created integer not null);
         create table studies (name text primary key, json text not null, updated integer not null);
         insert into measurements values ('aa-0123456789abcdef-int8', '1.5', 1000), ('anchor-0123456789abcdef', '2.5', 1000);
         insert into studies values ('old', '[{\"text\":\"x\",\"outcome\":{\"score\":4.5},\"info\":null}]', 2000);
         pragma user_version = 1;",
    )
    .unwrap();
    drop(old);
    // Two at once: only one of them may bring the file up to date.
    let both = [(); 2].map(|()| {
        let path = folder.path().to_owned();
        std::thread::spawn(move || Lab::open(&path).unwrap())
    });
    let [lab, _] = both.map(|thread| thread.join().unwrap());
    assert_eq!(lab.measurement::<f64>("aa-0123456789abcdef-int8").unwrap(), Some(1.5));
    assert_eq!(lab.measurement_count().unwrap(), 2);
    let study: StoredStudy = lab.load_study("old").unwrap().unwrap();
    assert_eq!((study.trials.len(), StoredStudy::score(&study.trials[0])), (1, Some(4.5)));
    let items: Vec<_> = lab.items().unwrap().into_iter().map(|item| (item.kind, item.name, item.label, item.when)).collect();
    let measured = (ItemKind::Measurements, "device-01234567".to_owned(), "1 latency".to_owned(), 1000);
    assert_eq!(items, [(ItemKind::Study, "old".to_owned(), String::new(), 2000), measured]);
    let fault = lab.bundle(&folder.path().join("b.zip"), &[lab.item("old").unwrap()], "cpu").unwrap_err();
    assert_eq!(fault.code, "lab::no_script");
    drop(lab);
    assert_eq!(Lab::open(folder.path()).unwrap().measurement_count().unwrap(), 2);
}

#[test]
fn a_result_knows_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path(), &["--fast"]);
    answer(&session, "let x = 1;", "[1]");
    assert_eq!(answer(&session, "nonsense(1)", "[2]"), "script::unknown_function");
    answer(&session, &study("mine", 7), "[3]");
    let lab = Lab::open(folder.path()).unwrap();
    let origin = lab.item("mine").unwrap().origin.unwrap();
    assert_eq!((origin.script.as_str(), &origin.args[..]), ("prompt", &["--fast".to_owned()][..]));
    let names: Vec<_> = origin.texts.iter().map(|text| text.name.as_str()).collect();
    assert_eq!(names, ["[1]", "[3]"], "an input that failed and left nothing is no part of it");
    assert_eq!(lab.script(&origin.texts[0].sha256).unwrap().as_deref(), Some("let x = 1;"));
    assert_eq!(origin.detail.seed, Some(7));
    assert!(origin.versions.contains_key("spaceevo") && origin.detail.inputs.contains_key("hyperspace"));
    assert_eq!(answer(&session, "lab::show(\"mine\").evaluations", "[4]"), "20");
    // Without the study nothing needs its script any more.
    assert_eq!(answer(&session, "lab::delete(\"mine\")", "[5]"), "");
    assert_eq!(lab.script(&origin.texts[0].sha256).unwrap(), None);
}

#[test]
fn measurements_know_their_device_and_count_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path(), &[]);
    let measured = "let b = block(\"inverted_residual\", #{ cin: 16, cout: 16, hw: 14 }); measure(b, device(\"flops\"), #{ alone: true }).height";
    assert_eq!(answer(&session, measured, "m.rhai"), "1");
    let item = Lab::open(folder.path()).unwrap().items().unwrap().pop().unwrap();
    assert!(item.name.starts_with("flops-") && item.label.starts_with("2 latencies, counting"), "{item:?}");
    assert_eq!(item.origin.unwrap().script, "m.rhai");
    let show = "let m = lab::list(\"measurements\"); lab::show(m[\"name\"][0]).device.device";
    assert_eq!(answer(&session, show, "m.rhai"), "flops");
}

#[test]
fn a_search_that_goes_on_under_a_name_drops_no_score() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path(), &[]);
    answer(&session, &study("same", 1), "a.rhai");
    answer(&session, &study("same", 2), "a.rhai");
    let study: StoredStudy = Lab::open(folder.path()).unwrap().load_study("same").unwrap().unwrap();
    let known = study.clone().known();
    assert_eq!(study.trials.len(), 20);
    assert!(known.len() > 20, "{} scores of two seeds", known.len());
    let mut texts: Vec<_> = known.into_iter().map(|trial| trial.text).collect();
    texts.sort();
    assert!(texts.windows(2).all(|pair| pair[0] != pair[1]), "each once");
}

#[test]
fn names_are_suggested_and_kinds_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path(), &[]);
    answer(&session, &study("first", 1), "a.rhai");
    answer(&session, "lab::save(\"first\", table(#{ a: [1, 2] })); lab::save(\"second\", table(#{ a: [1, 2] }))", "a.rhai");
    assert_eq!(answer(&session, "lab::show(\"first\")", "b.rhai"), "lab::ambiguous");
    assert_eq!(answer(&session, "lab::show(\"table/first\").rows", "b.rhai"), "2");
    let lab = Lab::open(folder.path()).unwrap();
    assert_eq!(lab.item("secnod").unwrap_err().help.unwrap(), "did you mean `second`?");
    assert_eq!(answer(&session, "lab::compare(\"first\", \"second\")", "b.rhai"), "lab::ambiguous");
    assert_eq!(answer(&session, "lab::compare(\"study/first\", \"second\")", "b.rhai"), "lab::kind");
    assert_eq!(answer(&session, "lab::compare(\"study/first\", \"study/first\").curve.height", "b.rhai"), "20");
    assert_eq!(answer(&session, "lab::load(\"second\")[\"a\"]", "b.rhai"), "[1, 2]");
}

#[test]
fn pruning_takes_what_fits_and_dry_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path(), &[]);
    answer(&session, &study("kept", 1), "a.rhai");
    answer(&session, "lab::save(\"one\", table(#{ a: [1] })); lab::save(\"two\", table(#{ a: [1] }))", "a.rhai");
    assert_eq!(answer(&session, "lab::prune(#{})", "p"), "options::missing");
    assert_eq!(answer(&session, "lab::prune(#{ kind: \"tables\", older_than_days: 1 }).height", "p"), "0");
    assert_eq!(answer(&session, "lab::prune(#{ kind: \"tables\", dry: true }).height", "p"), "2");
    assert_eq!(answer(&session, "lab::list().height", "p"), "3");
    assert_eq!(answer(&session, "lab::delete(\"one\"); lab::load(\"two\").height", "p"), "1", "they share a file");
    assert_eq!(answer(&session, "lab::prune(#{ kind: \"tables\" })[\"name\"]", "p"), "[\"two\"]");
    let lab = Lab::open(folder.path()).unwrap();
    assert_eq!(std::fs::read_dir(lab.root().join("tables")).unwrap().count(), 0);
    let all = Prune { older_than_days: Some(0.0), ..Prune::default() };
    assert_eq!(lab.prune(&all).unwrap().len(), 1);
    assert!(lab.items().unwrap().is_empty());
}

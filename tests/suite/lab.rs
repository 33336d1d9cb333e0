//! The lab folder: what is kept, shared and refused.

use std::sync::Arc;

use serde_json::json;
use spaceevo::lab::Lab;

#[test]
fn measurements_and_studies_survive_and_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    {
        let lab = Lab::open(folder.path()).unwrap();
        assert_eq!(lab.measurement::<serde_json::Value>("a").unwrap(), None);
        lab.keep_measurement("a", &json!({"ms": 1.5})).unwrap();
        lab.keep_measurement("a", &json!({"ms": 2.5})).unwrap();
        lab.save_study("first", &vec![1, 2, 3]).unwrap();
    }
    let lab = Lab::open(folder.path()).unwrap();
    assert_eq!(lab.measurement::<serde_json::Value>("a").unwrap(), Some(json!({"ms": 2.5})));
    assert_eq!(lab.measurement_count().unwrap(), 1);
    assert_eq!(lab.load_study::<Vec<i64>>("first").unwrap(), Some(vec![1, 2, 3]));
    assert_eq!(lab.load_study::<Vec<i64>>("second").unwrap(), None);
    assert_eq!(lab.load_study::<String>("first").unwrap_err().code, "lab::stored");
    assert_eq!(lab.studies().unwrap()[0].name, "first");
    assert!(lab.delete_study("first").unwrap() && !lab.delete_study("first").unwrap());
}

#[test]
fn an_artifact_is_done_once_its_result_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).unwrap();
    let place = lab.artifact("teacher", "abc").unwrap();
    assert!(place.is_dir() && place.is_absolute());
    assert_eq!(lab.result("teacher", "abc").unwrap(), None);
    lab.keep_result("teacher", "abc", &json!({"top1_pct": 90.0})).unwrap();
    assert_eq!(lab.result("teacher", "abc").unwrap(), Some(json!({"top1_pct": 90.0})));
    let kinds: Vec<_> = lab.disk_use().unwrap().into_iter().map(|u| (u.kind, u.count, u.bytes > 0)).collect();
    assert_eq!(kinds, [("lab.db".into(), 1, true), ("teacher".to_string(), 1, true)]);
    assert!(lab.delete_artifact("teacher", "abc").unwrap());
    assert_eq!(lab.result("teacher", "../../etc").unwrap_err().code, "lab::name");
}

#[test]
fn several_sessions_write_one_lab_at_once() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let folder = folder.clone();
            std::thread::spawn(move || {
                let lab = Lab::open(folder.path()).unwrap();
                (0..25).for_each(|i| lab.keep_measurement(&format!("{writer}-{i}"), &i).unwrap());
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(Lab::open(folder.path()).unwrap().measurement_count().unwrap(), 100);
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

//! Training on cards, on a machine that may have none: what trainers are told, and what is said where there is no card.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::fire::EMBER;

/// A trainer that notes what it is told to compute with, and then computes with the processor.
fn noting(folder: &Path) -> PathBuf {
    let real = Path::new(env!("CARGO_BIN_EXE_spaceevo-trainer")).display();
    let (path, notes) = (folder.join("trainer.sh"), folder.join("notes"));
    let body = format!(
        "#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in\n  --processors) echo \"$2\" >> '{}'; shift 2 ;;\n  \
         *) options=\"$options $1\"; shift ;;\nesac; done\nexec '{real}' $options\n",
        notes.display()
    );
    std::fs::write(&path, body).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Spaces of a toy hyperspace, and how one is trained quickly.
fn run(folder: &Path, trainer: Option<&Path>, options: &[&str], script: &str) -> Output {
    let world = format!(
        "{EMBER}\nlet spaces = [\"0\", \"1\"].map(|code| hyperspace(\"ember\").space(code + \"-0\"));\n\
         let quick = #{{ data: data, steps: 3, int8_steps: 0, batch: 8, random: 0, seed: 1 }};\n"
    );
    std::fs::write(folder.join("cards.rhai"), world + script).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    command.current_dir(folder).args(["--lab", "lab", "--json"]).args(options).arg("cards.rhai");
    command.env("LIBTORCH_CUDA", folder.join("no_libtorch"));
    if let Some(trainer) = trainer {
        command.env("SPACEEVO_TRAINER", trainer);
    }
    command.output().unwrap()
}

fn noted(folder: &Path) -> Vec<String> {
    let mut notes: Vec<_> = std::fs::read_to_string(folder.join("notes")).unwrap_or_default().lines().map(String::from).collect();
    let _ = std::fs::remove_file(folder.join("notes"));
    notes.sort();
    notes
}

#[test]
fn cards_are_dealt_out_to_workers_and_what_one_trained_it_judges() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let trainer = noting(at);
    let train = |options: &[&str], script: &str| {
        let out = run(at, Some(&trainer), options, script);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{said}");
        noted(at)
    };
    let two = "quick.on = [\"cuda:0\", \"cuda:1\"]; train_supernet(spaces, quick).map(|net| net.top1_pct)";
    assert_eq!(train(&[], two), ["cuda:0", "cuda:1"]);
    // The weights are in the lab; another two workers evaluate, with the same cards.
    let judge = "quick.on = \"cuda:1\"; let net = train_supernet(spaces[0], quick); net.accuracies([net.space.smallest])";
    assert_eq!(train(&[], judge), ["cuda:1"]);
    let both = "quick.seed = 2; quick.on = executor(\"local\", #{ devices: [\"cuda:0\", \"cuda:1\"], workers: 1 });\n\
                train_supernet(spaces, quick).len()";
    assert_eq!(train(&[], both), ["cuda:0,cuda:1"]);
    // For the whole session, and without its script knowing; a dry run takes no card.
    let all = "quick.seed = 3; train_supernet(spaces[0], quick).top1_pct";
    assert_eq!(train(&["--devices", "cuda:2"], all), ["cuda:2"]);
    assert_eq!(train(&["--dry"], two), Vec::<String>::new());
}

#[test]
fn a_card_that_cannot_be_used_is_a_plain_statement() {
    let folder = tempfile::tempdir().unwrap();
    let said = |options: &[&str], on: &str| {
        let out = run(folder.path(), None, options, &format!("{on}; train_supernet(spaces[0], quick)"));
        assert!(!out.status.success());
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    for text in [said(&[], "quick.on = \"cuda:0\""), said(&["--devices", "cuda"], "")] {
        for part in ["train::cuda", "`cuda:0` cannot be used", "no_libtorch", "./x setup --cuda", "cards.rhai"] {
            assert!(text.contains(part), "no {part}:\n{text}");
        }
    }
    // The same where jobs go on without the session.
    let text = said(&[], "quick.on = executor(\"background\", #{ devices: \"cuda:1\" })");
    assert!(text.contains("train::cuda") && text.contains("`cuda:1` cannot be used"), "{text}");
    let text = said(&[], "quick.on = \"gpu\"");
    assert!(text.contains("executor::unknown") && text.contains("cuda:0"), "{text}");
    let text = said(&["--devices", "gpu"], "");
    assert!(text.contains("cuda:0"), "{text}");
}

//! Jobs that go on without the session, on this machine: `tests/cluster` does the same over ssh and in Slurm.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::fire::EMBER;

/// Steps of a training: enough to be killed in, and enough to be met again by another session.
const STEPS: usize = 150;
const LONG: usize = 500;

/// A session that runs `script` after the world it needs, in the lab `lab`.
fn program(folder: &Path, lab: &str, steps: usize, script: &str) -> Command {
    let name = format!("{lab}.rhai");
    let world = format!(
        "{EMBER}\nlet options = #{{ teacher: teacher(\"ember\", #{{ data: data }}), device: device(\"flops\"), samples: 3, measured: 48,\n\
         steps: {steps}, int8_steps: 30, batch: 8, random: 1, recalibrate: 1, batches: 1, seed: 1 }};\n\
         let losses = |lut| [lut.table[\"loss\"], lut.table[\"loss_stderr\"], lut.curves()[\"loss\"]];\n"
    );
    std::fs::write(folder.join(&name), world + script).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    command.current_dir(folder).args(["--lab", lab, "--workers", "1", "--json", &name]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it gives, and what it says.
fn told(out: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&out.stdout), text(&out.stderr))
}

fn run(folder: &Path, lab: &str, steps: usize, script: &str) -> (String, String) {
    let out = program(folder, lab, steps, script).output().unwrap();
    let (value, said) = told(&out);
    assert!(out.status.success(), "{said}");
    (value, said)
}

fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what} never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The most steps that a running job in the lab `lab` has done, if it is at least `least`.
fn at_least(folder: &Path, lab: &str, least: u64) -> Option<u64> {
    let batches = std::fs::read_dir(folder.join(lab).join("submitted")).ok()?.flatten();
    let files = batches.filter_map(|batch| std::fs::read_dir(batch.path()).ok()).flatten().flatten().map(|file| file.path());
    let states = files.filter(|path| path.to_string_lossy().ends_with(".state.json"));
    let steps = states.filter_map(|path| {
        let state: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        (state["stage"] == "running").then(|| state["done"].as_u64())?
    });
    steps.max().filter(|&steps| steps >= least)
}

/// Kills the processes whose command line holds both words.
fn kill(folder: &Path, word: &str) {
    let folder = folder.canonicalize().unwrap().display().to_string();
    let listed = Command::new("ps").args(["-eo", "pid,args", "-ww"]).output().unwrap();
    let lines = told(&listed).0;
    let pids = lines.lines().filter(|line| line.contains(&folder) && line.contains(word) && line.contains("spaceevo-trainer"));
    let pids: Vec<_> = pids.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(!pids.is_empty(), "no process of {word} in {folder}:\n{lines}");
    assert!(Command::new("kill").arg("-KILL").args(pids).status().unwrap().success());
}

const TABLE: &str = "losses.call(build_lut(hyperspace(\"ember\"), options))";

#[test]
fn a_table_is_the_same_whoever_trains_it_and_whatever_is_killed_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (calm, _) = run(at, "calm", STEPS, TABLE);
    let who = at.join("who");
    let setup = format!("echo worker $SPACEEVO_WORKER >>'{}'", who.display());
    let on = format!("options.on = executor(\"background\", #{{ workers: 2, setup: \"{setup}\" }});");
    let script = format!("{on}\n{TABLE}");
    let session = program(at, "killed", STEPS, &script).spawn().unwrap();
    wait_for("the tenth step", || at_least(at, "killed", 10));
    kill(at, "--job");
    let (value, said) = told(&session.wait_with_output().unwrap());
    assert_eq!(value, calm, "{said}");
    assert!(said.contains("it is run once more"), "{said}");
    // Each worker knows which it is.
    let who = std::fs::read_to_string(who).unwrap();
    assert!(["worker 0", "worker 1"].iter().all(|worker| who.lines().any(|line| line == *worker)), "{who}");
    let (value, said) = run(at, "killed", STEPS, &script);
    assert_eq!(value, calm);
    assert!(said.contains("trained blocks: 2 of 2 taken from the lab"), "{said}");
    assert!(!at.join("killed/submitted").read_dir().unwrap().flatten().any(|batch| batch.path().join("record.json").exists()));
}

#[test]
fn submitted_jobs_outlive_their_session_and_are_listed_cancelled_and_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (calm, _) = run(at, "calm", LONG, TABLE);
    let submit = "options.on = executor(\"background\");\nlet job = submit(|| build_lut(hyperspace(\"ember\"), options));\n";
    // Two blocks in a group, and the losses of both, which wait for it.
    let (seen, _) = run(at, "later", LONG, &format!("{submit}[job.done, job.progress().height]"));
    assert_eq!(seen, "[false,3]\n");
    wait_for("a step", || at_least(at, "later", 1));
    // Submitting again takes up what is there.
    let (seen, _) = run(at, "later", LONG, &format!("{submit}[job.done, submitted().len()]"));
    assert_eq!(seen, "[false,2]\n");
    run(at, "later", LONG, "for one in submitted() { one.cancel(); }");
    assert_eq!(run(at, "later", LONG, "submitted()").0, "[]\n");
    let checkpoints = at.join("later/train_block").read_dir().unwrap().flatten();
    assert_eq!(checkpoints.filter(|block| block.path().join("checkpoint.bin").is_file()).count(), 2);
    let (value, said) = run(at, "later", LONG, &format!("{submit}losses.call(job.wait())"));
    assert_eq!(value, calm);
    assert!(said.contains("goes on after step"), "{said}");
}

#[test]
fn what_was_done_before_it_could_be_cancelled_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (calm, _) = run(at, "calm", STEPS, TABLE);
    let on = "options.on = executor(\"background\");\n";
    run(at, "late", STEPS, &format!("{on}submit(|| build_lut(hyperspace(\"ember\"), options)).done"));
    let batches = || at.join("late/submitted").read_dir().unwrap().flatten().map(|batch| batch.path());
    let json = |path: &Path| serde_json::from_slice::<serde_json::Value>(&std::fs::read(path).ok()?).ok();
    let (record, mut noted) = wait_for("the blocks' batch", || {
        batches().map(|batch| batch.join("record.json")).find_map(|path| {
            let noted = json(&path)?;
            noted["jobs"][0]["names"]
                .as_array()?
                .iter()
                .all(|name| name.as_str().unwrap_or("").starts_with("train_block/"))
                .then_some((path, noted))
        })
    });
    let state = record.with_file_name("0.state.json");
    wait_for("the end of the blocks", || (json(&state)?["stage"] == "done").then_some(()));
    // As `cancel` leaves it, between two looks at its jobs.
    noted["cancelled"] = true.into();
    std::fs::write(&record, noted.to_string()).unwrap();
    assert_eq!(run(at, "late", STEPS, "submitted().len()").0, "1\n");
    assert!(!record.exists(), "a cancelled batch stays");
    let (value, said) = run(at, "late", STEPS, &format!("{on}{TABLE}"));
    assert_eq!(value, calm);
    assert!(said.contains("trained blocks: 2 of 2 taken from the lab"), "{said}");
}

#[test]
fn a_place_without_a_trainer_of_this_build_is_a_plain_statement() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    std::fs::write(&other, "#!/bin/sh\necho '{\"hello\":{\"build\":\"0000\",\"protocol\":1}}'\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&other, executable).unwrap();
    for (trainer, code) in [(other.to_str().unwrap(), "executor::build"), ("/nowhere/at/all", "executor::no_trainer")] {
        let on = format!("options.on = executor(\"background\", #{{ trainer: \"{trainer}\" }});\n{TABLE}");
        let out = program(folder.path(), "lab", STEPS, &on).output().unwrap();
        let (_, said) = told(&out);
        assert!(!out.status.success() && said.contains(code), "{said}");
    }
}

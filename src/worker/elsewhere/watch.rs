//! Following jobs that run without the session: how far they are, fetching what they made, starting again what stands still.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::reach::{Reach, quoted};
use super::record::{Record, Records, SUBMITTED};
use super::{ElsewhereFault, Held, Spot, Starts, slurm};
use crate::base::{Bar, Cancel, Fault, Progress, Result};
use crate::worker::station::{PID, PLAN};
use crate::worker::{Stage, State};

/// How often this machine is looked at, and another one.
const LOOK: Duration = Duration::from_millis(500);
const LOOK_THERE: Duration = Duration::from_secs(2);
/// Between two attempts to reach a machine that does not answer, at most.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often one looks whether it was interrupted.
const BLINK: Duration = Duration::from_millis(50);
/// How often a task of Slurm that does not get further is started again.
const TRIES: usize = 1;
/// How often a process is started that sees to a batch, and does not live.
const STARTS: usize = 20;
/// How often in a row nobody must have run a job that is not over: a file may come late over the network.
const MISSED: usize = 3;
/// In a shell: whether process `i` sees to a batch. After a restart of the machine another may have its number.
const OURS: &str = "{ [ ! -r \"/proc/$i/cmdline\" ] || grep -qae --batch \"/proc/$i/cmdline\"; }";
/// Lines that a process said last, for the message.
const LAST_LINES: usize = 8;

/// One batch, as scripts see it.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub spot: Spot,
    /// When it was submitted: seconds since 1970, UTC.
    pub when: i64,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// Its jobs that were not taken up.
    pub held: Vec<Held>,
}

/// How far one job is.
#[derive(Debug, Clone)]
pub struct Listed {
    /// For people.
    pub label: String,
    /// What its state file says.
    pub state: State,
}

/// The batches of a lab.
#[derive(Debug, Clone)]
pub struct Batches {
    records: Records,
}

/// What a machine says of batches.
#[derive(Default)]
struct Seen {
    states: BTreeMap<(String, usize), State>,
    /// Batches that a process sees to.
    alive: BTreeSet<String>,
    /// Batches whose folder is gone.
    lost: BTreeSet<String>,
    /// Tasks that Slurm knows: array and number. `None` if it did not answer.
    tasks: Option<BTreeSet<(u64, usize)>>,
}

impl Seen {
    /// Whether somebody sees to a job that is not over.
    fn runs(&self, batch: &str, at: usize, record: &Record) -> bool {
        match record.spot.starts {
            Starts::Station => self.alive.contains(batch),
            Starts::Slurm => {
                self.tasks.as_ref().is_none_or(|tasks| record.slurm.iter().any(|&array| tasks.contains(&(array, at))))
            }
        }
    }
}

fn submitted(record: &Record) -> String {
    format!("{}/{SUBMITTED}", record.root)
}

/// Asks the machine of `record` for the states of `jobs`.
fn look(record: &Record, jobs: &[(&str, usize)]) -> Result<Seen> {
    let list: String = jobs.iter().map(|(batch, at)| format!("{batch} {at}\n")).collect();
    let ask = match record.spot.starts {
        Starts::Slurm => format!("{{\n{}\n}} >&2\n{}", setup(record), slurm::ASK),
        Starts::Station => ":".into(),
    };
    let script = format!(
        "{ask}\nmkdir -p {root} && cd {root} || exit 1\np=\nwhile read -r b n; do\n\
         if [ \"$b\" != \"$p\" ]; then p=$b\n[ -f \"$b/{PLAN}\" ] || echo \"lost $b\"\n\
         i=$(cat \"$b/{PID}\" 2>/dev/null) && kill -0 \"$i\" 2>/dev/null && {OURS} && echo \"alive $b\"; fi\n\
         if [ -f \"$b/$n.state.json\" ]; then l=; IFS= read -r l <\"$b/$n.state.json\"\n\
         printf 'state %s %s %s\\n' \"$b\" \"$n\" \"$l\"; fi\ndone",
        root = quoted(&submitted(record)),
    );
    let out = Reach::to(&record.spot).done("looking at jobs", &script, &list)?;
    let mut seen = Seen::default();
    let mut unknown = false;
    let mut tasks = BTreeSet::new();
    for line in out.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("alive"), Some(batch), None, None) => drop(seen.alive.insert(batch.into())),
            (Some("lost"), Some(batch), None, None) => drop(seen.lost.insert(batch.into())),
            (Some("unknown"), None, None, None) => unknown = true,
            (Some("task"), Some(array), Some(at), None) => {
                tasks.extend(array.parse().ok().zip(at.parse().ok()));
            }
            (Some("state"), Some(batch), Some(at), Some(state)) => {
                if let (Ok(at), Ok(state)) = (at.parse(), serde_json::from_str(state)) {
                    seen.states.insert((batch.into(), at), state);
                }
            }
            _ => {}
        }
    }
    seen.tasks = (!unknown).then_some(tasks);
    Ok(seen)
}

fn setup(record: &Record) -> &str {
    if record.spot.setup.trim().is_empty() { ":" } else { &record.spot.setup }
}

/// Starts a batch, or makes sure that it runs.
pub(super) fn start(reach: &Reach, records: &Records, batch: &str, record: &Record) -> Result<()> {
    let folder = quoted(&format!("{}/{batch}", submitted(record)));
    let setup = setup(record);
    match record.spot.starts {
        Starts::Station => {
            let script = format!(
                "cd {folder} || exit 1\n{{\n{setup}\n}} >&2\nS=$(command -v setsid)\n\
                 nohup $S {} --batch . </dev/null >>station.log 2>&1 &",
                quoted(&record.trainer)
            );
            reach.done("starting jobs", &script, "")?;
        }
        Starts::Slurm => {
            let jobs: Vec<usize> = (0..record.jobs.len()).collect();
            let after = arrays_before(records, record)?;
            // Its numbers are kept there too: an answer that is lost on the way makes no second array.
            let command = slurm::submit(record, &jobs, &after);
            let numbers = slurm::NUMBERS;
            array(reach, records, batch, record, &format!("[ -s {numbers} ] || {command} >{numbers}"))?;
        }
    }
    Ok(())
}

/// The arrays that jobs of a batch come after.
fn arrays_before(records: &Records, record: &Record) -> Result<Vec<u64>> {
    let before: BTreeSet<&String> = record.jobs.iter().flat_map(|job| &job.after).map(|(batch, _)| batch).collect();
    let mut arrays = Vec::new();
    for batch in before {
        arrays.extend(records.read(batch)?.map(|record| record.slurm).unwrap_or_default());
    }
    Ok(arrays)
}

/// Runs `command`, which submits an array, in the folder of a batch; notes the arrays of the batch.
fn array(reach: &Reach, records: &Records, batch: &str, record: &Record, command: &str) -> Result<()> {
    let folder = quoted(&format!("{}/{batch}", submitted(record)));
    let numbers = slurm::NUMBERS;
    let script = format!("cd {folder} || exit 1\n{{\n{}\n}} >&2\n{command} || exit 1\ncat {numbers}", setup(record));
    let said = reach.run(&script, "")?;
    if said.code != 0 {
        return Err(ElsewhereFault::Slurm { place: reach.place.clone(), program: "sbatch", why: said.why() }.into());
    }
    records.change(batch, |record| record.slurm = slurm::numbers(&said.out)).map(drop)
}

/// A job that is followed.
struct Watched {
    bar: Option<Bar>,
    told: usize,
    missed: usize,
    result: Option<Result<Value>>,
}

/// What the followed jobs of one machine have in common.
struct Round<'a> {
    all: &'a [Held],
    /// Whether they are followed to their end; one look shows no bars, tells no news and starts nothing again.
    wait: bool,
    progress: &'a Progress,
    on_done: &'a dyn Fn(usize, &Result<Value>),
}

impl Batches {
    /// Those of the lab in `home`.
    pub fn of(home: &Path) -> Self {
        Self { records: Records::of(home) }
    }

    /// All of them, the oldest first.
    pub fn list(&self) -> Result<Vec<Batch>> {
        let mut found = Vec::new();
        for name in self.records.names() {
            found.extend(self.batch(&name)?);
        }
        Ok(found)
    }

    /// The batch called `name`; `None` once all its results were taken up.
    pub fn batch(&self, name: &str) -> Result<Option<Batch>> {
        let Some(record) = self.records.read(name)? else { return Ok(None) };
        let held = self.records.held(name, &record);
        Ok(Some(Batch { name: name.into(), spot: record.spot, when: record.when, cancelled: record.cancelled, held }))
    }

    /// How far the jobs of a batch are that were not taken up.
    pub fn progress(&self, name: &str) -> Result<Vec<Listed>> {
        let Some(record) = self.records.read(name)? else { return Ok(Vec::new()) };
        let held = self.records.held(name, &record);
        let jobs: Vec<_> = held.iter().map(|held| (name, held.at)).collect();
        let mut seen = look(&record, &jobs)?;
        let listed = held.into_iter().map(|held| {
            let state = seen.states.remove(&(held.batch, held.at)).unwrap_or_default();
            Listed { label: held.label, state }
        });
        Ok(listed.collect())
    }

    /// Asks all jobs of a batch to stop; what they have reached is kept in checkpoints there.
    pub fn cancel(&self, name: &str) -> Result<()> {
        let Some(record) = self.records.change(name, |record| record.cancelled = true)? else { return Ok(()) };
        let held = self.records.held(name, &record);
        let list: String = held.iter().map(|held| format!("{}\n", held.at)).collect();
        let arrays = record.slurm.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let script = format!(
            "cd {folder} || exit 0\nwhile read -r n; do : >\"$n.stop\"; done\n{{\n{setup}\n}} >&2\n{end}",
            folder = quoted(&format!("{}/{name}", submitted(&record))),
            setup = setup(&record),
            end = if arrays.is_empty() { ":".to_owned() } else { format!("scancel {arrays}") },
        );
        Reach::to(&record.spot).done("cancelling jobs", &script, &list)?;
        Ok(())
    }

    /// Follows jobs until the end, or with `wait` false looks once: their results, in order.
    pub fn follow(
        &self,
        all: &[Held],
        wait: bool,
        (progress, cancel): (&Progress, &Cancel),
        on_done: &dyn Fn(usize, &Result<Value>),
    ) -> Vec<Result<Value>> {
        let round = Round { all, wait, progress, on_done };
        let mut watched: Vec<_> = all.iter().map(|_| Watched { bar: None, told: 0, missed: 0, result: None }).collect();
        let mut quiet: Option<Duration> = None;
        loop {
            let mut next = LOOK;
            match self.round(&round, &mut watched) {
                Ok(there) => {
                    if there {
                        next = LOOK_THERE;
                    }
                    if quiet.take().is_some() {
                        progress.say("the connection is there again");
                    }
                }
                Err(fault) if wait && fault.code == "executor::unreachable" => {
                    if quiet.is_none() {
                        progress.say(&format!("{}; jobs go on there; trying again", fault.message));
                    }
                    next = quiet.map_or(LOOK_THERE, |before| (before * 2).min(PATIENCE));
                    quiet = Some(next);
                }
                Err(fault) => {
                    finish(&mut watched, |_| fault.clone());
                }
            }
            if !wait {
                finish(&mut watched, |at| ElsewhereFault::Submitted { label: all[at].label.clone() }.into());
            }
            if watched.iter().all(|one| one.result.is_some()) {
                break;
            }
            let until = Instant::now() + next;
            while Instant::now() < until && !cancel.is_cancelled() {
                std::thread::sleep(BLINK);
            }
            if cancel.is_cancelled() {
                let place = |at: usize| self.records.read(&all[at].batch).ok().flatten().map(|record| record.spot.name);
                finish(&mut watched, |at| {
                    let place = place(at).unwrap_or_default();
                    ElsewhereFault::GoesOn { label: all[at].label.clone(), place }.into()
                });
                break;
            }
        }
        let lost = || Err(Fault::new("worker::lost", "a job was lost sight of", "run it again"));
        watched.into_iter().map(|one| one.result.unwrap_or_else(lost)).collect()
    }

    /// Looks once at all that is not over; whether some of it is on another machine.
    fn round(&self, round: &Round<'_>, watched: &mut [Watched]) -> Result<bool> {
        let mut open: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, held) in round.all.iter().enumerate().filter(|(place, _)| watched[*place].result.is_none()) {
            open.entry(&held.batch).or_default().push(place);
        }
        let mut there = false;
        for (batch, places) in open {
            let Some(record) = self.records.read(batch)? else {
                for place in places {
                    let help = "run it again: its result lies in the lab";
                    let gone = Fault::new("executor::taken", "another session took up its results", help);
                    watched[place].result = Some(Err(gone));
                }
                continue;
            };
            there |= record.spot.host.is_some();
            let jobs: Vec<_> = places.iter().map(|&place| (batch, round.all[place].at)).collect();
            let seen = look(&record, &jobs)?;
            let mut again = Vec::new();
            for place in places {
                if self.judge(round, place, &mut watched[place], &record, &seen)? {
                    again.push(place);
                }
            }
            if round.wait && !again.is_empty() {
                self.again(batch, &record, &again.iter().map(|&place| round.all[place].at).collect::<Vec<_>>())?;
            }
        }
        Ok(there)
    }

    /// What becomes of one job; whether it must be started again.
    fn judge(&self, round: &Round<'_>, place: usize, watched: &mut Watched, record: &Record, seen: &Seen) -> Result<bool> {
        let held = &round.all[place];
        let state = seen.states.get(&(held.batch.clone(), held.at)).cloned().unwrap_or_default();
        if round.wait {
            let fresh = state.told.saturating_sub(watched.told).min(state.news.len());
            state.news[state.news.len() - fresh..].iter().for_each(|line| round.progress.say(line));
            watched.told = state.told;
            if state.total > 0 {
                watched.bar.get_or_insert_with(|| round.progress.task(&held.label, state.total)).set(state.done, &state.note);
            }
        }
        let label = || held.label.clone();
        let result = match state.stage {
            Stage::Done => {
                self.fetch(record, held)?;
                Ok(state.result)
            }
            Stage::Failed => Err(state.fault.unwrap_or_else(|| Fault::new("executor::failed", "it failed", "run it again"))),
            Stage::Stopped if record.cancelled => Err(ElsewhereFault::Cancelled { label: label() }.into()),
            _ if seen.lost.contains(&held.batch) => {
                let last = "; its folder there is gone".to_owned();
                Err(ElsewhereFault::Died { label: label(), place: record.spot.name.clone(), last }.into())
            }
            stage if stage != Stage::Stopped && seen.runs(&held.batch, held.at, record) => {
                watched.missed = 0;
                return Ok(false);
            }
            _ if record.cancelled => Err(ElsewhereFault::Cancelled { label: label() }.into()),
            _ => {
                let waits = record.spot.starts == Starts::Slurm && self.waits(record, held.at)?;
                watched.missed = if waits { 0 } else { watched.missed + 1 };
                if watched.missed < MISSED {
                    return Ok(false);
                }
                watched.missed = 0;
                let job = &record.jobs[held.at];
                let most = if record.spot.starts == Starts::Station { STARTS } else { TRIES };
                // One that was stopped because its time was up may go on as long as it gets further.
                if state.done > job.reached || job.tries < most {
                    self.records.change(&held.batch, |record| {
                        let job = &mut record.jobs[held.at];
                        job.tries = if state.done > job.reached { 0 } else { job.tries + 1 };
                        job.reached = state.done;
                    })?;
                    return Ok(true);
                }
                let last = last_lines(record, held);
                Err(ElsewhereFault::Died { label: label(), place: record.spot.name.clone(), last }.into())
            }
        };
        watched.bar = None;
        (round.on_done)(place, &result);
        watched.result = Some(result);
        self.taken(held)?;
        Ok(false)
    }

    /// Whether a job has to come after one that is not over. That one is started again first.
    fn waits(&self, record: &Record, at: usize) -> Result<bool> {
        for (batch, other) in &record.jobs[at].after {
            if self.records.read(batch)?.is_some_and(|before| !before.jobs[*other].taken) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notes that a job's results are here; of the last of its batch all traces go.
    fn taken(&self, held: &Held) -> Result<()> {
        let record = self.records.change(&held.batch, |record| record.jobs[held.at].taken = true)?;
        if let Some(record) = record.filter(|record| record.jobs.iter().all(|job| job.taken)) {
            self.records.remove(&held.batch);
            if record.spot.host.is_some() {
                let folder = quoted(&format!("{}/{}", submitted(&record), held.batch));
                Reach::to(&record.spot).done("clearing up", &format!("rm -rf {folder}"), "")?;
            }
        }
        Ok(())
    }

    /// Starts jobs of a batch again that nobody sees to.
    fn again(&self, batch: &str, record: &Record, jobs: &[usize]) -> Result<()> {
        let reach = Reach::to(&record.spot);
        match record.spot.starts {
            Starts::Station => start(&reach, &self.records, batch, record),
            Starts::Slurm => {
                let after = arrays_before(&self.records, record)?;
                let files: String = jobs.iter().map(|at| format!(" {at}.stop {at}.state.json")).collect();
                let command = format!("rm -f{files}; {} >>{}", slurm::submit(record, jobs, &after), slurm::NUMBERS);
                array(&reach, &self.records, batch, record, &command)
            }
        }
    }

    /// Fetches what a job made into the lab; each file appears when it is whole.
    fn fetch(&self, record: &Record, held: &Held) -> Result<()> {
        if record.spot.host.is_none() || held.names.is_empty() {
            return Ok(());
        }
        let home = self.records.root().join("..");
        let arriving = self.records.folder(&held.batch).join("arriving");
        let unable = |path: &Path, error: &std::io::Error| Fault::file("write", path, error);
        std::fs::create_dir_all(&arriving).map_err(|error| unable(&arriving, &error))?;
        let folder = tempfile::tempdir_in(&arriving).map_err(|error| unable(&arriving, &error))?;
        Reach::to(&record.spot).fetch(&record.root, &held.names, folder.path())?;
        for name in &held.names {
            let (from, to) = (folder.path().join(name), home.join(name));
            std::fs::create_dir_all(&to).map_err(|error| unable(&to, &error))?;
            let files = std::fs::read_dir(&from).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
            for file in files.map_err(|error| unable(&from, &error))? {
                let at = to.join(file.file_name());
                std::fs::rename(file.path(), &at).map_err(|error| unable(&at, &error))?;
            }
        }
        Ok(())
    }
}

/// Ends what has no result yet.
fn finish(watched: &mut [Watched], fault: impl Fn(usize) -> Fault) {
    for (at, one) in watched.iter_mut().enumerate().filter(|(_, one)| one.result.is_none()) {
        one.bar = None;
        one.result = Some(Err(fault(at)));
    }
}

/// What the process of a job said last, for a message.
fn last_lines(record: &Record, held: &Held) -> String {
    let folder = quoted(&format!("{}/{}", submitted(record), held.batch));
    let script = format!("cd {folder} && cat station.log {}.log 2>/dev/null | tail -n {LAST_LINES}", held.at);
    let said = Reach::to(&record.spot).run(&script, "");
    let said = said.map(|said| said.out).unwrap_or_default();
    said.lines().map(|line| format!("\n  {line}")).collect()
}

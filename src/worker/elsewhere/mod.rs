//! Jobs that run without the session: on this machine, on another one through `ssh`, or in Slurm.
//!
//! A batch of jobs is a folder, `submitted/BATCH`, with a file for each job. On this machine it lies in the lab; on another one
//! in a folder of ours that mirrors the part of the lab which the jobs need, `KIND/KEY` by `KIND/KEY`, so that what was sent or
//! made there once is not sent again. A process there sees to the batch ([`station`](crate::worker::see_to)), or Slurm does.
//! The session only reads the state files; a connection that is cut costs nothing.

mod fault;
mod greet;
mod reach;
mod record;
mod send;
mod slurm;
mod spot;
mod watch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use self::greet::{Station, greet};
use self::reach::Reach;
use self::record::{Record, Recorded, Records, SUBMITTED};
use self::send::Moves;
use super::station::{PLAN, Plan};
use super::{Place, Processor, Task, Use};
use crate::base::{Cancel, Fault, Progress, Result, hash_hex, write_atomic, write_json};

pub use fault::ElsewhereFault;
pub use record::Held;
pub use spot::{Spot, Starts};
pub use watch::{Batch, Batches, Listed};

/// Names of batches that were submitted or taken up.
pub type Followed = Arc<Mutex<BTreeSet<String>>>;

/// Jobs that run at one spot, for the lab in one folder.
#[derive(Debug)]
pub struct Elsewhere {
    spot: Spot,
    home: PathBuf,
    followed: Followed,
    station: Mutex<Option<Station>>,
}

impl Elsewhere {
    /// Jobs at `spot`, for the lab in the folder `home`.
    pub fn new(spot: Spot, home: &Path) -> Self {
        Self { spot, home: home.into(), followed: Followed::default(), station: Mutex::default() }
    }

    /// The same, which notes its batches in `followed`.
    #[must_use]
    pub fn noting(self, followed: Followed) -> Self {
        Self { followed, ..self }
    }

    /// How many jobs run at the same time.
    pub fn workers(&self) -> usize {
        self.spot.workers
    }

    /// What they compute with.
    pub fn processors(&self) -> &[Processor] {
        &self.spot.processors
    }

    /// Jobs that were submitted there, by whatever session, and are not taken up yet.
    pub fn held(&self) -> Result<Vec<Held>> {
        let records = Records::of(&self.home);
        let mut held = Vec::new();
        for batch in records.names() {
            if let Some(record) = records.read(&batch)?
                && !record.cancelled
                && record.spot.is_where(&self.spot)
            {
                held.extend(records.held(&batch, &record));
            }
        }
        Ok(held)
    }

    /// Submits `jobs`, each with its label, and follows them and those in `held`: their results, in order. With `wait` until
    /// the end, else what has arrived is taken, and the rest are faults `executor::submitted`.
    ///
    /// `on_done` is called in this thread as each one ends. An interrupt ends the waiting; jobs go on.
    pub fn run_all<T: Task>(
        &self,
        jobs: &[(T, String)],
        held: &[Held],
        wait: bool,
        (progress, cancel): (&Progress, &Cancel),
        on_done: &dyn Fn(usize, &Result<Value>),
    ) -> Vec<Result<Value>> {
        let fresh = match self.submit(jobs, progress) {
            Ok(fresh) => fresh,
            Err(fault) => return vec![Err(fault); jobs.len() + held.len()],
        };
        let all: Vec<Held> = fresh.into_iter().chain(held.iter().cloned()).collect();
        let batches = all.iter().map(|held| held.batch.clone());
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).extend(batches);
        Batches::of(&self.home).follow(&all, wait, (progress, cancel), on_done)
    }

    fn station(&self) -> Result<Station> {
        let mut known = self.station.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(station) = &*known {
            return Ok(station.clone());
        }
        Ok(known.insert(greet(&self.spot, &self.home)?).clone())
    }

    fn submit<T: Task>(&self, jobs: &[(T, String)], progress: &Progress) -> Result<Vec<Held>> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let (station, records, reach) = (self.station()?, Records::of(&self.home), Reach::to(&self.spot));
        let mut moves = Moves::new(&self.spot, &self.home, &station.root);
        let earlier = self.held()?;
        let mut recorded = Vec::new();
        let mut moved = Vec::new();
        for (job, label) in jobs {
            let (mut job, mut after) = (job.clone(), Vec::new());
            for path in job.paths_that(Use::Reads) {
                after.extend(moves.need(&path, &earlier)?);
            }
            after.sort();
            after.dedup();
            let names = job.paths_that(Use::Writes).iter().filter_map(|path| moves.name(path)).collect();
            job.paths(&mut |_, path| *path = moves.there(path));
            moved.push(job);
            recorded.push(Recorded { label: label.clone(), names, after, taken: false, tries: 0, reached: 0 });
        }
        moves.send(&reach, progress)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let record = Record {
            spot: self.spot.clone(),
            root: station.root,
            trainer: station.trainer,
            when: now.as_secs() as i64,
            cancelled: false,
            slurm: Vec::new(),
            jobs: recorded,
        };
        // In the order in which they were submitted; two of one moment differ in their jobs or their process.
        let what = format!("{:?} {now:?} {}", record.jobs, std::process::id());
        let batch = format!("{}-{}", now.as_millis(), hash_hex(what.as_bytes()));
        let started = write(&records, &batch, &record, &moved).and_then(|()| {
            if self.spot.host.is_some() {
                let names = record.jobs.iter().flat_map(|job| &job.names);
                let folders: String = names.map(|name| format!("{}/{name}\n", record.root)).collect();
                reach.done("making folders", "while IFS= read -r f; do mkdir -p \"$f\" || exit 1; done", &folders)?;
                reach.send(&records.root(), &batch, &format!("{}/{SUBMITTED}", record.root))?;
            }
            watch::start(&reach, &records, &batch, &record)
        });
        match started {
            // It may have begun: who follows it finds out.
            Err(fault) if fault.code != "executor::unreachable" => {
                records.remove(&batch);
                Err(fault)
            }
            _ => Ok(records.held(&batch, &record)),
        }
    }
}

/// Writes the folder of a batch: jobs, plan, and last the record, which makes it one.
fn write<T: Task>(records: &Records, batch: &str, record: &Record, jobs: &[T]) -> Result<()> {
    let folder = records.folder(batch);
    for (at, job) in jobs.iter().enumerate() {
        for path in job.paths_that(Use::Writes).iter().filter(|_| record.spot.host.is_none()) {
            std::fs::create_dir_all(path).map_err(|error| Fault::file("create", path, &error))?;
        }
        write_json(&Place::new(&folder, at).job(), job)?;
    }
    let after = record.jobs.iter().map(|job| job.after.clone()).collect();
    let Spot { workers, threads, processors, setup, .. } = record.spot.clone();
    write_json(&folder.join(PLAN), &Plan { workers, threads, processors, setup, after })?;
    if record.spot.starts == Starts::Slurm {
        write_atomic(&folder.join(slurm::SCRIPT), slurm::script(record).as_bytes())?;
    }
    records.write(batch, record)
}

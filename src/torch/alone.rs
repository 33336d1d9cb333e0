//! A job without a session: it is read from its batch, says how far it is in a file, and stops when another file appears.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use spaceevo::base::{Cancel, Fault, Result};
use spaceevo::train::{CHECKPOINT, JobFile};
use spaceevo::worker::{Before, News, Place, Plan, Processor, Stage, State, Task, Use, alone, lost};

use super::jobs::Jobs;
use super::serve::{Ears, caught, listen_with, prepare, read};

/// State files are written at most so often while a job runs.
const APART: Duration = Duration::from_millis(500);
/// How often it looks whether it should stop.
const LOOK: Duration = Duration::from_millis(200);

/// The state of the running job, and when it was last written.
struct Report {
    place: Place,
    state: State,
    written: Option<Instant>,
}

impl Report {
    fn hear(&mut self, news: &News) {
        match news {
            News::Progress { done, total, note, .. } => {
                (self.state.done, self.state.total) = (*done, *total);
                self.state.note.clone_from(note);
            }
            News::Log(line) => self.state.tell(line.clone()),
            News::Hello { .. } | News::Done { .. } | News::Failed { .. } => return,
        }
        if self.written.is_none_or(|at| at.elapsed() >= APART) {
            self.written = Some(Instant::now());
            // The next one is due soon.
            let _ = self.place.write(&self.state);
        }
    }
}

/// Runs job `at` of the batch in `folder` and leaves its state; one that is over already is left as it is. A training that was
/// cut short goes on.
pub fn run(folder: &Path, at: usize, threads: u16, processors: &[Processor]) -> Result<()> {
    let place = Place::new(folder, at);
    let _lock = alone(&place)?;
    let before = place.state();
    if before.stage.is_over() {
        return Ok(());
    }
    let plan = Plan::read(folder)?;
    let job = read(&place.job());
    let lacks_files = |job: &JobFile| job.paths_that(Use::Reads).iter().any(|path| !path.exists());
    match plan.before(folder, at) {
        // One that failed may have been taken up, and its batch is gone.
        Before::Done if plan.follows(at) && job.as_ref().is_ok_and(lacks_files) => {
            return place.write(&before.ended(Err(lost())));
        }
        Before::Done => {}
        // Slurm knows no better than that those before it have ended; they may have to be run again.
        Before::Open => return Ok(()),
        Before::Lost => return place.write(&before.ended(Err(lost()))),
    }
    let ready = prepare(threads, processors);
    let state = State { stage: Stage::Running, told: before.told, news: before.news, ..State::default() };
    place.write(&state)?;
    let report = Arc::new(Mutex::new(Report { place: place.clone(), state, written: None }));
    let hears = Arc::clone(&report);
    listen_with(Box::new(move |news| hears.lock().unwrap_or_else(PoisonError::into_inner).hear(news)));
    let cancel = Cancel::default();
    let (stop, asked) = (place.stop(), cancel.clone());
    std::thread::spawn(move || {
        while !stop.exists() {
            std::thread::sleep(LOOK);
        }
        asked.cancel();
    });
    let result =
        ready.and_then(|()| caught(|| Jobs::default().run(job.as_ref().map_err(Fault::clone)?, &mut Ears::new(0, cancel))));
    let left_over = job.as_ref().map(|job| job.paths_that(Use::Writes)).unwrap_or_default();
    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
    report.state = std::mem::take(&mut report.state).ended(result);
    place.write(&report.state)?;
    if report.state.stage == Stage::Done {
        // The state holds the result now; a checkpoint that stays takes room and does no harm.
        left_over.iter().for_each(|folder| drop(std::fs::remove_file(folder.join(CHECKPOINT))));
    }
    Ok(())
}

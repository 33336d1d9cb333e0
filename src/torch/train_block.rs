//! Distillation of elastic stages from a teacher's features: one, or several side by side that share the teacher's passes.

use std::collections::BTreeMap;
use std::iter;

use spaceevo::base::{Fault, Result};
use spaceevo::train::{Targets, TrainBlock, TrainSummary};
use tch::{Tensor, no_grad_guard};

use super::batches::Data;
use super::checkpoint::{self, Checkpoints, Place};
use super::course::Course;
use super::forward::{Mode, Norms, run as forward};
use super::jobs::{Nets, WEIGHTS, store};
use super::lessons::{Lesson, Lessons, Seat};
use super::losses::distance;
use super::meter::note;
use super::optim::Optimizer;
use super::place;
use super::serve::{Ears, caught};
use super::store::Store;

/// A block in training. Nothing it does depends on the others.
struct Student<'a> {
    job: &'a TrainBlock,
    place: Place<'a>,
    store: &'a Store,
    nets: Nets<'a>,
    course: Course<'a>,
    /// What ended it.
    fault: Option<Fault>,
}

impl<'a> Student<'a> {
    fn new(job: &'a TrainBlock, place: Place<'a>, store: &'a Store) -> Self {
        let optimizer = Optimizer::new(store, job.update);
        let mut course = Course::new(&job.label, store, optimizer, &job.phases);
        checkpoint::go_on(&place, &mut course);
        Self { job, place, store, nets: Nets::new(&job.pool, store), course, fault: None }
    }

    /// Whether there are steps that it can take.
    fn learns(&self) -> bool {
        self.fault.is_none() && self.course.next().is_some()
    }

    /// Takes its next step.
    fn learn(&mut self, lesson: &Lesson, ears: &Ears) -> Result<()> {
        let Some((phase, step)) = self.course.next() else { return Ok(()) };
        let mode = Mode::from(phase);
        Optimizer::clear(self.store);
        let mut loss_of_largest = None;
        // What the largest stage gives, by input size, if the others learn from it.
        let mut guides: BTreeMap<usize, Tensor> = BTreeMap::new();
        for (place, choice) in step.iter().enumerate() {
            ears.check()?;
            let (x, target) = lesson.maps(choice.resolution, &self.job.target)?;
            let student = forward(&*self.nets.get(choice)?, self.store, x, mode, Norms::Batch).swap_remove(0);
            let loss = if place == 0 {
                guides.insert(choice.resolution, student.detach());
                let loss = distance(&self.job.loss, &student, target)?;
                loss_of_largest = Some(loss.detach());
                loss
            } else if self.job.targets == Targets::Teacher {
                distance(&self.job.loss, &student, target)?
            } else {
                let largest = self.nets.get(&step[0])?;
                let guide = guides.entry(choice.resolution).or_insert_with(|| {
                    let _guard = no_grad_guard();
                    forward(&largest, self.store, x, mode, Norms::Batch).swap_remove(0)
                });
                distance(&self.job.loss, &student, guide)?
            };
            loss.backward();
        }
        // The one number that is read in a step, once all else is under way: a card is waited for here.
        let loss = loss_of_largest.map_or(0.0, |loss| loss.double_value(&[]));
        self.course.meter().check(loss)?;
        self.course.step(loss, lesson.drawn);
        Ok(())
    }

    /// Leaves weights and curve in its folder.
    fn finish(self) -> Result<TrainSummary> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.course.meter().curve().save(self.place.folder)?;
        self.store.save().save(&self.place.folder.join(WEIGHTS))?;
        Ok(self.course.summary(None))
    }
}

/// A block, and the place of its files.
pub type Block<'a> = (&'a TrainBlock, Place<'a>);

/// Trains blocks that share teacher, images, batch size and seed, in as many threads as there are lists; each leaves its weights
/// in its place. One that fails leaves the others to go on. Those that were cut short go on from their checkpoints.
pub fn run(
    threads: &[Vec<Block<'_>>],
    data: &Data,
    checkpoints: &mut Checkpoints,
    ears: &mut Ears,
) -> Result<Vec<Result<TrainSummary>>> {
    let lessons = Lessons::new(threads.iter().flatten().map(|(block, _)| *block).collect(), data, threads.len());
    let work = |number: usize, checkpoints: &mut Checkpoints, ears: &mut Ears| {
        let trained = caught(|| train(&threads[number], lessons.seat(number), checkpoints, ears));
        trained.inspect_err(|fault| lessons.end(fault))
    };
    let (work, here) = (&work, place::here());
    std::thread::scope(|scope| {
        let help = |number| {
            let (mut checkpoints, mut ears) = (checkpoints.clone(), ears.of_helper());
            scope.spawn(move || place::on(here, || work(number, &mut checkpoints, &mut ears)))
        };
        let helpers: Vec<_> = (1..threads.len()).map(help).collect();
        let first = work(0, checkpoints, ears);
        let lost = |_| Err(Fault::new("train::thread", "a thread of the trainer has ended", "train again"));
        let others = helpers.into_iter().map(|helper| helper.join().unwrap_or_else(lost));
        Ok(iter::once(first).chain(others).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    })
}

/// Trains the blocks of one thread.
fn train(
    blocks: &[Block<'_>],
    seat: Seat<'_, '_>,
    checkpoints: &mut Checkpoints,
    ears: &mut Ears,
) -> Result<Vec<Result<TrainSummary>>> {
    let stores = blocks.iter().map(|(block, _)| store(&block.pool, None, block.seed)).collect::<Result<Vec<_>>>()?;
    let mut students: Vec<_> =
        blocks.iter().zip(&stores).map(|((block, place), store)| Student::new(block, *place, store)).collect();
    let taught = teach(&mut students, &seat, checkpoints, ears);
    // The others need not wait while files are written.
    drop(seat);
    if taught.is_err() {
        write(checkpoints, &students);
    }
    taught.map(|()| students.into_iter().map(Student::finish).collect())
}

/// Takes all steps that are left; an error once the job is cancelled, or too many images cannot be read.
fn teach(students: &mut [Student<'_>], seat: &Seat<'_, '_>, checkpoints: &mut Checkpoints, ears: &mut Ears) -> Result<()> {
    let left = students.iter().filter(|student| student.learns());
    let Some((mut done, drawn)) = left.map(|student| (student.course.meter().done(), student.course.drawn())).min() else {
        return Ok(());
    };
    let teacher = seat.lessons.teacher()?;
    seat.begin(done, drawn);
    while students.iter().any(Student::learns) {
        let lesson = seat.take(done, &teacher, ears)?;
        // After an interruption some may be a step ahead.
        let is_here = |student: &&mut Student<'_>| student.learns() && student.course.meter().done() == done;
        for student in students.iter_mut().filter(is_here) {
            if let Err(fault) = caught(|| student.learn(&lesson, ears)) {
                if ears.is_cancelled() {
                    return Err(fault);
                }
                student.fault = Some(fault);
            }
        }
        done += 1;
        if checkpoints.due() {
            write(checkpoints, students);
        }
        if seat.speaks() {
            ears.step(done, seat.lessons.total(), || note(students.iter().map(|student| student.course.meter())))?;
        }
    }
    Ok(())
}

fn write(checkpoints: &mut Checkpoints, students: &[Student<'_>]) {
    let well = students.iter().filter(|student| student.fault.is_none());
    checkpoints.write(well.map(|student| (student.place, &student.course)));
}

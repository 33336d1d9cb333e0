//! Lessons: a teacher's maps of the training batches, one after the other, for all who learn from them. Threads make them for
//! each other: who is early makes the next that nobody makes yet.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use spaceevo::base::{Fault, Result};
use spaceevo::train::{BlockTarget, TrainBlock};
use tch::Tensor;

use super::batches::{Batches, Data, resize};
use super::course::step_at;
use super::fault::job;
use super::features::{Teacher, depth, pair};
use super::serve::{Ears, caught};

/// So often who waits for a lesson looks whether the job is cancelled.
const LOOK: Duration = Duration::from_millis(100);

/// The teacher's maps of one batch: one pass for each resolution, however many blocks learn from it.
pub struct Lesson {
    /// By resolution, then by the teacher's part. Where a block asks for what cannot be had, the others go on.
    maps: BTreeMap<usize, Result<BTreeMap<usize, Tensor>>>,
    /// Images that were drawn for it and those before it.
    pub drawn: usize,
}

impl Lesson {
    /// Input and target of a block at `resolution`.
    pub fn maps(&self, resolution: usize, target: &BlockTarget) -> Result<(&Tensor, &Tensor)> {
        match self.maps.get(&resolution) {
            Some(Ok(maps)) => pair(maps, target),
            Some(Err(fault)) => Err(fault.clone()),
            None => {
                Err(job(format!("the teacher has no maps at resolution {resolution}"), "build session and trainer anew").into())
            }
        }
    }

    /// The same tensors, for another thread.
    fn share(&self) -> Self {
        let share = |maps: &BTreeMap<usize, Tensor>| maps.iter().map(|(&part, map)| (part, map.shallow_clone())).collect();
        let of = |maps: &Result<_>| maps.as_ref().map(share).map_err(Fault::clone);
        Self { maps: self.maps.iter().map(|(&resolution, maps)| (resolution, of(maps))).collect(), drawn: self.drawn }
    }
}

/// The lessons of blocks that are trained side by side, which have teacher, images, batch size and seed in common.
pub struct Lessons<'a> {
    blocks: Vec<&'a TrainBlock>,
    data: &'a Data,
    total: usize,
    board: Mutex<Board>,
    changed: Condvar,
}

/// Where a thread is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// It takes this lesson next, before which so many images were drawn.
    At(usize, usize),
    /// It has not said yet with which lesson it begins.
    Coming,
    Gone,
}

/// What all threads know.
struct Board {
    seats: Vec<Place>,
    /// Images of the lessons to come; none before all threads have come.
    batches: Option<Batches>,
    /// The first lesson that nobody has begun to make.
    next: usize,
    made: BTreeMap<usize, Lesson>,
    fault: Option<Fault>,
}

impl<'a> Lessons<'a> {
    /// Those of `blocks`, for so many threads.
    pub fn new(blocks: Vec<&'a TrainBlock>, data: &'a Data, threads: usize) -> Self {
        let steps = |block: &&TrainBlock| block.phases.iter().map(|phase| phase.steps.len()).sum();
        let total = blocks.iter().map(steps).max().unwrap_or(0);
        let seats = vec![Place::Coming; threads];
        let board = Board { seats, batches: None, next: 0, made: BTreeMap::new(), fault: None };
        Self { blocks, data, total, board: Mutex::new(board), changed: Condvar::new() }
    }

    /// The seat of thread `number`.
    pub fn seat(&self, number: usize) -> Seat<'_, 'a> {
        Seat { lessons: self, number }
    }

    /// Ends the lessons of all: one cannot go on.
    pub fn end(&self, fault: &Fault) {
        self.board().fault.get_or_insert_with(|| fault.clone());
        self.changed.notify_all();
    }

    /// How many lessons there are.
    pub fn total(&self) -> usize {
        self.total
    }

    /// A teacher for all of the blocks. Each thread has its own.
    pub fn teacher(&self) -> Result<Teacher> {
        Teacher::load(&self.blocks.iter().map(|block| &block.target).collect::<Vec<_>>())
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves thread `number`. Once all have come the lessons begin, with the first that one of them needs.
    fn place(&self, number: usize, place: Place) {
        let mut board = self.board();
        board.seats[number] = place;
        let first = board.first();
        match first {
            Some(Place::At(at, drawn)) if board.batches.is_none() && !board.seats.contains(&Place::Coming) => {
                if let Some(block) = self.blocks.first() {
                    let batches = Batches::new(&self.data.train, block.batch, true, block.seed.child("batches"));
                    board.batches = Some(batches.after(drawn));
                    board.next = at;
                }
            }
            Some(Place::At(at, _)) => board.made.retain(|&lesson, _| lesson >= at),
            _ => board.made.clear(),
        }
        self.changed.notify_all();
    }

    /// Makes lesson `at` of these images.
    fn make(&self, at: usize, images: &Tensor, drawn: usize, teacher: &Teacher) -> Lesson {
        // How deep the teacher is needed at each resolution.
        let mut depths: BTreeMap<usize, usize> = BTreeMap::new();
        for block in &self.blocks {
            let step = step_at(&block.phases, at).map(|(phase, at)| &phase.steps[at]);
            for net in step.into_iter().flatten() {
                let deepest = depths.entry(net.resolution).or_default();
                *deepest = depth(&block.target).max(*deepest);
            }
        }
        let maps = |(resolution, depth)| (resolution, caught(|| teacher.maps(&resize(images, resolution), depth)));
        Lesson { maps: depths.into_iter().map(maps).collect(), drawn }
    }
}

impl Board {
    /// The thread that is least far.
    fn first(&self) -> Option<Place> {
        self.seats.iter().copied().filter(|place| *place != Place::Gone).min()
    }

    /// The lesson that a thread may make now. Who is fast goes ahead of the slowest by no more than one for each thread: maps
    /// take much room.
    fn free(&self, total: usize) -> Option<usize> {
        let Some(Place::At(first, _)) = self.first() else { return None };
        (self.batches.is_some() && self.next < total.min(first + self.seats.len())).then_some(self.next)
    }
}

/// A thread's place among those that learn; it is free once this is dropped.
pub struct Seat<'l, 'a> {
    /// The lessons.
    pub lessons: &'l Lessons<'a>,
    number: usize,
}

impl Seat<'_, '_> {
    /// Says which lesson it takes next, after so many drawn images.
    pub fn begin(&self, at: usize, drawn: usize) {
        self.lessons.place(self.number, Place::At(at, drawn));
    }

    /// Lesson `at`, which comes after those that it took before: made by another thread, or by this one with `teacher`.
    pub fn take(&self, at: usize, teacher: &Teacher, ears: &Ears) -> Result<Lesson> {
        let lessons = self.lessons;
        loop {
            ears.check()?;
            let mut board = lessons.board();
            if let Some(fault) = &board.fault {
                return Err(fault.clone());
            }
            if let Some(lesson) = board.made.get(&at).map(Lesson::share) {
                drop(board);
                lessons.place(self.number, Place::At(at + 1, lesson.drawn));
                return Ok(lesson);
            }
            let Some(next) = board.free(lessons.total) else {
                drop(lessons.changed.wait_timeout(board, LOOK));
                continue;
            };
            board.next += 1;
            let batch = board.batches.as_mut().map(|batches| batches.next().map(|(images, _)| (images, batches.drawn())));
            drop(board);
            let Some(batch) = batch else { continue };
            match batch {
                Ok((images, drawn)) => {
                    let lesson = lessons.make(next, &images, drawn, teacher);
                    lessons.board().made.insert(next, lesson);
                    lessons.changed.notify_all();
                }
                Err(fault) => lessons.end(&fault),
            }
        }
    }

    /// Whether this is the first of the threads that still learn: it speaks for all.
    pub fn speaks(&self) -> bool {
        self.lessons.board().seats.iter().position(|place| *place != Place::Gone) == Some(self.number)
    }
}

impl Drop for Seat<'_, '_> {
    fn drop(&mut self) {
        self.lessons.place(self.number, Place::Gone);
    }
}

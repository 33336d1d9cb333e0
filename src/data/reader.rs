//! Reads images in the order they are asked for, those in files by threads that work ahead.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::picture::Colour;
use super::set::{ImageFiles, ImageSet, Sample, moved};
use super::vary::Change;
use crate::base::{Fault, Result};

/// An image that a thread has in hand.
type Coming = Receiver<Result<(Sample, Colour), String>>;

/// Images of a set one after the other. Which ones, and how each is varied, is decided by `asks` in its own thread and
/// order; threads only decode. So the images are the same ones at any number of threads.
pub struct Reader<I> {
    images: ImageSet,
    asks: I,
    threads: usize,
    ahead: usize,
    taken: usize,
    pool: Option<ThreadPool>,
    coming: VecDeque<(usize, Coming)>,
    gone: Arc<AtomicBool>,
}

/// Asks for every image as it is, in order.
pub struct InOrder(Range<usize>);

impl Iterator for InOrder {
    type Item = (usize, Change);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|index| (index, Change::None))
    }
}

impl Reader<InOrder> {
    /// Reads all `images` as they are; see [`Reader::new`].
    pub fn plain(images: &ImageSet, threads: usize, ahead: usize) -> Self {
        Self::new(images, InOrder(0..images.len()), threads, ahead)
    }
}

impl<I: Iterator<Item = (usize, Change)>> Reader<I> {
    /// Reads what `asks` says; files by `threads` threads, at most `ahead` images (at least one a thread) before they are taken.
    pub fn new(images: &ImageSet, asks: I, threads: usize, ahead: usize) -> Self {
        let threads = threads.max(1);
        Self {
            images: images.clone(),
            asks,
            threads,
            ahead: ahead.max(threads),
            taken: 0,
            pool: None,
            coming: VecDeque::new(),
            gone: Arc::default(),
        }
    }

    /// The same without the first `count` images that are asked for, before any is taken. They are not read.
    #[must_use]
    pub fn after(mut self, count: usize) -> Self {
        self.taken += self.asks.by_ref().take(count).count();
        self
    }

    /// How many images were asked for to give those that were taken: such that cannot be read are among them.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// The next image that can be read; `None` after the last one.
    ///
    /// # Errors
    /// `data::unreadable` if too many cannot be read.
    pub fn take(&mut self) -> Result<Option<Sample>> {
        let files = match &self.images {
            ImageSet::Held(images) => {
                let asked = self.asks.next();
                self.taken += usize::from(asked.is_some());
                return Ok(asked.map(|(index, change)| moved(images, index, change)));
            }
            ImageSet::Files(files) => files.clone(),
        };
        loop {
            self.ask(&files)?;
            let Some((index, coming)) = self.coming.pop_front() else { return Ok(None) };
            self.taken += 1;
            match coming.recv().unwrap_or_else(|_| Err("its thread failed".into())) {
                Ok((sample, colour)) => {
                    files.note(index, colour);
                    return Ok(Some(sample));
                }
                Err(why) => files.skip(index, &why)?,
            }
        }
    }

    /// Hands out images to the threads until enough are on their way.
    fn ask(&mut self, files: &ImageFiles) -> Result<()> {
        let pool = match &mut self.pool {
            Some(pool) => pool,
            none => none.insert(threads(self.threads)?),
        };
        while self.coming.len() < self.ahead {
            let Some((index, change)) = self.asks.next() else { break };
            let (send, receive) = sync_channel(1);
            let (files, gone) = (files.clone(), self.gone.clone());
            pool.spawn_fifo(move || {
                if !gone.load(Ordering::Relaxed) {
                    // Nobody waits any more if this fails.
                    let _ = send.send(files.read(index, change));
                }
            });
            self.coming.push_back((index, receive));
        }
        Ok(())
    }
}

impl<I> Drop for Reader<I> {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

fn threads(count: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(count)
        .thread_name(|at| format!("images {at}"))
        .build()
        .map_err(|error| Fault::new("data::threads", format!("cannot start threads that read images: {error}"), "try it again"))
}

//! What was found while files were read: images that could not be used, and such that were not in RGB.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::picture::Colour;
use super::{DataFault, Part};
use crate::base::Result;

/// Files that are named one by one: in the news, and in a fault.
const NAMED: usize = 3;

/// Counts over one part of a data set.
#[derive(Debug)]
pub(super) struct Tally {
    part: Part,
    images: usize,
    most: usize,
    reads: usize,
    skipped: BTreeMap<usize, (PathBuf, String)>,
    converted: BTreeMap<usize, Colour>,
    news: Vec<String>,
}

impl Tally {
    /// Of a part of `images`, of which the share `skip_share` may be unusable.
    pub(super) fn new(part: Part, images: usize, skip_share: f64) -> Self {
        let most = (images as f64 * skip_share) as usize;
        Self { part, images, most, reads: 0, skipped: BTreeMap::new(), converted: BTreeMap::new(), news: Vec::new() }
    }

    /// Image `index` was read, and had these colours.
    pub(super) fn read(&mut self, index: usize, colour: Colour) {
        if colour != Colour::Rgb {
            self.converted.insert(index, colour);
        }
        self.count();
    }

    /// Image `index` in the file `path` cannot be used.
    ///
    /// # Errors
    /// `data::unreadable` if there are too many such.
    pub(super) fn skip(&mut self, index: usize, path: PathBuf, why: &str) -> Result<()> {
        if !self.skipped.contains_key(&index) {
            if self.skipped.len() < NAMED {
                self.news.push(format!("skipped `{}`: {why}", path.display()));
            }
            self.skipped.insert(index, (path, why.to_owned()));
        }
        if self.skipped.len() > self.most {
            let first: Vec<_> =
                self.skipped.values().take(NAMED).map(|(path, why)| format!("\n  {}: {why}", path.display())).collect();
            return Err(DataFault::Unreadable {
                count: self.skipped.len(),
                images: self.images,
                part: self.part.name(),
                most: self.most,
                first: first.concat(),
            }
            .into());
        }
        self.count();
        Ok(())
    }

    /// One more read; after as many as there are images all is summed up, if there is anything to say.
    fn count(&mut self) {
        self.reads += 1;
        let found = self.found();
        if self.reads == self.images && found.iter().any(|(count, _)| *count > 0) {
            let told: Vec<_> =
                found.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
            self.news.push(format!("of {} {} images: {}", self.images, self.part.name(), told.join(", ")));
        }
    }

    fn found(&self) -> [(usize, &'static str); 4] {
        let of = |colour: Colour| self.converted.values().filter(|own| **own == colour).count();
        [
            (of(Colour::Grey), "grey ones made RGB"),
            (of(Colour::Cmyk), "CMYK ones made RGB"),
            (of(Colour::Alpha), "without their transparency"),
            (self.skipped.len(), "skipped"),
        ]
    }

    /// What is new since this was asked last.
    pub(super) fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// The sum so far.
    pub(super) fn report(&self) -> Report {
        let [grey, cmyk, alpha, _] = self.found().map(|(count, _)| count);
        let skipped = self.skipped.values().map(|(path, why)| format!("{}: {why}", path.display())).collect();
        Report { grey, cmyk, alpha, skipped }
    }
}

/// What was found while a part was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Images in shades of grey.
    pub grey: usize,
    /// Images in the colours of print.
    pub cmyk: usize,
    /// Images with transparency.
    pub alpha: usize,
    /// Files that cannot be used, each with the reason.
    pub skipped: Vec<String>,
}

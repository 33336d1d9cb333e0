//! Where jobs run without the session, and how: what a script says of it, as plain data.

use serde::{Deserialize, Serialize};

use super::ElsewhereFault;
use crate::base::Result;
use crate::worker::Processor;

/// Who starts the jobs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Starts {
    /// A process of ours, a job after the other on each worker.
    Station,
    /// Slurm, as an array of jobs.
    Slurm,
}

/// A place to train that needs no session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// As the script named it: `ssh://host/folder`.
    pub name: String,
    /// Who starts jobs.
    pub starts: Starts,
    /// What `ssh` is told, `user@host` or `ssh://user@host:port`; `None` for this machine.
    pub host: Option<String>,
    /// Folder there; below the home folder unless it begins with `/`. On this machine that of the lab.
    pub folder: String,
    /// Jobs that run at the same time.
    pub workers: usize,
    /// Threads of each.
    pub threads: usize,
    /// What workers compute with: dealt out to them, or in Slurm all of it to each job. The processor if it is empty.
    #[serde(default)]
    pub processors: Vec<Processor>,
    /// The trainer there: a program, or the folder of a checkout. `None` for the session's own here, `spaceevo-trainer` there.
    pub trainer: Option<String>,
    /// Lines of shell before the trainer.
    pub setup: String,
    /// Arguments of sbatch.
    pub sbatch: Vec<String>,
    /// Files and folders that lie there already: here, there.
    pub paths: Vec<(String, String)>,
}

/// Where files go on another machine, unless the script says it.
const FOLDER: &str = ".spaceevo-elsewhere";

impl Spot {
    /// The place that a text names, with one worker of one thread; `None` for the session's own workers.
    ///
    /// # Errors
    /// `executor::unknown`.
    pub fn named(text: &str) -> Result<Option<Self>> {
        let unknown = |why: &str| ElsewhereFault::Unknown { text: text.into(), why: why.into() };
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, Some(rest)),
            None => (text, None),
        };
        let starts = match (scheme, rest) {
            ("local", None) => return Ok(None),
            ("background", None) | ("ssh", Some(_)) => Starts::Station,
            ("slurm", _) => Starts::Slurm,
            ("ssh", None) => return Err(unknown("it lacks a host").into()),
            _ => return Err(unknown("there is no such kind").into()),
        };
        let (host, folder) = rest.map_or((None, ""), |rest| {
            let (host, folder) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (Some(host), folder)
        });
        // `ssh` must not take it for an option, nor a shell for anything but a word.
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_@:[]%".contains(c);
        if host.is_some_and(|host| host.is_empty() || host.starts_with('-') || !host.chars().all(plain)) {
            return Err(unknown("that is no host").into());
        }
        let folder = match folder.trim_end_matches('/') {
            "" => FOLDER,
            below => below.strip_prefix("/~/").unwrap_or(below),
        };
        Ok(Some(Self {
            name: text.into(),
            starts,
            host: host.map(|host| if host.contains(':') { format!("ssh://{host}") } else { host.into() }),
            folder: folder.into(),
            workers: 1,
            threads: 1,
            processors: Vec::new(),
            trainer: None,
            setup: String::new(),
            sbatch: Vec::new(),
            paths: Vec::new(),
        }))
    }

    /// Whether jobs there have the same files, so that what one submitted the other may take up.
    pub fn is_where(&self, other: &Self) -> bool {
        (self.starts, &self.host, &self.folder) == (other.starts, &other.host, &other.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_by_name() {
        let place = |text: &str| Spot::named(text).map(|spot| spot.map(|spot| (spot.starts, spot.host, spot.folder)));
        let at = |starts, host: &str, folder: &str| Some((starts, Some(host.to_owned()), folder.to_owned()));
        assert_eq!(place("local").expect("is one"), None);
        assert_eq!(place("background").expect("is one"), Some((Starts::Station, None, FOLDER.into())));
        assert_eq!(place("ssh://me@box").expect("is one"), at(Starts::Station, "me@box", FOLDER));
        assert_eq!(place("ssh://box:2222/data/lab/").expect("is one"), at(Starts::Station, "ssh://box:2222", "/data/lab"));
        assert_eq!(place("slurm://login/~/lab").expect("is one"), at(Starts::Slurm, "login", "lab"));
        for bad in ["ssh", "ssh://", "ssh://-oProxyCommand=x", "ssh://a b", "cloud", "ftp://x", "background://x"] {
            assert_eq!(place(bad).expect_err(bad).code, "executor::unknown");
        }
    }
}

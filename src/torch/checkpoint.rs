//! Checkpoints: files from which a training goes on that was cut short, to the same weights as if it had not been.
//!
//! A file holds 16 hexadecimal digits, the hash of the rest; then safetensors with `0`, the values of all parameters, and `1`,
//! `2`, the optimiser's averages; among its metadata `standing`, the rest as JSON.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use safetensors::tensor::{SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use spaceevo::base::{Fault, Result, hash_hex, write_atomic};
use spaceevo::train::CHECKPOINT;
use tch::Tensor;

use super::course::{Course, Standing};
use super::meter::Account;
use super::serve::tell;
use super::store::numbers;

/// Least time between two checkpoints, unless the job says otherwise.
const APART: Duration = Duration::from_secs(60);
/// Raised when files of older versions cannot be read any more.
const FORMAT: u32 = 1;
/// Digits of the hash.
const DIGITS: usize = 16;

/// The part of a file that is JSON.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    /// Key of the training's job.
    key: String,
    optimizer_step: i32,
    ready: Vec<bool>,
    account: Account,
    drawn: usize,
}

/// Whose checkpoint it is, and where it lies.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Key of the job.
    pub key: &'a str,
    /// Its folder.
    pub folder: &'a Path,
}

impl Place<'_> {
    fn file(&self) -> PathBuf {
        self.folder.join(CHECKPOINT)
    }
}

/// When checkpoints of a job are due. A thread that helps with the job has a copy.
#[derive(Clone)]
pub struct Checkpoints {
    apart: Duration,
    last: Instant,
    /// Whether it was said that one cannot be written.
    said: bool,
}

impl Checkpoints {
    /// Checkpoints at least so many seconds apart; without a number, a minute.
    pub fn new(seconds: Option<f64>) -> Self {
        let apart = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(APART);
        Self { apart, last: Instant::now(), said: false }
    }

    /// Whether it is time for the next.
    pub fn due(&self) -> bool {
        self.last.elapsed() >= self.apart
    }

    /// Writes the checkpoints of trainings that are between two steps. What cannot be written is said once; training goes on.
    pub fn write<'c>(&mut self, courses: impl IntoIterator<Item = (Place<'c>, &'c Course<'c>)>) {
        for (place, course) in courses.into_iter().filter(|(_, course)| course.meter().done() > 0) {
            if let Err(fault) = write(&place, course)
                && !self.said
            {
                self.said = true;
                let help = fault.help.map(|help| format!(" ({help})")).unwrap_or_default();
                tell(format!("a checkpoint was not kept: {}{help}; training goes on", fault.message));
            }
        }
        self.last = Instant::now();
    }
}

fn write(place: &Place<'_>, course: &Course<'_>) -> Result<()> {
    let Standing { tensors, optimizer_step, ready, account, drawn } = course.standing();
    let head = Head { format: FORMAT, key: place.key.into(), optimizer_step, ready, account, drawn };
    let bad = |error: &dyn std::fmt::Display| Fault::new("train::checkpoint", format!("it has no form: {error}"), "");
    let head = serde_json::to_string(&head).map_err(|error| bad(&error))?;
    let data: Vec<Vec<u8>> =
        tensors.iter().map(|tensor| numbers(tensor).iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = data.iter().enumerate().map(|(at, data)| {
        let view = TensorView::new(safetensors::Dtype::F32, vec![data.len() / 4], data).map_err(|error| bad(&error))?;
        Ok((at.to_string(), view))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let body = safetensors::serialize(views, Some(HashMap::from([("standing".to_string(), head)])));
    let body = body.map_err(|error| bad(&error))?;
    let mut file = hash_hex(&body).into_bytes();
    file.extend(body);
    write_atomic(&place.file(), &file)
}

/// Lets `course` go on from the checkpoint that lies in its place, and says so. One that cannot be used is ignored, and that
/// is said too.
pub fn go_on(place: &Place<'_>, course: &mut Course<'_>) {
    let file = place.file();
    let read = match std::fs::read(&file) {
        Ok(bytes) => read(&bytes, place.key),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => Err(Fault::file("read", &file, &error)),
    };
    match read.and_then(|standing| course.go_on(standing)) {
        Ok(()) => {
            let meter = course.meter();
            tell(format!("`{}` goes on after step {} of {}", meter.label(), meter.done(), meter.total()));
        }
        Err(fault) => {
            let label = course.meter().label();
            tell(format!("`{label}` starts anew: the checkpoint `{}` is ignored: {}", file.display(), fault.message));
        }
    }
}

fn read(bytes: &[u8], key: &str) -> Result<Standing> {
    let unusable = |why: &str| Fault::new("train::checkpoint", why, "");
    let damaged = || unusable("it is damaged");
    let (hash, body) = bytes.split_at_checked(DIGITS).ok_or_else(damaged)?;
    if hash_hex(body).as_bytes() != hash {
        return Err(damaged());
    }
    let file = SafeTensors::deserialize(body).map_err(|_| damaged())?;
    let (_, metadata) = SafeTensors::read_metadata(body).map_err(|_| damaged())?;
    let head = metadata.metadata().as_ref().and_then(|texts| texts.get("standing")).ok_or_else(damaged)?;
    let head: Head = serde_json::from_str(head).map_err(|_| unusable("it was written by another version"))?;
    if head.format != FORMAT {
        return Err(unusable("it was written by another version"));
    }
    if head.key != key {
        return Err(unusable("it is of another job"));
    }
    let tensors = (0..file.len()).map(|at| {
        let view = file.tensor(&at.to_string()).map_err(|_| damaged())?;
        let values: Vec<f32> = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Tensor::from_slice(&values))
    });
    let tensors = tensors.collect::<Result<_>>()?;
    Ok(Standing { tensors, optimizer_step: head.optimizer_step, ready: head.ready, account: head.account, drawn: head.drawn })
}

//! `%debug`: the functions that an error went through, and what their variables held.

use std::fmt::Write;
use std::sync::Arc;

use rhai::{Array, Dynamic, Map};

use super::clock::ended;
use super::{Desk, Shown};
use crate::base::{Fault, Result};
use crate::runtime::engine::assemble;
use crate::runtime::evaluator::Evaluator;
use crate::runtime::render::Trouble;
use crate::runtime::session::{Session, Shared};
use crate::runtime::watch::{Frame, Line, Watch};

/// Lines of source shown before and after the one of the error.
const AROUND: usize = 2;

impl Session {
    /// Runs the input that failed last once more, watched, and shows its frames. They are kept as the variable `frames`.
    pub(super) fn post_mortem(&self, desk: &dyn Desk) -> Result<String> {
        let shared = self.shared().clone();
        let seen = self.with_evaluator(move |evaluator| {
            let (source, name) = evaluator.failed.clone()?;
            Some(examine(evaluator, &shared, &source, &name))
        });
        let nothing = || Fault::new("session::nothing_failed", "no input has failed", "%debug looks into the last one that did");
        match seen.ok_or_else(ended)?.ok_or_else(nothing)? {
            Ok((text, trouble)) => {
                let Some(trouble) = trouble else { return Ok("this time it did not fail".into()) };
                desk.show(Shown::Trouble(trouble));
                Ok(format!("{text}these are in the variable `frames`: frames[0].locals"))
            }
            Err(trouble) => {
                desk.show(Shown::Trouble(trouble));
                Ok(String::new())
            }
        }
    }

    /// Evaluates `source` watched from the start: for a script, whose frames are told if it fails.
    pub fn eval_watched(&self, source: &str, name: &str) -> (Option<Box<Trouble>>, String) {
        let shared = self.shared().clone();
        let (source, name) = (source.to_owned(), name.to_owned());
        let seen = self.with_evaluator(move |evaluator| examine(evaluator, &shared, &source, &name));
        match seen {
            Some(Ok((text, trouble))) => (trouble, text),
            Some(Err(trouble)) => (Some(trouble), String::new()),
            None => (Some(Box::new(Trouble::plain(ended()))), String::new()),
        }
    }
}

type Examined = std::result::Result<(String, Option<Box<Trouble>>), Box<Trouble>>;

fn examine(evaluator: &mut Evaluator, shared: &Arc<Shared>, source: &str, name: &str) -> Examined {
    let watch = Watch::new(name);
    let engine = assemble(&shared.host, &shared.library, &shared.limits, shared.output.clone(), Some(&watch))?;
    evaluator.keep_text(name, source);
    let Err(error) = evaluator.run(&Arc::new(engine), source, name) else {
        return Ok((String::new(), None));
    };
    let trouble = evaluator.trouble(&error, name);
    let mut frames = watch.frames();
    let line = match (&trouble.at, frames.is_empty()) {
        (Some(place), true) => (place.source.clone(), place.line),
        _ => watch.top().unwrap_or((name.to_owned(), 0)),
    };
    let locals = evaluator.variables().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    frames.push(Frame { function: String::new(), line, locals });
    let mut text = String::new();
    for (at, frame) in frames.iter().enumerate() {
        let what = if frame.function.is_empty() {
            "the input".to_owned()
        } else if frame.function.starts_with("anon$") {
            "a closure".into()
        } else {
            format!("`{}`", frame.function)
        };
        let _ = writeln!(text, "frames[{at}]  {what}, at {}:{}", frame.line.0, frame.line.1);
        text.push_str(&quote(evaluator, &frame.line));
        let width = frame.locals.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in &frame.locals {
            let _ = writeln!(text, "    {name:width$} = {}", evaluator.brief(value));
        }
    }
    let kept: Array = frames.into_iter().map(as_map).collect();
    evaluator.set_variable("frames", kept.into());
    Ok((text, Some(Box::new(trouble))))
}

fn as_map(frame: Frame) -> Dynamic {
    let locals: Map = frame.locals.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Map::from([
        ("function".into(), frame.function.into()),
        ("source".into(), frame.line.0.into()),
        ("line".into(), (frame.line.1 as i64).into()),
        ("locals".into(), locals.into()),
    ])
    .into()
}

/// The lines around one, which is marked.
fn quote(evaluator: &Evaluator, (source, line): &Line) -> String {
    let mut text = String::new();
    for at in line.saturating_sub(AROUND).max(1)..=line + AROUND {
        if let Some(quoted) = evaluator.line_of(source, at) {
            let _ = writeln!(text, "  {} {at:>4} | {quoted}", if at == *line { ">" } else { " " });
        }
    }
    text
}

//! What the prompt understands beside code: help, `%` commands, the shell. The same in every front, which lends a [`Desk`].

mod clock;
mod files;
mod input;
mod look;
mod post_mortem;
mod rust;
mod save;
mod source;

use super::complete::Candidate;
use super::render::Trouble;
use super::session::{Outcome, Session};
use crate::base::{Fault, Result, did_you_mean};
use crate::primitive::front::{Bundle, Form};
pub(super) use input::{Input, RUST};
pub(super) use rust::readiness as rust_readiness;

/// What a front shows.
#[derive(Debug)]
pub enum Shown {
    /// The value of an input.
    Value(Bundle),
    /// A list, news.
    Text(String),
    /// Help that was asked for.
    Page(Bundle),
    /// Why an input failed.
    Trouble(Box<Trouble>),
}

/// What commands need of a front.
pub trait Desk {
    /// Shows something.
    fn show(&self, shown: Shown);
    /// Runs a command of the system's shell and shows what it writes.
    fn shell(&self, command: &str) -> Result<()>;
    /// Lets the person edit a text; `None` if it was given up.
    fn edit(&self, text: &str) -> Result<Option<String>>;
}

/// What the front does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Reads the next input.
    Go,
    /// Reads it with this text to begin with.
    Prefill(String),
    /// Ends.
    Leave,
}

/// A command: its name, what it takes, what it does.
struct Command {
    name: &'static str,
    takes: &'static str,
    summary: &'static str,
}

const fn command(name: &'static str, takes: &'static str, summary: &'static str) -> Command {
    Command { name, takes, summary }
}

const COMMANDS: [Command; 17] = [
    command("time", "CODE", "evaluate, and say how long it took"),
    command("timeit", "CODE", "evaluate many times: typical time and spread"),
    command("prof", "CODE", "evaluate, and list the lines that took the time"),
    command("debug", "", "run the input that failed last once more: its functions and what their variables held"),
    command(
        "%rust",
        "[check]",
        "the lines that follow are Rust, with a state of its own; its functions can be called afterwards",
    ),
    command("who", "", "the variables and functions of this session"),
    command("reset", "", "forget them, and all that cells in Rust hold"),
    command("run", "FILE", "run a script in this session, which keeps what it defines"),
    command("edit", "[N]", "edit the last input (or input N) in $EDITOR, and evaluate it"),
    command("load", "FILE", "put a script into the prompt"),
    command("save", "FILE", "write the inputs so far, cells in Rust too, as a script"),
    command("history", "[TEXT]", "the inputs so far (those that contain TEXT)"),
    command("lab", "", "what is stored"),
    command("devices", "", "what latency can be measured on"),
    command("cd", "[FOLDER]", "change the folder"),
    command("pwd", "", "the folder"),
    command("help", "", "this list"),
];

impl Session {
    /// Does what an input asks for, and shows what comes of it.
    pub fn answer(&self, text: &str, desk: &dyn Desk) -> Then {
        self.answer_as(text, true, desk)
    }

    /// The same for an input that is to leave no trace: it has no number, and history does not know it.
    pub fn answer_aside(&self, text: &str, desk: &dyn Desk) -> Then {
        self.answer_as(text, false, desk)
    }

    fn answer_as(&self, text: &str, keep: bool, desk: &dyn Desk) -> Then {
        let done = match Input::read(text) {
            Input::Empty => Ok(Then::Go),
            Input::Leave => return Then::Leave,
            Input::Code(code) => {
                show(desk, self.eval_typed(code, keep));
                Ok(Then::Go)
            }
            Input::Inspect("") => {
                desk.show(Shown::Page(Bundle::of_text(overview())));
                Ok(Then::Go)
            }
            Input::Inspect(name) => self.explain(name, desk),
            Input::Source(name) => self.source_of(name).map(|text| {
                let marked = format!("```rhai\n{}\n```\n", text.trim_end());
                let mut page = Bundle::of_text(text);
                page.forms.insert(Form::Markdown.mime().into(), marked);
                desk.show(Shown::Page(page));
                Then::Go
            }),
            Input::Rust(code, true) => self.check_rust(code).map(|()| Then::Go),
            Input::Rust(code, false) => self.rust(code, text, keep, desk).map(|()| Then::Go),
            Input::Shell("") => Err(needs("!", "a command of the shell", "!ls")),
            Input::Shell(command) => desk.shell(command).map(|()| Then::Go),
            Input::Command(name, rest) => self.command(name, rest, keep, desk),
        };
        done.unwrap_or_else(|fault| {
            desk.show(Shown::Trouble(Box::new(Trouble::plain(fault))));
            Then::Go
        })
    }

    /// Candidates for a command that is being typed, and where its name begins; `None` where no command is.
    pub(super) fn command_candidates(before: &str) -> Option<(usize, Vec<Candidate>)> {
        let start = before.len() - before.trim_start().len();
        let word = before[start..].strip_prefix('%')?;
        if word.contains(char::is_whitespace) {
            return None;
        }
        let fits = COMMANDS.iter().filter(|command| command.name.starts_with(word));
        let candidate = |command: &Command| Candidate {
            text: format!("%{}", command.name),
            summary: command.summary.into(),
            kind: "command",
        };
        Some((start, fits.map(candidate).collect()))
    }

    fn explain(&self, name: &str, desk: &dyn Desk) -> Result<Then> {
        if let Some(command) = name.strip_prefix('%').and_then(|name| COMMANDS.iter().find(|command| command.name == name)) {
            let text = format!("%{} {}\n\n  {}", command.name, command.takes, command.summary);
            desk.show(Shown::Page(Bundle::of_text(text)));
            return Ok(Then::Go);
        }
        let page = self.inspect(name).ok_or_else(|| {
            let catalogue = self.catalogue();
            let names = catalogue.entries().iter().map(|entry| entry.path.as_str());
            let help = crate::base::nearest(name, names)
                .map_or_else(|| "help lists what there is".to_owned(), |near| format!("did you mean `{near}`?"));
            Fault::new("help::unknown", format!("there is no help on `{name}`"), help)
        })?;
        desk.show(Shown::Page(page));
        Ok(Then::Go)
    }

    fn command(&self, name: &str, rest: &str, keep: bool, desk: &dyn Desk) -> Result<Then> {
        let code = |example: &str| if rest.is_empty() { Err(needs(name, "code", example)) } else { Ok(rest) };
        let file = |example: &str| if rest.is_empty() { Err(needs(name, "a file", example)) } else { Ok(rest) };
        let text = match name {
            "time" => {
                let outcome = self.eval_typed(code("%time qt_score(space, lut, #{ limits: [15] })")?, keep);
                let took = outcome.took;
                show(desk, outcome);
                format!("took {}", clock::duration(took.as_secs_f64()))
            }
            "timeit" => self.time_it(code("%timeit hs.sample(rng)")?, desk)?,
            "prof" => self.profile(code("%prof evolve(hs, options)")?, desk)?,
            "debug" => self.post_mortem(desk)?,
            "who" => self.who(),
            "reset" => self.reset(),
            "run" => return self.run_file(file("%run scripts/mine.rhai")?, desk),
            "edit" => return self.edit(rest, desk),
            "load" => return files::read(file("%load scripts/mine.rhai")?).map(Then::Prefill),
            "save" => self.save(file("%save mine.rhai")?)?,
            "history" => self.past(rest),
            "lab" => return Ok(self.evaluate("lab::list()", desk)),
            "devices" => return Ok(self.evaluate("devices()", desk)),
            "cd" => files::change_folder(rest)?,
            "pwd" => files::folder()?,
            "help" | "" => overview(),
            _ => {
                let help = did_you_mean(name, COMMANDS.iter().map(|command| command.name));
                return Err(Fault::new("session::command", format!("there is no command `%{name}`"), help));
            }
        };
        if !text.is_empty() {
            desk.show(Shown::Text(text));
        }
        Ok(Then::Go)
    }

    fn eval_typed(&self, code: &str, keep: bool) -> Outcome {
        if keep { self.eval_numbered(code) } else { self.eval_aside(code, "[input]") }
    }

    /// Shows the value of an expression that is no input of the person.
    fn evaluate(&self, code: &str, desk: &dyn Desk) -> Then {
        show(desk, self.eval_part(code, "[command]", code));
        Then::Go
    }
}

/// Shows what came of an input.
pub(super) fn show(desk: &dyn Desk, outcome: Outcome) {
    if let Some(value) = outcome.value {
        desk.show(Shown::Value(value));
    }
    if let Some(trouble) = outcome.trouble {
        desk.show(Shown::Trouble(trouble));
    }
}

fn needs(name: &str, what: &str, example: &str) -> Fault {
    let name = if name == "!" { "!".to_owned() } else { format!("%{name}") };
    Fault::new("session::command", format!("`{name}` needs {what}"), format!("for example `{example}`"))
}

fn overview() -> String {
    let mut text = String::from("help lists what the lab can do; at the prompt there are also\n");
    let marks = [
        ("?name  name?", "help on a name; ??name shows where it is written"),
        ("_  __  _3", "the last result, the one before, the result of input 3"),
        ("!command", "a command of the shell"),
    ];
    let commands = COMMANDS.iter().map(|command| (format!("%{} {}", command.name, command.takes), command.summary));
    for (left, right) in marks.iter().map(|(left, right)| ((*left).to_owned(), *right)).chain(commands) {
        text.push_str(&format!("  {left:<16} {right}\n"));
    }
    text.push_str("Tab completes, Ctrl-R searches earlier inputs, Alt-Enter begins a new line, Ctrl-C stops, Ctrl-D leaves");
    text
}

//! The prompt: reads inputs with completion, history and several lines, and shows what comes of them.

mod asking;
mod colours;
mod editor;
mod helper;
mod keys;
mod pictures;
mod waiting;

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use crate::base::{Fault, Result};
use crate::runtime::render::Trouble;
use crate::runtime::{Desk, Form, Look, Session, Shown, Then};
pub use asking::{Questions, ask_here};
use colours::Colours;
use helper::PromptHelper;
use pictures::{Became, Pictures};
use waiting::{Meanwhile, wait_for};

/// Inputs that the history keeps.
const HISTORY: usize = 10_000;

/// Where answers go.
pub trait Screen: Sync {
    /// Shows something.
    fn show(&self, shown: &Shown);
}

/// The prompt's side of commands.
struct Front<'a> {
    screen: &'a dyn Screen,
    pictures: &'a Pictures,
    /// The number of the input that is answered.
    number: usize,
}

impl Desk for Front<'_> {
    fn show(&self, shown: Shown) {
        let became = match &shown {
            Shown::Value(value) => value.png().map(|png| self.pictures.put(&png, self.number)),
            Shown::Text(_) | Shown::Page(_) | Shown::Trouble(_) => None,
        };
        if became == Some(Became::Shown) {
            return;
        }
        self.screen.show(&shown);
        if let Some(Became::Kept(file)) = became {
            self.screen.show(&Shown::Text(format!("picture: {}", file.display())));
        }
    }

    fn shell(&self, command: &str) -> Result<()> {
        editor::shell(command)
    }

    fn edit(&self, text: &str) -> Result<Option<String>> {
        editor::edit(text)
    }
}

type Line = Editor<PromptHelper, FileHistory>;

/// Reads inputs until the end of the input, `exit`, or Ctrl-D.
pub fn run(session: &Arc<Session>, screen: &dyn Screen, questions: &Questions) -> Result<()> {
    let mut line = line_editor(session)?;
    let history = history_file().filter(|_| std::io::stdin().is_terminal());
    if let Some(file) = &history {
        // A first session has none.
        let _ = line.load_history(file);
    }
    let pictures = Pictures::new(session.lab_folder().join("figures"));
    let text = |text: String| screen.show(&Shown::Text(text));
    // Inputs may come through a pipe, too; then only answers are written.
    let typed = std::io::stdin().is_terminal();
    if typed {
        text(format!(
            "SpaceEvo {}   help   ?name   %help   Tab completes   Ctrl-C stops   Ctrl-D leaves",
            env!("CARGO_PKG_VERSION")
        ));
    }
    let mut waiting: VecDeque<String> = VecDeque::new();
    let mut prefill = String::new();
    loop {
        let prompt = if typed { format!("[{}] > ", session.next_number()) } else { String::new() };
        let read = match waiting.pop_front() {
            // Typed while the input before was evaluated.
            Some(input) => {
                text(format!("{prompt}{input}"));
                Ok(input)
            }
            None => line.readline_with_initial(&prompt, (&std::mem::take(&mut prefill), "")),
        };
        let input = match read {
            Ok(input) => input,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(unusable(&error)),
        };
        if !input.trim().is_empty() && !input.starts_with(' ') {
            keep(&mut line, history.as_deref(), &input, &text);
        }
        // A terminal may have been resized since.
        session.set_look(Look { columns: screen_columns(), pixels: pictures::PIXELS, forms: &[Form::Png] });
        let front = Front { screen, pictures: &pictures, number: session.next_number() };
        let (then, meanwhile) = answer(session, &front, questions, &input);
        match then {
            Then::Leave => break,
            Then::Prefill(text) => prefill = text,
            Then::Go => {}
        }
        let Meanwhile { lines, rest, leave } = meanwhile;
        waiting.extend(lines);
        prefill.push_str(&rest);
        if leave {
            break;
        }
    }
    Ok(())
}

/// Evaluates an input, with an eye on what is typed meanwhile.
fn answer(session: &Arc<Session>, front: &Front<'_>, questions: &Questions, input: &str) -> (Then, Meanwhile) {
    // Programs that the input starts have the terminal for themselves.
    if input.trim_start().starts_with('!') || input.trim_start().starts_with("%edit") {
        return (session.answer(input, front), Meanwhile::default());
    }
    std::thread::scope(|scope| {
        let work = scope.spawn(|| session.answer(input, front));
        let warn = || {
            let warning = "work is running: Ctrl-C stops it and keeps what is done; Ctrl-D again ends it and leaves";
            front.screen.show(&Shown::Text(warning.into()));
        };
        let meanwhile = wait_for(|| work.is_finished(), questions, warn, || session.interrupt());
        let then = work.join().unwrap_or_else(|_| {
            // Inputs are evaluated on the session's own thread, which survives; this was a command.
            let fault = Fault::new("session::defect", "a defect of the lab: the command gave up", "please report what you did");
            front.screen.show(&Shown::Trouble(Box::new(Trouble::plain(fault))));
            Then::Go
        });
        (then, meanwhile)
    })
}

fn line_editor(session: &Arc<Session>) -> Result<Line> {
    let config = Config::builder()
        .auto_add_history(false)
        .max_history_size(HISTORY)
        .and_then(|config| config.history_ignore_dups(true))
        .map_err(|error| unusable(&error))?
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .completion_prompt_limit(200)
        .tab_stop(4)
        .build();
    let mut editor: Line = Editor::with_config(config).map_err(|error| unusable(&error))?;
    let closing = keys::Closing::default();
    editor.set_helper(Some(PromptHelper::new(session.clone(), Colours::of_terminal(), closing.clone())));
    keys::bind(&mut editor, session, &closing);
    Ok(editor)
}

fn unusable(error: &ReadlineError) -> Fault {
    Fault::new("repl::terminal", format!("cannot read from this terminal: {error}"), "run a script with `spaceevo FILE`")
}

/// Adds an input to the history and its file at once, so that nothing is lost whatever happens.
fn keep(line: &mut Line, file: Option<&Path>, input: &str, say: &impl Fn(String)) {
    let Ok(true) = line.add_history_entry(input) else { return };
    let Some(file) = file else { return };
    let made = file.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(ReadlineError::Io);
    if let Err(error) = made.and_then(|()| line.append_history(file)) {
        say(format!("the history is not kept: {error}"));
    }
}

/// `$XDG_STATE_HOME/spaceevo/history`, by default under `~/.local/state`.
fn history_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("spaceevo/history"))
}

/// Columns of the terminal.
fn screen_columns() -> usize {
    waiting::columns().unwrap_or(80)
}

//! The prompt: reads inputs with completion, history and several lines, and shows what comes of them.

mod helper;

use std::path::{Path, PathBuf};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use crate::base::{Fault, Result};
use crate::runtime::{Input, Session};
use helper::PromptHelper;

/// Where answers go.
pub trait Screen {
    /// A value, help, or news.
    fn show(&self, text: &str);
    /// Why an input failed.
    fn trouble(&self, trouble: &crate::runtime::render::Trouble);
}

/// Reads inputs until the end of the input, `exit`, or Ctrl-D.
pub fn run(session: &Session, screen: &dyn Screen) -> Result<()> {
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stdin());
    let unusable = |error: ReadlineError| Fault::new("repl::terminal", format!("cannot read from this terminal: {error}"), "");
    let config = Config::builder()
        .auto_add_history(true)
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .build();
    let mut editor: Editor<PromptHelper<'_>, FileHistory> = Editor::with_config(config).map_err(unusable)?;
    editor.set_helper(Some(PromptHelper::new(session)));
    let history = terminal.then(history_file).flatten();
    if let Some(file) = &history {
        // A first session has none.
        let _ = editor.load_history(file);
    }
    if terminal {
        screen.show(&format!(
            "SpaceEvo {}. help lists what there is, ?name explains, Tab completes, Ctrl-D leaves.",
            env!("CARGO_PKG_VERSION")
        ));
    }
    let mut number = 1;
    loop {
        match editor.readline(if terminal { "> " } else { "" }) {
            Ok(text) => {
                if !answer(session, screen, &text, &mut number) {
                    break;
                }
            }
            Err(ReadlineError::Interrupted) => screen.show("Ctrl-D leaves"),
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(unusable(error)),
        }
    }
    if let Some(file) = &history
        && let Err(error) = save(&mut editor, file)
    {
        screen.show(&format!("the history was not kept: {error}"));
    }
    Ok(())
}

/// Whether to go on.
fn answer(session: &Session, screen: &dyn Screen, text: &str, number: &mut usize) -> bool {
    let (code, timed) = match Input::read(text) {
        Input::Empty => return true,
        Input::Leave => return false,
        Input::Inspect(name) => {
            match session.inspect(name) {
                Some(page) => screen.show(page.text().trim_end()),
                None => screen.show(&format!("there is no help on `{name}`; help lists what there is")),
            }
            return true;
        }
        Input::Time(code) => (code, true),
        Input::Code(code) => (code, false),
    };
    let outcome = session.eval(code, &format!("[{number}]"));
    *number += 1;
    if let Some(value) = &outcome.value {
        screen.show(value.text().trim_end());
    }
    if let Some(trouble) = &outcome.trouble {
        screen.trouble(trouble);
    }
    if timed {
        screen.show(&format!("took {:.3?}", outcome.took));
    }
    true
}

fn save(editor: &mut Editor<PromptHelper<'_>, FileHistory>, file: &Path) -> std::result::Result<(), String> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    editor.append_history(file).map_err(|error| error.to_string())
}

/// `$XDG_STATE_HOME/spaceevo/history`, by default under `~/.local/state`.
fn history_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("spaceevo/history"))
}

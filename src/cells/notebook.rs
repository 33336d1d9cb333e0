//! Cells that keep a state, on evcxr: it compiles each into a library that a process of its own loads.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Select};
use evcxr::{CommandContext, CompilationError, Error, EvalContext};
use serde_json::{Value, json};
use spaceevo::base::{Fault, Result};
use spaceevo::native::{CellCandidates, CellJob, CellShown, NativeFault};
use spaceevo::worker::News;

use super::serve::Mouth;

/// Keeps compiled crates (`:dep`) for later sessions, in the user's cache folder: at most so many MiB.
const CACHE: &str = ":cache 1024";
/// Begins a line in which a cell's panic is told, in place of a line of output.
const PANIC: &str = "SPACEEVO_PANIC ";
/// Evaluated in every new process: panics come in order with what is printed.
const HOOK: &str = r#"std::panic::set_hook(Box::new(|panic| {
    let line = panic.location().map_or(0, |place| if place.file().ends_with("lib.rs") { place.line() } else { 0 });
    println!("SPACEEVO_PANIC {line} {}", panic.payload_as_str().unwrap_or("it gave no message").replace('\n', "\u{1}"));
}));"#;

/// Runs the cells that another process sends, if this one was started for that; it does not return then. First of all in `main`.
pub fn run_cells_of_another() {
    evcxr::runtime_hook();
}

/// The process in which cells run, for those who must end it.
pub type Handle = Arc<Mutex<Child>>;

/// The state of cells.
pub struct Notebook {
    context: CommandContext,
    folder: PathBuf,
    mouth: Mouth,
    panicked: Arc<Mutex<Option<String>>>,
    /// Whether the process tells its panics.
    hooked: bool,
    /// Held as long as the cache is used.
    _cache: Option<File>,
}

impl Notebook {
    /// Starts with nothing defined. Cells run in the folder `here`.
    pub fn start(here: &Path, mouth: &Mouth) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().map_err(|error| broken(&error.to_string()))?);
        command.current_dir(here);
        let started = EvalContext::with_subprocess_command(command);
        let (context, outputs) = started.map_err(|error| NativeFault::NoToolchain { reason: error.to_string() })?;
        let panicked = Arc::new(Mutex::new(None));
        pass_on(outputs.stdout, mouth.clone(), panicked.clone());
        pass_on(outputs.stderr, mouth.clone(), panicked.clone());
        let folder = std::env::current_dir().map_err(|error| broken(&error.to_string()))?;
        let mut context = CommandContext::with_eval_context(context);
        let cache = lock_cache();
        if cache.is_some() {
            context.execute(CACHE).map_err(|error| broken(&error.to_string()))?;
        }
        Ok(Self { context, folder, mouth: mouth.clone(), panicked, hooked: false, _cache: cache })
    }

    /// The process in which cells run; the handle stays good when it is started anew.
    pub fn handle(&self) -> Handle {
        self.context.process_handle()
    }

    /// Does what is asked.
    pub fn answer(&mut self, job: &CellJob) -> Result<Value> {
        match job {
            CellJob::Run(code) => self.run(code).map(|shown| json!(shown)),
            CellJob::Check(code) => {
                let errors = self.context.check(code).map_err(|error| explain(code, &error))?;
                let errors: Vec<_> = errors.into_iter().filter(|error| error.level() == "error").collect();
                if errors.is_empty() { Ok(Value::Null) } else { Err(report(code, &errors)) }
            }
            CellJob::Complete { code, at } => {
                let found = self.context.completions(code, *at).map_err(|error| broken(&error.to_string()))?;
                let list = found.completions.into_iter().map(|one| (one.code, one.kind.to_owned())).collect();
                Ok(json!(CellCandidates { start: found.start_offset, found: list }))
            }
        }
    }

    fn run(&mut self, code: &str) -> Result<CellShown> {
        if !self.hooked {
            self.context.execute(HOOK).map_err(|error| broken(&error.to_string()))?;
            self.hooked = true;
        }
        self.forget_panic();
        let done = self.context.execute(code);
        if let Err(Error::SubprocessTerminated(how)) = &done {
            // Its process is there again, without what the old one knew.
            self.hooked = false;
            let message = format!("the cell ended the process that it ran in ({})", how.trim());
            let help = "the variables of Rust cells are lost, items are kept; the session goes on";
            return Err(Fault::new("native::died", message, help));
        }
        let shown = done.map_err(|error| explain(code, &error))?;
        if let Some(told) = self.forget_panic() {
            let (line, message) = told.split_once(' ').unwrap_or(("", &told));
            let at = line.parse().ok().and_then(|line| self.line_in(code, line));
            let at = at.map(|line| format!(" at line {line}")).unwrap_or_default();
            let message = format!("the cell panicked{at}: {}", message.replace('\u{1}', "\n"));
            return Err(Fault::new("native::panic", message, "what it did before is kept; the session goes on"));
        }
        Ok(CellShown { forms: shown.content_by_mime_type.into_iter().collect(), library: self.newest() })
    }

    /// The line of the cell that line `line` of what was compiled is, if it is one and unlike all others.
    fn line_in(&self, code: &str, line: usize) -> Option<usize> {
        let source = self.context.last_source().ok()?;
        let text = source.lines().nth(line.checked_sub(1)?)?.trim();
        let mut same = code.lines().enumerate().filter(|(_, own)| own.trim() == text);
        let (at, _) = same.next()?;
        same.next().is_none().then_some(at + 1)
    }

    fn forget_panic(&self) -> Option<String> {
        // While this is held, no line is between the process and the session.
        let _quiet = self.mouth.hold();
        self.panicked.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The library that was made last.
    fn newest(&self) -> Option<PathBuf> {
        let mut newest = None;
        let mut folders = vec![self.folder.join("target")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).ok()?.flatten() {
                let path = entry.path();
                let name = entry.file_name().to_string_lossy().into_owned();
                if path.is_dir() && !matches!(name.as_str(), "build" | "incremental" | ".fingerprint") {
                    folders.push(path);
                } else if name.starts_with("libcode_") {
                    let made = entry.metadata().and_then(|meta| meta.modified()).ok()?;
                    newest = newest.max(Some((made, path)));
                }
            }
        }
        newest.map(|(_, path)| path)
    }
}

/// Takes the user's folder in which evcxr can keep what it compiled, until the file is dropped. Without, cells work all the same:
/// where no such folder can be written, or while another session has it, since evcxr writes there without locks.
fn lock_cache() -> Option<File> {
    let named = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?.join("evcxr");
    std::fs::create_dir_all(&folder).ok()?;
    let lock = File::create(folder.join("spaceevo.lock")).ok()?;
    lock.try_lock().ok()?;
    // Entries that a killed process left with half a counter would fail every cell that asks for them.
    for entry in std::fs::read_dir(&folder).ok()?.flatten() {
        let counted = std::fs::read_to_string(entry.path().join("hits"));
        if counted.is_ok_and(|hits| hits.parse::<u32>().is_err()) {
            std::fs::remove_dir_all(entry.path()).ok()?;
        }
    }
    Some(lock)
}

/// Tells the session every line that comes.
fn pass_on(lines: Receiver<String>, mouth: Mouth, panicked: Arc<Mutex<Option<String>>>) {
    std::thread::spawn(move || {
        loop {
            let mut wait = Select::new();
            wait.recv(&lines);
            wait.ready();
            // Taken and told in one: who holds the mouth next knows that all lines were told that are not in the channel.
            let mut held = mouth.hold();
            match lines.try_recv() {
                Ok(line) => match line.strip_prefix(PANIC) {
                    Some(message) => *panicked.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.to_owned()),
                    None => held.say(&News::Log(line)),
                },
                Err(error) if error.is_disconnected() => break,
                Err(_) => {}
            }
        }
    });
}

fn broken(reason: &str) -> Fault {
    Fault::new("native::cells", format!("Rust cells do not work here: {reason}"), "")
}

fn explain(code: &str, error: &Error) -> Fault {
    match error {
        Error::CompilationErrors(errors) => report(code, errors),
        other => Fault::new("native::cell", other.to_string(), ""),
    }
}

/// What the compiler says, with marks in the cell's own lines.
fn report(code: &str, errors: &[CompilationError]) -> Fault {
    let one = |error: &CompilationError| {
        let name = error.code().map(|code| format!("[{code}]")).unwrap_or_default();
        let mut text = format!("error{name}: {}", error.message().trim_start_matches("error: "));
        let mut messages: Vec<_> = error.spanned_messages().iter().collect();
        messages.sort_by_key(|message| !message.is_primary);
        for message in messages {
            let Some(span) = message.span else { continue };
            let line = code.lines().nth(span.start_line - 1).unwrap_or_default();
            let to = if span.end_line == span.start_line { span.end_column } else { line.chars().count() + 1 };
            let mark = if message.is_primary { "^" } else { "-" }.repeat(to.saturating_sub(span.start_column).max(1));
            let (number, lead) = (span.start_line, " ".repeat(span.start_column.saturating_sub(1)));
            let gutter = " ".repeat(number.to_string().len());
            text.push_str(&format!(
                "\n{gutter}--> cell:{number}:{}\n{number} | {line}\n{gutter} | {lead}{mark} {}",
                span.start_column,
                message.label.trim().trim_start_matches(&format!("error: {}", error.message()))
            ));
        }
        for help in error.help() {
            // Some end with what to write, on a line of its own.
            let lines: Vec<_> = help.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            text.push_str(&format!("\nhelp: {}", lines.join(": ")));
        }
        text
    };
    NativeFault::Compile { report: errors.iter().map(one).collect::<Vec<_>>().join("\n\n") }.into()
}
